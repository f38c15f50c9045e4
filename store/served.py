"""
Which accounts of a database are served from it, where a desk has several databases.

A copy of a whole database, by which an account gets one of its own, has the other accounts too, and the one that it was
copied from still has that account: neither is to be worked on, asked by a key or told by a hook, since somewhere else it goes on.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from store.models import accounts


@dataclass(frozen=True, slots=True)
class Served:
    """The accounts of the Slack ids *ids* alone or, with *all_but*, all but those."""

    ids: frozenset[str] = frozenset()
    all_but: bool = True

    def has(self, slack_id: str) -> bool:
        """Whether the account of that id is among them."""
        return (slack_id in self.ids) != self.all_but

    def among(self, account_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
        """Whether the account of *account_id*, a column of any table, is among them."""
        if self.all_but and not self.ids:
            return sa.true()
        named = sa.select(accounts.c.id).where(accounts.c.slack_id.in_(sorted(self.ids)))
        return account_id.not_in(named) if self.all_but else account_id.in_(named)


ALL = Served()
