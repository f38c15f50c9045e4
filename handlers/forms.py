"""The forms: what `/optout` alone and App Home open, and what happens when they are submitted."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.models.views import View

from handlers.command import MOST_NUMBERS, read, told_once
from handlers.permissions import Action
from handlers.slack.errors import error_code
from handlers.slack.interactions import Interactions, about, once_of, origin_of
from handlers.slack.listeners import Listener
from handlers.slack.messages import Message
from handlers.slack.mrkdwn import listed, one_line, plain
from handlers.slack.places import Request
from handlers.views import forms as views
from handlers.views import optouts
from handlers.work.uploads import Runner
from store import (
    Cause,
    CountryUnknown,
    Function,
    NotAPhone,
    PhoneNumber,
    Store,
    find_country,
    split_numbers,
)

# Numbers that are none, named in a field's error.
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
            modal("form.upload", Action.DROP, self._upload),
        )

    async def _add_form(self, request: Request, _body: dict[str, Any]) -> View:
        return views.add(request.account, about(request))

    async def _search_form(self, request: Request, _body: dict[str, Any]) -> View:
        return views.search(request.account, about(request))

    async def _upload_form(self, request: Request, _body: dict[str, Any]) -> View:
        channel = request.channel_id if request.channel_id.startswith("C") else None
        return views.upload(request.account, about(request), channel)

    async def _add(self, request: Request, _remembered: dict[str, Any], body: dict[str, Any]) -> Message:
        """All of the numbers or none: what cannot be read is put right in the field."""
        values = filled(body)
        country = await self._country(request, values)
        if isinstance(country, Message):
            return country
        texts = split_numbers(values.get(views.NUMBERS) or "")
        if not texts:
            return wrong(views.NUMBERS, "There is no number in it.")
        if len(texts) > MOST_NUMBERS:
            return wrong(
                views.NUMBERS, f"{len(texts):,} numbers; {MOST_NUMBERS} fit. Upload them as a list with a phone column."
            )
        typed = told_once([read(text, country) for text in texts])
        bad = [one.found for one in typed if isinstance(one.found, NotAPhone)]
        if bad:
            named = [f"{one_line(one.text, 30)}: {one.reason}" for one in bad[:MOST_NAMED]]
            more = f"; and {len(bad) - MOST_NAMED:,} more" if len(bad) > MOST_NAMED else ""
            return wrong(views.NUMBERS, f"Not a phone number: {'; '.join(named)}{more}. Nobody was opted out.")
        phones = [one.found.e164 for one in typed if isinstance(one.found, PhoneNumber)]
        origin = replace(
            origin_of(request, Function.FORM, one_line(plain(values.get(views.WORDS) or ""), 500) or None),
            cause=Cause(values[views.CAUSE]) if values.get(views.CAUSE) else None,
        )
        outcomes = await asyncio.to_thread(
            self._store.optouts.add, request.account.id, phones, origin, idempotency_key=once_of(body)
        )
        by_phone = {outcome.phone: outcome for outcome in outcomes}
        return optouts.added(typed, by_phone, request.actor, request.account.country)

    async def _search(self, request: Request, _remembered: dict[str, Any], body: dict[str, Any]) -> Message:
        values = filled(body)
        country = await self._country(request, values)
        if isinstance(country, Message):
            return country
        texts = split_numbers(values.get(views.NUMBER) or "")
        if len(texts) != 1:
            return wrong(views.NUMBER, "Numbers are looked up one at a time." if texts else "There is no number in it.")
        found = read(texts[0], country)
        if isinstance(found, NotAPhone):
            return wrong(views.NUMBER, f"Not a phone number: {found.reason}.")
        state = await asyncio.to_thread(self._store.optouts.find, request.account.id, found.e164)
        return optouts.found(state, found, request.account.country, is_admin=request.is_admin)

    async def _upload(self, request: Request, _remembered: dict[str, Any], body: dict[str, Any]) -> Message | None:
        """The list of the form: from here on it is as if it had been dropped in the channel that was chosen."""
        values = filled(body)
        country = await self._country(request, values)
        if isinstance(country, Message):
            return country
        channel = str(values[views.CHANNEL])
        try:
            found = (await request.client.conversations_info(channel=channel))["channel"]
        except SlackApiError as error:
            if error_code(error) != "channel_not_found":
                raise
            found = {}
        if not found.get("is_member") or found.get("is_archived"):
            return wrong(views.CHANNEL, "I am not in that channel: invite me there, or choose another.")
        if found.get("is_ext_shared") or found.get("is_pending_ext_shared"):
            return wrong(views.CHANNEL, "People of another organisation can read that channel: choose another.")
        file = values[views.FILE][0]
        upload, created = await asyncio.to_thread(
            self._store.uploads.receive,
            request.account.id,
            file_id=file["id"],
            file_name=file.get("name") or file.get("title") or "list.csv",
            channel_id=channel,
            channel_name=found.get("name"),
            thread_ts=None,
            permalink=None,
            actor=request.actor,
            country=country,
            size=int(file.get("size") or 0),
        )
        if not created:
            return wrong(views.FILE, f"{upload.file_name} is in that channel already, as upload {upload.id}.")
        self._runner.poke()
        return None

    async def _country(self, request: Request, values: Mapping[str, Any]) -> str | Message | None:
        """The country that is in force for the form; a message at its field when there is none called that."""
        wanted = plain(values.get(views.COUNTRY) or "").strip()
        if not wanted:
            return request.account.country
        found = await asyncio.to_thread(find_country, wanted)
        if not isinstance(found, CountryUnknown):
            return found
        near = [f"{title} ({region})" for region, title in found.suggestions]
        hint = f"Do you mean {listed(near, 'or')}?" if near else "Give its name or two-letter code."
        return wrong(views.COUNTRY, f"No country is called {one_line(wanted, 40)}. {hint}")


def filled(body: dict[str, Any]) -> dict[str, Any]:
    """What stands in each field of a submitted form, by block; None in an empty one."""
    found: dict[str, Any] = {}
    for block, elements in body["view"]["state"]["values"].items():
        [state] = elements.values()
        kept = next((value for name, value in state.items() if name != "type"), None)
        if isinstance(kept, dict):  # an option
            kept = kept["value"]
        elif isinstance(kept, list) and "selected_options" in state:
            kept = [option["value"] for option in kept]
        found[block] = kept or None
    return found


def wrong(field: str, text: str) -> Message:
    """What is wrong, in plain text, at the field it is wrong in."""
    return Message(text, private=True, field=field)
