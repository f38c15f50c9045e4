"""Views of an upload: progress, preview, report, refusal, and the modals of its buttons. Pure functions."""

import json
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    InputBlock,
    Option,
    PlainTextInputElement,
    PlainTextObject,
    StaticSelectElement,
)
from slack_sdk.models.views import View

from handlers.slack.messages import THREAD_GONE, Message
from handlers.slack.modals import text_modal
from handlers.slack.mrkdwn import (
    SlackWriter,
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
    quoted,
    section,
    sections,
    sentence,
)
from handlers.views.scrubs import comparing, scrubbed
from handlers.views.unreadable import reasons_line
from handlers.views.upload_buttons import (
    AGAIN,
    CANCEL,
    CONTINUE,
    LEAVE,
    LOOK_UP,
    SCRUB,
    SCRUB_INSTEAD,
    STOP,
    UNDO,
    button,
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
    country_name,
    doubts,
    require_undoable,
)

# The countries campaigns text most; any other is given as the account's default with `/optout country`.
COUNTRIES = ("US", "CA", "GB", "IE", "AU", "NZ", "PR", "MX", "DE", "FR", "ES", "IT", "NL", "BR", "IN", "ZA")

# The block of the modal in which the number of phones is typed.
NUMBER = "upload.number"
_UNDO_TITLE = UNDO[0]
# Of a button, in characters: https://docs.slack.dev/reference/block-kit/block-elements/button-element
_LONGEST_VALUE = 2_000
# A message holds 50 blocks: https://docs.slack.dev/reference/block-kit/blocks
_MOST_QUESTIONS = 5


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


def preview(upload: Upload, deadlines: Deadlines, before: Entry | None = None) -> Message:
    """
    The preview of an upload: what would happen, and the question.

    *before*: the entry that applied the same file already.
    """
    unclear = upload.choices.asked is Asked.UNCLEAR
    headline = f"*{file_name(upload.file_name)}: {_found(upload)}.* Nothing has changed yet."
    if unclear:
        found = _found(upload)
        headline = (
            f"*{file_name(upload.file_name)}: what is to be done with it?* {found[0].upper()}{found[1:]}. "
            "Nothing has changed yet."
        )
    lines = _rows_read(upload)
    if flagged := upload.summary.get("flagged", 0):
        first = upload.summary.get("flagged_first") or []
        at = f", first at line {first[0][0]:,}" if first else ""
        have = "phone is" if flagged == 1 else "phones are"
        lines.append(f"{flagged:,} {have} of the right length but in no range in use today: check them{at}")
    lines += [quoted(remark) for remark in upload.summary.get("remarks", ())]
    if not upload.phones:
        lines.append(
            "Choose another country if its numbers are from there; else cancel, fix the rows and drop it again."
        )
    # Counts say little before it is decided what they are of.
    asked = _questions(upload)
    blocks: list[Block] = [section(headline), *(asked if upload.undecided else ()), *sections(lines, "\n")]
    wrong = doubts(upload, SlackWriter(), before=before)
    if wrong and upload.phones and not upload.undecided:
        blocks += sections(
            [f":warning: {' '.join(wrong)}", "To go on, an admin has to type the number of phones."], " "
        )
    blocks += () if upload.undecided else asked
    blocks += _country_menu(upload)
    answers = [button(upload, LEAVE if unclear else CANCEL)]
    if upload.phones:
        answers.insert(0, button(upload, SCRUB if unclear else SCRUB_INSTEAD))
    if upload.phones and not upload.undecided:
        value = json.dumps({"upload": upload.id, "fingerprint": upload.fingerprint})
        # Where it is not known what was meant, no answer is the likely one; whoever is asked alone need not be an admin.
        action, style = "want" if upload.choices.alone else "confirm", None if unclear else "primary"
        answers.insert(0, ButtonElement(text=_yes(upload), action_id=f"upload.{action}", value=value, style=style))
    blocks.append(ActionsBlock(block_id="upload.answer", elements=list(answers)))
    if upload.choices.alone:
        blocks.append(context(_ALONE))
    elif unclear:
        blocks.append(context(_NOT_PLAIN))
    small = [f"file {(upload.sha256 or '')[:12]}"]
    if upload.phones and not upload.undecided:
        small.insert(0, "An admin confirms.")
    if upload.waiting_since is not None:
        small.insert(-1, f"Waits {moment(upload.waiting_since + deadlines.expire, 'until ')}")
    blocks.append(context(" · ".join(small)))
    return Message.of(headline, *blocks)


def _rows_read(upload: Upload) -> list[str]:
    """What was read of the list: its counts, why rows were not understood, and the country of those that name none."""
    lines = [_counts(upload)]
    if upload.unreadable_reasons:
        lines.append(reasons_line(upload.unreadable_reasons))
    assumed = upload.summary.get("assumed", 0)
    if assumed and upload.country:
        had = "row had" if assumed == 1 else "rows had"
        lines.append(f"{assumed:,} {had} no country code: read as *{quoted(country_name(upload.country))}*")
    return lines


