"""
The wrong-file guard: why a list may not be the opt-out list it was dropped as. Pure.

A doubt forbids nothing. It is said in the preview, and the yes then takes typing the number of phones.
"""

from store.notes import Writer
from store.phones.countries import country_name
from store.records import Entry, Upload

# Of the phones known from conversations, the share that a list opts out. A whole campaign's opt-outs are a few percent.
UNUSUAL_SHARE = 0.2
# Known phones below which a share says nothing.
LEAST_KNOWN = 50
# Rows, or phones, below which "most of them" says nothing.
LEAST_ROWS = 10


def doubts(upload: Upload, write: Writer, *, before: Entry | None = None) -> tuple[str, ...]:
    """
    A sentence for each doubt about a staged *upload*; none for a list that looks like one of opt-outs.

    *before*: the entry by which the same file was applied already. `upload.summary` may hold `contact_signs` (words for
    what contact lists have, none or several), `known` and `texted` (phones with conversations; those of them the list opts out) and
    `countries` ([[region, phones], ...]); what is missing raises no doubt.
    """
    sentences = [
        _contacts(upload, write),
        _share(upload),
        _foreign(upload),
        _unreadable(upload),
        _before(before, write),
    ]
    return tuple(sentence for sentence in sentences if sentence)


def _contacts(upload: Upload, write: Writer) -> str:
    signs = [write.text(str(sign)) for sign in upload.summary.get("contact_signs", ())]
    if not signs:
        return ""
    return f"This looks like a contact list, not an opt-out list: it has {', '.join(signs[:-1])} and {signs[-1]}."


def _share(upload: Upload) -> str:
    known, texted = upload.summary.get("known", 0), upload.summary.get("texted", 0)
    if known < LEAST_KNOWN or texted < UNUSUAL_SHARE * known:
        return ""
    return f"It would opt out {_percent(texted, known)} of the {known:,} phones you have conversations with."


def _foreign(upload: Upload) -> str:
    counts = {str(region): int(phones) for region, phones in upload.summary.get("countries", ())}
    total = sum(counts.values())
    foreign = total - counts.pop(upload.country or "", 0)
    if upload.country is None or total < LEAST_ROWS or foreign * 2 <= total:
        return ""
    most = max(counts, key=lambda region: counts[region])
    return (
        f"{_percent(foreign, total)} of its phones are not from {country_name(upload.country)}: "
        f"most are from {country_name(most)}."
    )


def _unreadable(upload: Upload) -> str:
    if upload.rows < LEAST_ROWS or upload.unreadable * 2 <= upload.rows:
        return ""
    return f"Most of its rows were not understood: {upload.unreadable:,} of {upload.rows:,}."


def _before(before: Entry | None, write: Writer) -> str:
    if before is None:
        return ""
    name = write.text(before.file_name or "a list")
    return f"The same file was applied already, as {name}, by {write.person(before.actor)}{write.moment(before.at)}."


def _percent(part: int, whole: int) -> str:
    return f"{100 * part // whole}%"
