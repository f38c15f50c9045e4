"""
The visible text of a message: what people read in it, in whatever part of its payload the words stand.

People's words are rich text in pieces. Apps, workflows and e-mail write in blocks, attachments and files, and the `text`
beside them is a stub that no client shows: https://docs.slack.dev/messaging#composing. So each part is read as Slack
draws it, and what nobody sees (values of buttons, options of a closed menu, addresses, texts for notifications) is not.
"""

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, Final

from handlers.slack.mrkdwn import escape
from store import LONGEST_PROSE, TextReading, read_text

# Parts of one message; 50 blocks of Slack's largest kinds have some thousands.
MOST_PARTS: Final = 20_000
# Slack's own nest a dozen deep: a cell in a table in a message that was forwarded with another.
DEEPEST: Final = 32

# What people see of a block, an element or a text object, in the order in which Slack draws it.
# https://docs.slack.dev/reference/block-kit
_SEEN: Final = (
    "author_name",
    "title",
    "rich_text_title",
    "subtitle",
    "label",
    "text",
    "body",
    "description",
    "details",
    "output",
    "fields",
    "rows",
    "elements",
    "blocks",
    "child_blocks",
    "tasks",
    "sources",
    "element",
    "accessory",
    "initial_value",
    "initial_option",
    "initial_options",
    "actions",
    "hint",
    "provider_name",
)
_PAGES: Final = frozenset({"email", "space", "post"})
_NOT_SHOWN: Final = frozenset({"tombstone", "hidden_by_limit"})

_ID = re.compile(r"\w{1,64}")
_URL = re.compile(r"[a-z][a-z+.-]*:[^<>|\s]*", re.IGNORECASE)
_CODEPOINTS = re.compile(r"[0-9a-f]{1,6}(?:-[0-9a-f]{1,6}){0,15}", re.IGNORECASE)
# Marks of mrkdwn around words; inside of a word they stand for themselves.
_BOLD = re.compile(r"(?<![^\W_])\*([^*\n]+)\*(?![^\W_])")
_ITALIC = re.compile(r"(?<![^\W_])_([^_\n]+)_(?![^\W_])")
_CODE = re.compile(r"`([^`\n]+)`")
_MARKDOWN_LINK = re.compile(r"(!?)\[([^\[\]\n]*)\]\(([^()\s]*)\)")
_MARKDOWN_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+.!~>|-])")
_MARKDOWN_HEADING = re.compile(r"^#{1,6} ", re.MULTILINE)
_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)?(?![a-z0-9])[^<>]*>", re.IGNORECASE)
_UNDRAWN_TAGS: Final = frozenset({"script", "style", "head", "title"})
_INLINE_TAGS: Final = frozenset({"a", "b", "em", "font", "i", "s", "small", "span", "strong", "u"})


@dataclass(frozen=True, slots=True)
class VisibleText:
    """
    What people read of a message: *text*, line by line, escaped and with links as Slack's mrkdwn has them.

    *is_whole*: all of it was read; else its first `LONGEST_PROSE` characters, or what of an endless message was looked at.
    *has_more*: a file in it goes on behind the part that is shown.
    """

    text: str
    is_whole: bool
    has_more: bool = False

    def read(self, country: str | None) -> TextReading:
        """The reading of it: phones, what looks like one, and the words around."""
        return read_text(self.text, country)


def visible_text(message: object) -> VisibleText:
    """All of *message*, an object of Slack's: its words, its attachments and forwarded messages, e-mail and snippets."""
    reader = _Reader()
    return reader.joined(reader.message(message, 0))


def own_text(message: object) -> VisibleText:
    """The words that whoever wrote *message* typed: nothing that is forwarded, attached or drawn by an app."""
    reader = _Reader()
    typed, drawn = _typed_and_drawn(message)
    # Beside blocks nobody sees the text.
    return reader.joined(reader.blocks(typed, 0) or ([] if drawn else [_text(message, "text")]))


def brought_text(message: object) -> VisibleText:
    """The rest of what people read in *message*, but for its files: what `own_text` leaves out."""
    reader = _Reader()
    _, drawn = _typed_and_drawn(message)
    return reader.joined([*reader.blocks(drawn, 0), *reader.attachments(message, 0)])


def _typed_and_drawn(message: object) -> tuple[list[object], list[object]]:
    blocks = _list(message, "blocks")
    typed = [block for block in blocks if _text(block, "type") == "rich_text"]
    return typed, [block for block in blocks if _text(block, "type") != "rich_text"]


