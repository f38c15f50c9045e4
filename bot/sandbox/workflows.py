"""
Workflows that people run, as far as they concern the app: its steps are told to it, and it completes them.

https://docs.slack.dev/workflows/workflow-steps: an event with a token of its own tells the app of a step, which is over
when the app says so. That somebody ran the workflow is told to nobody but them: the event names no person.
"""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.errors import BadRequestError, SlackError, invalid_arguments
from bot.sandbox.feed import Attempts, Feed
from bot.sandbox.installation import Function
from bot.sandbox.workspace import User, new_id

JsonObject = dict[str, Any]
_CREATED = 1_694_727_597


@dataclass(slots=True)
class Execution:
    """A step that is run by *user*, "running", "completed" or "failed". *token*: with which it can be completed."""

    step: str
    user: str
    inputs: JsonObject
    id: str = field(default_factory=lambda: new_id("Fx"))
    workflow: str = field(default_factory=lambda: new_id("Wx"))
    token: str = field(default_factory=lambda: f"xwfp-{secrets.token_hex(24)}")
    state: str = "running"
    outputs: JsonObject | None = None
    error: str | None = None

    def described(self) -> JsonObject:
        return {
            "id": self.id,
            "step": self.step,
            "user": self.user,
            "inputs": self.inputs,
            "state": self.state,
            "outputs": self.outputs,
            "error": self.error,
        }


class Workflows:
    """The steps that were run, by the ids of their executions."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self.executions: dict[str, Execution] = {}

    def run(self, user: User, step: str, inputs: JsonObject) -> tuple[Execution, Attempts]:
        """
        Have *user* run a workflow of nothing but *step*, as whoever built it filled its *inputs* in.

        Slack's builder lets nobody save a step without its required inputs, or with others than it has.
        """
        function = self._feed.app.functions.get(step)
        if function is None:
            raise BadRequestError(f"The app has no step {step!r}. It has: {', '.join(self._feed.app.functions)}.")
        if not set(function.required) <= set(inputs) <= set(function.inputs):
            raise BadRequestError(
                f"This step takes {', '.join(function.inputs)}; it needs {', '.join(function.required)}."
            )
        execution = Execution(step, user.handle, inputs)
        self.executions[execution.id] = execution
        self._feed.workspace.touch()
        return execution, self.tell(execution)

    def tell(self, execution: Execution) -> Attempts:
        """Tell the app of *execution*: https://docs.slack.dev/reference/events/function_executed"""
        function = self._feed.app.functions[execution.step]
        event = {
            "function": {
                "id": function.id,
                "callback_id": execution.step,
                "title": function.title,
                "description": function.description,
                "type": "app",
                "input_parameters": _parameters(function, function.inputs, function.required),
                "output_parameters": _parameters(function, function.outputs, function.outputs),
                "app_id": self._feed.app.app_id,
                "date_created": _CREATED,
                "date_updated": int(time.time()),
                "date_deleted": 0,
            },
            "inputs": execution.inputs,
            "function_execution_id": execution.id,
            "workflow_execution_id": execution.workflow,
            "bot_access_token": execution.token,
        }
        return self._feed.emit("function_executed", event)

    @property
    def tokens(self) -> frozenset[str]:
        """Those of all steps, running or over."""
        return frozenset(execution.token for execution in self.executions.values())

    def running(self, execution_id: str, token: str | None) -> Execution:
        """
        The running step that a caller with *token* completes.

        Errors as https://docs.slack.dev/reference/methods/functions.completeSuccess names them: of one that is unknown, of
        one that is over, and of another step's token.
        """
        execution = self.executions.get(execution_id)
        if execution is None:
            raise SlackError("function_execution_not_found")
        if token in self.tokens - {execution.token}:
            raise SlackError("access_denied")
        if execution.state != "running":
            raise SlackError("execution_not_in_running_state")
        return execution

    def complete(self, execution: Execution, outputs: object) -> None:
        """End it with *outputs*, which have to be what the manifest says, or `parameter_validation_failed`."""
        if not isinstance(outputs, dict):
            raise invalid_arguments("must provide an object [json-pointer:/outputs]")
        named = self._feed.app.functions[execution.step].outputs
        wrong = [f"Missing output parameter: {name}" for name in named if name not in outputs]
        wrong += [f"Unexpected output parameter: {name}" for name in outputs if name not in named]
        wrong += [f"{name} must be a string" for name in named if not isinstance(outputs.get(name, ""), str)]
        if wrong:
            raise SlackError("parameter_validation_failed", response_metadata={"messages": wrong})
        execution.state, execution.outputs = "completed", outputs
        self._feed.workspace.touch()

    def fail(self, execution: Execution, error: str) -> None:
        """End it with *error*, which Slackbot tells to whoever ran the workflow."""
        execution.state, execution.error = "failed", error
        self._feed.workspace.touch()


def _parameters(function: Function, names: tuple[str, ...], required: tuple[str, ...]) -> list[JsonObject]:
    return [
        {
            "type": "string",
            "name": name,
            "description": function.description,
            "title": name.capitalize(),
            "is_required": name in required,
        }
        for name in names
    ]
