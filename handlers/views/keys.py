"""Views of the API's keys: the form that makes one, the one look at its text, and their list in Home. Pure functions."""

from collections.abc import Sequence
from typing import Final

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    CheckboxesElement,
    DatePickerElement,
    DividerBlock,
    InputBlock,
    Option,
    PlainTextInputElement,
    SectionBlock,
    StaticSelectElement,
)
from slack_sdk.models.views import View

from handlers.slack.modals import ending_button, text_modal
from handlers.slack.mrkdwn import context, counted, listed, markup, moment, one_line, person, quoted, section, sections
from store import Key, KeyState, MadeKey, Scope

TITLE: Final = "New API key"
OPEN, REVOKE = "key.form", "key.revoke"
NAME, SCOPES, EXPIRY, UNTIL = "key.name", "key.scopes", "key.expiry", "key.until"
# What a key may do, as the form and Home say it.
_MAY: Final = {
    Scope.CHECK: "look numbers up before a send",
    Scope.OPT_OUT: "opt numbers out",
    Scope.OPT_IN: "allow texts again",
    Scope.CAMPAIGNS: "keep campaigns and their conversations",
    Scope.CHANGES: "follow what changes",
    Scope.REPORT: "report replies, send lists, read the history",
    Scope.DESTINATIONS: "decide where opt-outs are passed on to",
}
# By the value of an option: what it says, and the days.
EXPIRIES: Final[dict[str, tuple[str, int | None]]] = {
    "30": ("In 30 days", 30),
    "90": ("In 90 days", 90),
    "365": ("In a year", 365),
    "never": ("Never", None),
}
_USUAL: Final = "365"
OFF: Final = (
    "This desk does not answer the texting platform yet: whoever runs it turns that on with `OPTOUT_API=on`. "
    "Until then a key opens nothing."
)
# Of those that ended, as many as are worth a line.
_MOST_ENDED: Final = 5


def form(metadata: str, longest_name: int, *, serves_api: bool) -> View:
    """The form that makes a key."""
    blocks: list[Block] = [
        section(
            "With a key the texting platform asks this list before it sends, and tells it who replied STOP. "
            "Give each program its own."
        ),
        InputBlock(
            block_id=NAME,
            label="Name",
            hint="What it is for, like Twilio bridge: whatever is done with the key says so.",
            element=PlainTextInputElement(action_id=NAME, max_length=longest_name, focus_on_load=True),
        ),
        InputBlock(
            block_id=SCOPES,
            label="What it may do",
            element=CheckboxesElement(
                action_id=SCOPES,
                options=[Option(text=_sentence(words), value=scope.value) for scope, words in _MAY.items()],
                initial_options=[Option(text=_sentence(_MAY[Scope.CHECK]), value=Scope.CHECK.value)],
            ),
        ),
        InputBlock(
            block_id=EXPIRY,
            label="Expires",
            element=StaticSelectElement(
                action_id=EXPIRY,
                options=[Option(text=text, value=value) for value, (text, _) in EXPIRIES.items()],
                initial_option=Option(text=EXPIRIES[_USUAL][0], value=_USUAL),
            ),
        ),
        InputBlock(
            block_id=UNTIL,
            label="Or on a day of your own",
            optional=True,
            hint="It is good until the end of that day, UTC, whatever stands above.",
            element=DatePickerElement(action_id=UNTIL),
        ),
    ]
    if not serves_api:
        blocks.insert(0, section(f":warning: {OFF}"))
    return View(
        type="modal",
        callback_id=OPEN,
        title=TITLE,
        submit="Make the key",
        close="Cancel",
        private_metadata=metadata,
        blocks=blocks,
    )


def made(made_key: MadeKey, *, serves_api: bool) -> View:
    """The one look at the text of a key that was just made."""
    key = made_key.key
    return text_modal(
        TITLE,
        f"*The key {quoted(key.name)} is made.* Copy it now: it is shown this once, and to you alone.",
        section(f"```{made_key.text}```"),
        section(f"It may {_may(key)}. It {_ends(key)}."),
        *([] if serves_api else [section(f":warning: {OFF}")]),
        context(
            "Whoever has it can do this with your list: keep it where the platform keeps its passwords, and send it to "
            "nobody. Home says when it was last used, and revokes it."
        ),
        close="I have copied it",
    )


def in_settings() -> Block:
    """The part of the settings' form that leads to the form above."""
    return SectionBlock(
        text=markup("*API keys*\nFor the texting platform, so that it asks this list. Home shows those there are."),
        accessory=_new(),
    )


def in_home(keys: Sequence[Key], *, serves_api: bool) -> list[Block]:
    """The keys there are, for admins, with a button that revokes each that is live; nothing where nobody has a use for any."""
    if not keys and not serves_api:
        return []
    live = [key for key in keys if key.state is KeyState.LIVE]
    blocks: list[Block] = [
        DividerBlock(),
        section(f"*{counted(len(live), 'API key')}* for the texting platform" + ("" if serves_api else f"\n{OFF}")),
        *(_one(key) for key in live),
    ]
    ended = [key for key in keys if key.state is not KeyState.LIVE]
    if ended:
        more = [f"• {len(ended) - _MOST_ENDED:,} more"] if len(ended) > _MOST_ENDED else []
        blocks += sections(["Ended:", *(f"• {_ended(key)}" for key in ended[:_MOST_ENDED]), *more], "\n")
    return [*blocks, ActionsBlock(block_id="key.new", elements=[_new()])]


def ended_before(key: Key) -> str:
    """Why there is nothing to revoke."""
    return f"Nothing was changed: the key {_ended(key)} already, and opens nothing."


def _new() -> ButtonElement:
    return ButtonElement(text="New API key", action_id=OPEN, value="new")


def _one(key: Key) -> Block:
    used = moment(key.used_at, "last used ") if key.used_at else "never used"
    name = quoted(key.name)
    return SectionBlock(
        block_id=f"{REVOKE}.{key.id}",
        text=markup(
            f"*{name}* · {used} · {_ends(key)}\nMay {_may(key)} · made by {person(key.made_by)}{moment(key.made_at, ', ')}"
        ),
        accessory=ending_button(
            "Revoke",
            REVOKE,
            key.id,
            "key",
            f"Whoever uses *{name}* is refused at once. There is no way back; a new key can be made.",
        ),
    )


def _may(key: Key) -> str:
    return listed([_MAY[scope] for scope in key.scopes])


def _ends(key: Key) -> str:
    return moment(key.expires_at, "expires ") if key.expires_at else "never expires"


def _ended(key: Key) -> str:
    """The key and how it ended, in the middle of a sentence."""
    name = quoted(key.name)
    if key.revoked_by is not None and key.revoked_at is not None:
        return f"{name} was revoked by {person(key.revoked_by)}{moment(key.revoked_at, ', ')}"
    return f"{name} expired" + (moment(key.expires_at, " ") if key.expires_at else "")


def _sentence(words: str) -> str:
    return one_line(words[0].upper() + words[1:], 75)
