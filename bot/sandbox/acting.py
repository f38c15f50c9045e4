"""People's acts in the workspace, and the payloads that the app gets of them."""

import asyncio
import time
from typing import Any

from bot.sandbox.blocks import LONGEST_INPUT, elements_of
from bot.sandbox.delivery import Outcome
from bot.sandbox.errors import BadRequestError
from bot.sandbox.feed import Attempts
from bot.sandbox.response_urls import ResponseUrls
from bot.sandbox.typing_in import as_sent
from bot.sandbox.views import View, chosen, initial_values
from bot.sandbox.web_api import Platform
from bot.sandbox.workspace import SLACKBOT, Channel, File, PostedMessage, User

JsonObject = dict[str, Any]
# Bytes of one file: https://docs.slack.dev/reference/block-kit/block-elements/file-input-element
LARGEST_IN_FORM = 10 * 1024 * 1024
_SILENT_INPUTS = frozenset({"plain_text_input", "email_text_input", "url_text_input", "number_input", "file_input"})


class People:
    """Every act of a person; each returns what Slack's client would show, once the app has acknowledged."""

    def __init__(self, slack: Platform, response_urls: ResponseUrls) -> None:
        self._slack = slack
        self._response_urls = response_urls
        self.tel_links = False
        # What people chose in the menus of messages, by message and person.
        self._selections: dict[tuple[str, str], dict[str, dict[str, JsonObject]]] = {}

    # -- typing -----------------------------------------------------------------------------------------------

    async def command(
        self, user: User, channel: Channel, text: str, *, thread_ts: str | None = None, raw: bool = False
    ) -> JsonObject:
        """
        Type a slash command. Slack itself refuses one it does not know, and any in a thread.

        Without a slash or a command's name in front, *text* is what follows the app's only command, as in its payload.
        """
        self._may_act(user, channel)
        app, workspace = self._slack.app, self._slack.workspace
        name, _, rest = text.strip().partition(" ")
        if "\n" in name:
            name, _, rest = text.strip().partition("\n")
        if not name.startswith("/") and f"/{name}" not in app.commands and len(app.commands) == 1:
            name, rest = app.commands[0], text.strip()
        name = f"/{name.lstrip('/')}"
        if thread_ts is not None:
            return _not_shown("not_supported_in_threads", f"{name} is not supported in threads. Sorry!")
        if name not in app.commands or "commands" not in app.scopes or not self._has_the_app(user):
            return _not_shown("invalid_command", f"{name} is not a valid command.")
        if not raw:
            rest = as_sent(rest, workspace, labels=True, mentions=app.should_escape, tel_links=self.tel_links)
        payload = {
            "token": app.verification_token,
            "team_id": workspace.team_id,
            "team_domain": workspace.domain,
            "channel_id": channel.id,
            "channel_name": _payload_name(channel),
            "user_id": user.id,
            "user_name": user.handle,
            "command": name,
            "text": rest.strip(),
            "api_app_id": app.app_id,
            "is_enterprise_install": "true" if app.org_wide else "false",
            **(
                {}
                if app.enterprise is None
                else dict(zip(("enterprise_id", "enterprise_name"), app.enterprise, strict=True))
            ),
            "response_url": self._response_urls.new("commands", user, channel),
            "trigger_id": self._slack.views.new_trigger(user.id),
        }
        outcome = await self._slack.feed.courier.request("command", name, payload)
        if outcome.acknowledged:
            self._response_urls.acknowledged_with(user, channel, outcome.response)
        return _shown(outcome, f'{name} failed with the error "{outcome.error}"')

    async def message(
        self,
        user: User,
        channel: Channel,
        text: str,
        *,
        thread_ts: str | None = None,
        raw: bool = False,
        blocks: list[JsonObject] | None = None,
        attachments: list[JsonObject] | None = None,
    ) -> JsonObject:
        """
        Write a message, or a reply with *thread_ts*.

        *blocks*, *attachments*: as another app posts them, or as Slack's own client does (rich text, forwarded messages).
        """
        self._may_act(user, channel)
        if not text.strip() and not blocks and not attachments:
            raise BadRequestError("A message needs text.")
        message = self._slack.feed.message_by(
            user, self._typed(text, raw=raw), thread_ts=self._thread(channel, thread_ts)
        )
        message.blocks, message.attachments = blocks or [], attachments or []
        attempts = self._slack.feed.post(channel, message)
        return await self._after(attempts) | {"ts": message.ts}

    async def edit(self, user: User, channel: Channel, ts: str, text: str) -> JsonObject:
        """Edit a message of one's own."""
        message = self._own(user, channel, ts)
        previous = self._slack.feed.message_object(message)
        message.text = self._typed(text)
        return await self._after(self._slack.feed.edit(channel, message, user.id, previous))

    async def delete(self, user: User, channel: Channel, ts: str) -> JsonObject:
        """Delete a message of one's own. What files it brought stay."""
        self._own(user, channel, ts)
        self._slack.feed.delete(channel, ts)
        return {"ok": True}

    async def drop(
        self, user: User, channel: Channel, file: File, *, text: str = "", thread_ts: str | None = None
    ) -> JsonObject:
        """Share a file whose bytes are here already, with an optional comment."""
        self._may_act(user, channel)
        if not self._slack.workspace.file_uploads:
            raise BadRequestError("File uploads are disabled in this workspace.")
        fault = self._slack.faults.take("file", file.id, "late_shares")
        if fault is not None:
            file.shares_known_at = time.time() + fault.number("seconds", 1.0)
        message = self._slack.feed.message_by(user, self._typed(text), thread_ts=self._thread(channel, thread_ts))
        attempts = self._slack.feed.share(channel, [file], message)
        return await self._after(attempts) | {"ts": message.ts, "file": file.id}

    async def home(self, user: User) -> JsonObject:
        """Open the app's Home."""
        channel = self._slack.workspace.direct_message(user)
        body: JsonObject = {"user": user.id, "channel": channel.id, "tab": "home"}
        current = self._slack.views.homes.get(user.id)
        if current is not None:
            body["view"] = self._slack.views.described(current)
        return await self._after(self._slack.feed.emit("app_home_opened", body))

    # -- clicking ---------------------------------------------------------------------------------------------

    async def click(
        self, user: User, channel: Channel, ts: str, action_id: str, *, value: Any = None, block_id: str | None = None
    ) -> JsonObject:
        """Use a button or menu of a message the person can see; the confirm dialog is taken as answered with yes."""
        if channel.is_private or channel.is_im:
            self._may_act(user, channel)
        workspace = self._slack.workspace
        ephemeral = workspace.find_ephemeral(user, ts)
        message = ephemeral.message if ephemeral else channel.messages.get(ts)
        if message is None:
            raise BadRequestError(f"{user.handle} sees no message {ts} in #{channel.name}.")
        if message.user == SLACKBOT:
            raise BadRequestError("That is Slackbot's message: the app hears nothing of its buttons.")
        block, element = _find_element(message.blocks, action_id, value, block_id)
        action = _action(block, element, value, workspace.new_ts())
        values = self._selections.setdefault((ts, user.id), initial_values(message.blocks))
        if element["type"] not in ("button", "overflow"):
            values.setdefault(block["block_id"], {})[element["action_id"]] = chosen(element, value)
        container: JsonObject = {
            "type": "message",
            "message_ts": ts,
            "channel_id": channel.id,
            "is_ephemeral": ephemeral is not None,
        }
        if message.thread_ts:
            container["thread_ts"] = message.thread_ts
        payload = self._interaction("block_actions", user) | {
            "container": container,
            "channel": {"id": channel.id, "name": _payload_name(channel)},
            "state": {"values": values},
            "response_url": self._response_urls.new("actions", user, channel, message=message),
            "actions": [action],
        }
        if ephemeral is None:
            payload["message"] = self._slack.feed.message_object(message)
        outcome = await self._slack.feed.courier.request("interaction", action_id, payload)
        return _shown(outcome, _NO_ANSWER) | {"confirm": element.get("confirm")}

    async def click_in_view(
        self, user: User, view_id: str, action_id: str, *, value: Any = None, block_id: str | None = None
    ) -> JsonObject:
        """The same in a modal or App Home. An input that does not dispatch actions only keeps its value."""
        view = self._slack.views.of(user.id, view_id)
        block, element = _find_element(view.payload["blocks"], action_id, value, block_id)
        if element["type"] not in ("button", "overflow"):
            view.values.setdefault(block["block_id"], {})[element["action_id"]] = chosen(element, value)
            self._slack.workspace.touch()
        if block["type"] == "input" and not block.get("dispatch_action"):
            return {"ok": True, "acknowledged": True, "ms": 0.0, "response": None, "confirm": None}
        action = _action(block, element, value, self._slack.workspace.new_ts())
        payload = self._interaction("block_actions", user, view=view) | {
            "container": {"type": "view", "view_id": view.id},
            "view": self._slack.views.described(view),
            "actions": [action],
        }
        outcome = await self._slack.feed.courier.request("interaction", action_id, payload)
        return _shown(outcome, _NO_ANSWER) | {"confirm": element.get("confirm")}

    async def shortcut(self, user: User, callback_id: str, channel: Channel | None, ts: str | None) -> JsonObject:
        """Use a message shortcut (with *ts*) or a global one."""
        if not self._has_the_app(user):
            return _not_shown("invalid_shortcut", f"{self._slack.app.name} offers you no shortcuts.")
        kind = "shortcut"
        payload: JsonObject = {}
        if ts is not None and channel is not None:
            self._may_act(user, channel)
            message = channel.messages.get(ts)
            if message is None:
                raise BadRequestError(f"There is no message {ts} in #{channel.name}.")
            kind = "message_action"
            payload = {
                "message_ts": ts,
                "channel": {"id": channel.id, "name": _payload_name(channel)},
                "response_url": self._response_urls.new("app", user, channel, message=message),
                "message": self._slack.feed.message_object(message),
            }
        payload |= {"callback_id": callback_id, "action_ts": self._slack.workspace.new_ts()}
        payload = self._interaction(kind, user) | payload
        if kind == "shortcut":
            # https://docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload
            del payload["user"]["name"]
        outcome = await self._slack.feed.courier.request("interaction", callback_id, payload)
        return _shown(outcome, _NO_ANSWER)

    async def run_step(self, user: User, step: str, inputs: JsonObject) -> JsonObject:
        """Run a workflow of one step of the app's; what came of the step shows the state."""
        execution, attempts = self._slack.workflows.run(user, step, inputs)
        return await self._after(attempts) | {"execution": execution.id}

    # -- modals -----------------------------------------------------------------------------------------------

    async def submit(self, user: User, view_id: str, values: JsonObject) -> JsonObject:
        """Fill a modal in and press its submit button."""
        view = self._slack.views.of(user.id, view_id)
        self._fill(view, values)
        missing = self._missing(view)
        if missing:
            return {"ok": False, "acknowledged": False, "error": "missing_input", "errors": missing}
        unfit = self._unfit(view)
        if unfit:
            return {"ok": False, "acknowledged": False, "error": "invalid_input", "errors": unfit}
        payload = self._interaction("view_submission", user, view=view) | {
            "view": self._slack.views.described(view),
            "response_urls": [],
        }
        callback = view.payload.get("callback_id") or view.id
        outcome = await self._slack.feed.courier.request("interaction", callback, payload)
        answer = _shown(outcome, _TROUBLE)
        return answer | self._respond(view, outcome.response) if outcome.acknowledged else answer

    async def close(self, user: User, view_id: str) -> JsonObject:
        """Close a modal with its close button."""
        view = self._slack.views.of(user.id, view_id)
        self._slack.views.close(view)
        if not view.payload.get("notify_on_close"):
            return {"ok": True, "acknowledged": True, "ms": 0.0, "response": None}
        payload = self._interaction("view_closed", user) | {
            "view": self._slack.views.described(view),
            "is_cleared": False,
        }
        del payload["trigger_id"]
        callback = view.payload.get("callback_id") or view.id
        return _shown(await self._slack.feed.courier.request("interaction", callback, payload), _NO_ANSWER)

    def _fill(self, view: View, values: JsonObject) -> None:
        """Take `{block_id: {action_id: value}}` or flat `{block_id: value}` into the view's state."""
        blocks = {block["block_id"]: block for block in view.payload["blocks"]}
        for block_id, given in values.items():
            block = blocks.get(block_id)
            elements = {item["action_id"]: item for item in elements_of(block) if "action_id" in item} if block else {}
            if block is None or not elements:
                raise BadRequestError(f"This view has no input {block_id!r}. It has: {', '.join(blocks)}.")
            by_action = given if isinstance(given, dict) else {next(iter(elements)): given}
            for action_id, value in by_action.items():
                if action_id not in elements:
                    raise BadRequestError(f"Block {block_id!r} has no element {action_id!r}.")
                state = chosen(elements[action_id], value)
                if elements[action_id]["type"] == "file_input":
                    state["files"] = [self._slack.feed.file_object(self._file(item)) for item in value or []]
                view.values.setdefault(block_id, {})[action_id] = state

    def _file(self, file_id: str) -> File:
        if file_id not in self._slack.workspace.files:
            raise BadRequestError(f"There is no file {file_id!r}.")
        return self._slack.workspace.files[file_id]

    def _missing(self, view: View) -> dict[str, str]:
        """Blocks Slack's client would not submit."""
        missing = {}
        for block in view.payload["blocks"]:
            if block["type"] == "input" and not block.get("optional"):
                state = view.values.get(block["block_id"], {}).get(block["element"]["action_id"], {})
                if not any(value for name, value in state.items() if name != "type"):
                    missing[block["block_id"]] = "Please complete this required field."
        return missing

    def _unfit(self, view: View) -> dict[str, str]:
        """Blocks whose values Slack's client does not let go: too short, too long, or a file that is too large."""
        unfit = {}
        for block in (block for block in view.payload["blocks"] if block["type"] == "input"):
            element = block["element"]
            state = view.values.get(block["block_id"], {}).get(element["action_id"], {})
            text = state.get("value") or ""
            if element["type"] == "plain_text_input" and text:
                least, most = element.get("min_length", 0), element.get("max_length", LONGEST_INPUT)
                if not least <= len(text) <= most:
                    unfit[block["block_id"]] = f"Between {least:,} and {most:,} characters, please."
            if any(file["size"] > LARGEST_IN_FORM for file in state.get("files") or ()):
                unfit[block["block_id"]] = "Files can be no larger than 10 MB."
        return unfit

    def _respond(self, view: View, response: Any) -> JsonObject:
        """Do what the acknowledgement of a submission asks: https://docs.slack.dev/surfaces/modals#response_actions"""
        views = self._slack.views
        action = response.get("response_action") if isinstance(response, dict) else None
        if action == "errors":
            errors = response.get("errors") or {}
            inputs = {block["block_id"] for block in view.payload["blocks"] if block["type"] == "input"}
            if not errors or not set(errors) <= inputs:
                return {"ok": False, "error": "invalid_errors", "shown": _TROUBLE}
            return {"ok": True, "errors": errors}
        if action in ("update", "push"):
            try:
                payload = views.checked_response(response.get("view"))
                if action == "update":
                    views.replace(view, payload)
                else:
                    views.stack(view.user, payload)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with the view, the person sees one sentence
                return {"ok": False, "error": str(error), "shown": _TROUBLE}
            return {}
        views.close(view, everything=action == "clear")
        return {}

    # -- shared -----------------------------------------------------------------------------------------------

    def _may_act(self, user: User, channel: Channel) -> None:
        if user is self._slack.workspace.bot:
            raise BadRequestError("The app's own bot acts through the Web API.")
        if channel.is_archived:
            raise BadRequestError(f"#{channel.name} is archived: nobody can write there.")
        if (channel.is_private or channel.is_im) and user.id not in channel.members:
            raise BadRequestError(f"{user.handle} is not a member of #{channel.name}, which is private.")

    def _own(self, user: User, channel: Channel, ts: str) -> PostedMessage:
        self._may_act(user, channel)
        message = channel.messages.get(ts)
        if message is None or message.user != user.id:
            raise BadRequestError(f"{user.handle} wrote no message {ts} in #{channel.name}.")
        return message

    def _has_the_app(self, user: User) -> bool:
        """Whether *user* is offered commands and shortcuts: not from outside (https://docs.slack.dev/apis/slack-connect)."""
        return not user.is_stranger and not self._slack.app.gone

    def _typed(self, text: str, *, raw: bool = False) -> str:
        return text if raw else as_sent(text, self._slack.workspace, labels=False, tel_links=self.tel_links)

    def _thread(self, channel: Channel, thread_ts: str | None) -> str | None:
        if not thread_ts:
            return None
        parent = channel.messages.get(thread_ts)
        if parent is None:
            raise BadRequestError(f"There is no message {thread_ts} in #{channel.name} to reply to.")
        return parent.thread_ts if parent.is_reply else parent.ts

    async def _after(self, attempts: Attempts) -> JsonObject:
        """Wait until the app has acknowledged every event of an act, or the limit has passed."""
        began = time.perf_counter()
        # Slack's client waits for no app here; only whoever drives this one does, and not for an app that is not there.
        if attempts and (self._slack.app.events_url or self._slack.sockets.connections):
            await asyncio.wait(attempts, timeout=self._slack.feed.courier.ack_limit + 0.2)
        done = [attempt.result() for attempt in attempts if attempt.done()]
        acknowledged = len(done) == len(attempts) and all(outcome.acknowledged for outcome in done)
        ms = (time.perf_counter() - began) * 1000
        answer = {
            "ok": True,
            "acknowledged": acknowledged,
            "ms": round(ms, 3),
            "events": len(attempts),
            "response": None,
        }
        error = next((outcome.error for outcome in done if outcome.error), None)
        return answer if error is None else answer | {"error": error}

    def _interaction(self, kind: str, user: User, *, view: View | None = None) -> JsonObject:
        """What every interaction payload carries: https://docs.slack.dev/reference/interaction-payloads"""
        app, workspace = self._slack.app, self._slack.workspace
        # https://github.com/slackapi/bolt-python/blob/main/slack_bolt/request/internals.py: of a modal's end it is that of
        # whoever ends it, and the one that installed the app stands in the view.
        team = user.team_id if kind in ("view_submission", "view_closed") else workspace.team_id
        return {
            "type": kind,
            "user": {"id": user.id, "username": user.handle, "name": user.handle, "team_id": user.team_id},
            "api_app_id": app.app_id,
            "token": app.verification_token,
            "trigger_id": self._slack.views.new_trigger(user.id, view=view.id if view else None),
            "team": {"id": team, "domain": workspace.teams[team]},
            "enterprise": None if app.enterprise is None else {"id": app.enterprise[0], "name": app.enterprise[1]},
            "is_enterprise_install": app.org_wide,
        }


