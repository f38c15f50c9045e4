"""docs/faq.md: what it tells people to send is understood, in its order."""

import re
from functools import partial
from pathlib import Path

from bot.sandbox import State
from tests.handlers.conftest import ADMINS, Office

FAQ = (Path(__file__).parents[2] / "docs" / "faq.md").read_text(encoding="utf-8")


async def test_what_the_page_says_to_send_is_answered(office: Office) -> None:
    """Each `/optout` of the page, as an admin sends it, is answered about the number in it, and none with how to write it."""
    lines = re.findall(r"`(/optout [^`]+)`", FAQ)
    assert len(lines) >= 5

    def about(state: State) -> list[str]:
        seen = [*state.channel(ADMINS).messages, *state.ephemerals("admin")]
        return [one.all_text for one in seen if "555-0100" in one.all_text]

    def since(before: int, state: State) -> list[str]:
        return about(state)[before:]

    before = 0
    for line in lines:
        typed = line.replace("NUMBER", "212 555 0100").replace("REASON", "asked twice")
        assert (await office.people.command("admin", ADMINS, typed)).ok
        answers = await office.people.until(partial(since, before))
        assert not [one for one in about(await office.people.state()) if "Send `/optout" in one], line
        before += len(answers)
