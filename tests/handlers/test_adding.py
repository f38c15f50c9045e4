"""Opting out is one use case: whatever surface asks, and however often Slack delivers what was asked, it is done once."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from bot.config import Settings
from bot.http import listening
from bot.sandbox import EmbeddedSlack, SandboxMessage, State
from store import Cause, Function, Origin
from tests.entries import latest_entries
from tests.handlers.conftest import TICKETS, Office, on_both_databases
from tests.handlers.slack.test_inbox import all_done
from tests.handlers.slack.test_outbox import settled
from tests.handlers.test_forms import form, submit

ONE, TWO = "+12125550100", "+12125550101"


@pytest.fixture
def settings(settings: Settings, slack: EmbeddedSlack) -> Settings:
    """Slack sends signed requests instead of envelopes: nothing but what stands in them says that they are the same."""
    secret = SecretStr(slack.signing_secret)
    return settings.model_copy(update={"slack_app_token": None, "slack_signing_secret": secret})


@pytest.fixture
async def over_http(office: Office) -> AsyncIterator[Office]:
    """The office, reached by signed requests."""
    async with listening(office.service.routes(), "127.0.0.1", 0) as address:
        office.slack.events_url = f"{address}/slack/events"
        yield office


async def by_command(office: Office) -> None:
    assert (await office.people.command("support", TICKETS, f"/optout add {ONE}, 12345")).ok


async def by_mention(office: Office) -> None:
    text = f"<@{office.slack.bot_user_id}> opt out {ONE} because they wrote so"
    assert (await office.people.message("support", TICKETS, text, raw=True)).ok


async def by_button(office: Office) -> None:
    found = await office.ask("support", ONE, channel=TICKETS, replies=0)
    await office.press("support", found, "optout.add")


async def by_form(office: Office) -> None:
    view = await form(office, "support", "add", channel=TICKETS)
    assert (await submit(office, "support", view, numbers=ONE, cause=Cause.LEGAL)).ok


async def by_shortcut(office: Office) -> None:
    ticket = await office.people.message("guest", TICKETS, f"stop texting {ONE}")
    assert (await office.people.shortcut("support", "optout.check", channel=TICKETS, ts=ticket.ts)).acknowledged

    def filled(state: State) -> dict[str, Any] | None:
        return next((view for view in state.views("support") if view["callback_id"] == "optout.check"), None)

    view = await office.people.until(filled)
    assert (await office.people.submit("support", view["id"], {"check.cause": Cause.ASKED})).ok


async def by_step(office: Office) -> None:
    now = office.store.accounts.get(office.account.id).settings
    by = Origin(Function.SETTING, await office.actor("admin"))
    office.store.accounts.change(office.account.id, by, settings=replace(now, steps="add"))
    step = await office.people.run_step("guest", "opt_out_number", number=ONE)
    assert step["outputs"]["note"] == "(212) 555-0100 opted out."


SURFACES = {
    Function.COMMAND: by_command,
    Function.MENTION: by_mention,
    Function.BUTTON: by_button,
    Function.FORM: by_form,
    Function.SHORTCUT: by_shortcut,
    Function.STEP: by_step,
}

# What Slack calls the command, the event, the action and the submitted modals.
NAMES = {"/optout", "app_mention", "optout.add", "form.add", "optout.check", "function_executed"}


def answers(state: State) -> list[SandboxMessage]:
    """What says in the tickets' channel or its threads that somebody was opted out."""
    return [one for one in state.channel(TICKETS).everything if "(212) 555-0100 opted out" in one.text]


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """One request of Slack's. Signed anew whenever it is sent, so that nothing but what stands in it says that it is the same."""

    url: str
    body: bytes
    content_type: str
    secret: str

    @classmethod
    def last(cls, office: Office) -> "SignedRequest":
        """The last one that somebody's act led to."""
        courier = office.slack.platform.feed.courier
        assert office.slack.events_url is not None
        body, headers = courier._signed([delivery for delivery in courier.log if delivery.name in NAMES][-1])
        return cls(office.slack.events_url, body, headers["Content-Type"], office.slack.signing_secret)

    def signed(self, seconds_ago: int) -> dict[str, str]:
        timestamp = str(int(time.time()) - seconds_ago)
        signature = hmac.new(self.secret.encode(), f"v0:{timestamp}:".encode() + self.body, hashlib.sha256)
        return {
            "Content-Type": self.content_type,
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": f"v0={signature.hexdigest()}",
        }

    async def send(self, times: int) -> None:
        """Send it so many times at once; it must be acknowledged each time."""

        async def once(number: int) -> int:
            async with session.post(self.url, data=self.body, headers=self.signed(number)) as response:
                return response.status

        async with aiohttp.ClientSession() as session:
            assert await asyncio.gather(*(once(10 * times + number) for number in range(times))) == [200] * times


@pytest.mark.wide_but_first
@on_both_databases
@pytest.mark.parametrize("function", SURFACES)
async def test_what_is_delivered_twice_is_done_once(over_http: Office, function: Function) -> None:
    """A request that comes again, at once or later, makes one entry and gives one answer, whatever surface it is from."""
    office = over_http
    ask: Callable[[Office], Awaitable[None]] = SURFACES[function]
    await ask(office)
    request = SignedRequest.last(office)
    await request.send(2)
    # A step answers its workflow, and nobody in a channel.
    answered = 0 if function is Function.STEP else 1
    if answered:
        await office.people.until(answers)
    await request.send(1)
    await all_done(office)
    made = latest_entries(office.store, office.account.id, 9)
    [entry] = [entry for entry in made if entry.function != Function.SETTING]
    assert entry.function == function
    assert len(office.store.optouts.find(office.account.id, ONE).opt_outs) == 1
    await settled(office)
    assert len(answers(await office.people.state())) == answered


@on_both_databases
async def test_asked_anew_is_done_anew(over_http: Office) -> None:
    """The same words typed twice are two requests: the second is kept as a further reason."""
    for said in ("*(212) 555-0100 opted out", "*(212) 555-0100 was already out*"):
        assert (await over_http.ask("support", f"add {ONE}")).text.startswith(said)
    assert len(over_http.store.optouts.find(over_http.account.id, ONE).opt_outs) == 2
