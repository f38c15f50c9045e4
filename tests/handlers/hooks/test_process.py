"""Hooks of a desk that runs as a process: served with the API, caught up at its start, and nothing is lost that was answered."""

import asyncio
from urllib.parse import urlencode

import aiohttp
import pytest

from store import Actor, Function, Origin
from tests.desks import Bot, Desk
from tests.handlers.hooks.conftest import MESSAGE, PHONE, PUBLIC_URL, twilio_signature
from tests.handlers.hooks.twilio_api import ACCOUNT, TOKEN, TwilioApi, twilio_api
from tests.patience import PATIENCE

BY_ADMIN = Origin(Function.COMMAND, Actor("U0ADMIN", "admin"))


def settings(twilio: TwilioApi) -> dict[str, str]:
    return {
        "OPTOUT_API": "on",
        "OPTOUT_PUBLIC_URL": PUBLIC_URL,
        "OPTOUT_TWILIO_API_URL": twilio.url,
        "OPTOUT_CATCH_UP_SECONDS": "10",
    }


async def told(bot: Bot, hook: str, form: dict[str, str]) -> int:
    """The status of what Twilio posts to that hook."""
    signature = twilio_signature(f"{PUBLIC_URL}/hooks/twilio/{hook}", form, TOKEN)
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
    url = f"{await bot.serving}/hooks/twilio/{hook}"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=urlencode(form).encode(), headers=headers) as answer,
    ):
        return answer.status


async def is_out(desk: Desk, phone: str) -> None:
    """Wait until that phone is opted out."""
    async with asyncio.timeout(PATIENCE):
        while not await asyncio.to_thread(desk.opted_out, phone):
            state = await desk.people.state()
            await desk.people.state(after=state.version, timeout=0.05)


@pytest.mark.wide
async def test_what_was_answered_is_kept_and_what_was_missed_is_read(desk: Desk) -> None:
    """A desk is killed right after it answered: the STOP stands. What came while none ran is read when one starts."""
    hook = desk.store.hooks.make_twilio(desk.account.id, "main", ACCOUNT, TOKEN, BY_ADMIN)
    async with twilio_api() as twilio:
        [bot] = await desk.start(settings=settings(twilio))
        assert await told(bot, hook.id, MESSAGE) == 200
        await desk.kill(bot)
        assert desk.opted_out(PHONE)
        twilio.add(200, desk.store.now())
        [bot] = await desk.start(settings=settings(twilio))
        await is_out(desk, "+12125550200")
        assert await told(bot, hook.id, MESSAGE) == 200
        assert await told(bot, hook.id, MESSAGE | {"Body": "changed"}) == 200
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{await bot.serving}/metrics") as answer,
        ):
            figures = await answer.text()
        assert 'optout_hook_request_seconds_count{kind="twilio",outcome="again"} 2.0' in figures
        assert 'optout_loop_alive{loop="catch-up"} 1.0' in figures
        said = "".join(bot.said)
        assert "replies came by the catch-up" in said
        for secret in (TOKEN, PHONE, "+12125550200"):
            assert secret not in said


@pytest.mark.wide
async def test_without_an_address_there_are_no_hooks(desk: Desk) -> None:
    """Twilio signs the address, so a desk that does not know its own takes nothing."""
    hook = desk.store.hooks.make_twilio(desk.account.id, "main", ACCOUNT, TOKEN, BY_ADMIN)
    async with twilio_api() as twilio:
        [bot] = await desk.start(settings=settings(twilio) | {"OPTOUT_PUBLIC_URL": ""})
        assert await told(bot, hook.id, MESSAGE) == 404
    assert not desk.opted_out(PHONE)
