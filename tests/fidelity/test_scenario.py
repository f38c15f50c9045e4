"""
One scenario, judged by every stranger's client: people act, the app sees it and answers, people see the answer.

Each test asserts both sides: what the client made of the payload, and what the workspace then shows.
"""

import asyncio
import hashlib

import pytest

from bot.sandbox import EmbeddedSlack, SandboxClient, SandboxMessage, State
from tests.fidelity.conftest import Starting
from tests.fidelity.strangers import COMMAND, Client, Stranger, installed, named
from tests.fidelity.tour import ALL_EVENTS, ALL_SCOPES, tour
from tests.patience import PATIENCE

CHANNEL = "support-tickets"


def said(state: State, text: str, *, channel: str = CHANNEL) -> SandboxMessage | None:
    """The message of that text in a channel or one of its threads."""
    return next((message for message in state.channel(channel).everything if message.text == text), None)


def only_for(state: State, handle: str, text: str) -> SandboxMessage | None:
    return next((message for message in state.ephemerals(handle) if message.text == text), None)


async def until_said(people: SandboxClient, text: str, *, channel: str = CHANNEL) -> SandboxMessage:
    return await people.until(lambda state: said(state, text, channel=channel))


async def test_command_and_response_url(app: Stranger, people: SandboxClient) -> None:
    """The acknowledgement's text is for the asker; the response URL answers the channel, even one without the bot."""
    about, state = await people.app(), await people.state()
    outcome = await people.command("support", "#field-private", f"{COMMAND} echo one & two")
    assert outcome.ok, outcome
    assert await app.next("command") == {
        "what": "command",
        "command": COMMAND,
        "text": "echo one &amp; two",
        "user": state.user("support")["id"],
        "channel": state.channel("field-private").id,
        "team": about["team_id"],
        "app": about["app_id"],
    }
    await people.until(lambda state: only_for(state, "support", "heard one &amp; two"))
    answer = await until_said(people, "answered one &amp; two", channel="field-private")
    assert (answer.user, answer.raw["bot_id"]) == (about["bot_user_id"], about["bot_id"])


async def test_mention_and_thread_reply(app: Stranger, people: SandboxClient) -> None:
    """A mention is answered in its thread; a mention inside the thread, in the same."""
    me = f"<@{(await people.app())['bot_user_id']}>"
    asked = await people.message("support", CHANNEL, "@optout hello")
    assert asked.acknowledged, asked
    first = await app.next("mention")
    state = await people.state()
    expected = {
        "what": "mention",
        "user": state.user("support")["id"],
        "text": f"{me} hello",
        "ts": asked.ts,
        "thread_ts": None,
        "channel": state.channel(CHANNEL).id,
        "event_ts": asked.ts,
        "event_id": first["event_id"],
        "retry_num": 0,
        "retry_reason": "",
    }
    assert first == expected
    await until_said(people, f"you said {me} hello")
    again = await people.message("admin", CHANNEL, "@optout and this?", thread_ts=asked.ts)
    second = await app.next("mention")
    assert (second["ts"], second["thread_ts"]) == (again.ts, asked.ts)
    assert second["event_id"] != first["event_id"]
    await until_said(people, f"you said {me} and this?")
    replies = (await people.state()).replies(asked.ts)
    assert [reply.text for reply in replies] == [f"you said {me} hello", f"{me} and this?", f"you said {me} and this?"]


async def test_direct_message(app: Stranger, people: SandboxClient) -> None:
    """A direct message arrives without a mention and is answered where it was written."""
    await people.message("support", "@bot", "psst")
    got = await app.next("message")
    state = await people.state()
    assert (got["text"], got["user"]) == ("psst", state.user("support")["id"])
    answer = await people.until(lambda state: said(state, "dm psst", channel=got["channel"]))
    assert answer.channel == got["channel"]


