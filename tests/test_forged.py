"""
Forged, but signed: every entrance of docs/surfaces.md, used with ids, values and metadata that are not the asker's.

Nothing is done and nothing told that the person could not have by the surface itself.
"""

import copy
import json
from typing import Any

import pytest
from slack_sdk.models.views import View

from bot.config import Settings
from bot.sandbox import EmbeddedSlack, SandboxClient
from bot.sandbox.workspace import new_id
from handlers.slack.seals import Seals
from store import Function, Origin
from tests.entries import latest_entries, opted_out
from tests.handlers import conftest as desks
from tests.handlers.conftest import ADMINS, TICKETS, Office, at_work
from tests.handlers.slack.test_inbox import all_done
from tests.handlers.test_files import LIST, UPLOADS, drop, says, settled

pytestmark = pytest.mark.wide

slack, settings, office, loading_after = desks.slack, desks.settings, desks.office, desks.loading_after
desk_database_url = desks.desk_database_url

OUT, NOT_OUT = "+12125550100", "+12125550101"
# By the listener: what a button carries, so that it would do something for whoever may.
BUTTONS: dict[str, Any] = {
    "optout.add": NOT_OUT,
    "optout.delete": {"phone": OUT, "seen": 99},
    "allow.yes": "2",
    "allow.no": "2",
    "lookup.show": OUT[1:],
    "reply.out": "1",
    "reply.not": "1",
    "reply.look": "1",
    "history.phone.newer": {"filters": {"phone": OUT}, "before": []},
    "history.phone.older": {"filters": {"phone": OUT}, "before": []},
    "history.all.newer": {"filters": {}, "before": []},
    "history.all.older": {"filters": {}, "before": []},
    "remark.form": OUT,
    "form.add": "x",
    "form.search": "x",
    "form.upload": "x",
    "form.scrub": "x",
    "form.history": "x",
    "form.export": "x",
    "form.settings": "x",
    "key.form": "x",
    "key.revoke": "abcdefghij",
    "destination.form": "x",
    "destination.twilio": "x",
    "destination.van": "x",
    "hook.twilio": "x",
    "hook.telnyx": "x",
    "hook.remove": "abcdefghij",
    "destination.file": "x",
    **{f"destination.{does}": "abcdefghij" for does in ("retry", "pause", "test", "remove", "list")},
    "destination.loaded": "1",
    "upload.confirm": {"upload": 1},
    "upload.stop": "1",
    "upload.continue": "1",
    "upload.undo": "1",
    "upload.cancel": "1",
    "upload.open": "1",
    "upload.again": "1",
    "upload.column": {"upload": 1, "column": "name"},
    "upload.country": {"upload": 1, "country": "GB"},
    "upload.read": {"upload": 1, "choices": {"all_rows": True}},
    "upload.scrub": "1",
    "upload.look": "1",
    "upload.want": {"upload": 1},
    "upload.take": "1",
    "upload.missing": "1",
    "upload.pass_on": "1",
    "handover.ask": f"optout.add - {NOT_OUT}",
    "handover.do": "1",
    "handover.decline": "1",
}
# By the listener: the fields of a submitted modal, and what its metadata is about.
MODALS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "form.add": ({"form.numbers": NOT_OUT}, {}),
    "form.search": ({"form.number": OUT}, {}),
    "form.upload": ({"form.file": None, "form.channel": None}, {}),
    "form.scrub": ({"form.file": None, "form.channel": None}, {}),
    "form.history": ({"history.of": OUT}, {}),
    "form.export": ({"export.format": "desk"}, {}),
    "optout.why": ({"optout.why": "mine"}, {"phone": OUT, "seen": 99}),
    "optout.check": ({"check.cause": "other", "check.words": "mine", "check.phones.0": [NOT_OUT]}, {}),
    "remark.form": ({"history.remark": "mine"}, {"phone": OUT}),
    "settings.form": ({"settings.support": "nobody", "settings.ask": "never"}, {"seen": "?"}),
    "key.form": ({"key.name": "mine", "key.scopes": ["check"], "key.expiry": "never"}, {}),
    "destination.form": ({"destination.name": "mine"}, {}),
    "destination.twilio": ({"destination.name": "mine"}, {}),
    "destination.van": ({"destination.name": "mine"}, {}),
    "hook.twilio": ({"hook.name": "mine"}, {}),
    "hook.telnyx": ({"hook.name": "mine"}, {}),
    "upload.pass_on": ({"export.destination": "abcdefghij"}, {"upload": 1}),
    "destination.file": ({"destination.name": "mine"}, {}),
    "upload.sure": ({"upload.number": "3"}, {"upload": 1, "seen": "?"}),
    "upload.undo": ({}, {"upload": 1}),
}


