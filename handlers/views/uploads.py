"""Views of an upload: progress, preview, report, refusal, and the modals of its buttons. Pure functions."""

import json
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Final

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    InputBlock,
    PlainTextInputElement,
    PlainTextObject,
)
from slack_sdk.models.views import View

from handlers.slack.messages import THREAD_GONE, Message
from handlers.slack.modals import text_modal
from handlers.slack.mrkdwn import (
    bar,
    code,
    context,
    counted,
    file_name,
    link,
    listed,
    mention,
    moment,
    one_line,
    person,
    place,
    quoted,
    section,
    sections,
    sentence,
)
from handlers.views.previews import compared, found, looked_up, preview, questions
from handlers.views.scrubs import comparing, scrubbed
from handlers.views.unreadable import reason_lines
from handlers.views.upload_buttons import (
    AGAIN,
    CANCEL,
    CONTINUE,
    LONGEST_VALUE,
    LOOK_UP,
    SCRUB,
    STOP,
    UNDO,
    buttons,
)
from store import (
    Actor,
    Asked,
    Deadlines,
    Entry,
    Scrubbed,
    UndoPreview,
    Upload,
    UploadState,
    WrongState,
    require_undoable,
)

# The block of the modal in which the number of phones is typed.
NUMBER = "upload.number"
_UNDO_TITLE = UNDO[0]


def duration(seconds: float) -> str:
    """A span of time as people say it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min"


def reading(upload: Upload, rows: int = 0, fraction: float = 0.0, seconds: float = 0.0) -> Message:
    """While the list is read; *fraction* of its bytes, *seconds* since reading began."""
    text = f"Reading *{file_name(upload.file_name)}* {bar(fraction)}"
    if rows:
        about = int(rows / fraction) if fraction > 0 else rows
        text += f" · {rows:,} of about {about:,} rows{_pace(rows, fraction, seconds)}"
    return Message.of(text, section(text), buttons(upload, "reading", CANCEL))


def queued(upload: Upload) -> Message:
    """While the list waits for its turn, with the button that calls it off."""
    what = {UploadState.RECEIVED: "read", UploadState.APPLYING: "opted out"}.get(upload.state, "undone")
    text = f"*{file_name(upload.file_name)}* waits: other lists are being worked on. It is {what} as soon as it is its turn."
    kinds = {UploadState.RECEIVED: (CANCEL,), UploadState.APPLYING: (STOP,)}.get(upload.state, ())
    return Message.of(text, section(text), *([buttons(upload, "queued", *kinds)] if kinds else []))


def applying(upload: Upload, done: int, seconds: float = 0.0) -> Message:
    """While phones are stored, with the button that stops; *done* of `upload.phones`, *seconds* since this began."""
    fraction = done / upload.phones if upload.phones else 1.0
    text = f"Opting out {counted(upload.phones, 'phone')} from *{file_name(upload.file_name)}* {bar(fraction)}"
    if done:
        text += f" · {done:,} of {upload.phones:,}{_pace(done, fraction, seconds)}"
    return Message.of(text, section(text), buttons(upload, "working", STOP))


def undoing(upload: Upload, done: int, seconds: float = 0.0) -> Message:
    """While an upload is taken back; *done* of its opt-outs so far, *seconds* since this began."""
    fraction = done / upload.applied if upload.applied else 1.0
    text = f"Undoing *{file_name(upload.file_name)}* {bar(fraction)}"
    if done:
        text += f" · {done:,} of {upload.applied:,}{_pace(done, fraction, seconds)}"
    return Message.of(text)


def _pace(rows: int, fraction: float, seconds: float) -> str:
    if seconds < 1 or not 0 < fraction < 1:
        return ""
    return f" · {int(rows / seconds):,} a second · about {duration(seconds * (1 - fraction) / fraction)} left"


def reminder(upload: Upload, deadlines: Deadlines, whom: Sequence[Actor] = ()) -> Message:
    """A word about a preview that waits: in its thread to *whom* it mentions, or directly to who has to act."""
    until = moment((upload.waiting_since or upload.received_at) + deadlines.expire, "It expires ")
    what = "for an admin's yes" if upload.phones else "to be read with another country, or cancelled"
    named = f"{listed([mention(one) for one in whom])}: " if whom else ""
    text = f"{named}*{_name(upload)}* (upload {upload.id}) still waits {what}: {found(upload)}. {until}."
    return Message.of(text)


def to_decide(upload: Upload, picture: Message) -> Message:
    """A list that waits for a yes, for who may give it, wherever that is: *picture*, and whose list it is."""
    where = place(upload.channel_id, upload.channel_name)
    head = f"A list waits for a yes: {_name(upload)} (upload {upload.id}), {_brought(upload)} in {where}."
    return replace(picture, text=head, blocks=(section(head).to_dict(), *picture.blocks))


def applied_unasked(upload: Upload, picture: Message) -> Message:
    """A list that looks wrong and was applied without a question, for who may undo it. *picture*: how it stands."""
    head = f":warning: *{_name(upload)} (upload {upload.id}) was applied without a question, as the settings say, and may be the wrong list.*"
    wrong = sections([f"• {sentence(one)}" for one in upload.unasked or ()], "\n")
    return replace(
        picture, text=head, blocks=(section(head).to_dict(), *(one.to_dict() for one in wrong), *picture.blocks)
    )


def decided(upload: Upload, picture: Message) -> Message:
    """What became of a list that waited for a yes, in place of the question. *picture*: as its message says it."""
    return Message.of(f"{picture.text.splitlines()[0]}{_see_it(upload)}")


def read_again(upload: Upload) -> Message:
    """What became of a list that expired, in place of the question of before: it is asked in a message of its own."""
    return Message.of(
        f"*{file_name(upload.file_name)}* · upload {upload.id} · expired, and read again since{_see_it(upload)}"
    )


def _see_it(upload: Upload) -> str:
    return f" · {link(upload.permalink, 'see it')}" if upload.permalink else ""


def _name(upload: Upload) -> str:
    """The file's name, as a link to where it was dropped."""
    return link(upload.permalink, file_name(upload.file_name))


