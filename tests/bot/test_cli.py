"""The command line, as an operator uses it."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import click
import pytest
import yaml
from click.testing import CliRunner, Result

from bot import demo
from bot.__main__ import main
from bot.config import Settings
from bot.sandbox import kept_beside
from bot.stores import open_store
from store import Actor, Function, Origin, Store
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]
OPTIONS = {
    "sandbox": {"--port", "--db", "--quiet", "--no-bot", "--events-url", "--chaos"},
    "serve": set(),
    "migrate": set(),
    "manifest": {"--url", "--no-step"},
    "doctor": set(),
    "import": {
        "--account",
        "--country",
        "--sure",
        "--yes",
        "--column",
        "--only",
        "--all-rows",
        "--country-column",
        "--one-country",
        "--new-account",
        "--sheet",
        "--with-hidden",
    },
    "export": {"--account", "--format", "--since", "--function"},
    "backup": {"--key", "--account"},
    "restore": {"--key", "--replace", "--account"},
    "restored": {"--account"},
    "move": {"--from", "--to"},
    "erase": {"--account", "--untold"},
    "account move": {"--yes"},
    "hook make-twilio": {"--account", "--name", "--account-sid", "--auth-token", "--shared-key"},
    "hook make-telnyx": {"--account", "--name", "--public-key", "--api-key"},
    "hook list": {"--account"},
    "hook remove": {"--account"},
    "key make": {"--account", "--name", "--scope", "--days", "--until", "--never"},
    "key list": {"--account"},
    "key revoke": {"--account"},
    "compare": {
        "--account",
        "--telnyx",
        "--country",
        "--column",
        "--only",
        "--all-rows",
        "--country-column",
        "--one-country",
        "--output",
        "--sheet",
        "--with-hidden",
    },
    "scrub": {
        "--account",
        "--country",
        "--column",
        "--country-column",
        "--one-country",
        "--keep-unreadable",
        "--output",
        "--sheet",
        "--with-hidden",
    },
}


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner(env=dict(environment)).invoke(main, list(arguments), prog_name="python -m bot")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `.env` of the project's directory is read."""
    monkeypatch.chdir(tmp_path)


