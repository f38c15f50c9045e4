"""Campaigns and their conversations, as far as opting out concerns them. The texting platform writes them."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Final

import sqlalchemy as sa

from store.database import Database
from store.e164 import require_e164
from store.erased import erased_among, require_not_erased
from store.errors import StoreError
from store.idempotency import is_repeated, result_of, set_result
from store.models import campaigns, conversations
from store.optouts import opted_out_among
from store.records import Conversation
from store.rows import CONVERSATIONS, read_conversations
from store.texts import keepable

# Conversations that one call takes: some tenths of a second, in which nobody else changes the account's list.
MOST_CONVERSATIONS: Final = 10_000
_OUT: Final = "opted out"


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign, by the *id* that the texting platform has for it. *active*: its opted-out conversations may re-open."""

    id: str
    name: str
    active: bool


@dataclass(frozen=True, slots=True)
class CampaignPut:
    """The outcome of putting a campaign, which is *campaign* now; *before*: as it was, None for one that was not known."""

    campaign: Campaign
    before: Campaign | None

    @property
    def changed(self) -> bool:
        return self.campaign != self.before


@dataclass(frozen=True, slots=True)
class ConversationsPut:
    """
    The outcome of putting conversations, a number each: those made, those that are otherwise now, and those that are as they were.

    The three are all of the call's, of each contact the last. *opted_out*: those of them that are opted out now, since their
    phone is or, in one that was the *same*, was when they were opted out.
    """

    new: int
    changed: int
    same: int
    opted_out: int


