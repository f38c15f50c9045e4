"""
The opt-out list: its rules and its database. These are its public names, all that `bot` and `handlers` import.

The verbs block; each is one transaction. They raise `StoreError`, whose text is fit to show a person.
"""

from store.allow_requests import AllowDecision, AllowRequest, AllowState
from store.allowing import is_of_contact, rule_of, says_why
from store.amounts import bytes_words, days_words, read_bytes, read_days
from store.answers import AnswerKind, DestinationAnswer
from store.backups import SHORTEST_SECRET, back_up, restore, settle_restored
from store.changes import ChangeCursor, ChangedPhone, ChangesPage
from store.choices import NOTHING_CHOSEN, Asked, Choices, Question, Undecided
from store.clock import Clock, Handled, Nearing, PassedOn
from store.comparing import Compared, compare
from store.database import identity_of, parsed_url
from store.destinations import (
    LACKING,
    LONGEST_ADDRESS,
    MOST_LACKING,
    Destination,
    DestinationKind,
    DestinationState,
    LoadedFile,
    NewDestination,
    checked_address,
    checked_layout,
)
from store.destinations import LONGEST_NAME as LONGEST_DESTINATION_NAME
from store.digests import Digest, DueDigest
from store.erased import require_key
from store.errors import (
    ChangesPruned,
    KeyReused,
    LeaseLost,
    ListRefused,
    StoreError,
    StoreRefused,
    StoreUnavailable,
    WrongState,
)
from store.evidence_file import write_evidence
from store.exports import COLUMNS as EXPORT_COLUMNS
from store.exports import Covered, Export, ExportFilter
from store.figures import Figures
from store.guard import doubts
from store.handovers import Errand, Handover, HandoverState
from store.heard import Heard, KeptReply, Reply, ToldReply
from store.history import HistoryItem, HistoryPage
from store.hooks import DueHook, Hook, HookKind, checked_api_key, checked_public_key
from store.importing import LeaseKeeper, apply_upload, recount, restage, stage_upload, undo_upload
from store.inbox import InboxEvent, InboxState
from store.installations import Installation, NewInstallation
from store.keys import LONGEST_NAME as LONGEST_KEY_NAME
from store.keys import Key, KeyRefused, KeyState, MadeKey, Scope, id_of_key
from store.leases import Lease
from store.lists.heading import NoPhoneColumn
from store.lists.kinds import kind_by_suffix, scrubbed_name, suffixes_read
from store.lists.reader import names_in_list
from store.lists.staging import Scratch
from store.lists.unreadable import write_unreadable
from store.moments import ListMoment
from store.moving import Move, move_account, preview_move
from store.notes import OPTING_OUT, Function, PlainWriter, entry_note, note, why
from store.optouts import Checked
from store.outbox import TAKEN_AWAY, OutboxMessage, OutboxState, Post
from store.phones.countries import COUNTRY_CODES, CountryUnknown, country_name, find_country
from store.phones.display import display, mask, written
from store.phones.masking import mask_prose
from store.phones.numbers import NotAPhone, PhoneNumber, Reason
from store.phones.parser import parse_phone
from store.phones.prose import LONGEST_PROSE, PHONE, FoundPhone, TextReading, read_text
from store.records import (
    Account,
    AccountSettings,
    Actor,
    Added,
    AllowRule,
    Cause,
    Conversation,
    Deadlines,
    Deleted,
    Entry,
    OptOut,
    Origin,
    PhoneState,
    Recount,
    UndoPreview,
    UnreadableReason,
    Upload,
)
from store.relocating import relocate
from store.replies.judge import Outcome
from store.replies.wording import Wording, WordRefused, added_words
from store.retention import Retention
from store.scrubbing import Scrubbed, scrub, scrub_upload
from store.sent_files import PIECE_BYTES, NewFile
from store.served import Served
from store.store import Store
from store.summary import Changes, Summary
from store.texts import keepable
from store.token_keys import SHORTEST_KEY as SHORTEST_TOKEN_KEY
from store.token_keys import TokenKeys, Tokens, WrongTokenKeyError
from store.twilio import checked_account, checked_login, checked_secret, checked_sender
from store.upload_states import Purpose, UploadState
from store.upload_work import UploadWork
from store.uploads import Crowded, require_undoable
from store.van import checked_application, checked_key, van_number
from store.waiting_replies import ReplyState

