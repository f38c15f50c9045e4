"""A list comes back without the rows whose phone is opted out, and otherwise as it was."""

import codecs
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import (
    Account,
    ListRefused,
    Origin,
    PhoneNumber,
    Scrubbed,
    Store,
    StoreError,
    StoreUnavailable,
    UnreadableReason,
    scrub,
)
from store.lists.long_lines import LONGEST
from store.lists.reader import ListReader
from store.lists.records import Row
from store.phones.numbers import Reason
from store.phones.parser import Normaliser
from tests.store.lists import workbooks

OUT = ("+12125550101", "+12125550103", "+442079460000")


class Desk:
    def __init__(self, store: Store, account: int) -> None:
        self.store, self.account = store, account
        self.found: Scrubbed | None = None

    def scrub(
        self, folder: Path, raw: bytes, *, account: int | None = None, column: str | None = None, keep: bool = False
    ) -> bytes:
        """The list *raw* scrubbed; `found` has the counts."""
        path, out = folder / "list.csv", folder / "list.scrubbed.csv"
        path.write_bytes(raw)
        self.found = scrub(
            self.store,
            self.account if account is None else account,
            path,
            out,
            country="US",
            column=column,
            keep_unreadable=keep,
            progress=lambda _rows, _fraction: None,
        )
        assert path.read_bytes() == raw
        assert sorted(file.name for file in folder.iterdir() if "list" in file.name) == [
            "list.csv",
            "list.scrubbed.csv",
        ]
        return out.read_bytes()

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Rows, removed, unreadable, kept."""
        assert self.found is not None
        return self.found.rows, self.found.removed, self.found.unreadable, self.found.kept

    def everything(self) -> dict[str, list[sa.Row[tuple[object, ...]]]]:
        """Every row of every table."""
        with self.store.database.read() as connection:
            tables = sa.inspect(connection).get_table_names()
            queries = {table: sa.select(sa.text("*")).select_from(sa.table(table)) for table in sorted(tables)}
            return {table: sorted(connection.execute(query), key=repr) for table, query in queries.items()}


@pytest.fixture
def desk(store: Store, account: Account, by_admin: Origin) -> Desk:
    """An account with three phones opted out."""
    store.optouts.add(account.id, OUT, by_admin)
    return Desk(store, account.id)


# Each line is marked: "-" goes, "=" stays.
MARKED = [
    "= Exported by Zoë,,",
    "= ",
    "= name, Phone ,note",
    '- Ana,(212) 555-0101,"two',
    "-",
    "- ,,",
    '- lines, 212 555 0102"',
    "=",
    "= ,,",
    '= Ben,212-555-0102,"two',
    "=",
    '= lines ""quoted"""',
    "= ,",
    "- Cy,+44 20 7946 0000",
    "- Dee,'+12125550103,short,and,long",
    "=   ",
    '= "Eve" ,="2125550104",=1+1',
    "- Ana again,12125550101.0,",
    '- Flo,"<tel:2125550103|212 555 0103>",x',
    "= Zoë,+1 212 555 0199,€",
]


def marked(newline: str = "\n", delimiter: str = ",") -> tuple[str, str]:
    """The list, and what is to be left of it."""
    lines = [(line[0], line[2:].replace(",", delimiter)) for line in MARKED]
    return newline.join(line for _, line in lines), newline.join(line for mark, line in lines if mark == "=")


@pytest.mark.wide_but_first
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    ("mark", "encoding"), [(b"", "utf-8"), (codecs.BOM_UTF8, "utf-8"), (b"", "cp1252")], ids=["utf-8", "BOM", "cp1252"]
)
def test_what_stays_is_the_same_bytes(
    desk: Desk, tmp_path: Path, newline: str, delimiter: str, mark: bytes, encoding: str
) -> None:
    """Header, what is above it, order, quoting, delimiter, encoding, line ends and blank lines are as they were."""
    whole, left = marked(newline, delimiter)
    assert desk.scrub(tmp_path, mark + whole.encode(encoding)) == mark + left.encode(encoding)
    assert desk.counts == (8, 5, 0, 3)


