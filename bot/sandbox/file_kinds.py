"""
Files that are no uploaded files: https://docs.slack.dev/reference/objects/file-object

Pages of Slack's own, files that another service keeps, e-mails, and what Slack hides or has no address for. Each is made of
the shape that an uploaded file of the same name would have.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

JsonObject = dict[str, Any]
_ADDRESSES = ("url_private", "url_private_download")


def _page(mode: str, mimetype: str, pretty: str) -> Callable[[JsonObject], JsonObject]:
    """A page of Slack's own; its address answers with HTML."""
    about = {"mode": mode, "filetype": mode, "mimetype": mimetype, "pretty_type": pretty, "editable": True}
    return lambda shape: shape | about


def _elsewhere(
    service: str, filetype: str, mimetype: str, pretty: str, address: str
) -> Callable[[JsonObject], JsonObject]:
    """A file that another service keeps: Slack knows its address there, at any host, and not its size."""

    def external(shape: JsonObject) -> JsonObject:
        url = f"{address}{shape['id']}"
        about = {"mode": "external", "is_external": True, "external_type": service, "external_id": shape["id"]}
        about |= {"filetype": filetype, "mimetype": mimetype, "pretty_type": pretty, "size": 0}
        return _without(shape, "url_private_download") | about | {"url_private": url, "external_url": url}

    return external


def _email(shape: JsonObject) -> JsonObject:
    """An e-mail that was sent to the channel; its words stand in it."""
    sender = {"address": "voter@example.org", "name": "A voter", "original": "A voter <voter@example.org>"}
    words = "Please stop texting me at (212) 555-0100."
    about = {"mode": "email", "filetype": "email", "mimetype": "text/html", "pretty_type": "Email", "editable": True}
    return (
        shape
        | about
        | {
            "subject": shape["title"],
            "from": [sender],
            "to": [{"address": "campaign@example.org", "name": "", "original": "campaign@example.org"}],
            "cc": [],
            "attachments": [],
            "original_attachment_count": 0,
            "plain_text": words,
            "preview_plain_text": words,
            "preview": f"<p>{words}</p>",
        }
    )


def _stub(mode: str) -> Callable[[JsonObject], JsonObject]:
    """All that Slack tells of a file that is gone, or that the workspace's plan hides."""
    return lambda shape: {"id": shape["id"], "created": shape["created"], "timestamp": shape["timestamp"], "mode": mode}


def _without(shape: JsonObject, *names: str) -> JsonObject:
    return {name: value for name, value in shape.items() if name not in names}


KINDS: Final[Mapping[str, Callable[[JsonObject], JsonObject]]] = {
    "canvas": _page("quip", "application/vnd.slack-docs", "Canvas"),
    "list": _page("list", "application/vnd.slack-list", "List"),
    "post": _page("space", "application/vnd.slack-post", "Post"),
    "google_sheet": _elsewhere(
        "gdrive",
        "gsheet",
        "application/vnd.google-apps.spreadsheet",
        "Google Sheets",
        "https://docs.google.com/spreadsheets/d/",
    ),
    "dropbox": _elsewhere("dropbox", "csv", "text/csv", "CSV", "https://www.dropbox.com/s/"),
    "email": _email,
    "snippet": lambda shape: shape | {"mode": "snippet", "editable": True},
    "tombstone": _stub("tombstone"),
    "hidden_by_limit": _stub("hidden_by_limit"),
    "no_address": lambda shape: _without(shape, *_ADDRESSES),
}
# Their addresses are Slack's, and what is there is a page.
PAGES: Final = frozenset({"canvas", "list", "post", "email"})
