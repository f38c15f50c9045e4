"""Who is what by an account's settings, how admins change them, and that they take effect."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.sandbox import Outcome, State
from bot.sandbox.blocks import view_problems
from handlers.slack.messages import masked
from handlers.views import settings as views
from store import Account, Actor, Function, Origin, Reply, Store, StoreError, WrongState
from store.records import AccountSettings
from tests.entries import latest_entries
from tests.handlers.conftest import ADMINS, TICKETS, Office, loading_forms, on_both_databases
from tests.handlers.test_files import drop, says, settled

ONE, TWO = "+12125550100", "+12125550101"
PLAIN: dict[str, Any] = {
    "support": "everyone",
    "elsewhere": "ask",
    "ask": "always",
    "numbers": "full",
    "exports": "admins",
}


async def decide(office: Office, **settings: Any) -> Account:
    """The admins decided so before."""
    by = Origin(Function.SETTING, await office.actor("admin"))
    now = office.store.accounts.get(office.account.id).settings
    return office.store.accounts.change(office.account.id, by, settings=replace(now, **settings))[0]


async def opened(office: Office, user: str = "admin") -> dict[str, Any]:
    """The form of settings, once *user* has it open."""
    assert (await office.people.command(user, ADMINS, "/optout settings")).ok

    def there(state: State) -> dict[str, Any] | None:
        return next((view for view in state.views(user) if view["callback_id"] == "settings.form"), None)

    return await office.people.until(there)


async def save(office: Office, view: dict[str, Any], user: str = "admin", **values: Any) -> Outcome:
    return await office.people.submit(user, view["id"], {f"settings.{name}": value for name, value in values.items()})


# Changing them


@on_both_databases
async def test_settings_are_changed_in_a_form(office: Office) -> None:
    """Each change is an entry, all are told in the channel, and the form shows them the next time."""
    view = await opened(office)
    support = (await office.actor("support")).id
    outcome = await save(office, view, country="gb", admins=[support], ask="doubts", undo_days="2.5", numbers="masked")
    assert outcome.ok, outcome
    told = await office.people.until(
        lambda state: next((m for m in state.channel(ADMINS).messages if "settings changed" in m.text), None)
    )
    assert told.text.startswith("*5 settings changed* · by admin")
    account = office.store.accounts.get(office.account.id)
    assert account.country == "GB"
    assert account.settings == AccountSettings(admins=(support,), ask="doubts", undo_days=2.5, numbers="masked")
    reasons = {entry.reason for entry in latest_entries(office.store, office.account.id, 9)}
    assert "an upload can be undone for 2.5 days" in reasons
    assert "default country is GB" in reasons
    assert any(reason and reason.startswith("admins besides the workspace's own are ") for reason in reasons)
    assert support not in str(reasons)
    again = await opened(office)
    assert "'initial_value': '2.5 days'" in str(again)
    assert support in str(again)
    assert (await save(office, again, undo_days="", country="GB")).ok
    assert office.store.accounts.get(office.account.id).settings.undo_days is None


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("country", "Atlantis", "No country is called Atlantis."),
        ("undo_days", "soon", "of 7 days at most"),
        ("undo_days", "-1", "of 7 days at most"),
        ("undo_days", "inf", "of 7 days at most"),
        ("undo_days", "15 days", "of 7 days at most"),
        ("max_list_bytes", "1.5", "of 1 GB at most"),
        ("max_list_bytes", "0", "of 1 GB at most"),
        ("max_list_bytes", "2 GB", "of 1 GB at most"),
        ("max_list_bytes", "5 apples", "of 1 GB at most"),
        ("support", "groups", "Choose a group"),
        ("out_words", "no mas, Yes", "'Yes' is said to anything"),
        ("out_words", "start", "has a meaning already (it opts in)"),
        ("in_words", "STOP", "has a meaning already (it opts out)"),
        ("out_words", "!!!", "There is no word in that."),
        ("out_words", "leave my poor old mother alone at last", "is too long"),
        ("out_words", ",".join(f"w{n}" for n in range(60)), "These are 60 words. Add 50 at most"),
    ],
)
async def test_what_cannot_be_is_said_at_its_field(office: Office, field: str, value: str, said: str) -> None:
    """Nothing is saved while a field is wrong."""
    view = await opened(office)
    outcome = await save(office, view, **{field: value, "ask": "never"})
    assert said in outcome.errors[f"settings.{field}"]
    assert office.store.accounts.get(office.account.id).settings == AccountSettings()
    assert latest_entries(office.store, office.account.id, 9) == ()


async def test_words_of_the_accounts_own(office: Office) -> None:
    """They are kept as replies are compared, take effect with the next reply, and STOP stays what it is without them."""
    view = await opened(office)
    assert (await save(office, view, out_words="*Ya no* Gracias, _BASTARD_ & co.,, ya no gracias;", in_words="")).ok
    settings = office.store.accounts.get(office.account.id).settings
    assert settings.out_words == ("ya no gracias", "bastard co")
    told = Reply("twilio", "SM1", ONE, "12345", "YA NO gracias!", datetime.now(UTC))
    by = Origin(Function.API, Actor("key:1", "bridge"))
    heard = office.store.replies.hear(office.account.id, told, by)
    assert heard.judgement.outcome == "out"
    again = await opened(office)
    assert "ya no gracias, bastard co" in str(again)
    both = await save(office, again, in_words="ya no gracias")
    assert "opts out, by the field above" in both.errors["settings.in_words"]
    assert (await save(office, again, out_words="")).ok
    assert office.store.accounts.get(office.account.id).settings.out_words == ()
    stop = office.store.replies.hear(office.account.id, replace(told, message="SM2", text="stop"), by)
    assert stop.judgement.outcome == "out"


async def test_nothing_changed_is_nothing_written(office: Office) -> None:
    """Saving the form as it is makes no entry and no message in the channel."""
    view = await opened(office)
    assert (await save(office, view)).acknowledged
    assert "Nothing was changed." in str((await office.people.state()).views("admin"))
    assert latest_entries(office.store, office.account.id, 9) == ()


@on_both_databases
async def test_two_admins_at_once(office: Office) -> None:
    """Who saves a form that is out of date is told so, and what the other decided stands."""
    first, second = await opened(office, "admin"), await opened(office, "second-admin")
    assert (await save(office, first, ask="never")).ok
    assert (await save(office, second, "second-admin", numbers="masked")).acknowledged
    assert "Somebody else changed the settings" in str((await office.people.state()).views("second-admin"))
    assert office.store.accounts.get(office.account.id).settings == AccountSettings(ask="never")


async def test_only_admins_open_it(office: Office) -> None:
    """Others are told who can; an admin who is none any more cannot save what is open."""
    no = await office.ask_alone("support", "settings")
    assert no.text.startswith("Only admins can change the settings. admin and")
    assert (await office.people.state()).views("support") == []
    view = await opened(office, "second-admin")
    await office.people.update_user("second-admin", is_admin=False)
    assert (await save(office, view, "second-admin", ask="never")).acknowledged
    assert "Only admins can change the settings." in str((await office.people.state()).views("second-admin"))
    assert office.store.accounts.get(office.account.id).settings == AccountSettings()


@pytest.mark.wide
@loading_forms
async def test_the_form_is_there_while_slack_is_slow(office: Office) -> None:
    """What takes longer than a second is waited for in a modal that is open already, within the trigger's life."""
    await office.people.fault(method="usergroups.list", fault="slow", seconds=1.5)
    assert (await office.people.command("admin", ADMINS, "/optout settings")).ok
    await office.people.until(lambda state: "One moment" in str(state.views("admin")))
    await office.people.until(lambda state: "settings.ask" in str(state.views("admin")))


