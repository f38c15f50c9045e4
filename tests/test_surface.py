"""What the desk asks of Slack and offers there: the manifest against the code, and the polite no at every entrance."""

import ast
import inspect
import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from pydantic import SecretStr
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.listener_matcher.async_builtins import AsyncBuiltinListenerMatcher
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from bot.app import create_app
from bot.config import Settings
from bot.manifest import manifest, scopes
from bot.sandbox import SandboxMessage, State
from handlers.permissions import Action
from handlers.slack.inbox import ENDINGS
from handlers.slack.listeners import surfaces_table
from handlers.slack.posting import POSTED
from handlers.slack.uploads_channels import CHANGES
from handlers.views import allowing, exports, forms, history
from handlers.views import destinations as destination_views
from handlers.views import hooks as hook_views
from handlers.views import keys as key_views
from handlers.views import settings as settings_views
from handlers.views import uploads as views
from handlers.views.shortcuts import check
from store import Function, Origin, PhoneState, Store, UndoPreview, read_text
from tests.entries import latest_entries, opted_out
from tests.handlers import conftest as desks
from tests.handlers.conftest import TICKETS, Office
from tests.store.test_uploads import turn_back

# Fixtures: the real app over real sockets, as the tests of the handlers have it.
slack, settings, office, loading_after = desks.slack, desks.settings, desks.office, desks.loading_after
desk_database_url = desks.desk_database_url

ROOT = Path(__file__).parents[1]
UPLOADS = "optout-uploads"
OUT, NOT_OUT = "+12125550100", "+12125550101"

# Bot scopes each method needs for what the desk asks: https://docs.slack.dev/reference/methods, "Required scopes".
# Where Slack wants one a kind of channel, both kinds the desk is used in are named.
METHOD_SCOPES: dict[str, set[str]] = {
    "apps_connections_open": set(),  # of the app-level token, which is no part of a manifest: connections:write
    "apps_uninstall": set(),
    "auth_teams_list": set(),
    "auth_test": set(),
    "bots_info": {"users:read"},
    "chat_delete": {"chat:write"},
    "chat_getPermalink": set(),
    "chat_postEphemeral": {"chat:write"},
    "chat_postMessage": {"chat:write"},
    "chat_update": {"chat:write"},
    "conversations_info": {"channels:read", "groups:read"},
    "conversations_list": {"channels:read", "groups:read"},
    "files_completeUploadExternal": {"files:write"},
    "files_getUploadURLExternal": {"files:write"},
    "files_info": {"files:read"},
    "files_list": {"files:read"},
    "functions_completeError": set(),
    "functions_completeSuccess": set(),
    "usergroups_list": {"usergroups:read"},
    "usergroups_users_list": {"usergroups:read"},
    "users_conversations": {"channels:read", "groups:read"},
    "users_info": {"users:read"},
    "users_list": {"users:read"},
    "views_open": set(),
    "views_publish": set(),
    "views_push": set(),
    "views_update": set(),
}
# https://docs.slack.dev/reference/events, "Required scopes".
EVENT_SCOPES: dict[str, set[str]] = {
    "app_home_opened": set(),
    "app_mention": {"app_mentions:read"},
    "app_uninstalled": set(),
    "channel_rename": {"channels:read"},
    "file_deleted": {"files:read"},
    "file_shared": {"files:read"},
    "function_executed": set(),
    "group_rename": {"groups:read"},
    "member_joined_channel": {"channels:read", "groups:read"},
    "message.im": {"im:history"},
    "message_metadata_posted": {"metadata.message:read"},
    "tokens_revoked": set(),
}


class Listener(NamedTuple):
    """What Bolt was told to listen to: `command`, `action`, `event` ..., and of which name."""

    kind: str
    name: str


def listeners(app: AsyncApp) -> list[Listener]:
    """Every listener of *app*, in order. Bolt keeps a name nowhere but in the closure of its matcher."""
    found = []
    for listener in app._async_listeners:
        # The first matcher is Bolt's own; others are the ones a registration adds.
        matcher = listener.matchers[0]
        assert isinstance(matcher, AsyncBuiltinListenerMatcher)
        [(kind, name)] = _names(matcher.func)
        found.append(Listener(kind, name.pattern if isinstance(name, re.Pattern) else name))
    return found


