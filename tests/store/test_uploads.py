"""Uploads: who works on one, which way its state may go, and that its counts are exact."""

import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from store import (
    Account,
    Actor,
    Asked,
    Choices,
    Crowded,
    Deadlines,
    Function,
    Lease,
    LeaseKeeper,
    LeaseLost,
    Origin,
    Store,
    StoreError,
    StoreRefused,
    StoreUnavailable,
    Upload,
    UploadState,
    UploadWork,
    WrongState,
)
from store.models import metadata
from store.phones.numbers import Reason
from store.records import Batch, StagedCounts, UnreadableRow
from tests.entries import latest_entries
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

DROPPER = Actor("U0DROPPER", "dropper")
PHONES = [f"+1212736{number:04d}" for number in range(5000, 5010)]


def received(
    store: Store,
    account: Account,
    *,
    file_id: str = "F1",
    channel_id: str = "C1",
    actor: Actor = DROPPER,
    size: int = 0,
) -> Upload:
    upload, created = store.uploads.receive(
        account.id,
        file_id=file_id,
        file_name="stops.csv",
        channel_id=channel_id,
        channel_name="optout-uploads",
        thread_ts="1.000001",
        permalink=None,
        actor=actor,
        country="US",
        size=size,
    )
    assert created
    return upload


def claimed(store: Store, upload: Upload, *, owner: str = "me", lease_seconds: float = 60) -> UploadWork:
    found = store.uploads.claim(owner, lease_seconds=lease_seconds, upload=(upload.account_id, upload.id))
    assert found is not None
    return found


def counts(*, phones: int = len(PHONES), unreadable: int = 0, already: int = 0) -> StagedCounts:
    return StagedCounts(
        rows=phones + unreadable,
        phones=phones,
        already=already,
        unreadable=unreadable,
        summary={"unreadable": [["too short", unreadable, 3]] if unreadable else []},
        columns=("name", "phone"),
        sha256="ab" * 32,
        phone_column="phone",
        country="US",
        phonenumbers_version="9.0.43",
    )


def applying(store: Store, account: Account, by: Origin, staged: StagedCounts | None = None) -> UploadWork:
    """An upload that was staged and confirmed, claimed by "me"."""
    work = claimed(store, received(store, account))
    work.staged(staged or counts())
    store.uploads.confirm(account.id, work.upload.id, by)
    work.release(settled=None)
    return claimed(store, work.upload)


def turn_back(store: Store, column: str, span: timedelta) -> None:
    """Make the moment in *column* of every upload one that lies *span* further back."""
    table = metadata.tables["uploads"]
    with store.database.write() as connection:
        for row in connection.execute(sa.select(table.c.account_id, table.c.id, table.c[column])).all():
            values = {column: row[2] - span if row[2] else None}
            one = sa.and_(table.c.account_id == row[0], table.c.id == row[1])
            connection.execute(sa.update(table).where(one).values(values))


def lines(phones: list[str], start: int = 0, end: int | None = None) -> Batch:
    """Those of *phones* from *start* to *end*, the first of all on line 2."""
    return Batch({phone: line for line, phone in list(enumerate(phones, 2))[start:end]})


def test_a_file_in_a_channel_is_one_upload(store: Store, account: Account) -> None:
    """The same file in the same channel is known; in another channel it is another upload. Ids count up from 1."""
    first = received(store, account)
    again, created = store.uploads.receive(
        account.id,
        file_id="F1",
        file_name="stops.csv",
        channel_id="C1",
        channel_name=None,
        thread_ts=None,
        permalink=None,
        actor=DROPPER,
        country=None,
    )
    assert (again, created) == (first, False)
    other = received(store, account, channel_id="C2")
    assert (first.id, other.id) == (1, 2)
    assert [upload.id for upload in store.uploads.list(account.id, 10)] == [2, 1]
    assert (first.state, first.pending, first.actor, first.country) == ("received", True, DROPPER, "US")


def test_receiving_ends_the_event_that_told_of_it(store: Store, account: Account) -> None:
    """The upload and the end of its event are one transaction, so a taken-up event is not handled twice."""
    event = store.inbox.keep(account.id, "Ev1", "file_shared", "C1", {}, lease_seconds=0)
    store.uploads.receive(
        account.id,
        file_id="F1",
        file_name="stops.csv",
        channel_id="C1",
        channel_name=None,
        thread_ts=None,
        permalink=None,
        actor=DROPPER,
        country=None,
        event=event,
    )
    assert store.inbox.claim("another", lease_seconds=60) is None