def test_line_ends_may_be_mixed(desk: Desk, tmp_path: Path) -> None:
    """Each row keeps the line end it has, the last one none."""
    raw = b"sep=;\r\nphone;n\n2125550102;1\r\n2125550103;2\n2125550104;3\n2125550105;4"
    assert desk.scrub(tmp_path, raw) == raw.replace(b"2125550103;2\n", b"")


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    ("raw", "left"),
    [
        pytest.param(b"2125550101\n2125550102\n", b"2125550102\n", id="no header"),
        pytest.param(b"PHONE\n2125550101\n2125550102", b"PHONE\n2125550102", id="capitals"),
        pytest.param(b"phone\n2125550102\n2125550101", b"phone\n2125550102\n", id="no newline at the end"),
        pytest.param(b"phone\n2125550102\n\n2125550101\n\n\n", b"phone\n2125550102\n\n\n\n", id="blank lines"),
        pytest.param(
            b"timestamp,contact_id,contact_phone,opt_out_type\nx,1,2125550101,STOP\ny,2,2125550102,STOP\n",
            b"timestamp,contact_id,contact_phone,opt_out_type\ny,2,2125550102,STOP\n",
            id="ThruText",
        ),
    ],
)
def test_any_list_that_is_read_is_scrubbed(desk: Desk, tmp_path: Path, raw: bytes, left: bytes) -> None:
    """What counts as a list is what the reading of lists says."""
    assert desk.scrub(tmp_path, raw) == left
    assert desk.counts == (2, 1, 0, 1)


def test_a_column_can_be_named(desk: Desk, tmp_path: Path) -> None:
    """The phones are where the caller says; others in the row do not matter then. With one column alone that has to be said."""
    raw = b"Mobile,Home\n2125550101,2125550102\n2125550102,2125550101\n"
    assert desk.scrub(tmp_path, raw, column="home") == b"Mobile,Home\n2125550101,2125550102\n"
    with pytest.raises(ListRefused, match="no column called `phone`"):
        desk.scrub(tmp_path, b"Mobile,Note\n2125550101,x\n")


def test_lists_in_other_wrappings_come_back_as_text(desk: Desk, tmp_path: Path) -> None:
    """What had to be made text first comes back as that text, in UTF-8; a sheet as CSV that Excel opens."""
    text = "phone\tname\n2125550101\tZoë\n2125550102\tFloë\n"
    left = b"phone\tname\n2125550102\tFlo\xc3\xab\n"
    assert desk.scrub(tmp_path, codecs.BOM_UTF16_LE + text.encode("utf-16-le")) == left
    assert desk.scrub(tmp_path, text.replace("\n", "\r").encode()) == left
    assert desk.scrub(tmp_path, text.replace("Z", "\0Z").encode()) == left
    sheet = workbooks.xlsx({"Sheet1": [["phone", "name"], [2125550101, "Zoë"], [], [2125550102, 'Flo, "the"\nlast']]})
    assert desk.scrub(tmp_path, sheet) == b'\xef\xbb\xbfphone,name\r\n\r\n2125550102,"Flo, ""the"" last"\r\n'


# --- rows that cannot be read -----------------------------------------------------------------------------------------

BROKEN = b"""\
made for the office
212 555 0109
phone,name
12345,too short
2125550101,out
,empty
2125550102,in
2125550105,"in with a quote that never closes
2125550103,out
x,"neither, with another
2125550104,"in, but
2125550106,hidden
"
"""


def test_rows_that_cannot_be_read_go_unless_they_are_to_stay(desk: Desk, tmp_path: Path) -> None:
    """They are counted with their reasons and first lines; what could not be looked up is not taken for textable."""
    left = desk.scrub(tmp_path, BROKEN)
    assert (
        left
        == b'made for the office\nphone,name\n2125550102,in\n2125550105,"in with a quote that never closes\n2125550106,hidden\n'
    )
    found = desk.found
    assert found is not None
    assert not found.unreadable_kept
    assert found.rows == found.kept + found.removed + found.unreadable
    assert (found.removed, sum(reason.rows for reason in found.reasons)) == (2, found.unreadable)
    lines = {reason.first_line: reason.code for reason in found.reasons}
    assert [reason.rows for reason in found.reasons] == sorted((reason.rows for reason in found.reasons), reverse=True)
    assert (lines[2], lines[4], lines[6]) == (Reason.ABOVE_HEADER, Reason.TOO_SHORT, Reason.EMPTY)

    assert desk.scrub(tmp_path, BROKEN, keep=True) == b"".join(
        line for line in BROKEN.splitlines(keepends=True) if b",out" not in line
    )
    assert desk.found is not None
    assert desk.found.unreadable_kept
    assert desk.found.kept == found.kept + found.unreadable


