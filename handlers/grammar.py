"""
The grammar of requests: what words ask the desk for, which of the numbers among them they are about, and why.

It goes through the words once, by the phrases of `handlers.lexicon`. What is plainly a request is told apart from what
is nearly one, which is asked about, and from what only has such words in it: a question, a quote, somebody's report, a
condition, the opposite. Pure, and linear in the length of the words.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, IntEnum, auto
from itertools import pairwise
from typing import Any, Final

from handlers.lexicon import WordKind, lexicon
from store import PHONE


class Verb(Enum):
    """What is asked for, or written about."""

    OPT_OUT = auto()
    OPT_IN = auto()


class Certainty(IntEnum):
    """How plainly something is asked for; of several marks in the same words the last of these holds."""

    PLAIN = 0
    # "Can you ...?"
    POLITE = 1
    # Something stands beside it that is not understood.
    DOUBTFUL = 2
    # A question about it, a quote, a report, a condition, a plan.
    MENTIONED = 3
    # The opposite: "do not", "never mind".
    DENIED = 4


@dataclass(frozen=True, slots=True)
class Understanding:
    """
    What words ask for. *verb*: None where they name nothing that the desk does.

    *phones*: which of the numbers in the words, by their place among all of them, it is about. *reason*: in their words,
    with `PHONE` for each number in it, of which the first is number *reason_from*. *digits*: what stands where a number
    could and has too few.
    """

    verb: Verb | None
    certainty: Certainty
    phones: tuple[int, ...]
    reason: str | None = None
    reason_from: int = 0
    digits: tuple[str, ...] = ()


class Wish(Enum):
    """What the words that come with a list ask to do with it."""

    OPT_OUT = auto()
    SCRUB = auto()
    LOOK_UP = auto()
    COMPARE = auto()
    OPT_IN = auto()
    UNCLEAR = auto()
    NOTHING = auto()


@dataclass(frozen=True, slots=True)
class _Lexeme:
    """
    A phrase or a sign of the words: what it is, as it is compared, and where it stands.

    *number*: which one, for a `WordKind.PHONE`. *hidden*: in quotes or on a quoted line; *struck*: struck out.
    """

    kind: WordKind
    norm: str
    start: int
    end: int
    number: int = -1
    hidden: bool = False
    struck: bool = False


_TOKEN: Final = re.compile(r"(?<!\w):[\w+'-]+:(?!\w)|[^\W_]+(?:['\u2019\u2018`\u00b4\u02bc\uff07][^\W_]+)*|\n|[^\w\s]")
_APOSTROPHES: Final = str.maketrans(dict.fromkeys("\u2019\u2018`\u00b4\u02bc\uff07", "'"))
_ELISION: Final = re.compile(r"(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu)'(?=[^\W\d_])")
_OVERRIDES: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
_SIGNS: Final[dict[str, WordKind]] = {
    **dict.fromkeys(",\u060c\u3001\uff0c|&", WordKind.COMMA),
    **dict.fromkeys(".!;\u2026\u00a1\u3002\uff01\uff1b", WordKind.STOP),
    **dict.fromkeys("?\u00bf\u061f\uff1f\u2753\u2754\u203d\u2047\u2048\u2049", WordKind.MARK_OF_QUESTION),
    **dict.fromkeys("([{\uff08", WordKind.OPEN),
    **dict.fromkeys(")]}\uff09", WordKind.CLOSE),
    **dict.fromkeys(":\uff1a\u2192=", WordKind.COLON),
    **dict.fromkeys("-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\ufe58\ufe63\uff0d", WordKind.DASH),
    **dict.fromkeys(
        "\"'`\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u00ab\u00bb\u2039\u203a\u300c\u300d\uff02", WordKind.QUOTE
    ),
    # Slashes and brackets join or compare what stands around them; these emoji refuse, or laugh at it.
    **dict.fromkeys(
        "<>/\\\u26d4\u274c\u274e\u2716\U0001f6ab\U0001f645\U0001f44e\U0001f6d1\U0001f923\U0001f602", WordKind.WORD
    ),
    "\n": WordKind.LINE,
    "~": WordKind.STRUCK,
    PHONE: WordKind.PHONE,
}
_OF_LISTS: Final = frozenset(
    [
        "new",
        "latest",
        "recent",
        "additional",
        "more",
        "today's",
        "yesterday's",
        "our",
        "my",
        "nuevas",
        "nuevos",
        "ultimas",
        "nouveaux",
        "nouvelles",
        "derniers",
    ]
)
_SUPPOSING: Final = frozenset(("if", "si", "in case", "provided", "assuming", "en caso de", "au cas ou"))
_ARTICLES: Final = frozenset(
    ("the", "a", "an", "this", "that", "our", "your", "el", "la", "este", "esta", "le", "l'", "ce", "cette", "nuestra")
)
# Of emoji, by Slack's names.
_REFUSALS: Final = frozenset(
    (
        *("x", "no_entry", "no_entry_sign", "negative_squared_cross_mark", "heavy_multiplication_x", "octagonal_sign"),
        *("no_good", "thumbsdown", "-1", "joy", "rolling_on_the_floor_laughing", "rofl", "question", "grey_question"),
    )
)
_LONGEST_MARK: Final = 3  # digits of "12)" before an item of a list
_SHORT: Final = range(3, 7)  # digits of what was meant for a number and is too short for one

_OUT: Final = frozenset({WordKind.OUT, WordKind.ADD, WordKind.MAYBE})
_IN: Final = frozenset({WordKind.IN, WordKind.DELETE})
_VERBS: Final = _OUT | _IN
_LISTS: Final = frozenset({WordKind.OUT_LIST, WordKind.TEXT_LIST})
_ENDS: Final = frozenset({WordKind.STOP, WordKind.LINE, WordKind.MARK_OF_QUESTION})
_SEPARATORS: Final = frozenset({WordKind.COMMA, WordKind.DASH, WordKind.COLON, WordKind.STOP, WordKind.LINE})
_BRACKETS: Final = frozenset({WordKind.OPEN, WordKind.CLOSE})
_AROUND: Final = _BRACKETS | {WordKind.QUOTE, WordKind.STRUCK}
_SAYS_NOTHING: Final = _SEPARATORS | {WordKind.FILLING, WordKind.COURTESY}
# What a reason has in it that nobody announced by "because".
_EVIDENCE: Final = frozenset({WordKind.REASON, WordKind.UNWILLING, WordKind.STATE})
# Of those who want something, who said so.
_ASKED: Final = ("ask", "request", "demand", "pid", "pide", "solicit")
_SOME_LIST: Final = frozenset({WordKind.FILE, WordKind.PARTICLE})
# What leaves it open whether what stands behind a number is a reason.
_ELSEWHERE: Final = frozenset(
    {WordKind.MARK_OF_QUESTION, WordKind.LOOK, WordKind.SCRUB, WordKind.ASKING, WordKind.STRUCK, WordKind.OTHER_LIST}
)
_IF: Final = frozenset({WordKind.CONDITION, WordKind.UNLESS, WordKind.LATER})

_SEGMENT: Final = re.compile(r"[^,;\n\t\u060c\uff0c\uff1b]+[,;\n\t\u060c\uff0c\uff1b]?|[,;\n\t\u060c\uff0c\uff1b]")
# What stands for somebody or something, and asks for nothing.
_NAMES: Final = frozenset({WordKind.WORD, WordKind.DIGITS})
_IN_LISTS: Final = _NAMES | _SAYS_NOTHING | _AROUND | {WordKind.PHONE}

_BESIDE: Final[dict[WordKind, Certainty]] = {
    **dict.fromkeys(_SAYS_NOTHING | _BRACKETS | _LISTS | {WordKind.PHONE, WordKind.DIGITS}, Certainty.PLAIN),
    WordKind.ASKING: Certainty.POLITE,
    **dict.fromkeys(
        _IF | {WordKind.QUESTION, WordKind.SAID, WordKind.LABEL, WordKind.LOOK, WordKind.SCRUB}, Certainty.MENTIONED
    ),
    **dict.fromkeys((WordKind.NOT, WordKind.EXCEPT, WordKind.CORRECTION), Certainty.DENIED),
}


def understand(words: str, implied: Verb | None = None) -> Understanding:
    """
    What *words* ask for, in which `PHONE` stands for each number. *implied*: what a command's name said before them.

    Never raises, whatever they are.
    """
    turned = _OVERRIDES.search(words) is not None
    words = _legible(words)
    understood = _understood(words, _lexemes(words), implied)
    # What people see there is not what it says.
    return replace(understood, certainty=max(understood.certainty, Certainty.DOUBTFUL)) if turned else understood


# "scrub_me.csv" has the word, "scrubs" and "unscrubbed" do not.
_SCRUB: Final = re.compile(r"(?<![^\W_])scrub(?![^\W_])", re.IGNORECASE)
# What a list of people who want to be texted is called, or one that is not to be opted out.
_CALLED_OPPOSITE: Final = re.compile(
    r"(?<![^\W_])(?:opt(?:ed)?[\s_-]?(?:back[\s_-]?)?ins?|back[\s_-]in|unstops?|resubscri\w{1,9}|r[eé]inscri\w{1,9}|altas"
    r"|(?:not|never|no|non|without|minus|excluding|sin|sans|ohne)[\s_-](?:opt(?:ed)?[\s_-]?outs?|bajas|d[eé]sinscri\w{1,9}))(?![^\W_])",
    re.IGNORECASE,
)


# Of the words to look with, those that ask for both sides.
_COMPARES: Final = frozenset(
    (
        *("compare", "comparing", "reconcile", "comparar", "compara", "cotejar", "coteja", "coteje"),
        *("comparer", "comparez", "rapprocher", "rapprochez"),
    )
)


def wish_of_names(*names: str) -> Wish:
    """What the *names* of a list say it is for: to be scrubbed, or not plainly to be opted out; mostly nothing."""
    if any(map(_SCRUB.search, names)):
        return Wish.SCRUB
    return Wish.UNCLEAR if any(map(_CALLED_OPPOSITE.search, names)) else Wish.NOTHING


# By what a command begins with: what it asks for.
_COMMANDS: Final = {
    WordKind.OUT: Wish.OPT_OUT,
    WordKind.ADD: Wish.OPT_OUT,
    WordKind.MAYBE: Wish.OPT_OUT,
    WordKind.IN: Wish.OPT_IN,
    WordKind.LOOK: Wish.LOOK_UP,
    WordKind.QUESTION: Wish.LOOK_UP,
    WordKind.SCRUB: Wish.SCRUB,
}


def command_of(words: str, *, asks: bool = False) -> tuple[Wish, str] | None:
    """
    What the phrase that *words* begin with asks for, as "look up" does, and the words behind it; None for any other.

    *asks*: a question is one too, as "is 212-555-0100 out?".
    """
    words = _legible(words).lstrip("\u00bf\u00a1 ")
    tokens = _without_marks(_tokens(words))
    if not tokens or not tokens[0].norms:
        return None
    kind, ahead = _phrase(tokens, 0, lexicon())
    if kind is WordKind.QUESTION and not asks:
        return None
    return (_COMMANDS[kind], words[tokens[ahead - 1].end :].strip()) if kind in _COMMANDS else None


def split_at_because(words: str) -> tuple[str, str]:
    """*words* up to the first "because", by any of its names, and from there on."""
    words = _legible(words)
    at = next((lexeme.start for lexeme in _lexemes(words) if lexeme.kind is WordKind.BECAUSE), len(words))
    return words[:at], words[at:]


def wish_of(words: str) -> Wish:
    """What the *words* that came with a list ask to do with it; numbers in them are not looked at."""
    words = _legible(words)
    lexemes = _lexemes(words)
    said = [lexeme for lexeme in lexemes if lexeme.kind not in _SAYS_NOTHING]
    if not said:
        return Wish.NOTHING
    kinds = {lexeme.kind for lexeme in said}
    if WordKind.SCRUB in kinds:
        before = [lexeme.kind for lexeme in said[: [lexeme.kind for lexeme in said].index(WordKind.SCRUB)]]
        doubtful = (
            WordKind.NOT in before or WordKind.CORRECTION in kinds or kinds & {WordKind.OUT, WordKind.ADD, WordKind.IN}
        )
        return Wish.UNCLEAR if doubtful else Wish.SCRUB
    if kinds & {WordKind.MAYBE, WordKind.DELETE, WordKind.TAKE} and kinds & {WordKind.STATE, WordKind.NOUN}:
        # "Remove the opted out".
        return Wish.UNCLEAR if kinds & {WordKind.NOT, WordKind.CORRECTION} else Wish.SCRUB
    begins = next(lexeme.kind for lexeme in lexemes if lexeme.kind not in _SEPARATORS | {WordKind.COURTESY})
    asks = WordKind.LOOK in kinds or (WordKind.QUESTION in kinds and (begins is WordKind.QUESTION or "?" in words))
    if asks and not kinds & ({WordKind.NOT, WordKind.CORRECTION} | _VERBS):
        return Wish.COMPARE if any(lexeme.norm in _COMPARES for lexeme in said) else Wish.LOOK_UP
    if _names_a_list(said):
        return Wish.OPT_OUT
    whole = [replace(lexeme, kind=WordKind.FILLING) if lexeme.kind is WordKind.FILE else lexeme for lexeme in lexemes]
    understood = _understood(words, whole, None)
    if understood.verb is Verb.OPT_OUT and understood.certainty is Certainty.PLAIN:
        return Wish.OPT_OUT
    if understood.verb is Verb.OPT_IN and understood.certainty <= Certainty.POLITE:
        return Wish.OPT_IN
    return Wish.UNCLEAR


def _names_a_list(said: Sequence[_Lexeme]) -> bool:
    """Do the words only say what the list is, as "new opt-outs from the phonebank" does?"""
    at = next((i for i, lexeme in enumerate(said) if lexeme.kind in (WordKind.NOUN, WordKind.OUT_LIST)), None)
    if at is None:
        return False
    plain = {WordKind.NOUN, WordKind.OUT_LIST, WordKind.FILE, WordKind.REASON}
    return all(
        lexeme.kind in plain or (lexeme.kind is WordKind.WORD and (i > at or lexeme.norm in _OF_LISTS))
        for i, lexeme in enumerate(said)
    )


def _understood(words: str, lexemes: Sequence[_Lexeme], implied: Verb | None) -> Understanding:
    at = -1 if implied else next((i for i, lexeme in enumerate(lexemes) if lexeme.kind in _VERBS), None)
    if at is None:
        return _without_verb(words, lexemes)
    own = WordKind.OUT if implied is Verb.OPT_OUT else WordKind.IN if implied else lexemes[at].kind
    request, why = _cut_at_reason(lexemes, at)
    head, rest = list(request[: max(at, 0)]), list(request[at + 1 :])
    last = max((i for i, lexeme in enumerate(rest) if lexeme.kind in (WordKind.PHONE, WordKind.DIGITS)), default=-1)
    between: Sequence[_Lexeme] = rest[: last + 1]
    tail: Sequence[_Lexeme] = rest[last + 1 :]
    phones = [lexeme for lexeme in [*head, *between] if lexeme.kind is WordKind.PHONE]
    named, tail = _named_list(between, tail)
    # The command that opts out is called "add".
    called = WordKind.ADD if implied is Verb.OPT_OUT else own
    verb, listed = _BY_LIST.get((called, named), (Verb.OPT_IN if own in _IN else Verb.OPT_OUT, Certainty.PLAIN))
    if (own, named) == (WordKind.ADD, WordKind.OUT_LIST):
        own = WordKind.OUT
    behind, span = _behind(tail, own)
    marks = [listed, _among(between, own), behind, _before(head)]
    if any(lexeme.kind is WordKind.PHONE for lexeme in head):
        # "212-555-0100: opt out" is a request, or somebody's note.
        marks.append(Certainty.DOUBTFUL)
    if why is not None:
        explained, span = _explained(why, len(words))
        marks.append(explained)
        if own is WordKind.ADD and any(
            lexeme.kind in (WordKind.JOINING, WordKind.TEXT_LIST)
            or (lexeme.kind is WordKind.WANT and not _asked(lexeme))
            for lexeme in why
        ):
            marks.append(Certainty.DOUBTFUL)
    marks += [
        Certainty.DENIED if lexeme.struck else Certainty.MENTIONED if lexeme.hidden and not implied else Certainty.PLAIN
        for lexeme in [*phones, *([] if implied else [lexemes[at]])]
    ]
    reason, reason_from = _reason(words, span)
    digits = tuple(lexeme.norm for lexeme in between if lexeme.kind is WordKind.DIGITS)
    return Understanding(verb, max(marks), tuple(lexeme.number for lexeme in phones), reason, reason_from, digits)


def items_of(words: str) -> tuple[list[int | str], str]:
    """
    What a list of numbers that somebody typed has in it, in order, and the words that are left.

    A number is the place of its `PHONE`; a text stands where a number could, between commas and line breaks, and says
    nothing else: "abc" in "212-555-0100, abc". The words left are *words* without those texts.
    """
    items: list[int | str] = []
    left: list[str] = []
    numbers, in_list = 0, True
    for segment in _SEGMENT.findall(words):
        text = segment.strip(" \t\r\n,;\u060c\uff0c\uff1b")
        here = segment.count(PHONE)
        items += range(numbers, numbers + here)
        numbers += here
        kinds = {lexeme.kind for lexeme in _lexemes(_legible(text))}
        in_list = in_list and kinds <= _IN_LISTS
        if text and in_list and not here and (not kinds or kinds & _NAMES or len(text) == 1):
            items.append(text)
            left.append(",")
        else:
            left.append(segment)
    return items, "".join(left)


def _without_verb(words: str, lexemes: Sequence[_Lexeme]) -> Understanding:
    """Words without a verb: numbers to look up, or what somebody wants said in another way."""
    phones = tuple(lexeme.number for lexeme in lexemes if lexeme.kind is WordKind.PHONE)
    kinds = [lexeme.kind for lexeme in lexemes]
    certainty = max((_BESIDE.get(kind, Certainty.PLAIN) for kind in kinds), default=Certainty.PLAIN)
    because = kinds.index(WordKind.BECAUSE) if WordKind.BECAUSE in kinds else None
    if because is not None and WordKind.MARK_OF_QUESTION not in kinds and certainty < Certainty.MENTIONED:
        reason, reason_from = _reason(words, _explained(lexemes[because + 1 :], len(words))[1])
        return Understanding(Verb.OPT_OUT, Certainty.DOUBTFUL, phones, reason, reason_from)
    asks = not {WordKind.QUESTION, WordKind.MARK_OF_QUESTION, WordKind.LOOK}.isdisjoint(kinds)
    wanted = next(
        (i for i, kind in enumerate(kinds) if kind in (WordKind.WANT, WordKind.ASKING, WordKind.TAKE)), len(kinds)
    )
    if any(lexeme.kind is WordKind.STATE or lexeme.norm in {"out", "off"} for lexeme in lexemes[wanted:]):
        before = max((_BESIDE.get(kind, Certainty.DOUBTFUL) for kind in kinds[:wanted]), default=Certainty.PLAIN)
        denied = Certainty.DENIED if WordKind.NOT in kinds else Certainty.DOUBTFUL
        return Understanding(Verb.OPT_OUT, max(before, denied), phones)
    if {WordKind.NOUN, WordKind.UNWILLING} & set(kinds) and not asks and WordKind.NOT not in kinds:
        # "Opt-outs: ...", "... does not want texts".
        return Understanding(Verb.OPT_OUT, Certainty.DOUBTFUL, phones)
    if WordKind.NOT in kinds and not asks:
        # "Keep texting ...", "... must not be opted out".
        return Understanding(Verb.OPT_OUT, Certainty.DENIED, phones)
    if {WordKind.OPT, WordKind.TAKE, WordKind.PUT, WordKind.MARK, WordKind.GIVE} & set(kinds):
        return Understanding(Verb.OPT_OUT, max(certainty, Certainty.MENTIONED), phones)
    return Understanding(None, Certainty.PLAIN, phones)


def _cut_at_reason(lexemes: Sequence[_Lexeme], at: int) -> tuple[Sequence[_Lexeme], Sequence[_Lexeme] | None]:
    """The request of which the verb stands at *at*, and what stands behind its "because", or between it and the bracket's end."""
    because = next((i for i in range(at + 1, len(lexemes)) if lexemes[i].kind is WordKind.BECAUSE), None)
    if because is None:
        return lexemes, None
    if because and lexemes[because - 1].kind is WordKind.OPEN:
        closed = next((i for i in range(because, len(lexemes)) if lexemes[i].kind is WordKind.CLOSE), len(lexemes))
        return [*lexemes[: because - 1], *lexemes[closed + 1 :]], lexemes[because + 1 : closed + 1]
    return lexemes[:because], lexemes[because + 1 :]


