"""
The strangers' contract (`tests/fidelity/strangers.py`) kept by slack_sdk for Python, over Socket Mode.

`MODE=aiohttp`: its asyncio clients; `MODE=builtin`: its synchronous ones. What it sees and does is printed, one JSON
object a line.
"""

import asyncio
import hashlib
import inspect
import json
import os
import sys
import time
import urllib.request
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.models.blocks import (
    ActionsBlock,
    ButtonElement,
    InputBlock,
    Option,
    PlainTextInputElement,
    SectionBlock,
    StaticSelectElement,
)
from slack_sdk.models.views import View
from slack_sdk.socket_mode.aiohttp import SocketModeClient as AioSocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web import WebClient
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook import WebhookClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

JsonObject = dict[str, Any]
TOKEN = os.environ["SLACK_BOT_TOKEN"]
APP_TOKEN = os.environ["SLACK_APP_TOKEN"]
API_URL = os.environ["SLACK_API_URL"]
IS_ASYNC = os.environ["MODE"] == "aiohttp"


def say(what: str, **facts: Any) -> None:
    sys.stdout.write(json.dumps({"what": what, **facts}) + "\n")
    sys.stdout.flush()


async def settled(answer: Any) -> Any:
    """What a client answered: the asynchronous ones are awaited, the synchronous ones have answered already."""
    return await answer if inspect.isawaitable(answer) else answer


def form(title: str, metadata: str) -> View:
    return View(
        type="modal",
        callback_id="form",
        title=title,
        submit="Send",
        close="Leave",
        notify_on_close=True,
        private_metadata=metadata,
        blocks=[
            InputBlock(block_id="amount", label="Amount", element=PlainTextInputElement(action_id="typed")),
            ActionsBlock(
                block_id="more",
                elements=[
                    ButtonElement(action_id="refresh", text="Refresh", value="r"),
                    ButtonElement(action_id="deeper", text="Deeper", value="d"),
                ],
            ),
        ],
    )


def home(words: str) -> View:
    greeting = ActionsBlock(block_id="greeting", elements=[ButtonElement(action_id="hello", text="Hello", value="h")])
    return View(type="home", blocks=[SectionBlock(text=words), greeting])


