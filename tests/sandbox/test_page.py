"""
The page of the embedded Slack, driven like a person would: a real Chromium, a bare Bolt app behind it.

Every test ends by asserting that the browser reported no error, broke no Content Security Policy and asked no other
host for anything.
"""

import asyncio
import re
from datetime import UTC, datetime

import pytest
from playwright.async_api import expect
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import EmbeddedSlack
from tests.desks import ACK_LIMIT
from tests.sandbox.pages import HOSTILE, Desk, acknowledge, bare_app, choose_file, composer, messages, say, thread

# One browser serves the module, so its tests share an event loop and, under xdist, a worker.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group(__name__)]


# ---- the workspace ---------------------------------------------------------------------------------------------


async def test_first_screen_shows_a_workspace_to_use(desk: Desk) -> None:
    """Without any address one is the admin in a channel, with the people, the channels and the app at the side."""
    page = await desk.window(user="", channel="")
    await expect(page.get_by_label("You are")).to_have_value("admin")
    people = await page.get_by_label("You are").locator("option").all_inner_texts()
    assert people == [
        "admin · admin",
        "second-admin · admin",
        "support · member",
        "guest · guest",
        "stranger · external",
    ]
    names = await page.locator(".place-name").all_inner_texts()
    assert {"campaign-admins", "support-tickets", "optout-uploads", "field-private", "Opt-Out Desk"} <= set(names)
    await expect(page.locator("#app-state")).to_have_text(re.compile("App connected"))
    await page.get_by_role("button", name="Type /optout").click()
    await expect(composer(page)).to_have_value("/optout ")
    await expect(composer(page)).to_be_focused()


async def test_each_person_sees_their_own_channels(desk: Desk) -> None:
    """Switching the person changes the channels: a guest and a stranger see only those they are in."""
    page = await desk.window()
    await page.get_by_label("You are").select_option("guest")
    await expect(page.locator("#you-role")).to_contain_text("Guest")
    names = await page.locator("a.place .place-name").all_inner_texts()
    assert sorted(names) == ["Opt-Out Desk", "optout-uploads", "support-tickets"]
    await page.get_by_label("You are").select_option("stranger")
    await expect(page.locator("#you-role")).to_contain_text("Other organisation")
    assert await page.locator("a.place .place-name").all_inner_texts() == ["partner-desk", "Opt-Out Desk"]


async def test_the_clock_is_that_of_the_person(desk: Desk) -> None:
    """The time where the person is stands beside them, goes on by itself, and changes with the person."""
    page = await desk.window(now=datetime(2026, 11, 3, 15, 29, 30, tzinfo=UTC))
    clock = page.locator("#you-time")
    await expect(clock).to_have_text("10:29 AM")
    await expect(page.locator("#you-zone")).to_have_text("New York")
    await page.clock.fast_forward(60_000)
    await expect(clock).to_have_text("10:30 AM")
    await page.get_by_label("You are").select_option("stranger")
    await expect(clock).to_have_text("4:30 PM")
    await expect(page.locator("#you-zone")).to_have_text("Copenhagen")


async def test_outsiders_are_marked_where_they_write(desk: Desk) -> None:
    """A message of somebody of another organisation, or of a guest, says so beside the name; one of a member does not."""
    page = await desk.window(channel="partner-desk")
    for user in ("support", "stranger"):
        await page.get_by_label("You are").select_option(user)
        await say(page, f"hello from {user}")
        await expect(messages(page).last).to_contain_text(f"hello from {user}")
    await expect(messages(page).first.locator(".badge")).to_have_count(0)
    await expect(messages(page).last.locator(".badge")).to_have_text("EXTERNAL")


