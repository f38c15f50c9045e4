"""Keys of the API, as admins make, see and revoke them; the text of one is shown once, to them alone."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from slack_sdk.web.async_client import AsyncWebClient

from bot.config import Settings
from bot.sandbox import EmbeddedSlack, Outcome, SandboxMessage, State
from bot.sandbox.blocks import view_problems
from handlers.slack import interactions
from handlers.views import keys as views
from store import Actor, Function, Key, KeyState, Origin, Scope, Store
from store.keys import LONGEST_NAME, MOST
from store.models import api_keys, metadata
from tests.entries import latest_entries
from tests.handlers.conftest import ADMINS, TICKETS, Office, at_work, on_both_databases
from tests.handlers.test_settings import decide
from tests.handlers.test_settings import opened as settings_opened

TEXT = re.compile(r"optk_[a-z]{10}_[A-Za-z0-9]{40}")


@pytest.fixture
async def office(slack: EmbeddedSlack, settings: Settings) -> AsyncIterator[Office]:
    """A desk at work that answers the texting platform."""
    async with at_work(slack, settings.model_copy(update={"api": "on"})) as office:
        yield office


async def opened(office: Office, user: str = "admin") -> dict[str, Any]:
    """The form of a new key, as *user* has it open, from the settings."""
    settings = await settings_opened(office, user)
    assert (await office.people.click_in_view(user, settings["id"], views.OPEN)).ok
    return await view_of(office, user, "Make the key")


async def view_of(office: Office, user: str, words: str) -> dict[str, Any]:
    """A modal in which *words* stand, once *user* sees it."""
    return await office.people.until(
        lambda state: next((view for view in state.views(user) if words in str(view)), None)
    )


async def make(office: Office, view: dict[str, Any], user: str = "admin", **values: Any) -> Outcome:
    filled = {"name": "Twilio bridge", "scopes": ["check", "opt-out"], "expiry": "90"} | values
    return await office.people.submit(user, view["id"], {f"key.{name}": value for name, value in filled.items()})


async def home_of(office: Office, words: str, user: str = "admin") -> dict[str, Any]:
    """Home, once *words* stand in it."""

    def there(state: State) -> dict[str, Any] | None:
        home = state.home(user)
        return home if home is not None and words in str(home) else None

    return await office.people.until(there)


def keys_of(office: Office) -> tuple[Key, ...]:
    return office.store.keys.list_of(office.account.id)


def everything(store: Store) -> str:
    """Every value of every table."""
    with store.database.read() as connection:
        return str([connection.execute(sa.select(table)).all() for table in metadata.sorted_tables])


async def behind(office: Office, name: str = "bridge", by: str = "admin") -> Key:
    """A key that was made behind Slack's back."""
    origin = Origin(Function.SETTING, await office.actor(by))
    return office.store.keys.make(office.account.id, name, [Scope.CHECK], None, origin).key


async def pressed(office: Office, user: str, action: str, value: str) -> SandboxMessage:
    """What *user* is told who presses a button that stands where the desk would not put it."""
    client = AsyncWebClient(token=office.slack.bot_token, base_url=office.slack.api_url)
    button = {"type": "button", "text": {"type": "plain_text", "text": "x"}, "action_id": action, "value": value}
    channel = (await office.people.state()).channel(TICKETS).id
    blocks = [{"type": "actions", "elements": [button]}]
    posted = await client.chat_postMessage(channel=channel, text="a button", blocks=blocks)
    message = (await office.people.state()).message(posted["ts"])
    assert message is not None
    told = len((await office.people.state()).ephemerals(user))
    await office.press(user, message, action)
    return await office.told(user, told)


# Making one


