"""Views of many uploads, a paragraph and a row of buttons each: for `/optout uploads` and App Home. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from slack_sdk.models.blocks import ActionsBlock, Block, ButtonElement

from handlers.slack.messages import Message
from handlers.slack.mrkdwn import counted, file_name, is_address, link, moment, person, place, section
from handlers.views.upload_buttons import UNDO, button
from store import Upload, UploadState, WrongState, require_undoable

MOST_LISTED: Final = 20
# Of a link of a button: https://docs.slack.dev/reference/block-kit/block-elements/button-element
_LONGEST_URL: Final = 3_000
OPEN: Final = "upload.open"


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads a list of uploads: whether they may undo one, and for how long after it was applied that can be done."""

    may_undo: bool
    undo: timedelta


def list_of_uploads(uploads: Sequence[Upload], reader: Reader) -> Message:
    """The latest uploads, newest first."""
    if not uploads:
        text = "*No list has been uploaded yet.* Drop a CSV with a column called `phone` in an uploads channel."
        return Message.of(text)
    head = "*The latest upload*" if len(uploads) == 1 else f"*The latest {len(uploads):,} uploads*"
    return Message.of(
        head, section(head), *(block for one in uploads[:MOST_LISTED] for block in one_upload(one, reader))
    )


def one_upload(upload: Upload, reader: Reader) -> list[Block]:
    """One of them: its number, how it stands in plain words, and the buttons that *reader* may press."""
    name = link(upload.permalink, file_name(upload.file_name))
    text = f"*{name}* · upload {upload.id} · {stands(upload)}\nDropped by {dropped(upload)}{moment(upload.received_at, ', ')}"
    buttons = open_button(upload.permalink)
    if reader.may_undo and _can_be_undone(upload, reader.undo):
        buttons.append(button(upload, UNDO))
    return [section(text), *([ActionsBlock(block_id=f"uploads.{upload.id}", elements=[*buttons])] if buttons else [])]


def dropped(upload: Upload) -> str:
    """Who dropped it, and where: "Robin in #optout-uploads"."""
    where = f" in {place(upload.channel_id, upload.channel_name)}" if upload.channel_id else ""
    return f"{person(upload.actor)}{where}"


def open_button(url: str | None) -> list[ButtonElement]:
    """The button that leads to the message at *url*; none where there is no such place on the web."""
    fits = url is not None and len(url) <= _LONGEST_URL and is_address(url)
    return [ButtonElement(text="Open", action_id=OPEN, url=url)] if fits else []


def _can_be_undone(upload: Upload, within: timedelta) -> bool:
    try:
        require_undoable(upload, within)
    except WrongState:
        return False
    return True


def stands(upload: Upload) -> str:
    """How the upload stands, in plain words that follow its name, with what it did to how many."""
    match upload.state:
        case UploadState.RECEIVED:
            return "being read, nothing has changed yet"
        case UploadState.WAITING if upload.is_look_up:
            are = "is" if upload.already == 1 else "are"
            return f"looked up: {upload.already:,} of its {counted(upload.phones, 'phone')} {are} opted out"
        case UploadState.WAITING if upload.is_comparison:
            return f"compared: {upload.to_opt_out:,} only in it, {upload.only_ours:,} only here, {upload.already:,} in both"
        case UploadState.WAITING:
            return f"waits for a yes: {wanted(upload)}"
        case UploadState.APPLYING:
            return f"being opted out, {upload.applied:,} of {counted(upload.phones, 'phone')} so far"
        case UploadState.DONE:
            return f"{_opted_out(upload)}{_out_before(upload)}"
        case UploadState.STOPPED:
            return f"stopped after {upload.applied:,} of {counted(upload.phones, 'phone')}: {_opted_out(upload)}"
        case UploadState.UNDOING:
            return f"being undone, {counted(upload.opted_in, 'phone')} can be texted again so far"
        case UploadState.UNDONE:
            stay = "stays" if upload.kept_out == 1 else "stay"
            kept = f", {upload.kept_out:,} {stay} out for other reasons" if upload.kept_out else ""
            return f"undone: {counted(upload.opted_in, 'phone')} can be texted again{kept}"
        case UploadState.SCRUBBED:
            return f"scrubbed: {counted(upload.summary['removed'], 'row')} taken out of it, nobody was opted out"
        case UploadState.FAILED if upload.undo_entry_id is not None:
            return f"its undo failed after {counted(upload.opted_in, 'phone')}"
        case UploadState.FAILED if upload.applied:
            return f"failed after {upload.applied:,} of {counted(upload.phones, 'phone')}: {_opted_out(upload)}"
        case _:
            return f"{_ENDED[upload.state]}, nothing was changed"


_ENDED: Final = {
    UploadState.REFUSED: "could not be read",
    UploadState.CANCELLED: "cancelled",
    UploadState.EXPIRED: "expired since nobody said yes",
    UploadState.FAILED: "failed",
}


def wanted(upload: Upload) -> str:
    """What a list that waits would do: "4,812 phones to opt out"."""
    if upload.undecided:
        return "how it is read is to be chosen"
    if upload.to_opt_out:
        return f"{counted(upload.to_opt_out, 'phone')} to opt out"
    return "every phone in it is opted out already" if upload.phones else "no row of it was understood"


def _opted_out(upload: Upload) -> str:
    return f"{counted(upload.newly_opted_out, 'phone')} opted out"


def _out_before(upload: Upload) -> str:
    were = "was" if upload.already_opted_out == 1 else "were"
    return f", {upload.already_opted_out:,} {were} out already" if upload.already_opted_out else ""
