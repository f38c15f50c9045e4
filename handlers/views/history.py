"""Views of the history, a page at a time, and of remarks. Pure functions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from slack_sdk.models.blocks import ActionsBlock, Block, ButtonElement, InputBlock, PlainTextInputElement
from slack_sdk.models.views import View

from handlers.slack.messages import Message
from handlers.slack.mrkdwn import (
    SlackWriter,
    code,
    counted,
    file_name,
    link,
    listed,
    moment,
    person,
    place,
    quoted,
    section,
    sections,
)
from handlers.views.optouts import both, name
from handlers.views.upload_list import dropped, stands
from store import OPTING_OUT, Actor, Function, HistoryItem, HistoryPage, PhoneState, Upload, entry_note

REMARK = "remark.text"
# The field of the form that asks for a history, and its title.
OF, TITLE = "history.of", "History"
LONGEST_REMARK = 500
PAGE: Final = 10
_MOST_NAMES: Final = 3
# People of one name who are told apart.
MOST_NAMED: Final = 10
# The actions of the buttons that turn the pages: of one number's history, and of all else, which is for admins.
OF_A_PHONE, OF_ALL = "history.phone", "history.all"
_WRITER = SlackWriter()


@dataclass(frozen=True, slots=True)
class Heading:
    """
    What stands at the head of a history, in mrkdwn: its *title*, what it shows in words, and what it says when there is nothing.

    *about* and *nothing* are without their full stops.
    """

    title: str
    about: str
    nothing: str


def page(
    entries: HistoryPage, heading: Heading, filters: Mapping[str, Any], before: Sequence[int], home: str | None
) -> Message:
    """
    One page of the history, for the asker alone; *filters*: as `History.list` takes them.

    *before*: of this page and of the newer ones, the entry that each begins after; none for the newest.
    """
    head = f"*{heading.title}*"
    if not entries.items:
        nothing = "Nothing older" if before else heading.nothing
        return Message.of(f"{head}\n{nothing}.", private=True, settles="")
    since = moment(entries.since, ", the first ") if entries.since else ""
    first = len(before) * PAGE + 1
    part = f", {first:,} to {first + len(entries.items) - 1:,} here" if entries.older or before else ""
    about = f"{heading.about}, newest first: {counted(entries.count, 'entry', 'entries')}{since}{part}."
    lines = [_line(item, home, "phone" in filters) for item in entries.items]
    action = OF_A_PHONE if "phone" in filters else OF_ALL
    buttons = []
    if before:
        value = json.dumps({"filters": dict(filters), "before": [*before[:-1]]})
        buttons.append(ButtonElement(text="Newer", action_id=f"{action}.newer", value=value))
    if entries.older:
        value = json.dumps({"filters": dict(filters), "before": [*before, entries.items[-1].entry.id][-100:]})
        buttons.append(ButtonElement(text="Older", action_id=f"{action}.older", value=value))
    blocks: list[Block] = [*sections([head, about], "\n"), *sections(lines)]
    if buttons:
        blocks.append(ActionsBlock(block_id="history", elements=list(buttons)))
    return Message.of(head, *blocks, private=True, settles="")


def of_phone(phone: str, home: str | None) -> Heading:
    """The heading of one phone's history."""
    return Heading(
        f"History of {name(phone, home)}",
        f"Everything that was done with {code(phone)} on this list",
        f"Nothing was ever done with {code(phone)} on this list",
    )


def of_person(actor: Actor) -> Heading:
    """The heading of what one person did."""
    who = person(actor)
    return Heading(f"What {who} did", f"Everything {who} did on this list", f"{who} has done nothing on this list")


def of_uploads(uploads: Sequence[Upload]) -> Heading:
    """The heading of what was done by one upload, or by several of one name."""
    if len(uploads) == 1:
        upload = uploads[0]
        how = f"{stands(upload)}. Dropped by {dropped(upload)}{moment(upload.received_at, ', ')}"
        how = how[0].upper() + how[1:]
        title = f"History of upload {upload.id:,}, {file_name(upload.file_name)}"
        return Heading(title, f"{how}.\nWhat was done by it", f"{how}.\nNobody was opted out by it yet")
    called = list(dict.fromkeys(file_name(upload.file_name) for upload in uploads))
    more = [f"{len(called) - _MOST_NAMES:,} more"] if len(called) > _MOST_NAMES else []
    names = listed([*called[:_MOST_NAMES], *more])
    numbers = listed([f"{upload.id:,}" for upload in sorted(uploads, key=lambda one: one.id)])
    return Heading(
        f"History of {names}: uploads {numbers}",
        "What was done by them",
        "Nobody was opted out by any of them",
    )


