"""
The opt-out list: its rules and its database. Everything outside takes its names from here.

The verbs block; each is one transaction. They raise `StoreError`, whose text is fit to show a person.
"""

from store.accounts import Accounts
from store.campaigns import Campaigns
from store.cleaning import guarded
from store.database import BUSY_SECONDS, Database
from store.deliveries import ANSWER, Deliveries
from store.digests import Digest, Digests
from store.errors import LeaseLost, ListRefused, StoreBehind, StoreError, StoreUnavailable, WrongState
from store.exports import COLUMNS as EXPORT_COLUMNS
from store.exports import Export, Exports, Wanted
from store.guard import doubts
from store.history import Happening, History, Page
from store.importing import Held, apply_upload, restage, stage_upload, undo_upload
from store.lists import Damaged, ListReader, NoPhoneColumn, Row
from store.notes import OPTING_OUT, Function, Plain, Writer, entry_note, note
from store.optouts import OptOuts
from store.phone import (
    PHONENUMBERS_VERSION,
    CountryUnknown,
    FoundPhone,
    Normaliser,
    NotAPhone,
    PhoneNumber,
    Reason,
    country_name,
    country_of,
    display,
    example,
    find_country,
    find_phones,
    mask,
    national,
    parse_phone,
    split_numbers,
    written,
)
from store.posts import Post, Posts
from store.records import (
    Account,
    AccountSettings,
    Actor,
    Added,
    Batch,
    Carried,
    Cause,
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
from store.summary import Summaries, Summary
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
        self.posts = Posts(database)
        self.exports = Exports(database)
        self.history = History(database)
        self.digests = Digests(database)
        self.summaries = Summaries(database)

    @classmethod
    def open(cls, url: str, *, busy_seconds: float = BUSY_SECONDS) -> "Store":
        """The store at a SQLAlchemy URL. Touches nothing yet: see `Database.migrate` and `Database.require_head`."""
        return cls(Database(url, busy_seconds=busy_seconds))

    def close(self) -> None:
        """Close every connection."""
        self.database.close()


__all__ = [
    "ANSWER",
    "BUSY_SECONDS",
    "EXPORT_COLUMNS",
    "OPTING_OUT",
    "PHONENUMBERS_VERSION",
    "Account",
    "AccountSettings",
    "Actor",
    "Added",
    "Batch",
    "Carried",
    "Cause",
    "Conversation",
    "CountryUnknown",
    "Damaged",
    "Database",
    "Deleted",
    "Delivery",
    "Digest",
    "Entry",
    "Export",
    "FoundPhone",
    "Function",
    "Happening",
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
    "Page",
    "PhoneNumber",
    "PhoneState",
    "Plain",
    "Post",
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
    "Summary",
    "Terms",
    "UnreadableReason",
    "UnreadableRow",
    "Upload",
    "Wanted",
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
    "find_phones",
    "guarded",
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
    "written",
]
