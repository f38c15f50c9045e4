"""Lists in and out by the command line, without Slack."""

import csv
import io
import os
import resource
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bot import transfer
from bot.__main__ import main
from bot.config import Settings
from store import Account, Actor, Choices, Function, Origin, Store, StoreError, StoreUnavailable, UploadWork
from tests.entries import latest_entries
from tests.store.lists.workbooks import Table, sheet_xml, xlsx

TEAM = "T0DESK"
LIST = """\
phone,name
(212) 555-0101,Ana
12345,Ben
+1 212 555 0101,Ana again
1.41556E+10,Cy
+44 20 7946 0000,Dee
"""


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(database_url=database_url, scratch_dir=tmp_path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "stops.csv"
    path.write_text(LIST)
    return path


def imported(
    store: Store, settings: Settings, path: Path, *, country: str = "US", apply: bool = True, **options: Any
) -> str:
    said: list[str] = []
    transfer.import_list(store, settings, path, TEAM, country, apply=apply, say=said.append, **options)
    return "\n".join(said)


def exported(store: Store) -> list[list[str]]:
    out = io.StringIO()
    transfer.export_list(store, TEAM, out)
    return list(csv.reader(io.StringIO(out.getvalue())))


def test_import_without_yes_only_previews(store: Store, account: Account, settings: Settings, path: Path) -> None:
    """Without --yes the preview says what would happen; nothing is opted out and no file is written."""
    said = imported(store, settings, path, apply=False)
    assert "stops.csv: 2 phones to opt out." in said
    assert "5 rows, 0 already opted out, 1 repeated, 2 not understood.\n  1 too short (line 3)\n" in said
    assert "Nothing has changed" in said
    assert store.optouts.count(account.id) == 0
    assert sorted(file.name for file in path.parent.glob("*.csv")) == ["stops.csv"]


def test_import_opts_out_and_reports_every_unreadable_line(
    store: Store, account: Account, settings: Settings, path: Path
) -> None:
    """With --yes the phones are opted out; each unreadable line is reported with its reason and written beside the list."""
    said = imported(store, settings, path)
    assert "2 phones opted out from stops.csv." in said
    assert "line 3: '12345': 5 digits" in said
    assert "line 5: '1.41556E+10': " in said
    assert store.optouts.count(account.id) == store.optouts.recount(account.id) == 2
    rows = list(csv.DictReader(io.StringIO((path.parent / "stops.unreadable.csv").read_text("utf-8-sig"))))
    assert [(row["phone"], row["name"], row["line"]) for row in rows] == [
        ("12345", "Ben", "3"),
        ("1.41556E+10", "Cy", "5"),
    ]
    assert all(row["reason"] for row in rows)


def test_the_unreadable_rows_can_be_fixed_and_imported(
    store: Store, account: Account, settings: Settings, path: Path
) -> None:
    """The file of unreadable rows is a list itself: with its phones put right it is imported like any other."""
    imported(store, settings, path)
    beside = path.parent / "stops.unreadable.csv"
    beside.write_text(
        beside.read_text("utf-8-sig").replace("1.41556E+10", "415 555 0102").replace("12345,", "2125550103,")
    )
    assert "2 phones opted out" in imported(store, settings, beside)
    assert store.optouts.count(account.id) == 4


def test_a_report_that_cannot_be_written_is_no_failure(
    store: Store, account: Account, settings: Settings, path: Path
) -> None:
    """Where no file can be written beside the list, the import stands and the report says so."""
    path = path.rename(path.with_stem("s" * 250))
    said = imported(store, settings, path)
    assert "s.unreadable.csv could not be written (File name too long); the reasons are above." in said
    assert store.optouts.count(account.id) == 2


def test_what_is_beside_the_list_already_stays(store: Store, account: Account, settings: Settings, path: Path) -> None:
    """Unreadable rows of before may be half mended: they stay as they are, and the new ones get a name that is free."""
    kept = {"stops.unreadable.csv": "mended by hand", "stops.unreadable-2.csv": "and so is this"}
    for name, text in kept.items():
        (path.parent / name).write_text(text)
    assert "They are in" in (said := imported(store, settings, path))
    assert "stops.unreadable-3.csv" in said
    assert {name: (path.parent / name).read_text() for name in kept} == kept
    new = path.parent / "stops.unreadable-3.csv"
    assert "12345" in new.read_text("utf-8-sig")
    assert store.optouts.count(account.id) == 2


@pytest.mark.wide_but_first
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o377])
def test_what_is_written_is_its_owners_alone(
    store: Store, account: Account, settings: Settings, path: Path, umask: int
) -> None:
    """Unreadable rows and scrubbed lists hold names and phones: nobody else reads them, whatever the umask."""
    before = os.umask(umask)
    try:
        imported(store, settings, path)
        transfer.scrub_list(store, path, "T0DESK", country="US", keep_unreadable=False, output=None, say=print)
    finally:
        os.umask(before)
    assert account.slack_id == "T0DESK"
    for name in ("stops.unreadable.csv", "stops.scrubbed.csv"):
        assert stat.S_IMODE((path.parent / name).stat().st_mode) == 0o600, name