class _Reader:
    """Reads one message, in bounded work: whatever its shape is, it counts what it enters and stops at `MOST_PARTS`."""

    def __init__(self) -> None:
        self._left = MOST_PARTS
        self._is_whole = True
        self._has_more = False

    def joined(self, pieces: Iterable[str]) -> VisibleText:
        """*pieces* as one text; one that says what another said is left out."""
        text = "\n".join(dict.fromkeys(piece for piece in pieces if piece.strip()))
        is_whole = self._is_whole and len(text) <= LONGEST_PROSE
        return VisibleText(text[:LONGEST_PROSE], is_whole, self._has_more)

    def message(self, message: object, depth: int) -> list[str]:
        """Blocks, or else the text; then what is attached."""
        if not self._enters(depth):
            return []
        words = self.blocks(_list(message, "blocks"), depth + 1) or [_unmarked(_text(message, "text"))]
        files = [line for file in _list(message, "files") for line in self._file(file, depth)]
        return [*words, *self.attachments(message, depth), *files]

    def attachments(self, message: object, depth: int) -> list[str]:
        """https://docs.slack.dev/messaging/formatting-message-text/#attachments, and how Slack keeps forwarded messages."""
        return [line for one in _list(message, "attachments") for line in self._attachment(one, depth + 1)]

    def _attachment(self, one: object, depth: int) -> list[str]:
        if not self._enters(depth):
            return []
        head = [_unmarked(_text(one, name)) for name in ("pretext", "author_name", "title")]
        words = self.blocks(_list(one, "blocks"), depth + 1)
        for forwarded in _list(one, "message_blocks"):
            words += self.message(_item(forwarded, "message") or forwarded, depth + 1)
        words = words or [_unmarked(_text(one, "text"))]
        for field in _list(one, "fields"):
            title, value = _text(field, "title"), _text(field, "value")
            words.append(_unmarked(f"{title}: {value}" if title and value else title or value))
        for action in _list(one, "actions"):
            words.append(_text(action, "text"))
        words += [_text(one, "footer"), *(line for file in _list(one, "files") for line in self._file(file, depth))]
        said = [line for line in (*head, *words) if line.strip()]
        # It stands for the others where they cannot be drawn.
        return said or [_unmarked(_text(one, "fallback"))]

    def _file(self, file: object, depth: int) -> list[str]:
        """https://docs.slack.dev/reference/objects/file-object: the title, and of e-mail, snippets and recordings the words."""
        mode = _text(file, "mode")
        if not self._enters(depth) or mode in _NOT_SHOWN:
            return []
        lines = [_text(file, "subject") or _text(file, "title") or _text(file, "name")]
        lines += [_text(sender, "original") for sender in _list(file, "from")]
        words = _text(file, "plain_text") or _text(file, "preview_plain_text")
        if not words:
            preview = _text(file, "preview")
            self._has_more = self._has_more or _item(file, "preview_is_truncated") is True
            words = _drawn(preview) if mode in _PAGES or _text(file, "filetype") in _PAGES else preview
        lines += [words, _text(_item(_item(file, "transcription"), "preview"), "content")]
        return [escape(line) for line in lines]

    def blocks(self, blocks: Iterable[object], depth: int) -> list[str]:
        """The lines of *blocks*; none when people see no words in them."""
        return [line for block in blocks for line in self._drawn(block, depth) if line.strip()]

    def _drawn(self, item: object, depth: int) -> list[str]:
        """The lines of a block, an element, a text object or a list of them."""
        if not self._enters(depth):
            return []
        if isinstance(item, str):
            return [_unmarked(item)]
        if isinstance(item, list):
            return [line for part in item for line in self._drawn(part, depth + 1)]
        if not isinstance(item, dict):
            return []
        kind = item.get("type")
        if kind == "rich_text":
            return self._rich(item.get("elements"), depth + 1)
        if kind == "table":
            return [self._row(row, depth + 1) for row in _list(item, "rows")]
        if kind == "markdown":
            return [_of_markdown(_text(item, "text"))]
        if kind in ("plain_text", "raw_text", "raw_number"):
            return [_text(item, "text")]
        if isinstance(kind, str) and kind.startswith("rich_text_") and kind != "rich_text_input":
            return self._rich([item], depth + 1)
        seen = (*_SEEN, "options") if kind in ("checkboxes", "radio_buttons") else _SEEN
        return [line for name in seen if name in item for line in self._drawn(item[name], depth + 1)]

    def _row(self, row: object, depth: int) -> str:
        """The cells of a row, apart from each other: two that stand side by side are no number."""
        cells = row if isinstance(row, list) else []
        return " | ".join(" ".join(self._drawn(cell, depth + 1)) for cell in cells)

    def _rich(self, elements: object, depth: int) -> list[str]:
        """https://docs.slack.dev/reference/block-kit/blocks/rich-text-block: a line for each that Slack draws."""
        if not self._enters(depth) or not isinstance(elements, list):
            return []
        if all(_item(element, "elements") is None for element in elements):
            return [self._line(elements)]
        lines: list[str] = []
        for element in elements:
            kind, parts = _text(element, "type"), _item(element, "elements")
            if kind == "rich_text_list":
                # Without their marks: "1. 30 1234567" would be read as one number.
                lines += self._rich(parts, depth + 1)
                continue
            text = self._line(parts)
            lines += [f"&gt; {line}" for line in text.split("\n")] if kind == "rich_text_quote" else [text]
        return lines

    def _line(self, elements: object) -> str:
        """Adjoining pieces of rich text, which are one text to whoever reads them."""
        pieces = [
            (_is_struck(piece), _text(piece, "url") if _text(piece, "type") == "link" else None, piece)
            for piece in (elements if isinstance(elements, list) else ())
            if self._enters(0)
        ]
        said = ""
        for struck, run in groupby(pieces, key=lambda piece: piece[0]):
            # A link whose label is formatted in part comes as several links to the same address.
            text = "".join(_linked(url, list(same)) for url, same in groupby(run, key=lambda piece: piece[1]))
            said += f"~{text}~" if struck and text.strip() else text
        return said

    def _enters(self, depth: int) -> bool:
        """Count one more part; False when it is too many, or too deep."""
        self._left -= 1
        if self._left < 0 or depth > DEEPEST:
            self._is_whole = False
            return False
        return True