def looked_up(upload: Upload) -> Message:
    """What is known of a list that was only to be looked up: counts, and, while it waits, how to get the rows."""
    are = "is" if upload.already == 1 else "are"
    found = f"{upload.already:,} of its {counted(upload.phones, 'phone')} {are} opted out"
    if not upload.phones:
        found = "no row of it was understood"
    headline = f"*{file_name(upload.file_name)}: {found}.* It was only looked up: nothing has changed."
    lines = _rows_read(upload)
    lines += [quoted(remark) for remark in upload.summary.get("remarks", ())]
    blocks: list[Block] = [section(headline), *sections(lines, "\n")]
    if upload.state is UploadState.WAITING:
        blocks += _questions(upload)
        blocks += _country_menu(upload)
        blocks.append(buttons(upload, "answer", *((SCRUB,) if upload.phones else ()), LEAVE))
        blocks.append(context("Scrubbed it comes back without the rows that are opted out."))
    return Message.of(headline, *blocks)


# Below a question: why it is asked.
_NOT_PLAIN = "It was not said plainly what it is for, so nothing is done before somebody chooses."
_ALONE = (
    "Only you see this. Nobody mentioned me, so nothing is done with it unless you choose. An admin decides in the settings "
    "whether I ask."
)


def _questions(upload: Upload) -> list[Block]:
    """The first questions on how the list is read, open ones before others, each above a button for every way."""
    blocks: list[Block] = []
    for place, question in enumerate(upload.questions[:_MOST_QUESTIONS]):
        if question.text not in (upload.problem or ""):
            blocks += sections([sentence(question.text)])
        for number, offer in enumerate(question.offers):
            value = json.dumps({"upload": upload.id, "choices": dict(offer.choices)})
            if len(value) > _LONGEST_VALUE:
                continue
            # A block each, since the action ids in one have to differ:
            # https://docs.slack.dev/reference/block-kit/block-elements/button-element
            button = ButtonElement(text=one_line(offer.label, 75), action_id="upload.read", value=value)
            blocks.append(ActionsBlock(block_id=f"upload.question.{place}.{number}", elements=[button]))
    return blocks


def _found(upload: Upload) -> str:
    if upload.undecided:
        return "it is to be chosen how it is read"
    if upload.to_opt_out:
        return f"{counted(upload.to_opt_out, 'phone')} to opt out"
    return "every phone in it is already opted out" if upload.phones else "no row of it was understood"


def _yes(upload: Upload) -> str:
    return f"Opt out {counted(upload.asked, 'phone')}" if upload.to_opt_out else "Keep this list as a second reason"


def reminder(upload: Upload, deadlines: Deadlines, whom: Sequence[Actor] = ()) -> Message:
    """A word about a preview that waits: in its thread to *whom* it mentions, or directly to who has to act."""
    until = moment((upload.waiting_since or upload.received_at) + deadlines.expire, ", ")
    what = "for an admin's yes" if upload.phones else "to be read with another country, or cancelled"
    named = f"{listed([mention(one) for one in whom])}: " if whom else ""
    text = f"{named}*{_name(upload)}* still waits {what} ({_found(upload)}). It expires{until}."
    return Message.of(text)


def to_decide(upload: Upload, picture: Message) -> Message:
    """A list that waits for a yes, for who may give it, wherever that is: *picture*, and whose list it is."""
    where = f"<#{upload.channel_id}>" if upload.channel_id else "a direct message"
    head = f"A list waits for a yes: {_name(upload)}, dropped by {person(upload.actor)} in {where}."
    return Message(head, (section(head).to_dict(), *picture.blocks))


def decided(upload: Upload, picture: Message) -> Message:
    """What became of a list that waited for a yes, in place of the question. *picture*: as its message says it."""
    text = f"{picture.text.splitlines()[0]} · {link(upload.permalink, 'see it')}" if upload.permalink else picture.text
    return Message.of(text)


def _name(upload: Upload) -> str:
    """The file's name, as a link to where it was dropped."""
    return link(upload.permalink, file_name(upload.file_name))


def notice(upload: Upload, whom: Sequence[Actor], picture: Message) -> Message:
    """
    A word to those who have to act on an upload, or have waited for it; an edited message notifies nobody.

    *picture*: how the upload stands, as its message says it.
    """
    what = picture.text
    if upload.state is UploadState.WAITING and not upload.is_look_up:
        waits = "what is to be done with it?" if upload.choices.asked is Asked.UNCLEAR else "waits for a yes:"
        what = f"*{file_name(upload.file_name)}* {waits} {_found(upload)}."
    return Message.of(f"{listed([mention(one) for one in whom])}: {what}")


def expired(upload: Upload) -> Message:
    """The end of a preview that nobody decided on in time."""
    text = f"*{file_name(upload.file_name)} expired: nobody said yes in time.* Nothing was changed."
    return Message.of(text, section(text), buttons(upload, "expired", AGAIN))


