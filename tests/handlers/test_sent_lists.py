"""A list that a program sends, as people in Slack see it: the preview, the yes, the report and the undo of any list."""

from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import quote

import aiohttp
import pytest

from bot.config import Settings
from bot.http import listening, routed
from bot.sandbox import SandboxMessage, State
from handlers.platform.api import PREFIX
from store import AccountSettings, Deadlines, Function, Origin, Retention, Scope
from tests.conftest import ADMIN
from tests.handlers.conftest import ADMINS, Office
from tests.handlers.test_files import LIST, MIXED, ONE, UPLOADS, settled

ODD = '=HYPERLINK("x") <@U0ADMIN> *a*.csv'


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A lease that is over soon, so that nothing waits long for the next look, and the API."""
    return settings.model_copy(update={"lease_seconds": 1.0, "api": "on"})


@pytest.fixture
async def api(office: Office) -> AsyncIterator[aiohttp.ClientSession]:
    """A program with a key to send lists, at the desk's own API."""
    assert office.service.api is not None
    made = office.store.keys.make(office.account.id, "bridge", (Scope.REPORT,), None, Origin(Function.COMMAND, ADMIN))
    async with (
        listening(routed(office.service.api.route()), "127.0.0.1", 0) as url,
        aiohttp.ClientSession(f"{url}{PREFIX}/", headers={"Authorization": f"Bearer {made.text}"}) as session,
    ):
        yield session


async def send(api: aiohttp.ClientSession, content: bytes = LIST, query: str = "name=stops.csv") -> int:
    """Send a list; the number of its upload."""
    async with api.post(f"uploads?{query}", data=content, headers={"Content-Type": "text/csv"}) as answer:
        told = await answer.json()
        assert answer.status == 200, told
        return int(told["upload"])


async def stands(api: aiohttp.ClientSession, upload: int) -> dict[str, object]:
    async with api.get(f"uploads/{upload}") as answer:
        told: dict[str, object] = await answer.json()
        return told


async def says(office: Office, words: str, channel: str = UPLOADS) -> SandboxMessage:
    """Wait until a message in *channel* or one of its threads says *words*."""

    def there(state: State) -> SandboxMessage | None:
        return next((one for one in state.channel(channel).everything if words in one.all_text), None)

    return await office.people.until(there)


@pytest.mark.wide
async def test_from_the_preview_to_the_undo(office: Office, api: aiohttp.ClientSession) -> None:
    """
    In the uploads channel, with who sent it and why; an admin decides, and the program reads how it ended.

    Admins are told that it waits. Nobody asks Slack who a key is. The file goes once its upload has ended.
    """
    upload = await send(api, MIXED, f"name={quote(ODD)}&reason=asked+by+phone&by=Robin")
    preview = await says(office, "Nothing has changed yet")
    assert "Sent by Robin, by key bridge: asked by phone" in preview.all_text
    assert "<@U0ADMIN>" not in preview.all_text
    told = await stands(api, upload)
    assert (told["state"], told["settled"], told["phones"], told["unreadable"]) == ("waiting", False, 3, 2)
    await office.people.until(lambda state: told_directly(state, "sent by Robin, by key bridge in"))
    await office.press("admin", preview, "upload.confirm")
    report = await says(office, "opted out* from")
    assert "sent by Robin, by key bridge, confirmed by admin" in report.all_text
    await settled(office)
    told = await stands(api, upload)
    assert (told["state"], told["settled"], told["opted_out"], told["decided_by"]) == ("done", True, 3, "admin")
    [opt_out] = office.store.optouts.find(office.account.id, ONE).standing
    assert (opt_out.entry.id, opt_out.entry.reason, opt_out.line) == (told["entry"], "asked by phone", 2)
    assert pruned(office) == 1
    await office.press("admin", report, "upload.undo")
    [view] = await office.people.until(
        lambda state: [one for one in state.views("admin") if "can be texted" in str(one)]
    )
    await office.people.submit("admin", view["id"], {})
    await says(office, "was undone")
    assert (await stands(api, upload))["state"] == "undone"
    assert not [call for call in await office.people.calls() if "key:" in str(call)]


@pytest.mark.wide
async def test_a_list_that_cannot_be_read_is_refused_in_both_places(office: Office, api: aiohttp.ClientSession) -> None:
    """In Slack with a button for the column that looks like it, by which the file that was kept is read again."""
    upload = await send(api, b"Mobile,City\n+12125550100,Troy\n")
    refusal = await says(office, "Nothing was changed")
    told = await stands(api, upload)
    assert (told["state"], told["settled"]) == ("refused", True)
    assert "no column called" in str(told["problem"])
    await office.press("admin", refusal, "upload.column")
    await says(office, "1 phone to opt out")
    assert (await stands(api, upload))["phones"] == 1
    named = await send(api, b"Mobile,City\n+12125550101,Troy\n", "name=b.csv&column=Mobile")
    await says(office, "b.csv: 1 phone to opt out")
    assert (await stands(api, named))["state"] == "waiting"


@pytest.mark.wide
async def test_where_lists_that_wait_are_told_is_where_it_is_shown(office: Office, api: aiohttp.ClientSession) -> None:
    """By the account's setting, once: the preview itself is what tells of it there."""
    channel = (await office.people.state()).channel(ADMINS).id
    settings = AccountSettings(waiting_channel=channel)
    office.store.accounts.change(office.account.id, Origin(Function.SETTING, ADMIN), settings=settings)
    upload = await send(api)
    await says(office, "Nothing has changed yet", ADMINS)
    await settled(office)
    state = await office.people.state()
    assert len([one for one in state.channel(ADMINS).everything if "stops.csv" in one.all_text]) == 1
    assert (await stands(api, upload))["state"] == "waiting"


def pruned(office: Office) -> int:
    """How many pieces of files go when nobody needs them any more."""
    day = timedelta(days=1)
    deadlines = Deadlines(remind=day, expire=day, undo=day)
    return Retention(office.store.database, payloads=day, names=day, deadlines=deadlines).prune().pieces


def told_directly(state: State, words: str) -> bool:
    direct = state.direct("admin")
    return direct is not None and any(words in one.all_text for one in direct.messages)
