"""The Slack app's manifest (`manifest.yml`), as it is or with request URLs, and the scopes it asks for."""

import re
from pathlib import Path
from typing import Any, Final

import yaml

_WITHOUT = {
    "usergroups:read": "no user group can be chosen in /optout settings, only people",
    "metadata.message:read": "an answer whose posting Slack did not confirm can stand twice",
}
# Where Slack sends whoever installed the app by OAuth: Bolt's own path.
REDIRECT_PATH: Final = "/slack/oauth_redirect"
# Beside this module in a package that was built, and on top where the sources are.
_PACKED = Path(__file__).with_name("manifest.yml")
_FILE = _PACKED if _PACKED.exists() else Path(__file__).parents[1] / "manifest.yml"


def manifest(url: str | None = None, *, step: bool = True) -> str:
    """
    Return the manifest as YAML: for Socket Mode, or, given the desk's public *url*, for HTTP.

    *step*: with the step of Workflow Builder, which workspaces without a paid plan cannot have.

    Slack calls events, commands and interactions at `{url}/slack/events`, where Bolt listens; whoever installs the app by
    OAuth comes back to `{url}` and `REDIRECT_PATH`. Raises `ValueError`
    with a sentence when *url* is not what Slack accepts, which is https only
    (https://docs.slack.dev/reference/app-manifest).
    """
    if url is None and step:
        return _FILE.read_text(encoding="utf-8")
    document = _document()
    if not step:
        del document["functions"], document["settings"]["function_runtime"]
        document["settings"]["event_subscriptions"]["bot_events"].remove("function_executed")
    if url is not None:
        _call(document, url)
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def _call(document: dict[str, Any], url: str) -> None:
    """Have Slack call the manifest *document*'s app below *url*."""
    base = url.strip().rstrip("/")
    if not re.fullmatch(r"https://[^\s/?#@]+(/[^\s?#]*)?", base):
        raise ValueError(f'"{url}" is not an address Slack can call, expected one like https://desk.example.org')
    address = base if base.endswith("/slack/events") else f"{base}/slack/events"
    for command in document["features"]["slash_commands"]:
        command["url"] = address
    redirect = f"{base.removesuffix('/slack/events')}{REDIRECT_PATH}"
    document["oauth_config"] = {"redirect_urls": [redirect], **document["oauth_config"]}
    settings = document["settings"]
    for section in ("event_subscriptions", "interactivity"):
        settings[section] = {"request_url": address, **settings[section]}
    settings["socket_mode_enabled"] = False


def scopes() -> frozenset[str]:
    """Return the bot scopes the manifest asks for, for `doctor` to compare with those of the token."""
    return frozenset(_document()["oauth_config"]["scopes"]["bot"])


def optional_scopes() -> dict[str, str]:
    """
    Return the scopes that may be left out at the installation, each with what is missing without it.

    https://docs.slack.dev/changelog/2026/03/16/optional-scopes
    """
    return {scope: _WITHOUT[scope] for scope in _document()["oauth_config"]["scopes"]["bot_optional"]}


def _document() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return document
