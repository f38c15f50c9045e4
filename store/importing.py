"""Staging, applying and undoing of an upload in whole, for the child process and the command line."""

import math
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from store.choices import Undecided
from store.errors import LeaseLost, ListRefused, StoreError, StoreUnavailable, WrongState
from store.lists.heading import NoPhoneColumn
from store.lists.staging import ReportProgress, Scratch, stage
from store.moments import ListMoment, moment_of_preview
from store.records import Recount, Upload
from store.store import Store
from store.upload_work import UploadWork

BATCH = 10_000
# Unreadable rows carry all their cells, so fewer of them fill a transaction.
_UNREADABLE_BATCH = 2_000
_CHANGED = "The file changed after the preview. Drop it again to see what it holds now."


class LeaseKeeper:
    """
    Renews the lease of an upload from a thread of its own, every third of it, for as long as the block runs.

    `check` is for the work to call often: when it has not for *stall_seconds*, the work hangs, and the lease is left to run
    out. Entering raises `LeaseLost` when the upload is no longer the caller's; `work` is then what was given, with the
    upload as it stood at that moment.
    """

    def __init__(self, work: UploadWork, *, lease_seconds: float, stall_seconds: float = math.inf) -> None:
        self.work = work
        self._stall_seconds = stall_seconds
        self._checked = time.monotonic()
        self._state = work.upload.state
        self._lease_seconds = lease_seconds
        self._over = threading.Event()
        self._ended: StoreError | None = None
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def __enter__(self) -> Self:
        self.work = self.work.renew(lease_seconds=self._lease_seconds)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def check(self) -> None:
        """Raise `LeaseLost` or `WrongState` when the work is no longer ours to do."""
        self._checked = time.monotonic()
        if self._ended is not None:
            raise self._ended

    def _keep(self) -> None:
        renewed = time.monotonic()
        while not self._over.wait(self._lease_seconds / 3):
            if time.monotonic() - self._checked > self._stall_seconds:
                continue
            try:
                upload = self.work.renew(lease_seconds=self._lease_seconds).upload
            except StoreUnavailable as error:
                if time.monotonic() - renewed < self._lease_seconds:
                    continue  # it may be back before anyone can take over
                self._ended = LeaseLost(str(error))
            except StoreError as error:
                self._ended = error
            else:
                renewed = time.monotonic()
                if upload.state is self._state:
                    continue
                self._ended = WrongState(f"{upload.file_name} is {upload.state} now.")
            return


def stage_upload(
    store: Store,
    work: UploadWork,
    path: Path,
    scratch_path: Path,
    progress: ReportProgress,
    lease_seconds: float,
    *,
    label: str = "",
    stall_seconds: float = math.inf,
) -> UploadWork:
    """
    Read the file at *path* for a received upload, which then waits for a yes; its scratch file is at *scratch_path*, with *label*.

    A list that cannot be read leaves it refused, with the reason as its problem. `LeaseLost` and `WrongState` as ever.
    *stall_seconds*: see `LeaseKeeper`.
    """
    with LeaseKeeper(work, lease_seconds=lease_seconds, stall_seconds=stall_seconds) as keeper:
        try:
            scratch = _read(work.upload, path, scratch_path, label, progress, keeper)
        except NoPhoneColumn as error:
            return work.refuse(str(error), columns=error.columns, likely=error.likely)
        except Undecided as error:
            return work.refuse(str(error), questions=(error.question,))
        except ListRefused as error:
            return work.refuse(str(error))
        try:
            # Whoever confirms holds the list as it is then against that of this moment.
            moment = store.uploads.list_moment(work.upload.account_id)
            already, talks = _met(store, work.upload, scratch, moment, _checked(progress, keeper))
            summary = scratch.counts.summary | talks | {"moment": moment.to_json()}
            if work.upload.is_comparison:
                # With the erased of the list: those that it lacks are in no file of what is only the account's.
                summary["ours"] = store.uploads.out_at(work.upload.account_id, moment) + talks["erased"]
            counts = replace(scratch.counts, already=already, summary=summary)
            return work.staged(counts)
        finally:
            scratch.close()


def _read(
    upload: Upload, path: Path, scratch_path: Path, label: str, progress: ReportProgress, keeper: LeaseKeeper
) -> Scratch:
    return stage(
        path,
        scratch_path,
        label=label,
        country=upload.country,
        column=upload.phone_column,
        choices=upload.choices,
        name=upload.file_name,
        progress=_checked(progress, keeper),
    )


