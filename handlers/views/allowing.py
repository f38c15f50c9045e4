"""Views of allowing texts again: the button, the form that asks why, what was done, and the question to a second admin."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Final

from slack_sdk.models.blocks import (
    ActionsBlock,
    ButtonElement,
    ConfirmObject,
    InputBlock,
    PlainTextInputElement,
    PlainTextObject,
)
from slack_sdk.models.views import View

from handlers.slack.messages import Message
from handlers.slack.mrkdwn import (
    SlackWriter,
    context,
    counted,
    escape,
    listed,
    mention,
    moment,
    one_line,
    person,
    place,
    quoted,
    sections,
    sentence,
)
from store import (
    Actor,
    AllowDecision,
    AllowRequest,
    AllowRule,
    AllowState,
    Deleted,
    OptOut,
    PhoneState,
    display,
    entry_note,
    is_of_contact,
    note,
    rule_of,
    says_why,
)

# The block of the form in which the reason is typed.
WHY: Final = "optout.why"
NO_WORDS: Final = "Write in words why this number may be texted again: they are kept with the opt-out."
# In one answer; the rest is counted.
_MOST_REASONS: Final = 10
_MOST_CAMPAIGNS: Final = 20
# https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object
_CONFIRM_LONGEST: Final = 300
_WRITER: Final = SlackWriter()
_CARRIER: Final = "The contact asked to stop: the carrier may still block you until they text START."
_SECOND: Final = "There was a legal threat: a second admin has to say yes before anything changes."
_LABEL: Final = "Allow texts again"


def _name(phone: str, home: str | None) -> str:
    return escape(display(phone, home))


def _why_out(standing: Sequence[OptOut]) -> str:
    notes = [f"_{note(opt_out, _WRITER)}_" for opt_out in standing[:_MOST_REASONS]]
    if len(standing) > _MOST_REASONS:
        notes.append(f"and {len(standing) - _MOST_REASONS:,} more: `/optout history` with the number shows all")
    return notes[0] if len(notes) == 1 else "".join(f"\n• {text}" for text in notes)


def allow_button(state: PhoneState, home: str | None, reason: str | None = None) -> ButtonElement:
    """
    The button that allows texts to an opted-out phone again; *reason*: what was typed with the request, if anything was.

    A dialog says what it leads to. What the contact asked for needs a reason: where none was typed, a form asks for it.
    """
    value = {"phone": state.phone, "seen": state.last_entry} | ({"reason": reason} if reason else {})
    rule = rule_of(state.standing)
    asks = rule > AllowRule.CONFIRM and not says_why(reason)
    return ButtonElement(
        text=_LABEL,
        action_id="optout.delete",
        value=json.dumps(value, ensure_ascii=False),
        style="danger",
        confirm=None
        if asks
        else ConfirmObject(
            title=PlainTextObject(text="Allow texts again?"),
            text=PlainTextObject(text=_consequences(state, home)),
            confirm=PlainTextObject(text="Ask a second admin" if rule is AllowRule.TWO_ADMINS else _LABEL),
            deny=PlainTextObject(text="Keep"),
            style="danger",
        ),
    )


def _consequences(state: PhoneState, home: str | None) -> str:
    """What allowing brings about, in plain text of at most 300 characters; campaigns' names give way first."""
    rule = rule_of(state.standing)
    warnings = f" {_CARRIER}" if any(map(is_of_contact, state.standing)) else ""
    warnings = f" {_SECOND}" if rule is AllowRule.TWO_ADMINS else warnings
    reopening = [c for c in state.conversations if c.active and c.opted_out]
    text = f"{display(state.phone, home)} can be texted again."
    if reopening:
        one = len(reopening) == 1
        reopens = f" {counted(len(reopening), 'conversation')} in {'an active campaign re-opens' if one else 'active campaigns re-open'}"
        names = ": " + listed(sorted({one_line(c.campaign, 60) for c in reopening}))
        text += reopens + (names if len(text + reopens + names + "." + warnings) <= _CONFIRM_LONGEST else "") + "."
    return text + warnings


def ask_reason(state: PhoneState, home: str | None, metadata: str, reason: str | None) -> View:
    """The form in which an admin writes why a phone whose contact asked to stop may be texted again."""
    lines = [sentence(_consequences(state, home)), f"Why it is out: {_why_out(state.standing)}"]
    two = rule_of(state.standing) is AllowRule.TWO_ADMINS
    return View(
        type="modal",
        callback_id="optout.why",
        title="Allow texts again?",
        submit="Ask a second admin" if two else _LABEL,
        close="Keep",
        private_metadata=metadata,
        blocks=[
            *sections(lines),
            InputBlock(
                block_id=WHY,
                label="Why may it be texted again?",
                hint="What they said since, and how you know. The channel reads it, and it is kept with the opt-out.",
                element=PlainTextInputElement(
                    action_id="optout.why", multiline=True, max_length=500, initial_value=reason or None
                ),
            ),
        ],
    )


