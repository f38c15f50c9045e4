"""docs/api.md: its examples run as they stand, and each says what the page promises."""

import asyncio
import json
import os
import re
import shutil
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from handlers.platform.api import PREFIX
from store import Actor, Function, Origin
from tests.handlers.platform.conftest import Platform
from tests.patience import PATIENCE
from tests.swallowing import Way, swallowing

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = {
    (found[1], found[2]): found[3]
    for found in re.finditer(r"<!-- example: (\w+) (\w+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
}
PROGRAMS = {"sh": "bash", "py": sys.executable, "mjs": "node"}
ONE, TWO = "+12125550100", "+12125550101"
FOLLOWED = [f"+1212555{line:04d}" for line in range(100, 124)]
BY_HAND = Origin(Function.COMMAND, Actor("U0ADMIN", "admin"))
pytestmark = [
    pytest.mark.wide,
    pytest.mark.parametrize("language", [name for name, program in PROGRAMS.items() if shutil.which(program)]),
]


async def started(platform: Platform, example: str, language: str, place: Path, url: str | None = None) -> Process:
    """The example as a process of its own, in *place*; *url*: where the platform is, for one that goes by a proxy."""
    file = place / f"{example}.{language}"
    file.write_text(EXAMPLES[example, language], encoding="utf-8")
    given = {"OPTOUT_URL": f"{url or platform.url}{PREFIX}", "OPTOUT_KEY": platform.key.text}
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


async def test_a_reply_is_heard_once(platform: Platform, language: str, tmp_path: Path) -> None:
    """As the example in the shell does: a sentence for it opts out, however often it is told."""
    if language == "sh":
        assert '"outcome":"out"' in await said(platform, "replies", language, tmp_path)
        assert '"again":true' in await said(platform, "replies", language, tmp_path)
        assert len(platform.store.optouts.find(platform.account.id, TWO).standing) == 1


async def test_a_destination_is_made_once(platform: Platform, language: str, tmp_path: Path) -> None:
    """As the example in the shell does: a file for people to load, one however often it is asked for."""
    if language == "sh":
        first = await said(platform, "destinations", language, tmp_path)
        assert await said(platform, "destinations", language, tmp_path) == first
        [one] = platform.store.destinations.list_of(platform.account.id)
        assert (one.name, one.kind, one.address) == ("ThruText", "file", "phones")


async def test_a_copy_is_followed_through_kills(platform: Platform, language: str, tmp_path: Path) -> None:
    """
    Killed after some byte of what it is told, again and again, its copy and its cursor are of one moment; it misses
    something each time, and in the end it has the list.
    """
    if language == "sh":
        platform.store.optouts.add(platform.account.id, [ONE], BY_HAND)
        assert ONE in await said(platform, "follow", language, tmp_path)
        return
    address = urlsplit(platform.url)
    with swallowing((str(address.hostname), address.port or 0)) as proxy:
        by_proxy = f"http://127.0.0.1:{proxy.port}"
        answer = 0
        for number, phone in enumerate(FOLLOWED):
            await asyncio.to_thread(platform.store.optouts.add, platform.account.id, [phone], BY_HAND)
            if answer:
                proxy.fall_silent(Way.WORDS, after=1 + number * (answer - 1) // (len(FOLLOWED) - 1))
            process = await started(platform, "follow", language, tmp_path, by_proxy)
            if answer:
                assert await asyncio.to_thread(proxy.silent.wait, PATIENCE)
            else:
                await until_copied(phone, tmp_path)
                answer = proxy.answered
            process.kill()
            await process.communicate()
            proxy.pass_on()
            known, upto = copy_of(tmp_path)
            assert known == FOLLOWED[:upto]
        process = await started(platform, "follow", language, tmp_path, by_proxy)
        await until_copied(FOLLOWED[-1], tmp_path)
        process.kill()
        await process.communicate()
    assert copy_of(tmp_path) == (FOLLOWED, len(FOLLOWED))


def copy_of(place: Path) -> tuple[list[str], int]:
    """The phones of the copy that an example keeps, in order, and the change up to which it has followed."""
    if (place / "copy.json").exists():
        copy = json.loads((place / "copy.json").read_text(encoding="utf-8"))
        return sorted(copy["phones"]), int(copy["cursor"])
    connection = sqlite3.connect(place / "copy.db", timeout=PATIENCE)
    try:
        rows = dict(connection.execute("SELECT name, value FROM state").fetchall())
    finally:
        connection.close()
    return sorted(rows.keys() - {"cursor"}), int(rows["cursor"])


async def until_copied(phone: str, place: Path) -> None:
    """Wait until the copy has *phone*."""
    async with asyncio.timeout(PATIENCE):
        while phone not in copied(place):  # noqa: ASYNC110  another process writes it
            await asyncio.sleep(0.05)


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