class Forger:
    """Sends signed payloads of any kind, as any person."""

    def __init__(self, office: Office, channel: str, message: str) -> None:
        self._office = office
        self._channel = channel
        self._message = message

    def _frame(self, kind: str, user: str) -> dict[str, Any]:
        slack = self._office.slack
        return {
            "type": kind,
            "api_app_id": slack.app_id,
            "token": "x",
            "trigger_id": f"{new_id('T')}.1.{new_id('x')}",
            "team": {"id": slack.team_id, "domain": "harbor"},
            "enterprise": None,
            "is_enterprise_install": False,
            "user": {"id": user, "username": "forged", "team_id": slack.team_id},
        }

    def command(self, user: str, text: str) -> dict[str, Any]:
        slack = self._office.slack
        return {
            "command": "/optout",
            "text": text,
            "user_id": user,
            "user_name": "forged",
            "team_id": slack.team_id,
            "team_domain": "harbor",
            "channel_id": self._channel,
            "channel_name": TICKETS,
            "api_app_id": slack.app_id,
            "is_enterprise_install": "false",
            "response_url": f"{slack.url}/nowhere",
            "trigger_id": new_id("T"),
        }

    def button(self, user: str, action_id: str, value: Any) -> dict[str, Any]:
        text = value if isinstance(value, str) else json.dumps(value)
        action = {"type": "button", "action_id": action_id, "block_id": "b", "value": text}
        container = {"type": "message", "message_ts": self._message, "channel_id": self._channel, "is_ephemeral": False}
        return self._frame("block_actions", user) | {
            "container": container,
            "channel": {"id": self._channel, "name": TICKETS},
            "message": {"ts": self._message, "text": "x", "blocks": []},
            "response_url": f"{self._office.slack.url}/nowhere",
            "actions": [action],
        }

    def shortcut(self, user: str) -> dict[str, Any]:
        return self._frame("message_action", user) | {
            "callback_id": "optout.check",
            "channel": {"id": self._channel, "name": TICKETS},
            "message_ts": self._message,
            "message": {"ts": self._message, "text": f"call {OUT}"},
            "response_url": f"{self._office.slack.url}/nowhere",
        }

    def modal(self, user: str, callback_id: str, values: dict[str, Any], about: dict[str, Any]) -> dict[str, Any]:
        where = {"channel": self._channel, "name": TICKETS, "thread": self._message, "message": self._message}
        view = {
            "id": new_id("V"),
            "type": "modal",
            "callback_id": callback_id,
            "hash": "1.a",
            "private_metadata": json.dumps(where | about),
            "blocks": [],
            "state": {"values": {name: {name: _state(value)} for name, value in values.items()}},
        }
        return self._frame("view_submission", user) | {"view": view}

    async def send(self, payload: dict[str, Any]) -> Any:
        courier = self._office.slack.platform.feed.courier
        if "command" in payload:
            return await courier.request("command", "/optout", payload)
        return await courier.request("interaction", "forged", payload)


