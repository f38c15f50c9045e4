"""`views.*`: https://docs.slack.dev/reference/methods?family=views"""

from bot.sandbox.errors import SlackError, invalid_arguments
from bot.sandbox.views import View
from bot.sandbox.web_api import Call, JsonObject, Method


def _shown(call: Call, view: View) -> JsonObject:
    return {"view": call.slack.views.described(view)}


def _trigger(call: Call) -> str:
    return call.text("trigger_id") or call.needed("interactivity_pointer")


async def open_(call: Call) -> JsonObject:
    return _shown(call, call.slack.views.open(_trigger(call), call.json("view")))


async def push(call: Call) -> JsonObject:
    return _shown(call, call.slack.views.push(_trigger(call), call.json("view")))


async def update(call: Call) -> JsonObject:
    view_id, external_id = call.text("view_id"), call.text("external_id")
    if view_id is None and external_id is None:
        raise invalid_arguments("missing required field: view_id [json-pointer:/view_id]")
    view = call.slack.views.update(
        call.json("view"), view_id=view_id, external_id=external_id, view_hash=call.text("hash")
    )
    return _shown(call, view)


async def publish(call: Call) -> JsonObject:
    user = call.workspace.users.get(call.needed("user_id"))
    if user is None or user.is_bot:
        raise SlackError("user_not_found")
    return _shown(call, call.slack.views.publish(user.id, call.json("view"), view_hash=call.text("hash")))


METHODS = {
    "views.open": Method(open_),
    "views.push": Method(push),
    "views.update": Method(update),
    "views.publish": Method(publish),
}
