"""
Installation by OAuth, Slack's side: the authorize page, codes, tokens that are replaced, and the end of an installation.

https://docs.slack.dev/authentication/installing-with-oauth and https://docs.slack.dev/authentication/using-token-rotation.
One app may be in several workspaces; each is an embedded Slack of its own, whose Web API is that of the first.
"""

import html
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import urlencode

from aiohttp import web

from bot.sandbox.errors import SlackError
from bot.sandbox.installation import Installation
from bot.sandbox.workflows import Workflows
from bot.sandbox.workspace import Workspace

# Seconds: of a code, and of a token that is replaced.
CODE_LIFE = 600.0
TOKEN_LIFE = 43_200


class _Joined(Protocol):
    """A workspace, as far as it is needed here."""

    workspace: Workspace
    app: Installation
    workflows: Workflows


_Place = TypeVar("_Place", bound=_Joined)


@dataclass(slots=True)
class _Code(Generic[_Place]):
    slack: _Place
    redirect: str
    user: str
    until: float
    used: bool = False


@dataclass(slots=True)
class Grants(Generic[_Place]):
    """
    The workspaces that the app is in, or may come into, by id, the first one first, and the codes that were given out.

    *rotates*: tokens expire, and are replaced by refresh tokens. *redirects*: the app's redirect URLs; none: any.
    """

    workspaces: dict[str, _Place] = field(default_factory=dict)
    codes: dict[str, _Code[_Place]] = field(default_factory=dict)
    rotates: bool = False
    redirects: tuple[str, ...] = ()

    def of_token(self, token: str) -> _Place | None:
        """The workspace whose token *token* is, or was."""
        return next(
            (slack for slack in self.workspaces.values() if slack.app.knows(token) or token in slack.workflows.tokens),
            None,
        )

    def _asked(self, request: web.Request) -> _Place:
        """The workspace that is asked; raises HTTP 400 for a link that Slack would refuse."""
        first = next(iter(self.workspaces.values()))
        if request.query.get("client_id") != first.app.client_id:
            raise web.HTTPBadRequest(text="invalid_client_id")
        redirect = request.query.get("redirect_uri", "")
        wrong = self.redirects and not redirect.startswith(self.redirects)
        if wrong or not redirect.startswith(("http://", "https://")):
            raise web.HTTPBadRequest(text="bad_redirect_uri")
        slack = self.workspaces.get(request.query.get("team", first.workspace.team_id))
        if slack is None:
            raise web.HTTPBadRequest(text="invalid_team")
        return slack

    async def page(self, request: web.Request) -> web.Response:
        """`GET /oauth/v2/authorize`: what the app asks for, in the workspace that `team` names."""
        slack = self._asked(request)
        scopes = html.escape(request.query.get("scope", ""))
        page = (
            f'<!DOCTYPE html><html lang="en"><title>Authorize</title><h1>{html.escape(slack.app.name)} is requesting '
            f"permission to access {html.escape(slack.workspace.name)}</h1><p>{scopes}</p>"
            '<form method="post"><button name="answer" value="allow">Allow</button>'
            '<button name="answer" value="deny">Cancel</button></form></html>'
        )
        return web.Response(text=page, content_type="text/html")

    async def answer(self, request: web.Request) -> web.Response:
        """The person's yes or no: back to the app, with a code or with the reason."""
        slack = self._asked(request)
        redirect = request.query["redirect_uri"]
        answer = {"state": request.query.get("state", "")}
        if (await request.post()).get("answer") == "deny":
            answer["error"] = "access_denied"
        else:
            code = f"{secrets.token_hex(6)}.{secrets.token_hex(32)}"
            installer = next(user for user in slack.workspace.users.values() if user.is_admin)
            self.codes[code] = _Code(slack, redirect, installer.id, time.monotonic() + CODE_LIFE)
            if request.query.get("scope"):
                slack.app.configure(scopes=request.query["scope"].split(","))
            answer["code"] = code
        raise web.HTTPFound(f"{redirect}{'&' if '?' in redirect else '?'}{urlencode(answer)}")

    def exchanged(self, text: Callable[[str], str | None]) -> dict[str, Any]:
        """`oauth.v2.access`: a code, or a refresh token, for the bot's token."""
        first = next(iter(self.workspaces.values()))
        if text("client_id") != first.app.client_id:
            raise SlackError("invalid_client_id")
        if text("client_secret") != first.app.client_secret:
            raise SlackError("bad_client_secret")
        if text("grant_type") == "refresh_token":
            return self._refreshed(text("refresh_token"))
        if text("grant_type") not in (None, "authorization_code"):
            raise SlackError("invalid_grant_type")
        code = self.codes.get(text("code") or "")
        if code is None or code.used or time.monotonic() > code.until:
            raise SlackError("invalid_code")
        if text("redirect_uri") not in (None, code.redirect):
            raise SlackError("bad_redirect_uri")
        code.used = True
        app = code.slack.app
        if app.gone:
            app.install()
        app.revoked = False
        if self.rotates:
            app.rotate(TOKEN_LIFE)
        return self._granted(code.slack, code.user)

    def _refreshed(self, token: str | None) -> dict[str, Any]:
        slack = next((one for one in self.workspaces.values() if token and one.app.refresh_token == token), None)
        if slack is None or slack.app.gone:
            raise SlackError("invalid_refresh_token")
        slack.app.rotate(TOKEN_LIFE)
        return self._granted(slack, None)

    def _granted(self, slack: _Place, user: str | None) -> dict[str, Any]:
        app, workspace = slack.app, slack.workspace
        enterprise = app.enterprise
        whole = enterprise is not None and app.org_wide
        answer: dict[str, Any] = {
            "access_token": app.bot_token,
            "token_type": "bot",
            "scope": ",".join(app.scopes),
            "bot_user_id": app.bot_user_id,
            "app_id": app.app_id,
            "team": None if whole else {"name": workspace.name, "id": workspace.team_id},
            "enterprise": None if enterprise is None else {"id": enterprise[0], "name": enterprise[1]},
            "is_enterprise_install": whole,
        }
        if user is not None:
            answer["authed_user"] = {"id": user}
        if app.refresh_token is not None:
            answer |= {"refresh_token": app.refresh_token, "expires_in": TOKEN_LIFE}
        return answer
