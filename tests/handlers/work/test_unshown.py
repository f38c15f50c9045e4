"""What a list's channel does not take: told elsewhere, once, never called attached where it is not, and shown there later."""

import pytest

from bot.config import Settings
from bot.sandbox import SandboxMessage, State
from tests.desks import holder_of
from tests.handlers.conftest import Office
from tests.handlers.test_files import MIXED, UPLOADS, drop, says, settled
from tests.handlers.work.test_uploads import until_stored

ERRORS = ["not_in_channel", "channel_not_found", "is_archived", "restricted_action"]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A lease that is over soon, so that nothing waits long for the next look."""
    return settings.model_copy(update={"lease_seconds": 1.0})


def directly(state: State, user: str) -> list[SandboxMessage]:
    channel = state.direct(user)
    return list(channel.everything) if channel else []


@pytest.mark.wide
@pytest.mark.parametrize("error", ERRORS)
async def test_the_bot_was_removed_between_preview_and_report(office: Office, error: str) -> None:
    """Dropper and confirmer are told directly, once; the rows are with the dropper, and nobody is told otherwise."""
    ts = await drop(office, MIXED, user="support")
    preview = await says(office, ts, "Nothing has changed yet")
    await settled(office)
    await office.people.kick(UPLOADS)
    await office.people.fault(method="chat.update", fault="error", error=error, times=-1)
    await office.press("admin", preview, "upload.confirm")

    def dropper_has_them(state: State) -> list[SandboxMessage]:
        found = directly(state, "support")
        return found if any("opted out* from" in one.text for one in found) else []

    def confirmer_told(state: State) -> list[SandboxMessage]:
        found = directly(state, "admin")
        return found if any("opted out* from" in one.text for one in found) else []

    await office.people.until(dropper_has_them)
    [to_confirmer] = await office.people.until(confirmer_told)
    assert "attached" not in to_confirmer.all_text
    assert f"<@{(await office.actor('support')).id}> has them as a file" in to_confirmer.all_text
    assert "Undo" in str([button.text for button in to_confirmer.buttons])
    stored = await until_stored(office, lambda found: holder_of(office.store, found).fence > 4)
    assert stored.pending, "what was not shown is still to be shown"
    assert [one for one in (await office.people.state()).replies(ts) if "attached" in one.all_text] == []
    await office.people.clear_faults()
    await office.people.invite(UPLOADS)
    report = await says(office, ts, "attached, with the reason for each")
    assert report.ts == preview.ts
    done = await settled(office)
    assert done.state == "done"
    state = await office.people.state()
    assert len([one for one in state.replies(ts) if one.files]) == 1, "attached where it is told"
    for user in ("support", "admin"):
        assert len([one for one in directly(state, user) if "opted out* from" in one.text]) == 1, "told once"
    assert office.store.optouts.count(office.account.id) == office.store.optouts.recount(office.account.id) == 3


@pytest.mark.wide
async def test_a_channel_that_takes_words_and_no_files(office: Office) -> None:
    """The report stands in the channel and says who has the rows, once they have them."""
    ts = await drop(office, MIXED, user="support")
    preview = await says(office, ts, "Nothing has changed yet")
    await settled(office)
    await office.people.fault(method="files.completeUploadExternal", fault="error", error="restricted_action", times=1)
    await office.press("admin", preview, "upload.confirm")
    report = await says(office, ts, "has them as a file, in a direct message")
    assert "attached" not in report.all_text
    await settled(office)
    sent = [one for one in directly(await office.people.state(), "support") if one.files]
    assert len(sent) == 1


@pytest.mark.wide
async def test_a_button_in_a_direct_message_does_not_wait(office: Office) -> None:
    """An undo that is asked for while the channel takes nothing begins at once."""
    ts = await drop(office, MIXED)
    preview = await says(office, ts, "Nothing has changed yet")
    await settled(office)
    await office.people.fault(method="chat.update", fault="error", error="is_archived", times=-1)
    await office.press("admin", preview, "upload.confirm")

    def reported(state: State) -> SandboxMessage | None:
        return next((one for one in directly(state, "admin") if "opted out* from" in one.text), None)

    report = await office.people.until(reported)
    await until_stored(office, lambda found: holder_of(office.store, found).owner is None)
    with office.store.database.write() as connection:
        connection.exec_driver_sql("UPDATE uploads SET lease_until = '2099-01-01 00:00:00.000000'")
    await office.press("admin", report, "upload.undo")
    view = await office.people.until(
        lambda state: next((one for one in state.views("admin") if one["callback_id"] == "upload.undo"), None)
    )
    assert (await office.people.submit("admin", view["id"], {})).acknowledged
    await until_stored(office, lambda found: found.state == "undone")
    assert office.store.optouts.count(office.account.id) == 0
