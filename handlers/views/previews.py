"""Views of a list that was read: what would happen, the questions on how it is read, and what is only looked up. Pure functions."""

import json
from dataclasses import replace

from slack_sdk.models.blocks import ActionsBlock, Block, ButtonElement, Option, StaticSelectElement

from handlers.slack.messages import Message
from handlers.slack.mrkdwn import (
    SlackWriter,
    context,
    counted,
    file_name,
    listed,
    moment,
    one_line,
    person,
    quoted,
    section,
    sections,
    sentence,
)
from handlers.views.unreadable import reason_lines
from handlers.views.upload_buttons import CANCEL, LEAVE, LONGEST_VALUE, SCRUB, SCRUB_INSTEAD, button, buttons
from store import Asked, Deadlines, Entry, Upload, UploadState, country_name, display, doubts

# The countries campaigns text most; any other is given as the account's default with `/optout country`.
COUNTRIES = ("US", "CA", "GB", "IE", "AU", "NZ", "PR", "MX", "DE", "FR", "ES", "IT", "NL", "BR", "IN", "ZA")

# A message holds 50 blocks: https://docs.slack.dev/reference/block-kit/blocks
_MOST_QUESTIONS = 5


def preview(upload: Upload, deadlines: Deadlines, before: Entry | None = None) -> Message:
    """
    The preview of an upload: what would happen, and the question. What is odd about the list comes first.

    *before*: the entry that applied the same file already.
    """
    # Counts say little before it is decided what they are of.
    settled = bool(upload.phones) and not upload.undecided
    wrong = doubts(upload, SlackWriter(), before=before) if settled else ()
    headline = _headline(upload, odd=bool(wrong))
    blocks: list[Block] = [section(headline)]
    if wrong:
        blocks += sections(
            [*(f"• {one}" for one in wrong), "To go on, an admin has to type the number of phones."], "\n"
        )
    asked = questions(upload)
    blocks += asked if upload.undecided else ()
    blocks += sections(_looked_at(upload), "\n")
    blocks += () if upload.undecided else asked
    blocks += _country_menu(upload)
    blocks.append(ActionsBlock(block_id="upload.answer", elements=_answers(upload, settled=settled, odd=bool(wrong))))
    if upload.choices.alone:
        blocks.append(context(_ALONE))
    elif upload.choices.asked is Asked.UNCLEAR:
        blocks.append(context(_NOT_PLAIN))
    small = [f"Upload {upload.id}"]
    if settled:
        small.append("An admin confirms.")
    if upload.waiting_since is not None:
        small.append(f"Waits {moment(upload.waiting_since + deadlines.expire, 'until ')}")
    blocks.append(context(" · ".join(small)))
    return replace(Message.of(headline, *blocks, phones=upload.first_phones), home=upload.country)


def _headline(upload: Upload, *, odd: bool) -> str:
    sign, name, held = ":warning: " if odd else "", file_name(upload.file_name), found(upload)
    if upload.choices.asked is Asked.UNCLEAR:
        wrong = " It may be the wrong list." if odd else ""
        return (
            f"{sign}*{name}: what is to be done with it?*{wrong} {held[0].upper()}{held[1:]}. Nothing has changed yet."
        )
    if odd:
        return f"{sign}*{name} may be the wrong list: {held}.* Nothing has changed yet."
    return f"*{name}: {held}.* Nothing has changed yet."


def _looked_at(upload: Upload) -> list[str]:
    """What was read of the list, line by line: how it begins, its counts, what to check, what was forgiven, what can be done."""
    lines = [*_beginning(upload), *_rows_read(upload)]
    if upload.is_sent:
        why = f": {quoted(upload.reason)}" if upload.reason else ""
        lines.insert(0, f"Sent by {person(upload.actor)}{why}")
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
    elif not upload.to_opt_out and not upload.undecided:
        lines.append(
            "Nobody new would be opted out. Kept as a second reason, the list is noted for each of them, and they stay opted "
            "out even if the upload that has them now is undone."
        )
    return lines