@pytest.mark.parametrize("in_thread", [False, True])
async def test_a_file_comes_in(app: Stranger, people: SandboxClient, *, in_thread: bool) -> None:
    """`file_shared` leads to `files.info`, that to the bytes for the token, and the share's ts to the thread."""
    content = b"phone\n" + b"+12125550100\n" * 5000
    parent = (await people.message("admin", CHANNEL, "here it comes")).ts if in_thread else None
    name = "in-thread.csv" if in_thread else "stop-list.csv"
    dropped = await people.drop("admin", CHANNEL, name, content, thread_ts=parent)
    state = await people.state()
    thread = parent or dropped.ts
    assert await app.next("file") == {
        "what": "file",
        "file": dropped.file,
        "user": state.user("admin")["id"],
        "channel": state.channel(CHANNEL).id,
        "name": name,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "thread": thread,
    }
    answer = await until_said(people, f"{name} has {len(content)} bytes")
    assert answer.thread_ts == thread


async def test_a_file_goes_out(app: Stranger, people: SandboxClient) -> None:
    """The three calls of an upload end in a message with the file and its comment."""
    await people.command("support", CHANNEL, f"{COMMAND} upload")
    uploaded = await app.next("uploaded")
    message = await until_said(people, "here")
    [file] = message.files
    assert (file["id"], file["name"], file["title"]) == (uploaded["file"], "numbers.csv", "Numbers")
    assert await people.download(file["id"]) == b"phone\n+12125550100\n"
    three = ("files.getUploadURLExternal", "upload", "files.completeUploadExternal")
    assert tuple(call["method"] for call in await people.calls() if call["method"] in three) == three


async def test_a_modal_lives(app: Stranger, people: SandboxClient) -> None:
    """Opened, updated by its hash, pushed and closed; refused with field errors, then taken."""
    state = await people.state()
    channel, support = state.channel(CHANNEL).id, state.user("support")["id"]
    await people.command("support", CHANNEL, f"{COMMAND} form")
    opened = await app.next("opened")
    assert opened["title"] == "First"
    [view] = await people.until(lambda state: state.views("support"))
    assert (view["id"], view["hash"]) == (opened["view"], opened["hash"])

    assert (await people.click_in_view("support", view["id"], "refresh")).acknowledged
    clicked = await app.next("action")
    assert (clicked["action_id"], clicked["value"], clicked["container"]) == ("refresh", "r", "view")
    updated = await app.next("updated")
    assert (updated["view"], updated["title"]) == (view["id"], "Second")
    assert updated["hash"] != opened["hash"]

    await people.click_in_view("support", view["id"], "deeper")
    assert (await app.next("action"))["action_id"] == "deeper"
    pushed = await app.next("pushed")
    assert (pushed["root"], pushed["previous"]) == (view["id"], view["id"])
    stack = [shown["id"] for shown in (await people.state()).views("support")]
    assert stack == [view["id"], pushed["view"]]
    await people.close("support", pushed["view"])
    closed = await app.next("closed")
    assert closed == {"what": "closed", "callback_id": "form", "view": pushed["view"], "cleared": False}

    refused = await people.submit("support", view["id"], {"amount": "a dozen"})
    assert refused.errors == {"amount": "Digits only"}
    assert (await app.next("submission"))["value"] == "a dozen"
    assert len((await people.state()).views("support")) == 1
    taken = await people.submit("support", view["id"], {"amount": "12"})
    assert (taken.ok, taken.errors) == (True, {})
    assert await app.next("submission") == {
        "what": "submission",
        "callback_id": "form",
        "value": "12",
        "metadata": channel,
        "user": support,
    }
    assert (await people.state()).views("support") == []
    assert (await until_said(people, "amount 12")).handle == "optout"


