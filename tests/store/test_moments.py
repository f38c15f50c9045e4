"""A yes is to the phones that a preview wanted to opt out: it opts out these, or fewer, or is refused."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import Account, ListMoment, Origin, Recount, Scratch, Store, Upload, UploadState, UploadWork, WrongState
from store.importing import apply_upload, recount, stage_upload
from store.records import Batch
from tests.entries import opted_out
from tests.store.test_undo import WEEK, exact
from tests.store.test_uploads import PHONES, claimed, counts, received

LISTED, ELSEWHERE = PHONES[:5], PHONES[5:7]


def ignored(_done: int, _fraction: float) -> None:
    """Nobody looks at the progress."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A list of `LISTED` that was read; *shown*: the phones that it wanted to opt out."""

    store: Store
    upload: Upload
    scratch: Path
    by: Origin
    shown: frozenset[str]

    @classmethod
    def made(cls, store: Store, account: Account, by: Origin, directory: Path) -> "Preview":
        path, scratch = directory / "list.csv", directory / "list.scratch"
        path.write_text("\n".join(["phone", *LISTED]))
        work = claimed(store, received(store, account, file_id="FPREVIEW"))
        read = stage_upload(store, work, path, scratch, ignored, 60.0)
        read.release(settled=read.upload.state)
        shown = frozenset(LISTED) - {*opted_out(store, account.id)}
        assert read.upload.to_opt_out == len(shown)
        return cls(store, read.upload, scratch, by, shown)

    def recount(self, upload: Upload, moment: ListMoment) -> Recount | None:
        return recount(self.store, upload, moment, self.scratch, "")

    def confirm(self, recounted: Callable[[Upload, ListMoment], Recount | None] | None = None) -> Upload:
        """Say yes to it as it is shown now; `WrongState` when it is not good any more."""
        shown = self.store.uploads.get(self.upload.account_id, self.upload.id)
        return self.store.uploads.confirm(
            shown.account_id,
            shown.id,
            self.by,
            fingerprint=shown.fingerprint,
            recount=self.recount if recounted is None else recounted,
        )

    def apply(self) -> frozenset[str]:
        """Do what was confirmed; the phones that were opted out by that."""
        before = {*opted_out(self.store, self.upload.account_id)}
        work, scratch = claimed(self.store, self.upload), Scratch.open(self.scratch)
        assert scratch is not None
        done = apply_upload(work, scratch, ignored, 60.0).upload
        scratch.close()
        newly = frozenset({*opted_out(self.store, done.account_id)} - before)
        assert (done.newly_opted_out, done.already_opted_out) == (len(newly), len(LISTED) - len(newly))
        return newly


# What others do beside it


class Other:
    """Another list of the account's, of which a phone at a time is stored, and lifted by its undo."""

    def __init__(self, store: Store, account: Account, by: Origin, number: int, phones: list[str]) -> None:
        self.store, self.by, self.phones = store, by, phones
        work = claimed(store, received(store, account, file_id=f"FOTHER{number}"))
        work.staged(counts(phones=len(phones)))
        store.uploads.confirm(account.id, work.upload.id, by)
        self.work: UploadWork = work.renew(lease_seconds=3600)

    @property
    def state(self) -> UploadState:
        return self.work.upload.state

    def store_one(self) -> None:
        stored = self.work.upload.applied
        if self.state is UploadState.APPLYING and stored < len(self.phones):
            self.work = self.work.apply_batch(Batch({self.phones[stored]: stored + 2}), [], lease_seconds=3600)

    def undo(self) -> None:
        upload = self.work.upload
        if self.state is UploadState.APPLYING and upload.applied:
            self.store.uploads.stop(upload.account_id, upload.id, self.by)
            self.store.uploads.undo(upload.account_id, upload.id, self.by, within=WEEK)
            self.work = self.work.renew(lease_seconds=3600)

    def lift_one(self) -> None:
        if self.state is UploadState.UNDOING:
            self.work = self.work.undo_batch(lease_seconds=3600, batch=1)
            if self.work.upload.undo_phone >= self.work.upload.last_phone:
                self.work = self.work.finish_undo()

    def lift_all(self) -> None:
        while self.state is UploadState.UNDOING:
            self.lift_one()


def for_good(store: Store, account: Account, others: list[Other]) -> set[str]:
    """The phones that are opted out, and will be when what is being undone is."""
    undone = {other.work.upload.entry_id for other in others if other.state is UploadState.UNDOING}
    found = store.optouts.find_many(account.id, LISTED)
    return {phone for phone in LISTED if any(one.entry.id not in undone for one in found[phone].standing)}


ACTS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["add", "delete"]), st.sampled_from(LISTED + ELSEWHERE)),
        st.tuples(st.sampled_from(["store", "undo", "lift"]), st.sampled_from([0, 1])),
    ),
    max_size=8,
)


