"""The life of an upload: one table, and no verb that does otherwise."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import pytest
import sqlalchemy as sa

from store import Account, Origin, Purpose, Store, StoreError, UploadState, UploadWork
from store.records import Batch
from store.upload_states import AT_WORK, NEXT, OVER, WITH_ENTRY, WITH_UNDO_ENTRY
from tests.store.test_uploads import PHONES, claimed, counts, lines, received

S = UploadState


@dataclass(frozen=True)
class Desk:
    """Upload 1 of account 1: its store, its work, and an admin."""

    store: Store
    work: UploadWork
    by: Origin


Verb = Callable[[Desk], object]
# Every verb that may change a state, of people and of the holder, and what it makes of the states it is for.
VERBS: Final[dict[str, tuple[Verb, dict[UploadState, UploadState]]]] = {
    "confirm": (lambda on: on.store.uploads.confirm(1, 1, on.by), {S.WAITING: S.APPLYING}),
    "cancel": (lambda on: on.store.uploads.cancel(1, 1, on.by), {S.RECEIVED: S.CANCELLED, S.WAITING: S.CANCELLED}),
    "stop": (lambda on: on.store.uploads.stop(1, 1, on.by), {S.APPLYING: S.STOPPED}),
    "go on": (lambda on: on.store.uploads.go_on(1, 1, on.by), {S.STOPPED: S.APPLYING}),
    "undo": (
        lambda on: on.store.uploads.undo(1, 1, on.by, within=timedelta(days=1)),
        {S.DONE: S.UNDOING, S.STOPPED: S.UNDOING, S.FAILED: S.UNDOING},
    ),
    "set country": (
        lambda on: on.store.uploads.set_country(1, 1, "GB"),
        {S.WAITING: S.RECEIVED, S.REFUSED: S.RECEIVED},
    ),
    "set column": (
        lambda on: on.store.uploads.set_column(1, 1, "mobile"),
        {S.WAITING: S.RECEIVED, S.REFUSED: S.RECEIVED},
    ),
    "take up again": (lambda on: on.store.uploads.take_up_again(1, 1), {S.EXPIRED: S.RECEIVED}),
    "staged": (lambda on: on.work.staged(counts()), {S.RECEIVED: S.WAITING}),
    "scrubbed": (lambda on: on.work.scrubbed({}), {S.RECEIVED: S.SCRUBBED}),
    "refuse": (lambda on: on.work.refuse("no"), {S.RECEIVED: S.REFUSED}),
    "expire": (lambda on: on.work.expire(), {S.WAITING: S.EXPIRED}),
    "fail": (lambda on: on.work.fail("no"), {S.RECEIVED: S.FAILED, S.APPLYING: S.FAILED, S.UNDOING: S.FAILED}),
    "finish": (lambda on: on.work.finish(), {S.APPLYING: S.DONE}),
    "finish the undo": (lambda on: on.work.finish_undo(), {S.UNDOING: S.UNDONE}),
}


def in_state(store: Store, account: Account, by: Origin, state: UploadState) -> UploadWork:
    """The work on an upload that was put into *state*, with all that its later states need."""
    work = claimed(store, received(store, account))
    if state in WITH_ENTRY or state is S.FAILED:
        work.staged(counts())
        store.uploads.confirm(account.id, work.upload.id, by)
        work = work.renew(lease_seconds=60).apply_batch(lines(PHONES), [], lease_seconds=60)
    if state in WITH_UNDO_ENTRY:
        work = work.finish()
        store.uploads.undo(account.id, work.upload.id, by, within=timedelta(days=1))
        work = work.renew(lease_seconds=60).undo_batch(lease_seconds=60)
    # Not by the verbs, which are what is tested.
    values = sa.text("UPDATE uploads SET state = :state, purpose = :purpose, waiting_since = received_at")
    purpose = Purpose.SCRUB if state is S.SCRUBBED else Purpose.OPT_OUT
    with store.database.write() as connection:
        connection.execute(values, {"state": state.value, "purpose": purpose.value})
    return work.renew(lease_seconds=60)


@pytest.mark.wide_but_first
@pytest.mark.parametrize("state", UploadState)
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_verbs_keep_to_the_table(
    store: Store, account: Account, by_admin: Origin, state: UploadState, verb: str
) -> None:
    """Each verb takes an upload from the states it is for to the one it makes, and from every other nowhere, in words."""
    work = in_state(store, account, by_admin, state)
    do, becomes = VERBS[verb]
    if verb == "scrubbed":
        with store.database.write() as connection:
            if state not in WITH_ENTRY and state is not S.FAILED:
                connection.execute(sa.text(f"UPDATE uploads SET purpose = '{Purpose.SCRUB}'"))
    if state in becomes:
        do(Desk(store, work, by_admin))
        after = store.uploads.get(account.id, 1)
        assert after.state is becomes[state]
        assert after.pending, "somebody has to show it"
    else:
        with pytest.raises(StoreError, match=r"stops\.csv "):
            do(Desk(store, work, by_admin))
        assert store.uploads.get(account.id, 1).state is state


def test_the_table_says_what_the_verbs_do() -> None:
    """What may follow what is exactly what some verb does."""
    done = {state: {becomes[state] for _, becomes in VERBS.values() if state in becomes} for state in UploadState}
    assert done == {state: set(NEXT[state]) for state in UploadState}


def test_nothing_leads_back_from_the_end() -> None:
    """What is over is over, but what failed can be undone, and what expired read again; what a worker has in hand always ends."""
    ends = {state for state in UploadState if not NEXT[state]}
    assert ends == {S.UNDONE, S.CANCELLED, S.SCRUBBED}
    assert OVER - ends == {S.FAILED, S.EXPIRED}
    assert all(S.FAILED in NEXT[state] for state in AT_WORK)
    assert not any(state.may_become(state) for state in UploadState)


def test_every_state_has_its_words() -> None:
    """For the list of uploads, and for a sentence that begins with the name of the file."""
    for state in UploadState:
        assert state.label
        assert state.sentence.split()[0] in {"is", "was", "could", "waited"}


@pytest.mark.parametrize(
    ("was", "wanted", "outgrows"),
    [
        (Purpose.OPT_OUT, Purpose.SCRUB, True),
        (Purpose.SCRUB, Purpose.SCRUB_KEEPING, True),
        (Purpose.SCRUB, Purpose.OPT_OUT, False),
        (Purpose.SCRUB, Purpose.SCRUB, False),
    ],
)
def test_wishes_only_grow(was: Purpose, wanted: Purpose, *, outgrows: bool) -> None:
    """A list that was to be scrubbed never becomes one that opts people out."""
    assert wanted.outgrows(was) is outgrows


def test_a_batch_is_for_an_upload_that_is_applied(store: Store, account: Account, by_admin: Origin) -> None:
    """Batches change no state; in every other state than their own they are refused."""
    work = in_state(store, account, by_admin, S.DONE)
    with pytest.raises(StoreError, match="was opted out already"):
        work.apply_batch(Batch({}), [], lease_seconds=60)
    with pytest.raises(StoreError, match="was opted out already"):
        work.undo_batch(lease_seconds=60)
    with pytest.raises(StoreError, match="was opted out already"):
        work.set_reminded(reminded=True)
