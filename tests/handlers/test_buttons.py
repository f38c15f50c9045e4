"""The button that opts out a phone that was searched; tests of what allows texts again are in `test_allowing`."""

from store import Function
from tests.handlers.conftest import TICKETS, Office
from tests.handlers.test_allowing import without_buttons

ONE = "+12125550100"


async def test_opt_out_from_a_search(office: Office) -> None:
    """*Opt out* on a search opts out, answers in its thread, and goes away."""
    found = await office.ask("support", ONE, channel=TICKETS, replies=0)
    await office.press("support", found, "optout.add")
    answered = await office.replies_to(found.ts, 1)
    assert answered.thread[0].text == "*(212) 555-0100 opted out now* · by support"
    support = await office.actor("support")
    settled = await without_buttons(office, found.ts)
    assert f"Opted out by {support.name}" in settled.all_text
    entry = office.store.optouts.find(office.account.id, ONE).standing[0].entry
    assert (entry.function, entry.actor, entry.channel_name) == (Function.BUTTON, support, TICKETS)
