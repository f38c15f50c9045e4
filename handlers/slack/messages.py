"""Messages, and how they are split to fit Slack's limits."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from slack_sdk.models.blocks import Block

from handlers.slack.mrkdwn import section
from store import mask, mask_prose, written

# Slack allows 50 blocks (https://docs.slack.dev/reference/block-kit/blocks), and of characters in the blocks of one message
# between 11,300 and 13,200, as it counts them (https://github.com/slackapi/bolt-js/issues/2867).
MOST_BLOCKS = 45
# With what is around the words: three full sections.
MOST_CHARACTERS = 9_500
FALLBACK_LONGEST = 3_000
# Why a message is not where it belongs: the one whose thread that is was deleted. Slack's own word, though it does not say it.
THREAD_GONE: Final = "thread_not_found"


@dataclass(frozen=True, slots=True)
class Message:
    """
    One answer. *text*: mrkdwn, what notifications and screen readers get. *details*: replies in its thread.

    *private*: for the asker alone. *settles*: the line that takes the place of the buttons of the message in which a
    button was pressed. *field*: the block of a submitted modal that it says is wrong. *phones*: those it names, which not
    everybody may read in full where *numbers* (of the account's settings) is "masked".
    *home*: the account's country. *entry*: the id of what was done, which the posted message is then linked to;
    *account*: whose.
    """

    text: str
    blocks: tuple[dict[str, Any], ...] = ()
    details: tuple["Message", ...] = ()
    private: bool = False
    settles: str | None = None
    field: str | None = None
    phones: tuple[str, ...] = ()
    numbers: str = "full"
    home: str | None = None
    entry: int | None = None
    account: int | None = None

    @classmethod
    def of(
        cls,
        text: str,
        *blocks: Block,
        details: Sequence["Message"] = (),
        private: bool = False,
        settles: str | None = None,
        phones: Iterable[str] = (),
        entry: int | None = None,
    ) -> "Message":
        """A message of *blocks*, or of *text* alone. Raises SlackObjectFormationError when Slack would refuse them."""
        text = text if len(text) <= FALLBACK_LONGEST else f"{text[: FALLBACK_LONGEST - 1]}…"
        shown = blocks or (section(text),)
        return cls(
            text=text,
            blocks=tuple(block.to_dict() for block in shown),
            details=tuple(details),
            private=private,
            settles=settles,
            phones=tuple(phones),
            entry=entry,
        )


def masked(message: Message) -> Message:
    """
    *message* and its details with all but the last digits of phones hidden; what buttons stand for stays.

    Those it names, and those that stand in reasons, remarks, names of files and whatever else people wrote.
    """
    phones = {phone for shown in (message, *message.details) for phone in shown.phones}
    ways = {way: mask(phone) for phone in phones for way in written(phone)}
    longest = sorted(ways, key=len, reverse=True)

    def hidden(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: hidden(part, name) for name, part in value.items()}
        if isinstance(value, list | tuple):
            return [hidden(part, key) for part in value]
        if isinstance(value, str) and key == "text":
            for way in longest:
                value = value.replace(way, ways[way])
            return masked_text(value, message.home)
        return value

    def hide(single: Message) -> Message:
        return replace(single, text=hidden(single.text, "text"), blocks=tuple(hidden(block) for block in single.blocks))

    return replace(hide(message), details=tuple(hide(detail) for detail in message.details))


# What Slack makes of a text: a link's words are seen, what it leads to and all else in angle brackets is not.
_MARKUP: Final = re.compile(r"<[^<>|]*(?:\|([^<>]*))?>")


def masked_text(text: str, home: str | None) -> str:
    """Text in mrkdwn with all but the last digits hidden of each phone in it; *home*: the account's country."""
    shown, start = [], 0
    for markup in _MARKUP.finditer(text):
        shown.append(mask_prose(text[start : markup.start()], home))
        start = markup.end()
        words = markup[1]
        if words is None or markup[0].startswith("<!"):
            shown.append(markup[0])
        else:
            shown.append(f"{markup[0][: -len(words) - 1]}{mask_prose(words, home)}>")
    return "".join((*shown, mask_prose(text[start:], home)))


# There is nothing to say: what was done is seen where it was done.
NOTHING: Final = Message("")


def split(message: Message) -> Iterator[Message]:
    """*message* without details, in as many messages as Slack's limits need."""
    blocks: list[dict[str, Any]] = []
    characters = 0
    first = True
    for block in message.blocks:
        length = len(str(block))
        if blocks and (len(blocks) == MOST_BLOCKS or characters + length > MOST_CHARACTERS):
            yield replace(message, text=message.text if first else "(continued)", blocks=tuple(blocks), details=())
            blocks, characters, first = [], 0, False
        blocks.append(block)
        characters += length
    yield replace(message, text=message.text if first else "(continued)", blocks=tuple(blocks), details=())
