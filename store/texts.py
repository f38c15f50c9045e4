"""Text that every database takes: without NUL and without halves of surrogate pairs. Pure."""

import re
from typing import Any, Final

# PostgreSQL's text has no NUL, and neither database has a half of a pair: https://www.postgresql.org/docs/current/datatype-character.html
_UNKEEPABLE: Final = re.compile("[\x00\ud800-\udfff]")
_INSTEAD: Final = "\ufffd"


def keepable(text: str) -> str:
    """*text* with U+FFFD for every sign that a database refuses; one that it takes comes back as it is."""
    if text.isascii():
        return text.replace("\0", _INSTEAD) if "\0" in text else text
    return _UNKEEPABLE.sub(_INSTEAD, text)


def keepable_values(parameters: Any) -> Any:
    """The *parameters* of a statement, one set of them or many, in tuples or dicts, with each text `keepable`."""
    match parameters:
        case str():
            return keepable(parameters)
        case dict():
            return {name: keepable_values(value) for name, value in parameters.items()}
        case tuple() | list():
            return type(parameters)([keepable_values(value) for value in parameters])
    return parameters
