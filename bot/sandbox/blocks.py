"""
Block Kit as Slack checks it: https://docs.slack.dev/reference/block-kit/blocks

`problems_of` returns every violation, worded and located as Slack does it
(`must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]`); `completed` returns the blocks with
the ids and flags Slack adds.
"""

import copy
import json
import secrets
import string
from collections.abc import Callable
from typing import Any

_SURFACE_LIMITS = {"message": 50, "modal": 100, "home": 100}
_INTERACTIVE = frozenset(
    {
        "button",
        "static_select",
        "external_select",
        "users_select",
        "conversations_select",
        "channels_select",
        "multi_static_select",
        "multi_external_select",
        "multi_users_select",
        "multi_conversations_select",
        "multi_channels_select",
        "overflow",
        "datepicker",
        "timepicker",
        "datetimepicker",
        "checkboxes",
        "radio_buttons",
        "workflow_button",
    }
)
_INPUTS = frozenset(
    {"plain_text_input", "rich_text_input", "email_text_input", "url_text_input", "number_input", "file_input"}
)
# Elements Slack accepts inside an input block.
_INPUT_ELEMENTS = (_INPUTS | _INTERACTIVE) - {"button", "overflow", "workflow_button"}
_OPTION_COUNTS = {
    "static_select": (1, 100),
    "multi_static_select": (1, 100),
    "overflow": (1, 5),
    "checkboxes": (1, 10),
    "radio_buttons": (1, 10),
}
# https://docs.slack.dev/reference/block-kit: what each may carry; anything else is refused by name.
_BLOCK_PROPERTIES = {
    "section": {"text", "fields", "accessory", "expand"},
    "header": {"text"},
    "divider": set(),
    "context": {"elements"},
    "actions": {"elements"},
    "input": {"label", "element", "hint", "optional", "dispatch_action"},
    "image": {"image_url", "slack_file", "alt_text", "title", "fallback", "image_width", "image_height", "image_bytes"},
    "rich_text": {"elements"},
    "markdown": {"text"},
    "table": {"rows", "column_settings"},
    "alert": {"text", "level"},
}
_SELECT = {"action_id", "placeholder", "confirm", "focus_on_load"}
_MULTI = _SELECT | {"max_selected_items"}
_OPTIONS = {"options", "option_groups"}
_CONVERSATIONS = {"default_to_current_conversation", "filter"}
_TYPED = {"action_id", "placeholder", "initial_value", "dispatch_action_config", "focus_on_load"}
_ELEMENT_PROPERTIES = {
    "button": {"text", "action_id", "url", "value", "style", "confirm", "accessibility_label"},
    "workflow_button": {"text", "action_id", "workflow", "style", "accessibility_label"},
    "static_select": _SELECT | _OPTIONS | {"initial_option"},
    "external_select": _SELECT | {"initial_option", "min_query_length"},
    "users_select": _SELECT | {"initial_user"},
    "conversations_select": _SELECT | _CONVERSATIONS | {"initial_conversation", "response_url_enabled"},
    "channels_select": _SELECT | {"initial_channel", "response_url_enabled"},
    "multi_static_select": _MULTI | _OPTIONS | {"initial_options"},
    "multi_external_select": _MULTI | {"initial_options", "min_query_length"},
    "multi_users_select": _MULTI | {"initial_users"},
    "multi_conversations_select": _MULTI | _CONVERSATIONS | {"initial_conversations"},
    "multi_channels_select": _MULTI | {"initial_channels"},
    "overflow": {"action_id", "options", "confirm"},
    "datepicker": _SELECT | {"initial_date"},
    "timepicker": _SELECT | {"initial_time", "timezone"},
    "datetimepicker": _SELECT | {"initial_date_time"},
    "checkboxes": _SELECT - {"placeholder"} | {"options", "initial_options"},
    "radio_buttons": _SELECT - {"placeholder"} | {"options", "initial_option"},
    "plain_text_input": _TYPED | {"multiline", "min_length", "max_length"},
    "rich_text_input": _TYPED,
    "email_text_input": _TYPED,
    "url_text_input": _TYPED,
    "number_input": _TYPED | {"is_decimal_allowed", "min_value", "max_value"},
    "file_input": {"action_id", "filetypes", "max_files"},
    "image": {"image_url", "slack_file", "alt_text", "fallback", "image_width", "image_height", "image_bytes"},
}
_FILTER_PROPERTIES = {"include", "exclude_external_shared_channels", "exclude_bot_users"}
_CONVERSATION_KINDS = ("im", "mpim", "private", "public")
_ALERT_LEVELS = ("default", "info", "warning", "error", "success")
LONGEST_INPUT = 3_000


