"""What the desk says to one person alone is seen by them: Slack takes it in any thread, and shows it only in some."""

from collections.abc import Awaitable, Callable

import pytest

from bot.sandbox import SandboxMessage
from tests.handlers.conftest import TICKETS, Office
from tests.handlers.test_files import UPLOADS

SHARED = "partner-desk"
LIST = b"phone\n2125550101\n"


async def _root(office: Office, channel: str) -> str:
    outcome = await office.people.message("admin", channel, "Who has the list?")
    assert outcome.ts is not None
    return outcome.ts


async def _drop(office: Office) -> str | None:
    await office.people.drop("guest", UPLOADS, "list.csv", LIST)
    return None


async def _drop_in_a_thread(office: Office) -> str | None:
    root = await _root(office, UPLOADS)
    await office.people.drop("guest", UPLOADS, "list.csv", LIST, thread_ts=root)
    return root


async def _mention(office: Office) -> str | None:
    await office.people.message("guest", TICKETS, "@optout 212 555 0100")
    return None


async def _mention_in_a_thread(office: Office) -> str | None:
    root = await _root(office, TICKETS)
    await office.people.message("guest", TICKETS, "@optout 212 555 0100", thread_ts=root)
    return root


async def _mention_with_a_list(office: Office) -> str | None:
    await office.people.drop("guest", TICKETS, "list.csv", LIST, text="@optout")
    return None


async def _stranger(office: Office) -> str | None:
    await office.people.message("stranger", SHARED, "@optout 212 555 0100")
    return None


ACTS: dict[str, tuple[str, Callable[[Office], Awaitable[str | None]]]] = {
    "a guest drops a list": ("guest", _drop),
    "a guest drops a list in a thread": ("guest", _drop_in_a_thread),
    "a guest mentions the desk": ("guest", _mention),
    "a guest mentions the desk in a thread": ("guest", _mention_in_a_thread),
    "a guest mentions the desk with a list": ("guest", _mention_with_a_list),
    "a stranger mentions the desk": ("stranger", _stranger),
}


@pytest.mark.wide_but_first
@pytest.mark.parametrize("act", ACTS)
async def test_a_refusal_is_seen(office: Office, act: str) -> None:
    """In the thread that it was asked in; where it was not asked in one, in the channel."""
    who, do = ACTS[act]
    thread = await do(office)
    said = await office.told(who)
    assert "the opt-out desk" in said.text
    assert said.thread_ts == thread


async def _without_response_urls(office: Office, press: SandboxMessage) -> SandboxMessage:
    await office.people.fault(method="response_url", fault="error", error="expired_url", times=-1)
    await office.press("guest", press, "optout.add")
    return await office.told("guest")


async def test_a_button_whose_response_url_is_over(office: Office) -> None:
    """The answer to who pressed goes to the channel, and into the thread only where the button stands in one."""
    found = await office.ask("admin", "search 212 555 0100", channel=TICKETS, replies=0)
    said = await _without_response_urls(office, found)
    assert (said.channel, said.thread_ts) == (found.channel, None)


async def test_a_button_in_a_thread_whose_response_url_is_over(office: Office) -> None:
    """The same button in a thread, by a mention."""
    outcome = await office.people.message("admin", TICKETS, "@optout 212 555 0100")
    [found] = (await office.replies_to(str(outcome.ts), 1)).thread
    said = await _without_response_urls(office, found)
    assert said.thread_ts == outcome.ts


async def test_a_scrub_that_may_not_be_seen_there(office: Office) -> None:
    """In a shared channel, where the list may not come back, the dropper is told so."""
    await office.people.drop("support", SHARED, "list.csv", LIST, text="@optout scrub")
    said = await office.told("support")
    assert "was not scrubbed" in said.text
    assert said.thread_ts is None


async def test_an_answer_in_a_shared_channel(office: Office) -> None:
    """What others must not read is told to the asker, in the channel that they asked in."""
    await office.opt_out("+12125550100")
    await office.people.message("support", SHARED, "@optout 212 555 0100")
    said = await office.told("support")
    assert "people of another organisation can read this channel" in said.all_text
    assert said.thread_ts is None
