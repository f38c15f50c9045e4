"""What the tests of the page share: a real Chromium, an embedded Slack, and a bare Bolt app behind it."""

import asyncio
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from playwright.async_api import Browser, JSHandle, Locator, Page, Route, expect
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import EmbeddedSlack
from tests.patience import PATIENCE

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
PATIENCE_MS = 1000 * PATIENCE

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
                "Allow texts again",
                style="danger",
                value="+12125550100",
                confirm={
                    "title": plain("Allow texts again?"),
                    "text": plain("It can be texted again."),
                    "confirm": plain("Allow texts again"),
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
            {"type": "overflow", "action_id": "more", "options": [option("Pause", "pause"), option("Stop", "stop")]},
            button("unheard", "Nobody hears this"),
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

SETTINGS = {
    "type": "modal",
    "callback_id": "settings",
    "title": plain("Settings"),
    "submit": plain("Save"),
    "blocks": [
        {
            "type": "input",
            "block_id": block,
            "label": plain(label),
            "optional": True,
            "element": {"action_id": "choice", "placeholder": plain("Choose"), **element},
        }
        for block, label, element in (
            ("admins", "Admins", {"type": "multi_users_select"}),
            ("uploads", "Channels for lists", {"type": "multi_channels_select", "max_selected_items": 2}),
            (
                "country",
                "Countries",
                {
                    "type": "multi_static_select",
                    "options": [option(f"Country {n}", str(n)) for n in range(12)],
                    "initial_options": [option("Country 3", "3")],
                },
            ),
            (
                "digest",
                "Digest",
                {
                    "type": "conversations_select",
                    "filter": {"include": ["public", "private"], "exclude_external_shared_channels": True},
                },
            ),
        )
    ]
    + [{"type": "actions", "elements": [button("on-top", "Open another")]}],
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

DEAF_FORM = {
    "type": "modal",
    "callback_id": "deaf",
    "title": plain("Nobody listens"),
    "submit": plain("Send"),
    "blocks": [
        {
            "type": "input",
            "block_id": "words",
            "label": plain("Words"),
            "element": {"type": "plain_text_input", "action_id": "words"},
        }
    ],
}

EVERY_BLOCK = [
    {"type": "header", "text": plain("A header & more")},
    section(
        "*bold* <script>alert(3)</script>",
        fields=[{"type": "mrkdwn", "text": "_one_ https://a.example", "verbatim": True}, plain("*two*")],
    ),
    {"type": "divider"},
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "said `quietly`"}]},
    {"type": "image", "image_url": "https://pictures.example/chart.png", "alt_text": "A chart"},
]


async def acknowledge(ack: Any) -> None:
    await ack()


