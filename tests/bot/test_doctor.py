"""What `doctor` says, against the embedded Slack."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import ByteSize, SecretStr

from bot import doctor
from bot.config import Settings
from bot.doctor import examine
from bot.manifest import optional_scopes, scopes
from bot.sandbox import EmbeddedSlack, SandboxClient
from bot.stores import open_store
from store import Actor, Destination, DestinationKind, Function, NewDestination, Origin, Reply, Scope, Store
from tests.conftest import new_database


class AnHourAhead(datetime):
    """The clock of a machine that is an hour ahead."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "AnHourAhead":
        ahead = super().now(tz) + timedelta(hours=1)
        return cls.fromtimestamp(ahead.timestamp(), tz)


@pytest.fixture
async def slack() -> AsyncIterator[EmbeddedSlack]:
    async with EmbeddedSlack() as slack:
        slack.set_manifest(scopes=scopes())
        yield slack


@pytest.fixture
def settings(slack: EmbeddedSlack, tmp_path: Path) -> Settings:
    settings = Settings(
        database_url=f"sqlite:///{tmp_path / 'desk.db'}",
        slack_bot_token=SecretStr(slack.bot_token),
        slack_app_token=SecretStr(slack.app_token),
        slack_api_url=slack.api_url,
        default_country="US",
        max_list_bytes=ByteSize(1_000),
        scratch_dir=tmp_path,
    )
    open_store(settings).close()
    return settings


async def wrong(settings: Settings) -> list[str]:
    return [finding.sentence for finding in await examine(settings) if not finding.good]


async def test_a_whole_installation_is_found_good(settings: Settings, slack: EmbeddedSlack) -> None:
    """With everything in place each check is good, and the sentences name what was looked at; nothing is posted."""
    findings = await examine(settings)
    assert [finding.sentence for finding in findings if not finding.good] == []
    said = "\n".join(finding.sentence for finding in findings)
    for part in (
        "Database:",
        "Migrations:",
        f"({slack.team_id})",
        f"Account: {slack.team_id} is",
        "Scopes:",
        "Socket Mode",
        "#optout-uploads",
    ):
        assert part in said
    assert not any(channel.messages for channel in slack.platform.workspace.channels.values())


