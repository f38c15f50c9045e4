"""Why rows of a list are unreadable: counted by code in previews and scrubs, told in a sentence a row."""

import importlib
from pathlib import Path

import alembic.script
import sqlalchemy as sa

from handlers.views import previews, scrubs
from store import (
    Account,
    Actor,
    NotAPhone,
    Scrubbed,
    Store,
    UnreadableReason,
    Upload,
    database,
    parse_phone,
    scrub,
    stage_upload,
)
from store.phones.numbers import Reason
from tests.handlers.views.test_uploads import TERMS, words
from tests.store.phones import test_parser
from tests.tables import step_back

# A row for each reason there is in a list with a country; the last quote is never closed.
ROWS = {
    Reason.EMPTY: ("a,",),
    Reason.TOO_SHORT: ("b,12345", "b,123", "b,1"),
    Reason.TOO_LONG: ("c,415 555 26711",),
    Reason.LOCAL_ONLY: ("d,555-2671",),
    Reason.SHORT_CODE: ("e,72345",),
    Reason.LETTERS: ("f,xxx-xxx-5000",),
    Reason.TWO_NUMBERS: ("g,2127365000 2127365001",),
    Reason.SCIENTIFIC: ("h,1.41556E+10",),
    Reason.FRACTION: ("i,4155552671.5",),
    Reason.DATE: ("i,05.11.2024",),
    Reason.LOOKS_FOREIGN: ("j,07911123456",),
    Reason.AMBIGUOUS: ("j,+49 49 151 23456789",),
    Reason.LABEL_MISMATCH: ("k,<tel:2127365000|212-736-5001>",),
    Reason.UNKNOWN_CODE: ("l,+999 123 4567",),
    Reason.NOT_A_NUMBER: ("m,n/a", "m,---"),
    Reason.HIDDEN_IN_CELL: ('"n\n4155552672, o",4155552673',),
    Reason.OPEN_QUOTE: ('p,"n/a',),
}
MIXED = "Ann,4155552671\nname,phone\n" + "\n".join(row for rows in ROWS.values() for row in rows) + "\n"
COUNTS = {code: len(rows) for code, rows in ROWS.items()} | {Reason.ABOVE_HEADER: 1}


def ignore(_rows: int, _fraction: float) -> None:
    """A progress that nobody watches."""


def staged(store: Store, account: Account, path: Path, *, country: str | None = "US") -> Upload:
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
    work = store.uploads.claim("me", lease_seconds=60)
    assert work is not None
    return stage_upload(store, work, path, path.with_suffix(".scratch"), ignore, 60).upload


def test_a_preview_names_every_reason(store: Store, account: Account, tmp_path: Path) -> None:
    """A list with every kind of unreadable row: each kind is named with its count and first line, and they add up."""
    path = tmp_path / "stops.csv"
    path.write_text(MIXED)
    upload = staged(store, account, path)
    assert {reason.code: reason.rows for reason in upload.unreadable_reasons} == COUNTS
    assert sum(COUNTS.values()) == upload.unreadable
    rows = [reason.rows for reason in upload.unreadable_reasons]
    assert rows == sorted(rows, reverse=True)
    said = words(previews.preview(upload, TERMS))
    assert (
        "\n• 3 too short (first at line 4)\n• 2 not a number (first at line 19)\n• 1 above the header (line 1)" in said
    )
    for code, count in COUNTS.items():
        assert f"• {count} {code.words} ({'line' if count == 1 else 'first at line'} " in said
    assert f"{upload.unreadable} not understood" in said


def test_rows_without_a_country_are_counted(store: Store, account: Account, tmp_path: Path) -> None:
    """Where no country is in force, that is the reason."""
    path = tmp_path / "stops.csv"
    path.write_text("phone\n212 736 5000\n212 736 5001\n")
    upload = staged(store, account, path, country=None)
    assert upload.unreadable_reasons == (UnreadableReason(Reason.NO_COUNTRY, 2, 2),)


def test_a_scrub_names_every_reason(store: Store, account: Account, tmp_path: Path) -> None:
    """The same of a list that comes back scrubbed, through the JSON in which it is kept."""
    path = tmp_path / "walk.csv"
    path.write_text(MIXED)
    found = scrub(store, account.id, path, tmp_path / "out.csv", country="US", progress=ignore)
    assert {reason.code: reason.rows for reason in found.reasons} == COUNTS
    said = words(scrubs.scrubbed(found, "walk.csv"))
    for code, count in COUNTS.items():
        assert f"• {count} {code.words} ({'line' if count == 1 else 'first at line'} " in said


