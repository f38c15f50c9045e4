"""Reasons of unreadable rows get a code, to count by; the sentences stay."""

import re
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_UNKNOWN = "unknown"
# The sentences of the releases before, as patterns of all of one, first match first.
_SENTENCES = (
    (r"nothing in it", "empty"),
    (r"no country code: .*", "no_country"),
    (r"no area code: .*", "local_only"),
    (r".* \(short codes cannot be opted out\)", "short_code"),
    (r"spelt with letters: .*|has letters in it", "letters"),
    (r"more than one number: .*", "two_numbers"),
    (r"Excel lost the digits: .*", "scientific"),
    (r"a number with decimals: .*|a negative number: .*", "fraction"),
    (r"looks .*: .*", "looks_foreign"),
    (r"shows one number and links to another: .*", "label_mismatch"),
    (r"no country has the code it starts with", "unknown_code"),
    (r"no digits in it|has signs in it that no phone number has|nothing but zeros", "not_a_number"),
    (r"[\d,]+ characters, far too long for a phone number|not a number .* could give out", "not_a_number"),
    (r"\d+ digits( with its country code)?, the longest number has 15", "too_long"),
    (r"only \d+ digits?", "too_short"),
    (r"above the header, which is on line .*", "above_header"),
    (r"its quotes do not match: .*", "open_quote"),
    (r"a phone number inside a quoted cell of several lines was not read", "hidden_in_cell"),
)
# "9 digits after +44, a UK number has 7, 9 or 10".
_DIGITS = re.compile(r"(?P<given>\d+) digits?( after .*)?, .* has (?P<expected>[\d, ]+(?:(?:or|to) \d+)?)")


def upgrade() -> None:
    # With a default: a replica of the release before may still be storing rows, and knows no codes.
    op.add_column("unreadable_rows", sa.Column("code", sa.Text(), nullable=False, server_default=_UNKNOWN))
    connection = op.get_bind()
    _rows(connection)
    _summaries(connection)


def _code(sentence: str) -> str:
    for pattern, code in _SENTENCES:
        if re.fullmatch(pattern, sentence, re.DOTALL):
            return code
    if digits := _DIGITS.fullmatch(sentence):
        given, expected = int(digits["given"]), [int(number) for number in re.findall(r"\d+", digits["expected"])]
        return "too_short" if given < min(expected) else "too_long" if given > max(expected) else _UNKNOWN
    return _UNKNOWN


def _rows(connection: sa.Connection) -> None:
    """Sentences repeat: a few hundred of them, looked up in one pass over the rows, of which there may be millions."""
    sentences = connection.scalars(sa.text("SELECT DISTINCT reason FROM unreadable_rows")).all()
    if not sentences:
        return
    connection.execute(sa.text("CREATE TEMPORARY TABLE reason_codes (reason TEXT PRIMARY KEY, code TEXT NOT NULL)"))
    connection.execute(
        sa.text("INSERT INTO reason_codes (reason, code) VALUES (:reason, :code)"),
        [{"reason": sentence, "code": _code(sentence)} for sentence in sentences],
    )
    connection.execute(
        sa.text(
            "UPDATE unreadable_rows SET code = "
            "(SELECT code FROM reason_codes WHERE reason_codes.reason = unreadable_rows.reason)"
        )
    )
    connection.execute(sa.text("DROP TABLE reason_codes"))


def _summaries(connection: sa.Connection) -> None:
    """What previews and scrubs say: [[reason, rows, first line], ...] and [{reason, rows, first_line}, ...] get codes."""
    uploads = sa.table(
        "uploads",
        sa.column("account_id", sa.BigInteger),
        sa.column("id", sa.BigInteger),
        sa.column("unreadable", sa.BigInteger),
        sa.column("summary", sa.JSON),
    )
    # A replica of the release before may still be reading a list: what it finds is not to be overwritten.
    query = sa.select(uploads.c.account_id, uploads.c.id, uploads.c.unreadable, uploads.c.summary).with_for_update()
    for account, upload, unreadable, summary in connection.execute(query).all():
        changed = dict(summary or {})
        if isinstance(changed.get("unreadable"), list):  # of a scrub it is their number
            changed["unreadable"] = _counted(changed["unreadable"], unreadable)
        if changed.get("reasons"):
            found = [(one["reason"], one["rows"], one["first_line"]) for one in changed["reasons"]]
            changed["reasons"] = [
                {"code": code, "rows": rows, "first_line": first_line}
                for code, rows, first_line in _counted(found, changed["unreadable"])
            ]
        if changed != (summary or {}):
            mine = sa.and_(uploads.c.account_id == account, uploads.c.id == upload)
            connection.execute(sa.update(uploads).where(mine).values(summary=changed))


def _counted(reasons: Iterable[Any], unreadable: int) -> list[tuple[str, int, int | None]]:
    """The same by code, commonest first. The rare reasons of a mixed list were left out: the rest has none to tell."""
    counts: dict[str, tuple[int, int | None]] = {}
    for sentence, rows, first_line in reasons:
        code = _code(str(sentence))
        before, first = counts.get(code, (0, first_line))
        counts[code] = before + rows, min(first, first_line)
    rest = unreadable - sum(rows for rows, _ in counts.values())
    if rest > 0:
        counts[_UNKNOWN] = counts.get(_UNKNOWN, (0, None))[0] + rest, counts.get(_UNKNOWN, (0, None))[1]
    return sorted(((code, *count) for code, count in counts.items()), key=lambda one: (-one[1], one[2] or 0))