async def test_a_badge_counts_what_one_was_notified_of(desk: Desk) -> None:
    """A mention and a direct message give a number, which goes when one looks; news that mentions nobody gives none."""
    page = await desk.window(channel="campaign-admins")
    place = page.locator("a.place", has_text="support-tickets")
    workspace = desk.slack.platform.workspace
    admin, channel = workspace.user("admin").id, workspace.channel("support-tickets").id
    api = AsyncWebClient(token=desk.slack.bot_token, base_url=desk.slack.api_url)
    await api.chat_postMessage(channel=channel, text="for whoever cares")
    await expect(place).to_contain_text("(unread)")
    await expect(place.locator(".place-badge")).to_have_count(0)
    for _ in range(2):
        await api.chat_postMessage(channel=channel, text=f"<@{admin}> please look")
    await api.chat_postMessage(channel=admin, text="a word with you")
    await expect(place.locator(".place-badge")).to_have_text(re.compile("^2"))
    await expect(page.locator("a.place", has_text="Opt-Out Desk").locator(".place-badge")).to_have_text(
        re.compile("^1")
    )
    await place.click()
    await expect(place.locator(".place-badge")).to_have_count(0)


async def test_a_reload_and_another_person_know_of_badges(desk: Desk) -> None:
    """What was looked at gives no badge again; who else was notified stands beside who one is, and leads there."""
    page = await desk.window(channel="campaign-admins")
    workspace = desk.slack.platform.workspace
    admin, channel = workspace.user("admin").id, workspace.channel("support-tickets").id
    await desk.client.chat_postMessage(channel=channel, text=f"<@{admin}> please look")
    await expect(page).to_have_title(re.compile(r"^\(1\) #campaign-admins"))
    await page.get_by_label("You are").select_option("support")
    other = page.locator("#you-others a")
    await expect(other).to_have_text(re.compile("^admin1"))
    await page.locator("a.place", has_text="support-tickets").click()
    await other.click()
    await expect(page.get_by_label("You are")).to_have_value("admin")
    await expect(messages(page)).to_contain_text("please look")
    await expect(page).to_have_title(re.compile("^#support-tickets"))
    await page.locator("a.place", has_text="campaign-admins").click()
    await page.reload()
    await expect(page.locator("#you-role")).to_contain_text("admin")
    await expect(page.locator(".place-badge")).to_have_count(0)


async def test_the_page_opens_when_the_app_has_connected(desk: Desk) -> None:
    """Before that it says what it waits for; afterwards it stays open, whatever becomes of the app."""
    async with EmbeddedSlack(guided=True) as slack:
        page = await (await desk.browser.new_context()).new_page()
        await page.goto(slack.url)
        await expect(page.get_by_role("status").filter(has_text="Waiting for Opt-Out Desk to connect.")).to_be_visible()
        await expect(page.get_by_label("You are")).to_be_hidden()
        handler = AsyncSocketModeHandler(bare_app(slack, asyncio.Event()), slack.app_token, ping_interval=1)
        await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt does not annotate it
        await expect(page.get_by_label("You are")).to_be_visible()
        assert (await page.get_by_label("You are").locator("option").all_inner_texts())[0] == "Avery Quinn · admin"
        await expect(page.locator("#awaiting")).to_be_hidden()
        await handler.close_async()  # type: ignore[no-untyped-call]  # Bolt does not annotate it
        await expect(page.locator("#app-state")).to_have_text("App not connected")
        await expect(page.get_by_label("You are")).to_be_visible()


async def test_a_channel_says_what_can_be_done_in_it(desk: Desk) -> None:
    """Its purpose, and a list to drop only where the app is a member: elsewhere it would not hear of it."""
    page = await desk.window(channel="optout-uploads")
    await expect(page.locator(".intro")).to_contain_text("This is the start of the channel: Drop opt-out lists here.")
    await expect(page.get_by_role("button", name="Drop a sample list")).to_be_visible()
    await page.locator("a.place", has_text="field-private").click()
    await expect(page.locator(".intro")).to_contain_text(
        "Opt-Out Desk is not in it: here it answers commands, to you alone"
    )
    await expect(page.get_by_role("button", name="Drop a sample list")).to_have_count(0)


