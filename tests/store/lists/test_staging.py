"""Staging a list into a scratch file, and the loops that stage and apply an upload."""

import hashlib
import random
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from store import (
    Account,
    Actor,
    LeaseLost,
    ListRefused,
    Origin,
    PlainWriter,
    Scratch,
    Store,
    StoreError,
    StoreUnavailable,
    UploadWork,
    WrongState,
    apply_upload,
    note,
    restage,
    stage_upload,
)
from store.database import Database
from store.lists.staging import stage
from store.phones.numbers import Reason
from store.records import Batch, UnreadableRow

LIST = """name,phone
Ann,(212) 736-5001
Bob,+44 7911 123456
Cat,12345
Dan,212-736-5000
Eve,+1 212 736 5001
Fay,
Gus,12346
Hal,212 736 5002 x9
"""
LEASE = 60.0


def ignore(_rows: int, _fraction: float) -> None:
    """A progress that nobody watches."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "stops.csv"
    path.write_text(LIST)
    return path


@pytest.fixture
def scratch_path(tmp_path: Path) -> Path:
    return tmp_path / "scratch"


def staged(path: Path, scratch_path: Path, country: str | None = "US") -> Scratch:
    return stage(path, scratch_path, country=country, column=None, progress=ignore)


def claimed(store: Store, account: Account, *, country: str | None = "US", lease_seconds: float = LEASE) -> UploadWork:
    store.uploads.receive(
        account.id,
        file_id="F1",
        file_name="stops.csv",
        channel_id="C1",
        channel_name="optout-uploads",
        thread_ts=None,
        permalink=None,
        actor=Actor("U0DROPPER", "dropper"),
        country=country,
    )
    work = store.uploads.claim("me", lease_seconds=lease_seconds)
    assert work is not None
    return work


def test_phones_come_out_sorted_and_distinct(path: Path, scratch_path: Path) -> None:
    """Each phone comes once, with the first line it stands on, in phone order, from any point on."""
    scratch = staged(path, scratch_path)
    assert list(scratch.batch("", 10).lines.items()) == [
        ("+12127365000", 5),
        ("+12127365001", 2),
        ("+12127365002", 9),
        ("+447911123456", 3),
    ]
    assert list(scratch.batch("", 2).lines.items()) == [("+12127365000", 5), ("+12127365001", 2)]
    assert scratch.batch("+12127365001", 1) == Batch({"+12127365002": 9})
    assert scratch.batch("+447911123456", 10) == Batch({})
    scratch.close()


def test_unreadable_rows_come_out_with_line_and_reason(path: Path, scratch_path: Path) -> None:
    """An unreadable row keeps its line, its cell as found, all its cells, and why."""
    scratch = staged(path, scratch_path)
    rows = scratch.unreadable(0, 10)
    short = "5 digits, a US number has 10"
    assert rows == [
        UnreadableRow(4, "12345", Reason.TOO_SHORT, short, ("Cat", "12345")),
        UnreadableRow(7, "", Reason.EMPTY, "nothing in it", ("Fay", "")),
        UnreadableRow(8, "12346", Reason.TOO_SHORT, short, ("Gus", "12346")),
    ]
    assert scratch.unreadable(4, 1) == rows[1:2]
    scratch.close()


def test_counts_and_summary(path: Path, scratch_path: Path) -> None:
    """The counts are those of the preview: rows, phones, unreadable by reason, the country and for how many rows."""
    scratch = staged(path, scratch_path)
    counts, summary = scratch.counts, scratch.summary
    assert (counts.rows, counts.phones, counts.unreadable, counts.columns) == (8, 4, 3, ("name", "phone"))
    assert counts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert summary["unreadable"] == [["too_short", 2, 4], ["empty", 1, 7]]
    assert (summary["country"], summary["assumed"], summary["phone_column"]) == ("US", 3, "phone")
    assert summary["requested"] is None
    scratch.close()


def test_phones_in_unassigned_ranges_are_flagged(path: Path, scratch_path: Path) -> None:
    """A phone of the right length in no assigned range is taken and named for a second look, once."""
    path.write_text("phone\n+12127365000\n+1 999 736 5000\n999 736 5000\n")
    scratch = staged(path, scratch_path)
    assert scratch.counts.phones == 2
    assert (scratch.summary["flagged"], scratch.summary["flagged_first"]) == (1, [[3, "+19997365000"]])
    scratch.close()


def test_a_refused_list_leaves_nothing_behind(path: Path, scratch_path: Path) -> None:
    """A list without a phone column is refused by its name, and no scratch file stays."""
    path.write_text("name,city\nAnn,Oslo\n")
    with pytest.raises(ListRefused, match=r"nov\.csv has no column called `phone`"):
        stage(path, scratch_path, country="US", column=None, progress=ignore, name="nov.csv")
    assert list(path.parent.iterdir()) == [path]


def test_staging_that_is_stopped_leaves_nothing_behind(path: Path, scratch_path: Path) -> None:
    """What the progress raises ends the staging; a scratch file exists only when it is whole."""
    path.write_text("phone\n" + "".join(f"+1212{number:07d}\n" for number in range(2_000_000, 2_300_000)))

    def stop(rows: int, _fraction: float) -> None:
        if rows >= 4_000:
            raise LeaseLost("taken over")

    with pytest.raises(LeaseLost):
        stage(path, scratch_path, country="US", column=None, progress=stop)
    assert Scratch.open(scratch_path) is None
    assert list(path.parent.iterdir()) == [path]


def test_progress_grows_to_the_end(path: Path, scratch_path: Path) -> None:
    """Progress never goes back, counts rows, and ends at all of them and 1."""
    path.write_text("phone\n" + "".join(f"+1212{number:07d}\n" for number in range(2_000_000, 2_300_000)))
    seen: list[tuple[int, float]] = []
    stage(path, scratch_path, country=None, column=None, progress=lambda *at: seen.append(at)).close()
    assert seen == sorted(seen)
    assert len(seen) >= 5
    assert seen[-1] == (300_000, 1.0)


def test_leftovers_of_a_killed_staging_are_removed(path: Path, scratch_path: Path) -> None:
    """The unfinished file of a process that was killed is neither taken for a whole one nor kept."""
    left = scratch_path.with_name("scratch.0badcafe.part")
    left.write_bytes(b"half")
    staged(path, scratch_path).close()
    assert sorted(path.parent.iterdir()) == [scratch_path, path]


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0 but not really", b"phone\n1\n"])
def test_what_is_no_scratch_file_is_not_opened(scratch_path: Path, content: bytes) -> None:
    """A damaged or foreign file counts as none."""
    scratch_path.write_bytes(content)
    assert Scratch.open(scratch_path) is None


def test_a_scratch_file_of_another_version_is_not_opened(scratch_path: Path) -> None:
    """A scratch file whose counts are not this program's counts as none."""
    with sqlite3.connect(scratch_path) as connection:
        connection.execute("CREATE TABLE counts (json TEXT)")
        connection.execute("""INSERT INTO counts VALUES ('{"rows": 1}')""")
    connection.close()
    assert Scratch.open(scratch_path) is None