def _before(head: Sequence[_Lexeme]) -> Certainty:
    """What stands before the verb; of the sentences before its own only that they are there."""
    begins = max((i + 1 for i, lexeme in enumerate(head) if lexeme.kind in _ENDS), default=0)
    marks = [Certainty.PLAIN]
    for i, lexeme in enumerate(head):
        mark = _BESIDE.get(lexeme.kind, Certainty.DOUBTFUL)
        if lexeme.kind is WordKind.WORD and i == 1 and head[0].kind is WordKind.COURTESY and len(head) > 2:
            # "Hi Robin, ...": whom it is said to.
            mark = Certainty.PLAIN if head[2].kind in (WordKind.COMMA, WordKind.LINE) else mark
        if (
            lexeme.kind is WordKind.UNWILLING
            and i >= begins
            and not any(_SEPARATORS & {later.kind} for later in head[i:])
        ):
            mark = Certainty.DENIED
        marks.append(min(mark, Certainty.DOUBTFUL) if i < begins else mark)
    if head and head[-1].norm in _ARTICLES:
        # "The opt-out of ..." is a thing.
        marks.append(Certainty.DOUBTFUL)
    return max(marks)


def _among(between: Sequence[_Lexeme], own: WordKind) -> Certainty:
    """What stands from the verb to the last number."""
    marks, met, apart = [Certainty.PLAIN], False, False
    for lexeme in between:
        mark = _BESIDE.get(lexeme.kind, Certainty.DOUBTFUL)
        if lexeme.kind in _VERBS:
            same = (lexeme.kind in _OUT) is (own in _OUT)
            # "Opt out 212-555-0100, unsubscribe 212-555-0101"; but "stop opt out ..." and "cancel: opt out ...".
            near = Certainty.PLAIN if met and lexeme.kind is own else Certainty.DOUBTFUL
            mark = near if same and (met or (apart and own is not WordKind.MAYBE)) else Certainty.MENTIONED
        marks.append(mark)
        met, apart = met or lexeme.kind is WordKind.PHONE, apart or lexeme.kind in _SEPARATORS
    return max(marks)