async def test_the_time_of_a_message_that_follows_covers_nothing(desk: Desk) -> None:
    """Under the pointer it stands in the margin, beside the words and not on them."""
    page = await desk.window(now=datetime(2026, 11, 3, 17, 59, 30, tzinfo=UTC))
    for text in ("one", "two"):
        await say(page, text)
    await expect(messages(page)).to_have_count(2)
    await messages(page).last.hover()
    time, words = messages(page).last.locator(".gutter .time"), messages(page).last.locator(".message-body")
    await expect(time).to_be_visible()
    beside, on = await time.bounding_box(), await words.bounding_box()
    assert beside is not None
    assert on is not None
    assert beside["x"] + beside["width"] <= on["x"]


async def test_two_windows_are_two_people(desk: Desk) -> None:
    """Side by side each has its own person, drafts, whispers and modals; what both may see both see."""
    admin, support = await desk.window(user="admin"), await desk.window(user="support")
    await composer(support).fill("not sent yet")
    await say(admin, "/optout form")
    await expect(admin.get_by_role("dialog")).to_be_visible()
    await say(support, "/optout whisper")
    await expect(support.locator("#messages .private")).to_contain_text("Only admins")
    await expect(support.get_by_role("dialog")).to_have_count(0)
    await expect(admin.locator("#messages .private")).to_have_count(0)
    await say(support, "seen by both")
    await expect(messages(admin)).to_contain_text("seen by both")
    await expect(admin.get_by_label("You are")).to_have_value("admin")
    await expect(support.get_by_label("You are")).to_have_value("support")


async def test_a_reload_leads_back_to_the_same_person_channel_and_thread(desk: Desk) -> None:
    """Where one is stands in the address, so a reload and the back button keep it."""
    page = await desk.window(user="support", channel="support-tickets")
    await say(page, "/optout ask")
    await page.get_by_role("button", name="1 reply").click()
    await expect(thread(page)).to_contain_text("Why: asked by reply")
    await page.reload()
    await expect(page.get_by_label("You are")).to_have_value("support")
    await expect(page.locator("#channel-title")).to_have_text(re.compile("support-tickets"))
    await expect(thread(page)).to_contain_text("Why: asked by reply")
    await page.go_back()
    await expect(thread(page)).to_be_hidden()


async def test_what_was_typed_stays_where_it_was_typed(desk: Desk) -> None:
    """A draft waits in its channel while one is elsewhere, over a reload too; what was sent is no draft."""
    page = await desk.window()
    await composer(page).fill("half a thought")
    await page.locator("a.place", has_text="support-tickets").click()
    await expect(composer(page)).to_have_value("")
    await composer(page).fill("another")
    await page.locator("a.place", has_text="campaign-admins").click()
    await expect(composer(page)).to_have_value("half a thought")
    await page.reload()
    await expect(composer(page)).to_have_value("half a thought")
    await composer(page).press("Enter")
    await expect(messages(page)).to_contain_text("half a thought")
    await page.reload()
    await expect(messages(page)).to_contain_text("half a thought")
    await expect(composer(page)).to_have_value("")


async def test_an_archived_channel_says_why_nothing_can_be_typed(desk: Desk) -> None:
    """An archived channel shows a sentence where its composer would be."""
    page = await desk.window(channel="archive-2024")
    await expect(page.get_by_text("This channel is archived.")).to_be_visible()
    await expect(composer(page)).to_be_hidden()


# ---- messages --------------------------------------------------------------------------------------------------


async def test_enter_sends_and_shift_enter_starts_a_line(desk: Desk) -> None:
    """Enter sends the message, Shift+Enter breaks the line, and the author, time and text are shown."""
    page = await desk.window()
    await composer(page).press_sequentially("first line")
    await composer(page).press("Shift+Enter")
    await composer(page).press_sequentially("second line")
    await expect(messages(page)).to_have_count(0)
    await composer(page).press("Enter")
    await expect(messages(page)).to_have_count(1)
    await expect(page.locator(".author")).to_have_text("admin")
    await expect(page.locator("#messages .message-body")).to_have_text("first linesecond line")
    await expect(page.locator("#messages .message-body br")).to_have_count(1)
    await expect(page.locator("#messages .time")).to_have_text(re.compile(r"^\d{1,2}:\d\d [AP]M$"))
    await expect(composer(page)).to_have_value("")


