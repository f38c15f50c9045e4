"""Views of replies that a person decides on. Pure functions."""

from collections.abc import Sequence
from itertools import groupby

from slack_sdk.models.blocks import ActionsBlock, Block, ButtonElement

from handlers.slack.messages import Message
from handlers.slack.mrkdwn import code, counted, moment, one_line, person, quoted, section
from store import OPTING_OUT, KeptReply, Outcome, ReplyState, mask

OUT, NOT, LOOK = "reply.out", "reply.not", "reply.look"
AFTER_ALL = "after all"
# Of one person's; the newest say most.
_MOST_QUOTED = 3
_LONGEST_QUOTE = 150


def review(replies: Sequence[KeptReply]) -> Message:
    """
    *replies*, in one message: those of a person together, with buttons while they wait, or what was decided.

    Numbers are masked, since many may read it; whoever looks one up sees it.
    """
    people = [list(theirs) for _, theirs in groupby(sorted(replies, key=_by_person), key=lambda reply: reply.phone)]
    waiting = sum(any(reply.state is ReplyState.WAITING for reply in theirs) for theirs in people)
    wait = "waits" if waiting == 1 else "wait"
    head = f"*{counted(waiting, 'person', 'people')} who may want no more texts {wait} for a decision*"
    if not waiting:
        head = "*Decided: nobody waits here any more.*"
    blocks: list[Block] = [section(head)]
    for theirs in people:
        blocks += _of_person(theirs)
    return Message.of(head, *blocks)


def _by_person(reply: KeptReply) -> tuple[str, int]:
    return reply.phone, reply.id


def _of_person(replies: Sequence[KeptReply]) -> list[Block]:
    last = replies[-1]
    waits = [reply for reply in replies if reply.state is ReplyState.WAITING]
    campaign = quoted(last.campaign_name, 80) if last.campaign_name else last.campaign and code(last.campaign, 40)
    where = f" in {campaign}" if campaign else ""
    lines = [f"{code(mask(last.phone))} replied{where}, {moment(last.received_at)}:"]
    left = len(replies) - _MOST_QUOTED
    lines += [f"_{counted(left, 'earlier reply', 'earlier replies')}_"] if left > 0 else []
    lines += [f"• {_words(reply)}" for reply in replies[-_MOST_QUOTED:]]
    if waits:
        asked = waits[-1]
        wants_in = asked.judgement.outcome is Outcome.IN
        stands = " Something else than such a reply keeps them opted out." if wants_in else ""
        lines.append(f"_The reply {quoted(asked.judgement.sentence)}.{stands}_")
        no = _button("Keep opted out" if wants_in else "Not a request", NOT, asked)
        buttons = [no] if wants_in else [_button("Opt out", OUT, asked, style="primary"), no]
    else:
        lines.append(f"*{_ended(last)}*")
        is_none = last.state is ReplyState.NOT_A_REQUEST and last.judgement.outcome is not Outcome.IN
        buttons = [_button("Opt out after all", OUT, last, AFTER_ALL)] if is_none else []
    return [section("\n".join(lines)), ActionsBlock(elements=[*buttons, _button("Look up", LOOK, last)])]


def _words(reply: KeptReply) -> str:
    return f'"{quoted(reply.text, _LONGEST_QUOTE)}"' if reply.text and reply.text.strip() else "_no words any more_"


def _button(text: str, action: str, reply: KeptReply, more: str = "", style: str | None = None) -> ButtonElement:
    value = f"{reply.id} {more}" if more else str(reply.id)
    return ButtonElement(text=text, action_id=action, value=value, style=style)


def _ended(reply: KeptReply) -> str:
    """What became of *reply*, in a sentence."""
    who = person(reply.decider) if reply.decider is not None else "Somebody"
    match reply.state:
        case ReplyState.OPTED_OUT:
            return f"Opted out by {who}."
        case ReplyState.NOT_A_REQUEST:
            return f"{who} decided: no request."
        case ReplyState.WAITING:
            return "It still waits for a decision."
    if reply.judgement.outcome is Outcome.IN and reply.entered not in OPTING_OUT:
        return "Texts are allowed again since: nothing keeps them out any more."
    return "Asked in plain words since, and is opted out."


def decided(reply: KeptReply, *, newly: bool) -> Message:
    """For who pressed: what *reply* is now, *newly* by them, or as somebody decided before."""
    late = (
        ""
        if newly
        else " That was decided before your press, which changed nothing. *Look up* shows how the number stands."
    )
    return Message.of(f"{one_line(mask(reply.phone))}: {_ended(reply)}{late}", private=True)
