"""Many workspaces: installed by OAuth, served by one process, each by its own token, and nothing of one in another."""

import asyncio
import io
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from slack_sdk.http_retry import HttpRequest, HttpResponse, RetryState
from slack_sdk.oauth.installation_store.models import installation as granted
from slack_sdk.oauth.token_rotation import async_rotator

from bot import http, logs
from bot.config import SettingsError
from bot.doctor import examine
from bot.installations import ManyWorkspaces
from bot.sandbox import EmbeddedSlack, State, delivery
from bot.sandbox.granting import TOKEN_LIFE
from bot.serve import Service
from handlers.slack.missed_lists import LOOK_SECONDS
from store import Store
from store.models import installations, oauth_states
from tests import workspaces
from tests.bot.test_logs import out
from tests.handlers.slack.test_missed_lists import drop_unheard
from tests.patience import PATIENCE
from tests.workspaces import PUBLIC, Workspaces, two_slacks

__all__ = ["out"]  # a fixture
ADMINS, UPLOADS = "campaign-admins", "optout-uploads"
PHONE = "+12125550100"
# Of slack_sdk's, which sends the app's own credentials by what the next aiohttp does not have any more.
pytestmark = pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")


@pytest.fixture
async def slacks() -> AsyncIterator[tuple[EmbeddedSlack, EmbeddedSlack]]:
    """Two workspaces in which the app is not installed yet."""
    async with two_slacks() as slacks:
        yield slacks


