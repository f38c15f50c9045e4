"""docs/answers.md: every answer, under the surface that it was asked on."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from handlers.permissions import Role
from tests.answers.rights import No
from tests.answers.stage import Answer

PAGE = Path(__file__).parents[2] / "docs" / "answers.md"
PEOPLE = {
    "admin": "Avery Quinn (admin)",
    "second-admin": "Sam Okoro (admin)",
    "support": "Robin Vale (support)",
    "guest": "Jules Marsh (guest)",
    "ticket-bot": "Ticket Bot (another app)",
    "nobody": "Nobody",
}
_ROLES = {
    Role.SUPPORT: "support",
    Role.MEMBER: "a member who is not support",
    Role.GUEST: "a guest",
    Role.NOBODY: "somebody of another organisation",
}
REFUSALS = PAGE.with_name("refusals.md")
_INTRODUCTION = """\
# Every answer, word for word

Made by `python -m tests.answers` from the running desk: whoever changes what it says, makes this page anew, and a test
compares. Avery Quinn is an admin, Robin Vale is support, Jules Marsh a guest. A button stands in [brackets], with its
colour where it has one. What belongs to one person is seen by them alone; the rest by the channel. All times are 9:41 AM. What is refused stands in [refusals.md](refusals.md).
"""
_REFUSALS = """\
# Every no, word for word

Made by `python -m tests.answers` from the running desk: what is refused, or cannot be done, surface by surface, with the
reason, the sentence and who sees it; and below, what each role is told where it has no right. A test compares, and looks at
each: nothing about one person is for all to see, each says what to do next or whom to ask, and none shows what only whoever
runs the desk can use. Avery Quinn and Sam Okoro are admins, Robin Vale is support, Jules Marsh a guest, Ticket Bot another
app.
"""
_PICTURE = """\
<picture>
  <source media="(prefers-color-scheme: dark)" srcset="screenshots/{name}-dark.webp">
  <img alt="{words}" src="screenshots/{name}-light.webp" width="560">
</picture>
"""


def rendered(answers: Sequence[Answer]) -> str:
    """The whole page."""
    lines = [_INTRODUCTION]
    surfaces = dict.fromkeys(answer.surface for answer in answers)
    for surface in surfaces:
        lines.append(f"## {surface}\n")
        for answer in answers:
            if answer.surface == surface and not answer.why:
                lines += _answer(answer)
    return "\n".join(lines).rstrip() + "\n"


def _answer(answer: Answer) -> Iterator[str]:
    yield f"**{PEOPLE[answer.who]}**, {answer.place}: {answer.request}\n"
    if answer.picture:
        yield _PICTURE.format(name=answer.picture, words=f"{answer.pictured.where}: {_plain(answer.pictured.text)}")
    for seen in answer.seen:
        yield f"- {seen.where}\n"
        yield "\n".join(f"  > {line}" for line in _lines(seen.text)) + "\n"


def _lines(text: str) -> Iterable[str]:
    lines = [re.sub(r"^(\s*)(>|#|[-+*] )", r"\1\\\2", line.rstrip()) for line in text.split("\n")]
    return [line + ("<br>" if line and number < len(lines) - 1 else "") for number, line in enumerate(lines) if line]


def section_of(surface: str, answers: Sequence[Answer]) -> str:
    """What is refused on *surface*, as docs/refusals.md has it."""
    lines = [f"## {surface}\n", "| Who | Asks | Because | Seen by | Answer |", "| --- | --- | --- | --- | --- |"]
    for answer in answers:
        lines += [
            _row(PEOPLE[answer.who], answer.request, answer.why, seen.where, "<br>".join(_lines(seen.text)))
            for seen in answer.seen
            if answer.why
        ]
    return "\n".join(lines) + "\n"


def section_of_rights(noes: Sequence[No]) -> str:
    """Who is told what where they have no right: a row for each sentence, with the entrances that say it."""
    at: dict[tuple[Role, str, str], list[str]] = {}
    for no in noes:
        at.setdefault((no.role, no.seen.where, "<br>".join(_lines(no.seen.text))), []).append(no.entrance)
    rows = [_row(_ROLES[role], ", ".join(entrances), where, text) for (role, where, text), entrances in at.items()]
    head = ["## Without the right\n", "| Who | Asks | Seen | Answer |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *rows]) + "\n"


def refusals(sections: Iterable[str]) -> str:
    """docs/refusals.md of its *sections*."""
    return "\n".join([_REFUSALS, *sections])


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _plain(text: str) -> str:
    """The first line of *text*, for who does not see the picture."""
    return re.sub(r'["*_`<>]', "", text.split("\n", maxsplit=1)[0])[:120]
