"""
The tables, as SQLAlchemy describes them. Private to the store.

The account leads every primary key, so that the tables can be partitioned or distributed by account without a change
of query. Ids of entries and uploads are counted per account (1, 2, 3, ...), which a person can quote and a partitioned
database can hand out locally.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from store.upload_states import WITH_ENTRY, WITH_UNDO_ENTRY, Purpose, UploadState

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC. SQLite has no time zones, so what it keeps is UTC by agreement."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "a moment needs a time zone"
            raise ValueError(msg)
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  the interface's
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# Phones are ASCII and are compared byte by byte everywhere: in Python, in SQLite and in PostgreSQL. A locale's collation
# would order them otherwise, and an upload's checkpoint is a position in that order.
Phone = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _account(*, primary_key: bool = True) -> sa.Column[Any]:
    return sa.Column("account_id", BigInt, sa.ForeignKey("accounts.id"), primary_key=primary_key, nullable=False)


def _values(names: Iterable[StrEnum]) -> tuple[str, ...]:
    """As SQL takes them after IN."""
    return tuple(name.value for name in names)


def _lease() -> tuple[sa.Column[Any], ...]:
    """Whose work a row is: see store/leases.py."""
    return (
        sa.Column("owner", sa.Text),
        sa.Column("fence", BigInt, nullable=False, server_default="0"),
        sa.Column("lease_until", Moment, nullable=False),
        sa.Column("deaths", sa.Integer, nullable=False, server_default="0"),
    )


# What `store.e164.is_e164` says, to each in the way that costs it least of those measured. A number that is written as
# SQLite writes it has no sign but its digits, and no zero before them.
E164: Final = {
    "sqlite": ("CAST(phone AS INTEGER) BETWEEN 1000000 AND 999999999999999 AND phone = '+' || CAST(phone AS INTEGER)"),
    "postgresql": (
        "substr(phone, 1, 1) = '+' AND substr(phone, 2, 1) <> '0' AND length(phone) BETWEEN 8 AND 16 "
        "AND ltrim(substr(phone, 2), '0123456789') = ''"
    ),
}


def e164_check() -> tuple[sa.CheckConstraint, ...]:
    """The check that a table's `phone` is E.164, for each kind of database."""
    return tuple(sa.CheckConstraint(rule, name="phone").ddl_if(dialect=kind) for kind, rule in E164.items())


accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("id", BigInt, primary_key=True, autoincrement=True),
    sa.Column("slack_id", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("country", sa.String(2)),
    sa.Column("settings", sa.JSON, nullable=False, server_default="{}"),
    sa.Column("opted_out", BigInt, nullable=False, server_default="0"),
    sa.Column("last_entry", BigInt, nullable=False, server_default="0"),
    sa.Column("last_upload", BigInt, nullable=False, server_default="0"),
    sa.Column("last_reply", BigInt, nullable=False, server_default="0"),
    # Of the feed: the number of its newest change, and of the newest that it does not tell of any more.
    sa.Column("last_change", BigInt, nullable=False, server_default="0"),
    sa.Column("pruned_change", BigInt, nullable=False, server_default="0"),
    # When replies were last shown to whoever decides on them.
    sa.Column("replies_shown_at", Moment),
    sa.CheckConstraint("opted_out >= 0", name="opted_out"),
)