@pytest.fixture(autouse=True)
def slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over HTTP the desk waits longer than for Slack, however busy the machine is."""
    for limit in ("HEADER_SECONDS", "BODY_SECONDS"):
        monkeypatch.setattr(http, limit, PATIENCE)


@pytest.fixture
async def desk(
    slacks: tuple[EmbeddedSlack, EmbeddedSlack], database_url: str, tmp_path: Path
) -> AsyncIterator[Workspaces]:
    """A desk that serves both, once they install it."""
    settings = workspaces.settings_for(slacks[0], database_url, tmp_path)
    async with workspaces.at_work(*slacks, settings) as desk:
        yield desk


async def test_each_workspace_has_its_own_list(desk: Workspaces) -> None:
    """Whoever opens the page installs the app; what is typed in a workspace is answered there, and is on its list alone."""
    for slack, name in ((desk.first, "Harbor Campaign"), (desk.second, "Lakeside Campaign")):
        page = await desk.visitor.install(slack)
        assert (page.status, f"installed in {name}" in page.text) == (200, True)
    assert (await desk.others.command("admin", ADMINS, "/optout add 212 555 0100")).ok
    await desk.others.until(lambda state: any("opted out" in one.text for one in state.channel(ADMINS).messages))
    assert not [one for one in (await desk.people.state()).channel(ADMINS).messages if "0100" in one.text]
    first, second = (desk.store.accounts.find(slack.team_id) for slack in (desk.first, desk.second))
    assert first is not None
    assert second is not None
    assert not desk.store.optouts.find(first.id, PHONE).opted_out
    assert desk.store.optouts.find(second.id, PHONE).opted_out
    await desk.others.drop("admin", UPLOADS, "stops.csv", b"phone\n(212) 555-0101\n")
    await desk.others.until(lambda state: bool(replies(state, UPLOADS, "1 phone to opt out")))
    # No token stands in the database.
    for one in desk.store.installations.list():
        assert one.sealed
        assert "xox" not in one.sealed


def answers(state: State, channel: str, text: str) -> list[str]:
    """What stands in *channel* with *text* in it."""
    return [one.text for one in state.channel(channel).messages if text in one.text]


def replies(state: State, channel: str, text: str) -> list[str]:
    """What stands in *channel*, in threads too, with *text* in it."""
    return [one.all_text for one in state.channel(channel).everything if text in one.all_text]


async def test_what_goes_wrong_on_the_way_is_one_sentence(desk: Workspaces) -> None:
    """
    A state that was made up, used, too old or begun in another browser, a code that was used, and whoever calls it off.

    Nothing is installed then, and nothing of what came is shown.
    """
    visitor, slack = desk.visitor, desk.second
    called_off = await visitor.come_back(await visitor.say(await visitor.begin(slack), "deny"))
    assert (called_off.status, "You called it off" in called_off.text) == (200, True)
    back = await visitor.say(await visitor.begin(slack))
    made_up = await visitor.come_back(back.replace("state=", "state=made-up"), cookie="slack-app-oauth-state=made-up")
    assert (made_up.status, "did not begin" in made_up.text) == (400, True)
    elsewhere = await visitor.come_back(back, cookie="slack-app-oauth-state=another")
    assert (elsewhere.status, "did not begin" in elsewhere.text) == (400, True)
    with desk.store.database.write() as connection:
        connection.execute(sa.update(oauth_states).values(expires_at=datetime(2026, 1, 1, tzinfo=UTC)))
    late = await visitor.come_back(back)
    assert (late.status, "took longer than ten minutes" in late.text) == (401, True)
    assert desk.store.installations.is_none()
    back = await visitor.say(await visitor.begin(slack))
    assert (await visitor.come_back(back)).status == 200
    again = await visitor.come_back(back)
    assert (again.status, "was ended already" in again.text) == (401, True)
    used = parse_qs(urlsplit(back).query)["code"][0]
    state = parse_qs(urlsplit(await visitor.begin(slack)).query)["state"][0]
    stale = await visitor.come_back(f"{PUBLIC}/slack/oauth_redirect?code={used}&state={state}")
    assert (stale.status, "Slack did not let" in stale.text, used in stale.text) == (401, True, False)
    said = await visitor.come_back(f"{PUBLIC}/slack/oauth_redirect?error=%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>" not in said.text
    assert len(desk.store.installations.list()) == 1


async def test_after_it_is_uninstalled_nothing_hangs_and_whoever_comes_back_finds_all(desk: Workspaces) -> None:
    """The tokens go, and answers that wait; the other workspace notices nothing."""
    for slack in (desk.first, desk.second):
        await desk.visitor.install(slack)
    assert (await desk.others.command("admin", ADMINS, "/optout add 212 555 0100")).ok
    await desk.others.until(lambda state: bool(answers(state, ADMINS, "opted out")))
    account = desk.store.accounts.find(desk.second.team_id)
    assert account is not None
    place = {"actor": {"id": "U1", "name": "ada"}, "channel_id": desk.second.platform.workspace.channel(ADMINS).id}
    message = {"text": "late", "blocks": [], "details": [], "phones": []}
    waiting = {"key": "late", "place": place, "message": message, "pressed": None}
    await asyncio.gather(*desk.second.platform.feed.uninstalled())
    found = desk.store.installations.find(account.id)
    assert found is not None
    assert (found.sealed, found.opted_out) == (None, 1)
    desk.store.outbox.keep(account.id, "late 0", waiting, lease_seconds=0)
    desk.service.desk.answers.loop.poke()
    while (backlog := desk.store.outbox.backlog()).waiting:
        await desk.people.state(after=(await desk.people.state()).version, timeout=0.05)
    assert sum(backlog.discarded.values()) == 1
    assert (await desk.people.command("admin", ADMINS, "/optout 212 555 0100")).ok
    await desk.people.until(lambda state: bool(answers(state, ADMINS, "not opted out")))
    assert "installed" in (await desk.visitor.install(desk.second)).text
    assert (await desk.others.command("admin", ADMINS, "/optout 212 555 0100")).ok
    await desk.others.until(lambda state: bool(answers(state, ADMINS, "is opted out")))


@pytest.mark.wide
@pytest.mark.parametrize("ended", ["uninstalled", "revoked"])
async def test_after_its_time_whoever_comes_back_begins_anew(desk: Workspaces, ended: str) -> None:
    """Nothing is left of the list by then; a new one is begun, by the account and channels of now, and the other workspace keeps its own."""
    for slack, people in ((desk.first, desk.people), (desk.second, desk.others)):
        await desk.visitor.install(slack)
        assert (await people.command("admin", ADMINS, "/optout add 212 555 0100")).ok
        await people.until(lambda state: bool(answers(state, ADMINS, "opted out")))
    before = desk.store.accounts.find(desk.second.team_id)
    assert before is not None
    platform = desk.second.platform
    if ended == "uninstalled":
        await asyncio.gather(*platform.feed.uninstalled())
    else:
        platform.app.revoked = True
        await asyncio.gather(
            *platform.feed._ended({"type": "tokens_revoked", "tokens": {"bot": [platform.app.bot_user_id]}})
        )
    gone = desk.store.installations.find(before.id)
    assert gone is not None
    assert gone.sealed is None
    with desk.store.database.write() as connection:
        long_ago = desk.store.now() - timedelta(days=400)
        connection.execute(
            sa.update(installations).where(installations.c.account_id == before.id).values(gone_at=long_ago)
        )
    async with asyncio.timeout(PATIENCE):
        while before.id in {one.id for one in desk.store.accounts.list()}:
            desk.service.desk.retention.loop.poke()
            await desk.people.state(after=(await desk.people.state()).version, timeout=0.05)
    # Meanwhile two channels changed their names, of which the app was not told.
    taking, other = (platform.workspace.channel(name) for name in (UPLOADS, "support-tickets"))
    taking.name, other.name = other.name, taking.name
    platform.workspace.touch(taking)
    platform.workspace.touch(other)
    assert (await desk.visitor.install(desk.second)).status == 200
    after = desk.store.accounts.find(desk.second.team_id)
    assert after is not None
    assert (after.opted_out, desk.store.optouts.find(after.id, PHONE).opted_out) == (0, False)
    assert (await desk.others.command("admin", ADMINS, "/optout 212 555 0100")).ok
    await desk.others.until(lambda state: bool(answers(state, ADMINS, "not opted out")))
    await desk.others.drop("admin", UPLOADS, "stops.csv", b"phone\n(212) 555-0101\n")
    await desk.others.until(lambda state: bool(replies(state, UPLOADS, "1 phone to opt out")))
    first = desk.store.accounts.find(desk.first.team_id)
    assert first is not None
    assert desk.store.optouts.find(first.id, PHONE).opted_out


@pytest.fixture(params=[timedelta(), timedelta(hours=1), timedelta(hours=-1)], ids=["right", "ahead", "behind"])
def machine_off(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of this machine is off by that much, for slack_sdk and whoever else looks at it; the database's is right."""
    by: timedelta = request.param
    real = time.time
    for module in (time, async_rotator, granted):
        monkeypatch.setattr(module, "time", lambda: real() + by.total_seconds())