_Check = Callable[[dict[str, Any], str], None]


class _Checker:
    """Walks one list of blocks and collects what Slack would object to."""

    def __init__(self, surface: str) -> None:
        self.surface = surface
        self.problems: list[str] = []
        self.block_ids: set[str] = set()
        self.action_ids: set[str] = set()
        self._blocks: dict[str, _Check] = {
            "section": self._section,
            "header": self._header,
            "divider": self._nothing,
            "context": self._context,
            "actions": self._actions,
            "input": self._input,
            "image": self._image,
            "rich_text": self._rich_text,
            "file": self._nothing,
            "video": self._nothing,
            "markdown": self._markdown,
            "table": self._table,
            "alert": self._alert,
        }

    def say(self, problem: str, at: str) -> None:
        self.problems.append(f"{problem} [json-pointer:{at}]")

    # -- pieces -----------------------------------------------------------------------------------------------

    def _nothing(self, block: dict[str, Any], at: str) -> None:
        """A block whose content is not checked here."""

    def length(self, value: object, at: str, *, most: int, least: int = 0) -> None:
        if not isinstance(value, str):
            self.say("must provide a string", at)
        elif len(value) > most:
            self.say(f"must be less than {most + 1} characters", at)
        elif len(value) < least:
            self.say(f"must be more than {least - 1} characters", at)

    def text(self, value: object, at: str, *, most: int, kinds: tuple[str, ...] = ("plain_text",)) -> None:
        """A text object: right type, not empty, not over its limit."""
        before = len(self.problems)
        if not isinstance(value, dict):
            self.say("must provide an object", at)
            return
        if value.get("type") not in kinds:
            self.say(f"must be one of: {', '.join(kinds)}" if len(kinds) > 1 else f"must be a valid {kinds[0]}", at)
        self.length(value.get("text"), f"{at}/text", most=most, least=1)
        self.only(value, {"text", "emoji", "verbatim"}, at)
        if len(self.problems) > before:
            self.problems.insert(before, f"failed to match all allowed schemas [json-pointer:{at}]")

    def only(self, thing: dict[str, Any], names: set[str], at: str) -> None:
        """No other properties than *names*, and its type."""
        for key in thing:
            if key != "type" and key not in names:
                self.say(f"invalid additional property: {key}", at)

    def required(self, thing: dict[str, Any], name: str, at: str) -> bool:
        if name in thing and thing[name] is not None:
            return True
        self.say(f"missing required field: {name}", at)
        return False

    def items(self, value: object, at: str, *, most: int, least: int = 1) -> list[Any]:
        if not isinstance(value, list):
            self.say("must be an array", at)
            return []
        if len(value) > most:
            self.say(f"no more than {most} items allowed", at)
        if len(value) < least:
            self.say(f"no less than {least} items allowed", at)
        return value

    # -- blocks -----------------------------------------------------------------------------------------------

    def blocks(self, value: object, at: str) -> None:
        for index, block in enumerate(self.items(value, at, most=_SURFACE_LIMITS[self.surface], least=0)):
            here = f"{at}/{index}"
            if not isinstance(block, dict):
                self.say("must provide an object", here)
                continue
            if not self.required(block, "type", here):
                continue
            kind = block["type"]
            check = self._blocks.get(kind)
            if check is None:
                self.say(f"unsupported type: {kind}", f"{here}/type")
                continue
            if (block_id := block.get("block_id")) is not None:
                self.length(block_id, f"{here}/block_id", most=255)
                if block_id in self.block_ids and block_id != "":
                    self.say(f"`block_id` {block_id!r} already exists", f"{here}/block_id")
                self.block_ids.add(str(block_id))
            self.action_ids = set()
            if kind in _BLOCK_PROPERTIES:
                self.only(block, _BLOCK_PROPERTIES[kind] | {"block_id"}, here)
            check(block, here)
        if sum(isinstance(block, dict) and block.get("type") == "table" for block in self._listed(value)) > 1:
            self.say("only one table allowed", at)

    @staticmethod
    def _listed(value: object) -> list[Any]:
        return value if isinstance(value, list) else []

    def _table(self, block: dict[str, Any], at: str) -> None:
        for number, row in enumerate(self.items(block.get("rows"), f"{at}/rows", most=100)):
            for index, cell in enumerate(self.items(row, f"{at}/rows/{number}", most=20)):
                here = f"{at}/rows/{number}/{index}"
                if not isinstance(cell, dict) or cell.get("type") not in ("raw_text", "rich_text"):
                    self.say("must be one of: raw_text, rich_text", here)
                elif cell["type"] == "raw_text":
                    self.length(cell.get("text"), f"{here}/text", most=3000, least=1)
        if "column_settings" in block:
            self.items(block["column_settings"], f"{at}/column_settings", most=20, least=0)

    def _alert(self, block: dict[str, Any], at: str) -> None:
        if self.required(block, "text", at):
            self.text(block["text"], f"{at}/text", most=3000, kinds=("mrkdwn", "plain_text"))
        if block.get("level", "default") not in _ALERT_LEVELS:
            self.say(f"must be one of: {', '.join(_ALERT_LEVELS)}", f"{at}/level")

    def _section(self, block: dict[str, Any], at: str) -> None:
        both = ("mrkdwn", "plain_text")
        if "text" not in block and "fields" not in block:
            self.say("missing required field: text or fields", at)
        if "text" in block:
            self.text(block["text"], f"{at}/text", most=3000, kinds=both)
        if "fields" in block:
            for index, value in enumerate(self.items(block["fields"], f"{at}/fields", most=10)):
                self.text(value, f"{at}/fields/{index}", most=2000, kinds=both)
        if "accessory" in block:
            self.element(block["accessory"], f"{at}/accessory", _INTERACTIVE | {"image"})

    def _header(self, block: dict[str, Any], at: str) -> None:
        if self.required(block, "text", at):
            self.text(block["text"], f"{at}/text", most=150)

    def _markdown(self, block: dict[str, Any], at: str) -> None:
        self.length(block.get("text"), f"{at}/text", most=12_000, least=1)

    def _context(self, block: dict[str, Any], at: str) -> None:
        for index, element in enumerate(self.items(block.get("elements"), f"{at}/elements", most=10)):
            here = f"{at}/elements/{index}"
            if isinstance(element, dict) and element.get("type") == "image":
                self._image_element(element, here)
            else:
                self.text(element, here, most=3000, kinds=("mrkdwn", "plain_text"))

    def _actions(self, block: dict[str, Any], at: str) -> None:
        for index, element in enumerate(self.items(block.get("elements"), f"{at}/elements", most=25)):
            self.element(element, f"{at}/elements/{index}", _INTERACTIVE)

    def _input(self, block: dict[str, Any], at: str) -> None:
        if self.required(block, "label", at):
            self.text(block["label"], f"{at}/label", most=2000)
        if "hint" in block:
            self.text(block["hint"], f"{at}/hint", most=2000)
        if self.required(block, "element", at):
            # https://docs.slack.dev/reference/block-kit/block-elements/file-input-element: in modals only.
            allowed = _INPUT_ELEMENTS if self.surface == "modal" else _INPUT_ELEMENTS - {"file_input"}
            self.element(block["element"], f"{at}/element", allowed)

    def _image(self, block: dict[str, Any], at: str) -> None:
        if "image_url" not in block and "slack_file" not in block:
            self.say("missing required field: image_url", at)
        if self.required(block, "alt_text", at):
            self.length(block["alt_text"], f"{at}/alt_text", most=2000)
        if "title" in block:
            self.text(block["title"], f"{at}/title", most=2000)

    def _rich_text(self, block: dict[str, Any], at: str) -> None:
        self.items(block.get("elements"), f"{at}/elements", most=1000, least=0)

    # -- elements ---------------------------------------------------------------------------------------------

    def element(self, element: object, at: str, allowed: frozenset[str]) -> None:
        if not isinstance(element, dict):
            self.say("must provide an object", at)
            return
        kind = element.get("type")
        if kind not in allowed:
            self.say(f"unsupported type: {kind}", f"{at}/type")
            return
        self.only(element, _ELEMENT_PROPERTIES[kind], at)
        if kind == "image":
            self._image_element(element, at)
            return
        self._action_id(element, at)
        if "confirm" in element:
            self._confirm(element["confirm"], f"{at}/confirm")
        if "placeholder" in element:
            self.text(element["placeholder"], f"{at}/placeholder", most=150)
        if kind == "button":
            self._button(element, at)
        if kind == "file_input" and not 1 <= int(element.get("max_files", 10)) <= 10:
            self.say("must be between 1 and 10", f"{at}/max_files")
        if kind == "number_input":
            self.required(element, "is_decimal_allowed", at)
        if kind == "plain_text_input" and "initial_value" in element:
            self.length(element["initial_value"], f"{at}/initial_value", most=3000)
        for name, least in (("min_length", 0), ("max_length", 1)):
            if name in element and not (isinstance(element[name], int) and least <= element[name] <= LONGEST_INPUT):
                self.say(f"must be between {least} and {LONGEST_INPUT}", f"{at}/{name}")
        if "filter" in element:
            self._filter(element["filter"], f"{at}/filter")
        if kind in _OPTION_COUNTS:
            self._options(element, at, kind)

    def _filter(self, value: object, at: str) -> None:
        """https://docs.slack.dev/reference/block-kit/composition-objects/conversation-filter-object"""
        if not isinstance(value, dict) or not value:
            self.say("must provide an object", at)
            return
        self.only(value, _FILTER_PROPERTIES, at)
        if "include" in value:
            for index, kind in enumerate(self.items(value["include"], f"{at}/include", most=4)):
                if kind not in _CONVERSATION_KINDS:
                    self.say(f"must be one of: {', '.join(_CONVERSATION_KINDS)}", f"{at}/include/{index}")

    def _action_id(self, element: dict[str, Any], at: str) -> None:
        action_id = element.get("action_id")
        if action_id is None:
            return
        self.length(action_id, f"{at}/action_id", most=255)
        if action_id in self.action_ids and action_id != "":
            self.say(f"`action_id` {action_id!r} already exists", f"{at}/action_id")
        self.action_ids.add(str(action_id))

    def _button(self, element: dict[str, Any], at: str) -> None:
        if self.required(element, "text", at):
            self.text(element["text"], f"{at}/text", most=75)
        if "value" in element:
            self.length(element["value"], f"{at}/value", most=2000)
        if "url" in element:
            self.length(element["url"], f"{at}/url", most=3000)
        if "style" in element and element["style"] not in ("primary", "danger"):
            self.say('must be a valid enum value: "primary", "danger"', f"{at}/style")

    def _confirm(self, confirm: object, at: str) -> None:
        if not isinstance(confirm, dict):
            self.say("must provide an object", at)
            return
        self.only(confirm, {"title", "text", "confirm", "deny", "style"}, at)
        if "title" in confirm:
            self.text(confirm["title"], f"{at}/title", most=100)
        if self.required(confirm, "text", at):
            self.text(confirm["text"], f"{at}/text", most=300, kinds=("plain_text", "mrkdwn"))
        for name in ("confirm", "deny"):
            if name in confirm:
                self.text(confirm[name], f"{at}/{name}", most=30)
        if "style" in confirm and confirm["style"] not in ("primary", "danger"):
            self.say('must be a valid enum value: "primary", "danger"', f"{at}/style")

    def _options(self, element: dict[str, Any], at: str, kind: str) -> None:
        least, most = _OPTION_COUNTS[kind]
        if "option_groups" in element and kind.endswith("static_select"):
            for index, group in enumerate(self.items(element["option_groups"], f"{at}/option_groups", most=100)):
                here = f"{at}/option_groups/{index}"
                if isinstance(group, dict):
                    self.text(group.get("label"), f"{here}/label", most=75)
                    self._option_list(group.get("options"), f"{here}/options", kind, most=100, least=1)
        elif self.required(element, "options", at):
            self._option_list(element["options"], f"{at}/options", kind, most=most, least=least)
        known = [_as_chosen(option) for option in options_of(element)]
        initial = element.get("initial_options") or [element[k] for k in ("initial_option",) if k in element]
        for option in initial:
            if not isinstance(option, dict) or _as_chosen(option) not in known:
                self.say("initial option must be one of the options", at)

    def _option_list(self, options: object, at: str, kind: str, *, most: int, least: int) -> None:
        kinds = ("plain_text", "mrkdwn") if kind in ("checkboxes", "radio_buttons") else ("plain_text",)
        for index, option in enumerate(self.items(options, at, most=most, least=least)):
            here = f"{at}/{index}"
            if not isinstance(option, dict):
                self.say("must provide an object", here)
                continue
            self.only(option, {"text", "value", "description", "url"}, here)
            self.text(option.get("text"), f"{here}/text", most=75, kinds=kinds)
            self.length(option.get("value"), f"{here}/value", most=150)
            if "description" in option:
                self.text(option["description"], f"{here}/description", most=75, kinds=kinds)

    def _image_element(self, element: dict[str, Any], at: str) -> None:
        if "image_url" not in element and "slack_file" not in element:
            self.say("missing required field: image_url", at)
        self.required(element, "alt_text", at)