def test_a_row_that_may_hide_a_phone_counts_once(desk: Desk, tmp_path: Path) -> None:
    """A quoted cell of several lines with a phone in it makes the row unreadable, unless its own phone is opted out."""
    hides = b'"some\ntext, 212 555 0107, text"\n'
    raw = b"phone,name\n2125550101," + hides + b"2125550102," + hides + b"2125550104,x\n"
    assert desk.scrub(tmp_path, raw) == b"phone,name\n2125550104,x\n"
    assert desk.counts == (3, 1, 1, 1)
    assert desk.scrub(tmp_path, raw, keep=True) == b"phone,name\n2125550102," + hides + b"2125550104,x\n"
    assert desk.counts == (3, 1, 1, 2)


def test_one_reason_in_many_sentences_is_one(desk: Desk, tmp_path: Path) -> None:
    """Rows are counted by the code of their reason: sentences with digits in them do not tell it apart."""
    raw = b"phone\n" + b"\n".join(b"x" * n for n in range(130, 180))
    desk.scrub(tmp_path, raw)
    assert desk.found is not None
    assert desk.found.reasons == (UnreadableReason(Reason.NOT_A_NUMBER, 50, 2),)


# --- what is looked up ------------------------------------------------------------------------------------------------


def test_all_or_none_may_be_opted_out(desk: Desk, tmp_path: Path) -> None:
    """Of a list of nothing else the header is left; a list with none comes back whole."""
    assert desk.scrub(tmp_path, b"phone\r\n2125550101\r\n2125550103\r\n") == b"phone\r\n"
    raw = b"phone\r\n2125550104\r\n2125550105\r\n"
    assert desk.scrub(tmp_path, raw) == raw


def test_only_what_stands_in_this_account_counts(
    desk: Desk, tmp_path: Path, by_admin: Origin, account: Account
) -> None:
    """A lifted opt-out removes nothing, nor does another account's; a phone in no range in use is looked up like any."""
    store = desk.store
    flagged = "+12121550001"
    store.optouts.add(account.id, [flagged], by_admin)
    store.optouts.delete(account.id, "+12125550103", by_admin)
    other = store.accounts.get_or_create("T0OTHER", "Other")
    store.optouts.add(other.id, ["+12125550102"], by_admin)
    raw = f"phone\n{flagged}\n2125550101\n2125550102\n2125550103\n".encode()
    assert desk.scrub(tmp_path, raw) == b"phone\n2125550102\n2125550103\n"
    assert desk.scrub(tmp_path, raw, account=other.id) == raw.replace(b"2125550102\n", b"")


def test_nothing_in_the_database_changes(desk: Desk, tmp_path: Path) -> None:
    """Every row of every table is the one it was."""
    before = desk.everything()
    assert before["opt_outs"]
    desk.scrub(tmp_path, BROKEN)
    assert desk.everything() == before


@pytest.mark.wide_but_first
def test_a_long_list_is_looked_up_in_batches(desk: Desk, tmp_path: Path, by_admin: Origin) -> None:
    """Beyond one batch nothing is lost or mixed up, and progress grows to the whole."""
    numbers = [f"+1212{n:07d}" for n in range(2_000_000, 2_025_001)]
    gone = set(numbers[::3])
    desk.store.optouts.add(desk.account, sorted(gone), by_admin)
    path, out = tmp_path / "list.csv", tmp_path / "out.csv"
    path.write_text("".join(f"{number},{place}\n" for place, number in enumerate(["phone", *numbers])))
    seen: list[tuple[int, float]] = []
    found = scrub(
        desk.store, desk.account, path, out, country=None, progress=lambda rows, part: seen.append((rows, part))
    )
    assert (found.rows, found.removed, found.kept) == (len(numbers), len(gone), len(numbers) - len(gone))
    kept = [f"{number},{place}" for place, number in enumerate(["phone", *numbers]) if number not in gone]
    assert out.read_text().splitlines() == kept
    assert [rows for rows, _ in seen if rows] == [10_000, 20_000, 25_001, 25_001]
    assert [part for _, part in seen] == sorted(part for _, part in seen)
    assert seen[-1][1] == 1.0


# --- what can go wrong ------------------------------------------------------------------------------------------------


