"""
The page of the embedded Slack, driven like a person would: a real Chromium, a bare Bolt app behind it.

Every test ends by asserting that the browser reported no error, broke no Content Security Policy and asked no other
host for anything.
"""

import asyncio
import base64
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, async_playwright, expect
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import EmbeddedSlack

# One browser serves the module, so its tests share an event loop and, under xdist, a worker.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("browser")]

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script> & 'quotes'"
PATIENCE_MS = 10_000

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def section(text: str, **more: Any) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def button(action_id: str, text: str, **more: Any) -> Json:
    return {"type": "button", "action_id": action_id, "text": plain(text), **more}


def option(text: str, value: str) -> Json:
    return {"text": plain(text), "value": value}


QUESTION = [
    section("Delete *one* opt-out?"),
    {
        "type": "actions",
        "elements": [
            button(
                "delete",
                "Delete this opt-out",
                style="danger",
                value="+12125550100",
                confirm={
                    "title": plain("Opt back in?"),
                    "text": plain("It can be texted again."),
                    "confirm": plain("Opt back in"),
                    "deny": plain("Keep"),
                    "style": "danger",
                },
            )
        ],
    },
]

CHOICES = [
    section(
        "Read as *United States*",
        accessory={
            "type": "static_select",
            "action_id": "country",
            "placeholder": plain("Change country"),
            "options": [option("Canada", "CA"), option("Germany", "DE"), option("United Kingdom", "GB")],
        },
    ),
    {
        "type": "actions",
        "elements": [
            {"type": "overflow", "action_id": "more", "options": [option("Pause", "pause"), option("Stop", "stop")]}
        ],
    },
]

FORM = {
    "type": "modal",
    "callback_id": "form",
    "title": plain("Opt out phones"),
    "submit": plain("Opt out"),
    "close": plain("Keep"),
    "blocks": [
        {
            "type": "input",
            "block_id": "phones",
            "label": plain("Phones"),
            "hint": plain("Commas or lines"),
            "element": {"type": "plain_text_input", "action_id": "text", "multiline": True},
        },
        {
            "type": "input",
            "block_id": "country",
            "label": plain("Country"),
            "optional": True,
            "element": {
                "type": "static_select",
                "action_id": "choice",
                "options": [option("Canada", "CA"), option("Germany", "DE")],
            },
        },
        {
            "type": "input",
            "block_id": "tell",
            "label": plain("Also"),
            "optional": True,
            "element": {
                "type": "checkboxes",
                "action_id": "boxes",
                "options": [option("Say it in the channel", "say"), option("Write it down", "note")],
            },
        },
        {
            "type": "input",
            "block_id": "why",
            "label": plain("Reason"),
            "element": {
                "type": "radio_buttons",
                "action_id": "radio",
                "options": [option("Asked by reply", "reply"), option("Asked by e-mail", "mail")],
            },
        },
    ],
}

FILE_FORM = {
    "type": "modal",
    "callback_id": "file-form",
    "title": plain("Upload a list"),
    "submit": plain("Upload"),
    "blocks": [
        {
            "type": "input",
            "block_id": "list",
            "label": plain("List"),
            "element": {"type": "file_input", "action_id": "file", "filetypes": ["csv"], "max_files": 1},
        }
    ],
}

EVERY_BLOCK = [
    {"type": "header", "text": plain("A header & more")},
    section("*bold* <script>alert(3)</script>", fields=[{"type": "mrkdwn", "text": "_one_"}, plain("*two*")]),
    {"type": "divider"},
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "said `quietly`"}]},
    {"type": "image", "image_url": "https://pictures.example/chart.png", "alt_text": "A chart"},
]


