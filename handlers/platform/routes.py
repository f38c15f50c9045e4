"""The table of endpoints, put together: everything that the API serves, and the document that says so."""

import json
from typing import Final

from handlers.platform.api import Api
from handlers.platform.campaigns import Campaigning
from handlers.platform.destinations import DestinationDesk, DestinationEndpoints
from handlers.platform.endpoints import Endpoint
from handlers.platform.entries import Entries
from handlers.platform.feed import Feed
from handlers.platform.following import Following
from handlers.platform.openapi import document
from handlers.platform.phones import Phones
from handlers.platform.replies import ToldReplies
from handlers.platform.uploads import ListDesk, Lists
from store import Store

_DOCUMENT: Final = "/openapi.json"


def platform_api(store: Store, lists: ListDesk, passing_on: DestinationDesk, public_url: str | None = None) -> Api:
    """
    The API on *store*; *lists*: what takes those up that are sent; *passing_on*: what looks at destinations to be made.

    *public_url*: the address under which others reach it, without the prefix, where it is known.
    """
    following = Following(store)
    subjects = (
        Phones(store, following),
        Entries(store),
        ToldReplies(store),
        Lists(store, lists),
        Campaigning(store),
        Feed(store, following),
        DestinationEndpoints(store, passing_on),
    )
    endpoints = tuple(endpoint for subject in subjects for endpoint in subject.endpoints())
    own = Endpoint(
        "GET",
        _DOCUMENT,
        "getDocument",
        "This document",
        "What there is, as OpenAPI 3.1.",
        (),
        (),
        lambda _call: described,
    )
    described = json.dumps(document((*endpoints, own), public_url or "")).encode()
    return Api(store, (*endpoints, own))
