"""
Choices of how a list is read, where it can be read in more than one way; and the questions that ask for them. Pure.

What a list leaves open is asked once it was looked at, with an offer for each way of reading it. Whoever decides takes one of
the offers: its choices are kept with the upload, and the list is read again by them.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any, Final, Self

from store.errors import ListRefused


class Asked(StrEnum):
    """What was asked for with a list, where that is not plainly to opt its phones out; the more careful, the later it stands."""

    UNCLEAR = "unclear"
    COMPARE = "compare"
    LOOK_UP = "look up"
    OPT_IN = "opt in"


# With these it is only told how the list's phones stand: nobody can be opted out by it before something else is asked.
ONLY_TOLD: Final = frozenset({Asked.COMPARE, Asked.LOOK_UP})


def _care(asked: Asked | None) -> int:
    """How careful it is to do what is *asked*."""
    return 0 if asked is None else 1 + list(Asked).index(asked)


@dataclass(frozen=True, slots=True)
class Choices:
    """
    The choices that people made on how a list is read, beside the country and the one column of its phones.

    *only*: columns that tell rows apart, each with those of its values whose rows count, or None where all of them do;
    *all_rows*: every row does, whatever any such column says. *columns*: those that have phones, where there are several.
    *country_column*: the one that has each row's country; *one_country*: all rows are of the upload's. *sheet*: of a
    workbook. *hidden*: what is hidden in it is taken in. *asked*: what the words that came with it ask for; None: to opt
    out, or to be scrubbed. *alone*: nobody spoke to the desk, so whoever dropped it is asked alone. *heard*: the most careful words there were before somebody pressed a button, which the same
    words do not undo when they come again.
    Nothing is decided as long as all are as here.
    """

    only: tuple[tuple[str, tuple[str, ...] | None], ...] = ()
    all_rows: bool = False
    columns: tuple[str, ...] = ()
    country_column: str | None = None
    one_country: bool = False
    sheet: str | None = None
    hidden: bool = False
    asked: Asked | None = None
    alone: bool = False
    heard: Asked | None = None

    def to_json(self) -> dict[str, Any]:
        """What is decided, for `of_json`; nothing of what is not."""
        return {name: value for name, value in asdict(self).items() if value not in (None, False, ())}

    @classmethod
    def of_json(cls, packed: Mapping[str, Any] | None) -> Self:
        """The choices that `to_json`, and JSON then, made of some."""
        return cls().with_json(packed or {})

    def outgrow(self, other: Self) -> bool:
        """Whether words that lead to these, about a list that has the *other* ones, change them: to more care, or to be heard at all."""
        if other.alone != self.alone:
            return other.alone
        return _care(self.asked) > max(_care(other.asked), _care(other.heard))

    def pressed(self, asked: Asked | None) -> Self:
        """These, once somebody pressed a button that asks for *asked*, for all to see."""
        return replace(self, asked=asked, alone=False, heard=max(self.asked, self.heard, key=_care))

    def with_json(self, packed: Mapping[str, Any]) -> Self:
        """
        These, and in place of them what *packed* decides; raises ValueError for what is none of them.

        Of *only* that is decided of each column by itself.
        """
        if unknown := packed.keys() - {field.name for field in fields(self)}:
            msg = f"no choices: {', '.join(sorted(unknown))}"
            raise ValueError(msg)
        values: dict[str, Any] = dict(packed)
        if "only" in values:
            decided = {column: wanted and tuple(wanted) for column, wanted in values["only"]}
            values["only"] = tuple((dict(self.only) | decided).items())
        if "columns" in values:
            values["columns"] = tuple(values["columns"])
        for name in ("asked", "heard"):
            if values.get(name) is not None:
                values[name] = Asked(values[name])
        return replace(self, **values)


NOTHING_CHOSEN: Final = Choices()


@dataclass(frozen=True, slots=True)
class Offer:
    """
    One answer to a question: *label*, a button's words, the *choices* it makes, as JSON has them, and the *option* of the command line.

    Words of the list may stand in *label* and *option* as they are: who shows them escapes them.
    """

    label: str
    choices: Mapping[str, Any]
    option: str


@dataclass(frozen=True, slots=True)
class Question:
    """
    A question on how a list is read, in words, with its *offers*.

    *open*: nothing of the list takes effect before it is answered. Others only say that there is another way.
    """

    text: str
    offers: tuple[Offer, ...]
    open: bool = True

    def to_json(self) -> dict[str, Any]:
        """The question for `of_json`, in an upload's summary."""
        return asdict(self)

    @classmethod
    def of_json(cls, packed: Mapping[str, Any]) -> Self:
        """The question that `to_json`, and JSON then, made of one."""
        return cls(packed["text"], tuple(Offer(**offer) for offer in packed["offers"]), packed["open"])


class Undecided(ListRefused):
    """A list that cannot be read before somebody chooses how; its text says so, and `question` has the offers."""

    def __init__(self, message: str, question: Question) -> None:
        super().__init__(message)
        self.question = question