def test_a_scratch_file_can_be_opened_again_and_deleted(path: Path, scratch_path: Path) -> None:
    """Another process opens a finished one with all that is in it; deleting removes it."""
    first = staged(path, scratch_path)
    again = Scratch.open(scratch_path)
    assert again is not None
    assert (again.counts, again.batch("", 10)) == (first.counts, first.batch("", 10))
    first.close()
    again.delete()
    assert not scratch_path.exists()


def test_long_unreadable_rows_come_in_smaller_pages(path: Path, scratch_path: Path) -> None:
    """Rows of hundreds of kilobytes are not all held in memory because they were asked for together."""
    path.write_text("phone\n" + "".join(f"{letter * 100_000}\n" for letter in "abcdefghijklmnopqrstuvwxyz" * 4))
    scratch = staged(path, scratch_path)
    lines: list[int] = []
    while page := scratch.unreadable(lines[-1] if lines else 0, 1_000):
        assert len(page) < 60
        lines += [row.line for row in page]
    assert lines == list(range(2, 106))
    scratch.close()


def test_staging_is_the_same_however_rows_are_ordered(tmp_path: Path, scratch_path: Path) -> None:
    """The phones of a shuffled list are the phones of the list: applying order does not depend on the file's."""
    cells = [f"+1212{number:07d}" for number in range(2_000_000, 2_005_000)]
    expected: list[str] | None = None
    for seed in range(3):
        random.Random(seed).shuffle(cells)
        path = tmp_path / f"{seed}.csv"
        path.write_text("phone\n" + "\n".join(cells + cells[:100]))
        scratch = staged(path, scratch_path)
        phones = list(scratch.batch("", 10_000).lines)
        assert scratch.rows - scratch.counts.phones == 100
        assert expected is None or phones == expected
        expected = phones
        scratch.delete()