def _counts(upload: Upload) -> str:
    parts = [counted(upload.rows, "row")]
    if upload.already:
        parts.append(f"{upload.already:,} already opted out")
    if upload.repeated:
        parts.append(f"{upload.repeated:,} repeated")
    if upload.unreadable:
        parts.append(f"{upload.unreadable:,} not understood")
    return " · ".join(parts)


def _country_menu(upload: Upload) -> list[Block]:
    """The menu of countries, where it may matter: rows are often not understood because another country's were meant."""
    if not (upload.summary.get("assumed", 0) or upload.unreadable):
        return []
    codes = list(COUNTRIES)
    if upload.country and upload.country not in codes:
        codes.insert(0, upload.country)
    options = {
        code: Option(text=country_name(code)[:75], value=json.dumps({"upload": upload.id, "country": code}))
        for code in codes
    }
    block = section("Country of the rows without a country code:")
    block.block_id = "upload.country"
    block.accessory = StaticSelectElement(
        action_id="upload.country",
        placeholder="Country",
        options=list(options.values()),
        initial_option=options.get(upload.country or ""),
    )
    return [block]


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


def report(upload: Upload, deadlines: Deadlines, rows_at: RowsAt = RowsAt.ATTACHED) -> Message:
    """The report of an applied upload, with the button that undoes it. *rows_at*: where its unreadable rows are by now."""
    began, ended = upload.confirmed_at, upload.finished_at
    took = f" in {duration((ended - began).total_seconds())}" if began and ended else ""
    headline = f"*{counted(upload.newly_opted_out, 'phone')} opted out* from {file_name(upload.file_name)}{took} · {_whose(upload)}"
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
            dropper=person(upload.actor),
        )
        lines.append(f"{counted(upload.unreadable, 'row')} not understood: {where}")
        if upload.unreadable_reasons:
            lines.append(reasons_line(upload.unreadable_reasons))
    # A list that was applied unasked had no preview to say them.
    lines += [quoted(question.text) for question in upload.questions]
    return Message.of(headline, section(headline), *sections(lines, "\n"), *_undo(upload, deadlines))


def _whose(upload: Upload) -> str:
    if upload.decider is None:
        return f"dropped by {person(upload.actor)}"
    if upload.decider.id == upload.actor.id:
        return f"by {person(upload.actor)}"
    return f"dropped by {person(upload.actor)}, confirmed by {person(upload.decider)}"


def _by(upload: Upload) -> str:
    return f" by {person(upload.decider)}" if upload.decider else ""


def stopped(upload: Upload, deadlines: Deadlines) -> Message:
    """The state of a stopped upload: what was applied, and the two ways on."""
    left = upload.phones - upload.applied
    text = (
        f"*{file_name(upload.file_name)} was stopped{_by(upload)} after {upload.applied:,} of "
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
    began, ended = (by.at if by else None), upload.undone_at
    took = f" in {duration((ended - began).total_seconds())}" if began and ended else ""
    who = f" · by {person(by.actor)}" if by else ""
    headline = f"*{file_name(upload.file_name)} was undone: {counted(upload.opted_in, 'phone')} can be texted again*{took}{who}"
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
        if len(value) <= _LONGEST_VALUE:
            button = ButtonElement(text=one_line(f"Use {likely}", 75), action_id="upload.column", value=value)
            blocks.append(ActionsBlock(block_id="upload.likely", elements=[button]))
    if upload.choices.asked is Asked.OPT_IN and not upload.is_scrub:
        blocks.append(buttons(upload, "instead", SCRUB, LOOK_UP))
    return Message.of(headline, *blocks, *_questions(upload))


def failed(upload: Upload, deadlines: Deadlines) -> Message:
    """The report of an upload that failed half-way, and how far it had come."""
    changed = "Nothing was changed."
    if upload.undo_entry_id is not None:
        changed = f"Its undo had opted {counted(upload.opted_in, 'phone')} in by then; it can go on."
    elif upload.applied:
        rest = " the rows that were not understood are attached then, and" if upload.unreadable else ""
        changed = (
            f"{_stand(upload)} Drop the file again for the rest:{rest} phones that are out already are counted as such."
        )
    text = f"*{file_name(upload.file_name)} could not be finished.* {sentence(upload.problem or '')} {changed}"
    return Message.of(text, *sections([text]), *_undo(upload, deadlines))


def cancelled(upload: Upload) -> Message:
    """The end of an upload that somebody cancelled."""
    text = f"*{file_name(upload.file_name)} was cancelled{_by(upload)}.* Nothing was changed."
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
        case UploadState.WAITING | UploadState.CANCELLED | UploadState.EXPIRED if upload.is_look_up and upload.sha256:
            return looked_up(upload)
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
    lines = [f"Undo *{file_name(upload.file_name)}*?", "*No texts will be allowed again.*"]
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
