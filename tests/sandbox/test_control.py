"""The control API: state, long poll, live changes, typed text, refusals, and who may use it at all."""

import asyncio
from typing import Any

import aiohttp
import pytest

from bot.sandbox import EmbeddedSlack, SandboxClient
from bot.sandbox.client import SandboxError


async def test_the_seeded_workspace(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """People, channels and the app as documented."""
    state = await people.state()
    flags = {user["handle"]: user for user in state.raw["users"]}
    assert [handle for handle, user in flags.items() if user["is_admin"]] == ["admin", "second-admin"]
    assert flags["guest"]["is_restricted"]
    assert flags["stranger"]["is_stranger"]
    assert flags["stranger"]["team_id"] != slack.team_id
    assert len({flags[handle]["tz"] for handle in ("admin", "second-admin", "support", "guest", "stranger")}) == 5
    channels = {channel.name: channel for channel in state.channels}
    bot = slack.bot_user_id
    assert [name for name, channel in channels.items() if bot in channel.members] == [
        "campaign-admins",
        "support-tickets",
        "optout-uploads",
        "partner-desk",
        "archive-2024",
    ]
    assert channels["field-private"].raw["is_private"]
    assert channels["archive-2024"].raw["is_archived"]
    assert channels["partner-desk"].raw["is_ext_shared"]
    assert state.raw["app"]["commands"] == ["/optout"]
    assert state.raw["team"]["domain"] == "harbor-campaign"


async def test_the_long_poll_waits_for_a_change(people: SandboxClient) -> None:
    """It returns at once when there is something new, after the timeout when there is not."""
    now = await people.state()
    assert (await people.state(after=now.version - 1)).version == now.version
    assert (await people.state(after=now.version, timeout=0.05)).version == now.version
    waiting = asyncio.create_task(people.state(after=now.version, timeout=10))
    await people.message("admin", "#support-tickets", "news")
    assert (await waiting).version > now.version


async def test_the_live_socket_tells_of_changes(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """The page hears a version at first and a higher one after a change; several changes may share one."""
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{slack.url}/sandbox/live") as socket:
        first = (await socket.receive_json(timeout=10))["version"]
        for n in range(5):
            await people.message("admin", "#support-tickets", f"news {n}")
        wanted = (await people.state()).version
        heard = first
        while heard < wanted:
            heard = (await socket.receive_json(timeout=10))["version"]
        assert heard == wanted


async def test_one_channel_only(people: SandboxClient) -> None:
    """`?channel=` leaves the other channels out."""
    state = await people.state(channel="#support-tickets")
    assert [channel.name for channel in state.channels] == ["support-tickets"]


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("a < b && c", "a &lt; b &amp;&amp; c"),
        ("see https://example.com/a?b=1&c=2.", "see <https://example.com/a?b=1&amp;c=2>."),
        ("mail a.b@example.com", "mail <mailto:a.b@example.com|a.b@example.com>"),
        ("@channel and @here", "<!channel> and <!here>"),
        ("@nobody #nowhere", "@nobody #nowhere"),
        ("@second-admin", "<@{second-admin}>"),
        ("@Opt-Out Desk, @optout", "<@{optout}>, <@{optout}>"),
        ("#support-tickets", "<#{#support-tickets}|support-tickets>"),
        ("<!channel> typed", "&lt;!channel&gt; typed"),
    ],
)
async def test_typed_text_is_sent_as_slack_sends_it(people: SandboxClient, typed: str, sent: str) -> None:
    """Mentions, channels, links and mail addresses become Slack's markup; the rest is escaped."""
    outcome = await people.message("admin", "#support-tickets", typed)
    state = await people.state()
    ids = {user["handle"]: user["id"] for user in state.raw["users"]}
    ids |= {f"#{channel.name}": channel.id for channel in state.channels}
    for name, each in ids.items():
        sent = sent.replace(f"{{{name}}}", each)
    message = state.message(str(outcome.ts))
    assert message is not None
    assert message.text == sent


async def test_text_can_be_sent_raw_and_phones_as_links(people: SandboxClient) -> None:
    """*raw* text arrives untouched; with `tel_links` written-out phones arrive as mobile clients send them."""
    raw = "add <tel:+12025550101|202-555-0101>"
    await people.command("admin", "#support-tickets", f"/optout {raw}", raw=True)
    await people.configure(tel_links=True)
    await people.command("admin", "#support-tickets", "/optout add (202) 555-0101, +1 415-555-0102 123456")
    texts = [item["payload"]["text"] for item in await people.deliveries("command")]
    assert texts == [raw, "add <tel:2025550101|(202) 555-0101>, <tel:+14155550102|+1 415-555-0102> 123456"]