def test_every_code_has_words_of_its_own() -> None:
    """No two reasons read the same, and a code of another release reads as one that is not known."""
    assert len({code.words for code in Reason}) == len(Reason)
    assert Reason("of_next_year") is Reason.UNKNOWN
    assert str(UnreadableReason(Reason.TOO_SHORT, 1_028, 41)) == "1,028 too short (first at line 41)"
    assert str(UnreadableReason(Reason.TOO_SHORT, 1, 41)) == "1 too short (line 41)"


def test_the_migration_knows_the_sentences_of_before() -> None:
    """Every sentence that the parser had for a cell of a list gets the parser's code."""
    migration = importlib.import_module("store.migrations.versions.0006_reason_codes")
    told = 0
    for text, country, code in test_parser.REFUSED:
        found = parse_phone(text, country, typed=False)
        # Since there is a shortest number, rows are refused that were taken before.
        if isinstance(found, NotAPhone) and "the shortest number has" not in found.reason:
            assert migration._code(found.reason) == found.code == code, found.reason
            told += 1
    assert told > 50
    assert migration._code("not as many as a number of this code has") == "unknown"


def test_lists_from_before_there_were_codes(store: Store) -> None:
    """Rows get the code of their sentence where it can be told and keep the sentence; what waits is previewed by code."""
    config = database._alembic()
    before = alembic.script.ScriptDirectory.from_config(config).get_revision("0006").down_revision
    step_back(store, str(before))
    preview = (
        '{"unreadable": [["5 digits, a US number has 10", 20, 9], ["nothing in it", 7, 4], '
        '["1 digit, a US number has 10", 3, 5]]}'
    )
    scrubbed = (
        '{"rows": 40, "removed": 1, "unreadable": 12, "kept": 27, "unreadable_kept": false, "reasons": ['
        '{"reason": "nothing in it", "rows": 2, "first_line": 3}, {"reason": "other reasons", "rows": 10, "first_line": 4}'
        '], "assumed": 0, "country": "US", "phone_column": "phone", "remarks": []}'
    )
    upload = (
        "INSERT INTO uploads (account_id, id, file_id, file_name, channel_id, actor_id, actor_name, received_at, state, "
        "purpose, pending, lease_until, waiting_since, unreadable, summary) VALUES (1, {0}, 'F{0}', 'stops.csv', 'C1', "
        "'U1', 'ann', '2026-01-01', '{1}', '{2}', false, '2026-01-01', '2026-01-01', {3}, '{4}')"
    )
    row = (
        "INSERT INTO unreadable_rows (account_id, upload_id, line, cell, reason, cells) "
        "VALUES (1, 1, {0}, '12', '{1}', '[\"12\"]')"
    )
    sentences = [
        "5 digits, a US number has 10",
        "nothing in it",
        "12 digits after +1, a US number has 10",
        "of our own",
    ]
    with store.database.write() as connection:
        for statement in (
            "INSERT INTO accounts (id, slack_id, name) VALUES (1, 'T1', 'One')",
            upload.format(1, "waiting", "opt out", 35, preview),
            upload.format(2, "scrubbed", "scrub", 0, scrubbed),
            *(row.format(line, sentence) for line, sentence in enumerate(sentences, 2)),
        ):
            connection.execute(sa.text(statement))
    store.database.migrate()
    store.database.require_head()
    rows = list(store.uploads.list_unreadable(1, 1))
    assert [row.reason for row in rows] == sentences
    assert [row.code for row in rows] == [Reason.TOO_SHORT, Reason.EMPTY, Reason.TOO_LONG, Reason.UNKNOWN]
    waiting = store.uploads.get(1, 1)
    assert waiting.unreadable_reasons == (
        UnreadableReason(Reason.TOO_SHORT, 23, 5),
        UnreadableReason(Reason.EMPTY, 7, 4),
        UnreadableReason(Reason.UNKNOWN, 5, None),
    )
    said = words(previews.preview(waiting, TERMS))
    assert "• 23 too short (first at line 5)\n• 7 empty (first at line 4)\n• 5 for another reason" in said
    assert Scrubbed.read(store.uploads.get(1, 2).summary).reasons == (
        UnreadableReason(Reason.UNKNOWN, 10, 4),
        UnreadableReason(Reason.EMPTY, 2, 3),
    )
