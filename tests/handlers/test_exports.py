"""`/optout export` and `/optout evidence`: asked for in a channel, made in the background, delivered to the asker alone."""

import asyncio
import csv
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from slack_sdk.errors import SlackApiError

from bot.config import Settings
from bot.sandbox import SandboxMessage, State
from handlers.exports import parse_export_filter
from handlers.work.child import Child
from handlers.work.exports import Exporter
from handlers.work.job import ExportJob, Job
from store import Export, ExportFilter, Function, Origin
from tests.entries import latest_entries
from tests.files import files_below
from tests.handlers.conftest import Office
from tests.patience import PATIENCE

ONE, TWO, THREE = "+12125550100", "+12125550101", "+442079460018"


async def delivered(office: Office, user: str = "admin", *, times: int = 1) -> SandboxMessage:
    """The message to *user* in whose thread the file is, once there are so many of them."""

    def there(state: State) -> SandboxMessage | None:
        direct = state.direct(user)
        found = [m for m in direct.messages if m.thread and m.thread[0].files] if direct else []
        return found[-1] if len(found) >= times and "exported*" in found[-1].text else None

    return await office.people.until(there)


async def evidence_for(office: Office, user: str) -> SandboxMessage:
    """The message to *user* in whose thread the evidence is."""

    def there(state: State) -> SandboxMessage | None:
        found = state.direct(user)
        told = [m for m in found.messages if m.text.startswith("*Here is") and m.thread] if found else []
        return told[-1] if told else None

    return await office.people.until(there)


async def rows_of(office: Office, message: SandboxMessage) -> list[list[str]]:
    content = await office.people.download(message.thread[0].files[0]["id"])
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


async def cleared(directory: Path) -> None:
    """Wait until nothing of a list or an export is left in *directory*: the answer is there a moment before."""
    async with asyncio.timeout(PATIENCE):
        while await asyncio.to_thread(files_below, directory, suffix=".csv"):
            pass


async def test_the_list_is_delivered_privately(office: Office, settings: Settings) -> None:
    """The channel learns that it was exported, the asker gets the file, and an entry says so."""
    await office.opt_out(ONE, TWO, reason="=asked")
    said = await office.ask("admin", "export", replies=0)
    assert said.text.startswith("*The list is being exported* (with since when and why, for spreadsheets) · by admin")
    message = await delivered(office)
    assert message.text.startswith("*2 phones exported*")
    header, *rows = await rows_of(office, message)
    assert header[:3] == ["phone", "opted_out_since", "note"]
    assert [row[0] for row in rows] == [ONE, TWO]
    assert rows[0][5] == "'=asked"
    entry = latest_entries(office.store, office.account.id, 1)[0]
    assert (entry.function, entry.reason) == ("export", "format desk")
    await cleared(settings.scratch_dir)


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("export format:phones", [["phone"], [ONE], [TWO]]),
        ("export function:keyword FORMAT:phones", [["phone"], [TWO]]),
        ("export since:2026-01-01 format:phones", [["phone"], [ONE], [TWO]]),
    ],
)
async def test_what_is_wanted(office: Office, text: str, expected: list[list[str]]) -> None:
    """By format, by function and since a day."""
    await office.opt_out(ONE)
    office.store.optouts.add(office.account.id, [TWO], Origin(Function.KEYWORD, await office.actor("admin")))
    await office.ask("admin", text, replies=0)
    assert await rows_of(office, await delivered(office)) == expected


@pytest.mark.wide
async def test_nothing_to_export(office: Office) -> None:
    """An empty list is a file with its header, and said so."""
    await office.ask("admin", "export", replies=0)

    def there(state: State) -> SandboxMessage | None:
        direct = state.direct("admin")
        return (
            next((m for m in direct.messages if "No phone to export" in m.text and m.thread), None) if direct else None
        )

    assert len(await rows_of(office, await office.people.until(there))) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("since:yesterday", "`yesterday` is not a date like 2026-10-01."),
        ("since:2999-01-01", "2999-01-01 is still to come."),
        ("since:2026-02-30", "is not a date"),
        ("function:delete", "There is no function `delete`. There are: command,"),
        ("format:xlsx", "There is no format `xlsx`. There are: desk, thrutext, phones."),
        ("format:`<!channel>`", "'&lt;!channel&gt;'"),
        ("everything", "I do not understand `everything`."),
        ("format:desk now " + "x" * 3000, "I do not understand `now xxx"),
    ],
)
def test_what_cannot_be_is_said(text: str, said: str) -> None:
    """Each word that is wrong is named, with what there is."""
    why = parse_export_filter(text)
    assert isinstance(why, str)
    assert said in why