def test_an_upload_is_not_another_accounts(store: Store, account: Account) -> None:
    """Another account neither sees an upload nor can decide on it."""
    upload = received(store, account)
    other = store.accounts.get_or_create("T0OTHER", "Other")
    assert store.uploads.list(other.id, 10) == ()
    with pytest.raises(StoreError, match="no upload 1"):
        store.uploads.get(other.id, upload.id)
    with pytest.raises(StoreError, match="no upload 1"):
        store.uploads.cancel(other.id, upload.id, Origin(Function.BUTTON, DROPPER))


def test_an_upload_has_one_worker(store: Store, account: Account) -> None:
    """A claimed upload is nobody else's until its lease is over; each claim raises the fence."""
    received(store, account)
    first = store.uploads.claim("one", lease_seconds=60)
    assert first is not None
    assert store.uploads.claim("two", lease_seconds=60) is None
    first.renew(lease_seconds=-1)
    second = store.uploads.claim("two", lease_seconds=60)
    assert second is not None
    assert second.lease == Lease("two", first.lease.fence + 1)


def test_whoever_waited_longest_comes_first(store: Store, account: Account) -> None:
    """Uploads are claimed in the order they came; those of other accounts too."""
    other = store.accounts.get_or_create("T0OTHER", "Other")
    wanted = [received(store, account), received(store, account, file_id="F2"), received(store, other)]
    found = []
    while (work := store.uploads.claim("me", lease_seconds=60)) is not None:
        found.append((work.upload.account_id, work.upload.id))
        work.fail("done with")
        work.release(settled=UploadState.FAILED)
    assert found == [(upload.account_id, upload.id) for upload in wanted]


def test_who_has_fewest_lists_at_work_comes_first(store: Store, account: Account) -> None:
    """However many lists somebody drops, another account's is next, then another person's of the same account."""
    other = store.accounts.get_or_create("T0OTHER", "Other")
    for number in range(4):
        received(store, account, file_id=f"F{number}")
    colleague = received(store, account, file_id="F9", actor=Actor("U0COLLEAGUE", "colleague"))
    stranger = received(store, other)
    found = [store.uploads.claim("me", lease_seconds=60) for _ in range(4)]
    ids = [(work.upload.account_id, work.upload.id) for work in found if work]
    assert ids == [(account.id, 1), (other.id, stranger.id), (account.id, colleague.id), (account.id, 2)]


def test_nobody_gets_more_lanes_than_are_theirs(store: Store, account: Account) -> None:
    """Lists of whom a process works for enough are left alone, large ones before small, but for what is only to be shown."""
    small, large, stranger = (
        received(store, account, file_id="F1", size=1_000),
        received(store, account, file_id="F2", size=9_000_000),
        received(store, store.accounts.get_or_create("T0OTHER", "Other"), size=9_000_000),
    )
    person = (account.id, DROPPER.id)
    nobody = Crowded(frozenset(), frozenset(), frozenset(), 5_000_000)

    def next_of(crowded: Crowded) -> Upload | None:
        work = store.uploads.claim("me", lease_seconds=60, crowded=crowded)
        return None if work is None else work.release(settled=None)

    def found(crowded: Crowded) -> tuple[int, int] | None:
        upload = next_of(crowded)
        return None if upload is None else (upload.account_id, upload.id)

    assert found(nobody) == (account.id, small.id)
    assert found(replace(nobody, people=frozenset({person}))) == (stranger.account_id, stranger.id)
    assert found(replace(nobody, accounts=frozenset({account.id}))) == (stranger.account_id, stranger.id)
    work = claimed(store, small)
    assert found(replace(nobody, large=frozenset({person}))) == (stranger.account_id, stranger.id)
    everybody = replace(nobody, accounts=frozenset({account.id, stranger.account_id}))
    assert found(everybody) is None
    store.uploads.cancel(account.id, large.id, Origin(Function.UPLOAD, DROPPER))
    assert found(everybody) == (account.id, large.id)
    work.release(settled=None)


def test_what_waits_for_its_turn_says_so_once(store: Store, account: Account) -> None:
    """A list that nobody began with in two seconds is to be shown as waiting, once, and again after its state changed."""
    upload = received(store, account)
    deadlines = Deadlines(remind=timedelta(days=1), expire=timedelta(days=3), undo=timedelta(days=7))

    def shown() -> Upload | None:
        work = store.uploads.claim_to_show("me", lease_seconds=60, deadlines=deadlines)
        return None if work is None else work.release(settled=None)

    assert shown() is None
    turn_back(store, "received_at", timedelta(seconds=3))
    told = shown()
    assert told is not None
    assert (told.state, told.pending, told.queued) == ("received", True, True)
    assert shown() is None
    work = claimed(store, upload)
    assert not work.upload.queued
    work.release(settled=None)
    assert shown() is not None


