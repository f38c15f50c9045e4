"""Views of App Home. Pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from slack_sdk.models.blocks import Block, DividerBlock, HeaderBlock
from slack_sdk.models.views import View

from handlers.permissions import Action, Role, allow
from handlers.slack.messages import Message
from handlers.slack.mrkdwn import (
    SlackWriter,
    context,
    counted,
    escape,
    file_name,
    link,
    moment,
    one_line,
    section,
    sections,
)
from handlers.views import clock, destinations, forms, hooks, keys
from handlers.views.hooks import ShownHook
from handlers.views.upload_list import Reader, dropped, one_upload, open_button, wanted
from store import (
    Account,
    Actor,
    Asked,
    Changes,
    Deadlines,
    Destination,
    Entry,
    Key,
    Summary,
    Upload,
    country_name,
    doubts,
)

_BAR: Final = 10
# Of the 100 that a view holds (https://docs.slack.dev/reference/surfaces/home-tab), for the lists that wait.
_MOST_BLOCKS_WAITING: Final = 32
# The blocks of a preview that decide about its list, by the beginning of their ids.
_DECIDING: Final = ("upload.answer", "upload.question.", "upload.country")
# Of the buttons of a preview, those that not everybody may press whose list it is.
_NEEDS: Final = {"upload.confirm": Action.CONFIRM, "upload.scrub": Action.SCRUB}
# How requests came in, as people say it.
WAYS = {
    "command": "by command",
    "button": "by button",
    "form": "by form",
    "mention": "by mention",
    "shortcut": "from a message",
    "step": "by workflows",
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
_MAY: Final = {
    Role.ADMIN: "You are an admin: besides, you say yes to lists, undo them, allow texts again, export and change the settings.",
    Role.SUPPORT: "You are support: you opt out, look up, drop and scrub lists. Admins say yes to lists and allow texts again.",
    Role.MEMBER: "You can drop lists. Support and admins opt out and look up; admins say yes to lists.",
}


@dataclass(frozen=True, slots=True)
class WaitingList:
    """
    A list that waits for a yes, as its message asks for it.

    *picture*: of that message; *before*: the entry by which the same file was applied before; *url*: where it stands, None
    when there is no such place any more.
    """

    upload: Upload
    picture: Message
    before: Entry | None
    url: str | None


@dataclass(frozen=True, slots=True)
class HomePage:
    """
    The page of one person's Home. *waiting*: lists about which they may decide something; *latest*: those they may see.

    *name*: of the workspace or organisation, None while nobody knows it. *keys*: of the API, with those that ended; they,
    *destinations* and *hooks* are for admins. *takes_hooks*: whether this desk takes the webhooks of providers.
    """

    account: Account
    name: str | None
    summary: Summary
    viewer: Actor
    role: Role
    waiting: Sequence[WaitingList]
    latest: Sequence[Upload]
    deadlines: Deadlines
    keys: Sequence[Key] = ()
    destinations: Sequence[Destination] = ()
    hooks: Sequence[ShownHook] = ()
    serves_api: bool = False
    takes_hooks: bool = False


def home(page: HomePage) -> dict[str, Any]:
    """The whole page for staff, with the buttons that its viewer may press."""
    account, summary = page.account, page.summary
    country = f"*{escape(country_name(account.country))}*" if account.country else "none: they need their country code"
    people = counted(summary.opted_out, "person is", "people are")
    blocks: list[Block] = [
        HeaderBlock(text=one_line(f"Opt-outs of {page.name}" if page.name else "Opt-outs", 150)),
        section(f"*{people} opted out* and must not be texted."),
        forms.actions(page.role),
    ]
    # Who may not see the lists of others is not told of them here either.
    near: list[str] = []
    if allow(page.role, Action.SEE_UPLOADS):
        near = [*filter(None, [clock.undecided(summary.replies)]), *clock.nearing(summary.clock)]
    view = View(type="home", blocks=blocks).to_dict()
    view["blocks"] += _waiting(page)
    rest: list[Block] = [
        DividerBlock(),
        section(_changed("Last 7 days", summary.week)),
        section(_changed("Last 30 days", summary.month)),
        *(section(line) for line in (clock.pace(summary.clock), "\n".join(near)) if line),
        DividerBlock(),
        section(f"*{'Your latest lists' if page.role == 'member' else 'The latest lists'}*"),
    ]
    reader = Reader(page.role is Role.ADMIN, page.deadlines.undo)
    rest += [block for upload in page.latest for block in one_upload(upload, reader)]
    if not page.latest:
        rest.append(section("None yet. Drop a CSV with a column called `phone` in an uploads channel."))
    if allow(page.role, Action.KEYS):
        rest += keys.in_home(page.keys, serves_api=page.serves_api)
    rest += destinations.in_home(page.destinations)
    if allow(page.role, Action.HOOKS):
        rest += hooks.in_home(page.hooks, takes_hooks=page.takes_hooks)
    rest += [
        DividerBlock(),
        section(
            f"Country of numbers without a country code: {country}.\n{_MAY[page.role]}"
            + (f" {_WHO[account.settings.support]}" if page.role is Role.ADMIN else "")
        ),
        context(
            "This desk keeps the people who must not be *texted*. Do Not Call is a separate list: nothing here reads or "
            "changes it. `/optout help` lists the commands."
        ),
    ]
    view["blocks"] += [block.to_dict() for block in rest]
    return view


def closed(refusal: Message) -> dict[str, Any]:
    """For who may not use the desk: why not, and nothing else."""
    return {"type": "home", "blocks": list(refusal.blocks)}


def _waiting(page: HomePage) -> list[dict[str, Any]]:
    """The lists that wait for a yes, each with the buttons of its message, as far as there is room."""
    count = page.summary.waiting_count
    if not count:
        return []
    head = f"*{counted(count, 'list waits', 'lists wait')} for a yes*"
    if not page.waiting:
        return [DividerBlock().to_dict(), section(f"{head} of an admin.").to_dict()]
    blocks = [DividerBlock().to_dict(), section(head).to_dict()]
    shown = 0
    for one in page.waiting:
        made = [*(block.to_dict() for block in _asks(one, page.deadlines)), *_buttons(one, page)]
        if len(blocks) + len(made) > _MOST_BLOCKS_WAITING:
            break
        blocks += made
        shown += 1
    if count > shown:
        where = "dropped by others" if page.role is Role.MEMBER else "`/optout uploads` lists them"
        blocks.append(context(f"{count - shown:,} more: {where}.").to_dict())
    return blocks


def _asks(one: WaitingList, deadlines: Deadlines) -> Sequence[Block]:
    """What the list would do, whose it is, and until when it waits; what is odd about it comes first."""
    upload = one.upload
    name = link(one.url, file_name(upload.file_name))
    what = f"*{name}* · upload {upload.id} · {wanted(upload)}"
    if upload.choices.asked is Asked.UNCLEAR:
        what += " · what is to be done with it?"
    lines = [what]
    if upload.phones and not upload.undecided and (wrong := doubts(upload, SlackWriter(), before=one.before)):
        lines.insert(0, f":warning: {wrong[0]}")
    waits = upload.waiting_since or upload.received_at
    lines.append(
        f"Dropped by {dropped(upload)} · waits {moment(waits, 'since ')}{moment(waits + deadlines.expire, ', until ')}"
    )
    if one.url is None:
        lines.append("Its message is gone: decide here.")
    return sections(lines, "\n")


def _buttons(one: WaitingList, page: HomePage) -> list[dict[str, Any]]:
    """The rows of buttons that decide about the list, as its message has them, *Open* before them; those its viewer may press."""
    upload, opening = one.upload, [button.to_dict() for button in open_button(one.url)]
    may_answer = page.role is Role.ADMIN or upload.actor.id == page.viewer.id
    rows = []
    for block in one.picture.blocks if may_answer else ():
        block_id = str(block.get("block_id") or "")
        if not block_id.startswith(_DECIDING):
            continue
        # Ids are of one block in a view; those of two lists' messages are the same.
        row = block | {"block_id": f"{block_id}.{upload.id}"}
        if block_id == "upload.answer":
            allowed = [
                button for button in row["elements"] if allow(page.role, _NEEDS.get(button["action_id"], Action.DROP))
            ]
            row["elements"], opening = [*opening, *allowed], []
        rows.append(row)
    if opening:
        rows.append({"type": "actions", "block_id": f"upload.where.{upload.id}", "elements": opening})
    return rows


def _changed(title: str, changes: Changes) -> str:
    """How many people were opted out and allowed again, and a line with a bar for each way; the longest is the most."""
    out = sum(changes.opted_out.values())
    if not out and not changes.allowed:
        return f"*{title}*: no change."
    again = f", {changes.allowed:,} allowed texts again" if changes.allowed else ""
    return "\n".join([f"*{title}: {counted(out, 'person', 'people')} opted out{again}*", *_bars(changes.opted_out)])


def _bars(by_function: Mapping[str, int]) -> list[str]:
    """
    A line a function, of full and of light blocks.

    In the colour of the text, which every theme sets off from its ground; in `code` it would be red.
    """
    most = max(by_function.values(), default=0)
    lines = []
    for function, number in by_function.items():
        filled = max(1, round(_BAR * number / most))
        lines.append(f"{'█' * filled}{'░' * (_BAR - filled)} {number:,} {WAYS.get(function, function)}")
    return lines
