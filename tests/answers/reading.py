"""What stands in a message, a form or Home, as Markdown that reads as Slack shows it; the same at each run."""

import re
import time
from collections.abc import Iterator
from typing import Any

from bot.sandbox import State

JsonObject = dict[str, Any]

_DATE = re.compile(r"<!date\^(?P<at>\d+)\^(?P<pattern>[^|^>]*)(?:\^[^|>]*)?\|[^>]*>")
_LINKED = re.compile(r"<(?P<kind>[@#]|!subteam\^)?(?P<target>[^|>]+)(?:\|(?P<label>[^>]*))?>")
_BOLD = re.compile(r"(?<![\w*])\*(?!\s)([^*\n]+?)\*(?![\w*])")
_REFERENCE = re.compile(r"`[0-9a-f]{8}`")
_DAY = re.compile(r"\b20\d\d-\d\d-\d\d\b")
_TOOK = re.compile(r"\bin \d+(?:\.\d+)? s\b")
# The clock's spans, and which list was the slowest.
_PACE = re.compile(r"(?<= within ).*?(, the slowest ).*?(?=\.$)", re.MULTILINE)
_HALF_A_DAY = 43_200
_STYLES = {"primary": "green", "danger": "red"}


class Reader:
    """Reads with the names of *state*: people as they are called, channels as they are named."""

    def __init__(self, state: State) -> None:
        self._people = {user["id"]: user["display_name"] for user in state.raw["users"]}
        self._people |= {user["id"]: user["real_name"] for user in state.raw["users"] if user["is_bot"]}
        self._groups: dict[str, str] = {}
        self._channels = {channel["id"]: channel["name"] for channel in state.raw["channels"]}

    def message(self, raw: JsonObject) -> str:
        """A message of the desk: its blocks, or its text where it has none, and the files with it."""
        lines = list(self._blocks(raw["blocks"])) if raw["blocks"] else [self._text(raw["text"])]
        lines += [f"📎 {_DAY.sub('2026-10-06', file['name'])}" for file in raw.get("files", ())]
        return "\n".join(line for line in lines if line)

    def view(self, raw: JsonObject) -> str:
        """A form: its title, what stands in it, and its buttons."""
        lines = [f"**{raw['title']['text']}**"] if raw["type"] == "modal" else []
        lines += self._blocks(raw["blocks"])
        foot = [raw[name]["text"] for name in ("close", "submit") if raw.get(name)]
        return "\n".join([*lines, *([" ".join(f"[{word}]" for word in foot)] if foot else [])])

    # -- blocks -----------------------------------------------------------------------------------------------

    def _blocks(self, blocks: list[JsonObject]) -> Iterator[str]:
        for block in blocks:
            kind = block["type"]
            if kind == "divider":
                continue
            if kind == "header":
                yield f"**{self._text(block['text']['text'])}**"
            elif kind == "context":
                yield f"<small>{' '.join(self._text(each.get('text', '')) for each in block['elements'])}</small>"
            elif kind == "actions":
                yield " ".join(self._element(each) for each in block["elements"])
            elif kind == "input":
                yield f"{block['label']['text']}: {self._element(block['element'])}"
            elif kind == "section":
                yield from self._section(block)
            else:
                yield f"({kind})"

    def _section(self, block: JsonObject) -> Iterator[str]:
        if block.get("text"):
            yield self._text(block["text"]["text"])
        for field in block.get("fields") or ():
            yield self._text(field["text"])
        if block.get("accessory"):
            yield self._element(block["accessory"])

    def _element(self, element: JsonObject) -> str:
        """A button by its label; a menu, a list or a field by what is chosen or written in it."""
        kind = element["type"]
        if kind == "button":
            colour = _STYLES.get(element.get("style", ""))
            asked = f"; it asks: {self._dialog(element['confirm'])}" if element.get("confirm") else ""
            return f"[{element['text']['text']}]" + (f" ({colour}{asked})" if colour or asked else "").replace(
                "(; ", "("
            )
        chosen = element.get("initial_options") or [element.get("initial_option")]
        ticked = {option["value"] for option in chosen if option}
        options = element.get("options") or ()
        if kind in ("checkboxes", "radio_buttons"):
            return "".join(
                f"\n{'☑' if option['value'] in ticked else '☐'} {self._option(option)}" for option in options
            )
        if options:
            names = [self._option(option) for option in options]
            shown = [self._option(option) for option in chosen if option] or [
                (element.get("placeholder") or {}).get("text", "")
            ]
            more = ", …" if len(names) > 12 else ""
            return f"⟨{', '.join(shown) or '…'}⟩ of {', '.join(names[:12])}{more}"
        return f"⟨{self._text(str(element.get('initial_value') or '…'))}⟩"

    def _option(self, option: JsonObject) -> str:
        described = (option.get("description") or {}).get("text")
        return self._text(option["text"]["text"]) + (f" — {self._text(described)}" if described else "")

    def _dialog(self, confirm: JsonObject) -> str:
        return f"“{confirm['title']['text']} {self._text(confirm['text']['text'])}” [{confirm['deny']['text']}] [{confirm['confirm']['text']}]".replace(
            "\n", " "
        )

    # -- text -------------------------------------------------------------------------------------------------

    def _text(self, text: str) -> str:
        text = _DATE.sub(lambda found: self._date(int(found["at"]), found["pattern"]), text)
        text = _LINKED.sub(self._linked, text)
        text = _BOLD.sub(r"**\1**", text)
        # What differs from run to run.
        text = _PACE.sub(r"1 second\g<1>1 second (upload 2, stops.csv)", text)
        return _TOOK.sub("in 1 s", _REFERENCE.sub("`7f3a09c1`", text))

    def _linked(self, found: re.Match[str]) -> str:
        target, label = found["target"], found["label"]
        if found["kind"] == "@":
            return f"@{self._people.get(target, label or target)}"
        if found["kind"] == "#":
            return f"#{self._channels.get(target, label or target)}"
        if found["kind"]:
            return f"@{label or 'a group'}"
        return label or target

    def _date(self, at: int, pattern: str) -> str:
        """Slack's tokens filled in: all that happened is of today, all that will be is so many days away."""
        away = at - time.time()
        day = "today" if abs(away) < _HALF_A_DAY else f"{'in ' if away > 0 else ''}{round(abs(away) / 86_400)} days"
        text = re.sub(r"\{date\w*\}", day, pattern)
        return re.sub(r"\{time\w*\}", "9:41 AM", text).replace("{ago}", "now")
