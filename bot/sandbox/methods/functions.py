"""`functions.*`: https://docs.slack.dev/reference/methods?family=functions"""

from bot.sandbox.web_api import Call, JsonObject, Method


async def complete_success(call: Call) -> JsonObject:
    """https://docs.slack.dev/reference/methods/functions.completeSuccess"""
    workflows = call.slack.workflows
    execution, outputs = call.needed("function_execution_id"), call.needed("outputs") and call.json("outputs")
    workflows.complete(workflows.running(execution, call.given), outputs)
    return {}


async def complete_error(call: Call) -> JsonObject:
    """https://docs.slack.dev/reference/methods/functions.completeError"""
    workflows = call.slack.workflows
    execution, error = call.needed("function_execution_id"), call.needed("error")
    workflows.fail(workflows.running(execution, call.given), error)
    return {}


METHODS = {
    "functions.completeSuccess": Method(complete_success, tier="3"),
    "functions.completeError": Method(complete_error, tier="3"),
}