async def test_tables_of_a_later_release_are_named(settings: Settings) -> None:
    """A database that a later release has upgraded is not to be migrated, and the sentence says what to start."""
    engine = sa.create_engine(settings.database_url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    [sentence] = await wrong(settings)
    assert sentence.startswith("Database: The database's tables are at revision 9999, which a later release brought.")


async def test_missing_tokens_are_named(settings: Settings) -> None:
    """Without tokens the sentences name the variables and where their values are found."""
    bare = settings.model_copy(update={"slack_bot_token": None, "slack_app_token": None})
    assert await wrong(bare) == [
        "Bot token: SLACK_BOT_TOKEN is not set; see OAuth & Permissions.",
        "Connection: set SLACK_APP_TOKEN for Socket Mode (the simple way) or SLACK_SIGNING_SECRET for HTTP.",
    ]


async def test_tokens_slack_does_not_know_are_named(settings: Settings) -> None:
    """A token that Slack refuses is named with what to do, and never shown."""
    changed = settings.model_copy(
        update={"slack_bot_token": SecretStr("xoxb-1-2-wrong"), "slack_app_token": SecretStr("xapp-1-A1-2-wrong")}
    )
    said = await wrong(changed)
    assert len(said) == 2
    assert said[0].startswith("Bot token: SLACK_BOT_TOKEN is no use: Slack does not know it")
    assert said[1].startswith("App token: SLACK_APP_TOKEN is no use: Slack does not know it")
    assert "wrong" not in "".join(said)


async def test_a_missing_scope_is_named(settings: Settings, slack: EmbeddedSlack) -> None:
    """Scopes of the manifest that the token lacks are named, with the need to install again."""
    slack.set_manifest(scopes=scopes() - {"files:write"})
    assert await wrong(settings) == [
        (
            "Scopes: the bot token lacks files:write. The app has an older manifest than this release's: paste "
            "`python -m bot manifest` at App Manifest on its page, and install it again."
        )
    ]


async def test_what_is_missing_without_an_optional_scope_is_said(settings: Settings, slack: EmbeddedSlack) -> None:
    """A scope that was left out at the installation is no fault; it is said what is missing for it."""
    slack.set_manifest(scopes=scopes() - set(optional_scopes()))
    assert await wrong(settings) == []
    said = [finding.sentence for finding in await examine(settings) if finding.sentence.startswith("Scopes")]
    assert said == [
        f"Scopes: the bot token does without {scope}: {missing}."
        for scope, missing in (
            ("metadata.message:read", "an answer whose posting Slack did not confirm can stand twice"),
            ("usergroups:read", "no user group can be chosen in /optout settings, only people"),
        )
    ]
    slack.set_manifest(scopes=scopes() - {"usergroups:read", "files:write"})
    [lacking] = await wrong(settings)
    assert lacking.startswith("Scopes: the bot token lacks files:write. ")


async def test_an_uploads_channel_without_the_bot_is_named(settings: Settings, people: SandboxClient) -> None:
    """A missing channel, an archived one and one without the bot each get their sentence."""
    await people.kick("optout-uploads")
    changed = settings.model_copy(update={"uploads_channels": frozenset({"optout-uploads", "archive-2024", "nowhere"})})
    archived, nowhere, without = await wrong(changed)
    assert archived == "Uploads channel: #archive-2024 is archived."
    assert "there is none called nowhere" in nowhere
    assert without == "Uploads channel: the bot is not in #optout-uploads. Invite the bot there with /invite."


@pytest.mark.wide
async def test_a_slack_out_of_reach_is_said(settings: Settings) -> None:
    """An address that does not answer is named instead of blaming the tokens."""
    changed = settings.model_copy(update={"slack_api_url": "http://127.0.0.1:1/api/"})
    bot, app = await wrong(changed)
    tried = "could not be tried: http://127.0.0.1:1/api/ does not answer as Slack does (ClientConnectorError). See this machine's"
    assert bot.startswith(f"Bot token: SLACK_BOT_TOKEN {tried}")
    assert app.startswith(f"App token: SLACK_APP_TOKEN {tried}")


@pytest.mark.parametrize(
    ("error", "said"),
    [("missing_scope", "it lacks the scope connections:write"), ("link_disabled", "Socket Mode is switched off")],
)
async def test_an_app_token_that_opens_no_connection_is_named(
    settings: Settings, people: SandboxClient, error: str, said: str
) -> None:
    """With what it lacks, or what is switched off on the app's page."""
    await people.fault(method="apps.connections.open", fault="error", error=error, times=-1)
    [sentence] = await wrong(settings)
    assert sentence.startswith(f"App token: SLACK_APP_TOKEN is no use: {said}")


async def test_a_signing_secret_that_was_cut_is_named(settings: Settings, slack: EmbeddedSlack) -> None:
    """By its length, which is all that can be seen of it before a request comes; it is not shown."""
    http = settings.model_copy(
        update={"slack_app_token": None, "slack_signing_secret": SecretStr(slack.signing_secret)}
    )
    assert await wrong(http) == []
    cut = http.model_copy(update={"slack_signing_secret": SecretStr(slack.signing_secret[:-1])})
    [said] = await wrong(cut)
    assert said.startswith(
        "Signing secret: SLACK_SIGNING_SECRET has 31 characters, and those that Slack makes have 32."
    )
    assert slack.signing_secret[:-1] not in said


async def test_whoever_asks_the_api_in_vain_is_named(settings: Settings, slack: EmbeddedSlack) -> None:
    """Live keys while the API is off, and a port that nothing listens on."""
    by = Origin(Function.COMMAND, Actor("U0ADMIN", "admin"))
    store = Store.open(settings.database_url)
    account = store.accounts.get_or_create(slack.team_id, "Harbor Campaign", country="US").id
    made = store.keys.make(account, "Spoke", (Scope.CHECK,), None, by)
    [live] = await wrong(settings)
    assert live.startswith(
        f"API: {slack.team_id} has live keys (1), and whoever asks by one gets no answer: OPTOUT_API is off."
    )
    store.keys.revoke(account, made.key.id, by)
    store.close()
    [port] = await wrong(settings.model_copy(update={"api_port": 4000}))
    assert port.startswith("API: OPTOUT_API_PORT is set, and nothing is served there while OPTOUT_API is off.")


async def test_destinations_that_take_nothing_are_named(settings: Settings, slack: EmbeddedSlack) -> None:
    """With why, since when, and what to press; phones that wait while others pass are counted. A pause is no fault."""
    by = Origin(Function.COMMAND, Actor("U0ADMIN", "admin"))
    store = Store.open(settings.database_url)
    account = store.accounts.get_or_create(slack.team_id, "Harbor Campaign", country="US").id
    store.optouts.add(account, ["+12125550100"], by)

    def made(name: str) -> Destination:
        address = f"https://{name}.example.org"
        store.destinations.make(account, NewDestination(DestinationKind.WEBHOOK, name, "C1", address), by)
        [one] = [one for one in store.destinations.list_of(account) if one.name == name]
        return one

    store.destinations.pause(account, made("idle").id, by)
    waiting = made("waiting")
    for name in ("gone", "down", "picky"):
        made(name)
    for _ in range(4):
        claimed = store.destinations.claim("me", lease_seconds=60)
        assert claimed is not None
        match claimed.name:
            case "gone":
                store.destinations.refused(claimed, "It answered 410 (gone).")
            case "down":
                store.destinations.failed(claimed, "It cannot be reached (TimeoutError).", seconds=60)
            case "picky":
                cursor = store.destinations.page(claimed, 10).cursor
                store.destinations.taken(
                    claimed, cursor, of_each={"+12125550100": "It is no mobile."}, wait=lambda _: 60
                )
    store.close()
    found = [one for one in await examine(settings) if one.sentence.startswith("Destination")]
    assert {one.sentence for one in found if one.good} == {
        f"Destination: 'idle' of {slack.team_id}: it is paused.",
        f"Destination: {waiting.name!r} of {slack.team_id}: it has all but 1.",
        f"Destination: 'picky' of {slack.team_id}: it is up to date.",
    }
    bad = [one.sentence for one in found if not one.good]
    gone, down, picky = (next(one for one in bad if repr(name) in one) for name in ("gone", "down", "picky"))
    assert gone.endswith("it was given up: It answered 410 (gone). Mend that, then *Try again* in `/optout passing`.")
    assert "it takes nothing since 20" in down
    assert down.endswith("UTC: It cannot be reached (TimeoutError).")
    assert "1 of its phones waits, since 20" in picky
    assert picky.endswith(": It is no mobile.")


async def test_a_key_of_erased_numbers_that_is_lost_is_named(settings: Settings, slack: EmbeddedSlack) -> None:
    """Before a start with it, or without any, is refused."""
    by = Origin(Function.COMMAND, Actor("U0ADMIN", "admin"))
    right = settings.model_copy(update={"erase_key": SecretStr("k" * 32)})
    store = Store.open(settings.database_url, erase_key="k" * 32)
    account = store.accounts.get_or_create(slack.team_id, "Harbor Campaign", country="US").id
    store.optouts.add(account, ["+12125550100"], by)
    store.erasures.erase(account, "+12125550100", by)
    store.close()
    assert await wrong(right) == []
    [without] = await wrong(settings)
    assert without.startswith(
        "Erased numbers: Some numbers of this list were erased, and without OPTOUT_ERASE_KEY nobody can tell"
    )
    [other] = await wrong(settings.model_copy(update={"erase_key": SecretStr("x" * 32)}))
    assert other.startswith("Erased numbers: Some numbers of this list were erased by another OPTOUT_ERASE_KEY")


async def test_a_database_is_looked_at_and_left_alone(settings: Settings, tmp_path: Path) -> None:
    """A SQLite file that is not there yet is no fault and is not made by looking; a missing directory is a fault."""
    new = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'new.db'}"})
    assert await wrong(new) == []
    assert not (tmp_path / "new.db").exists()
    lost = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'no' / 'desk.db'}"})
    assert "its directory does not exist" in (await wrong(lost))[0]


