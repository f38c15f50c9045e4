"""Reader of ThruText's own opt-out export, which says when and how each phone opted out: https://docs.getthru.io has no page for it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from store.lists.columns import column_key
from store.lists.formulas import unguarded
from store.records import ImportedNote

_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?")
_AMERICAN = re.compile(r"(\d\d?)/(\d\d?)/(\d{4})(?:,? (\d\d?):(\d\d)(?::(\d\d))?(?: ?([AaPp])\.?[Mm]\.?)?)?")
# Blanks are looked at once: from the first of them on, and not from each again.
_UTC = re.compile(r"(?<!\s)(?:\s*+(?:UTC|GMT)$|\s++(?=[+-]\d\d:?\d\d$))", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ThruTextColumns:
    """The places of the columns of a ThruText export."""

    timestamp: int
    opt_out_type: int
    note: int | None

    @classmethod
    def of(cls, header: Sequence[str]) -> "ThruTextColumns":
        names = list(map(column_key, header))
        return cls(
            names.index("timestamp"), names.index("opt_out_type"), names.index("note") if "note" in names else None
        )

    def read(self, cells: Sequence[str]) -> ImportedNote:
        def cell(place: int | None) -> str:
            return cells[place] if place is not None and place < len(cells) else ""

        asked = _moment(cell(self.timestamp))
        parts = [unguarded(cell(self.note))] if cell(self.note).strip() else []
        if (kind := cell(self.opt_out_type)).strip():
            parts.append(f"opt_out_type: {kind}")
        if asked is None and (found := cell(self.timestamp)).strip():
            parts.append(f"timestamp: {found}")
        return ImportedNote(asked, " · ".join(parts) or None)


def _moment(text: str) -> datetime | None:
    """When *text* says, in UTC, which it is in unless it names a zone; None when that cannot be told."""
    text = _UTC.sub("", text.strip())
    try:
        if _ISO.fullmatch(text):
            read = datetime.fromisoformat(text)
        elif american := _AMERICAN.fullmatch(text):
            month, day, year, hour, minute, second = (int(part or 0) for part in american.groups()[:6])
            if half := american[7]:
                if not 1 <= hour <= 12:
                    return None
                hour = hour % 12 + (12 if half in "Pp" else 0)
            read = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        else:
            return None
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
