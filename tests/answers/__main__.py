"""`python -m tests.answers`: write docs/answers.md, and with --pictures the pictures of the pages."""

import asyncio
import tempfile
from pathlib import Path

import click

from tests.answers.page import PAGE, rendered
from tests.answers.scenes import play
from tests.answers.stage import nowhere, staged


async def _made(pictures: bool) -> str:
    with tempfile.TemporaryDirectory() as directory:
        if pictures:
            from tests.answers.pictures import photographer

            async with photographer() as look, staged(Path(directory), look) as stage:
                await play(stage)
        else:
            async with staged(Path(directory), nowhere) as stage:
                await play(stage)
        return rendered(stage.answers)


@click.command()
@click.option("--pictures", is_flag=True, help="Take the pictures in docs/screenshots anew, too.")
def main(pictures: bool) -> None:
    """Make docs/answers.md anew."""
    PAGE.write_text(asyncio.run(_made(pictures)), encoding="utf-8")


if __name__ == "__main__":
    main()