async def test_a_postgresql_without_tables_names_the_command(settings: Settings, postgres_empty: str) -> None:
    """On PostgreSQL behind head the sentence names `migrate`; one that does not answer is said to be of no use."""
    behind = settings.model_copy(update={"database_url": postgres_empty})
    (said,) = await wrong(behind)
    assert "Run `python -m bot migrate`" in said
    away = settings.model_copy(update={"database_url": "postgresql+psycopg://desk:hidden@127.0.0.1:1/desk"})
    (said,) = await wrong(away)
    assert said.startswith("Database: PostgreSQL at 127.0.0.1 does not take connections. See that it runs")
    assert "hidden" not in said


async def test_a_count_that_is_off_is_found(settings: Settings, slack: EmbeddedSlack) -> None:
    """The count of opted-out phones is compared with a fresh one."""
    store = Store.open(settings.database_url)
    store.accounts.get_or_create(slack.team_id, "Desk", country="US")
    where = f"the SQLite file {settings.database_url.removeprefix('sqlite:///')}"
    assert [finding.sentence for finding in await examine(settings) if finding.sentence.startswith("Count")] == [
        f"Count: 0 phones are opted out in the account {slack.team_id} of {where}.",
        f"Count: Nobody is opted out in {where}. If somebody should be, stop the desk and see DATABASE_URL.",
    ]
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE accounts SET opted_out = 7")
    store.close()
    assert await wrong(settings) == ["Count: 0 phones are opted out, but 7 are shown; please report this."]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_list_that_can_only_be_read_is_named(
    settings: Settings, kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """A file on a disk that is read-only, a server that is a standby: found by writing, which leaves nothing behind."""
    (tmp_path / "desk.db").unlink()
    with new_database(kind, request, tmp_path) as url:
        right = settings.model_copy(update={"database_url": url})
        open_store(right).close()  # which closes a file to others
        assert await wrong(right) == []
        if kind == "sqlite":
            read_only = f"sqlite:///file:{tmp_path}/desk.db?mode=ro&uri=true"
        else:
            option = {"options": "-c default_transaction_read_only=on"}
            read_only = sa.make_url(url).update_query_dict(option).render_as_string(hide_password=False)
        [said] = await wrong(settings.model_copy(update={"database_url": read_only}))
        assert said.startswith("Writing: ")
        assert (
            "cannot be written: it, its directory or its file system is read-only, or the server is a standby." in said
        )
        store = Store.open(right.database_url)
        with store.database.read() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM write_trials").scalar_one() == 0
        store.close()


@pytest.fixture
def postgres_empty(request: pytest.FixtureRequest) -> str:
    """The server's own database, in which no test makes tables."""
    url = request.getfixturevalue("postgres_server")
    return str(url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False))


