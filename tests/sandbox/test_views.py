"""Modals and App Home: triggers, stacks, hashes, submissions, through a real Bolt app."""

from pathlib import Path
from typing import Any

import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import EmbeddedSlack, SandboxClient
from bot.sandbox.client import SandboxError
from tests.sandbox.conftest import Serving, by_socket

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def option(value: str) -> Json:
    return {"text": plain(value.upper()), "value": value}


def form(title: str = "Form", **more: Any) -> Json:
    """A modal with a required text input and an optional menu."""
    return {
        "type": "modal",
        "callback_id": "form",
        "title": plain(title),
        "submit": plain("Save"),
        "blocks": [
            {
                "type": "input",
                "block_id": "phone",
                "label": plain("Phone"),
                "element": {"type": "plain_text_input", "action_id": "typed"},
            },
            {
                "type": "input",
                "block_id": "country",
                "label": plain("Country"),
                "optional": True,
                "element": {"type": "static_select", "action_id": "picked", "options": [option("us"), option("gb")]},
            },
        ],
        **more,
    }


def opening(bolt: AsyncApp, view: Json) -> list[str]:
    """Let `/optout` open *view*; the list gets the trigger ids."""
    triggers: list[str] = []

    @bolt.command("/optout")
    async def command(ack: AsyncAck, body: Json, client: AsyncWebClient) -> None:
        triggers.append(body["trigger_id"])
        await client.views_open(trigger_id=body["trigger_id"], view=view)
        await ack()

    return triggers


async def test_a_modal_is_opened_filled_in_and_submitted(
    bolt: AsyncApp, people: SandboxClient, serving: Serving
) -> None:
    """The submission carries the values by block and action; an empty acknowledgement closes the modal."""
    submitted: list[Json] = []
    opening(bolt, form(private_metadata="C1"))

    @bolt.view("form")
    async def submission(ack: AsyncAck, body: Json) -> None:
        submitted.append(body)
        await ack()

    async with serving(bolt):
        assert (await people.command("admin", "#support-tickets", "/optout form")).ok
        [view] = (await people.state()).views("admin")
        assert view["id"].startswith("V")
        assert view["title"] == {"type": "plain_text", "text": "Form", "emoji": True}
        missing = await people.submit("admin", view["id"], {})
        assert missing.errors == {"phone": "Please complete this required field."}
        outcome = await people.submit("admin", view["id"], {"phone": "+12025550101", "country": {"picked": "gb"}})
        assert outcome.ok
    [body] = submitted
    assert body["type"] == "view_submission"
    assert body["view"]["private_metadata"] == "C1"
    assert body["view"]["state"]["values"] == {
        "phone": {"typed": {"type": "plain_text_input", "value": "+12025550101"}},
        "country": {
            "picked": {
                "type": "static_select",
                "selected_option": {"text": {"type": "plain_text", "text": "GB", "emoji": True}, "value": "gb"},
            }
        },
    }
    assert (await people.state()).views("admin") == []


async def test_a_submission_can_be_answered_in_four_ways(
    slack: EmbeddedSlack, bolt: AsyncApp, people: SandboxClient
) -> None:
    """Errors stay at their fields; `update` replaces; `push` stacks; `clear` closes all."""
    answers: list[Json] = [
        {"response_action": "errors", "errors": {"phone": "No phone."}},
        {"response_action": "errors", "errors": {"elsewhere": "?"}},
        {"response_action": "update", "view": form("Updated")},
        {"response_action": "push", "view": form("Pushed")},
        {"response_action": "clear"},
    ]
    opening(bolt, form())

    @bolt.view("form")
    async def submission(ack: AsyncAck) -> None:
        await ack(**answers.pop(0))

    async def titles() -> list[str]:
        return [view["title"]["text"] for view in (await people.state()).views("admin")]

    async with by_socket(slack, people, bolt):
        await people.command("admin", "#support-tickets", "/optout form")

        async def submit() -> Any:
            view = (await people.state()).views("admin")[-1]
            return await people.submit("admin", view["id"], {"phone": "x"})

        assert (await submit()).errors == {"phone": "No phone."}
        assert (await submit()).shown == "We had some trouble connecting. Try again?"
        assert await titles() == ["Form"]
        await submit()
        assert await titles() == ["Updated"]
        await submit()
        assert await titles() == ["Updated", "Pushed"]
        await submit()
        assert await titles() == []


