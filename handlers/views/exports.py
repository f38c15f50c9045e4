"""Views of an export: its announcement, progress and end. Pure functions."""

from collections.abc import Sequence
from typing import Final

from slack_sdk.models.blocks import ActionsBlock, Block, ButtonElement, InputBlock, Option, StaticSelectElement
from slack_sdk.models.views import View

from handlers.slack.messages import Message
from handlers.slack.modals import text_modal
from handlers.slack.mrkdwn import code, counted, file_name, one_line, person, quoted, section, sentence
from handlers.views.optouts import name
from store import MOST_LACKING, Covered, Destination, DestinationKind, Export, ExportFilter, Upload

# The title of the form, and its field.
TITLE: Final = "Export the list"
FORMAT: Final = "export.format"
# The button of a list that was compared, and its form, with its title and field.
PASS_ON, PASS_ON_TITLE, DESTINATION = "upload.pass_on", "Pass phones on", "export.destination"
# Of a destination: gets its list, and says that one is loaded there.
GET_LIST, LOADED = "destination.list", "destination.loaded"
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


def pass_on_form(metadata: str, upload: Upload, present: Sequence[Destination]) -> View:
    """The form in which an admin chooses where the phones go that the list of *upload* lacks; a text where there is no such place."""
    phones = counted(upload.only_ours, "phone")
    # To one that a person loads a file into, they go as a file, which the other button makes.
    told = [one for one in present if one.kind is not DestinationKind.FILE]
    if not told:
        return text_modal(
            PASS_ON_TITLE,
            f"Opt-outs are passed on to nobody yet, so there is nobody to tell of these {phones}. `/optout passing` makes a destination.",
        )
    options = [Option(text=one_line(one.name, 75), value=one.id) for one in told]
    all_again = (
        f" They are more than the {MOST_LACKING:,} that are told by themselves: all of the list goes there again, from the beginning."
        if upload.only_ours > MOST_LACKING
        else ""
    )
    return View(
        type="modal",
        callback_id=PASS_ON,
        title=PASS_ON_TITLE,
        submit="Pass them on",
        close="Cancel",
        private_metadata=metadata,
        blocks=[
            section(
                f"*{phones} of this list {'is' if upload.only_ours == 1 else 'are'} not in {file_name(upload.file_name)}.* Whoever that "
                f"list is from is told again that they are opted out, as fast as usual.{all_again}"
            ),
            InputBlock(
                block_id=DESTINATION,
                label="Whose list it is",
                element=StaticSelectElement(
                    action_id=DESTINATION,
                    options=options,
                    initial_option=options[0] if len(options) == 1 else None,
                    placeholder="Destination",
                ),
            ),
        ],
    )


def asked(export: Export, home: str | None) -> Message:
    """
    The announcement in the channel that somebody takes the list out.

    That somebody takes the evidence of one number is for them alone: a channel has no use for the number.
    """
    if export.export_filter.passes_on:
        return Message.of(
            f"*Phones to pass on are looked for* ({_of(export)}) · by {person(export.entry.actor)}, whom a direct message tells how "
            "many they are"
        )
    if (phone := export.export_filter.phone) is not None:
        return Message.of(f"*The evidence of {name(phone, home)}* comes to you in a direct message.", private=True)
    if export.export_filter.destination is not None:
        return Message.of(f"*{_list_for(export)} is being made* · by {person(export.entry.actor)}, to them alone")
    return Message.of(f"*The list is being exported* ({_of(export)}) · by {person(export.entry.actor)}, to them alone")


def making(export: Export, phones: int) -> Message:
    """Progress, while the file is written."""
    if export.export_filter.phone is not None:
        return Message.of(f"Gathering {_evidence(export)}")
    if export.export_filter.passes_on:
        return Message.of(f"Looking for phones to pass on ({_of(export)})")
    if export.export_filter.destination is not None:
        return Message.of(f"Making {_list_for(export, 'the')}: {counted(phones, 'phone')} so far")
    return Message.of(f"Exporting the list ({_of(export)}): {counted(phones, 'phone')} so far")


