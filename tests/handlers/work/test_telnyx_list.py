"""Telnyx's list of opt-outs, as it is read and compared, whatever the far side does."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bot.__main__ import main
from bot.config import Settings
from bot.sandbox import EmbeddedSlack
from handlers.work import telnyx_list
from handlers.work.telnyx_list import TelnyxError, TelnyxList
from store import Actor, Function, Origin, Store
from tests.handlers.conftest import TICKETS, Office, at_work, on_both_databases
from tests.handlers.test_exports import delivered
from tests.handlers.test_files import settled
from tests.handlers.work.telnyx_opt_outs import KEY, TelnyxOptOuts, telnyx_opt_outs
from tests.handlers.work.test_comparison import labels

# Of a far side alone: how lists are compared is in test_comparison.py.
pytestmark = pytest.mark.wide

ONE, TWO, THREE, ELSEWHERE = "+12125550101", "+12125550102", "+12125550103", "+442079460018"
AT = datetime(2026, 11, 3, 17, 5, 38, 631252, UTC)
PUBLIC = f"{'A' * 43}="


@pytest.fixture
async def telnyx() -> AsyncIterator[TelnyxOptOuts]:
    async with telnyx_opt_outs() as telnyx:
        yield telnyx


async def rows_of(telnyx: TelnyxOptOuts, key: str = KEY, **options: float) -> list[dict[str, str]]:
    """The file as it is read."""
    content = b"".join([piece async for piece in TelnyxList(telnyx.url, pause=0, **options).read(key)])
    return list(csv.DictReader(io.StringIO(content.decode())))


async def test_all_pages_are_read(telnyx: TelnyxOptOuts, monkeypatch: pytest.MonkeyPatch) -> None:
    """In pieces, with when each opted out, by what word and to which sender; the key is shown as a bearer's, and 429 is waited out."""
    monkeypatch.setattr(telnyx_list, "PIECE_BYTES", 200)
    telnyx.most = 2
    telnyx.add(ONE, AT, word="=cmd")
    telnyx.add(ONE, sender="12345")
    for number in range(5):
        telnyx.add(f"+1212555020{number}", AT)
    telnyx.faults = [429, 503]
    rows = await rows_of(telnyx)
    assert len(rows) == 7
    assert rows[0] == {
        "timestamp": AT.isoformat(),
        "contact_id": "",
        "contact_phone": ONE,
        "note": "wrote to +13125550000",
        "opt_out_type": "=cmd",
    }
    assert (rows[1]["timestamp"], rows[1]["note"]) == ("", "wrote to 12345")
    assert [request.query["page[number]"] for request in telnyx.asked] == ["1", "1", "1", "2", "3", "4"]


def _without(name: str) -> Callable[[int, dict[str, Any]], Any]:
    return lambda _number, page: {key: value for key, value in page.items() if key != name}


def _fewer(number: int, page: dict[str, Any]) -> dict[str, Any]:
    return page | {"meta": page["meta"] | {"total_results": page["meta"]["total_results"] - number}}


def _again(_number: int, page: dict[str, Any]) -> dict[str, Any]:
    return page | {"data": [{"to": ONE}]}


@pytest.mark.parametrize(
    ("turns", "said"),
    [
        (_without("data"), "is no list of opt-outs"),
        (_without("meta"), "is no list of opt-outs"),
        (lambda _number, _page: ["x"], "is no list of opt-outs"),
        (lambda _number, page: page | {"data": [{"to": 5}]}, "is no list of opt-outs"),
        (
            lambda number, page: page | {"data": [] if number == 2 else page["data"]},
            "repeats its pages, or leaves some out",
        ),
        (lambda _number, page: page | {"meta": page["meta"] | {"page_number": 1}}, "repeats its pages"),
        (_again, "repeats its pages"),
        (_fewer, "changed while it was read"),
    ],
)
async def test_pages_that_cannot_be(
    telnyx: TelnyxOptOuts, turns: Callable[[int, dict[str, Any]], Any], said: str
) -> None:
    """What would compare with half a list is refused, with a sentence."""
    telnyx.most, telnyx.turns = 2, turns
    for number in range(6):
        telnyx.add(f"+1212555020{number}")
    with pytest.raises(TelnyxError, match=said):
        await rows_of(telnyx)


@pytest.mark.parametrize(
    ("faults", "retry_after", "said", "asked"),
    [
        ([401], "0", "refuses the API key of this hook", 1),
        ([403], "0", "does not let the API key", 1),
        ([404], "0", "it answered 404", 1),
        ([429] * 4, "0", "it answered 429", 4),
        ([429], "3600", "for 3,600 seconds", 1),
        ([500] * 4, "0", "it answered 500", 4),
    ],
)
async def test_what_is_refused(
    telnyx: TelnyxOptOuts, faults: list[int], retry_after: str, said: str, asked: int
) -> None:
    """A far side that says no is asked again only where that may help."""
    telnyx.add(ONE)
    telnyx.faults, telnyx.retry_after = faults, retry_after
    with pytest.raises(TelnyxError, match=said):
        await rows_of(telnyx)
    assert len(telnyx.asked) == asked