def _named_list(between: Sequence[_Lexeme], tail: Sequence[_Lexeme]) -> tuple[WordKind | None, Sequence[_Lexeme]]:
    """The kind of the list that a request names, if any, and *tail* without it."""
    found = next((lexeme.kind for lexeme in between if lexeme.kind in _LISTS), None)
    at = next((i for i, lexeme in enumerate(tail) if lexeme.kind not in _SAYS_NOTHING), None)
    if found is None and at is not None and tail[at].kind in _LISTS:
        return tail[at].kind, tail[at + 1 :]
    return found, tail


# What becomes of a verb by the list that is named with it; else it is plainly the one or the other.
_BY_LIST: Final[dict[tuple[WordKind, WordKind | None], tuple[Verb, Certainty]]] = {
    (WordKind.MAYBE, None): (Verb.OPT_OUT, Certainty.DOUBTFUL),
    (WordKind.MAYBE, WordKind.OUT_LIST): (Verb.OPT_IN, Certainty.PLAIN),
    (WordKind.DELETE, WordKind.TEXT_LIST): (Verb.OPT_OUT, Certainty.DOUBTFUL),
    (WordKind.ADD, WordKind.TEXT_LIST): (Verb.OPT_OUT, Certainty.DENIED),
    (WordKind.OUT, WordKind.OUT_LIST): (Verb.OPT_OUT, Certainty.MENTIONED),
    (WordKind.IN, WordKind.OUT_LIST): (Verb.OPT_OUT, Certainty.DOUBTFUL),
}


