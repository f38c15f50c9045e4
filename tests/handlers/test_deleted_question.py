"""
A question, or the message of a list, that is deleted before the desk answers.

Slack would put the answer at the channel's root, for all to read; whoever asked gets it alone.
"""

import asyncio
import json
from typing import Any

import pytest

from bot.config import Settings
from bot.sandbox import SandboxMessage, State
from tests.handlers.conftest import TICKETS, Office
from tests.handlers.test_files import LIST, MIXED, UPLOADS, drop, says, settled, standing
from tests.handlers.work.test_upload_messages import directly
from tests.patience import PATIENCE

ONE, TWO, THREE = "+12125550100", "+12125550101", "+14155550102"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A lease that is over soon, so that nothing waits long for the next look."""
    return settings.model_copy(update={"lease_seconds": 1.0})


async def held(office: Office, method: str) -> None:
    """Hold every call of *method* back until the faults are cleared."""
    await office.people.fault(method=method, fault="slow", seconds=60, times=-1)


async def until_held(office: Office, method: str) -> None:
    """Wait for a call of *method* to be held back."""
    faults = office.slack.platform.faults
    async with asyncio.timeout(PATIENCE):
        while not any(fault.target == method and fault.struck for fault in faults.waiting):
            await office.people.state(after=(await office.people.state()).version, timeout=0.05)


async def at_the_root(office: Office, channel: str) -> list[SandboxMessage]:
    state = await office.people.state()
    return [one for one in state.channel(channel).messages if one.user == office.slack.bot_user_id]


async def ask_and_delete(office: Office, *, then: dict[str, Any] | None = None) -> None:
    """Mention a number, delete the mention before the desk says anything, and let *then* go wrong."""
    await held(office, "users.info")
    asked = await office.people.message("support", TICKETS, "@optout 212 555 0100")
    assert asked.ts is not None
    await until_held(office, "users.info")
    await office.people.delete("support", TICKETS, asked.ts)
    await office.people.clear_faults()
    if then is not None:
        await office.people.fault(**then)


@pytest.mark.wide
async def test_a_deleted_question_is_answered_alone(office: Office) -> None:
    """What was posted at the root is taken away at once, and the asker reads why they alone see the answer."""
    await office.opt_out(ONE)
    await ask_and_delete(office)
    said = await office.told("support")
    assert "the message was deleted" in said.all_text
    assert "is opted out" in said.all_text
    assert await at_the_root(office, TICKETS) == []
    assert len(await office.people.calls("chat.delete")) == 1


@pytest.mark.wide
@pytest.mark.parametrize(
    "then",
    [
        {"method": "chat.postMessage", "fault": "lost_answer"},
        {"method": "chat.delete", "fault": "server_error", "times": 3},
        {"method": "chat.delete", "fault": "lost_answer"},
        {"method": "chat.postEphemeral", "fault": "server_error", "times": 5},
    ],
    ids=lambda then: f"{then['method']} {then['fault']}",
)
async def test_a_deleted_question_on_a_bad_day(office: Office, then: dict[str, Any]) -> None:
    """Whatever of it goes wrong, in the end nothing stands at the root, and the asker knows, once."""
    await office.opt_out(ONE)
    await ask_and_delete(office, then=then)
    said = await office.told("support")
    assert "the message was deleted" in said.all_text
    await office.people.until(lambda state: not _bots(office, state.channel(TICKETS).messages))
    assert len((await office.people.state()).ephemerals("support")) == 1


def _bots(office: Office, messages: list[SandboxMessage]) -> list[SandboxMessage]:
    return [one for one in messages if one.user == office.slack.bot_user_id]


@pytest.mark.wide
async def test_a_deleted_question_where_nothing_may_be_deleted(office: Office) -> None:
    """What stands at the root loses its words; the asker reads them alone."""
    await office.opt_out(ONE)
    error = "compliance_exports_prevent_deletion"
    await ask_and_delete(office, then={"method": "chat.delete", "fault": "error", "error": error, "times": -1})
    said = await office.told("support")
    assert "is opted out" in said.all_text
    assert [one.all_text for one in await at_the_root(office, TICKETS)] == [
        "The question that was answered here was deleted."
    ]


@pytest.mark.wide
async def test_the_message_of_a_list_is_deleted(office: Office) -> None:
    """Its preview goes to the dropper, whose buttons work there; nothing of it stays in the channel."""
    await held(office, "chat.postMessage")
    ts = await drop(office, LIST, user="admin")
    await until_held(office, "chat.postMessage")
    await office.people.delete("admin", UPLOADS, ts)
    await office.people.clear_faults()

    def preview(state: State) -> SandboxMessage | None:
        found = directly(state, "admin")
        return next((one for one in found if "Nothing has changed yet" in one.all_text), None)

    asked = await office.people.until(preview)
    assert "under a message that was deleted" in asked.all_text
    await settled(office)
    await office.press("admin", asked, "upload.confirm")
    await office.people.until(lambda state: any("opted out* from" in one.text for one in directly(state, "admin")))
    assert standing(office, ONE, TWO, THREE) == [1, 1, 1]
    await settled(office)
    assert await at_the_root(office, UPLOADS) == []
    posted = [call for call in await office.people.calls("chat.postMessage") if call["note"]]
    assert len(posted) == 1, "what was taken back once is not posted there again"


@pytest.mark.wide
async def test_the_thread_of_a_list_is_deleted(office: Office) -> None:
    """The report and the unreadable rows go to the dropper, and none of them to the channel's root."""
    ts = await drop(office, MIXED, user="support")
    preview = await says(office, ts, "Nothing has changed yet")
    await settled(office)
    await held(office, "chat.update")
    await office.press("admin", preview, "upload.confirm")
    await until_held(office, "chat.update")
    feed = office.slack.platform.feed
    channel = office.slack.platform.workspace.channel(UPLOADS)
    # A thread is there for as long as anything stands in it.
    for gone in (ts, *(reply.ts for reply in (await office.people.state()).replies(ts))):
        feed.delete(channel, gone)
    await office.people.clear_faults()

    def with_rows(state: State) -> list[SandboxMessage]:
        found = directly(state, "support")
        return found if any(one.files for one in found) else []

    told = await office.people.until(with_rows)
    assert any("opted out* from" in one.text for one in told)
    await settled(office)
    assert (await office.people.state()).channel(UPLOADS).messages == []
    shared = [json.dumps(call["arguments"]) for call in await office.people.calls("files.completeUploadExternal")]
    assert all(channel.id not in where for where in shared)
