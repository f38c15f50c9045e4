"""Views of opt-outs: added, looked up, and texts allowed again; of countries and the help. Pure functions."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    PlainTextObject,
)

from handlers.slack.messages import FALLBACK_LONGEST, Message, split
from handlers.slack.mrkdwn import (
    LONGEST_LINE,
    SlackWriter,
    code,
    context,
    counted,
    escape,
    grouped,
    link,
    listed,
    moment,
    one_line,
    person,
    quoted,
    sections,
    sentence,
)
from handlers.views.allowing import allow_button, last_lift
from store import (
    Account,
    Actor,
    AnswerKind,
    Conversation,
    CountryUnknown,
    DestinationAnswer,
    DestinationKind,
    Entry,
    FoundPhone,
    NotAPhone,
    OptOut,
    PhoneNumber,
    PhoneState,
    country_name,
    display,
    entry_note,
    note,
)

# In one answer; the rest is counted.
MOST_REASONS: Final = 10
MOST_CONVERSATIONS: Final = 20
# Of what is no phone, in the answer to a look-up.
MOST_UNREAD: Final = 20
# Phones, or numbers that are none, that one message tells all of; of more it has the counts, and its thread the rest.
MOST_NAMED: Final = 3
_WRITER: Final = SlackWriter()


@dataclass(frozen=True, slots=True)
class EnteredNumber:
    """One number that a person entered: as it was read, and how many *times* it was entered."""

    reading: PhoneNumber | NotAPhone
    times: int = 1


def name(phone: str, home: str | None) -> str:
    """A phone as people read it in *home*, escaped."""
    return escape(display(phone, home))


def both(phone: str, home: str | None) -> str:
    """A phone as people read it in *home*, and as it is kept."""
    return f"{name(phone, home)} · `{phone}`"


def note_of(opt_out: OptOut) -> str:
    """The note of *opt_out*, with the message it came from."""
    return f"_{note(opt_out, _WRITER)}_{_where(opt_out.entry)}"


def _where(entry: Entry) -> str:
    """The message it came from, when that can be linked to."""
    return f" · {link(entry.permalink, 'see message')}" if entry.permalink else ""


# --- what answers share ----------------------------------------------------------------------------------------------


def remarks(number: PhoneNumber) -> str:
    """What is to be said of a number as it was read, that nobody has it or what was left off; empty for most."""
    flag = ["*check this one*: no such number is in use today"] if number.flagged else []
    return " · ".join(flag + ([quoted(number.remark)] if number.remark else []))


def unread_line(number: NotAPhone) -> str:
    """What is no phone, and why."""
    return f"{code(number.text)} is not a phone number: {sentence(number.reason)}"


def in_thread(lines: Sequence[str], gap: str = "\n") -> tuple[Message, ...]:
    """*lines* as replies in a thread."""
    return tuple(split(Message.of(lines[0], *sections(lines, gap)))) if lines else ()


def in_short(lines: Sequence[str]) -> str:
    """As many of *lines* as a notification takes; of a first one that is longer only what is bold in it."""
    short = ""
    for line in "\n".join(lines).split("\n"):
        if len(short) + len(line) >= FALLBACK_LONGEST:
            break
        short += f"\n{line}" if short else line
    return short or lines[0][: lines[0].index("*", 1) + 1]


def as_kept(lines: Sequence[str], phones: Iterable[str], *more: str) -> list[Block]:
    """*lines*, and below them in small print *phones* as they are kept, once, and *more*."""
    small = [*(f"`{phone}`" for phone in phones), *more]
    return [*sections(lines, "\n"), *([context(" · ".join(small))] if small else [])]


def refused(numbers: Sequence[NotAPhone], line: str, *, filled_in: bool = False) -> Message:
    """
    The refusal of *numbers* that are no phones, with the *line* after `/optout` to send once they are written out.

    *filled_in*: the line has them as they have to be.
    """
    send = f"Send {code(f'/optout {line}', LONGEST_LINE)}"
    if len(numbers) == 1:
        line = unread_line(numbers[0])
        send += "." if filled_in else " with the whole number."
        return Message.of(line, *sections([f"{line}.", send], "\n"), private=True)
    send += "." if filled_in else " with whole numbers."
    lines = ["*None of these is a phone number.*", *_unread_lines(numbers), send]
    return Message.of(in_short(lines), *sections(lines, "\n"), private=True)


# --- offers ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OptOutOffer:
    """What a button offers to do: opt *phones* out, in E.164, 50 at most, for *reason*, in somebody's words."""

    phones: tuple[str, ...]
    reason: str | None = None

    @classmethod
    def of_button(cls, value: str) -> "OptOutOffer | None":
        """The offer of a button with that *value*, which may be a single phone; None where it holds none."""
        if not value.startswith("{"):
            return cls((value,))
        try:
            packed = json.loads(value)
        except (ValueError, RecursionError):
            return None
        phones, reason = (packed.get("phones"), packed.get("reason")) if isinstance(packed, dict) else (None, None)
        if not isinstance(phones, str) or not isinstance(reason, str | None):
            return None
        offered = tuple(f"+{digits}" for digits in phones.split())
        return cls(offered, reason or None) if 0 < len(offered) <= MOST_OFFERED else None

    @property
    def value(self) -> str:
        """As a button carries it: https://docs.slack.dev/reference/block-kit/block-elements/button-element, 2,000 characters."""
        if len(self.phones) == 1 and self.reason is None:
            return self.phones[0]
        packed = {"phones": " ".join(phone.removeprefix("+") for phone in self.phones)}
        return json.dumps(packed | ({"reason": self.reason} if self.reason else {}), ensure_ascii=False)


