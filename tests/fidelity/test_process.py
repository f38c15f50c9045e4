"""The embedded Slack as people start it for an app of their own: `python -m bot sandbox --no-bot`, and what it prints."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.sandbox import SandboxClient
from tests.fidelity import test_scenario as scenario
from tests.fidelity.conftest import Starting
from tests.fidelity.strangers import COMMAND, EVENTS, SCOPES, SHORTCUTS, Client
from tests.patience import PATIENCE

ROOT = Path(__file__).parent.parent.parent
PRINTED = ("SLACK_API_URL", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET")


@asynccontextmanager
async def slack_alone(cwd: Path) -> AsyncIterator[dict[str, str]]:
    """The process, and the settings it prints for an app."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "sandbox", "--no-bot", "--port", "0", "--quiet"),
        stdout=PIPE,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            lines = [(await process.stdout.readline()).decode().strip() for _ in PRINTED]
        yield dict(line.split("=", 1) for line in lines)
    finally:
        process.terminate()
        async with asyncio.timeout(PATIENCE):
            assert await process.wait() == 0


async def test_the_whole_scenario(client: Client, start: Starting, tmp_path: Path) -> None:
    """With the four printed settings any client's app goes through the scenario, all of it, in one life."""
    async with slack_alone(tmp_path) as printed:
        assert tuple(printed) == PRINTED
        async with SandboxClient(printed["SLACK_API_URL"].removesuffix("/api/")) as people:
            await people.configure(
                commands=[COMMAND], scopes=list(SCOPES), events=list(EVENTS), shortcuts=list(SHORTCUTS)
            )
            async with start(client, people, printed) as app:
                for act in (
                    scenario.test_command_and_response_url,
                    scenario.test_mention_and_thread_reply,
                    scenario.test_direct_message,
                    scenario.test_a_file_goes_out,
                    scenario.test_a_modal_lives,
                    scenario.test_home,
                    scenario.test_message_shortcut,
                    scenario.test_button_and_menu,
                    scenario.test_a_rate_limit_is_waited_out,
                    scenario.test_pages,
                    scenario.test_errors,
                ):
                    await act(app, people)
                for in_thread in (False, True):
                    await scenario.test_a_file_comes_in(app, people, in_thread=in_thread)
                for fault in scenario.losses(client):
                    await scenario.test_a_lost_connection(app, people, fault)
