"""Workflows: what the app is told of a step, and the ways in which Slack does not let one be completed."""

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import EmbeddedSlack, SandboxClient
from bot.sandbox.client import SandboxError

STEP = "opt_out_number"
OUTPUTS = {"outcome": "opted out", "note": "done"}


async def test_a_step_is_completed_once_by_its_own_outputs(
    slack: EmbeddedSlack, people: SandboxClient, api: AsyncWebClient
) -> None:
    """
    By the app's token or the step's own, with the outputs of the manifest, and never twice.

    https://docs.slack.dev/reference/methods/functions.completeSuccess and functions.completeError, section Errors.
    """
    first = await people.start_step("support", STEP, number="1")
    second = await people.start_step("guest", STEP, number="2", reason="why")
    told = [one["payload"]["event"] for one in await people.deliveries("event")]
    assert [(one["type"], one["function"]["callback_id"], one["inputs"]) for one in told] == [
        ("function_executed", STEP, {"number": "1"}),
        ("function_executed", STEP, {"number": "2", "reason": "why"}),
    ]
    # Nobody is named who ran it.
    person = (await people.state()).user("support")["id"]
    assert person not in str(told)
    theirs, others = ({"token": one["bot_access_token"]} for one in told)
    for code, call in (
        ("function_execution_not_found", api.functions_completeSuccess(function_execution_id="Fx0", outputs=OUTPUTS)),
        ("access_denied", api.functions_completeSuccess(function_execution_id=first, outputs=OUTPUTS, **others)),
        ("parameter_validation_failed", api.functions_completeSuccess(function_execution_id=first, outputs={})),
        ("invalid_arguments", api.functions_completeError(function_execution_id=first, error="")),
    ):
        with pytest.raises(SlackApiError, match=code):
            await call
    await api.functions_completeSuccess(function_execution_id=first, outputs=OUTPUTS, **theirs)
    await api.functions_completeError(function_execution_id=second, error="none of them")
    for execution in (first, second):
        with pytest.raises(SlackApiError, match="execution_not_in_running_state"):
            await api.functions_completeSuccess(function_execution_id=execution, outputs=OUTPUTS)
    state = await people.state()
    done, failed = state.step(first), state.step(second)
    assert done is not None
    assert failed is not None
    assert (done["state"], done["outputs"], failed["state"], failed["error"]) == (
        "completed",
        OUTPUTS,
        "failed",
        "none of them",
    )
    # The page's traffic shows no token.
    async with people._open_session.get(f"{slack.url}/sandbox/wire") as answer:
        assert theirs["token"] not in await answer.text()


async def test_what_the_builder_does_not_take(people: SandboxClient) -> None:
    """A step that the app has not, one without its required input, and one with an input that it has not."""
    for step, inputs in (("nothing", {}), (STEP, {"reason": "why"}), (STEP, {"number": "1", "x": "y"})):
        with pytest.raises(SandboxError):
            await people.start_step("support", step, **inputs)
