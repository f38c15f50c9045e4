"""
What people see of a text with links and entities in it: each character with the place it came from. Pure.

https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from dataclasses import dataclass
from typing import Final

from store.phones.cleaning import folded

# Keeps apart what stands on both sides of it, and is seen by nobody.
BARRIER: Final = "\x1f"
# Stands for a phone in what is left of a text; one that somebody sent is none.
PHONE: Final = "\ufffc"

_MARKUP = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>|&(amp|lt|gt);")
_ENTITIES: Final = {"amp": "&", "lt": "<", "gt": ">"}
_DIALS = re.compile(r"(?:tel|sms|callto|whatsapp|facetime):", re.IGNORECASE)
_ADDRESS = re.compile(r"[a-z][a-z+.-]*:", re.IGNORECASE)
# An address of WhatsApp has the whole number, without its plus: https://faq.whatsapp.com/5913398998672934
CHAT = re.compile(
    r"(?:https?://)?(?:www\.)?(?:wa\.me/|(?:api|web)\.whatsapp\.com/send/?\?phone=)\+?([0-9]{7,15})(?![0-9])",
    re.IGNORECASE,
)
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Link:
    """
    A link that dials: what is shown of it stands at *start* to *end* of the text seen.

    *written* is the link as it was sent, for the parser to compare both numbers; of a chat's address *chat* has the digits.
    """

    start: int
    end: int
    written: str
    chat: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """
    What people see of a text.

    *shown*: as they see it; *plain*: its `folded` characters, of which the nth stands at *places[n]* of *shown* (None:
    at n). *links* and *ids* (mentions, channels, dates drawn by Slack, addresses: no part of them is a phone) by their
    places in *plain*.
    """

    shown: str
    plain: str
    places: list[int] | None
    links: tuple[Link, ...]
    ids: tuple[tuple[int, int], ...]

    def place(self, at: int) -> int:
        """Where in `shown` the character at *at* of `plain` stands."""
        if self.places is None:
            return at
        return self.places[at] if at < len(self.places) else len(self.shown)


def seen(text: str) -> Seen:
    """What people see of *text*, as Slack delivers it."""
    pieces: list[str] = []
    links: list[Link] = []
    ids: list[tuple[int, int]] = []
    length = start = 0

    def add(piece: str) -> None:
        nonlocal length
        pieces.append(piece)
        length += len(piece)

    text = text.replace(PHONE, " ").replace(BARRIER, " ")
    for found in _MARKUP.finditer(text):
        add(text[start : found.start()])
        start = found.end()
        if found[3]:
            add(_ENTITIES[found[3]])
            continue
        target, label = found[1], found[2]
        if target.startswith(("@", "#", "!")):
            ids.append((length, length + len(name := _named(target, label))))
            add(name)
        elif dials := _DIALS.match(target):
            number = target[dials.end() :] if label is None else label
            if not _DIGIT.search(number):
                add(number)  # nobody sees what it dials
                continue
            add(BARRIER)
            links.append(Link(length, length + len(number), found[0] if dials[0].lower() == "tel:" else number))
            add(number)
            add(BARRIER)
        elif _ADDRESS.match(target):
            if label:
                add(label)
                continue
            target = target.removeprefix("mailto:")
            if chat := CHAT.match(target):
                links.append(Link(length, length + len(target), found[0], chat[1]))
            else:
                ids.append((length, length + len(target)))
            add(target)
        else:
            add(found[0])
    add(text[start:])
    return _folded("".join(pieces), links, ids)


def _named(target: str, label: str | None) -> str:
    """A mention by its name, as `handlers.slack.mrkdwn.plain` has it."""
    if target.startswith("!date^"):
        return label or ""
    if target.startswith("!"):
        name = label or target[1:].partition("^")[0]
        return name if name.startswith("@") else f"@{name}"
    return f"{target[0]}{label or target[1:]}"


def _folded(shown: str, links: list[Link], ids: list[tuple[int, int]]) -> Seen:
    if shown.isascii() and "\0" not in shown:
        return Seen(shown, shown, None, tuple(links), tuple(ids))
    characters = [folded(char) for char in shown]
    plain = "".join(characters)
    if len(plain) == len(shown):
        return Seen(shown, plain, None, tuple(links), tuple(ids))
    places: list[int] = []
    new: list[int] = []
    for at, char in enumerate(characters):
        new.append(len(places))
        if char:
            places.append(at)
    new.append(len(places))
    moved = tuple(Link(new[link.start], new[link.end], link.written, link.chat) for link in links)
    return Seen(shown, plain, places, moved, tuple((new[start], new[end]) for start, end in ids))
