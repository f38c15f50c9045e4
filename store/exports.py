"""The whole list, for other programs."""

import itertools
from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa

from store.database import Database
from store.models import opt_outs
from store.notes import Plain, note
from store.records import OptOut
from store.rows import read_opt_outs


class Exports:
    def __init__(self, database: Database, *, page: int = 5_000) -> None:
        self._database = database
        self._page = page

    def rows(self, account: int) -> Iterator[tuple[str, datetime, str]]:
        """
        Each phone that is opted out, in order: the phone, since when, and the note of its oldest standing opt-out.

        Read in pages of one short transaction each, so a slow reader holds nothing up; what changes meanwhile behind
        the place reached is not seen.
        """
        for phone, reasons in itertools.groupby(self._standing(account), key=lambda opt_out: opt_out.phone):
            oldest = next(reasons)
            yield phone, oldest.entry.at, note(oldest, Plain())

    def _standing(self, account: int) -> Iterator[OptOut]:
        query = (
            sa.select(opt_outs)
            .where(opt_outs.c.account_id == account, opt_outs.c.lifted_by.is_(None))
            .order_by(opt_outs.c.phone, opt_outs.c.entry_id)
            .limit(self._page)
        )
        after = query
        while True:
            with self._database.read() as connection:
                page = read_opt_outs(connection, account, after)
            yield from page
            if len(page) < self._page:
                return
            last = sa.tuple_(sa.literal(page[-1].phone), sa.literal(page[-1].entry.id))
            after = query.where(sa.tuple_(opt_outs.c.phone, opt_outs.c.entry_id) > last)
