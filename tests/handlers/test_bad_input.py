"""Bad input and bad luck: a sentence for the person, nothing lost, nothing half-done."""

import io
import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from bot.config import Settings
from bot.sandbox import SandboxMessage, State
from handlers.work import progress
from tests.entries import latest_entries
from tests.handlers.conftest import ADMINS, Office
from tests.handlers.test_files import LIST, ONE, UPLOADS, drop, says, settled

FAULTS = ["ratelimited", "server_error", "html", "reset", "lost_answer"]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A lease that is over soon, a limit that a test can exceed, and a database on a disk that can be taken away."""
    path = database_of(settings)
    disk = path.with_name("disk")
    disk.mkdir()
    path.rename(disk / path.name)
    path.symlink_to(disk / path.name)
    return settings.model_copy(update={"lease_seconds": 1.0, "max_list_bytes": 5_000_000})


def database_of(settings: Settings) -> Path:
    return Path(settings.database_url.removeprefix("sqlite:///"))


def untouched(office: Office) -> None:
    """No phone is opted out, and nothing says one should be."""
    assert office.store.optouts.count(office.account.id) == office.store.optouts.recount(office.account.id) == 0
    assert latest_entries(office.store, office.account.id, 9) == ()


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """Somebody else writes to the database and does not stop."""
    connection = sqlite3.connect(database_of(settings), isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.close()


@contextmanager
def gone(office: Office, settings: Settings) -> Iterator[None]:
    """The disk with the database is away: who opens it finds nothing."""
    path = database_of(settings)
    _point(path, path.with_name("nowhere"))
    office.store.database.engine.dispose()  # a file that is open stays there for whoever has it open
    try:
        yield
    finally:
        _point(path, path.with_name("disk"))


def _point(path: Path, disk: Path) -> None:
    link = path.with_suffix(".link")
    link.symlink_to(disk / path.name)
    link.replace(path)


# Commands


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("add", "Send `/optout add NUMBER", id="no numbers"),
        pytest.param("add ,;, ,", "Send `/optout add NUMBER", id="only separators"),
        pytest.param("add reason:asked", "Send `/optout add NUMBER", id="only a reason"),
        pytest.param(
            "add " + ", ".join(f"212555{n:04}" for n in range(5_000)),
            "Drop them into #optout-uploads",
            id="5,000 numbers",
        ),
    ],
)
async def test_commands_that_cannot_be_done(office: Office, text: str, sentence: str) -> None:
    """Nothing or far too much: the asker alone is told what fits, and nothing is stored."""
    message = await office.ask_alone("admin", text, raw=True)
    assert sentence in message.all_text
    assert len(message.all_text) < 2_000
    untouched(office)


@pytest.mark.wide_but_first
@pytest.mark.parametrize("word", ["x", "212 555 0100, ", "add ", "reason:x "])
async def test_a_command_of_3_mb(office: Office, word: str) -> None:
    """It is refused in a sentence that says how long it is, quickly."""
    text = f"/optout add {word * (3_000_000 // len(word))}"
    body = io.BytesIO(json.dumps({"user": "admin", "channel": ADMINS, "text": text, "raw": True}).encode())
    async with aiohttp.ClientSession() as session:
        url = f"{office.slack.url}/sandbox/command"
        async with session.post(url, data=body, headers={"Content-Type": "application/json"}) as answer:
            assert (await answer.json())["ok"]
    message = await office.told("admin")
    assert "characters; a command takes up to 200 numbers, and nothing was changed." in message.text
    assert len(message.all_text) < 2_000
    untouched(office)


@pytest.mark.wide_but_first
@pytest.mark.parametrize("words", ["call her", ":tada:", "@support", "#support-tickets", "½", "\0"])
async def test_words_in_place_of_a_number(office: Office, words: str) -> None:
    """Letters, emoji, mentions and the like are answered with a reason, and mention nobody."""
    said = (await office.ask_alone("admin", f"add {words}")).all_text
    assert "not a phone number" in said
    assert f"<@{(await office.actor('support')).id}" not in said
    untouched(office)


@pytest.mark.wide
async def test_an_address_in_place_of_a_number(office: Office) -> None:
    """Nobody reads an address as a number: how it is written is answered to the asker alone."""
    said = await office.ask_alone("admin", "add https://example.org/2125550100")
    assert "/optout add NUMBERS" in said.text
    untouched(office)


async def test_a_broadcast_in_a_reason(office: Office) -> None:
    """`<!channel>` is kept as a word and calls nobody, now and in every later note."""
    await office.ask("admin", f"add {ONE} reason:<!channel> all of them", raw=True)
    root = await office.ask("admin", f"search {ONE}")
    for message in (root, *root.thread):
        assert "<!channel" not in message.all_text
    assert "channel all of them" in root.text
    assert office.store.optouts.count(office.account.id) == 1


# Files


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        pytest.param("empty.csv", b"", "is empty", id="empty"),
        pytest.param("blank.csv", b"\n\n \n", "Nothing was changed.", id="blank"),
        pytest.param("head.csv", b"name,phone\n", "has a header but no rows", id="header only"),
        pytest.param("photo.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40, "Nothing was changed.", id="picture"),
        pytest.param("noise.csv", random.Random(1).randbytes(50_000), "Nothing was changed.", id="binary"),
    ],
)
async def test_files_that_are_no_lists(office: Office, name: str, content: bytes, words: str) -> None:
    """The thread says what the file is and what is expected; nothing is opted out and nothing left to press."""
    ts = await drop(office, content, name=name)
    message = await says(office, ts, words)
    assert message.text.partition(": ")[2].startswith("*Nothing was changed.*")
    assert (await settled(office)).state == "refused"
    assert [button.action_id for button in message.buttons] == []
    untouched(office)


@pytest.mark.wide
@pytest.mark.parametrize(
    "line", [pytest.param(b"Dear all, please stop. ", id="one line"), pytest.param(b"please stop\n", id="many lines")]
)
async def test_a_text_of_3_mb(office: Office, tmp_path: Path, line: bytes) -> None:
    """Prose, in one line or in many, gives no list, and the answer stays short."""
    path = tmp_path / "prose"
    path.write_bytes(line * (3_000_000 // len(line)))
    ts = await drop(office, path, name="prose.txt")
    message = await says(office, ts, "Nothing was changed.")
    assert message.text.partition(": ")[2].startswith("*Nothing was changed.*")
    assert len(message.all_text) < 2_000
    assert (await settled(office)).state == "refused"
    untouched(office)


@pytest.mark.wide
async def test_a_list_without_a_single_phone(office: Office) -> None:
    """Every row is explained, and there is nothing to confirm."""
    ts = await drop(office, b"phone\nabc\n:tada:\n<!channel>\n12\n")
    message = await says(office, ts, "no row of it was understood")
    assert "4 rows: 4 not understood" in message.all_text
    assert [button.action_id for button in message.buttons] == ["upload.cancel"]
    assert "<!channel" not in message.all_text
    await settled(office)
    untouched(office)


@pytest.mark.wide
async def test_a_name_full_of_markup(office: Office) -> None:
    """A file's name and columns are shown as they are, and call nobody."""
    ts = await drop(office, b"<!here>,*b*\nx,y\n", name="<!channel> & co.csv")
    message = await says(office, ts, "Nothing was changed.")
    assert "<!" not in message.all_text
    assert "&amp; co.csv" in message.all_text
    await settled(office)
    untouched(office)