__all__ = [
    "COUNTRY_CODES",
    "EXPORT_COLUMNS",
    "LACKING",
    "LONGEST_ADDRESS",
    "LONGEST_DESTINATION_NAME",
    "LONGEST_KEY_NAME",
    "LONGEST_PROSE",
    "MOST_LACKING",
    "NOTHING_CHOSEN",
    "OPTING_OUT",
    "PHONE",
    "PIECE_BYTES",
    "SHORTEST_SECRET",
    "SHORTEST_TOKEN_KEY",
    "TAKEN_AWAY",
    "Account",
    "AccountSettings",
    "Actor",
    "Added",
    "AllowDecision",
    "AllowRequest",
    "AllowRule",
    "AllowState",
    "AnswerKind",
    "Asked",
    "Cause",
    "ChangeCursor",
    "ChangedPhone",
    "Changes",
    "ChangesPage",
    "ChangesPruned",
    "Checked",
    "Choices",
    "Clock",
    "Compared",
    "Conversation",
    "CountryUnknown",
    "Covered",
    "Crowded",
    "Deadlines",
    "Deleted",
    "Destination",
    "DestinationAnswer",
    "DestinationKind",
    "DestinationState",
    "Digest",
    "DueDigest",
    "DueHook",
    "Entry",
    "Errand",
    "Export",
    "ExportFilter",
    "Figures",
    "FoundPhone",
    "Function",
    "Handled",
    "Handover",
    "HandoverState",
    "Heard",
    "HistoryItem",
    "HistoryPage",
    "Hook",
    "HookKind",
    "InboxEvent",
    "InboxState",
    "Installation",
    "KeptReply",
    "Key",
    "KeyRefused",
    "KeyReused",
    "KeyState",
    "Lease",
    "LeaseKeeper",
    "LeaseLost",
    "ListMoment",
    "ListRefused",
    "LoadedFile",
    "MadeKey",
    "Move",
    "Nearing",
    "NewDestination",
    "NewFile",
    "NewInstallation",
    "NoPhoneColumn",
    "NotAPhone",
    "OptOut",
    "Origin",
    "OutboxMessage",
    "OutboxState",
    "Outcome",
    "PassedOn",
    "PhoneNumber",
    "PhoneState",
    "PlainWriter",
    "Post",
    "Purpose",
    "Question",
    "Reason",
    "Recount",
    "Reply",
    "ReplyState",
    "Retention",
    "Scope",
    "Scratch",
    "Scrubbed",
    "Served",
    "Store",
    "StoreError",
    "StoreRefused",
    "StoreUnavailable",
    "Summary",
    "TextReading",
    "TokenKeys",
    "Tokens",
    "ToldReply",
    "Undecided",
    "UndoPreview",
    "UnreadableReason",
    "Upload",
    "UploadState",
    "UploadWork",
    "WordRefused",
    "Wording",
    "WrongState",
    "WrongTokenKeyError",
    "added_words",
    "apply_upload",
    "back_up",
    "bytes_words",
    "checked_account",
    "checked_address",
    "checked_api_key",
    "checked_application",
    "checked_key",
    "checked_layout",
    "checked_login",
    "checked_public_key",
    "checked_secret",
    "checked_sender",
    "compare",
    "country_name",
    "days_words",
    "display",
    "doubts",
    "entry_note",
    "find_country",
    "id_of_key",
    "identity_of",
    "is_of_contact",
    "keepable",
    "kind_by_suffix",
    "mask",
    "mask_prose",
    "move_account",
    "names_in_list",
    "note",
    "parse_phone",
    "parsed_url",
    "preview_move",
    "read_bytes",
    "read_days",
    "read_text",
    "recount",
    "relocate",
    "require_key",
    "require_undoable",
    "restage",
    "restore",
    "rule_of",
    "says_why",
    "scrub",
    "scrub_upload",
    "scrubbed_name",
    "settle_restored",
    "stage_upload",
    "suffixes_read",
    "undo_upload",
    "van_number",
    "why",
    "write_evidence",
    "write_unreadable",
    "written",
]