def _as_chosen(option: dict[str, Any]) -> tuple[object, ...]:
    """What makes an initial option the same as one that is offered: its value and every word of it."""
    texts = (option.get(name) or {} for name in ("text", "description"))
    return option.get("value"), *((text.get("type"), text.get("text")) for text in texts if isinstance(text, dict))


def characters_of(blocks: list[dict[str, Any]]) -> int:
    """The characters of all *blocks* of a message together, of which Slack takes about 13,200."""
    return len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":")))


def problems_of(blocks: object, surface: str, *, at: str = "/blocks") -> list[str]:
    """Everything Slack would refuse in *blocks* on a `message`, `modal` or `home`; empty when it would take them."""
    checker = _Checker(surface)
    checker.blocks(blocks, at)
    return checker.problems


def view_problems(view: object) -> list[str]:
    """The same for a whole view payload (https://docs.slack.dev/reference/views)."""
    if not isinstance(view, dict):
        return ["must provide an object [json-pointer:/view]"]
    kind = view.get("type")
    checker = _Checker("home" if kind == "home" else "modal")
    if kind not in ("modal", "home"):
        checker.say("missing required field: type" if kind is None else f"unsupported type: {kind}", "/view")
        return checker.problems
    if kind == "modal" and checker.required(view, "title", "/view"):
        checker.text(view["title"], "/view/title", most=24)
    for name in ("submit", "close"):
        if view.get(name) is not None:
            checker.text(view[name], f"/view/{name}", most=24)
    for name, most in (("private_metadata", 3000), ("callback_id", 255), ("external_id", 255)):
        if view.get(name) is not None:
            checker.length(view[name], f"/view/{name}", most=most)
    if checker.required(view, "blocks", "/view"):
        checker.blocks(view["blocks"], "/view/blocks")
        has_input = any(isinstance(block, dict) and block.get("type") == "input" for block in view["blocks"])
        if kind == "modal" and has_input and view.get("submit") is None:
            checker.say("must define `submit` to use an `input` block in modals", "/view")
    return checker.problems