_NO_ANSWER = "Opt-Out Desk did not respond. Try again."
_TROUBLE = "We had some trouble connecting. Try again?"


def _shown(outcome: Outcome, failure: str) -> JsonObject:
    answer: JsonObject = {
        "ok": outcome.acknowledged,
        "acknowledged": outcome.acknowledged,
        "ms": round(outcome.ms, 3),
        "response": outcome.response,
    }
    return answer if outcome.acknowledged else answer | {"error": outcome.error, "shown": failure}


def _not_shown(error: str, sentence: str) -> JsonObject:
    return {"ok": False, "acknowledged": False, "ms": 0.0, "response": None, "error": error, "shown": sentence}


def _payload_name(channel: Channel) -> str:
    return "directmessage" if channel.is_im else "privategroup" if channel.is_private else channel.name


def _find_element(
    blocks: list[JsonObject], action_id: str, value: Any, block_id: str | None
) -> tuple[JsonObject, JsonObject]:
    """The element of that action; of several buttons with it, the one that carries *value*."""
    found = [
        (block, element)
        for block in blocks
        for element in elements_of(block)
        if element.get("action_id") == action_id and block_id in (None, block.get("block_id"))
    ]
    if not found:
        known = [str(item["action_id"]) for block in blocks for item in elements_of(block) if "action_id" in item]
        raise BadRequestError(f"Nothing here has action_id {action_id!r}. There are: {', '.join(known) or 'none'}.")
    if value is not None and found[0][1]["type"] == "button":
        found = [pair for pair in found if pair[1].get("value") == value]
        if not found:
            raise BadRequestError(f"No button {action_id!r} here carries the value {value!r}.")
    return found[0]


def _action(block: JsonObject, element: JsonObject, value: Any, action_ts: str) -> JsonObject:
    """One entry of `actions`."""
    action: JsonObject = {"type": element["type"], "action_id": element["action_id"], "block_id": block["block_id"]}
    if element["type"] == "button":
        action |= {name: element[name] for name in ("text", "value", "style", "url") if name in element}
    elif element["type"] in _SILENT_INPUTS:
        action["value"] = value
    else:
        action |= {name: state for name, state in chosen(element, value).items() if name != "type"}
        if "placeholder" in element:
            action["placeholder"] = element["placeholder"]
    return action | {"action_ts": action_ts}
