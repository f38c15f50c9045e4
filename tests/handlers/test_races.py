"""
Races: people who do at the same moment what gets in each other's way.

Whoever comes first, each is told what became of what they asked for, and the count is what a fresh count finds.
"""

import asyncio
from collections import Counter

import pytest

from bot.sandbox import State
from handlers.slack.acknowledge import STILL_WORKING
from store import Function, Origin, UploadState
from tests.crowds import admins, keep_button, press_all, refusals
from tests.desks import is_report
from tests.entries import latest_entries, opted_out
from tests.handlers.conftest import ADMINS, Office, on_both_databases
from tests.handlers.test_files import LIST, ONE, THREE, TWO, UPLOADS, drop, says, settled
from tests.handlers.work.test_uploads import applied, exact, modal

PHONES = [f"+1212555{n:04}" for n in range(100, 106)]


@pytest.mark.wide
@on_both_databases
async def test_two_hundred_clicks_of_one_confirm(office: Office) -> None:
    """One of them applies the list, by one entry; each of the others is told that it is done already."""
    ts = await drop(office, LIST)
    preview = await says(office, ts, "3 phones to opt out")
    await settled(office)
    preview = await says(office, ts, await keep_button(office.slack, preview, "upload.confirm"))
    crowd = 5 * admins(office.slack, UPLOADS, 40)
    # A machine that runs desk, Slack and people answers so many at a time within what Slack waits for.
    waves = (crowd[start : start + 25] for start in range(0, len(crowd), 25))
    presses: Counter[str] = Counter()
    for wave in waves:
        presses += await press_all(office.slack, office.people, wave, preview, "upload.confirm")
    await says(office, ts, "*3 phones opted out*")
    said = await refusals(office.people, presses)
    assert said <= {
        f"stops.csv {stands} opted out already. Its message shows how it stands." for stands in ("is being", "was")
    }
    await settled(office)
    assert [one.function for one in latest_entries(office.store, office.account.id, 9)] == [Function.UPLOAD]
    assert exact(office) == 3


@pytest.mark.wide_but_first
@on_both_databases
async def test_a_delete_beside_an_opt_out(office: Office) -> None:
    """
    One admin deletes a phone at the moment in which another opts it out, and so for several.

    Either it was deleted and then newly opted out, or it was opted out once more, and whoever deletes is told that.
    """
    await office.opt_out(*PHONES)
    questions = [await office.ask("admin", f"delete {phone}") for phone in PHONES]
    outcomes = await asyncio.gather(
        *(office.people.click("admin", question, "optout.delete") for question in questions),
        *(office.people.command("second-admin", ADMINS, f"/optout add {phone}") for phone in PHONES),
    )
    assert all(outcome.ok for outcome in outcomes)

    def told(state: State) -> list[tuple[str, str]] | None:
        said = state.channel(ADMINS).messages
        of_deletes = [one.thread[0].text for one in said if "Allow texts to" in one.text and one.thread]
        of_adds = {one.text[1:15]: one.text for one in said if "Allow texts to" not in one.text}
        if len(of_deletes) < len(PHONES) or len(of_adds) < len(PHONES):
            return None
        return [(text, of_adds[f"(212) 555-{phone[-4:]}"]) for phone, text in zip(PHONES, of_deletes, strict=True)]

    for phone, (of_delete, of_add) in zip(PHONES, await office.people.until(told), strict=True):
        state = office.store.optouts.find(office.account.id, phone)
        lifted = [one for one in state.opt_outs if one.lifted]
        if lifted:
            assert "are allowed again" in of_delete
            assert " opted out now* · by" in of_add
            assert len(state.standing) == 1
        else:
            assert "was opted out again after you were asked" in of_delete
            assert "already" in of_add
            assert len(state.standing) == 2
    assert exact(office) == len(PHONES)


def told_alone(state: State) -> list[str]:
    return [one.text for one in state.ephemerals("second-admin") if one.text != STILL_WORKING]


