"""The step of Workflow Builder: what a workflow may do, which names nobody that can be trusted, and what it is told."""

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from bot.sandbox import SandboxMessage, State
from handlers.slack import errors
from store import Function, Origin, StoreUnavailable, handovers
from store.models import inbox
from tests.entries import latest_entries, opted_out
from tests.handlers.conftest import Office, on_both_databases
from tests.handlers.slack.test_inbox import all_done

ONE, TWO = "+12125550100", "+12125550101"
STEP = "opt_out_number"


async def decide(office: Office, **values: Any) -> None:
    """What an admin decides in the settings."""
    now = office.store.accounts.get(office.account.id).settings
    by = Origin(Function.SETTING, await office.actor("admin"))
    office.store.accounts.change(office.account.id, by, settings=replace(now, **values))


async def run(office: Office, user: str = "guest", **inputs: Any) -> dict[str, Any]:
    """What came of a workflow that *user* ran."""
    return await office.people.run_step(user, STEP, **inputs)


async def question(office: Office) -> SandboxMessage:
    """The question to the first admin."""

    def asked(state: State) -> SandboxMessage | None:
        direct = state.direct("admin")
        return next((one for one in direct.messages if one.buttons), None) if direct else None

    return await office.people.until(asked)


@on_both_databases
async def test_a_step_asks_the_admins_unless_one_allowed_it(office: Office) -> None:
    """
    Whatever person its inputs name, and whoever runs it, a step only asks; an admin's press opts out, in the admin's name.

    What it says of the list is nothing.
    """
    await office.opt_out(TWO)
    admin, support = await office.actor("admin"), await office.actor("support")
    step = await run(office, number=f"{ONE}, {TWO}", reason="asked twice", who=f"<@{admin.id}>")
    assert step["outputs"] == {
        "outcome": "an admin is asked",
        "note": "An admin is asked to opt out (212) 555-0100 and (212) 555-0101. Nothing has changed yet.",
    }
    assert opted_out(office.store, office.account.id) == [TWO]
    asked = await question(office)
    assert asked.text.startswith("*Workflow Builder asks you to opt out 2 phones*<!date^")
    assert "asked twice (for admin, says the workflow)" in asked.all_text
    await office.press("admin", asked, "handover.do")
    await office.people.until(lambda state: "Done by admin." in str(state.message(asked.ts)))
    assert opted_out(office.store, office.account.id) == [ONE, TWO]
    entry = latest_entries(office.store, office.account.id, 1)[0]
    assert (entry.function, entry.actor.id, entry.asked_by and entry.asked_by.name) == (
        Function.BUTTON,
        admin.id,
        "Workflow Builder",
    )
    # Nobody but the admins is written to: whom the workflow names did not ask.
    assert support.id not in str([call["arguments"] for call in await office.people.calls("chat.postMessage")])


@on_both_databases
async def test_once_an_admin_allowed_it_a_step_opts_out(office: Office) -> None:
    """By the settings, with the reason and who asked in its entry; the outputs say what became of the numbers."""
    await decide(office, steps="add", numbers="masked")
    await office.opt_out(TWO)
    step = await run(office, number=f"212 555 0100, {TWO}", reason="&lt;b&gt; asked", who="Ana & Co.")
    assert (step["state"], step["outputs"]["outcome"]) == ("completed", "opted out")
    assert step["outputs"]["note"] == (
        "+1•••••••100 opted out. +1•••••••101 was opted out already; this request is kept as a further reason."
    )
    state = office.store.optouts.find(office.account.id, ONE)
    [made] = state.standing
    assert (made.entry.function, made.entry.actor.id) == (Function.STEP, "workflow:step")
    assert made.entry.reason == "<b> asked (for Ana & Co., says the workflow)"
    again = await run(office, number=ONE)
    assert again["outputs"]["outcome"] == "already opted out"
    told = await office.ask("support", ONE)
    assert "Opted out by a step of a workflow" in told.all_text


@pytest.mark.wide
@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"number": "12345"}, "Not a phone number: 12345: 5 digits, a US number has 10. Nobody was opted out"),
        ({"number": f"{ONE} and <!channel> 99"}, "Nobody was opted out"),
        ({"number": "  "}, "The step got no phone number. Nobody was opted out."),
        ({"number": [ONE]}, "The step's Number is no text."),
        ({"number": ONE, "reason": {"a": 1}}, "The step's Reason is no text."),
        ({"number": ONE, "reason": "x" * 501}, "The reason is too long"),
        ({"number": f"could you maybe look at {ONE} tomorrow"}, "There are other words beside the number."),
        ({"number": ", ".join(f"+1212555{n:04}" for n in range(100, 151))}, "51 numbers; a step takes 50."),
        ({"number": f"{ONE}{' ' * 50_000}{TWO}"}, "The step's Number is too long: 40,000 characters are read."),
        ({"number": ONE, "reason": "<" * 500_000}, "The step's Reason is too long"),
        ({"number": ONE, "who": "&amp;" * 20_000}, "The step's Who is too long"),
        ({"number": f'=HYPERLINK("https://example.org","{ONE}")'}, "The step got no phone number."),
        ({"number": f"=SUM({ONE})"}, "There are other words beside the number."),
        ({"number": f"<tel:{ONE}|12>"}, "Not a phone number"),
        ({"number": True}, "The step's Number is no text."),
    ],
)
async def test_a_step_says_what_is_wrong_and_does_nothing(office: Office, inputs: dict[str, Any], said: str) -> None:
    """Of several numbers all are opted out or none; the sentence is the step's error, which mentions nobody."""
    await decide(office, steps="add")
    step = await run(office, **inputs)
    assert step["state"] == "failed"
    assert said in step["error"]
    assert "<" not in step["error"]
    assert opted_out(office.store, office.account.id) == []