async def test_markup_of_people_is_text_and_never_runs(desk: Desk) -> None:
    """HTML and scripts in messages, blocks, file names and comments are shown letter by letter."""
    page = await desk.window()
    await say(page, HOSTILE)
    await expect(messages(page).last).to_contain_text(HOSTILE)
    await say(page, "/optout blocks")
    await expect(messages(page).last).to_contain_text("<script>alert(3)</script>")
    await choose_file(page, "<b>list<img src=x onerror=alert(4)>.csv", b"phone\n")
    await expect(page.locator(".chip")).to_contain_text("<img src=x onerror=alert(4)>.csv")
    await composer(page).press("Enter")
    await expect(page.locator(".file-name")).to_have_text("<b>list<img src=x onerror=alert(4)>.csv")
    await desk.slack.platform.feed.courier.request("command", HOSTILE, {"text": HOSTILE, HOSTILE: [HOSTILE]})
    admin = desk.slack.platform.workspace.user("admin")
    admin.title = admin.display_name = HOSTILE
    desk.slack.platform.workspace.redraw()
    await say(page, f"/x{HOSTILE.replace(' ', '')}")
    await expect(page.locator("#messages .private")).to_contain_text("is not a valid command.")
    await page.get_by_role("button", name="Developer panel").click()
    entry = page.locator("#traffic .entry")
    await entry.first.locator("summary").first.click()
    await expect(entry.first).to_contain_text(HOSTILE)
    await expect(page.locator("#you-role")).to_contain_text(HOSTILE)
    await expect(page.locator("#messages .author").first).to_have_text(HOSTILE)
    assert await page.locator("body :is(img, script)").count() == 0


async def test_messages_arrive_without_a_reload(desk: Desk) -> None:
    """What one person writes, and what the app posts and edits, appears in the window of another."""
    one = await desk.window(user="admin")
    other = await desk.window(user="second-admin")
    await say(one, "hello from admin")
    await expect(messages(other)).to_contain_text("hello from admin")
    channel = await desk.channel_id("campaign-admins")
    posted = await desk.client.chat_postMessage(channel=channel, text="Reading 10%")
    await expect(messages(other).last).to_contain_text("Reading 10%")
    await expect(messages(other).last.locator(".badge")).to_have_text("APP")
    await expect(other.locator("#announce")).to_have_text("Opt-Out Desk: Reading 10%")
    await desk.client.chat_update(channel=channel, ts=posted["ts"], text="Reading 90%")
    await expect(messages(other).last).to_contain_text("Reading 90% (edited)")


async def test_an_unread_channel_stands_out_until_it_is_read(desk: Desk) -> None:
    """A message in another channel makes its name bold; going there makes it plain again."""
    page = await desk.window(channel="campaign-admins")
    await desk.client.chat_postMessage(channel=await desk.channel_id("optout-uploads"), text="news")
    place = page.locator("a.place", has_text="optout-uploads")
    await expect(place).to_have_class(re.compile("unread"))
    await place.click()
    await expect(messages(page)).to_contain_text("news")
    await expect(place).not_to_have_class(re.compile("unread"))