def bare_app(slack: EmbeddedSlack, late: asyncio.Event) -> AsyncApp:
    """An app that knows nothing of opt-outs: what it does follows from the word after /optout; *late* lets it go on."""
    app = AsyncApp(client=AsyncWebClient(token=slack.bot_token, base_url=slack.api_url))

    async def optout(ack: Any, body: Json, client: AsyncWebClient, respond: Any) -> None:
        word = body["text"]
        if word == "silence":
            return
        if word == "late":
            await late.wait()
            await ack()
            await respond("Here at last.")
            return
        await ack()
        channel = body["channel_id"]
        if word == "ask":
            root = await client.chat_postMessage(channel=channel, text="Delete?", blocks=QUESTION)
            await client.chat_postMessage(channel=channel, thread_ts=root["ts"], text="Why: asked by _reply_")
        elif word == "choose":
            await client.chat_postMessage(channel=channel, text="Choose", blocks=CHOICES)
        elif word == "whisper":
            await respond("Only admins can allow texts again.")
        elif word == "form":
            await client.views_open(trigger_id=body["trigger_id"], view=FORM)
        elif word == "deaf":
            await client.views_open(trigger_id=body["trigger_id"], view=DEAF_FORM)
        elif word == "settings":
            await client.views_open(trigger_id=body["trigger_id"], view=SETTINGS)
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

    async def on_top(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        await client.views_push(trigger_id=body["trigger_id"], view=FILE_FORM)

    async def settings_submitted(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        values = {block: actions["choice"] for block, actions in body["view"]["state"]["values"].items()}
        users = (await client.users_list())["members"]
        handles = {user["id"]: user["name"] for user in users}
        said = {
            "admins": [handles[user] for user in values["admins"]["selected_users"]],
            "uploads": len(values["uploads"]["selected_channels"]),
            "country": [each["value"] for each in values["country"]["selected_options"]],
            "digest": values["digest"]["selected_conversation"],
        }
        await client.chat_postMessage(channel="#campaign-admins", text=f"Settings: {said}")

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

    app.command("/optout")(optout)
    app.action("delete")(delete)
    app.action("country")(chosen)
    app.action("more")(chosen)
    app.action("tidy")(tidy)
    app.action("on-top")(on_top)
    app.view("form")(submitted)
    app.view("settings")(settings_submitted)
    app.view("file-form")(file_submitted)
    app.event("app_home_opened")(home)
    app.event(re.compile(".*"))(acknowledge)
    return app


@dataclass(slots=True)
class Desk:
    """A running embedded Slack with its bare app, and the windows people opened on it."""

    slack: EmbeddedSlack
    app: AsyncApp
    handler: AsyncSocketModeHandler
    late: asyncio.Event
    browser: Browser
    problems: list[str] = field(default_factory=list)

    @property
    def client(self) -> AsyncWebClient:
        """The app's own Web API client."""
        return self.app.client

    def wait_for_acks(self, seconds: float) -> None:
        """From here on Slack gives up on an app that does not acknowledge in *seconds*: for what it says then."""
        self.slack.platform.feed.courier.ack_limit = seconds

    async def disconnect(self) -> None:
        """The app goes away."""
        await self.handler.close_async()  # type: ignore[no-untyped-call]  # Bolt does not annotate it

    async def window(
        self,
        user: str = "admin",
        channel: str = "campaign-admins",
        *,
        at: str = "",
        told: list[bytes] | None = None,
        now: datetime | None = None,
        **options: Any,
    ) -> Page:
        """
        A new browser window at *channel*, seen as *user*; what the browser complains of goes to `problems`.

        *at*: more of the address; *told* collects what the server tells the page of the workspace; *now* is when it
        opens, by the browser's clock.
        """
        context = await self.browser.new_context(**{"viewport": {"width": 1280, "height": 800}} | options)
        context.set_default_timeout(PATIENCE_MS)
        page = await context.new_page()
        page.on("console", lambda line: self.problems.append(line.text) if line.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("dialog", lambda dialog: self.problems.append(f"a script ran: {dialog.message}"))
        page.on("request", lambda request: self._only_own(request.url))
        if now is not None:
            await page.clock.install(time=now)
        if told is not None:

            async def keep(route: Route) -> None:
                answer = await route.fetch()
                told.append(await answer.body())
                await route.fulfill(response=answer)

            await page.route("**/sandbox/changes*", keep)
        await page.goto(f"{self.slack.url}/#user={user}&channel={channel}{at}")
        await expect(page.locator("#channel-title")).not_to_be_empty()
        return page

    def _only_own(self, url: str) -> None:
        if not url.startswith((f"{self.slack.url}/", "blob:")):
            self.problems.append(f"a request left the page: {url}")

    async def channel_id(self, name: str) -> str:
        """The id of a channel, as the app learns it."""
        found = await self.client.conversations_list(types="public_channel", exclude_archived=True)
        return next(str(each["id"]) for each in found["channels"] if each["name"] == name)


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


async def carried_files(page: Page, *names: str) -> JSHandle:
    """Files as a drag or a paste carries them, all with the same 19 bytes."""
    return await page.evaluate_handle(
        """(names) => {
          const carried = new DataTransfer();
          for (const name of names) carried.items.add(new File(["phone\\n+12125550100\\n"], name, { type: "text/csv" }));
          return carried;
        }""",
        list(names),
    )


async def slow_uploads(page: Page, bytes_a_second: int) -> None:
    """Let the browser send no faster than that; -1 lifts it."""
    network = await page.context.new_cdp_session(page)
    await network.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_a_second}
    await network.send("Network.emulateNetworkConditions", slow)


async def choose_file(page: Page, name: str, content: bytes) -> None:
    """Put a file of this computer beside the text of the channel's composer."""
    await (
        page.locator("#composer")
        .get_by_label("Files from this computer")
        .set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})
    )
