"""Views of the settings: the form for admins, and what they changed. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from slack_sdk.models.blocks import (
    Block,
    ConversationFilter,
    ConversationMultiSelectElement,
    ConversationSelectElement,
    InputBlock,
    Option,
    PlainTextInputElement,
    StaticMultiSelectElement,
    StaticSelectElement,
    UserMultiSelectElement,
)
from slack_sdk.models.views import View

from handlers.slack.messages import Message
from handlers.slack.mrkdwn import one_line, person, quoted, sections
from handlers.views import destinations, hooks, keys
from store import Account, Actor, bytes_words, days_words

COUNTRY, UNDO_DAYS, MOST_BYTES = "settings.country", "settings.undo_days", "settings.max_list_bytes"
OUT_WORDS, IN_WORDS = "settings.out_words", "settings.in_words"
_SUPPORT = {"everyone": "Every member", "groups": "The groups below", "nobody": "Only admins"}
_ELSEWHERE = {"ask": "Ask who dropped it, for them alone to see", "leave": "Leave it alone"}
_ASK = {
    "always": "Always ask an admin",
    "doubts": "Ask only when the list looks wrong",
    "never": "Never ask; admins are told of one that looks wrong",
}
_NUMBERS = {"full": "In full", "masked": "With only the last digits"}
_LOOKUPS = {"channel": "In the channel, with who asked", "asker": "To who asked alone, with a button that shows it"}
_EXPORTS = {"admins": "Admins", "nobody": "Nobody"}
_STEPS = {"ask": "Ask an admin each time", "add": "Opt out at once, whoever runs or built the workflow"}
# By the field: what can be chosen there.
CHOICES: Final = {
    "settings.support": frozenset(_SUPPORT),
    "settings.elsewhere": frozenset(_ELSEWHERE),
    "settings.ask": frozenset(_ASK),
    "settings.numbers": frozenset(_NUMBERS),
    "settings.lookups": frozenset(_LOOKUPS),
    "settings.exports": frozenset(_EXPORTS),
    "settings.steps": frozenset(_STEPS),
}
# Slack takes so many options: https://docs.slack.dev/reference/block-kit/block-elements/multi-select-menu-element
_MOST_GROUPS = 100
# Of fifty words: https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element
_LONGEST_WORDS = 2_500


@dataclass(frozen=True, slots=True)
class Group:
    """A user group of the workspace."""

    id: str
    name: str


def form(account: Account, groups: Sequence[Group], metadata: str, *, undo_days: float, most_bytes: int) -> View:
    """Everything as it is; *groups*: those there are to choose from. *undo_days*, *most_bytes*: the desk's own limits."""
    now = account.settings
    blocks: list[Block] = [
        _text(
            COUNTRY,
            "Country of numbers without a country code",
            account.country,
            "Its name or two letters, like GB. Empty: numbers need their country code.",
            60,
        ),
        InputBlock(
            block_id="settings.admins",
            label="Admins besides the workspace's own",
            optional=True,
            element=UserMultiSelectElement(
                action_id="settings.admins", placeholder="People", initial_users=list(now.admins) or None
            ),
        ),
        _choice("support", "Who adds and looks up numbers", _SUPPORT, now.support),
        InputBlock(
            block_id="settings.uploads_channels",
            label="Channels in which a dropped list is taken up",
            optional=True,
            hint="I must be in them.",
            element=ConversationMultiSelectElement(
                action_id="settings.uploads_channels",
                placeholder="Channels",
                initial_conversations=list(now.uploads_channels) or None,
                filter=ConversationFilter(include=["public", "private"]),
            ),
        ),
        _choice("elsewhere", "A list in another channel, without a mention", _ELSEWHERE, now.elsewhere),
        _choice("ask", "Before a list is applied", _ASK, now.ask),
        _channel(
            "waiting_channel",
            "Where lists that wait for a yes are told",
            "Empty: to the admins directly. I must be in that channel.",
            now.waiting_channel,
        ),
        _text(
            UNDO_DAYS,
            "How long an upload can be undone",
            None if now.undo_days is None else days_words(now.undo_days),
            f"Like 14 days; {days_words(undo_days)} at most, and if this is empty.",
            20,
        ),
        _text(
            MOST_BYTES,
            "Largest list",
            None if now.max_list_bytes is None else bytes_words(now.max_list_bytes),
            f"Like 5 MB; {bytes_words(most_bytes)} at most, and if this is empty.",
            20,
        ),
        _choice("numbers", "Numbers in public channels", _NUMBERS, now.numbers),
        _choice("lookups", "Where look-ups are answered", _LOOKUPS, now.lookups),
        _choice("exports", "Who may export the list", _EXPORTS, now.exports),
        _choice("steps", "When a step of a workflow opts out", _STEPS, now.steps),
        _channel(
            "replies_channel",
            "Where replies that may be a request are shown",
            "Empty: where lists that wait are told. I must be in that channel.",
            now.replies_channel,
        ),
        _text(
            OUT_WORDS,
            "Replies that opt out, besides STOP and its like",
            ", ".join(now.out_words) or None,
            "Words or short sentences of your own, with commas between. STOP and all the others that opt out always do.",
            _LONGEST_WORDS,
        ),
        _text(
            IN_WORDS,
            "Replies that allow texts again, besides START",
            ", ".join(now.in_words) or None,
            "They take back what a reply did, and nothing that one of you noted.",
            _LONGEST_WORDS,
        ),
        _channel(
            "digest_channel",
            "Channel of the weekly digest",
            "On Mondays. Empty: no digest. I must be in that channel.",
            now.digest_channel,
        ),
        keys.in_settings(),
        *destinations.in_settings(),
        *hooks.in_settings(),
    ]
    if groups:
        blocks.insert(2, _groups("admin_groups", "Groups whose members are admins", groups, now.admin_groups))
        blocks.insert(4, _groups("support_groups", "Groups whose members are support", groups, now.support_groups))
    return View(
        type="modal",
        callback_id="settings.form",
        title="Settings",
        submit="Save",
        close="Cancel",
        private_metadata=metadata,
        blocks=blocks,
    )