# The loops


def test_staged_uploads_wait_with_what_is_out_already(
    store: Store, account: Account, by_admin: Origin, path: Path, scratch_path: Path
) -> None:
    """Staging counts what is opted out already, and changes nothing on the list."""
    store.optouts.add(account.id, ["+12127365001", "+447911123456", "+12127369999"], by_admin)
    work = stage_upload(store, claimed(store, account), path, scratch_path, ignore, LEASE)
    assert (work.upload.state, work.upload.rows, work.upload.phones, work.upload.already, work.upload.unreadable) == (
        "waiting",
        8,
        4,
        2,
        3,
    )
    assert (work.upload.to_opt_out, work.upload.repeated) == (2, 1)
    assert work.upload.unreadable_reasons[0].rows == 2
    assert store.optouts.count(account.id) == 3


def test_a_list_without_phones_column_is_refused_with_its_columns(
    store: Store, account: Account, path: Path, scratch_path: Path
) -> None:
    """The upload keeps the sentence, the columns and the likely one, for the button that takes it."""
    path.write_text("Name,Mobile\nAnn,212 736 5000\nBob,212 736 5001\n")
    work = stage_upload(store, claimed(store, account), path, scratch_path, ignore, LEASE)
    assert (work.upload.state, work.upload.columns, work.upload.summary["likely"]) == (
        "refused",
        ("Name", "Mobile"),
        "Mobile",
    )
    assert work.upload.problem is not None
    assert "stops.csv has no column called `phone`" in work.upload.problem
    store.uploads.set_column(account.id, work.upload.id, "Mobile")
    work = work.renew(lease_seconds=LEASE)
    assert stage_upload(store, work, path, scratch_path, ignore, LEASE).upload.phones == 2


def test_a_list_without_header_is_read_again_the_same(
    store: Store, account: Account, path: Path, scratch_path: Path
) -> None:
    """A list of bare numbers, for which another country was chosen, is read again without a column of its own."""
    path.write_text("020 7946 0958\n020 7946 0959\n")
    first = stage_upload(store, claimed(store, account), path, scratch_path, ignore, LEASE)
    store.uploads.set_country(account.id, first.upload.id, "GB")
    again = stage_upload(store, first.renew(lease_seconds=LEASE), path, scratch_path, ignore, LEASE)
    scratch = Scratch.open(scratch_path)
    assert scratch is not None
    assert scratch.batch("", 10) != Batch({})
    assert (again.upload.state, again.upload.problem) == ("waiting", None)
    scratch.close()


def confirmed(store: Store, work: UploadWork, by: Origin) -> UploadWork:
    """The work on a staged upload after somebody's yes."""
    store.uploads.confirm(work.upload.account_id, work.upload.id, by)
    return work.renew(lease_seconds=LEASE)


def applied(store: Store, account: Account, by: Origin, path: Path, scratch_path: Path, batch: int) -> UploadWork:
    work = confirmed(store, stage_upload(store, claimed(store, account), path, scratch_path, ignore, LEASE), by)
    scratch = Scratch.open(scratch_path)
    assert scratch is not None
    work = apply_upload(work, scratch, ignore, LEASE, batch=batch)
    scratch.delete()
    return work


@pytest.mark.wide_but_first
@pytest.mark.parametrize("batch", [1, 3, 10_000])
def test_applying_stores_every_phone_and_row(
    store: Store, account: Account, by_admin: Origin, path: Path, scratch_path: Path, batch: int
) -> None:
    """Whatever the size of a batch, all phones are opted out and all unreadable rows kept."""
    work = applied(store, account, by_admin, path, scratch_path, batch)
    assert (work.upload.state, work.upload.newly_opted_out, work.upload.already_opted_out) == ("done", 4, 0)
    assert store.optouts.count(account.id) == store.optouts.recount(account.id) == 4
    assert [row.line for row in store.uploads.list_unreadable(account.id, work.upload.id)] == [4, 7, 8]
    assert store.optouts.find(account.id, "+12127365001").standing[0].line == 2