async def test_without_user_groups(office: Office) -> None:
    """Where Slack does not tell the groups, all else can be decided, and what was chosen before stays."""
    await decide(office, admin_groups=("S0GONE",))
    await office.people.fault(method="usergroups.list", fault="error", error="paid_teams_only")
    view = await opened(office)
    assert "settings.admin_groups" not in str(view)
    assert (await save(office, view, ask="never")).ok
    assert office.store.accounts.get(office.account.id).settings.admin_groups == ("S0GONE",)


# Who is what


async def test_admins_by_settings_and_by_group(office: Office) -> None:
    """A person named in the settings, and a member of a group named there, are admins; a group that is gone makes none."""
    await office.opt_out(ONE)
    assert (await office.ask_alone("support", f"delete {ONE}")).text.startswith("Only admins can allow texts again.")
    await decide(office, admins=((await office.actor("support")).id,))
    assert (await office.ask("support", f"delete {ONE}")).buttons
    groups = office.slack.platform.workspace.usergroups
    [group] = groups
    groups[group]["users"] = [(await office.actor("support")).id]
    await decide(office, admins=(), admin_groups=(group,))
    assert (await office.ask("support", f"delete {ONE}")).buttons
    await decide(office, admin_groups=("S0GONE",))
    before = len((await office.people.state()).ephemerals("support"))
    assert (await office.people.command("support", ADMINS, f"/optout delete {ONE}")).ok
    assert (await office.told("support", before)).text.startswith("Only admins can allow texts again.")


