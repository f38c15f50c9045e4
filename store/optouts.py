"""
Opt-outs: the reasons not to text a phone.

Every verb that changes what stands locks the account first, so that of two who opt out one phone at once exactly one
is told "newly", and `accounts.opted_out` is always the number of phones a fresh count finds. It ends by telling the feed,
`store.changes.write_change`, which counts them too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from store.allowing import rule_of, says_why
from store.changes import write_change, write_changes
from store.database import Database
from store.dialects import among_bound
from store.e164 import require_e164
from store.erased import SOME_HASHES, bring_back, erased_among, erased_opt_outs, met
from store.errors import NoAccount
from store.idempotency import is_known, is_repeated, result_of, set_result
from store.models import accounts, campaigns, conversations, entries, entry_phones, opt_outs, replies
from store.notes import Function
from store.records import Added, AllowRule, Conversation, Deleted, Entry, OptOut, Origin, PhoneState
from store.rows import CONVERSATIONS, entries_of, entry_of, new_entries, new_entry, read_conversations, read_opt_outs
from store.waiting_replies import settle_starts

# Of the rows of a range, for each phone that is looked for in it, before looking each phone up is the faster way.
MOST_ROWS_A_PHONE = 2


@dataclass(frozen=True, slots=True)
class Checked:
    """Which of the phones that were asked about are *opted_out*. *as_of*: the newest change of `store.changes` seen in it."""

    as_of: int
    opted_out: frozenset[str]


class OptOuts:
    """The verbs on opt-outs: add, find, delete, count."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        account: int,
        phones: Sequence[str],
        by: Origin,
        *,
        idempotency_key: str | None = None,
        asked: str | None = None,
    ) -> tuple[Added, ...]:
        """
        Opt *phones* (E.164) out by one entry and mark their conversations; one answer a distinct phone, in order.

        A phone that is out already gets one more reason. *idempotency_key*: names the request where it may come twice; the
        second time nothing is done, and what was done the first time is answered. *asked*: a digest of the whole request,
        where its sender promised that the same key is the same request; `KeyReused` when it is not. Raises `NotE164`, as
        every verb that takes phones does, when one of them is not.
        """
        require_e164(phones)
        phones = tuple(dict.fromkeys(phones))
        with self._database.write() as connection:
            if not phones:
                return ()
            request = _request("add", by.function, asked)
            if is_repeated(self._database, connection, account, idempotency_key, *request):
                return self._added_before(connection, account, idempotency_key, phones)
            added = opt_out_by(self._database, connection, account, phones, by)
            set_result(connection, account, idempotency_key, {"entry": added[0].entry.id})
            return added

    def _added_before(
        self, connection: sa.Connection, account: int, key: str | None, asked: Sequence[str]
    ) -> tuple[Added, ...]:
        """What `add` answered when it was *asked* by *key* for the first time; of those that were erased since, that they were."""
        entry: int | None = result_of(connection, account, key).get("entry")
        if entry is None:
            return ()
        erased = erased_opt_outs(connection, account, asked)
        touched = sa.select(entry_phones.c.phone).where(
            entry_phones.c.account_id == account, entry_phones.c.entry_id == entry
        )
        phones = connection.execute(touched).scalars().all()
        made = _oldest(self._database, connection, account, phones, opt_outs.c.entry_id == entry)
        lifted_later = opt_outs.c.lifted_by.is_(None) | (opt_outs.c.lifted_by > entry)
        before = _oldest(self._database, connection, account, phones, opt_outs.c.entry_id < entry, lifted_later)
        return (
            *(Added(phone, made[phone].entry, before.get(phone)) for phone in phones),
            *(Added(phone, opt_out.entry, opt_out) for phone, opt_out in erased.items()),
        )

    def find(self, account: int, phone: str) -> PhoneState:
        """All that is known of *phone*; a phone never heard of has an empty state."""
        return self.find_many(account, [phone])[phone]

    def find_many(self, account: int, phones: Sequence[str]) -> dict[str, PhoneState]:
        """The state of each of *phones*, in their order."""
        require_e164(phones)
        with self._database.read() as connection:
            return read_states(connection, account, phones)

    def look_up(self, account: int, phones: Sequence[str]) -> tuple[int, dict[str, PhoneState]]:
        """The newest change of the account's list, and the state of each of *phones*, which has at least that one in it."""
        require_e164(phones)
        with self._database.read() as connection:
            head = connection.execute(_HEAD, {"account": account}).scalar_one()
            return head, read_states(connection, account, phones)

    def check(self, account: int, phones: Sequence[str]) -> Checked:
        """Which of *phones* (E.164, any number of them) are opted out, and nothing else that `find_many` tells."""
        require_e164(phones)
        told: dict[Any, Any] = dict(self._database.look(_CHECK, {"account": account, "phones": phones}))
        if None not in told:
            raise NoAccount(account)
        as_of = told.pop(None)
        hashes = {text: check for text, check in told.items() if check is not None}
        if not hashes:
            return Checked(as_of, frozenset(told))
        erased = met(self._database.erase_key, account, phones, hashes)
        if erased is None:
            with self._database.read() as connection:
                erased = frozenset(erased_among(connection, account, phones))
        return Checked(as_of, frozenset(told.keys() - hashes.keys()) | erased)

    def delete(
        self,
        account: int,
        phone: str,
        by: Origin,
        *,
        last_entry: int | None = None,
        most: AllowRule = AllowRule.REASON,
        idempotency_key: str | None = None,
        asked: str | None = None,
    ) -> Deleted:
        """
        Allow texts to *phone* again: lift all its opt-outs by one entry, and re-open its conversations in active campaigns.

        *last_entry*: the `PhoneState.last_entry` the person decided on; when the phone was opted out again after it, nothing
        is lifted. Nor is it where `store.allowing.rule_of` asks for a reason that *by* has not, or for a second admin:
        see `store.allow_requests`; nor ever where that rule is stricter than *most*. Nothing standing, nothing written.
        *idempotency_key* and *asked* as in `add`; what was refused is judged anew.
        """
        require_e164([phone])
        request = _request("delete", by.function, asked)
        with self._database.write() as connection:
            self._database.lock_account(connection, account)
            state = read_states(connection, account, [phone])[phone]
            if is_known(connection, account, idempotency_key):
                is_repeated(self._database, connection, account, idempotency_key, *request)
                return _deleted_before(state, result_of(connection, account, idempotency_key))
            if opted_out_since(state, last_entry):
                return Deleted(phone, (), (), state, changed=True)
            rule = rule_of(state.standing)
            if rule > most or (rule is AllowRule.REASON and not says_why(by.reason)):
                return Deleted(phone, (), (), state, missing=rule)
            is_repeated(self._database, connection, account, idempotency_key, *request)
            if not state.opted_out:
                return Deleted(phone, (), (), state)
            deleted = allow_texts(connection, account, state, by)
            reopened = [astuple(conversation) for conversation in deleted.reopened]
            set_result(connection, account, idempotency_key, {"entry": deleted.entry, "reopened": reopened})
            return deleted

    def count(self, account: int) -> int:
        """The number of phones that are opted out, as kept with every change."""
        with self._database.read() as connection:
            query = sa.select(accounts.c.opted_out).where(accounts.c.id == account)
            return int(connection.execute(query).scalar_one())

    def recount(self, account: int) -> int:
        """The number of phones that are opted out, counted afresh; reads all of the account's opt-outs."""
        query = sa.select(sa.func.count(opt_outs.c.phone.distinct()))
        with self._database.read() as connection:
            return connection.execute(
                query.where(opt_outs.c.account_id == account, opt_outs.c.lifted_by.is_(None))
            ).scalar_one()


