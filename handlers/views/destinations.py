"""Views of destinations: the form that makes one, the one look at its secret, and their lines and buttons. Pure functions."""

from collections.abc import Sequence
from typing import Final

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    ConfirmObject,
    ConversationFilter,
    ConversationSelectElement,
    DividerBlock,
    InputBlock,
    Option,
    PlainTextInputElement,
    SectionBlock,
    StaticSelectElement,
)
from slack_sdk.models.views import View

from handlers.slack.messages import Message
from handlers.slack.modals import text_modal
from handlers.slack.mrkdwn import code, context, counted, markup, moment, one_line, quoted, section
from store import Destination, DestinationKind, DestinationState

TITLE: Final = "New destination"
OPEN: Final = "destination.form"
RETRY, PAUSE, TEST, REMOVE = "destination.retry", "destination.pause", "destination.test", "destination.remove"
KIND, NAME, ADDRESS = "destination.kind", "destination.name", "destination.address"
CHANNEL, KEY = "destination.channel", "destination.key"
KINDS: Final = {DestinationKind.WEBHOOK: "A webhook: signed messages to an address"}
_LEAD: Final = "Whatever changes in this list is passed on there."


def form(metadata: str, key_names: Sequence[str], *, longest_name: int, longest_address: int) -> View:
    """The form that makes a destination. *key_names*: of the API's keys that are live."""
    kinds = [Option(text=one_line(text, 75), value=kind.value) for kind, text in KINDS.items()]
    blocks: list[Block] = [
        section(f"{_LEAD} It gets the whole list first, then each change with the state of the number."),
        InputBlock(
            block_id=KIND,
            label="Kind",
            element=StaticSelectElement(action_id=KIND, options=kinds, initial_option=kinds[0]),
        ),
        InputBlock(
            block_id=NAME,
            label="Name",
            hint="What it is, like Twilio bridge.",
            element=PlainTextInputElement(action_id=NAME, max_length=longest_name, focus_on_load=True),
        ),
        InputBlock(
            block_id=ADDRESS,
            label="Address of the webhook",
            hint="Begins with https://. It is reached from where the desk runs.",
            element=PlainTextInputElement(action_id=ADDRESS, max_length=longest_address),
        ),
        InputBlock(
            block_id=CHANNEL,
            label="Where it is told when it does not work",
            hint="I must be in that channel.",
            element=ConversationSelectElement(
                action_id=CHANNEL,
                placeholder="Channel",
                filter=ConversationFilter(
                    include=["public", "private"], exclude_bot_users=True, exclude_external_shared_channels=True
                ),
            ),
        ),
    ]
    if key_names:
        options = [Option(text=one_line(name, 75), value=name) for name in key_names]
        blocks.append(
            InputBlock(
                block_id=KEY,
                label="API key by which it reports",
                optional=True,
                hint="What it reported itself is not passed back to it.",
                element=StaticSelectElement(action_id=KEY, options=options, placeholder="None"),
            )
        )
    return View(
        type="modal",
        callback_id=OPEN,
        title=TITLE,
        submit="Make it",
        close="Cancel",
        private_metadata=metadata,
        blocks=blocks,
    )


def made(one: Destination) -> View:
    """The destination that was just made, with the one look at its secret."""
    return text_modal(
        TITLE,
        f"*The destination {quoted(one.name)} is made.* Copy its secret now: it is shown this once, and to you alone.",
        section(f"```{one.secret}```"),
        context(
            "By it the other side sees that a message is the desk's: docs/webhooks.md says how. Messages begin to go now; "
            "`/optout passing` says how far they have come, and sends a test."
        ),
        close="I have copied it",
    )


def in_settings() -> Block:
    """The part of the settings' form that leads to the form above."""
    return SectionBlock(
        text=markup(f"*Destinations*\n{_LEAD} `/optout passing` shows those there are."), accessory=_new()
    )


def in_home(present: Sequence[Destination]) -> list[Block]:
    """The destinations there are, for admins; nothing where there is none."""
    return [DividerBlock(), *_all(present)] if present else []


