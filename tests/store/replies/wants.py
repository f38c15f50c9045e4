"""What people who reply to a campaign's text want, and what the judge may make of it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import Final

from store.replies.judge import Outcome

# Stands for a line break inside of a reply.
BREAK: Final = "⏎"


class Want(Enum):
    """What somebody wants, and the outcomes that are right for it."""

    # No more texts, in a word that the law names.
    LAWS_WORD = frozenset({Outcome.OUT})
    NO_MORE = frozenset({Outcome.OUT, Outcome.ASK})
    # Something less, or about somebody else: a person decides.
    NARROWER = frozenset({Outcome.ASK})
    # Whoever answers texts may take it for a request, or not; the machine may not.
    ANYBODYS_GUESS = frozenset({Outcome.ASK, Outcome.NOT})
    NOTHING = frozenset({Outcome.NOT})
    IN = frozenset({Outcome.IN})
    HELP = frozenset({Outcome.HELP})


# Requests for no more texts at all; wishes for less; and what asks for nothing of the kind.
REQUESTS: Final = frozenset({Want.LAWS_WORD, Want.NO_MORE})
ORDINARY: Final = frozenset({Want.NOTHING, Want.HELP, Want.IN})
Corpus = Mapping[tuple[str, str, Want], str]


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply of a corpus: its language, what kind it is of, what its sender wants, and what they wrote."""

    language: str
    kind: str
    want: Want
    text: str


def replies_of(corpus: Corpus) -> Iterator[Reply]:
    """The replies of *corpus*, whose blocks have one a line, with `BREAK` for a line break."""
    for (language, kind, want), block in corpus.items():
        for line in filter(None, map(str.strip, block.splitlines())):
            yield Reply(language, kind, want, line.replace(BREAK, "\n"))


@dataclass(frozen=True, slots=True)
class Figures:
    """
    How a judge does on a corpus.

    Of the *requests* for no more texts some are *decided*, some *asked* about and the rest missed. *narrower* wishes are to be
    asked about. *ordinary* replies are to be left alone; *wrong* is whoever asked for nothing, or for less, and was opted out.
    """

    requests: int
    decided: int
    asked: int
    narrower: int
    narrower_asked: int
    ordinary: int
    ordinary_asked: int
    wrong: int

    @classmethod
    def of(cls, judged: Iterable[tuple[Reply, Outcome]]) -> "Figures":
        counts: Counter[str] = Counter()
        for reply, outcome in judged:
            if reply.want in REQUESTS:
                counts["requests"] += 1
                counts["decided"] += outcome is Outcome.OUT
                counts["asked"] += outcome is Outcome.ASK
                continue
            counts["wrong"] += outcome is Outcome.OUT
            if reply.want is Want.NARROWER:
                counts["narrower"] += 1
                counts["narrower_asked"] += outcome is Outcome.ASK
            elif reply.want in ORDINARY:
                counts["ordinary"] += 1
                counts["ordinary_asked"] += outcome is Outcome.ASK
        return cls(**{field.name: counts[field.name] for field in fields(cls)})

    def row(self, name: str) -> str:
        """The figures as a row below `HEAD`."""
        missed = self.requests - self.decided - self.asked
        return (
            f"| {name} | {self.requests} | {self.decided} ({self.decided / max(1, self.requests):.0%}) | {self.asked} | {missed} "
            f"({missed / max(1, self.requests):.1%}) | {self.narrower} | {self.narrower - self.narrower_asked} | {self.ordinary} | "
            f"{self.ordinary_asked} ({self.ordinary_asked / max(1, self.ordinary):.1%}) | {self.wrong} |"
        )


HEAD: Final = (
    "| corpus | requests | decided | asked | missed | narrower wishes | not asked | ordinary replies | asked | wrongly opted out |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)