def _behind(tail: Sequence[_Lexeme], own: WordKind) -> tuple[Certainty, tuple[int, int] | None]:
    """What stands behind the last number, and where in the words the reason is that it gives."""
    first, last, listed = 0, len(tail), Certainty.PLAIN
    while first < last and (
        tail[first].kind in _SAYS_NOTHING | _AROUND | _SOME_LIST
        or (tail[first].kind is own and own in _OUT and not tail[first].hidden)
    ):
        if tail[first].kind in _SOME_LIST and own in (WordKind.ADD, WordKind.MAYBE):
            listed = Certainty.DOUBTFUL
        first += 1
    while last > first and tail[last - 1].kind in _SAYS_NOTHING | _AROUND:
        last -= 1
    while first < last < len(tail) and tail[last].kind is WordKind.FILLING:
        last += 1
    said = tail[first:last]
    if not said:
        return listed, None
    if all(lexeme.kind in _SAYS_NOTHING | _BRACKETS | {WordKind.MARK_OF_QUESTION} for lexeme in said):
        return Certainty.POLITE, None
    begins = first
    while begins > 0 and tail[begins - 1].kind is WordKind.FILLING:
        begins -= 1
    if not begins or tail[begins - 1].kind not in _SEPARATORS | _AROUND:
        begins = first
    # A bracket that closes before the end belongs to the reason.
    begins -= (
        begins > 0 and tail[begins - 1].kind is WordKind.OPEN and WordKind.CLOSE in {lexeme.kind for lexeme in said}
    )
    span = (tail[begins].start, said[-1].end)
    reported = next((i for i, lexeme in enumerate(said) if lexeme.kind is WordKind.SAID), None)
    told = [lexeme.kind for lexeme in said[reported + 1 :]] if reported is not None else []
    told += [lexeme.kind for lexeme in said if lexeme.hidden]
    evidence = not {WordKind.OUT, WordKind.MAYBE}.isdisjoint(told) or any(
        lexeme.kind in _EVIDENCE or _asked(lexeme) for lexeme in said
    )
    # "Add ..., she asked": to be left alone, or for more.
    marks = [listed, Certainty.PLAIN if evidence and own is not WordKind.ADD else Certainty.DOUBTFUL]
    if reported is not None and not evidence:
        # "..., says Maria".
        marks.append(Certainty.MENTIONED)
    unwilling = any(lexeme.kind is WordKind.UNWILLING for lexeme in said)
    for lexeme in said:
        if lexeme.kind in (WordKind.NOT, WordKind.EXCEPT, WordKind.CORRECTION):
            marks.append(Certainty.DENIED)
        elif lexeme.kind in _IN | {WordKind.LABEL, WordKind.OPTED_IN}:
            marks.append(Certainty.MENTIONED)
        elif lexeme.kind in _IF:
            marks.append(Certainty.DOUBTFUL if evidence and lexeme is not said[0] else Certainty.MENTIONED)
        elif lexeme.kind in _ELSEWHERE or (lexeme.kind is WordKind.JOINING and not unwilling):
            marks.append(Certainty.DOUBTFUL)
    return max(marks), span