class Campaigns:
    """The verbs on campaigns and conversations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(
        self, account: int, campaign: str, name: str, active: bool, *, idempotency_key: str | None = None
    ) -> CampaignPut:
        """
        Make a campaign, or change its name and whether it is active.

        *idempotency_key*: names the request where it may come twice; the second time it has the outcome of the first, and
        nothing is changed, whatever was since. Raises `KeyReused` where it named another request.
        """
        now = Campaign(keepable(campaign), keepable(name), active)
        values = {"name": now.name, "active": now.active}
        statement = self._database.insert(campaigns).values(account_id=account, id=now.id, **values)
        with self._database.write() as connection:
            self._database.lock_account(connection, account)
            if is_repeated(self._database, connection, account, idempotency_key, "put campaign", *astuple(now)):
                known = result_of(connection, account, idempotency_key)["before"]
                return CampaignPut(now, known and Campaign(**known))
            before = _find(connection, account, now.id)
            set_result(connection, account, idempotency_key, {"before": before and asdict(before)})
            if now != before:
                connection.execute(statement.on_conflict_do_update(index_elements=["account_id", "id"], set_=values))
            return CampaignPut(now, before)

    def finish(self, account: int, campaign: str) -> CampaignPut:
        """End a campaign: its conversations stay as they are, and none re-opens. `StoreError` when there is none of that id."""
        with self._database.write() as connection:
            self._database.lock_account(connection, account)
            before = _get(connection, account, campaign)
            connection.execute(sa.update(campaigns).where(*_is(account, campaign)).values(active=False))
            return CampaignPut(Campaign(before.id, before.name, active=False), before)

    def get(self, account: int, campaign: str) -> Campaign:
        """The campaign of that id. `StoreError` when there is none."""
        with self._database.read() as connection:
            return _get(connection, account, campaign)

    def list(self, account: int, *, after: str = "", limit: int = 100) -> tuple[Campaign, ...]:
        """The next *limit* campaigns whose id comes after *after*, by id as the database sorts it; "" is before all."""
        query = sa.select(campaigns).where(campaigns.c.account_id == account, campaigns.c.id > after)
        with self._database.read() as connection:
            found = connection.execute(query.order_by(campaigns.c.id).limit(limit)).mappings()
            return tuple(Campaign(row["id"], row["name"], row["active"]) for row in found)

    def put_conversation(self, account: int, campaign: str, contact: str, phone: str) -> Conversation:
        """Make the conversation with *contact* in a campaign, or change its phone, as `put_conversations` does for many."""
        require_e164([phone])
        campaign, contact = keepable(campaign), keepable(contact)
        with self._database.write() as connection:
            require_not_erased(connection, account, [phone])
            self._put(connection, account, campaign, {contact: phone})
            mine = conversations.c.campaign_id == campaign, conversations.c.contact == contact
            query = CONVERSATIONS.where(conversations.c.account_id == account, *mine)
            return read_conversations(connection, query)[0]

    def put_conversations(
        self, account: int, campaign: str, talks: Sequence[tuple[str, str]], *, idempotency_key: str | None = None
    ) -> ConversationsPut:
        """
        Make the conversations *talks*, (contact, phone) each, in a campaign, or change their phones; all of them, or none.

        One is opted out at once when its phone is, and not kept when that was erased; otherwise a known one with the same phone stays as it is, so that the same
        call again changes nothing. Of a contact that comes twice the last counts. *idempotency_key* as in `put`.
        Raises `NotE164`, and `StoreError` for more than `MOST_CONVERSATIONS` or a campaign that was never put.
        """
        if len(talks) > MOST_CONVERSATIONS:
            raise StoreError(
                f"{len(talks):,} conversations are more than the {MOST_CONVERSATIONS:,} that go in one call, so nothing was "
                "changed. Send them in several."
            )
        require_e164([phone for _, phone in talks])
        with self._database.write() as connection:
            if is_repeated(self._database, connection, account, idempotency_key, "put conversations", campaign, talks):
                return ConversationsPut(**result_of(connection, account, idempotency_key))
            put = self._put(connection, account, keepable(campaign), {keepable(who): phone for who, phone in talks})
            set_result(connection, account, idempotency_key, asdict(put))
            return put

    def _put(self, connection: sa.Connection, account: int, campaign: str, phones: dict[str, str]) -> ConversationsPut:
        # Else a phone could be opted out between the look and the insert, and its conversation stay open.
        self._database.lock_account(connection, account)
        _get(connection, account, campaign)
        known = self._known(connection, account, campaign, phones)
        asked = sorted(set(phones.values()))
        out = opted_out_among(connection, account, asked)
        erased = erased_among(connection, account, asked)
        rows: list[tuple[str, str, str]] = []
        otherwise: list[str] = []
        opted_out = new = 0
        for contact, phone in phones.items():
            before = known.get(contact)
            same_phone = before is not None and before[0] == phone
            state = _OUT if phone in out else before[1] if before is not None and same_phone else "open"
            opted_out += state == _OUT
            if before == (phone, state):
                continue
            if before is not None:
                otherwise.append(contact)
            if phone not in erased:  # of whom nothing is kept, so that what is known of the contact goes
                rows.append((contact, phone, state))
                new += before is None
        # By the bulk paths: to take away what is otherwise and write it anew is faster than to change row by row.
        if otherwise:
            mine = conversations.c.account_id == account, conversations.c.campaign_id == campaign
            these = self._database.among(conversations.c.contact, sorted(otherwise))
            connection.execute(sa.delete(conversations).where(*mine, these))
        columns = ("account_id", "campaign_id", "contact", "phone", "state")
        self._database.insert_rows(
            connection, conversations, columns, [(account, campaign, *row) for row in sorted(rows)]
        )
        return ConversationsPut(new, len(otherwise), len(phones) - new - len(otherwise), opted_out)

    def _known(
        self, connection: sa.Connection, account: int, campaign: str, contacts: Iterable[str]
    ) -> dict[str, tuple[str, str]]:
        """The phone and the state of those conversations with *contacts* that there are, by contact."""
        query = sa.select(conversations.c.contact, conversations.c.phone, conversations.c.state)
        query = query.where(conversations.c.account_id == account, conversations.c.campaign_id == campaign)
        query = query.where(self._database.among(conversations.c.contact, sorted(contacts)))
        return {contact: (phone, state) for contact, phone, state in connection.execute(query)}


def _is(account: int, campaign: str) -> tuple[sa.ColumnElement[bool], ...]:
    return campaigns.c.account_id == account, campaigns.c.id == campaign


def _find(connection: sa.Connection, account: int, campaign: str) -> Campaign | None:
    row = connection.execute(sa.select(campaigns).where(*_is(account, campaign))).mappings().one_or_none()
    return None if row is None else Campaign(row["id"], row["name"], row["active"])


def _get(connection: sa.Connection, account: int, campaign: str) -> Campaign:
    found = _find(connection, account, campaign)
    if found is None:
        raise StoreError(
            f"There is no campaign {campaign[:80]!r} here, so nothing was changed. Put the campaign first."
        )
    return found
