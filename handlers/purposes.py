"""What a dropped file is for: to be opted out, scrubbed, looked up, compared, or asked about, by the words that came with it and by its name."""

import re
from typing import Any, Final

from handlers.grammar import Wish, wish_of, wish_of_names
from store import NOTHING_CHOSEN, Asked, Choices, Purpose

_MENTION = re.compile(r"<@[UW]\w+(?:\|[^<>]*)?>")
_SENTENCE = re.compile(r"[^.!?]+")
_NOT = re.compile(r"\b(?:not|never|no|without|dont)\b|n['\u2019]t\b", re.IGNORECASE)
_KEEPING = re.compile(r"\bkeep", re.IGNORECASE)
_KEEP = re.compile(r"\bkeep\b", re.IGNORECASE)
_UNREADABLE = re.compile(r"\bunreadable\b", re.IGNORECASE)

# What was asked for where it is not plainly one of the purposes.
_ASKED: Final = {
    Wish.LOOK_UP: Asked.LOOK_UP,
    Wish.COMPARE: Asked.COMPARE,
    Wish.OPT_IN: Asked.OPT_IN,
    Wish.UNCLEAR: Asked.UNCLEAR,
}


def purpose_of(words: str, file: dict[str, Any], *, expected: bool) -> tuple[Purpose, Choices]:
    """
    The purpose of a dropped *file*, by the *words* of its message, and where there are none by its title and name.

    *expected*: it was dropped in an uploads channel, where a list without words is dropped to be opted out. Anywhere else it
    takes words that say so plainly; what is not plain is asked. Unreadable rows are rather left out of a scrub against a wish
    than kept against one: they may be opted out.
    """
    words = _MENTION.sub(" ", words)
    wish = wish_of(words)
    called = wish_of_names(*(str(file.get(name) or "") for name in ("title", "name")))
    if wish is Wish.NOTHING and called is Wish.SCRUB:
        wish = Wish.SCRUB
    elif wish is Wish.NOTHING and called is Wish.NOTHING:
        wish = Wish.OPT_OUT if expected else Wish.UNCLEAR
    elif wish is Wish.NOTHING or (wish is Wish.OPT_OUT and called is Wish.SCRUB):
        wish = Wish.UNCLEAR  # what it is called and what is asked do not go together
    if wish is Wish.SCRUB:
        keep = _followed(words, _KEEP, _UNREADABLE) and not _followed(words, _NOT, _KEEPING)
        return (Purpose.SCRUB_KEEPING if keep else Purpose.SCRUB), NOTHING_CHOSEN
    return Purpose.OPT_OUT, Choices(asked=_ASKED.get(wish))


def _followed(words: str, first: re.Pattern[str], then: re.Pattern[str]) -> bool:
    """Is there a sentence in *words* with *first*, and *then* behind it?"""
    # One pattern for both would look for the second behind each of the first.
    return any(
        (found := first.search(sentence)) is not None and then.search(sentence, found.end()) is not None
        for sentence in _SENTENCE.findall(words)
    )