@pytest.mark.wide
async def test_a_file_over_the_limit(office: Office, tmp_path: Path) -> None:
    """The limit is named; the file is not read."""
    path = tmp_path / "long"
    path.write_bytes(b"phone\n" + b"2125550100\n" * 500_000)
    ts = await drop(office, path)
    message = await says(office, ts, "Nothing was changed.")
    assert "5 MB" in message.text
    assert (await settled(office)).state == "refused"
    untouched(office)


@pytest.mark.wide
async def test_a_download_that_goes_on_and_on(office: Office) -> None:
    """So is one that sends more than it said."""
    await office.people.fault(file="oversized", bytes=20_000_000)
    ts = await drop(office, LIST)
    assert "5 MB" in (await says(office, ts, "Nothing was changed.")).text
    await settled(office)
    untouched(office)


@pytest.mark.wide
async def test_a_file_deleted_before_its_event(office: Office) -> None:
    """Whoever dropped it is told, and there is no upload."""
    await office.people.fault(method="files.info", fault="error", error="file_deleted", times=-1)
    await drop(office, LIST)

    def told(state: State) -> SandboxMessage | None:
        return next((m for m in state.channel(UPLOADS).everything if "deleted before it was read" in m.text), None)

    message = await office.people.until(told)
    assert message.text.startswith(f"<@{(await office.actor('admin')).id}>")
    assert office.store.uploads.list(office.account.id, 9) == ()
    untouched(office)