@on_both_databases
async def test_its_text_is_shown_once_to_who_made_it(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """It opens what was ticked, for as long as was chosen; the text stands in no message, table or log."""
    assert (await make(office, await opened(office))).ok
    shown = await view_of(office, "admin", "Copy it now")
    [text] = TEXT.findall(str(shown))
    key = office.store.keys.verify(text)
    assert (key.name, key.scopes) == ("Twilio bridge", (Scope.CHECK, Scope.OPT_OUT))
    assert key.made_by == await office.actor("admin")
    assert key.expires_at is not None
    assert timedelta(days=89.9) < key.expires_at - datetime.now(UTC) < timedelta(days=90.1)
    secret = text.rpartition("_")[2]
    assert secret not in everything(office.store)
    assert secret not in caplog.text
    state = await office.people.state()
    assert not [view for user in ("second-admin", "support") for view in state.views(user)]
    assert secret not in str(
        [message.all_text for name in (ADMINS, TICKETS) for message in state.channel(name).everything]
    )
    [entry] = latest_entries(office.store, office.account.id, 9)
    assert entry.reason is not None
    assert entry.reason.startswith("API key Twilio bridge made, until ")
    await office.people.close("admin", shown["id"])
    assert not TEXT.search(str((await office.people.state()).views("admin")))


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        ({"name": "  "}, "name", "1 to 40 characters"),
        ({"name": "a\u202egpj"}, "name", "1 to 40 characters"),
        ({"until": "2020-02-02"}, "until", "Choose a day that is not over."),
    ],
)
async def test_what_cannot_be_is_said_at_its_field(
    office: Office, values: dict[str, Any], field: str, said: str
) -> None:
    """No key is made while a field is wrong."""
    outcome = await make(office, await opened(office), **values)
    assert said in outcome.errors[f"key.{field}"]
    assert keys_of(office) == ()


@pytest.mark.wide
async def test_too_many_are_refused_at_the_name(office: Office) -> None:
    """A third of a name, and one more than there can be, say what to do; the form stays as it was filled in."""
    view = await opened(office)
    for _ in range(2):
        await behind(office, "twilio bridge")
    assert "Revoke one of them first" in (await make(office, view)).errors[views.NAME]
    for number in range(MOST - 2):
        await behind(office, f"bridge {number}")
    assert "Revoke one that nobody needs" in (await make(office, view, name="another")).errors[views.NAME]


@pytest.mark.wide
async def test_a_day_of_ones_own(office: Office) -> None:
    """It is good until the end of that day, whatever the menu says; and one can be for good."""
    day = (datetime.now(UTC) + timedelta(days=10)).date()
    assert (await make(office, await opened(office), until=day.isoformat(), expiry="never")).ok
    await view_of(office, "admin", "Copy it now")
    assert keys_of(office)[0].expires_at == datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    second = await opened(office, "second-admin")
    assert (await make(office, second, "second-admin", name="for good", expiry="never")).ok
    assert "never expires" in str(await view_of(office, "second-admin", "Copy it now"))


@pytest.mark.wide
@pytest.mark.parametrize("name", ["*_~`<!channel> &amp;", "גשר הודעות", "=cmd|' /C calc'!A0", "&" * LONGEST_NAME])
async def test_any_name_is_shown_as_it_is(office: Office, name: str) -> None:
    """Markup is no markup, nothing notifies anybody, and Slack takes Home and the form with it."""
    assert (await make(office, await opened(office), name=name)).ok
    shown = await view_of(office, "admin", "Copy it now")
    assert "<!channel" not in str(shown)
    assert keys_of(office)[0].name == name
    await office.people.home("admin")
    home = await home_of(office, views.REVOKE)
    assert "<!channel" not in str(home)
    assert view_problems(home) == []


@on_both_databases
async def test_a_form_that_comes_twice_makes_one_key(office: Office) -> None:
    """Slack sends the submit once more: the same text is shown again, and there is one key."""
    assert (await make(office, await opened(office))).ok
    payload = next(
        delivery["payload"]
        for delivery in reversed(await office.people.deliveries("interaction"))
        if delivery["payload"]["type"] == "view_submission"
    )
    [text] = TEXT.findall(str(await view_of(office, "admin", "Copy it now")))
    courier = office.slack.platform.feed.courier
    again = await asyncio.gather(*(courier.request("interaction", "once more", payload) for _ in range(3)))
    assert [TEXT.findall(str(outcome.response)) for outcome in again] == [[text]] * 3
    assert len(keys_of(office)) == 1
    assert len(latest_entries(office.store, office.account.id, 9)) == 1


