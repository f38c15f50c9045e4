"""What the desk refuses, all of it: docs/refusals.md is how it reads now, and no is said to whom it concerns, with a way on."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from handlers.permissions import Role, allow
from handlers.slack.listeners import Surface
from tests.answers import page
from tests.answers.refusals import REFUSALS, go_wrong
from tests.answers.rights import ROLES, No, refused_everywhere
from tests.answers.stage import Answer, Seen, Stage, staged

# One play serves all that is looked at in it.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group(__name__), pytest.mark.wide]

# What a list cannot be read for concerns everybody who counts on it; what is asked in a channel for all to see is answered there.
FOR_ALL = {"A list", "A button"}
# A word that says what to do, where a sentence, or a part of one, begins. What is answered to one person alone is no dead end.
DO = (
    "Ask|Choose|Drop|Export|Fill|Give|Have|Leave|Open|Please|Rename|Save|Say|See|Send|Split|Take|Tick|Type|Upload|Use|Wait|Write|"
    "Invite|Its message shows|Do you mean"
)
WAY_ON = re.compile(
    rf"\[[A-Z]|`/(?:optout|invite)|(?:^|[.:;,] |\band |\bor )(?i:{DO})\b|\w can\.|You are told once|has to see to that|Only you see this|why is below",
    re.MULTILINE,
)
# What only somebody who runs the desk, or wrote it, can make anything of.
INTERNALS = re.compile(
    r"Traceback|\w+(?:Error|Exception)\b|\bNone\b(?! of)|errno|sqlite|psycopg|<class|\b[a-z]+_[a-z]+_?\w*\b(?=\))"
)
# Of a phone, as it is shown or kept.
PHONE = re.compile(r"\(\d{3}\) \d{3}-\d{4}|\+\d{8,15}")


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=sorted(REFUSALS))
async def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """All that goes wrong on one surface."""
    async with staged(tmp_path_factory.mktemp("refusals")) as stage:
        await go_wrong(stage, request.param)
        yield stage


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def noes(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Stage, list[No]]]:
    """What whoever may not is told, at each entrance."""
    async with staged(tmp_path_factory.mktemp("rights")) as stage:
        yield stage, await refused_everywhere(stage)


def refused(stage: Stage) -> list[tuple[Answer, Seen]]:
    return [(answer, seen) for answer in stage.answers for seen in answer.seen if answer.why]


async def shown() -> str:
    return await asyncio.to_thread(page.REFUSALS.read_text, encoding="utf-8")


async def test_the_page_is_what_the_desk_says(stage: Stage) -> None:
    """docs/refusals.md has each no as it is said now."""
    section = page.section_of(stage.surface, stage.answers)
    assert section in await shown(), f"`python -m tests.answers` makes docs/refusals.md anew: {section}"


async def test_a_no_is_for_whom_it_concerns(stage: Stage) -> None:
    """What is refused, or wrong, is seen by nobody but who asked, unless others count on it; it never names a phone there."""
    public = [(answer.request, seen.text) for answer, seen in refused(stage) if seen.kind in ("channel", "thread")]
    assert stage.surface in FOR_ALL or public == []
    assert stage.surface != "A list" or [text for _, text in public if PHONE.search(text)] == []


async def test_a_no_has_a_way_on(stage: Stage) -> None:
    """Whatever is refused says what to do next, or who can."""
    # A question that is over is brought up to date wherever it stands; whoever pressed has their answer besides.
    told = [
        (answer, seen) for answer, seen in refused(stage) if seen.kind != "direct" or answer.place == "a direct message"
    ]
    stuck = {
        (answer.request, seen.text)
        for answer, seen in told
        if not WAY_ON.search(seen.text) and (stage.surface == "A list" or seen.kind not in ("channel", "thread"))
    }
    assert stuck == set()


async def test_a_no_keeps_what_is_inside(stage: Stage) -> None:
    """No error of Python's, of the database's or of Slack's is shown."""
    assert [seen.text for _, seen in refused(stage) if INTERNALS.search(seen.text)] == []


async def test_whoever_may_not_is_told_so(noes: tuple[Stage, list[No]]) -> None:
    """docs/refusals.md has, for each role and entrance that it may not use, what is said, to them alone, and who can."""
    _, said = noes
    assert page.section_of_rights(said) in await shown(), "`python -m tests.answers` makes docs/refusals.md anew"
    for no in said:
        assert re.search(r"\bcan(?:not)? ", no.seen.text), no
        assert WAY_ON.search(no.seen.text), no
        assert not INTERNALS.search(no.seen.text)
        assert not PHONE.search(no.seen.text)


async def test_every_entrance_is_tried_by_every_role(noes: tuple[Stage, list[No]]) -> None:
    """Whatever is registered as a button or a form, and everything else that docs/surfaces.md names, was tried by who may not."""
    stage, said = noes
    tried = {(no.role, no.entrance) for no in said}
    called = {Surface.BUTTON: "button", Surface.MODAL: "form"}
    for listener in stage.office.service.desk.listeners:
        for role in ROLES:
            if listener.surface in called and not any(allow(role, action) for action in listener.actions):
                assert (role, f"{called[listener.surface]} `{listener.name}`") in tried
    entrances = {"Home", "*Check opt-outs*", "a number, directly", "a list, dropped", "a list, directly", "`/optout`"}
    for role in (Role.GUEST, Role.NOBODY):
        assert entrances <= {entrance for who, entrance in tried if who is role}
