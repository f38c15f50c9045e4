"""Views of App Home. Pure functions."""

from collections.abc import Mapping
from typing import Any

from slack_sdk.models.blocks import Block, DividerBlock, HeaderBlock
from slack_sdk.models.views import View

from handlers.slack.messages import Message
from handlers.slack.mrkdwn import context, counted, escape, moment, one_line, section
from handlers.views import forms
from handlers.views.uploads import list_of_uploads
from store import Account, Summary, country_name

_BAR = 20
# How requests came in, as people say it.
WAYS = {
    "command": "by command",
    "button": "by button",
    "form": "by form",
    "mention": "by mention",
    "shortcut": "from a message",
    "upload": "by upload",
    "keyword": "replied STOP",
    "texter": "by texters",
    "api": "by the texting platform",
}

_WHO = {
    "everyone": "Members add, look up and drop lists.",
    "groups": "Members drop lists; those of the support groups also add and look up.",
    "nobody": "Members drop lists.",
}


def home(account: Account, summary: Summary, role: str) -> dict[str, Any]:
    """The whole page for staff; admins see what waits for them besides."""
    country = f"*{escape(country_name(account.country))}*" if account.country else "none: they need their country code"
    blocks: list[Block] = [
        HeaderBlock(text=one_line(f"Opt-outs of {account.name}", 150)),
        section(f"*{counted(summary.opted_out, 'phone')} must not be texted.*"),
        forms.actions(role),
    ]
    if summary.waiting and summary.waiting_since is not None:
        one = summary.waiting == 1
        waits = f"*{counted(summary.waiting, 'list')} {'waits' if one else 'wait'} for an admin's yes*"
        blocks.append(section(f"{waits}, the oldest {moment(summary.waiting_since, 'since ')}."))
    blocks += [DividerBlock(), section(_requests("Last 7 days", summary.week))]
    blocks.append(section(_requests("Last 30 days", summary.month)))
    blocks.append(DividerBlock())
    view = View(type="home", blocks=blocks).to_dict()
    view["blocks"] += list_of_uploads(summary.latest).blocks
    last: list[Block] = [
        DividerBlock(),
        section(
            f"Country of numbers without a country code: {country}.\n"
            f"{_WHO[account.settings.support]} Admins also say yes to lists, undo them, allow texts again and change settings."
        ),
        context(
            "This desk keeps the people who must not be *texted*. Do Not Call is a separate list: nothing here reads or "
            "changes it. `/optout help` lists the commands."
        ),
    ]
    view["blocks"] += [block.to_dict() for block in last]
    return view


def closed(refusal: Message) -> dict[str, Any]:
    """For who may not use the desk: why not, and nothing else."""
    return {"type": "home", "blocks": list(refusal.blocks)}


def _requests(title: str, by_function: Mapping[str, int]) -> str:
    """A line a function with a bar; the longest is the most."""
    if not by_function:
        return f"*{title}*\nNobody was opted out."
    total, most = sum(by_function.values()), max(by_function.values())
    lines = [
        f"`{'█' * max(1, round(_BAR * number / most)):<{_BAR}}` {number:,} {WAYS.get(function, function)}"
        for function, number in by_function.items()
    ]
    return "\n".join([f"*{title}: {counted(total, 'request')} to opt out*", *lines])
