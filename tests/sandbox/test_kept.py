"""What a workspace holds is there again after a restart, as far as it is kept; what cannot be used is refused in words."""

import json
from pathlib import Path

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import EmbeddedSlack, KeptError, SandboxClient, SandboxMessage, State, kept, kept_beside

CHANNEL = "support-tickets"


async def _talk(path: Path, content: bytes) -> tuple[list[SandboxMessage], str]:
    """A conversation with everything that is kept in it; the channel's messages, and the id of the file that was dropped."""
    async with EmbeddedSlack(kept=path, guided=True) as slack, SandboxClient(slack.url) as people:
        api = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        state = await people.state()
        admin, channel = state.user("admin")["id"], state.channel(CHANNEL).id
        asked = await people.message("support", CHANNEL, "who *is* 212 555 0100?")
        for text in ("opted out", "of which <@{admin}> knows"):
            await api.chat_postMessage(channel=channel, thread_ts=asked.ts, text=text.replace("{admin}", admin))
        await api.chat_postEphemeral(channel=channel, user=admin, text="for you alone")
        await api.chat_postMessage(channel=admin, text="a word with you")
        dropped = await people.drop("support", CHANNEL, "list.csv", content)
        await people.update_user("guest", display_name="Jules *M*")
        assert dropped.file is not None
        return (await people.state()).channel(CHANNEL).messages, dropped.file


async def _again(path: Path, file: str) -> tuple[State, bytes | None]:
    """The workspace after a restart, and the file's bytes where they are kept."""
    async with EmbeddedSlack(kept=path, guided=True) as slack, SandboxClient(slack.url) as people:
        state = await people.state()
        gone = next(each for each in state.files if each["id"] == file)["deleted"]
        return state, None if gone else await people.download(file)


async def test_messages_people_and_files_are_there_again(tmp_path: Path) -> None:
    """Threads, what one person alone sees, notifications, direct messages, names and files; the first message stands once."""
    path = tmp_path / "desk.db.slack.json"
    before, file = await _talk(path, b"phone\n2125550100\n")
    state, content = await _again(path, file)
    assert state.channel(CHANNEL).messages == before
    assert content == b"phone\n2125550100\n"
    assert [message.text for message in state.ephemerals("admin")] == ["for you alone"]
    assert [message.text for message in state.notified("admin") if message] == [
        before[0].thread[1].text,
        "a word with you",
    ]
    assert state.user("guest")["display_name"] == "Jules *M*"
    assert len(state.channel("campaign-admins").messages) == 1
    assert path.stat().st_mode & 0o077 == 0


async def test_what_comes_later_is_later(tmp_path: Path) -> None:
    """A message after the restart has a higher timestamp than all before, though the clock was set back meanwhile."""
    path = tmp_path / "kept.json"
    await _talk(path, b"phone\n")
    told = path.read_text(encoding="utf-8")
    ts = max(message["ts"] for channel in json.loads(told)["channels"] for message in channel["messages"])
    path.write_text(told.replace(ts, "9999999999.000001"), encoding="utf-8")
    async with EmbeddedSlack(kept=path) as slack, SandboxClient(slack.url) as people:
        said = await people.message("support", CHANNEL, "and now?")
        assert said.ts == "9999999999.000002"


async def test_it_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many messages the latest are kept, replies with their parents only; a large file comes back as a deleted one."""
    monkeypatch.setattr(kept, "MOST_MESSAGES", 2)
    monkeypatch.setattr(kept, "MOST_BYTES_A_FILE", 10)
    path = tmp_path / "kept.json"
    before, file = await _talk(path, b"phone\n" + b"2125550100\n" * 10)
    state, content = await _again(path, file)
    assert content is None
    assert [message.ts for message in state.channel(CHANNEL).messages] == [before[-1].ts]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 0}', '{"format": 1, "users": [{}]}', "\x00"])
async def test_a_file_that_cannot_be_used_is_refused_in_words(tmp_path: Path, text: str) -> None:
    """Nothing is started, shown or overwritten; the sentence says what to do."""
    path = kept_beside(tmp_path / "desk.db")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(KeptError, match=r"desk\.db\.slack\.json is not what this version writes there\. Move it away"):
        await EmbeddedSlack(kept=path).start()
    assert path.read_text(encoding="utf-8") == text
