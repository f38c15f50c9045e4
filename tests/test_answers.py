"""What the desk says, all of it: docs/answers.md is how it reads now, and no is said to whom it concerns, with a way on."""

import asyncio
import re

import pytest
import pytest_asyncio

from tests.answers import page
from tests.answers.scenes import SCENES, play
from tests.answers.stage import Answer, staged

# One play serves the module.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group(__name__), pytest.mark.wide]

# What a list cannot be read for concerns everybody who counts on it, and is said in its thread.
FOR_ALL = {"A list"}
# The way on: a command, a name, or a verb that says what to do.
WAY_ON = re.compile(
    r"`/optout|\[[A-Z]|\bcan\.|\b(Write|Give|Drop|Fill|Rename|Export|Have it|Ask|Say|Send|Choose|Press|Please|Save|With a number)\b"
)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def answers(tmp_path_factory: pytest.TempPathFactory) -> list[Answer]:
    async with staged(tmp_path_factory.mktemp("answers")) as stage:
        await play(stage)
        return stage.answers


async def test_the_page_is_what_the_desk_says(answers: list[Answer]) -> None:
    """docs/answers.md has every answer as it is given now."""
    shown = await asyncio.to_thread(page.PAGE.read_text, encoding="utf-8")
    assert page.rendered(answers) == shown, "`python -m tests.answers` makes docs/answers.md anew"


async def test_a_no_is_for_whom_it_concerns(answers: list[Answer]) -> None:
    """Nothing that is refused, or wrong, is seen by others than who asked, but of lists."""
    public = [
        (answer.surface, answer.request, seen.text)
        for answer in answers
        for seen in answer.seen
        if answer.refusal and answer.surface not in FOR_ALL and seen.kind in ("channel", "thread")
    ]
    assert public == []


async def test_a_no_has_a_way_on(answers: list[Answer]) -> None:
    """Whatever is refused, or wrong, says what to do instead or who can."""
    stuck = {
        (answer.request, seen.text)
        for answer in answers
        for seen in answer.seen
        if answer.refusal and not WAY_ON.search(seen.text)
    }
    assert stuck == set()


async def test_every_surface_says_no_to_a_guest(answers: list[Answer]) -> None:
    """On each surface somebody without the right asks."""
    asked = {answer.surface for answer in answers if answer.who == "guest" and answer.refusal}
    assert asked == {surface for surface, _ in SCENES}
