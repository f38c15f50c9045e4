"""Permissions: roles, actions, and which role may do which. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """A role of a person in an account."""

    ADMIN = "admin"
    SUPPORT = "support"
    MEMBER = "member"
    GUEST = "guest"
    NOBODY = "nobody"


class Action(StrEnum):
    """An action that can be asked of the desk; the value completes "only admins can ..."."""

    HELP = "read the help"
    ADD = "opt phones out"
    SEARCH = "look phones up"
    HISTORY = "see a number's history"
    DELETE = "allow texts again"
    REMARK = "add remarks"
    WHOLE_HISTORY = "see the whole history"
    SEE_HOME = "see the desk's home"
    SET_COUNTRY = "set the country"
    SETTINGS = "change the settings"
    KEYS = "make and revoke API keys"
    HOOKS = "make and remove hooks"
    DESTINATIONS = "decide where opt-outs are passed on to"
    SEE_UPLOADS = "see the uploads"
    DROP = "drop lists"
    SCRUB = "scrub lists"
    COMPARE = "compare lists"
    CONFIRM = "apply lists"
    EXPORT = "export the list"
    EVIDENCE = "export the evidence of a number"
    STOP = "stop lists"
    CONTINUE = "go on with lists"
    UNDO = "undo uploads"
    HAND_OVER = "hand requests over"
    DECIDE = "decide on requests that were handed over"


STAFF: Final = frozenset({Role.ADMIN, Role.SUPPORT, Role.MEMBER})
SUPPORTERS: Final = frozenset({Role.ADMIN, Role.SUPPORT})
ADMINS: Final = frozenset({Role.ADMIN})
ALLOWED: Final[Mapping[Action, frozenset[Role]]] = {
    Action.HELP: STAFF,
    Action.ADD: SUPPORTERS,
    Action.SEARCH: SUPPORTERS,
    Action.HISTORY: SUPPORTERS,
    Action.DELETE: ADMINS,
    Action.REMARK: ADMINS,
    Action.WHOLE_HISTORY: ADMINS,
    Action.SEE_HOME: STAFF,
    Action.SET_COUNTRY: ADMINS,
    Action.SETTINGS: ADMINS,
    Action.KEYS: ADMINS,
    Action.HOOKS: ADMINS,
    Action.DESTINATIONS: ADMINS,
    Action.SEE_UPLOADS: SUPPORTERS,
    Action.DROP: STAFF,
    Action.SCRUB: SUPPORTERS,
    Action.COMPARE: ADMINS,
    Action.CONFIRM: ADMINS,
    Action.EXPORT: ADMINS,
    Action.EVIDENCE: ADMINS,
    Action.STOP: ADMINS,
    Action.CONTINUE: ADMINS,
    Action.UNDO: ADMINS,
    Action.HAND_OVER: STAFF | {Role.GUEST},
    Action.DECIDE: ADMINS,
}
# What tells nothing of the list but what the asker brought: for these a role that was true a minute ago will do.
CACHED: Final = frozenset({Action.HELP, Action.ADD, Action.SEE_HOME, Action.SEE_UPLOADS, Action.DROP})


def allow(role: Role, action: Action) -> bool:
    """Whether *role* may do *action*."""
    return role in ALLOWED[action]
