"""PgBouncer in transaction mode, before a PostgreSQL: each transaction may be given another connection to the server."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from tests.patience import PATIENCE

# Debian puts it where only root looks.
PROGRAM: Final = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/sbin")


def lacking() -> list[str]:
    """A sentence when it is not installed; the tests behind it are absent then."""
    return (
        [] if PROGRAM else ["pgbouncer: it is not installed; the store behind it is absent (apt-get install pgbouncer)"]
    )


@contextmanager
def pooled(server: sa.URL, *, led_by: Path | None = None) -> Iterator[sa.URL]:
    """
    The URL of *server*, for whichever database, through a PgBouncer of its own with few connections to it.

    *led_by*: a file that somebody else keeps, with PgBouncer's databases, in the place of that server's.
    """
    assert PROGRAM is not None, "pgbouncer is not installed"
    host, port = server.host or server.normalized_query["host"][0], server.port or 5432
    with tempfile.TemporaryDirectory(prefix="optout-") as name, socket.socket() as free:
        directory = Path(name)
        free.bind(("127.0.0.1", 0))
        listening = free.getsockname()[1]
        free.close()
        user = f"user={server.username}" + (f" password={server.password}" if server.password else "")
        settings = directory / "pgbouncer.ini"
        # Whatever it is not told to pass over it refuses, as it comes: startup options, to begin with.
        settings.write_text(
            (f"%include {led_by}\n" if led_by else f"[databases]\n* = host={host} port={port} {user}\n")
            + f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {listening}\nunix_socket_dir =\n"
            "pool_mode = transaction\nauth_type = any\nmax_client_conn = 500\ndefault_pool_size = 12\n"
            f"server_lifetime = 1\nlogfile = {directory}/log\n"
            # Without these a client waits for a quarter of a minute after the new server is there: docs/scale.md.
             + (f"server_login_retry = 1\nserver_connect_timeout = 5\npidfile = {led_by}.pid\n" if led_by else "")
        )
        command = [PROGRAM, "-q", str(settings)]
        if os.geteuid() == 0:
            # It does not run as root, and has to come to the server's socket: as whoever the server runs as.
            home = led_by or (Path(host) if Path(host).is_dir() else None)
            owner = home.stat().st_uid if home else pwd.getpwnam("nobody").pw_uid
            os.chown(directory, owner, -1)
            command += ["-u", pwd.getpwuid(owner).pw_name]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                _wait_for(listening, process)
                yield server.set(host="127.0.0.1", port=listening, query={})
            finally:
                process.terminate()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert process.poll() is None, "pgbouncer ended by itself"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("pgbouncer does not listen")
