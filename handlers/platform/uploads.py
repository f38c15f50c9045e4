"""Lists that a program sends: the same preview, doubts, undo and report as a list that somebody drops in Slack."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from handlers.platform import models
from handlers.platform.endpoints import Call, Endpoint, Parameter
from handlers.platform.problems import BROKEN_BODY, NO_CHANNEL, NO_UPLOAD, Problem
from store import COUNTRY_CODES, Account, KeyReused, NewFile, Scope, Store, UploadState

_LARGEST_NUMBER: Final = 2**53 - 1
_NAME: Final = Parameter(
    "name",
    {"type": "string", "pattern": models.LINE, "maxLength": 200},
    "The file's name, by which people in Slack know the list. Its kind is told by what is in it.",
    "stops.csv",
    required=True,
)
_COLUMN: Final = Parameter(
    "column",
    {"type": "string", "pattern": models.LINE, "maxLength": 200},
    "The column that has the phones, where it is not called phone.",
    "Mobile",
)
_COUNTRY: Final = Parameter(
    "country",
    {"type": "string", "enum": list(COUNTRY_CODES)},
    "The country of phones that have no country code, by its two letters; without it that of the account.",
    "US",
)
_REASON: Final = Parameter(
    "reason",
    {"type": "string", "pattern": models.LINE, "maxLength": 1000},
    "Why these phones are to be opted out, in words.",
    "replied STOP last week",
)
_BY: Final = Parameter(
    "by",
    {"type": "string", "pattern": models.LINE, "maxLength": 80},
    "The name of whoever had it sent.",
    "Robin",
)
_UPLOAD: Final = Parameter(
    "upload",
    {"type": "integer", "minimum": 1, "maximum": _LARGEST_NUMBER},
    "The number that `POST /uploads` answered.",
    7,
)
# Of these a worker of the desk, or somebody in Slack, makes the next.
_UNSETTLED: Final = (UploadState.RECEIVED, UploadState.WAITING, UploadState.APPLYING, UploadState.UNDOING)


@dataclass(frozen=True, slots=True)
class ListDesk:
    """
    The rest of the desk, as far as lists need it.

    *channel_of* an account: id and name of the channel in which its lists are shown, None where there is none.
    *most_bytes* of a list. *poke*: has it begun at once.
    """

    channel_of: Callable[[Account], Awaitable[tuple[str, str | None] | None]]
    most_bytes: int
    poke: Callable[[], object]


class _IncomingList:
    """A list on its way in, to be shown in *channel*."""

    def __init__(self, file: NewFile, most_bytes: int, account: Account, channel: tuple[str, str | None]) -> None:
        self.kept = file
        self.most_bytes = most_bytes
        self.account = account
        self.channel_id, self.channel_name = channel
        self.loop = asyncio.get_running_loop()

    def add(self, piece: bytes) -> None:
        self.kept.add(piece)

    def discard(self) -> None:
        self.kept.discard()


class Lists:
    """The endpoints about lists."""

    def __init__(self, store: Store, desk: ListDesk) -> None:
        self._store = store
        self._desk = desk

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                "POST",
                "/uploads",
                "sendList",
                "Send a list of phones to be opted out",
                "The body is the file itself: CSV or text, an Excel workbook, an OpenDocument sheet, or one of these "
                "in a zip file, as large as a list that is dropped in Slack may be. It is kept when this is answered, "
                "and read then. What it would do is shown in Slack, in the channel where lists that wait for a yes are "
                "told, or else an uploads channel; an admin decides there. Each million bytes have to come within 20 "
                "seconds.",
                (Scope.REPORT,),
                (models.SentAnswer,),
                self._send,
                query=(_NAME, _COLUMN, _COUNTRY, _REASON, _BY),
                receives=self._receive,
                writes=True,
                problems=(NO_CHANNEL,),
            ),
            Endpoint(
                "GET",
                "/uploads/{upload}",
                "getList",
                "How a list stands that was sent",
                "Of any list that was sent with a key of the account; not of those that people drop in Slack.",
                (Scope.REPORT,),
                (models.UploadAnswer,),
                self._stands,
                parameters=(_UPLOAD,),
                problems=(NO_UPLOAD,),
            ),
        )

    async def _receive(self, call: Call) -> _IncomingList:
        """Make ready for a list; raises `Problem` where nobody could be shown it."""
        account = await asyncio.to_thread(self._store.accounts.get, call.account)
        channel = await self._desk.channel_of(account)
        if channel is None:
            raise Problem(
                NO_CHANNEL,
                "Nobody would see the list. An admin sends /optout settings in Slack and chooses a channel under "
                "Where lists that wait for a yes are told, or under Channels in which a dropped list is taken up; the "
                "desk has to be in it.",
            )
        most = min(self._desk.most_bytes, account.settings.max_list_bytes or self._desk.most_bytes)
        return _IncomingList(self._store.sent_files.new(account.id), most, account, channel)

    def _send(self, call: Call) -> bytes:
        file = call.file
        assert isinstance(file, _IncomingList)  # noqa: S101  `_receive` made it
        if not file.kept.size:
            raise Problem(BROKEN_BODY, "There is no body; the file of a list is expected.")
        try:
            upload, created = self._store.uploads.receive(
                file.account.id,
                file_id=file.kept.id,
                file_name=call.query["name"],
                channel_id=file.channel_id,
                channel_name=file.channel_name,
                thread_ts=None,
                permalink=None,
                actor=call.actor(call.query.get("by")),
                country=call.query.get("country", file.account.country),
                size=file.kept.size,
                phone_column=call.query.get("column"),
                reason=call.query.get("reason"),
                idempotency_key=call.idempotency_key,
                asked=call.asked,
            )
        except KeyReused:
            file.discard()
            raise
        if created:
            file.loop.call_soon_threadsafe(self._desk.poke)
        else:
            file.discard()
        return models.SentAnswer(upload=upload.id).model_dump_json().encode()

    def _stands(self, call: Call) -> bytes:
        upload = self._store.uploads.find_sent(call.account, int(call.path["upload"]))
        if upload is None:
            raise Problem(NO_UPLOAD, f"No list was sent here that has the number {call.path['upload']}.")
        applied = upload.entry_id is not None
        answer = models.UploadAnswer(
            upload=upload.id,
            name=upload.file_name,
            state=upload.state,
            settled=upload.state not in _UNSETTLED,
            problem=upload.problem,
            rows=upload.rows,
            unreadable=upload.unreadable,
            phones=upload.phones,
            already=upload.already_opted_out if applied else upload.already,
            opted_out=upload.newly_opted_out,
            entry=upload.entry_id,
            decided_by=None if upload.decider is None else upload.decider.name,
            received_at=upload.received_at,
            finished_at=upload.undone_at or upload.finished_at,
        )
        return answer.model_dump_json().encode()