@pytest.mark.wide
async def test_workflows_do_not_flood_the_admins(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """All workflows together ask so often an hour; the same that is open already is asked once, and anything more fails."""
    monkeypatch.setattr(handovers, "MOST_OF_SYSTEM", 1)
    for _ in range(2):
        assert (await run(office, number=ONE))["outputs"]["outcome"] == "an admin is asked"
    assert "times within the hour, so this was not asked" in (await run(office, number=TWO))["error"]
    assert len(office.store.handovers.list_open()) == 1


async def test_with_nobody_to_ask_a_step_fails(office: Office) -> None:
    """A request that nobody would see is none."""
    for handle in ("admin", "second-admin"):
        await office.people.update_user(handle, is_admin=False)
    step = await run(office, number=ONE)
    assert "An admin of the desk has to say yes to this, and none is known." in step["error"]
    assert office.store.handovers.list_open() == []


@pytest.mark.wide
async def test_a_step_waits_for_the_database_and_for_slack(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What was kept is done when the database is back, once, however often Slack is told and however late it listens.

    A token of the step's that Slack takes no more is made up for by the app's own.
    """
    await decide(office, steps="add")
    add, away = type(office.store.optouts).add, [True, True]

    def failing(*args: Any, **kwargs: Any) -> Any:
        if away:
            away.pop()
            raise StoreUnavailable("the list cannot be reached")
        return add(*args, **kwargs)

    monkeypatch.setattr(type(office.store.optouts), "add", failing)
    for fault in ("server_error", "lost_answer"):
        await office.people.fault(method="functions.completeSuccess", fault=fault)
    await office.people.fault(method="functions.completeSuccess", fault="error", error="token_expired")
    step = await run(office, number=ONE)
    assert step["outputs"]["outcome"] == "opted out"
    await all_done(office)
    assert len(office.store.optouts.find(office.account.id, ONE).opt_outs) == 1


async def test_no_token_of_a_step_is_kept(office: Office) -> None:
    """Its event has one of its own, which no copy of the database opens anything with."""
    await run(office, number=ONE)
    with office.store.database.read() as connection:
        query = sa.select(inbox.c.payload).where(inbox.c.kind == "function_executed")
        [payload] = connection.execute(query).scalars()
    assert payload["event"]["inputs"]["number"] == ONE
    assert "xwfp" not in str(payload)


async def test_a_step_that_is_given_up_fails(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what nobody foresaw its workflow is told with a reference, and does not wait for ever."""
    await decide(office, steps="add")

    def broken(*_args: Any, **_kwargs: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(type(office.store.optouts), "add", broken)
    monkeypatch.setattr(errors, "MOST_TRIES", 1)
    step = await run(office, number=ONE)
    assert step["error"].startswith("Something went wrong on the desk's side. Nobody was opted out.")
    assert sum(office.store.inbox.backlog().discarded.values()) == 1


async def test_a_step_that_is_told_twice_is_done_once(office: Office) -> None:
    """By another event with the same execution, while it runs or after it: by the id of the execution, not of the event."""
    await decide(office, steps="add")
    workflows = office.slack.platform.workflows
    execution = await office.people.start_step("guest", STEP, number=ONE)
    workflows.tell(workflows.executions[execution])
    await office.people.until(lambda state: state.step(execution, over=True))
    workflows.tell(workflows.executions[execution])
    await all_done(office)
    assert (workflows.executions[execution].outputs or {})["outcome"] == "opted out"
    assert len(office.store.optouts.find(office.account.id, ONE).opt_outs) == 1
    assert office.store.inbox.backlog().discarded == {}


async def test_a_step_for_somebody_who_is_no_member_is_done(office: Office) -> None:
    """Whom a workflow names is a remark: one whom Slack does not know stands there by the id, and holds nothing up."""
    await decide(office, steps="add")
    step = await run(office, number=ONE, reason="*left* <!channel>", who="<@U0NOBODY99>")
    assert step["outputs"]["outcome"] == "opted out"
    [made] = office.store.optouts.find(office.account.id, ONE).standing
    assert made.entry.reason == "*left* @channel (for U0NOBODY99, says the workflow)"


async def test_a_step_that_is_gone_is_done_all_the_same(office: Office) -> None:
    """Its workflow was removed while it waited: the number is opted out, and nothing is tried again."""
    await decide(office, steps="add")
    await office.people.fault(
        method="functions.completeSuccess", fault="error", error="function_execution_not_found", times=-1
    )
    await office.people.start_step("guest", STEP, number=ONE)
    await office.people.until(lambda _: opted_out(office.store, office.account.id) == [ONE] or None)
    await all_done(office)
    assert office.store.inbox.backlog().discarded == {}


async def test_a_step_without_inputs_fails(office: Office) -> None:
    """As of an app whose manifest is another: its workflow is told at once."""
    workflows = office.slack.platform.workflows
    started = workflows.executions[await office.people.start_step("guest", STEP, number=ONE)]
    bare = replace(started, id="Fx0BARE", state="running", inputs={})
    workflows.executions[bare.id] = bare
    workflows.tell(bare)
    await office.people.until(lambda state: state.step(bare.id, over=True))
    assert str(bare.error).startswith("The step got no phone number. Nobody was opted out.")