async def test_hooks_are_named(settings: Settings, slack: EmbeddedSlack) -> None:
    """With when something came last, up to when Twilio's list is read, and why it cannot be."""
    by = Origin(Function.COMMAND, Actor("U0ADMIN", "admin"))
    store = Store.open(settings.database_url)
    account = store.accounts.get_or_create(slack.team_id, "Harbor Campaign", country="US").id
    store.hooks.make_twilio(account, "main", "AC" + "1f" * 16, "t0ken-of-twilios", by)
    store.hooks.make_telnyx(account, "profile", "A" * 43 + "=", by)
    store.replies.hear(account, Reply("telnyx", "1", "+12125550100", "12345", "hello", store.now()), by)
    due = store.hooks.claim(owner="me", lease_seconds=60)
    assert due is not None
    store.hooks.give_back(due, seconds=60, trouble="Twilio cannot be reached (TimeoutError)")
    store.close()
    for changed, why in (({"api": "off"}, "OPTOUT_API is off"), ({"api": "on"}, "OPTOUT_PUBLIC_URL is not set")):
        closed = [one for one in await wrong(settings.model_copy(update=changed)) if one.startswith("Hook: Telnyx")]
        assert [one.partition(". What comes to it is refused: ")[2] for one in closed] == [f"{why}."]
    served = settings.model_copy(update={"api": "on", "public_url": "https://desk.example.org"})
    said = {finding.sentence: finding.good for finding in await examine(served)}
    assert said["API: it is served, at https://desk.example.org/v1."]
    [(telnyx, telnyx_good)] = [one for one in said.items() if one[0].startswith("Hook: Telnyx")]
    [(twilio, twilio_good)] = [one for one in said.items() if one[0].startswith("Hook: Twilio")]
    assert telnyx.startswith(f"Hook: Telnyx, 'profile', of {slack.team_id}: the last reply of Telnyx's came 20")
    assert telnyx_good
    assert twilio.startswith(f"Hook: Twilio, 'main', of {slack.team_id}: no reply has come, its list is read up to 20")
    assert twilio.endswith(" UTC. Twilio cannot be reached (TimeoutError).")
    assert not twilio_good
    assert "t0ken" not in str(said)