def notice(upload: Upload, whom: Sequence[Actor], picture: Message) -> Message:
    """
    A word to those who have to act on an upload, or have waited for it; an edited message notifies nobody.

    *picture*: how the upload stands, as its message says it.
    """
    what = picture.text
    if upload.state is UploadState.WAITING and not upload.is_only_told:
        waits = "what is to be done with it?" if upload.choices.asked is Asked.UNCLEAR else "waits for a yes:"
        what = f"*{file_name(upload.file_name)}* {waits} {found(upload)}."
    return Message.of(f"{listed([mention(one) for one in whom])}: {what}")


def expired(upload: Upload) -> Message:
    """The end of a preview that nobody decided on in time."""
    text = f"*{file_name(upload.file_name)} expired: nobody said yes in time.* Nothing was changed.{_number(upload)}"
    return Message.of(text, section(text), buttons(upload, "expired", AGAIN))


class RowsAt(StrEnum):
    """Where the rows that were not understood are; the value follows "3 rows not understood: "."""

    ATTACHED = "attached, with the reason for each. Fix {them} there and drop that file."
    COMING = "the file with {them} is still to come here."
    FOLLOWING = "{they} {follow} here as a file, with the reason for each. Fix {them} there and drop that file."
    WITH_DROPPER = "{dropper} has {them} as a file, in a direct message."
    NOWHERE = (
        "Slack takes the file with {them} neither here nor in a direct message. Fix {them} in the list and drop that."
    )
    DISABLED = (
        "this workspace does not let files be uploaded, so no file with {them} can come. Fix {them} in the list and drop "
        "that where files can be."
    )


_REPORTED: Final = frozenset(
    {
        UploadState.REFUSED,
        UploadState.EXPIRED,
        UploadState.DONE,
        UploadState.FAILED,
        UploadState.UNDONE,
        UploadState.SCRUBBED,
    }
)


def is_reported(upload: Upload) -> bool:
    """Whether *upload* came to an end of which a report of its own tells; the message that showed the work points to it."""
    # Of a list of which it is only told how it stands that message is the answer, and nobody waits for its end.
    return upload.state in _REPORTED and not (upload.state is UploadState.EXPIRED and upload.is_only_told)


