"""Who may do what, at every entrance."""

import pytest

from handlers.permissions import ALLOWED, Action, Role, allow
from tests.handlers.conftest import ADMINS, TICKETS, Office

ONE = "+12125550100"


def test_the_table_is_complete() -> None:
    """Every action has its roles; admins may do all of them, and nobody none."""
    assert set(ALLOWED) == set(Action)
    assert all(allow(Role.ADMIN, action) and not allow(Role.NOBODY, action) for action in Action)


async def test_members_are_told_who_can(office: Office) -> None:
    """A member who asks for an admin's doing gets a no with the admins' names, alone, and nothing changes."""
    await office.opt_out(ONE)
    message = await office.ask_alone("support", f"delete {ONE}", channel=TICKETS)
    assert message.text == "Only admins can delete opt-outs. admin and second-admin can."
    message = await office.ask_alone("support", "country GB")
    assert message.text.startswith("Only admins can set the country.")
    assert office.store.accounts.get(office.account.id).country == "US"
    assert (await office.people.state()).channel(TICKETS).messages == []


@pytest.mark.parametrize(
    "text", [f"add {ONE}", f"search {ONE}", ONE, f"delete {ONE}", "country", "uploads", "help", "x"]
)
@pytest.mark.parametrize(
    ("user", "channel", "sentence"),
    [("guest", TICKETS, "Guests cannot"), ("stranger", "partner-desk", "not people of other organisations")],
)
async def test_outsiders_get_a_polite_no(office: Office, user: str, channel: str, text: str, sentence: str) -> None:
    """Guests and people of other organisations learn nothing and change nothing."""
    await office.let_in(user)
    message = await office.ask_alone(user, text, channel=channel)
    assert sentence in message.text
    assert "212" not in message.all_text
    assert office.store.optouts.count(office.account.id) == 0


async def test_a_person_slack_cannot_name_is_refused(office: Office) -> None:
    """While `users.info` fails nothing is done, and the asker is told to come back."""
    await office.people.fault(method="users.info", fault="error", error="internal_error", times=-1)
    message = await office.ask_alone("admin", f"add {ONE}")
    assert "Slack could not say who you are just now, so nothing was done" in message.text
    assert office.store.optouts.count(office.account.id) == 0
    await office.people.clear_faults()
    await office.ask("admin", f"add {ONE}")
    assert office.store.optouts.count(office.account.id) == 1


async def test_buttons_are_checked_too(office: Office) -> None:
    """A delete button that anybody sees works for admins only, and stays when someone else presses it."""
    await office.opt_out(ONE)
    question = await office.ask("admin", f"delete {ONE}")
    await office.press("support", question, "optout.delete")
    no = await office.told("support")
    assert no.text.startswith("Only admins can delete opt-outs.")
    assert office.store.optouts.find(office.account.id, ONE).opted_out
    unchanged = (await office.people.state()).message(question.ts)
    assert unchanged is not None
    assert unchanged.button("optout.delete").text == "Opt back in"
    found = await office.ask("support", "212 555 0101", channel=TICKETS, replies=0)
    await office.press("guest", found, "optout.add")
    assert "Guests cannot" in (await office.told("guest")).text
    assert office.store.optouts.count(office.account.id) == 1


async def test_roles_are_by_id(office: Office) -> None:
    """Somebody who calls themselves like an admin stays what they are."""
    await office.people.update_user("support", real_name="Avery Quinn")
    message = await office.ask_alone("support", f"delete {ONE}", channel=ADMINS)
    assert message.text.startswith("Only admins can delete opt-outs.")