def _state(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        options = [{"text": {"type": "plain_text", "text": one}, "value": one} for one in value]
        return {"type": "checkboxes", "selected_options": options}
    if isinstance(value, dict):
        return value
    return {"type": "plain_text_input", "value": value}


def snapshot(office: Office) -> dict[str, Any]:
    """All that anybody could change."""
    store, account = office.store, office.account.id
    now = store.accounts.get(account)
    with store.database.read() as connection:
        accounts = connection.exec_driver_sql("SELECT count(*) FROM accounts").scalar_one()
    return {
        "account": (now.country, now.settings, now.opted_out),
        "accounts": accounts,
        "entries": latest_entries(store, account, 100),
        "out": opted_out(store, account),
        "keys": store.keys.list_of(account),
        "uploads": [(one.id, one.state, one.country, one.phone_column) for one in store.uploads.list(account, 100)],
    }


async def forger(office: Office) -> Forger:
    """A forger in a desk with a phone that is opted out, and a list that waits for a yes."""
    await office.opt_out(OUT)
    ticket = await office.people.message("admin", TICKETS, "a ticket")
    assert ticket.ts is not None
    await says(office, await drop(office, LIST), "2 phones to opt out")
    await settled(office)
    return Forger(office, (await office.people.state()).channel(TICKETS).id, ticket.ts)


def everything(forger: Forger, user: str) -> dict[str, dict[str, Any]]:
    """A payload for every command, button, modal and shortcut, as *user*."""
    payloads = {f"/optout {text}": forger.command(user, text) for text in COMMANDS}
    payloads |= {f"button {name}": forger.button(user, name, value) for name, value in BUTTONS.items()}
    payloads |= {f"modal {name}": forger.modal(user, name, *rest) for name, rest in MODALS.items()}
    return payloads | {"shortcut": forger.shortcut(user)}


COMMANDS = (
    f"add {NOT_OUT}",
    f"search {OUT}",
    f"delete {OUT}",
    "country GB",
    "uploads",
    "export",
    f"evidence {OUT}",
    "history",
    f"history {OUT}",
    "settings",
    "",
)


def _without_own_words(told: Any) -> Any:
    """What was told, without the button that hands over what the forger asked for: that carries only their own words."""
    if isinstance(told, dict):
        return {} if told.get("action_id") == "handover.ask" else {k: _without_own_words(v) for k, v in told.items()}
    return [_without_own_words(one) for one in told] if isinstance(told, list) else told


async def test_every_entrance_is_tried(office: Office) -> None:
    """What docs/surfaces.md names is in the tables above: buttons, modals, the shortcut and the command."""
    listeners = office.service.desk.listeners
    assert {one.name for one in listeners if one.surface == "button"} == set(BUTTONS)
    assert {one.name for one in listeners if one.surface == "modal"} == set(MODALS)
    assert {one.name for one in listeners if one.surface == "command"} == {"/optout"}
    assert {one.name for one in listeners if one.surface == "message shortcut"} == {"optout.check"}
    # Among the events below.
    assert {one.name for one in listeners if one.surface == "workflow step"} == {"opt_out_number"}


@pytest.mark.parametrize("who", ["guest", "stranger", "nobody", "the bot"])
async def test_whoever_may_not(office: Office, who: str) -> None:
    """A guest's, a stranger's, nobody's and the desk's own id: nothing is done, nothing of the list is told."""
    forged = await forger(office)
    ids = {"nobody": "U0NOBODYATALL", "the bot": office.slack.bot_user_id}
    user = ids[who] if who in ids else (await office.actor(who)).id
    before = snapshot(office)
    calls = len(await office.people.calls())
    for name, payload in everything(forged, user).items():
        await forged.send(payload)
        assert snapshot(office) == before, name
    said = [str(_without_own_words(call["arguments"])) for call in (await office.people.calls())[calls:]]
    assert not [text for text in said if OUT in text or "555-0100" in text]
    assert office.store.exports.backlog().waiting == 0


@pytest.mark.parametrize("where", ["team", "enterprise", "of the modal"])
async def test_another_workspace(office: Office, where: str) -> None:
    """An admin's id with the id of another workspace or organisation: passed over, and no account comes of it."""
    forged = await forger(office)
    user = (await office.actor("admin")).id
    before = snapshot(office)
    for name, payload in everything(forged, user).items():
        if where == "of the modal":
            if "view" not in payload:
                continue
            foreign: dict[str, Any] = {"view": payload["view"] | {"app_installed_team_id": "T0ELSEWHERE"}}
        elif where == "team":
            foreign = {"team_id": "T0ELSEWHERE"} if "command" in payload else {"team": {"id": "T0ELSEWHERE"}}
        else:
            is_enterprise = "true" if "command" in payload else True
            foreign = {
                "is_enterprise_install": is_enterprise,
                "enterprise_id": "E0ELSEWHERE",
                "enterprise": {"id": "E0ELSEWHERE"},
            }
        await forged.send(payload | foreign)
        assert snapshot(office) == before, name
    assert office.store.exports.backlog().waiting == 0


EDITS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "another phone": {"phone": NOT_OUT},
    "another upload": {"upload": 7},
    "no phone": {"phone": "nobody's"},
    "somebody's direct messages": {"channel": "U0SOMEBODY"},
    "an address elsewhere": {"response_url": "http://127.0.0.1:1/", "alone": True},
    "a link that is none": {"link": "x|y> <!channel"},
    "a seal of one's own": {"seal": "0" * 32},
}


