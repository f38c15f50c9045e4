"""A machine whose clock is an hour ahead of the database's, and whose secrets vanish, as Slack and an operator see its desk."""

import os
import re
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from pathlib import Path

import aiohttp
import pytest

from tests.desks import ROOT, Desk
from tests.test_fate_of_database import AHEAD

ADMINS = "campaign-admins"


@pytest.mark.wide
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_an_hour_ahead_and_without_its_secrets_a_desk_goes_on(desk: Desk, tmp_path: Path) -> None:
    """
    Slack's signatures are good by the database's clock, and how far this machine's is off is told. Secrets are read at the
    start: what becomes of their files while the desk serves is nothing to it, and the next start says which is missing.
    """
    hook = tmp_path / "clock"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(AHEAD)
    token = tmp_path / "bot-token"
    token.write_text(f"{desk.slack.bot_token}\n")
    ahead = {"PYTHONPATH": f"{ROOT}{os.pathsep}{hook}", "SLACK_BOT_TOKEN": "", "SLACK_BOT_TOKEN_FILE": str(token)}
    [bot] = await desk.start(http=True, settings=ahead)
    assert (await desk.people.command("admin", ADMINS, "/optout add 212 555 0100")).ok
    token.unlink()
    assert (await desk.people.command("admin", ADMINS, "/optout add 212 555 0101")).ok
    await desk.people.until(lambda state: len(state.channel(ADMINS).messages) == 2 or None)
    assert desk.opted_out("+12125550100")
    assert desk.opted_out("+12125550101")
    async with aiohttp.ClientSession() as session, session.get(f"{await bot.serving}/metrics") as answer:
        [off] = re.findall(r"^optout_clock_ahead_seconds (\S+)$", await answer.text(), re.MULTILINE)
    assert 3000 < float(off) < 4200
    acts = [line for line in bot.said if '"act"' in line]
    assert len([line for line in acts if '"command"' in line]) == 2
    assert not any(number in line for number in ("5550100", "555 0100", "***") for line in acts)
    await bot.terminate()

    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLACK_")} | {
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": desk.url,
        "SLACK_BOT_TOKEN_FILE": str(token),
    }
    again = await create_subprocess_exec(
        *(sys.executable, "-m", "bot", "serve"), cwd=tmp_path, env=environment, stdout=PIPE, stderr=PIPE
    )
    _, said = await again.communicate()
    assert again.returncode == 1
    one_sentence = r'Error: SLACK_BOT_TOKEN_FILE names "[^"]+", which cannot be read: No such file or directory\.\n'
    assert re.fullmatch(one_sentence, said.decode())
