"""The promise: every phone put into a list is opted out, or comes back in the unreadable rows with its line."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.lists.staging import stage
from tests.store.lists.workbooks import Table, xls, xlsx, zipped

LINE_END = re.compile(r"\r\n|\r|\n")
NOTES = st.sampled_from(["", "hello", "café", "two\nlines", "a, b", 'say "hi"', "x;y", "O'Neil", "5\t6", "|", "=1+1"])
DAMAGE = st.sampled_from(
    [None, None, None, "open", "open before", "stray", "close", "nul", "blank", "short", "long", "bare", "lone quote"]
)
SPELLINGS = st.sampled_from(
    ["+1415555{:04}", "415555{:04}", "(415) 555-{:04}", "'+1 415 555 {:04}", "415.555.{:04}", "1415555{:04}.0"]
)
ENCODINGS = st.sampled_from(
    ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
PREAMBLES = st.lists(st.sampled_from(["", "Our list", "Exported 5 November", ' "', "a{0}b", "{0}{0}"]), max_size=3)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A list: its bytes, how each phone was spelt and on which line, and whether every quote in it is where it should be."""

    raw: bytes
    put_in: dict[str, tuple[str, int]]
    sound: bool


@st.composite
def lists(draw: st.DrawFn) -> Drawn:
    delimiter = draw(st.sampled_from([",", ";", "\t", "|"]))
    newlines = draw(st.sampled_from([["\n"], ["\r\n"], ["\r"], ["\n", "\r\n", "\r"]]))
    place = draw(st.integers(0, 2))
    quote_all = draw(st.booleans())

    def newline() -> str:
        return draw(st.sampled_from(newlines))

    def quoted(cell: str) -> str:
        needed = quote_all or any(char in cell for char in '"\n' + delimiter)
        return '"' + cell.replace('"', '""').replace("\n", newlines[0]) + '"' if needed else cell

    def record(phone: str, before: str, after: str) -> list[str]:
        others = [quoted(before), quoted(after)]
        return [*others[:place], quoted(phone), *others[place:]]

    preamble = draw(PREAMBLES)
    text = "".join(line.format(delimiter) + newline() for line in preamble)
    if draw(st.booleans()):
        text = f"sep={delimiter}{newline()}{text}"
    text += delimiter.join(record(draw(st.sampled_from(["phone", "Phone "])), "name", "note")) + newline()
    sound = ' "' not in preamble
    put_in: dict[str, tuple[str, int]] = {}
    for number in range(draw(st.integers(1, 10))):
        phone = draw(SPELLINGS).format(number)
        parts = record(phone, draw(NOTES), draw(NOTES))
        damage = draw(DAMAGE)
        other = draw(st.sampled_from([n for n in range(3) if n != place]))
        if damage == "open":
            parts[other] = '"oops'
        elif damage == "open before":
            parts[0] = '"' + parts[0].lstrip('"')
        elif damage == "stray":
            parts[other] = '5" pipe'
        elif damage == "close":
            parts[other] = 'x"'
        elif damage == "lone quote":
            parts[other] = '"'
        elif damage == "nul":
            parts[other] = "a\0b"
        elif damage == "blank":
            text += newline()
        elif damage == "short":
            parts = parts[: place + 1]
        elif damage == "long":
            parts += ["more", ""]
        elif damage == "bare":
            parts[place] = phone
        sound = sound and damage not in {"open", "open before", "close", "stray", "lone quote"}
        line = delimiter.join(parts)
        at = len(LINE_END.findall(text)) + 1
        if not sound:  # a record read by itself may start on the phone's own line
            at += len(LINE_END.findall(line[: line.index(phone)]))
        put_in[f"+1415555{number:04}"] = phone, at
        text += line + newline()
    if draw(st.booleans()):
        text = text.rstrip("\r\n")
    raw = text.encode(draw(ENCODINGS))
    return Drawn(zipped({"list.csv": raw}) if draw(st.booleans()) else raw, put_in, sound)


@dataclass(frozen=True, slots=True)
class Found:
    """What staging made of a list: the line of each phone, and line and text of each unreadable row."""

    phones: dict[str, int]
    unreadable: list[tuple[int, str]]


def staged(raw: bytes) -> Found:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "list.csv"
        path.write_bytes(raw)
        scratch = stage(path, Path(directory) / "scratch", country="US", column=None, progress=lambda *_: None)
        try:
            rows = scratch.unreadable(0, 1_000)
            found = Found(
                scratch.batch("", 1_000).lines, [(row.line, "\n".join((row.cell, *row.cells))) for row in rows]
            )
            assert len(found.phones) == scratch.counts.phones
            assert len(rows) == scratch.counts.unreadable
        finally:
            scratch.close()
        assert sorted(file.name for file in Path(directory).iterdir()) == ["list.csv", "scratch"]
        return found


@pytest.mark.wide
@given(lists())
@settings(max_examples=300)
def test_every_phone_is_opted_out_or_reported(drawn: Drawn) -> None:
    """Whatever encoding, dialect and damage: none vanishes, none is made up, and a sound list is read to the last row."""
    found = staged(drawn.raw)
    assert found.phones.keys() <= drawn.put_in.keys()
    if drawn.sound:
        assert found.phones == {phone: line for phone, (_, line) in drawn.put_in.items()}
        assert found.unreadable == []
    for phone, (spelling, line) in drawn.put_in.items():
        places = [at for at, text in found.unreadable if spelling in text]
        if phone in found.phones:
            places.append(found.phones[phone])
        assert places, (phone, found)
        # A row of several lines is reported where it starts.
        assert line in places or min(places) < line


@st.composite
def sheets(draw: st.DrawFn) -> tuple[bytes, dict[str, int]]:
    """A workbook, and the row of each phone in it."""
    place = draw(st.integers(0, 2))
    table: Table = [[] for _ in range(draw(st.integers(0, 3)))]
    put_in: dict[str, int] = {}

    def add(phone: str | float) -> None:
        others: list[str | float | None] = [draw(NOTES) or None, draw(NOTES) or None]
        table.append([*others[:place], phone, *others[place:]])

    add("phone")
    for number in range(draw(st.integers(1, 8))):
        table.extend([] for _ in range(draw(st.sampled_from([0, 0, 0, 1, 3]))))
        phone = f"1415555{number:04}"
        add(float(phone) if draw(st.booleans()) else f"+{phone}")
        put_in[f"+{phone}"] = len(table)
    other: Table = [["what", "to do"], ["call", "Ann"]]
    books: dict[str, Table] = {"Stops": table, "Notes": other} if draw(st.booleans()) else {"Notes": other, "S": table}
    raw = (xlsx if draw(st.booleans()) else xls)(books)
    return zipped({"a/list": raw}) if draw(st.booleans()) else raw, put_in


@pytest.mark.wide
@given(sheets())
@settings(max_examples=100)
def test_every_phone_in_a_sheet_is_opted_out_with_its_row(drawn: tuple[bytes, dict[str, int]]) -> None:
    """Numbers stored as numbers or as text, with empty rows above and between: each is there, with its row."""
    raw, put_in = drawn
    assert staged(raw) == Found(put_in, [])