def _beginning(upload: Upload) -> list[str]:
    """The line with the first phones, by which people recognise their list."""
    shown = [display(phone, upload.country) for phone in upload.first_phones]
    if not shown:
        return []
    return [f"It begins with {listed(shown)}" if upload.phones > len(shown) else f"In it: {listed(shown)}"]


def _answers(upload: Upload, *, settled: bool, odd: bool) -> list[ButtonElement]:
    """The buttons. The first of them is the likely one: of an *odd* list to leave it, whose other is marked as dangerous."""
    unclear = upload.choices.asked is Asked.UNCLEAR
    answers = [button(upload, LEAVE if unclear else CANCEL)]
    if upload.phones:
        answers.insert(0, button(upload, SCRUB if unclear else SCRUB_INSTEAD))
    if not settled:
        return answers
    value = json.dumps({"upload": upload.id, "fingerprint": upload.fingerprint})
    # Where it is not known what was meant, or nobody new is opted out, no answer is the likely one.
    style = "danger" if odd else None if unclear or not upload.to_opt_out else "primary"
    # Whoever is asked alone need not be an admin.
    asks_alone = upload.choices.alone or (unclear and upload.is_direct)
    action = "want" if asks_alone else "confirm"
    yes = ButtonElement(text=_yes(upload), action_id=f"upload.{action}", value=value, style=style)
    return [answers[-1], yes, *answers[:-1]] if odd else [yes, *answers]


def _rows_read(upload: Upload) -> list[str]:
    """What was read of the list: its counts, why rows were not understood, and the country of those that name none."""
    lines = [_counts(upload)]
    if upload.unreadable_reasons:
        lines.append(reason_lines(upload.unreadable_reasons))
    assumed = upload.summary.get("assumed", 0)
    if assumed and upload.country:
        had = "row had" if assumed == 1 else "rows had"
        lines.append(f"{assumed:,} {had} no country code: read as *{quoted(country_name(upload.country))}*")
    return lines


def looked_up(upload: Upload) -> Message:
    """What is known of a list that was only to be looked up: counts, and, while it waits, how to get the rows."""
    are = "is" if upload.already == 1 else "are"
    held = f"{upload.already:,} of its {counted(upload.phones, 'phone')} {are} opted out"
    if not upload.phones:
        held = "no row of it was understood"
    headline = f"*{file_name(upload.file_name)}: {held}.* It was only looked up: nothing has changed."
    lines = [*_beginning(upload), *_rows_read(upload)]
    lines += [quoted(remark) for remark in upload.summary.get("remarks", ())]
    blocks: list[Block] = [section(headline), *sections(lines, "\n")]
    if upload.state is UploadState.WAITING:
        blocks += questions(upload)
        blocks += _country_menu(upload)
        blocks.append(buttons(upload, "answer", *((SCRUB,) if upload.phones else ()), LEAVE))
        blocks.append(context(f"Upload {upload.id} · Scrubbed it comes back without the rows that are opted out."))
    return replace(Message.of(headline, *blocks, phones=upload.first_phones), home=upload.country)


