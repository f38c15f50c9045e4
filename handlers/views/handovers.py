"""Views of handovers: what is asked of the admins, and what whoever asked is told. Pure functions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
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
    plain,
    quoted,
    section,
    sections,
)
from handlers.views.optouts import LookedUp, OptOutOffer, name
from store import (
    Actor,
    Asked,
    Errand,
    Handover,
    HandoverState,
    PhoneNumber,
    PhoneState,
    Purpose,
    Upload,
    country_name,
    display,
    note,
    parse_phone,
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
        case "evidence":
            return ErrandInWords(
                f"export the evidence of {name(errand.value, home)}",
                "Export the evidence",
                ("The file comes to you alone.",),
                (errand.value,),
            )
        case "lookup":
            return _looking_up(errand, home)
        # What is asked is shown as it stands; the admin who is asked lets it be seen, and sees it too.
        case "history" | "history.all":
            return _history(errand.value, home)
        case "uploads":
            return ErrandInWords("list the latest uploads", "Tell them", ("They are told how the latest lists stand.",))
        case "settings":
            return ErrandInWords(f"change the settings{_options(errand.value)}", "Open the settings")
        case dropped if dropped in _DROPPED:
            return _dropped(errand)
        case "country":
            country = quoted(country_name(errand.value))
            return ErrandInWords(
                f"read numbers without a country code as {country}", f"Read them as {country_name(errand.value)}"
            )
        case about if about in _ABOUT and upload is not None:
            return _about(upload, about)
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
        lines.append(_named(offer.phones, home))
    return ErrandInWords(
        f"opt out {shown}", label + (f" · {offer.reason}" if offer.reason else ""), tuple(lines), offer.phones
    )


def _named(phones: Sequence[str], home: str | None) -> str:
    """The first of *phones*, and how many more."""
    more = len(phones) - _MOST_PHONES
    return " · ".join(name(phone, home) for phone in phones[:_MOST_PHONES]) + (
        f" and {more:,} more" if more > 0 else ""
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


def _looking_up(errand: Errand, home: str | None) -> ErrandInWords | None:
    asked = LookedUp.of_value(errand.value)
    if asked is None:
        return None
    phones = asked.phones
    one = len(phones) == 1
    lines = [] if one else [_named(phones, home)]
    return ErrandInWords(
        f"look up {name(phones[0], home) if one else counted(len(phones), 'phone')}",
        "Look it up and tell them" if one else "Look them up and tell them",
        (*lines, f"They are told whether {'it is' if one else 'they are'} opted out, since when and why."),
        phones,
    )


def _history(words: str, home: str | None) -> ErrandInWords:
    number = parse_phone(words, home) if words else None
    phones = (number.e164,) if isinstance(number, PhoneNumber) else ()
    of = name(phones[0], home) if phones else quoted(plain(words), 100) or "the list"
    what = f"the history of {of}"
    return ErrandInWords(
        f"show {what}", "Show it to them", ("They are shown the newest entries: who did what, when and why.",), phones
    )


@dataclass(frozen=True, slots=True)
class DroppedList:
    """
    A list that *user* dropped in *channel* and may not have taken up, as it is handed over: *file* by its id and *name*.

    *ts*: of its message, *thread_ts*: of the thread in which that stands. *asked*: what was asked with it, where that is not
    to opt out.
    """

    file: str
    name: str
    channel: str
    user: str
    purpose: Purpose
    asked: Asked | None = None
    ts: str | None = None
    thread_ts: str | None = None

    @property
    def errand(self) -> Errand:
        """As it is handed over."""
        value = json.dumps({part: said for part, said in asdict(self).items() if said is not None}, ensure_ascii=False)
        return Errand("drop.scrub" if self.purpose.is_scrub else _CALLED.get(self.asked, "drop.opt_out"), value)

    @classmethod
    def of_errand(cls, errand: Errand) -> "DroppedList | None":
        """The list of *errand*; None for one that holds none, or another than it is called by."""
        try:
            packed = json.loads(errand.value)
            drop = cls(
                **packed
                | {"purpose": Purpose(packed["purpose"]), "asked": packed.get("asked") and Asked(packed["asked"])}
            )
        except (ValueError, TypeError, KeyError, RecursionError):
            return None
        parts = (drop.file, drop.name, drop.channel, drop.user, drop.ts or "", drop.thread_ts or "")
        return drop if all(isinstance(part, str) for part in parts) and drop.errand.name == errand.name else None

    @property
    def is_direct(self) -> bool:
        """Whether it was dropped in a direct message to the desk, where nobody else sees what becomes of it."""
        return self.channel.startswith("D")


# What is only told of a list has an errand of its own.
_CALLED: Final[Mapping[Asked | None, str]] = {Asked.LOOK_UP: "drop.look_up", Asked.COMPARE: "drop.compare"}
# By the errand of a dropped list: what is asked with it, in words around its name.
_DROPPED: Final = {
    "drop.opt_out": (
        "take up {} as a list to opt out",
        "Nobody is opted out before you see its preview, and say yes there.",
    ),
    "drop.scrub": ("scrub {}", "It comes back without who is opted out, for all to see who read there."),
    "drop.look_up": ("look up {}", "Those who read there see how many of its phones are opted out."),
    "drop.compare": (
        "compare {} with the list",
        "Those who read there see how many phones are on one of the two, and on both.",
    ),
}


def _dropped(errand: Errand) -> ErrandInWords | None:
    drop = DroppedList.of_errand(errand)
    if drop is None:
        return None
    words, line = _DROPPED[errand.name]
    where = "with you" if drop.is_direct else "in the thread where it was dropped"
    return ErrandInWords(
        words.format(file_name(drop.name)), "Take it up", (f"What becomes of it is seen {where}. {line}",)
    )


_ABOUT: Final = {
    "upload.confirm": ("apply", "Opt out {}"),
    "upload.undo": ("undo the upload of", "Undo this upload"),
    "upload.stop": ("stop", "Stop"),
    "upload.continue": ("go on with", "Continue"),
    "upload.cancel": ("cancel", "Cancel this list"),
    "upload.again": ("read again", "Read it again"),
    "upload.scrub": ("scrub", "Scrub it"),
    "upload.look": ("look up", "Look it up"),
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
    since = f" already{moment(again.asked_at, ', ')}" if again is not None else ""
    text = f"{whom} {were} asked to {what.words}{since}. You are told once it is decided."
    return Message.of(text, private=True, settles=text)


def to_decide(handover: Handover, what: ErrandInWords) -> Message:
    """The question, for who may decide."""
    where = (
        ""
        if not handover.asker.is_person or handover.channel_id.startswith(("D", "U", "W"))
        else f" in {place(handover.channel_id, handover.channel_name)}"
    )
    seen = f" · {link(handover.permalink, 'see message')}" if handover.permalink else ""
    head = f"*{person(handover.asker)} asks you to {what.words}*{where}{moment(handover.asked_at, ', ')}{seen}"
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


def told(handover: Handover, what: ErrandInWords, admins: Sequence[Actor], shown: Message | None = None) -> Message:
    """For whoever asked, who has waited: what became of it. *shown*: the answer to what was asked, without its buttons."""
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
    message = Message.of(text, section(text), phones=what.phones)
    if shown is None:
        return message
    answer = [block for part in (shown, *shown.details) for block in part.blocks if block["type"] != "actions"]
    phones = tuple(dict.fromkeys((*what.phones, *shown.phones)))
    return replace(message, blocks=(*message.blocks, *answer), phones=phones)


def over(handover: Handover) -> Message:
    """For who decides too late."""
    whom = person(handover.decider) if handover.decider is not None else person(handover.asker)
    return Message.of(f"{_end(handover)} Your press changed nothing. Ask {whom} if you see it otherwise.", private=True)