def test_words_in_any_order() -> None:
    """Blanks and capitals do not matter."""
    assert parse_export_filter("FORMAT: phones  Function:Upload") == ExportFilter("phones", None, "upload")
    assert parse_export_filter("") == ExportFilter()


async def test_who_may_not(office: Office) -> None:
    """Support, guests and strangers get a polite no, and so does everybody where an admin decided so."""
    await office.opt_out(ONE)
    assert (await office.ask_alone("support", "export")).text.startswith("Only admins can export the list. admin and")
    by = Origin(Function.SETTING, await office.actor("admin"))
    settings = replace(office.store.accounts.get(office.account.id).settings, exports="nobody")
    office.store.accounts.change(office.account.id, by, settings=settings)
    assert (await office.ask_alone("second-admin", "export")).text.startswith("Nobody may export the list")
    assert (await office.people.state()).direct("second-admin") is None


@pytest.mark.wide
async def test_where_nothing_can_be_uploaded(office: Office) -> None:
    """In a workspace that lets no files be uploaded the export fails, and its message says what is in the way."""
    await office.opt_out(ONE)
    await office.people.configure(file_uploads=False)
    await office.people.command("admin", "campaign-admins", "/optout export")

    def told(state: State) -> bool:
        direct = state.direct("admin")
        words = "The export was not delivered: this workspace does not let files be uploaded"
        return direct is not None and any(words in message.all_text for message in direct.messages)

    await office.people.until(told)


@pytest.mark.wide
async def test_two_at_once(office: Office) -> None:
    """Each is delivered, once."""
    await office.opt_out(ONE, TWO)
    await asyncio.gather(
        office.people.command("admin", "campaign-admins", "/optout export format:phones"),
        office.people.command("admin", "campaign-admins", "/optout export"),
    )
    await delivered(office, times=2)
    direct = (await office.people.state()).direct("admin")
    assert direct is not None
    assert len([m for m in direct.messages if m.thread]) == 2


