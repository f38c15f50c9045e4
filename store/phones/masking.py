"""Phones that people wrote into other words, hidden from eyes that need not read them. Pure."""

import re
from typing import Final

from store.phones.display import mask
from store.phones.prose import read_text

# Seven digits are the fewest of a whole number nearly everywhere; what keeps them apart is what people put there.
_APART = r"[ \u00a0\u00ad\t().\-/\u200b-\u200f\u2010-\u2015\u2060\u3000\uff08\uff09\uff0d-\uff0f\ufeff]"
_LIKE_A_PHONE: Final = re.compile(rf"(?<![^\W_])[+(\uff0b\uff08]?\d(?:{_APART}{{0,3}}\d){{6,}}")
_DATE: Final = re.compile(r"(?:19|20)\d\d-\d\d-\d\d")


def mask_prose(text: str, country: str | None) -> str:
    """
    *text*, in which somebody may have written phones, with all but the last digits of each hidden.

    *country*: in force for numbers without a country code. Those of any other country are hidden too, as is whatever else
    has as many digits: rather a number too many than somebody's.
    """
    for found in sorted(read_text(text, country).phones, key=lambda found: len(found.text), reverse=True):
        text = text.replace(found.text, mask(found.number.e164))
    return _LIKE_A_PHONE.sub(lambda like: like[0] if _DATE.fullmatch(like[0]) else _hidden(like[0]), text)


def _hidden(written: str) -> str:
    """What is written like a phone with dots for all but its last three digits."""
    kept = [at for at, sign in enumerate(written) if sign.isdigit()][-3:]
    return "".join("\u2022" if sign.isdigit() and at not in kept else sign for at, sign in enumerate(written))
