"""The desk at work, on the embedded Slack: connections, health, readiness and an orderly end."""

import asyncio
import os
import signal
import sys
import threading
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa
from aiohttp import web
from pydantic import SecretStr
from structlog.testing import capture_logs

from bot import installations, serve
from bot.config import Settings, SettingsError
from bot.http import listening
from bot.sandbox import EmbeddedSlack, SandboxClient
from bot.serve import EVENTS_PATH, Service
from bot.stores import open_store
from store import Store, StoreError
from store.errors import StoreBehind
from tests.patience import PATIENCE
from tests.tables import step_back

ROOT = Path(__file__).parents[2]


def settings_for(slack: EmbeddedSlack, tmp_path: Path, *, socket: bool) -> Settings:
    return Settings(
        database_url=f"sqlite:///{tmp_path / 'desk.db'}",
        slack_bot_token=SecretStr(slack.bot_token),
        slack_app_token=SecretStr(slack.app_token) if socket else None,
        slack_signing_secret=SecretStr(slack.signing_secret),
        slack_api_url=slack.api_url,
        default_country="US",
        scratch_dir=tmp_path,
        port=0,
    )


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[tuple[Service, str]]:
    """A desk with its port open, not yet started; stopped at the end."""
    store = open_store(settings)
    service = Service(settings, store)
    try:
        async with listening(service.routes(), settings.host, settings.port) as url:
            try:
                yield service, url
            finally:
                await service.stop()
    finally:
        store.close()


async def got(url: str) -> tuple[int, dict[str, Any]]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.json()


