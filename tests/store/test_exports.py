"""The whole list, streamed."""

import csv
import dataclasses
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import (
    EXPORT_COLUMNS,
    Account,
    ExportFilter,
    Function,
    LeaseLost,
    NotAPhone,
    Origin,
    Store,
    UploadWork,
    parse_phone,
)
from store.exports import Exports
from store.lists.reader import ListReader
from store.lists.records import Row
from store.records import Batch, ImportedNote
from tests.entries import exported, opted_out
from tests.store.test_uploads import applying, counts, lines

PHONES = [f"+1212555{n:04}" for n in range(100, 120)]


@pytest.mark.wide_but_first
def test_an_export_has_each_phone_once_in_order(store: Store, account: Account, by_admin: Origin) -> None:
    """Phones come sorted, once, with the time and note of the oldest reason that still stands, across pages too."""
    store.optouts.add(account.id, PHONES[:10], dataclasses.replace(by_admin, reason="lifted later"))
    store.optouts.delete(account.id, PHONES[0], by_admin)
    for reason in ("first", "second", "third"):
        store.optouts.add(account.id, PHONES[::-1], dataclasses.replace(by_admin, reason=reason))
    for page in (1, 2, 3, 7, 1000):
        store.exports = Exports(store.database, page=page)
        rows = exported(store, account.id)
        assert [row["phone"] for row in rows] == PHONES
        reasons = [row["note"].rpartition(": ")[2] for row in rows]
        assert reasons == ["first", *["lifted later"] * 9, *["first"] * 10]
        since = [store.optouts.find(account.id, phone).since for phone in PHONES]
        assert [row["opted_out_since"] for row in rows] == [at.isoformat(timespec="seconds") for at in since if at]


def test_an_export_leaves_out_what_does_not_stand(store: Store, account: Account, by_admin: Origin) -> None:
    """A deleted phone is not in it, nor is another account's."""
    other = store.accounts.get_or_create("T0OTHER", "Other")
    store.optouts.add(other.id, PHONES[:2], by_admin)
    store.optouts.add(account.id, PHONES[2:4], by_admin)
    store.optouts.delete(account.id, PHONES[2], by_admin)
    assert opted_out(store, account.id) == [PHONES[3]]


class Interrupted(io.StringIO):
    """A file in whose middle, behind the line with *phone*, *work* is done once."""

    def __init__(self, phone: str, work: Callable[[], object]) -> None:
        super().__init__(newline="")
        self._phone = phone
        self._work = work

    def write(self, line: str) -> int:
        if self._phone in line:
            work, self._work = self._work, lambda: None
            work()
        return super().write(line)


def interrupted(store: Store, account: Account, phone: str, work: Callable[[], object]) -> list[str]:
    """The phones of an export in pages of three, behind whose *phone* *work* was done."""
    out = Interrupted(phone, work)
    number = Exports(store.database, page=3).write(account.id, out, ExportFilter("phones"))
    header, *phones = out.getvalue().split()
    assert (header, number) == ("phone", len(phones))
    return phones


def test_a_slow_reader_holds_nothing_up(store: Store, account: Account, by_admin: Origin) -> None:
    """Between two rows no connection is in use, and others can write."""
    store.optouts.add(account.id, PHONES, by_admin)

    def write() -> None:
        assert store.database.engine.pool.status().endswith("Current Checked out connections: 0")
        store.optouts.delete(account.id, PHONES[-1], by_admin)

    interrupted(store, account, PHONES[0], write)
    assert opted_out(store, account.id) == PHONES[:-1]


def test_an_export_is_the_list_at_one_moment(store: Store, account: Account, by_admin: Origin) -> None:
    """
    What is done while it is written is in none of it: opt-outs, deletes, the batches of lists and of their undo.

    Before and behind the place where it was done alike, so that of what was stored at once there is all or nothing.
    """
    store.optouts.add(account.id, PHONES[::4], by_admin)
    work = applying(store, account, by_admin, counts(phones=10))
    work = work.apply_batch(lines(PHONES[1:10:2]), [], lease_seconds=60)
    kept = PHONES[4]
    store.optouts.delete(account.id, kept, by_admin)

    def during(change: Callable[[], object]) -> list[str]:
        before = opted_out(store, account.id)
        assert interrupted(store, account, before[2], change) == before
        after = opted_out(store, account.id)
        assert after != before
        assert len(after) == store.optouts.count(account.id) == store.optouts.recount(account.id)
        return after

    assert PHONES[2] in during(lambda: store.optouts.add(account.id, [PHONES[2], kept, PHONES[14]], by_admin))
    assert kept not in during(lambda: store.optouts.delete(account.id, kept, by_admin))
    done: list[UploadWork] = []
    during(lambda: done.append(work.apply_batch(lines(PHONES[11::2]), [], lease_seconds=60)))
    done[0].finish()
    store.uploads.undo(account.id, work.upload.id, by_admin, within=timedelta(days=1))
    undoing = done[0].renew(lease_seconds=60)
    during(lambda: done.append(undoing.undo_batch(lease_seconds=60, batch=5)))
    during(lambda: done.append(done[-1].undo_batch(lease_seconds=60)))
    done[-1].finish_undo()
    assert opted_out(store, account.id) == [PHONES[n] for n in (0, 2, 8, 12, 14, 16)]


def test_an_empty_list_exports_nothing(store: Store, account: Account) -> None:
    """No rows, no error."""
    assert opted_out(store, account.id) == []


