"""Look-ups: in the channel with who asked, or for the asker alone with a button that shows them to all."""

import asyncio
from dataclasses import replace

import pytest

from bot.sandbox import SandboxMessage, State
from store import AccountSettings, Function, Origin
from tests.handlers.conftest import TICKETS, Office, on_both_databases
from tests.handlers.slack.test_outbox import settled
from tests.handlers.test_forms import form, submit

ONE, TWO, THREE, FOUR = (f"+1212555010{n}" for n in range(4))


async def decide(office: Office, **changes: str) -> None:
    """Change settings behind Slack's back."""
    account = office.store.accounts.get(office.account.id)
    settings: AccountSettings = replace(account.settings, **changes)  # type: ignore[arg-type]
    by = Origin(Function.SETTING, await office.actor("admin"))
    office.store.accounts.change(account.id, by, settings=settings)


async def asked_alone(office: Office, way: str, user: str = "support") -> SandboxMessage:
    """Look ONE up by a *way* that is answered to the asker alone; the answer."""
    before = len((await office.people.state()).ephemerals(user))
    if way == "command":
        assert (await office.people.command(user, TICKETS, f"/optout search {ONE}")).ok
    elif way == "mention":
        assert (await office.people.message(user, TICKETS, f"@optout {ONE}")).ok
    else:
        view = await form(office, user, "search", channel=TICKETS)
        assert (await submit(office, user, view, number=ONE)).ok
    return await office.told(user, before)


async def shown(office: Office) -> SandboxMessage:
    """The look-up that is shown in the channel."""

    def there(state: State) -> SandboxMessage | None:
        return next((one for one in state.channel(TICKETS).messages if one.handle == "optout"), None)

    return await office.people.until(there)


async def test_a_look_up_says_who_asked(office: Office) -> None:
    """In the one message in the channel, by name, and without notifying them."""
    found = await office.ask("support", ONE, channel=TICKETS)
    assert found.all_text.endswith(f"`{ONE}` · looked up by support\nOpt out")
    several = await office.people.message("support", TICKETS, f"@optout {ONE} {TWO}")
    [answer] = (await office.replies_to(str(several.ts), 1)).thread
    assert f"`{ONE}` · `{TWO}` · looked up by support" in answer.all_text


@pytest.mark.wide_but_first
@pytest.mark.parametrize("way", ["command", "mention", "form"])
async def test_for_the_asker_alone(office: Office, way: str) -> None:
    """Nobody else sees it, and the button shows it to all: as it stands then, in the name of who pressed, once."""
    await decide(office, lookups="asker")
    answer = await asked_alone(office, way)
    assert answer.text == "*(212) 555-0100 is not opted out.* It is not on this list and never was."
    assert [one for one in (await office.people.state()).channel(TICKETS).messages if one.handle == "optout"] == []
    await office.opt_out(ONE, reason="called us")
    await asyncio.gather(*(office.press("support", answer, "lookup.show") for _ in range(3)), return_exceptions=True)
    there = await shown(office)
    assert there.text.startswith("*(212) 555-0100 is opted out*: _Opted out by hand by admin")
    assert "looked up by support" in there.all_text
    assert there.thread_ts is None
    await settled(office)
    assert (
        len([one for one in (await office.people.state()).channel(TICKETS).everything if one.handle == "optout"]) == 1
    )


async def test_shown_in_the_thread_where_it_was_asked(office: Office) -> None:
    """A look-up that was asked in a thread is shown in that thread, not in the channel."""
    await decide(office, lookups="asker")
    ticket = str((await office.people.message("admin", TICKETS, "a ticket")).ts)
    await office.people.message("admin", TICKETS, "any news?", thread_ts=ticket)
    assert (await office.people.message("support", TICKETS, f"@optout {ONE}", thread_ts=ticket)).ok
    await office.press("support", await office.told("support"), "lookup.show")

    def there(state: State) -> SandboxMessage | None:
        return next((one for one in state.channel(TICKETS).everything if one.handle == "optout"), None)

    assert (await office.people.until(there)).thread_ts == ticket


@pytest.mark.wide
@on_both_databases
async def test_several_for_the_asker_alone(office: Office) -> None:
    """Each of four has its line there and in what is shown; the button that was offered opts out all the same."""
    await decide(office, lookups="asker")
    await office.opt_out(ONE, reason="called us")
    assert (await office.people.message("support", TICKETS, f"@optout {ONE} {TWO} {THREE} {FOUR}")).ok
    answer = await office.told("support")
    assert answer.text == "*1 of 4 phones is opted out*"
    for phone in (ONE, TWO, THREE, FOUR):
        assert f"`{phone}`" in answer.all_text
    await office.press("support", answer, "lookup.show")
    there = await shown(office)
    assert there.text == answer.text
    [detail] = (await office.replies_to(there.ts, 1)).thread
    assert "called us" in detail.all_text


async def test_what_is_shown_is_masked(office: Office) -> None:
    """As the account wants it in public channels; who asked reads it in full."""
    await decide(office, lookups="asker", numbers="masked")
    answer = await asked_alone(office, "command")
    assert "(212) 555-0100" in answer.text
    await office.press("support", answer, "lookup.show")
    there = await shown(office)
    assert "555" not in there.all_text
    assert "•••100" in there.all_text


async def test_who_may_not_look_up_shows_nothing(office: Office) -> None:
    """Who was support when they asked, and is no more, is told so."""
    await decide(office, lookups="asker")
    answer = await asked_alone(office, "command")
    await decide(office, support="nobody")
    before = len((await office.people.state()).ephemerals("support"))
    await office.press("support", answer, "lookup.show")
    assert (await office.told("support", before)).text.startswith("Only support and admins can look phones up.")
    await settled(office)
    assert [one for one in (await office.people.state()).channel(TICKETS).messages if one.handle == "optout"] == []


async def test_where_the_bot_is_not(office: Office) -> None:
    """What cannot be shown is told to who pressed, with the reason."""
    await decide(office, lookups="asker")
    answer = await office.ask_alone("admin", f"search {ONE}", channel="field-private")
    before = len((await office.people.state()).ephemerals("admin"))
    await office.press("admin", answer, "lookup.show")
    await settled(office)
    told = (await office.people.state()).ephemerals("admin")[before:]
    assert any("/invite @Opt-Out Desk" in one.all_text for one in told)


async def test_a_direct_message_has_no_button(office: Office) -> None:
    """There nobody else reads along: who asked is not named, and there is nothing to show."""
    await decide(office, lookups="asker")
    assert (await office.people.message("support", "@bot", ONE)).ok

    def answered(state: State) -> SandboxMessage | None:
        direct = state.direct("support")
        return next((one for one in (direct.messages if direct else ()) if one.handle == "optout"), None)

    answer = await office.people.until(answered)
    assert "looked up by" not in answer.all_text
    assert [button.action_id for button in answer.buttons] == ["optout.add"]


async def test_the_setting_says_what_it_does(office: Office) -> None:
    """What is another now is told in words."""
    by = Origin(Function.SETTING, await office.actor("admin"))
    account = office.store.accounts.get(office.account.id)
    _, said = office.store.accounts.change(account.id, by, settings=replace(account.settings, lookups="asker"))
    assert said == ("look-ups are answered to who asked alone",)
