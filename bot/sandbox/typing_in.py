"""The composer of Slack's client: what a person types becomes the text that the app receives."""

import re
from collections.abc import Iterable

from bot.sandbox.workspace import Workspace

_URL = r"https?://[^\s<>|]+[^\s<>|.,;:!?)\]}'\"]"
# Bounded (RFC 5321, 4.5.3.1) and only from the start of a word: a wall of letters must not be searched once a letter.
_EMAIL = r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]{0,190}\w"
_PHONE = r"(?<![\w+/])(?:\+\d{1,3}[ .-]?)?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?!\w)"


def escape(text: str) -> str:
    """The three characters Slack escapes."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def as_sent(text: str, workspace: Workspace, *, labels: bool, mentions: bool = True, tel_links: bool = False) -> str:
    """
    *text* as the app gets it.

    Mentions of people and channels become `<@U...>` and `<#C...|name>`, with *labels* `<@U...|handle>` too (slash
    commands with `should_escape`); addresses become links; everything else is escaped. *mentions* False leaves the
    names as typed (`should_escape` off). *tel_links* wraps written-out phones as mobile clients do.
    """
    by_name = dict.fromkeys(workspace.bot_names(), workspace.bot)
    for user in workspace.users.values():
        by_name |= {user.handle.casefold(): user, user.real_name.casefold(): user} | {
            user.display_name.casefold(): user
        }
    channels = {channel.name.casefold(): channel for channel in workspace.channels.values() if not channel.is_im}
    pattern = re.compile(
        rf"(?P<url>{_URL})|(?P<email>{_EMAIL})"
        rf"|@(?P<wide>channel|here|everyone)(?![\w-])"
        rf"|@(?P<user>{_any_of(by_name)})(?![\w-])"
        rf"|#(?P<channel>{_any_of(channels)})(?![\w-])" + (rf"|(?P<phone>{_PHONE})" if tel_links else ""),
        re.IGNORECASE,
    )

    def replaced(match: re.Match[str]) -> str:
        kind, found = match.lastgroup, match[match.lastgroup or 0]
        if kind == "url":
            return f"<{escape(found)}>"
        if kind == "email":
            return f"<mailto:{found}|{found}>"
        if kind == "phone":
            digits = re.sub(r"\D", "", found)
            return f"<tel:{'+' if found.startswith('+') else ''}{digits}|{found}>"
        if not mentions:
            return match[0]
        if kind == "wide":
            return f"<!{found.lower()}>"
        if kind == "user":
            user = by_name[found.casefold()]
            return f"<@{user.id}|{user.handle}>" if labels else f"<@{user.id}>"
        channel = channels[found.casefold()]
        return f"<#{channel.id}|{channel.name}>"

    parts, position = [], 0
    for match in pattern.finditer(text):
        parts += [escape(text[position : match.start()]), replaced(match)]
        position = match.end()
    return "".join([*parts, escape(text[position:])])


def _any_of(names: Iterable[str]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
