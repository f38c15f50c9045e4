"""The forms that `/optout` alone opens: what they do, and how they say what is wrong, at the field."""

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest

from bot.sandbox import Outcome, State
from bot.sandbox.blocks import view_problems
from handlers.ttl_cache import TtlCache
from handlers.views import forms as views
from store import Account, Actor, Cause, Function, Origin
from tests.handlers.conftest import ADMINS, TICKETS, Office, loading_forms, on_both_databases
from tests.handlers.test_files import settled

ONE, TWO = "+12125550100", "+12125550101"
UPLOADS = "optout-uploads"


async def opened(office: Office, user: str, callback: str) -> dict[str, Any]:
    """The form *callback*, once *user* has it open."""

    def there(state: State) -> dict[str, Any] | None:
        return next((view for view in state.views(user) if view["callback_id"] == callback), None)

    return await office.people.until(there)


async def form(office: Office, user: str, name: str, *, channel: str = ADMINS) -> dict[str, Any]:
    """Open a form the way people do: `/optout`, then a button."""
    assert (await office.people.command(user, channel, "/optout")).ok

    def menu(state: State) -> dict[str, Any] | None:
        return next((view for view in state.views(user) if view["title"]["text"] == "Opt-Out Desk"), None)

    view = await office.people.until(menu)
    assert (await office.people.click_in_view(user, view["id"], f"form.{name}")).ok
    return await opened(office, user, f"form.{name}")


async def submit(office: Office, user: str, view: dict[str, Any], **values: Any) -> Outcome:
    return await office.people.submit(user, view["id"], {f"form.{name}": value for name, value in values.items()})


async def test_numbers_are_opted_out_by_a_form(office: Office) -> None:
    """The answer is the command's, in the channel where the form was opened; the note says that it was a form."""
    view = await form(office, "support", "add", channel=TICKETS)
    numbers = "(212) 555-0100\n212-555-0101, 212 555 0100"
    outcome = await submit(office, "support", view, numbers=numbers, cause=Cause.ASKED, words="stop <!here> now")
    assert outcome.ok, outcome

    def answered(state: State) -> Any:
        return next((m for m in state.channel(TICKETS).messages if "(212) 555-0101 opted out" in m.text), None)

    answer = await office.people.until(answered)
    assert " opted out*: asked to stop; stop @here now · by support\n" in answer.text
    entry = office.store.optouts.find(office.account.id, ONE).standing[0].entry
    assert (entry.function, entry.cause, entry.channel_name) == (Function.FORM, Cause.ASKED, TICKETS)
    assert (await office.people.state()).views("support") == []


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        ({"numbers": "12345\n212 555 0100"}, "numbers", "12345: 5 digits, a US number has 10. Nobody was opted out:"),
        ({"numbers": "a, b, c, d, e"}, "numbers", "and 2 more"),
        ({"numbers": "not 212 555 0100"}, "numbers", "There are other words beside the numbers."),
        ({"numbers": "Maria 212 555 0100"}, "numbers", "There are other words beside the numbers."),
        ({"numbers": " ,\n; "}, "numbers", "There is no number in it: write one, with its area code or country code."),
        ({"numbers": "1," * 201}, "numbers", "201 numbers; 200 fit."),
        ({"numbers": "212 555 0100", "country": "Grate Britain"}, "country", "No country is called Grate Britain."),
        ({"numbers": "020 7946 0018", "country": "<!channel>"}, "country", "No country is called @channel."),
    ],
)
async def test_what_is_wrong_is_said_at_its_field(
    office: Office, values: dict[str, str], field: str, said: str
) -> None:
    """Nothing is done while anything in the form is wrong, and the form stays open to put it right."""
    view = await form(office, "admin", "add")
    outcome = await submit(office, "admin", view, **values)
    assert said in outcome.errors[f"form.{field}"]
    assert office.store.optouts.count(office.account.id) == 0
    assert (await submit(office, "admin", view, numbers="212 555 0100", country="")).ok
    assert office.store.optouts.count(office.account.id) == 1


@on_both_databases
async def test_submitting_twice_counts_once(office: Office) -> None:
    """Two submits of one form at once are one request, and are told once."""
    view = await form(office, "admin", "add")
    twice = (submit(office, "admin", view, numbers="212 555 0100") for _ in range(2))
    await asyncio.gather(*twice, return_exceptions=True)
    assert len(office.store.optouts.find(office.account.id, ONE).opt_outs) == 1
    await office.people.until(lambda state: len(state.channel(ADMINS).messages) == 1)


