"""Campaigns and conversations, told by the platform, and what they are good for in Slack."""

from typing import Any

import pytest

from store import Actor, Function, Origin, Scope
from tests.handlers.platform.conftest import Platform

ONE, TWO = "+12125550100", "+12125550101"
pytestmark = pytest.mark.wide_but_first
BY_HAND = Origin(Function.COMMAND, Actor("U0ADMIN", "admin"))


async def test_what_is_told_again_changes_nothing(platform: Platform) -> None:
    """A campaign and its conversations, by the set; one whose phone is opted out is so at once."""
    store, account = platform.store, platform.account.id
    store.optouts.add(account, [TWO], BY_HAND)
    campaign = {"name": "GOTV October", "active": True}
    talks = {"conversations": [{"contact": "ada", "phone": ONE}, {"contact": "ben", "phone": TWO}]}
    told = [(await platform.ask("PUT", "/campaigns/gotv", campaign)).json for _ in range(2)]
    assert told == [{"changed": True}, {"changed": False}]
    path = "/campaigns/gotv/conversations"
    told = [(await platform.ask("PUT", path, talks)).json for _ in range(2)]
    assert told[0] == {"new": 2, "changed": 0, "same": 0, "opted_out": 1}
    assert told[1] == {"new": 0, "changed": 0, "same": 2, "opted_out": 1}
    [talk] = store.optouts.find(account, TWO).conversations
    assert (talk.campaign, talk.active, talk.contact, talk.opted_out) == ("GOTV October", True, "ben", True)


async def test_a_key_of_idempotency_has_the_first_answer(platform: Platform) -> None:
    """Sent again it is told as it was told first, to the byte, and undoes nothing that was told since; it is of one request."""
    path, campaign = "/campaigns/gotv", {"name": "GOTV October", "active": True}
    talks = {"conversations": [{"contact": "ada", "phone": ONE}]}
    first = await platform.ask("PUT", path, campaign, Idempotency_Key="a")
    told = await platform.ask("PUT", f"{path}/conversations", talks, Idempotency_Key="b")
    assert (first.json["changed"], told.json["new"]) == (True, 1)
    await platform.ask("PUT", path, campaign | {"active": False})
    assert (await platform.ask("PUT", path, campaign, Idempotency_Key="a")).raw == first.raw
    assert (await platform.ask("PUT", f"{path}/conversations", talks, Idempotency_Key="b")).raw == told.raw
    assert not platform.store.campaigns.get(platform.account.id, "gotv").active
    for other, body in ((path, campaign | {"name": "B"}), ("/campaigns/b", campaign), (f"{path}/conversations", talks)):
        answer = await platform.ask("PUT", other, body, Idempotency_Key="a")
        assert (answer.status, answer.kind) == (422, "idempotency-key-reused")


async def test_a_delete_in_slack_reopens_what_was_told(platform: Platform) -> None:
    """And only in campaigns that are active."""
    for name, active in (("gotv", True), ("old", False)):
        await platform.ask("PUT", f"/campaigns/{name}", {"name": name, "active": active})
        talks = {"conversations": [{"contact": "ada", "phone": ONE}]}
        await platform.ask("PUT", f"/campaigns/{name}/conversations", talks)
    platform.store.optouts.add(platform.account.id, [ONE], BY_HAND)
    platform.store.optouts.delete(platform.account.id, ONE, BY_HAND)
    told = (await platform.ask("GET", f"/phones/{ONE}")).json["conversations"]
    assert {one["campaign"]: one["opted_out"] for one in told} == {"gotv": False, "old": True}


async def test_a_campaign_that_was_never_told_has_no_conversations(platform: Platform) -> None:
    """A slip in an id makes no campaign; that of another account is not there either."""
    other = platform.store.accounts.get_or_create("T0OTHER", "Other")
    platform.store.campaigns.put(other.id, "theirs", "Theirs", active=True)
    talks = {"conversations": [{"contact": "ada", "phone": ONE}]}
    for name in ("slip", "theirs"):
        answer = await platform.ask("PUT", f"/campaigns/{name}/conversations", talks)
        assert (answer.status, answer.kind) == (404, "no-campaign")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/campaigns/a%2Fb", {"name": "a", "active": True}, 400),
        ("/campaigns/..", {"name": "a", "active": True}, 404),
        ("/campaigns/" + "a" * 129, {"name": "a", "active": True}, 400),
        ("/campaigns/a", {"name": "a"}, 422),
        ("/campaigns/a", {"name": "a", "active": "yes"}, 422),
        ("/campaigns/a", {"name": "a\nb", "active": True}, 422),
        ("/campaigns/a/conversations", {"conversations": []}, 422),
        ("/campaigns/a/conversations", {"conversations": [{"contact": "ada", "phone": "212"}]}, 422),
        ("/campaigns/a/conversations", {"conversations": [{"contact": "ada", "phone": ONE}] * 10_001}, 422),
    ],
)
async def test_what_cannot_be_is_refused(platform: Platform, path: str, body: Any, status: int) -> None:
    """A problem, and nothing is half-done."""
    assert (await platform.ask("PUT", path, body)).status == status
    assert platform.store.campaigns.list(platform.account.id) == ()


async def test_campaigns_have_a_scope(platform: Platform) -> None:
    """A key that may check may not tell of campaigns."""
    key = platform.make_key(Scope.CHECK).text
    answer = await platform.ask("PUT", "/campaigns/a", {"name": "a", "active": True}, key=key)
    assert (answer.status, answer.kind) == (403, "not-in-scope")
