"""Stopping, going on, undoing, reminding, expiring and the lanes of uploads: what each does, and what it refuses."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from store import (
    Account,
    Actor,
    Deadlines,
    Function,
    LeaseLost,
    Origin,
    Reply,
    ReplyState,
    Store,
    StoreError,
    UndoPreview,
    Upload,
    UploadState,
    UploadWork,
    WrongState,
)
from store import undoing as module
from tests.entries import latest_entries, opted_out
from tests.store.test_uploads import PHONES, applying, claimed, counts, lines, received, turn_back

if TYPE_CHECKING:
    from collections.abc import Callable

WEEK = timedelta(days=7)
DEADLINES = Deadlines(remind=timedelta(hours=24), expire=timedelta(hours=72), undo=WEEK)


def applied(
    store: Store, account: Account, by: Origin, phones: list[str] = PHONES, *, file_id: str = "F1"
) -> UploadWork:
    """An upload of *phones* that is done, claimed by "me"."""
    work = claimed(store, received(store, account, file_id=file_id))
    work.staged(counts(phones=len(phones)))
    store.uploads.confirm(account.id, work.upload.id, by)
    work = work.renew(lease_seconds=60).apply_batch(lines(phones), [], lease_seconds=60)
    return work.finish()


def undone(store: Store, work: UploadWork, by: Origin, *, batch: int = 3) -> Upload:
    """The upload of *work*, undone by its holder to the end."""
    store.uploads.undo(work.upload.account_id, work.upload.id, by, within=WEEK)
    work = work.renew(lease_seconds=60)
    while work.upload.undo_phone < work.upload.last_phone:
        work = work.undo_batch(lease_seconds=60, batch=batch)
    return work.finish_undo().upload


def exact(store: Store, account: Account) -> int:
    assert store.optouts.count(account.id) == store.optouts.recount(account.id)
    return store.optouts.count(account.id)


def out(store: Store, account: Account) -> set[str]:
    return set(opted_out(store, account.id))


# Stop and go on


def test_stopping_is_between_batches(store: Store, account: Account, by_admin: Origin) -> None:
    """What was stored stays and is counted; the worker's next batch is refused in words, and nothing of it is stored."""
    work = applying(store, account, by_admin).apply_batch(lines(PHONES[:4]), [], lease_seconds=60)
    stopped = store.uploads.stop(account.id, work.upload.id, by_admin)
    assert (stopped.state, stopped.applied, stopped.pending) == ("stopped", 4, True)
    with pytest.raises(WrongState, match="was stopped"):
        work.apply_batch(lines(PHONES[4:]), [], lease_seconds=60)
    with pytest.raises(WrongState, match="was stopped"):
        store.uploads.stop(account.id, work.upload.id, by_admin)
    assert exact(store, account) == 4


def test_going_on_ends_as_if_never_stopped(store: Store, account: Account, by_admin: Origin) -> None:
    """The same entry, from the checkpoint: counts are those of one run."""
    work = applying(store, account, by_admin).apply_batch(lines(PHONES[:4]), [], lease_seconds=60)
    store.uploads.stop(account.id, work.upload.id, by_admin)
    work.release(settled=UploadState.STOPPED)
    assert store.uploads.claim("me", lease_seconds=60) is None
    again = store.uploads.go_on(account.id, work.upload.id, by_admin)
    assert (again.state, again.entry_id, again.finished_at) == ("applying", work.upload.entry_id, None)
    work = claimed(store, again)
    work = work.apply_batch(lines(PHONES, 4), [], lease_seconds=60)
    done = work.finish()
    assert (done.upload.newly_opted_out, done.upload.already_opted_out, exact(store, account)) == (10, 0, 10)
    assert len(latest_entries(store, account.id, 9)) == 1


