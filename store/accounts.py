"""Accounts: one Slack workspace or Enterprise Grid organisation each."""

import dataclasses
from collections.abc import Mapping
from enum import Enum
from typing import Final

import sqlalchemy as sa

from store.amounts import bytes_words, days_words
from store.database import Database
from store.errors import NoAccount, StoreError, WrongState
from store.idempotency import is_repeated
from store.models import accounts
from store.records import Account, AccountSettings, Origin
from store.replies.wording import Wording, added_words
from store.rows import account_of, new_setting


class Keep(Enum):
    """A sentinel: the setting is left as it is, where None would mean "not set"."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP


class Accounts:
    """The verbs on accounts and their settings."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get_or_create(
        self, slack_id: str, name: str | None = None, *, fallback: str | None = None, country: str | None = None
    ) -> Account:
        """
        The account of a Slack team or enterprise id, renamed if *name* is given and new.

        *fallback*: what one that is made now is called while nobody knows its name; without it, by its id.
        One that is made now starts with *country* as its default; an existing one keeps what its admins have set.
        """
        account = self.find(slack_id)
        if account is not None and name in (None, account.name):
            return account
        with self._database.write() as connection:
            statement = self._database.insert(accounts).values(
                slack_id=slack_id, name=name or fallback or slack_id, country=country, settings={}
            )
            new_name = sa.func.coalesce(sa.cast(name, sa.Text), accounts.c.name)
            statement = statement.on_conflict_do_update(index_elements=["slack_id"], set_={"name": new_name})
            return account_of(connection.execute(statement.returning(accounts)).mappings().one())

    def find(self, slack_id: str) -> Account | None:
        """The account of a Slack team or enterprise id."""
        with self._database.read() as connection:
            query = sa.select(accounts).where(accounts.c.slack_id == slack_id)
            row = connection.execute(query).mappings().one_or_none()
            return None if row is None else account_of(row)

    def list(self, limit: int = 100) -> tuple[Account, ...]:
        """The first *limit* accounts, in the order in which they were made."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(accounts).order_by(accounts.c.id).limit(limit)).mappings()
            return tuple(account_of(row) for row in rows)

    def get(self, account: int) -> Account:
        """The account of that id. Raises `StoreError` when there is none."""
        with self._database.read() as connection:
            return _get(connection, account)

    def set_country(
        self, account: int, country: str | None, by: Origin, *, idempotency_key: str | None = None
    ) -> Account:
        """Set the region code (ISO 3166, two letters) for phones that name no country; None: no default. See `change`."""
        return self.change(account, by, country=country, idempotency_key=idempotency_key)[0]

    def change(
        self,
        account: int,
        by: Origin,
        *,
        country: str | Keep | None = KEEP,
        settings: AccountSettings | None = None,
        fingerprint: str | None = None,
        names: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> tuple[Account, tuple[str, ...]]:
        """
        Set the country, the settings, or both; the account as it is then, and a sentence for each that is another now.

        Each of these is an entry of function "setting" with the sentence as its reason; nothing changed, nothing written.
        *fingerprint*: the `Account.fingerprint` of the form it was decided in. Raises `WrongState` when somebody else
        changed something since, and `StoreError` for a value that cannot be. *names*: of people, groups and channels, which the
        sentences say in place of their ids. *idempotency_key*: names the request where it may come twice; the second time nothing is changed, whatever was since.
        """
        with self._database.write() as connection:
            self._database.lock_account(connection, account)
            before = _get(connection, account)
            if is_repeated(self._database, connection, account, idempotency_key, "change"):
                return before, ()
            if fingerprint not in (None, before.fingerprint):
                raise WrongState("Somebody else changed the settings since this form was opened. Open it again.")
            after = before.settings if settings is None else settings
            _check(after)
            region = before.country if isinstance(country, Keep) else country
            changes = [
                *_country_changes(before.country, region),
                *_setting_changes(before.settings, after, names or {}),
            ]
            for change in changes:
                reason = "; ".join(text for text in (change, by.reason) if text)
                new_setting(connection, account, by, reason)
            if changes:
                values = {"country": region, "settings": dataclasses.asdict(after)}
                connection.execute(sa.update(accounts).where(accounts.c.id == account).values(**values))
            return _get(connection, account), tuple(changes)


_CHOICES: Final = {
    "support": ("everyone", "groups", "nobody"),
    "elsewhere": ("ask", "leave"),
    "ask": ("always", "doubts", "never"),
    "numbers": ("full", "masked"),
    "lookups": ("channel", "asker"),
    "exports": ("admins", "nobody"),
    "steps": ("ask", "add"),
}
_CHANGED: Final = {
    "admins": "admins besides the workspace's own are {}",
    "admin_groups": "groups whose members are admins are {}",
    "support": "support is {}",
    "support_groups": "groups whose members are support are {}",
    "uploads_channels": "channels in which a dropped list is taken up are {}",
    "elsewhere": "who drops a list in another channel, without a mention, is asked about it: {}",
    "ask": "before a list is applied, the desk asks: {}",
    "undo_days": "an upload can be undone for {}",
    "max_list_bytes": "the largest list has {}",
    "numbers": "numbers in public channels are {}",
    "lookups": "look-ups are answered {}",
    "exports": "who may export: {}",
    "steps": "a step of a workflow that opts out {}",
    "digest_channel": "channel of the weekly digest: {}",
    "waiting_channel": "where lists that wait for a yes are told: {}",
    "replies_channel": "where replies that wait for a decision are shown: {}",
    "out_words": "replies that opt out, besides those that always do: {}",
    "in_words": "replies that allow texts again, besides those that always do: {}",
}


def _check(settings: AccountSettings) -> None:
    for name, choices in _CHOICES.items():
        if getattr(settings, name) not in choices:
            raise StoreError(f"{name} can be {', '.join(choices)}, not {getattr(settings, name)}.")
    if settings.support == "groups" and not settings.support_groups:
        raise StoreError(
            "Support are the members of groups, and no group is chosen: nobody but admins could add a number."
        )
    if settings.undo_days is not None and not 0 <= settings.undo_days <= 3650:
        raise StoreError("Days for which an upload can be undone are a number from 0 to 3650.")
    if settings.max_list_bytes is not None and settings.max_list_bytes < 1:
        raise StoreError("The size of the largest list is a number above zero.")
    for kind, words in ((Wording.OUT, settings.out_words), (Wording.IN, settings.in_words)):
        if added_words(words, kind) != words:
            raise StoreError("A word of an account's own is kept as replies are compared: small, and each once.")
    if both := set(settings.out_words) & set(settings.in_words):
        raise StoreError(f"'{min(both)}' cannot opt out and allow texts again: choose one.")


def _country_changes(before: str | None, after: str | None) -> list[str]:
    if before == after:
        return []
    return [f"default country is {after}" if after else "no default country"]


def _setting_changes(before: AccountSettings, after: AccountSettings, names: Mapping[str, str]) -> list[str]:
    changes = []
    for name, sentence in _CHANGED.items():
        value = getattr(after, name)
        if value != getattr(before, name):
            changes.append(sentence.format(_shown(name, value, names)))
    return changes


def _shown(name: str, value: object, names: Mapping[str, str]) -> str:
    """The *value* of the setting *name* as people say it."""
    match name, value:
        case "undo_days", int() | float():
            return days_words(value)
        case "undo_days" | "max_list_bytes", None:
            return "what the desk allows"
        case "max_list_bytes", int():
            return bytes_words(value)
        case "lookups", _:
            return {"channel": "in the channel", "asker": "to who asked alone"}[str(value)]
        case "steps", _:
            return {"ask": "asks an admin each time", "add": "does so at once"}[str(value)]
        case "replies_channel", None:
            return "where lists that wait are told"
        case "waiting_channel", None:
            return "to the admins directly"
        case _, tuple() if value:
            return ", ".join(names.get(one, one) for one in value)
        case _, None | ():
            return "not set"
    return names.get(str(value), str(value))


def _get(connection: sa.Connection, account: int) -> Account:
    row = connection.execute(sa.select(accounts).where(accounts.c.id == account)).mappings().one_or_none()
    if row is None:
        raise NoAccount(account)
    return account_of(row)
