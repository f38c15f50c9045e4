"""Columns that say nothing in the first rows of a list: what they say later is asked about, counted and read all the same."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from store.choices import Choices
from store.lists.columns import says_who_or_where
from store.lists.reader import ListReader
from store.lists.rowphones import RowPhones
from tests.store.lists.test_meanings import questions, read, staged

EARLY = 260  # rows: more than are looked at first


def late(name: str, first: str, values: Sequence[str], *, phone: str = "212555{:04}", header: str = "") -> str:
    """A list whose column *name* says *first* in many rows, and *values* in the last ones, one in each."""
    cells = [first] * EARLY + list(values)
    rows = "".join(f"{phone.format(number)},{cell}\n" for number, cell in enumerate(cells))
    return f"{header or f'phone,{name}'}\n{rows}"


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    ("name", "first", "values"),
    [
        ("x", "", ("opted out", "still subscribed")),
        ("x", "pending", ("unsubscribed",)),
        ("x", "web form", ("subscribed", "unsubscribed")),
        ("x", "", ("suscrito", "dado de baja")),
        ("x", "", ("abonné", "désabonné")),
        ("x", "", ("angemeldet", "abgemeldet")),
        ("opted out", "", ("no", "yes")),
        ("opted out", "", ("still subscribed",)),
        ("Status", "pending", ("no",)),
        ("Status", "", ("currently subscribed", "opted out")),
        ("x", "-", ("sms", "email")),
        ("device", "", ("mobile", "landline")),
        ("x", "", ("inbound", "outbound")),
        ("x", "", ('"opted out, by text"', "subscribed")),
    ],
)
def test_what_a_column_says_late_is_asked_about(tmp_path: Path, name: str, first: str, values: tuple[str, ...]) -> None:
    """It is named with its values and how many rows say each, however late they stand."""
    [question] = questions(tmp_path, late(name, first, values))
    assert question.open
    assert f'"{name}"' in question.text
    assert all(value.strip('"') in question.text for value in values)
    assert f"in {EARLY} rows" in question.text
    assert question.offers[-1].label == f"All {EARLY + len(values)} rows"


def test_what_is_offered_of_it_can_be_chosen(tmp_path: Path) -> None:
    """The list is read again by the offer, and that is no question any more."""
    text = late("x", "pending", ("unsubscribed", "subscribed"))
    [question] = questions(tmp_path, text)
    chosen = Choices().with_json(question.offers[0].choices)
    assert read(tmp_path, text, chosen) == [f"+1212555{EARLY:04}"]
    assert not any(asked.open for asked in questions(tmp_path, text, chosen))


def test_a_column_that_only_late_rows_have(tmp_path: Path) -> None:
    """Rows that are wider than the header, far down, have a column too, which can be asked about and chosen."""
    text = late("", "", ("Ann,subscribed", "Ben,unsubscribed"), header="phone,name")
    [question] = questions(tmp_path, text)
    assert '"column 3 (no name)"' in question.text
    chosen = Choices().with_json(question.offers[0].choices)
    assert read(tmp_path, text, chosen) == [f"+1212555{EARLY + 1:04}"]


@pytest.mark.parametrize(("name", "first"), [("Land", ""), ("Land", "-"), ("x", ""), ("Country", "n/a"), ("code", "")])
def test_a_country_that_is_named_late_is_asked_about(tmp_path: Path, name: str, first: str) -> None:
    """The rows far down are of another country than all above them said."""
    text = late(name, first, ("+49", "+1") if name in {"x", "code"} else ("Deutschland", "US"), phone="301234{:04}")
    [question] = questions(tmp_path, text, country="US")
    assert question.open
    assert "Which country are they from?" in question.text
    chosen = Choices().with_json(question.offers[0].choices)
    phones = read(tmp_path, text, chosen, country="US")
    assert f"+49301234{EARLY:04}" in phones
    assert len(phones) == EARLY + 2  # all others are of the list's own country


def test_phones_of_a_column_that_is_filled_late_are_asked_about(tmp_path: Path) -> None:
    """One whose name tells nothing, with a phone beside the other in the last rows."""
    text = late("partner", "", ("212-555-9901", "212-555-9902"))
    [question] = questions(tmp_path, text)
    assert '"partner" (2 filled)' in question.text
    both = Choices().with_json(question.offers[0].choices)
    assert {"+12125559901", "+12125559902"} <= set(read(tmp_path, text, both))


def test_a_sender_that_changes_late_is_not_called_ones_own(tmp_path: Path) -> None:
    """A column with one number in the first rows and others later is a column of phones like any other."""
    text = late("from", "646-555-0100", ("646-555-0101", "646-555-0102"))
    [question] = questions(tmp_path, text)
    assert "your own" not in question.text
    assert '"from" (262 filled)' in question.text


@pytest.mark.parametrize("first", ["", "web", '"by, text"'])
def test_a_list_in_which_nothing_comes_late_is_read_once(tmp_path: Path, first: str) -> None:
    """New words that mean nothing, names and notes do not have it read anew; those in quotes, and in old encodings, are the same."""
    text = late("source", first, ("café", "street", "a note of some length", "another note of the length"))
    scratch = staged(tmp_path, text.encode("cp1252"))
    assert scratch.summary["questions"] == []
    scratch.delete()
    with ListReader(tmp_path / "list.csv") as reader:
        rows = RowPhones(reader, "US", country_index=None)
        for item in reader.rows():
            rows.see(item.cells)  # type: ignore[union-attr]  # none is damaged
        assert reader.latecomers is not None
        assert "café" in {cell for row in reader.latecomers.rows() for cell in row}
        assert not reader.look_again()


def test_columns_of_who_and_where_are_not_watched() -> None:
    """They cost a look at each row, and a first name says nothing of consent."""
    assert all(map(says_who_or_where, ("First Name", "city", "E-mail", "ZIP", "party")))
    assert not any(map(says_who_or_where, ("source", "status", "country", "kind")))
