"""
The guided first minute: a message that suggests what to try, each a click.

Its buttons are for the page (page/tries.js), which does what a person would do by hand: the app hears of that and of
nothing else.
"""

from typing import Any

from bot.sandbox.blocks import completed
from bot.sandbox.workspace import SLACKBOT, PostedMessage, Workspace

# The channel in which the page opens.
_CHANNEL = "campaign-admins"
_PHONE = "(212) 555-0100"
_ADD = f"/optout add {_PHONE} reason:asked by phone"
_SEARCH = f"/optout search {_PHONE}"
# Of the made-up contacts one has sent STOP (bot/demo.py).
_ALLOW = "/optout delete (212) 555-0106"
_UPLOADS, _LIST = "optout-uploads", "messy.csv"


def welcome(workspace: Workspace) -> None:
    """Post the message, as Slackbot. No event of it reaches the app."""
    hello = "*Welcome.* This Slack runs on your machine alone, and every name and number in it is made up. Four things to try:"
    blocks = [
        _section(hello),
        _suggestion("1. Opt a number out", f"Sends `{_ADD}`.", "Opt it out", "command", _ADD),
        _suggestion(
            "2. Ask why",
            f"Sends `{_SEARCH}`. The note says who, where, when and why.",
            "Look it up",
            "command",
            _SEARCH,
        ),
        _suggestion(
            "3. Drop a messy list",
            f"Drops {_LIST} into #{_UPLOADS}. Nothing changes before you say yes.",
            f"Drop {_LIST}",
            "drop",
            f"{_UPLOADS} {_LIST}",
        ),
        _suggestion(
            "4. Try to undo a STOP",
            f"Sends `{_ALLOW}`. That person texted STOP: only with a reason are they texted again.",
            "Try it",
            "command",
            _ALLOW,
        ),
        {
            "type": "context",
            "elements": [
                _mrkdwn(
                    "Then open Opt-Out Desk under _Apps_: its Home. Under _You are_ you choose who you are: an admin, support, a guest. Who else is notified of something stands there too."
                )
            ],
        },
    ]
    message = PostedMessage(workspace.new_ts(), SLACKBOT, hello, completed(blocks), username="Slackbot")
    workspace.add_message(workspace.channel(_CHANNEL), message)


def _suggestion(title: str, words: str, button: str, kind: str, value: str) -> dict[str, Any]:
    return _section(f"*{title}*\n{words}") | {
        "accessory": {
            "type": "button",
            "action_id": f"sandbox_try:{kind}",
            "text": {"type": "plain_text", "text": button},
            "value": value,
        }
    }


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}
