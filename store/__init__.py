"""
The opt-out list: its rules and its database. Everything outside takes its names from here.

The verbs block; each is one transaction. They raise `StoreError`, whose text is fit to show a person.
"""

from store.accounts import Accounts
from store.campaigns import Campaigns
from store.database import BUSY_SECONDS, Database
from store.deliveries import Deliveries
from store.errors import LeaseLost, ListRefused, StoreBehind, StoreError, StoreUnavailable, WrongState
from store.exports import Exports
from store.guard import doubts
from store.importing import Held, apply_upload, restage, stage_upload, undo_upload
from store.lists import Damaged, ListReader, NoPhoneColumn, Row
from store.notes import Function, Plain, Writer, entry_note, note
from store.optouts import OptOuts
from store.phone import (
    PHONENUMBERS_VERSION,
    CountryUnknown,
    Normaliser,
    NotAPhone,
    PhoneNumber,
    Reason,
    country_name,
    country_of,
    display,
    example,
    find_country,
    mask,
    national,
    parse_phone,
    split_numbers,
)
from store.records import (
    Account,
    Actor,
    Added,
    Batch,
    Carried,
    Conversation,
    Deleted,
    Delivery,
    Entry,
    OptOut,
    Origin,
    Outlook,
    PhoneState,
    Terms,
    UnreadableReason,
    UnreadableRow,
    Upload,
)
from store.scrubbing import Scrubbed, scrub, scrub_upload
from store.staging import Progress, Scratch, stage
from store.uploads import StagedCounts, Uploads, require_undoable


class Store:
    """The verbs, by subject, on one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.accounts = Accounts(database)
        self.optouts = OptOuts(database)
        self.campaigns = Campaigns(database)
        self.uploads = Uploads(database)
        self.deliveries = Deliveries(database)
        self.exports = Exports(database)

    @classmethod
    def open(cls, url: str, *, busy_seconds: float = BUSY_SECONDS) -> "Store":
        """The store at a SQLAlchemy URL. Touches nothing yet: see `Database.migrate` and `Database.require_head`."""
        return cls(Database(url, busy_seconds=busy_seconds))

    def close(self) -> None:
        """Close every connection."""
        self.database.close()


__all__ = [
    "BUSY_SECONDS",
    "PHONENUMBERS_VERSION",
    "Account",
    "Actor",
    "Added",
    "Batch",
    "Carried",
    "Conversation",
    "CountryUnknown",
    "Damaged",
    "Database",
    "Deleted",
    "Delivery",
    "Entry",
    "Function",
    "Held",
    "LeaseLost",
    "ListReader",
    "ListRefused",
    "NoPhoneColumn",
    "Normaliser",
    "NotAPhone",
    "OptOut",
    "Origin",
    "Outlook",
    "PhoneNumber",
    "PhoneState",
    "Plain",
    "Progress",
    "Reason",
    "Row",
    "Scratch",
    "Scrubbed",
    "StagedCounts",
    "Store",
    "StoreBehind",
    "StoreError",
    "StoreUnavailable",
    "Terms",
    "UnreadableReason",
    "UnreadableRow",
    "Upload",
    "Writer",
    "WrongState",
    "apply_upload",
    "country_name",
    "country_of",
    "display",
    "doubts",
    "entry_note",
    "example",
    "find_country",
    "mask",
    "national",
    "note",
    "parse_phone",
    "require_undoable",
    "restage",
    "scrub",
    "scrub_upload",
    "split_numbers",
    "stage",
    "stage_upload",
    "undo_upload",
]
