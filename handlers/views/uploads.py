"""What an upload's thread says: progress, preview, report, and why a list was refused. Pure functions."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    ContextBlock,
    MarkdownTextObject,
    Option,
    SectionBlock,
    StaticSelectElement,
)

from handlers.replies import Message
from handlers.views.mrkdwn import escape, person
from store import Upload, country_name

# The countries campaigns text most; any other is given as the account's default with `/optout country`.
COUNTRIES = ("US", "CA", "GB", "IE", "AU", "NZ", "PR", "MX", "DE", "FR", "ES", "IT", "NL", "BR", "IN", "ZA")
_STATES = {
    "received": "being read",
    "waiting": "waiting for a yes",
    "applying": "being opted out",
    "done": "done",
    "refused": "refused",
    "cancelled": "cancelled",
    "stopped": "stopped",
    "failed": "failed",
    "undone": "undone",
}


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 phone`, `4,812 phones`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def bar(fraction: float) -> str:
    """Ten blocks, as many filled as *fraction* (0 to 1) says, and the percentage."""
    fraction = min(max(fraction, 0.0), 1.0)
    filled = int(fraction * 10)
    return "▓" * filled + "░" * (10 - filled) + f" {int(fraction * 100)}%"


def duration(seconds: float) -> str:
    """A span of time as people say it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min"


def reading(upload: Upload, rows: int = 0, fraction: float = 0.0, seconds: float = 0.0) -> Message:
    """While the list is read; *fraction* of its bytes, *seconds* since reading began."""
    text = f"Reading *{escape(upload.file_name)}* {bar(fraction)}"
    if rows:
        about = int(rows / fraction) if fraction > 0 else rows
        text += f" · {rows:,} of about {about:,} rows{_pace(rows, fraction, seconds)}"
    return _message(text, SectionBlock(text=MarkdownTextObject(text=text)))


def applying(upload: Upload, done: int, seconds: float = 0.0) -> Message:
    """While phones are stored; *done* of `upload.phones` so far, *seconds* since this began."""
    fraction = done / upload.phones if upload.phones else 1.0
    text = f"Opting out {counted(upload.phones, 'phone')} from *{escape(upload.file_name)}* {bar(fraction)}"
    if done:
        text += f" · {done:,} of {upload.phones:,}{_pace(done, fraction, seconds)}"
    return _message(text, SectionBlock(text=MarkdownTextObject(text=text)))


def _pace(rows: int, fraction: float, seconds: float) -> str:
    if seconds < 1 or not 0 < fraction < 1:
        return ""
    return f" · {int(rows / seconds):,} a second · about {duration(seconds * (1 - fraction) / fraction)} left"


def preview(upload: Upload) -> Message:
    """What would happen, before it happens, with the question."""
    if upload.to_opt_out:
        found = f"{counted(upload.to_opt_out, 'phone')} to opt out"
    else:
        found = "every phone in it is already opted out" if upload.phones else "no row of it was understood"
    headline = f"*{escape(upload.file_name)}: {found}.* Nothing has changed yet."
    lines = [_counts(upload)]
    assumed = upload.summary.get("assumed", 0)
    if assumed and upload.country:
        had = "row had" if assumed == 1 else "rows had"
        lines.append(f"{assumed:,} {had} no country code: read as *{escape(country_name(upload.country))}*")
    if flagged := upload.summary.get("flagged", 0):
        first = upload.summary.get("flagged_first") or []
        at = f", first at line {first[0][0]:,}" if first else ""
        have = "phone is" if flagged == 1 else "phones are"
        lines.append(f"{flagged:,} {have} of the right length but in no range in use today: check them{at}")
    lines += [escape(remark) for remark in upload.summary.get("remarks", ())]
    label = (
        f"Opt out {counted(upload.to_opt_out, 'phone')}" if upload.to_opt_out else "Keep this list as a second reason"
    )
    blocks: list[Block] = [
        SectionBlock(text=MarkdownTextObject(text=headline)),
        SectionBlock(text=MarkdownTextObject(text=_cut("\n".join(lines)))),
    ]
    # Rows are often not understood because another country's were meant.
    if assumed or upload.unreadable:
        blocks.append(_country_menu(upload))
    answers = [ButtonElement(text="Cancel", action_id="upload.cancel", value=str(upload.id))]
    if upload.phones:
        answers.insert(0, ButtonElement(text=label, action_id="upload.confirm", value=str(upload.id), style="primary"))
    blocks.append(ActionsBlock(block_id="upload.answer", elements=list(answers)))
    if upload.phones:
        text = "Phones can only be opted back in one at a time. An admin confirms."
        blocks.append(ContextBlock(elements=[MarkdownTextObject(text=text)]))
    return _message(headline, *blocks)


def _counts(upload: Upload) -> str:
    parts = [counted(upload.rows, "row")]
    if upload.already:
        parts.append(f"{upload.already:,} already opted out")
    if upload.repeated:
        parts.append(f"{upload.repeated:,} repeated")
    if upload.unreadable:
        parts.append(f"{upload.unreadable:,} not understood{_why(upload)}")
    return " · ".join(parts)


def _why(upload: Upload) -> str:
    reasons = upload.unreadable_reasons
    if not reasons:
        return ""
    shown = [f"{r.rows:,} × {escape(r.reason)}" for r in reasons[:4]]
    if len(reasons) > 4:
        shown.append("others")
    first = min(r.first_line for r in reasons)
    return f" ({'; '.join(shown)}; first at line {first:,})"