@pytest.mark.parametrize("edit", EDITS)
async def test_metadata_that_nobody_sealed(office: Office, edit: str) -> None:
    """What a modal carries was sealed by the desk, or the form does nothing, for an admin neither."""
    forged = await forger(office)
    user = (await office.actor("admin")).id
    before = snapshot(office)
    for name, (values, about) in MODALS.items():
        outcome = await forged.send(forged.modal(user, name, values, about | EDITS[edit]))
        assert outcome.acknowledged, name
        assert "Please open it again" in str(outcome.response), name
        assert snapshot(office) == before, name


@pytest.mark.parametrize("metadata", ["", "null", "[]", "{", "5", '{"channel": 5}', "[" * 2_000])
async def test_metadata_that_cannot_be_read(office: Office, metadata: str) -> None:
    """It is answered in the form, and is no failure of the desk."""
    forged = await forger(office)
    payload = forged.modal((await office.actor("admin")).id, "form.add", *MODALS["form.add"])
    payload["view"]["private_metadata"] = metadata
    before = snapshot(office)
    outcome = await forged.send(payload)
    assert "Please open it again" in str(outcome.response)
    assert snapshot(office) == before


async def test_a_form_of_another_person(office: Office) -> None:
    """What was sealed for one person is of no use to another, nor for another form."""
    forged = await forger(office)
    assert (await office.people.command("admin", ADMINS, "/optout")).ok
    menu = await office.people.until(lambda state: next(iter(state.views("admin")), None))
    support = (await office.actor("support")).id
    payload = forged.modal(support, "form.add", *MODALS["form.add"])
    payload["view"] |= {"id": menu["id"], "private_metadata": menu["private_metadata"]}
    before = snapshot(office)
    assert "Please open it again" in str((await forged.send(payload)).response)
    mine = copy.deepcopy(payload)
    mine["user"]["id"] = (await office.actor("admin")).id
    assert "Please open it again" in str((await forged.send(mine)).response)
    assert snapshot(office) == before


HOSTILE: dict[str, tuple[Any, ...]] = {
    "optout.add": (
        *("nobody's", "", "+1", "{", "{}", '{"phones": 5}', '{"phones": ""}', '{"phones": "1 2125550101"}'),
        *(
            {"phones": f"{'2125550101 ' * 51}"},
            {"phones": [NOT_OUT]},
            {"phones": NOT_OUT[1:], "reason": 5},
            "[" * 1_000,
        ),
    ),
    "optout.delete": ({"phone": "nobody's", "seen": 9}, {"phone": OUT, "seen": -1}, {"phone": OUT}, "x", [OUT]),
    "allow.yes": ("7", "x", "-1", "1", {"request": 1}),
    "allow.no": ("7", "x", "-1", "1", "9" * 40),
    "lookup.show": ("", "nobody's", "1", "2125550100 " * 51, "{", f"{OUT[1:]} x", "+" + OUT),
    "history.phone.older": ({"filters": {"phone": 5}, "before": []}, {"filters": {}, "before": []}, "x"),
    "history.all.older": ({"filters": {"rows": 1}, "before": []}, {"filters": {}, "before": "x"}),
    "remark.form": ("nobody's", "", "5550100"),
    "key.revoke": ("abcdefghij", "", "1", "x" * 9_999, {"key": 1}),
    "hook.remove": ("abcdefghij", "", "1", "x" * 9_999),
    "upload.pass_on": ("7", "1", "x", "-1"),
    **{
        f"destination.{does}": ("abcdefghij", "", "1", "x" * 9_999)
        for does in ("retry", "pause", "test", "remove", "list")
    },
    "destination.loaded": ("7", "1", "-1", "x", "9" * 40),
    "upload.confirm": ({"upload": 7}, {"upload": "x"}, {"upload": 1, "fingerprint": "0" * 12}, "x"),
    "upload.cancel": ("7", "x", "-1"),
    "upload.again": ("7", "1", "x"),
    "upload.stop": ("7", "1"),
    "upload.continue": ("7", "1"),
    "upload.undo": ("7", "1"),
    "upload.column": ({"upload": 1, "column": "name"}, {"upload": 7, "column": "name"}, "x"),
    "upload.country": ({"upload": 1, "country": "XX"}, {"upload": 1, "country": "KP"}, {"upload": 7, "country": "GB"}),
    "upload.read": ({"upload": 1, "choices": {"hidden": True}}, {"upload": 1, "choices": {"x": 1}}, {"upload": 1}, "x"),
    "upload.scrub": ("7", "x", "-1"),
    "upload.look": ("1", "7", "x"),
    "upload.want": ({"upload": 1}, {"upload": 7}, {"upload": "x"}, {}, "x"),
    "reply.out": ("7", "x", "-1", "1 after", "", "²", "9" * 40, {"reply": 1}),
    "reply.not": ("7", "x", "-1", "9" * 5_000),
    "reply.look": ("7", "x", "1 after all"),
    "nobody.made.this": ("x",),
}