def closed(upload: Upload) -> Message:
    """The line in the message that showed the work, once the report is there."""
    done = {UploadState.DONE: "opted out", UploadState.FAILED: "not finished"}.get(upload.state, upload.state.label)
    what = {UploadState.REFUSED: "why is", UploadState.EXPIRED: "more is"}.get(upload.state, "the report is")
    text = f"*{file_name(upload.file_name)}* · upload {upload.id} · {done}: {what} below."
    return Message.of(text)


def reported(upload: Upload, picture: Message) -> Message:
    """The report of an end, which names whoever has waited for it. *picture*: how the upload stands."""
    whom = mention(upload.person or upload.actor)
    head = f"{whom}: {picture.text}"
    first, *others = picture.blocks
    text = first.get("text") or {}
    named = first | {"text": text | {"text": f"{whom}: {text.get('text', '')}"}}
    return replace(picture, text=head, blocks=(named, *others))


def overtaken(upload: Upload, was: UploadState) -> Message:
    """The report of an end that was not the last, without what could be done then. *was*: the state that it told of."""
    # What is no end is shown where the work was.
    where = "below" if is_reported(upload) else "above"
    head = f"*{file_name(upload.file_name)}* · upload {upload.id} · {was.label}"
    if was is UploadState.DONE:
        head = _opted_out(upload)
    return Message.of(f"{head} · {upload.state.label} since: see {where}.")


def report(upload: Upload, deadlines: Deadlines, rows_at: RowsAt = RowsAt.ATTACHED) -> Message:
    """The report of an applied upload, with the button that undoes it. *rows_at*: where its unreadable rows are by now."""
    headline = f"{_opted_out(upload)} · {_whose(upload)}"
    lines = []
    if upload.already_opted_out:
        were = "was" if upload.already_opted_out == 1 else "were"
        lines.append(f"{upload.already_opted_out:,} {were} already opted out: this list is kept as a second reason")
    if upload.repeated:
        lines.append(f"{counted(upload.repeated, 'row')} repeated a phone of the same list")
    if upload.unreadable:
        one = upload.unreadable == 1
        where = rows_at.format(
            them="it" if one else "them",
            they="it" if one else "they",
            follow="follows" if one else "follow",
            dropper=person(upload.person or upload.actor),
        )
        lines.append(f"{counted(upload.unreadable, 'row')} not understood: {where}")
        if upload.unreadable_reasons:
            lines.append(reason_lines(upload.unreadable_reasons))
    # A list that was applied unasked had no preview to say them.
    lines += [quoted(question.text) for question in upload.questions]
    return Message.of(headline, section(headline), *sections(lines, "\n"), *_undo(upload, deadlines))


def _opted_out(upload: Upload) -> str:
    name = file_name(upload.file_name)
    return f"*{counted(upload.newly_opted_out, 'phone')} opted out* from {name}{_number(upload)}"


def _number(upload: Upload) -> str:
    """The upload's number, which people know it by, behind what is said of it."""
    return f" · upload {upload.id}"


def _whose(upload: Upload) -> str:
    if upload.unasked is not None:
        return f"{_brought(upload)}, applied without a question, as the settings say"
    if upload.decider is None:
        return _brought(upload)
    if upload.decider.id == upload.actor.id:
        return f"by {person(upload.actor)}"
    return f"{_brought(upload)}, confirmed by {person(upload.decider)}"


def _brought(upload: Upload) -> str:
    """Who dropped the list, or which program sent it."""
    return f"{'sent' if upload.is_sent else 'dropped'} by {person(upload.actor)}"


def _by(upload: Upload) -> str:
    return f" by {person(upload.decider)}" if upload.decider else ""


def stopped(upload: Upload, deadlines: Deadlines) -> Message:
    """The state of a stopped upload: what was applied, and the two ways on."""
    left = upload.phones - upload.applied
    text = (
        f"*{file_name(upload.file_name)} (upload {upload.id}) was stopped{_by(upload)} after {upload.applied:,} of "
        f"{counted(upload.phones, 'phone')}.* {_stand(upload)} {counted(left, 'phone')} left."
    )
    if upload.unreadable:
        # Only as many of them are stored as came along with the phones: a part would be taken for all.
        were = "row was" if upload.unreadable == 1 else "rows were"
        text += f" {upload.unreadable:,} {were} not understood: attached once the list is continued to its end."
    undo = (UNDO,) if upload.applied else ()
    blocks = [buttons(upload, "stopped", CONTINUE, *undo), *(_until(upload, deadlines) if undo else ())]
    return Message.of(text, section(text), *blocks)


