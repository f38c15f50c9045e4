"""Views of a list that was read: what would happen, the questions on how it is read, and what is only looked up. Pure functions."""

import json

from slack_sdk.models.blocks import ActionsBlock, Block, ButtonElement, Option, StaticSelectElement

from handlers.slack.messages import Message
from handlers.slack.mrkdwn import (
    SlackWriter,
    context,
    counted,
    file_name,
    moment,
    one_line,
    quoted,
    section,
    sections,
    sentence,
)
from handlers.views.unreadable import reasons_line
from handlers.views.upload_buttons import CANCEL, LEAVE, LONGEST_VALUE, SCRUB, SCRUB_INSTEAD, button, buttons
from store import Asked, Deadlines, Entry, Upload, UploadState, country_name, doubts

# The countries campaigns text most; any other is given as the account's default with `/optout country`.
COUNTRIES = ("US", "CA", "GB", "IE", "AU", "NZ", "PR", "MX", "DE", "FR", "ES", "IT", "NL", "BR", "IN", "ZA")

# A message holds 50 blocks: https://docs.slack.dev/reference/block-kit/blocks
_MOST_QUESTIONS = 5


def preview(upload: Upload, deadlines: Deadlines, before: Entry | None = None) -> Message:
    """
    The preview of an upload: what would happen, and the question.

    *before*: the entry that applied the same file already.
    """
    unclear = upload.choices.asked is Asked.UNCLEAR
    headline = f"*{file_name(upload.file_name)}: {found(upload)}.* Nothing has changed yet."
    if unclear:
        held = found(upload)
        headline = (
            f"*{file_name(upload.file_name)}: what is to be done with it?* {held[0].upper()}{held[1:]}. "
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
    asked = questions(upload)
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
        small.insert(-1, f"Waits until {moment(upload.waiting_since + deadlines.expire)}")
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
    held = f"{upload.already:,} of its {counted(upload.phones, 'phone')} {are} opted out"
    if not upload.phones:
        held = "no row of it was understood"
    headline = f"*{file_name(upload.file_name)}: {held}.* It was only looked up: nothing has changed."
    lines = _rows_read(upload)
    lines += [quoted(remark) for remark in upload.summary.get("remarks", ())]
    blocks: list[Block] = [section(headline), *sections(lines, "\n")]
    if upload.state is UploadState.WAITING:
        blocks += questions(upload)
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
    """What was found in the list, in words for "it waits: ..."."""
    if upload.undecided:
        return "it is to be chosen how it is read"
    if upload.to_opt_out:
        return f"{counted(upload.to_opt_out, 'phone')} to opt out"
    return "every phone in it is already opted out" if upload.phones else "no row of it was understood"


def _yes(upload: Upload) -> str:
    return f"Opt out {counted(upload.asked, 'phone')}" if upload.to_opt_out else "Keep this list as a second reason"


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
