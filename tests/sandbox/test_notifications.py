"""Who is notified of a message: those it mentions, and the other side of a direct message."""

from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import SandboxClient, State

CHANNEL = "support-tickets"


def notified(state: State) -> dict[str, list[str]]:
    """The texts each person was notified of."""
    people = (user["handle"] for user in state.raw["users"])
    told = {name: [message.text for message in state.notified(name) if message] for name in people}
    return {name: texts for name, texts in told.items() if texts}


async def content_of(people: SandboxClient, api: AsyncWebClient, kind: str) -> dict[str, Any]:
    """A message of the app that mentions in some way."""
    state = await people.state()
    support, group = state.user("support")["id"], (await api.usergroups_list())["usergroups"][0]["id"]
    quoted = {"type": "section", "text": {"type": "plain_text", "text": f"<@{support}>"}}
    block = {"type": "section", "text": {"type": "mrkdwn", "text": f"for <@{support}>"}}
    rich = {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [{"type": "user", "user_id": support}]}],
    }
    contents: dict[str, dict[str, Any]] = {
        "text": {"text": f"<@{support}> and again <@{support}>"},
        "block": {"text": "in a block", "blocks": [block]},
        "rich text": {"text": "rich", "blocks": [rich]},
        "plain text": {"text": "plain", "blocks": [quoted]},
        "name": {"text": "Robin Vale"},
        "group": {"text": f"<!subteam^{group}>"},
        "here": {"text": "<!here> all"},
    }
    return contents[kind]


@pytest.mark.parametrize(
    ("kind", "who"),
    [
        ("text", {"support"}),
        ("block", {"support"}),
        ("rich text", {"support"}),
        ("plain text", set()),
        ("name", set()),
        ("group", {"admin", "second-admin"}),
        ("here", {"admin", "second-admin", "support", "guest"}),
    ],
)
async def test_who_is_notified(people: SandboxClient, api: AsyncWebClient, kind: str, who: set[str]) -> None:
    """Once for each message that mentions them, however; of a name in letters nobody is."""
    content = await content_of(people, api, kind)
    channel = (await people.state()).channel(CHANNEL).id
    await api.chat_postMessage(channel=channel, **content)
    assert notified(await people.state()) == {name: [content["text"]] for name in who}


async def test_people_notify_people(people: SandboxClient) -> None:
    """A person's mention counts as an app's; who is not in the channel, and who wrote it, is not notified."""
    await people.message("admin", CHANNEL, "@support @stranger @admin look")
    assert set(notified(await people.state())) == {"support"}


async def test_a_direct_message_notifies(people: SandboxClient, api: AsyncWebClient) -> None:
    """The person, of what the app writes; not of what they write themselves."""
    support = (await people.state()).user("support")["id"]
    await people.message("support", "@bot", "hello")
    await api.chat_postMessage(channel=support, text="good day")
    assert notified(await people.state()) == {"support": ["good day"]}


async def test_an_edit_notifies_nobody(people: SandboxClient, api: AsyncWebClient) -> None:
    """Also where it adds a mention; and what one person alone sees gives no badge either."""
    state = await people.state()
    channel, support = state.channel(CHANNEL).id, state.user("support")["id"]
    ts = (await api.chat_postMessage(channel=channel, text="draft"))["ts"]
    await api.chat_update(channel=channel, ts=ts, text=f"<@{support}> final")
    await api.chat_postEphemeral(channel=channel, user=support, text=f"<@{support}> psst")
    assert notified(await people.state()) == {}


async def test_what_is_gone_was_told_all_the_same(people: SandboxClient, api: AsyncWebClient) -> None:
    """A message that was taken away has notified, once."""
    state = await people.state()
    channel, support = state.channel(CHANNEL).id, state.user("support")["id"]
    ts = (await api.chat_postMessage(channel=channel, text=f"<@{support}>"))["ts"]
    await api.chat_delete(channel=channel, ts=ts)
    assert (await people.state()).notified("support") == [None]
