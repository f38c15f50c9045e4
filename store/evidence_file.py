"""The evidence of one number as a file: a zip with a page for people and the same as JSON, which need nothing else."""

import json
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Final

from store.answers import AnswerKind, DestinationAnswer
from store.destinations import DestinationKind
from store.evidence import Evidence, EvidenceEvent, ListSource
from store.phones.display import display
from store.records import Actor

PAGE, DATA = "evidence.html", "evidence.json"
# Of the page: nothing is fetched and nothing runs, whatever stands in a name.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE: Final = (
    "body{font:16px/1.5 sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}"
    "dd{white-space:pre-wrap}dt{font-weight:bold;float:left;clear:left;width:11rem}dd{margin-left:11.5rem}"
    "section{border-top:1px solid #999;padding-top:.5rem}"
    "@media(max-width:40rem){dt{float:none;width:auto}dd{margin-left:1rem}}"
)


def write_evidence(evidence: Evidence, path: Path) -> None:
    """Write *evidence* to *path* as a zip of `PAGE` and `DATA`."""
    made = evidence.made_at.astimezone(UTC).timetuple()[:6]
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in ((PAGE, evidence_page(evidence)), (DATA, evidence_as_json(evidence))):
            archive.writestr(zipfile.ZipInfo(name, made), text, zipfile.ZIP_DEFLATED)


def evidence_as_json(evidence: Evidence) -> str:
    """*evidence* as JSON, with the fields of `Evidence`; moments in UTC as RFC 3339 has them."""
    return json.dumps(asdict(evidence), default=_moment, ensure_ascii=False, indent=2) + "\n"


def evidence_page(evidence: Evidence) -> str:
    """*evidence* as a page of HTML that stands by itself; whatever people wrote is text in it, and nothing else."""
    number = display(evidence.phone, None)
    state = "is opted out and must not be texted" if evidence.opted_out else "is not opted out"
    if evidence.since is not None:
        state += f", since {_time(evidence.since)}"
    many = len(evidence.events) + evidence.left_out
    story = "" if evidence.was_out else "It was never opted out on this list. "
    story += f"Entries of the list's history that are about it: {many:,}"
    story += f", of which the {evidence.left_out:,} oldest are left out." if evidence.left_out else "."
    head = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="viewport" content="width=device-width"><title>Evidence of {escape(evidence.phone)}</title>\n'
        f"<style>{_STYLE}</style></head><body>\n<h1>Evidence of {escape(number)}</h1>\n"
        f"<p><strong>{escape(evidence.phone)} {state}.</strong></p>\n<p>{story}</p>\n"
        f"<p>From the opt-out list of {_text(evidence.account_name)} ({_text(evidence.account)}), as it was at "
        f"{_time(evidence.made_at)}. Times are in UTC, oldest first.</p>\n"
    )
    answers = "".join(f"<dt>{_text(one.destination)}</dt><dd>{_answer(one)}</dd>" for one in evidence.destinations)
    passed_on = f"<section><h2>Passed on</h2>\n<dl>{answers}</dl></section>\n" if answers else ""
    return head + "".join(_section(event) for event in evidence.events) + passed_on + "</body></html>\n"


def _section(event: EvidenceEvent) -> str:
    rows = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in _rows(event) if value)
    return f"<section><h2>Entry {event.entry:,}</h2>\n<p>{_text(event.note)}</p>\n<dl>{rows}</dl></section>\n"


def _rows(event: EvidenceEvent) -> Iterator[tuple[str, str]]:
    """The lines of one event: a name, and its value as HTML, empty for none."""
    yield "Requested", _time(event.requested_at) if event.requested_at else "nobody said when" if event.opts_out else ""
    yield "Heard", _time(event.heard_at)
    yield "In effect", _time(event.effect_at) if event.effect_at else ""
    yield "By", _person(event.by)
    yield "For", _person(event.asked_by) if event.asked_by else ""
    yield "Cause", _text(event.cause)
    yield "Exact words", _text(event.reason)
    yield "Channel", _text(" ".join(filter(None, (event.channel_name and f"#{event.channel_name}", event.channel_id))))
    yield "Message", _text(" ".join(filter(None, (event.message_ts, event.permalink))))
    if event.from_list is not None:
        yield from _of_list(event.from_list)
    if event.second_admin is not None:
        second = event.second_admin
        decided = f", by {_person(second.decided_by)}" if second.decided_by else ""
        yield (
            "Second admin",
            _text(second.state) + decided + (f", {_time(second.decided_at)}" if second.decided_at else ""),
        )
    yield "Taken back by", f"entry {event.taken_back_by:,}" if event.taken_back_by else ""
    yield "Takes back", ", ".join(f"entry {one:,}" for one in event.takes_back)
    if event.takes_back:
        if event.reopened is None:
            yield "Re-opened", "which conversations is not kept for this entry"
        else:
            named = [
                f"{_text(one.name)} ({_text(one.campaign)}), contact {_text(one.contact)}" for one in event.reopened
            ]
            yield "Re-opened", "; ".join(named) or "no conversation"


def _of_list(source: ListSource) -> Iterator[tuple[str, str]]:
    line = "" if source.line is None else f", line {source.line:,}"
    yield "List", f"{_text(source.file)}{line} (upload {source.upload:,}, file {_text(source.file_id)})"
    yield "SHA-256", source.sha256 or "not known"
    yield "The list said", _text(source.said)
    yield "Dropped by", f"{_person(source.dropped_by)}, {_time(source.received_at)}, in {_text(source.channel_id)}"
    yield "Decided by", _person(source.decided_by) if source.decided_by else ""
    yield "Dropped at", _text(source.permalink)


def _answer(one: DestinationAnswer) -> str:
    """What a destination made of how the phone is now, as HTML."""
    why = f": {_text(one.why)}" if one.why else ""
    since = f", since {_time(one.since)}" if one.since else ""
    match one.answer:
        case AnswerKind.TOOK:
            did = "was loaded there" if one.kind == DestinationKind.FILE else "took it"
            said = f"{did}, {_time(one.at)}" if one.at else f"{did}; when is not kept"
        case AnswerKind.REPORTED:
            said = f"reported it itself{f', {_time(one.at)}' if one.at else ''}"
        case AnswerKind.WAITS:
            said = f"{'waits to be loaded there by somebody' if one.kind == DestinationKind.FILE else 'not yet told'}{since}{why}"
        case AnswerKind.DID_NOT_TAKE:
            said = f"did not take it{since}{why}"
        case AnswerKind.NOT_TOLD:
            said = "is told of opt-outs alone"
    return said + (f" (removed {_time(one.removed_at)})" if one.removed_at else "")


def _person(actor: Actor) -> str:
    return f"{_text(actor.name)} ({_text(actor.id)})"


def _text(text: str | None) -> str:
    """What somebody wrote, as HTML: set apart, so that signs which turn the direction end with it."""
    return f"<bdi>{escape(text)}</bdi>" if text else ""


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