def _text(block: str, label: str, now: str | None, hint: str, longest: int) -> InputBlock:
    element = PlainTextInputElement(action_id=block, initial_value=now, max_length=longest)
    return InputBlock(block_id=block, label=label, hint=hint, optional=True, element=element)


def _channel(name: str, label: str, hint: str, now: str | None) -> InputBlock:
    """One channel of the own people, or none."""
    element = ConversationSelectElement(
        action_id=f"settings.{name}",
        placeholder="Channel",
        initial_conversation=now,
        filter=ConversationFilter(
            include=["public", "private"], exclude_bot_users=True, exclude_external_shared_channels=True
        ),
    )
    return InputBlock(block_id=f"settings.{name}", label=label, hint=hint, optional=True, element=element)


def _choice(name: str, label: str, choices: dict[str, str], now: str) -> InputBlock:
    options = {value: Option(text=text, value=value) for value, text in choices.items()}
    element = StaticSelectElement(
        action_id=f"settings.{name}", options=list(options.values()), initial_option=options[now], placeholder="Choose"
    )
    return InputBlock(block_id=f"settings.{name}", label=label, element=element)


def _groups(name: str, label: str, groups: Sequence[Group], now: Sequence[str]) -> InputBlock:
    names = {group.id: group.name for group in groups}
    # One that is chosen and gone stays to be seen, and to be taken out.
    names |= {group: f"{group}, which is gone" for group in now if group not in names}
    chosen_first = sorted(names, key=lambda group: group not in now)[:_MOST_GROUPS]
    options = {group: Option(text=one_line(names[group], 75), value=group) for group in chosen_first}
    element = StaticMultiSelectElement(
        action_id=f"settings.{name}",
        placeholder="Groups",
        options=list(options.values()),
        initial_options=[options[group] for group in now if group in options] or None,
    )
    return InputBlock(block_id=f"settings.{name}", label=label, optional=True, element=element)


def changed(changes: Sequence[str], by: Actor) -> Message:
    """The settings that were changed, one line each."""
    head = f"*{len(changes)} setting{'' if len(changes) == 1 else 's'} changed* · by {person(by)}"
    return Message.of(head, *sections([head, *(f"• {quoted(change, 250)}" for change in changes)], "\n"))
