"""Views of the history, a page at a time, and of remarks. Pure functions."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from slack_sdk.models.blocks import ActionsBlock, Block, ButtonElement, InputBlock, PlainTextInputElement
from slack_sdk.models.views import View

from handlers.slack.messages import Message
from handlers.slack.mrkdwn import SlackWriter, counted, link, person, quoted, section, sections
from handlers.views.optouts import both, name
from store import Actor, HistoryItem, HistoryPage, PhoneState, entry_note

REMARK = "remark.text"
LONGEST_REMARK = 500
# The actions of the buttons that turn the pages: of one number's history, and of all else, which is for admins.
OF_A_PHONE, OF_ALL = "history.phone", "history.all"
_WRITER = SlackWriter()


def page(
    entries: HistoryPage, heading: str, filters: Mapping[str, Any], before: Sequence[int], home: str | None
) -> Message:
    """
    One page of the history, for the asker alone. *heading*: whose or what history it is; *filters*: as `History.list` takes them.

    *before*: of this page and of the newer ones, the entry that each begins after; none for the newest.
    """
    head = f"*{heading}*"
    if not entries.items:
        return Message.of(f"{head}: {'nothing older' if before else 'nothing yet'}.", private=True, settles="")
    lines = [_line(item, home) for item in entries.items]
    action = OF_A_PHONE if "phone" in filters else OF_ALL
    buttons = []
    if before:
        value = json.dumps({"filters": dict(filters), "before": [*before[:-1]]})
        buttons.append(ButtonElement(text="Newer", action_id=f"{action}.newer", value=value))
    if entries.older:
        value = json.dumps({"filters": dict(filters), "before": [*before, entries.items[-1].entry.id][-100:]})
        buttons.append(ButtonElement(text="Older", action_id=f"{action}.older", value=value))
    blocks: list[Block] = [section(head), *sections(lines)]
    if buttons:
        blocks.append(ActionsBlock(block_id="history", elements=list(buttons)))
    return Message.of(head, *blocks, private=True, settles="")


def _line(item: HistoryItem, home: str | None) -> str:
    entry = item.entry
    text = f"*{entry.id}* · {entry_note(entry, _WRITER)}"
    if item.phones:
        more = item.phone_count - len(item.phones)
        text += "\n" + " · ".join(name(phone, home) for phone in item.phones)
        text += f" and {more:,} more" if more else ""
    elif item.phone_count:
        text += f"\n{counted(item.phone_count, 'phone')}"
    return f"{text} · {link(entry.permalink, 'message')}" if entry.permalink else text


def remark_form(state: PhoneState, home: str | None, metadata: str) -> View:
    """The form in which an admin writes a remark on one phone."""
    return View(
        type="modal",
        callback_id="remark.form",
        title="Add a remark",
        submit="Add",
        close="Cancel",
        private_metadata=metadata,
        blocks=[
            section(f"On {both(state.phone, home)}. A remark changes nothing: it is shown whenever the number is."),
            InputBlock(
                block_id=REMARK,
                label="Remark",
                element=PlainTextInputElement(
                    action_id=REMARK, multiline=True, max_length=LONGEST_REMARK, focus_on_load=True
                ),
            ),
        ],
    )


def remarked(phone: str, text: str, by: Actor, home: str | None) -> Message:
    """The confirmation that a remark was kept."""
    line = f"*Remark on {name(phone, home)}* · by {person(by)}\n_{quoted(text, LONGEST_REMARK)}_"
    return Message.of(line, phones=[phone])
