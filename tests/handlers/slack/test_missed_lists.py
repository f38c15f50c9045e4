"""Lists that were dropped while the desk was away: found, and taken as if just dropped, once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.config import Settings
from bot.sandbox import EmbeddedSlack, SandboxClient, State, delivery
from bot.serve import EVENTS_PATH
from handlers import files
from handlers.slack import missed_lists
from handlers.work.drops import file_of
from store import Account
from tests.bot.test_serve import served, settings_for
from tests.handlers.conftest import TICKETS, Office, at_work
from tests.handlers.test_files import LIST, UPLOADS, drop, says, settled
from tests.handlers.test_settings import decide

PREVIEW = "3 phones to opt out"


@pytest.fixture
async def people(slack: EmbeddedSlack) -> AsyncIterator[SandboxClient]:
    async with SandboxClient(slack.url) as people:
        yield people


@pytest.fixture(autouse=True)
def told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody here is away for longer than Slack repeats itself."""
    monkeypatch.setattr(delivery, "RETRY_DELAYS", ())


async def drop_unheard(
    slack: EmbeddedSlack, people: SandboxClient, name: str, *, user: str = "admin", channel: str = UPLOADS
) -> str:
    """Drop a list while nobody is there; the timestamp of its message."""
    courier = slack.platform.feed.courier
    before, courier.ack_limit = courier.ack_limit, 0.1
    outcome = await people.drop(user, channel, name, LIST)
    while any(one.kind == "event" and not one.attempts for one in courier.log):
        await people.state(after=(await people.state()).version, timeout=0.05)
    courier.ack_limit = before
    assert not outcome.acknowledged
    assert outcome.ts is not None
    return outcome.ts


async def previews(office: Office, ts: str) -> int:
    """How many previews stand in the thread of *ts*, once the desk has looked and has nothing left to do."""

    def over(_: State) -> bool:
        waiting = sum(backlog.waiting for backlog in office.store.backlogs().values())
        return waiting == 0 and office.service.desk.missed.over

    await office.people.until(over)
    return sum(PREVIEW in reply.all_text for reply in (await office.people.state()).replies(ts))


@pytest.mark.wide
async def test_lists_dropped_while_the_desk_was_down(
    slack: EmbeddedSlack, people: SandboxClient, settings: Settings
) -> None:
    """After an hour without the desk each list in an uploads channel is previewed once, in its thread; others are not."""
    async with at_work(slack, settings) as office:
        await says(office, await drop(office, LIST, name="before.csv"), PREVIEW)
    down = [await drop_unheard(slack, people, f"{n}.csv") for n in range(3)]
    elsewhere = await drop_unheard(slack, people, "elsewhere.csv", channel=TICKETS)
    by_guest = await drop_unheard(slack, people, "guest.csv", user="guest")
    async with at_work(slack, settings) as office:
        for ts in down:
            await says(office, ts, PREVIEW)
        assert [await previews(office, ts) for ts in down] == [1, 1, 1]
        uploads = office.store.uploads.list(office.account.id, 10)
        assert sorted(upload.file_name for upload in uploads) == ["0.csv", "1.csv", "2.csv", "before.csv"]
        assert len({upload.file_id for upload in uploads}) == len(uploads)
        state = await people.state()
        assert state.replies(elsewhere) == []
        assert not any(PREVIEW in reply.all_text for reply in state.replies(by_guest))
        assert any("guest" in message.all_text.lower() for message in state.ephemerals("guest")), (
            "the guest was refused"
        )
        refused = len(state.ephemerals("guest"))
    # Found once is found: the next start has nothing to say.
    async with at_work(slack, settings) as office:
        assert [await previews(office, ts) for ts in down] == [1, 1, 1]
        assert len((await people.state()).ephemerals("guest")) == refused


@pytest.mark.wide_but_first
@pytest.mark.parametrize("fault", [None, "server_error", "ratelimited", "reset"])
async def test_lists_dropped_while_there_was_no_connection(
    office: Office, slack: EmbeddedSlack, fault: str | None
) -> None:
    """A connection that was lost for longer than Slack repeats itself loses no list, also when Slack then stumbles."""
    await office.people.fault(socket="refuse_ticket", times=-1)
    await office.people.fault(socket="drop")
    await office.people.until(lambda state: not state.connected)
    ts = await drop_unheard(slack, office.people, "stops.csv")
    await office.people.clear_faults()
    if fault is not None:
        await office.people.fault(method="files.list", fault=fault, times=4, retry_after=0)
    await says(office, ts, PREVIEW)
    assert await previews(office, ts) == 1


@pytest.mark.wide
async def test_a_list_dropped_while_it_looks(office: Office, slack: EmbeddedSlack) -> None:
    """What is dropped in another absence, after Slack has listed its files and before the look is over, is found too."""
    asked = asyncio.Event()
    listed = office.service.desk.missed._files

    async def held(account: Account, channel: str, since: float) -> AsyncIterator[dict[str, Any]]:
        files = [file async for file in listed(account, channel, since)]
        if not asked.is_set():
            ts.append(await drop_unheard(slack, office.people, "meanwhile.csv"))
            asked.set()
            office.service.desk.missed.was_away(1.0)
        for file in files:
            yield file

    ts: list[str] = []
    await office.people.fault(socket="refuse_ticket", times=-1)
    await office.people.fault(socket="drop")
    await office.people.until(lambda state: not state.connected)
    office.service.desk.missed._files = held  # type: ignore[method-assign]
    office.service.desk.missed.was_away(1.0)
    await asked.wait()
    await says(office, ts[0], PREVIEW)
    await office.people.clear_faults()