async def test_a_mentioned_file_deleted_before_its_event(office: Office) -> None:
    """The same for a mention, in its thread."""
    await office.people.fault(method="files.info", fault="error", error="file_deleted", times=-1)
    ts = await drop(office, LIST, channel=ADMINS, text="@optout stop these")
    await says(
        office, ts, "The file was deleted before it was read. Drop it again if it is wanted. Nothing was changed."
    )
    untouched(office)


@pytest.mark.wide
async def test_a_file_deleted_before_it_is_read(office: Office) -> None:
    """It was there when the event came, and gone when it was downloaded."""
    await office.people.fault(file="gone", times=-1)
    ts = await drop(office, LIST)
    assert "deleted" in (await says(office, ts, "Nothing was changed.")).text
    assert (await settled(office)).state == "refused"
    untouched(office)


@pytest.mark.wide
async def test_a_download_that_is_a_login_page(office: Office) -> None:
    """A sign-in page is not read as a list: the app's installation is what is wrong."""
    await office.people.fault(file="html_login", times=-1)
    ts = await drop(office, LIST)
    message = await says(office, ts, "could not be finished")
    assert "sign-in page" in message.text
    assert "Nothing was changed." in message.text
    assert (await settled(office)).state == "failed"
    untouched(office)


@pytest.mark.wide
async def test_a_download_that_is_cut_off(office: Office) -> None:
    """It is tried again, and the list is whole."""
    await office.people.fault(file="cut_off")
    await says(office, await drop(office, LIST), "3 phones to opt out")
    await settled(office)
    untouched(office)


# The database


@pytest.mark.usefixtures("slacks_patience")
@pytest.mark.wide
async def test_a_command_while_the_database_is_locked(office: Office, settings: Settings) -> None:
    """The asker hears that it goes on, then that nothing was changed; afterwards the same command works."""
    with locked(settings):
        outcome = await office.people.command("admin", ADMINS, f"/optout add {ONE}")
        assert outcome.response == {"text": "Still working on it; the answer follows here."}
        second = await office.told("admin", 1)
        assert "it is busy with something else" in second.text
        assert "nothing was changed" in second.text
    untouched(office)
    await office.ask("admin", f"add {ONE}")
    assert office.store.optouts.count(office.account.id) == 1


async def test_a_command_while_the_database_is_gone(office: Office, settings: Settings) -> None:
    """The same sentence, at once, and the same recovery."""
    with gone(office, settings):
        message = await office.ask_alone("admin", f"add {ONE}")
        assert "The opt-out list cannot be reached right now" in message.text
    untouched(office)
    await office.ask("admin", f"add {ONE}")
    assert office.store.optouts.count(office.account.id) == 1


@pytest.mark.wide
async def test_a_drop_while_the_database_is_gone(office: Office, settings: Settings) -> None:
    """The event is not acknowledged, Slack sends it again, and the list is read when the database is back."""
    with gone(office, settings):
        outcome = await office.people.drop("admin", UPLOADS, "stops.csv", LIST)
        assert not outcome.acknowledged
    assert outcome.ts is not None
    await says(office, outcome.ts, "3 phones to opt out")
    await settled(office)
    assert len(office.store.uploads.list(office.account.id, 9)) == 1
    untouched(office)


