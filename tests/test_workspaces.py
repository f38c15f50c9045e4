"""Many workspaces: installed by OAuth, served by one process, each by its own token, and nothing of one in another."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox import EmbeddedSlack
from tests import workspaces
from tests.workspaces import Workspaces, two_slacks

ADMINS = "campaign-admins"
PHONE = "+12125550100"
# Of slack_sdk's, which sends the app's own credentials by what the next aiohttp does not have any more.
pytestmark = pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")


@pytest.fixture
async def slacks() -> AsyncIterator[tuple[EmbeddedSlack, EmbeddedSlack]]:
    """Two workspaces in which the app is not installed yet."""
    async with two_slacks() as slacks:
        yield slacks


@pytest.fixture
async def desk(
    slacks: tuple[EmbeddedSlack, EmbeddedSlack], database_url: str, tmp_path: Path
) -> AsyncIterator[Workspaces]:
    """A desk that serves both, once they install it."""
    settings = workspaces.settings_for(slacks[0], database_url, tmp_path)
    async with workspaces.at_work(*slacks, settings) as desk:
        yield desk


async def test_each_workspace_has_its_own_list(desk: Workspaces) -> None:
    """Whoever opens the page installs the app; what is typed in a workspace is answered there, and is on its list alone."""
    for slack, name in ((desk.first, "Harbor Campaign"), (desk.second, "Lakeside Campaign")):
        page = await desk.visitor.install(slack)
        assert (page.status, f"installed in {name}" in page.text) == (200, True)
    assert (await desk.others.command("admin", ADMINS, "/optout add 212 555 0100")).ok
    await desk.others.until(lambda state: any("opted out" in one.text for one in state.channel(ADMINS).messages))
    assert not [one for one in (await desk.people.state()).channel(ADMINS).messages if "0100" in one.text]
    first, second = (desk.store.accounts.find(slack.team_id) for slack in (desk.first, desk.second))
    assert first is not None
    assert second is not None
    assert not desk.store.optouts.find(first.id, PHONE).opted_out
    assert desk.store.optouts.find(second.id, PHONE).opted_out
    # No token stands in the database.
    for one in desk.store.installations.list():
        assert one.sealed
        assert "xox" not in one.sealed