@pytest.mark.parametrize("action", HOSTILE)
async def test_values_that_nobody_offered(office: Office, action: str) -> None:
    """An admin's press of a button with a value that the desk never put there changes nothing."""
    forged = await forger(office)
    user = (await office.actor("admin")).id
    before = snapshot(office)
    for value in HOSTILE[action]:
        await forged.send(forged.button(user, action, value))
        assert snapshot(office) == before, value


async def test_what_the_contact_asked_for_is_not_taken_back_without_a_reason(office: Office) -> None:
    """However new or old the button says that it is, a reason has to be typed."""
    forged = await forger(office)
    by = Origin(Function.KEYWORD, await office.actor("support"))
    office.store.optouts.add(office.account.id, [NOT_OUT], by)
    before = snapshot(office)
    user = (await office.actor("admin")).id
    for seen in (0, 1, 2, 10**9):
        await forged.send(forged.button(user, "optout.delete", {"phone": NOT_OUT, "seen": seen}))
        assert snapshot(office) == before, seen


async def test_somebody_else_s_file(office: Office) -> None:
    """An event with the id of a file that is another person's and stands elsewhere reads nothing of it there."""
    dropped = await office.people.drop("second-admin", "@bot", "private.csv", LIST)
    assert dropped.file is not None
    user, channel = (await office.actor("admin")).id, (await office.people.state()).channel(UPLOADS).id
    platform = office.slack.platform
    event = {"file_id": dropped.file, "user_id": user, "channel_id": channel}
    for attempt in platform.feed.emit("file_shared", event):
        await attempt
    mention = {"user": user, "channel": channel, "ts": "1.1", "text": f"<@{office.slack.bot_user_id}> these"}
    for attempt in platform.feed.emit("app_mention", mention | {"files": [{"id": dropped.file}]}):
        await attempt
    await all_done(office)
    theirs = (await office.people.state()).direct("second-admin")
    assert theirs is not None
    assert [one.channel_id for one in office.store.uploads.list(office.account.id, 9)] == [theirs.id]


def events(office: Office, user: str, channel: str, file: str) -> dict[str, dict[str, Any]]:
    """An event of every kind that a desk may be sent, as *user*, in *channel* and about *file*."""
    bot = office.slack.bot_user_id
    said = {"user": user, "channel": channel, "ts": "1795000000.000001"}
    answer = {"event_type": "optout_answer", "event_payload": {"key": "event Ev0NEXT 0"}}
    return {
        "a mention that opts out": said | {"type": "app_mention", "text": f"<@{bot}> opt out {NOT_OUT}"},
        "a mention that asks": said | {"type": "app_mention", "text": f"<@{bot}> {OUT}"},
        "a mention with a file": said | {"type": "app_mention", "text": f"<@{bot}> these", "files": [{"id": file}]},
        "a direct message": said | {"type": "message", "channel_type": "im", "text": f"what about {OUT}?"},
        "a message": said | {"type": "message", "channel_type": "channel", "text": f"<@{bot}> opt out {NOT_OUT}"},
        "a message of a bot": said | {"type": "message", "subtype": "bot_message", "bot_id": "B0", "text": OUT},
        "an edit": {
            "type": "message",
            "subtype": "message_changed",
            "channel": channel,
            "ts": "1795000000.000003",
            "message": said | {"text": OUT},
        },
        "a file": {"type": "file_shared", "file_id": file, "user_id": user, "channel_id": channel},
        "a Home": {"type": "app_home_opened", "user": user, "channel": channel, "tab": "home"},
        "an answer": {
            "type": "message_metadata_posted",
            "user_id": user,
            "channel_id": channel,
            "message_ts": "1795000000.000002",
            "metadata": answer,
        },
        "a changed person": {"type": "user_change", "user": {"id": user, "is_admin": True, "is_owner": True}},
        "a newcomer": {"type": "member_joined_channel", "user": user, "channel": channel},
        "a renamed channel": {"type": "channel_rename", "channel": {"id": channel, "name": "renamed", "created": 1}},
        "a renamed private channel": {
            "type": "group_rename",
            "channel": {"id": channel, "name": "renamed", "created": 1},
        },
        "an uninstalled app": {"type": "app_uninstalled"},
        "revoked tokens": {"type": "tokens_revoked", "tokens": {"bot": [bot]}},
        "a step": {
            "type": "function_executed",
            "function": {"callback_id": "opt_out_number"},
            "function_execution_id": "Fx0FORGED",
            "workflow_execution_id": "Wx0FORGED",
            "inputs": {"number": NOT_OUT, "who": f"<@{user}>"},
            "user": user,
        },
        "what nobody knows": {"type": "invented", "user": user, "channel": channel, "text": OUT},
    }