@asynccontextmanager
async def started(*arguments: str, **environment: str) -> AsyncIterator[Process]:
    """`python -m bot` in a process of its own, ended when the test has not."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        *arguments,
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line_of(process: Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        line = (await process.stdout.readline()).decode()
    if not line:
        assert process.stderr is not None
        pytest.fail((await process.stderr.read()).decode())
    return line


def address_in(line: str) -> str:
    found = re.search(r"http://127\.0\.0\.1:\d+", line)
    assert found is not None, line
    return found[0]


def test_commands_and_options_are_exactly_those_promised() -> None:
    """`python -m bot` has the sub-commands of docs/operators.md, each with its options and no others."""
    commands = dict(main.commands)
    for name, command in main.commands.items():
        if isinstance(command, click.Group):
            del commands[name]
            commands |= {f"{name} {sub}": subcommand for sub, subcommand in command.commands.items()}
    found = {
        name: {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
        for name, command in commands.items()
    }
    assert found == OPTIONS


@pytest.mark.parametrize("command", sorted(OPTIONS))
def test_every_command_explains_itself(command: str) -> None:
    """`--help` of a command says what it does and describes each option."""
    result = run(*command.split(), "--help")
    assert result.exit_code == 0
    assert all(option in result.output for option in OPTIONS[command])


def test_a_bad_setting_is_refused_with_one_sentence() -> None:
    """A setting that cannot be used ends the command with status 1 and a sentence that names it, and no traceback."""
    result = run("serve", OPTOUT_PORT="many")
    assert result.exit_code == 1
    assert result.output.startswith("Error: OPTOUT_PORT")
    assert result.output.count("\n") == 1


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, "SLACK_BOT_TOKEN is not set"),
        ({"SLACK_BOT_TOKEN": "xoxb-1-2-abc"}, "SLACK_APP_TOKEN (for Socket Mode) nor SLACK_SIGNING_SECRET"),
    ],
)
def test_serve_says_which_token_is_missing(environment: dict[str, str], named: str) -> None:
    """Without what it takes to talk to Slack `serve` does not start, and says what is missing and where it is found."""
    result = run("serve", **environment)
    assert result.exit_code == 1
    assert named in result.output


def test_migrate_makes_the_tables_and_may_be_repeated(tmp_path: Path) -> None:
    """`migrate` brings an empty database to head; a second time it says that there was nothing to do."""
    url = f"sqlite:///{tmp_path / 'desk.db'}"
    assert "The tables are at revision" in run("migrate", DATABASE_URL=url).output
    assert "already" in run("migrate", DATABASE_URL=url).output
    store = Store.open(url)
    store.database.require_head()
    store.close()


def test_commands_go_to_the_database_of_the_account(tmp_path: Path) -> None:
    """
    `migrate` is of all databases; what is for an account goes to its own, and a backup is of one and says so.

    An account does not move to an id that another database has.
    """
    own = "T0OWN"
    environment = {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'desk.db'}",
        "OPTOUT_DATABASES": f"{own}=sqlite:///{tmp_path / 'own.db'}",
    }
    done = run("migrate", **environment)
    assert [f"{tmp_path / name} are at revision" in done.output for name in ("desk.db", "own.db")] == [True, True]
    a_list = tmp_path / "stops.csv"
    a_list.write_text("phone\n212 555 0100\n")
    for account in ("T0DEFAULT", own):
        made = run(
            "import", str(a_list), "--account", account, "--country", "US", "--yes", "--new-account", **environment
        )
        assert made.exit_code == 0, made.output
        exported = run("export", "--account", account, "--format", "phones", **environment)
        assert "+12125550100" in exported.output
    for name, account in (("desk.db", "T0DEFAULT"), ("own.db", own)):
        store = Store.open(f"sqlite:///{tmp_path / name}")
        assert [one.slack_id for one in store.accounts.list()] == [account]
        store.close()
    kept = run("backup", str(tmp_path / "default.backup"), **environment)
    assert f"are not in it ({own})" in kept.output
    kept = run("backup", str(tmp_path / "own.backup"), "--account", own, **environment)
    assert "The other databases are not in it" in kept.output
    back = run("restore", str(tmp_path / "own.backup"), "--account", own, "--replace", **environment)
    assert f"to {tmp_path / 'own.db'}." in back.output
    assert f"{tmp_path / 'own.db'} is known" in run("restored", "--account", own, **environment).output
    unknown = run("backup", str(tmp_path / "none.backup"), "--account", "T0DEFAULT", **environment)
    assert "T0DEFAULT has no database of its own by OPTOUT_DATABASES" in unknown.output
    moved = run("account", "move", "T0DEFAULT", own, **environment)
    assert (moved.exit_code, "are in two databases" in moved.output) == (1, True)
    both = environment | {"OPTOUT_DATABASES": f"{own}=sqlite:///{tmp_path / 'own.db'} E0OWN=sqlite:///own.db"}
    moved = run("account", "move", own, "E0OWN", **both)
    assert moved.exit_code == 0, moved.output
    read = run(
        "key", "list", "--account", own, **environment | {"OPTOUT_DATABASES": f"{own}=sqlite:///{tmp_path / 'no.db'}"}
    )
    assert "OPTOUT_DATABASES says where it is" in read.output


def test_a_database_that_is_away_is_a_sentence(tmp_path: Path) -> None:
    """A database that cannot be opened ends a command with a sentence instead of a traceback."""
    result = run("migrate", DATABASE_URL=f"sqlite:///{tmp_path}/missing/desk.db")
    assert result.exit_code == 1
    assert (
        "missing/desk.db is not there or may not be opened. See that DATABASE_URL names the right one" in result.output
    )


def test_manifest_prints_both_ways_of_connecting() -> None:
    """`manifest` prints YAML for Socket Mode; with --url the same app for HTTP."""
    socket, http = (
        yaml.safe_load(run("manifest", *extra).output) for extra in ((), ("--url", "https://desk.example.org"))
    )
    assert socket["settings"]["socket_mode_enabled"] is True
    assert http["settings"]["socket_mode_enabled"] is False
    assert http["settings"]["event_subscriptions"]["request_url"] == "https://desk.example.org/slack/events"
    back = http["oauth_config"].pop("redirect_urls")
    assert back == ["https://desk.example.org/slack/oauth_redirect"]
    assert socket["oauth_config"] == http["oauth_config"]


def test_manifest_refuses_an_address_slack_cannot_call() -> None:
    """`--url` must be https."""
    result = run("manifest", "--url", "http://desk.example.org")
    assert result.exit_code == 2
    assert "is not an address Slack can call" in result.output


@pytest.mark.parametrize(
    "arguments", [("--events-url", "http://127.0.0.1:9/slack/events"), ("--no-bot", "--db", "desk.db")]
)
def test_sandbox_refuses_options_that_would_do_nothing(arguments: tuple[str, ...]) -> None:
    """An option that has no effect together with the others is an error, not silence."""
    assert run("sandbox", *arguments).exit_code == 2


async def test_sandbox_serves_page_and_desk_and_ends_cleanly(tmp_path: Path) -> None:
    """`sandbox` prints the page's address once the desk is connected, answers commands, keeps --db and ends on Ctrl-C."""
    file = tmp_path / "kept.db"
    async with started("sandbox", "--port", "0", "--quiet", "--db", str(file)) as process:
        url = address_in(await line_of(process))
        async with aiohttp.ClientSession() as session:
            async with session.get(url) as page:
                assert page.status == 200
                assert "text/html" in page.headers["Content-Type"]
            command = {"user": "admin", "channel": "campaign-admins", "text": "/optout add 212 555 0100"}
            async with session.post(f"{url}/sandbox/command", json=command) as answer:
                said = await answer.json()
        assert said["ok"], said
        assert said["acknowledged"]
        # A terminal sends Ctrl-C to all of the desk's processes.
        os.killpg(process.pid, signal.SIGINT)
        async with asyncio.timeout(PATIENCE):
            out, err = await process.communicate()
        assert (process.returncode, out) == (0, b"")
        assert b"Traceback" not in err
    store = Store.open(f"sqlite:///{file}")
    with store.database.read() as connection:
        phones = connection.exec_driver_sql("SELECT phone FROM opted_out").scalars().all()
    store.close()
    assert sorted(phones) == ["+12125550100", demo.STOPPED, demo.TOLD_THE_TEXTER]
    assert '"Slackbot"' in kept_beside(file).read_text(encoding="utf-8")