async def test_slack_does_not_let_it_be_delivered(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the asker cannot be written to they are told in the channel, alone, and it is not tried again and again."""
    await office.opt_out(ONE)
    refused = SlackApiError("refused", {"ok": False, "error": "messages_tab_disabled"})  # type: ignore[no-untyped-call]  # slack_sdk has none

    async def begin(_self: Exporter, _export: Export) -> Export:
        raise refused

    monkeypatch.setattr(Exporter, "_begin", begin)
    said = await office.ask("admin", "export", replies=0)
    assert said.text.startswith("*The list is being exported*")
    told = await office.told("admin")
    assert told.text.startswith("Slack does not let me write to you directly (messages_tab_disabled)")
    backlog = office.store.exports.backlog()
    assert (backlog.waiting, sum(backlog.discarded.values())) == (0, 1)
    assert office.store.exports.claim("next", lease_seconds=60) is None


@pytest.mark.wide
@pytest.mark.parametrize("fault", ["ratelimited", "server_error", "reset", "lost_answer"])
async def test_slack_stumbles(office: Office, fault: str) -> None:
    """Whatever Slack answers for a while, the file is delivered."""
    await office.opt_out(ONE)
    for method in ("files.getUploadURLExternal", "files.completeUploadExternal", "chat.update"):
        await office.people.fault(method=method, fault=fault, times=1, retry_after=0)
    await office.ask("admin", "export format:phones", replies=0)
    message = await delivered(office)
    assert await rows_of(office, message) == [["phone"], [ONE]]


@pytest.mark.wide
async def test_the_child_is_killed(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that dies while it writes is followed by another, and the file is whole and there once."""
    await office.opt_out(ONE, TWO)
    killed: list[Child] = []
    send = Child.send

    async def deadly(self: Child, job: Job) -> None:
        if isinstance(job, ExportJob) and not killed:
            killed.append(self)
            await self.stop()
        await send(self, job)

    monkeypatch.setattr(Child, "send", deadly)
    await office.ask("admin", "export format:phones", replies=0)
    assert await rows_of(office, await delivered(office)) == [["phone"], [ONE], [TWO]]
    assert killed
    direct = (await office.people.state()).direct("admin")
    assert direct is not None
    assert len(direct.messages) == 1


@pytest.mark.wide
@pytest.mark.parametrize("why", ["demoted", "nobody may"])
async def test_who_may_not_have_it_any_more(office: Office, why: str) -> None:
    """Asked of Slack when it is delivered: no file is handed over, the person is told, and an entry says so."""
    await office.opt_out(ONE)
    account = office.store.accounts.get(office.account.id)
    asker = await office.actor("support" if why == "demoted" else "admin")
    if why == "nobody may":
        by = Origin(Function.SETTING, asker)
        office.store.accounts.change(account.id, by, settings=replace(account.settings, exports="nobody"))
    # As it was asked for while they might.
    office.store.exports.ask(account.id, Origin(Function.EXPORT, asker), ExportFilter())
    office.service.desk.exporter.loop.poke()

    def told(state: State) -> SandboxMessage | None:
        direct = state.direct(asker.name)
        return next((one for one in direct.everything if "was not delivered" in one.text), None) if direct else None

    await office.people.until(told)
    assert await office.people.calls("files.getUploadURLExternal") == []
    assert (latest_entries(office.store, account.id, 1)[0].reason or "").startswith("not delivered")
    assert office.store.exports.claim("next", lease_seconds=60) is None


@pytest.mark.wide
async def test_the_evidence_of_a_number_comes_to_the_admin_alone(office: Office, settings: Settings) -> None:
    """No channel reads of it; the zip has a page and the same as JSON, the history says who took it, and it is about the number."""
    await office.opt_out(ONE, reason="=asked <!channel>")
    before = len((await office.people.state()).channel("campaign-admins").messages)
    said = await office.ask_alone("admin", "evidence 212 555 0100")
    assert said.text == "*The evidence of (212) 555-0100* comes to you in a direct message."
    message = await evidence_for(office, "admin")
    assert message.text.startswith("*Here is the evidence of (212) 555-0100 (United States)*: a page for people,")
    [file] = message.thread[0].files
    assert file["name"] == "evidence-12125550100.zip"
    with zipfile.ZipFile(io.BytesIO(await office.people.download(file["id"]))) as archive:
        assert archive.namelist() == ["evidence.html", "evidence.json"]
        told = json.loads(archive.read("evidence.json"))
    assert [(one["function"], one["reason"]) for one in told["events"]] == [
        ("command", "=asked <!channel>"),
        ("export", "format evidence"),
    ]
    assert len((await office.people.state()).channel("campaign-admins").messages) == before
    assert "exported the evidence of it" in (await office.ask_alone("admin", f"history {ONE}")).all_text
    await cleared(settings.scratch_dir)


@pytest.mark.wide
async def test_the_evidence_of_a_number_that_was_never_opted_out(office: Office) -> None:
    """It is sent all the same, and says so; that nobody may export the list does not matter to it."""
    by = Origin(Function.SETTING, await office.actor("admin"))
    settings = replace(office.store.accounts.get(office.account.id).settings, exports="nobody")
    office.store.accounts.change(office.account.id, by, settings=settings)
    await office.ask_alone("admin", "evidence 212 555 0100")
    assert "was *never opted out* on this list." in (await evidence_for(office, "admin")).text


@pytest.mark.parametrize(
    ("user", "text", "said"),
    [
        ("admin", "evidence", "Send `/optout evidence NUMBER`."),
        ("admin", "evidence 12345", "`12345` is not a phone number"),
        ("support", "evidence 212 555 0100", "Only admins can export the evidence of a number."),
    ],
)
async def test_evidence_that_is_not_given(office: Office, user: str, text: str, said: str) -> None:
    """What is no number is named with what to send; who may not is told who can."""
    assert said in (await office.ask_alone(user, text)).all_text
    assert office.store.exports.backlog().waiting == 0


@pytest.mark.wide
async def test_who_may_not_have_the_evidence_any_more(office: Office) -> None:
    """Asked of Slack when it is delivered, as of the list."""
    asker = await office.actor("support")
    office.store.exports.ask(office.account.id, Origin(Function.EXPORT, asker), ExportFilter.of_evidence(ONE))
    office.service.desk.exporter.loop.poke()

    def told(state: State) -> SandboxMessage | None:
        direct = state.direct("support")
        return next((one for one in direct.everything if "was not delivered" in one.text), None) if direct else None

    message = await office.people.until(told)
    assert message.text.startswith("*The evidence was not exported.*")
    assert await office.people.calls("files.getUploadURLExternal") == []