@pytest.mark.usefixtures("machine_off")
async def test_a_token_is_replaced_before_it_is_used(desk: Workspaces) -> None:
    """
    One that expired while the desk was away is good for nothing: the next one answers, and stands sealed in the database.

    When it expires is told by the database's clock, however far the machine's is off.
    """
    desk.first.platform.grants.rotates = True
    await desk.visitor.install(desk.second)
    [made] = desk.store.installations.list()
    half_a_day = timedelta(seconds=TOKEN_LIFE)
    assert made.expires_at is not None
    assert abs(desk.store.now() + half_a_day - made.expires_at) < timedelta(minutes=10)
    app = desk.second.platform.app
    before, app.expires = app.bot_token, time.monotonic() - 1.0
    with desk.store.database.write() as connection:
        half_an_hour_ago = desk.store.now() - timedelta(minutes=30)
        connection.execute(sa.update(installations).values(expires_at=half_an_hour_ago))
    served = desk.service.desk.installations
    assert isinstance(served, ManyWorkspaces)
    served.changed(made)
    assert (await desk.others.command("admin", ADMINS, "/optout add 212 555 0100")).ok
    await desk.others.until(lambda state: bool(answers(state, ADMINS, "opted out")))
    [now] = desk.store.installations.list()
    assert now.sealed not in (None, made.sealed)
    assert now.expires_at is not None
    assert abs(desk.store.now() + half_a_day - now.expires_at) < timedelta(minutes=10)
    assert app.bot_token != before


async def test_a_token_that_is_refused_is_no_matter_of_the_others(desk: Workspaces) -> None:
    """Slack's refusal of one, whoever asked, is counted; the desk does not hold itself cut off from Slack for it."""
    calls = desk.service.desk.calls
    refused = HttpResponse(status_code=200, headers={}, body={"ok": False, "error": "token_revoked"})
    request = HttpRequest(method="POST", url=f"{desk.first.api_url}oauth.v2.access", headers={})
    await calls.can_retry_async(state=RetryState(), request=request, response=refused)
    assert calls.counts["oauth.v2.access", "token_revoked"] == 1
    assert calls.refusal is None
    assert (await desk.service.readiness())["ready"]