async def test_what_takes_long_is_shown_in_the_form(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Slack does not wait so long, the form says that it takes a moment, and then has the text; no message does."""
    view = await opened(office)
    monkeypatch.setattr(interactions, "PATIENCE_SECONDS", 0.0)
    assert (await make(office, view)).acknowledged
    [text] = TEXT.findall(str(await view_of(office, "admin", "Copy it now")))
    assert office.store.keys.verify(text).name == "Twilio bridge"
    assert text.rpartition("_")[2] not in everything(office.store)


@pytest.mark.wide
async def test_a_form_that_was_closed_meanwhile(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its text can be shown nowhere: who made it is told so, and Home has the key to revoke."""
    view = await opened(office)
    monkeypatch.setattr(interactions, "PATIENCE_SECONDS", 0.0)
    await office.people.fault(method="views.update", fault="error", error="not_found")
    assert (await make(office, view)).acknowledged
    told = await office.told("admin")
    assert "The form was closed before it could show what was done" in told.text
    assert not TEXT.search(told.all_text)
    assert [key.state for key in keys_of(office)] == [KeyState.LIVE]


@pytest.mark.wide
async def test_a_desk_without_the_api_says_so(slack: EmbeddedSlack, settings: Settings) -> None:
    """The form and the look at the text say that nothing answers to it yet; Home has no place for keys before there is one."""
    async with at_work(slack, settings) as office:
        await office.people.home("admin")
        assert "API" not in str(await home_of(office, "opted out"))
        view = await opened(office)
        assert views.OFF in str(view)
        assert (await make(office, view)).ok
        assert views.OFF in str(await view_of(office, "admin", "Copy it now"))
        assert views.OFF in str(await home_of(office, "Twilio bridge"))


async def test_slack_is_away_while_it_is_made(office: Office) -> None:
    """Nothing is kept to be made later, when nobody looks: the form says so, and the next try makes it."""
    view = await opened(office)
    await office.people.fault(method="users.info", fault="error", error="internal_error")
    await office.people.fault(method="users.list", fault="error", error="internal_error")
    assert (await make(office, view)).acknowledged
    assert "Nothing was done" in str((await office.people.state()).views("admin"))
    assert office.store.inbox.backlog().waiting == 0
    assert keys_of(office) == ()
    await office.people.clear_faults()


async def test_what_a_key_did_is_told_by_its_name(office: Office) -> None:
    """Look-ups and the history name program and key, markup in it is none, and nobody asks Slack who a key is."""
    key = await behind(office, "*bridge*")
    by = Origin(Function.API, key.actor("Twilio <!channel>"))
    office.store.optouts.add(office.account.id, ["+12125550100"], by)
    found = await office.ask("admin", "search 212 555 0100")
    assert "(Twilio &lt;!channel&gt;, by key ∗bridge∗)" in found.all_text
    history = await office.ask_alone("admin", "history 212 555 0100")
    assert "by key ∗bridge∗" in history.all_text
    assert key.id not in str([call["arguments"] for call in await office.people.calls("users.info")])


# Seeing and revoking them


@on_both_databases
async def test_home_shows_them_to_admins_with_their_use(office: Office) -> None:
    """Name, what it may, last use and expiry; support and members see nothing of keys."""
    key = await behind(office)
    await office.people.home("admin")
    home = await home_of(office, "*bridge* · never used · never expires")
    assert "May look numbers up before a send · made by admin" in str(home)
    assert view_problems(home) == []
    office.store.keys.note_use(key)
    await office.people.home("admin")
    assert "until" not in str(await home_of(office, "last used "))
    for support in ("everyone", "nobody"):
        await decide(office, support=support)
        await office.people.home("support")
        words = "You are support" if support == "everyone" else "You can drop lists."
        assert "API key" not in str(await home_of(office, words, "support"))


@pytest.mark.wide
@on_both_databases
async def test_two_admins_revoke_one_at_once(office: Office) -> None:
    """Each is asked first; the key is revoked once, the second is told who did, and both Homes show it ended."""
    key = await behind(office)
    homes = {}
    for user in ("admin", "second-admin"):
        await office.people.home(user)
        homes[user] = await home_of(office, key.id, user)
    assert "Whoever uses *bridge* is refused at once." in str(homes["admin"])
    office.service.desk.home.loop.stop()
    pressed = await asyncio.gather(
        *(office.people.click_in_view(user, home["id"], views.REVOKE, value=key.id) for user, home in homes.items())
    )
    assert all(outcome.ok for outcome in pressed)
    state = await office.people.until(
        lambda state: state if state.views("admin") or state.views("second-admin") else None
    )
    [told] = [view for user in homes for view in state.views(user)]
    assert "Nothing was changed: the key bridge was revoked by " in str(told)
    [ended] = keys_of(office)
    assert ended.state is KeyState.REVOKED
    assert [entry.reason for entry in latest_entries(office.store, office.account.id, 1)] == ["API key bridge revoked"]


@pytest.mark.wide
async def test_home_settles_by_itself(office: Office) -> None:
    """Once revoked, the button goes from Home, and a line says who did it."""
    key = await behind(office)
    await office.people.home("admin")
    home = await home_of(office, key.id)
    assert (await office.people.click_in_view("admin", home["id"], views.REVOKE, value=key.id)).ok
    home = await home_of(office, "bridge was revoked by admin")
    assert views.REVOKE not in str(home)
    assert (await office.people.state()).views("admin") == []


@pytest.mark.wide
async def test_the_most_keys_and_lists_fit_into_home(office: Office) -> None:
    """As many keys as there can be, with the longest names, and many that ended: Slack takes the page."""
    for number in range(MOST):
        key = await behind(office, "&" * (LONGEST_NAME - 2) + f"{number:02}")
        if number < 7:
            office.store.keys.revoke(office.account.id, key.id, Origin(Function.SETTING, Actor("U1", "&" * 80)))
            await behind(office, "&" * (LONGEST_NAME - 2) + f"{number:02}")
    await office.people.home("admin")
    home = await home_of(office, "2 more")
    assert view_problems(home) == []
    assert len(home["blocks"]) < 50


@pytest.mark.wide
async def test_an_expired_one_has_no_button(office: Office) -> None:
    """It stands among those that ended, and a press that comes late is told so."""
    key = await behind(office)
    await office.people.home("admin")
    home = await home_of(office, key.id)
    office.service.desk.home.loop.stop()
    with office.store.database.write() as connection:
        connection.execute(sa.update(api_keys).values(expires_at=datetime.now(UTC) - timedelta(hours=1)))
    assert (await office.people.click_in_view("admin", home["id"], views.REVOKE, value=key.id)).ok
    assert "the key bridge expired" in str(await view_of(office, "admin", "Nothing was changed"))
    await office.people.home("admin")
    assert "• bridge expired" in str(await home_of(office, "Ended:"))


async def test_a_key_of_another_account(office: Office) -> None:
    """Its id, on a button that nobody posted, is unknown to this account's admins, and it stays as it is."""
    other = office.store.accounts.get_or_create("T0ELSEWHERE", "Elsewhere")
    origin = Origin(Function.SETTING, await office.actor("admin"))
    foreign = office.store.keys.make(other.id, "theirs", [Scope.CHECK], None, origin)
    told = await pressed(office, "admin", views.REVOKE, foreign.key.id)
    assert told.text.startswith("There is no such key any more.")
    assert office.store.keys.verify(foreign.text).state is KeyState.LIVE


@pytest.mark.parametrize("support", ["everyone", "nobody"])
async def test_others_are_told_whom_to_ask(office: Office, support: str) -> None:
    """A button that stands where it should not, pressed by who may not: the no names who can, and nothing is done."""
    await decide(office, support=support)
    key = await behind(office)
    for action, value in ((views.OPEN, "new"), (views.REVOKE, key.id)):
        no = await pressed(office, "support", action, value)
        assert no.text.startswith("Only admins can make and revoke API keys.")
        assert "second-admin" in no.all_text
    assert [key.state for key in keys_of(office)] == [KeyState.LIVE]