def restage(
    work: UploadWork,
    path: Path,
    scratch_path: Path,
    progress: ReportProgress,
    lease_seconds: float,
    *,
    label: str = "",
    stall_seconds: float = math.inf,
) -> Scratch:
    """The scratch file of an upload whose preview another machine, or another life, made; `StoreError` if it differs."""
    with LeaseKeeper(work, lease_seconds=lease_seconds, stall_seconds=stall_seconds) as keeper:
        try:
            scratch = _read(work.upload, path, scratch_path, label, progress, keeper)
        except ListRefused as error:
            raise StoreError(_CHANGED) from error
    if scratch.holds(work.upload):
        return scratch
    same_file = scratch.sha256 == work.upload.sha256
    scratch.delete()
    if same_file:
        # Somebody said yes to other counts.
        raise StoreError(
            "This program was updated after the preview and now reads the list differently. "
            "Drop the file again to see how."
        )
    raise StoreError(_CHANGED)


def apply_upload(
    work: UploadWork,
    scratch: Scratch,
    progress: ReportProgress,
    lease_seconds: float,
    batch: int = BATCH,
    *,
    stall_seconds: float = math.inf,
) -> UploadWork:
    """
    Store what is left of a confirmed upload, *batch* phones a transaction, and finish it.

    *progress* gets phones, of all the upload's. May be stopped anywhere, by anything: whoever calls this next goes on
    from the last committed batch, with the same outcome.
    """
    with LeaseKeeper(work, lease_seconds=lease_seconds, stall_seconds=stall_seconds) as keeper:
        work = keeper.work  # with the checkpoint as it is now
        while True:
            keeper.check()
            phones = scratch.batch(work.reached, batch)
            unreadable = scratch.unreadable(work.upload.last_unreadable, _UNREADABLE_BATCH)
            if not phones.lines and not unreadable:
                return work.finish()
            work = work.apply_batch(phones, unreadable, lease_seconds=lease_seconds)
            progress(work.upload.applied, work.upload.applied / max(1, work.upload.phones))


def undo_upload(
    work: UploadWork,
    progress: ReportProgress,
    lease_seconds: float,
    batch: int = BATCH,
    *,
    stall_seconds: float = math.inf,
) -> UploadWork:
    """
    Lift what is left of an upload that is being undone, *batch* opt-outs a transaction, and finish it.

    *progress* gets opt-outs lifted, of all the upload's. May be stopped anywhere, like `apply_upload`.
    """
    with LeaseKeeper(work, lease_seconds=lease_seconds, stall_seconds=stall_seconds) as keeper:
        work = keeper.work  # with the checkpoint as it is now
        while work.upload.undo_phone < work.upload.last_phone:
            keeper.check()
            work = work.undo_batch(lease_seconds=lease_seconds, batch=batch)
            lifted = work.upload.opted_in + work.upload.kept_out
            progress(lifted, lifted / max(1, work.upload.applied))
        return work.finish_undo()


def recount(store: Store, upload: Upload, moment: ListMoment, scratch_path: Path, label: str) -> Recount | None:
    """
    What became of a previewed list's phones until *moment*.

    None when that cannot be told: its scratch file is not on this machine, or its preview is of an earlier release.
    """
    since = moment_of_preview(upload)
    if since is None:
        return None
    scratch = Scratch.open(scratch_path, label=label)
    if scratch is None:
        return None
    try:
        if not scratch.holds(upload):
            return None
        already = opted_in = 0
        for phones in scratch.batches(BATCH):
            already += store.uploads.already_out(upload.account_id, phones, moment)
            already += store.uploads.erased(upload.account_id, phones)
            opted_in += store.uploads.opted_in_since(upload.account_id, phones, since, moment)
        return Recount(already, opted_in)
    finally:
        scratch.close()


def _met(
    store: Store, upload: Upload, scratch: Scratch, moment: ListMoment, progress: ReportProgress
) -> tuple[int, dict[str, int]]:
    """
    What the account knows of the list's phones: how many were opted out at *moment*, and what else the guard asks.

    `known`: phones the account has conversations with. `texted`: those of them on the list with an open one. `erased`: those on
    the list that were erased, which are opted out too.
    """
    known = store.uploads.known(upload.account_id)
    already = texted = erased = 0
    for phones in scratch.batches(BATCH):
        progress(scratch.rows, 1.0)
        already += store.uploads.already_out(upload.account_id, phones, moment)
        erased += store.uploads.erased(upload.account_id, phones)
        if known:
            texted += store.uploads.texted(upload.account_id, phones)
    return already + erased, {"known": known, "texted": texted, "erased": erased}


def _checked(progress: ReportProgress, keeper: LeaseKeeper) -> ReportProgress:
    def both(rows: int, fraction: float) -> None:
        keeper.check()
        progress(rows, fraction)

    return both
