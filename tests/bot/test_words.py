"""People's words and the log of `python -m bot serve`, in which there are none of them: at DEBUG, and while all goes wrong."""

import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import sqlalchemy as sa

from bot.sandbox import State
from tests.bot.test_http import command, looks_signed, signed
from tests.conftest import new_database
from tests.desks import CHANNEL, Desk, desk_on

CHANNEL_OF_ADMINS = "campaign-admins"
# Each surface has words of its own, so that a failure says by which way they came.
WORDS = {
    surface: f"quillon{surface}"
    for surface in (
        "command", "reason", "unknown", "search", "mention", "direct", "message", "file", "row", "header",
        "modal", "country", "person", "unsigned", "forged", "odd", "path", "header-field",
    )
}  # fmt: skip
PHONES = ("2125550100", "2125550101", "2125550102")


@pytest.fixture
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    with new_database("sqlite", request, tmp_path) as url:
        async with desk_on(url, tmp_path) as desk:
            yield desk


async def said_on_every_surface(desk: Desk, *, healthy: bool) -> None:
    """Words on every surface, by an admin whose own name is one of them."""
    people = desk.people
    for text in (
        f"add {PHONES[0]} reason: {WORDS['reason']}",
        f"add {WORDS['command']}, {PHONES[1]}",
        f"search {WORDS['search']} {PHONES[0]}",
        f"delete {PHONES[0]} reason: {WORDS['reason']}",
        f"country {WORDS['country']}",
        f"{WORDS['unknown']} {PHONES[0]}",
        f"history {WORDS['search']}",
        "export",
        "uploads",
        "settings",
    ):
        await people.command("admin", CHANNEL_OF_ADMINS, f"/optout {text}")
    await people.message(
        "admin", CHANNEL_OF_ADMINS, f"<@{desk.slack.bot_user_id}> opt out {PHONES[2]} {WORDS['mention']}", raw=True
    )
    written = await people.message("admin", CHANNEL_OF_ADMINS, f"{WORDS['message']} {PHONES[1]}")
    await people.shortcut("admin", "optout.check", channel=CHANNEL_OF_ADMINS, ts=written.raw["ts"])
    await people.home("admin")
    content = f"name,phone,{WORDS['header']}\n{WORDS['row']},{PHONES[0]},\n{WORDS['row']},{WORDS['row']} 12,\n"
    await people.drop("admin", CHANNEL, f"{WORDS['file']}.csv", content.encode())
    await people.drop("admin", CHANNEL, f"{WORDS['file']}.xlsx", b"PK\x03\x04" + content.encode())
    await people.command("admin", CHANNEL_OF_ADMINS, "/optout")
    if not healthy:
        return

    def menu(state: State) -> str | None:
        return next((view["id"] for view in state.views("admin") if view["title"]["text"] == "Opt-Out Desk"), None)

    await people.click_in_view("admin", await people.until(menu), "form.add")

    def form(state: State) -> str | None:
        return next((view["id"] for view in state.views("admin") if view["callback_id"] == "form.add"), None)

    values = {"form.numbers": PHONES[1], "form.words": WORDS["modal"], "form.country": WORDS["country"]}
    await people.submit("admin", await people.until(form), values)
    message = await desk.preview()
    await desk.press(message, "upload.confirm")
    await desk.stored(lambda _latest: any(upload.state == "done" for upload in desk.uploads()))


async def said_over_http(desk: Desk) -> None:
    """What is not Slack's, wrongly signed, or signed and odd."""
    assert desk.slack.events_url is not None
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    forged, odd = command(desk, WORDS["forged"]), json.dumps({"type": [WORDS["odd"]], WORDS["odd"]: 1}).encode()
    unhandled = command(desk, WORDS["odd"]).replace(b"%2Foptout", WORDS["odd"].encode())
    async with aiohttp.ClientSession() as session:
        for body, headers in (
            (command(desk, WORDS["unsigned"]), form),
            (forged, form | looks_signed()),
            (forged, signed(desk, forged, secret="another") | form),
            (forged, signed(desk, forged, at=time.time() - 4000) | form),
            (odd, signed(desk, odd)),
            (odd + b"\xff", signed(desk, odd + b"\xff")),
            (unhandled, signed(desk, unhandled) | form),
            (b"", {"X-Field": WORDS["header-field"]}),
        ):
            async with session.post(desk.slack.events_url, data=body, headers=headers) as answer:
                await answer.read()
        async with session.get(f"{desk.slack.events_url}/{WORDS['path']}?{WORDS['path']}") as answer:
            await answer.read()


def spoil(desk: Desk, *tables: str) -> None:
    """Let *tables* refuse what is written, with an error that has words in it."""
    with desk.store.database.write() as connection:
        for table in tables:
            trigger = (
                f"CREATE TRIGGER spoilt_{table} BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'quillonsql'); END"
            )
            connection.execute(sa.text(trigger))


@pytest.mark.wide
@pytest.mark.parametrize("http", [True, False], ids=["HTTP", "Socket Mode"])
async def test_no_word_of_anybodys_reaches_the_log(desk: Desk, http: bool) -> None:
    """Of commands, reasons, mentions, forms, files, rows and names nothing is logged: by us or a library, at DEBUG, in failures."""
    await desk.people.update_user("admin", real_name=f"Ada {WORDS['person']}")
    [bot] = await desk.start(http=http, settings={"OPTOUT_LOG_LEVEL": "DEBUG"})
    await said_on_every_surface(desk, healthy=True)
    if http:
        await said_over_http(desk)
    # The child that works on a list is the one to write this.
    spoil(desk, "opt_outs")
    await desk.people.drop("admin", CHANNEL, f"{WORDS['file']} 2.csv", f"phone\n{PHONES[0]}\n{WORDS['row']}\n".encode())
    await desk.press(await desk.preview(), "upload.confirm")
    await desk.stored(lambda _latest: "a list failed" in "".join(bot.said))
    spoil(desk, "entries", "outbox", "uploads")
    for method in ("chat.postMessage", "files.info", "views.open"):
        await desk.people.fault(method=method, fault="html", times=3)
    await said_on_every_surface(desk, healthy=False)
    await bot.terminate()
    said = "".join(bot.said)
    assert "Traceback" in said
    assert "IntegrityError" in said
    found = re.findall(r"quillon[\w-]+", said)
    assert not found, [line for line in bot.said if "quillon" in line][:5]
    assert not re.search("|".join(phone[3:] for phone in PHONES), said)
