"""Moments of an account's list: what stood then, told from what stands now, without a copy of the list."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import sqlalchemy as sa

from store.errors import NoAccount
from store.models import accounts, entries, opt_outs, uploads
from store.notes import Function
from store.records import Upload
from store.upload_states import UploadState


@dataclass(frozen=True, slots=True)
class ListMoment:
    """
    A moment of an account's list. *entry*: the newest one then.

    *checkpoints*: of the entries of lists that were being stored or undone, the last phone that it had happened to.
    *being_undone*: the entries of lists of which an undo was under way. *lifts*: names what had been lifted by then; a
    moment later than another, with the same, has lost no opt-out.
    """

    entry: int
    checkpoints: Mapping[int, str]
    being_undone: tuple[int, ...]
    lifts: str

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """What `to_json` gave."""
        checkpoints = {int(entry): phone for entry, phone in kept["checkpoints"].items()}
        return cls(kept["entry"], checkpoints, tuple(kept["being_undone"]), kept["lifts"])

    def standing(self, of: sa.FromClause = opt_outs) -> sa.ColumnElement[bool]:
        """Whether an opt-out, a row of *of*, stood then."""
        lifted_by = of.c.lifted_by
        return self._had(of, of.c.entry_id) & (lifted_by.is_(None) | ~self._had(of, lifted_by))

    def standing_for_good(self, of: sa.FromClause = opt_outs) -> sa.ColumnElement[bool]:
        """Whether it stood then, and no undo was about to lift it."""
        return self.standing(of) & of.c.entry_id.not_in(self.being_undone)

    def holds(self, later: "ListMoment") -> bool:
        """Whether nobody was opted in from this moment to a *later* one, and no other undo has begun."""
        return (self.lifts, self.being_undone) == (later.lifts, later.being_undone)

    def _had(self, of: sa.FromClause, by: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
        """Whether what happened to an opt-out *by* an entry had happened then."""
        reached = ((by != entry) | (of.c.phone <= checkpoint) for entry, checkpoint in self.checkpoints.items())
        return sa.and_(by <= self.entry, *reached)


def moment_of(connection: sa.Connection, account: int) -> ListMoment:
    """The moment of one statement, whatever others commit before and after it."""
    lifts = _lifts(connection, account)  # before all else: what is lifted in between counts as lifted later
    of = uploads.c
    stored, undone = of.state.in_((UploadState.APPLYING, UploadState.STOPPED)), of.state != UploadState.UNDONE
    unfinished = sa.and_(of.account_id == accounts.c.id, sa.or_(stored, undone & of.undo_entry_id.is_not(None)))
    being_undone = of.state == UploadState.UNDOING
    query = (
        sa.select(
            accounts.c.last_entry, stored, of.entry_id, of.last_phone, of.undo_entry_id, of.undo_phone, being_undone
        )
        .select_from(accounts.outerjoin(uploads, unfinished))
        .where(accounts.c.id == account)
    )
    rows = connection.execute(query).all()
    if not rows:
        raise NoAccount(account)
    checkpoints: dict[int, str] = {}
    for _, is_stored, entry, last_phone, undo_entry, undo_phone, _ in rows:
        if is_stored:
            checkpoints[entry] = last_phone
        if undo_entry is not None:
            checkpoints[undo_entry] = undo_phone
    under_way = tuple(sorted(row.entry_id for row in rows if row[-1]))
    return ListMoment(rows[0].last_entry, checkpoints, under_way, lifts)


def moment_of_preview(upload: Upload) -> ListMoment | None:
    """The moment at which the list's phones were held against the account's; None for one of an earlier release."""
    kept = upload.summary.get("moment")
    return None if kept is None else ListMoment.from_json(kept)


def _lifts(connection: sa.Connection, account: int) -> str:
    """See `ListMoment.lifts`: the newest entry that lifts, and how far undos have come."""
    newest = sa.select(entries.c.id).where(entries.c.account_id == account)
    newest = newest.where(entries.c.function.in_((Function.DELETE, Function.UNDO)))
    done = (sa.func.coalesce(sa.func.sum(column), 0) for column in (uploads.c.opted_in, uploads.c.kept_out))
    last = connection.execute(newest.order_by(entries.c.id.desc()).limit(1)).scalar() or 0
    return " ".join(
        map(str, (last, *connection.execute(sa.select(*done).where(uploads.c.account_id == account)).one()))
    )
