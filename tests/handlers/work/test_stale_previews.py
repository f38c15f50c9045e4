"""A yes is to the preview that is shown: what others did to the list since, so that it would do more, is told."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from bot.config import Settings
from store import Function, Origin
from tests.entries import latest_entries
from tests.handlers.conftest import Office, on_both_databases
from tests.handlers.test_files import LIST, drop, says, settled
from tests.handlers.work.test_uploads import until_stored
from tests.patience import PATIENCE

ONE, ELSEWHERE = "+12125550100", "+12125550199"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A lease that is over soon, so that nothing waits long for the next look."""
    return settings.model_copy(update={"lease_seconds": 1.0})


def exact(office: Office) -> int:
    count = office.store.optouts.count(office.account.id)
    assert count == office.store.optouts.recount(office.account.id)
    return count


async def undone_beside(office: Office) -> None:
    """An upload that has a phone of the list too is undone."""
    ts = await drop(office, b"phone\n2125550100\n2125550198\n", name="earlier.csv")
    preview = await says(office, ts, "2 phones to opt out")
    await settled(office)
    await office.press("admin", preview, "upload.confirm")
    await until_stored(office, lambda found: found.state == "done")
    await settled(office)


async def _undo(office: Office) -> None:
    by = Origin(Function.UNDO, await office.actor("admin"))
    office.store.uploads.undo(office.account.id, 1, by, within=timedelta(days=1))
    office.service.desk.runner.poke()
    async with asyncio.timeout(PATIENCE):
        while office.store.uploads.get(office.account.id, 1).state != "undone":
            await office.people.state(after=(await office.people.state()).version, timeout=0.05)


async def _delete(office: Office) -> None:
    by = Origin(Function.DELETE, await office.actor("admin"))
    office.store.optouts.delete(office.account.id, ONE, by)


@pytest.mark.wide
@on_both_databases
@pytest.mark.parametrize(
    ("change", "now"),
    [(_undo, 3), (_delete, 3)],
)
async def test_a_preview_that_is_out_of_date(
    office: Office, change: Callable[[Office], Awaitable[None]], now: int
) -> None:
    """An undo or a delete of one of its phones: nothing is applied, and the preview is shown as it is now."""
    await undone_beside(office)
    ts = await drop(office, LIST)
    preview = await says(office, ts, "2 phones to opt out")
    await settled(office)
    await change(office)
    before = latest_entries(office.store, office.account.id, 9)
    await office.press("admin", preview, "upload.confirm")
    told = await office.told("admin")
    assert "texts to some of its phones may have been allowed again since its preview was made" in told.text
    assert latest_entries(office.store, office.account.id, 9) == before
    again = await says(office, ts, f"{now} phones to opt out")
    assert again.ts == preview.ts
    await settled(office)
    await office.press("admin", again, "upload.confirm")
    await says(office, ts, f"*{now} phones opted out*")
    await settled(office)
    exact(office)


@on_both_databases
@pytest.mark.wide
async def test_a_phone_that_was_opted_out_beside(office: Office) -> None:
    """Leaves one less to do than the preview says: the yes is done, and the report counts what it did."""
    ts = await drop(office, LIST)
    preview = await says(office, ts, "3 phones to opt out")
    await settled(office)
    await office.opt_out(ONE, ELSEWHERE)
    await office.press("admin", preview, "upload.confirm")
    report = await says(office, ts, "*2 phones opted out*")
    assert "1 was already opted out: this list is kept as a second reason" in report.all_text
    await settled(office)
    assert exact(office) == 4


@pytest.mark.wide
async def test_what_others_do_elsewhere_is_no_obstacle(office: Office) -> None:
    """An opt-out, a setting or a whole list without a phone of this one leaves its preview as good as it was."""
    ts = await drop(office, LIST)
    preview = await says(office, ts, "3 phones to opt out")
    await settled(office)
    await undone_beside_without(office)
    await office.opt_out(ELSEWHERE)
    await office.press("admin", preview, "upload.confirm")
    await says(office, ts, "*3 phones opted out*")
    assert exact(office) == 6


async def undone_beside_without(office: Office) -> None:
    ts = await drop(office, b"phone\n2125550188\n2125550198\n", name="other.csv")
    preview = await says(office, ts, "2 phones to opt out")
    await settled(office)
    await office.press("admin", preview, "upload.confirm")
    await says(office, ts, "*2 phones opted out*")
    await settled(office)


@pytest.mark.wide
async def test_a_list_that_is_not_on_this_machine_is_read_again(office: Office) -> None:
    """A replica that does not have what was read cannot tell who was opted in: the preview is made anew, then confirmed."""
    ts = await drop(office, LIST)
    preview = await says(office, ts, "3 phones to opt out")
    upload = await settled(office)
    await office.opt_out(ELSEWHERE)
    by = Origin(Function.DELETE, await office.actor("admin"))
    office.store.optouts.delete(office.account.id, ELSEWHERE, by)
    office.service.desk.scratch.list_of(upload).unlink()
    await office.press("admin", preview, "upload.confirm")
    assert "was not opted out" in (await office.told("admin")).text
    await until_stored(office, lambda found: found.state == "waiting" and not found.pending)
    await office.press("admin", await says(office, ts, "3 phones to opt out"), "upload.confirm")
    await says(office, ts, "*3 phones opted out*")
    await settled(office)
    assert exact(office) == 3