@pytest.mark.usefixtures("slacks_patience")
@pytest.mark.wide
async def test_a_yes_while_the_database_is_locked(office: Office, settings: Settings) -> None:
    """Who confirmed is told that nothing was changed; the button is still there and works afterwards."""
    ts = await drop(office, LIST)
    preview = await says(office, ts, "3 phones to opt out")
    await settled(office)
    with locked(settings):
        await office.press("admin", preview, "upload.confirm")

        def told(state: State) -> SandboxMessage | None:
            return next((m for m in state.ephemerals("admin") if "nothing was changed" in m.text), None)

        await office.people.until(told)
    untouched(office)
    await office.press("admin", preview, "upload.confirm")
    await says(office, ts, "*3 phones opted out*")
    await settled(office)
    assert office.store.optouts.count(office.account.id) == 3


@pytest.mark.wide
async def test_the_database_goes_away_while_a_list_is_applied(office: Office, settings: Settings) -> None:
    """Applying waits, and ends with exact counts when the database is back."""
    ts = await drop(office, LIST)
    preview = await says(office, ts, "3 phones to opt out")
    await settled(office)
    await office.people.fault(method="chat.update", fault="slow", seconds=0.5)
    await office.press("admin", preview, "upload.confirm")
    with gone(office, settings):
        await office.people.message("admin", UPLOADS, "is it done yet?")
    await office.people.until(lambda state: any("*3 phones opted out*" in reply.text for reply in state.replies(ts)))
    upload = await settled(office)
    assert (upload.newly_opted_out, upload.already_opted_out) == (3, 0)
    assert office.store.optouts.count(office.account.id) == office.store.optouts.recount(office.account.id) == 3


# Slack


@pytest.mark.wide
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update", "files.info"])
async def test_slack_stumbles_over_a_list(office: Office, method: str, fault: str) -> None:
    """Whatever Slack answers for a while, the list ends in its report, applied once."""
    await office.people.fault(method=method, fault=fault, times=2, retry_after=0)
    ts = await drop(office, LIST)

    def preview_shown(state: State) -> SandboxMessage | None:
        return next((reply for reply in state.replies(ts) if reply.buttons), None)

    preview = await office.people.until(preview_shown)
    await settled(office)
    await office.people.fault(method=method, fault=fault, times=2, retry_after=0)
    await office.press("admin", preview, "upload.confirm")
    await office.people.until(lambda state: any("*3 phones opted out*" in reply.text for reply in state.replies(ts)))
    assert (await settled(office)).newly_opted_out == 3
    assert office.store.optouts.count(office.account.id) == 3


@pytest.mark.wide
@pytest.mark.parametrize("fault", ["ratelimited", "server_error", "html", "reset", "error"])
async def test_people_cannot_be_known(office: Office, fault: str) -> None:
    """While Slack does not say who somebody is, a command is refused in words, and a list waits; nobody is opted out."""
    await office.people.fault(method="users.info", fault=fault, times=-1, retry_after=0, error="internal_error")
    ts = await drop(office, LIST)
    assert (await office.people.command("admin", ADMINS, f"/optout add {ONE}")).ok
    told = await office.told("admin")
    assert told.text == "Slack could not say who you are just now, so nothing was done. Please try again in a minute."
    assert office.store.uploads.list(office.account.id, 9) == ()
    untouched(office)
    await office.people.clear_faults()
    await says(office, ts, "3 phones to opt out")
    await settled(office)
    assert len((await office.people.state()).ephemerals("admin")) <= 2
    assert len(office.store.uploads.list(office.account.id, 9)) == 1


@pytest.mark.wide
async def test_posting_is_refused_for_good(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Slack never lets the bot post, whoever dropped the list gets the preview directly, and can confirm there."""
    # Refused are the beginning and the preview, also where there is time to tell of more between them.
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_EDITS", float("inf"))
    await office.people.fault(method="chat.postMessage", fault="error", error="restricted_action", times=2)
    await drop(office, LIST)

    def written(state: State) -> SandboxMessage | None:
        direct = state.direct("admin")
        return direct.messages[-1] if direct and direct.messages else None

    message = await office.people.until(written)
    assert message.text == "*stops.csv: 3 phones to opt out.* Nothing has changed yet."
    assert "`restricted_action`" in message.all_text
    await settled(office)
    await office.press("admin", message, "upload.confirm")
    await office.people.until(
        lambda state: any("*3 phones opted out*" in m.text for m in state.channel(UPLOADS).everything)
    )
    await settled(office)
    assert office.store.optouts.count(office.account.id) == 3