def allowed(outcome: Deleted, by: Actor, home: str | None, elsewhere: Sequence[str] = ()) -> Message:
    """
    The outcome of allowing texts again, or why nothing was done.

    *elsewhere*, here and in all that tells of it: the destinations that are told of opt-outs and of nothing else.
    """
    if outcome.lifted:
        return _allowed(outcome, by, home, elsewhere)
    shown = _name(outcome.phone, home)
    if outcome.changed:
        return changed(outcome.state, home)
    if outcome.missing is not None:
        return Message.of(
            f"*{shown} stays opted out*: the contact asked for it, and nothing says why it may be texted again. "
            f"Send `/optout delete {outcome.phone} because` and what they said since.",
            private=True,
        )
    return not_opted_out(outcome.state, home)


def changed(state: PhoneState, home: str | None) -> Message:
    """The phone was opted out again since the person looked."""
    text = (
        f"*{_name(state.phone, home)} was opted out again after you were asked*, so nothing was changed: "
        f"_{note(state.standing[0], _WRITER)}_. To allow texts all the same, use `/optout delete` again."
    )
    return Message.of(text, settles="Out of date: it was opted out again since.", phones=[state.phone])


def not_opted_out(state: PhoneState, home: str | None) -> Message:
    """Somebody was faster, or it never was opted out."""
    text = f"*{_name(state.phone, home)} is not opted out*: nothing was changed.{last_lift(state)}"
    return Message.of(text, settles=f"Not opted out any more.{last_lift(state)}", phones=[state.phone])


def last_lift(state: PhoneState) -> str:
    """By whom and when texts to it were last allowed again, if ever."""
    lifts = [o.lifted for o in state.opt_outs if o.lifted is not None]
    if not lifts:
        return ""
    last = max(lifts, key=lambda entry: entry.id)
    return f" {entry_note(last, _WRITER)}."


def _allowed(outcome: Deleted, by: Actor, home: str | None, elsewhere: Sequence[str]) -> Message:
    at = outcome.lifted[0].lifted
    said = f": {quoted(at.reason)}" if at is not None and at.reason else ""
    lines = [
        f"*Texts to {_name(outcome.phone, home)} are allowed again* · by {person(by)}{said}",
        *_effects(outcome, elsewhere),
    ]
    when = moment(at.at, ", ") if at is not None else ""
    return Message.of(
        lines[0],
        *sections(lines, "\n"),
        settles=f"Texts allowed again by {person(by)}{when}{said}",
        phones=[outcome.phone],
        entry=at.id if at is not None else None,
    )


def _effects(outcome: Deleted, elsewhere: Sequence[str]) -> list[str]:
    # A desk that was never told of the contact's conversations has nothing to say of them.
    known = bool(outcome.state.conversations)
    lines = ["No conversation re-opened: it has none in an active campaign."] if known else []
    if outcome.reopened:
        campaigns = Counter(c.campaign for c in outcome.reopened)
        words = [
            quoted(c, 80) + (f" ({n} conversations)" if n > 1 else "")
            for c, n in list(campaigns.items())[:_MOST_CAMPAIGNS]
        ]
        more = [f"and {len(campaigns) - len(words):,} more"] if len(campaigns) > len(words) else []
        lines = [f"{counted(len(outcome.reopened), 'conversation')} re-opened: {listed([*words, *more])}"]
    if elsewhere and not outcome.state.opted_out:
        where = listed([quoted(one) for one in elsewhere])
        lines.append(f"Where it was passed on it stays opted out, until somebody allows it there by hand: {where}.")
    return [*lines, _CARRIER] if any(map(is_of_contact, outcome.lifted)) else lines


# --- a second admin -------------------------------------------------------------------------------------------------


def _question(request: AllowRequest, home: str | None) -> list[str]:
    where = f" in {place(request.channel_id, request.channel_name)}" if request.channel_id else ""
    return [
        f"*{person(request.actor)} asks to allow texts to {_name(request.phone, home)} again*: {quoted(request.reason, 500)}",
        f"Asked{where}{moment(request.asked_at, ', ')}",
    ]


def to_second_admin(request: AllowRequest, state: PhoneState, home: str | None) -> Message:
    """The question to the other admins, with the buttons that decide."""
    lines = [
        *_question(request, home),
        f"Why it is out: {_why_out(state.standing)}",
        f"{sentence(_consequences(state, home))} {moment(request.expires_at, 'This waits until ')}.",
    ]
    return Message.of(
        lines[0],
        *sections(lines, "\n"),
        _decide(state, request, home),
        phones=[request.phone],
    )


