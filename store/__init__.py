"""
The opt-out list: its rules and its database. Everything outside takes its names from here.

The verbs block; each is one transaction. They raise `StoreError`, whose text is fit to show a person.
"""

from store.backlog import Backlog
from store.database import BUSY_SECONDS, Database
from store.digests import Digest, DueDigest
from store.errors import KeyReused, LeaseLost, ListRefused, StoreBehind, StoreError, StoreUnavailable, WrongState
from store.exports import COLUMNS as EXPORT_COLUMNS
from store.exports import Export, ExportFilter
from store.guard import doubts
from store.history import HistoryItem, HistoryPage
from store.importing import LeaseKeeper, apply_upload, restage, stage_upload, undo_upload
from store.inbox import InboxEvent
from store.leases import Lease
from store.lists.formulas import guarded
from store.lists.reader import Damaged, ListReader, NoPhoneColumn, Row
from store.lists.staging import ReportProgress, Scratch, stage
from store.lists.unreadable import write_unreadable
from store.notes import OPTING_OUT, Function, PlainWriter, Writer, entry_note, note
from store.outbox import TAKEN_AWAY, OutboxMessage, OutboxState, Post
from store.phones.countries import CountryUnknown, country_name, find_country
from store.phones.display import country_of, display, example, mask, national, written
from store.phones.numbers import PHONENUMBERS_VERSION, NotAPhone, PhoneNumber, Reason
from store.phones.parser import Normaliser, parse_phone
from store.phones.prose import FoundPhone, find_phones, split_numbers
from store.records import (
    Account,
    AccountSettings,
    Actor,
    Added,
    Batch,
    Cause,
    Conversation,
    Deadlines,
    Deleted,
    Entry,
    ImportedNote,
    OptOut,
    Origin,
    PhoneState,
    StagedCounts,
    UndoPreview,
    UnreadableReason,
    UnreadableRow,
    Upload,
)
from store.retention import Pruned, Retention
from store.scrubbing import Scrubbed, scrub, scrub_upload
from store.store import Store
from store.summary import Summary
from store.upload_states import Purpose, UploadState
from store.upload_work import UploadWork
from store.uploads import require_undoable

__all__ = [
    "BUSY_SECONDS",
    "EXPORT_COLUMNS",
    "OPTING_OUT",
    "PHONENUMBERS_VERSION",
    "TAKEN_AWAY",
    "Account",
    "AccountSettings",
    "Actor",
    "Added",
    "Backlog",
    "Batch",
    "Cause",
    "Conversation",
    "CountryUnknown",
    "Damaged",
    "Database",
    "Deadlines",
    "Deleted",
    "Digest",
    "DueDigest",
    "Entry",
    "Export",
    "ExportFilter",
    "FoundPhone",
    "Function",
    "HistoryItem",
    "HistoryPage",
    "ImportedNote",
    "InboxEvent",
    "KeyReused",
    "Lease",
    "LeaseKeeper",
    "LeaseLost",
    "ListReader",
    "ListRefused",
    "NoPhoneColumn",
    "Normaliser",
    "NotAPhone",
    "OptOut",
    "Origin",
    "OutboxMessage",
    "OutboxState",
    "PhoneNumber",
    "PhoneState",
    "PlainWriter",
    "Post",
    "Pruned",
    "Purpose",
    "Reason",
    "ReportProgress",
    "Retention",
    "Row",
    "Scratch",
    "Scrubbed",
    "StagedCounts",
    "Store",
    "StoreBehind",
    "StoreError",
    "StoreUnavailable",
    "Summary",
    "UndoPreview",
    "UnreadableReason",
    "UnreadableRow",
    "Upload",
    "UploadState",
    "UploadWork",
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
    "write_unreadable",
    "written",
]
