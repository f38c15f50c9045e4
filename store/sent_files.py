"""
Files of lists that a program sent: kept in pieces from the moment they come, so that any replica can read them.

They are written in transactions of their own, before there is an upload that names them: a list of a gigabyte holds
nobody up. What was never named, and what its upload needs no more, goes by `store/retention.py`.
"""

import secrets
from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa

from store.database import Database
from store.models import file_pieces
from store.records import SENT, Upload
from store.rows import now

# Bytes. Small enough to be held in memory for each list that is on its way, and no transaction is long.
PIECE_BYTES: Final = 1_000_000


class NewFile:
    """A file on its way in: `add` its pieces in their order, then name its `id` in an upload, or `discard` it."""

    def __init__(self, database: Database, account: int) -> None:
        self._database = database
        self._account = account
        self._pieces = 0
        self.id = f"{SENT}{secrets.token_hex(16)}"
        self.size = 0

    def add(self, data: bytes) -> None:
        """Keep the next piece, of about `PIECE_BYTES`. It is sure to stay once an upload names the file."""
        with self._database.write(durable=False) as connection:
            values = {"account_id": self._account, "file_id": self.id, "number": self._pieces, "data": data}
            connection.execute(sa.insert(file_pieces).values(**values, received_at=now()))
        self._pieces += 1
        self.size += len(data)

    def discard(self) -> None:
        """Take away what was kept of a file that no upload names."""
        with self._database.write(durable=False) as connection:
            connection.execute(sa.delete(file_pieces).where(*_is(self._account, self.id)))


class SentFiles:
    """The files of lists that programs sent."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def new(self, account: int) -> NewFile:
        """A file that is about to come in."""
        return NewFile(self._database, account)

    def read(self, upload: Upload) -> Iterator[bytes]:
        """The file of *upload*, a piece at a time; what is there of it, which is nothing where it went by its time."""
        for number in range(upload.size + 1):
            query = sa.select(file_pieces.c.data).where(*_is(upload.account_id, upload.file_id))
            with self._database.read() as connection:
                piece: bytes | None = connection.execute(query.where(file_pieces.c.number == number)).scalar()
            if piece is None:
                return
            yield piece


def _is(account: int, file_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return file_pieces.c.account_id == account, file_pieces.c.file_id == file_id