def _asked(lexeme: _Lexeme) -> bool:
    """Does it say that somebody asked?"""
    return lexeme.kind is WordKind.WANT and lexeme.norm.startswith(_ASKED)


def _explained(why: Sequence[_Lexeme], end: int) -> tuple[Certainty, tuple[int, int] | None]:
    """What stands behind "because", and where in the words, of length *end*, the reason is: without the thanks at its end."""
    first, last = 0, len(why)
    while first < last and why[first].kind in _SEPARATORS:
        first += 1
    bracket = last > first and why[-1].kind is WordKind.CLOSE and WordKind.OPEN not in {lexeme.kind for lexeme in why}
    last -= bracket
    cut = last
    while True:
        at = cut
        while at > first and why[at - 1].kind in _SEPARATORS:
            at -= 1
        thanks = at
        while thanks > first and why[thanks - 1].kind is WordKind.COURTESY:
            thanks -= 1
        if thanks in {at, first} or why[thanks - 1].kind not in _SEPARATORS:
            break
        cut = thanks
    said = list(why[first:cut])
    while said and cut < last and said[-1].kind in _SEPARATORS:
        said.pop()
    if not said:
        return Certainty.PLAIN, None
    span = (said[0].start, said[-1].end if cut < last or bracket else end)
    kinds = [lexeme.kind for lexeme in said]
    stop = next((i for i, kind in enumerate(kinds) if kind in _ENDS), len(kinds))
    marks = [Certainty.PLAIN]
    if {WordKind.PHONE, WordKind.CORRECTION, WordKind.EXCEPT, WordKind.OTHER_LIST} & set(kinds) or any(
        lexeme.norm in _SUPPOSING for lexeme in said
    ):
        marks.append(Certainty.DOUBTFUL)
    last_said = next((kind for kind in reversed(kinds) if kind not in _AROUND | {WordKind.STOP, WordKind.LINE}), None)
    if last_said in (WordKind.MARK_OF_QUESTION, WordKind.NOT) or (stop and kinds[stop - 1] is WordKind.LATER):
        marks.append(Certainty.DOUBTFUL)
    if not ({WordKind.NOT} | _IF | _IN).isdisjoint(kinds[stop:]):
        marks.append(Certainty.DOUBTFUL)
    left_open = _IF | {WordKind.NOT, WordKind.ASKING, WordKind.JOINING}
    if any(kind in _SEPARATORS and behind in left_open for kind, behind in pairwise(kinds)):
        marks.append(Certainty.DOUBTFUL)
    if WordKind.UNLESS in kinds:
        marks.append(Certainty.MENTIONED)
    return max(marks), span