async def test_a_guest_named_in_the_settings_stays_a_guest(office: Office) -> None:
    """Settings make admins of members, not of guests or of people of other organisations."""
    await office.let_in("stranger")
    await decide(office, admins=((await office.actor("guest")).id, (await office.actor("stranger")).id))
    assert "Guests cannot" in (await office.ask_alone("guest", f"add {ONE}", channel=TICKETS)).text
    assert "other organisations" in (await office.ask_alone("stranger", f"add {ONE}", channel="partner-desk")).text


@pytest.mark.wide
@pytest.mark.parametrize("support", ["nobody", "groups"])
async def test_members_who_are_not_support(office: Office, support: str) -> None:
    """They drop lists and read the help, and nothing else; admins can all the same."""
    await decide(office, support=support, support_groups=("S0GONE",))
    no = await office.ask_alone("support", f"search {ONE}")
    assert no.text.startswith("Only support and admins can look phones up. admin and")
    assert "How to use" in (await office.ask_alone("support", "help")).text
    assert (await office.people.command("support", ADMINS, "/optout")).ok
    menu = await office.people.until(lambda state: next(iter(state.views("support")), None))
    assert "form.upload" in str(menu)
    assert "form.add" not in str(menu)
    ts = await drop(office, b"phone\n2125550100\n", user="support")
    await says(office, ts, "1 phone to opt out")
    assert (await office.ask("admin", f"add {TWO}")).text.startswith("*(212) 555-0101 opted out now*")


@pytest.mark.wide
async def test_groups_with_nobody_in_them(office: Office) -> None:
    """Where nobody is in the groups of support, all but admins would be locked out: that is refused at its field."""
    groups = office.slack.platform.workspace.usergroups
    [group] = groups
    groups[group]["users"] = []
    view = await opened(office)
    outcome = await save(office, view, support="groups", support_groups=[group])
    assert outcome.errors["settings.support"].startswith("Nobody is in the chosen groups")
    groups[group]["users"] = [(await office.actor("support")).id]
    assert (await save(office, view, support="groups", support_groups=[group])).ok


@pytest.mark.wide
async def test_groups_whose_members_all_left(office: Office) -> None:
    """Whoever left, an app and a guest have no role by a group: one of only such people locks out as an empty one does."""
    groups = office.slack.platform.workspace.usergroups
    [group] = groups
    groups[group]["users"] = [(await office.actor("support")).id, (await office.actor("guest")).id]
    await office.people.update_user("support", deleted=True)
    view = await opened(office)
    outcome = await save(office, view, support="groups", support_groups=[group])
    assert outcome.errors["settings.support"].startswith("Nobody is in the chosen groups")
    outcome = await save(office, view, support="everyone", admin_groups=[group])
    assert "can be an admin: choose another group" in outcome.errors["settings.admin_groups"]


@pytest.mark.wide_but_first
@pytest.mark.parametrize(("who", "why"), [("guest", "is a guest"), ("optout", "is an app"), ("support", "has left")])
async def test_people_who_can_be_no_admins(office: Office, who: str, why: str) -> None:
    """Somebody whom no setting can make an admin is named at the field, and nothing is saved."""
    if who == "support":
        await office.people.update_user(who, deleted=True)
    person = office.slack.bot_user_id if who == "optout" else (await office.actor(who)).id
    outcome = await save(office, await opened(office), admins=[person])
    assert f"{why}, so they cannot be an admin: take them out." in outcome.errors["settings.admins"]
    assert office.store.accounts.get(office.account.id).settings == AccountSettings()


