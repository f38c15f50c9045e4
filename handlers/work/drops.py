"""Files that were dropped, as Slack tells of them: where each was shared, with what, and who may read along there."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.errors import error_code, is_transient
from handlers.slack.messages import Message
from handlers.slack.mrkdwn import file_name
from handlers.slack.places import Place
from handlers.slack.replies import OPEN_KINDS, kind_of_channel
from handlers.work.download import why_no_more, why_not_told
from store import Actor, Choices, Purpose

log = structlog.get_logger()
# Slack fills in where a file was shared a moment after it says that it was.
SHARES_AFTER = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
# By Slack's name or a file's ending: what is asked about where nobody asked for anything. Pictures, pages and archives are not.
_LISTS: Final = frozenset({"csv", "tsv", "txt", "text", "xlsx", "xls", "xlsm", "xlsb", "ods"})


@dataclass(frozen=True, slots=True)
class Drop:
    """
    A file that somebody dropped, and what is to be done with it.

    *file*: Slack's object of it. *share*: the message in *channel* that carries it, None where Slack does not tell. *user*: the id
    of who dropped it. *purpose* and *choices*: see `handlers.purposes.purpose_of`.
    """

    file: dict[str, Any]
    channel: str
    channel_name: str | None
    share: dict[str, Any] | None
    user: str
    purpose: Purpose
    choices: Choices

    @property
    def name(self) -> str:
        """What the file is called."""
        name: str = self.file.get("name") or self.file.get("title") or "list.csv"
        return name

    @property
    def thread_ts(self) -> str | None:
        """The thread in which its answers stand: of its message, or the one that is in; None where that is not known."""
        return (self.share.get("thread_ts") or self.share["ts"]) if self.share else None

    def place(self, client: AsyncWebClient) -> Place:
        """Where it was dropped, and where its answers go."""
        threaded = self.share is not None and self.share.get("thread_ts") not in (None, self.share["ts"])
        return Place(
            actor=Actor(self.user, self.user),
            channel_id=self.channel,
            channel_name=self.channel_name,
            thread_ts=self.thread_ts,
            threaded=threaded,
            client=client,
        )


async def file_of(client: AsyncWebClient, file_id: str, channel: str) -> dict[str, Any] | str:
    """The file, once Slack knows where it was shared; the sentence that says why not, where it does not tell of it."""
    for pause in (*SHARES_AFTER, None):
        try:
            file: dict[str, Any] = (await client.files_info(file=file_id))["file"]
        except SlackApiError as error:
            if is_transient(error):
                raise
            log.warning("a file is not known", file=file_id, error=error_code(error))
            return why_not_told(error_code(error))
        if share_of(file, channel) is not None or pause is None:
            break
        if (nothing := why_no_more(file)) is not None:
            return nothing
        await asyncio.sleep(pause)
    return file


def share_of(file: dict[str, Any], channel: str) -> dict[str, Any] | None:
    """The latest message in *channel* that carries *file*: its ts, and thread_ts when it stands in a thread."""
    shares: dict[str, Any] = file.get("shares") or {}
    in_channel = [share for kind in ("public", "private") for share in (shares.get(kind) or {}).get(channel) or ()]
    return max(in_channel, key=lambda share: str(share["ts"]), default=None)


def is_theirs(file: dict[str, Any], user: str, channel: str) -> bool:
    """Whether Slack says that *file* is *user*'s own or stands in *channel*: no event hands out what is somebody else's."""
    known = (where for kind in ("channels", "groups", "ims") for where in file.get(kind) or ())
    return file.get("user") == user or channel in known


def looks_like_a_list(file: dict[str, Any]) -> bool:
    """Whether Slack's *file* is of a kind in which lists come, and kept by Slack."""
    ending = str(file.get("name") or "").rpartition(".")[2].lower()
    mode = str(file.get("mode") or "hosted")
    return (
        mode in {"hosted", "snippet"} and not file.get("is_external") and bool({ending, file.get("filetype")} & _LISTS)
    )


async def kept_from_strangers(client: AsyncWebClient, channel: str, name: str, done: str, word: str) -> Message | None:
    """
    The no, for the asker alone, to what tells who of a list is opted out where people of other organisations may read along.

    None where it may be *done*; *word*: what asks for it.
    """
    kind = await kind_of_channel(client, channel, surely=True)
    if kind in OPEN_KINDS:
        return None
    log.info("nothing is told of a list here", channel=channel, why=kind)
    return Message.of(
        f"{file_name(name)} was not {done} and nothing was changed: people of another organisation may read along here, and what "
        "comes back tells who is opted out. Drop it where only your own people are, with a mention of me and the words "
        f"`{word}`.",
        private=True,
    )
