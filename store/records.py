"""Records: the frozen values that the store takes and hands out, never rows of the database."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any, Final

from store.choices import NOTHING_CHOSEN, ONLY_TOLD, Asked, Choices, Question
from store.phones.numbers import Reason
from store.upload_states import UNDECIDED, UNTOUCHED, Purpose, UploadState


@dataclass(frozen=True, slots=True)
class Actor:
    """The person or system on whose word something is done. *id* is Slack's user id where there is one."""

    id: str
    name: str

    @property
    def is_person(self) -> bool:
        """Whether Slack knows them: ids of systems, `key:...` or `local:...`, have a colon, and none of Slack's has."""
        return ":" not in self.id


# How ids of files begin that the store keeps itself; Slack's own begin with a capital letter.
SENT: Final = "sent:"


class Cause(StrEnum):
    """The cause of an opt-out, one of the words that a form offers; the entry's reason says the rest."""

    ASKED = "asked to stop"
    WRONG_NUMBER = "wrong number"
    DECEASED = "deceased"
    HOSTILE = "hostile"
    LEGAL = "legal threat"
    TEST = "staff or test number"
    OTHER = "other"


class AllowRule(IntEnum):
    """What it takes to allow texts to a phone again: see `store.allowing`. The larger, the stricter."""

    # A mistake: one yes.
    CONFIRM = 0
    # What the contact asked for: the reason why it is no more.
    REASON = 1
    # A legal threat: the reason, and the yes of a second admin.
    TWO_ADMINS = 2


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a change, as its entry will name it: who, where, by which function, why."""

    function: str
    actor: Actor
    channel_id: str | None = None
    channel_name: str | None = None
    message_ts: str | None = None
    permalink: str | None = None
    reason: str | None = None
    requested_at: datetime | None = None
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """
    The settings that an account's admins decide, as opposed to who runs the desk; kept as JSON.

    *admins* and the members of *admin_groups* are admins besides the workspace's own. *support*: who may add and search:
    "everyone", "groups" (the members of *support_groups*) or "nobody" but admins. *uploads_channels*: ids, besides the
    desk's own. *elsewhere*: who drops a list where none is taken, without a word, is asked about it ("ask") or not ("leave").
    *ask* before a list is applied: "always", "doubts" (when it looks wrong) or "never". *undo_days* and
    *max_list_bytes*: None for the desk's own, which they can only narrow. *numbers* in public channels: "full" or
    "masked". *exports*: "admins" or "nobody". *digest_channel*: where the weekly digest goes, None for nowhere.
    *waiting_channel*: where
    lists that wait for a yes are told, None for to the admins directly. *lookups* are answered in the "channel" or to the
    "asker" alone. *out_words* and *in_words*: words and short sentences that opt out, or in, besides those that always do,
    each as `store.replies.wording.added_word` gives it. *replies_channel*: where replies that wait for a person are shown,
    None for where lists are. *steps* of workflows that opt out: "ask" an admin each time, or "add" at once.
    """

    admins: tuple[str, ...] = ()
    admin_groups: tuple[str, ...] = ()
    support: str = "everyone"
    support_groups: tuple[str, ...] = ()
    uploads_channels: tuple[str, ...] = ()
    ask: str = "always"
    undo_days: float | None = None
    max_list_bytes: int | None = None
    numbers: str = "full"
    exports: str = "admins"
    digest_channel: str | None = None
    waiting_channel: str | None = None
    elsewhere: str = "ask"
    lookups: str = "channel"
    out_words: tuple[str, ...] = ()
    in_words: tuple[str, ...] = ()
    replies_channel: str | None = None
    steps: str = "ask"


@dataclass(frozen=True, slots=True)
class Account:
    """One Slack workspace or Enterprise Grid organisation. *country*: region code for phones that name none."""

    id: int
    slack_id: str
    name: str
    country: str | None
    opted_out: int
    settings: AccountSettings = AccountSettings()

    @property
    def fingerprint(self) -> str:
        """Names what a form of settings shows: once somebody changed any of them, it is another."""
        return hashlib.sha256(repr((self.country, self.settings)).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing somebody did to the list; *asked_by*: who handed the request over to them, if anybody did."""

    id: int
    function: str
    actor: Actor
    at: datetime
    channel_id: str | None
    channel_name: str | None
    message_ts: str | None
    permalink: str | None
    reason: str | None
    upload_id: int | None
    file_name: str | None
    requested_at: datetime | None
    cause: Cause | None = None
    asked_by: Actor | None = None