def _names(matcher: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
    for name, value in inspect.getclosurevars(matcher).nonlocals.items():
        if inspect.isfunction(value):
            yield from _names(value)
        elif isinstance(value, str | re.Pattern | dict):
            assert name in {"command", "constraints", "event_type", "callback_id"}
            assert not isinstance(value, dict), "a listener of several constraints: this test must learn to read them"
            yield matcher.__qualname__.split(".")[0], value


@pytest.fixture
def app(tmp_path: Path) -> Iterator[AsyncApp]:
    """The app as it is put together; nothing is contacted."""
    store = Store.open(f"sqlite:///{tmp_path / 'desk.db'}")
    yield create_app(Settings(slack_bot_token=SecretStr("xoxb-1"), scratch_dir=tmp_path), store).app
    store.close()


def names_of(app: AsyncApp, kind: str) -> set[str]:
    return {listener.name for listener in listeners(app) if listener.kind == kind} - {".*"}


def methods_called() -> set[str]:
    """Every Web API method that the product calls, as slack_sdk names it."""
    known = {name for name, _ in inspect.getmembers(AsyncWebClient, inspect.iscoroutinefunction) if "_" in name}
    sandbox = ROOT / "bot" / "sandbox"
    files = [
        path for part in ("bot", "handlers") for path in (ROOT / part).rglob("*.py") if sandbox not in path.parents
    ]
    called = {
        node.func.attr
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    return {name for name in called & known if not name.startswith("_")}


# The manifest


def test_the_manifest_names_every_command_and_event(app: AsyncApp) -> None:
    """Slack sends what the manifest asks for; all of it has a listener, and every listener is sent something."""
    document = yaml.safe_load(manifest())
    assert {command["command"] for command in document["features"]["slash_commands"]} == names_of(app, "command")
    subscribed = document["settings"]["event_subscriptions"]["bot_events"]
    # Messages are subscribed to by the kind of channel, and come as one type.
    # What the desk itself posted, that channels changed, and that the app is uninstalled, is dealt with before any listener.
    dealt_with = {POSTED} | CHANGES | ENDINGS | {"function_executed"}
    assert {event.split(".")[0] for event in subscribed} == names_of(app, "event") | dealt_with
    assert document["settings"]["interactivity"]["is_enabled"] is bool(names_of(app, "action"))
    assert set(document["functions"]) == names_of(app, "function_executed")
    shortcuts = {shortcut["callback_id"] for shortcut in document["features"].get("shortcuts", ())}
    assert shortcuts == names_of(app, "shortcut")


def test_the_manifest_asks_for_what_is_used_and_no_more() -> None:
    """The scopes are those of the methods called, the events subscribed to and the commands: none less, none more."""
    methods = methods_called()
    assert "api_call" not in methods, "a method called by its text cannot be checked here"
    assert methods <= set(METHOD_SCOPES), "look the new method's scopes up and name them here"
    document = yaml.safe_load(manifest())
    needed = {scope for method in methods for scope in METHOD_SCOPES[method]}
    for event in document["settings"]["event_subscriptions"]["bot_events"]:
        needed |= EVENT_SCOPES[event]
    if document["features"]["slash_commands"]:
        needed.add("commands")
    assert set(scopes()) == needed


# The polite no

Act = Callable[[Office, str], Awaitable[None]]


async def _command(office: Office, person: str) -> None:
    assert (await office.people.command(person, TICKETS, f"/optout add {NOT_OUT}")).ok


async def _mention(office: Office, person: str) -> None:
    await office.people.message(person, TICKETS, f"<@{office.slack.bot_user_id}> is 212 555 0100 opted out?", raw=True)


async def _mention_to_add(office: Office, person: str) -> None:
    await office.people.message(person, TICKETS, f"<@{office.slack.bot_user_id}> opt out {NOT_OUT}", raw=True)


async def _mention_to_delete(office: Office, person: str) -> None:
    await office.people.message(person, TICKETS, f"<@{office.slack.bot_user_id}> opt in {OUT}", raw=True)


async def _direct(office: Office, person: str) -> None:
    assert (await office.people.message(person, "@bot", OUT)).ok


async def _direct_list(office: Office, person: str) -> None:
    assert (await office.people.drop(person, "@bot", "list.csv", b"phone\n2125550101\n")).ok


async def _check(office: Office, person: str) -> None:
    ticket = await office.people.message("admin", TICKETS, f"it is {NOT_OUT}")
    assert (await office.people.shortcut(person, "optout.check", channel=TICKETS, ts=ticket.ts)).acknowledged
    assert (await office.people.state()).views(person) == []


async def _mention_with_list(office: Office, person: str) -> None:
    await office.people.drop(person, TICKETS, "list.csv", b"phone\n2125550101\n", text="@optout")


async def _drop(office: Office, person: str) -> None:
    await office.people.drop(person, UPLOADS, "list.csv", b"phone\n2125550101\n")


async def _add(office: Office, person: str) -> None:
    found = await office.ask("admin", f"search {NOT_OUT}", channel=TICKETS, replies=0)
    await office.press(person, found, "optout.add")


async def _delete(office: Office, person: str) -> None:
    asked = await office.ask("admin", f"delete {OUT}", channel=TICKETS, replies=0)
    await office.press(person, asked, "optout.delete")


async def _why(office: Office, person: str) -> None:
    """The form of a delete, open all the same: Slack would have to have mixed people up."""
    asked = await office.ask("admin", f"delete {OUT}", channel=TICKETS, replies=0)
    told = len((await office.people.state()).ephemerals(person))
    await office.press(person, asked, "optout.delete")
    await office.told(person, told)
    await submitted(
        office,
        person,
        allowing.ask_reason(PhoneState(OUT, (), ()), "US", origin(asked, phone=OUT, seen=1), ""),
        {"optout.why": "mine"},
    )


def origin(message: SandboxMessage, **more: Any) -> str:
    """What a modal opened from *message* remembers."""
    return json.dumps(
        {"channel": message.channel, "name": None, "thread": message.thread_ts, "message": message.ts} | more
    )


async def submitted(office: Office, person: str, view: View, values: dict[str, Any]) -> None:
    """*person*, who just pressed something, submits *view* and is told in it that the desk is not theirs to use."""
    trigger = (await office.people.deliveries("interaction"))[-1]["payload"]["trigger_id"]
    client = AsyncWebClient(token=office.slack.bot_token, base_url=office.slack.api_url)
    opened = (await client.views_open(trigger_id=trigger, view=view))["view"]
    assert (await office.people.submit(person, opened["id"], values)).acknowledged
    said = await office.people.until(
        lambda state: next((v for v in state.views(person) if "the opt-out desk" in str(v)), None)
    )
    await office.people.close(person, said["id"])


def _pressing(action: str, content: bytes, words: str | None = None) -> Act:
    """An admin drops *content*, with *words*, and somebody else uses the element *action* of what the desk says of it."""

    async def act(office: Office, person: str) -> None:
        name = f"{action.replace('scrub', 'instead')}.csv"  # by that word a list is scrubbed at once
        await office.people.drop("admin", UPLOADS, name, content, text=words)

        def offered(state: State) -> SandboxMessage | None:
            messages = [*state.channel(UPLOADS).everything]
            found = [one for one in messages if any(item["action_id"] == action for item in one.elements)]
            return next((one for one in found if name in one.all_text or "Mobile" in one.all_text), None)

        message = await office.people.until(offered)
        element = next(item for item in message.elements if item["action_id"] == action)
        value = element["options"][1]["value"] if "options" in element else element.get("value")
        outcome = await office.people.click(person, message, action, value=value)
        assert outcome.ok, outcome

    return act


async def _expired(office: Office, person: str) -> None:
    """A list of an admin's that nobody decided on in time, which somebody else has read again."""
    await office.people.drop("admin", UPLOADS, "late.csv", b"phone\n2125550102\n")

    def offered(action: str) -> Callable[[State], SandboxMessage | None]:
        def there(state: State) -> SandboxMessage | None:
            mine = (one for one in state.channel(UPLOADS).everything if "late.csv" in one.text)
            return next((one for one in mine if any(e["action_id"] == action for e in one.elements)), None)

        return there

    await office.people.until(offered("upload.confirm"))
    turn_back(office.store, "waiting_since", timedelta(days=4))
    office.service.desk.runner.poke()
    outcome = await office.people.click(person, await office.people.until(offered("upload.again")), "upload.again")
    assert outcome.ok, outcome


async def _open(office: Office, person: str) -> None:
    """*Open* in the list of uploads that an admin asked for, which Slack follows by itself."""
    ts = await office.people.drop("admin", UPLOADS, "open.csv", b"phone\n2125550102\n")
    assert ts is not None

    def with_button(state: State) -> SandboxMessage | None:
        return next((one for one in state.channel(TICKETS).everything if "open.csv" in one.all_text), None)

    await office.people.until(
        lambda state: next((one for one in state.channel(UPLOADS).everything if "open.csv" in one.text), None)
    )
    assert (await office.people.command("admin", TICKETS, "/optout uploads")).ok
    await office.press(person, await office.people.until(with_button), "upload.open")


def _posted(action: str, value: str) -> Act:
    """A button that stands where the person can press it; the desk would have to have posted it there."""

    async def act(office: Office, person: str) -> None:
        button = {"type": "button", "text": {"type": "plain_text", "text": "x"}, "action_id": action, "value": value}
        client = AsyncWebClient(token=office.slack.bot_token, base_url=office.slack.api_url)
        channel = (await office.people.state()).channel(TICKETS).id
        posted = await client.chat_postMessage(
            channel=channel, text="page", blocks=[{"type": "actions", "elements": [button]}]
        )
        message = (await office.people.state()).message(posted["ts"])
        assert message is not None
        await office.press(person, message, action)

    return act


def _turn(action: str) -> Act:
    """A button of a page of history."""
    return _posted(action, json.dumps({"filters": {"phone": OUT} if "phone" in action else {}, "before": []}))


async def _remark(office: Office, person: str) -> None:
    found = await office.ask("admin", f"search {OUT}", channel=TICKETS)
    told = len((await office.people.state()).ephemerals(person))
    await office.press(person, found, "remark.form")
    await office.told(person, told)
    form = history.remark_form(PhoneState(OUT, (), ()), "US", origin(found, phone=OUT))
    await submitted(office, person, form, {history.REMARK: "mine"})


async def _home(office: Office, person: str) -> None:
    """Home says no by itself; the command does it for the eyes of this test."""
    assert (await office.people.home(person)).ok
    home = await office.people.until(lambda state: state.home(person))
    assert re.search(r"use the opt-out desk", str(home))
    assert "opted out" not in str(home)
    await _command(office, person)


# The buttons that open a form, where they are not named as the others.
_OPENING = {
    "key": key_views.OPEN,
    "destination": destination_views.OPEN,
    "twilio": destination_views.OPEN_TWILIO,
    "van": destination_views.OPEN_VAN,
    "twilio hook": hook_views.OPEN_TWILIO,
    "telnyx hook": hook_views.OPEN_TELNYX,
    "file": destination_views.OPEN_FILE,
}


def _form(name: str, values: Mapping[str, Any]) -> Act:
    """The menu and a form are open all the same, and the person presses and submits."""

    async def act(office: Office, person: str) -> None:
        found = await office.ask("admin", f"search {NOT_OUT}", channel=TICKETS, replies=0)
        told = len((await office.people.state()).ephemerals(person))
        await office.press(person, found, "optout.add")
        await office.told(person, told)
        account, about = office.store.accounts.get(office.account.id), origin(found)
        made = {"add": forms.add(account, about), "search": forms.search(account, about)}
        made["settings"] = settings_views.form(
            account, [], origin(found, seen=account.fingerprint), undo_days=14, most_bytes=10**9
        )
        made["key"] = key_views.form(about, 40, serves_api=True)
        made["destination"] = destination_views.webhook_form(about, (), longest_name=40, longest_address=500)
        made["twilio"] = destination_views.twilio_form(about, longest_name=40)
        made["van"] = destination_views.van_form(about, longest_name=40)
        made |= {"twilio hook": hook_views.twilio_form(about, 40), "telnyx hook": hook_views.telnyx_form(about, 40)}
        made["file"] = destination_views.file_form(about, longest_name=40)
        made |= {"upload": forms.upload(account, about, None), "scrub": forms.scrub_form(account, about, None)}
        made |= {"history": history.form(about, sees_all=True), "export": exports.form(about)}
        filled = dict(values)
        if name in {"upload", "scrub"}:
            filled["form.file"] = [(await office.people.drop(person, None, "form.csv", b"phone\n2125550101\n")).file]
            filled["form.channel"] = (await office.people.state()).channel(UPLOADS).id
        if name in {"destination", "twilio", "van", "file"}:
            filled["destination.channel"] = (await office.people.state()).channel(UPLOADS).id
        await submitted(office, person, made[name], filled)
        await office.press(person, found, "optout.add")
        await office.told(person, told + 1)
        trigger = (await office.people.deliveries("interaction"))[-1]["payload"]["trigger_id"]
        client = AsyncWebClient(token=office.slack.bot_token, base_url=office.slack.api_url)
        menu = forms.menu(account, about, "admin")
        in_settings = key_views.in_settings(), *destination_views.in_settings(), *hook_views.in_settings()
        menu.blocks = [*(menu.blocks or ()), *in_settings]
        opened = (await client.views_open(trigger_id=trigger, view=menu))["view"]
        button = _OPENING.get(name, f"form.{name}")
        assert (await office.people.click_in_view(person, opened["id"], button)).acknowledged
        await office.told(person, told + 2)
        assert [view["id"] for view in (await office.people.state()).views(person)] == [opened["id"]]
        await office.people.close(person, opened["id"])

    return act


_FORMS = {
    "add": _form("add", {"form.numbers": NOT_OUT}),
    "search": _form("search", {"form.number": OUT}),
    "upload": _form("upload", {}),
    "scrub": _form("scrub", {}),
    "history": _form("history", {history.OF: OUT}),
    "export": _form("export", {}),
}


async def _handed_over(office: Office, person: str) -> None:
    """What an admin was asked, pressed by somebody else: Slack would have to have mixed people up."""
    asked = await office.ask("admin", f"search {NOT_OUT}", channel=TICKETS, replies=0)
    client = AsyncWebClient(token=office.slack.bot_token, base_url=office.slack.api_url)
    button = {"type": "button", "text": {"type": "plain_text", "text": "x"}, "action_id": "handover.do", "value": "x"}
    decline = button | {"action_id": "handover.decline"}
    block = {"type": "actions", "elements": [button, decline]}
    posted = await client.chat_postMessage(channel=asked.channel, text="asks you", blocks=[block])
    message = (await office.people.state()).message(posted["ts"])
    assert message is not None
    told = len((await office.people.state()).ephemerals(person))
    await office.press(person, message, "handover.do")
    await office.told(person, told)
    await office.press(person, message, "handover.decline")


DESTINATION = {"destination.name": "mine", "destination.address": "https://example.org/"}
TWILIO = {
    "destination.name": "mine",
    "destination.address": f"MG{'0b' * 16}",
    "destination.login": f"AC{'0a' * 16}",
    "destination.secret": "hunter2hunter2hunter2",
}
VAN = {
    "destination.name": "mine",
    "destination.login": "acmeTexting",
    "destination.secret": "7c9e6679-7425-40de-944b-e07fc1f90ae7|1",
}
TWILIO_HOOK = {"hook.name": "mine", "hook.login": f"AC{'0a' * 16}", "hook.secret": "hunter2hunter2hunter2"}
TELNYX_HOOK = {"hook.name": "mine", "hook.secret": f"{'A' * 43}="}
CASES: dict[Listener, Act | tuple[Act, ...]] = {
    Listener("command", "/optout"): _command,
    Listener("event", "app_mention"): (_mention, _mention_to_add, _mention_to_delete, _mention_with_list),
    Listener("event", "message"): (_direct, _direct_list),
    Listener("shortcut", "optout.check"): _check,
    Listener("event", "file_shared"): _drop,
    Listener("event", "app_home_opened"): _home,
    **{Listener(kind, f"form.{name}"): act for name, act in _FORMS.items() for kind in ("action", "view_submission")},
    Listener("action", "optout.add"): _add,
    Listener("action", "optout.delete"): _delete,
    Listener("view_submission", "optout.why"): _why,
    Listener("action", "allow.yes"): _posted("allow.yes", "1"),
    Listener("action", "allow.no"): _posted("allow.no", "1"),
    Listener("action", "history.phone.newer"): _turn("history.phone.newer"),
    Listener("action", "history.phone.older"): _turn("history.phone.older"),
    Listener("action", "history.all.newer"): _turn("history.all.newer"),
    Listener("action", "history.all.older"): _turn("history.all.older"),
    Listener("action", "remark.form"): _remark,
    Listener("view_submission", "remark.form"): _remark,
    Listener("action", "form.settings"): _form("settings", {"settings.ask": "never"}),
    Listener("view_submission", "settings.form"): _form("settings", {"settings.ask": "never"}),
    Listener("action", "key.form"): _form("key", {"key.name": "mine"}),
    Listener("view_submission", "key.form"): _form("key", {"key.name": "mine"}),
    Listener("action", "key.revoke"): _posted("key.revoke", "abcdefghij"),
    Listener("action", "destination.form"): _form("destination", DESTINATION),
    Listener("view_submission", "destination.form"): _form("destination", DESTINATION),
    Listener("action", "destination.twilio"): _form("twilio", TWILIO),
    Listener("view_submission", "destination.twilio"): _form("twilio", TWILIO),
    Listener("action", "destination.van"): _form("van", VAN),
    Listener("view_submission", "destination.van"): _form("van", VAN),
    Listener("action", "destination.file"): _form("file", {"destination.name": "mine"}),
    Listener("view_submission", "destination.file"): _form("file", {"destination.name": "mine"}),
    **{
        Listener("action", f"destination.{does}"): _posted(f"destination.{does}", "abcdefghij")
        for does in ("retry", "pause", "test", "remove", "list")
    },
    Listener("action", "hook.twilio"): _form("twilio hook", TWILIO_HOOK),
    Listener("view_submission", "hook.twilio"): _form("twilio hook", TWILIO_HOOK),
    Listener("action", "hook.telnyx"): _form("telnyx hook", TELNYX_HOOK),
    Listener("view_submission", "hook.telnyx"): _form("telnyx hook", TELNYX_HOOK),
    Listener("action", "hook.remove"): _posted("hook.remove", "abcdefghij"),
    Listener("action", "destination.loaded"): _posted("destination.loaded", "1"),
    Listener("action", "upload.confirm"): _pressing("upload.confirm", b"phone\n2125550102\n"),
    Listener("action", "upload.cancel"): _pressing("upload.cancel", b"phone\n2125550102\n"),
    Listener("action", "upload.country"): _pressing("upload.country", b"phone\n2125550102\n"),
    Listener("action", "upload.column"): _pressing("upload.column", b"name,Mobile\nAna,2125550102\n"),
    Listener("action", "upload.again"): _expired,
    Listener("action", "upload.open"): _open,
    Listener("action", "upload.scrub"): _pressing("upload.scrub", b"phone\n2125550102\n"),
    Listener("action", "upload.look"): _pressing("upload.look", b"phone\n2125550102\n", "@optout opt in these people"),
    **{
        Listener("action", action): _pressing(action, b"phone\n2125550102\n", "@optout compare this")
        for action in ("upload.take", "upload.missing", "upload.pass_on")
    },
    **{Listener("action", action): _posted(action, "1") for action in ("reply.out", "reply.not", "reply.look")},
    Listener("action", "handover.do"): _handed_over,
    Listener("action", "handover.decline"): _handed_over,
    Listener("action", "upload.read"): _pressing(
        "upload.read", b"phone,status\n2125550102,unsubscribed\n2125550103,active\n"
    ),
}


# Modals that are open all the same, and lists that an admin said yes to: tested below. What only one person sees is pressed by
# others in tests/test_forged.py.
LATER = {
    # Nobody asks by it: tests/handlers/test_steps.py.
    Listener("function_executed", "opt_out_number"),
    Listener("action", "handover.ask"),
    Listener("action", "lookup.show"),
    Listener("action", "upload.want"),
    Listener("view_submission", "optout.check"),
    Listener("view_submission", "upload.sure"),
    Listener("view_submission", "upload.pass_on"),
    Listener("view_submission", "upload.undo"),
    Listener("action", "upload.stop"),
    Listener("action", "upload.continue"),
    Listener("action", "upload.undo"),
}


def test_every_listener_has_a_case(app: AsyncApp) -> None:
    """Whoever adds an entrance shows here that it is guarded. The catch-all for events does nothing for anybody."""
    assert set(listeners(app)) - {Listener("event", ".*")} == set(CASES) | LATER


def test_the_table_of_surfaces_is_the_codes(tmp_path: Path) -> None:
    """docs/surfaces.md shows what each role may do and where, as it is registered; every action can be reached."""
    store = Store.open(f"sqlite:///{tmp_path / 'desk.db'}")
    desk = create_app(Settings(slack_bot_token=SecretStr("xoxb-1"), scratch_dir=tmp_path), store)
    store.close()
    assert {action for listener in desk.listeners for action in listener.actions} == set(Action)
    registered = {listener.name for listener in listeners(desk.app)} - {".*"}
    assert {listener.name for listener in desk.listeners} == registered
    table = surfaces_table(desk.listeners)
    shown = (ROOT / "docs" / "surfaces.md").read_text(encoding="utf-8")
    assert table in shown, f"docs/surfaces.md needs this table:\n{table}"


def _stored(office: Office) -> dict[str, Any]:
    store, account = office.store, office.account.id
    return {
        "account": store.accounts.get(account),
        "entries": latest_entries(store, account, 100),
        "out": opted_out(store, account),
        "keys": store.keys.list_of(account),
        "uploads": [(one.id, one.state, one.country, one.phone_column) for one in store.uploads.list(account, 100)],
    }


@pytest.mark.wide
@pytest.mark.parametrize("person", ["guest", "stranger"])
async def test_every_entrance_says_a_polite_no(office: Office, person: str) -> None:
    """A guest and a person of another organisation are told alone that the desk is not theirs to use; nothing is done."""
    await office.let_in(person)
    for channel in (TICKETS, UPLOADS):
        await office.people.invite(channel, person)
    await office.opt_out(OUT)
    acts = [act for case in CASES.values() for act in (case if isinstance(case, tuple) else (case,))]
    uploads = 0
    for act in acts:
        told = len((await office.people.state()).ephemerals(person))
        await act(office, person)
        no = await office.told(person, told)
        assert re.search(r"(cannot|Only members of this workspace can) use the opt-out desk", no.text), act
        assert "555" not in no.all_text
        stored = _stored(office)
        assert stored["out"] == [OUT], act
        assert stored["keys"] == (), act
        assert len(stored["entries"]) == 1, act
        assert stored["account"].country == "US", act
        uploads = len(stored["uploads"])
        assert {state for _, state, _, _ in stored["uploads"]} <= {"received", "waiting", "refused", "expired"}, act
        assert {(country, column) for _, _, country, column in stored["uploads"]} <= {("US", None)}, act
    pressed = [listener for listener in CASES if listener.name.startswith("upload.")]
    assert uploads == len(pressed), "the admin's lists and no other"


@pytest.mark.wide
@pytest.mark.parametrize("person", ["guest", "stranger"])
async def test_a_check_that_is_open_all_the_same(office: Office, person: str) -> None:
    """The modal of the message shortcut, submitted by who may not, opts nobody out and says so."""
    await office.let_in(person)
    await office.people.invite(TICKETS, person)
    ticket = await office.people.message("admin", TICKETS, f"it is {NOT_OUT}")
    assert (await office.people.shortcut(person, "optout.check", channel=TICKETS, ts=ticket.ts)).acknowledged
    trigger = (await office.people.deliveries("interaction"))[-1]["payload"]["trigger_id"]
    channel = (await office.people.state()).channel(TICKETS).id
    where = {"channel": channel, "name": TICKETS, "thread": ticket.ts, "message": ticket.ts}
    found = [(PhoneState(NOT_OUT, (), ()), one) for one in read_text(NOT_OUT, None).phones]
    view = check(found, 0, "words", "US", json.dumps(where), is_whole=True)
    client = AsyncWebClient(token=office.slack.bot_token, base_url=office.slack.api_url)
    opened = (await client.views_open(trigger_id=trigger, view=view))["view"]
    assert (await office.people.submit(person, opened["id"], {"check.cause": "other"})).acknowledged
    await office.people.until(lambda state: "use the opt-out desk" in str(state.views(person)))
    assert _stored(office)["entries"] == ()


@pytest.mark.wide
@pytest.mark.parametrize("person", ["guest", "stranger"])
async def test_what_is_applied_is_not_theirs_either(office: Office, person: str) -> None:
    """Neither the buttons of a list at work, stopped or done, nor a modal that is open all the same, do what they ask."""
    await office.people.invite(UPLOADS, person)
    store, account = office.store, office.account.id

    async def confirmed(name: str, button: str) -> SandboxMessage:
        await office.people.drop("admin", UPLOADS, name, f"phone\n2125550102\n,{name}\n".encode())
        preview = await shown(name, "upload.confirm")
        # Slack is slow to say where the file is, and the desk waits before it goes on.
        await office.people.fault(method="files.info", fault="slow", seconds=2)
        await office.press("admin", preview, "upload.confirm")
        if button == "upload.continue":
            upload = store.uploads.list(account, 1)[0]
            store.uploads.stop(account, upload.id, Origin(Function.UPLOAD, upload.actor))
        return await shown(name, button)

    async def shown(name: str, button: str) -> SandboxMessage:
        def there(state: State) -> SandboxMessage | None:
            found = [one for one in state.channel(UPLOADS).everything if name in one.all_text]
            return next((one for one in found if button in [b.action_id for b in one.buttons]), None)

        return await office.people.until(there)

    async def refused(message: SandboxMessage, button: str) -> None:
        told = len((await office.people.state()).ephemerals(person))
        await office.press(person, message, button)
        assert re.search(r"use the opt-out desk", (await office.told(person, told)).text)

    await refused(await confirmed("done.csv", "upload.stop"), "upload.stop")
    done = await shown("done.csv", "upload.undo")
    await refused(done, "upload.undo")
    about = origin(done, upload=1, fingerprint=store.uploads.get(account, 1).fingerprint)
    for view, values in (
        (views.undo_question(store.uploads.get(account, 1), UndoPreview(1, 0, 0), about), {}),
        (views.ask_for_number(store.uploads.get(account, 1), (), about), {"upload.number": "1"}),
    ):
        await refused(done, "upload.undo")
        await submitted(office, person, view, values)
    await refused(await confirmed("stopped.csv", "upload.continue"), "upload.continue")
    assert [one.state for one in store.uploads.list(account, 9)] == ["stopped", "done"]
    assert [entry.function for entry in latest_entries(store, account, 9)] == [Function.UPLOAD, Function.UPLOAD]