async def test_another_country_in_the_form(office: Office) -> None:
    """Numbers without a country code are of the country the form names, by name or code."""
    view = await form(office, "admin", "add")
    assert (await submit(office, "admin", view, numbers="020 7946 0018", country="uk")).ok
    assert office.store.optouts.find(office.account.id, "+442079460018").opted_out


async def test_a_number_is_looked_up_by_a_form(office: Office) -> None:
    """The answer is the search's; several numbers and none are refused at the field."""
    await office.opt_out(ONE)
    view = await form(office, "support", "search", channel=TICKETS)
    outcome = await submit(office, "support", view, number="212 555 0100, 212 555 0101")
    assert outcome.errors == {"form.number": "Numbers are looked up one at a time: leave one here."}
    assert "Not a phone number" in (await submit(office, "support", view, number="911")).errors["form.number"]
    assert (await submit(office, "support", view, number="212 555 0100")).ok
    await office.people.until(
        lambda state: any("*(212) 555-0100 is opted out*" in m.text for m in state.channel(TICKETS).messages)
    )


@pytest.mark.wide
async def test_a_form_s_file_that_slack_does_not_tell_of(office: Office) -> None:
    """What Slack answers for good stands at the field, and the form stays for another file."""
    channel = (await office.people.state()).channel(UPLOADS).id
    file = (await office.people.drop("admin", None, "form.csv", b"phone\n212 555 0100\n")).file
    view = await form(office, "admin", "upload")
    for error in ("not_visible", "file_deleted", "missing_scope"):
        await office.people.fault(method="files.info", fault="error", error=error, times=1)
        refused = await submit(office, "admin", view, file=[file], channel=channel, country="US")
        assert refused.errors["form.file"].startswith(("Slack does not", "The file was deleted")), refused
    assert office.store.uploads.list(office.account.id, 1) == ()
    assert (await submit(office, "admin", view, file=[file], channel=channel, country="US")).ok


async def test_a_list_is_uploaded_by_a_form(office: Office) -> None:
    """Its preview appears in the channel that was chosen, and its unreadable rows beside the report."""
    channel = (await office.people.state()).channel(UPLOADS).id
    file = (await office.people.drop("admin", None, "form.csv", b"phone\n020 7946 0018\nnone\n")).file
    view = await form(office, "admin", "upload")
    assert (await submit(office, "admin", view, file=[file], channel=channel, country="GB")).ok

    def preview(state: State) -> Any:
        return next((m for m in state.channel(UPLOADS).messages if "form.csv:" in m.text and m.buttons), None)

    asked = await office.people.until(preview)
    await office.press("admin", asked, "upload.confirm")
    upload = await settled(office)
    assert upload.newly_opted_out == 1
    assert office.store.optouts.find(office.account.id, "+442079460018").opted_out
    done = await office.people.until(
        lambda state: next((m for m in state.channel(UPLOADS).messages if m.ts == asked.ts and len(m.thread) > 1), None)
    )
    assert any(one.files for one in done.thread)
    view = await form(office, "admin", "upload")
    again = await submit(office, "admin", view, file=[file], channel=channel)
    assert "is in that channel already" in again.errors["form.file"]


@pytest.mark.wide
async def test_a_list_is_scrubbed_by_a_form(office: Office) -> None:
    """It comes back in the channel that was chosen, without who is opted out; nobody is opted out by it."""
    await office.opt_out(ONE)
    channel = (await office.people.state()).channel(UPLOADS).id
    file = (await office.people.drop("support", None, "form.csv", b"phone\n212 555 0100\n212 555 0101\n")).file
    view = await form(office, "support", "scrub")
    assert (await submit(office, "support", view, file=[file], channel=channel)).ok

    def come_back(state: State) -> Any:
        found = state.channel(UPLOADS).everything
        said = any("1 row removed" in one.all_text for one in found)
        return next((one.files[0] for one in found if one.files), None) if said else None

    attached = await office.people.until(come_back)
    assert await office.people.download(attached["id"]) == b"phone\n212 555 0101\n"
    assert (await settled(office)).state == "scrubbed"
    assert office.store.optouts.count(office.account.id) == 1