def test_an_upload_is_shown_again(store: Store, account: Account) -> None:
    """One that ended is shown once more, but not before whoever shows it now is done; one at work is shown at its end."""
    upload = received(store, account)
    deadlines = Deadlines(remind=timedelta(days=1), expire=timedelta(days=3), undo=timedelta(days=7))
    assert store.uploads.show_again(account.id, upload.id)
    work = claimed(store, upload).fail("Nobody can read it.")
    assert not store.uploads.show_again(account.id, upload.id)
    assert not work.release(settled=work.upload.state).pending
    assert store.uploads.claim_to_show("me", lease_seconds=60, deadlines=deadlines) is None
    assert store.uploads.show_again(account.id, upload.id)
    assert store.uploads.claim_to_show("me", lease_seconds=60, deadlines=deadlines) is not None


def test_what_ends_its_workers_is_counted(store: Store, account: Account) -> None:
    """A holder that never gave an upload back died, as far as anybody knows; who takes up its own again, or gave it back, did not."""
    upload = received(store, account)
    work = claimed(store, upload, owner="one")
    work.renew(lease_seconds=-1)
    work = claimed(store, upload, owner="one")
    assert work.upload.deaths == 0
    work.renew(lease_seconds=-1)
    work = claimed(store, upload, owner="another")
    assert work.upload.deaths == 1
    work.release(settled=None)
    work = claimed(store, upload, owner="third")
    assert work.upload.deaths == 1
    assert work.died(seconds=0).deaths == 2
    work = claimed(store, upload, owner="one")
    assert work.upload.deaths == 2
    assert work.staged(counts()).upload.deaths == 0


@pytest.mark.wide
def test_work_that_hangs_is_taken_over(store: Store, account: Account) -> None:
    """The lease is renewed while the work says that it goes on; of work that says nothing any more it runs out."""
    upload = received(store, account)

    def taken() -> UploadWork | None:
        return store.uploads.claim("another", lease_seconds=60, upload=(account.id, upload.id))

    # A busy machine keeps a thread waiting for less than two thirds of it.
    lease_seconds = 3.0
    work = claimed(store, upload, lease_seconds=lease_seconds)
    with LeaseKeeper(work, lease_seconds=lease_seconds, stall_seconds=60) as keeper:
        began = time.monotonic()
        while time.monotonic() - began < 1.3 * lease_seconds:
            keeper.check()
            assert taken() is None
    with LeaseKeeper(work, lease_seconds=lease_seconds, stall_seconds=0.3):
        began = time.monotonic()
        while taken() is None:
            assert time.monotonic() - began < PATIENCE


def test_everything_is_refused_to_a_worker_that_lost_its_lease(
    store: Store, account: Account, by_admin: Origin
) -> None:
    """A worker that wakes up after somebody took over changes nothing: neither state, nor message, nor opt-outs."""
    frozen = applying(store, account, by_admin)
    frozen.renew(lease_seconds=-1)
    now = claimed(store, frozen.upload, owner="another")
    attempts: list[Callable[[], object]] = [
        lambda: frozen.renew(lease_seconds=60),
        lambda: frozen.release(settled=UploadState.APPLYING),
        lambda: frozen.set_message("1.2"),
        lambda: frozen.staged(counts()),
        lambda: frozen.refuse("no"),
        lambda: frozen.fail("no"),
        lambda: frozen.apply_batch(lines(PHONES), [], lease_seconds=60),
        frozen.finish,
    ]
    for attempt in attempts:
        with pytest.raises(LeaseLost):
            attempt()
    assert store.uploads.get(account.id, frozen.upload.id) == now.upload
    assert store.optouts.recount(account.id) == 0


def test_the_same_owner_is_refused_under_an_older_fence(store: Store, account: Account) -> None:
    """A replica that lost an upload and claimed it again refuses its own older worker."""
    old = claimed(store, received(store, account), lease_seconds=-1)
    claimed(store, old.upload)
    with pytest.raises(LeaseLost):
        old.renew(lease_seconds=60)


