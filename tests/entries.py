"""What stands in an account's list, for tests that look at what was done to it: its newest entries, its phones."""

import csv
import io

from store import Entry, ExportFilter, Store


def latest_entries(store: Store, account: int, limit: int) -> tuple[Entry, ...]:
    """The last *limit* entries, newest first."""
    return tuple(item.entry for item in store.history.list(account, limit=limit).items)


def exported(store: Store, account: int) -> list[dict[str, str]]:
    """The rows of the desk's own export by their columns: every phone that is opted out, in order."""
    out = io.StringIO(newline="")
    store.exports.write(account, out, ExportFilter())
    out.seek(0)
    return list(csv.DictReader(out))


def opted_out(store: Store, account: int) -> list[str]:
    """Every phone that is opted out, in order."""
    return [row["phone"] for row in exported(store, account)]