def completed(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A copy of *blocks* with what Slack fills in: `block_id`, `action_id`, `emoji` and `verbatim`."""
    filled = copy.deepcopy(blocks)
    for block in filled:
        if not block.get("block_id"):
            block["block_id"] = _short_id()
        for element in elements_of(block):
            if element.get("type") in _INTERACTIVE | _INPUTS and not element.get("action_id"):
                element["action_id"] = _short_id()
        _flag_texts(block)
    return filled


def completed_view(view: dict[str, Any]) -> dict[str, Any]:
    """A copy of a view payload, likewise completed."""
    filled = copy.deepcopy(view) | {"blocks": completed(view["blocks"])}
    _flag_texts(filled)
    return filled


def elements_of(block: dict[str, Any]) -> list[dict[str, Any]]:
    """The elements of a block, wherever its type keeps them."""
    if block.get("type") == "rich_text":
        return []
    found = [block[name] for name in ("accessory", "element") if isinstance(block.get(name), dict)]
    return found + [element for element in block.get("elements", []) if isinstance(element, dict)]


def options_of(element: dict[str, Any]) -> list[dict[str, Any]]:
    """The options of a menu, grouped or not."""
    options = [option for option in element.get("options") or [] if isinstance(option, dict)]
    for group in element.get("option_groups") or []:
        if isinstance(group, dict):
            options += [option for option in group.get("options") or [] if isinstance(option, dict)]
    return options


def texts_of(value: object) -> list[str]:
    """Every piece of text in blocks, in reading order."""
    if isinstance(value, list):
        return [text for item in value for text in texts_of(item)]
    if isinstance(value, dict):
        own = [value["text"]] if isinstance(value.get("text"), str) else []
        return own + [text for item in value.values() if isinstance(item, dict | list) for text in texts_of(item)]
    return []


def _flag_texts(value: object) -> None:
    if isinstance(value, list):
        for item in value:
            _flag_texts(item)
    elif isinstance(value, dict):
        if value.get("type") == "plain_text":
            value.setdefault("emoji", True)
        elif value.get("type") == "mrkdwn":
            value.setdefault("verbatim", False)
        for item in value.values():
            if isinstance(item, dict | list):
                _flag_texts(item)


def _short_id() -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(5))
