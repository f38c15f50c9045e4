"""The manifest: what Slack's reference (https://docs.slack.dev/reference/app-manifest) asks of it."""

import re
from typing import Any

import pytest
import yaml

from bot.manifest import manifest, optional_scopes, scopes
from handlers.slack.posting import EVENT_TYPE

URL = "https://desk.example.org"


def document(url: str | None = None) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(manifest(url))
    return read


def test_socket_mode() -> None:
    """Without a URL the manifest switches Socket Mode on and names no address."""
    settings = document()["settings"]
    assert settings["socket_mode_enabled"] is True
    assert settings["interactivity"] == {"is_enabled": True}
    assert settings["event_subscriptions"] == {
        "bot_events": [
            "app_home_opened",
            "app_mention",
            "app_uninstalled",
            "channel_rename",
            "file_shared",
            "function_executed",
            "group_rename",
            "member_joined_channel",
            "message.im",
            "message_metadata_posted",
            "tokens_revoked",
        ],
        "metadata_subscriptions": [{"app_id": "*", "event_type": EVENT_TYPE}],
    }
    assert settings["token_rotation_enabled"] is False
    # What a step of Workflow Builder needs: https://docs.slack.dev/tools/bolt-python/concepts/custom-steps
    assert (settings["org_deploy_enabled"], settings["function_runtime"]) == (True, "remote")
    assert "url" not in document()["features"]["slash_commands"][0]


@pytest.mark.parametrize("given", [URL, f"{URL}/", f"{URL}/slack/events"])
def test_http_mode(given: str) -> None:
    """With a URL, events, commands and interactions go to Bolt's path there and Socket Mode is off."""
    read = document(given)
    address = f"{URL}/slack/events"
    assert read["settings"]["socket_mode_enabled"] is False
    assert read["settings"]["interactivity"] == {"is_enabled": True, "request_url": address}
    assert read["settings"]["event_subscriptions"]["request_url"] == address
    assert read["oauth_config"]["redirect_urls"] == [f"{URL}/slack/oauth_redirect"]
    assert [command["url"] for command in read["features"]["slash_commands"]] == [address]


def test_modes_differ_in_addresses_only() -> None:
    """Scopes, events, commands and names are the same in both modes."""
    socket, http = document(), document(URL)
    for read in (socket, http):
        del read["settings"]["socket_mode_enabled"]
        read["oauth_config"].pop("redirect_urls", None)
        for section in (read["settings"]["interactivity"], read["settings"]["event_subscriptions"]):
            section.pop("request_url", None)
        for command in read["features"]["slash_commands"]:
            command.pop("url", None)
    assert socket == http


@pytest.mark.parametrize("url", ["http://desk.example.org", "desk.example.org", "https://", "https://a b", ""])
def test_addresses_slack_would_refuse(url: str) -> None:
    """Slack calls https addresses only; another is refused with a sentence that shows it."""
    with pytest.raises(ValueError, match="is not an address Slack can call") as caught:
        manifest(url)
    assert f'"{url}"' in str(caught.value)


def test_the_command() -> None:
    """`/optout` escapes mentions, so that a reason arrives with ids, and tells how it is used within Slack's limits."""
    (command,) = document()["features"]["slash_commands"]
    assert command["command"] == "/optout"
    assert command["should_escape"] is True
    assert 1 <= len(command["description"]) <= 2000
    assert 1 <= len(command["usage_hint"]) <= 1000


def test_the_shortcut() -> None:
    """It is one of messages, with a name of up to 24 characters and a description of up to 150."""
    (shortcut,) = document()["features"]["shortcuts"]
    assert (shortcut["callback_id"], shortcut["type"]) == ("optout.check", "message")
    assert 1 <= len(shortcut["name"]) <= 24
    assert 1 <= len(shortcut["description"]) <= 150


@pytest.mark.parametrize("url", [None, URL])
def test_the_step(url: str | None) -> None:
    """It is there with all that Slack asks of one, or nothing of it is, for workspaces that cannot have it."""
    with_step, without = document(url), yaml.safe_load(manifest(url, step=False))
    (step,) = with_step.pop("functions").values()
    for parameters in (step["input_parameters"], step["output_parameters"]):
        assert all({"type", "title", "description", "is_required"} <= set(one) for one in parameters.values())
        assert [one["name"] for one in parameters.values()] == list(parameters)
    del with_step["settings"]["function_runtime"]
    with_step["settings"]["event_subscriptions"]["bot_events"].remove("function_executed")
    assert without == with_step


def test_people_can_write_to_the_bot() -> None:
    """The messages tab is there and not read-only, or nobody could send numbers directly."""
    home = document()["features"]["app_home"]
    assert (home["messages_tab_enabled"], home["messages_tab_read_only_enabled"]) == (True, False)


def test_names_within_slacks_limits() -> None:
    """App name up to 35 characters, description up to 140, bot name up to 80 of the characters Slack allows."""
    read = document()
    assert read["display_information"]["name"] == "Opt-Out Desk"
    assert len(read["display_information"]["description"]) <= 140
    assert re.fullmatch(r"[A-Za-z0-9 ._-]{1,80}", read["features"]["bot_user"]["display_name"])


def test_scopes() -> None:
    """The scopes are those of the features that are there, each once, and what `doctor` compares with."""
    listed = document()["oauth_config"]["scopes"]["bot"]
    assert len(listed) == len(set(listed))
    assert scopes() == set(listed)
    assert scopes() == {
        "commands",
        "chat:write",
        "app_mentions:read",
        "im:history",
        "files:read",
        "files:write",
        "users:read",
        "usergroups:read",
        "channels:read",
        "groups:read",
        "metadata.message:read",
    }
    assert "user" not in document()["oauth_config"]["scopes"]
    # Each stands among the others too: https://github.com/slackapi/slack-cli/pull/517
    assert set(optional_scopes()) < scopes()


@pytest.mark.parametrize("url", [None, URL])
def test_no_secret(url: str | None) -> None:
    """A manifest is pasted and shared: nothing in it is a token or a secret."""
    assert not re.search(r"xox[a-z]-|xapp-|secret|[0-9a-f]{32}", manifest(url))
