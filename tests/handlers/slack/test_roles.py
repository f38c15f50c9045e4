"""Who may do what, at every entrance."""

from typing import Any

import pytest

from handlers.permissions import ALLOWED, Action, Role, allow
from handlers.slack.mrkdwn import person
from handlers.slack.roles import name_of
from store import Actor
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
    assert message.text == "Only admins can allow texts again. admin and second-admin can."
    message = await office.ask_alone("support", "country GB")
    assert message.text.startswith("Only admins can set the country.")
    assert office.store.accounts.get(office.account.id).country == "US"
    assert (await office.people.state()).channel(TICKETS).messages == []


@pytest.mark.wide_but_first
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
    assert no.text.startswith("Only admins can allow texts again.")
    assert office.store.optouts.find(office.account.id, ONE).opted_out
    unchanged = (await office.people.state()).message(question.ts)
    assert unchanged is not None
    assert unchanged.button("optout.delete").text == "Allow texts again"
    found = await office.ask("support", "212 555 0101", channel=TICKETS, replies=0)
    await office.press("guest", found, "optout.add")
    assert "Guests cannot" in (await office.told("guest")).text
    assert office.store.optouts.count(office.account.id) == 1


async def test_roles_are_by_id(office: Office) -> None:
    """Somebody who calls themselves like an admin stays what they are."""
    await office.people.update_user("support", real_name="Avery Quinn")
    message = await office.ask_alone("support", f"delete {ONE}", channel=ADMINS)
    assert message.text.startswith("Only admins can allow texts again.")


@pytest.mark.parametrize(
    ("user", "shown"),
    [
        ({"name": "rvale", "profile": {"display_name": "Robin", "real_name": "Robin Vale"}}, "Robin"),
        ({"name": "rvale", "profile": {"display_name": " ", "real_name": "Robin Vale"}}, "Robin Vale"),
        ({"name": "rvale", "real_name": "Robin Vale", "deleted": True}, "Robin Vale"),
        ({"name": "rvale", "profile": {}}, "rvale"),
        ({}, "U1"),
        ({"profile": {"display_name": "<!channel> *Rob* <@U2>"}}, "&lt;!channel&gt; \u2217Rob\u2217 &lt;@U2&gt;"),
        ({"profile": {"display_name": "\u202egnitset\u2066"}}, "gnitset"),
        ({"profile": {"display_name": "רובין"}}, "רובין"),
        ({"profile": {"display_name": "R" * 200}}, f"{'R' * 79}…"),
    ],
)
def test_people_are_called_as_they_are_shown(user: dict[str, Any], shown: str) -> None:
    """By the name they chose, else their full name, else their handle; as text that does nothing, at most 80 characters."""
    assert person(Actor("U1", name_of({"id": "U1", **user}))) == shown