def test_the_sandbox_starts_with_campaigns(tmp_path: Path) -> None:
    """Two active campaigns and a finished one have conversations, two contacts asked to stop; seeding again changes nothing."""
    store = open_store(Settings(database_url=f"sqlite:///{tmp_path / 'desk.db'}"))
    demo.seed(store, "T0DESK", "Harbor Campaign")
    account = store.accounts.get_or_create("T0DESK")
    store.optouts.add(account.id, ["+12125550100"], Origin(Function.COMMAND, Actor("U0ADMIN", "admin")))
    demo.seed(store, "T0DESK", "Harbor Campaign")
    found = store.optouts.find(account.id, "+12125550100").conversations
    other = store.optouts.find(account.id, "+14155550107").conversations
    asked = [store.optouts.find(account.id, phone) for phone, _ in demo.ASKED]
    store.close()
    assert [len(state.opt_outs) for state in asked] == [1, 1]
    assert [(c.campaign, c.active, c.opted_out) for c in found] == [
        ("GOTV October", True, True),
        ("Phonebank 2025", False, True),
        ("Volunteer Drive", True, True),
    ]
    assert [(c.campaign, c.contact, c.opted_out) for c in other] == [("Volunteer Drive", "Hugo Stein", False)]
    assert account.country == "US"


@pytest.mark.wide
async def test_sandbox_without_the_bot_prints_what_an_app_needs() -> None:
    """`sandbox --no-bot` prints address, tokens and signing secret, with which Slack's own API answers."""
    async with started("sandbox", "--no-bot", "--quiet", "--port", "0") as process:
        said = dict([(await line_of(process)).strip().split("=", 1) for _ in range(4)])
        assert set(said) == {"SLACK_API_URL", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"}
        headers = {"Authorization": f"Bearer {said['SLACK_BOT_TOKEN']}"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{said['SLACK_API_URL']}auth.test", headers=headers) as a,
        ):
            assert (await a.json())["ok"]
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            await process.communicate()
        assert process.returncode == 0


@pytest.mark.wide
@pytest.mark.parametrize(("alone", "lines"), [((), 2), (("--no-bot",), 5)], ids=["with the desk", "alone"])
async def test_sandbox_under_chaos(alone: tuple[str, ...], lines: int) -> None:
    """`--chaos SEED` says so once everything is up, has the seed's faults come, and still ends cleanly."""
    async with started("sandbox", *alone, "--chaos", "513", "--quiet", "--port", "0") as process:
        said = [await line_of(process) for _ in range(lines)]
        assert "as the seed 513 decides" in said[-1]
        url = address_in(said[0])
        async with aiohttp.ClientSession() as session:
            statuses = set()
            # The first thing to go wrong with this seed is a rate limit for every method.
            while 429 not in statuses:
                async with session.post(f"{url}/api/api.test") as answer:
                    statuses.add(answer.status)
            async with session.get(f"{url}/sandbox/faults") as answer:
                assert (await answer.json())["chaos"] == {"seed": 513}
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            await process.communicate()
        assert process.returncode == 0


@pytest.mark.wide
async def test_sandbox_says_when_its_port_is_taken() -> None:
    """A port in use ends `sandbox` with a sentence that names the option to choose another."""
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with started("sandbox", "--port", str(port)) as process:
            async with asyncio.timeout(PATIENCE):
                _, err = await process.communicate()
            assert process.returncode == 1
            assert f"Port {port} cannot be opened".encode() in err
            assert b"Traceback" not in err


@pytest.mark.wide
@pytest.mark.parametrize(
    "code",
    [
        pytest.param("import bot.transfer", id="the module"),
        pytest.param("from bot.__main__ import main; main(['import', '--help'], standalone_mode=False)", id="help"),
        pytest.param(
            "from bot.__main__ import main; main(['import', LIST, '--account', 'T0DESK', '--country', 'US', '--yes'],"
            " standalone_mode=False)",
            id="an import",
        ),
    ],
)
def test_an_import_loads_nothing_of_slacks(tmp_path: Path, code: str) -> None:
    """Lists go in from the command line without Slack's libraries, which are most of what the desk loads."""
    path = tmp_path / "stops.csv"
    path.write_text("phone\n2125550100\n")
    loaded = "[name for name in sys.modules if name.partition('.')[0] in ('slack_sdk', 'slack_bolt', 'aiohttp')]"
    code = f"import sys; LIST = {str(path)!r}; {code}; sys.exit({loaded} or 0)"
    environment = {"PYTHONPATH": str(ROOT), "DATABASE_URL": f"sqlite:///{tmp_path / 'desk.db'}"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