async def test_who_sees_replies_that_wait_is_said(settings: Settings, slack: EmbeddedSlack) -> None:
    """The admins directly, or a channel; where there are neither, that nobody does."""
    store = Store.open(settings.database_url)
    account = store.accounts.get_or_create(slack.team_id, "Harbor Campaign", country="US")
    said = [finding.sentence for finding in await examine(settings)]
    assert "Replies: those that wait for a decision are shown to 'admin', 'second-admin', directly." in said
    for user in slack.platform.workspace.users.values():
        user.is_admin = user.is_owner = False
    admins, replies = await wrong(settings)
    assert admins.startswith("Admins: there are none, so nobody can allow texts again")
    assert replies.startswith("Replies: nobody sees those that wait for a decision: no channel for them is named")
    by = Origin(Function.SETTING, Actor("U0ADMIN", "admin"))
    named = replace(account.settings, waiting_channel="C0ADMINS")
    store.accounts.change(account.id, by, settings=named)
    store.close()
    assert await wrong(settings) == [admins]


async def test_what_would_be_found_out_in_slack_is_found_before(
    settings: Settings, slack: EmbeddedSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Tokens of two apps, a misspelt variable, no country, no room for a list, and a clock that is off: each is one sentence
    with what to do. The size of the list is told with its path.
    """
    [size] = [finding.sentence for finding in await examine(settings) if finding.sentence.startswith("Size")]
    assert re.fullmatch(rf"Size: the SQLite file {tmp_path}/desk\.db takes [\d.]+ kB, its disk has .* free\.", size)
    store = Store.open(settings.database_url)
    store.accounts.get_or_create(slack.team_id, "Harbor Campaign")
    store.close()
    slack.platform.app.app_id = "A0OTHERAPP"
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("SLACK_BOT_TOKN=xoxb-1\n")
    (tmp_path / ".env").chmod(0o600)
    monkeypatch.setattr(doctor, "datetime", AnHourAhead)
    changed = settings.model_copy(update={"max_list_bytes": ByteSize(10**15), "default_country": None})
    misspelt, clock, country, scratch, slacks_clock, tokens = await wrong(changed)
    assert misspelt == (
        "Settings: SLACK_BOT_TOKN in .env is no setting of the desk, and is not read; do you mean SLACK_BOT_TOKEN?"
    )
    assert clock.startswith("Clock: this machine's is 60 minutes ahead of the database's. ")
    assert country.startswith(
        f"Country: numbers without a country code cannot be read in the account {slack.team_id}. "
    )
    assert scratch.startswith(f"Scratch: {tmp_path} has ")
    assert "OPTOUT_SCRATCH_DIR" in scratch
    assert slacks_clock.startswith("Clock: this machine's is 60 minutes ahead of Slack's. ")
    assert tokens.startswith("Tokens: SLACK_BOT_TOKEN is of the app A")
    assert "SLACK_APP_TOKEN of A0OTHERAPP." in tokens