@pytest.mark.wide
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lists=st.tuples(
        *[st.lists(st.sampled_from(LISTED + ELSEWHERE), min_size=1, max_size=3, unique=True).map(sorted)] * 2
    ),
    out=st.sets(st.sampled_from(LISTED)),
    before=ACTS,
    after=ACTS,
)
def test_whatever_others_do(
    store: Store,
    by_admin: Origin,
    tmp_path_factory: pytest.TempPathFactory,
    lists: tuple[list[str], list[str]],
    out: set[str],
    before: list[tuple[str, str | int]],
    after: list[tuple[str, str | int]],
) -> None:
    """A preview is confirmed just when no phone beside those that it wanted to opt out can be opted out by that."""
    name = tmp_path_factory.mktemp("list").name
    account = store.accounts.get_or_create(f"T{name.upper()}", "Harbor")
    others = [Other(store, account, by_admin, number, phones) for number, phones in enumerate(lists)]

    def do(acts: list[tuple[str, str | int]]) -> None:
        for act, on in acts:
            if isinstance(on, int):
                {"store": others[on].store_one, "undo": others[on].undo, "lift": others[on].lift_one}[act]()
            elif act == "add":
                store.optouts.add(account.id, [on], by_admin)
            else:
                store.optouts.delete(account.id, on, by_admin)

    do([*(("add", phone) for phone in sorted(out)), *before])
    preview = Preview.made(store, account, by_admin, tmp_path_factory.mktemp("preview"))
    do(after)
    more = frozenset(LISTED) - for_good(store, account, others) - preview.shown
    being_undone = any(other.state is UploadState.UNDOING for other in others)
    if not more:
        assert preview.confirm().state is UploadState.APPLYING
        for other in others:
            other.lift_all()
        assert preview.apply() <= preview.shown
    else:
        with pytest.raises(WrongState, match="is being undone" if being_undone else "was not opted out"):
            preview.confirm()
        stored = store.uploads.get(account.id, preview.upload.id)
        assert stored.state is UploadState.WAITING
        for other in others:
            other.lift_all()
        now = frozenset(LISTED) - {*opted_out(store, account.id)}
        if being_undone:
            assert stored.to_opt_out == len(preview.shown)
            with pytest.raises(WrongState, match="was not opted out"):
                preview.confirm()
        assert store.uploads.get(account.id, preview.upload.id).to_opt_out == len(now)
        preview.confirm()
        assert preview.apply() == now
    exact(store, account)


# At the moment of the yes


@pytest.mark.wide_but_first
@pytest.mark.parametrize("phone", [LISTED[0], ELSEWHERE[0]])
def test_somebody_is_opted_in_while_it_is_counted(
    store: Store, account: Account, by_admin: Origin, tmp_path: Path, phone: str
) -> None:
    """What holds is the list as it is in the transaction that confirms: it is counted once more."""
    store.optouts.add(account.id, [*LISTED[:2], *ELSEWHERE], by_admin)
    preview = Preview.made(store, account, by_admin, tmp_path)
    store.optouts.delete(account.id, ELSEWHERE[1], by_admin)
    times: list[Recount | None] = []

    def meanwhile(upload: Upload, moment: ListMoment) -> Recount | None:
        times.append(preview.recount(upload, moment))
        if len(times) == 1:
            store.optouts.delete(account.id, phone, by_admin)
        return times[-1]

    if phone in LISTED:
        with pytest.raises(WrongState, match="It has 4 phones to opt out now"):
            preview.confirm(meanwhile)
    else:
        assert preview.confirm(meanwhile).state is UploadState.APPLYING
    assert len(times) == 2


def test_nothing_is_counted_when_nobody_was_opted_in(
    store: Store, account: Account, by_admin: Origin, tmp_path: Path
) -> None:
    """However many were opted out meanwhile, there is only less to do, and a yes waits for no list to be walked."""
    store.optouts.add(account.id, LISTED[:1], by_admin)
    preview = Preview.made(store, account, by_admin, tmp_path)
    store.optouts.add(account.id, LISTED[:3], by_admin)
    preview.confirm(partial(pytest.fail, "counted"))
    assert preview.apply() == {*LISTED[3:]}


@pytest.mark.wide_but_first
def test_others_are_always_opted_in(store: Store, account: Account, by_admin: Origin, tmp_path: Path) -> None:
    """Where it changes again and again while it is counted, the yes is refused, and nothing is changed."""
    store.optouts.add(account.id, [*LISTED, *ELSEWHERE], by_admin)
    preview = Preview.made(store, account, by_admin, tmp_path)
    store.optouts.delete(account.id, ELSEWHERE[0], by_admin)

    def meanwhile(upload: Upload, moment: ListMoment) -> Recount | None:
        found = preview.recount(upload, moment)
        store.optouts.add(account.id, ELSEWHERE[1:], by_admin)
        store.optouts.delete(account.id, ELSEWHERE[1], by_admin)
        return found

    with pytest.raises(WrongState, match="cannot be trusted"):
        preview.confirm(meanwhile)
    assert store.uploads.get(account.id, preview.upload.id).state is UploadState.WAITING