async def test_a_channel_of_thousands_costs_no_more_than_a_short_one(desk: Desk) -> None:
    """
    Of 5,000 messages the latest hundred are fetched and drawn; one more message costs one message.

    Earlier ones come a page at a time, in their place, and a new message does not take the reader to the end.
    """
    workspace = desk.slack.platform.workspace
    channel = workspace.channel("campaign-admins")
    for number in range(5000):
        workspace.add_message(
            channel, desk.slack.platform.feed.message_by(workspace.user("support"), f"message {number}")
        )
    answers: list[bytes] = []
    page = await desk.window(told=answers)
    await expect(messages(page).last).to_contain_text("message 4999")
    await expect(messages(page).last).to_be_in_viewport()
    await expect(messages(page)).to_have_count(100)
    whole = sum(len(answer) for answer in answers)
    assert whole < 100_000

    answers.clear()
    async with page.expect_response("**/sandbox/changes?since=*"):
        await desk.client.chat_postMessage(channel=channel.id, text="one more")
    await expect(messages(page).last).to_contain_text("one more")
    await expect(messages(page)).to_have_count(100)
    assert b"one more" in answers[0]
    assert sum(len(answer) for answer in answers) < 2_000

    await page.locator("#messages").evaluate("(list) => list.scrollTo(0, 0)")
    await page.get_by_role("button", name="Show earlier messages").click()
    await expect(messages(page)).to_have_count(200)
    await expect(messages(page).first).to_contain_text("message 4801")
    await expect(messages(page).nth(100)).to_be_in_viewport()
    await desk.client.chat_postMessage(channel=channel.id, text="news")
    await page.get_by_role("button", name="New messages").click()
    await expect(messages(page).last).to_contain_text("news")
    await expect(messages(page).last).to_be_in_viewport()
    await desk.client.chat_postMessage(channel=channel.id, text="and more")
    await expect(messages(page).last).to_contain_text("and more")
    await expect(messages(page)).to_have_count(100)


async def test_the_page_outlives_the_server(desk: Desk) -> None:
    """While nothing answers a banner says so; a sandbox started anew is shown as it is, without a reload."""
    page = await desk.window()
    await page.get_by_role("button", name="Developer panel").click()
    await say(page, "of the first run")
    await expect(messages(page)).to_have_count(1)
    port = int(desk.slack.url.rpartition(":")[2])
    await desk.disconnect()
    await desk.slack.stop()
    await expect(page.locator("#offline")).to_be_visible()
    async with EmbeddedSlack(port=port):
        await expect(page.locator("#offline")).to_be_hidden()
        await expect(messages(page)).to_have_count(0)
        await say(page, "of the second")
        await expect(messages(page)).to_have_text(re.compile("of the second"))
        await expect(page.locator(".wire-count")).to_contain_text("Nothing yet.")
        await page.context.close()
    # What Chromium says of a server that is gone is no fault of the page.
    desk.problems[:] = [line for line in desk.problems if "ERR_CONNECTION" not in line and "WebSocket" not in line]


async def test_a_link_leads_to_a_message_that_was_not_fetched(desk: Desk) -> None:
    """A permalink goes back as far as its message, and to its thread, whose earlier replies come on demand."""
    workspace, feed = desk.slack.platform.workspace, desk.slack.platform.feed
    channel, author = workspace.channel("campaign-admins"), workspace.user("support")
    root = feed.message_by(author, "the root of it")
    workspace.add_message(channel, root)
    for number in range(150):
        workspace.add_message(channel, feed.message_by(author, f"reply {number}", thread_ts=root.ts))
    for number in range(300):
        workspace.add_message(channel, feed.message_by(author, f"message {number}"))
    page = await desk.window()
    await expect(messages(page)).to_have_count(100)
    link = await desk.client.chat_getPermalink(channel=channel.id, message_ts=root.ts)
    await desk.client.chat_postMessage(channel=channel.id, text=f"see <{link['permalink']}|the old one>")
    await page.get_by_role("link", name="the old one").click()
    old = messages(page).first
    await expect(old).to_contain_text("the root of it")
    await expect(old).to_be_in_viewport()
    await old.get_by_role("button", name="150 replies").click()
    replies = thread(page).locator(".message")
    await expect(replies).to_have_count(101)
    await page.get_by_role("button", name="Show earlier replies (50)").click()
    await expect(replies).to_have_count(151)
    await desk.client.chat_postMessage(channel=channel.id, thread_ts=root.ts, text="the last word")
    await expect(replies).to_have_count(152)
    await expect(replies.nth(1)).to_contain_text("reply 0")
    await page.reload()
    await expect(thread(page)).to_contain_text("the root of it")