def _country_menu(upload: Upload) -> Block:
    codes = list(COUNTRIES)
    if upload.country and upload.country not in codes:
        codes.insert(0, upload.country)
    options = {
        code: Option(text=country_name(code)[:75], value=json.dumps({"upload": upload.id, "country": code}))
        for code in codes
    }
    return SectionBlock(
        block_id="upload.country",
        text=MarkdownTextObject(text="Country of the rows without a country code:"),
        accessory=StaticSelectElement(
            action_id="upload.country",
            placeholder="Country",
            options=list(options.values()),
            initial_option=options.get(upload.country or ""),
        ),
    )


def report(upload: Upload) -> Message:
    """How it ended."""
    began, ended = upload.confirmed_at, upload.finished_at
    took = f" in {duration((ended - began).total_seconds())}" if began and ended else ""
    headline = (
        f"*{counted(upload.newly_opted_out, 'phone')} opted out* from {escape(upload.file_name)}{took} "
        f"· dropped by {person(upload.actor)}"
    )
    lines = []
    if upload.already_opted_out:
        were = "was" if upload.already_opted_out == 1 else "were"
        lines.append(f"{upload.already_opted_out:,} {were} already opted out: this list is kept as a second reason")
    if upload.repeated:
        lines.append(f"{counted(upload.repeated, 'row')} repeated a phone of the same list")
    if upload.unreadable:
        rows = "row" if upload.unreadable == 1 else "rows"
        lines.append(
            f"{upload.unreadable:,} {rows} not understood{_why(upload)}: attached, with the reason for each. "
            "Fix them there and drop the file again."
        )
    blocks: list[Block] = [SectionBlock(text=MarkdownTextObject(text=headline))]
    if lines:
        blocks.append(SectionBlock(text=MarkdownTextObject(text=_cut("\n".join(lines)))))
    return _message(headline, *blocks)


def refused(upload: Upload) -> Message:
    """The list cannot be used as it is; the likely phone column is one click away."""
    headline = f"*Nothing was changed.* {escape(upload.problem or '')}"
    blocks: list[Block] = [SectionBlock(text=MarkdownTextObject(text=_cut(headline)))]
    likely = upload.summary.get("likely")
    if likely:
        value = json.dumps({"upload": upload.id, "column": likely})
        if len(value) <= 2000:
            button = ButtonElement(text=f"Use {likely}"[:75], action_id="upload.column", value=value)
            blocks.append(ActionsBlock(block_id="upload.likely", elements=[button]))
    return _message(headline, *blocks)


def failed(upload: Upload) -> Message:
    """It stopped half-way, and how far it had come."""
    changed = (
        f"{counted(upload.newly_opted_out, 'phone')} had been opted out by then and stay so."
        if upload.applied
        else "Nothing was changed."
    )
    text = f"*{escape(upload.file_name)} could not be finished.* {escape(upload.problem or '')} {changed}"
    return _message(text, SectionBlock(text=MarkdownTextObject(text=_cut(text))))


def cancelled(upload: Upload) -> Message:
    """Somebody said no."""
    text = f"*{escape(upload.file_name)} was cancelled.* Nothing was changed. {escape(upload.problem or '')}"
    return _message(text, SectionBlock(text=MarkdownTextObject(text=_cut(text.strip()))))


def of_state(upload: Upload) -> Message:
    """What the upload's one message says in the state it is in."""
    match upload.state:
        case "received":
            return reading(upload)
        case "waiting":
            return preview(upload)
        case "applying":
            return applying(upload, upload.applied)
        case "done":
            return report(upload)
        case "refused":
            return refused(upload)
        case "cancelled":
            return cancelled(upload)
        case _:
            return failed(upload)


def elsewhere(upload: Upload, message: Message, why: str) -> Message:
    """*message* for a direct message: Slack does not let it into the upload's channel, with *why* its error code."""
    text = (
        f"This belongs in <#{upload.channel_id}>, where Slack does not let me post (`{escape(why)}`). "
        "Where I am missing, `/invite @Opt-Out Desk` helps."
    )
    line = ContextBlock(elements=[MarkdownTextObject(text=text)]).to_dict()
    return Message(text=message.text, blocks=(*message.blocks, line))


def listing(uploads: Sequence[Upload]) -> Message:
    """The latest uploads, newest first."""
    if not uploads:
        text = "*No list has been uploaded yet.* Drop a CSV with a column called `phone` in an uploads channel."
        return _message(text, SectionBlock(text=MarkdownTextObject(text=text)))
    lines = []
    for upload in uploads:
        name = escape(upload.file_name)
        if upload.permalink:
            name = f"<{upload.permalink}|{name}>"
        seconds = int(upload.received_at.astimezone(UTC).timestamp())
        when = f"<!date^{seconds}^{{date_short_pretty}} {{time}}|{_fallback(upload.received_at)}>"
        lines.append(f"*{name}* · {_STATES[upload.state]} · {_outcome(upload)} · {person(upload.actor)}, {when}")
    text = f"*The latest {counted(len(uploads), 'upload')}*"
    sections = [SectionBlock(text=MarkdownTextObject(text=_cut(line))) for line in lines[:20]]
    return _message(text, SectionBlock(text=MarkdownTextObject(text=text)), *sections)


def _outcome(upload: Upload) -> str:
    match upload.state:
        case "received":
            return "nothing changed yet"
        case "waiting" | "cancelled":
            return f"{counted(upload.to_opt_out, 'phone')} to opt out"
        case "refused":
            return "nothing changed"
        case _:
            return f"{counted(upload.newly_opted_out, 'phone')} opted out, {upload.already_opted_out:,} already"


def _fallback(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _cut(text: str) -> str:
    # Slack refuses a section of more than 3,000 characters; a file's own words are what can be that long.
    return text if len(text) <= 2900 else text[:2900].rsplit(" ", 1)[0] + " …"


def _message(text: str, *blocks: Block) -> Message:
    return Message(text=text[:3000], blocks=tuple(block.to_dict() for block in blocks))