def passing(present: Sequence[Destination]) -> Message:
    """The destinations there are, for the admin who asked."""
    blocks = _all(present) or [section("*Opt-outs are passed on to nobody.*")]
    return Message.of(f"{counted(len(present), 'destination')}", *blocks, ActionsBlock(elements=[_new()]), private=True)


def one_of(one: Destination) -> Message:
    """How it is with one destination, for the admin who just did something about it."""
    return Message.of(_line(one), private=True)


def removed(one: Destination) -> Message:
    """A destination that is no more, for the admin who removed it."""
    return Message.of(
        f"*{quoted(one.name)}* is removed. What it has stays there; nothing is passed on to it any more.", private=True
    )


def tested(one: Destination, problem: str | None, status: int | None, body: str) -> Message:
    """What came back from a test."""
    if problem is None:
        text = f"*{quoted(one.name)} took a signed test* and answered {status}."
    else:
        text = f":warning: *{quoted(one.name)} did not take a signed test*: {quoted(problem)}."
    said = f" It said: {code(body, 200)}" if body.strip() else ""
    return Message.of(text + said, private=True)


def told(one: Destination) -> Message:
    """For its channel: that it has been down for a while, or that this is over."""
    if one.state is DestinationState.REFUSED:
        text = f":warning: *Opt-outs are not passed on to {quoted(one.name)} any more*: {_why(one)}."
    elif one.failing_since is not None:
        text = (
            f":warning: *Opt-outs do not get through to {quoted(one.name)}*{moment(one.failing_since, ' since ')}: "
            f"{_why(one)}. {_waiting(one)}."
        )
    else:
        return Message.of(f"*{quoted(one.name)} takes opt-outs again.* {_state(one)}")
    return Message.of(f"{text} They go by themselves once it answers; admins try at once with `/optout passing`.")


def _all(present: Sequence[Destination]) -> list[Block]:
    if not present:
        return []
    return [
        section(f"*Passed on to {counted(len(present), 'destination')}*"),
        *(block for one in present for block in _one(one)),
    ]


def _one(one: Destination) -> list[Block]:
    buttons = [ButtonElement(text="Pause", action_id=PAUSE, value=one.id)]
    if one.state is not DestinationState.ON:
        buttons = [ButtonElement(text="Go on", action_id=RETRY, value=one.id)]
    elif one.failing_since is not None:
        buttons.insert(0, ButtonElement(text="Retry", action_id=RETRY, value=one.id))
    buttons.append(ButtonElement(text="Send a test", action_id=TEST, value=one.id))
    buttons.append(
        ButtonElement(
            text="Remove",
            action_id=REMOVE,
            value=one.id,
            style="danger",
            confirm=ConfirmObject(
                title="Remove this destination?",
                text=markup(
                    f"Nothing is passed on to *{quoted(one.name)}* any more. There is no way back; it can be made anew."
                ),
                confirm="Remove",
                deny="Keep",
                style="danger",
            ),
        )
    )
    return [section(_line(one)), ActionsBlock(block_id=f"destination.{one.id}", elements=buttons)]


def _line(one: Destination) -> str:
    return f"*{quoted(one.name)}* · {_state(one)}"


def _state(one: Destination) -> str:
    """How far it has come, and what is wrong."""
    if one.state is DestinationState.PAUSED:
        return f"paused · {_waiting(one)}"
    if one.state is DestinationState.REFUSED:
        return f":warning: stopped: {_why(one)} · {_waiting(one)}"
    if one.failing_since is not None:
        return f":warning: {_waiting(one)}: {_why(one)}, {moment(one.failing_since, 'since ')}"
    if one.cursor is not None and not one.cursor.whole and not one.waiting:
        return "up to now" + (moment(one.taken_at, ", last told ") if one.taken_at else "")
    return _waiting(one)


def _waiting(one: Destination) -> str:
    oldest = moment(one.oldest, ", the oldest from ") if one.oldest else ""
    return f"{counted(one.waiting, 'change waits', 'changes wait')}{oldest}"


def _why(one: Destination) -> str:
    return quoted(one.problem or "it does not take them")


def _new() -> ButtonElement:
    return ButtonElement(text="New destination", action_id=OPEN, value="new")
