"""
Choices of how a list is read, where it can be read in more than one way; and the questions that ask for them. Pure.

What a list leaves open is asked once it was looked at, with an offer for each way of reading it. Whoever decides takes one of
the offers: its choices are kept with the upload, and the list is read again by them.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final, Self

from store.errors import ListRefused


@dataclass(frozen=True, slots=True)
class Choices:
    """
    The choices that people made on how a list is read, beside the country and the one column of its phones.

    *only*: a column, and those of its values whose rows count; *all_rows*: every row does, whatever such a column says.
    *columns*: those that have phones, where there are several. *country_column*: the one that has each row's country;
    *one_country*: all rows are of the upload's. *sheet*: of a workbook. *hidden*: what is hidden in it is taken in.
    Nothing is decided as long as all are as here.
    """

    only: tuple[str, tuple[str, ...]] | None = None
    all_rows: bool = False
    columns: tuple[str, ...] = ()
    country_column: str | None = None
    one_country: bool = False
    sheet: str | None = None
    hidden: bool = False

    def to_json(self) -> dict[str, Any]:
        """What is decided, for `of_json`; nothing of what is not."""
        return {name: value for name, value in asdict(self).items() if value not in (None, False, ())}

    @classmethod
    def of_json(cls, packed: Mapping[str, Any] | None) -> Self:
        """The choices that `to_json`, and JSON then, made of some."""
        return cls().with_json(packed or {})

    def with_json(self, packed: Mapping[str, Any]) -> Self:
        """These, and in place of them what *packed* decides; raises ValueError for what is none of them."""
        if unknown := packed.keys() - {field.name for field in fields(self)}:
            msg = f"no choices: {', '.join(sorted(unknown))}"
            raise ValueError(msg)
        values: dict[str, Any] = dict(packed)
        if values.get("only") is not None:
            column, wanted = values["only"]
            values["only"] = (column, tuple(wanted))
        if "columns" in values:
            values["columns"] = tuple(values["columns"])
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