def test_a_scrub_that_is_interrupted_leaves_what_was_there(desk: Desk, tmp_path: Path) -> None:
    """What progress raises ends it; an earlier file stays, and no part of a new one is left."""

    def interrupted(_rows: int, _fraction: float) -> None:
        raise KeyboardInterrupt

    path, out = tmp_path / "list.csv", tmp_path / "out.csv"
    path.write_bytes(b"phone\n2125550102\n")
    out.write_bytes(b"earlier")
    with pytest.raises(KeyboardInterrupt):
        scrub(desk.store, desk.account, path, out, country="US", progress=interrupted)
    assert out.read_bytes() == b"earlier"
    assert {file.name for file in tmp_path.iterdir()} >= {"list.csv", "out.csv"}
    assert not list(tmp_path.glob("*.part"))


def test_what_a_killed_scrub_left_is_removed(desk: Desk, tmp_path: Path) -> None:
    """The next one with the same name clears it away."""
    (tmp_path / "list.scrubbed.csv.0123.part").write_bytes(b"half")
    desk.scrub(tmp_path, b"phone\n2125550102\n")


def test_the_list_itself_is_never_written(desk: Desk, tmp_path: Path) -> None:
    """By whatever name the list is given for its own output, it is refused."""
    path, link = tmp_path / "list.csv", tmp_path / "link.csv"
    path.write_bytes(b"phone\n2125550101\n")
    link.symlink_to(path)
    for out in (path, link):
        with pytest.raises(StoreError, match="is the list itself"):
            scrub(desk.store, desk.account, path, out, country="US", progress=lambda _rows, _fraction: None)
    assert path.read_bytes() == b"phone\n2125550101\n"
    assert link.is_symlink()


def test_an_account_that_is_not_there_is_refused(desk: Desk, tmp_path: Path) -> None:
    """Nobody is opted out of it, so the list would seem to be clean."""
    with pytest.raises(StoreError, match="no account"):
        desk.scrub(tmp_path, b"phone\n2125550101\n", account=desk.account + 1)
    assert not (tmp_path / "list.scrubbed.csv").exists()


def test_a_file_that_shrinks_meanwhile_is_refused(desk: Desk, tmp_path: Path) -> None:
    """A list that is cut while it is read gives no list back."""
    path, out = tmp_path / "list.csv", tmp_path / "out.csv"
    path.write_text("phone\n" + "2125550104\n" * 30_000)

    def cut(rows: int, _fraction: float) -> None:
        if rows == 10_000:
            with path.open("r+b") as file:
                file.truncate(200_000)

    with pytest.raises(StoreError, match="changed while it was read"):
        scrub(desk.store, desk.account, path, out, country="US", progress=cut)
    assert not out.exists()


def test_a_private_list_stays_private(desk: Desk, tmp_path: Path) -> None:
    """The file given back may be read by those who may read the list."""
    path, out = tmp_path / "list.csv", tmp_path / "out.csv"
    path.write_bytes(b"phone\n2125550102\n")
    path.chmod(0o600)
    scrub(desk.store, desk.account, path, out, country="US", progress=lambda _rows, _fraction: None)
    assert out.stat().st_mode & 0o777 == 0o600


def test_a_database_that_is_away_gives_no_list(tmp_path: Path, sqlite_template: bytes) -> None:
    """When the look-up fails half-way, nothing comes back that could be taken for scrubbed."""
    database = tmp_path / "desk.db"
    database.write_bytes(sqlite_template)
    store = Store.open(f"sqlite:///{database}")
    account = store.accounts.get_or_create("T0DESK", "Desk")
    path, out = tmp_path / "list.csv", tmp_path / "out.csv"
    path.write_text("phone\n" + "2125550104\n" * 15_000)

    def gone(_rows: int, _fraction: float) -> None:
        with store.database.write() as connection:
            connection.execute(sa.text("DROP TABLE opt_outs"))

    with pytest.raises(StoreUnavailable):
        scrub(store, account.id, path, out, country="US", progress=gone)
    assert not out.exists()
    store.close()


# --- every list -------------------------------------------------------------------------------------------------------

PHONES = [f"+1212555{n:04d}" for n in range(100, 110)]
WAYS = ["{0}", "{1}", "({1:.3}) {1:.3}", "'{0}", '="{1}"', "{1}.0", "{1} x12", "12345", "", "no", "{0};{1}"]