# In one button, which takes 2,000 characters: 50 phones of 16, and a reason of 500 whose quotes are escaped.
MOST_OFFERED: Final = 50
_LABEL_LONGEST: Final = 75


def _offer_button(offer: OptOutOffer, home: str | None) -> ButtonElement:
    """The button that does what *offer* says, by its label."""
    phones = display(offer.phones[0], home) if len(offer.phones) == 1 else counted(len(offer.phones), "phone")
    label = f"Opt out {phones}" + (f" · {offer.reason}" if offer.reason else "")
    # Without emoji: the reason is shown as it was written.
    text = PlainTextObject(text=one_line(label, _LABEL_LONGEST), emoji=False)
    return ButtonElement(text=text, action_id="optout.add", value=offer.value)


# --- search ---------------------------------------------------------------------------------------------------------


def phone_state(
    state: PhoneState,
    phone: PhoneNumber,
    home: str | None,
    *,
    is_admin: bool,
    asker: Actor | None = None,
    answers: Sequence[DestinationAnswer] = (),
) -> Message:
    """
    The state of one phone: opted out or not and why, its conversations, what was before; buttons for who is admitted.

    *asker*: who looked it up, where others read the answer. *answers*: of the destinations to its state.
    """
    lines = [
        _state_line(state, phone, home),
        *_passed_on(answers),
        *_conversations(state.conversations),
        *_before(state),
        *_remarks_on(state),
    ]
    buttons = [_remark(state)] if is_admin else []
    if not state.opted_out:
        buttons.insert(0, ButtonElement(text="Opt out", action_id="optout.add", value=state.phone))
    elif is_admin:
        buttons.insert(0, allow_button(state, home))
    blocks = as_kept(lines, [state.phone], *_asked_by(asker))
    return Message.of(in_short(lines[:1]), *blocks, *([_actions(*buttons)] if buttons else []), phones=[state.phone])


def _state_line(state: PhoneState, phone: PhoneNumber, home: str | None, *, one_of_several: bool = False) -> str:
    """Number, state and reasons of one phone."""
    shown, odd = name(state.phone, home), f" · {remarks(phone)}" if remarks(phone) else ""
    notes = [note_of(opt_out) for opt_out in state.standing]
    if len(notes) > 1 and state.since is not None:
        reasons = f"for {len(notes):,} reasons"
        return f"*{shown} is opted out* {moment(state.since, 'since ')}, {reasons}{odd}:{_list(notes)}"
    if notes:
        return f"*{shown} is opted out*{odd}: {notes[0]}"
    before = any(opt_out.lifted for opt_out in state.opt_outs)
    was = " It was before." if before else "" if one_of_several else " It is not on this list and never was."
    return f"*{shown} is not opted out.*{was}{odd}"


def _asked_by(asker: Actor | None) -> list[str]:
    return [f"looked up by {person(asker)}"] if asker else []


