"""What happens between a question and its answer: restarts, removals, forms that changed under one's hands."""

from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.config import Settings
from bot.sandbox import EmbeddedSlack, SandboxClient, State
from bot.serve import running
from store import Store
from tests.handlers.conftest import ADMINS, TICKETS, Office, loading_forms
from tests.handlers.test_forms import form, submit

ONE, TWO = "+12125550100", "+12125550101"


@pytest.mark.wide
async def test_buttons_of_before_a_restart(slack: EmbeddedSlack, settings: Settings) -> None:
    """A button that was shown by a desk that is gone works with the next one: all it needs stands in it."""
    store = Store.open(settings.database_url)
    account = store.accounts.get_or_create(slack.team_id, "Harbor Campaign", country="US")
    async with SandboxClient(slack.url) as people:
        async with running(settings, store) as service:
            await service.connected(10)
            office = Office(slack, people, store, service, account)
            await office.opt_out(ONE)
            question = await office.ask("admin", f"delete {ONE}")
            found = await office.ask("support", TWO, channel=TICKETS, replies=0)
            view = await form(office, "support", "add", channel=TICKETS)
        async with running(settings, store) as service:
            await service.connected(10)
            office = Office(slack, people, store, service, account)
            await office.press("admin", question, "optout.delete")
            assert not store.optouts.find(account.id, ONE).opted_out
            await office.press("support", found, "optout.add")
            assert store.optouts.find(account.id, TWO).opted_out
            assert (await submit(office, "support", view, numbers="212 555 0102")).ok
            assert store.optouts.find(account.id, "+12125550102").opted_out
    store.close()


@pytest.mark.wide_but_first
@pytest.mark.parametrize("value", ["", "null", "{}", "[1]", "12125550100", '{"phone": 5, "seen": "x"}', "\u202e"])
@pytest.mark.parametrize("action", ["optout.delete", "optout.add", "remark.form", "history.all.older", "upload.undo"])
async def test_buttons_of_another_version(office: Office, action: str, value: str) -> None:
    """A button whose value nobody understands any more is answered in words, and changes nothing but what it plainly says."""
    await office.opt_out(ONE)
    button: dict[str, Any] = {"type": "button", "text": {"type": "plain_text", "text": "Old"}, "action_id": action}
    posted = await AsyncWebClient(token=office.slack.bot_token, base_url=office.slack.api_url).chat_postMessage(
        channel=(await office.people.state()).channel(ADMINS).id,
        text="old",
        blocks=[{"type": "actions", "elements": [button | ({"value": value} if value else {})]}],
    )
    message = (await office.people.state()).message(posted["ts"])
    assert message is not None
    await office.press("admin", message, action)
    answered = await office.people.until(
        lambda state: bool(state.ephemerals("admin") or state.replies(message.ts) or state.views("admin"))
    )
    assert answered
    assert office.store.optouts.find(office.account.id, ONE).opted_out
    for told in (await office.people.state()).ephemerals("admin"):
        assert "Traceback" not in told.all_text
        assert "KeyError" not in told.all_text


async def test_the_bot_is_removed_between_question_and_answer(office: Office) -> None:
    """What the button was pressed for is done all the same, and whoever pressed it is told alone, and why alone."""
    await office.opt_out(ONE)
    question = await office.ask("admin", f"delete {ONE}")
    await office.people.kick(ADMINS)
    await office.press("admin", question, "optout.delete")
    told = await office.told("admin")
    assert "are allowed again" in told.all_text
    assert "I am not in this channel" in told.all_text
    assert not office.store.optouts.find(office.account.id, ONE).opted_out


async def test_a_form_whose_channel_the_bot_left(office: Office) -> None:
    """The numbers are opted out, and the answer finds its way to whoever submitted."""
    view = await form(office, "support", "add", channel=TICKETS)
    await office.people.kick(TICKETS)
    assert (await submit(office, "support", view, numbers="212 555 0101")).ok
    assert office.store.optouts.find(office.account.id, TWO).opted_out

    def told(state: State) -> bool:
        direct = state.direct("support")
        private = [*state.ephemerals("support"), *(direct.messages if direct else [])]
        return any("(212) 555-0101 opted out" in message.text for message in private)

    await office.people.until(told)


@loading_forms
async def test_a_loading_form_that_was_closed(office: Office) -> None:
    """A form that is closed while it is being filled stays closed, and the desk goes on."""
    await office.people.fault(method="usergroups.list", fault="slow", seconds=1.5)
    assert (await office.people.command("admin", ADMINS, "/optout settings")).ok
    loading = await office.people.until(lambda state: next(iter(state.views("admin")), None))
    await office.people.close("admin", loading["id"])
    await office.people.until(lambda _state: True)
    assert (await office.ask("admin", f"add {ONE}")).text.startswith("*(212) 555-0100 opted out now*")
    assert (await office.people.state()).views("admin") == []


@pytest.mark.wide
@loading_forms
async def test_a_view_that_changed_under_a_hash(office: Office) -> None:
    """Slack refuses to fill a form that is another by now; nothing else comes of it."""
    await office.people.fault(method="usergroups.list", fault="slow", seconds=1.5)
    await office.people.fault(method="views.update", fault="error", error="hash_conflict")
    assert (await office.people.command("admin", ADMINS, "/optout settings")).ok
    await office.people.until(lambda state: "One moment" in str(state.views("admin")))
    assert (await office.ask("admin", f"add {ONE}")).text.startswith("*(212) 555-0100 opted out now*")