OF_THE_LIST: Final = Heading(
    "History of the list", "Everything that was done on this list", "Nothing was done on this list yet"
)


def several(name: str, people: Sequence[Actor]) -> Message:
    """The question who is meant, for the asker alone: several people are called *name*."""
    who = listed([f"{person(actor)} ({code(actor.id)})" for actor in people])
    text = f"Several people are called {quoted(name, 80)}: {who}. Mention the one you mean: `/optout history @name`."
    return Message.of(text, private=True)


def not_found(words: str) -> Message:
    """The answer, for the asker alone, where *words* are the name of nothing."""
    return Message.of(
        f"I found no number, person or file called {quoted(words, 80)}. Write a number, `@name`, the name of a file or "
        "`upload 7`; `/optout uploads` lists the latest with their numbers.",
        private=True,
    )


def _line(item: HistoryItem, home: str | None, of_one: bool) -> str:
    """Who did what to whom, where, when and why; *of_one*: it stands in the history of one phone, which is "it"."""
    entry = item.entry
    does = _DOES.get(entry.function)
    if entry.function == Function.EXPORT and item.phones:
        does = "{who} exported the evidence of {whom}"
    whom = "it" if of_one else _whom(item, home)
    if does is None:
        text = f"{entry_note(entry, _WRITER)} · {whom}" if whom else entry_note(entry, _WRITER)
    else:
        what = does.format(
            who=person(entry.actor),
            whom=whom,
            upload=f"upload {entry.upload_id}, {file_name(entry.file_name or 'a list')}",
            count=counted(item.phone_count, "phone"),
        )
        where = f" in {place(entry.channel_id, entry.channel_name)}" if entry.channel_id else ""
        asked = moment(entry.requested_at, ", requested ") if entry.requested_at else ""
        words = "; ".join(text for text in (entry.cause, entry.reason) if text)
        mark = "" if entry.function == Function.SETTING else '"'
        why = f": {mark}{quoted(words)}{mark}" if words else ""
        text = f"{what[:1].upper()}{what[1:]}{where}{moment(entry.at, ', ')}{asked}{why}"
    return f"• {text} · {link(entry.permalink, 'see message')}" if entry.permalink else f"• {text}"


_DOES: Final[Mapping[str, str]] = {
    Function.COMMAND: "{who} opted {whom} out",
    Function.BUTTON: "{who} opted {whom} out",
    Function.FORM: "{who} opted {whom} out",
    Function.MENTION: "{who} opted {whom} out",
    Function.SHORTCUT: "{who} opted {whom} out, from a message",
    Function.STEP: "a step of a workflow opted {whom} out",
    Function.KEYWORD: "{whom} replied with a word that opts out",
    Function.TEXTER: "the texter {who} opted {whom} out",
    Function.API: "the texting platform, {who}, opted {whom} out",
    Function.DELETE: "{who} allowed texts to {whom} again",
    Function.UPLOAD: "{who} opted {whom} out by {upload}",
    Function.UNDO: "{who} undid {upload}: {count} can be texted again",
    Function.SETTING: "{who} changed a setting",
    Function.REMARK: "{who} wrote a remark on {whom}",
    Function.EXPORT: "{who} exported the list",
    Function.ERASE: "{who} erased a number, at the person's own wish",
}
# Made by hand: such an entry without a number is of one that was erased since.
_OF_NUMBERS: Final = frozenset({*OPTING_OUT, Function.DELETE, Function.REMARK} - {Function.UPLOAD})


def _whom(item: HistoryItem, home: str | None) -> str:
    """The phones of an entry: the first by their numbers where it was made by hand, of a list how many."""
    if not item.phones:
        if item.entry.function in _OF_NUMBERS:
            return "a number that was erased"
        return counted(item.phone_count, "phone") if item.phone_count else ""
    more = item.phone_count - len(item.phones)
    return listed([*(name(phone, home) for phone in item.phones), *([f"{more:,} more"] if more > 0 else [])])


def form(metadata: str, *, sees_all: bool) -> View:
    """The form that asks for a history; *sees_all*: of more than one number too."""
    hint = "A number, @name, the name of a file, or upload 7. Empty: everything." if sees_all else "A number."
    return View(
        type="modal",
        callback_id="form.history",
        title=TITLE,
        submit="Show",
        close="Cancel",
        private_metadata=metadata,
        blocks=[
            InputBlock(
                block_id=OF,
                label="Of what",
                hint=hint,
                optional=sees_all,
                element=PlainTextInputElement(action_id=OF, max_length=300, focus_on_load=True),
            )
        ],
    )


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