@pytest.mark.wide
async def test_what_slack_tells_late_is_taken_once(
    slack: EmbeddedSlack, people: SandboxClient, settings: Settings
) -> None:
    """An event that comes after its file was found is the same drop, also where the answer is a refusal."""
    async with at_work(slack, settings) as office:
        await says(office, await drop(office, LIST, name="before.csv"), PREVIEW)
    ts = await drop_unheard(slack, people, "late.csv")
    await drop_unheard(slack, people, "guest.csv", user="guest")
    courier = slack.platform.feed.courier
    async with at_work(slack, settings) as office:
        await says(office, ts, PREVIEW)
        await office.told("guest")
        unheard = [one.payload for one in courier.log if one.kind == "event" and not one.acknowledged]
        for payload in unheard:
            assert (await courier.event(payload)).acknowledged
        assert await previews(office, ts) == 1
        told = (await people.state()).ephemerals("guest")
        assert len(told) == 1, told


@pytest.mark.wide
@pytest.mark.parametrize("user", ["guest", "admin"])
async def test_what_slack_tells_while_it_is_worked_on_is_taken_once(
    slack: EmbeddedSlack, people: SandboxClient, settings: Settings, monkeypatch: pytest.MonkeyPatch, user: str
) -> None:
    """The event that comes late and the one that was made are both at work, and neither has said anything yet."""
    async with at_work(slack, settings) as office:
        await says(office, await drop(office, LIST, name="before.csv"), PREVIEW)
    ts = await drop_unheard(slack, people, "late.csv", user=user)
    courier = slack.platform.feed.courier
    [unheard] = [one.payload for one in courier.log if one.kind == "event" and not one.acknowledged]
    at_it: list[str] = []
    both = asyncio.Event()

    async def held(*args: Any) -> dict[str, Any] | str:
        file = await file_of(*args)
        at_it.append(args[1])
        if len(at_it) == 1:
            assert (await courier.event(unheard)).acknowledged
        else:
            both.set()
        await both.wait()
        return file

    monkeypatch.setattr(files, "file_of", held)
    async with at_work(slack, settings) as office:
        await (office.told(user) if user == "guest" else says(office, ts, PREVIEW))
        assert await previews(office, ts) == (user == "admin")
        assert len(at_it) == 2
        assert len((await people.state()).ephemerals(user)) == (user == "guest")


@pytest.mark.wide
async def test_a_found_list_is_never_applied_unasked(
    slack: EmbeddedSlack, people: SandboxClient, settings: Settings
) -> None:
    """Whatever the settings say: it may have been dropped with a mention and `scrub`, of which nobody was told."""
    async with at_work(slack, settings) as office:
        await decide(office, ask="never")
        await says(office, await drop(office, LIST, name="before.csv"), "*3 phones opted out*")
    ts = await drop_unheard(slack, people, "stops.csv")
    async with at_work(slack, settings) as office:
        await says(office, ts, "Nothing has changed yet")
        assert (await settled(office)).state == "waiting"


@pytest.mark.wide
async def test_many_lists_are_found_page_by_page(
    slack: EmbeddedSlack, people: SandboxClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More files than an answer holds are all found."""
    monkeypatch.setattr(missed_lists, "_PAGE", 2)
    async with at_work(slack, settings) as office:
        await says(office, await drop(office, LIST, name="before.csv"), PREVIEW)
    down = [await drop_unheard(slack, people, f"{n}.csv") for n in range(5)]
    async with at_work(slack, settings) as office:
        for ts in down:
            await says(office, ts, PREVIEW)


@pytest.mark.wide
async def test_a_desk_that_is_new_takes_no_old_list(
    slack: EmbeddedSlack, people: SandboxClient, settings: Settings
) -> None:
    """What was dropped before the desk ever heard anything is none of its business."""
    await drop_unheard(slack, people, "old.csv")
    async with at_work(slack, settings) as office:
        await says(office, await drop(office, LIST, name="new.csv"), PREVIEW)
        [upload] = office.store.uploads.list(office.account.id, 10)
        assert upload.file_name == "new.csv"


@pytest.mark.wide
async def test_over_http_it_looks_by_itself(slack: EmbeddedSlack, people: SandboxClient, tmp_path: Path) -> None:
    """Without a connection of its own, that would say when it was lost, the desk looks every few minutes."""
    async with served(settings_for(slack, tmp_path, socket=False)) as (service, url):
        slack.events_url = url + EVENTS_PATH
        await service.start()
        first = (await people.drop("admin", UPLOADS, "first.csv", LIST)).ts
        await people.until(lambda state: any(PREVIEW in reply.all_text for reply in state.replies(first or "")))
        slack.events_url = url + "/nowhere"
        ts = await drop_unheard(slack, people, "stops.csv")
        slack.events_url = url + EVENTS_PATH
        service.desk.missed.loop.poke()
        await people.until(lambda state: any(PREVIEW in reply.all_text for reply in state.replies(ts)))