def _stand(upload: Upload) -> str:
    have, stay = ("has", "stays") if upload.newly_opted_out == 1 else ("have", "stay")
    text = f"{counted(upload.newly_opted_out, 'phone')} {have} been opted out and {stay} so."
    were = "was" if upload.already_opted_out == 1 else "were"
    return f"{text} {upload.already_opted_out:,} {were} out before." if upload.already_opted_out else text


def _undo(upload: Upload, deadlines: Deadlines) -> list[Block]:
    """The button that takes the upload back, while that can be done."""
    try:
        require_undoable(upload, deadlines.undo)
    except WrongState:
        return []
    return [buttons(upload, "done", UNDO), *_until(upload, deadlines)]


def _until(upload: Upload, deadlines: Deadlines) -> list[Block]:
    if upload.finished_at is None or upload.undo_entry_id is not None:
        return []
    text = f"Can be undone {moment(upload.finished_at + deadlines.undo, 'until ')}, by an admin."
    return [context(text)]


def undone(upload: Upload, by: Entry | None) -> Message:
    """The report of an undo. *by*: its entry."""
    who = f" · by {person(by.actor)}" if by else ""
    again = f"{counted(upload.opted_in, 'phone')} can be texted again"
    headline = f"*{file_name(upload.file_name)} was undone: {again}*{_number(upload)}{who}"
    lines = []
    if upload.kept_out:
        stay = "stays" if upload.kept_out == 1 else "stay"
        lines.append(f"{counted(upload.kept_out, 'phone')} {stay} out: something else opted them out too")
    if upload.reopened:
        again = "conversation in an active campaign" if upload.reopened == 1 else "conversations in active campaigns"
        lines.append(f"{upload.reopened:,} {again} re-opened")
    if before := upload.applied - upload.opted_in - upload.kept_out:
        lines.append(f"{counted(before, 'phone')} had been allowed texts again by hand before")
    return Message.of(headline, section(headline), *sections(lines, "\n"))


def refused(upload: Upload) -> Message:
    """The list cannot be used as it is; the likely phone column is one click away."""
    headline = f"*Nothing was changed.* {sentence(upload.problem or '')}"
    blocks: list[Block] = [*sections([headline])]
    likely = upload.summary.get("likely")
    if likely:
        value = json.dumps({"upload": upload.id, "column": likely})
        if len(value) <= LONGEST_VALUE:
            button = ButtonElement(text=one_line(f"Use {likely}", 75), action_id="upload.column", value=value)
            blocks.append(ActionsBlock(block_id="upload.likely", elements=[button]))
    if upload.choices.asked is Asked.OPT_IN and not upload.is_scrub:
        blocks.append(buttons(upload, "instead", SCRUB, LOOK_UP))
    return Message.of(headline, *blocks, *questions(upload))


def failed(upload: Upload, deadlines: Deadlines) -> Message:
    """The report of an upload that failed half-way, and how far it had come."""
    changed = "Nothing was changed."
    if upload.undo_entry_id is not None:
        changed = f"Its undo had allowed texts to {counted(upload.opted_in, 'phone')} again by then; it can go on."
    elif upload.applied:
        rest = " the rows that were not understood are attached then, and" if upload.unreadable else ""
        changed = (
            f"{_stand(upload)} Drop the file again for the rest:{rest} phones that are out already are counted as such."
        )
    text = f"*{file_name(upload.file_name)} could not be finished.* {sentence(upload.problem or '')} {changed}{_number(upload)}"
    return Message.of(text, *sections([text]), *_undo(upload, deadlines))


def cancelled(upload: Upload) -> Message:
    """The end of an upload that somebody cancelled."""
    text = f"*{file_name(upload.file_name)} was cancelled{_by(upload)}.* Nothing was changed.{_number(upload)}"
    return Message.of(text)