def phone_states(
    states: Sequence[tuple[PhoneState, FoundPhone]],
    home: str | None,
    *more: str,
    unread: Sequence[NotAPhone] = (),
    offer: OptOutOffer | None = None,
    asker: Actor | None = None,
) -> Message:
    """
    The states of the phones of one message, then what of it is *unread*, then *more* lines: of more than three in the thread.

    *offer*: what a button below does. *asker*: who looked them up, where others read the answer.
    """
    phones = [state.phone for state, _ in states]
    buttons = [_actions(_offer_button(offer, home))] if offer else []
    if len(states) <= MOST_NAMED and len(unread) <= MOST_NAMED:
        each = [_one_of_few(state, phone, home) for state, phone in states]
        lines = [*each, *_unread_lines(unread), *more]
        blocks = as_kept(lines, phones, *_asked_by(asker))
        return Message.of(in_short(each), *blocks, *buttons, phones=phones)
    out = sum(state.opted_out for state, _ in states)
    head = f"*{out:,} of {counted(len(states), 'phone')} {'is' if out == 1 else 'are'} opted out*"
    head += f", {len(unread):,} not understood" if unread else ""
    details = in_thread([*grouped(_one_of_many(state, phone, home) for state, phone in states), *_unread_lines(unread)])
    blocks = as_kept([head, *more], (), *_asked_by(asker))
    return Message.of(head, *blocks, *buttons, details=details, phones=phones)


def _one_of_few(state: PhoneState, phone: FoundPhone, home: str | None) -> str:
    return f"{_state_line(state, phone.number, home, one_of_several=True)}{_behind(phone)}"


def _behind(phone: FoundPhone) -> str:
    return "" if phone.reference is None else f" · behind {quoted(phone.reference, 40)}: it may be no phone number"