@pytest.mark.wide_but_first
@pytest.mark.parametrize("field", ["waiting_channel", "digest_channel", "uploads_channels"])
async def test_channels_that_the_desk_cannot_use(office: Office, field: str) -> None:
    """A channel the desk is not in is refused at its field; once it was invited the channel is taken."""
    state = await office.people.state()
    channel = state.channel("field-private").id
    value: Any = [channel] if field == "uploads_channels" else channel
    view = await opened(office)
    outcome = await save(office, view, **{field: value})
    assert "invite me there, or choose another" in outcome.errors[f"settings.{field}"]
    await office.people.invite("field-private")
    assert (await save(office, view, **{field: value})).ok


async def test_a_support_group(office: Office) -> None:
    """Its members add and look up."""
    groups = office.slack.platform.workspace.usergroups
    [group] = groups
    groups[group]["users"] = [(await office.actor("support")).id]
    await decide(office, support="groups", support_groups=(group,))
    assert (await office.ask("support", f"add {ONE}")).text.startswith("*(212) 555-0100 opted out now*")


async def test_a_demoted_admin_presses_an_old_button(office: Office) -> None:
    """Who is no admin any more is refused at once, though they were known as one a moment ago."""
    await office.opt_out(ONE)
    question = await office.ask("second-admin", f"delete {ONE}")
    await office.people.update_user("second-admin", is_admin=False)
    await office.press("second-admin", question, "optout.delete")
    assert (await office.told("second-admin")).text.startswith("Only admins can allow texts again.")
    assert office.store.optouts.find(office.account.id, ONE).opted_out


# What they decide


@pytest.mark.wide
@pytest.mark.parametrize("ask", ["doubts", "never"])
async def test_a_list_is_applied_unasked(office: Office, ask: str) -> None:
    """The report follows the drop, and the entry says that nobody was asked."""
    await decide(office, ask=ask)
    ts = await drop(office, b"phone\n2125550100\n2125550101\n", user="support")
    await says(office, ts, "*2 phones opted out*")
    entry = office.store.optouts.find(office.account.id, ONE).standing[0].entry
    assert (entry.actor, entry.reason) == (await office.actor("support"), "applied unasked, as the settings say")


@pytest.mark.wide
async def test_a_list_that_looks_wrong_is_asked_about(office: Office) -> None:
    """With "doubts", a contact list waits for an admin; with "never" it is applied, and its report says that nobody was asked."""
    contacts = b"first_name,last_name,email,address,support_score,phone\nA,B,a@b.org,1 St,5,2125550100\nC,D,c@d.org,2 St,4,2125550101\n"
    await decide(office, ask="doubts")
    ts = await drop(office, contacts)
    await says(office, ts, "2 phones to opt out")
    assert (await settled(office)).state == "waiting"
    await decide(office, ask="never")
    ts = await drop(office, contacts)
    report = await says(office, ts, "*2 phones opted out*")
    assert "applied without a question, as the settings say" in report.text


async def test_an_uploads_channel_of_the_account(office: Office) -> None:
    """A list dropped in a channel the settings name is taken up without a mention."""
    state = await office.people.state()
    await decide(office, uploads_channels=(state.channel(TICKETS).id,))
    outcome = await office.people.drop("admin", TICKETS, "stops.csv", b"phone\n2125550100\n")
    assert outcome.ts is not None
    await says(office, outcome.ts, "1 phone to opt out")


@pytest.mark.wide
async def test_a_smaller_largest_list(office: Office) -> None:
    """A list above the account's own limit is refused in words."""
    await decide(office, max_list_bytes=10)
    ts = await drop(office, b"phone\n2125550100\n2125550101\n")
    await says(office, ts, "Nothing was changed.")
    assert (await settled(office)).state == "refused"


@pytest.mark.wide
async def test_days_of_undo(office: Office) -> None:
    """With no day at all there is no button to undo, and an older button says that it is over."""
    await decide(office, ask="never")
    ts = await drop(office, b"phone\n2125550100\n")
    report = await says(office, ts, "*1 phone opted out*")
    shown = await office.people.until(
        lambda state: next((m for m in state.replies(ts) if m.ts == report.ts and m.buttons), None)
    )
    await decide(office, undo_days=0.0)
    await office.press("admin", shown, "upload.undo")
    assert "can no longer be undone" in (await office.told("admin")).text or "undo" in (await office.told("admin")).text
    assert office.store.optouts.count(office.account.id) == 1