def _decide(state: PhoneState, request: AllowRequest, home: str | None) -> ActionsBlock:
    dialog = ConfirmObject(
        title=PlainTextObject(text="Allow texts again?"),
        text=PlainTextObject(
            text=f"{display(state.phone, home)} can be texted again. You are the second admin to say so."
        ),
        confirm=PlainTextObject(text=_LABEL),
        deny=PlainTextObject(text="Keep"),
        style="danger",
    )
    value = str(request.id)
    return ActionsBlock(
        elements=[
            ButtonElement(text="Keep opted out", action_id="allow.no", value=value),
            ButtonElement(text=_LABEL, action_id="allow.yes", value=value, style="danger", confirm=dialog),
        ]
    )


def second_asked(
    request: AllowRequest, state: PhoneState, home: str | None, told: str, *, newly: bool, by: Actor
) -> Message:
    """The answer to whoever asked: nothing is changed yet. *told*: whom the question went to, empty where to nobody."""
    shown = _name(request.phone, home)
    if newly:
        head = f"*{shown} stays opted out until a second admin says yes*: there was a legal threat."
        lines = [head, f"{person(request.actor)} asks to allow texts again: {quoted(request.reason, 500)}"]
    elif request.actor.id == by.id:
        lines = [
            f"*You asked for that already*{moment(request.asked_at, ', ')}. {shown} stays opted out until a second admin says yes."
        ]
    else:
        lines = [*_question(request, home), "You can be the second admin to say yes."]
    lines.append(told or "I could reach no other admin: show them this message, they decide here.")
    buttons = [] if told and (newly or request.actor.id == by.id) else [_decide(state, request, home)]
    return Message.of(
        lines[0],
        *sections(lines, "\n"),
        *buttons,
        settles=f"Asked by {person(request.actor)}: a second admin has to say yes.",
        phones=[request.phone],
    )


def own_request(request: AllowRequest, home: str | None) -> Message:
    """Whoever asked cannot be the second to say yes."""
    return Message.of(
        f"*You asked for this yourself*, so another admin has to say yes: {_name(request.phone, home)} stays opted out until then. Ask one.",
        private=True,
    )


def _became(request: AllowRequest) -> str:
    """What became of a request, in words that go on from "... asked to allow texts again"."""
    by = person(request.decider) if request.decider is not None else ""
    at = moment(request.decided_at, ", ") if request.decided_at is not None else ""
    match request.state:
        case AllowState.ALLOWED:
            return f"Texts allowed again by {by}, asked by {person(request.actor)}{at}"
        case AllowState.DECLINED if request.decider is not None and request.decider.id == request.actor.id:
            return f"Taken back by {by}: it stays opted out{at}"
        case AllowState.DECLINED:
            return f"Kept opted out by {by}{at}"
        case AllowState.EXPIRED:
            return f"Nobody said yes in time: nothing was changed{at}"
        case AllowState.OVERTAKEN:
            return (
                f"Out of date: since then it was opted out again or texts were allowed, or {person(request.actor)} is no "
                f"admin any more. Nothing was changed by this{at}"
            )
        case AllowState.ASKED:
            return "It waits for a second admin"


def decided(decision: AllowDecision, home: str | None, elsewhere: Sequence[str] = ()) -> Message:
    """The answer to the press that decided, or that came too late."""
    request = decision.request
    line = _became(request)
    shown = _name(request.phone, home)
    if decision.deleted is not None:
        lines = [f"*Texts to {shown} are allowed again* · {line}", *_effects(decision.deleted, elsewhere)]
    else:
        late = "" if decision.newly else "This was decided before. "
        lines = [f"*{shown}*: {late}{line}"]
    return Message.of(lines[0], *sections(lines, "\n"), settles=line, phones=[request.phone])


def closed(request: AllowRequest, home: str | None) -> Message:
    """How the question to an admin reads once it is decided."""
    head = f"{_question(request, home)[0]}"
    return Message.of(
        head, *sections(_question(request, home), "\n"), context(_became(request)), phones=[request.phone]
    )


def told_asker(
    request: AllowRequest, deleted: Deleted | None, home: str | None, elsewhere: Sequence[str] = ()
) -> Message:
    """What became of a request, where it was asked, for who has waited and for whoever reads the channel."""
    shown = _name(request.phone, home)
    if request.state is AllowState.ALLOWED:
        head = f"*Texts to {shown} are allowed again* · {mention(request.actor)}"
    else:
        head = f"*{shown} stays opted out* · {mention(request.actor)}"
    lines = [f"{head}: {_became(request)}"]
    if request.state is AllowState.ALLOWED:
        lines.append(f"Why: {quoted(request.reason, 500)}")
    if request.state in {AllowState.EXPIRED, AllowState.OVERTAKEN}:
        lines.append(f"`/optout delete {request.phone} because` and the reason asks anew.")
    entry = None
    if deleted is not None:
        lines += _effects(deleted, elsewhere)
        entry = next((o.lifted.id for o in deleted.lifted if o.lifted is not None), None)
    return Message.of(lines[0], *sections(lines, "\n"), phones=[request.phone], entry=entry)
