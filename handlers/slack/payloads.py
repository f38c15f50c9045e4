"""Parsing of Slack's payloads: their idempotency key, who asks and where, and what was pressed or filled in."""

import hashlib
import json
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.modal_context import ModalContext
from handlers.slack.places import Place
from store import Actor


def idempotency_key_of(body: dict[str, Any]) -> str:
    """
    The idempotency key of what a payload asks for: the same payload, however often it comes, has the same one.

    Slack gives each command, button and shortcut a trigger of its own, and each event an id. A submitted modal is named
    by what stands in it: Slack lets people submit once more what it got no acknowledgement for, and they may have
    changed it by then.
    """
    if "event_id" in body:
        return f"event {body['event_id']}"
    if body.get("type") == "view_submission":
        view = body["view"]
        values = json.dumps(view["state"]["values"], sort_keys=True)
        return f"view {view['id']} {hashlib.sha256(values.encode()).hexdigest()[:16]}"
    return f"trigger {body['trigger_id']}"


def pressed_value(body: dict[str, Any]) -> str:
    """The value of the button that was pressed, or of the option that was chosen in a menu."""
    action = body["actions"][0]
    value: str = (action.get("selected_option") or action)["value"]
    return value


def submitted_values(body: dict[str, Any]) -> dict[str, Any]:
    """The values of the fields of a submitted modal, by block: text, an option's value or a list; None in an empty one."""
    values: dict[str, Any] = {}
    for block, elements in body["view"]["state"]["values"].items():
        [state] = elements.values()
        value = next((part for name, part in state.items() if name != "type"), None)
        if isinstance(value, dict):  # an option
            value = value["value"]
        elif isinstance(value, list) and "selected_options" in state:
            value = [option["value"] for option in value]
        values[block] = value or None
    return values


def place_of_command(body: dict[str, Any], client: AsyncWebClient) -> Place:
    """The channel in which a command was typed; none of its threads, since Slack has no commands there."""
    return Place(
        actor=Actor(body["user_id"], body["user_name"]),
        channel_id=body["channel_id"],
        channel_name=_name_of({"name": body["channel_name"]}),
        response_url=body["response_url"],
        client=client,
    )


def place_of_button(body: dict[str, Any], client: AsyncWebClient) -> Place:
    """
    The place of a pressed button: its answer goes to the thread of its message, or to the asker who alone sees it.

    One in a modal stands for where that was opened. One in App Home belongs to no message: what it has to say goes to
    the asker's direct messages.
    """
    container, message = body["container"], body.get("message") or {}
    if container["type"] == "view" and body["view"]["type"] == "modal":
        return modal_context_of(body).place(actor_of(body), client)
    actor = actor_of(body)
    if container["type"] == "view":
        return Place(actor=actor, channel_id=actor.id, client=client)
    return Place(
        actor=actor,
        channel_id=body["channel"]["id"],
        channel_name=_name_of(body["channel"]),
        thread_ts=message.get("thread_ts") or container.get("thread_ts") or container["message_ts"],
        message_ts=container["message_ts"],
        response_url=body.get("response_url"),
        client=client,
        ephemeral=bool(container.get("is_ephemeral")),
    )


def place_of_shortcut(body: dict[str, Any], client: AsyncWebClient) -> Place:
    """The message that a shortcut was used on; it may stand where the bot is not."""
    message = body.get("message") or {}
    return Place(
        actor=actor_of(body),
        channel_id=body["channel"]["id"],
        channel_name=_name_of(body["channel"]),
        thread_ts=message.get("thread_ts") or body["message_ts"],
        message_ts=body["message_ts"],
        response_url=body.get("response_url"),
        client=client,
    )


def modal_context_of(body: dict[str, Any]) -> ModalContext:
    """The context of the modal that was submitted, or in which something was pressed."""
    return ModalContext.from_json(body["view"]["private_metadata"])


def actor_of(body: dict[str, Any]) -> Actor:
    """The person who pressed, chose or submitted."""
    user = body["user"]
    return Actor(user["id"], user.get("username") or user.get("name") or user["id"])


def _name_of(channel: dict[str, Any]) -> str | None:
    """The channel's name; Slack calls all private channels and direct messages by these same names."""
    name = channel.get("name")
    return None if name in {"privategroup", "directmessage"} else name