@pytest.mark.wide
@pytest.mark.parametrize("error", ["internal_error", "accesslimited"])
async def test_only_the_workspace_that_cannot_be_looked_at_is_looked_at_again(
    desk: Workspaces, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Lists that were dropped in both while there was no connection: the one is found at once, and asked about no more.

    However often Slack refuses the other, whether it stumbles or refuses the token, that one's list is found in the end, once.
    """
    monkeypatch.setattr(delivery, "RETRY_DELAYS", ())
    for slack in (desk.first, desk.second):
        await desk.visitor.install(slack)
    both = {desk.first.team_id: desk.people, desk.second.team_id: desk.others}
    for people in both.values():
        assert (await people.drop("admin", UPLOADS, "before.csv", b"phone\n2125550100\n")).ok
        await people.until(lambda state: bool(replies(state, UPLOADS, "1 phone to opt out")))
    await desk.people.fault(socket="refuse_ticket", times=-1)
    await desk.people.fault(socket="drop")
    await desk.people.until(lambda state: not state.connected)
    there, elsewhere = [await drop_unheard(desk.first, people, "missed.csv") for people in (desk.people, desk.others)]
    await desk.people.clear_faults()
    await refuse(desk, error)
    await desk.people.until(lambda state: previewed(state, there) == 1)
    asked = await looks(desk)
    assert asked[0] == (await looked(desk, lambda _, second: second > asked[1] + 1, poked=True))[0]
    assert previewed(await desk.others.state(), elsewhere) == 0
    await desk.people.clear_faults()
    await looked(desk, lambda *_: desk.service.desk.missed.over, poked=True)
    await desk.others.until(lambda state: previewed(state, elsewhere) == 1)
    assert previewed(await desk.people.state(), there) == 1


async def refuse(desk: Workspaces, error: str) -> None:
    """Let Slack answer *error* from now on to whoever asks which files the second workspace has."""
    await desk.people.fault(method=f"files.list {desk.second.team_id}", fault="error", error=error, times=-1)


async def looks(desk: Workspaces) -> tuple[int, int]:
    """How often the desk asked for the files of each workspace's uploads channel."""
    asked = [call["arguments"]["channel"] for call in await desk.people.calls("files.list")]
    first, second = (slack.platform.workspace.channel(UPLOADS).id for slack in (desk.first, desk.second))
    return asked.count(first), asked.count(second)


async def looked(desk: Workspaces, enough: Callable[[int, int], bool], *, poked: bool = False) -> tuple[int, int]:
    """Wait until the desk has looked *enough*, as `looks` counts it; *poked*: it is told again and again to look at once."""
    async with asyncio.timeout(PATIENCE):
        while not enough(*(seen := await looks(desk))):
            if poked:
                desk.service.desk.missed.loop.poke()
            await desk.people.state(after=(await desk.people.state()).version, timeout=0.05)
    return seen


def previewed(state: State, ts: str) -> int:
    """How many previews stand under the list of *ts*."""
    return sum("phones to opt out" in reply.all_text for reply in state.replies(ts))


@pytest.mark.wide
async def test_over_http_the_others_are_looked_at_in_time(
    slacks: tuple[EmbeddedSlack, EmbeddedSlack], database_url: str, tmp_path: Path
) -> None:
    """While one cannot be asked, again and again, the next look at the others comes when it is due."""
    own = workspaces.settings_for(slacks[0], database_url, tmp_path, http=True)
    async with workspaces.at_work(*slacks, own) as desk:
        for slack in slacks:
            await desk.visitor.install(slack)
        for people in (desk.people, desk.others):
            assert (await people.command("admin", ADMINS, "/optout")).ok
        await refuse(desk, "internal_error")
        before = await looks(desk)
        desk.service.desk.missed.loop.poke()
        assert (await looked(desk, lambda _, second: second > before[1] + 2))[0] == before[0] + 1
        desk.service.desk.clock._ahead += LOOK_SECONDS
        await looked(desk, lambda first, _: first > before[0] + 1)


async def test_an_organisation_is_one_account(desk: Workspaces) -> None:
    """Installed in all of it, whatever is asked in one of its workspaces is on the organisation's list."""
    desk.second.join("E0HARBORORG", "Harbor Organisation", org_wide=True)
    page = await desk.visitor.install(desk.second)
    assert "installed in Harbor Organisation" in page.text
    assert (await desk.others.command("admin", ADMINS, "/optout add 212 555 0100")).ok
    await desk.others.until(lambda state: bool(answers(state, ADMINS, "opted out")))
    account = desk.store.accounts.find("E0HARBORORG")
    assert account is not None
    assert desk.store.optouts.find(account.id, PHONE).opted_out
    assert desk.store.accounts.find(desk.second.team_id) is None
    # A list that is dropped there is known to be in an uploads channel, fetched and previewed with the organisation's token.
    await desk.others.drop("admin", UPLOADS, "stops.csv", b"phone\n(212) 555-0101\n")
    await desk.others.until(lambda state: bool(replies(state, UPLOADS, "1 phone to opt out")))
    # Of a workspace that is only taken out of it the others notice nothing.
    ended = desk.second.platform.feed._ended({"type": "app_uninstalled"})
    assert all(outcome.acknowledged for outcome in await asyncio.gather(*ended))
    assert (await desk.others.command("admin", ADMINS, "/optout 212 555 0100")).ok
    await desk.others.until(lambda state: bool(answers(state, ADMINS, "is opted out")))


@pytest.mark.wide
async def test_over_http_from_the_install_page_to_an_answer(
    slacks: tuple[EmbeddedSlack, EmbeddedSlack], database_url: str, tmp_path: Path
) -> None:
    """Two workspaces, one of which is then moved into an organisation that installs the app: what Slack signs is answered, each by its list."""
    own = workspaces.settings_for(slacks[0], database_url, tmp_path, http=True)
    async with workspaces.at_work(*slacks, own) as desk:
        for slack, people, name in (
            (desk.first, desk.people, "Harbor Campaign"),
            (desk.second, desk.others, "Lakeside Campaign"),
        ):
            # Before that it is answered to nobody, and no account comes of it.
            assert (await people.command("admin", ADMINS, "/optout add 212 555 0100")).response is None
            assert desk.store.accounts.find(slack.team_id) is None
            page = await desk.visitor.install(slack)
            assert (page.status, f"installed in {name}" in page.text) == (200, True)
        assert (await desk.others.command("admin", ADMINS, "/optout add 212 555 0100")).ok
        await desk.others.until(lambda state: bool(answers(state, ADMINS, "opted out")))
        assert (await desk.people.command("admin", ADMINS, "/optout 212 555 0100")).ok
        await desk.people.until(lambda state: bool(answers(state, ADMINS, "is not opted out")))
        await desk.others.drop("admin", UPLOADS, "stops.csv", b"phone\n(212) 555-0101\n")
        await desk.others.until(lambda state: bool(replies(state, UPLOADS, "1 phone to opt out")))
        desk.second.join("E0HARBORORG", "Harbor Organisation", org_wide=True)
        assert "installed in Harbor Organisation" in (await desk.visitor.install(desk.second)).text
        assert (await desk.others.command("admin", ADMINS, "/optout add 212 555 0102")).ok
        await desk.others.until(lambda state: bool(answers(state, ADMINS, "0102 opted out")))
        whole = desk.store.accounts.find("E0HARBORORG")
        assert whole is not None
        assert desk.store.optouts.find(whole.id, "+12125550102").opted_out
        assert not desk.store.optouts.find(whole.id, PHONE).opted_out


async def whole_way(desk: Workspaces) -> str:
    """Where Slack sends back a person who begins the installation in the second workspace, and says yes."""
    return await desk.visitor.say(await desk.visitor.begin(desk.second))


@pytest.mark.wide
@pytest.mark.parametrize("over_http", [True, False], ids=["http", "socket"])
async def test_whatever_comes_back_is_answered_by_a_page(
    slacks: tuple[EmbeddedSlack, EmbeddedSlack], database_url: str, tmp_path: Path, out: io.StringIO, *, over_http: bool
) -> None:
    """
    Nothing, half of it or garbage, a code that Slack refuses, and Slack away while the code is exchanged: a page with a sentence.

    Nothing is installed, and no code, state or token stands in the log; who begins again installs it.
    """
    own = workspaces.settings_for(slacks[0], database_url, tmp_path, http=over_http)
    logs.configure("DEBUG", "json", out)
    async with workspaces.at_work(*slacks, own) as desk:
        visitor, back = desk.visitor, f"{PUBLIC}/slack/oauth_redirect"
        secrets: list[str] = []
        bare = ("", "?", "?code=", "?state=", "?code=x", "?state=x", "?state=%00&code=%ff", f"?code={'9' * 4_000}")
        for query in (*bare, "?error=", "?error=access_denied", "?error=server_error&state=x"):
            for cookie in ("", "slack-app-oauth-state=x", "slack-app-oauth-state=", ";;=;"):
                page = await visitor.come_back(f"{back}{query}", cookie=cookie)
                assert page.status in {200, 400, 401}, (query, cookie)
                assert "<p>" in page.text, (query, cookie)
                assert "nothing was done" in page.text or "was not installed" in page.text, (query, cookie)
        for fault in (
            {"fault": "reset"},
            {"fault": "server_error"},
            {"fault": "html"},
            {"fault": "ratelimited", "retry_after": 0},
            {"fault": "error", "error": "invalid_code"},
            {"fault": "error", "error": "fatal_error"},
        ):
            location = await whole_way(desk)
            secrets += [value for values in parse_qs(urlsplit(location).query).values() for value in values]
            await desk.people.fault(method="oauth.v2.access", times=-1, **fault)
            page = await visitor.come_back(location)
            assert page.status in {401, 503}, fault
            assert "Begin again" in page.text, fault
            assert desk.store.installations.is_none(), fault
            await desk.people.clear_faults()
            # The code is of no use any more, even where Slack would still take it.
            assert (await visitor.come_back(location)).status == 401
            assert desk.store.installations.is_none(), fault
        location = await whole_way(desk)
        secrets += [value for values in parse_qs(urlsplit(location).query).values() for value in values]
        assert (await visitor.come_back(location)).status == 200
        secrets += [desk.second.platform.app.bot_token, desk.second.client_secret, workspaces.KEY]
    log = out.getvalue()
    assert "an installation was not done" in log
    assert not [one for one in secrets if one in log]


@pytest.mark.wide
async def test_whom_the_desk_does_not_serve_has_it_taken_away_again(
    slacks: tuple[EmbeddedSlack, EmbeddedSlack], database_url: str, tmp_path: Path
) -> None:
    """Where the settings name who may install the app, it stays with nobody else, and nothing of theirs is kept."""
    own = workspaces.settings_for(slacks[0], database_url, tmp_path, install_for=frozenset({slacks[0].team_id}))
    async with workspaces.at_work(*slacks, own) as desk:
        page = await desk.visitor.install(desk.second)
        assert (page.status, "does not serve your workspace" in page.text) == (403, True)
        assert desk.second.platform.app.gone
        assert desk.store.installations.is_none()
        assert (await desk.visitor.install(desk.first)).status == 200


@pytest.mark.wide
async def test_keys_of_tokens(slacks: tuple[EmbeddedSlack, EmbeddedSlack], database_url: str, tmp_path: Path) -> None:
    """Without the key, or with another, a start says of how many workspaces; with a new one before it the old can go."""
    own = workspaces.settings_for(slacks[0], database_url, tmp_path)
    async with workspaces.at_work(*slacks, own) as desk:
        for slack in slacks:
            await desk.visitor.install(slack)
    store = Store.open(database_url)
    another, both = "x" * 32, f"{'x' * 32},{workspaces.KEY}"
    for key, sentence in ((None, "is not set; .* 2 workspaces cannot be read"), (another, "2 of 2 workspaces")):
        changed = own.model_copy(update={"token_key": None if key is None else SecretStr(key)})
        with pytest.raises(SettingsError, match=sentence):
            Service(changed, store)
    Service(own.model_copy(update={"token_key": SecretStr(both)}), store)
    Service(own.model_copy(update={"token_key": SecretStr(another)}), store)
    said = [one.sentence for one in await examine(own.model_copy(update={"token_key": SecretStr(another)}))]
    assert sum("installed by" in one for one in said) == 2
    store.close()