def test_a_batch_is_stored_once(store: Store, account: Account, by_admin: Origin) -> None:
    """A batch that was committed is refused when it comes again, as when its worker never heard that it was."""
    work = applying(store, account, by_admin)
    after = work.apply_batch(lines(PHONES[:5]), [], lease_seconds=60)
    with pytest.raises(LeaseLost):
        work.apply_batch(lines(PHONES[:5]), [], lease_seconds=60)
    assert store.uploads.get(account.id, work.upload.id).newly_opted_out == after.upload.newly_opted_out == 5
    assert store.optouts.recount(account.id) == 5


def test_applying_counts_new_and_already_opted_out(store: Store, account: Account, by_admin: Origin) -> None:
    """Phones that were out get one more reason and are counted apart; the account's count stays exact."""
    store.optouts.add(account.id, [PHONES[1], PHONES[7], "+12127369999"], by_admin)
    store.optouts.add(account.id, [PHONES[3]], by_admin)
    store.optouts.delete(account.id, PHONES[3], by_admin)
    work = applying(store, account, by_admin)
    work = work.apply_batch(lines(PHONES, 0, 4), [], lease_seconds=60)
    assert (work.upload.newly_opted_out, work.upload.already_opted_out, work.upload.last_phone) == (3, 1, PHONES[3])
    work = work.apply_batch(lines(PHONES, 4), [], lease_seconds=60)
    work = work.finish()
    assert (work.upload.state, work.upload.newly_opted_out, work.upload.already_opted_out) == ("done", 8, 2)
    assert store.optouts.count(account.id) == store.optouts.recount(account.id) == 11
    state = store.optouts.find(account.id, PHONES[1])
    assert [opt_out.entry.function for opt_out in state.standing] == [Function.UPLOAD, Function.COMMAND]
    newest = state.standing[0]
    assert (newest.line, newest.entry.file_name, newest.entry.actor) == (3, "stops.csv", by_admin.actor)


def test_applying_marks_conversations(store: Store, account: Account, by_admin: Origin) -> None:
    """The open conversations with a list's phones are opted out in the same transaction."""
    store.campaigns.put(account.id, "gotv", "GOTV October", active=True)
    store.campaigns.put_conversation(account.id, "gotv", "Ann", PHONES[0])
    store.campaigns.put_conversation(account.id, "gotv", "Bob", "+12127369999")
    applying(store, account, by_admin).apply_batch(lines(PHONES), [], lease_seconds=60)
    (ann,) = store.optouts.find(account.id, PHONES[0]).conversations
    (bob,) = store.optouts.find(account.id, "+12127369999").conversations
    assert (ann.opted_out, bob.opted_out) == (True, False)


def test_unreadable_rows_are_kept_with_their_cells(store: Store, account: Account, by_admin: Origin) -> None:
    """Unreadable rows come back in line order and whole, over as many batches and pages as there are."""
    rows = [
        UnreadableRow(
            line,
            f'{line}"\t\\,é\n',
            Reason.TOO_SHORT,
            "5 digits, a US number has 10",
            ("Ann\\N", "", f'{line}"\t\\,é\n'),
        )
        for line in range(2, 2_502)
    ]
    work = applying(store, account, by_admin, counts(phones=0, unreadable=len(rows)))
    work = work.apply_batch(Batch({}), rows[:1_700], lease_seconds=60)
    work = work.apply_batch(Batch({}), rows[1_700:], lease_seconds=60)
    assert work.upload.last_unreadable == 2_501
    assert work.finish().upload.state == "done"
    assert list(store.uploads.list_unreadable(account.id, work.upload.id)) == rows


def test_a_batch_that_fails_leaves_nothing(store: Store, account: Account, by_admin: Origin) -> None:
    """When any part of a batch cannot be stored, none of it is: no opt-out, no count, no checkpoint."""
    work = applying(store, account, by_admin)
    twice = [UnreadableRow(3, "1", Reason.TOO_SHORT, "only 1 digit", ("1",))] * 2
    with pytest.raises(StoreRefused):
        work.apply_batch(lines(PHONES), twice, lease_seconds=60)
    assert store.uploads.get(account.id, work.upload.id) == work.upload
    assert store.optouts.count(account.id) == store.optouts.recount(account.id) == 0


def test_an_upload_is_done_when_all_of_it_is_stored(store: Store, account: Account, by_admin: Origin) -> None:
    """Finishing before the last phone is refused: no report may say more than was done."""
    work = applying(store, account, by_admin).apply_batch(lines(PHONES[:4]), [], lease_seconds=60)
    with pytest.raises(StoreError, match="Only 4 of 10 phones"):
        work.finish()
    assert store.uploads.get(account.id, work.upload.id).state == "applying"