def test_who_decided_last_is_known(store: Store, account: Account, by_admin: Origin) -> None:
    """Nobody at first, then whoever confirmed, stopped and continued, each in turn; work by itself changes it not."""
    first = claimed(store, received(store, account))
    assert first.staged(counts()).upload.decider is None
    assert store.uploads.confirm(account.id, first.upload.id, by_admin).decider == by_admin.actor
    ann, bob = (replace(by_admin, actor=Actor(f"U0{name.upper()}", name)) for name in ("ann", "bob"))
    assert store.uploads.stop(account.id, first.upload.id, ann).decider == ann.actor
    assert store.uploads.go_on(account.id, first.upload.id, bob).decider == bob.actor
    first.apply_batch(lines(PHONES), [], lease_seconds=60)
    assert first.finish().upload.decider == bob.actor
    other = received(store, account, file_id="F2")
    assert store.uploads.cancel(account.id, other.id, ann).decider == ann.actor


@pytest.mark.wide_but_first
@pytest.mark.parametrize("verb", ["stop", "go_on"])
def test_what_is_not_applied_is_neither_stopped_nor_continued(
    store: Store, account: Account, by_admin: Origin, verb: str
) -> None:
    """A list that waits, is done or was undone says how it stands."""
    work = claimed(store, received(store, account))
    work.staged(counts())
    with pytest.raises(WrongState, match="waits for a yes"):
        getattr(store.uploads, verb)(account.id, work.upload.id, by_admin)
    other = applied(store, account, by_admin, file_id="F2")
    with pytest.raises(WrongState, match="was opted out already"):
        getattr(store.uploads, verb)(account.id, other.upload.id, by_admin)
    undone(store, other, by_admin)
    with pytest.raises(WrongState, match=r"was undone\. Drop the file again"):
        getattr(store.uploads, verb)(account.id, other.upload.id, by_admin)


# Undo


def test_an_undo_lifts_the_upload_and_nothing_else(store: Store, account: Account, by_admin: Origin) -> None:
    """Phones that something else holds out stay out; the others are opted in, by one entry, and counts are exact."""
    store.optouts.add(account.id, [PHONES[1], "+12127369999"], by_admin)  # before the list
    work = applied(store, account, by_admin)
    store.optouts.add(account.id, [PHONES[5]], replace(by_admin, function=Function.KEYWORD))  # a STOP after it
    by_delete = replace(by_admin, function=Function.DELETE)
    store.optouts.delete(account.id, PHONES[7], by_delete)  # an admin opted one in by hand
    store.optouts.delete(account.id, PHONES[8], by_delete)  # and this one, which then asked again
    store.optouts.add(account.id, [PHONES[8]], by_admin)
    assert store.uploads.preview_undo(account.id, work.upload.id) == UndoPreview(6, 2, 0)

    before = len(latest_entries(store, account.id, 99))
    after = undone(store, work, by_admin)
    assert (after.state, after.opted_in, after.kept_out, after.undo_phone) == (
        "undone",
        6,
        2,
        PHONES[-1],
    )
    assert out(store, account) == {PHONES[1], PHONES[5], PHONES[8], "+12127369999"}
    assert exact(store, account) == 4
    entries = latest_entries(store, account.id, 99)
    assert len(entries) == before + 1
    assert (entries[0].function, entries[0].upload_id, entries[0].actor) == (Function.UNDO, 1, by_admin.actor)
    assert store.uploads.undone_by(after) == entries[0]
    state = store.optouts.find(account.id, PHONES[0])
    assert [o.lifted.id for o in state.opt_outs if o.lifted] == [entries[0].id]
    deleted = store.optouts.find(account.id, PHONES[7]).opt_outs[0]
    assert deleted.lifted is not None
    assert deleted.lifted.function == Function.DELETE
    assert store.uploads.preview_undo(account.id, work.upload.id) == UndoPreview(0, 0, 0)