def envelope_of(office: Office, event: dict[str, Any], **envelope: Any) -> dict[str, Any]:
    """*event* in an envelope as Slack's but for what *envelope* says."""
    slack = office.slack
    authorization = {"enterprise_id": None, "team_id": slack.team_id, "user_id": slack.bot_user_id, "is_bot": True}
    payload = {
        "type": "event_callback",
        "token": "x",
        "team_id": slack.team_id,
        "api_app_id": slack.app_id,
        "event": event,
        "event_id": new_id("Ev"),
        "event_time": 1_795_000_000,
        "authorizations": [authorization | {"is_enterprise_install": False}],
    }
    return payload | envelope


async def send_event(office: Office, event: dict[str, Any], **envelope: Any) -> None:
    """Have *event* delivered, in an envelope as Slack's but for what *envelope* says, and done with."""
    sent = await office.slack.platform.feed.courier.event(envelope_of(office, event, **envelope))
    assert sent.acknowledged
    await all_done(office)


async def private_file(office: Office) -> str:
    """The id of a list that an admin sent to nobody but the desk, which has asked there what is to be done with it."""
    file = (await office.people.drop("second-admin", "@bot", "private.csv", LIST)).file
    assert file is not None
    await all_done(office)
    await settled(office)
    return file


@pytest.mark.parametrize(
    "who",
    ["guest", *(pytest.param(who, marks=pytest.mark.wide) for who in ("stranger", "nobody", "the bot", "another bot"))],
)
async def test_events_of_whoever_may_not(office: Office, who: str) -> None:
    """Whatever event names them: nothing is done, nothing of the list is told, and no answer counts as given."""
    await forger(office)
    file = await private_file(office)
    ids = {"nobody": "U0NOBODYATALL", "the bot": office.slack.bot_user_id, "another bot": "B0ANOTHER"}
    user = ids[who] if who in ids else (await office.actor(who)).id
    before, calls = snapshot(office), len(await office.people.calls())
    channel = (await office.people.state()).channel(UPLOADS).id
    for name, event in events(office, user, channel, file).items():
        # What the desk posts itself; and Slack shows no Home to whom it does not know, which is tried for a while.
        if (who, name) == ("the bot", "an answer") or (who in ids and name == "a Home"):
            continue
        await send_event(office, event)
        assert snapshot(office) == before, name
        assert office.store.outbox.find(office.account.id, "event Ev0NEXT 0") is None, name
    said = [str(call["arguments"]) for call in (await office.people.calls())[calls:]]
    assert not [text for text in said if OUT in text or "555-0100" in text]
    assert office.store.exports.backlog().waiting == 0


@pytest.mark.parametrize("where", ["team", "enterprise"])
async def test_events_of_another_workspace(office: Office, where: str) -> None:
    """An admin's id in events of another workspace or organisation: passed over, and no account comes of it."""
    await forger(office)
    file = await private_file(office)
    user = (await office.actor("admin")).id
    foreign = {"team_id": "T0ELSEWHERE", "enterprise_id": "E0ELSEWHERE", "is_enterprise_install": where == "enterprise"}
    before, calls = snapshot(office), len(await office.people.calls())
    channel = (await office.people.state()).channel(UPLOADS).id
    for name, event in events(office, user, channel, file).items():
        for authorizations in ([foreign | {"user_id": user}], []):
            await send_event(office, event, authorizations=authorizations, **foreign)
            assert snapshot(office) == before, name
    assert (await office.people.calls())[calls:] == []


