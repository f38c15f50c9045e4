"""
The judge of replies: which ask for no more texts, by a rule that can be named. Pure: no model, no network, no database.

Only a reply that is a word or sentence for it, with nothing beside it but courtesies, is decided. Whatever looks like a
request besides is for a person, and so is every narrower wish: fewer texts, a wrong number, somebody who died. A wrong
decision would take somebody's texts from them unasked, or text somebody who said no; a question costs a click.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from store.replies.reading import Nature, ReplyWords, read_reply
from store.replies.wording import NOTHING_ADDED, AddedWords, Wording, kinds_in, spelt


class Outcome(StrEnum):
    """
    What is to become of a reply.

    It opts out; opts in, which lifts no more than such a reply made; asks for help; is for a person; or asks for nothing.
    """

    OUT = "out"
    IN = "in"
    HELP = "help"
    ASK = "ask"
    NOT = "not"


@dataclass(frozen=True, slots=True)
class Judgement:
    """
    What is to become of a reply, and the rule that says so.

    *rule*: its name, of a few words. *words*: those it goes by, as they are compared and 80 characters at most; "" for a
    rule that goes by none. Whoever shows them escapes them.
    """

    outcome: Outcome
    rule: str
    sentence: str
    words: str = ""

    @property
    def why(self) -> str:
        """One sentence without a full stop, such as a note ends with: 'the reply is nothing but a request: "stop"'."""
        return f'the reply {self.sentence}: "{self.words}"' if self.words else f"the reply {self.sentence}"


_LONGEST_SHOWN: Final = 80
# What a reply decides that is nothing but this, and courtesies.
_DECIDED: Final = {
    Wording.OUT: (Outcome.OUT, "request", "is nothing but a request to stop"),
    Wording.IN: (Outcome.IN, "texts again", "is nothing but a word that opts in"),
    Wording.HELP: (Outcome.HELP, "help", "is nothing but a word that asks for help"),
}
# What is asked about where it is a clause among others.
_BESIDE: Final = (
    (Wording.OUT, "request beside", "has a request to stop beside other words"),
    (Wording.IN, "texts again beside", "has a word that opts in beside other words"),
)
_POLITE: Final = frozenset({Wording.COURTESY})


def judge(text: str, added: AddedWords = NOTHING_ADDED) -> Judgement:
    """
    What is to become of the reply *text*; *added*: the account's own words. Never raises, whatever the text is.

    A text such as "Yes" opts nobody in, and one that laughs at its own words is not taken at them.
    """
    reply = read_reply(text)
    if reply.nature is Nature.REACTION:
        return Judgement(Outcome.NOT, "reaction", "is a reaction to a text, which quotes it")
    if reply.nature is Nature.AUTOMATIC:
        return Judgement(Outcome.NOT, "automatic", "was written by a machine for somebody who is away")
    words = f" {' '.join(spelt(reply.words.split()))} " if reply.words else ""
    return _decided(reply, words, added) or _asked(reply, words, added) or _NOTHING


def after_provider(judgement: Judgement, text: str, acted_on: Outcome, *, opted_out: bool) -> Judgement:
    """
    The *judgement* on the reply *text*, seen that its provider took it for *acted_on* and has acted on that already.

    A number that the provider blocks is opted out here too, whatever the word was. No other word of the provider's goes
    before a request to stop; and one that opts in there, such as "Yes", opts nobody in here: it is for a person, where
    somebody is *opted_out*.
    """
    if Outcome.OUT in (judgement.outcome, acted_on):
        outcome = Outcome.OUT
    elif acted_on is Outcome.IN and judgement.outcome is not Outcome.IN:
        outcome = Outcome.ASK if opted_out else judgement.outcome
    else:
        outcome = acted_on
    if outcome is judgement.outcome:
        return judgement
    words = " ".join(read_reply(text).words.split())
    return Judgement(
        outcome, "provider", f"is a word that the provider takes for {_TAKEN_FOR[acted_on]}", _shown(words)
    )


_TAKEN_FOR: Final = {Outcome.OUT: "STOP", Outcome.IN: "START", Outcome.HELP: "HELP"}
_NOTHING: Final = Judgement(Outcome.NOT, "nothing", "asks for nothing")


def _clauses(words: str) -> Iterator[str]:
    """The words between two marks, with blanks around each of them."""
    return (
        f" {stripped} "
        for clause in words.replace(" ,", " .").replace(" ?", " .").split(" .")
        if (stripped := clause.strip())
    )


def _decided(reply: ReplyWords, words: str, added: AddedWords) -> Judgement | None:
    """The decision on a reply that is nothing but words for one thing."""
    if not reply.whole or " ? " in words:
        return None
    kinds: set[Wording] = set()
    for clause in _clauses(words):
        here = kinds_in(clause, added)
        if here is None:
            return None
        kinds |= here
    kinds -= _POLITE
    if len(kinds) != 1:
        return None
    outcome, rule, sentence = _DECIDED[kinds.pop()]
    return Judgement(outcome, rule, sentence, _shown(words))


def _asked(reply: ReplyWords, words: str, added: AddedWords) -> Judgement | None:
    """The question about a reply that has a request among other words, or a sign of one."""
    # Late: to make these patterns takes a seventh of a second, for which no child process and no command line has a use.
    from store.replies.signs import SIGNS

    for sign, pattern in SIGNS:
        seen = pattern.search(words)
        if seen is not None:
            return Judgement(Outcome.ASK, sign.name, sign.sentence, _shown(seen[0]))
    for clause in _clauses(words):
        kinds = kinds_in(clause, added)
        for wording, rule, sentence in _BESIDE:
            if kinds is not None and wording in kinds:
                return Judgement(Outcome.ASK, rule, sentence, _shown(clause))
    if reply.refuses and not words:
        return Judgement(Outcome.ASK, "emoji", "is an emoji that refuses")
    return None


def _shown(words: str) -> str:
    """*words* without marks at their ends, cut to what a note holds."""
    bare = words.replace(" ,", ",").replace(" .", ".").replace(" ?", "?").strip(" .,")
    return bare if len(bare) <= _LONGEST_SHOWN else f"{bare[: _LONGEST_SHOWN - 1]}\u2026"
