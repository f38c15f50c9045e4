"""Views of handovers: what is asked of the admins, and what whoever asked is told. Pure functions."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from slack_sdk.models.blocks import ActionsBlock, ButtonElement, ConfirmObject, PlainTextObject

from handlers.slack.messages import Message
from handlers.slack.mrkdwn import (
    SlackWriter,
    counted,
    file_name,
    link,
    listed,
    mention,
    moment,
    one_line,
    person,
    place,
    quoted,
    section,
    sections,
)
from handlers.views.optouts import OptOutOffer, name
from store import (
    Actor,
    Errand,
    Handover,
    HandoverState,
    PhoneState,
    Upload,
    country_name,
    display,
    note,
)

DO: Final = "handover.do"
DECLINE: Final = "handover.decline"
_MOST_PHONES: Final = 10
_MOST_NOTES: Final = 3
_LABEL_LONGEST: Final = 75


@dataclass(frozen=True, slots=True)
class ErrandInWords:
    """
    What a handover asks, in words: *words* complete "asks you to", *label* is that of the button which does it.

    *lines*: what whoever decides has to know; *confirm*: what Slack asks before it is done, empty for nothing.
    """

    words: str
    label: str
    lines: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    confirm: str = ""


def asked(
    errand: Errand, home: str | None, *, upload: Upload | None = None, state: PhoneState | None = None
) -> ErrandInWords | None:
    """
    What *errand* asks; None for what is none of the desk's.

    *upload*, *state*: of the list or the phone that it is about.
    """
    match errand.name:
        case "optout.add":
            return _opting_out(errand, home)
        case "optout.delete" if (phone := errand.phone) is not None:
            return _allowing(phone, errand, home, state)
        case "export":
            return ErrandInWords(
                f"export the list{_options(errand.value)}", "Export the list", ("The file comes to you alone.",)
            )
        case "country":
            country = quoted(country_name(errand.value))
            return ErrandInWords(
                f"read numbers without a country code as {country}", f"Read them as {country_name(errand.value)}"
            )
        case "upload.confirm" | "upload.undo" | "upload.stop" | "upload.continue" if upload is not None:
            return _about(upload, errand.name)
        case _:
            return None


def _opting_out(errand: Errand, home: str | None) -> ErrandInWords | None:
    offer = OptOutOffer.of_button(errand.value)
    if offer is None:
        return None
    one = len(offer.phones) == 1
    shown = name(offer.phones[0], home) if one else counted(len(offer.phones), "phone")
    label = f"Opt out {display(offer.phones[0], home) if one else counted(len(offer.phones), 'phone')}"
    lines = [f"Reason: {quoted(offer.reason)}"] if offer.reason else []
    if not one:
        more = len(offer.phones) - _MOST_PHONES
        lines.append(
            " · ".join(name(phone, home) for phone in offer.phones[:_MOST_PHONES])
            + (f" and {more:,} more" if more > 0 else "")
        )
    return ErrandInWords(
        f"opt out {shown}", label + (f" · {offer.reason}" if offer.reason else ""), tuple(lines), offer.phones
    )


def _allowing(phone: str, errand: Errand, home: str | None, state: PhoneState | None) -> ErrandInWords:
    reason = json.loads(errand.value).get("reason")
    lines = [f"Reason: {quoted(str(reason))}"] if reason else []
    if state is not None and state.opted_out:
        lines += [f"Why it is out: _{note(opt_out, SlackWriter())}_" for opt_out in state.standing[:_MOST_NOTES]]
    elif state is not None:
        lines.append("It is not opted out.")
    shown = display(phone, home)
    return ErrandInWords(
        f"allow texts to {name(phone, home)} again",
        f"Allow texts to {shown} again",
        tuple(lines),
        (phone,),
        f"Allow texts to {shown} again?",
    )


_ABOUT: Final = {
    "upload.confirm": ("apply", "Opt out {}"),
    "upload.undo": ("undo the upload of", "Undo this upload"),
    "upload.stop": ("stop", "Stop"),
    "upload.continue": ("go on with", "Continue"),
}


def _about(upload: Upload, errand: str) -> ErrandInWords:
    verb, label = _ABOUT[errand]
    file = link(upload.permalink, file_name(upload.file_name))
    lines = (
        f"Dropped by {person(upload.actor)} in {place(upload.channel_id, upload.channel_name)}: {counted(upload.phones, 'phone')}.",
    )
    return ErrandInWords(f"{verb} {file}", label.format(counted(upload.phones, "phone")), lines)


def _options(text: str) -> str:
    return f" ({quoted(text, 100)})" if text else ""


def handed_over(admins: Sequence[Actor], what: ErrandInWords, *, again: Handover | None = None) -> Message:
    """For whoever asked: whom it was handed over to. *again*: the handover by which it was already."""
    whom = listed([person(admin) for admin in admins]) or "The admins"
    were = "was" if len(admins) == 1 else "were"
    since = f" already, {moment(again.asked_at)}" if again is not None else ""
    text = f"{whom} {were} asked to {what.words}{since}. You are told once it is decided."
    return Message.of(text, private=True, settles=text)


def to_decide(handover: Handover, what: ErrandInWords) -> Message:
    """The question, for who may decide."""
    where = (
        ""
        if handover.channel_id.startswith(("D", "U", "W"))
        else f" in {place(handover.channel_id, handover.channel_name)}"
    )
    seen = f" · {link(handover.permalink, 'see message')}" if handover.permalink else ""
    head = f"*{person(handover.asker)} asks you to {what.words}*{where}, {moment(handover.asked_at)}{seen}"
    label = PlainTextObject(text=one_line(what.label, _LABEL_LONGEST), emoji=False)
    ask = (
        ConfirmObject(
            title="Allow texts again?",
            text=PlainTextObject(text=what.confirm),
            confirm="Allow texts",
            deny="Keep",
            style="danger",
        )
        if what.confirm
        else None
    )
    do = ButtonElement(text=label, action_id=DO, value=handover.id, style="danger" if ask else "primary", confirm=ask)
    decline = ButtonElement(text="Decline", action_id=DECLINE, value=handover.id)
    # What cannot be taken back lightly does not come first.
    order = [decline, do] if ask else [do, decline]
    return Message.of(head, *sections([head, *what.lines], "\n"), ActionsBlock(elements=order), phones=what.phones)


def _end(handover: Handover) -> str:
    who = person(handover.decider) if handover.decider is not None else "Somebody"
    match handover.state:
        case HandoverState.DONE:
            return f"Done by {who}."
        case HandoverState.DECLINED:
            return f"Declined by {who}: nothing was changed."
        case HandoverState.EXPIRED:
            return "Nobody decided in time: nothing was changed."
        case _:
            return ""


def decided(handover: Handover, what: ErrandInWords) -> Message:
    """The question once it is decided, without its buttons."""
    head = f"{person(handover.asker)} asked to {what.words}. *{_end(handover)}*"
    return Message.of(head, phones=what.phones)


def told(handover: Handover, what: ErrandInWords, admins: Sequence[Actor]) -> Message:
    """For whoever asked, who has waited: what became of it."""
    who = person(handover.decider) if handover.decider is not None else "Somebody"
    whom = listed([person(admin) for admin in admins], "or") or "an admin of this workspace"
    match handover.state:
        case HandoverState.DONE:
            said = f"{who} did what you asked for: {what.words}."
        case HandoverState.DECLINED:
            said = f"{who} declined to {what.words}, and nothing was changed. Ask {who} why, if you do not know."
        case HandoverState.EXPIRED:
            said = f"Nobody decided in time whether to {what.words}, and nothing was changed. Write to {whom} yourself."
        case _:
            said = f"Slack let me write to no admin, so nobody knows that you asked to {what.words}. Write to {whom} yourself."
    text = f"{mention(handover.asker)}: {said}"
    return Message.of(text, section(text), phones=what.phones)


def over(handover: Handover) -> Message:
    """For who decides too late."""
    whom = person(handover.decider) if handover.decider is not None else person(handover.asker)
    return Message.of(f"{_end(handover)} Your press changed nothing. Ask {whom} if you see it otherwise.", private=True)