async def test_before_slack_says_who_we_are(slack: EmbeddedSlack, settings: Settings) -> None:
    """
    While Slack does not say who the desk is, no account comes of anything.

    What is for a workspace that nobody knows is not acknowledged, so that Slack sends it again or tells the person, and a
    command is answered in words; what is for the account that is there is done. Once Slack has said it, what comes again
    for another workspace is refused.
    """
    async with SandboxClient(slack.url) as people:
        await people.fault(method="auth.test", fault="server_error", times=-1)
    async with at_work(slack, settings) as office:
        forged = await forger(office)
        user = (await office.actor("admin")).id
        channel = (await office.people.state()).channel(TICKETS).id
        before = snapshot(office)
        foreign: dict[str, Any] = {"team_id": "T0ELSEWHERE", "team": {"id": "T0ELSEWHERE"}}
        dispatch = office.service.desk.dispatch
        answer = await dispatch(forged.command(user, f"add {NOT_OUT}") | foreign)
        assert answer.status == 200
        assert "nothing was done" in str(answer.body)
        event = {
            "type": "app_mention",
            "user": user,
            "text": f"<@U0> add {NOT_OUT}",
            "channel": channel,
            "ts": "1.000001",
        }
        opened = {"type": "app_home_opened", "user": user, "tab": "home", "channel": "D0"}
        for payload in (
            forged.button(user, "optout.add", NOT_OUT) | foreign,
            forged.shortcut(user) | foreign,
            forged.modal(user, "form.add", {"form.numbers": NOT_OUT}, {}) | foreign,
            envelope_of(office, event, authorizations=[], **foreign),
            envelope_of(office, opened, authorizations=[], **foreign),
        ):
            assert (await dispatch(payload)).status == 503
            assert snapshot(office) == before
        assert "is opted out" in (await office.ask("admin", f"search {OUT}")).text
        await office.people.clear_faults()
        assert await office.service.desk.installations.installed()
        await send_event(office, event, authorizations=[], **foreign)
        assert snapshot(office) == before


async def test_events_that_nobody_asked_for(office: Office) -> None:
    """An event says who changed, who left and that the app is gone: the desk believes what Slack answers it, and works on."""
    await forger(office)
    file = await private_file(office)
    guest = (await office.actor("guest")).id
    before = snapshot(office)
    channel = (await office.people.state()).channel(ADMINS).id
    for name in ("a changed person", "a newcomer", "an uninstalled app", "revoked tokens", "a message", "an edit"):
        await send_event(office, events(office, guest, channel, file)[name])
    assert snapshot(office) == before
    assert "Guests" in (await office.ask_alone("guest", f"add {NOT_OUT}", channel=TICKETS)).text
    assert "opted out now* · by admin" in (await office.ask("admin", f"add {NOT_OUT}")).text


def test_a_seal() -> None:
    """It holds for the person, the form, the workspace and every word of what is carried, and no other secret makes it."""
    view = View(type="modal", title="x", callback_id="form.add", private_metadata='{"channel": "C1", "phone": "+1"}')
    Seals("secret").seal(view, "U1", {"team": {"id": "T1"}})

    def body(user: str = "U1", callback: str = "form.add", team: str = "T1", **changes: Any) -> dict[str, Any]:
        packed = json.loads(view.private_metadata or "") | changes
        submitted = {"callback_id": callback, "private_metadata": json.dumps(packed)}
        return {"user": {"id": user}, "team": {"id": team}, "view": submitted}

    assert Seals("secret").is_good(body())
    assert not Seals("other").is_good(body())
    assert not Seals("secret").is_good(body("U2"))
    assert not Seals("secret").is_good(body(callback="form.search"))
    assert not Seals("secret").is_good(body(team="T2"))
    assert not Seals("secret").is_good(body(phone="+2"))
    assert not Seals("secret").is_good(body(response_url="https://example.org"))
    assert not Seals("secret").is_good(body() | {"team": {}})
