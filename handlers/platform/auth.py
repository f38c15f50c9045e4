"""Who asks: the key in the request, and whether it may. The one place that decides it."""

from typing import Final

from aiohttp import web

from handlers.platform.problems import KEY_REFUSED, NO_KEY, NOT_IN_SCOPE, Problem
from store import Key, KeyRefused, Scope, Store

# https://www.rfc-editor.org/rfc/rfc6750, section 3
_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="opt-outs"'}
_LONGEST_KEY: Final = 200


def key_text(request: web.Request) -> str:
    """The key as it was sent. Raises `Problem` when there is none, or what never is one."""
    given = request.headers.getall("Authorization", [])
    scheme, _, text = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not text.strip():
        raise Problem(
            NO_KEY, "Send the header Authorization: Bearer, followed by a key of the desk's.", headers=_CHALLENGE
        )
    text = text.strip()
    if len(text) > _LONGEST_KEY or not text.isascii():
        raise Problem(KEY_REFUSED, "This is no key of the desk's.", headers=_CHALLENGE)
    return text


def admitted(store: Store, text: str) -> Key:
    """The live key of *text*. Raises `Problem`. Blocks."""
    try:
        return store.keys.verify(text)
    except KeyRefused as error:
        headers = {"WWW-Authenticate": f'{_CHALLENGE["WWW-Authenticate"]}, error="invalid_token"'}
        raise Problem(KEY_REFUSED, str(error), headers=headers) from None


def require_scope(key: Key, *scopes: Scope) -> None:
    """Raise `Problem` unless *key* has one of the *scopes*."""
    if not set(scopes).intersection(key.scopes):
        needed = " or ".join(scopes)
        raise Problem(NOT_IN_SCOPE, f"This needs a key with the scope {needed}; this one has {', '.join(key.scopes)}.")
