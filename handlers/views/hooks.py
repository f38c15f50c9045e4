"""Views of hooks: the forms that make one, the look at its address, and their list in Home. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    DividerBlock,
    SectionBlock,
)
from slack_sdk.models.views import View

from handlers.slack.modals import ending_button, making_form, text_field, text_modal
from handlers.slack.mrkdwn import context, counted, escape, markup, moment, person, quoted, section
from store import Hook, HookKind

TITLE: Final = "New hook"
OPEN_TWILIO, OPEN_TELNYX, REMOVE = "hook.twilio", "hook.telnyx", "hook.remove"
NAME, LOGIN, SECRET, KEY = "hook.name", "hook.login", "hook.secret", "hook.key"
OFF: Final = (
    "This desk does not take the webhooks of providers yet: whoever runs it turns that on with `OPTOUT_API=on`, and names the "
    "address under which they reach it in `OPTOUT_PUBLIC_URL`, like https://desk.example.org."
)
_LONGEST_SECRET: Final = 200
# Where the address is entered: https://www.twilio.com/docs/messaging/guides/webhook-request and
# https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks
_ENTER: Final = {
    HookKind.TWILIO: (
        "In Twilio's console, enter all of it, with what stands behind `#`, where *A message comes in*, with HTTP POST, of the number "
        "or of the Messaging Service."
    ),
    HookKind.TELNYX: "In Telnyx's portal, enter it as the webhook of the messaging profile.",
}


@dataclass(frozen=True, slots=True)
class ShownHook:
    """A hook as Home shows it. *heard_at*: when its provider's last reply was heard, by whichever of the account's hooks."""

    hook: Hook
    heard_at: datetime | None


def twilio_form(metadata: str, longest_name: int) -> View:
    """The form that makes a hook for Twilio."""
    return making_form(
        TITLE,
        OPEN_TWILIO,
        metadata,
        "Twilio tells the desk what people reply: who writes STOP is opted out at once, and what may be a request is shown to "
        "whoever decides.",
        text_field(
            NAME, "Name", "What it is for, like Main number: whatever comes by it says so.", longest_name, focus=True
        ),
        text_field(LOGIN, "Account SID", "AC and 32 more characters, as Twilio's console shows it.", 40),
        text_field(
            SECRET,
            "Auth token",
            "Of that account. Kept to check signatures, and shown to nobody again.",
            _LONGEST_SECRET,
        ),
        text_field(
            KEY,
            "Secret of the shared key",
            "Only where webhooks are signed with one (HMAC-SHA-256).",
            _LONGEST_SECRET,
            optional=True,
        ),
    )


def telnyx_form(metadata: str, longest_name: int) -> View:
    """The form that makes a hook for Telnyx."""
    return making_form(
        TITLE,
        OPEN_TELNYX,
        metadata,
        "Telnyx tells the desk what people reply: who writes STOP is opted out at once, and what may be a request is shown to "
        "whoever decides.",
        text_field(
            NAME, "Name", "What it is for, like Main profile: whatever comes by it says so.", longest_name, focus=True
        ),
        text_field(
            SECRET, "Public key", "44 characters; Telnyx's portal shows it under Keys & Credentials.", _LONGEST_SECRET
        ),
        text_field(
            KEY,
            "API key",
            "Only for /optout compare telnyx, which reads who opted out there. Shown to nobody again.",
            _LONGEST_SECRET,
            optional=True,
        ),
    )


def off() -> View:
    """In place of a form, where this desk takes no webhooks."""
    return text_modal(TITLE, f":warning: {OFF}")


def made(hook: Hook, address: str) -> View:
    """The look at the *address* of a hook that was just made."""
    return text_modal(
        TITLE,
        f"*The hook {quoted(hook.name)} is made.* Copy its address now: it is shown this once.",
        section(f"```{escape(address)}```"),
        section(_ENTER[hook.kind]),
        context(
            "Nobody gets in by the address alone: each message is signed. Home says when the last reply was heard."
        ),
        close="I have copied it",
    )


def in_settings() -> tuple[Block, Block]:
    """The part of the settings' form that leads to the forms above."""
    about = "*Replies from Twilio and Telnyx*\nThey come to the desk by themselves, through a hook. Home shows those there are."
    return section(about), _new()


def in_home(present: Sequence[ShownHook], *, takes_hooks: bool) -> list[Block]:
    """The hooks there are, for admins; nothing where nobody has a use for any."""
    if not present and not takes_hooks:
        return []
    head = f"*{counted(len(present), 'hook')}* for replies from Twilio and Telnyx"
    return [
        DividerBlock(),
        section(head if takes_hooks else f"{head}\n{OFF}"),
        *map(_one, present),
        *([_new()] if takes_hooks else []),
    ]


def _one(shown: ShownHook) -> Block:
    hook, provider = shown.hook, shown.hook.kind.title()
    heard = (
        moment(shown.heard_at, f"last reply from {provider} ") if shown.heard_at else f"no reply from {provider} yet"
    )
    name = quoted(hook.name, 40)
    trouble = f"\n:warning: {quoted(hook.trouble)}" if hook.trouble else ""
    return SectionBlock(
        block_id=f"{REMOVE}.{hook.id}",
        text=markup(
            f"*{name}* · {provider} · {heard}{trouble}\nMade by {person(hook.made_by)}{moment(hook.made_at, ', ')}"
        ),
        accessory=ending_button(
            "Remove",
            REMOVE,
            hook.id,
            "hook",
            f"What {provider} sends to *{name}* is refused at once. There is no way back; a new hook can be made.",
        ),
    )


def _new() -> ActionsBlock:
    return ActionsBlock(
        elements=[
            ButtonElement(text="New hook for Twilio", action_id=OPEN_TWILIO, value="new"),
            ButtonElement(text="New hook for Telnyx", action_id=OPEN_TELNYX, value="new"),
        ]
    )
