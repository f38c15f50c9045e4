"""A parser of the parts of a document (ECMA-376, ODF): expat, fed in pieces, and refusing what no program writes."""

from collections.abc import Generator
from contextlib import closing
from typing import Any, Final
from xml.parsers import expat
from zipfile import ZipInfo

from store.lists.archives import Archive
from store.lists.sheets import BrokenWorkbookError

_TOKEN_LONGEST: Final = 1_000_000  # bytes of one tag, which expat holds until it ends
_NAMES: Final = 5_000  # of elements and attributes in a part, which expat keeps; and how deep they stand in each other
DEEPEST: Final = 100


def parsed(archive: Archive, part: ZipInfo, parser: expat.XMLParserType) -> Generator[None, None, None]:
    """Feed *part* of *archive* to *parser*, and say so after each piece; `BrokenWorkbookError` where it is no XML of a document's."""
    parser.buffer_text = True
    parser.buffer_size = 1 << 16
    parser.StartDoctypeDeclHandler = _refuse_doctype
    fed = 0

    def feed(piece: bytes, *, last: bool = False) -> None:
        try:
            parser.Parse(piece, last)
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise BrokenWorkbookError(f"{part.filename}: {error}") from error

    with closing(archive.read(part)) as pieces:
        for piece in pieces:
            feed(piece)
            fed += len(piece)
            if fed - parser.CurrentByteIndex > _TOKEN_LONGEST:
                raise BrokenWorkbookError("a tag does not end")
            if len(parser.intern) > _NAMES:
                raise BrokenWorkbookError("names that are made up")
            yield
    feed(b"", last=True)
    yield


class Depth:
    """How deep elements stand in each other: expat keeps all that are open."""

    def __init__(self, parser: expat.XMLParserType) -> None:
        self._open = 0
        parser.EndElementHandler = self.leave

    def enter(self) -> None:
        self._open += 1
        if self._open > DEEPEST:
            raise BrokenWorkbookError("elements without end in each other")

    def leave(self, _tag: str) -> None:
        self._open -= 1


def _refuse_doctype(*_: Any) -> None:
    """Entities are declared there; what Excel and its like write declares none (ECMA-376, part 2, 9.1.4)."""
    raise BrokenWorkbookError("a document type")


def local_name(name: str) -> str:
    """A name of XML without its prefix."""
    return name.rpartition(":")[2]