def _reason(words: str, span: tuple[int, int] | None) -> tuple[str | None, int]:
    """The reason at *span* of *words*, None for none, and how many numbers stand before it."""
    if span is None:
        return None, 0
    return words[span[0] : span[1]].strip() or None, words.count(PHONE, 0, span[0])


# --- lexemes --------------------------------------------------------------------------------------------------------


def _legible(words: str) -> str:
    """*words* composed, without the characters that have neither looks nor width."""
    return "".join(char for char in unicodedata.normalize("NFC", words) if unicodedata.category(char) != "Cf")


@dataclass(slots=True)
class _Token:
    """A word, by the *norms* it is compared by, or a sign, by its *kind*."""

    start: int
    end: int
    norms: tuple[str, ...] = ()
    kind: WordKind | None = None


def _tokens(words: str) -> list[_Token]:
    """The words and signs of *words*, without bullets, emoji and marks of formatting, which say nothing."""
    found: list[_Token] = []
    for match in _TOKEN.finditer(words):
        text, start = match[0], match.start()
        if (kind := _SIGNS.get(text)) is not None:
            found.append(_Token(start, match.end(), kind=kind))
            continue
        if not text[-1].isalnum():
            if text.strip(":") in _REFUSALS:
                found.append(_Token(start, match.end(), kind=WordKind.WORD))
            continue
        norm = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES).casefold()
        if (elided := _ELISION.match(norm)) is not None and len(norm) == len(text):
            found.append(_Token(start, start + elided.end(), _norms(norm[: elided.end()])))
            norm, start = norm[elided.end() :], start + elided.end()
        found.append(_Token(start, match.end(), _norms(norm)))
    return found


