"""The help of `/optout`, in three parts by who may what. Pure functions."""

from collections.abc import Mapping, Sequence
from typing import Final

from handlers.permissions import Role
from handlers.slack.messages import Message
from handlers.slack.mrkdwn import code, counted, escape, sections
from store import Account

# By the least role that may: ways to ask that are no sub-commands, each with what it does.
_OTHER_WAYS: Final[Mapping[Role, Sequence[tuple[str, str]]]] = {
    Role.MEMBER: (
        (
            "*Drop a list*",
            "A CSV or Excel file, into an uploads channel or with a mention of me. An admin says yes before anything changes.",
        ),
    ),
    Role.SUPPORT: (
        (
            "*@Opt-Out Desk* with numbers",
            "In any channel: says whether they are opted out; `opt out NUMBER because REASON` opts out.",
        ),
        ("*Check opt-outs*", "In the ⋮ menu of any message: each number in it, and whether it is opted out."),
        ("*Write to me directly*", "Numbers are looked up for you alone."),
    ),
}
_HEADINGS: Final = {Role.MEMBER: "Everybody", Role.SUPPORT: "Support and admins", Role.ADMIN: "Admins"}
_RANKS: Final = (Role.MEMBER, Role.SUPPORT, Role.ADMIN)
_HANDED_OVER: Final = "what you send is offered to them, filled in"
_SEPARATE: Final = "This desk keeps the people who must not be *texted*. Do Not Call is a separate list: nothing here reads or changes it."


def overview(usages: Sequence[tuple[Role, str, str]], role: Role) -> Message:
    """The help for who has *role*. *usages*: of the sub-commands (least role, usage, what it does)."""
    lines = []
    for part in _RANKS:
        theirs = _RANKS.index(part) <= (_RANKS.index(role) if role in _RANKS else 0)
        lines.append(f"*{_HEADINGS[part]}*" + ("" if theirs else f" ({_HANDED_OVER})"))
        lines += [f"`/optout {escape(usage)}` {escape(what)}" for least, usage, what in usages if least is part]
        lines += [f"{way}: {what}" for way, what in _OTHER_WAYS.get(part, ())]
    return Message.of("How to use `/optout`", *sections([*lines, _SEPARATE], "\n"), private=True)


def of_list(account: Account) -> Message:
    """What there is for who asks for "the list"."""
    text = (
        f"*{counted(account.opted_out, 'phone')} opted out.* Send `/optout NUMBER` to look one up, `/optout uploads` for the latest "
        "lists that were dropped, or `/optout export` for all of it as a file."
    )
    return Message.of(text, private=True)


def of_comparing(where: str) -> Message:
    """How a platform's list is compared; *where*: the place to drop it, in mrkdwn."""
    text = (
        "A comparison holds a platform's own list of opted-out phones against this one, and changes neither. Drop it "
        f"{where} with {code('@Opt-Out Desk compare')} as its message: what is only there can be opted out here, and what is "
        "only here is passed on there, or comes to you as a file to load there. `/optout compare telnyx` reads Telnyx's list by itself."
    )
    return Message.of(text, private=True)


def of_scrubbing(where: str) -> Message:
    """How a list is scrubbed; *where*: the place to drop it, in mrkdwn."""
    text = f"A scrub gives a list back without the people who are opted out. Drop it {where} with {code('@Opt-Out Desk scrub')} as its message."
    return Message.of(text, private=True)
