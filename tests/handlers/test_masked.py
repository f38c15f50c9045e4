"""Masked numbers in public channels: in reasons, remarks, names of files and buttons too, and nowhere else."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.config import Settings
from bot.sandbox import SandboxMessage, State
from store import Function, Origin
from tests.handlers.conftest import TICKETS, Office
from tests.handlers.slack.test_outbox import settled as nothing_waits
from tests.handlers.test_files import UPLOADS, drop, says, settled
from tests.handlers.test_forms import form, submit

ONE = "+12125550100"
OTHERS = ("212-555-0177", "07911 123456", "+44 7911 123457", "030 901820 12")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A lease that is over soon."""
    return settings.model_copy(update={"lease_seconds": 1.0})


async def masked(office: Office) -> None:
    account = office.store.accounts.get(office.account.id)
    by = Origin(Function.SETTING, await office.actor("admin"))
    office.store.accounts.change(account.id, by, settings=replace(account.settings, numbers="masked"))


@pytest.mark.wide_but_first
@pytest.mark.parametrize("other", OTHERS)
async def test_reasons_and_remarks(office: Office, other: str) -> None:
    """A number that somebody wrote into a reason or a remark is masked with the one it is about."""
    await masked(office)
    await office.opt_out(ONE, reason=f"belongs to {other} now")
    by = Origin(Function.REMARK, await office.actor("admin"))
    office.store.history.remark(office.account.id, ONE, f"ring {other} instead", by, idempotency_key="k")
    found = await office.ask("support", f"search {ONE}", channel=TICKETS)
    shown = found.all_text + "".join(one.all_text for one in found.thread)
    assert other not in shown
    assert "0100" not in shown
    assert "belongs to" in shown
    assert "ring" in shown
    # By who asks alone it is read in full.
    alone = await office.ask_alone("support", f"history {ONE}", channel=TICKETS)
    assert other in alone.all_text


@pytest.mark.wide
@pytest.mark.parametrize("name", ["2125550177.csv", "stops +44 7911 123457.csv"])
async def test_names_of_files(office: Office, name: str) -> None:
    """Preview, report, what is attached and the list of uploads name the file without the number in it."""
    await masked(office)
    content = b"name,phone\nAnn,2125550100\nBob,12345\n"
    ts = await drop(office, content, name=name)
    preview = await says(office, ts, "1 phone to opt out")
    await settled(office)
    await office.press("admin", preview, "upload.confirm")
    await says(office, ts, "*1 phone opted out* from")
    await settled(office)
    await office.people.command("admin", UPLOADS, "/optout uploads")
    await nothing_waits(office)
    state = await office.people.state()
    digits = name.removesuffix(".csv").removeprefix("stops ")
    desk = [one for one in state.channel(UPLOADS).everything if one.handle == "optout"]
    for message in desk:
        assert digits not in message.all_text, message
        assert not [file for file in message.files if digits in file["name"] + file["title"]]


@pytest.mark.wide
@pytest.mark.parametrize("by_form", [False, True])
async def test_unreadable_rows(office: Office, by_form: bool) -> None:
    """They go where the list itself stands with its numbers: to its thread, or to whoever sent it by a form, alone."""
    await masked(office)
    content = b"name,phone\nAnn,2125550100\nBob,212 555 017\n"
    if by_form:
        file = (await office.people.drop("admin", None, "stops.csv", content)).file
        view = await form(office, "admin", "upload")
        channel = (await office.people.state()).channel(UPLOADS).id
        assert (await submit(office, "admin", view, file=[file], channel=channel)).ok
    else:
        await drop(office, content)

    def saying(words: str) -> Callable[[State], SandboxMessage | None]:
        return lambda state: next((one for one in state.channel(UPLOADS).everything if words in one.all_text), None)

    preview = await office.people.until(saying("1 phone to opt out"))
    await settled(office)
    await office.press("admin", preview, "upload.confirm")
    report = await office.people.until(saying("1 row not understood"))
    await settled(office)
    state = await office.people.state()
    direct = state.direct("admin")
    here = [one for one in state.channel(UPLOADS).everything for file in one.files if "unreadable" in file["name"]]
    sent = [one for one in (direct.everything if direct else ()) for file in one.files if "unreadable" in file["name"]]
    assert (len(here), len(sent)) == ((0, 1) if by_form else (1, 0))
    assert "has it as a file, in a direct message" in report.all_text or not by_form
    [rows] = [file for one in (*here, *sent) for file in one.files]
    assert b"212 555 017" in await office.people.download(rows["id"])


@pytest.mark.wide
async def test_a_button_with_a_column_s_name(office: Office) -> None:
    """A list without a header has a phone where a column's name would be."""
    await masked(office)
    ts = await drop(office, b"Ann,a\n2125550177,b\n" * 3, name="x.csv")
    await office.people.until(lambda state: any("changed" in one.all_text for one in state.replies(ts)))
    await settled(office)
    state = await office.people.state()
    for message in state.replies(ts):
        assert "5550177" not in message.all_text
        assert not [button for button in message.buttons if "5550177" in button.text]
