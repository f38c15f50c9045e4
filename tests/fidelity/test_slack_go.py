"""slack-go reads answers into typed structs, and fails where a number is a text: every method it has a function for."""

import pytest

from bot.sandbox import EmbeddedSlack, SandboxClient
from tests.fidelity.strangers import COMMAND, Stranger, installed, named

GO = named(client for client in installed() if client.name == "slack-go-socket")


@pytest.mark.parametrize("client", GO, indirect=True)
async def test_a_survey_of_the_web_api(slack: EmbeddedSlack, app: Stranger, people: SandboxClient) -> None:
    """Each answer is read, with what it should say."""
    slack.set_manifest(commands=[COMMAND])
    await people.command("guest", "support-tickets", f"{COMMAND} survey")
    seen = await app.next("survey")
    state = await people.state()
    guest, members = state.user("guest"), state.channel("support-tickets").members
    posted = seen.pop("posted")
    assert float(posted) > 1e9
    assert seen == {
        "what": "survey",
        "updated": "surveyed again",
        "replied": True,
        "history": ["surveyed again", 1, True, slack.bot_user_id],
        "replies": [2, False],
        "permalink": True,
        "deleted": True,
        "ephemeral": True,
        "channel": ["support-tickets", True, True, "Questions from voters"],
        "members": members,
        "direct": [guest["id"], True],
        "joined": "already_in_channel",
        "user": ["Jules Marsh", guest["tz_offset"], "guest", True, True],
        "group": ["campaign-admin-team", 2],
        "in group": 2,
        "bot": ["Opt-Out Desk", slack.bot_user_id, True],
        "team": [slack.team_id, "harbor-campaign"],
    }
