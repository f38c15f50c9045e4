"""An embedded Slack for strangers, and each of their apps connected to it."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest

from bot.sandbox import EmbeddedSlack, SandboxClient
from bot.sandbox.delivery import Outcome
from tests.fidelity.strangers import COMMAND, EVENTS, SCOPES, SHORTCUTS, Client, Stranger, installed, named, running
from tests.fidelity.toolchains import GOPATH, HERE, NODE, in_ci

# What cannot run here is not collected, and the summary says so (tests/conftest.py). Where a change is judged
# nothing is left out, and test_toolchains.py says what is missing.
collect_ignore = ["test_toolchains.py"] if not in_ci() else []
if NODE.lacking and not in_ci():
    collect_ignore += ["test_web_api.py", "test_types.py", "test_openapi.py", "test_signatures.py"]


class Starting(Protocol):
    """Starts a client's app; *environment* is what an embedded Slack prints for one, else its own tokens are asked."""

    def __call__(
        self, client: Client, people: SandboxClient, environment: dict[str, str] | None = None
    ) -> AbstractAsyncContextManager[Stranger]: ...


@pytest.fixture(scope="session")
def slack_go(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app written with slack-go, built without network against Debian's sources."""
    program = tmp_path_factory.mktemp("slack-go") / "slack_go"
    environment = os.environ | {"GO111MODULE": "off", "GOPATH": str(GOPATH)}
    environment.setdefault("GOCACHE", str(program.parent / "cache"))
    command = ["go", "build", "-o", str(program), "."]
    built = subprocess.run(command, cwd=HERE / "slack_go", env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return program


@pytest.fixture
async def slack() -> AsyncIterator[EmbeddedSlack]:
    """An embedded Slack with the strangers' manifest, whose waiting times pass a hundred times faster."""
    async with EmbeddedSlack(speed=100.0) as server:
        server.set_manifest(commands=[COMMAND], scopes=SCOPES, events=EVENTS, shortcuts=SHORTCUTS)
        yield server


@pytest.fixture
async def people(slack: EmbeddedSlack) -> AsyncIterator[SandboxClient]:
    """The people of its workspace."""
    async with SandboxClient(slack.url) as client:
        yield client


@pytest.fixture
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Starting:
    """Starts an app and waits until the embedded Slack reaches it."""

    @asynccontextmanager
    async def starting(
        client: Client, people: SandboxClient, environment: dict[str, str] | None = None
    ) -> AsyncIterator[Stranger]:
        if client.needs is not None and client.needs.lacking is not None:
            pytest.fail(client.needs.lacking)
        program = client.program or (str(request.getfixturevalue("slack_go")),)
        app = await people.app()
        given = environment or {
            "SLACK_API_URL": app["api_url"],
            "SLACK_BOT_TOKEN": app["bot_token"],
            "SLACK_APP_TOKEN": app["app_token"],
            "SLACK_SIGNING_SECRET": app["signing_secret"],
        }
        async with running(program, given | {"MODE": client.mode}, cwd=tmp_path) as stranger:
            ready = await stranger.next("ready")
            assert ready == {"what": "ready", "user": app["bot_user_id"], "bot": app["bot_id"], "team": app["team_id"]}
            if client.is_http:
                port = (await stranger.next("listening"))["port"]
                # Verified as Slack does it: the app answers the challenge.
                await people.configure(events_url=f"http://127.0.0.1:{port}/slack/events", verify=True)
            else:
                await stranger.next("connected")
            yield stranger

    return starting


class Damaging(Protocol):
    """Has every event of a kind changed before it is sent."""

    def __call__(self, kind: str, damage: Callable[[dict[str, Any]], None]) -> None: ...


@pytest.fixture
def damaging(slack: EmbeddedSlack, monkeypatch: pytest.MonkeyPatch) -> Damaging:
    """Plants damage inside the embedded Slack: the checks must find it."""

    def plant(kind: str, damage: Callable[[dict[str, Any]], None]) -> None:
        courier = slack.platform.feed.courier
        deliver = courier.event

        def damaged(payload: dict[str, Any]) -> asyncio.Future[Outcome]:
            if payload["event"]["type"] == kind:
                damage(payload["event"])
            return deliver(payload)

        monkeypatch.setattr(courier, "event", damaged)

    return plant


@pytest.fixture(params=named(installed()))
def client(request: pytest.FixtureRequest) -> Client:
    """Each client that can run here."""
    found: Client = request.param
    return found


@pytest.fixture
async def app(client: Client, people: SandboxClient, start: Starting) -> AsyncIterator[Stranger]:
    """That client's app, connected."""
    async with start(client, people) as stranger:
        yield stranger