async def test_a_trigger_is_good_once_and_for_three_seconds(
    slack: EmbeddedSlack, bolt: AsyncApp, people: SandboxClient, api: AsyncWebClient
) -> None:
    """Used: `exchanged_trigger_id`; too old: `expired_trigger_id`; invented: `invalid_arguments`."""
    triggers = opening(bolt, form())
    async with by_socket(slack, people, bolt):
        await people.command("admin", "#support-tickets", "/optout form")
    [used] = triggers
    with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
        await api.views_open(trigger_id=used, view=form())
    slack.platform.views.trigger_life = 0.0
    old = slack.platform.views.new_trigger((await people.state()).user("admin")["id"])
    with pytest.raises(SlackApiError, match="expired_trigger_id"):
        await api.views_open(trigger_id=old, view=form())
    with pytest.raises(SlackApiError, match="invalid_arguments"):
        await api.views_open(trigger_id="1.2.3", view=form())


async def test_a_view_slack_would_refuse_does_not_use_the_trigger(
    slack: EmbeddedSlack, people: SandboxClient, api: AsyncWebClient
) -> None:
    """`invalid_arguments` names the place, and the trigger is still good."""
    trigger = slack.platform.views.new_trigger((await people.state()).user("admin")["id"])
    with pytest.raises(SlackApiError) as caught:
        await api.views_open(trigger_id=trigger, view=form("x" * 25))
    assert caught.value.response["response_metadata"]["messages"] == [
        "[ERROR] failed to match all allowed schemas [json-pointer:/view/title]",
        "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]",
    ]
    assert (await api.views_open(trigger_id=trigger, view=form()))["view"]["type"] == "modal"


async def test_updates_and_their_hash(slack: EmbeddedSlack, people: SandboxClient, api: AsyncWebClient) -> None:
    """An update with an old hash is a conflict; what was typed survives an update of the same input."""
    views = slack.platform.views
    opened = (
        await api.views_open(trigger_id=views.new_trigger((await people.state()).user("admin")["id"]), view=form())
    )["view"]
    views.of(opened_by(slack, "admin"), opened["id"]).values["phone"]["typed"]["value"] = "+1202"
    updated = (await api.views_update(view_id=opened["id"], hash=opened["hash"], view=form("Two")))["view"]
    assert updated["hash"] != opened["hash"]
    assert updated["state"]["values"]["phone"]["typed"]["value"] == "+1202"
    with pytest.raises(SlackApiError, match="hash_conflict"):
        await api.views_update(view_id=opened["id"], hash=opened["hash"], view=form("Three"))
    with pytest.raises(SlackApiError, match="not_found"):
        await api.views_update(view_id="V0NOSUCH", view=form())


def opened_by(slack: EmbeddedSlack, handle: str) -> str:
    return slack.platform.workspace.user(handle).id


async def test_three_views_and_no_more(slack: EmbeddedSlack, people: SandboxClient, api: AsyncWebClient) -> None:
    """Modals stack three high; each knows the one below and the first."""
    views, user = slack.platform.views, opened_by(slack, "admin")
    first = (await api.views_open(trigger_id=views.new_trigger(user), view=form("One")))["view"]
    second = (await api.views_push(trigger_id=views.new_trigger(user), view=form("Two")))["view"]
    third = (await api.views_push(trigger_id=views.new_trigger(user), view=form("Three")))["view"]
    assert (third["previous_view_id"], third["root_view_id"]) == (second["id"], first["id"])
    with pytest.raises(SlackApiError, match="push_limit_reached"):
        await api.views_push(trigger_id=views.new_trigger(user), view=form("Four"))
    with pytest.raises(SandboxError, match="no open view"):
        await people.close("support", third["id"])


async def test_closing_is_told_when_asked_for(slack: EmbeddedSlack, bolt: AsyncApp, people: SandboxClient) -> None:
    """`notify_on_close` sends `view_closed`; without it nothing is sent."""
    closed: list[Json] = []
    opening(bolt, form(notify_on_close=True))

    @bolt.view_closed("form")
    async def on_close(ack: AsyncAck, body: Json) -> None:
        await ack()
        closed.append(body)

    async with by_socket(slack, people, bolt):
        await people.command("admin", "#support-tickets", "/optout form")
        [view] = (await people.state()).views("admin")
        assert (await people.close("admin", view["id"])).ok
    assert [body["is_cleared"] for body in closed] == [False]
    assert (await people.state()).views("admin") == []