def _norms(word: str) -> tuple[str, ...]:
    """*word* as it is written, and without its accents."""
    bare = "".join(char for char in unicodedata.normalize("NFD", word) if not unicodedata.combining(char))
    return (word,) if bare == word else (word, bare)


def _without_marks(tokens: Sequence[_Token]) -> list[_Token]:
    """*tokens* without hyphens, and without the numbers of a list's items."""
    left: list[_Token] = []
    i, at_start = 0, True
    while i < len(tokens):
        token = tokens[i]
        before, behind = (left[-1] if left else None), (tokens[i + 1] if i + 1 < len(tokens) else None)
        if token.kind is WordKind.DASH and before and behind and before.norms and behind.norms:
            touches = before.end == token.start and token.end == behind.start
            if touches or (before.norms[-1] == "opt" and behind.norms[-1] in {"out", "in", "back"}):
                i += 1
                continue
        if token.norms and behind and behind.start == token.end:
            word = token.norms[0]
            counts = word.isdecimal() and len(word) <= _LONGEST_MARK
            if (counts and (behind.kind is WordKind.CLOSE or (at_start and behind.kind is WordKind.STOP))) or (
                at_start and len(word) == 1 and behind.kind is WordKind.CLOSE
            ):
                i += 2
                continue
        at_start = token.kind is WordKind.LINE or (at_start and token.kind is WordKind.DASH)
        left.append(token)
        i += 1
    return left