def written(store: Store, account: Account, export_filter: ExportFilter) -> str:
    out = io.StringIO(newline="")
    store.exports.write(account.id, out, export_filter)
    return out.getvalue()


NASTY = st.text(max_size=40) | st.sampled_from(
    ["=1+1", "+cmd|x", "-2", "@sum", "a\nb", 'say "no", twice', "\u202eabc", "'"]
)


@pytest.mark.wide_but_first
@pytest.mark.parametrize("kind", sorted(EXPORT_COLUMNS))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reasons=st.lists(NASTY, min_size=1, max_size=5))
def test_what_was_exported_reads_back(
    store: Store, by_admin: Origin, tmp_path: Path, kind: str, reasons: list[str]
) -> None:
    """Whatever was said of the phones, reading an export gives the same phones, and no cell of it is a formula."""
    before = store.accounts.get_or_create("T0BEFORE", "Before").id
    account = store.accounts.get_or_create(f"T{before}{datetime.now(UTC).timestamp()}", "Harbor", country="GB")
    phones = ["+12125550100", "+442079460018", "+390612345678", "+491711234567", "+12125550101"][: len(reasons)]
    for phone, reason in zip(phones, reasons, strict=True):
        clean = reason.replace("\x00", "")
        clean = clean.encode("utf-8", "ignore").decode()
        store.optouts.add(account.id, [phone], dataclasses.replace(by_admin, reason=clean))
    path = tmp_path / f"{kind}.csv"
    text = written(store, account, ExportFilter(kind))
    path.write_text(text, encoding="utf-8", newline="")
    with ListReader(path) as reader:
        rows = [row for row in reader.rows() if isinstance(row, Row)]
        found = [parse_phone(row.cell, None) for row in rows]
    assert sorted(one.text if isinstance(one, NotAPhone) else one.e164 for one in found) == sorted(phones)
    for row in list(csv.reader(io.StringIO(text, newline="")))[1:]:
        assert not any(cell[:1] in tuple("=-@\t\r") for cell in row)
        assert all(cell[:1] != "+" or cell in phones for cell in row)


def test_thrutext_has_its_columns_and_keeps_what_lists_said(
    store: Store, account: Account, by_admin: Origin, tmp_path: Path
) -> None:
    """The eight of ThruText's own export in its order; the time is when the person asked, the note is the list's."""
    asked = datetime(2026, 10, 1, 8, 30, tzinfo=UTC)
    work = applying(store, account, by_admin, counts(phones=1))
    carried = {PHONES[0]: ImportedNote(asked, "=please stop")}
    work.apply_batch(Batch({PHONES[0]: 2}, carried), [], lease_seconds=60)
    header, row = csv.reader(io.StringIO(written(store, account, ExportFilter("thrutext"))))
    assert header == [
        "timestamp",
        "contact_id",
        "contact_first_name",
        "contact_last_name",
        "contact_phone",
        "conversation_id",
        "note",
        "opt_out_type",
    ]
    path = tmp_path / "thrutext.csv"
    path.write_text(written(store, account, ExportFilter("thrutext")), encoding="utf-8", newline="")
    with ListReader(path) as reader:
        [found] = [one for one in reader.rows() if isinstance(one, Row)]
        said = reader.carried(found.cells)
    assert said == ImportedNote(asked, "=please stop · opt_out_type: upload")
    assert row == ["2026-10-01T08:30:00+00:00", "", "", "", PHONES[0], "", "'=please stop", "upload"]


def test_since_and_function(store: Store, account: Account, by_admin: Origin) -> None:
    """Only phones with a standing reason that is such; the cells are of the oldest of those."""
    store.optouts.add(account.id, PHONES[:3], by_admin)
    store.optouts.add(account.id, PHONES[1:2], Origin(Function.KEYWORD, by_admin.actor, reason="STOP"))
    only = written(store, account, ExportFilter("desk", function="keyword")).splitlines()
    assert len(only) == 2
    assert only[1].startswith(f"{PHONES[1]},")
    assert "STOP" in only[1]
    soon = datetime.now(UTC) + timedelta(days=1)
    assert written(store, account, ExportFilter("phones", since=soon)) == "phone\r\n"
    assert len(written(store, account, ExportFilter("phones", since=soon - timedelta(days=2))).splitlines()) == 4


def test_an_export_is_made_by_one(store: Store, account: Account, by_admin: Origin) -> None:
    """Of many replicas one gets it, who is fenced off when another took it over; done, it is nobody's."""
    wanted = ExportFilter("phones", datetime(2026, 10, 1, tzinfo=UTC), "upload")
    asked = store.exports.ask(account.id, by_admin, wanted, idempotency_key="trigger 1")
    assert store.exports.ask(account.id, by_admin, wanted, idempotency_key="trigger 1") == asked
    assert asked.entry.reason == "format phones, since 2026-10-01, function upload"
    with ThreadPoolExecutor(8) as pool:
        got = [*pool.map(lambda n: store.exports.claim(f"r{n}", lease_seconds=60), range(8))]
    [mine] = [one for one in got if one is not None]
    store.exports.renew(mine, lease_seconds=-1)
    newer = store.exports.claim("next", lease_seconds=60)
    assert newer is not None
    with pytest.raises(LeaseLost):
        store.exports.renew(mine, lease_seconds=60)
    with pytest.raises(LeaseLost):
        store.exports.finish(mine, 3)
    done = store.exports.finish(store.exports.set_message(newer, "D1", "1.1"), 3)
    assert (done.state, done.phones, done.message_ts) == ("done", 3, "1.1")
    assert store.exports.claim("next", lease_seconds=60) is None