class Stranger:
    """The app; *web* and *socket* are both of one kind."""

    def __init__(self, web: Any, socket: Any) -> None:
        self.web = web
        self.socket = socket
        self.user = ""

    async def start(self) -> None:
        me = await settled(self.web.auth_test())
        self.user = me["user_id"]
        say("ready", user=me["user_id"], bot=me["bot_id"], team=me["team_id"])
        await settled(self.socket.connect())

    async def receive(self, request: SocketModeRequest) -> None:
        try:
            if request.type == "slash_commands":
                await self.command(request)
            elif request.type == "interactive":
                await self.interaction(request)
            elif request.type == "events_api":
                missed = "once more" in json.dumps(request.payload) and request.retry_attempt == 0
                if not missed:
                    await self.ack(request)
                    await self.event(request)
        except Exception as error:  # noqa: BLE001 - the test fails with it
            say("failed", error=repr(error))

    async def ack(self, request: SocketModeRequest, payload: JsonObject | None = None) -> None:
        response = SocketModeResponse(envelope_id=request.envelope_id, payload=payload)
        await settled(self.socket.send_socket_mode_response(response))

    async def respond(self, url: str, **message: Any) -> None:
        answer = await settled((AsyncWebhookClient if IS_ASYNC else WebhookClient)(url).send(**message))
        if answer.status_code != 200 or answer.body != "ok":
            say("failed", error=f"{answer.status_code} {answer.body}")

    async def post(self, channel: str, text: str, **more: Any) -> Any:
        return await settled(self.web.chat_postMessage(channel=channel, text=text, **more))

    # -- commands ---------------------------------------------------------------------------------------------

    async def command(self, request: SocketModeRequest) -> None:
        got = request.payload
        say(
            "command",
            command=got["command"],
            text=got["text"],
            user=got["user_id"],
            channel=got["channel_id"],
            team=got["team_id"],
            app=got["api_app_id"],
        )
        word, _, rest = got["text"].partition(" ")
        if word == "echo":
            await self.ack(request, {"text": f"heard {rest}"})
            await self.respond(got["response_url"], response_type="in_channel", text=f"answered {rest}")
            return
        await self.ack(request)
        if word == "form":
            view = form("First", got["channel_id"])
            opened = (await settled(self.web.views_open(trigger_id=got["trigger_id"], view=view)))["view"]
            say("opened", view=opened["id"], hash=opened["hash"], title=opened["title"]["text"])
        elif word == "upload":
            answer = await settled(
                self.web.files_upload_v2(
                    channel=got["channel_id"],
                    filename="numbers.csv",
                    title="Numbers",
                    content="phone\n+12125550100\n",
                    initial_comment="here",
                )
            )
            say("uploaded", file=answer["file"]["id"])
        elif word == "post":
            await self.post_choices(got["channel_id"], rest)
        elif word == "pages":
            await self.pages()
        elif word == "errors":
            await self.errors()

    async def post_choices(self, channel: str, text: str) -> None:
        options = [Option(value=value, text=value) for value in ("a", "b")]
        choices = ActionsBlock(
            block_id="choices",
            elements=[
                ButtonElement(action_id="press", text="Press", value="pressed"),
                StaticSelectElement(action_id="choose", placeholder="Choose", options=options),
            ],
        )
        began = time.monotonic()
        answer = await self.post(channel, text, blocks=[SectionBlock(text=text), choices])
        say("posted", ts=answer["ts"], text=answer["message"]["text"], seconds=time.monotonic() - began)

    async def pages(self) -> None:
        found: dict[str, list[str]] = {"members": [], "channels": []}
        most = 0
        for method, items in ((self.web.users_list, "members"), (self.web.conversations_list, "channels")):
            answer = await settled(method(limit=2))
            while True:
                found[items] += [item["id"] for item in answer[items]]
                most = max(most, len(answer[items]))
                cursor = answer["response_metadata"]["next_cursor"]
                if not cursor:
                    break
                answer = await settled(method(limit=2, cursor=cursor))
        say("pages", users=found["members"], channels=found["channels"], most=most)

    async def errors(self) -> None:
        codes = []
        for failing in (
            lambda: self.post("C0NOWHERE00", "x"),
            lambda: self.web.users_info(user="U0NOBODY000"),
            lambda: self.web.files_info(file="F0NOTHING00"),
            lambda: self.web.views_open(trigger_id="1.2.3", view=form("x", "")),
        ):
            try:
                await settled(failing())
                codes.append("none")
            except SlackApiError as error:
                codes.append(error.response["error"])
        say("errors", errors=codes)

    # -- events -----------------------------------------------------------------------------------------------

    async def event(self, request: SocketModeRequest) -> None:
        event = request.payload["event"]
        if event["type"] == "app_mention":
            say(
                "mention",
                user=event["user"],
                text=event["text"],
                ts=event["ts"],
                thread_ts=event.get("thread_ts"),
                channel=event["channel"],
                event_ts=event["event_ts"],
                event_id=request.payload["event_id"],
                retry_num=request.retry_attempt,
                retry_reason=request.retry_reason,
            )
            thread_ts = event.get("thread_ts", event["ts"])
            await self.post(event["channel"], f"you said {event['text']}", thread_ts=thread_ts)
        elif event["type"] == "message":
            if event["channel_type"] == "im" and "subtype" not in event and "bot_id" not in event:
                say("message", text=event["text"], user=event["user"], channel=event["channel"], ts=event["ts"])
                await self.post(event["channel"], f"dm {event['text']}")
        elif event["type"] == "file_shared" and event["user_id"] != self.user:
            await self.file(event)
        elif event["type"] == "app_home_opened":
            say("home", user=event["user"], tab=event["tab"])
            if "view" not in event:
                answer = await settled(self.web.views_publish(user_id=event["user"], view=home("Welcome")))
                say("published", view=answer["view"]["id"], hash=answer["view"]["hash"])

    async def file(self, event: JsonObject) -> None:
        file = (await settled(self.web.files_info(file=event["file_id"])))["file"]
        content = await asyncio.to_thread(_download, file["url_private_download"])
        channel = event["channel_id"]
        [share] = (file["shares"].get("public", {}) | file["shares"].get("private", {}))[channel]
        thread_ts = share.get("thread_ts", share["ts"])
        say(
            "file",
            file=event["file"]["id"],
            user=event["user_id"],
            channel=channel,
            name=file["name"],
            size=file["size"],
            sha256=hashlib.sha256(content).hexdigest(),
            thread=thread_ts,
        )
        await self.post(channel, f"{file['name']} has {len(content)} bytes", thread_ts=thread_ts)

    # -- interactions -----------------------------------------------------------------------------------------

    async def interaction(self, request: SocketModeRequest) -> None:
        got = request.payload
        if got["type"] == "view_submission":
            await self.submission(request)
            return
        await self.ack(request)
        if got["type"] == "block_actions":
            await self.action(got)
        elif got["type"] == "message_action":
            say(
                "shortcut",
                callback_id=got["callback_id"],
                text=got["message"]["text"],
                ts=got["message_ts"],
                thread_ts=got["message"].get("thread_ts"),
                channel=got["channel"]["id"],
                user=got["user"]["id"],
            )
            await self.respond(got["response_url"], text=f"looked at {got['message']['text']}")
        elif got["type"] == "shortcut":
            say("anywhere", user=got["user"]["id"])
        elif got["type"] == "view_closed":
            view = got["view"]
            say("closed", callback_id=view["callback_id"], view=view["id"], cleared=got["is_cleared"])

    async def submission(self, request: SocketModeRequest) -> None:
        view = request.payload["view"]
        value = view["state"]["values"]["amount"]["typed"]["value"]
        channel = view["private_metadata"]
        user = request.payload["user"]["id"]
        say("submission", callback_id=view["callback_id"], value=value, metadata=channel, user=user)
        if not value.isdecimal():
            await self.ack(request, {"response_action": "errors", "errors": {"amount": "Digits only"}})
            return
        await self.ack(request)
        await self.post(channel, f"amount {value}")

    async def action(self, got: JsonObject) -> None:
        [action] = got["actions"]
        value = action["value"] if "value" in action else action["selected_option"]["value"]
        message = got.get("message", {})
        say(
            "action",
            action_id=action["action_id"],
            value=value,
            user=got["user"]["id"],
            container=got["container"]["type"],
            ts=message.get("ts"),
            thread_ts=message.get("thread_ts"),
        )
        user, view = got["user"]["id"], got.get("view", {})
        if action["action_id"] == "press":
            await self.respond(got["response_url"], replace_original=True, text=f"pressed by <@{user}>")
        elif action["action_id"] == "choose":
            await self.respond(got["response_url"], replace_original=False, text=f"chose {value}")
        elif action["action_id"] == "refresh":
            new = form("Second", view["private_metadata"])
            answer = await settled(self.web.views_update(view_id=view["id"], hash=view["hash"], view=new))
            shown = answer["view"]
            say("updated", view=shown["id"], hash=shown["hash"], title=shown["title"]["text"])
        elif action["action_id"] == "deeper":
            new = form("Third", view["private_metadata"])
            shown = (await settled(self.web.views_push(trigger_id=got["trigger_id"], view=new)))["view"]
            say("pushed", view=shown["id"], root=shown["root_view_id"], previous=shown["previous_view_id"])
        elif action["action_id"] == "hello":
            new = home("Hello yourself")
            answer = await settled(self.web.views_publish(user_id=user, hash=view["hash"], view=new))
            say("published", view=answer["view"]["id"], hash=answer["view"]["hash"])