def test_confirming_makes_one_entry(store: Store, account: Account, by_admin: Origin) -> None:
    """The entry is of who said yes, not of who dropped the file; a second yes makes none and says how it stands."""
    work = claimed(store, received(store, account))
    waiting = work.staged(counts())
    assert (waiting.upload.state, waiting.upload.rows, waiting.upload.columns) == ("waiting", 10, ("name", "phone"))
    confirmed = store.uploads.confirm(account.id, work.upload.id, replace(by_admin, function=Function.BUTTON))
    assert (confirmed.state, confirmed.pending) == ("applying", True)
    with pytest.raises(WrongState, match="being opted out already"):
        store.uploads.confirm(account.id, work.upload.id, by_admin)
    (entry,) = latest_entries(store, account.id, 10)
    assert (entry.id, entry.function, entry.actor) == (confirmed.entry_id, Function.UPLOAD, by_admin.actor)
    assert entry.upload_id == work.upload.id


def test_a_list_of_the_opposite_is_never_staged(store: Store, account: Account) -> None:
    """Words that ask to allow texts again may come while its holder is at work: whatever it saw since, it asks for no yes."""
    before = received(store, account)
    work = claimed(store, before)
    again, changed = store.uploads.receive(
        account.id,
        file_id=before.file_id,
        file_name=before.file_name,
        channel_id=before.channel_id,
        channel_name=before.channel_name,
        thread_ts=before.thread_ts,
        permalink=before.permalink,
        actor=before.actor,
        country=before.country,
        choices=Choices(asked=Asked.OPT_IN),
    )
    assert (changed, again.state) == (True, "received")
    for held in (work, work.renew(lease_seconds=60)):
        with pytest.raises(WrongState, match="to be read otherwise"):
            held.staged(counts())
    assert store.uploads.get(account.id, before.id).state == "received"


def test_a_cancelled_upload_stays_cancelled(store: Store, account: Account, by_admin: Origin) -> None:
    """After a no there is no yes, and the worker that was still reading learns of it."""
    work = claimed(store, received(store, account))
    assert store.uploads.cancel(account.id, work.upload.id, by_admin).state == "cancelled"
    with pytest.raises(WrongState, match="was cancelled"):
        store.uploads.confirm(account.id, work.upload.id, by_admin)
    with pytest.raises(WrongState, match="was cancelled"):
        work.staged(counts())
    with pytest.raises(WrongState, match="was cancelled"):
        store.uploads.cancel(account.id, work.upload.id, by_admin)
    assert store.uploads.get(account.id, work.upload.id).pending


def test_what_is_being_applied_cannot_be_cancelled(store: Store, account: Account, by_admin: Origin) -> None:
    """Cancelling is for before anything was changed."""
    work = applying(store, account, by_admin)
    with pytest.raises(WrongState, match="being opted out already"):
        store.uploads.cancel(account.id, work.upload.id, by_admin)


def test_another_country_or_column_has_it_read_again(store: Store, account: Account) -> None:
    """A waiting or refused upload goes back to received and to the workers; one being read does not."""
    work = claimed(store, received(store, account))
    with pytest.raises(WrongState, match="still being read"):
        store.uploads.set_country(account.id, work.upload.id, "GB")
    refused = work.refuse("no column called phone", columns=("Name", "Mobile"), likely="Mobile")
    assert (refused.upload.state, refused.upload.problem) == ("refused", "no column called phone")
    assert (refused.upload.columns, refused.upload.summary["likely"]) == (("Name", "Mobile"), "Mobile")
    again = store.uploads.set_column(account.id, work.upload.id, "Mobile")
    assert (again.state, again.phone_column, again.problem, again.pending) == ("received", "Mobile", None, True)
    work.staged(counts())
    assert store.uploads.set_country(account.id, work.upload.id, "GB").country == "GB"


def test_what_was_shown_is_left_in_peace(store: Store, account: Account, by_admin: Origin) -> None:
    """A waiting upload whose preview was shown is nobody's work until somebody decides."""
    work = claimed(store, received(store, account))
    work.staged(counts())
    assert not work.release(settled=UploadState.WAITING).pending
    assert store.uploads.claim("me", lease_seconds=60) is None
    store.uploads.confirm(account.id, work.upload.id, by_admin)
    assert claimed(store, work.upload).upload.state == "applying"