async def test_what_is_deleted_goes_from_the_page(desk: Desk) -> None:
    """A message and a reply that are taken away disappear without a reload, and nothing else does."""
    page = await desk.window()
    channel = await desk.channel_id("campaign-admins")
    posted = [await desk.client.chat_postMessage(channel=channel, text=text) for text in ("stays", "goes")]
    replies = [
        await desk.client.chat_postMessage(channel=channel, thread_ts=posted[0]["ts"], text=text)
        for text in ("first", "second")
    ]
    await page.get_by_role("button", name="2 replies").click()
    await expect(thread(page).locator(".message")).to_have_count(3)
    for gone in (posted[1], replies[0]):
        await desk.client.chat_delete(channel=channel, ts=gone["ts"])
    await expect(messages(page)).to_have_count(1)
    await expect(thread(page).locator(".message")).to_have_count(2)
    await expect(thread(page)).to_contain_text("second")


async def test_every_block_is_drawn(desk: Desk) -> None:
    """Header, section with fields, divider, context and image have their own shape; a foreign picture is not loaded."""
    page = await desk.window()
    await say(page, "/optout blocks")
    message = messages(page).last
    await expect(message.locator("h2")).to_have_text("A header & more")
    await expect(message.locator(".section-field i")).to_have_text("one")
    await expect(message.locator(".section-field").nth(0)).to_contain_text("https://a.example")
    await expect(message.locator(".section-field a")).to_have_count(0)
    await expect(message.locator(".section-field").nth(1)).to_have_text("*two*")
    await expect(message.locator("hr")).to_have_count(1)
    await expect(message.locator(".block-context code")).to_have_text("quietly")
    await expect(message.get_by_role("img", name="A chart")).to_be_visible()


async def test_times_are_in_the_zone_of_the_person_looking(desk: Desk) -> None:
    """A Slack date reads differently for people in different time zones."""
    page = await desk.window(user="admin")
    await say(page, "/optout date")
    await expect(messages(page).last).to_contain_text("since 2026-09-21 10:13 AM")
    await page.get_by_label("You are").select_option("support")
    await expect(messages(page).last).to_contain_text("since 2026-09-21 3:13 PM")


# ---- commands and what comes of them -----------------------------------------------------------------------------


async def test_a_command_is_answered_in_a_thread(desk: Desk) -> None:
    """The replies open beside the channel; Escape closes them and gives the focus back to the way in."""
    page = await desk.window()
    await say(page, "/optout ask")
    replies = page.get_by_role("button", name="1 reply")
    await replies.click()
    await expect(thread(page).locator(".message")).to_have_count(2)
    await expect(thread(page).locator(".message i")).to_have_text("reply")
    await page.get_by_label("Reply", exact=True).fill("thank you")
    await page.get_by_label("Reply", exact=True).press("Enter")
    await expect(thread(page).locator(".message")).to_have_count(3)
    await expect(page.get_by_role("button", name="2 replies")).to_be_visible()
    await expect(messages(page)).to_have_count(1)
    await page.keyboard.press("Escape")
    await expect(thread(page)).to_be_hidden()
    await expect(page.get_by_role("button", name="2 replies")).to_be_focused()


async def test_a_command_in_a_thread_is_refused_as_slack_does(desk: Desk) -> None:
    """Slash commands do not work in threads; Slackbot says so to the person alone."""
    page = await desk.window()
    await say(page, "/optout ask")
    await page.get_by_role("button", name="1 reply").click()
    await page.get_by_label("Reply", exact=True).fill("/optout ask")
    await page.get_by_label("Reply", exact=True).press("Enter")
    await expect(thread(page).locator(".private")).to_contain_text("/optout is not supported in threads. Sorry!")
    await expect(messages(page)).to_have_count(1)


