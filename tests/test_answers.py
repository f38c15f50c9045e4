"""What the desk says, all of it: docs/answers.md is how it reads now. What it refuses is looked at in tests/test_refusals.py."""

import asyncio

import pytest
import pytest_asyncio

from tests.answers import page
from tests.answers.scenes import play
from tests.answers.stage import Answer, staged

# One play serves the module.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group(__name__), pytest.mark.wide]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def answers(tmp_path_factory: pytest.TempPathFactory) -> list[Answer]:
    async with staged(tmp_path_factory.mktemp("answers")) as stage:
        await play(stage)
        return stage.answers


async def test_the_page_is_what_the_desk_says(answers: list[Answer]) -> None:
    """docs/answers.md has every answer as it is given now."""
    shown = await asyncio.to_thread(page.PAGE.read_text, encoding="utf-8")
    assert page.rendered(answers) == shown, "`python -m tests.answers` makes docs/answers.md anew"
