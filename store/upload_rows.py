"""
Rows of uploads: read, locked, changed, and the one place where a state becomes another. Private to the store.

`Uploads` writes what people decide, `UploadWork` what the holder of the lease does; both go through here.
"""

from typing import Any

import sqlalchemy as sa

from store.choices import ONLY_TOLD, Choices
from store.errors import WrongState
from store.leases import FREE
from store.models import uploads
from store.records import Actor, Upload
from store.upload_states import OVER, UNDECIDED, UNTOUCHED, Purpose, UploadState

_FIELDS = tuple(
    name
    for name in Upload.__dataclass_fields__
    if name not in {"actor", "decider", "columns", "summary", "state", "purpose", "choices"}
)


def upload_of(row: sa.RowMapping) -> Upload:
    """The upload in a row of the table."""
    return Upload(
        **{name: row[name] for name in _FIELDS},
        actor=Actor(row["actor_id"], row["actor_name"]),
        decider=None if row["decider_id"] is None else Actor(row["decider_id"], row["decider_name"]),
        columns=tuple(row["columns"] or ()),
        summary=row["summary"] or {},
        state=UploadState(row["state"]),
        purpose=Purpose(row["purpose"]),
        choices=Choices.of_json(row["choices"]),
    )


def one(account: int, upload: int) -> sa.ColumnElement[bool]:
    """The row of that upload."""
    return sa.and_(uploads.c.account_id == account, uploads.c.id == upload)


def is_shown() -> sa.ColumnElement[bool]:
    """Rows that others than the dropper know of: see `Upload.is_alone`."""
    alone: sa.ColumnElement[bool] = uploads.c.choices["alone"].as_boolean().is_not_distinct_from(sa.true())
    nothing_done = uploads.c.state.in_((*UNDECIDED, *UNTOUCHED)) & (uploads.c.purpose == Purpose.OPT_OUT)
    return sa.not_(alone & nothing_done)


def wants_a_yes() -> sa.ColumnElement[bool]:
    """Rows that are shown and that, while they wait, somebody has to decide about: what is only told is nobody's task."""
    asked = sa.func.coalesce(uploads.c.choices["asked"].as_string(), "")
    return sa.and_(is_shown(), asked.not_in([one.value for one in ONLY_TOLD]))


def get(connection: sa.Connection, account: int, upload: int, *, lock: bool = False) -> Upload:
    """One upload, which with *lock* stays as it is until the transaction ends; `WrongState` when there is none."""
    query = sa.select(uploads).where(one(account, upload))
    row = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    if row is None:
        raise WrongState(f"There is no upload {upload}. Send `/optout uploads` for the latest and their numbers.")
    return upload_of(row)


def change_upload(connection: sa.Connection, upload: Upload, **values: Any) -> Upload:
    """Change columns of *upload*; as it is then."""
    statement = sa.update(uploads).where(one(upload.account_id, upload.id)).values(**values).returning(uploads)
    return upload_of(connection.execute(statement).mappings().one())


def require(upload: Upload, *states: UploadState) -> None:
    """Raise `WrongState`, with how it stands in words, unless *upload* is in one of *states*."""
    if upload.state not in states:
        next_step = "Drop the file again to start over." if upload.state in OVER else "Its message shows how it stands."
        raise WrongState(f"{upload.file_name} {upload.state.sentence}. {next_step}")


def entering(upload: Upload, state: UploadState) -> dict[str, Any]:
    """
    The columns with which *upload* enters *state*; `WrongState`, in words, unless `NEXT` lets that follow.

    Whatever its state became has to be shown, so somebody has something to do, at once where nobody is at it. Deaths are
    counted for each state anew.
    """
    if not upload.state.may_become(state):
        require(upload)
    at_once = sa.case((uploads.c.owner.is_(None), FREE), else_=uploads.c.lease_until)
    return {"state": state, "pending": True, "lease_until": at_once, "deaths": 0, "queued": False}
