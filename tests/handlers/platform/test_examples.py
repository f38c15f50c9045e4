"""docs/api.md: its examples run as they stand, and each says what the page promises."""

import asyncio
import os
import re
import shutil
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from handlers.platform.api import PREFIX
from store import Actor, Function, Origin
from tests.handlers.platform.conftest import Platform
from tests.patience import PATIENCE

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = {
    (found[1], found[2]): found[3]
    for found in re.finditer(r"<!-- example: (\w+) (\w+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
}
PROGRAMS = {"sh": "bash", "py": sys.executable, "mjs": "node"}
ONE, TWO = "+12125550100", "+12125550101"
BY_HAND = Origin(Function.COMMAND, Actor("U0ADMIN", "admin"))
pytestmark = [
    pytest.mark.wide,
    pytest.mark.parametrize("language", [name for name, program in PROGRAMS.items() if shutil.which(program)]),
]


async def started(platform: Platform, example: str, language: str, place: Path) -> Process:
    """The example as a process of its own, in *place*."""
    file = place / f"{example}.{language}"
    file.write_text(EXAMPLES[example, language], encoding="utf-8")
    given = {"OPTOUT_URL": f"{platform.url}{PREFIX}", "OPTOUT_KEY": platform.key.text}
    program = PROGRAMS[language]
    return await asyncio.create_subprocess_exec(
        program, str(file), cwd=place, env=os.environ | given, stdout=PIPE, stderr=PIPE
    )


async def said(platform: Platform, example: str, language: str, place: Path) -> str:
    process = await started(platform, example, language, place)
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def test_who_must_not_be_texted_is_left_out(platform: Platform, language: str, tmp_path: Path) -> None:
    """A check tells the one that is opted out from the one that may be texted."""
    platform.store.optouts.add(platform.account.id, [ONE], BY_HAND)
    told = await said(platform, "check", language, tmp_path)
    assert f'"opted_out":["{ONE}"]' in told if language == "sh" else told.split() == [TWO]


async def test_what_was_heard_is_reported_once(platform: Platform, language: str, tmp_path: Path) -> None:
    """The phone is opted out, by one entry however often the example runs."""
    first = await said(platform, "report", language, tmp_path)
    assert await said(platform, "report", language, tmp_path) == first
    assert len(platform.store.optouts.find(platform.account.id, TWO).standing) == 1


async def test_a_copy_is_followed_through_a_kill(platform: Platform, language: str, tmp_path: Path) -> None:
    """It has the list, is killed, misses something, and has it once it is started again."""
    platform.store.optouts.add(platform.account.id, [ONE], BY_HAND)
    if language == "sh":
        assert ONE in await said(platform, "follow", language, tmp_path)
        return
    for phone in (ONE, TWO):
        await asyncio.to_thread(platform.store.optouts.add, platform.account.id, [phone], BY_HAND)
        process = await started(platform, "follow", language, tmp_path)
        async with asyncio.timeout(PATIENCE):
            while phone not in copied(tmp_path):  # noqa: ASYNC110  another process writes it
                await asyncio.sleep(0.05)
        process.kill()
        await process.communicate()


def copied(place: Path) -> str:
    """The copy that an example keeps, as text."""
    if (place / "copy.json").exists():
        return (place / "copy.json").read_text(encoding="utf-8")
    if not (place / "copy.db").exists():
        return ""
    connection = sqlite3.connect(place / "copy.db")
    try:
        return repr(connection.execute("SELECT name FROM state").fetchall())
    except sqlite3.OperationalError:  # not there yet, or being written
        return ""
    finally:
        connection.close()


async def test_a_list_is_sent_once(platform: Platform, language: str, tmp_path: Path) -> None:
    """As the example in the shell does, which then reads how it stands."""
    if language == "sh":
        for _ in range(2):
            told = await said(platform, "upload", language, tmp_path)
            assert '"upload":1}' in told
            assert '"state":"received"' in told
    assert len(platform.store.uploads.list(platform.account.id, 10)) == (language == "sh")


async def test_campaigns_are_told(platform: Platform, language: str, tmp_path: Path) -> None:
    """As the example in the shell does."""
    if language == "sh":
        assert '"new":1' in await said(platform, "campaigns", language, tmp_path)
    assert EXAMPLES.keys() >= {(example, language) for example in ("check", "report", "follow")}