def test_a_list_imported_twice_adds_a_second_reason(
    store: Store, account: Account, settings: Settings, path: Path
) -> None:
    """
    The same file may come again, for whoever names the number of phones.

    Its phones count as already opted out, and nobody is counted twice.
    """
    imported(store, settings, path)
    for sure in (None, 3):
        with pytest.raises(transfer.TransferError, match=r"may be the wrong list\. .* --sure 2"):
            imported(store, settings, path, sure=sure)
    said = imported(store, settings, path, apply=False)
    assert "The same file was applied already, as upload 1 (stops.csv), by " in said
    assert "Nothing has changed" in said
    assert latest_entries(store, account.id, 9)[1:] == ()
    said = imported(store, settings, path, sure=2)
    assert "0 phones opted out" in said
    assert "2 were already opted out" in said
    assert store.optouts.count(account.id) == 2


def test_an_interrupted_import_goes_on_when_run_again(
    store: Store, account: Account, settings: Settings, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import stopped while it was applied is finished by the same command, as one upload with exact counts."""

    class KilledError(Exception):
        pass

    def killed(*_arguments: object, **_options: object) -> None:
        raise KilledError

    path.write_text("phone\n" + "\n".join(f"21255501{n:02}" for n in range(100)))
    quick = settings.model_copy(update={"lease_seconds": 0.1})
    with monkeypatch.context() as patch:
        patch.setattr(UploadWork, "finish", killed)
        with pytest.raises(KilledError):
            imported(store, quick, path)
    (upload,) = store.uploads.list(account.id, 10)
    assert upload.state == "applying"
    while store.uploads.claim("nobody", lease_seconds=0, upload=(account.id, upload.id)) is None:
        pass  # the dead one's lease runs out
    said = imported(store, quick, path)
    assert "goes on where it stopped" in said
    assert "100 phones opted out" in said
    (upload,) = store.uploads.list(account.id, 10)
    assert (upload.state, upload.newly_opted_out, upload.pending) == ("done", 100, False)


def test_a_refused_list_is_one_sentence(store: Store, account: Account, settings: Settings, path: Path) -> None:
    """A list without a phone column changes nothing, and the sentence names the columns it has."""
    path.write_text("Name,City\nAna,Rome\n")
    with pytest.raises(transfer.TransferError, match=r"Nothing was changed\..*City"):
        imported(store, settings, path)
    assert store.optouts.count(account.id) == 0
    (upload,) = store.uploads.list(account.id, 10)
    assert (upload.state, upload.pending) == ("refused", False)


def test_an_unknown_country_gets_suggestions(store: Store, settings: Settings, path: Path) -> None:
    """A country is known by code or name; an unknown one is answered with those that come near."""
    with pytest.raises(transfer.TransferError, match=r'No country is called "Germny"\. Is it DE \(Germany\)'):
        imported(store, settings, path, country="Germny")
    assert "read as United Kingdom" in imported(store, settings, path, country="United Kingdom", apply=False)


def test_export_lists_each_opted_out_phone_once(store: Store, account: Account, settings: Settings, path: Path) -> None:
    """An export has a header and a line a phone, in order, with since when and why; what was deleted is not in it."""
    by = Origin(Function.COMMAND, Actor("U1", "admin"), reason="=asked")
    imported(store, settings, path)
    store.optouts.add(account.id, ("+12125550101", "+12125550199"), by)
    store.optouts.delete(account.id, "+442079460000", by)
    header, *rows = exported(store)
    assert header == ["phone", "opted_out_since", "note", "function", "requested_at", "reason"]
    assert [row[0] for row in rows] == ["+12125550101", "+12125550199"]
    assert "stops.csv, line 2" in rows[0][2]
    assert rows[0][1].endswith("+00:00")


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("T0DESKS", "T0DESKS is not known to this database. It has T0DESK (Desk)."),
        ("t0desk", "t0desk is no id of a workspace"),
        ("harbor-campaign", "harbor-campaign is no id of a workspace"),
        ("C0UPLOADS", "C0UPLOADS is no id of a workspace"),
        ("", " is no id of a workspace"),
    ],
)
def test_an_import_into_an_account_that_nobody_knows(
    store: Store, account: Account, settings: Settings, path: Path, typed: str, why: str
) -> None:
    """It is refused with what is wrong with the id, and where the right one is; only --new-account makes it."""
    with pytest.raises(transfer.TransferError) as refused:
        transfer.import_list(store, settings, path, typed, "US", apply=True, say=print)
    said = str(refused.value)
    assert said.startswith(f"Nothing was changed: {why}")
    assert "address bar" in said
    assert said.endswith("add --new-account.")
    assert [one.id for one in store.accounts.list()] == [account.id]
    lines: list[str] = []
    transfer.import_list(store, settings, path, typed, "US", apply=True, say=lines.append, new_account=True)
    assert lines[0].startswith(f"{typed} is a new account in this database. ")
    assert ("no desk will ever be this account's" in lines[1]) is (typed != "T0DESKS")
    assert store.optouts.count(account.id) == 0


def test_the_first_account_of_all_is_made_by_an_import(store: Store, settings: Settings, path: Path) -> None:
    """A list may come in before the app is installed: that this makes the account, and where its id is, comes first."""
    with pytest.raises(transfer.TransferError, match="Harbor is no id"):
        transfer.import_list(store, settings, path, "Harbor", "US", apply=True, say=print)
    assert store.accounts.list() == ()
    said = imported(store, settings, path).splitlines()
    assert said[0].startswith("T0DESK is a new account in this database, the first one of all.")
    assert "address bar" in said[1]
    assert "new account" not in imported(store, settings, path, sure=2)


def test_an_export_can_be_imported_elsewhere(store: Store, account: Account, settings: Settings, path: Path) -> None:
    """What export writes is a list that import takes."""
    imported(store, settings, path)
    out = io.StringIO()
    transfer.export_list(store, TEAM, out)
    path.write_text(out.getvalue())
    transfer.import_list(store, settings, path, "T0OTHER", "US", apply=True, say=lambda _line: None, new_account=True)
    other = store.accounts.find("T0OTHER")
    assert other is not None
    assert store.optouts.count(other.id) == store.optouts.count(account.id) == 2


def test_an_export_that_finds_no_room_is_one_sentence(store: Store, account: Account, by_admin: Origin) -> None:
    """At its first bytes or its last: what was written is not to be taken for all of it."""
    for phones in (1, 5_000):
        store.optouts.add(
            account.id, [f"+1212{number:07}" for number in range(2_000_000, 2_000_000 + phones)], by_admin
        )
        # Closing it may fail as well.
        with suppress(OSError), Path("/dev/full").open("w", encoding="utf-8") as out:
            refused = pytest.raises(StoreError, match=r"^The export is not whole: No space left on device\. Throw away")
            with refused:
                transfer.export_list(store, TEAM, out)


# A file of a list would find no room either, and first.
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.usefixtures("account")
def test_a_scratch_directory_without_room_is_one_sentence(store: Store, settings: Settings, path: Path) -> None:
    """Where to make room is named; once there is some, the same command does it."""
    path.write_text("phone\n" + "\n".join(f"+1212{number:07}" for number in range(2_000_000, 2_020_000)))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(StoreError, match=rf"^stops\.csv was not read.* the disk of {settings.scratch_dir} is full"):
            imported(store, settings, path, sure=20_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "20,000 phones opted out" in imported(store, settings, path, sure=20_000)


def test_export_of_an_unknown_account_is_refused(store: Store) -> None:
    """A misspelt account is a sentence, not an empty list."""
    with pytest.raises(transfer.TransferError, match="There is no account T0NONE"):
        transfer.export_list(store, "T0NONE", io.StringIO())


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.chdir(tmp_path)
    return CliRunner(env={"DATABASE_URL": f"sqlite:///{tmp_path / 'cli.db'}"})


def test_exit_status_says_whether_it_was_applied(elsewhere: CliRunner, path: Path) -> None:
    """On a new database `import --yes` exits 0 and `export` gives the phones; a refused list exits 1 with one sentence."""
    arguments = ["import", str(path), "--account", TEAM, "--country", "US"]
    assert elsewhere.invoke(main, [*arguments, "--yes"]).exit_code == 0
    export = elsewhere.invoke(main, ["export", "--account", TEAM])
    assert export.output.splitlines()[1].startswith("+12125550101,")
    again = elsewhere.invoke(main, [*arguments, "--yes"])
    assert again.exit_code == 1
    assert again.output.splitlines()[-1].endswith("add the number of phones: --sure 2")
    assert elsewhere.invoke(main, [*arguments, "--yes", "--sure", "2"]).exit_code == 0
    path.write_text("")
    refused = elsewhere.invoke(main, [*arguments, "--yes"])
    assert refused.exit_code == 1
    assert refused.output.startswith("Error: Nothing was changed.")
    assert refused.output.count("\n") == 1


# Scrubbing


def scrubbed(store: Store, path: Path, account: str = TEAM, **options: Any) -> str:
    said: list[str] = []
    values: dict[str, Any] = {"country": "US", "keep_unreadable": False, "output": None}
    transfer.scrub_list(store, path, account, **(values | options), say=said.append)
    return "\n".join(said)


def test_a_scrubbed_list_lies_beside_it(store: Store, account: Account, path: Path, by_admin: Origin) -> None:
    """The rows whose phone is opted out are gone, those that were not understood too, and both are counted."""
    store.optouts.add(account.id, ["+12125550101"], by_admin)
    said = scrubbed(store, path)
    assert "stops.csv: 2 of 5 rows removed, 1 kept." in said
    assert "2 rows not understood, left out as well:" in said
    assert "1 too short (line 3)" in said
    beside = path.parent / "stops.scrubbed.csv"
    assert f"Written to {beside}." in said
    assert beside.read_text() == "phone,name\n+44 20 7946 0000,Dee\n"
    assert path.read_text() == LIST


def test_a_scrub_keeps_what_it_is_told_to(store: Store, account: Account, path: Path, by_admin: Origin) -> None:
    """Unreadable rows stay when they are asked for, and the column is the one that was named."""
    store.optouts.add(account.id, ["+12125550101"], by_admin)
    path.write_text(LIST.replace("phone", "Mobile"))
    with pytest.raises(transfer.TransferError, match=r"^Nothing was written\..*Or name the column with --column\.$"):
        scrubbed(store, path)
    said = scrubbed(store, path, choices=Choices(columns=("mobile",)), keep_unreadable=True)
    assert "2 rows not understood, kept:" in said
    left = (path.parent / "stops.scrubbed.csv").read_text()
    assert left == "Mobile,name\n12345,Ben\n1.41556E+10,Cy\n+44 20 7946 0000,Dee\n"


def test_a_scrub_reads_with_the_accounts_country(store: Store, account: Account, path: Path, by_admin: Origin) -> None:
    """Without a country of its own it reads phones as the account does; one that is no country is refused."""
    store.optouts.add(account.id, ["+442079460000"], by_admin)
    store.accounts.set_country(account.id, "GB", by_admin)
    path.write_text("phone\n020 7946 0000\n")
    assert "1 row had no country code: read as United Kingdom." in scrubbed(store, path, country=None)
    assert (path.parent / "stops.scrubbed.csv").read_text() == "phone\n"
    with pytest.raises(transfer.TransferError, match='No country is called "Germny"'):
        scrubbed(store, path, country="Germny", output=path.parent / "other.csv")


@pytest.mark.usefixtures("account")
def test_a_scrub_replaces_only_the_file_it_is_told_to(store: Store, path: Path) -> None:
    """A file that is there is left alone unless it is named, and the list itself in any case."""
    beside = path.parent / "stops.scrubbed.csv"
    beside.write_text("in use")
    with pytest.raises(transfer.TransferError, match=r"is there already\. Remove it, or name it with --output"):
        scrubbed(store, path)
    for taken in (path, path.parent):
        with pytest.raises(StoreError, match=r"is the list itself|is no file"):
            scrubbed(store, path, output=taken)
    with pytest.raises(transfer.TransferError, match="could not be written"):
        scrubbed(store, path, output=path.parent / "nowhere" / "out.csv")
    assert (beside.read_text(), path.read_text()) == ("in use", LIST)
    scrubbed(store, path, output=beside)
    assert beside.read_text().startswith("phone,name\n")


def test_a_scrub_for_an_unknown_account_is_refused(store: Store, path: Path) -> None:
    """A misspelt account is a sentence: it is neither made nor taken for one without opt-outs."""
    with pytest.raises(transfer.TransferError, match="There is no account T0NONE"):
        scrubbed(store, path, "T0NONE")
    assert store.accounts.find("T0NONE") is None
    assert not (path.parent / "stops.scrubbed.csv").exists()


def test_a_scrub_needs_no_right_to_write(
    store: Store, account: Account, database_url: str, path: Path, by_admin: Origin
) -> None:
    """A database that refuses every change is enough."""
    store.optouts.add(account.id, ["+12125550101"], by_admin)
    if database_url.startswith("sqlite"):
        url = database_url.replace("sqlite:///", "sqlite:///file:") + "?mode=ro&uri=true"
    else:
        name = store.database.url.database
        with store.database.write() as connection:
            connection.exec_driver_sql(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        url = database_url
    reading = transfer.open_to_read(Settings(database_url=url))
    try:
        with pytest.raises(StoreUnavailable):
            reading.optouts.add(account.id, ["+12125550102"], by_admin)
        assert "2 of 5 rows removed" in scrubbed(reading, path)
    finally:
        reading.close()


def test_a_scrub_makes_no_database(elsewhere: CliRunner, path: Path) -> None:
    """Where there is none, or one of another version, it says so in one sentence and leaves it at that."""
    arguments = ["scrub", str(path), "--account", TEAM, "--country", "US"]
    missing = elsewhere.invoke(main, arguments)
    assert (missing.exit_code, missing.output.count("\n")) == (1, 1)
    assert "There is no database at" in missing.output
    database = path.parent / "cli.db"
    assert not database.exists()
    database.touch()
    behind = elsewhere.invoke(main, arguments)
    assert behind.exit_code == 1
    assert "python -m bot migrate" in behind.output


def test_a_scrub_on_the_command_line(elsewhere: CliRunner, path: Path) -> None:
    """What `import --yes` opted out, `scrub` takes out."""
    assert elsewhere.invoke(main, ["import", str(path), "--account", TEAM, "--country", "US", "--yes"]).exit_code == 0
    out = path.parent / "out.csv"
    options = ["--account", TEAM, "--country", "US", "--column", "phone", "--keep-unreadable", "--output", str(out)]
    done = elsewhere.invoke(main, ["scrub", str(path), *options])
    assert (done.exit_code, out.read_text()) == (0, "phone,name\n12345,Ben\n1.41556E+10,Cy\n")
    assert done.output.startswith("stops.csv: 3 of 5 rows removed, 2 kept.\n")


# Comparing


def compared(store: Store, settings: Settings, path: Path, account: str = TEAM, **options: Any) -> str:
    said: list[str] = []
    values: dict[str, Any] = {"country": "US", "output": None}
    transfer.compare_list(store, settings, path, account, **(values | options), say=said.append)
    return "\n".join(said)


def test_what_is_only_here_lies_beside_the_list(
    store: Store, account: Account, settings: Settings, path: Path, by_admin: Origin
) -> None:
    """Both sides are counted, and what is only here is a file for its owner alone; nothing is opted out."""
    store.optouts.add(account.id, ["+12125550101", "+12125550109"], by_admin)
    said = compared(store, settings, path)
    assert said.startswith(
        "stops.csv: 1 phone only there, 1 only here, 1 in both.\nThere 2, here 2; 5 rows, 2 not understood."
    )
    assert "  1 too short (line 3)" in said
    beside = path.parent / "stops.missing.csv"
    assert f"What is only here is in {beside}" in said
    assert beside.read_text() == "phone\n+12125550109\n"
    assert stat.S_IMODE(beside.stat().st_mode) == 0o600
    assert (store.optouts.count(account.id), path.read_text()) == (2, LIST)
    with pytest.raises(transfer.TransferError, match="is there already"):
        compared(store, settings, path)


@pytest.mark.usefixtures("account")
def test_a_list_that_is_not_compared(store: Store, settings: Settings, path: Path) -> None:
    """No such account, no phones, a column that says who is out, the list itself: a sentence, and no file."""
    with pytest.raises(transfer.TransferError, match="There is no account T0NONE"):
        compared(store, settings, path, "T0NONE")
    with pytest.raises(transfer.TransferError, match="is the list itself"):
        compared(store, settings, path, output=path)
    with pytest.raises(transfer.TransferError, match="could not be written"):
        compared(store, settings, path, output=path.parent / "nowhere" / "out.csv")
    path.write_text("phone,status\n2125550101,opted out\n2125550102,subscribed\n")
    with pytest.raises(transfer.TransferError, match=r"^Nothing was written\..*--only .*--all-rows"):
        compared(store, settings, path)
    assert "1 phone only there" in compared(
        store, settings, path, choices=Choices(only=(("status", ("opted out",)),)), output=path.parent / "out.csv"
    )
    path.write_text("name\nAna\n")
    with pytest.raises(transfer.TransferError, match=r"^Nothing was written\..*--column"):
        compared(store, settings, path)
    assert sorted(one.name for one in path.parent.glob("*.csv")) == ["out.csv", "stops.csv"]


def test_a_comparison_on_the_command_line(elsewhere: CliRunner, path: Path) -> None:
    """What `import --yes` opted out is in both."""
    assert elsewhere.invoke(main, ["import", str(path), "--account", TEAM, "--country", "US", "--yes"]).exit_code == 0
    done = elsewhere.invoke(main, ["compare", str(path), "--account", TEAM, "--country", "US"])
    assert done.exit_code == 0
    assert done.output.startswith("stops.csv: 0 phones only there, 0 only here, 2 in both.\n")


HIDDEN = "2 rows are hidden in sheet 'List', and left out."


def workbook(path: Path, *, hidden: bool = False) -> Path:
    """A workbook beside *path*: two sheets with phones, or one with two rows of three hidden."""
    table: Table = [["phone"], ["2125550101"], ["2125550102"], ["2125550103"]]
    rows = (
        sheet_xml(table)
        .replace('<row r="3">', '<row r="3" hidden="1">')
        .replace('<row r="4">', '<row r="4" hidden="1">')
    )
    beside = path.with_name("stops.xlsx")
    beside.write_bytes(xlsx({"List": rows} if hidden else {"Our stops": table[:2], "Others": [table[0], *table[2:]]}))
    return beside


def test_hidden_rows_are_imported_only_when_that_is_said(
    store: Store, account: Account, settings: Settings, path: Path
) -> None:
    """Without --with-hidden what a person sees is imported, and how many rows are hidden is said."""
    assert f"{HIDDEN} The other way: --with-hidden." in imported(store, settings, workbook(path, hidden=True))
    assert store.optouts.count(account.id) == 1
    said = imported(store, settings, workbook(path, hidden=True), choices=Choices(hidden=True), sure=2)
    assert "2 rows are hidden in sheet 'List', and taken in." in said
    assert store.optouts.count(account.id) == 3


def test_of_several_sheets_one_is_named(store: Store, account: Account, settings: Settings, path: Path) -> None:
    """A workbook with phones in two sheets is refused with their names and the options; --sheet reads one."""
    environment = {"DATABASE_URL": store.database.url.render_as_string(hide_password=False)}
    environment["OPTOUT_SCRATCH_DIR"] = str(settings.scratch_dir)
    options = [str(workbook(path)), "--account", TEAM, "--country", "US"]
    runner = CliRunner(env=environment)
    for refused in (runner.invoke(main, ["import", *options]), runner.invoke(main, ["scrub", *options])):
        assert refused.exit_code == 1
        assert (
            "stops.xlsx has phones in 2 sheets: 'Our stops' and 'Others'. Which one is the list? "
            "Add --sheet 'Our stops' or --sheet Others."
        ) in refused.output
    assert store.optouts.count(account.id) == 0
    assert runner.invoke(main, ["import", *options, "--yes", "--sheet", "Our stops"]).exit_code == 0
    assert [phone for phone, *_ in exported(store)[1:]] == ["+12125550101"]
    assert runner.invoke(main, ["scrub", *options, "--sheet", "Others"]).exit_code == 0
    assert path.with_name("stops.scrubbed.csv").read_text("utf-8-sig").split() == ["phone", "2125550102", "2125550103"]


def test_a_scrub_leaves_out_what_is_hidden(store: Store, account: Account, path: Path, by_admin: Origin) -> None:
    """Rows that somebody filtered out do not come back in the list that is about to be texted; they are counted."""
    store.optouts.add(account.id, ["+12125550103"], by_admin)
    said = scrubbed(store, workbook(path, hidden=True))
    assert HIDDEN in said
    assert "stops.xlsx: 0 of 1 row removed, 1 kept." in said
    out = path.with_name("stops.scrubbed.csv")
    assert out.read_text("utf-8-sig").split() == ["phone", "2125550101"]
    out.unlink()
    assert "a sheet comes back as CSV" in scrubbed(store, workbook(path, hidden=True), choices=Choices(hidden=True))
    assert out.read_text("utf-8-sig").split() == ["phone", "2125550101", "2125550102"]


def test_an_account_is_moved_by_the_command_line(store: Store, account: Account, by_admin: Origin) -> None:
    """Without --yes it is only told what would move; with it, it moves. What cannot be moved is one sentence and exit status 1."""
    store.optouts.add(account.id, ["+12125550100"], by_admin)
    environment = {"DATABASE_URL": store.database.url.render_as_string(hide_password=False)}

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner(env=environment).invoke(main, ["account", "move", *arguments])
        return result.exit_code, result.output

    code, said = run(TEAM, "E0HARBOR")
    assert code == 0
    for line in ("T0DESK (Desk) to E0HARBOR:", "  1 opted-out phone", "  0 uploads", "  1 entry of history"):
        assert line in said.splitlines()
    assert "0 settings other than the desk's own; default country: none" in said
    assert "finds nobody under T0DESK" in said
    assert "Nothing has moved." in said
    assert store.accounts.find(TEAM) is not None
    code, said = run(TEAM, "E0HARBOR", "--yes")
    assert (code, said.splitlines()[-1]) == (0, "Moved. Start the desk with the token of E0HARBOR.")
    assert (entry := latest_entries(store, account.id, 1)[0]).actor.id.startswith("local:")
    assert entry.reason == "the list of T0DESK is that of E0HARBOR from now on"
    assert run(TEAM, "E0HARBOR", "--yes") == (1, "Error: There is no account 'T0DESK' in this database.\n")
    assert [found.slack_id for found in store.accounts.list()] == ["E0HARBOR"]


# Columns that change the meaning


STATUS = "phone,name,sms=out,Country\n2125550101,Ana,TRUE,US\n07400123456,Bo,false,GB\n9195550123,Raj,TRUE,IN\n"


def test_a_list_that_says_who_is_refused_with_its_options(
    store: Store, account: Account, settings: Settings, tmp_path: Path
) -> None:
    """The columns, their values with counts, and the options that decide; nobody is opted out, with --yes and --sure as well."""
    path = tmp_path / "stops.csv"
    path.write_text(STATUS.replace("sms=out", "sms_opted_out"))
    for sure in (None, 2, 3):
        with pytest.raises(transfer.TransferError) as caught:
            imported(store, settings, path, sure=sure)
        assert '"sms_opted_out" says "TRUE" in 2 rows and "false" in 1.' in str(caught.value)
        assert "Add --only sms_opted_out=TRUE or --all-rows." in str(caught.value)
        assert '"Country" says "GB" in 1 row, "IN" in 1 and "US" in 1.' in str(caught.value)
        assert "Add --country-column Country or --one-country." in str(caught.value)
    assert store.optouts.count(account.id) == 0


@pytest.mark.parametrize(
    ("options", "phones"),
    [
        (["--only", "sms=out=TRUE", "--country-column", "country"], ["+12125550101", "+919195550123"]),
        (["--only", "sms=out=true", "--only", "sms=out=FALSE", "--country-column", "Country"], 3),
        (["--only", "sms=out=*", "--country-column", "Country"], 3),
        (["--only", "sms=out=", "--country-column", "Country"], 0),
        (["--all-rows", "--country-column", "Country"], ["+12125550101", "+447400123456", "+919195550123"]),
        (["--only", "name=Bo", "--country-column", "Country", "--all-rows"], 3),
        (["--only", "sms=out=TRUE", "--only", "name=Ana", "--one-country"], ["+12125550101"]),
    ],
)
@pytest.mark.wide_but_first
def test_options_of_the_command_line_decide(
    database_url: str, store: Store, account: Account, tmp_path: Path, options: list[str], phones: list[str] | int
) -> None:
    """`python -m bot import` reads a list as its options say, whatever signs a column's name has in it."""
    path = tmp_path / "stops.csv"
    path.write_text(STATUS)
    run = CliRunner(env={"DATABASE_URL": database_url, "SCRATCH_DIR": str(tmp_path)})
    arguments = ["import", str(path), "--account", TEAM, "--country", "US", "--yes", *options]
    done = run.invoke(main, arguments)
    assert (done.exit_code == 0) is (phones != 0), done.output
    out = [row[0] for row in exported(store)[1:]]
    assert (len(out) if isinstance(phones, int) else out) == phones
    assert store.optouts.count(account.id) == len(out)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--only", "nosuch=1"], "no column called `nosuch`"),
        (["--only", "TRUE"], "--only takes COLUMN=VALUE, and 'TRUE' is none."),
        (["--only", "=TRUE"], "--only takes COLUMN=VALUE"),
        (["--column", "nosuch"], "no column called `nosuch`"),
        (["--country-column", "nosuch"], "no column called `nosuch`"),
    ],
)
def test_options_that_fit_no_column_are_refused(
    database_url: str, store: Store, account: Account, tmp_path: Path, options: list[str], says: str
) -> None:
    """A slip in an option changes nothing, and the columns that there are are named."""
    path = tmp_path / "stops.csv"
    path.write_text(STATUS)
    run = CliRunner(env={"DATABASE_URL": database_url, "SCRATCH_DIR": str(tmp_path)})
    done = run.invoke(main, ["import", str(path), "--account", TEAM, "--country", "US", "--yes", *options])
    assert (done.exit_code, says in done.output) == (1, True), done.output
    assert store.optouts.count(account.id) == 0


def test_several_columns_of_phones_are_named_or_refused(
    store: Store, account: Account, settings: Settings, tmp_path: Path
) -> None:
    """Without `phone` the columns are named with an option for each; with them each phone is opted out, once."""
    path = tmp_path / "stops.csv"
    path.write_text("Home,Cell Phone\n2125550101,2125550102\n,2125550101\n")
    with pytest.raises(transfer.TransferError, match=r"Add --column Home --column 'Cell Phone' or --column Home or"):
        imported(store, settings, path)
    said: list[str] = []
    choices = Choices(columns=("home", "Cell Phone"))
    transfer.import_list(store, settings, path, TEAM, "US", apply=True, say=said.append, choices=choices)
    assert "2 rows, 0 already opted out, 1 repeated, 0 not understood." in said
    assert [row[0] for row in exported(store)[1:]] == ["+12125550101", "+12125550102"]
    assert store.optouts.count(account.id) == 2
    assert "1 of 2 rows removed, 0 kept." in scrubbed(store, path, choices=Choices(columns=("home",)))