def _download(url: str) -> bytes:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})  # noqa: S310 - the sandbox's
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
        content: bytes = answer.read()
        return content


def _greeted(message: JsonObject) -> None:
    if message.get("type") == "hello":
        say("connected")


async def run_async() -> None:
    web = AsyncWebClient(
        token=TOKEN, base_url=API_URL, retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=2)]
    )
    socket = AioSocketModeClient(APP_TOKEN, web_client=AsyncWebClient(base_url=API_URL), ping_interval=0.5)
    app = Stranger(web, socket)

    async def request(_: AsyncBaseSocketModeClient, got: SocketModeRequest) -> None:
        await app.receive(got)

    async def message(_: AsyncBaseSocketModeClient, got: JsonObject, __: str | None = None) -> None:
        _greeted(got)

    socket.socket_mode_request_listeners.append(request)
    socket.message_listeners.append(message)
    await app.start()
    await asyncio.to_thread(sys.stdin.read)
    await socket.close()  # type: ignore[no-untyped-call]  # slack_sdk leaves it untyped


def run_sync() -> None:
    web = WebClient(token=TOKEN, base_url=API_URL, retry_handlers=[RateLimitErrorRetryHandler(max_retry_count=2)])
    socket = SocketModeClient(APP_TOKEN, web_client=WebClient(base_url=API_URL), ping_interval=0.5)
    app = Stranger(web, socket)

    # Listeners run in worker threads; there nothing is awaited but calls that have been answered.
    def request(_: BaseSocketModeClient, got: SocketModeRequest) -> None:
        asyncio.run(app.receive(got))

    def message(_: BaseSocketModeClient, got: JsonObject, __: str | None = None) -> None:
        _greeted(got)

    socket.socket_mode_request_listeners.append(request)
    socket.message_listeners.append(message)
    asyncio.run(app.start())
    sys.stdin.read()
    os._exit(0)  # its threads take seconds to notice that they are closed


if __name__ == "__main__":
    # The test ends this program by closing its standard input.
    if IS_ASYNC:
        asyncio.run(run_async())
    else:
        run_sync()