async def test_a_modal_that_somebody_of_another_workspace_ends(
    slack: EmbeddedSlack, bolt: AsyncApp, people: SandboxClient, api: AsyncWebClient
) -> None:
    """`team` is theirs, in submissions and closings; of the button that opened it, it is that of the app, as in the view."""
    bodies: list[Json] = []

    @bolt.action("go")
    async def go(ack: AsyncAck, body: Json, client: AsyncWebClient) -> None:
        await ack()
        bodies.append(body)
        await client.views_open(trigger_id=body["trigger_id"], view=form(notify_on_close=True))

    @bolt.view("form")
    @bolt.view_closed("form")
    async def ended(ack: AsyncAck, body: Json) -> None:
        await ack()
        bodies.append(body)

    state = await people.state()
    button = {"type": "button", "action_id": "go", "text": plain("Go")}
    posted = await api.chat_postMessage(
        channel=state.channel("partner-desk").id, text="x", blocks=[{"type": "actions", "elements": [button]}]
    )
    async with by_socket(slack, people, bolt):
        for end in ("submit", "close"):
            assert (await people.click_at("stranger", "partner-desk", posted["ts"], "go")).ok
            view = await people.until(lambda state: next(iter(state.views("stranger")), None))
            if end == "submit":
                assert (await people.submit("stranger", view["id"], {"phone": "+12025550101", "country": "gb"})).ok
            else:
                assert (await people.close("stranger", view["id"])).ok
    theirs = state.user("stranger")["team_id"]
    teams = [(body["type"], body["team"]["id"]) for body in bodies]
    pressed = ("block_actions", slack.team_id)
    assert teams == [pressed, ("view_submission", theirs), pressed, ("view_closed", theirs)]
    assert [body["view"]["app_installed_team_id"] for body in bodies if "view" in body] == [slack.team_id] * 2


async def test_strangers_have_buttons_and_no_commands(people: SandboxClient) -> None:
    """To somebody of another organisation the app's commands and shortcuts are unknown, and nothing is delivered."""
    said = await people.message("support", "partner-desk", "a message")
    command = await people.command("stranger", "partner-desk", "/optout help")
    assert (command.ok, command.error) == (False, "invalid_command")
    for shortcut in (
        await people.shortcut("stranger", "optout.check", channel="partner-desk", ts=said.ts),
        await people.shortcut("stranger", "optout.check"),
    ):
        assert (shortcut.ok, shortcut.error) == (False, "invalid_shortcut")
    assert await people.deliveries("command") == await people.deliveries("interaction") == []


async def test_app_home(slack: EmbeddedSlack, bolt: AsyncApp, people: SandboxClient) -> None:
    """Opening the Home sends `app_home_opened`; the app publishes it per person; its buttons work."""
    pressed: list[Json] = []

    @bolt.event("app_home_opened")
    async def opened(event: Json, client: AsyncWebClient) -> None:
        button = {"type": "button", "action_id": "more", "value": "1", "text": plain("More")}
        blocks = [{"type": "actions", "elements": [button]}]
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    @bolt.action("more")
    async def more(ack: AsyncAck, body: Json) -> None:
        await ack()
        pressed.append(body)

    async with by_socket(slack, people, bolt):
        assert (await people.home("guest")).acknowledged
        home = await people.until(lambda state: state.home("guest"))
        assert (await people.click_in_view("guest", home["id"], "more")).ok
    [body] = pressed
    assert body["container"] == {"type": "view", "view_id": home["id"]}
    assert body["view"]["type"] == "home"
    assert "channel" not in body
    assert (await people.state()).home("admin") is None


async def test_shortcuts(slack: EmbeddedSlack, bolt: AsyncApp, people: SandboxClient) -> None:
    """A message shortcut carries the message, its thread and a response URL, also where the bot is not."""
    seen: list[Json] = []

    @bolt.shortcut("look_up")
    async def shortcut(ack: AsyncAck, body: Json) -> None:
        await ack()
        seen.append(body)

    async with by_socket(slack, people, bolt):
        root = await people.message("support", "#field-private", "call +1 202 555 0101")
        reply = await people.message("admin", "#field-private", "yes", thread_ts=root.ts)
        await people.shortcut("admin", "look_up", channel="field-private", ts=root.ts)
        await people.shortcut("admin", "look_up", channel="field-private", ts=reply.ts)
        await people.shortcut("admin", "look_up")
    on_root, on_reply, anywhere = seen
    assert (on_root["type"], on_root["message_ts"]) == ("message_action", root.ts)
    assert on_root["message"]["text"] == "call +1 202 555 0101"
    assert on_root["channel"]["name"] == "privategroup"
    assert on_root["response_url"].startswith(f"{slack.url}/app/")
    assert on_reply["message"]["thread_ts"] == root.ts
    assert anywhere["type"] == "shortcut"
    assert set(anywhere["user"]) == {"id", "username", "team_id"}
    assert set(on_root["user"]) == {"id", "username", "team_id", "name"}
    assert "channel" not in anywhere
    with pytest.raises(SandboxError, match="no message"):
        await people.shortcut("admin", "look_up", channel="field-private", ts="1.000000")