def test_what_an_export_says_of_its_opt_outs_is_kept(
    store: Store, account: Account, by_admin: Origin, path: Path, scratch_path: Path
) -> None:
    """Of ThruText's own export, time, note and type of each opt-out go with it, of the first row where it is repeated."""
    path.write_text(
        "timestamp,contact_id,contact_first_name,contact_last_name,contact_phone,conversation_id,note,opt_out_type\n"
        '2026-10-03 14:05:09 UTC,1,Ann,Lee,+12127365000,c1,"asked, <twice>",manual\n'
        "last week,2,Bob,Lee,+12127365001,c2,,auto\n"
        "2026-10-04 14:05:09 UTC,1,Ann,Lee,212 736 5000,c1,again,manual\n"
        ",3,Cat,Lee,(212) 736-5002,c3,,\n"
    )
    work = applied(store, account, by_admin, path, scratch_path, 2)
    assert work.upload.requested_at == datetime(2026, 10, 3, 14, 5, 9, tzinfo=UTC)
    found = store.optouts.find_many(account.id, ["+12127365000", "+12127365001", "+12127365002"])
    ann, bob, cat = (state.standing[0] for state in found.values())
    assert (ann.line, ann.requested_at) == (2, datetime(2026, 10, 3, 14, 5, 9, tzinfo=UTC))
    assert ann.imported_note == "asked, <twice> · opt_out_type: manual"
    assert (bob.requested_at, bob.imported_note) == (None, "opt_out_type: auto · timestamp: last week")
    assert (cat.requested_at, cat.imported_note) == (None, None)
    said = note(ann, PlainWriter())
    assert said.endswith("UTC, requested on 3 Oct 2026, 14:05 UTC: asked, <twice> · opt_out_type: manual")
    assert "requested on" not in note(bob, PlainWriter())


def test_a_preview_knows_countries_and_contacts(path: Path, scratch_path: Path) -> None:
    """Which countries the phones are of, Canada apart from the United States, and what looks like a contact list."""
    cells = ["+12127365000", "+12127365001", "+14165550100", "+447911123456", "+447911123457", "+447911123458"]
    rows = "".join(f"Ann,a{number}@example.org,1 Main St,{cell}\n" for number, cell in enumerate(cells * 2))
    path.write_text(f"first name,email,street,phone\n{rows}")
    scratch = staged(path, scratch_path)
    assert scratch.summary["countries"] == [["GB", 3], ["US", 2], ["CA", 1]]
    assert "names" in scratch.summary["contact_signs"]
    assert scratch.counts.phones == 6
    scratch.close()


def test_applying_stopped_between_batches_goes_on(
    store: Store, account: Account, by_admin: Origin, path: Path, scratch_path: Path
) -> None:
    """After any number of stops, the next one goes on from the last batch, and the counts are those of one run."""
    work = confirmed(store, stage_upload(store, claimed(store, account), path, scratch_path, ignore, LEASE), by_admin)
    scratch = Scratch.open(scratch_path)
    assert scratch is not None

    def stop(phones: int, fraction: float) -> None:
        assert fraction == phones / 4
        raise KeyboardInterrupt

    for stored in (1, 2, 3, 4):
        with pytest.raises(KeyboardInterrupt):
            apply_upload(work, scratch, stop, LEASE, batch=1)
        assert store.optouts.count(account.id) == stored
    done = apply_upload(work, scratch, ignore, LEASE, batch=1)
    assert (done.upload.state, done.upload.newly_opted_out) == ("done", 4)
    scratch.close()


def test_a_list_that_changed_after_the_preview_is_not_applied(
    store: Store, account: Account, by_admin: Origin, path: Path, scratch_path: Path
) -> None:
    """What was said yes to is what is stored: another file under the same name is told by its SHA-256."""
    work = confirmed(store, stage_upload(store, claimed(store, account), path, scratch_path, ignore, LEASE), by_admin)
    path.write_text(LIST.replace("5000", "5009"))
    with pytest.raises(StoreError, match="The file changed after the preview"):
        restage(work, path, scratch_path, ignore, LEASE)
    assert not scratch_path.exists()