def test_an_undo_leaves_what_another_upload_holds(store: Store, account: Account, by_admin: Origin) -> None:
    """Two lists with the same phones: undoing one opts nobody in, undoing both does."""
    first = applied(store, account, by_admin)
    second = applied(store, account, by_admin, PHONES[5:], file_id="F2")
    assert (second.upload.newly_opted_out, second.upload.already_opted_out) == (0, 5)
    assert store.uploads.preview_undo(account.id, first.upload.id) == UndoPreview(5, 5, 0)
    upload = undone(store, first, by_admin)
    assert (upload.opted_in, upload.kept_out, exact(store, account)) == (5, 5, 5)
    upload = undone(store, second, by_admin)
    assert (upload.opted_in, upload.kept_out, exact(store, account)) == (5, 0, 0)


def test_conversations_in_active_campaigns_re_open(store: Store, account: Account, by_admin: Origin) -> None:
    """Of the phones that are opted in, and of no others; in the same transaction as what opts them in."""
    store.campaigns.put(account.id, "gotv", "GOTV October", active=True)
    store.campaigns.put(account.id, "old", "Phonebank 2025", active=False)
    other = store.accounts.get_or_create("T0OTHER", "Other")
    store.campaigns.put(other.id, "gotv", "Theirs", active=True)
    store.campaigns.put_conversation(other.id, "gotv", "Ann", PHONES[0])
    store.optouts.add(other.id, [PHONES[0]], by_admin)
    for campaign in ("gotv", "old"):
        store.campaigns.put_conversation(account.id, campaign, "Ann", PHONES[0])
        store.campaigns.put_conversation(account.id, campaign, "Bob", PHONES[1])
    store.optouts.add(account.id, [PHONES[1]], by_admin)
    work = applied(store, account, by_admin)
    assert store.uploads.preview_undo(account.id, work.upload.id) == UndoPreview(9, 1, 1)
    assert undone(store, work, by_admin).reopened == 1
    states = {
        (c.campaign_id, c.contact): c.opted_out
        for phone in PHONES[:2]
        for c in store.optouts.find(account.id, phone).conversations
    }
    assert states == {
        ("gotv", "Ann"): False,
        ("old", "Ann"): True,
        ("gotv", "Bob"): True,
        ("old", "Bob"): True,
    }
    assert store.optouts.find(other.id, PHONES[0]).conversations[0].opted_out


def test_a_batch_is_undone_once(store: Store, account: Account, by_admin: Origin) -> None:
    """A batch that was committed is refused when it comes again, and so is a worker that was taken over."""
    work = applied(store, account, by_admin)
    store.uploads.undo(account.id, work.upload.id, by_admin, within=WEEK)
    work = work.renew(lease_seconds=60)
    after = work.undo_batch(lease_seconds=60, batch=4)
    with pytest.raises(LeaseLost):
        work.undo_batch(lease_seconds=60, batch=4)
    assert (after.upload.opted_in, exact(store, account)) == (4, 6)
    with pytest.raises(StoreError, match="has not come to its end"):
        after.finish_undo()
    after.renew(lease_seconds=-1)
    newer = claimed(store, after.upload, owner="another")
    attempts: tuple[Callable[[], object], ...] = (
        lambda: after.undo_batch(lease_seconds=60),
        after.finish_undo,
        after.expire,
        lambda: after.set_reminded(reminded=True),
        lambda: after.set_attached("F9"),
    )
    for attempt in attempts:
        with pytest.raises(LeaseLost):
            attempt()
    while newer.upload.undo_phone < newer.upload.last_phone:
        newer = newer.undo_batch(lease_seconds=60, batch=4)
    assert newer.finish_undo().upload.opted_in == 10
    assert exact(store, account) == 0


def test_undoing_twice(store: Store, account: Account, by_admin: Origin) -> None:
    """The second who asks is told how it stands, while it is undone and after it; there is one entry."""
    work = applied(store, account, by_admin)
    store.uploads.undo(account.id, work.upload.id, by_admin, within=WEEK)
    with pytest.raises(WrongState, match="is being undone"):
        store.uploads.undo(account.id, work.upload.id, by_admin, within=WEEK)
    work = work.renew(lease_seconds=60).undo_batch(lease_seconds=60)
    work.finish_undo()
    with pytest.raises(WrongState, match="was undone"):
        store.uploads.undo(account.id, work.upload.id, by_admin, within=WEEK)
    assert [entry.function for entry in latest_entries(store, account.id, 9)] == ["undo", "upload"]


