"""
E.164, the one way in which the list knows a phone: a plus, the country code and the number, 7 to 15 digits in all.

Whoever looks a phone up finds it by those very signs. One that stood in the list with a blank in it would be somebody who
asked not to be texted and is, so every verb that takes phones refuses anything else, and the tables do as well
(`store.models.e164_check`). Pure.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from store.errors import NotE164
from store.phones.numbers import E164_LENGTHS


def is_e164(phone: Any) -> bool:
    """Is *phone* a text of a plus and 7 to 15 ASCII digits, the first of them not 0?"""
    return (
        isinstance(phone, str)
        and phone[:1] == "+"
        and phone[1:2] != "0"
        and len(phone) in E164_LENGTHS
        and phone[1:].isdigit()
        and phone.isascii()
    )


def require_e164(phones: Collection[str]) -> None:
    """
    Raise `NotE164` unless each of *phones* `is_e164`.

    As one text, which takes a fifth of the time that each by itself does: batches of long lists come through here.
    """
    if not phones or _are_e164(phones):
        return
    wrong = [phone for phone in phones if not is_e164(phone)]
    raise NotE164(wrong)


def _are_e164(phones: Collection[str]) -> bool:
    try:
        text = "\n".join(phones)
    except TypeError:
        return False  # of something else than texts
    if not text.isascii() or "+0" in text:
        return False
    signs = text.encode().translate(None, b"0123456789")
    return signs == b"+" + b"\n+" * (len(phones) - 1) and set(map(len, phones)) <= set(E164_LENGTHS)


@contextmanager
def named_when_refused(phones: Collection[str]) -> Iterator[None]:
    """
    Around what writes *phones*: when the table refuses one that is not E.164, `NotE164` says which.

    For batches of lists, whose phones the table alone looks at while all goes well.
    """
    try:
        yield
    except (sa.exc.IntegrityError, sa.exc.DataError, UnicodeEncodeError):
        require_e164(phones)
        raise