async def test_text_alone_follows_the_only_command(people: SandboxClient) -> None:
    """Without a slash or a command's name in front, the text is what follows `/optout`, as its payload has it."""
    for text in ("search 12345", "/optout search 12345", "optout search 12345"):
        await people.command("admin", "#support-tickets", text)
    sent = [item["payload"] for item in await people.deliveries("command")]
    assert [(payload["command"], payload["text"]) for payload in sent] == [("/optout", "search 12345")] * 3


async def test_commands_slack_itself_refuses(people: SandboxClient) -> None:
    """In a thread, unknown, or without the `commands` scope: the app hears nothing."""
    root = await people.message("admin", "#support-tickets", "root")
    outcome = await people.command("admin", "#support-tickets", "/optout help", thread_ts=root.ts)
    assert (outcome.ok, outcome.shown) == (False, "/optout is not supported in threads. Sorry!")
    outcome = await people.command("admin", "#support-tickets", "/optin help")
    assert outcome.shown == "/optin is not a valid command."
    await people.configure(scopes=["chat:write"])
    assert (await people.command("admin", "#support-tickets", "/optout help")).error == "invalid_command"
    assert await people.deliveries() == []


@pytest.mark.parametrize(
    ("user", "channel", "refusal"),
    [
        ("nobody", "support-tickets", "There is no user 'nobody'"),
        ("admin", "nowhere", "There is no channel 'nowhere'"),
        ("guest", "field-private", "guest is not a member of #field-private"),
        ("admin", "archive-2024", "#archive-2024 is archived"),
        ("optout", "support-tickets", "acts through the Web API"),
    ],
)
async def test_who_may_write_where(people: SandboxClient, user: str, channel: str, refusal: str) -> None:
    """Commands and messages where Slack's client would not let one write are refused with a sentence."""
    for act in (people.command, people.message):
        with pytest.raises(SandboxError, match=refusal):
            await act(user, channel, "/optout x")
    with pytest.raises(SandboxError, match=refusal):
        await people.drop(user, channel, "clean.csv")
    assert (await people.state()).files == []


async def test_a_public_channel_one_has_not_joined(people: SandboxClient) -> None:
    """Writing there works as if one had joined; membership is not changed."""
    before = (await people.state()).channel("campaign-admins").members
    assert (await people.message("guest", "campaign-admins", "hello")).ok
    assert (await people.state()).channel("campaign-admins").members == before


async def test_subscriptions_decide_what_is_sent(people: SandboxClient) -> None:
    """Only subscribed events for which the token has the scope, from channels the bot is in."""
    await people.message("admin", "#support-tickets", "nothing for the bot")
    await people.message("admin", "@bot", "a direct message")
    await people.message("admin", "#field-private", "@optout unheard")
    names = [(item["name"], item["payload"]["event"].get("channel_type")) for item in await people.deliveries()]
    assert names == [("message", "im")]
    await people.configure(events=["message.channels"], scopes=["channels:history"])
    await people.message("admin", "#support-tickets", "heard")
    await people.message("ticket-bot", "#support-tickets", "from another app")
    events = [item["payload"]["event"] for item in (await people.deliveries())[1:]]
    assert [(event["text"], "bot_id" in event) for event in events] == [("heard", False), ("from another app", True)]
    await people.configure(scopes=[])
    assert (await people.message("admin", "#support-tickets", "unheard")).raw["events"] == 0


