"""Views of opt-outs: added, looked up, and texts allowed again; of countries and the help. Pure functions."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    ConfirmObject,
    InputBlock,
    PlainTextInputElement,
    PlainTextObject,
)
from slack_sdk.models.views import View

from handlers.slack.messages import Message, split
from handlers.slack.mrkdwn import (
    SlackWriter,
    code,
    counted,
    day,
    escape,
    link,
    listed,
    moment,
    one_line,
    person,
    quoted,
    section,
    sections,
    sentence,
)
from store import (
    Account,
    Actor,
    Added,
    Conversation,
    CountryUnknown,
    Deleted,
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
# In the thread of an outcome: a channel takes one message a second.
MOST_REPLIES: Final = 2
# https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object
_CONFIRM_LONGEST: Final = 300
# The block of the form in which the reason of a delete is typed.
WHY: Final = "optout.why"
_WRITER: Final = SlackWriter()
_CARRIER: Final = "The contact asked to stop: the carrier may still block you until they text START."


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


def _note(opt_out: OptOut) -> str:
    return f"_{note(opt_out, _WRITER)}_{_where(opt_out.entry)}"


def _where(entry: Entry) -> str:
    """The message it came from, when that can be linked to."""
    return f" · {link(entry.permalink, 'message')}" if entry.permalink else ""


# --- add ------------------------------------------------------------------------------------------------------------


def added(numbers: Sequence[EnteredNumber], outcomes: Mapping[str, Added], by: Actor, home: str | None) -> Message:
    """The outcome of opting out: a line in the channel, and in the thread one for each of *numbers*, in that order."""
    refused = [number for number in numbers if isinstance(number.reading, NotAPhone)]
    already = sum(not outcome.newly for outcome in outcomes.values())
    out = len(outcomes)
    if not out:
        head = "*No phone was opted out*"
    elif already == out:
        head = f"*{counted(out, 'phone')} {'was' if out == 1 else 'were'} already opted out*"
    else:
        head = f"*{counted(out, 'phone')} opted out*"
        head += f", {already:,} of them already before" if already else ""
    head += f", {len(refused):,} not understood" if refused else ""
    head += f" · by {person(by)}"
    settled = f"Opted out by {person(by)}." if out else None
    entry = next((outcome.entry.id for outcome in outcomes.values()), None)
    details = _each_outcome(numbers, outcomes, home)
    return Message.of(head, details=details, settles=settled, phones=outcomes, entry=entry)


def _each_outcome(
    numbers: Sequence[EnteredNumber], outcomes: Mapping[str, Added], home: str | None
) -> tuple[Message, ...]:
    """
    What became of each of *numbers*, in at most `MOST_REPLIES` messages.

    Each with its note; of many, those with the same one below it; of still more, each in as few words as there can be.
    """
    lines = [
        _not_a_phone(number.reading, number.times)
        if isinstance(number.reading, NotAPhone)
        else _added_line(number.reading, number.times, outcomes[number.reading.e164], home)
        for number in numbers
    ]
    replies = _thread(lines)
    if len(replies) > MOST_REPLIES:
        groups = _grouped(_in_group(number, outcomes, home) for number in numbers)
        replies = _thread(groups, gap="\n")
    if len(replies) > MOST_REPLIES:
        lines = _grouped(sorted((_in_short(number, outcomes) for number in numbers), key=_not_phones_last))
        replies = _thread(lines, gap="\n")
        shown = len(lines)
        while len(replies) > MOST_REPLIES:
            shown -= 5
            replies = _thread([*lines[:shown], f"and {len(lines) - shown:,} more lines"], gap="\n")
    return replies


_NOT_PHONES: Final = "Not a phone number"


def _not_phones_last(line: tuple[str, str]) -> bool:
    return _NOT_PHONES in line[0]


def _grouped(lines: Iterable[tuple[str, str]]) -> list[str]:
    """Each heading of *lines*, which are (heading, line), once, with its lines below it."""
    groups: dict[str, list[str]] = {}
    for heading, line in lines:
        groups.setdefault(heading, []).append(line)
    return [line for heading, group in groups.items() for line in (heading, *group)]


def _in_group(number: EnteredNumber, outcomes: Mapping[str, Added], home: str | None) -> tuple[str, str]:
    """What the outcome of *number* has in common with others, and the rest of it."""
    given = [f"given {number.times} times"] if number.times > 1 else []
    if isinstance(number.reading, NotAPhone):
        heading = f"*{_NOT_PHONES}*: {sentence(number.reading.reason)}"
        return heading, " · ".join([code(number.reading.text), *given])
    outcome = outcomes[number.reading.e164]
    line = " · ".join([both(number.reading.e164, home), *_remarks(number.reading), *given])
    if outcome.before is None:
        return f"*Opted out now* · {_note(_opt_out_of(outcome))}", line
    since = f"*Already opted out* {day(outcome.before.entry.at, 'since ')}"
    return f"{since} · {_note(outcome.before)}{_KEPT}", line


def _in_short(number: EnteredNumber, outcomes: Mapping[str, Added]) -> tuple[str, str]:
    """The same in as few words as there can be."""
    if isinstance(number.reading, NotAPhone):
        return f"*{_NOT_PHONES}*: {sentence(number.reading.reason)}", code(number.reading.text, 12)
    outcome, line = outcomes[number.reading.e164], f"`{number.reading.e164}`"
    line += " · *check this one*" if number.reading.flagged else ""
    if outcome.before is None:
        return f"*Opted out now* · {_note(_opt_out_of(outcome))}", line
    heading = f"*Already opted out*: `/optout search NUMBER` says why{_KEPT}"
    return heading, f"{line} {day(outcome.before.entry.at, 'since ')}"


_KEPT: Final = " · this request is kept as a further reason"


def _opt_out_of(outcome: Added) -> OptOut:
    return outcome.before or OptOut(outcome.phone, outcome.entry, None, None, None, None)


def _added_line(number: PhoneNumber, times: int, outcome: Added, home: str | None) -> str:
    parts = [both(number.e164, home)]
    if outcome.before is None:
        parts.append("opted out now")
    else:
        parts.append(f"already opted out {day(outcome.before.entry.at, 'since ')}")
    parts += _remarks(number)
    if times > 1:
        parts.append(f"given {times} times")
    return f"{' · '.join(parts)}\n{_note(_opt_out_of(outcome))}{_KEPT if outcome.before is not None else ''}"


def _remarks(number: PhoneNumber) -> list[str]:
    flag = ["*check this one*: no such number is in use today"] if number.flagged else []
    return flag + ([quoted(number.remark)] if number.remark else [])


def _not_a_phone(number: NotAPhone, times: int = 1) -> str:
    given = f" · given {times} times" if times > 1 else ""
    return f"{code(number.text)} · not a phone number: {sentence(number.reason)}{given}"


def _thread(lines: Sequence[str], *more: Block, gap: str = "\n\n") -> tuple[Message, ...]:
    """*lines* and then *more* as replies in a thread."""
    blocks: list[Block] = [*sections(lines, gap), *more]
    return tuple(split(Message.of(lines[0], *blocks)))


def refused(number: NotAPhone) -> Message:
    """The refusal of a number that is no phone."""
    return Message.of(f"{code(number.text)} is not a phone number: {sentence(number.reason)}", private=True)


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


def phone_state(state: PhoneState, phone: PhoneNumber, home: str | None, *, is_admin: bool) -> Message:
    """The state of one phone: opted out or not, since when and why, its conversations, what was before; buttons for the asker."""
    shown, since = name(state.phone, home), state.since
    remarks = "".join(f" · {text}" for text in _remarks(phone))
    before = _before(state)
    conversations = _conversations(state.conversations)
    if since is not None:
        lines = [f"Why: {_list([_note(o) for o in state.standing])}", *conversations, *before, *_remarks_on(state)]
        button = [_actions(_delete_button("Allow texts again", state, home), _remark(state))] if is_admin else []
        head = f"*{shown} is opted out* {moment(since, 'since ')}{remarks}"
        return Message.of(head, details=_thread([f"`{state.phone}`", *lines], *button), phones=[state.phone])
    head = f"*{shown} is not opted out.* {'It was before.' if before else 'It is not on this list and never was.'}{remarks}"
    add = ButtonElement(text="Opt out", action_id="optout.add", value=state.phone)
    lines = [*conversations, *before, *_remarks_on(state)]
    return Message.of(
        head,
        section(head),
        _actions(add, *([_remark(state)] if is_admin else [])),
        details=_thread([f"`{state.phone}`", *lines]) if lines else (),
        phones=[state.phone],
    )


def phone_states(
    states: Sequence[tuple[PhoneState, FoundPhone]],
    home: str | None,
    *more: str,
    unread: Sequence[NotAPhone] = (),
    offer: OptOutOffer | None = None,
) -> Message:
    """
    The states of the phones of one message, a line each, then what of it is *unread*, then *more* lines.

    *offer*: what a button below does.
    """
    out = sum(state.opted_out for state, _ in states)
    head = f"*{out:,} of {counted(len(states), 'phone')} {'is' if out == 1 else 'are'} opted out*"
    if len(states) == 1:
        head = f"*{name(states[0][0].phone, home)} is {'' if out else 'not '}opted out.*"
    lines = [_one_of_many(state, phone, home) for state, phone in states]
    lines += _unread_lines(unread)
    buttons = [_actions(_offer_button(offer, home))] if offer else []
    return Message.of(
        head, *sections([head, *lines, *more], "\n"), *buttons, phones=[state.phone for state, _ in states]
    )


def no_phones(head: str, *more: str, unread: Sequence[NotAPhone] = ()) -> Message:
    """The answer to words without a phone: *head*, what of them is *unread*, and *more* lines."""
    return Message.of(head, *sections([head, *_unread_lines(unread), *more], "\n"))


def _unread_lines(unread: Sequence[NotAPhone]) -> list[str]:
    left = len(unread) - MOST_UNREAD
    more = (
        [f"and {left:,} more that {'is no phone number' if left == 1 else 'are no phone numbers'}"] if left > 0 else []
    )
    return [*map(_not_a_phone, unread[:MOST_UNREAD]), *more]


def _one_of_many(state: PhoneState, phone: FoundPhone, home: str | None) -> str:
    remarks = "".join(f" · {text}" for text in _remarks(phone.number))
    if phone.reference is not None:
        remarks = f" · behind {quoted(phone.reference, 40)}: it may be no phone number{remarks}"
    if state.since is None:
        return f"{both(state.phone, home)} · not opted out{remarks}"
    return f"{both(state.phone, home)} · *opted out* {day(state.since, 'since ')}{remarks}"


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
    lines = [f"{_note(o)}; _{entry_note(o.lifted, _WRITER)}_" for o in lifted if o.lifted is not None]
    return [f"Before: {_list(lines)}"] if lines else []


# --- delete ---------------------------------------------------------------------------------------------------------


def ask_delete(state: PhoneState, home: str | None, reason: str | None) -> Message:
    """The question before a delete, with the button that does it; an answer when there is nothing to allow again."""
    shown = name(state.phone, home)
    if state.since is None:
        return Message.of(
            f"*{shown} is not opted out*: there is nothing to allow again.{_last_lift(state)}", phones=[state.phone]
        )
    head = f"*Allow texts to {shown} again?* It is opted out {moment(state.since, 'since ')}."
    lines = [f"Why: {_list([_note(o) for o in state.standing])}", *_conversations(state.conversations)]
    button = _delete_button("Allow texts again", state, home, reason)
    return Message.of(
        head, section(head), _actions(button), details=_thread([f"`{state.phone}`", *lines]), phones=[state.phone]
    )


def _delete_button(label: str, state: PhoneState, home: str | None, reason: str | None = None) -> ButtonElement:
    value = {"phone": state.phone, "seen": state.last_entry} | ({"reason": reason} if reason else {})
    return ButtonElement(
        text=label,
        action_id="optout.delete",
        value=json.dumps(value, ensure_ascii=False),
        style="danger",
        # What the contact asked for is taken back in a form instead, with a reason.
        confirm=None
        if state.by_contact
        else ConfirmObject(
            title=PlainTextObject(text="Allow texts again?"),
            text=PlainTextObject(text=_consequences(state, home)),
            confirm=PlainTextObject(text="Allow texts again"),
            deny=PlainTextObject(text="Keep"),
            style="danger",
        ),
    )


def _consequences(state: PhoneState, home: str | None) -> str:
    """What a delete brings about, in plain text of at most 300 characters; campaigns' names give way first."""
    carrier = f" {_CARRIER}" if state.by_contact else ""
    reopening = [c for c in state.conversations if c.active and c.opted_out]
    text = f"{display(state.phone, home)} can be texted again."
    if reopening:
        one = len(reopening) == 1
        reopens = f" {counted(len(reopening), 'conversation')} in {'an active campaign re-opens' if one else 'active campaigns re-open'}"
        names = ": " + listed(sorted({one_line(c.campaign, 60) for c in reopening}))
        text += reopens + (names if len(text + reopens + names + "." + carrier) <= _CONFIRM_LONGEST else "") + "."
    return text + carrier


