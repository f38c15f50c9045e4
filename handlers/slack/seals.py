"""
Seals on what a modal carries: nobody but the desk can have written it, for that person, that modal and that account.

Slack hands a modal's `private_metadata` back as it came. It says where an answer goes, and about which phone or upload
it is, so it is worth as much as who may have changed it. Whoever is of two workspaces, as people of an organisation are, has one
id in both: what was opened in one is nothing in the other, where an upload of that number is another list.
"""

import hashlib
import hmac
import json
import secrets
from typing import Any

from slack_sdk.models.views import View

from handlers.slack.payloads import installation_of


class Seals:
    """Seals the metadata of modals, and tells whether a seal is good. *secret*: the same for all replicas; None: this process's."""

    def __init__(self, secret: str | None) -> None:
        secret = secret or secrets.token_hex(16)
        self._key = hashlib.sha256(f"modal {secret}".encode()).digest()

    def seal(self, view: View, user: str, body: dict[str, Any]) -> None:
        """Seal the metadata of *view*, if it carries any, for *user*, who it is opened for where Slack's payload *body* is from."""
        if view.private_metadata:
            packed = json.loads(view.private_metadata)
            packed["seal"] = self._of(packed, user, view.callback_id, body)
            view.private_metadata = json.dumps(packed)

    def is_good(self, body: dict[str, Any]) -> bool:
        """Whether what the modal in Slack's payload *body* carries is what was sealed for whoever used it."""
        view = body["view"]
        try:
            packed = json.loads(view.get("private_metadata") or "")
            expected = self._of(packed, str(body["user"]["id"]), view.get("callback_id"), body)
            return hmac.compare_digest(expected.encode(), str(packed.get("seal")).encode())
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return False

    def _of(self, packed: dict[str, Any], user: str, callback_id: str | None, body: dict[str, Any]) -> str:
        unsealed = {name: value for name, value in packed.items() if name != "seal"}
        sealed = json.dumps([installation_of(body)[0], user, callback_id or "", unsealed], sort_keys=True)
        return hmac.new(self._key, sealed.encode(), hashlib.sha256).hexdigest()[:32]