async def test_a_command_that_fails_says_what_slack_says(desk: Desk) -> None:
    """An app that does not acknowledge in time leaves Slack's own sentence, visible to the asker alone."""
    page = await desk.window()
    desk.wait_for_acks(0.3)
    await say(page, "/optout silence")
    notice = page.locator("#messages .private")
    await expect(notice).to_contain_text('/optout failed with the error "operation_timeout"')
    await expect(notice).to_contain_text("Only visible to you")
    await say(page, "/nonsense")
    await expect(notice.last).to_contain_text("/nonsense is not a valid command.")


async def test_an_app_that_answers_late_is_heard_all_the_same(desk: Desk) -> None:
    """Slack's sentence comes when the limit has passed, and the answer when it is there."""
    page = await desk.window()
    desk.wait_for_acks(0.3)
    await say(page, "/optout late")
    notice = page.locator("#messages .private")
    await expect(notice).to_contain_text('/optout failed with the error "operation_timeout"')
    desk.late.set()
    await expect(notice.last).to_contain_text("Here at last.")
    await expect(notice).to_have_count(2)


async def test_an_app_that_is_not_there_says_what_slack_says(desk: Desk) -> None:
    """Without a connection a command fails at once, and the side says that the app is not connected."""
    page = await desk.window()
    await desk.disconnect()
    await expect(page.locator("#app-state")).to_have_text(re.compile("not connected"))
    await say(page, "/optout ask")
    await expect(page.locator("#messages .private")).to_contain_text('/optout failed with the error "dispatch_failed"')
    desk.slack.events_url = "http://127.0.0.1:9/slack/events"
    desk.slack.platform.workspace.touch()
    await expect(page.locator("#app-state")).to_have_text(re.compile("App reached at http://127.0.0.1:9/slack/events"))


async def test_a_press_without_an_answer_leaves_a_triangle(desk: Desk) -> None:
    """A button or menu whose press the app does not acknowledge gets Slack's small warning, until it is pressed again."""
    page = await desk.window()
    await say(page, "/optout choose")
    unheard = page.get_by_role("button", name="Nobody hears this")
    await expect(unheard).to_be_visible()
    desk.wait_for_acks(0.3)
    await unheard.click()
    await expect(unheard).to_have_attribute("aria-busy", "true")
    warning = page.get_by_role("alert", name="").filter(has_text="Opt-Out Desk did not respond. Try again.")
    await expect(warning).to_be_visible()
    await expect(unheard).not_to_have_attribute("aria-busy", "true")
    await unheard.click()
    await expect(warning).to_have_count(0)
    await expect(warning).to_have_count(1)
    await desk.disconnect()
    select = page.get_by_role("button", name="Change country")
    await select.click()
    await page.get_by_role("menuitem", name="Germany").click()
    await expect(warning).to_have_count(2)
    await expect(select).to_have_text(re.compile("Change country"))


async def test_a_form_without_an_answer_can_be_sent_again(desk: Desk) -> None:
    """The modal stays with what was typed and says Slack's sentence; once the app answers it goes through."""
    page = await desk.window()
    await say(page, "/optout deaf")
    modal = page.get_by_role("dialog", name="Nobody listens")
    await modal.get_by_label("Words").fill("hello?")
    desk.wait_for_acks(0.3)
    await modal.get_by_role("button", name="Send").click()
    await expect(modal.get_by_role("alert").last).to_have_text("We had some trouble connecting. Try again?")
    await expect(modal.get_by_label("Words")).to_have_value("hello?")
    desk.app.view("deaf")(acknowledge)
    desk.wait_for_acks(ACK_LIMIT)
    await modal.get_by_role("button", name="Send").click()
    await expect(modal).to_have_count(0)


async def test_typing_a_slash_offers_the_commands_of_the_app(desk: Desk) -> None:
    """After "/" the app's commands are offered, after "@" the people; Tab takes one."""
    page = await desk.window()
    await composer(page).press_sequentially("/op")
    await expect(page.get_by_role("option", name="/optout")).to_be_visible()
    await composer(page).press("Tab")
    await expect(composer(page)).to_have_value("/optout ")
    await composer(page).fill("")
    await composer(page).press_sequentially("ask @sup")
    await composer(page).press("Enter")
    await expect(composer(page)).to_have_value("ask @support ")
    await expect(messages(page)).to_have_count(0)


