"""Destinations without a door, in Slack: how one is made, who is told that opt-outs wait, how the list is had and said to be loaded."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa
from slack_sdk.errors import SlackApiError

from bot.config import Settings
from bot.sandbox import EmbeddedSlack, SandboxMessage, State
from handlers.views import destinations as views
from handlers.views.exports import GET_LIST, LOADED
from handlers.work import attaching
from store import Destination, DestinationKind, Function, Origin
from store.destinations import LIST_TOLD_EVERY
from store.dialects import from_now
from store.models import destinations
from tests.handlers.conftest import ADMINS, Office, at_work, on_both_databases
from tests.handlers.test_destinations import form_of, made_behind, shown, until
from tests.handlers.test_keys import home_of, view_of

ONE, TWO, THREE = "+12125550100", "+12125550101", "+12125550102"
pytestmark = pytest.mark.wide_but_first


@pytest.fixture
async def office(slack: EmbeddedSlack, settings: Settings) -> AsyncIterator[Office]:
    async with at_work(slack, settings) as office:
        yield office


async def behind(office: Office, layout: str = "phones", name: str = "Hustle") -> Destination:
    return await made_behind(office, DestinationKind.FILE, name=name, address=layout)


async def told(office: Office, times: int = 1) -> list[SandboxMessage]:
    """What the channel was told of opt-outs that wait, once that is so often."""
    office.service.desk.passing.telling.poke()

    def there(state: State) -> list[SandboxMessage] | None:
        found = [one for one in state.channel(ADMINS).messages if "to be loaded in" in one.text]
        return found if len(found) >= times else None

    return await office.people.until(there)


async def file_for(office: Office, user: str = "admin", words: str = "to be opted out in") -> SandboxMessage:
    """The newest message to *user* with a file beneath it, and *Loaded*."""

    def there(state: State) -> SandboxMessage | None:
        direct = state.direct(user)
        found = [m for m in direct.messages if m.thread and m.thread[0].files and words in m.all_text] if direct else []
        return found[-1] if found and any(button.action_id == LOADED for button in found[-1].buttons) else None

    return await office.people.until(there)


async def rows_of(office: Office, message: SandboxMessage) -> list[list[str]]:
    content = await office.people.download(message.thread[0].files[0]["id"])
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


@on_both_databases
async def test_from_the_form_to_loaded(office: Office) -> None:
    """
    Made in a form, its channel is told that opt-outs wait, without a number, with a button by which an admin alone gets the file.

    *Loaded* beneath it says so in the look-up, in `/optout passing` and in the history; what comes later is in the next file, with
    whoever was allowed again named beside it.
    """
    await office.opt_out(ONE, TWO, reason="=asked")
    view = await form_of(office, views.OPEN_FILE)
    channel = (await office.people.state()).channel(ADMINS).id
    sent = {"destination.name": "ThruText", "destination.layout": "thrutext", "destination.channel": channel}
    assert (await office.people.submit("admin", view["id"], sent)).ok
    made = await view_of(office, "admin", "The destination ThruText is made")
    assert "whsec_" not in str(made)
    [message] = await told(office)
    assert message.text.startswith("*2 opt-outs wait to be loaded in ThruText.*")
    assert ONE not in message.all_text
    assert "To be loaded in ThruText<!date^" in (await office.ask("admin", f"search {ONE}")).all_text

    await office.press("admin", message, GET_LIST)
    file = await file_for(office)
    assert "*2 phones to be opted out in ThruText*" in file.all_text
    header, *rows = await rows_of(office, file)
    assert header[4] == "contact_phone"
    assert [(row[4], row[6]) for row in rows] == [(ONE, "'=asked"), (TWO, "'=asked")]
    # The file is there a moment before the desk has noted that it was given out.
    await until(office, lambda one: one.file_has_all)
    assert "*Loaded* beneath it is still to be pressed" in (await shown(office)).all_text
    await office.press("admin", file, LOADED)
    await until(office, lambda one: one.waiting == 0)
    assert "last loaded" in (await shown(office)).all_text
    assert "Loaded in ThruText<!date^" in (await office.ask("admin", f"search {ONE}")).all_text

    await office.opt_out(THREE)
    by = Origin(Function.DELETE, await office.actor("admin"), reason="wrote that she wants texts again")
    office.store.optouts.delete(office.account.id, ONE, by)
    await office.press("admin", await shown(office), GET_LIST)
    file = await file_for(office, words="1 phone allowed again meanwhile")
    assert f"`{ONE}`" in file.all_text
    assert [row[4] for row in (await rows_of(office, file))[1:]] == [THREE]


@pytest.mark.wide
async def test_it_is_told_once_a_day(office: Office) -> None:
    """However often opt-outs come; and not while a file that was given out has them all."""
    await office.opt_out(ONE)
    one = await behind(office)
    [message] = await told(office)
    await office.opt_out(TWO)
    # The message is there a moment before the desk has noted it.
    await until(office, lambda one: one.told_at is not None)
    with office.store.database.write() as connection:
        long_ago = from_now(-LIST_TOLD_EVERY.total_seconds() - 1)
        connection.execute(sa.update(destinations).where(destinations.c.id == one.id).values(told_at=long_ago))
    assert "*2 opt-outs wait" in (await told(office, times=2))[-1].text
    await office.press("admin", message, GET_LIST)
    await until(office, lambda one: one.file_has_all)
    assert office.store.destinations.claim_untold("me", lease_seconds=60) is None


@pytest.mark.wide
async def test_home_has_its_button_too(office: Office) -> None:
    """There is a line for it; what the button has to say comes in a modal, the file in a direct message."""
    await office.opt_out(ONE)
    await behind(office)
    await office.people.home("admin")
    home = await home_of(office, "1 opt-out waits")
    assert (await office.people.click_in_view("admin", home["id"], GET_LIST)).ok
    assert "The list for Hustle is being made" in str(await view_of(office, "admin", "is being made"))
    assert await rows_of(office, await file_for(office)) == [["phone"], [ONE]]


@pytest.mark.wide
async def test_pressed_twice_or_late_it_says_so(office: Office) -> None:
    """The buttons go with the first press; a second one, of an older file too, or of one whose destination is gone, changes nothing."""
    await office.opt_out(ONE)
    one = await behind(office)
    [message] = await told(office)
    await office.press("admin", message, GET_LIST)
    older = await file_for(office)
    await office.opt_out(TWO)
    await office.press("second-admin", message, GET_LIST)
    newer = await file_for(office, "second-admin")
    await until(office, lambda one: one.file_has_all)
    await office.press("second-admin", newer, LOADED)
    await until(office, lambda one: one.waiting == 0)
    await office.press("admin", older, LOADED)

    def said(words: str, user: str) -> Callable[[State], bool]:
        def there(state: State) -> bool:
            direct = state.direct(user)
            return direct is not None and any(words in message.all_text for message in direct.everything)

        return there

    await office.people.until(said("Nothing was changed:* what that file holds was loaded in Hustle before", "admin"))
    await office.people.until(said("Loaded, says second-admin", "second-admin"))
    await office.opt_out(THREE)
    await office.press("second-admin", message, GET_LIST)
    await until(office, lambda one: one.file_has_all)
    office.store.destinations.remove(office.account.id, one.id, Origin(Function.SETTING, await office.actor("admin")))
    count = len((await office.people.state()).ephemerals("second-admin"))
    await office.press("second-admin", await file_for(office, "second-admin"), LOADED)
    assert "There is no such destination any more" in (await office.told("second-admin", count)).all_text


async def test_who_may_not_export_gets_no_file(office: Office) -> None:
    """Support gets its no; where nobody may export nobody gets it, though it was asked for before that was decided."""
    await office.opt_out(ONE)
    one = await behind(office)
    [message] = await told(office)
    count = len((await office.people.state()).ephemerals("support"))
    await office.press("support", message, GET_LIST)
    assert "Only admins can export the list" in (await office.told("support", count)).all_text
    by = Origin(Function.SETTING, await office.actor("admin"))
    settings = replace(office.store.accounts.get(office.account.id).settings, exports="nobody")
    office.store.accounts.change(office.account.id, by, settings=settings)
    count = len((await office.people.state()).ephemerals("admin"))
    await office.press("admin", message, GET_LIST)
    assert "Nobody may export the list" in (await office.told("admin", count)).all_text
    assert (await office.people.state()).direct("admin") is None
    assert office.store.destinations.get(office.account.id, one.id).file_at is None


async def test_one_that_is_told_by_itself_has_no_file(office: Office) -> None:
    """A forged press is answered; and a file has no test."""
    await office.opt_out(ONE)
    one = await behind(office)
    message = await shown(office)
    assert "Send a test" not in [button.text for button in message.buttons]
    with office.store.database.write() as connection:
        connection.execute(sa.update(destinations).values(kind="van", login="x"))
    count = len((await office.people.state()).ephemerals("admin"))
    await office.press("admin", message, GET_LIST)
    assert "Hustle is told by itself" in (await office.told("admin", count)).all_text
    assert office.store.destinations.get(office.account.id, one.id).kind is DestinationKind.VAN


@pytest.mark.wide
async def test_the_file_that_is_there_counts(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A desk that shared a file and lost its way before it said so is followed by one that makes another, of a later moment.

    Slack has the first one, so *Loaded* is about that: what came after it is still to be loaded.
    """
    await office.opt_out(ONE)
    await behind(office)
    [message] = await told(office)
    complete, lost = attaching.attach, asyncio.Event()

    async def loses_its_way(*args: object, **named: object) -> None:
        await complete(*args, **named)  # type: ignore[arg-type]
        if not lost.is_set():
            lost.set()
            await asyncio.to_thread(
                office.store.optouts.add,
                office.account.id,
                [TWO],
                Origin(Function.COMMAND, await office.actor("admin")),
            )
            raise SlackApiError("gone", {"ok": False, "error": "ratelimited"})  # type: ignore[no-untyped-call]  # slack_sdk has none

    monkeypatch.setattr("handlers.work.exports.attach", loses_its_way)
    await office.press("admin", message, GET_LIST)
    file = await file_for(office)
    assert lost.is_set()
    assert "*1 phone to be opted out in Hustle*" in file.all_text
    assert await rows_of(office, file) == [["phone"], [ONE]]
    await until(office, lambda one: one.file_at is not None)
    await office.press("admin", file, LOADED)
    assert (await until(office, lambda one: one.taken_at is not None)).waiting == 1
