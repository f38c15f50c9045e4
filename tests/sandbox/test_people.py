"""`users.*`, `conversations.*`, `usergroups.*`, `bots.info`, `team.info`: shapes and who may see what."""

import re
import struct
import zlib
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import EmbeddedSlack, SandboxClient


async def test_ids_look_like_slack_s(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """A letter for the kind and capitals and digits, as clients and people expect."""
    state = await people.state()
    ids = [user["id"] for user in state.raw["users"]] + [channel.id for channel in state.channels]
    ids += [slack.team_id, slack.bot_id, slack.app_id]
    assert all(re.fullmatch(r"[UCTBA]0[A-Z0-9]{9}", each) for each in ids)
    assert slack.bot_token.startswith("xoxb-")
    assert slack.app_token.startswith("xapp-1-")


async def test_users_info_tells_roles(people: SandboxClient, api: AsyncWebClient) -> None:
    """Admins, members, guests, people of another organisation and bots can be told apart by id."""
    state = await people.state()
    seen = {
        handle: (await api.users_info(user=state.user(handle)["id"]))["user"]
        for handle in ("admin", "support", "guest", "stranger", "optout", "ticket-bot")
    }
    assert seen["admin"]["is_admin"] is True
    assert seen["support"]["is_admin"] is False
    assert seen["support"]["is_restricted"] is False
    assert seen["guest"]["is_restricted"] is True
    assert seen["stranger"]["is_stranger"] is True
    assert seen["stranger"]["team_id"] != seen["support"]["team_id"]
    assert "is_admin" not in seen["stranger"]
    assert seen["optout"]["is_bot"] is True
    assert seen["optout"]["profile"]["bot_id"]
    assert seen["ticket-bot"]["is_bot"] is True
    assert seen["support"]["tz"] == "Europe/London"
    assert seen["support"]["profile"]["display_name"] == "support"
    assert isinstance(seen["support"]["tz_offset"], int)
    with pytest.raises(SlackApiError, match="user_not_found"):
        await api.users_info(user="U0NOBODY")


async def test_pictures(slack: EmbeddedSlack, people: SandboxClient, api: AsyncWebClient) -> None:
    """People and apps have a picture at each of Slack's sizes: a PNG of that size."""
    person = (await api.users_info(user=(await people.state()).user("support")["id"]))["user"]["profile"]
    bot = (await api.bots_info(bot=slack.bot_id))["bot"]["icons"]
    offered = {name: url for name, url in person.items() if name.startswith("image_")}
    assert list(offered) == [f"image_{size}" for size in (24, 32, 48, 72, 192, 512)]
    assert list(bot) == ["image_36", "image_48", "image_72"]
    async with aiohttp.ClientSession() as session:
        for name, url in [*offered.items(), *bot.items()]:
            answer = await session.get(url)
            content = await answer.read()
            assert answer.content_type == "image/png"
            size = int(name.removeprefix("image_"))
            assert content[:8] == b"\x89PNG\r\n\x1a\n"
            assert struct.unpack(">II", content[16:24]) == (size, size)
            rows = zlib.decompress(content[content.index(b"IDAT") + 4 : content.index(b"IEND") - 8])
            assert len(rows) == size * (size * 3 + 1)
        assert (await session.get(f"{slack.url}/avatars/U0/100000.png")).status == 404


async def test_a_changed_profile_is_told(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """`user_change` carries the whole user, with language and custom fields."""
    slack.set_manifest(scopes=["users:read"], events=["user_change"])
    await people.update_user("support", real_name="Robin V.")
    [delivery] = await people.deliveries("event")
    event = delivery["payload"]["event"]
    assert event["user"]["real_name"] == "Robin V."
    assert (event["user"]["locale"], event["user"]["profile"]["fields"]) == ("en-US", [])
    assert event["cache_ts"] == event["user"]["updated"]


async def test_users_list_pages(api: AsyncWebClient) -> None:
    """A page at a time by cursor, without people of other organisations."""
    first = await api.users_list(limit=3)
    rest = await api.users_list(cursor=first["response_metadata"]["next_cursor"], limit=100)
    names = [user["name"] for user in first["members"] + rest["members"]]
    assert names == ["admin", "second-admin", "support", "guest", "optout", "ticket-bot"]
    assert rest["response_metadata"]["next_cursor"] == ""
    with pytest.raises(SlackApiError, match="invalid_cursor"):
        await api.users_list(cursor="zz")


async def test_a_changed_role_is_seen_at_once(people: SandboxClient, api: AsyncWebClient) -> None:
    """Tests can promote, demote and deactivate people."""
    await people.update_user("support", is_admin=True)
    await people.update_user("guest", deleted=True)
    state = await people.state()
    assert (await api.users_info(user=state.user("support")["id"]))["user"]["is_admin"] is True
    assert (await api.users_info(user=state.user("guest")["id"]))["user"]["deleted"] is True


async def test_conversations_info_shapes(slack: EmbeddedSlack, people: SandboxClient, api: AsyncWebClient) -> None:
    """Public, shared outside, archived; private ones only to members; direct messages by their other side, with im:read."""
    known = {channel.name: channel.id for channel in (await people.state()).channels}
    public = (await api.conversations_info(channel=known["support-tickets"], include_num_members=True))["channel"]
    assert (public["name"], public["is_private"], public["is_member"]) == ("support-tickets", False, True)
    assert public["num_members"] == 6
    shared = (await api.conversations_info(channel=known["partner-desk"]))["channel"]
    assert shared["is_ext_shared"] is True
    assert len(shared["shared_team_ids"]) == 2
    assert (await api.conversations_info(channel=known["archive-2024"]))["channel"]["is_archived"] is True
    with pytest.raises(SlackApiError, match="channel_not_found"):
        await api.conversations_info(channel=known["field-private"])
    await people.invite("field-private")
    private = (await api.conversations_info(channel=known["field-private"]))["channel"]
    assert (private["is_private"], private["is_group"], private["is_channel"]) == (True, True, False)
    await people.message("support", "@bot", "hello")
    direct = (await people.state()).direct("support")
    assert direct is not None
    with pytest.raises(SlackApiError, match="im:read"):
        await api.conversations_info(channel=direct.id)
    slack.set_manifest(scopes=["channels:read", "im:read"])
    shape = (await api.conversations_info(channel=direct.id))["channel"]
    assert (shape["is_im"], shape["user"]) == (True, (await people.state()).user("support")["id"])


async def test_users_conversations_are_those_somebody_is_in(
    slack: EmbeddedSlack, people: SandboxClient, api: AsyncWebClient
) -> None:
    """Of the bot itself, or of somebody else as far as the bot may know; page by page, and with each kind's scope."""
    state = await people.state()

    async def of(**asked: Any) -> list[str]:
        names: list[str] = []
        cursor = ""
        while True:
            page = await api.users_conversations(**asked, limit=2, cursor=cursor)
            names += [channel["name"] for channel in page["channels"]]
            if not (cursor := page["response_metadata"]["next_cursor"]):
                return sorted(names)

    both = "public_channel,private_channel"
    mine = ["archive-2024", "campaign-admins", "optout-uploads", "partner-desk", "support-tickets"]
    assert await of(types=both) == mine
    assert await of(types=both, exclude_archived=True) == mine[1:]
    assert await of(types=both, user=state.user("guest")["id"]) == ["optout-uploads", "support-tickets"]
    assert "field-private" not in await of(types=both, user=state.user("admin")["id"])
    await people.invite("field-private")
    assert "field-private" in await of(types=both)
    with pytest.raises(SlackApiError, match="user_not_found"):
        await of(user="U0NOBODY")
    slack.set_manifest(scopes=["channels:read"])
    assert await of() == mine
    with pytest.raises(SlackApiError, match="missing_scope"):
        await of(types=both)


async def test_a_new_name_is_told(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """`channel_rename` and `group_rename`, where the bot is."""
    await people.update_channel("field-private", name="unseen")
    await people.update_channel("support-tickets", name="tickets")
    await people.invite("unseen")
    await people.update_channel("unseen", name="field")
    told = [one.payload["event"] for one in slack.platform.feed.courier.log if one.name.endswith("_rename")]
    state = await people.state()
    assert [(event["type"], event["channel"]["id"], event["channel"]["name"]) for event in told] == [
        ("channel_rename", state.channel("tickets").id, "tickets"),
        ("group_rename", state.channel("field").id, "field"),
    ]


async def test_conversations_list_shows_only_what_the_bot_may_see(slack: EmbeddedSlack, api: AsyncWebClient) -> None:
    """Public channels to everybody, private ones to members, archived ones unless excluded."""
    listed = await api.conversations_list(types="public_channel,private_channel", exclude_archived=True)
    names = [channel["name"] for channel in listed["channels"]]
    assert names == ["campaign-admins", "support-tickets", "optout-uploads", "partner-desk"]
    slack.set_manifest(scopes=["groups:read"])
    with pytest.raises(SlackApiError) as caught:
        await api.conversations_list()
    assert caught.value.response["needed"] == "channels:read"


async def test_members_join_and_open(slack: EmbeddedSlack, people: SandboxClient, api: AsyncWebClient) -> None:
    """Members are listed; the bot joins public channels and opens direct messages only with the scopes for it."""
    state = await people.state()
    channel = state.channel("support-tickets")
    assert (await api.conversations_members(channel=channel.id))["members"] == channel.members
    with pytest.raises(SlackApiError, match="missing_scope"):
        await api.conversations_join(channel=channel.id)
    slack.set_manifest(scopes=["channels:join", "im:write", "channels:read"])
    await people.kick("support-tickets")
    assert (await api.conversations_join(channel=channel.id))["channel"]["is_member"] is True
    assert (await api.conversations_join(channel=channel.id))["warning"] == "already_in_channel"
    with pytest.raises(SlackApiError, match="method_not_supported_for_channel_type"):
        await api.conversations_join(channel=state.channel("field-private").id)
    user = state.user("guest")["id"]
    opened = await api.conversations_open(users=user)
    again = await api.conversations_open(users=user, return_im=True)
    assert again["already_open"] is True
    assert again["channel"]["id"] == opened["channel"]["id"]


async def test_groups_bots_and_team(slack: EmbeddedSlack, people: SandboxClient, api: AsyncWebClient) -> None:
    """User groups with their members, the bot's own record, and the team (with its scope)."""
    [group] = (await api.usergroups_list(include_users=True))["usergroups"]
    admins = [(await people.state()).user(handle)["id"] for handle in ("admin", "second-admin")]
    assert group["users"] == admins
    assert (await api.usergroups_users_list(usergroup=group["id"]))["users"] == admins
    bot = (await api.bots_info(bot=slack.bot_id))["bot"]
    assert (bot["user_id"], bot["app_id"]) == (slack.bot_user_id, slack.app_id)
    with pytest.raises(SlackApiError, match="missing_scope"):
        await api.team_info()
    slack.set_manifest(scopes=["team:read"])
    assert (await api.team_info())["team"]["domain"] == "harbor-campaign"
