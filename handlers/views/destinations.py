"""Views of destinations: the form that makes one, the one look at its secret, and their lines and buttons. Pure functions."""

from collections.abc import Sequence
from typing import Final

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    ConversationFilter,
    ConversationSelectElement,
    DividerBlock,
    InputBlock,
    Option,
    StaticSelectElement,
)
from slack_sdk.models.views import View

from handlers.slack.messages import Message
from handlers.slack.modals import ending_button, making_form, text_field, text_modal
from handlers.slack.mrkdwn import code, context, counted, moment, one_line, person, quoted, section
from handlers.views.exports import GET_LIST
from store import LACKING, Actor, Destination, DestinationKind, DestinationState, LoadedFile

TITLE: Final = "New destination"
OPEN, OPEN_TWILIO, OPEN_VAN, OPEN_FILE = (f"destination.{kind}" for kind in ("form", "twilio", "van", "file"))
RETRY, PAUSE, TEST, REMOVE = "destination.retry", "destination.pause", "destination.test", "destination.remove"
NAME, ADDRESS, CHANNEL, KEY = "destination.name", "destination.address", "destination.channel", "destination.key"
LOGIN, SECRET, LAYOUT = "destination.login", "destination.secret", "destination.layout"
_LAYOUTS: Final = {"phones": "Phones only", "thrutext": "ThruText's columns"}
_LEAD: Final = "Whatever changes in this list is passed on there."
# https://www.twilio.com/docs/messaging/features/consent-api: an opt-in is the contact's, and overrides their STOP.
_NO_OPT_IN: Final = (
    "Whom you allow texts again here stays blocked there until they text START: Twilio takes that from them alone."
)
# VAN keeps one status a phone, whoever wrote it: https://docs.everyaction.com/reference/people-common-models.
_STAYS_OUT: Final = (
    "Whom you allow texts again here stays opted out in VAN, since another product may have opted them out there: "
    "change it in VAN where that was us."
)
_BY_HAND: Final = (
    "Nothing goes there by itself: while opt-outs wait, the channel is told once a day, an admin gets the file with a button, "
    "loads it there, and says so. Whom you allow texts again here has to be allowed there by hand; the file's message names them."
)
# What is to be known of a kind when one is made; of webhooks, docs/webhooks.md says it.
_NOTES: Final = {
    DestinationKind.TWILIO: f"Opt-outs begin to go now; `/optout passing` says how far they have come. {_NO_OPT_IN}",
    DestinationKind.VAN: f"Opt-outs begin to go now; `/optout passing` says how far they have come. {_STAYS_OUT}",
    DestinationKind.FILE: f"The first file has the whole list: *Get the list* in `/optout passing`. {_BY_HAND}",
}
# Of the reasons for which a destination did not take phones, those that are shown.
_MOST_REASONS: Final = 3


def webhook_form(metadata: str, key_names: Sequence[str], *, longest_name: int, longest_address: int) -> View:
    """The form that makes a webhook. *key_names*: of the API's keys that are live."""
    return _form(
        metadata,
        OPEN,
        f"{_LEAD} It gets the whole list first, then each change with the state of the number.",
        text_field(NAME, "Name", "What it is, like Twilio bridge.", longest_name, focus=True),
        text_field(
            ADDRESS,
            "Address of the webhook",
            "Begins with https://. It is reached from where the desk runs.",
            longest_address,
        ),
        _channel(),
        *_key(key_names),
    )


def twilio_form(metadata: str, *, longest_name: int) -> View:
    """The form that makes a destination at Twilio."""
    return _form(
        metadata,
        OPEN_TWILIO,
        "Twilio is told of whoever is opted out here, all of the list first, and texts them no more from that sender."
        f" It takes this where your account has its Consent Management API. {_NO_OPT_IN}",
        text_field(NAME, "Name", "What it is, like Twilio, fundraising.", longest_name, focus=True),
        text_field(ADDRESS, "Sender", "The SID of the Messaging Service, MG…, or one number, like +12125550100.", 40),
        text_field(LOGIN, "Account SID or API key SID", "AC… or SK…, as Twilio's console shows it.", 40),
        text_field(
            SECRET, "Auth token, or the API key's secret", "Kept to sign in at Twilio, and shown to nobody again.", 200
        ),
        _channel(),
    )