entries = sa.Table(
    "entries",
    metadata,
    _account(),
    sa.Column("id", BigInt, primary_key=True, autoincrement=False),
    sa.Column("function", sa.Text, nullable=False),
    sa.Column("actor_id", sa.Text, nullable=False),
    sa.Column("actor_name", sa.Text, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("channel_id", sa.Text),
    sa.Column("channel_name", sa.Text),
    sa.Column("message_ts", sa.Text),
    sa.Column("permalink", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("upload_id", BigInt),
    sa.Column("requested_at", Moment),
    sa.Column("cause", sa.Text),
    sa.Column("asked_by_id", sa.Text),
    sa.Column("asked_by_name", sa.Text),
    # When it was asked for, where somebody else had to do it, who did it later.
    sa.Column("heard_at", Moment),
    # The conversations that allowing texts again re-opened: campaign, its name then, contact. None where that is not kept.
    sa.Column("reopened", sa.JSON),
    # The newest of its changes, which stays when `changes` are pruned. None of what changed nothing, or before it was kept.
    sa.Column("last_change", BigInt),
    sa.CheckConstraint("(function IN ('upload', 'undo')) = (upload_id IS NOT NULL)", name="upload"),
)

# The phones that an entry made by hand is about; those of an upload are found by the upload.
entry_phones = sa.Table(
    "entry_phones",
    metadata,
    sa.Column("account_id", BigInt, primary_key=True, autoincrement=False),
    sa.Column("phone", Phone, primary_key=True),
    sa.Column("entry_id", BigInt, primary_key=True, autoincrement=False),
    sa.ForeignKeyConstraint(["account_id", "entry_id"], ["entries.account_id", "entries.id"]),
    *e164_check(),
    sa.Index("ix_entry_phones_entry", "account_id", "entry_id"),
    sqlite_with_rowid=False,
)

# Which weekly digests were sent, or are being sent by whoever holds the lease; `week` is the moment the week ended.
digests = sa.Table(
    "digests",
    metadata,
    _account(),
    sa.Column("week", Moment, primary_key=True),
    *_lease(),
    sa.Column("done_at", Moment),
)

EXPORT_STATES = ("asked", "done", "failed")
EXPORT_FORMATS = ("desk", "thrutext", "phones", "evidence", "missing")
# Exports that were asked for in Slack, each by its entry, until they are delivered.
exports = sa.Table(
    "exports",
    metadata,
    sa.Column("account_id", BigInt, primary_key=True, autoincrement=False),
    sa.Column("entry_id", BigInt, primary_key=True, autoincrement=False),
    sa.Column("format", sa.Text, nullable=False),
    sa.Column("since", Moment),
    sa.Column("function", sa.Text),
    sa.Column("dm_channel", sa.Text),
    sa.Column("message_ts", sa.Text),
    sa.Column("attached_file", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("problem", sa.Text),
    sa.Column("phones", BigInt, nullable=False, server_default="0"),
    sa.Column("owner", sa.Text),
    sa.Column("lease_until", Moment, nullable=False),
    sa.Column("fence", BigInt, nullable=False, server_default="0"),
    sa.Column("deaths", sa.Integer, nullable=False, server_default="0"),
    sa.Column("finished_at", Moment),
    # Whose evidence it is.
    sa.Column("phone", Phone),
    # The upload whose list lacks the phones.
    sa.Column("missing_from", BigInt),
    # The destination that it is made for, or that is told of them, which may be removed meanwhile; the change up to which it
    # holds what that has not got.
    sa.Column("destination_id", sa.Text),
    sa.Column("reached", BigInt),
    # Phones that were allowed again since the file before: how many, and the first of them between blanks.
    sa.Column("allowed", BigInt, nullable=False, server_default="0"),
    sa.Column("first_allowed", sa.Text, nullable=False, server_default=""),
    sa.ForeignKeyConstraint(["account_id", "entry_id"], ["entries.account_id", "entries.id"]),
    sa.CheckConstraint(f"state IN {EXPORT_STATES}", name="state"),
    sa.CheckConstraint(f"format IN {EXPORT_FORMATS}", name="format"),
    sa.CheckConstraint("(format = 'evidence') = (phone IS NOT NULL)", name="phone"),
    sa.CheckConstraint("(format = 'missing') = (missing_from IS NOT NULL)", name="missing_from"),
    sa.CheckConstraint("destination_id IS NULL OR format IN ('thrutext', 'phones', 'missing')", name="destination_id"),
    sa.CheckConstraint("reached IS NULL OR destination_id IS NOT NULL", name="reached"),
    sa.Index(
        "ix_exports_asked",
        "lease_until",
        sqlite_where=sa.text("state = 'asked'"),
        postgresql_where=sa.text("state = 'asked'"),
    ),
)

opt_outs = sa.Table(
    "opt_outs",
    metadata,
    # No foreign keys: they would be checked row by row for lists of millions. Entries are never deleted, and both ids
    # come from the same transaction.
    sa.Column("account_id", BigInt, primary_key=True, autoincrement=False),
    sa.Column("phone", Phone, primary_key=True),
    sa.Column("entry_id", BigInt, primary_key=True, autoincrement=False),
    sa.Column("line", BigInt),
    sa.Column("note", sa.Text),
    sa.Column("requested_at", Moment),
    sa.Column("lifted_by", BigInt),
    *e164_check(),
    sa.CheckConstraint("lifted_by > entry_id", name="lifted_by"),
    sqlite_with_rowid=False,
    # Room on each page for all of its rows a second time: lifting then touches no index, and takes a third of the time.
    postgresql_with={"fillfactor": 50},
)

# Phones that were erased, each by its keyed hash and the entry that erased it: see store/erased.py.
erasures = sa.Table(
    "erasures",
    metadata,
    sa.Column("account_id", BigInt, primary_key=True, autoincrement=False),
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("key_check", BigInt, nullable=False),
    sa.Column("entry_id", BigInt, nullable=False),
    sa.ForeignKeyConstraint(["account_id", "entry_id"], ["entries.account_id", "entries.id"]),
    sa.CheckConstraint("length(hash) = 64", name="hash"),
    sqlite_with_rowid=False,
)

# What changed the list, each change the phones of one entry from the first to the last: see store/changes.py.
changes = sa.Table(
    "changes",
    metadata,
    sa.Column("account_id", BigInt, primary_key=True, autoincrement=False),
    sa.Column("seq", BigInt, primary_key=True, autoincrement=False),
    sa.Column("entry_id", BigInt, nullable=False),
    sa.Column("first_phone", Phone, nullable=False),
    sa.Column("last_phone", Phone, nullable=False),
    sa.Column("phones", BigInt, nullable=False),
    # The phones themselves, sorted, between blanks, where far more of the list's lie between the first and the last.
    sa.Column("listed", sa.Text),
    sa.Column("at", Moment, nullable=False),
    # No foreign key, as of opt_outs.
    sa.CheckConstraint("phones > 0", name="phones"),
    sa.CheckConstraint("first_phone <= last_phone", name="last_phone"),
    sqlite_with_rowid=False,
)

# How far each follower of the feed has come, and when it asked last: what it has yet to read is kept for it.
change_readers = sa.Table(
    "change_readers",
    metadata,
    _account(),
    sa.Column("reader", sa.Text, primary_key=True),
    sa.Column("seq", BigInt, nullable=False),
    sa.Column("seen_at", Moment, nullable=False),
    sqlite_with_rowid=False,
)

ALLOW_REQUEST_STATES = ("asked", "allowed", "declined", "expired", "overtaken")
# Requests to allow texts again that need a second admin: see store/allow_requests.py. Of a phone one waits at the most.
allow_requests = sa.Table(
    "allow_requests",
    metadata,
    sa.Column("account_id", BigInt, primary_key=True, autoincrement=False),
    sa.Column("entry_id", BigInt, primary_key=True, autoincrement=False),
    sa.Column("phone", Phone, nullable=False),
    sa.Column("last_entry", BigInt, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("thread_ts", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("decider_id", sa.Text),
    sa.Column("decider_name", sa.Text),
    sa.Column("decided_at", Moment),
    sa.ForeignKeyConstraint(["account_id", "entry_id"], ["entries.account_id", "entries.id"]),
    sa.CheckConstraint(f"state IN {ALLOW_REQUEST_STATES}", name="state"),
    sa.CheckConstraint("(state = 'asked') = (decided_at IS NULL)", name="decided"),
    *e164_check(),
    sa.Index(
        "ix_allow_requests_waiting",
        "account_id",
        "phone",
        unique=True,
        sqlite_where=sa.text("state = 'asked'"),
        postgresql_where=sa.text("state = 'asked'"),
    ),
    sa.Index("ix_allow_requests_decided", "decided_at"),
)

uploads = sa.Table(
    "uploads",
    metadata,
    _account(),
    sa.Column("id", BigInt, primary_key=True, autoincrement=False),
    sa.Column("file_id", sa.Text, nullable=False),
    sa.Column("file_name", sa.Text, nullable=False),
    sa.Column("channel_id", sa.Text, nullable=False),
    sa.Column("channel_name", sa.Text),
    sa.Column("thread_ts", sa.Text),
    sa.Column("message_ts", sa.Text),
    sa.Column("permalink", sa.Text),
    sa.Column("size", BigInt, nullable=False, server_default="0"),
    sa.Column("purpose", sa.Text, nullable=False, server_default=Purpose.OPT_OUT.value),
    sa.Column("actor_id", sa.Text, nullable=False),
    sa.Column("actor_name", sa.Text, nullable=False),
    sa.Column("received_at", Moment, nullable=False),
    sa.Column("country", sa.String(2)),
    sa.Column("phone_column", sa.Text),
    # `store.choices.Choices`, as far as any were made.
    sa.Column("choices", sa.JSON),
    # Why its phones are to be opted out, as whoever sent it said.
    sa.Column("reason", sa.Text),
    # Who confirmed, cancelled, stopped or continued it last.
    sa.Column("decider_id", sa.Text),
    sa.Column("decider_name", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("problem", sa.Text),
    # Who works on it. `pending`: some replica still has something to do for it, if only to say how it ended.
    sa.Column("pending", sa.Boolean, nullable=False),
    sa.Column("owner", sa.Text),
    sa.Column("lease_until", Moment, nullable=False),
    sa.Column("fence", BigInt, nullable=False, server_default="0"),
    sa.Column("deaths", sa.Integer, nullable=False, server_default="0"),
    # Its message says that it waits for its turn.
    sa.Column("queued", sa.Boolean, nullable=False, server_default=sa.false()),
    # What staging found.
    sa.Column("sha256", sa.Text),
    sa.Column("phonenumbers_version", sa.Text),
    sa.Column("columns", sa.JSON),
    sa.Column("summary", sa.JSON),
    sa.Column("rows", BigInt, nullable=False, server_default="0"),
    sa.Column("phones", BigInt, nullable=False, server_default="0"),
    sa.Column("already", BigInt, nullable=False, server_default="0"),
    sa.Column("unreadable", BigInt, nullable=False, server_default="0"),
    # How long its preview has waited, and whether somebody was reminded of it.
    sa.Column("waiting_since", Moment),
    sa.Column("reminded_at", Moment),
    # How far applying has come, and with what outcome.
    sa.Column("entry_id", BigInt),
    sa.Column("last_phone", Phone, nullable=False, server_default=""),
    sa.Column("last_unreadable", BigInt, nullable=False, server_default="0"),
    sa.Column("newly_opted_out", BigInt, nullable=False, server_default="0"),
    sa.Column("already_opted_out", BigInt, nullable=False, server_default="0"),
    sa.Column("confirmed_at", Moment),
    sa.Column("finished_at", Moment),
    # The Slack file with its unreadable rows, which may or may not have arrived in the thread.
    sa.Column("attached_file", sa.Text),
    # How far undoing has come, and with what outcome.
    sa.Column("undo_entry_id", BigInt),
    sa.Column("undo_phone", Phone, nullable=False, server_default=""),
    sa.Column("opted_in", BigInt, nullable=False, server_default="0"),
    sa.Column("kept_out", BigInt, nullable=False, server_default="0"),
    sa.Column("reopened", BigInt, nullable=False, server_default="0"),
    sa.Column("undone_at", Moment),
    sa.ForeignKeyConstraint(["account_id", "entry_id"], ["entries.account_id", "entries.id"]),
    sa.ForeignKeyConstraint(["account_id", "undo_entry_id"], ["entries.account_id", "entries.id"]),
    sa.UniqueConstraint("account_id", "file_id", "channel_id"),
    sa.CheckConstraint(f"state IN {_values(UploadState)}", name="state"),
    sa.CheckConstraint(f"state NOT IN {_values(WITH_ENTRY)} OR entry_id IS NOT NULL", name="entry"),
    sa.CheckConstraint(f"state NOT IN {_values(WITH_UNDO_ENTRY)} OR undo_entry_id IS NOT NULL", name="undo_entry"),
    sa.CheckConstraint(f"state <> '{UploadState.WAITING}' OR waiting_since IS NOT NULL", name="waiting"),
    sa.CheckConstraint("newly_opted_out + already_opted_out <= phones", name="counters"),
    sa.CheckConstraint("opted_in + kept_out <= newly_opted_out + already_opted_out", name="undo_counters"),
    sa.CheckConstraint(f"purpose IN {_values(Purpose)}", name="purpose"),
    # What is scrubbed never opts anybody out.
    sa.CheckConstraint(
        f"CASE WHEN purpose = '{Purpose.OPT_OUT}' THEN state <> '{UploadState.SCRUBBED}' ELSE entry_id IS NULL END",
        name="scrub",
    ),
    sa.Index("ix_uploads_pending", "lease_until", sqlite_where=sa.text("pending"), postgresql_where=sa.text("pending")),
    sa.Index(
        "ix_uploads_waiting",
        "waiting_since",
        sqlite_where=sa.text(f"state = '{UploadState.WAITING}'"),
        postgresql_where=sa.text(f"state = '{UploadState.WAITING}'"),
    ),
    sa.Index("ix_uploads_sha256", "account_id", "sha256"),
)

unreadable_rows = sa.Table(
    "unreadable_rows",
    metadata,
    sa.Column("account_id", BigInt, primary_key=True, autoincrement=False),
    sa.Column("upload_id", BigInt, primary_key=True, autoincrement=False),
    sa.Column("line", BigInt, primary_key=True, autoincrement=False),
    sa.Column("cell", sa.Text, nullable=False),
    # Of `store.phones.numbers.Reason`, and the sentence for who mends the row.
    sa.Column("code", sa.Text, nullable=False, server_default="unknown"),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("cells", sa.JSON, nullable=False),
    sa.ForeignKeyConstraint(["account_id", "upload_id"], ["uploads.account_id", "uploads.id"]),
    sqlite_with_rowid=False,
)

campaigns = sa.Table(
    "campaigns",
    metadata,
    _account(),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
)

conversations = sa.Table(
    "conversations",
    metadata,
    _account(),
    sa.Column("campaign_id", sa.Text, primary_key=True),
    sa.Column("contact", sa.Text, primary_key=True),
    sa.Column("phone", Phone, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(["account_id", "campaign_id"], ["campaigns.account_id", "campaigns.id"]),
    sa.CheckConstraint("state IN ('open', 'opted out')", name="state"),
    *e164_check(),
    sa.Index("ix_conversations_phone", "account_id", "phone"),
)

INBOX_STATES = ("pending", "done", "discarded")
# Slack's events, kept before they are acknowledged: see store/inbox.py. Of one that is done the payload goes.
inbox = sa.Table(
    "inbox",
    metadata,
    _account(),
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("channel_id", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("payload", sa.JSON),
    sa.Column("received_at", Moment, nullable=False),
    sa.Column("finished_at", Moment),
    sa.Column("attempts", sa.Integer, nullable=False),
    *_lease(),
    sa.CheckConstraint(f"state IN {INBOX_STATES}", name="state"),
    sa.CheckConstraint("(state = 'pending') = (finished_at IS NULL)", name="finished"),
    sa.Index(
        "ix_inbox_pending",
        "lease_until",
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    ),
    sa.Index("ix_inbox_recent", "account_id", "channel_id", "received_at"),
    sa.Index("ix_inbox_finished", "finished_at"),
    sa.Index(
        "ix_inbox_payload",
        "finished_at",
        sqlite_where=sa.text("payload IS NOT NULL"),
        postgresql_where=sa.text("payload IS NOT NULL"),
    ),
)

OUTBOX_STATES = ("pending", "sent", "extra", "discarded")
# Messages to Slack, each by its key: see store/outbox.py. Of one that was sent the payload goes.
outbox = sa.Table(
    "outbox",
    metadata,
    _account(),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("payload", sa.JSON),
    sa.Column("channel_id", sa.Text),
    sa.Column("ts", sa.Text),
    sa.Column("received_at", Moment, nullable=False),
    sa.Column("finished_at", Moment),
    sa.Column("attempts", sa.Integer, nullable=False),
    *_lease(),
    sa.CheckConstraint(f"state IN {OUTBOX_STATES}", name="state"),
    sa.CheckConstraint("(state IN ('pending', 'extra')) = (finished_at IS NULL)", name="finished"),
    sa.CheckConstraint("(channel_id IS NULL) = (ts IS NULL)", name="post"),
    sa.CheckConstraint("state <> 'extra' OR ts IS NOT NULL", name="extra"),
    sa.Index(
        "ix_outbox_waiting",
        "lease_until",
        sqlite_where=sa.text("state IN ('pending', 'extra')"),
        postgresql_where=sa.text("state IN ('pending', 'extra')"),
    ),
    sa.Index("ix_outbox_finished", "finished_at"),
)

HANDOVER_STATES = ("open", "done", "declined", "expired", "unheard")
# Requests that somebody without the right handed over to the admins: see store/handovers.py.
handovers = sa.Table(
    "handovers",
    metadata,
    _account(),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("errand", sa.Text, nullable=False),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("asker_id", sa.Text, nullable=False),
    sa.Column("asker_name", sa.Text, nullable=False),
    sa.Column("channel_id", sa.Text, nullable=False),
    sa.Column("channel_name", sa.Text),
    sa.Column("thread_ts", sa.Text),
    sa.Column("message_ts", sa.Text),
    sa.Column("permalink", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("shown", sa.Text),
    sa.Column("asked_at", Moment, nullable=False),
    sa.Column("decider_id", sa.Text),
    sa.Column("decider_name", sa.Text),
    sa.Column("decided_at", Moment),
    *_lease(),
    sa.CheckConstraint(f"state IN {HANDOVER_STATES}", name="state"),
    sa.CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided"),
    sa.CheckConstraint("(decider_id IS NULL) = (decider_name IS NULL)", name="decider"),
    sa.Index("ix_handovers_asked", "account_id", "asker_id", "asked_at"),
    sa.Index(
        "ix_handovers_open",
        "asked_at",
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    ),
    sa.Index(
        "ix_handovers_unshown",
        "lease_until",
        sqlite_where=sa.text("shown IS NULL OR shown <> state"),
        postgresql_where=sa.text("shown IS NULL OR shown <> state"),
    ),
)

# Keys of the texting platform's API: see store/keys.py. An id is of one account alone, since whoever shows it names none.
api_keys = sa.Table(
    "api_keys",
    metadata,
    _account(),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("scopes", sa.JSON, nullable=False),
    sa.Column("secret_hash", sa.Text, nullable=False),
    sa.Column("made_by_id", sa.Text, nullable=False),
    sa.Column("made_by_name", sa.Text, nullable=False),
    sa.Column("made_at", Moment, nullable=False),
    sa.Column("expires_at", Moment),
    sa.Column("revoked_by_id", sa.Text),
    sa.Column("revoked_by_name", sa.Text),
    sa.Column("revoked_at", Moment),
    sa.Column("used_at", Moment),
    sa.UniqueConstraint("id"),
    sa.CheckConstraint("length(secret_hash) = 64", name="secret_hash"),
    sa.CheckConstraint(
        "(revoked_at IS NULL) = (revoked_by_id IS NULL) AND (revoked_at IS NULL) = (revoked_by_name IS NULL)",
        name="revoked",
    ),
)

DESTINATION_KINDS = ("webhook", "twilio", "van", "file")
DESTINATION_STATES = ("on", "paused", "refused")
# Where changes of the list are passed on to, and how far each has come: see store/destinations.py.
destinations = sa.Table(
    "destinations",
    metadata,
    _account(),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    # The name that goes with the secret, where the far side wants one.
    sa.Column("login", sa.Text),
    # In full: by it each message is signed, or shown to be the account's.
    sa.Column("secret", sa.Text, nullable=False),
    # Of the API's keys by which it reports: what they did is not passed back.
    sa.Column("key_name", sa.Text),
    sa.Column("channel_id", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    # `store.changes.ChangeCursor` as text, None before the first; and the change up to which all was taken.
    sa.Column("cursor", sa.Text),
    sa.Column("seq", BigInt, nullable=False, server_default="-1"),
    sa.Column("taken_at", Moment),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("problem", sa.Text),
    sa.Column("failing_since", Moment),
    sa.Column("told_at", Moment),
    sa.Column("next_at", Moment, nullable=False),
    sa.Column("made_by_id", sa.Text, nullable=False),
    sa.Column("made_by_name", sa.Text, nullable=False),
    sa.Column("made_at", Moment, nullable=False),
    *_lease(),
    sa.CheckConstraint(f"kind IN {DESTINATION_KINDS}", name="kind"),
    sa.CheckConstraint(f"state IN {DESTINATION_STATES}", name="state"),
    sa.CheckConstraint("(kind IN ('webhook', 'file')) = (login IS NULL)", name="login"),
)

# Phones that a destination did not take, while it took others.
destination_failures = sa.Table(
    "destination_failures",
    metadata,
    sa.Column("account_id", BigInt, primary_key=True, autoincrement=False),
    sa.Column("destination_id", sa.Text, primary_key=True),
    sa.Column("phone", Phone, primary_key=True),
    sa.Column("problem", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("next_at", Moment, nullable=False),
    sa.ForeignKeyConstraint(["account_id", "destination_id"], ["destinations.account_id", "destinations.id"]),
    *e164_check(),
    sa.Index("ix_destination_failures_next_at", "account_id", "destination_id", "next_at"),
    sqlite_with_rowid=False,
)

# What each destination took, page by page, and when: see store/takings.py. `seq`, `phone` and `whole`: the
# `store.changes.ChangeCursor` behind the page. `at`: None for where it had come to before this was kept.
destination_takings = sa.Table(
    "destination_takings",
    metadata,
    _account(),
    sa.Column("destination_id", sa.Text, primary_key=True),
    sa.Column("whole", sa.Boolean, primary_key=True),
    sa.Column("seq", BigInt, primary_key=True, autoincrement=False),
    sa.Column("phone", Phone, primary_key=True),
    sa.Column("at", Moment),
    sqlite_with_rowid=False,
)

# Phones that a destination took later than their page, and from when on and why it did not; `taken_at`: None where it was
# removed before it did.
destination_delays = sa.Table(
    "destination_delays",
    metadata,
    _account(),
    sa.Column("destination_id", sa.Text, primary_key=True),
    sa.Column("phone", Phone, primary_key=True),
    sa.Column("failed_at", Moment, primary_key=True),
    sa.Column("problem", sa.Text, nullable=False),
    sa.Column("taken_at", Moment),
    *e164_check(),
    sqlite_with_rowid=False,
)

# Destinations that were removed: what they had taken is still theirs.
removed_destinations = sa.Table(
    "removed_destinations",
    metadata,
    _account(),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("key_name", sa.Text),
    sa.Column("removed_at", Moment, nullable=False),
)

HOOK_KINDS: Final = ("twilio", "telnyx")

# A door for a provider's webhooks. The lease is of whoever reads the provider's own list of what came in.
hooks = sa.Table(
    "hooks",
    metadata,
    _account(),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("provider_account", sa.Text),
    sa.Column("secret", sa.Text, nullable=False),
    sa.Column("shared_key", sa.Text),
    # Of Telnyx, where its list of opt-outs is to be read.
    sa.Column("api_key", sa.Text),
    sa.Column("made_by_id", sa.Text, nullable=False),
    sa.Column("made_by_name", sa.Text, nullable=False),
    sa.Column("made_at", Moment, nullable=False),
    sa.Column("caught_up_to", Moment),
    sa.Column("trouble", sa.Text),
    *_lease(),
    sa.UniqueConstraint("id"),
    sa.CheckConstraint(f"kind IN {HOOK_KINDS}", name="kind"),
    sa.CheckConstraint("(kind = 'twilio') = (provider_account IS NOT NULL)", name="provider_account"),
    sa.CheckConstraint("(kind = 'twilio') = (caught_up_to IS NOT NULL)", name="caught_up_to"),
)

REPLY_STATES = ("settled", "waiting", "opted out", "not a request")
_ASKS_FOR_NOTHING = sa.text("entry_id IS NULL AND state <> 'waiting'")
_WORDS_TO_GO = sa.text("entry_id IS NULL AND state <> 'waiting' AND text IS NOT NULL")
# What people replied to texts, and what became of it: see store/heard.py. Of one that asks for nothing the words go.
replies = sa.Table(
    "replies",
    metadata,
    _account(),
    sa.Column("id", BigInt, primary_key=True, autoincrement=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("phone", Phone, nullable=False),
    sa.Column("receiver", sa.Text, nullable=False),
    sa.Column("text", sa.Text),
    sa.Column("received_at", Moment, nullable=False),
    sa.Column("heard_at", Moment, nullable=False),
    sa.Column("campaign", sa.Text),
    sa.Column("contact", sa.Text),
    # Of the judge's: `store.replies.judge.Judgement`.
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("sentence", sa.Text, nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("entry_id", BigInt),
    sa.Column("decider_id", sa.Text),
    sa.Column("decider_name", sa.Text),
    sa.Column("finished_at", Moment),
    # The message in which it is shown, by the id of its first reply.
    sa.Column("review", BigInt),
    sa.UniqueConstraint("account_id", "source", "message"),
    sa.ForeignKeyConstraint(["account_id", "entry_id"], ["entries.account_id", "entries.id"]),
    sa.CheckConstraint(f"state IN {REPLY_STATES}", name="state"),
    sa.CheckConstraint("(state = 'waiting') = (finished_at IS NULL)", name="finished"),
    sa.CheckConstraint("state <> 'opted out' OR entry_id IS NOT NULL", name="entry"),
    sa.CheckConstraint("(state IN ('opted out', 'not a request')) = (decider_id IS NOT NULL)", name="decider"),
    sa.CheckConstraint("text IS NOT NULL OR (entry_id IS NULL AND state <> 'waiting')", name="text"),
    *e164_check(),
    sa.Index("ix_replies_phone", "account_id", "phone"),
    sa.Index("ix_replies_review", "account_id", "review"),
    sa.Index(
        "ix_replies_waiting",
        "account_id",
        "heard_at",
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    ),
    sa.Index("ix_replies_finished", "finished_at", sqlite_where=_ASKS_FOR_NOTHING, postgresql_where=_ASKS_FOR_NOTHING),
    sa.Index("ix_replies_words", "finished_at", sqlite_where=_WORDS_TO_GO, postgresql_where=_WORDS_TO_GO),
)

# The file of a list that a program sent, in pieces, until its upload needs it no more: see store/sent_files.py.
file_pieces = sa.Table(
    "file_pieces",
    metadata,
    _account(),
    sa.Column("file_id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    # Before the data, behind which SQLite finds a column only by reading all of it.
    sa.Column("received_at", Moment, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

# What was asked for once is done once: see store/idempotency.py.
idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    _account(),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("result", sa.JSON, nullable=False),
    sa.Column("made_at", Moment, nullable=False),
    sa.Index("ix_idempotency_keys_made_at", "made_at"),
    sqlite_with_rowid=False,
)

# The app as somebody installed it for an account by OAuth: see store/installations.py. Without `team_id` it is installed in
# the whole organisation. `sealed`: its tokens, until it is gone.
installations = sa.Table(
    "installations",
    metadata,
    _account(),
    sa.Column("team_id", sa.Text),
    sa.Column("enterprise_id", sa.Text),
    sa.Column("bot_id", sa.Text),
    sa.Column("bot_user_id", sa.Text, nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("installed_by", sa.Text, nullable=False),
    sa.Column("installed_at", Moment, nullable=False),
    sa.Column("sealed", sa.Text),
    # When its token does, where tokens are rotated.
    sa.Column("expires_at", Moment),
    sa.Column("gone_at", Moment),
    # The lease is of whoever asks Slack for the next token.
    *_lease(),
    sa.CheckConstraint("(sealed IS NULL) = (gone_at IS NOT NULL)", name="gone"),
    sa.CheckConstraint("team_id IS NOT NULL OR enterprise_id IS NOT NULL", name="whose"),
)

# The state of an installation by OAuth that somebody began: good once, for minutes. Of no account yet, as the next two.
oauth_states = sa.Table(
    "oauth_states",
    metadata,
    sa.Column("state", sa.Text, primary_key=True),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Index("ix_oauth_states_expires_at", "expires_at"),
    sqlite_with_rowid=False,
)

# At most one row: which database this is, so that a running desk notices another in its place. Of no account, as the next.
database_identity = sa.Table(
    "database_identity",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("made_at", Moment, nullable=False),
    sa.CheckConstraint("number = 1", name="number"),
)

# Rows that readiness writes and takes away again, to see whether there is room.
write_trials = sa.Table(
    "write_trials",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("filler", sa.LargeBinary, nullable=False),
)

# For the texting platform's own SQL: documented in docs/platform.md, read-only by nature. The oldest standing reason of
# each phone by NOT EXISTS and not by GROUP BY: only so does a join with the view look phones up instead of reading all.
OPTED_OUT_VIEW = """
CREATE VIEW opted_out (account, phone, since) AS
SELECT a.slack_id, o.phone, e.at
FROM accounts a
JOIN opt_outs o ON o.account_id = a.id
JOIN entries e ON e.account_id = o.account_id AND e.id = o.entry_id
WHERE o.lifted_by IS NULL AND NOT EXISTS (
    SELECT 1 FROM opt_outs s
    WHERE s.account_id = o.account_id AND s.phone = o.phone AND s.entry_id < o.entry_id AND s.lifted_by IS NULL
)
"""

# The same for many phones at once, on PostgreSQL. It asks the view, so that who may ask the one may ask the other.
MUST_NOT_TEXT_FUNCTION = """
CREATE FUNCTION must_not_text(account text, phones text[]) RETURNS SETOF text
LANGUAGE SQL STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT o.phone FROM opted_out o
    WHERE o.account = must_not_text.account AND o.phone = ANY (must_not_text.phones);
END
"""