async def test_what_does_not_fit_is_not_submitted(
    slack: EmbeddedSlack, bolt: AsyncApp, people: SandboxClient, tmp_path: Path
) -> None:
    """Text that is too long or too short, and a file of more than 10 MB, stay in the modal, and the app is told nothing."""
    text = {"type": "plain_text_input", "action_id": "text", "min_length": 2, "max_length": 5}
    held = {"type": "file_input", "action_id": "files"}
    view = form()
    view["blocks"] = [
        {"type": "input", "block_id": name, "label": plain(name), "element": element, "optional": True}
        for name, element in (("words", text), ("list", held))
    ]
    opening(bolt, view)
    large = tmp_path / "large.csv"
    with large.open("wb") as file:
        file.truncate(10 * 2**20 + 1)
    async with by_socket(slack, people, bolt):
        await people.command("admin", "#support-tickets", "/optout form")
        [opened] = (await people.state()).views("admin")
        for words in ("x", "xxxxxx"):
            refused = await people.submit("admin", opened["id"], {"words": words})
            assert refused.errors == {"words": "Between 2 and 5 characters, please."}
        uploaded = (await people.drop("admin", None, "large.csv", large)).file
        refused = await people.submit("admin", opened["id"], {"words": "fine", "list": {"files": [uploaded]}})
        assert refused.errors == {"list": "Files can be no larger than 10 MB."}
    assert await people.deliveries("interaction") == []


async def test_a_file_input_holds_uploaded_files(slack: EmbeddedSlack, bolt: AsyncApp, people: SandboxClient) -> None:
    """A file uploaded without a channel can be submitted; it has no shares."""
    view = form()
    view["blocks"] = [
        {
            "type": "input",
            "block_id": "list",
            "label": plain("List"),
            "element": {"type": "file_input", "action_id": "files", "max_files": 1},
        }
    ]
    submitted: list[Json] = []
    opening(bolt, view)

    @bolt.view("form")
    async def submission(ack: AsyncAck, body: Json) -> None:
        await ack()
        submitted.append(body)

    async with by_socket(slack, people, bolt):
        await people.command("admin", "#support-tickets", "/optout form")
        [opened] = (await people.state()).views("admin")
        file = (await people.drop("admin", None, "stops.csv", b"phone\n")).file
        assert (await people.submit("admin", opened["id"], {"list": {"files": [file]}})).ok
    [held] = submitted[0]["view"]["state"]["values"]["list"]["files"]["files"]
    assert held["id"] == file
    assert held["shares"] == {}


async def test_menus_in_messages(
    slack: EmbeddedSlack, bolt: AsyncApp, people: SandboxClient, api: AsyncWebClient
) -> None:
    """A choice arrives as its option, and stays in the state of later actions; unknown ones are refused."""
    bodies: list[Json] = []

    @bolt.action("pick")
    async def pick(ack: AsyncAck, body: Json) -> None:
        await ack()
        bodies.append(body)

    @bolt.action("go")
    async def go(ack: AsyncAck, body: Json) -> None:
        await ack()
        bodies.append(body)

    menu = {"type": "static_select", "action_id": "pick", "options": [option("us"), option("gb")]}
    ask = {"title": plain("Sure?"), "text": plain("Really"), "confirm": plain("Yes"), "deny": plain("No")}
    buttons = [
        {"type": "button", "action_id": "go", "value": value, "text": plain(value), "confirm": ask} for value in "ab"
    ]
    blocks = [
        {"type": "actions", "block_id": "menu", "elements": [menu]},
        {"type": "actions", "block_id": "a", "elements": buttons[:1]},
        {"type": "actions", "block_id": "b", "elements": buttons[1:]},
    ]
    channel = (await people.state()).channel("support-tickets").id
    await api.chat_postMessage(channel=channel, text="x", blocks=blocks)
    [message] = (await people.state()).channel(channel).messages
    async with by_socket(slack, people, bolt):
        await people.click("guest", message, "pick", value="gb")
        outcome = await people.click("guest", message, "go", value="b")
        with pytest.raises(SandboxError, match="No option 'fr' here"):
            await people.click("guest", message, "pick", value="fr")
        with pytest.raises(SandboxError, match="Nothing here has action_id 'no'"):
            await people.click("guest", message, "no")
    assert outcome.confirm is not None
    assert outcome.confirm["text"]["text"] == "Really"
    picked, went = bodies
    assert picked["actions"][0]["selected_option"]["value"] == "gb"
    assert (went["actions"][0]["value"], went["actions"][0]["block_id"]) == ("b", "b")
    assert went["state"]["values"]["menu"]["pick"]["selected_option"]["value"] == "gb"
    assert went["message"]["ts"] == message.ts
    assert went["user"]["id"] == (await people.state()).user("guest")["id"]
    assert [button.value for button in message.buttons] == ["a", "b"]