def van_form(metadata: str, *, longest_name: int) -> View:
    """The form that makes a destination in NGP VAN, or EveryAction."""
    return _form(
        metadata,
        OPEN_VAN,
        "In NGP VAN or EveryAction, My Campaign, the phone of whoever is opted out here is set to opted out, all of the list "
        "first. Where nobody there has the number, or several people do, it waits, and `/optout passing` says so. "
        f"{_STAYS_OUT}",
        text_field(NAME, "Name", "What it is, like VAN, statewide.", longest_name, focus=True),
        text_field(LOGIN, "Application name", "As VAN gave it with the key.", 100),
        text_field(
            SECRET, "API key", "As VAN gave it, for My Campaign. Kept to sign in there, and shown to nobody again.", 40
        ),
        _channel(),
    )


def file_form(metadata: str, *, longest_name: int) -> View:
    """The form that makes a destination without a door."""
    options = [Option(text=text, value=layout) for layout, text in _LAYOUTS.items()]
    return _form(
        metadata,
        OPEN_FILE,
        f"For a product that takes opt-outs as a file alone, such as ThruText or Hustle. {_BY_HAND}",
        text_field(NAME, "Name", "What it is, like ThruText.", longest_name, focus=True),
        InputBlock(
            block_id=LAYOUT,
            label="What is in the file",
            hint="Products ask for a column called phone; ThruText's columns are those of its own export.",
            element=StaticSelectElement(action_id=LAYOUT, options=options, initial_option=options[0]),
        ),
        _channel("Where it is told that opt-outs wait"),
    )


def _form(metadata: str, name: str, lead: str, *fields: Block) -> View:
    return making_form(TITLE, name, metadata, lead, *fields)


def _channel(label: str = "Where it is told when it does not work") -> InputBlock:
    return InputBlock(
        block_id=CHANNEL,
        label=label,
        hint="I must be in that channel.",
        element=ConversationSelectElement(
            action_id=CHANNEL,
            placeholder="Channel",
            filter=ConversationFilter(
                include=["public", "private"], exclude_bot_users=True, exclude_external_shared_channels=True
            ),
        ),
    )


def _key(names: Sequence[str]) -> list[Block]:
    """The choice of the API's key by which the far side reports; nothing where there is none."""
    if not names:
        return []
    options = [Option(text=one_line(name, 75), value=name) for name in names]
    return [
        InputBlock(
            block_id=KEY,
            label="API key by which it reports",
            optional=True,
            hint="What it reported itself is not passed back to it.",
            element=StaticSelectElement(action_id=KEY, options=options, placeholder="None"),
        )
    ]


def made(one: Destination) -> View:
    """The destination that was just made, with the one look at the secret that was made for it."""
    head = f"*The destination {quoted(one.name)} is made.*"
    if (note := _NOTES.get(one.kind)) is not None:
        return text_modal(TITLE, f"{head} {note}")
    return text_modal(
        TITLE,
        f"{head} Copy its secret now: it is shown this once, and to you alone.",
        section(f"```{one.secret}```"),
        context(
            "By it the other side sees that a message is the desk's: docs/webhooks.md says how. Messages begin to go now; "
            "`/optout passing` says how far they have come, and sends a test."
        ),
        close="I have copied it",
    )


def in_settings() -> tuple[Block, Block]:
    """The part of the settings' form that leads to the forms above."""
    return section(f"*Destinations*\n{_LEAD} `/optout passing` shows those there are."), _new()


def in_home(present: Sequence[Destination]) -> list[Block]:
    """The destinations there are, for admins; nothing where there is none."""
    return [DividerBlock(), *_all(present)] if present else []


def passing(present: Sequence[Destination]) -> Message:
    """The destinations there are, for the admin who asked."""
    blocks = _all(present) if present else [section("*Opt-outs are passed on to nobody.*")]
    return Message.of(f"{counted(len(present), 'destination')}", *blocks, _new(), private=True)


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
    what = "a signed test" if one.kind is DestinationKind.WEBHOOK else "a test"
    if problem is None:
        text = f"*{quoted(one.name)} took {what}* and answered {status}."
    else:
        text = f":warning: *{quoted(one.name)} did not take {what}*: {quoted(problem)}."
    said = f" It said: {code(body, 200)}" if body.strip() else ""
    return Message.of(text + said, private=True)


def told(one: Destination) -> Message:
    """For its channel: that it has been down for a while, or that this is over; or what waits to be loaded."""
    if one.kind is DestinationKind.FILE:
        text = f"*{_waiting(one)} to be loaded in {quoted(one.name)}.* It comes to an admin as a file, in a direct message."
        return Message.of(text, section(text), ActionsBlock(elements=[_get_list(one)]))
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
    return [
        section(f"*Passed on to {counted(len(present), 'destination')}*"),
        *(block for one in present for block in _one(one)),
    ]