async def readiness(service: Service, check: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Wait until the service's readiness is as *check* wants it."""
    async with asyncio.timeout(PATIENCE):
        while not check(found := await service.readiness()):
            pass
    return found


@pytest.mark.parametrize("socket", [True, False])
async def test_a_command_is_answered_over_both_connections(
    slack: EmbeddedSlack, people: SandboxClient, tmp_path: Path, socket: bool
) -> None:
    """With an app token the desk answers over Socket Mode, without one over signed HTTP; the answers are the same."""
    async with served(settings_for(slack, tmp_path, socket=socket)) as (service, url):
        if not socket:
            slack.events_url = url + EVENTS_PATH
        await service.start()
        await service.connected(15)
        outcome = await people.command("admin", "campaign-admins", "/optout add 212 555 0100")
        assert outcome.ok, outcome
        state = await people.until(lambda state: state if state.channel("campaign-admins").messages else None)
        assert "(212) 555-0100 opted out" in state.channel("campaign-admins").messages[-1].all_text
        assert (await got(f"{url}/readyz"))[0] == 200
        posts = len(await people.calls("chat.postMessage"))
        await readiness(service, lambda _: service.desk.calls.counts["chat.postMessage", "ok"] == posts > 0)
        async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as metrics:
            assert 'optout_slack_calls_total{method="chat.postMessage",outcome="ok"}' in await metrics.text()


async def test_an_unsigned_request_is_refused(slack: EmbeddedSlack, tmp_path: Path) -> None:
    """Over HTTP a request without Slack's signature gets 401 and nothing happens."""
    async with served(settings_for(slack, tmp_path, socket=False)) as (service, url):
        await service.start()
        async with aiohttp.ClientSession() as session:
            body = {"command": "/optout", "text": "add 2125550100", "team_id": slack.team_id}
            async with session.post(url + EVENTS_PATH, data=body) as answer:
                assert answer.status == 401


async def test_socket_mode_opens_no_way_in_over_http(slack: EmbeddedSlack, tmp_path: Path) -> None:
    """In Socket Mode the port serves health and readiness alone."""
    async with (
        served(settings_for(slack, tmp_path, socket=True)) as (_, url),
        aiohttp.ClientSession() as session,
        session.post(url + EVENTS_PATH, data={}) as answer,
    ):
        assert answer.status == 404


async def test_readiness_follows_the_desk(slack: EmbeddedSlack, tmp_path: Path) -> None:
    """`/readyz` is 503 while starting and draining and 200 while connected; `/healthz` is 200 all along."""
    async with served(settings_for(slack, tmp_path, socket=True)) as (service, url):
        assert await got(f"{url}/readyz") == (503, {"ready": False})
        found = await service.readiness()
        assert set(found.pop("loops").values()) == {"stopped"}
        assert found == {
            "ready": False,
            "state": "starting",
            "slack": "stopped",
            "bot": "unknown",
            "database": "ok",
        }
        await service.start()
        found = await readiness(service, lambda found: bool(found["ready"]))
        assert await got(f"{url}/readyz") == (200, {"ready": True})
        assert set(found.pop("loops").values()) == {"ok"}
        assert found == {"ready": True, "state": "serving", "slack": "connected", "bot": "ok", "database": "ok"}
        await service.stop()
        assert await got(f"{url}/readyz") == (503, {"ready": False})
        assert (await service.readiness())["state"] == "draining"
        assert await got(f"{url}/healthz") == (200, {"healthy": True})


@pytest.mark.wide
async def test_readiness_shows_a_refused_connection(
    slack: EmbeddedSlack, people: SandboxClient, tmp_path: Path
) -> None:
    """When Slack refuses the app for good, `/readyz` is 503, and the log names the reason."""
    await people.fault(method="apps.connections.open", fault="error", error="link_disabled", times=-1)
    async with served(settings_for(slack, tmp_path, socket=True)) as (service, url):
        await service.start()
        found = await readiness(service, lambda found: bool(found["slack"] != "connecting"))
        assert found["slack"] == "refused: link_disabled"
        assert (await got(f"{url}/readyz"))[0] == 503


@pytest.mark.wide
@pytest.mark.parametrize("socket", [True, False])
async def test_a_refused_token_is_not_ready(
    slack: EmbeddedSlack, people: SandboxClient, tmp_path: Path, socket: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connected is not usable: revoked while it serves, `/readyz` is 503 and the log names the remedy, once; then 200."""
    monkeypatch.setattr(installations, "CHECK_SECONDS", 0.05)
    with capture_logs() as logs:
        async with served(settings_for(slack, tmp_path, socket=socket)) as (service, url):
            await service.start()
            await readiness(service, lambda found: bool(found["ready"]))
            await people.fault(token="revoked")
            found = await readiness(service, lambda found: not found["ready"])
            assert found["bot"] == "refused: token_revoked"
            assert (await got(f"{url}/readyz"))[0] == 503
            await readiness(service, lambda _: service.desk.calls.counts["auth.test", "token_revoked"] > 2)
            await people.clear_faults()
            await readiness(service, lambda found: bool(found["ready"]))
    refusals = [line for line in logs if line["log_level"] == "error"]
    assert [(line["event"], line["error"]) for line in refusals] == [("Slack refuses the bot token", "token_revoked")]
    assert refusals[0]["remedy"] == "SLACK_BOT_TOKEN: it has been revoked; install the app again."


@pytest.mark.wide
async def test_a_desk_that_slack_never_knew_is_not_ready(
    slack: EmbeddedSlack, people: SandboxClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While `auth.test` is not answered the desk is connected, and not ready; it asks again by itself."""
    monkeypatch.setattr(installations, "CHECK_SECONDS", 0.05)
    await people.fault(method="auth.test", fault="server_error", times=-1)
    async with served(settings_for(slack, tmp_path, socket=True)) as (service, _):
        await service.start()
        found = await readiness(service, lambda found: bool(found["slack"] == "connected"))
        assert (found["ready"], found["bot"]) == (False, "unknown")
        await people.clear_faults()
        await readiness(service, lambda found: bool(found["ready"]))


@pytest.mark.wide
async def test_a_draining_desk_takes_no_request(slack: EmbeddedSlack, people: SandboxClient, tmp_path: Path) -> None:
    """Over HTTP a desk that is stopping answers 503, so that Slack sends an event again to one that is not."""
    async with served(settings_for(slack, tmp_path, socket=False)) as (service, url):
        slack.events_url = url + EVENTS_PATH
        await service.start()
        await service.stop()
        assert not (await people.command("admin", "campaign-admins", "/optout help")).ok


async def test_readiness_shows_a_database_that_is_behind(slack: EmbeddedSlack, tmp_path: Path) -> None:
    """When the tables are not this program's, `/readyz` is 503, and the log says what to do."""
    settings = settings_for(slack, tmp_path, socket=False)
    async with served(settings) as (service, url):
        await service.start()
        _set_revision(settings.database_url, "0006")
        with capture_logs() as logs:
            assert (await got(f"{url}/readyz"))[0] == 503
        (cause,) = (line["database"] for line in logs if line["event"] == "readiness")
        assert "python -m bot migrate" in cause


def test_an_sqlite_file_is_upgraded_at_start(tmp_path: Path) -> None:
    """An embedded database needs no command: opening makes or upgrades its tables, and says that it upgraded them."""
    settings, said = Settings(database_url=f"sqlite:///{tmp_path / 'new.db'}"), list[str]()
    store = open_store(settings)
    store.database.require_head()
    step_back(store, "0006")
    store.close()
    store = open_store(settings, said.append)
    store.database.require_head()
    [upgraded] = said
    assert upgraded.startswith(
        f"The tables of the SQLite file {tmp_path}/new.db were at 0006 and are at {store.database.head()} now."
    )
    store.close()


def test_postgresql_behind_head_is_refused_and_names_the_command(postgres_server: sa.URL) -> None:
    """On PostgreSQL, which other replicas may be using, the desk refuses to start behind head instead of migrating."""
    # The server's own database, in which no test makes tables.
    url = postgres_server.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    with pytest.raises(StoreBehind, match="python -m bot migrate"):
        open_store(Settings(database_url=url))


def test_a_database_that_is_away_is_a_sentence() -> None:
    """A PostgreSQL that does not answer is refused with a sentence, without waiting for ever."""
    with pytest.raises(StoreError, match="cannot be reached"):
        open_store(Settings(database_url="postgresql://desk@127.0.0.1:1/desk"))


async def test_a_taken_port_is_a_sentence() -> None:
    """A port in use is refused with its number and the reason."""
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(SettingsError, match=f"Port {port} of 127.0.0.1 cannot be opened"):
            async with listening(web.Application(), "127.0.0.1", port):
                pass


async def test_sigterm_ends_the_process_in_order(slack: EmbeddedSlack, people: SandboxClient, tmp_path: Path) -> None:
    """`serve` as a process: it connects, answers, and on SIGTERM ends with status 0 and what was acknowledged kept."""
    settings = settings_for(slack, tmp_path, socket=True)
    environment = {
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": settings.database_url,
        "SLACK_API_URL": slack.api_url,
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "OPTOUT_DEFAULT_COUNTRY": "US",
        "OPTOUT_PORT": "0",
        "OPTOUT_SCRATCH_DIR": str(tmp_path),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "serve", stdout=PIPE, stderr=PIPE, cwd=tmp_path, env={**os.environ, **environment}
    )
    try:
        await people.until(lambda state: state.connected or None)
        assert (await people.command("admin", "campaign-admins", "/optout add 212 555 0100")).ok
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            _, err = await process.communicate()
        assert process.returncode == 0, err
        assert b"Traceback" not in err
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    store = Store.open(settings.database_url)
    account = store.accounts.find(slack.team_id)
    assert account is not None
    assert store.optouts.find(account.id, "+12125550100").opted_out
    store.close()


async def test_the_first_signal_counts_however_busy_the_loop_is() -> None:
    """What is to begin with it does so before the loop has another turn, of which there may be thousands before."""
    begun: list[bool] = []
    async with serve.stopping_on_signal(lambda: begun.append(True)) as asked:
        signal.raise_signal(signal.SIGTERM)
        assert (begun, asked.is_set()) == ([True], False)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        async with asyncio.timeout(PATIENCE):
            await asked.wait()


def test_the_last_end_does_not_wait_for_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that somebody else never leaves does not keep the process from ending."""
    ended, left = threading.Event(), threading.Event()
    monkeypatch.setattr(serve.log, "warning", lambda _line: left.wait(PATIENCE), raising=False)
    monkeypatch.setattr(os, "_exit", lambda _status: ended.set())
    monkeypatch.setattr(serve, "_SAID_SECONDS", 0.01)
    serve._end_within(0.0)
    try:
        assert ended.wait(PATIENCE)
    finally:
        left.set()


def _set_revision(url: str, revision: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    engine.dispose()
