"""
The note of an opt-out: the one sentence that says why a number is out.

It is never stored: it follows from the entry's function. How a person, a moment or foreign text is written depends on
where it is read, so the caller brings a `Writer`: Slack's markup for replies, plain text for the command line and files.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from store.records import Actor, Entry, OptOut


class Function(StrEnum):
    """The way an entry was made."""

    COMMAND = "command"
    BUTTON = "button"
    FORM = "form"
    MENTION = "mention"
    SHORTCUT = "shortcut"
    STEP = "step"
    UPLOAD = "upload"
    KEYWORD = "keyword"
    TEXTER = "texter"
    API = "api"
    DELETE = "delete"
    UNDO = "undo"
    SETTING = "setting"
    REMARK = "remark"
    EXPORT = "export"
    ERASE = "erase"


# Entries of these opt phones out.
OPTING_OUT = (
    Function.COMMAND,
    Function.BUTTON,
    Function.FORM,
    Function.MENTION,
    Function.SHORTCUT,
    Function.STEP,
    Function.UPLOAD,
    Function.KEYWORD,
    Function.TEXTER,
    Function.API,
)


class Writer(Protocol):
    """The writer of the parts of a note, for one medium. Each method returns text that is safe where it will be shown."""

    def person(self, actor: Actor) -> str: ...

    def moment(self, at: datetime, lead: str = "") -> str:
        """When it was, at the end of a clause: with the comma or "on" before it, and *lead*, words like "requested "."""
        ...

    def place(self, channel_id: str | None, channel_name: str | None) -> str: ...

    def text(self, text: str) -> str: ...


class PlainWriter:
    """Plain text: times in UTC, names as they were at the time."""

    def person(self, actor: Actor) -> str:
        return actor.name

    def moment(self, at: datetime, lead: str = "") -> str:
        at = at.astimezone(UTC)
        return f"{f', {lead}' if lead else ' '}on {at.day} {at:%b %Y, %H:%M} UTC"

    def place(self, channel_id: str | None, channel_name: str | None) -> str:
        return f"#{channel_name or channel_id}"

    def text(self, text: str) -> str:
        return text


_SENTENCES = {
    Function.COMMAND: "Opted out by hand by {who} with /optout add{where}{when}{why}",
    Function.BUTTON: "Opted out by hand by {who} with a button{where}{when}{why}",
    Function.FORM: "Opted out by hand by {who} with a form{where}{when}{why}",
    Function.MENTION: "Opted out by hand by {who} with a mention{where}{when}{why}",
    Function.SHORTCUT: "Opted out by {who} from a message{where}{when}{why}",
    Function.STEP: "Opted out by a step of a workflow{when}{why}",
    Function.UPLOAD: "Opted out by upload of {file}{line}, by {who}{when}{why}",
    Function.KEYWORD: "Replied with a word that opts out{when}{why}",
    Function.TEXTER: "Opted out by the texter {who}{when}{why}",
    Function.API: "Opted out by the texting platform ({who}){when}{why}",
    Function.DELETE: "Texts allowed again by {who}{when}{why}",
    Function.UNDO: "Texts allowed again with the whole upload of {file}, undone by {who}{when}{why}",
    Function.SETTING: "Changed by {who}{when}{why}",
    Function.REMARK: "Remark by {who}{when}{why}",
    Function.EXPORT: "Exported by {who}{when}{why}",
    Function.ERASE: "This number was erased at the person's own wish{when}; it stays opted out",
}


def note(opt_out: OptOut, write: Writer) -> str:
    """The note of an opt-out: its entry's, with the line of the list it came from and what that list said of it."""
    requested_at = opt_out.requested_at or opt_out.entry.requested_at
    return entry_note(
        opt_out.entry, write, line=opt_out.line, imported=opt_out.imported_note, requested_at=requested_at
    )


def entry_note(
    entry: Entry,
    write: Writer,
    *,
    line: int | None = None,
    imported: str | None = None,
    requested_at: datetime | None = None,
) -> str:
    """
    The note of *entry*; *line* of the list it came from; *imported*: the note the list itself carried.

    *requested_at*: when the person asked for it, where that is known and not the moment of the entry.
    """
    words = why(entry, imported)
    asked = write.moment(requested_at, "requested ") if requested_at else ""
    return _SENTENCES[Function(entry.function)].format(
        who=write.person(entry.actor) + (f" for {write.person(entry.asked_by)}" if entry.asked_by else ""),
        when=f"{write.moment(entry.at)}{asked}",
        where=f" in {write.place(entry.channel_id, entry.channel_name)}" if entry.channel_id else "",
        file=write.text(entry.file_name or "a list"),
        line="" if line is None else f", line {line:,}",
        why=f": {write.text(words)}" if words else "",
    )


def why(entry: Entry, imported: str | None = None) -> str:
    """Why *entry* was made, as people said it, as plain text; empty where nobody did. *imported*: what its list said."""
    return "; ".join(text for text in (entry.cause, entry.reason, imported) if text)