@dataclass(frozen=True, slots=True)
class OptOut:
    """One reason not to text *phone*; *lifted* is the entry that took it back, if any did."""

    phone: str
    entry: Entry
    line: int | None
    imported_note: str | None
    requested_at: datetime | None
    lifted: Entry | None


@dataclass(frozen=True, slots=True)
class Conversation:
    """The exchange with one phone in one campaign."""

    campaign_id: str
    campaign: str
    active: bool
    contact: str
    phone: str
    opted_out: bool


@dataclass(frozen=True, slots=True)
class PhoneState:
    """All that is known of one phone. *opt_outs* and *remarks*: newest first, lifted opt-outs too."""

    phone: str
    opt_outs: tuple[OptOut, ...]
    conversations: tuple[Conversation, ...]
    remarks: tuple[Entry, ...] = ()

    @property
    def standing(self) -> tuple[OptOut, ...]:
        return tuple(opt_out for opt_out in self.opt_outs if opt_out.lifted is None)

    @property
    def opted_out(self) -> bool:
        return bool(self.standing)

    @property
    def since(self) -> datetime | None:
        """The time of the oldest standing opt-out; None when the phone is not opted out."""
        return min((opt_out.entry.at for opt_out in self.standing), default=None)

    @property
    def last_entry(self) -> int:
        """The newest entry that touched this phone, 0 when none did: what a person had seen when they decided."""
        return max((max(o.entry.id, o.lifted.id if o.lifted else 0) for o in self.opt_outs), default=0)


@dataclass(frozen=True, slots=True)
class Added:
    """The outcome of opting one phone out. *before*: the oldest standing opt-out it already had, None when it is new."""

    phone: str
    entry: Entry
    before: OptOut | None

    @property
    def newly(self) -> bool:
        return self.before is None

    @property
    def is_kept(self) -> bool:
        """Whether the request is written down: of a number that was erased nothing is, and *entry* is the one that erased it."""
        return self.before is None or self.before.entry.id != self.entry.id


@dataclass(frozen=True, slots=True)
class Deleted:
    """
    The outcome of allowing texts to *phone* again. *lifted* is empty when there was nothing to lift.

    *changed*: somebody opted the phone out again after the request was made, so nothing was lifted. *missing*: nor was it
    for want of what this rule asks for.
    """

    phone: str
    lifted: tuple[OptOut, ...]
    reopened: tuple[Conversation, ...]
    state: PhoneState
    changed: bool = False
    missing: AllowRule | None = None

    @property
    def entry(self) -> int | None:
        """The entry that lifted; None when there was nothing to lift."""
        return next((opt_out.lifted.id for opt_out in self.lifted if opt_out.lifted is not None), None)


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """
    A row of a list that gives no phone.

    *code* is counted by, *reason* is the sentence for who mends the row. *cells*: the row as found, in the order of the
    upload's columns.
    """

    line: int
    cell: str
    code: Reason
    reason: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImportedNote:
    """
    The note that a list itself carries on an opt-out: `requested_at` in UTC, and a `note`.

    The note is the row's own, word for word, then "opt_out_type: ..." and, where it could not be read as a time,
    "timestamp: ...", with " · " between. None for what is not there.
    """

    requested_at: datetime | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Batch:
    """
    Some phones of a list, distinct and in phone order: for each the first line it stands on.

    *carried*: what the list itself says of them, where it says anything.
    """

    lines: dict[str, int]
    carried: Mapping[str, ImportedNote] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UnreadableReason:
    """
    A reason for which rows could not be read, with how many they are, and the first of their lines.

    *first_line*: None where it was not kept, which is so of rare reasons in lists staged before reasons had codes.
    """

    code: Reason
    rows: int
    first_line: int | None

    def __str__(self) -> str:
        """Words for a count: "28 too short (first at line 41)"."""
        at = "line" if self.rows == 1 else "first at line"
        first = "" if self.first_line is None else f" ({at} {self.first_line:,})"
        return f"{self.rows:,} {self.code.words}{first}"


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The deadlines of an upload: when a preview is reminded of and when it expires, and until when an undo can be asked for."""

    remind: timedelta
    expire: timedelta
    undo: timedelta

    def within(self, settings: AccountSettings) -> "Deadlines":
        """These, as narrowed by what an account's admins decided."""
        days = settings.undo_days
        return self if days is None else replace(self, undo=min(self.undo, timedelta(days=days)))