def _one(one: Destination) -> list[Block]:
    buttons = [ButtonElement(text="Pause", action_id=PAUSE, value=one.id)]
    if one.state is not DestinationState.ON:
        buttons = [ButtonElement(text="Go on", action_id=RETRY, value=one.id)]
    elif one.failing_since is not None or one.not_taken:
        buttons.insert(0, ButtonElement(text="Retry", action_id=RETRY, value=one.id))
    if one.kind is DestinationKind.FILE:
        buttons.insert(0, _get_list(one))
    else:
        buttons.append(ButtonElement(text="Send a test", action_id=TEST, value=one.id))
    buttons.append(
        ending_button(
            "Remove",
            REMOVE,
            one.id,
            "destination",
            f"Nothing is passed on to *{quoted(one.name)}* any more. There is no way back; it can be made anew.",
        )
    )
    return [section(_line(one)), ActionsBlock(block_id=f"destination.{one.id}", elements=buttons)]


def _get_list(one: Destination) -> ButtonElement:
    return ButtonElement(text="Get the list", action_id=GET_LIST, value=one.id)


def loaded(file: LoadedFile, by: Actor) -> Message:
    """That a file is loaded, for whoever said so; or that this changes nothing."""
    one = file.destination
    if not file.newly:
        text = f"*Nothing was changed:* what that file holds was loaded in {quoted(one.name)} before. {_line(one)}"
        return Message.of(text, settles="Loaded before.")
    return Message.of(
        f"*{counted(file.phones, 'phone')} loaded in {quoted(one.name)}.* {_line(one)}",
        settles=f"Loaded, says {person(by)}.",
    )


def _line(one: Destination) -> str:
    line = f"*{quoted(one.name)}* · {_state(one)}"
    for some in one.not_taken[:_MOST_REASONS]:
        others = f", {code(some.first)} first" if some.phones > 1 else f" ({code(some.first)})"
        if some.problem == LACKING:
            line += f"\n{some.phones:,} to be told again{others}: {LACKING}"
        else:
            line += (
                f"\n:warning: {some.phones:,} not taken{others}{moment(some.at, ', since ')}: {quoted(some.problem)}"
            )
    return line


def _state(one: Destination) -> str:
    """How far it has come, and what is wrong."""
    if one.state is DestinationState.PAUSED:
        return f"paused · {_waiting(one)}"
    if one.state is DestinationState.REFUSED:
        return f":warning: stopped: {_why(one)} · {_waiting(one)}"
    if one.failing_since is not None:
        return f":warning: {_waiting(one)}: {_why(one)}, {moment(one.failing_since, 'since ')}"
    if one.kind is DestinationKind.FILE:
        return _to_load(one)
    if one.cursor is not None and not one.cursor.whole and not one.waiting:
        return "up to now" + (moment(one.taken_at, ", last told ") if one.taken_at else "")
    return _waiting(one)


def _to_load(one: Destination) -> str:
    """What of a file's list is still to be loaded, and where that is."""
    if not one.waiting:
        return "up to now" + (moment(one.taken_at, ", last loaded ") if one.taken_at else "")
    if one.file_at is None:
        return f"{_waiting(one)} to be loaded"
    has = "has them" if one.file_has_all else "has a part of them"
    return f"{_waiting(one)} to be loaded · the file{moment(one.file_at, ' of ')} {has}: *Loaded* beneath it is still to be pressed"


def _waiting(one: Destination) -> str:
    oldest = moment(one.oldest, ", the oldest from ") if one.oldest else ""
    names = ("opt-out waits", "opt-outs wait") if one.kind is DestinationKind.FILE else ("change waits", "changes wait")
    return f"{counted(one.waiting, *names)}{oldest}"


def _why(one: Destination) -> str:
    return quoted(one.problem or "it does not take them")


def _new() -> ActionsBlock:
    return ActionsBlock(
        elements=[
            ButtonElement(text="New webhook", action_id=OPEN, value="new"),
            ButtonElement(text="New at Twilio", action_id=OPEN_TWILIO, value="new"),
            ButtonElement(text="New in NGP VAN", action_id=OPEN_VAN, value="new"),
            ButtonElement(text="New as a file", action_id=OPEN_FILE, value="new"),
        ]
    )
