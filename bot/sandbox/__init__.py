"""
An embedded Slack: the real protocols, rules and limits, in one process on one port.

It shares nothing with the bot, so that the bot's own mistakes are not repeated here.
"""

from bot.sandbox.client import Outcome, SandboxClient, SandboxError, SandboxMessage, State
from bot.sandbox.kept import KeptError, kept_beside
from bot.sandbox.server import EmbeddedSlack

__all__ = [
    "EmbeddedSlack",
    "KeptError",
    "Outcome",
    "SandboxClient",
    "SandboxError",
    "SandboxMessage",
    "State",
    "kept_beside",
]