@pytest.mark.wide
async def test_the_list_is_exported_by_a_form(office: Office) -> None:
    """The file comes to whoever asked, in the format that was chosen; where nobody may, the form says so."""
    await office.opt_out(ONE)
    view = await form(office, "admin", "export")
    assert (await office.people.submit("admin", view["id"], {"export.format": "phones"})).ok

    def delivered(state: State) -> Any:
        direct = state.direct("admin")
        found = [one for m in direct.everything for one in m.files] if direct else []
        return found[0] if found else None

    exported = await office.people.until(delivered)
    assert await office.people.download(exported["id"]) == b"phone\r\n+12125550100\r\n"
    nobody = replace(office.account.settings, exports="nobody")
    office.store.accounts.change(office.account.id, Origin(Function.SETTING, Actor("t", "t")), settings=nobody)
    view = await form(office, "admin", "export")
    assert (await office.people.submit("admin", view["id"], {"export.format": "phones"})).ok
    await office.people.until(
        lambda state: next((one for one in state.views("admin") if "Nobody may export" in str(one)), None)
    )


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ("field-private", "I am not in that channel"),
        ("partner-desk", "another organisation"),
        ("archive-2024", "That channel is archived: choose another."),
    ],
)
async def test_channels_that_will_not_do(office: Office, channel: str, said: str) -> None:
    """Where the bot is missing, strangers read along, or nobody can write, the field says so and nothing is read."""
    state = await office.people.state()
    file = (await office.people.drop("admin", None, "form.csv", b"phone\n2125550100\n")).file
    view = await form(office, "admin", "upload")
    outcome = await submit(office, "admin", view, file=[file], channel=state.channel(channel).id)
    assert said in outcome.errors["form.channel"]
    assert office.store.uploads.list(office.account.id, 9) == ()


async def test_a_deactivated_persons_open_form(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was deactivated while the form was open is told so in it, and nobody is opted out."""
    view = await form(office, "support", "add")
    monkeypatch.setattr(TtlCache, "get", lambda _self, _key: None)  # the minute is over for which people are remembered
    await office.people.update_user("support", deleted=True)
    assert (await submit(office, "support", view, numbers="212 555 0100")).acknowledged
    assert "Deactivated accounts cannot" in str((await office.people.state()).views("support"))
    assert office.store.optouts.count(office.account.id) == 0


async def test_a_trigger_that_is_over(office: Office) -> None:
    """When Slack does not open the menu in time, the asker is told to try again."""
    await office.people.fault(method="views.open", fault="error", error="expired_trigger_id")
    message = await office.ask_alone("admin", "")
    assert message.text == "Slack did not open the form in time, so nothing was done. Please try again."


@pytest.mark.parametrize("country", [None, "US", "GB"])
def test_slack_takes_every_form(country: str | None) -> None:
    """Within Slack's limits, whatever the account."""
    account = Account(1, "T1", "Harbor <b>", country, 12_000_000)
    for view in (
        views.menu(account, "{}", "admin"),
        views.add(account, "{}"),
        views.search(account, "{}"),
        views.upload(account, "{}", "C0123456789"),
    ):
        assert view_problems(view.to_dict()) == []


def test_the_form_says_how_large_a_list_may_be() -> None:
    """Slack's client lets no file of more than 10 MB into a form, so the form says what to do with one."""
    view = views.upload(Account(1, "T1", "Harbor", "US", 0), "{}", None).to_dict()
    field = next(block for block in view["blocks"] if block.get("block_id") == views.FILE)
    assert "10 MB" in field["hint"]["text"]
    assert "uploads channel" in field["hint"]["text"]


@pytest.mark.wide_but_first
@loading_forms
@pytest.mark.parametrize(
    ("user", "channel", "said"), [("admin", ADMINS, "form.add"), ("guest", TICKETS, "Guests cannot")]
)
async def test_the_menu_opens_while_the_database_hangs(
    office: Office, monkeypatch: pytest.MonkeyPatch, user: str, channel: str, said: str
) -> None:
    """Within the trigger's three seconds something is there, whatever the database does; then it is filled, or says no."""
    free, real = threading.Event(), office.store.accounts.get_or_create

    def hanging(*arguments: Any, **options: Any) -> Account:
        free.wait(20)
        return real(*arguments, **options)

    monkeypatch.setattr(office.store.accounts, "get_or_create", hanging)
    assert (await office.people.command(user, channel, "/optout")).ok
    await office.people.until(lambda state: "One moment" in str(state.views(user)))
    free.set()
    await office.people.until(lambda state: said in str(state.views(user)))


@pytest.mark.wide
async def test_a_list_called_as_one_to_be_scrubbed_is_asked_about(office: Office) -> None:
    """What a list of the form is called counts, as it does of one that is dropped: it is asked what it is for."""
    channel = (await office.people.state()).channel(UPLOADS).id
    file = (await office.people.drop("admin", None, "walk scrub.csv", b"phone\n2125550100\n")).file
    view = await form(office, "admin", "upload")
    assert (await submit(office, "admin", view, file=[file], channel=channel)).ok

    def preview(state: State) -> Any:
        return next((m for m in state.channel(UPLOADS).messages if "what is to be done with it?" in m.text), None)

    asked = await office.people.until(preview)
    assert [one.text for one in asked.buttons] == ["Opt out 1 phone", "Scrub it", "Leave it"]
