"""The catch-up against a Twilio that is as strict as its documentation: what never came by the webhook is heard, once and in order."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from handlers.hooks.catch_up import CatchUp
from handlers.tasks import Tasks
from store import Hook, Store
from store.models import hooks
from tests.handlers.hooks.conftest import BY_ADMIN, MESSAGE, NOW, PHONE, Door
from tests.handlers.hooks.twilio_api import ACCOUNT, TOKEN, TwilioApi, days_asked, twilio_api

pytestmark = pytest.mark.wide_but_first
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def twilio() -> AsyncIterator[TwilioApi]:
    async with twilio_api() as twilio:
        yield twilio


@asynccontextmanager
async def catching_up(store: Store, twilio: TwilioApi, owner: str = "me") -> AsyncIterator[CatchUp]:
    tasks = Tasks()
    yield CatchUp(store, tasks, api_url=twilio.url, seconds=300, owner=owner)
    await tasks.drain(5)


async def read(store: Store, twilio: TwilioApi) -> Hook:
    """Have the list read at once; the hook as it is then."""
    store.hooks.look_again()
    async with catching_up(store, twilio) as catch_up:
        assert await catch_up.read_due() == 1
    [hook] = [
        hook for account in store.accounts.list() for hook in store.hooks.list_of(account.id) if hook.provider_account
    ]
    return hook


def since(store: Store, moment: datetime) -> None:
    """Have all that came before that moment known."""
    with store.database.write() as connection:
        connection.execute(sa.update(hooks).where(hooks.c.provider_account.is_not(None)).values(caught_up_to=moment))


async def test_what_never_came_is_heard_from_the_list(door: Door, twilio: TwilioApi) -> None:
    """With the moment at which it came in; and when its webhook comes after all, it was heard before."""
    sent = (door.store.now() - MINUTE).replace(microsecond=0)
    sid = twilio.add(100, sent)
    hook = await read(door.store, twilio)
    [opt_out] = door.store.optouts.find(door.account.id, PHONE).standing
    assert (opt_out.entry.requested_at, opt_out.entry.actor) == (sent, hook.actor)
    await door.tell_twilio(MESSAGE | {"MessageSid": sid})
    assert door.counted() == {("twilio", "again"): 1}
    await read(door.store, twilio)
    assert len(door.reasons()) == 1


async def test_each_look_goes_on_from_the_one_before(door: Door, twilio: TwilioApi) -> None:
    """What is older than the last look by more than the overlap is not read; before the hook was made nothing is."""
    made = door.twilio.made_at
    twilio.add(1, made - timedelta(hours=2))
    twilio.add(2, made - MINUTE)
    hook = await read(door.store, twilio)
    assert door.reasons("+12125550001") == []
    assert len(door.reasons("+12125550002")) == 1
    assert hook.caught_up_to is not None
    assert hook.caught_up_to >= made
    assert hook.trouble is None


async def test_pages_and_days_are_read_to_their_end(door: Door, twilio: TwilioApi) -> None:
    """Three days away, two messages a page, ours among them, some of a second: each is heard, and each day asked for once a page."""
    twilio.most = 2
    now = door.store.now().replace(microsecond=0)
    since(door.store, now - timedelta(days=3))
    for number in range(1, 10):
        twilio.add(number, now - timedelta(hours=7 * number))
        twilio.add(number + 100, now - timedelta(hours=7 * number), "Hello, vote on Tuesday", direction="outbound-api")
    await read(door.store, twilio)
    assert [len(door.reasons(f"+1212555{number:04}")) for number in range(1, 10)] == [1] * 9
    asked = days_asked(twilio.asked)
    assert asked == sorted(asked)
    assert len(set(asked)) == 4


async def test_a_stop_and_a_start_are_heard_in_the_order_in_which_they_came(door: Door, twilio: TwilioApi) -> None:
    """The list has the newest first; whoever stopped last is out, and whoever started last is not."""
    now = door.store.now()
    for number, ago, text in ((1, 3, "START"), (1, 2, "STOP"), (2, 3, "STOP"), (2, 2, "START")):
        twilio.add(number * 10 + ago, now - ago * MINUTE, text, sender=f"+1212555000{number}")
    await read(door.store, twilio)
    assert [len(door.reasons(f"+1212555000{number}")) for number in (1, 2)] == [1, 0]


async def test_a_start_that_is_found_late_lifts_no_later_stop(door: Door, twilio: TwilioApi) -> None:
    """The webhook told of the STOP; the list then tells of a START from before it."""
    await door.tell_twilio()
    told = datetime.fromtimestamp(NOW, UTC)
    twilio.add(100, told - MINUTE, "START")
    since(door.store, told - MINUTE)
    await read(door.store, twilio)
    assert len(door.reasons()) == 1
    assert door.store.replies.waiting(door.account.id) == ()


@pytest.mark.parametrize(
    ("faults", "token", "said"),
    [
        ([401], TOKEN, "Twilio refuses the account SID or the auth token"),
        ([], "another", "Twilio refuses the account SID or the auth token"),
        ([404], TOKEN, "Twilio knows no such account"),
        ([429], TOKEN, "Twilio answers 429"),
        ([500], TOKEN, "Twilio answers 500"),
        ([302], TOKEN, "Twilio answers 302"),
    ],
)
async def test_trouble_is_said_and_nothing_is_passed_over(
    door: Door, twilio: TwilioApi, faults: list[int], token: str, said: str
) -> None:
    """The list stays unread from where it was, with the reason in words, and is read when the trouble is over."""
    twilio.faults, twilio.token = [*faults], token
    twilio.add(100, door.store.now() - MINUTE)
    hook = await read(door.store, twilio)
    assert hook.trouble is not None
    assert hook.trouble.startswith(said)
    assert hook.caught_up_to == door.twilio.caught_up_to
    assert door.reasons() == []
    twilio.token = TOKEN
    assert (await read(door.store, twilio)).trouble is None
    assert len(door.reasons()) == 1


async def test_twilio_says_when_to_come_again(door: Door, twilio: TwilioApi) -> None:
    """After a 429 the list rests for as long as Retry-After says; no look in between asks."""
    twilio.faults = [429]
    await read(door.store, twilio)
    async with catching_up(door.store, twilio) as catch_up:
        assert await catch_up.read_due() == 0
    with door.store.database.read() as connection:
        until = connection.execute(sa.select(hooks.c.lease_until).where(hooks.c.id == door.twilio.id)).scalar_one()
    assert until <= door.store.now() + timedelta(seconds=7)
    assert len(twilio.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[" * 100_000,
        b'{"messages": {}}',
        b'{"messages": [], "next_page_uri": "https://evil.example.org/2010-04-01"}',
        b'{"messages": [], "next_page_uri": "//evil.example.org/"}',
        b'{"messages": [], "next_page_uri": 7}',
    ],
)
async def test_answers_that_are_no_list_are_trouble(
    door: Door, twilio: TwilioApi, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    """No page elsewhere is followed, since the password would go along, and nothing of it is taken for the end of the list."""
    from aiohttp import web

    monkeypatch.setattr(
        twilio.__class__, "_page", lambda *_args: web.Response(body=answer, content_type="application/json")
    )
    hook = await read(door.store, twilio)
    assert hook.trouble is not None
    assert hook.trouble.startswith("Twilio's answer")
    assert hook.caught_up_to == door.twilio.caught_up_to


async def test_odd_messages_hold_nothing_up(door: Door, twilio: TwilioApi) -> None:
    """Without a date, of a short code, with an id that is none: passed over, and the others are heard."""
    now = door.store.now()
    odd: list[dict[str, Any]] = [
        {"date_sent": None},
        {"from": "72975"},
        {"sid": "no id"},
        {"sid": 7},
        {"from": None},
        {"body": None},
        {"body": "half \ud800 a\0b \U0001f595 \u202e"},
    ]
    for number, changes in enumerate(odd):
        twilio.add(number + 1, now - MINUTE, "hello")
        twilio.messages[-1] |= changes
    twilio.add(100, now - 2 * MINUTE)
    twilio.messages[0]["date_sent"] = "Wed, 18 Nov 2026 10:00:00 +0000"
    assert (await read(door.store, twilio)).trouble is None
    assert len(door.reasons()) == 1


async def test_two_desks_never_read_the_same_list(door: Door, twilio: TwilioApi) -> None:
    """The lease: while one reads, the other finds nothing to do; after a look it rests."""
    due = door.store.hooks.claim(owner="other", lease_seconds=60)
    assert due is not None
    async with catching_up(door.store, twilio) as catch_up:
        assert await catch_up.read_due() == 0
        door.store.hooks.give_back(due, seconds=0)
        assert await catch_up.read_due() == 1
        assert await catch_up.read_due() == 0


async def test_where_nobody_has_a_hook_nobody_is_asked(store: Store, twilio: TwilioApi) -> None:
    """Nor for a hook of Telnyx's, which tries again by itself."""
    account = store.accounts.get_or_create("T0HARBOR", "Harbor Campaign", country="US")
    store.hooks.make_telnyx(account.id, "profile", "A" * 43 + "=", BY_ADMIN)
    async with catching_up(store, twilio) as catch_up:
        assert await catch_up.read_due() == 0
    assert twilio.asked == []
    assert ACCOUNT not in str(store.hooks.list_of(account.id))