def bare_app(slack: EmbeddedSlack) -> AsyncApp:
    """An app that knows nothing of opt-outs: what it does follows from the word after /optout."""
    app = AsyncApp(client=AsyncWebClient(token=slack.bot_token, base_url=slack.api_url))

    async def optout(ack: Any, body: Json, client: AsyncWebClient, respond: Any) -> None:
        word = body["text"]
        if word == "silence":
            return
        await ack()
        channel = body["channel_id"]
        if word == "ask":
            root = await client.chat_postMessage(channel=channel, text="Delete?", blocks=QUESTION)
            await client.chat_postMessage(channel=channel, thread_ts=root["ts"], text="Why: asked by _reply_")
        elif word == "choose":
            await client.chat_postMessage(channel=channel, text="Choose", blocks=CHOICES)
        elif word == "whisper":
            await respond("Only admins can delete opt-outs.")
        elif word == "form":
            await client.views_open(trigger_id=body["trigger_id"], view=FORM)
        elif word == "file":
            await client.views_open(trigger_id=body["trigger_id"], view=FILE_FORM)
        elif word == "blocks":
            await client.chat_postMessage(channel=channel, text="Blocks", blocks=EVERY_BLOCK)
        elif word == "date":
            text = "since <!date^1790000000^{date_num} {time}|a while ago>"
            await client.chat_postMessage(channel=channel, text=text)

    async def delete(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        text = f"Deleted {body['actions'][0]['value']}"
        channel, ts = body["channel"]["id"], body["message"]["ts"]
        await client.chat_update(channel=channel, ts=ts, text=text, blocks=[section(text)])

    async def chosen(ack: Any, body: Json, say: Any) -> None:
        await ack()
        await say(f"Chosen {body['actions'][0]['selected_option']['value']}")

    async def submitted(ack: Any, body: Json, client: AsyncWebClient) -> None:
        values = body["view"]["state"]["values"]
        phones = values["phones"]["text"]["value"]
        if phones == "12345":
            await ack(response_action="errors", errors={"phones": "5 digits, a US number has 10."})
            return
        await ack()
        country = values["country"]["choice"]["selected_option"]["value"]
        boxes = [each["value"] for each in values["tell"]["boxes"]["selected_options"]]
        reason = values["why"]["radio"]["selected_option"]["value"]
        text = f"Form: {phones} {country} {boxes} {reason}"
        await client.chat_postMessage(channel="#campaign-admins", text=text)

    async def file_submitted(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        (file,) = body["view"]["state"]["values"]["list"]["file"]["files"]
        await client.chat_postMessage(channel="#campaign-admins", text=f"Form: {file['name']} of {file['size']} bytes")

    async def home(event: Json, client: AsyncWebClient) -> None:
        if event["tab"] == "home":
            blocks = [section("Your *desk*"), {"type": "actions", "elements": [button("tidy", "Tidy the desk")]}]
            await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    async def tidy(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        await client.views_publish(user_id=body["user"]["id"], view={"type": "home", "blocks": [section("Tidy now")]})

    async def anything(ack: Any) -> None:
        await ack()

    app.command("/optout")(optout)
    app.action("delete")(delete)
    app.action("country")(chosen)
    app.action("more")(chosen)
    app.action("tidy")(tidy)
    app.view("form")(submitted)
    app.view("file-form")(file_submitted)
    app.event("app_home_opened")(home)
    app.event(re.compile(".*"))(anything)
    return app


@dataclass(slots=True)
class Desk:
    """A running embedded Slack with its bare app, and the windows people opened on it."""

    slack: EmbeddedSlack
    client: AsyncWebClient
    browser: Browser
    problems: list[str] = field(default_factory=list)

    async def window(self, user: str = "admin", channel: str = "campaign-admins", **options: Any) -> Page:
        """A new browser window at *channel*, seen as *user*; what the browser complains of goes to `problems`."""
        context = await self.browser.new_context(**{"viewport": {"width": 1280, "height": 800}} | options)
        context.set_default_timeout(PATIENCE_MS)
        page = await context.new_page()
        page.on("console", lambda line: self.problems.append(line.text) if line.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("dialog", lambda dialog: self.problems.append(f"a script ran: {dialog.message}"))
        page.on("request", lambda request: self._only_own(request.url))
        await page.goto(f"{self.slack.url}/#user={user}&channel={channel}")
        await expect(page.locator("#channel-title")).not_to_be_empty()
        return page

    def _only_own(self, url: str) -> None:
        if not url.startswith((f"{self.slack.url}/", "blob:")):
            self.problems.append(f"a request left the page: {url}")

    async def channel_id(self, name: str) -> str:
        """The id of a channel, as the app learns it."""
        found = await self.client.conversations_list(types="public_channel", exclude_archived=True)
        return next(str(each["id"]) for each in found["channels"] if each["name"] == name)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    if shutil.which(CHROMIUM) is None:
        pytest.fail(
            f"The page is tested in Chromium, and {CHROMIUM} is not there: install the Debian package `chromium` "
            "(apt-get install --no-install-recommends chromium)."
        )
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield chromium
        await chromium.close()


@pytest_asyncio.fixture(loop_scope="module")
async def desk(browser: Browser) -> AsyncIterator[Desk]:
    async with EmbeddedSlack(ack_limit=0.5) as slack:
        app = bare_app(slack)
        handler = AsyncSocketModeHandler(app, slack.app_token)
        await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt does not annotate it
        desk = Desk(slack, app.client, browser)
        try:
            yield desk
        finally:
            for context in list(browser.contexts):
                await context.close()
            await handler.close_async()  # type: ignore[no-untyped-call]  # Bolt does not annotate it
    assert desk.problems == []


def composer(page: Page) -> Locator:
    return page.get_by_label("Message", exact=True)


def messages(page: Page) -> Locator:
    return page.locator("#messages .message")


def thread(page: Page) -> Locator:
    return page.locator("#thread")


async def say(page: Page, text: str) -> None:
    """Type *text* into the channel's composer and press Enter."""
    await composer(page).fill(text)
    await composer(page).press("Enter")


async def choose_file(page: Page, name: str, content: bytes) -> None:
    """Put a file of this computer beside the text of the channel's composer."""
    await (
        page.locator("#composer")
        .get_by_label("Files from this computer")
        .set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})
    )


# ---- the workspace ---------------------------------------------------------------------------------------------


async def test_first_screen_shows_a_workspace_to_use(desk: Desk) -> None:
    """Without any address one is the admin in a channel, with the people, the channels and the app at the side."""
    page = await desk.window(user="", channel="")
    await expect(page.get_by_label("You are")).to_have_value("admin")
    people = await page.get_by_label("You are").locator("option").all_inner_texts()
    assert people == ["@admin", "@second-admin", "@support", "@guest", "@stranger"]
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
    assert await page.locator("#messages :is(img, script)").count() == 0


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


async def test_a_long_channel_is_drawn_from_its_end(desk: Desk) -> None:
    """Of many messages the latest are drawn and read first; the earlier ones come on demand, in their place."""
    channel = await desk.channel_id("campaign-admins")
    for number in range(200):
        await desk.client.chat_postMessage(channel=channel, text=f"message {number}")
    page = await desk.window()
    await expect(messages(page).last).to_contain_text("message 199")
    await expect(messages(page).last).to_be_in_viewport()
    await expect(messages(page)).to_have_count(150)
    await page.locator("#messages").evaluate("(list) => list.scrollTo(0, 0)")
    await page.get_by_role("button", name="Show earlier messages").click()
    await expect(messages(page)).to_have_count(200)
    await expect(messages(page).nth(50)).to_be_in_viewport()
    await desk.client.chat_postMessage(channel=channel, text="news")
    await page.get_by_role("button", name="New messages").click()
    await expect(messages(page).last).to_contain_text("news")
    await expect(messages(page).last).to_be_in_viewport()


async def test_every_block_is_drawn(desk: Desk) -> None:
    """Header, section with fields, divider, context and image have their own shape; a foreign picture is not loaded."""
    page = await desk.window()
    await say(page, "/optout blocks")
    message = messages(page).last
    await expect(message.locator("h3")).to_have_text("A header & more")
    await expect(message.locator(".section-field i")).to_have_text("one")
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
    await say(page, "/optout silence")
    notice = page.locator("#messages .private")
    await expect(notice).to_contain_text('/optout failed with the error "operation_timeout"')
    await expect(notice).to_contain_text("Only visible to you")
    await say(page, "/nonsense")
    await expect(notice.last).to_contain_text("/nonsense is not a valid command.")


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
    await expect(whisper).to_contain_text("Only admins can delete opt-outs.")
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
    delete = page.get_by_role("button", name="Delete this opt-out")
    dialog = page.get_by_role("dialog", name="Opt back in?")
    await delete.click()
    await expect(dialog).to_contain_text("It can be texted again.")
    await dialog.get_by_role("button", name="Keep").click()
    await expect(dialog).to_have_count(0)
    await delete.click()
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(messages(page)).to_contain_text("Delete one opt-out?")
    await delete.click()
    await dialog.get_by_role("button", name="Opt back in").click()
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


# ---- modals and Home -------------------------------------------------------------------------------------------


async def test_a_modal_shows_errors_at_its_fields_and_keeps_what_was_typed(desk: Desk) -> None:
    """A refused submission leaves the modal open with the sentence at the field; a good one closes it."""
    page = await desk.window()
    await say(page, "/optout form")
    modal = page.get_by_role("dialog", name="Opt out phones")
    phones = modal.get_by_label("Phones")
    await expect(phones).to_be_focused()
    await modal.get_by_role("button", name="Opt out").click()
    await expect(modal.locator('[data-block="why"] .field-error')).to_contain_text("required")
    await phones.fill("12345")
    await modal.get_by_label("Asked by e-mail").check()
    await modal.get_by_label("Write it down").check()
    await modal.get_by_role("button", name="Country").click()
    await page.get_by_role("menuitem", name="Germany").click()
    await modal.get_by_role("button", name="Opt out").click()
    await expect(modal.locator('[data-block="phones"] .field-error')).to_have_text("5 digits, a US number has 10.")
    await expect(phones).to_have_value("12345")
    await expect(phones).to_have_attribute("aria-invalid", "true")
    await phones.fill("212 555 0100")
    await modal.get_by_role("button", name="Opt out").click()
    await expect(modal).to_have_count(0)
    await expect(messages(page)).to_contain_text("Form: 212 555 0100 DE ['note'] mail")


async def test_escape_closes_a_modal(desk: Desk) -> None:
    """Escape closes the modal for good: a reload does not bring it back."""
    page = await desk.window()
    await say(page, "/optout form")
    modal = page.get_by_role("dialog", name="Opt out phones")
    await expect(modal).to_be_visible()
    async with page.expect_response("**/sandbox/close"):
        await page.keyboard.press("Escape")
    await expect(modal).to_have_count(0)
    await page.reload()
    await expect(page.locator("#channel-title")).to_have_text(re.compile("campaign-admins"))
    await expect(modal).to_have_count(0)


async def test_a_modal_takes_a_file(desk: Desk) -> None:
    """A file chosen in a modal's file input reaches the app with the submission, and is shared nowhere."""
    page = await desk.window()
    await say(page, "/optout file")
    modal = page.get_by_role("dialog", name="Upload a list")
    await modal.get_by_label("List").set_input_files(
        {"name": "stops.csv", "mimeType": "text/csv", "buffer": b"phone\n+12125550100\n"}
    )
    await modal.get_by_role("button", name="Upload").click()
    await expect(messages(page)).to_have_count(1)
    await expect(messages(page)).to_contain_text("Form: stops.csv of 19 bytes")
    await expect(page.locator(".file-name")).to_have_count(0)


async def test_the_app_has_a_home_and_messages(desk: Desk) -> None:
    """The app's Home opens in its tab and its buttons work; the other tab takes direct messages."""
    page = await desk.window(channel="@app")
    await page.get_by_role("tab", name="Home").click()
    await expect(page.locator("#home b")).to_have_text("desk")
    await page.get_by_role("button", name="Tidy the desk").click()
    await expect(page.locator("#home")).to_contain_text("Tidy now")
    await page.get_by_role("tab", name="Messages").click()
    await say(page, "hello, desk")
    await expect(messages(page)).to_contain_text("hello, desk")


# ---- files -----------------------------------------------------------------------------------------------------


async def test_a_sample_list_is_dropped_with_one_click(desk: Desk) -> None:
    """The + button offers sample lists; choosing one shares it in the channel at once."""
    page = await desk.window(channel="optout-uploads")
    await page.get_by_role("button", name="Attach a list").click()
    await page.get_by_role("menuitem", name="clean.csv").click()
    await expect(messages(page).locator(".file-name")).to_have_text("clean.csv")
    await expect(messages(page).locator(".file-kind")).to_contain_text("KB")


async def test_a_file_is_dragged_in_and_sent_with_a_comment(desk: Desk) -> None:
    """A file dragged over the channel waits beside the text and goes out with it; it can be taken away again."""
    page = await desk.window(channel="optout-uploads")
    content = base64.b64encode(b"phone\n+12125550100\n").decode()
    carried = await page.evaluate_handle(
        """(content) => {
          const carried = new DataTransfer();
          const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
          for (const name of ["stops.csv", "spare.csv"]) carried.items.add(new File([bytes], name, { type: "text/csv" }));
          return carried;
        }""",
        content,
    )
    await page.dispatch_event("#channel", "dragenter", {"dataTransfer": carried})
    await expect(page.locator("#channel")).to_have_class(re.compile("dropping"))
    await page.dispatch_event("#channel", "drop", {"dataTransfer": carried})
    await expect(page.locator("#channel")).not_to_have_class(re.compile("dropping"))
    await page.get_by_role("button", name="Remove spare.csv").click()
    await composer(page).fill("stops of this week")
    await page.get_by_role("button", name="Send").first.click()
    await expect(messages(page)).to_have_count(1)
    await expect(messages(page)).to_contain_text("stops of this week")
    await expect(messages(page).locator(".file-name")).to_have_text("stops.csv")
    await expect(messages(page).locator(".file-kind")).to_contain_text("19 bytes")


async def test_a_file_can_be_read_again(desk: Desk) -> None:
    """A file of a message is downloaded unchanged by a click on its name."""
    page = await desk.window(channel="optout-uploads")
    content = b"phone,reason\n12345,too short\n"
    await choose_file(page, "unreadable.csv", content)
    await composer(page).press("Enter")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="unreadable.csv").click()
    stream = await (await download.value).path()
    assert await asyncio.to_thread(stream.read_bytes) == content


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


# ---- mrkdwn ----------------------------------------------------------------------------------------------------

MRKDWN = {
    "*bold* _italic_ ~strike~ `code`": "<b>bold</b> <i>italic</i> <s>strike</s> <code>code</code>",
    "*bold _both_*": "<b>bold <i>both</i></b>",
    "2*3*4 snake_case_name a~b~c": "2*3*4 snake_case_name a~b~c",
    "* not bold* *not\nbold*": "* not bold* *not<br>bold*",
    "`*not bold*`": "<code>*not bold*</code>",
    "&lt;b&gt; &amp;amp; &quot;": "&lt;b&gt; &amp;amp; &amp;quot;",
    "```a *b*\n  &lt;c&gt;```after": "<pre>a *b*\n  &lt;c&gt;</pre>after",
    "&gt; one\n> two\nafter": "<blockquote>one<br>two</blockquote>after",
    "&gt;&gt;&gt; one\ntwo": "<blockquote>one<br>two</blockquote>",
    "<@U1> <@U9|nora>": '<span class="mention own">@admin</span> <span class="mention">@nora</span>',
    "<@U2>": '<span class="mention">@Opt-Out Desk</span>',
    "<#C1|old> <!here>": '<span class="mention">#uploads</span> <span class="mention loud">@here</span>',
    "<https://a.example/?b=1&amp;c=2|a link>": (
        '<a href="https://a.example/?b=1&amp;c=2" target="_blank" rel="noopener noreferrer">a link</a>'
    ),
    "<tel:+12125550100|212-555-0100>": (
        '<a href="tel:+12125550100" target="_blank" rel="noopener noreferrer">212-555-0100</a>'
    ),
    "<javascript:alert(1)|click>": "&lt;javascript:alert(1)|click&gt;",
    "<script>alert(1)</script>": "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<!date^1790000000^{date_num} {time_secs}|x>": (
        '<time datetime="2026-09-21T14:13:20.000Z">2026-09-21 10:13:20 AM</time>'
    ),
    "<!date^1790000000^{date_long}|x>": (
        '<time datetime="2026-09-21T14:13:20.000Z">Monday, September 21st, 2026</time>'
    ),
    "<!date^soon^{date}|later>": "<time>later</time>",
    ":white_check_mark: :no_such_emoji: 10:30:45": "✅ :no_such_emoji: 10:30:45",
}


async def test_mrkdwn_reads_as_in_slack(desk: Desk) -> None:
    """A table of texts and what they become; what is not markup stays as it was typed."""
    page = await desk.window()
    drawn = await page.evaluate(
        """async (texts) => {
          const { mrkdwn } = await import("/page/mrkdwn.js");
          const context = {
            users: new Map([
              ["U1", { id: "U1", handle: "admin" }],
              ["U2", { id: "U2", handle: "optout", real_name: "Opt-Out Desk", is_bot: true }],
            ]),
            channels: new Map([["C1", { id: "C1", name: "uploads" }]]),
            tz: "America/New_York",
            viewer: "U1",
          };
          return texts.map((text) => {
            const holder = document.createElement("div");
            holder.append(...mrkdwn(text, context));
            return holder.innerHTML;
          });
        }""",
        list(MRKDWN),
    )
    assert dict(zip(MRKDWN, drawn, strict=True)) == MRKDWN
