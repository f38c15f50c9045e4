"""The forms that the menu of `/optout` and App Home open: opt numbers out, look one up, upload a list."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.models.views import View

from handlers.adding import opt_out
from handlers.entered import LONGEST_REASON, MOST_NUMBERS, read_entered
from handlers.grammar import Certainty, Verb, Wish, wish_of_names
from handlers.lookups import answer_look_up
from handlers.permissions import Action
from handlers.slack.errors import error_code, is_transient
from handlers.slack.interactions import Interactions, field_error
from handlers.slack.listeners import Listener
from handlers.slack.messages import Message
from handlers.slack.modal_context import ModalContext
from handlers.slack.mrkdwn import listed, one_line, plain
from handlers.slack.payloads import idempotency_key_of, submitted_values
from handlers.slack.places import Request
from handlers.views import forms as views
from handlers.work.download import why_no_more, why_not_told
from handlers.work.uploads import Runner
from store import (
    NOTHING_CHOSEN,
    Asked,
    Cause,
    Choices,
    CountryUnknown,
    FoundPhone,
    Function,
    NotAPhone,
    Purpose,
    Store,
    find_country,
)

# Numbers that are none, in the error of a field.
MOST_NAMED = 3


class Forms:
    """The listeners of `form.*`."""

    def __init__(self, store: Store, interactions: Interactions, runner: Runner) -> None:
        self._store = store
        self._interactions = interactions
        self._runner = runner

    def listeners(self) -> tuple[Listener, ...]:
        opening, modal = self._interactions.opening, self._interactions.modal
        return (
            opening("form.add", Action.ADD, "Opt numbers out", self._add_form),
            modal("form.add", Action.ADD, self._add),
            opening("form.search", Action.SEARCH, "Look a number up", self._search_form),
            modal("form.search", Action.SEARCH, self._search),
            opening("form.upload", Action.DROP, "Upload a list", self._upload_form),
            modal("form.upload", Action.DROP, partial(self._upload, Purpose.OPT_OUT)),
            opening("form.scrub", Action.SCRUB, "Scrub a list", self._scrub_form),
            modal("form.scrub", Action.SCRUB, partial(self._upload, Purpose.SCRUB)),
        )

    async def _add_form(self, request: Request, _body: dict[str, Any]) -> View:
        return views.add(request.account, ModalContext.of(request).to_json())

    async def _search_form(self, request: Request, _body: dict[str, Any]) -> View:
        return views.search(request.account, ModalContext.of(request).to_json())

    async def _upload_form(self, request: Request, _body: dict[str, Any]) -> View:
        return views.upload(request.account, ModalContext.of(request).to_json(), _channel(request))

    async def _scrub_form(self, request: Request, _body: dict[str, Any]) -> View:
        return views.scrub_form(request.account, ModalContext.of(request).to_json(), _channel(request))

    async def _add(self, request: Request, _context: ModalContext, body: dict[str, Any]) -> Message:
        """Opt all of the numbers out or none: what cannot be read is put right in the field."""
        values = submitted_values(body)
        country = await self._country(request, values)
        if isinstance(country, Message):
            return country
        text = values.get(views.NUMBERS) or ""
        entered = await asyncio.to_thread(read_entered, text, country, Verb.OPT_OUT)
        numbers, refused = entered.numbers, entered.refused
        if not numbers:
            return field_error(
                views.NUMBERS, "There is no number in it: write one, with its area code or country code."
            )
        if entered.given > MOST_NUMBERS:
            return field_error(
                views.NUMBERS,
                f"{entered.given:,} numbers; {MOST_NUMBERS} fit. Upload them as a list with a phone column.",
            )
        if refused:
            named = [f"{one_line(one.text, 30)}: {one.reason}" for one in refused[:MOST_NAMED]]
            more = f"; and {len(refused) - MOST_NAMED:,} more" if len(refused) > MOST_NAMED else ""
            return field_error(
                views.NUMBERS,
                f"Not a phone number: {'; '.join(named)}{more}. Nobody was opted out: write them whole, or take them out.",
            )
        if entered.understood.certainty is not Certainty.PLAIN:
            return field_error(
                views.NUMBERS,
                "There are other words beside the numbers. Write the numbers alone; nobody was opted out.",
            )
        reason = one_line(plain(values.get(views.WORDS) or "") or entered.reason or "", LONGEST_REASON) or None
        return await opt_out(
            self._store,
            request,
            numbers,
            Function.FORM,
            idempotency_key=idempotency_key_of(body),
            reason=reason,
            cause=Cause(values[views.CAUSE]) if values.get(views.CAUSE) else None,
        )

    async def _search(self, request: Request, _context: ModalContext, body: dict[str, Any]) -> Message:
        values = submitted_values(body)
        country = await self._country(request, values)
        if isinstance(country, Message):
            return country
        entered = await asyncio.to_thread(read_entered, values.get(views.NUMBER) or "", country, Verb.OPT_OUT)
        if len(entered.numbers) != 1:
            return field_error(
                views.NUMBER,
                "Numbers are looked up one at a time: leave one here."
                if entered.numbers
                else "There is no number in it: write one, with its area code or country code.",
            )
        number = entered.numbers[0].reading
        if isinstance(number, NotAPhone):
            return field_error(views.NUMBER, f"Not a phone number: {number.reason}. Write all of it.")
        state = await asyncio.to_thread(self._store.optouts.find, request.account.id, number.e164)
        return answer_look_up(request, [(state, FoundPhone(number, number.e164))])

    async def _upload(
        self, purpose: Purpose, request: Request, _context: ModalContext, body: dict[str, Any]
    ) -> Message | None:
        """Receive the form's list: from here on it is as if it had been dropped in the channel that was chosen."""
        values = submitted_values(body)
        country = await self._country(request, values)
        if isinstance(country, Message):
            return country
        channel_id = str(values[views.CHANNEL])
        try:
            channel = (await request.client.conversations_info(channel=channel_id))["channel"]
        except SlackApiError as error:
            if error_code(error) != "channel_not_found":
                raise
            channel = {}
        if channel.get("is_archived"):
            return field_error(views.CHANNEL, "That channel is archived: choose another.")
        if not channel.get("is_member"):
            return field_error(views.CHANNEL, "I am not in that channel: invite me there, or choose another.")
        if channel.get("is_ext_shared") or channel.get("is_pending_ext_shared"):
            return field_error(views.CHANNEL, "People of another organisation can read that channel: choose another.")
        try:
            file = (await request.client.files_info(file=values[views.FILE][0]["id"]))["file"]
        except SlackApiError as error:
            if is_transient(error):
                raise
            return field_error(views.FILE, why_not_told(error_code(error)))
        if (nothing := why_no_more(file)) is not None:
            return field_error(views.FILE, nothing)
        if file.get("user") != request.actor.id:
            return field_error(views.FILE, "That file is somebody else's: choose one of your own.")
        # A list that is called as one to be scrubbed, or the opposite of an opt-out, is asked about.
        plain_name = wish_of_names(str(file.get("title") or ""), str(file.get("name") or "")) is Wish.NOTHING
        upload, created = await asyncio.to_thread(
            self._store.uploads.receive,
            request.account.id,
            file_id=file["id"],
            file_name=file.get("name") or file.get("title") or "list.csv",
            channel_id=channel_id,
            channel_name=channel.get("name"),
            thread_ts=None,
            permalink=None,
            actor=request.actor,
            country=country,
            size=int(file.get("size") or 0),
            purpose=purpose,
            choices=NOTHING_CHOSEN if plain_name or purpose.is_scrub else Choices(asked=Asked.UNCLEAR),
        )
        if not created:
            return field_error(
                views.FILE, f"{one_line(upload.file_name, 100)} is in that channel already, as upload {upload.id}."
            )
        self._runner.poke()
        return None

    async def _country(self, request: Request, values: Mapping[str, Any]) -> str | Message | None:
        """The region code that applies to the form's numbers; an error at its field when no country is called that."""
        name = plain(values.get(views.COUNTRY) or "").strip()
        if not name:
            return request.account.country
        region = await asyncio.to_thread(find_country, name)
        if not isinstance(region, CountryUnknown):
            return region
        near = [f"{title} ({code})" for code, title in region.suggestions]
        hint = f"Do you mean {listed(near, 'or')}?" if near else "Give its name or two-letter code."
        return field_error(views.COUNTRY, f"No country is called {one_line(name, 40)}. {hint}")


def _channel(request: Request) -> str | None:
    """The channel in which a form is opened, where a list may be shown."""
    return request.channel_id if request.channel_id.startswith("C") else None