def test_a_decision_while_the_preview_is_shown_is_not_lost(store: Store, account: Account, by_admin: Origin) -> None:
    """When the state has changed since it was shown, giving the upload back leaves it to be worked on."""
    work = claimed(store, received(store, account))
    work.staged(counts())
    store.uploads.confirm(account.id, work.upload.id, by_admin)
    assert work.release(settled=UploadState.WAITING).pending
    assert claimed(store, work.upload).upload.state == "applying"


@pytest.mark.parametrize("state", [UploadState.RECEIVED, UploadState.APPLYING])
def test_unfinished_work_is_never_settled(store: Store, account: Account, by_admin: Origin, state: UploadState) -> None:
    """However it is given back, an upload with work left stays to be claimed."""
    work = (
        applying(store, account, by_admin)
        if state is UploadState.APPLYING
        else claimed(store, received(store, account))
    )
    assert work.release(settled=state).pending


def test_the_message_is_remembered(store: Store, account: Account) -> None:
    """Whoever takes an upload over edits the message that is there."""
    work = claimed(store, received(store, account))
    work.set_message("1700000000.000100")
    assert store.uploads.get(account.id, work.upload.id).message_ts == "1700000000.000100"


def test_a_failure_keeps_what_was_stored(store: Store, account: Account, by_admin: Origin) -> None:
    """An upload that fails half-way keeps its opt-outs and counts, and says so; it is not taken up again by itself."""
    work = applying(store, account, by_admin).apply_batch(lines(PHONES[:4]), [], lease_seconds=60)
    failed = work.fail("The file changed after the preview.")
    assert (failed.upload.state, failed.upload.applied, failed.upload.pending) == ("failed", 4, True)
    assert store.optouts.count(account.id) == 4
    with pytest.raises(WrongState, match="could not be finished"):
        work.apply_batch(lines(PHONES[4:]), [], lease_seconds=60)


def test_already_out_counts_phones_that_stand(store: Store, account: Account, by_admin: Origin) -> None:
    """Each phone counts once however many reasons it has, and not at all once they are lifted."""
    store.optouts.add(account.id, PHONES[:3], by_admin)
    store.optouts.add(account.id, PHONES[:1], by_admin)
    store.optouts.delete(account.id, PHONES[2], by_admin)
    moment = store.uploads.list_moment(account.id)
    assert store.uploads.already_out(account.id, PHONES, moment) == 2
    assert store.uploads.already_out(account.id, [], moment) == 0


@pytest.mark.wide
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_writer_that_freezes_in_its_transaction_loses_it(
    store: Store, account: Account, by_admin: Origin, database_url: str
) -> None:
    """On PostgreSQL a frozen process keeps its locks for a bounded time: then others go on, and it finds that out."""
    work = applying(store, account, by_admin)
    frozen = Store.open(database_url, busy_seconds=0.2)

    def freeze() -> None:
        with frozen.database.write() as connection:
            frozen.database.lock_account(connection, account.id)
            # Waits for the lock above, which nobody gives back.
            work.apply_batch(lines(PHONES), [], lease_seconds=60)
            frozen.database.lock_account(connection, account.id)

    with pytest.raises(StoreUnavailable):
        freeze()
    frozen.close()
    assert store.optouts.count(account.id) == len(PHONES)


def test_words_that_come_again_do_not_undo_a_press(store: Store, account: Account) -> None:
    """One drop comes as two events: the words of the later change nothing that a button decided, unless they are more careful."""

    def hear(asked: Asked) -> bool:
        return store.uploads.receive(
            account.id,
            file_id="F1",
            file_name="stops.csv",
            channel_id="C1",
            channel_name=None,
            thread_ts="1.000001",
            permalink=None,
            actor=DROPPER,
            country="US",
            choices=Choices(asked=asked),
        )[1]

    assert hear(Asked.UNCLEAR)
    claimed(store, store.uploads.get(account.id, 1)).refuse("as it may be").release(settled=UploadState.REFUSED)
    store.uploads.ask(account.id, 1, None)
    assert not hear(Asked.UNCLEAR)
    assert store.uploads.get(account.id, 1).choices.asked is None
    assert hear(Asked.OPT_IN)
    claimed(store, store.uploads.get(account.id, 1)).refuse("the opposite").release(settled=UploadState.REFUSED)
    store.uploads.ask(account.id, 1, Asked.LOOK_UP)
    assert not hear(Asked.OPT_IN)
    assert not hear(Asked.UNCLEAR)
    assert store.uploads.get(account.id, 1).choices.asked is Asked.LOOK_UP