def test_a_list_that_is_read_differently_after_the_preview_is_not_applied(
    store: Store, account: Account, by_admin: Origin, path: Path, scratch_path: Path
) -> None:
    """The same file read to other counts, by a newer version of the program, is not what was said yes to."""
    work = confirmed(store, stage_upload(store, claimed(store, account), path, scratch_path, ignore, LEASE), by_admin)
    other = UploadWork(store.database, replace(work.upload, phones=5), work.lease)
    with pytest.raises(StoreError, match="reads the list differently"):
        restage(other, path, scratch_path, ignore, LEASE)
    restage(work, path, scratch_path, ignore, LEASE).close()


def test_a_scratch_file_read_otherwise_is_not_this_uploads(
    store: Store, account: Account, path: Path, scratch_path: Path
) -> None:
    """A scratch file left by a frozen worker that read the list with another country is not taken for this one."""
    work = stage_upload(store, claimed(store, account), path, scratch_path, ignore, LEASE)
    british = staged(path, scratch_path, "GB")
    assert not british.holds(work.upload)
    british.close()
    american = staged(path, scratch_path, "US")
    assert american.holds(work.upload)
    american.close()


def until(progress_ends: Callable[[], object]) -> Callable[[int, float], None]:
    """A progress that does something at the first call."""
    called: list[object] = []

    def progress(_rows: int, _fraction: float) -> None:
        if not called:
            called.append(progress_ends())

    return progress


def test_cancelled_while_it_is_read(
    store: Store, account: Account, by_admin: Origin, path: Path, scratch_path: Path
) -> None:
    """A list that was cancelled in the middle of staging is not put to the question."""
    work = claimed(store, account)
    cancel = until(lambda: store.uploads.cancel(account.id, work.upload.id, by_admin))
    with pytest.raises(WrongState, match="cancelled"):
        stage_upload(store, work, path, scratch_path, cancel, LEASE)
    assert store.uploads.get(account.id, work.upload.id).state == "cancelled"


def test_a_worker_whose_lease_was_taken_stops_staging(
    store: Store, account: Account, path: Path, scratch_path: Path
) -> None:
    """When another has claimed the upload meanwhile, staging ends without a word in the row."""
    work = claimed(store, account)

    def take_over() -> None:
        work.renew(lease_seconds=-1)
        assert store.uploads.claim("another", lease_seconds=LEASE)

    with pytest.raises(LeaseLost):
        stage_upload(store, work, path, scratch_path, until(take_over), LEASE)
    assert store.uploads.get(account.id, work.upload.id).state == "received"


@pytest.mark.wide
def test_the_lease_is_kept_while_work_goes_on(store: Store, account: Account, path: Path, scratch_path: Path) -> None:
    """Work that takes longer than the lease keeps it; nobody can take over while the worker lives."""
    renewed = 0
    claims: list[UploadWork | None] = []

    class Counted(UploadWork):
        def renew(self, *, lease_seconds: float) -> UploadWork:
            nonlocal renewed
            renewed += 1
            super().renew(lease_seconds=lease_seconds)
            return self

    claimed_once = claimed(store, account, lease_seconds=3.0)
    work = Counted(store.database, claimed_once.upload, claimed_once.lease)

    def wait(_rows: int, _fraction: float) -> None:
        while renewed < 4:  # a third of the lease each: the first lease is over before
            claims.append(store.uploads.claim("another", lease_seconds=LEASE))

    assert stage_upload(store, work, path, scratch_path, wait, 3.0).upload.state == "waiting"
    assert claims
    assert set(claims) == {None}


def test_a_store_that_is_away_stops_the_work(tmp_path: Path, path: Path, scratch_path: Path) -> None:
    """With the database gone nothing is said to be done; the upload is as it was, for the next claim."""
    database = tmp_path / "desk.db"
    store = Store(Database(f"sqlite:///{database}", busy_seconds=0.1))
    store.database.migrate()
    work = claimed(store, store.accounts.get_or_create("T0DESK", "Desk"))
    blocker = sqlite3.connect(database, isolation_level=None)

    def block() -> None:
        blocker.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreUnavailable):
        stage_upload(store, work, path, scratch_path, until(block), LEASE)
    blocker.execute("ROLLBACK")
    blocker.close()
    assert store.uploads.get(work.upload.account_id, work.upload.id).state == "received"
    store.close()


def test_a_scratch_file_of_another_release_is_staged_again(path: Path, scratch_path: Path) -> None:
    """One with other tables, as an upgrade finds it, counts as none."""
    staged(path, scratch_path).close()
    connection = sqlite3.connect(scratch_path)
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    assert Scratch.open(scratch_path) is None