def ask_reason(state: PhoneState, home: str | None, metadata: str, reason: str | None) -> View:
    """The form in which an admin writes why a phone whose contact asked to stop may be texted again."""
    lines = [sentence(_consequences(state, home)), f"Why it is out: {_list([_note(o) for o in state.standing])}"]
    return View(
        type="modal",
        callback_id="optout.why",
        title="Allow texts again?",
        submit="Allow texts again",
        close="Keep",
        private_metadata=metadata,
        blocks=[
            *sections(lines),
            InputBlock(
                block_id=WHY,
                label="Why may it be texted again?",
                element=PlainTextInputElement(
                    action_id="optout.why", multiline=True, max_length=500, initial_value=reason or None
                ),
            ),
        ],
    )


def deleted(outcome: Deleted, by: Actor, home: str | None) -> Message:
    """The outcome of a delete, or why it did nothing."""
    shown = name(outcome.phone, home)
    if outcome.changed:
        newest = outcome.state.standing[0]
        text = (
            f"*{shown} was opted out again after you were asked*, so nothing was changed: {_note(newest)}. "
            "To allow texts all the same, use `/optout delete` again."
        )
        return Message.of(text, settles="Out of date: it was opted out again since.", phones=[outcome.phone])
    if not outcome.lifted:
        text = f"*{shown} is not opted out*: nothing was changed.{_last_lift(outcome.state)}"
        return Message.of(text, settles=f"Not opted out any more.{_last_lift(outcome.state)}", phones=[outcome.phone])
    lines = [f"*Texts to {shown} are allowed again* · by {person(by)}"]
    if outcome.reopened:
        campaigns = Counter(c.campaign for c in outcome.reopened)
        words = [
            quoted(c, 80) + (f" ({n} conversations)" if n > 1 else "")
            for c, n in list(campaigns.items())[:MOST_CONVERSATIONS]
        ]
        more = [f"and {len(campaigns) - len(words):,} more"] if len(campaigns) > len(words) else []
        lines.append(f"{counted(len(outcome.reopened), 'conversation')} re-opened: {listed([*words, *more])}")
    else:
        lines.append("No conversation re-opened: it has none in an active campaign.")
    if any(opt_out.by_contact for opt_out in outcome.lifted):
        lines.append(_CARRIER)
    at = outcome.lifted[0].lifted
    when = moment(at.at, ", ") if at is not None else ""
    settled = f"Texts allowed again by {person(by)}{when}."
    entry = at.id if at is not None else None
    return Message.of(lines[0], *sections(lines, "\n"), settles=settled, phones=[outcome.phone], entry=entry)


def _last_lift(state: PhoneState) -> str:
    """By whom and when texts to it were last allowed again, if ever."""
    lifts = [o.lifted for o in state.opt_outs if o.lifted is not None]
    if not lifts:
        return ""
    last = max(lifts, key=lambda entry: entry.id)
    return f" {entry_note(last, _WRITER)}."


def _actions(*buttons: ButtonElement) -> ActionsBlock:
    return ActionsBlock(elements=list(buttons))


# --- country, help --------------------------------------------------------------------------------------------------


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


def help_text(usages: Iterable[tuple[str, str]]) -> Message:
    """The sub-commands: *usages* are (usage, what it does)."""
    lines = [f"`/optout {escape(usage)}`\n{escape(what)}" for usage, what in usages]
    separate = "This desk keeps the people who must not be *texted*. Do Not Call is a separate list: nothing here reads or changes it."
    return Message.of("How to use `/optout`", *sections(lines, "\n"), section(separate), private=True)