@st.composite
def lists(draw: st.DrawFn) -> bytes:
    """Rows in any dialect, some broken: stray quotes, cells of several lines, blank and short lines."""
    delimiter, newline = draw(st.sampled_from(",;\t|")), draw(st.sampled_from(["\n", "\r\n"]))
    cell = st.sampled_from(
        ["", "Ana", "Zoë", '"a quoted cell"', '"two{n}lines"', '"two{n}{n}2125550100{d}x"', '"', 'a"b']
    )
    lines = [delimiter.join(["name", "phone", "note"])]
    for _ in range(draw(st.integers(1, 15))):
        number = draw(st.sampled_from(PHONES))
        phone = draw(st.sampled_from(WAYS)).format(number, number[2:])
        phone = draw(st.sampled_from([phone, phone, '"' + phone.replace('"', '""') + '"']))
        cells = [draw(cell), phone, draw(cell)][: draw(st.sampled_from([3, 3, 3, 2, 1]))]
        lines.append(delimiter.join(cells).replace("{n}", newline).replace("{d}", delimiter))
        lines += draw(st.lists(st.sampled_from(["", "  ", delimiter * 2]), max_size=2))
    lines.insert(1, delimiter.join(["Zed", PHONES[-1], ""]))  # a header alone is no list
    text = newline.join(lines) + draw(st.sampled_from(["", newline]))
    return text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "cp1252"])))


def read(path: Path) -> Iterator[str]:
    """The phones of a list."""
    parse = Normaliser("US", typed=False).parse
    for row in ListReader(path).rows():
        if isinstance(row, Row) and isinstance(phone := parse(row.cell), PhoneNumber):
            yield phone.e164


@pytest.fixture
def half_out(desk: Desk, by_admin: Origin) -> Desk:
    """A desk with half of `PHONES` opted out."""
    desk.store.optouts.add(desk.account, PHONES[:5], by_admin)
    return desk


def is_part(part: Sequence[bytes], whole: Sequence[bytes]) -> bool:
    """Are the lines *part* among *whole*, in that order?"""
    rest = iter(whole)
    return all(line in rest for line in part)


@pytest.mark.wide
@given(raw=lists(), keep=st.booleans())
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_row_is_kept_or_counted(half_out: Desk, raw: bytes, keep: bool) -> None:
    """Rows out, removed and dropped are the rows in; no opted-out phone is left in what comes back."""
    with tempfile.TemporaryDirectory() as folder:
        left = half_out.scrub(Path(folder), raw, keep=keep)
        found = half_out.found
        assert found is not None
        assert found.rows == found.kept + found.removed + (0 if keep else found.unreadable)
        assert is_part(left.splitlines(keepends=True), raw.splitlines(keepends=True))
        path, out = Path(folder) / "list.csv", Path(folder) / "list.scrubbed.csv"
        there = list(read(path))
        # One row at least: what a quote holds together is one row for the scrub, and may be two for who only reads phones.
        assert found.removed or not any(phone in PHONES[:5] for phone in there)
        if keep:
            return  # a row that could not be read may hold any phone
        if found.kept:
            assert not set(read(out)) & set(PHONES[:5])
        else:
            assert not any(phone[2:].encode() in left for phone in PHONES[:5])


# --- columns that change the meaning --------------------------------------------------------------------------------


def test_a_row_goes_when_any_of_its_phones_is_opted_out(desk: Desk, tmp_path: Path) -> None:
    """Whoever opted out with one number is not texted at another; a cell with a number that cannot be read is unsure."""
    raw = (
        b"name,phone,cell\nAna,212-555-0102,212-555-0101\nBo,212-555-0103,212-555-0104\nCy,,212-555-0102\n"
        b"Di,212-555-0102,n/a\nEd,212-555-0102,12345\nFay,,\nGus,,212-555-0103\n"
    )
    assert desk.scrub(tmp_path, raw) == b"name,phone,cell\nCy,,212-555-0102\nDi,212-555-0102,n/a\n"
    assert desk.counts == (7, 3, 2, 2)
    assert desk.found is not None
    assert any('"phone" and "cell" were looked up' in remark for remark in desk.found.remarks)
    kept = desk.scrub(tmp_path, raw, keep=True)
    assert b"Ed," in kept
    assert b"Ana" not in kept
    assert b"Gus" not in kept