def opt_out_by(
    database: Database, connection: sa.Connection, account: int, phones: Sequence[str], by: Origin
) -> tuple[Added, ...]:
    """
    Opt *phones*, which are E.164, distinct and not none, out by one new entry, as `OptOuts.add` does.

    Of those that were erased nothing is written: they are out by the entry that erased them.
    """
    erased = erased_opt_outs(connection, account, phones)
    written = sorted(phone for phone in phones if phone not in erased)
    if not written:
        return tuple(Added(phone, erased[phone].entry, erased[phone]) for phone in phones)
    entry = new_entry(connection, account, by, phones=written)
    before = _write_opt_outs(database, connection, account, dict.fromkeys(written, entry.id))
    write_change(connection, account, entry.id, written, opted_out=len(written) - len(before))
    before |= erased
    return tuple(Added(phone, entry, before.get(phone)) for phone in phones)


def opt_out_each(
    database: Database, connection: sa.Connection, account: int, asked: Sequence[tuple[str, Origin]]
) -> tuple[Added, ...]:
    """As `opt_out_by`, each of the phones *asked*, none of which was erased, by an entry of its own; in as many statements as for one."""
    made = new_entries(connection, account, [(by, [phone]) for phone, by in asked])
    by_phone = {phone: entry for (phone, _by), entry in zip(asked, made, strict=True)}
    before = _write_opt_outs(
        database, connection, account, {phone: entry.id for phone, entry in sorted(by_phone.items())}
    )
    told = [(entry.id, phone) for phone, entry in by_phone.items()]
    write_changes(connection, account, told, opted_out=len(told) - len(before))
    return tuple(Added(phone, entry, before.get(phone)) for phone, entry in by_phone.items())


