"""The summary of an account, for App Home."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from store.database import Database
from store.dialects import from_now
from store.models import accounts, entries, entry_phones, uploads
from store.notes import OPTING_OUT
from store.records import Upload
from store.upload_rows import is_shown, upload_of, wants_a_yes
from store.upload_states import UploadState

# Entries and uploads, in which is looked for who did something.
_NEWEST: Final = 20


@dataclass(frozen=True, slots=True)
class Summary:
    """
    The summary of an account at one moment.

    *opted_out*: phones that are out. *week* and *month*: requests to opt a phone out in the last 7 and 30 days, by
    function; a phone that was asked for twice counts twice, as it has two reasons. *latest*: uploads, newest first.
    *waiting*: how many previews wait for a yes, and since when the oldest does.
    """

    opted_out: int
    week: Mapping[str, int]
    month: Mapping[str, int]
    latest: tuple[Upload, ...]
    waiting: int
    waiting_since: datetime | None


class Summaries:
    """The verbs on summaries: read one, and whether it may have changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, account: int, *, uploads_shown: int = 5) -> Summary:
        """The account's summary, in one consistent read."""
        waiting = sa.select(sa.func.count(), sa.func.min(uploads.c.waiting_since)).where(
            uploads.c.account_id == account, uploads.c.state == UploadState.WAITING, wants_a_yes()
        )
        latest = sa.select(uploads).where(uploads.c.account_id == account, is_shown()).order_by(uploads.c.id.desc())
        with self._database.read() as connection:
            number, since = connection.execute(waiting).one()
            return Summary(
                opted_out=connection.execute(
                    sa.select(accounts.c.opted_out).where(accounts.c.id == account)
                ).scalar_one(),
                week=_requests(connection, account, timedelta(days=7)),
                month=_requests(connection, account, timedelta(days=30)),
                latest=tuple(upload_of(row) for row in connection.execute(latest.limit(uploads_shown)).mappings()),
                waiting=number,
                waiting_since=since,
            )

    def version(self, account: int) -> str:
        """A version that changes whenever the summary may have; cheap enough to ask every few seconds."""
        last = sa.select(accounts.c.last_entry, accounts.c.country, accounts.c.settings).where(accounts.c.id == account)
        states = sa.select(uploads.c.id, uploads.c.state).where(uploads.c.account_id == account, is_shown())
        with self._database.read() as connection:
            row = connection.execute(last).one()
            latest = connection.execute(states.order_by(uploads.c.id.desc()).limit(20)).all()
            waiting = connection.execute(
                sa.select(sa.func.count()).where(
                    uploads.c.account_id == account, uploads.c.state == UploadState.WAITING, wants_a_yes()
                )
            ).scalar_one()
        return repr((*row, latest, waiting))

    def acts(self, account: int) -> dict[str, datetime]:
        """When somebody last changed the list or dropped one, by the person's id; of the newest entries and uploads only."""
        made = sa.select(entries.c.actor_id, entries.c.at).where(entries.c.account_id == account)
        dropped = sa.select(uploads.c.actor_id, uploads.c.received_at).where(uploads.c.account_id == account)
        with self._database.read() as connection:
            rows = [
                *connection.execute(made.order_by(entries.c.id.desc()).limit(_NEWEST)),
                *connection.execute(dropped.order_by(uploads.c.id.desc()).limit(_NEWEST)),
            ]
        return {row.actor_id: row[1] for row in sorted(rows, key=lambda row: row[1])}


def _requests(connection: sa.Connection, account: int, within: timedelta) -> dict[str, int]:
    """Phones of entries that are no older than *within*, by function, most first: of those made by hand, and of what uploads stored."""
    since = from_now(-within.total_seconds())
    recent = (
        sa.select(entries.c.function, sa.func.count())
        .join(
            entry_phones,
            sa.and_(entry_phones.c.account_id == entries.c.account_id, entry_phones.c.entry_id == entries.c.id),
        )
        .where(entries.c.account_id == account, entries.c.at >= since, entries.c.function.in_(OPTING_OUT))
        .group_by(entries.c.function)
    )
    by_function = {function: int(number) for function, number in connection.execute(recent)}
    stored = uploads.c.newly_opted_out + uploads.c.already_opted_out
    of_uploads = (
        sa.select(sa.func.coalesce(sa.func.sum(stored), 0))
        .join(entries, sa.and_(entries.c.account_id == uploads.c.account_id, entries.c.id == uploads.c.entry_id))
        .where(uploads.c.account_id == account, entries.c.at >= since)
    )
    if listed := int(connection.execute(of_uploads).scalar_one()):
        by_function["upload"] = listed
    return dict(sorted(by_function.items(), key=lambda item: (-item[1], item[0])))