async def test_a_whisper_is_seen_by_one_person_until_dismissed(desk: Desk) -> None:
    """An ephemeral is marked, hidden from others, and stays dismissed over a reload."""
    page = await desk.window(user="support")
    other = await desk.window(user="admin")
    await say(page, "/optout whisper")
    whisper = page.locator("#messages .private")
    await expect(whisper).to_contain_text("Only visible to you")
    await expect(whisper).to_contain_text("Only admins can allow texts again.")
    await desk.client.chat_postMessage(channel=await desk.channel_id("campaign-admins"), text="for everybody")
    await expect(messages(other)).to_have_count(1)
    await page.get_by_role("button", name="Dismiss message").click()
    await expect(whisper).to_have_count(0)
    await page.reload()
    await expect(messages(page)).to_have_count(1)


async def test_a_button_with_a_confirm_dialog_asks_first(desk: Desk) -> None:
    """Keep and Escape do nothing; the confirming button sends the action and the message changes in place."""
    page = await desk.window()
    await say(page, "/optout ask")
    delete = page.get_by_role("button", name="Allow texts again")
    dialog = page.get_by_role("dialog", name="Allow texts again?")
    await delete.click()
    await expect(dialog).to_contain_text("It can be texted again.")
    await dialog.get_by_role("button", name="Keep").click()
    await expect(dialog).to_have_count(0)
    await delete.click()
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(messages(page)).to_contain_text("Delete one opt-out?")
    await delete.click()
    await dialog.get_by_role("button", name="Allow texts again").click()
    await expect(messages(page)).to_contain_text("Deleted +12125550100")
    await expect(messages(page)).to_contain_text("(edited)")
    await expect(delete).to_have_count(0)


async def test_menus_work_with_the_keyboard_alone(desk: Desk) -> None:
    """A select and an overflow menu open with Enter, move with the arrows, and close on Escape without a choice."""
    page = await desk.window()
    await say(page, "/optout choose")
    select = page.get_by_role("button", name="Change country")
    await select.press("Enter")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("menu")).to_have_count(0)
    await expect(select).to_be_focused()
    await select.press("Enter")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(messages(page).last).to_contain_text("Chosen DE")
    await page.get_by_role("button", name="More options").press("Enter")
    await page.get_by_role("menuitem", name="Stop").click()
    await expect(messages(page).last).to_contain_text("Chosen stop")


# ---- looks -----------------------------------------------------------------------------------------------------


async def test_it_is_usable_at_the_width_of_a_phone(desk: Desk) -> None:
    """On a phone the channels come from the side and a thread fills the screen; nothing scrolls sideways."""
    page = await desk.window(viewport={"width": 375, "height": 720})
    await expect(page.get_by_label("You are")).to_be_hidden()
    await page.get_by_role("button", name="Show the channel list").click()
    await page.locator("a.place", has_text="support-tickets").click()
    await expect(page.get_by_label("You are")).to_be_hidden()
    await expect(page.locator("#channel-title")).to_have_text(re.compile("support-tickets"))
    await say(page, "/optout ask")
    await page.get_by_role("button", name="1 reply").click()
    box = await thread(page).bounding_box()
    assert box is not None
    assert (box["x"], box["width"]) == (0, 375)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 375


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
async def test_it_follows_the_colours_of_the_system(desk: Desk, scheme: str, dark: bool) -> None:
    """Light or dark follows prefers-color-scheme."""
    page = await desk.window(color_scheme=scheme)
    background = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in re.findall(r"\d+", background)[:3])
    assert (brightness < 3 * 128) is dark


async def test_the_policy_of_the_page_allows_no_inline_script(desk: Desk) -> None:
    """The page's Content Security Policy allows scripts and styles of the page alone, and nothing inline."""
    page = await desk.window()
    response = await page.goto(f"{desk.slack.url}/?again")
    assert response is not None
    policy = response.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert re.search(r"(script-src|default-src) 'self'", policy)