def _write_opt_outs(
    database: Database, connection: sa.Connection, account: int, entry_by_phone: Mapping[str, int]
) -> dict[str, OptOut]:
    """Opt out the phones of *entry_by_phone*, which are sorted, by the entry of each; the oldest opt-out of those that were out before."""
    phones = list(entry_by_phone)
    asked = {"account": account, "phones": phones}
    before = {opt_out.phone: opt_out for opt_out in read_opt_outs(connection, account, _STANDING, asked)}
    rows = [{"account_id": account, "phone": phone, "entry_id": entry} for phone, entry in entry_by_phone.items()]
    connection.execute(_NEW, rows)
    mark_conversations(database, connection, account, phones)
    return before


def _oldest(
    database: Database,
    connection: sa.Connection,
    account: int,
    phones: Sequence[str],
    *where: sa.ColumnElement[bool],
) -> dict[str, OptOut]:
    """The oldest opt-out *where* of each of *phones* that has any."""
    query = (
        sa.select(opt_outs)
        .where(opt_outs.c.account_id == account, *where)
        .where(database.among(opt_outs.c.phone, phones))
        .order_by(opt_outs.c.entry_id.desc())
    )
    return {opt_out.phone: opt_out for opt_out in read_opt_outs(connection, account, query)}


def _request(verb: str, function: str, asked: str | None) -> tuple[str, ...]:
    """What an idempotency key stands for. Slack sends one request with one key, whatever is read in its words the second time."""
    return (verb, function) if asked is None else (verb, function, asked)


def _deleted_before(state: PhoneState, result: dict[str, Any]) -> Deleted:
    """What `delete` answered when it was asked by the key of *result* for the first time; *state* is that of now."""
    entry = result.get("entry")
    lifted = tuple(o for o in state.opt_outs if entry is not None and o.lifted is not None and o.lifted.id == entry)
    return Deleted(state.phone, lifted, tuple(Conversation(*one) for one in result.get("reopened", ())), state)


# Statements that are made once: to make one anew takes several times as long as the database does.

