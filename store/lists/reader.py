"""Parser of a list's text: its rows, and lines that are no rows, lazily. `formats` makes that text of whatever was dropped."""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final, Self

from store.choices import NOTHING_CHOSEN, Choices, Question
from store.lists import long_lines
from store.lists.blocks import Block, parsed_block, split_block
from store.lists.columns import column_key, without_ordinal
from store.lists.footer import Footer, footer_of
from store.lists.formats import as_text
from store.lists.header import DELIMITERS
from store.lists.heading import ListHeading, Wanted
from store.lists.questions import question_of_phones
from store.lists.records import Damaged, Lines, Records, Row, Shape
from store.records import ImportedNote

_BLOCK: Final = 1 << 20  # bytes looked at in one go: what they turn into fits into a processor's cache
_MOST_LINES: Final = 1 << 17  # of a block: each takes some hundred bytes in arrays, however short it is
_SMALLEST_BLOCK: Final = 1 << 12  # what is no block of so many bytes is read line by line
_SAMPLE_CHARACTERS: Final = 1024 * 1024
_MOST_LATE: Final = 180  # values that came late, beyond which a list is not read anew
_SAMPLE_LINES: Final = 200  # enough to find the header and tell delimiters apart


class ListReader:
    """
    One list file. Building it looks the file through and finds the phone column, or raises ListRefused.

    *column*: the one a person chose instead of `phone`; *choices*: how else people chose to have it read. *all_phones*:
    every column that looks like phones is one, where nobody chose any. *name*: what people call the file, for the sentences.
    *spool*: where the text of a file that cannot be read in place goes, beside *path* by default; `close` removes it.
    *working*: see `as_text`.

    `text_path`, `bom` bytes in, decoded as `encoding` with `errors`, is the text; `skip` of its lines stand before the
    first row; `delimiter` parts its cells, and `phone_index` of them is the phone, or with others `phone_indexes` are.
    `columns` are called as in the header, and `names` so that each has another. `meanings`: what those columns mean that
    say more than a phone, and `latecomers` watches the others. `is_sheet`: the text was made of a
    workbook's sheet, a line a row; `is_endless`: a line of it is longer than any is read. `size` and `bytes_read` are its bytes.
    `remarks` say what was forgiven or put right; `rows()` may add to them. `contact_signs`: what makes it look like a
    contact list, in words for "it has names and e-mails"; empty for an opt-out list. `questions`: what is to be decided of how it is read. `carries`: see `carried`.
    Memory is bounded by the longest line (`long_lines.LONGEST` at most), not by the file; a workbook's is by its limits.
    """

    columns: tuple[str, ...]
    phone_column: str
    has_header: bool

    def __init__(
        self,
        path: Path,
        *,
        column: str | None = None,
        choices: Choices = NOTHING_CHOSEN,
        all_phones: bool = False,
        name: str | None = None,
        spool: Path | None = None,
        working: Callable[[], object] = lambda: None,
    ) -> None:
        chosen = choices.columns or (() if column is None else (column,))
        spool = spool or path.with_name(f"{path.name}.{secrets.token_hex(4)}.text")
        wanted = Wanted(name or path.name, chosen, all_phones, choices)
        text = as_text(path, wanted.name, without_ordinal(wanted.phone_key), spool, choices=choices, working=working)
        self._text = text
        self._wanted = replace(wanted, name=text.name)
        self.text_path = text.path
        self.encoding, self.errors, self.bom = text.encoding, text.errors, text.bom
        self.is_sheet = text.delimiter is not None
        self.is_endless = text.endless
        self.size = text.path.stat().st_size
        self.choices = choices
        self._late: list[list[str]] = []  # what columns say later than in the first lines
        try:
            self._look()
        except BaseException:
            self.close()
            raise

    def _look(self) -> None:
        """Find everything out that the first lines tell, and what came late."""
        self._file: BinaryIO | None = None
        self._bytes_read = 0
        self.questions: list[Question] = list(self._text.questions)
        sample, complete = self._sampled()
        heading = ListHeading(sample, self._wanted, self._late, complete=complete, given=self._text.delimiter)
        self._heading = heading
        self.remarks = [*self._text.remarks, *heading.remarks]
        self.delimiter, self.skip = heading.delimiter, heading.skip
        self.has_header, self.columns, self.names = heading.has_header, heading.columns, heading.names
        self.phone_column, self.phone_indexes = heading.phone_column, heading.phone_indexes
        self.meanings, self.latecomers = heading.meanings, heading.latecomers
        self.contact_signs = heading.contact_signs
        shape = Shape(self.encoding, self.errors, self.delimiter, self.phone_index, len(self.columns), heading.named)
        self._records = Records(shape, self.remarks.append)
        self._footer = Footer(self.size, ())
        if self.has_header and len(self.columns) > 1:
            self._footer = footer_of(self.text_path, self.bom, self._records, heading.rows)
            self.remarks += self._footer.remarks()

    def close(self) -> None:
        """Remove what was put into the spool file. The reader is of no use afterwards."""
        if self._text.spooled:
            self.text_path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def phone_index(self) -> int:
        """The place of the phones' column, or of the first of several."""
        return self.phone_indexes[0]

    def look_again(self) -> bool:
        """
        Whether the list's columns mean more than was known when it was read, by what `latecomers` saw; then it is to be read anew.

        Nothing that was found out before holds then.
        """
        late = [] if self.latecomers is None else self.latecomers.rows()
        if not late or len(self._late) > _MOST_LATE:
            return False
        before = self.meanings, self.phone_indexes
        self._late += late
        said = self.remarks
        self._look()
        if (self.meanings, self.phone_indexes) != before:
            return True
        self.remarks[:] = said
        return False

    @property
    def carries(self) -> bool:
        """Does each row say when and how its opt-out came about?"""
        return self._heading.carrying is not None

    def carried(self, cells: Sequence[str]) -> ImportedNote | None:
        """The note and time that a row's *cells* carry, word for word; None for lists that carry none."""
        return None if self._heading.carrying is None else self._heading.carrying.read(cells)

    @property
    def bytes_read(self) -> int:
        """The bytes that `rows()` has read, of `size`."""
        if self._file is not None:
            self._bytes_read = self._file.tell()
        return self._bytes_read

    def phones_question(self, filled: Mapping[int, int]) -> Question | None:
        """
        What to ask where other columns than those that are read look like phones too.

        *filled*: how many cells of each such column look like phones, in the whole list.
        """
        if not self.has_header or self.carries:
            return None
        called = [place for place, name in enumerate(self.columns) if column_key(name) == self._wanted.phone_key]
        some = [place for place in self.meanings.phones if filled.get(place, 0) and place not in self.meanings.own]
        places = sorted({*self.phone_indexes, *called, *some})
        own = [self.names[place] for place in sorted(self.meanings.own & set(self.phone_indexes))]
        return question_of_phones(
            [(self.names[place], filled.get(place, 0)) for place in places],
            [self.names[place] for place in self.phone_indexes],
            own,
            decided=bool(self._wanted.columns),
            is_log=self.meanings.is_log,
        )

    def rows(self) -> Iterator[Row | Damaged]:
        """
        Every line of the list that is not blank, in order, as a row or as damage; nothing in between is dropped.

        A row that is too short has the cell "". Each call reads the file anew.
        """
        for item in self.blocks():
            if isinstance(item, Block):
                for index in range(len(item.starts)):
                    yield from item.carefully(index)
            else:
                yield item

    def blocks(self) -> Iterator[Block | Row | Damaged]:
        """The same as `rows`, with the lines that need no care in blocks, which is many times faster."""
        yield from self._heading.above
        with self.text_path.open("rb") as file:
            self._file = file
            lines = Lines(file, self.bom, self.encoding, self.errors, self.delimiter, self._footer.start)
            for _ in range(self.skip):
                lines.take()
            size = _BLOCK
            while True:
                first, start = lines.number + 1, lines.offset
                data, count = lines.take_many(size)
                if count < 0:
                    yield from self._records.next(lines)
                    continue
                if not data:
                    break
                if count > _MOST_LINES:
                    lines.go_before(start, first)
                    size //= 4
                    continue
                if b'"' in data:
                    block: Block | None = parsed_block(self._records, data, count, first)
                else:
                    block = split_block(self._records, data, first)
                if block is not None:
                    yield block
                    size = min(2 * size, _BLOCK)
                    continue
                # A record of several lines, or a quote that never closes, is in it: it is looked for among fewer lines.
                lines.go_before(start, first)
                if size > _SMALLEST_BLOCK:
                    size = max(size // 4, _SMALLEST_BLOCK)
                    continue
                while lines.offset < start + len(data):
                    yield from self._records.next(lines)
                # A word on how far it is, where all of them were blank.
                yield split_block(self._records, b"", lines.number + 1)
            self._file = None
            yield from self._footer.damaged(lines.number + 1, self._records)
        self._bytes_read = self.size

    def _sampled(self) -> tuple[list[str], bool]:
        """The first lines, not too many and not too long, and whether they are all there are."""
        sample: list[str] = []
        room = _SAMPLE_CHARACTERS
        with self.text_path.open("rb") as file:
            file.seek(self.bom)
            head = file.readline(long_lines.LONG).decode(self.encoding, "replace")
            # What parts the cells is not known yet: what is likeliest to is enough to cut a long one.
            lines = Lines(file, self.bom, self.encoding, self.errors, max(DELIMITERS, key=head.count))
            while (line := lines.take()) is not None:
                if len(sample) == _SAMPLE_LINES or room < 0:
                    return sample, False
                sample.append(line)
                room -= len(line)
        return sample, True

    def place_of(self, name: str) -> int | None:
        """The place of the column that people call *name*; None when there is none."""
        return self._heading.place_of(name)


def names_in_list(path: Path, spool: Path, columns: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns of the list at *path*, whose phones are in *columns*; see `ListReader`, also for what is raised."""
    with ListReader(path, choices=Choices(columns=tuple(columns)), all_phones=True, spool=spool) as reader:
        return reader.names
