"""`python -m tests.answers`: write docs/answers.md and docs/refusals.md, and with --pictures the pictures of the pages."""

import asyncio
import tempfile
from pathlib import Path

import click

from tests.answers import page
from tests.answers.refusals import REFUSALS, go_wrong
from tests.answers.rights import refused_everywhere
from tests.answers.scenes import play
from tests.answers.stage import nowhere, staged


async def _refusals() -> str:
    """docs/refusals.md; each surface on a list of its own."""
    sections = []
    for surface in REFUSALS:
        with tempfile.TemporaryDirectory() as directory:
            async with staged(Path(directory)) as stage:
                await go_wrong(stage, surface)
                sections.append(page.section_of(surface, stage.answers))
    with tempfile.TemporaryDirectory() as directory:
        async with staged(Path(directory)) as stage:
            sections.append(page.section_of_rights(await refused_everywhere(stage)))
    return page.refusals(sections)


async def _made(pictures: bool) -> str:
    with tempfile.TemporaryDirectory() as directory:
        if pictures:
            from tests.answers.pictures import photographer

            async with photographer() as look, staged(Path(directory), look) as stage:
                await play(stage)
        else:
            async with staged(Path(directory), nowhere) as stage:
                await play(stage)
        return page.rendered(stage.answers)


@click.command()
@click.option("--pictures", is_flag=True, help="Take the pictures in docs/screenshots anew, too.")
def main(pictures: bool) -> None:
    """Make docs/answers.md and docs/refusals.md anew."""
    page.PAGE.write_text(asyncio.run(_made(pictures)), encoding="utf-8")
    page.REFUSALS.write_text(asyncio.run(_refusals()), encoding="utf-8")


if __name__ == "__main__":
    main()
