"""Lists that are made to be slow to read, of any size, and honest ones of as many lines and bytes to hold them against."""

from dataclasses import dataclass
from typing import Final

_LONGEST_CELL: Final = 120_000  # a longer one is beyond the limit of the csv module, and soon beyond that of a line


@dataclass(frozen=True, slots=True)
class Shape:
    """A list of `head` and lines that each are `before`, as many `unit`s as there is room for, and `after`."""

    head: bytes
    unit: bytes
    before: bytes = b""
    after: bytes = b""

    def of(self, size: int) -> bytes:
        """The list of about *size* bytes."""
        if not self.after:
            return self.head + self.before + self.unit * (size // len(self.unit))
        line = self.before + self.unit * (min(size, _LONGEST_CELL) // len(self.unit)) + self.after
        return self.head + line * max(1, size // len(line))


_PHONE = b"phone,note\n4155552671,a\n"
_CELL = b"name,cell_no\n"
_EXPORT = b"timestamp,contact_id,contact_phone,opt_out_type\n"

SHAPES: Final = {
    # cells that look like phones up to their end
    "a phone's extension that never ends": Shape(_CELL, b"1", b"ann,1234567 x", b"!\n"),
    "the same in quotes": Shape(_CELL, b"1", b'ann,"1234567 x', b'!"\n'),
    "the same without a header": Shape(b"4155552671\n", b"1", b"1234567 x", b"!\n"),
    "the same above the header": Shape(b"", b"1", b"1234567 x", b"!,a\nphone,b\n4155552671,c\n"),
    "extensions of five thousand digits": Shape(_CELL, b"ann,1234567 x" + b"1" * 5_000 + b"!\n"),
    "blanks in a phone": Shape(_PHONE, b" ", b"1234567", b"1!\n"),
    "dots and noughts": Shape(_CELL, b".0", b"ann,1234567", b"!\n"),
    "a digit and a blank, on and on": Shape(_CELL, b"1 ", b"ann,", b"!\n"),
    "a date behind blanks": Shape(_CELL, b" ", b"ann,", b"2026-11-05\n"),
    # quotes
    "a quote inside a cell on every line": Shape(b"phone,note\n", b'a","b"\n'),
    "a quote that closes another line's": Shape(b"phone,note\n", b'x","y\n'),
    "the same in long lines": Shape(b"phone,note\n", b'x","y' * 400 + b"\n"),
    "every line's quote never closes": Shape(b"phone,note\n", b'4155552671,"oops\n'),
    "one quote in a hundred never closes": Shape(b"name,phone\n", b'"ann,1\n' + b"bob,(415) 555-2671\n" * 100),
    "nothing but quotes": Shape(b"phone,note\n", b'"\n'),
    "three quotes a line": Shape(b"phone,note\n", b'"""\n'),
    "quotes on one line": Shape(b"phone,note\n", b'"', b"1,", b"\n"),
    "quotes inside quotes": Shape(b"phone,note\n", b'"""', b'1,"', b"\n"),
    "cells of as many lines as may be": Shape(b"phone,note\n", b'4155552671,"' + b"x,y\n" * 480 + b'"\n'),
    "cells of too many lines": Shape(b"phone,note\n", b'1,"' + b"x\n" * 600 + b'"\n'),
    "cells of many lines, then a letter": Shape(b"phone,note\n", b'x,"' + b"a\n" * 490 + b'"z\n'),
    "empty cells in quotes": Shape(_PHONE, b'"","x"\n'),
    "blank cells of two lines": Shape(_PHONE, b'"\n",\n'),
    # wide and narrow
    "blank lines": Shape(_PHONE, b"\n"),
    "lines of commas": Shape(_PHONE, b"," * 1_000 + b"\n"),
    "one row of empty cells": Shape(_PHONE, b",", b"1", b"\n"),
    "a wide header over short rows": Shape(b"phone" + b",c" * 2_000 + b"\n", b"41,x\n"),
    "a wide list": Shape(b"phone" + b",c" * 2_000 + b"\n", b"41" + b",x" * 2_000 + b"\n"),
    "a letter a line": Shape(b"phone\n4155552671\n", b"x\n"),
    "a digit a line": Shape(b"phone\n4155552671\n", b"1\n"),
    "all delimiters at once": Shape(_PHONE, b"1,;\t|\n"),
    # names of columns
    "a name of humps": Shape(b"", b"aB", b"cellno,", b"\n4155552671,x\n"),
    "a name of phones": Shape(b"", b"home phone ", b"cellno,", b"!\n4155552671,x\n"),
    "a name of signs": Shape(b"", b"_ ", b"cellno,", b"!\n4155552671,x\n"),
    "an e-mail that never ends": Shape(_PHONE, b"b.aa", b"1,a@", b"!\n"),
    # what ThruText exports
    "a time of blanks": Shape(_EXPORT, b" ", b"x", b"y,1,4155552671,STOP\n"),
    "a time of zones": Shape(_EXPORT, b" +01:00", b"x", b"y,1,4155552671,STOP\n"),
    "times in quotes": Shape(_EXPORT, b'"2026-11-05 10:00 UTC",1,4155552671,STOP\n'),
    # encodings
    "comments of a web page": Shape(b"", b"<!--", b" ", b"\nphone\n4155552671\n"),
    "NULs": Shape(_PHONE, b"a\0b,c\n"),
    "CRs": Shape(_PHONE, b"\r"),
    "CRs before and behind": Shape(_PHONE, b"\r\r\n\n"),
    "accents on one letter": Shape(_PHONE, "\u0301".encode(), b"e", b",x\n"),
    "a slash behind each digit": Shape(_PHONE, b"1/" * 55 + b",x\n"),
    "a blank behind each digit": Shape(_PHONE, b"1 " * 55 + b",x\n"),
    "a dash behind each digit": Shape(_PHONE, b"1-" * 55 + b",x\n"),
    "groups of digits": Shape(_PHONE, b"0123 123 123 123 123,x\n"),
    "groups of digits with a plus": Shape(_PHONE, b"+4 9 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5,x\n"),
    "slashes between groups": Shape(_PHONE, b"0123/123/123/123/123,x\n"),
    "slashes after a plus and a nought": Shape(_PHONE, b"+0/8/2/4/8/2/2/4/2/8/5/8/7/8/5,x\n"),
    "numbers that end in each other": Shape(_PHONE, b"+490 3 322 1 1 96 7 5 2 1 1 9 6 7 5 52-781+,x\n"),
    "a tilde before groups of digits": Shape(_PHONE, b"~(0123 123 123 123 123,x\n"),
    "an x between digits": Shape(_PHONE, b"1x9 2 2 2 4 8 2 x 2 2 4 8 2 x 2 5 3 2 7 0 7 x,x\n"),
    "an x behind each slash": Shape(_PHONE, b"7/0/4/4/0/x7/x8/x9/x0/x1/x2/x3/x4/x5/x6/x7/x8/x9/x0,x\n"),
    "digits of another script": Shape(_PHONE, ("\u0661" * 110 + ",x\n").encode()),
    "bytes that are no UTF-8": Shape(_PHONE, b"\xff\xfe,\n"),
    "a separator of its own": Shape("sep=\u2192\nphone\u2192a\n".encode(), "4155552671\u2192x\n".encode()),
}


def honest(raw: bytes) -> bytes:
    """
    An honest list of as many lines as *raw* and at least as many bytes.

    Its phones are written as people write them who have an extension to note, which takes a look at each.
    """
    lines = max(1, raw.count(b"\n") or raw.count(b"\r"))
    row = "ann lee,(415) 555-{:04} x{},{}\n"
    note = ("asked to stop " * (len(raw) // lines // 14 + 1))[: max(0, len(raw) // lines - 30)]
    text = "".join(row.format(number % 10_000, number % 89 + 10, note) for number in range(lines))
    return f"name,phone,note\n{text}".encode()