def _lexemes(words: str) -> list[_Lexeme]:
    """The phrases and signs of *words* in their order, each verb whose halves stand around numbers made whole."""
    tokens, tree = _without_marks(_tokens(words)), lexicon()
    found: list[_Lexeme] = []
    i = number = 0
    quoted_line = quoted = struck = False
    while i < len(tokens):
        token = tokens[i]
        kind, ahead = token.kind, i + 1
        if kind is None:
            kind, ahead = _phrase(tokens, i, tree)
        elif kind is WordKind.LINE:
            quoted_line = quoted = struck = False
        elif kind is WordKind.QUOTE:
            quoted = not quoted
        elif kind is WordKind.STRUCK:
            struck = not struck
        elif words[token.start] == ">" and (not found or found[-1].kind is WordKind.LINE):
            quoted_line = True
        last = tokens[ahead - 1]
        norm = " ".join(one.norms[-1] for one in tokens[i:ahead] if one.norms)
        is_phone = kind is WordKind.PHONE
        found.append(
            _Lexeme(kind, norm, token.start, last.end, number if is_phone else -1, quoted or quoted_line, struck)
        )
        number += is_phone
        i = ahead
    return _whole([_measured(found, i) for i in range(len(found))])


def _phrase(tokens: Sequence[_Token], i: int, tree: Any) -> tuple[WordKind, int]:
    """The kind of the longest phrase that begins with token *i*, and where the next begins."""
    kind, end, at = None, i + 1, i
    while at < len(tokens) and tokens[at].norms:
        tree = next((tree[norm] for norm in tokens[at].norms if norm in tree), None)
        if tree is None:
            break
        at += 1
        if None in tree:
            kind, end = tree[None], at
    if kind is not None:
        return kind, end
    word = tokens[i].norms[-1]
    if word.endswith("n't"):
        return WordKind.NOT, end
    if word.endswith("'ll"):
        return WordKind.LATER, end
    return (WordKind.DIGITS if word.isdecimal() else WordKind.WORD), end


def _measured(lexemes: Sequence[_Lexeme], i: int) -> _Lexeme:
    """Lexeme *i*; digits are a number that is too short only where one could stand."""
    lexeme = lexemes[i]
    if lexeme.kind is not WordKind.DIGITS:
        return lexeme
    around = [lexemes[j].kind for j in (i - 1, i + 1) if 0 <= j < len(lexemes)]
    stands = all(
        kind in _VERBS | {WordKind.COMMA, WordKind.LINE, WordKind.FILLING, WordKind.COLON, WordKind.BECAUSE}
        for kind in around
    )
    return lexeme if stands and len(lexeme.norm) in _SHORT else replace(lexeme, kind=WordKind.WORD)


def _whole(lexemes: list[_Lexeme]) -> list[_Lexeme]:
    """*lexemes* with each verb whose other half stands further on, "opt ... out", made one: the other half says no more."""
    halves: dict[str, int] = {}
    for i in range(len(lexemes) - 1, -1, -1):
        lexeme = lexemes[i]
        if lexeme.kind in _ENDS:
            halves.clear()
        elif lexeme.kind is WordKind.PARTICLE:
            behind = lexemes[i + 1].kind if i + 1 < len(lexemes) else None
            if behind in _LISTS:
                lexemes[i] = replace(lexeme, kind=WordKind.FILLING)
            halves[lexeme.norm] = i
        elif lexeme.kind in _LISTS | {WordKind.STATE, WordKind.OPTED_IN, WordKind.OUT}:
            halves[lexeme.kind.name] = i
        elif (kinds := _HALVES.get(lexeme.kind)) is not None:
            made = [(halves[half], kind) for half, kind in kinds.items() if half in halves]
            if made:
                at, kind = min(made, key=lambda one: one[0])
                lexemes[i] = replace(lexeme, kind=kind)
                if lexemes[at].kind not in _LISTS:
                    lexemes[at] = replace(lexemes[at], kind=WordKind.FILLING)
    return lexemes


# By the first half of a verb: what its other half makes of it.
_HALVES: Final[dict[WordKind, dict[str, WordKind]]] = {
    WordKind.OPT: {"out": WordKind.OUT, "in": WordKind.IN, "back in": WordKind.IN},
    WordKind.TAKE: {"off": WordKind.MAYBE},
    WordKind.PUT: {
        "back on": WordKind.IN,
        "back in": WordKind.IN,
        "back": WordKind.IN,
        "OUT_LIST": WordKind.ADD,
        "TEXT_LIST": WordKind.ADD,
        "OUT": WordKind.OUT,
    },
    WordKind.MARK: {"STATE": WordKind.OUT, "OUT": WordKind.OUT, "OUT_LIST": WordKind.ADD, "OPTED_IN": WordKind.IN},
    WordKind.ADD: {"back": WordKind.IN, "back in": WordKind.IN, "back on": WordKind.IN},
    WordKind.GIVE: {"de baja": WordKind.OUT, "de alta": WordKind.IN},
}