class Refusals:
    """What second-admin, who says yes to the list in the thread *ts*, is told alone, after the first *told* of all."""

    def __init__(self, office: Office, ts: str, told: int) -> None:
        self._office = office
        self._ts = ts
        self._told = told

    async def next(self) -> str | None:
        """Wait for the next one; None when the list is reported instead."""

        def outcome(state: State) -> tuple[str | None] | None:
            refused = told_alone(state)[self._told :]
            if refused:
                return (refused[0],)
            return (None,) if any(map(is_report, state.replies(self._ts))) else None

        [refusal] = await self._office.people.until(outcome)
        self._told += refusal is not None
        return refusal


@pytest.mark.wide
@on_both_databases
async def test_an_undo_beside_the_yes_to_an_overlapping_list(office: Office) -> None:
    """
    One admin undoes a list at the moment in which another says yes to a preview that counted on it, twice.

    Either the yes is refused, until the undo is over or the preview is counted anew, or the list is applied, and report and
    undo tell what came of it.
    """
    for turn in range(2):
        earlier = await applied(office, b"phone\n2125550100\n2125550198\n", name=f"earlier-{turn}.csv")
        ts = await drop(office, LIST.replace(b"Ann", f"Ann {turn}".encode()))  # a list that is known already is doubted
        preview = await says(office, ts, "2 phones to opt out")
        number = (await settled(office)).id
        await office.press("admin", earlier, "upload.undo")
        form = await modal(office, "admin", "2 phones can be texted again")
        refusals = Refusals(office, ts, len(told_alone(await office.people.state())))
        done = await asyncio.gather(
            office.people.submit("admin", form["id"], {}),
            office.people.click("second-admin", preview, "upload.confirm"),
        )
        assert all(outcome.ok for outcome in done)
        assert earlier.thread_ts is not None
        undone = await says(office, earlier.thread_ts, "was undone")
        while (refusal := await refusals.next()) is not None:
            if "Another list is being undone" not in refusal:
                assert "was not opted out" in refusal
                preview = await says(office, ts, "3 phones to opt out")
                await settled(office)
            await office.press("second-admin", preview, "upload.confirm")
        report = await says(office, ts, "opted out* from")
        await settled(office)
        undo, upload = (office.store.uploads.get(office.account.id, one) for one in (number - 1, number))
        assert (undo.state, upload.state) == (UploadState.UNDONE, UploadState.DONE)
        # Who was opted in by the undo was opted out anew by the list, if it was not the other way round.
        assert (undo.opted_in, undo.kept_out, upload.newly_opted_out, upload.already_opted_out) in (
            (2, 0, 3, 0),
            (1, 1, 2, 1),
        )
        assert f"{undo.opted_in} phone" in undone.text
        assert f"*{upload.newly_opted_out} phones opted out* from stops.csv" in report.text
        assert opted_out(office.store, office.account.id) == [ONE, TWO, THREE]
        assert exact(office) == 3
        by = Origin(Function.DELETE, await office.actor("admin"))
        for phone in (ONE, TWO, THREE):
            office.store.optouts.delete(office.account.id, phone, by)


@pytest.mark.wide
async def test_what_slack_delivers_twice_is_done_once(office: Office) -> None:
    """A button, a form or a choice of a list's, delivered twice: done once, and nobody is told that it was done already."""
    for name in ("upload.confirm", "upload.undo", "upload.cancel", "upload.country"):
        await office.people.fault(delivery=name, fault="duplicate", times=-1)
    report = await applied(office)
    await office.press("admin", report, "upload.undo")
    form = await modal(office, "admin", "3 phones can be texted again")
    assert (await office.people.submit("admin", form["id"], {})).ok
    assert report.thread_ts is not None
    await says(office, report.thread_ts, "was undone")
    ts = await drop(office, b"phone\n07911 123456\n", name="abroad.csv")
    preview = await says(office, ts, "no row of it was understood")
    await settled(office)
    menu = next(item for item in preview.elements if item["action_id"] == "upload.country")
    british = next(option["value"] for option in menu["options"] if option["text"]["text"] == "United Kingdom")
    assert (await office.people.click("admin", preview, "upload.country", value=british)).ok
    preview = await says(office, ts, "1 phone to opt out")
    await settled(office)
    await office.press("admin", preview, "upload.cancel")
    await says(office, ts, "abroad.csv was cancelled")
    functions = [one.function for one in latest_entries(office.store, office.account.id, 9)]
    assert functions == [Function.UNDO, Function.UPLOAD]
    assert (await office.people.state()).ephemerals("admin") == []