def test_undoing_while_it_is_applied(store: Store, account: Account, by_admin: Origin) -> None:
    """Refused: it is stopped first; then exactly what was applied is taken back."""
    work = applying(store, account, by_admin).apply_batch(lines(PHONES[:4]), [], lease_seconds=60)
    with pytest.raises(WrongState, match=r"still being opted out\. Stop it first"):
        store.uploads.undo(account.id, work.upload.id, by_admin, within=WEEK)
    store.uploads.stop(account.id, work.upload.id, by_admin)
    after = undone(store, work, by_admin)
    assert (after.opted_in, exact(store, account)) == (4, 0)
    with pytest.raises(WrongState, match="was undone"):
        store.uploads.go_on(account.id, work.upload.id, by_admin)


def test_undoing_what_failed(store: Store, account: Account, by_admin: Origin) -> None:
    """What was stored before a failure can be taken back; where nothing was, there is nothing to undo."""
    work = applying(store, account, by_admin).apply_batch(lines(PHONES[:4]), [], lease_seconds=60)
    work = work.fail("The disk is full.")
    assert undone(store, work, by_admin).opted_in == 4
    other = claimed(store, received(store, account, file_id="F2"))
    other.fail("The disk is full.")
    with pytest.raises(WrongState, match="nothing to undo"):
        store.uploads.undo(account.id, other.upload.id, by_admin, within=WEEK)


@pytest.mark.wide_but_first
def test_an_undo_that_failed_goes_on(store: Store, account: Account, by_admin: Origin) -> None:
    """Asked again, even after the days are over, it goes on from its checkpoint by the entry it has."""
    work = applied(store, account, by_admin)
    store.uploads.undo(account.id, work.upload.id, by_admin, within=WEEK)
    work = work.renew(lease_seconds=60).undo_batch(lease_seconds=60, batch=4)
    finished = work.upload.finished_at
    failed = work.fail("Something went wrong on our side.")
    assert (failed.upload.state, failed.upload.finished_at) == ("failed", finished)
    after = undone(store, work, by_admin)
    assert (after.opted_in, after.problem, exact(store, account)) == (10, None, 0)
    assert len(latest_entries(store, account.id, 9)) == 2


def test_the_days_are_over(store: Store, account: Account, by_admin: Origin) -> None:
    """An upload can be undone for so many days after it was applied; then the way by hand is named."""
    work = applied(store, account, by_admin)
    turn_back(store, "finished_at", timedelta(days=6, hours=23))
    assert store.uploads.undo(account.id, work.upload.id, by_admin, within=WEEK).state == "undoing"
    other = applied(store, account, by_admin, PHONES, file_id="F2")
    turn_back(store, "finished_at", timedelta(days=7, seconds=1))
    with pytest.raises(WrongState, match=r"can no longer be undone: that is possible for 7 days .*`/optout delete`"):
        store.uploads.undo(account.id, other.upload.id, by_admin, within=WEEK)