_ACCOUNT: Final[sa.BindParameter[int]] = sa.bindparam("account")
_HEAD: Final = sa.select(accounts.c.last_change).where(accounts.c.id == _ACCOUNT)
_OPT_OUTS: Final = (
    sa.select(opt_outs)
    .where(opt_outs.c.account_id == _ACCOUNT, among_bound(opt_outs.c.phone, "phones"))
    .order_by(opt_outs.c.entry_id.desc())
)
_STANDING: Final = _OPT_OUTS.where(opt_outs.c.lifted_by.is_(None))
_OUT: Final = (
    sa.select(opt_outs.c.phone)
    .distinct()
    .where(opt_outs.c.account_id == _ACCOUNT, opt_outs.c.lifted_by.is_(None), among_bound(opt_outs.c.phone, "phones"))
)
_NEW: Final = sa.insert(opt_outs)
_OPEN: Final = (
    sa.select(sa.literal(1))
    .where(conversations.c.account_id == _ACCOUNT, conversations.c.state == "open")
    .where(conversations.c.phone >= sa.bindparam("first"), conversations.c.phone <= sa.bindparam("last"))
    .limit(1)
)
_CONVERSATIONS: Final = CONVERSATIONS.where(
    conversations.c.account_id == _ACCOUNT, among_bound(conversations.c.phone, "phones")
)
_REMARKS: Final = (
    entries_of(_ACCOUNT)
    .join(
        entry_phones,
        sa.and_(entry_phones.c.account_id == entries.c.account_id, entry_phones.c.entry_id == entries.c.id),
    )
    .add_columns(entry_phones.c.phone)
    .where(entry_phones.c.account_id == _ACCOUNT, among_bound(entry_phones.c.phone, "phones"))
    .where(entries.c.function == Function.REMARK)
    .order_by(entries.c.id.desc())
)
# One statement is one look at the list.
_CHECK: Final = sa.union_all(
    sa.select(sa.null(), accounts.c.last_change).where(accounts.c.id == _ACCOUNT),
    sa.select(opt_outs.c.phone, sa.null()).where(
        opt_outs.c.account_id == _ACCOUNT, opt_outs.c.lifted_by.is_(None), among_bound(opt_outs.c.phone, "phones")
    ),
    SOME_HASHES,
)


def read_states(connection: sa.Connection, account: int, phones: Sequence[str]) -> dict[str, PhoneState]:
    """The state of each of *phones*, in their order."""
    asked = {"account": account, "phones": phones}
    reasons: dict[str, list[OptOut]] = {phone: [] for phone in phones}
    for opt_out in read_opt_outs(connection, account, _OPT_OUTS, asked):
        reasons[opt_out.phone].append(opt_out)
    for phone, opt_out in erased_opt_outs(connection, account, phones).items():
        reasons[phone].append(opt_out)
    talks: dict[str, list[Conversation]] = {phone: [] for phone in phones}
    for conversation in read_conversations(connection, _CONVERSATIONS, asked):
        talks[conversation.phone].append(conversation)
    said: dict[str, list[Entry]] = {phone: [] for phone in phones}
    for remark in connection.execute(_REMARKS, asked).mappings():
        said[remark["phone"]].append(entry_of(remark))
    return {
        phone: PhoneState(phone, tuple(reasons[phone]), tuple(talks[phone]), tuple(said[phone])) for phone in reasons
    }


def opted_out_since(state: PhoneState, last_entry: int | None) -> bool:
    """Whether the phone was opted out again after *last_entry*, which somebody decided on; None: on whatever there is."""
    return last_entry is not None and any(opt_out.entry.id > last_entry for opt_out in state.standing)


def allow_texts(
    connection: sa.Connection,
    account: int,
    state: PhoneState,
    by: Origin,
    *,
    lifted: Sequence[OptOut] | None = None,
) -> Deleted:
    """
    Lift what stands in *state*, which was read under the account's lock: the caller has looked at the rule.

    *lifted*: those of what stands that alone are lifted; the phone stays out while any other is left.
    """
    phone = state.phone
    lifted = state.standing if lifted is None else lifted
    is_in = len(lifted) == len(state.standing)
    closed = [c for c in state.conversations if is_in and c.active and c.opted_out]
    by = replace(by, function=Function.DELETE)
    was_erased = bring_back(connection, account, phone)
    entry = new_entry(connection, account, by, phones=[phone], reopened=closed)
    connection.execute(
        sa.update(opt_outs)
        .where(opt_outs.c.account_id == account, opt_outs.c.phone == phone, opt_outs.c.lifted_by.is_(None))
        .where(opt_outs.c.entry_id.in_([opt_out.entry.id for opt_out in lifted]))
        .values(lifted_by=entry.id)
    )
    write_change(connection, account, entry.id, [phone], opted_out=-1 if is_in and not was_erased else 0)
    reopened = {(c.campaign_id, c.contact) for c in closed}
    if is_in:
        _reopen_conversations(connection, account, phone)
        settle_starts(connection, account, entry.id, replies.c.phone == phone)
    after = read_states(connection, account, [phone])[phone]
    return Deleted(
        phone,
        tuple(o for o in after.opt_outs if o.lifted is not None and o.lifted.id == entry.id),
        tuple(c for c in after.conversations if (c.campaign_id, c.contact) in reopened),
        after,
    )


