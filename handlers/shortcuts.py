"""The message shortcut: a modal in which the phones of a message are looked up and opted out."""

import asyncio
from dataclasses import replace
from typing import Any, Final

import structlog
from slack_sdk.models.views import View

from handlers.adding import opt_out
from handlers.entered import how_to_write, looking_up, read_phones
from handlers.permissions import Action
from handlers.slack.interactions import Interactions, field_error
from handlers.slack.listeners import Listener
from handlers.slack.messages import Message
from handlers.slack.modal_context import ModalContext
from handlers.slack.mrkdwn import plain
from handlers.slack.payloads import idempotency_key_of, submitted_values
from handlers.slack.places import Request, permalink_of
from handlers.slack.visible_text import visible_text
from handlers.views import shortcuts as views
from store import Account, Cause, Errand, Function, PhoneNumber, Store

log = structlog.get_logger()
# Of one message; people see the first few of more.
MOST_FILES: Final = 10


class Shortcuts:
    """The listeners of `optout.check`."""

    def __init__(self, store: Store, interactions: Interactions) -> None:
        self._store = store
        self._interactions = interactions

    def listeners(self) -> tuple[Listener, ...]:
        return (
            self._interactions.shortcut("optout.check", Action.SEARCH, views.TITLE, self._filled, self._errand),
            self._interactions.modal("optout.check", Action.ADD, self._opt_out),
        )

    async def _filled(self, request: Request, body: dict[str, Any]) -> View:
        """*Check opt-outs* on a message: each of its phones as it stands."""
        home = request.account.country
        message = await _with_files(request, body.get("message") or {})
        read = await asyncio.to_thread(visible_text, message)
        reading = await asyncio.to_thread(read.read, home)
        phones = reading.phones
        if not phones:
            return views.nothing_to_check(
                how_to_write(home), reading.unread, is_whole=read.is_whole, has_more=read.has_more
            )
        shown = phones[: views.MOST_PHONES]
        states, link = await asyncio.gather(
            asyncio.to_thread(
                self._store.optouts.find_many, request.account.id, [phone.number.e164 for phone in shown]
            ),
            permalink_of(request),
        )
        context = replace(ModalContext.of(request), response_url=request.response_url, permalink=link)
        return views.check(
            [(states[phone.number.e164], phone) for phone in shown],
            len(phones) - len(shown),
            plain(read.text).strip(),
            home,
            context.to_json(),
            unread=reading.unread,
            is_whole=read.is_whole,
            has_more=read.has_more,
        )

    @staticmethod
    async def _errand(body: dict[str, Any], account: Account) -> Errand | None:
        """What is asked of a message, as it is handed over: how the phones in it stand; None where it has none, or many."""
        read = await asyncio.to_thread(visible_text, body.get("message") or {})
        reading = await asyncio.to_thread(read.read, account.country)
        return looking_up(phone.number.e164 for phone in reading.phones)

    async def _opt_out(self, request: Request, context: ModalContext, body: dict[str, Any]) -> Message:
        """The modal submitted: what is ticked is opted out by one entry, and noted in the message's thread."""
        values = submitted_values(body)
        ticked = [phone for block, phones in values.items() if block.startswith(views.PHONES) for phone in phones or ()]
        numbers = [number for number in read_phones(ticked, None) if isinstance(number.reading, PhoneNumber)]
        if not numbers:
            return field_error(f"{views.PHONES}.0", "Tick at least one number, or cancel.")
        return await opt_out(
            self._store,
            request,
            numbers,
            Function.SHORTCUT,
            idempotency_key=idempotency_key_of(body),
            reason=str(values[views.WORDS] or "").strip()[: views.LONGEST_WORDS] or None,
            cause=Cause(values[views.CAUSE]),
            permalink=context.permalink,
        )


async def _with_files(request: Request, message: dict[str, Any]) -> dict[str, Any]:
    """
    *message* with what Slack says of its files when it is asked.

    Where others read along a message only says that it has to be: https://docs.slack.dev/apis/slack-connect/
    """
    files = message.get("files") or []
    asked = [file for file in files if file.get("file_access") == "check_file_info"][:MOST_FILES]
    if not asked:
        return message
    known = await asyncio.gather(*(_file(request, file) for file in asked))
    return {**message, "files": [*(file for file in files if file not in asked), *known]}


async def _file(request: Request, stub: dict[str, Any]) -> dict[str, Any]:
    try:
        file: dict[str, Any] = (await request.client.files_info(file=str(stub.get("id"))))["file"]
    except Exception as error:  # noqa: BLE001  the rest of the message is worth reading without it
        log.warning("file not known", channel=request.channel_id, error=type(error).__name__)
        return stub
    return file
