"""Hooks, as admins make, see and remove them in Slack: the address is shown once, and no secret ever."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.config import Settings
from bot.sandbox import EmbeddedSlack, Outcome
from handlers.views import hooks as views
from store import Actor, Function, Hook, HookKind, Origin
from store.hooks import MOST
from tests.entries import latest_entries
from tests.handlers.conftest import Office, at_work, on_both_databases
from tests.handlers.test_destinations import eventually
from tests.handlers.test_keys import everything, home_of, view_of
from tests.handlers.test_settings import opened as settings_opened
from tests.store.test_heard import ONE, reply

URL = "https://desk.example.org"
SID, TOKEN, SHARED, KEY = f"AC{'1f' * 16}", "t0ken-of-twilios", "sh4red-with-twilio", f"{'A' * 43}="
API_KEY = "KEY0192A1B2C3D4E5F60718293A4B5C6D7_abcdefghijklmnopqrstuv"
FIELDS: dict[HookKind, dict[str, str]] = {
    HookKind.TWILIO: {"name": "main", "login": SID, "secret": TOKEN, "key": SHARED},
    HookKind.TELNYX: {"name": "main", "secret": KEY, "key": API_KEY},
}


@pytest.fixture
async def office(slack: EmbeddedSlack, settings: Settings) -> AsyncIterator[Office]:
    """A desk at work that takes the webhooks of providers."""
    async with at_work(slack, settings.model_copy(update={"api": "on", "public_url": URL})) as office:
        yield office


async def opened(office: Office, kind: HookKind, words: str = "Make it") -> dict[str, Any]:
    """The form of a new hook, as an admin has it open, from the settings."""
    settings = await settings_opened(office, "admin")
    assert (await office.people.click_in_view("admin", settings["id"], f"hook.{kind}")).ok
    return await view_of(office, "admin", words)


async def make(office: Office, view: dict[str, Any], kind: HookKind, **values: str) -> Outcome:
    filled = {f"hook.{name}": value for name, value in (FIELDS[kind] | values).items()}
    return await office.people.submit("admin", view["id"], filled)


def hooks_of(office: Office) -> tuple[Hook, ...]:
    return office.store.hooks.list_of(office.account.id)


@on_both_databases
@pytest.mark.parametrize("kind", HookKind)
async def test_its_address_is_shown_once(office: Office, kind: HookKind, caplog: pytest.LogCaptureFixture) -> None:
    """What was typed is kept, and shown and logged nowhere; a form that comes twice makes one hook."""
    assert (await make(office, await opened(office, kind), kind)).ok
    shown = await view_of(office, "admin", "Copy its address now")
    [hook] = hooks_of(office)
    retries = "#rc=5&rp=ct,rt,5xx" if kind is HookKind.TWILIO else ""
    assert f"```{URL}/hooks/{kind}/{hook.id}{retries}```".replace("&", "&amp;") in str(shown)
    kept = (hook.name, hook.kind, hook.provider_account, hook.secret, hook.shared_key, hook.api_key)
    if kind is HookKind.TWILIO:
        assert kept == ("main", kind, SID, TOKEN, SHARED, None)
    else:
        assert kept == ("main", kind, None, KEY, None, API_KEY)
    assert hook.made_by == await office.actor("admin")
    payload = next(
        delivery["payload"]
        for delivery in reversed(await office.people.deliveries("interaction"))
        if delivery["payload"]["type"] == "view_submission"
    )
    again = await office.slack.platform.feed.courier.request("interaction", "once more", payload)
    assert hook.id in str(again.response)
    assert hooks_of(office) == (hook,)
    [entry] = latest_entries(office.store, office.account.id, 9)
    assert entry.reason == f"Hook main for {kind.title()} made"
    told = str([(await office.people.state()).home("admin"), again.response, shown, caplog.text])
    assert not [secret for secret in (TOKEN, SHARED, KEY, API_KEY) if secret in told]


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    ("kind", "values", "field", "said"),
    [
        (HookKind.TWILIO, {"name": " "}, "name", "1 to 40 characters"),
        (HookKind.TWILIO, {"login": "SK1"}, "login", "An account SID of Twilio's is AC and 32 more"),
        (HookKind.TWILIO, {"secret": "short"}, "secret", "16 to 200 characters"),
        (HookKind.TWILIO, {"key": "with a blank in it"}, "key", "16 to 200 characters"),
        (HookKind.TELNYX, {"secret": "KEY"}, "secret", "44 characters of base64"),
        (HookKind.TELNYX, {"key": "short"}, "key", "begins with KEY"),
    ],
)
async def test_what_cannot_be_is_said_at_its_field(
    office: Office, kind: HookKind, values: dict[str, str], field: str, said: str
) -> None:
    """No hook is made while a field is wrong."""
    outcome = await make(office, await opened(office, kind), kind, **values)
    assert said in outcome.errors[f"hook.{field}"]
    assert hooks_of(office) == ()


@pytest.mark.wide_but_first
async def test_one_more_than_there_can_be(office: Office) -> None:
    """It is refused at the name, and the form stays as it was filled in."""
    view = await opened(office, HookKind.TELNYX)
    by = Origin(Function.SETTING, Actor("U0", "ann"))
    for number in range(MOST):
        office.store.hooks.make_telnyx(office.account.id, f"hook {number}", KEY, by)
    assert "Remove one that nobody needs" in (await make(office, view, HookKind.TELNYX)).errors[views.NAME]


async def test_home_shows_and_removes_them(office: Office) -> None:
    """With when its provider's last reply was heard, and what is wrong; removed it is gone with its secrets."""
    by = Origin(Function.SETTING, await office.actor("admin"))
    hook = office.store.hooks.make_twilio(office.account.id, "*main*", SID, TOKEN, by)
    await office.people.home("admin")
    home = await home_of(office, "no reply from Twilio yet")
    assert "1 hook" in str(home)
    assert "∗main∗" in str(home)
    office.store.replies.hear(office.account.id, reply("STOP"), by)
    assert ONE not in str(await home_of(office, "last reply from Twilio"))
    await office.people.home("support")
    assert "hook" not in str(await home_of(office, "opted out", "support"))
    assert (await office.people.click_in_view("admin", home["id"], views.REMOVE)).ok
    await eventually(office, lambda: hooks_of(office) == ())
    assert hook.secret not in everything(office.store)
    assert latest_entries(office.store, office.account.id, 1)[0].reason == "Hook *main* for Twilio removed"


@pytest.mark.wide
async def test_a_desk_that_takes_no_webhooks_says_what_to_set(slack: EmbeddedSlack, settings: Settings) -> None:
    """In place of the form; Home has no place for hooks before there is one, and then says it too."""
    async with at_work(slack, settings.model_copy(update={"api": "on"})) as office:
        await office.people.home("admin")
        assert "hook" not in str(await home_of(office, "opted out"))
        view = await opened(office, HookKind.TWILIO, "OPTOUT_PUBLIC_URL")
        assert views.OFF in str(view)
        by = Origin(Function.SETTING, Actor("U0", "ann"))
        office.store.hooks.make_telnyx(office.account.id, "profile", KEY, by)
        assert views.OFF in str(await home_of(office, "profile"))