@pytest.mark.wide_but_first
@pytest.mark.parametrize("window", [1, 2, 3, 7])
def test_an_undo_walks_through_other_opt_outs(
    store: Store, account: Account, by_admin: Origin, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many other reasons and phones lie between an upload's, and however long the steps, all of it is found."""
    monkeypatch.setattr(module, "LONGEST", window)
    between = [f"{phone}{digit}" for phone in PHONES for digit in range(3)]
    for _ in range(3):
        store.optouts.add(account.id, [*between, PHONES[4]], by_admin)
    work = applied(store, account, by_admin)
    for _ in range(3):
        store.optouts.add(account.id, [*between, PHONES[6]], by_admin)
    assert store.uploads.preview_undo(account.id, work.upload.id) == UndoPreview(8, 2, 0)
    after = undone(store, work, by_admin, batch=2)
    assert (after.opted_in, after.kept_out) == (8, 2)
    assert out(store, account) == {*between, PHONES[4], PHONES[6]}
    assert exact(store, account) == len(between) + 2


def test_an_upload_is_not_another_accounts_to_change(store: Store, account: Account, by_admin: Origin) -> None:
    """Neither stopped, continued nor undone, nor counted."""
    work = applied(store, account, by_admin)
    other = store.accounts.get_or_create("T0OTHER", "Other")
    attempts: tuple[Callable[[], object], ...] = (
        lambda: store.uploads.stop(other.id, work.upload.id, by_admin),
        lambda: store.uploads.go_on(other.id, work.upload.id, by_admin),
        lambda: store.uploads.undo(other.id, work.upload.id, by_admin, within=WEEK),
        lambda: store.uploads.preview_undo(other.id, work.upload.id),
    )
    for attempt in attempts:
        with pytest.raises(StoreError, match="no upload 1"):
            attempt()


# The yes and what it is for


def test_a_yes_is_for_the_preview_that_was_seen(store: Store, account: Account, by_admin: Origin) -> None:
    """Read again with another outcome, the list waits for another yes."""
    work = claimed(store, received(store, account))
    fingerprint = work.staged(counts()).upload.fingerprint
    store.uploads.set_country(account.id, work.upload.id, "GB")
    again = work.staged(replace(counts(phones=9), country="GB"))
    assert again.upload.fingerprint != fingerprint
    with pytest.raises(WrongState, match="was read again since, with other counts"):
        store.uploads.confirm(account.id, work.upload.id, by_admin, fingerprint=fingerprint)
    assert (
        store.uploads.confirm(account.id, work.upload.id, by_admin, fingerprint=again.upload.fingerprint).state
        == "applying"
    )


@pytest.mark.wide_but_first
def test_the_same_file_applied_before(store: Store, account: Account, by_admin: Origin) -> None:
    """Its entry says when and by whom; what was undone, and what another account did, does not count."""
    other = store.accounts.get_or_create("T0OTHER", "Other")
    applied(store, other, by_admin)
    work = claimed(store, received(store, account, file_id="F3"))
    waiting = work.staged(counts())
    assert store.uploads.applied_before(waiting.upload) is None
    first = applied(store, account, by_admin)
    entry = store.uploads.applied_before(waiting.upload)
    assert entry is not None
    assert (entry.id, entry.actor, entry.file_name) == (first.upload.entry_id, by_admin.actor, "stops.csv")
    assert store.uploads.applied_before(first.upload) is None
    undone(store, first, by_admin)
    assert store.uploads.applied_before(waiting.upload) is None


def test_phones_known_from_conversations(store: Store, account: Account, by_admin: Origin) -> None:
    """Each phone counts once, however many campaigns text it; those that are out already are not opted out again."""
    for campaign in ("gotv", "old"):
        store.campaigns.put(account.id, campaign, campaign, active=True)
        for phone in PHONES[:4]:
            store.campaigns.put_conversation(account.id, campaign, phone, phone)
    store.optouts.add(account.id, PHONES[:1], by_admin)
    assert store.uploads.known(account.id) == 4
    assert store.uploads.texted(account.id, PHONES[:3]) == 2
    assert store.uploads.texted(account.id, []) == 0


# Waiting


def waiting(store: Store, account: Account) -> Upload:
    """An upload whose preview was shown, and that nobody works on."""
    work = claimed(store, received(store, account))
    work.staged(counts())
    return work.release(settled=UploadState.WAITING)


def test_a_preview_is_due_for_a_reminder_once(store: Store, account: Account) -> None:
    """After its hours one replica gets it, to remind; then nobody does until it expires."""
    waiting(store, account)
    assert store.uploads.claim("one", lease_seconds=60, deadlines=DEADLINES) is None
    turn_back(store, "waiting_since", timedelta(hours=24))
    assert store.uploads.claim("one", lease_seconds=60) is None
    mine = store.uploads.claim("one", lease_seconds=60, deadlines=DEADLINES)
    assert mine is not None
    assert store.uploads.claim("two", lease_seconds=60, deadlines=DEADLINES) is None
    mine.set_reminded(reminded=True)
    mine.release(settled=UploadState.WAITING)
    assert store.uploads.claim("two", lease_seconds=60, deadlines=DEADLINES) is None
    turn_back(store, "waiting_since", timedelta(hours=48))
    assert store.uploads.claim("two", lease_seconds=60, deadlines=DEADLINES) is not None


def test_a_reminder_that_failed_is_due_again(store: Store, account: Account) -> None:
    """Slack did not take it, so it is taken back."""
    waiting(store, account)
    turn_back(store, "waiting_since", timedelta(hours=24))
    mine = store.uploads.claim("one", lease_seconds=60, deadlines=DEADLINES)
    assert mine is not None
    mine.set_reminded(reminded=True)
    mine.set_reminded(reminded=False)
    mine.release(settled=UploadState.WAITING)
    assert store.uploads.claim("two", lease_seconds=60, deadlines=DEADLINES) is not None


def test_a_preview_expires_once(store: Store, account: Account, by_admin: Origin) -> None:
    """It can no longer be confirmed, and says so; nothing was changed."""
    waiting(store, account)
    turn_back(store, "waiting_since", timedelta(hours=72))
    mine = store.uploads.claim("one", lease_seconds=60, deadlines=DEADLINES)
    assert mine is not None
    assert mine.expire().upload.state == "expired"
    with pytest.raises(WrongState, match=r"expired\. Drop the file again to start over"):
        mine.expire()
    with pytest.raises(WrongState, match="expired"):
        mine.set_reminded(reminded=True)
    with pytest.raises(WrongState, match="expired"):
        store.uploads.confirm(account.id, mine.upload.id, by_admin)
    assert exact(store, account) == 0


def test_a_yes_before_the_expiry_counts(store: Store, account: Account, by_admin: Origin) -> None:
    """Whoever claimed it to let it expire finds that somebody decided."""
    waiting(store, account)
    turn_back(store, "waiting_since", timedelta(hours=72))
    mine = store.uploads.claim("one", lease_seconds=60, deadlines=DEADLINES)
    assert mine is not None
    store.uploads.confirm(account.id, mine.upload.id, by_admin)
    with pytest.raises(WrongState, match="being opted out already"):
        mine.expire()


@pytest.mark.wide_but_first
def test_reading_again_starts_the_wait_anew(store: Store, account: Account) -> None:
    """Another country is a new preview, with its own reminder and end."""
    waiting(store, account)
    turn_back(store, "waiting_since", timedelta(hours=80))
    mine = store.uploads.claim("one", lease_seconds=60, deadlines=DEADLINES)
    assert mine is not None
    mine.set_reminded(reminded=True)
    store.uploads.set_country(account.id, mine.upload.id, "GB")
    again = mine.staged(counts())
    assert again.upload.reminded_at is None
    assert isinstance(again.upload.waiting_since, datetime)
    mine.release(settled=UploadState.WAITING)
    assert store.uploads.claim("two", lease_seconds=60, deadlines=DEADLINES) is None


# Lanes


def test_start_waits_no_more_once_the_list_is_undone(store: Store, account: Account, by_admin: Origin) -> None:
    """What the list alone kept out is settled by its undo; who is out for something else waits on."""
    work = applied(store, account, by_admin)
    store.optouts.add(account.id, [PHONES[1]], by_admin)
    waits = [
        store.replies.hear(account.id, Reply("bench", phone, phone, "12345", "START", store.now()), by_admin).id
        for phone in PHONES[:2]
    ]
    upload = undone(store, work, by_admin)
    settled = store.replies.get(account.id, waits[0])
    assert (settled.state, settled.entry) == (ReplyState.SETTLED, upload.undo_entry_id)
    assert [one.id for one in store.replies.waiting(account.id)] == waits[1:]