def of_state(
    upload: Upload, deadlines: Deadlines, entry: Entry | None = None, rows_at: RowsAt = RowsAt.ATTACHED
) -> Message:
    """
    The upload's one message, in the state it is in.

    *entry*: of a waiting one, by which the same file was applied before; of one that is undone, its undo's. *rows_at*: where
    the unreadable rows of one that is done are.
    """
    match upload.state:
        case UploadState.RECEIVED if upload.is_scrub:
            return comparing(upload)
        case UploadState.RECEIVED:
            return reading(upload)
        case UploadState.SCRUBBED:
            return scrubbed(Scrubbed.read(upload.summary), upload.file_name)
        case UploadState.WAITING | UploadState.CANCELLED | UploadState.EXPIRED if upload.is_only_told and upload.sha256:
            return compared(upload) if upload.is_comparison else looked_up(upload)
        case UploadState.WAITING:
            return preview(upload, deadlines, entry)
        case UploadState.APPLYING:
            return applying(upload, upload.applied)
        case UploadState.STOPPED:
            return stopped(upload, deadlines)
        case UploadState.DONE:
            return report(upload, deadlines, rows_at)
        case UploadState.UNDOING:
            return undoing(upload, upload.opted_in + upload.kept_out)
        case UploadState.UNDONE:
            return undone(upload, entry)
        case UploadState.REFUSED:
            return refused(upload)
        case UploadState.CANCELLED:
            return cancelled(upload)
        case UploadState.EXPIRED:
            return expired(upload)
        case _:
            return failed(upload, deadlines)


def chosen_alone(upload: Upload, outcome: str) -> Message:
    """The words that take the place of the question that only its dropper saw."""
    text = f"*{file_name(upload.file_name)}* {outcome}"
    return Message.of(text, private=True, settles=text)


# Modals


def ask_for_number(upload: Upload, wrong: Sequence[str], metadata: str) -> View:
    """
    The question to type the number of phones, for a list about which there are doubts.

    *metadata*: what its submission has to know.
    """
    ask = f"Nothing has changed. To go on, type the number of phones: {upload.asked:,}."
    return View(
        type="modal",
        callback_id="upload.sure",
        title="Is this the right list?",
        submit="Opt out" if upload.to_opt_out else "Keep",
        close="Back",
        private_metadata=metadata,
        blocks=[
            *sections([" ".join(wrong), ask], " "),
            InputBlock(
                block_id=NUMBER,
                label="Number of phones",
                element=PlainTextInputElement(action_id="upload.number", max_length=20),
            ),
        ],
    )


def counting_undo(upload: Upload) -> View:
    """While it is counted what an undo would do: a modal has to be there within three seconds."""
    return text_modal(_UNDO_TITLE, f"Counting what undoing *{file_name(upload.file_name)}* would do …")


def undo_question(upload: Upload, counts: UndoPreview, metadata: str) -> View:
    """The question before an undo, with what it would do. *metadata*: the context of the modal."""
    lines = [f"Undo *{file_name(upload.file_name)}* (upload {upload.id})?", "*No texts will be allowed again.*"]
    if counts.opted_in:
        lines[1] = f"*{counted(counts.opted_in, 'phone')} can be texted again.*"
    if counts.kept_out:
        stay = "stays" if counts.kept_out == 1 else "stay"
        lines.append(f"{counted(counts.kept_out, 'phone')} {stay} out for other reasons.")
    if counts.reopened:
        one = "conversation in an active campaign re-opens."
        lines.append(counted(counts.reopened, one, "conversations in active campaigns re-open."))
    view = text_modal(_UNDO_TITLE, "\n".join(lines), close="Keep")
    view.callback_id, view.submit, view.private_metadata = "upload.undo", PlainTextObject(text="Undo"), metadata
    return view


def for_direct_message(upload: Upload, message: Message, why: str) -> Message:
    """*message* for a direct message: Slack does not let it into the upload's channel, with *why* its error code."""
    if why == THREAD_GONE:
        text = f"This belongs in <#{upload.channel_id}>, under a message that was deleted."
    else:
        text = (
            f"This belongs in <#{upload.channel_id}>, where Slack does not let me post ({code(why)}). "
            "Where I am missing, `/invite @Opt-Out Desk` helps."
        )
    return replace(message, blocks=(*message.blocks, context(text).to_dict()))