@pytest.mark.parametrize(
    ("path", "body", "refusal"),
    [
        ("command", {"channel": "support-tickets", "text": "x"}, "'user' is missing"),
        ("command", {"user": "admin", "channel": "support-tickets", "text": 5}, "'text' must be text"),
        ("message", {"user": "admin", "channel": "support-tickets", "text": " "}, "needs text"),
        ("message", {"user": "admin", "channel": "support-tickets", "text": "x", "thread_ts": "1"}, "to reply to"),
        ("message", [], "must be a JSON object"),
        ("click", {"user": "admin", "channel": "support-tickets", "ts": "1", "action_id": "x"}, "sees no message"),
        ("submit", {"user": "admin", "view_id": "V1", "values": {}}, "no open view"),
        ("file", {}, "multipart form"),
        ("users/update", {"user": "admin", "is_king": True}, "cannot be changed"),
        ("users/update", {"user": "admin", "tz": "Mars/Olympus"}, "is no tz"),
        ("app", {"scopes": "all"}, "must be a list of texts"),
    ],
)
async def test_bad_requests_get_a_sentence(slack: EmbeddedSlack, path: str, body: Any, refusal: str) -> None:
    """HTTP 400, `ok` false and one sentence; never a stack trace."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{slack.url}/sandbox/{path}", json=body) as answer,
    ):
        assert answer.status == 400
        told = await answer.json()
    assert told["ok"] is False
    assert refusal in told["error"]


@pytest.mark.parametrize("path", ["/", "/page/page.css", "/sandbox/state", "/sandbox/changes", "/sandbox/wire"])
async def test_only_this_machine_s_own_page(slack: EmbeddedSlack, path: str) -> None:
    """Another Origin or Host is refused with 403; the page comes with a strict content policy."""
    async with aiohttp.ClientSession() as session:
        for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Origin": "null"}):
            async with session.get(f"{slack.url}{path}", headers=headers) as answer:
                assert answer.status == 403
        async with session.get(f"{slack.url}{path}", headers={"Origin": slack.url}) as answer:
            assert answer.status == 200
            policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


async def test_the_live_socket_is_for_this_machine_s_own_page(slack: EmbeddedSlack) -> None:
    """A browser lets every page open a WebSocket anywhere, so another Origin or Host is refused here too."""
    async with aiohttp.ClientSession() as session:
        for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(f"{slack.url}/sandbox/live?wire", headers=headers)
            assert refused.value.status == 403
        async with session.ws_connect(f"{slack.url}/sandbox/live", headers={"Origin": slack.url}) as socket:
            assert "version" in await socket.receive_json(timeout=10)


async def test_another_site_cannot_act(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """A form or fetch of another site is refused before it does anything, whatever it posts."""
    body = {"user": "admin", "channel": "support-tickets", "text": "forged"}
    async with aiohttp.ClientSession(headers={"Origin": "https://evil.example"}) as session:
        for path in ("message", "command", "faults", "app", "file"):
            async with session.post(f"{slack.url}/sandbox/{path}", json=body) as answer:
                assert answer.status == 403
    assert (await people.state()).channel("support-tickets").messages == []


async def test_only_the_loopback_address_is_bound(slack: EmbeddedSlack) -> None:
    """Nothing listens elsewhere unless it is asked to."""
    assert slack._runner is not None
    assert {address[0] for address in slack._runner.addresses} == {"127.0.0.1"}
    async with EmbeddedSlack(host="0.0.0.0") as everywhere:
        assert everywhere._runner is not None
        assert {address[0] for address in everywhere._runner.addresses} == {"0.0.0.0"}


async def test_the_tokens_are_handed_out_to_this_machine(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """`GET /sandbox/app` has what any client library needs to be the app."""
    app = await people.app()
    assert app["bot_token"] == slack.bot_token
    assert app["app_token"] == slack.app_token
    assert app["signing_secret"] == slack.signing_secret
    assert app["api_url"] == slack.api_url
    assert "files:read" in app["scopes"]


async def test_waiting_in_vain_tells_what_was_there(people: SandboxClient) -> None:
    """`until` ends with the last state in its error."""
    await people.message("admin", "#support-tickets", "only this")
    with pytest.raises(TimeoutError, match="only this"):
        await people.until(lambda state: state.replies("1.000000"), timeout=0.05)


async def test_an_ephemeral_can_be_dismissed(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """It is gone for the person who dismissed it."""
    outcome = await people.command("support", "#field-private", "/optout x")
    assert outcome.error == "dispatch_failed"
    [command] = await people.deliveries("command")
    async with aiohttp.ClientSession() as session:
        await session.post(command["payload"]["response_url"], json={"text": "psst"})
        [message] = (await people.state()).ephemerals("support")
        await session.post(f"{slack.url}/sandbox/dismiss", json={"user": "support", "ts": message.ts})
    assert (await people.state()).ephemerals("support") == []


async def test_stopping_twice_and_a_port_that_is_taken(slack: EmbeddedSlack) -> None:
    """A second stop is harmless; a taken port is an OSError that leaves nothing open."""
    port = int(slack.url.rpartition(":")[2])
    other = EmbeddedSlack(port=port)
    with pytest.raises(OSError, match=str(port)):
        await other.start()
    await other.stop()
    third = EmbeddedSlack()
    await third.start()
    await third.stop()
    await third.stop()


async def test_a_new_name_stands_on_old_messages(people: SandboxClient) -> None:
    """What is cached of a message does not outlive a change of its author's name."""
    outcome = await people.message("support", "#support-tickets", "hello")
    await people.update_user("support", real_name="Robin Hale")
    message = (await people.state(channel="support-tickets")).message(str(outcome.ts))
    assert message is not None
    assert message.raw["username"] == "Robin Hale"


async def test_five_thousand_messages_are_cheap_to_look_at(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """Only what changed is rendered anew: each message once, however often the state is asked for."""
    workspace = slack.platform.workspace
    channel, user = workspace.channel("support-tickets"), workspace.user("support")
    for n in range(5000):
        workspace.add_message(channel, slack.platform.feed.message_by(user, f"message {n}"))
    await people.state()
    before = [message.rendered for message in channel.messages.values()]
    await people.message("support", "#support-tickets", "one more")
    state = await people.state(channel="support-tickets")
    after = [message.rendered for message in channel.messages.values()]
    assert len(state.channel("support-tickets").messages) == 5001
    assert all(one is two for one, two in zip(before, after, strict=False))