# For uploads too, inside their transactions.


def opted_out_among(connection: sa.Connection, account: int, phones: Sequence[str]) -> set[str]:
    """Those of *phones* that are opted out, erased ones too."""
    out = connection.execute(_OUT, {"account": account, "phones": phones}).scalars()
    return set(out).union(erased_among(connection, account, phones))


class Counted(NamedTuple):
    """The *number* of phones that were met. *near*: hardly any other rows lie between the first and the last of them."""

    number: int
    near: bool


def count_standing(
    database: Database,
    connection: sa.Connection,
    account: int,
    phones: Sequence[str],
    standing: sa.ColumnElement[bool] | None = None,
) -> Counted:
    """How many of *phones*, which are sorted and distinct, are opted out; *standing*: by what opt-outs, if not those of now."""
    standing = opt_outs.c.lifted_by.is_(None) if standing is None else standing
    return count_phones(database, connection, opt_outs.c.phone, phones, opt_outs.c.account_id == account, standing)


def count_phones(
    database: Database,
    connection: sa.Connection,
    column: sa.ColumnElement[str],
    phones: Sequence[str],
    *where: sa.ColumnElement[bool],
) -> Counted:
    """
    How many of *phones*, which are sorted and distinct, are in *column* of a row *where*.

    A batch of a long list meets about as many rows as it has phones between its first and its last: to read them is
    several times as fast as to look each phone up, which is left for a batch that spans far more (docs/benchmarks.md).
    """
    if not phones:
        return Counted(0, near=True)
    near = MOST_ROWS_A_PHONE * len(phones)
    between = sa.select(column).where(*where, column >= phones[0], column <= phones[-1]).limit(near + 1).subquery()
    # As one string: a row of the result for each would take longer than the looking up.
    found = connection.execute(sa.select(sa.func.aggregate_strings(between.c[0], " "))).scalar_one()
    met = found.split(" ") if found else []
    if len(met) <= near:
        return Counted(len(set(met).intersection(phones)), near=True)
    count = sa.select(sa.func.count(column.distinct())).where(*where, database.among(column, phones))
    return Counted(connection.execute(count).scalar_one(), near=False)


def mark_conversations(database: Database, connection: sa.Connection, account: int, phones: Sequence[str]) -> None:
    """Mark the open conversations with *phones*, which are sorted, opted out."""
    if not phones:
        return
    between = {"account": account, "first": phones[0], "last": phones[-1]}
    if connection.execute(_OPEN, between).first() is not None:
        where = conversations.c.account_id == account, conversations.c.state == "open"
        connection.execute(
            sa.update(conversations)
            .where(*where, database.among(conversations.c.phone, phones))
            .values(state="opted out")
        )


def any_between(
    connection: sa.Connection, column: sa.ColumnElement[str], first: str, last: str, *where: sa.ColumnElement[bool]
) -> bool:
    """
    Is there a row *where* whose phone lies between *first* and *last*?

    One look instead of one for each phone, which is all that most batches of a long list need.
    """
    query = sa.select(sa.literal(1)).where(*where, column >= first, column <= last).limit(1)
    return connection.execute(query).first() is not None


def _reopen_conversations(connection: sa.Connection, account: int, phone: str) -> None:
    """Re-open the opted-out conversations with *phone* in active campaigns."""
    active = sa.select(campaigns.c.id).where(campaigns.c.account_id == account, campaigns.c.active)
    connection.execute(
        sa.update(conversations)
        .where(conversations.c.account_id == account, conversations.c.phone == phone)
        .where(conversations.c.state == "opted out", conversations.c.campaign_id.in_(active))
        .values(state="open")
    )