def made(export: Export, phones: int) -> Message:
    """The message beside the finished file."""
    if export.export_filter.phone is not None:
        never = "" if phones else " The number was *never opted out* on this list."
        return Message.of(
            f"*Here is {_evidence(export)}*: a page for people, and the same as JSON.{never} Handle it with care: it names who "
            "asked to be left alone."
        )
    if export.export_filter.passes_on:
        return _passed_on(export, phones)
    if export.covered is not None:
        return _for_destination(export, export.covered)
    if not phones:
        return Message.of(f"*No phone to export* ({_of(export)}): the file has only its header.")
    load = " Load it where that list is from, as opted-out phones." if export.export_filter.missing_from else ""
    return Message.of(
        f"*{counted(phones, 'phone')} exported* ({_of(export)}).{load} Handle the file with care: it names people who asked to be "
        "left alone."
    )


def _passed_on(export: Export, phones: int) -> Message:
    """That so many *phones* are told again, or all where they are too many to be told one by one."""
    if not phones:
        return Message.of(f"*Nothing to pass on* ({_of(export)}): it has every phone of this list.")
    how_far = "`/optout passing` says how far that has come."
    if phones > MOST_LACKING:
        return Message.of(
            f"*All of the list is passed on again, from the beginning* ({_of(export)}): {phones:,} phones are more than the "
            f"{MOST_LACKING:,} that are told by themselves. {how_far}"
        )
    return Message.of(f"*{counted(phones, 'phone is', 'phones are')} passed on again* ({_of(export)}). {how_far}")


def failed(problem: str, export_filter: ExportFilter) -> Message:
    """The end of an export that failed, with the reason."""
    if export_filter.passes_on:
        return Message.of(f"*Nothing was passed on.* {sentence(problem)}")
    what = "list" if export_filter.phone is None else "evidence"
    return Message.of(f"*The {what} was not exported.* {sentence(problem)}")


def _for_destination(export: Export, covered: Covered) -> Message:
    """The message beside a file that somebody is to load elsewhere, with what cannot be in it."""
    called = _called(export)
    text = (
        f"*{counted(covered.phones, 'phone')} to be opted out in {called}* ({_of(export)}). Load the file there, as opted-out "
        "phones, then press *Loaded*: what it holds is passed on then, and the next file has what came after it. Handle it "
        "with care: it names people who asked to be left alone."
    )
    if not covered.phones:
        text = f"*Nobody new to be opted out in {called}*: the file has only its header."
    blocks: list[Block] = [section(text)]
    if covered.allowed:
        left = covered.allowed - len(covered.first_allowed)
        more = f" and {left:,} more, which `/optout history` leads to" if left else ""
        shown = ", ".join(code(phone) for phone in covered.first_allowed)
        blocks.append(
            section(
                f"*{counted(covered.allowed, 'phone')} allowed again meanwhile:* a list of opt-outs cannot say so. Where {called} "
                f"has them as opted out because of us, allow them there by hand: {shown}{more}."
            )
        )
    button = ButtonElement(text="Loaded", action_id=LOADED, value=str(export.entry.id), style="primary")
    return Message.of(text, *blocks, ActionsBlock(elements=[button]))


def _list_for(export: Export, article: str = "The") -> str:
    return f"{article} list for {_called(export)}"


def _called(export: Export) -> str:
    return "a destination that was removed" if export.destination_name is None else quoted(export.destination_name)


def _evidence(export: Export) -> str:
    return f"the evidence of {name(export.export_filter.phone or '', None)}"


def _of(export: Export) -> str:
    export_filter = export.export_filter
    if export_filter.passes_on:
        return quoted(export.entry.reason or "")
    if export_filter.missing_from is not None:
        return f"what upload {export_filter.missing_from} lacks"
    parts = [_WHAT[export_filter.format]]
    if export_filter.function is not None:
        parts.append(f"opted out by {export_filter.function}")
    if export_filter.since is not None:
        parts.append(f"since {export_filter.since:%Y-%m-%d}")
    return ", ".join(parts)
