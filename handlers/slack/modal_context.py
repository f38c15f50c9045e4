"""The context of a modal, kept in its `private_metadata`, which Slack hands back with each press and with the submit."""

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.places import Place
from store import Actor

_NONE = type(None)
# By the names of `ModalContext.to_json`.
_KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "channel": (str,),
    "name": (str, _NONE),
    "thread": (str, _NONE),
    "threaded": (bool, _NONE),
    "message": (str, _NONE),
    "alone": (bool, _NONE),
    "response_url": (str, _NONE),
    "phone": (str, _NONE),
    "upload": (int, _NONE),
    "seen": (int, str, _NONE),
    "link": (str, _NONE),
    "pressed": (str, _NONE),
}
# Of the 3,000 characters of a modal's metadata, for the message that it was opened from.
_MOST_PRESSED: Final = 1_900
# Of JSON; more is never packed.
_MOST_UNPACKED: Final = 200_000
_CUT: Final = {"type": "context", "elements": [{"type": "mrkdwn", "text": "…"}]}


class ModalContextError(Exception):
    """The `private_metadata` of a modal is none of the desk's: damaged, or by a release that nobody runs any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModalContext:
    """
    The context of a modal: where it was opened, as in `Place`, and what it is about, at most 3,000 characters of JSON.

    *phone*: in E.164; *upload*: its id. *last_entry* (of a phone) and *fingerprint* (of an upload or of settings): what
    the modal was made from, by which a change since is noticed. *permalink*: of the message a shortcut was used on.
    *pressed*: the message whose button opened it, packed: see `about_message`.
    """

    channel_id: str
    channel_name: str | None = None
    thread_ts: str | None = None
    threaded: bool = False
    message_ts: str | None = None
    ephemeral: bool = False
    response_url: str | None = None
    phone: str = ""
    upload: int = 0
    last_entry: int | None = None
    fingerprint: str = ""
    permalink: str | None = None
    pressed: str = ""

    @classmethod
    def of(
        cls,
        place: Place,
        *,
        phone: str = "",
        upload: int = 0,
        last_entry: int | None = None,
        fingerprint: str = "",
    ) -> Self:
        """The context of a modal that is opened at *place*."""
        return cls(
            channel_id=place.channel_id,
            channel_name=place.channel_name,
            thread_ts=place.thread_ts,
            threaded=place.threaded,
            message_ts=place.message_ts,
            # A message that the asker alone sees is answered to them alone.
            ephemeral=place.ephemeral,
            response_url=place.response_url if place.ephemeral else None,
            phone=phone,
            upload=upload,
            last_entry=last_entry,
            fingerprint=fingerprint,
        )

    def about_message(self, message: Mapping[str, Any] | None) -> Self:
        """
        The same context with the *message* of the button that opens the modal, as Slack's payload has it, without its buttons.

        Slack tells of it with the press alone, and once the modal is submitted the button is used: see
        `handlers.slack.replies.Replies.settle`. Of a long one the end is left out.
        """
        if not message or self.ephemeral:
            return self
        blocks = [block for block in message.get("blocks") or () if block.get("type") != "actions"]
        text = str(message.get("text") or "")
        for kept in range(len(blocks), -1, -1):
            shown = blocks if kept == len(blocks) else [*blocks[:kept], _CUT]
            packed = _packed({"ts": message.get("ts"), "text": text if kept else text[:200], "blocks": shown})
            if len(packed) <= _MOST_PRESSED:
                return replace(self, pressed=packed)
        return self

    @property
    def message(self) -> dict[str, Any] | None:
        """The message of `about_message`; None where the modal was not opened from one."""
        return _unpacked(self.pressed) if self.pressed else None

    def place(self, actor: Actor, client: AsyncWebClient) -> Place:
        """The place the modal was opened at; *actor* uses it now."""
        return Place(
            actor=actor,
            channel_id=self.channel_id,
            channel_name=self.channel_name,
            thread_ts=self.thread_ts,
            threaded=self.threaded,
            message_ts=self.message_ts,
            response_url=self.response_url,
            ephemeral=self.ephemeral,
            client=client,
        )

    def to_json(self) -> str:
        """By the names that modals which are open in Slack carry already."""
        about = {
            "threaded": self.threaded or None,
            "phone": self.phone,
            "upload": self.upload or None,
            "seen": self.fingerprint or self.last_entry,
            "link": self.permalink,
            "pressed": self.pressed,
        }
        return json.dumps(
            {
                "channel": self.channel_id,
                "name": self.channel_name,
                "thread": self.thread_ts,
                "message": self.message_ts,
                "alone": self.ephemeral,
                "response_url": self.response_url,
                **{name: value for name, value in about.items() if value not in {None, ""}},
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises `ModalContextError` when *text* is not what `to_json` makes."""
        try:
            packed = json.loads(text)
        except (ValueError, RecursionError):
            raise ModalContextError("no JSON") from None
        if not isinstance(packed, dict):
            raise ModalContextError("no object")
        for name, kinds in _KINDS.items():
            value = packed.get(name)
            # A yes or no is a whole number to Python.
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                raise ModalContextError(f"no {name}")
        seen = packed.get("seen")
        return cls(
            channel_id=packed["channel"],
            channel_name=packed.get("name"),
            thread_ts=packed.get("thread"),
            threaded=bool(packed.get("threaded")),
            message_ts=packed.get("message"),
            ephemeral=bool(packed.get("alone")),
            response_url=packed.get("response_url"),
            phone=packed.get("phone") or "",
            upload=packed.get("upload") or 0,
            last_entry=seen if isinstance(seen, int) else None,
            fingerprint=seen if isinstance(seen, str) else "",
            permalink=packed.get("link"),
            pressed=packed.get("pressed") or "",
        )


def _packed(message: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(zlib.compress(json.dumps(message, ensure_ascii=False).encode(), 9)).decode()


def _unpacked(packed: str) -> dict[str, Any] | None:
    try:
        text = zlib.decompressobj().decompress(base64.urlsafe_b64decode(packed), _MOST_UNPACKED)
        message = json.loads(text)
    except (ValueError, binascii.Error, zlib.error, RecursionError):
        return None
    return message if isinstance(message, dict) and isinstance(message.get("ts"), str) else None
