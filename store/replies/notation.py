"""
Phrases, written a line each, as one pattern over the words of a reply.

The words of a line follow each other. "a/b" stands for either, "-" among them for nothing; "knock_it_off" is three words;
"unsubscrib*" a word that begins so; "..3" up to three words of any kind, in the same sentence; "|" at either end a mark,
like a comma or where the reply begins or ends. A name in capitals stands for what a table says of it, in the same way.

Longer lines and longer alternatives are tried first. Patterns made so are linear: what is not certain in them is a few words long.
"""

from collections.abc import Mapping
from typing import Final

_MARK: Final = "[.,?]"
_ANY_WORD: Final = "[^ .?]+"


def pattern_of(block: str, names: Mapping[str, str]) -> str:
    """The pattern of the lines of *block*: each word of a reply has one blank before it, and the last has one behind."""
    lines = sorted(filter(None, map(str.split, block.splitlines())), key=len, reverse=True)
    return "|".join(_line(line, names) for line in lines)


def _line(words: list[str], names: Mapping[str, str]) -> str:
    first, last = words[0] == "|", words[-1] == "|"
    middle = "".join(_word(word, names) for word in words[first : len(words) - last])
    return f"{f'(?<={_MARK})' if first else ''}{middle}(?= {_MARK if last else ''})"


def _word(word: str, names: Mapping[str, str]) -> str:
    if word.startswith(".."):
        return f"(?: {_ANY_WORD}){{0,{word[2:]}}}"
    several = [one for part in word.split("/") for one in names.get(part, part).split("/")]
    several.sort(key=lambda one: -one.count("_"))
    chosen = [one.replace("_", " ").replace("*", "[a-z]*") for one in several if one != "-"]
    return f"(?: (?:{'|'.join(chosen)})){'?' if '-' in several else ''}"
