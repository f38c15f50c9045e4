"""docs/answers.md: every answer, under the surface that it was asked on, and all that is refused in one table."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests.answers.stage import Answer, Seen

PAGE = Path(__file__).parents[2] / "docs" / "answers.md"
PEOPLE = {
    "admin": "Avery Quinn (admin)",
    "second-admin": "Sam Okoro (admin)",
    "support": "Robin Vale (support)",
    "guest": "Jules Marsh (guest)",
}
_INTRODUCTION = """\
# Every answer, word for word

Made by `python -m tests.answers` from the running desk: whoever changes what it says, makes this page anew, and a test
compares. Avery Quinn is an admin, Robin Vale is support, Jules Marsh a guest. A button stands in [brackets], with its
colour where it has one. What belongs to one person is seen by them alone; the rest by the channel. All times are 9:41 AM.
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
            if answer.surface == surface and not answer.refusal:
                lines += _answer(answer)
    lines.append("## What is refused, and what is wrong\n")
    lines.append("| Where | Who | Request | Seen by | Answer |\n| --- | --- | --- | --- | --- |")
    lines += [_row(answer, seen) for answer in answers if answer.refusal for seen in answer.seen]
    return "\n".join(lines).rstrip() + "\n"


def _answer(answer: Answer) -> Iterator[str]:
    yield f"**{PEOPLE[answer.who]}**, {answer.place}: {answer.request}\n"
    if answer.picture:
        yield _PICTURE.format(name=answer.picture, words=f"{answer.seen[0].where}: {_plain(answer.seen[0].text)}")
    for seen in answer.seen:
        yield f"- {seen.where}\n"
        yield "\n".join(f"  > {line}" for line in _lines(seen.text)) + "\n"


def _row(answer: Answer, seen: Seen) -> str:
    cells = (answer.surface, PEOPLE[answer.who], answer.request, seen.where, "<br>".join(_lines(seen.text)))
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _lines(text: str) -> Iterable[str]:
    lines = [re.sub(r"^(\s*)(>|#|[-+*] )", r"\1\\\2", line.rstrip()) for line in text.split("\n")]
    return [line + ("<br>" if line and number < len(lines) - 1 else "") for number, line in enumerate(lines) if line]


def _plain(text: str) -> str:
    """The first line of *text*, for who does not see the picture."""
    return re.sub(r'["*_`<>]', "", text.split("\n", maxsplit=1)[0])[:120]