async def test_home(app: Stranger, people: SandboxClient) -> None:
    """Opening the Home publishes it; its button publishes it anew by hash; opening it again carries it."""
    await people.home("admin")
    assert (await app.next("home"))["tab"] == "home"
    published = await app.next("published")
    home = await people.until(lambda state: state.home("admin"))
    assert (home["id"], home["hash"]) == (published["view"], published["hash"])
    await people.click_in_view("admin", home["id"], "hello")
    clicked = await app.next("action")
    assert (clicked["action_id"], clicked["container"]) == ("hello", "view")
    again = await app.next("published")
    assert again["view"] == home["id"]
    assert again["hash"] != home["hash"]
    shown = (await people.state()).home("admin")
    assert shown is not None
    assert shown["blocks"][0]["text"]["text"] == "Hello yourself"
    await people.home("admin")
    await app.next("home")
    # The event carried the Home, so the app had nothing to publish.
    assert app.untaken("published") == []


async def test_message_shortcut(app: Stranger, people: SandboxClient) -> None:
    """On a reply where the bot is not a member: the message arrives, the answer is for the person alone."""
    parent = await people.message("admin", "#field-private", "root")
    reply = await people.message("support", "#field-private", "look here", thread_ts=parent.ts)
    outcome = await people.shortcut("admin", "look", channel="#field-private", ts=reply.ts)
    assert outcome.acknowledged
    state = await people.state()
    assert await app.next("shortcut") == {
        "what": "shortcut",
        "callback_id": "look",
        "text": "look here",
        "ts": reply.ts,
        "thread_ts": parent.ts,
        "channel": state.channel("field-private").id,
        "user": state.user("admin")["id"],
    }
    await people.until(lambda state: only_for(state, "admin", "looked at look here"))


async def test_button_and_menu(app: Stranger, people: SandboxClient) -> None:
    """A choice in a message's menu is answered to the person; its button replaces the message."""
    await people.command("support", CHANNEL, f"{COMMAND} post take your pick")
    posted = await app.next("posted")
    assert posted["text"] == "take your pick"
    message = await until_said(people, "take your pick")
    assert message.ts == posted["ts"]
    await people.click("admin", message, "choose", value="b")
    chosen = await app.next("action")
    admin = (await people.state()).user("admin")["id"]
    assert chosen == {
        "what": "action",
        "action_id": "choose",
        "value": "b",
        "user": admin,
        "container": "message",
        "ts": posted["ts"],
        "thread_ts": None,
    }
    await people.until(lambda state: only_for(state, "admin", "chose b"))
    await people.click("admin", message, "press")
    assert (await app.next("action"))["value"] == "pressed"
    replaced = await until_said(people, f"pressed by <@{admin}>")
    assert (replaced.ts, replaced.blocks) == (posted["ts"], [])
    assert replaced.edited


async def test_a_rate_limit_is_waited_out(app: Stranger, people: SandboxClient) -> None:
    """429 with `Retry-After`: the client waits as long as it says, then its call goes through, once."""
    await people.fault(method="chat.postMessage", fault="ratelimited", retry_after=1)
    await people.command("support", CHANNEL, f"{COMMAND} post patience")
    posted = await app.next("posted")
    assert posted["seconds"] >= 1.0
    calls = [call for call in await people.calls("chat.postMessage") if call["arguments"]["text"] == "patience"]
    assert [call["status"] for call in calls] == [429, 200]
    messages = (await people.state()).channel(CHANNEL).messages
    assert [message.ts for message in messages if message.text == "patience"] == [posted["ts"]]


async def test_pages(app: Stranger, people: SandboxClient) -> None:
    """People and public channels come in pages of two, all of them, each once."""
    await people.command("support", CHANNEL, f"{COMMAND} pages")
    pages = await app.next("pages")
    state = await people.state()
    own = [user["id"] for user in state.raw["users"] if not user["is_stranger"]]
    public = [raw["id"] for raw in state.raw["channels"] if not raw["is_private"] and not raw["is_im"]]
    assert pages == {"what": "pages", "users": own, "channels": public, "most": 2}
    assert len(own) > 4


async def test_errors(app: Stranger, people: SandboxClient) -> None:
    """A refusal reaches the app as its client's own error, with Slack's code."""
    await people.command("support", CHANNEL, f"{COMMAND} errors")
    expected = ["channel_not_found", "user_not_found", "file_not_found", "invalid_arguments"]
    assert (await app.next("errors"))["errors"] == expected