async def test_numbers_are_masked_in_public_channels(office: Office) -> None:
    """Neither the message nor its thread shows a number there; a private channel and the asker alone see it in full."""
    await decide(office, numbers="masked")
    await office.people.invite("field-private")
    for text in (f"add {ONE}", f"search {ONE}", f"search {TWO}", f"delete {ONE}"):
        shown = (await office.ask("admin", text)).all_text
        assert "100" in shown or "101" in shown
        assert not any(written in shown for written in (ONE, TWO, "555-01", "+1 212")), text
        private = await office.ask("admin", text, channel="field-private")
        assert "(212) 555-010" in private.all_text
    question = await office.ask("admin", f"delete {ONE}")
    await office.press("admin", question, "optout.delete")
    answered = await office.replies_to(question.ts, 1)
    assert "555" not in answered.thread[0].all_text
    assert not office.store.optouts.find(office.account.id, ONE).opted_out


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    "said", ["212-555-0100", "212-555-0100 212-555-0101", "opt out 212-555-0100", "opt in 212-555-0100"]
)
async def test_mentions_are_masked_too(office: Office, said: str) -> None:
    """What a mention is answered shows no number in a public channel's thread either."""
    await office.opt_out(ONE)
    await decide(office, numbers="masked")
    outcome = await office.people.message("admin", TICKETS, f"<@{office.slack.bot_user_id}> {said}", raw=True)

    def answered(state: State) -> str | None:
        shown = "".join(reply.all_text for reply in state.replies(outcome.ts))
        return shown if "•100" in shown else None

    shown = await office.people.until(answered)
    assert not any(written in shown for written in (ONE, "555-01"))


def test_masking_leaves_everything_else() -> None:
    """A message without phones is the same, and no button changes what it stands for."""
    from handlers.views import optouts
    from store import PhoneNumber, PhoneState

    message = optouts.phone_state(PhoneState(ONE, (), ()), PhoneNumber(ONE, False, None, None), "US", is_admin=True)
    hidden = masked(message)
    assert hidden.text == "*+1•••••••100 is not opted out.* It is not on this list and never was."
    assert hidden.blocks[2]["elements"][0]["value"] == ONE


# The store's side


def test_what_the_store_refuses(store: Store, account: Account, by_admin: Origin) -> None:
    """Values that cannot be are refused in words, and nothing is written."""
    for settings in (
        AccountSettings(ask="perhaps"),
        AccountSettings(support=""),
        AccountSettings(undo_days=-1),
        AccountSettings(undo_days=float("nan")),
        AccountSettings(max_list_bytes=0),
    ):
        with pytest.raises(StoreError):
            store.accounts.change(account.id, by_admin, settings=settings)
    assert store.accounts.get(account.id) == account


def test_settings_are_kept(store: Store, account: Account, by_admin: Origin) -> None:
    """What was decided reads back as it was, another account's stay; a form of before is refused."""
    settings = AccountSettings(
        ("U1",), ("S1",), "groups", ("S2",), ("C1",), "doubts", 1.5, 10, "masked", "nobody", "C2"
    )
    other = store.accounts.get_or_create("T0OTHER", "Other")
    changed, told = store.accounts.change(
        account.id, by_admin, settings=settings, country="GB", fingerprint=account.fingerprint
    )
    assert (changed.settings, changed.country) == (settings, "GB")
    assert store.accounts.get(account.id) == changed
    assert len(told) == len(latest_entries(store, account.id, 99)) == 12
    assert store.accounts.get(other.id).settings == AccountSettings()
    with pytest.raises(WrongState, match="Somebody else changed the settings"):
        store.accounts.change(account.id, by_admin, settings=AccountSettings(), fingerprint=account.fingerprint)
    assert store.accounts.change(account.id, by_admin, settings=settings, fingerprint=changed.fingerprint) == (
        changed,
        (),
    )


def test_slack_takes_the_fullest_form() -> None:
    """With more groups than Slack shows, long names, and groups that are gone."""
    groups = [views.Group(f"S{number}", "<!here> " * 20) for number in range(300)]
    settings = AccountSettings(("U1",), ("S299", "S0GONE"), "groups", ("S1",), ("C1",), "never", 1e3, 10**9)
    account = Account(1, "T1", "Harbor", "US", 0, settings)
    view = views.form(account, groups, "{}", undo_days=14, most_bytes=10**9).to_dict()
    assert view_problems(view) == []
    assert "S0GONE, which is gone" in str(view)
    message = views.changed(["<!channel> " * 50] * 12, Actor("U1", "x"))
    assert "<!channel" not in str(message.blocks)
