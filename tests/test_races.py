"""Races at desks that run as processes: one replica beside another, an export beside a list that is being applied."""

import pytest

from bot.sandbox import SandboxMessage, State
from store import Actor, ExportFilter, Function, Origin, UploadState
from tests.crowds import admins, keep_button, press_all, refusals
from tests.desks import CHANNEL, Desk
from tests.entries import latest_entries
from tests.handlers.test_files import LIST
from tests.test_end_to_end import BATCH, connected, fictional_phones, gate

pytestmark = [pytest.mark.wide, pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)]


async def test_an_export_while_a_list_is_applied(desk: Desk) -> None:
    """It has all of a batch or nothing of it, and says how many phones are in it; one of later has them all."""
    phones = fictional_phones(2 * BATCH)
    by = Origin(Function.COMMAND, Actor(desk.slack.platform.workspace.user("admin").id, "admin"))
    desk.store.exports.ask(desk.account.id, by, ExportFilter("phones"))
    # Nobody makes it before the list is half applied.
    mine = desk.store.exports.claim("elsewhere", lease_seconds=60)
    assert mine is not None
    desk.store.exports.postpone(mine, seconds=600)
    await desk.start()
    await desk.drop("\n".join(["phone", *phones]).encode())
    preview = await desk.preview()
    with gate(desk, phones) as closed, closed(), connected(desk.url) as execute:
        await desk.press(preview, "upload.confirm")
        await desk.stored(lambda upload: upload.applied == BATCH)
        execute("UPDATE exports SET lease_until = now()")
        assert await exported(desk, times=1) == phones[:BATCH]
    await desk.stored(lambda upload: upload.state == UploadState.DONE)
    desk.store.exports.ask(desk.account.id, by, ExportFilter("phones"))
    assert await exported(desk, times=2) == phones
    assert desk.store.optouts.count(desk.account.id) == desk.store.optouts.recount(desk.account.id) == len(phones)


async def exported(desk: Desk, *, times: int) -> list[str]:
    """The phones in the file of the admin's newest export, as many as its message says, once there are so many exports."""

    def delivered(state: State) -> SandboxMessage | None:
        direct = state.direct("admin")
        found = [one for one in direct.messages if one.thread and one.text.startswith("*")] if direct else []
        return found[-1] if len(found) == times else None

    message = await desk.people.until(delivered, timeout=60)
    content = await desk.people.download(message.thread[0].files[0]["id"])
    header, *phones = content.decode("utf-8-sig").split()
    assert header == "phone"
    assert message.text.startswith(f"*{len(phones):,} phones exported*")
    return phones


async def test_two_hundred_clicks_at_two_replicas(desk: Desk) -> None:
    """One of them applies the list, by one entry, whichever desk gets them; each of the others is told that it is done."""
    # A replica that is only slow is not to be taken for dead.
    await desk.start(replicas=2, settings={"OPTOUT_LEASE_SECONDS": "60"})
    await desk.drop(LIST)
    preview = await desk.preview()
    await desk.stored(lambda upload: not upload.pending)
    assert preview.thread_ts is not None
    words = await keep_button(desk.slack, preview, "upload.confirm")
    kept = await desk.seen(lambda message: message.text == words)
    crowd = admins(desk.slack, CHANNEL, 200)
    presses = await press_all(desk.slack, desk.people, crowd, kept, "upload.confirm")
    said = await refusals(desk.people, presses)
    assert said <= {
        f"stop-list.csv {stands} opted out already. Its message shows how it stands." for stands in ("is being", "was")
    }
    upload = await desk.stored(lambda upload: upload.state == UploadState.DONE and not upload.pending)
    assert [one.function for one in latest_entries(desk.store, desk.account.id, 9)] == [Function.UPLOAD]
    assert upload.newly_opted_out == 3 == desk.store.optouts.count(desk.account.id)
    assert desk.store.optouts.recount(desk.account.id) == 3