@dataclass(frozen=True, slots=True)
class Recount:
    """
    What became of a previewed list's phones. *already*: those opted out now.

    *opted_in*: those that were opted out when the preview was made and are not now, or are about to be opted in by an undo.
    """

    already: int
    opted_in: int


@dataclass(frozen=True, slots=True)
class UndoPreview:
    """The effect that undoing an upload would have, or had: phones opted in, phones that stay out, conversations that re-open."""

    opted_in: int
    kept_out: int
    reopened: int

    def __add__(self, other: "UndoPreview") -> "UndoPreview":
        return UndoPreview(
            self.opted_in + other.opted_in, self.kept_out + other.kept_out, self.reopened + other.reopened
        )


@dataclass(frozen=True, slots=True)
class Upload:
    """
    One list file and how far it has come. Counts are of rows or phones, as named.

    *size*: of the file in bytes, 0 when unknown. *decider*: who
    confirmed, cancelled, stopped or continued it last, None while nobody did. *finished_at*: when applying ended, if only
    for now. *opted_in*, *kept_out* and *reopened*: phones its undo opted in, phones that stayed out for other reasons,
    conversations. *deaths*: how often whoever worked on it died or hung in its state. *queued*: it is shown, or about to be,
    as waiting for its turn. *choices*: how people chose to have it read. *reason*: why its phones are to be opted out,
    as whoever sent it said.
    """

    account_id: int
    id: int
    file_id: str
    file_name: str
    channel_id: str
    channel_name: str | None
    thread_ts: str | None
    message_ts: str | None
    permalink: str | None
    size: int
    purpose: Purpose
    actor: Actor
    decider: Actor | None
    received_at: datetime
    country: str | None
    phone_column: str | None
    state: UploadState
    problem: str | None
    pending: bool
    sha256: str | None
    columns: tuple[str, ...]
    summary: dict[str, Any]
    rows: int
    phones: int
    already: int
    unreadable: int
    waiting_since: datetime | None
    reminded_at: datetime | None
    entry_id: int | None
    last_phone: str
    last_unreadable: int
    newly_opted_out: int
    already_opted_out: int
    confirmed_at: datetime | None
    finished_at: datetime | None
    attached_file: str | None
    undo_entry_id: int | None
    undo_phone: str
    opted_in: int
    kept_out: int
    reopened: int
    undone_at: datetime | None
    deaths: int = 0
    queued: bool = False
    choices: Choices = NOTHING_CHOSEN
    reason: str | None = None

    @property
    def is_sent(self) -> bool:
        """Whether a program sent it over the API: its file is with the store, and not in Slack."""
        return self.file_id.startswith(SENT)

    @property
    def person(self) -> Actor | None:
        """Whose list it is: its dropper's; a program's is whoever's decided about it last, None while nobody did."""
        return self.actor if self.actor.is_person else self.decider

    @property
    def is_direct(self) -> bool:
        """Whether it was dropped in a direct message to the desk."""
        # https://docs.slack.dev/reference/objects/conversation-object
        return self.channel_id.startswith("D")

    @property
    def is_scrub(self) -> bool:
        """Whether the list only comes back without its opted-out rows, and opts nobody out."""
        return self.purpose.is_scrub

    @property
    def is_look_up(self) -> bool:
        """Whether it is only said how many of its phones are opted out."""
        return not self.is_scrub and self.choices.asked is Asked.LOOK_UP

    @property
    def is_comparison(self) -> bool:
        """Whether it is a platform's own list of opted-out phones, held against the account's."""
        return not self.is_scrub and self.choices.asked is Asked.COMPARE

    @property
    def is_only_told(self) -> bool:
        """Whether it is only told how its phones stand, as of a look-up and a comparison: nobody can be opted out by it."""
        return not self.is_scrub and self.choices.asked in ONLY_TOLD

    @property
    def is_alone(self) -> bool:
        """Whether nobody but its dropper knows of it yet: nobody asked for anything, and nothing is done."""
        return self.choices.alone and not self.is_scrub and (self.state in UNDECIDED or self.state in UNTOUCHED)

    @property
    def to_opt_out(self) -> int:
        """Phones of the list that were not opted out when it was staged."""
        return self.phones - self.already

    @property
    def ours(self) -> int:
        """Of a comparison: the phones that were opted out in the account when the list was staged."""
        ours: int = self.summary.get("ours", self.already)
        return ours

    @property
    def only_ours(self) -> int:
        """Of a comparison: those of `ours` that the list lacks."""
        return self.ours - self.already

    @property
    def asked(self) -> int:
        """The number of phones in the question of its preview; what is asked to be typed when the list looks wrong."""
        return self.to_opt_out or self.phones

    @property
    def fingerprint(self) -> str:
        """Names what the preview shows: a list that was read again with another outcome has another."""
        counts = (self.rows, self.phones, self.already, self.unreadable)
        shown = repr((self.sha256, self.country, self.phone_column, counts))
        if self.choices != NOTHING_CHOSEN:
            shown += repr(self.choices)
        return hashlib.sha256(shown.encode()).hexdigest()[:12]

    @property
    def questions(self) -> tuple[Question, ...]:
        """The questions on how the list is read, of its preview or its refusal; those that are open come first."""
        asked = map(Question.of_json, self.summary.get("questions", ()))
        return tuple(sorted(asked, key=lambda question: not question.open))

    @property
    def undecided(self) -> bool:
        """Whether it has to be decided how the list is read before anything of it can take effect."""
        return any(question.open for question in self.questions)

    @property
    def repeated(self) -> int:
        """Readable rows, or cells where several columns have phones, whose phone stands earlier in the list."""
        readable: int = self.summary.get("readable", self.rows - self.unreadable)
        return readable - self.phones

    @property
    def applied(self) -> int:
        """Phones of the list that have been stored so far."""
        return self.newly_opted_out + self.already_opted_out

    @property
    def unasked(self) -> tuple[str, ...] | None:
        """The doubts about a list that was applied without a question, as the settings say; None where somebody said yes."""
        doubts = self.summary.get("unasked")
        return None if doubts is None else tuple(map(str, doubts))

    @property
    def first_phones(self) -> tuple[str, ...]:
        """The first phones of the list, in its order; none of lists that were staged before they were kept."""
        return tuple(map(str, self.summary.get("first", ())))

    @property
    def requested_at(self) -> datetime:
        """The moment of the oldest request in the list, where it says any; else when it was dropped."""
        requested = self.summary.get("requested")
        return self.received_at if requested is None else datetime.fromisoformat(requested)

    @property
    def unreadable_reasons(self) -> tuple[UnreadableReason, ...]:
        """Every reason for which rows of the list are unreadable, commonest first."""
        return _reasons(self.summary)


@dataclass(frozen=True, slots=True)
class StagedCounts:
    """
    The counts that staging made of a list.

    `rows` counts all rows, `unreadable` those without a phone, `phones` distinct phones, `already`
    those of them opted out at that moment. `summary`: see `store.lists.staging.Scratch`. `phone_column`: the one a person
    chose, None for the usual; `choices`: see `Upload`.
    """

    rows: int
    phones: int
    already: int
    unreadable: int
    summary: dict[str, Any]
    columns: tuple[str, ...]
    sha256: str
    phone_column: str | None
    country: str | None
    phonenumbers_version: str
    choices: Choices = NOTHING_CHOSEN

    @property
    def unreadable_reasons(self) -> tuple[UnreadableReason, ...]:
        """As of an `Upload`."""
        return _reasons(self.summary)


def _reasons(summary: dict[str, Any]) -> tuple[UnreadableReason, ...]:
    rows = summary.get("unreadable", ())
    return tuple(UnreadableReason(Reason(code), many, first_line) for code, many, first_line in rows)