def _one_of_many(state: PhoneState, phone: FoundPhone, home: str | None) -> tuple[str, str]:
    """The state and the reasons of a phone, which others may share, and its line below them."""
    line = " · ".join(filter(None, (f"{both(state.phone, home)}{_behind(phone)}", remarks(phone.number))))
    if not state.standing:
        return "*Not opted out*", line
    more = len(state.standing) - 1
    further = f" · and {counted(more, 'more reason')}" if more else ""
    return f"*Opted out*: {note_of(state.standing[-1])}{further}", line


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What a button shows: how *phones* stand, in E.164, 50 at most; *thread_ts*: in the thread in which they were looked up."""

    phones: tuple[str, ...]
    thread_ts: str | None = None

    @property
    def value(self) -> str:
        """As a button carries it, and an errand."""
        thread = [f"{_IN_THREAD}{self.thread_ts}"] if self.thread_ts else []
        return " ".join([*(phone.removeprefix("+") for phone in self.phones), *thread])

    @classmethod
    def of_value(cls, value: str) -> "LookedUp | None":
        """What `value` packed; None where it holds no phones, too many, or something else."""
        words = value.split()
        thread = words.pop().removeprefix(_IN_THREAD) if words and words[-1].startswith(_IN_THREAD) else None
        if not 0 < len(words) <= MOST_OFFERED or not all(word.isascii() and word.isdigit() for word in words):
            return None
        return cls(tuple(f"+{digits}" for digits in words), thread)


_IN_THREAD: Final = "in:"


def for_asker(answer: Message, thread_ts: str | None) -> Message:
    """The *answer* to a look-up for the asker alone, with a button that shows it to all, in the thread where it was asked."""
    value = LookedUp(answer.phones, thread_ts).value
    show = _actions(ButtonElement(text="Show in channel", action_id="lookup.show", value=value))
    return replace(answer, blocks=(*answer.blocks, show.to_dict()), private=True)


def no_phones(head: str, *more: str, unread: Sequence[NotAPhone] = ()) -> Message:
    """The answer to words without a phone: *head*, what of them is *unread*, and *more* lines."""
    return Message.of(head, *sections([head, *_unread_lines(unread), *more], "\n"))


def _unread_lines(unread: Sequence[NotAPhone]) -> list[str]:
    left = len(unread) - MOST_UNREAD
    more = (
        [f"and {left:,} more that {'is no phone number' if left == 1 else 'are no phone numbers'}"] if left > 0 else []
    )
    return [*map(unread_line, unread[:MOST_UNREAD]), *more]


def _passed_on(answers: Sequence[DestinationAnswer]) -> list[str]:
    """A line of what the destinations there are made of it, those that took it first."""
    told = [one for one in answers if one.removed_at is None and one.answer is not AnswerKind.NOT_TOLD]
    told.sort(key=lambda one: one.answer is not AnswerKind.TOOK)
    return [" · ".join(map(_one_passed_on, told))] if told else []


def _one_passed_on(one: DestinationAnswer) -> str:
    whom, why = quoted(one.destination), f", because {quoted(one.why)}" if one.why else ""
    since = moment(one.since, " since ") if one.since else ""
    match one.answer:
        case AnswerKind.TOOK:
            done = "Loaded in" if one.kind == DestinationKind.FILE else "Passed on to"
            return f"{done} {whom}{moment(one.at, ', ') if one.at else ''}"
        case AnswerKind.REPORTED:
            return f"{whom} reported it itself"
        case AnswerKind.DID_NOT_TAKE:
            return f"{whom} does not take it{since}{why}"
        case AnswerKind.WAITS if one.kind == DestinationKind.FILE:
            return f"To be loaded in {whom}{since}{why}"
    return f"{whom}: waits{since}{why}"


def _remark(state: PhoneState) -> ButtonElement:
    return ButtonElement(text="Add a remark", action_id="remark.form", value=state.phone)


def _remarks_on(state: PhoneState) -> list[str]:
    lines = [f"_{entry_note(remark, _WRITER)}_" for remark in state.remarks]
    return [f"Remarks: {_list(lines)}"] if lines else []


def _list(notes: Sequence[str]) -> str:
    """One note on the same line, several as bullets below it."""
    if len(notes) == 1:
        return notes[0]
    more = (
        [f"and {len(notes) - MOST_REASONS:,} more: `/optout history` with the number shows all"]
        if len(notes) > MOST_REASONS
        else []
    )
    return "".join(f"\n• {text}" for text in [*notes[:MOST_REASONS], *more])


def _conversations(conversations: Sequence[Conversation]) -> list[str]:
    if not conversations:
        return []
    # Someone may be in a campaign twice, under two contacts.
    shown = Counter((c.campaign, c.active, c.opted_out) for c in conversations)
    words = [
        f"{quoted(campaign, 80)} ({'active' if active else 'finished'}) {'opted out' if out else 'open'}"
        + (f" ×{times}" if times > 1 else "")
        for (campaign, active, out), times in list(shown.items())[:MOST_CONVERSATIONS]
    ]
    more = [f"and {len(shown) - len(words):,} more"] if len(shown) > len(words) else []
    return [f"Conversations: {' · '.join([*words, *more])}"]


def _before(state: PhoneState) -> list[str]:
    lifted = [opt_out for opt_out in state.opt_outs if opt_out.lifted is not None]
    lines = [f"{note_of(o)}; _{entry_note(o.lifted, _WRITER)}_" for o in lifted if o.lifted is not None]
    return [f"Before: {_list(lines)}"] if lines else []


# --- delete ---------------------------------------------------------------------------------------------------------


def ask_delete(state: PhoneState, home: str | None, reason: str | None) -> Message:
    """The question before a delete, with the button that does it; an answer when there is nothing to allow again."""
    shown = name(state.phone, home)
    if state.since is None:
        return Message.of(
            f"*{shown} is not opted out*: there is nothing to allow again.{last_lift(state)}", phones=[state.phone]
        )
    head = f"*Allow texts to {shown} again?* It is opted out {moment(state.since, 'since ')}."
    lines = [f"Why: {_list([note_of(o) for o in state.standing])}", *_conversations(state.conversations)]
    button = allow_button(state, home, reason)
    return Message.of(head, *as_kept([head, *lines], [state.phone]), _actions(button), phones=[state.phone])


def _actions(*buttons: ButtonElement) -> ActionsBlock:
    return ActionsBlock(elements=list(buttons))


# --- country --------------------------------------------------------------------------------------------------------


def country(account: Account) -> Message:
    """Which country numbers without a country code are of."""
    if account.country is None:
        text = "*No default country is set*: numbers need their country code, like +44. An admin can set one: `/optout country US`"
    else:
        text = f"Numbers without a country code are read as *{_country(account.country)}*."
    return Message.of(text, private=True)


def country_set(account: Account, by: Actor) -> Message:
    """The country is another now."""
    shown = _country(account.country) if account.country else "none"
    return Message.of(f"Numbers without a country code are now read as *{shown}* · by {person(by)}")


def no_country(unknown: CountryUnknown) -> Message:
    """No country is called that."""
    near = [f"{escape(title)} ({code_})" for code_, title in unknown.suggestions]
    hint = (
        f"Do you mean {listed(near, 'or')}?" if near else "Give its name or two-letter code, like United Kingdom or GB."
    )
    return Message.of(
        f"There is no country called {code(unknown.text)} with phone numbers of its own. {hint}", private=True
    )


def _country(region: str) -> str:
    return f"{escape(country_name(region))} ({region})"
