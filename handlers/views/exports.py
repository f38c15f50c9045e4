"""Views of an export: its announcement, progress and end. Pure functions."""

from typing import Final

from slack_sdk.models.blocks import InputBlock, Option, StaticSelectElement
from slack_sdk.models.views import View

from handlers.slack.messages import Message
from handlers.slack.mrkdwn import counted, person, section, sentence
from handlers.views.optouts import name
from store import Export

# The title of the form, and its field.
TITLE: Final = "Export the list"
FORMAT: Final = "export.format"
_WHAT = {
    "desk": "with since when and why, for spreadsheets",
    "thrutext": "with ThruText's columns",
    "phones": "nothing but phones, for other programs",
}


def form(metadata: str) -> View:
    """The form in which an admin asks for the list as a file."""
    options = [Option(text=what.capitalize(), value=kind) for kind, what in _WHAT.items()]
    return View(
        type="modal",
        callback_id="form.export",
        title=TITLE,
        submit="Export",
        close="Cancel",
        private_metadata=metadata,
        blocks=[
            section(
                "The file comes to you alone, in a direct message. `/optout export since:2026-10-01` exports a part of the list."
            ),
            InputBlock(
                block_id=FORMAT,
                label="What is in it",
                element=StaticSelectElement(action_id=FORMAT, options=options, initial_option=options[0]),
            ),
        ],
    )


def asked(export: Export, home: str | None) -> Message:
    """
    The announcement in the channel that somebody takes the list out.

    That somebody takes the evidence of one number is for them alone: a channel has no use for the number.
    """
    if (phone := export.export_filter.phone) is not None:
        return Message.of(f"*The evidence of {name(phone, home)}* comes to you in a direct message.", private=True)
    return Message.of(f"*The list is being exported* ({_of(export)}) · by {person(export.entry.actor)}, to them alone")


def making(export: Export, phones: int) -> Message:
    """Progress, while the file is written."""
    if export.export_filter.phone is not None:
        return Message.of(f"Gathering {_evidence(export)}")
    return Message.of(f"Exporting the list ({_of(export)}): {counted(phones, 'phone')} so far")


def made(export: Export, phones: int) -> Message:
    """The message beside the finished file."""
    if export.export_filter.phone is not None:
        never = "" if phones else " The number was *never opted out* on this list."
        return Message.of(
            f"*Here is {_evidence(export)}*: a page for people, and the same as JSON.{never} Handle it with care: it names who "
            "asked to be left alone."
        )
    if not phones:
        return Message.of(f"*No phone to export* ({_of(export)}): the file has only its header.")
    load = " Load it where that list is from, as opted-out phones." if export.export_filter.missing_from else ""
    return Message.of(
        f"*{counted(phones, 'phone')} exported* ({_of(export)}).{load} Handle the file with care: it names people who asked to be "
        "left alone."
    )


def failed(problem: str, *, of_evidence: bool = False) -> Message:
    """The end of an export that failed, with the reason."""
    what = "evidence" if of_evidence else "list"
    return Message.of(f"*The {what} was not exported.* {sentence(problem)}")


def _evidence(export: Export) -> str:
    return f"the evidence of {name(export.export_filter.phone or '', None)}"


def _of(export: Export) -> str:
    export_filter = export.export_filter
    if export_filter.missing_from is not None:
        return f"what upload {export_filter.missing_from} lacks"
    parts = [_WHAT[export_filter.format]]
    if export_filter.function is not None:
        parts.append(f"opted out by {export_filter.function}")
    if export_filter.since is not None:
        parts.append(f"since {export_filter.since:%Y-%m-%d}")
    return ", ".join(parts)