def _linked(url: str | None, pieces: list[tuple[bool, str | None, object]]) -> str:
    """The text of *pieces*, which lead to *url* together, where they lead anywhere."""
    if url is None:
        return "".join(_inline(piece) for _, _, piece in pieces)
    label = escape("".join(_text(piece, "text") for _, _, piece in pieces))
    if not _URL.fullmatch(url):
        return label or escape(url)
    return f"<{url}|{label}>" if label else f"<{url}>"


def _inline(piece: object) -> str:
    """A piece of rich text that is no link, as mrkdwn has it."""
    match _text(piece, "type"):
        case "user":
            return _reference("@", _text(piece, "user_id"))
        case "channel":
            return _reference("#", _text(piece, "channel_id"))
        case "usergroup":
            return _reference("!subteam^", _text(piece, "usergroup_id"))
        case "broadcast":
            return _reference("!", _text(piece, "range"))
        case "emoji":
            return _emoji(_text(piece, "unicode"), _text(piece, "name"))
        case "date":
            return _date(_item(piece, "timestamp"))
        case "color":
            return escape(_text(piece, "value"))
        case _:
            return escape(_text(piece, "text"))


def _reference(sign: str, target: str) -> str:
    return f"<{sign}{target}>" if _ID.fullmatch(target) else ""


def _emoji(codepoints: str, name: str) -> str:
    """The emoji itself; one of the workspace's own by its name."""
    if _CODEPOINTS.fullmatch(codepoints):
        points = [int(point, 16) for point in codepoints.split("-")]
        if all(0x20 <= point <= 0x10FFFF and not 0xD800 <= point <= 0xDFFF for point in points):
            return escape("".join(map(chr, points)))
    return f":{escape(name)}:" if name else ""


def _date(timestamp: object) -> str:
    """The day. Slack shows it in each reader's zone and way; what stands beside it for old clients nobody sees."""
    if not isinstance(timestamp, int) or not 0 <= timestamp < 1 << 36:
        return ""
    at = datetime.fromtimestamp(0, UTC) + timedelta(seconds=timestamp)
    return f"{at.day} {at:%b %Y}"


def _is_struck(piece: object) -> bool:
    return _item(_item(piece, "style"), "strike") is True


def _unmarked(text: str) -> str:
    """Slack's mrkdwn without the marks that make words bold or slanted, or set them in fixed width; what is struck out stays marked."""
    text = text.replace("```", "\n")
    for mark in (_BOLD, _ITALIC, _CODE):
        text = mark.sub(r"\1", text)
    return text


def _of_markdown(text: str) -> str:
    """Standard Markdown, of https://docs.slack.dev/reference/block-kit/blocks/markdown-block, in Slack's own."""
    text = _MARKDOWN_HEADING.sub("", _MARKDOWN_LINK.sub(_markdown_link, text))
    text = text.replace("**", "").replace("__", "").replace("~~", "~")
    return _MARKDOWN_ESCAPE.sub(r"\1", _unmarked(text))


def _markdown_link(link: re.Match[str]) -> str:
    picture, label, url = link[1], link[2], link[3]
    if picture:
        return ""
    return f"<{url}|{label}>" if _URL.fullmatch(url) and "<" not in label and ">" not in label else label


def _drawn(page: str) -> str:
    """The words that a browser draws of an HTML *page*."""
    return "".join(_drawn_parts(page))


def _drawn_parts(page: str) -> Iterator[str]:
    start, undrawn = 0, ""
    for tag in _TAG.finditer(page):
        name = (tag[2] or "").lower()
        if not undrawn:
            yield html.unescape(page[start : tag.start()])
            if name not in _INLINE_TAGS:
                yield "\n"
            if name in _UNDRAWN_TAGS and not tag[1]:
                undrawn = name
        elif tag[1] and name == undrawn:
            undrawn = ""
        start = tag.end()
    if not undrawn:
        yield html.unescape(page[start:])


def _item(thing: object, name: str) -> Any:
    return thing.get(name) if isinstance(thing, dict) else None


def _text(thing: object, name: str) -> str:
    value = _item(thing, name)
    return value if isinstance(value, str) else ""


def _list(thing: object, name: str) -> list[object]:
    value = _item(thing, name)
    return value if isinstance(value, list) else []