async def test_nobody_and_nothing(telnyx: TelnyxOptOuts) -> None:
    """An empty list, a wrong key, one that hangs and one that is not there: each in words."""
    with pytest.raises(TelnyxError, match="Nobody opted out at Telnyx"):
        await rows_of(telnyx)
    with pytest.raises(TelnyxError, match="refuses the API key"):
        await rows_of(telnyx, f"{KEY}x")
    telnyx.hangs = True
    with pytest.raises(TelnyxError, match=r"it did not answer within 0\.05 seconds"):
        await rows_of(telnyx, seconds=0.05)
    with pytest.raises(TelnyxError, match="the connection to it broke"):
        await rows_of(TelnyxOptOuts("http://127.0.0.1:1/"))


@on_both_databases
@pytest.mark.wide_but_first
async def test_compared_as_if_dropped(slack: EmbeddedSlack, settings: Settings, telnyx: TelnyxOptOuts) -> None:
    """Counts in the channel; the preview and the file of what Telnyx lacks are made of the list as it was read."""
    async with at_work(slack, settings.model_copy(update={"telnyx_api_url": telnyx.url})) as office:
        by = Origin(Function.SETTING, await office.actor("admin"))
        said = await office.ask_alone("admin", "compare telnyx", channel=TICKETS)
        assert "There is no hook for Telnyx with an API key" in said.text
        office.store.hooks.make_telnyx(office.account.id, "*main*", PUBLIC, by, api_key=KEY)
        await office.opt_out(TWO, ELSEWHERE)
        for phone in (ONE, TWO, TWO, THREE):
            telnyx.add(phone, AT)
        announced = await office.ask("admin", "compare telnyx", channel=TICKETS)
        assert announced.text.startswith("*Who opted out at Telnyx was read* by the hook ∗main∗")
        answer = await office.people.until(
            lambda state: next(
                (
                    one
                    for one in state.channel(TICKETS).everything
                    if "2 phones only in the file, 1 only here" in one.text
                ),
                None,
            )
        )
        assert labels(answer) == ["Preview opting out 2 phones", "Pass 1 phone on", "Send me 1 phone", "Leave it"]
        telnyx.hangs = True
        await office.press("admin", answer, "upload.missing")
        content = await office.people.download((await delivered(office, "admin")).thread[0].files[0]["id"])
        assert content.decode().split() == ["phone", ELSEWHERE]
        await office.press("admin", answer, "upload.take")
        preview = await office.people.until(
            lambda state: next(
                (one for one in state.channel(TICKETS).everything if "Opt out 2 phones" in str(labels(one))), None
            )
        )
        await office.press("admin", preview, "upload.confirm")
        await settled(office)
        [opt_out] = office.store.optouts.find(office.account.id, ONE).standing
        assert opt_out.requested_at == AT
        assert opt_out.imported_note == "wrote to +13125550000 · opt_out_type: STOP"


@pytest.mark.wide
async def test_who_may_not_and_which_hook(office: Office) -> None:
    """Support is refused; of several hooks one is named; in a channel without the desk nothing is read."""
    by = Origin(Function.SETTING, await office.actor("admin"))
    for name in ("main", "second"):
        office.store.hooks.make_telnyx(office.account.id, name, PUBLIC, by, api_key=KEY)
    office.store.hooks.make_telnyx(office.account.id, "keyless", PUBLIC, by)
    assert "Only admins can compare lists" in (await office.ask_alone("support", "compare telnyx")).text
    said = await office.ask_alone("admin", "compare telnyx")
    assert "Give the name of one, behind telnyx: second, main." in said.text or "main, second." in said.text
    assert "behind telnyx" in (await office.ask_alone("admin", "compare telnyx keyless")).text
    assert office.store.uploads.list(office.account.id, 9) == ()


async def test_from_the_command_line(
    telnyx: TelnyxOptOuts, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The counts are printed, and what Telnyx lacks is written where the command is given; a file besides is refused."""
    monkeypatch.chdir(tmp_path)
    store = Store.open(settings.database_url)
    account = store.accounts.get_or_create("T0DESK", "Desk", country="US")
    by = Origin(Function.SETTING, Actor("U0", "ann"))
    store.hooks.make_telnyx(account.id, "main", PUBLIC, by, api_key=KEY)
    store.optouts.add(account.id, [TWO, ELSEWHERE], by)
    for phone in (ONE, TWO, THREE):
        telnyx.add(phone, AT)
    environment = {"DATABASE_URL": settings.database_url, "OPTOUT_TELNYX_API_URL": telnyx.url}

    def run(*arguments: str) -> Any:
        return CliRunner(env=environment).invoke(main, ["compare", "--account", "T0DESK", *arguments])

    both = await asyncio.to_thread(run, "--telnyx")
    assert both.exit_code == 0, both.output
    assert "2 phones only there" in both.output
    assert (tmp_path / "telnyx.missing.csv").read_text().split() == ["phone", ELSEWHERE]
    assert "Which list?" in (await asyncio.to_thread(run)).output
    said = await asyncio.to_thread(run, "--telnyx", "second", "--output", "x.csv")
    assert "Give the name of one" in str(said.output) + str(said.exception)
    store.close()
