"""
The step of Workflow Builder, *Opt a number out*, by which a form or a list workflow ends at the list.

Slack tells of a step without saying who ran the workflow or who built it: every input is a text that whoever built it
chose, also the one that names a person. So a step has no role. What it may do is decided by an admin of the account, in the
settings: it asks the admins, who say yes by a button in their own name, or it opts out at once, by the verb of
`/optout add`. A step is an event like others: kept before it is acknowledged, done once by its execution's id, and told
of to the workflow only when what it did is committed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.entered import LONGEST_REASON, LONGEST_TEXT, opting_out, read_entered
from handlers.grammar import Certainty, Verb
from handlers.permissions import Action
from handlers.slack.clients import Clients
from handlers.slack.errors import REFUSED_TOKENS, error_code, is_transient
from handlers.slack.inbox import Events
from handlers.slack.listeners import Listener, Surface
from handlers.slack.mrkdwn import one_line, plain
from handlers.slack.roles import Roles
from handlers.views import steps as views
from handlers.views.optouts import MOST_OFFERED
from store import Account, Actor, Function, InboxEvent, Origin, PhoneNumber, Store, WrongState

log = structlog.get_logger()
# As manifest.yml calls it, with its inputs.
STEP: Final = "opt_out_number"
_INPUTS: Final = ("number", "reason", "who")
# On whose word a step's entry is made. It is nobody in Slack: ids of systems have a colon.
WORKFLOW: Final = Actor("workflow:step", "Workflow Builder")
_LONGEST_NAME: Final = 80


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a step asks: to opt *numbers* out for *reason*."""

    numbers: tuple[PhoneNumber, ...]
    reason: str | None

    @property
    def phones(self) -> tuple[str, ...]:
        return tuple(number.e164 for number in self.numbers)


class Steps:
    """The listener of the step. *account*: whose an event is. *poke*: has what was handed over told at once."""

    def __init__(
        self,
        store: Store,
        roles: Roles,
        clients: Clients,
        account: Callable[[dict[str, Any]], Awaitable[Account]],
        poke: Callable[[], None],
    ) -> None:
        self._store = store
        self._roles = roles
        self._clients = clients
        self._account = account
        self._poke = poke

    def listeners(self, events: Events) -> tuple[Listener, ...]:
        return (events.listener(Surface.STEP, STEP, (Action.ADD,), self._run),)

    async def _run(self, account: Account, body: dict[str, Any], client: AsyncWebClient, _event: InboxEvent) -> None:
        """Do what the step asks, once, however often it is told, and complete it."""
        event = body["event"]
        await _complete(client, event, await self._outcome(account, event, client))

    async def _outcome(
        self, account: Account, event: dict[str, Any], client: AsyncWebClient
    ) -> views.StepCompleted | views.StepFailed:
        asked = await self._read(account, event["inputs"], client)
        if isinstance(asked, views.StepFailed):
            return asked
        origin = Origin(Function.STEP, WORKFLOW, reason=asked.reason)
        key = f"step {event['function_execution_id']}"
        is_masked = account.settings.numbers == "masked"
        if self._roles.step_may(account, Action.ADD):
            outcomes = await asyncio.to_thread(
                self._store.optouts.add, account.id, asked.phones, origin, idempotency_key=key
            )
            return views.added(asked.numbers, outcomes, account.country, masked=is_masked)
        if not account.settings.waiting_channel and not await self._roles.admins(client, account, 1):
            return views.nobody_to_ask()
        errand = opting_out(asked.phones, asked.reason)
        assert errand is not None  # noqa: S101  there are phones, and no more than a button holds
        try:
            await asyncio.to_thread(
                self._store.handovers.hand_over, account.id, errand, origin, idempotency_key=f"{key} asks"
            )
        except WrongState as error:
            return views.refused(str(error))
        self._poke()
        return views.asked(asked.numbers, account.country, masked=is_masked)

    async def _read(
        self, account: Account, inputs: dict[str, Any], client: AsyncWebClient
    ) -> _Asked | views.StepFailed:
        """The inputs as they were filled in; the sentence that says what is wrong with them."""
        given: dict[str, str] = {}
        for name in _INPUTS:
            value = inputs.get(name)
            # A variable of another step may be a number.
            text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
            if not isinstance(text, str | None):
                return views.wrong_input(name.capitalize())
            # What is cut off here would be opted out by nobody, and nobody told.
            if text is not None and len(text) > LONGEST_TEXT:
                return views.input_too_long(name.capitalize(), LONGEST_TEXT)
            given[name] = text or ""
        entered = await asyncio.to_thread(read_entered, given["number"], account.country, Verb.OPT_OUT)
        if not entered.numbers:
            return views.no_number()
        if entered.given > MOST_OFFERED:
            return views.too_many(entered.given, MOST_OFFERED)
        if entered.refused:
            return views.not_phones(entered.refused)
        if entered.understood.certainty is not Certainty.PLAIN:
            return views.other_words()
        words = one_line(plain(given["reason"]), LONGEST_REASON + 1) or entered.reason or ""
        reason = views.reason_in_words(words, await self._who(account, given["who"], client))
        if reason is not None and len(reason) > LONGEST_REASON:
            return views.reason_too_long(LONGEST_REASON)
        numbers = tuple(one.reading for one in entered.numbers if isinstance(one.reading, PhoneNumber))
        return _Asked(numbers, reason)

    async def _who(self, account: Account, text: str, client: AsyncWebClient) -> Actor | str | None:
        """Who asked, by the word of the workflow: a person by their name, whom it gives as a mention, or any words."""
        given = text.strip()
        person = given.removeprefix("<@").removesuffix(">").partition("|")[0]
        if given.startswith("<@") and person.isalnum():
            return (await self._roles.role_of(client, account, person)).actor
        return one_line(plain(given), _LONGEST_NAME) or None

    async def tell_discarded(self, body: dict[str, Any], reference: str) -> None:
        """Fail the step of the event *body*, of which nothing more comes: its workflow would wait for ever. Never raises."""
        try:
            client = await self._clients.of((await self._account(body)).id)
            await _complete(client, body["event"], views.gave_up(reference))
        except Exception:
            log.exception("a workflow was not told of what is discarded", reference=reference)


async def _complete(
    client: AsyncWebClient, event: dict[str, Any], outcome: views.StepCompleted | views.StepFailed
) -> None:
    """
    Tell Slack that the step is over; one that is over already, or not known any more, needs nothing.

    By the token that came with it, which is not kept and may have run out by then, else by the app's own
    (https://docs.slack.dev/reference/methods/functions.completeSuccess, section Errors). Raises what passes.
    """
    execution = event["function_execution_id"]
    own, given = client.token, event.get("bot_access_token")
    for token in dict.fromkeys(filter(None, (given, own))):
        try:
            if isinstance(outcome, views.StepFailed):
                await client.functions_completeError(function_execution_id=execution, error=outcome.error, token=token)
            else:
                await client.functions_completeSuccess(
                    function_execution_id=execution, outputs=outcome.outputs, token=token
                )
        except SlackApiError as error:
            code = error_code(error)
            if token != own and (code in REFUSED_TOKENS or code == "access_denied"):
                continue
            if is_transient(error):
                raise
            log.warning("a step is not completed", execution=execution, error=code)
        return
