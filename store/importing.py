"""The long loops of an upload, staging, applying and undoing, as the child process and the command line both run them."""

import threading
import time
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from store.errors import LeaseLost, ListRefused, StoreError, StoreUnavailable, WrongState
from store.lists.reader import NoPhoneColumn
from store.lists.staging import Progress, Scratch, stage
from store.records import Upload
from store.store import Store

BATCH = 10_000
# Unreadable rows carry all their cells, so fewer of them fill a transaction.
_UNREADABLE_BATCH = 2_000
_CHANGED = "The file changed after the preview. Drop it again to see what it holds now."


class LeaseKeeper:
    """
    Keeps the lease of an upload from a thread of its own, every third of it, for as long as the block runs.

    `check` is for the work to call often. Entering raises `LeaseLost` when the upload is no longer the caller's.
    """

    def __init__(self, store: Store, upload: Upload, *, lease_seconds: float) -> None:
        self._store = store
        self._upload = upload
        self._lease_seconds = lease_seconds
        self._over = threading.Event()
        self._ended: StoreError | None = None
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def __enter__(self) -> Self:
        self._store.uploads.renew(self._upload, lease_seconds=self._lease_seconds)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def check(self) -> None:
        """Raise `LeaseLost` or `WrongState` when the work is no longer ours to do."""
        if self._ended is not None:
            raise self._ended

    def _keep(self) -> None:
        renewed = time.monotonic()
        while not self._over.wait(self._lease_seconds / 3):
            try:
                found = self._store.uploads.renew(self._upload, lease_seconds=self._lease_seconds)
            except StoreUnavailable as error:
                if time.monotonic() - renewed < self._lease_seconds:
                    continue  # it may be back before anyone can take over
                self._ended = LeaseLost(str(error))
            except StoreError as error:
                self._ended = error
            else:
                renewed = time.monotonic()
                if found.state == self._upload.state:
                    continue
                self._ended = WrongState(f"{found.file_name} is {found.state} now.")
            return


def stage_upload(
    store: Store, upload: Upload, path: Path, scratch_path: Path, progress: Progress, lease_seconds: float
) -> Upload:
    """
    Read the file at *path* for a received upload, which then waits for a yes; its scratch file is at *scratch_path*.

    A list that cannot be read leaves it refused, with the reason as its problem. `LeaseLost` and `WrongState` as ever.
    """
    with LeaseKeeper(store, upload, lease_seconds=lease_seconds) as held:
        try:
            scratch = _read(upload, path, scratch_path, progress, held)
        except NoPhoneColumn as error:
            return store.uploads.refuse(upload, str(error), columns=error.columns, likely=error.likely)
        except ListRefused as error:
            return store.uploads.refuse(upload, str(error))
        try:
            already, talks = _met(store, upload, scratch, held)
            counts = replace(scratch.counts, already=already, summary=scratch.counts.summary | talks)
            return store.uploads.staged(upload, counts)
        finally:
            scratch.close()


def _read(upload: Upload, path: Path, scratch_path: Path, progress: Progress, held: LeaseKeeper) -> Scratch:
    return stage(
        path,
        scratch_path,
        country=upload.country,
        column=upload.phone_column,
        name=upload.file_name,
        progress=_checked(progress, held),
    )


def restage(
    store: Store, upload: Upload, path: Path, scratch_path: Path, progress: Progress, lease_seconds: float
) -> Scratch:
    """The scratch file of an upload whose preview another machine, or another life, made; `StoreError` if it differs."""
    with LeaseKeeper(store, upload, lease_seconds=lease_seconds) as held:
        try:
            scratch = _read(upload, path, scratch_path, progress, held)
        except ListRefused as error:
            raise StoreError(_CHANGED) from error
    if scratch.holds(upload):
        return scratch
    same_file = scratch.sha256 == upload.sha256
    scratch.delete()
    if same_file:
        # Somebody said yes to other counts.
        raise StoreError(
            "This program was updated after the preview and now reads the list differently. "
            "Drop the file again to see how."
        )
    raise StoreError(_CHANGED)


def apply_upload(
    store: Store, upload: Upload, scratch: Scratch, progress: Progress, lease_seconds: float, batch: int = BATCH
) -> Upload:
    """
    Store what is left of a confirmed upload, *batch* phones a transaction, and finish it.

    *progress* gets phones, of all the upload's. May be stopped anywhere, by anything: whoever calls this next goes on
    from the last committed batch, with the same outcome.
    """
    with LeaseKeeper(store, upload, lease_seconds=lease_seconds) as held:
        upload = replace(store.uploads.get(upload.account_id, upload.id), owner=upload.owner, fence=upload.fence)
        while True:
            held.check()
            phones = scratch.batch(upload.last_phone, batch)
            unreadable = scratch.unreadable(upload.last_unreadable, _UNREADABLE_BATCH)
            if not phones.lines and not unreadable:
                return store.uploads.finish(upload)
            upload = store.uploads.apply_batch(upload, phones, unreadable, lease_seconds=lease_seconds)
            progress(upload.applied, upload.applied / max(1, upload.phones))


def undo_upload(store: Store, upload: Upload, progress: Progress, lease_seconds: float, batch: int = BATCH) -> Upload:
    """
    Lift what is left of an upload that is being undone, *batch* opt-outs a transaction, and finish it.

    *progress* gets opt-outs lifted, of all the upload's. May be stopped anywhere, like `apply_upload`.
    """
    with LeaseKeeper(store, upload, lease_seconds=lease_seconds) as held:
        upload = replace(store.uploads.get(upload.account_id, upload.id), owner=upload.owner, fence=upload.fence)
        while upload.undo_phone < upload.last_phone:
            held.check()
            upload = store.uploads.undo_batch(upload, lease_seconds=lease_seconds, batch=batch)
            lifted = upload.opted_in + upload.kept_out
            progress(lifted, lifted / max(1, upload.applied))
        return store.uploads.finish_undo(upload)


def _met(store: Store, upload: Upload, scratch: Scratch, held: LeaseKeeper) -> tuple[int, dict[str, int]]:
    """
    What the account knows of the list's phones: how many are opted out, and what the guard asks about conversations.

    `known`: phones the account has conversations with. `texted`: those of them on the list with an open one.
    """
    known = store.uploads.known(upload.account_id)
    already, texted, after = 0, 0, ""
    while phones := list(scratch.batch(after, BATCH).lines):
        held.check()
        already += store.uploads.already_out(upload.account_id, phones)
        if known:
            texted += store.uploads.texted(upload.account_id, phones)
        after = phones[-1]
    return already, {"known": known, "texted": texted}


def _checked(progress: Progress, held: LeaseKeeper) -> Progress:
    def both(rows: int, fraction: float) -> None:
        held.check()
        progress(rows, fraction)

    return both