def test_a_list_without_phone_has_all_its_phones_looked_up(desk: Desk, tmp_path: Path) -> None:
    """Several columns that look like phones need no choice: each may be the opted-out one."""
    raw = b"Work,Cell\n2125550101,2125550102\n2125550102,2125550103\n2125550102,2125550104\n"
    assert desk.scrub(tmp_path, raw) == b"Work,Cell\n2125550102,2125550104\n"
    raw = b"Tel,Tel,Name\n2125550102,2125550101,Ana\n2125550102,2125550104,Bo\n"
    assert desk.scrub(tmp_path, raw) == b"Tel,Tel,Name\n2125550102,2125550104,Bo\n"


def test_of_a_log_both_ends_are_looked_up(desk: Desk, tmp_path: Path) -> None:
    """Whichever of them the voter is: the other, which is the campaign's own, is not opted out."""
    head = b"From,To,Body\n"
    raw = head + b"2125550101,6465550199,a\n6465550199,2125550103,b\n2125550102,6465550199,c\n6465550199,2125550104,d\n"
    left = head + b"2125550102,6465550199,c\n6465550199,2125550104,d\n"
    assert desk.scrub(tmp_path, raw) == left


def test_each_row_is_looked_up_with_its_own_country(desk: Desk, tmp_path: Path) -> None:
    """The number that is opted out is found by what its row says; where that is no country, nobody knows."""
    raw = (
        b"name,calling_code,phone\nAna,+44,020 7946 0000\nBo,1,2125550101\nCy,44,020 7946 0001\nDi,999,2125550102\n"
        b"Ed,,2125550102\nFay,+91,2125550101\n"
    )
    left = b"name,calling_code,phone\nCy,44,020 7946 0001\nEd,,2125550102\nFay,+91,2125550101\n"
    assert desk.scrub(tmp_path, raw) == left
    assert desk.counts == (6, 2, 1, 3)
    assert desk.found is not None
    assert 'each row read with its country from "calling_code"' in desk.found.remarks
    assert [str(reason) for reason in desk.found.reasons] == ["1 of a country that is none (line 5)"]


def test_what_a_list_says_of_consent_is_told_and_decides_nothing(desk: Desk, tmp_path: Path) -> None:
    """A scrub goes by the opt-outs alone; that the list knows of more is said."""
    raw = b"phone,opted_out\n2125550101,no\n2125550102,yes\n2125550104,no\n"
    assert desk.scrub(tmp_path, raw) == b"phone,opted_out\n2125550102,yes\n2125550104,no\n"
    assert desk.found is not None
    [said] = [remark for remark in desk.found.remarks if "opted_out" in remark]
    assert said == '"opted_out" says "no" in 2 rows and "yes" in 1: looked up were the phones alone'


def test_whom_to_call_about_a_list_does_not_come_back(desk: Desk, tmp_path: Path) -> None:
    """A number below the list is looked up nowhere, so its line is left out and counted."""
    raw = b"First,Last,Phone\nAna,Ruiz,2125550101\nBo,Chen,2125550102\n\nConfidential\nQuestions? Call,,2125550103\n"
    assert desk.scrub(tmp_path, raw) == b"First,Last,Phone\nBo,Chen,2125550102\n\nConfidential\n"
    assert desk.counts == (3, 1, 1, 1)


def test_a_second_phone_that_stands_far_down_is_looked_up(desk: Desk, tmp_path: Path) -> None:
    """A column that is blank in all the first rows, and is not called after phones, loses nobody; so does a country."""
    early = b"".join(b"212555%04d,,\n" % number for number in range(1000, 1260))
    raw = b"phone,partner,Land\n" + early + b"2125550102,2125550101,\n2125550102,2125550104,\n020 7946 0000,,GB\n"
    assert desk.scrub(tmp_path, raw) == b"phone,partner,Land\n" + early + b"2125550102,2125550104,\n"


@pytest.mark.wide
def test_a_line_longer_than_any_is_read_comes_back_whole_or_goes(desk: Desk, tmp_path: Path) -> None:
    """By the phone before its note; the lines around it are told apart all the same."""
    note = b"asked to stop " * (LONGEST // 14 + 10)
    lines = [b"2125550102," + note, b"2125550101,x", b"2125550101," + note, b",,", b"2125550104,x", b"2125550103,x"]
    raw = b"phone,note\n" + b"\n".join(lines) + b"\n"
    left = b"phone,note\n" + b"\n".join([lines[0], lines[3], lines[4]]) + b"\n"
    assert desk.scrub(tmp_path, raw) == left