def compared(upload: Upload) -> Message:
    """What a platform's own list and the account's have apart and in common, and, while it waits, what can be done about it."""
    theirs, ours = upload.to_opt_out, upload.only_ours
    lines = [f"In the file {counted(upload.phones, 'phone')} · here {upload.ours:,} · {upload.already:,} in both"]
    apart = f"{counted(theirs, 'phone')} only in the file, {ours:,} only here"
    if upload.undecided:
        apart, lines = "it is to be chosen how it is read", []
    elif not upload.phones:
        apart = "no row of it was understood"
    elif not (theirs or ours):
        apart = f"it has the same {counted(upload.phones, 'phone')} as this list"
    headline = f"*{file_name(upload.file_name)}: {apart}.* It was only compared: nothing has changed."
    lines += [*_beginning(upload), *_rows_read(upload)]
    if upload.unreadable and ours and not upload.undecided:
        lines.append("What was not understood may be among what is only here.")
    lines += [quoted(remark) for remark in upload.summary.get("remarks", ())]
    asked = questions(upload) if upload.state is UploadState.WAITING else []
    blocks: list[Block] = [section(headline), *(asked if upload.undecided else ()), *sections(lines, "\n")]
    if upload.state is UploadState.WAITING:
        blocks += () if upload.undecided else asked
        blocks += _country_menu(upload)
        # Of a list that was not read at all everything here would be only here.
        settled = bool(upload.phones) and not upload.undecided
        kinds = [(f"Preview opting out {counted(theirs, 'phone')}", "take", None)] if settled and theirs else []
        if settled and ours:
            kinds += [
                (f"Pass {counted(ours, 'phone')} on", "pass_on", None),
                (f"Send me {counted(ours, 'phone')}", "missing", None),
            ]
        blocks.append(buttons(upload, "answer", *kinds, LEAVE))
        blocks.append(
            context(
                f"Upload {upload.id} · An admin decides. What is only here is passed on there, or comes as a file to load there."
            )
        )
    return replace(Message.of(headline, *blocks, phones=upload.first_phones), home=upload.country)


# Below a question: why it is asked.
_NOT_PLAIN = "It was not said plainly what it is for, so nothing is done before somebody chooses."
_ALONE = (
    "Only you see this. Nobody mentioned me, so nothing is done with it unless you choose. An admin decides in the settings "
    "whether I ask."
)


def questions(upload: Upload) -> list[Block]:
    """The first questions on how the list is read, open ones before others, each above a button for every way."""
    blocks: list[Block] = []
    for place, question in enumerate(upload.questions[:_MOST_QUESTIONS]):
        if question.text not in (upload.problem or ""):
            blocks += sections([sentence(question.text)])
        for number, offer in enumerate(question.offers):
            value = json.dumps({"upload": upload.id, "choices": dict(offer.choices)})
            if len(value) > LONGEST_VALUE:
                continue
            # A block each, since the action ids in one have to differ:
            # https://docs.slack.dev/reference/block-kit/block-elements/button-element
            pressed = ButtonElement(text=one_line(offer.label, 75), action_id="upload.read", value=value)
            blocks.append(ActionsBlock(block_id=f"upload.question.{place}.{number}", elements=[pressed]))
    return blocks


def found(upload: Upload) -> str:
    """What was found in the list, in words that complete "it waits: ..."."""
    if upload.undecided:
        return "it is to be chosen how it is read"
    if upload.to_opt_out:
        return f"{counted(upload.to_opt_out, 'phone')} to opt out"
    if not upload.phones:
        return "no row of it was understood"
    return (
        f"all {upload.phones:,} of its phones are already opted out"
        if upload.phones > 1
        else "its phone is already opted out"
    )


def _yes(upload: Upload) -> str:
    return f"Opt out {counted(upload.asked, 'phone')}" if upload.to_opt_out else "Keep as a second reason"


def _counts(upload: Upload) -> str:
    """The rows of the list, and what they are, which adds up."""
    rows = counted(upload.rows, "row")
    unread = [f"{upload.unreadable:,} not understood"] if upload.unreadable else []
    new = f"{upload.to_opt_out:,} {'not opted out' if upload.is_only_told else 'to opt out'}"
    parts = [new] if upload.to_opt_out else []
    if upload.already:
        parts.append(f"{upload.already:,} {'' if upload.is_only_told else 'already '}opted out")
    if upload.repeated:
        parts.append(f"{upload.repeated:,} repeated")
    if upload.phones + upload.repeated + upload.unreadable == upload.rows:
        return f"{rows}: {' · '.join([*parts, *unread])}" if upload.rows else rows
    # Several columns have phones: what is counted are cells.
    cells = counted(upload.phones + upload.repeated, "phone")
    return f"{' · '.join([rows, *unread])} · {cells} in them: {' · '.join(parts)}"


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