async def test_everything_is_read(slack: EmbeddedSlack, app: Stranger, people: SandboxClient) -> None:
    """Of all the embedded Slack can send, steps of workflows left out, there is nothing the client cannot read or leaves unacknowledged."""
    slack.set_manifest(scopes=ALL_SCOPES, events=ALL_EVENTS)
    await tour(people, app)
    courier = slack.platform.feed.courier
    while courier._tasks:
        await asyncio.wait(courier._tasks)
    assert [delivery.payload for delivery in courier.log if not delivery.acknowledged] == []
    assert {len(delivery.attempts) for delivery in courier.log} == {1}
    assert app.untaken("failed") == []
    refused = {call["answer"]["error"] for call in await people.calls() if "'ok': False" in str(call["answer"])}
    # The four mistakes of `errors`, and no other.
    assert refused == {"channel_not_found", "user_not_found", "file_not_found", "invalid_arguments"}


async def test_an_event_comes_again(client: Client, slack: EmbeddedSlack, app: Stranger, people: SandboxClient) -> None:
    """What the app did not acknowledge is delivered again, with the same event id, its number and the reason."""
    courier = slack.platform.feed.courier
    courier.ack_limit = 1.0
    outcome = await people.message("support", CHANNEL, "@optout once more")
    assert not outcome.acknowledged
    courier.ack_limit = 3.0
    got = await app.next("mention")
    assert (got["ts"], got["retry_num"]) == (outcome.ts, 1)
    assert got["retry_reason"] == ("http_timeout" if client.is_http else "timeout")
    await until_said(people, f"you said <@{slack.bot_user_id}> once more")
    [delivery] = await people.deliveries("event")
    assert [attempt["acknowledged"] for attempt in delivery["attempts"]] == [False, True]
    assert got["event_id"] == delivery["payload"]["event_id"]


def losses(client: Client) -> tuple[str, ...]:
    """
    The ways to lose a connection that the client survives.

    A warning leaves the old connection open. slack_sdk's builtin client may then stop reading for good: while
    `connect()` waits for the old session's lock, its reading thread can take that session up again.
    """
    if client.is_http:
        return ()
    return ("disconnect_refresh", "drop", *(() if client.mode == "builtin" else ("disconnect_warning",)))


@pytest.mark.parametrize(
    ("client", "fault"),
    [pytest.param(client, fault, id=f"{client.name}-{fault}") for client in installed() for fault in losses(client)],
    indirect=["client"],
)
async def test_a_lost_connection(app: Stranger, people: SandboxClient, fault: str) -> None:
    """After Slack says goodbye, warns, or the line is cut, the client connects anew and everything works again."""
    me = f"<@{(await people.app())['bot_user_id']}>"
    while app.untaken("connected"):
        await app.next("connected")
    await people.fault(socket=fault)
    await app.next("connected")
    await people.until(lambda state: state.connected == 1)
    # slack_sdk may dial twice before it settles. What meets nobody meanwhile is delivered again, if it is an event,
    # and tried again by the person, if it is a command.
    await people.message("support", CHANNEL, f"@optout still there after {fault}?")
    await until_said(people, f"you said {me} still there after {fault}?")
    async with asyncio.timeout(PATIENCE):
        while not (await people.command("support", CHANNEL, f"{COMMAND} echo back after {fault}")).ok:
            await people.until(lambda state: state.connected)
    await until_said(people, f"answered back after {fault}")


@pytest.mark.parametrize("client", named(client for client in installed() if not client.is_http), indirect=True)
async def test_pings_are_answered(client: Client, slack: EmbeddedSlack, people: SandboxClient, start: Starting) -> None:
    """The server's pings come back as pongs."""
    slack.platform.sockets.ping_every = 0.1
    async with start(client, people), asyncio.timeout(PATIENCE):
        [connection] = slack.platform.sockets.connections
        await connection.ponged.wait()
