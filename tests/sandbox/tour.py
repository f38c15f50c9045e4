"""
The tour of docs/tour.md, walked in a real browser over `python -m bot sandbox`.

What is typed and what is shown is kept step by step, so that a test can hold the page against it.
"""

import asyncio
import re
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, Locator, Page, expect

from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]
Scheme = Literal["light", "dark"]
WIDTH, HEIGHT = 1280, 800
PATIENCE_MS = 1000 * PATIENCE
TICKET = "A voter called: (212) 555-0102 and 212 555 0103 want no more texts."


@asynccontextmanager
async def sandbox(directory: Path) -> AsyncIterator[str]:
    """`python -m bot sandbox`, run in *directory*; its address. It must end by itself and have complained of nothing."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "sandbox", "--port", "0", "--quiet"),
        cwd=directory,
        env={"PYTHONPATH": str(ROOT), "TZ": "UTC"},
        stdout=PIPE,
        stderr=PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            line = (await process.stdout.readline()).decode()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found is not None, line or (await process.communicate())[1].decode()
        yield found[0]
        process.terminate()
        async with asyncio.timeout(PATIENCE):
            _, said = await process.communicate()
        assert (process.returncode, said.decode()) == (0, "")
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def ignore(_page: Page, _stop: str) -> None:
    """Nothing is done at a stop."""


@dataclass(slots=True)
class Tour:
    """
    A visitor with a window on the sandbox.

    `problems` is what the browser complained of, `typed` what was sent and `shown` what was read in the step that is
    walked; *at_stop* is called wherever there is something new to look at, with the name of the place.
    """

    page: Page
    at_stop: Callable[[Page, str], Awaitable[None]] = ignore
    problems: list[str] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        page = self.page
        page.on("console", lambda line: self._note(line.text) if line.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self._note(str(error)))
        page.on("requestfailed", lambda request: self._note(f"{request.url}: {request.failure}"))
        page.on(
            "response", lambda answer: self._note(f"{answer.url}: {answer.status}") if answer.status >= 400 else None
        )

    def _note(self, problem: str) -> None:
        self.problems.append(problem)

    # -- looking ----------------------------------------------------------------------------------------------

    def place(self, text: str) -> Locator:
        """The innermost place in the channel, the thread, a dialog or Home where *text* stands."""
        return self.page.locator("main, aside, dialog").get_by_text(text).filter(visible=True).last

    async def sees(self, text: str) -> None:
        """Wait until *text* is on the page."""
        await self.place(text).wait_for()
        self.shown.append(text)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True).filter(visible=True).last

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    # -- acting -----------------------------------------------------------------------------------------------

    async def go(self, place: str) -> None:
        await self.page.get_by_role("link", name=place).click()

    async def be(self, user: str) -> None:
        await self.page.get_by_label("You are").select_option(user)

    async def say(self, text: str) -> None:
        """Type *text* into the channel's composer and press Enter."""
        composer = self.page.get_by_label("Message", exact=True)
        await composer.fill(text)
        await composer.press("Enter")
        self.typed.append(text)

    async def open_thread(self, of: str) -> None:
        """Open the thread of the channel's latest message with the words *of*, once it has one."""
        message = self.page.locator("main").get_by_role("article").filter(has_text=of).last
        await message.get_by_role("button", name=re.compile(r"^\d+ repl")).click()

    async def finds(self, text: str) -> None:
        """See *text* in the latest answer, or in its thread, opened for it, where the answer says more there."""
        replies = (
            self.page.locator("main").get_by_role("article").last.get_by_role("button", name=re.compile(r"^\d+ repl"))
        )
        await self.place(text).or_(replies).first.wait_for()
        if not await self.place(text).is_visible():
            await replies.click()
        await self.sees(text)

    async def drop_sample(self, name: str) -> None:
        """Drop a sample list into the channel, and open the thread in which it is answered."""
        await self.page.locator("main").get_by_role("button", name="Attach a list").click()
        await self.at_stop(self.page, f"menu of sample lists, {name}")
        await self.page.get_by_role("menuitem", name=name).click()
        await self.open_thread(name)


# The steps, by their titles in docs/tour.md.


async def opt_out(tour: Tour) -> None:
    await tour.button("Opt it out").wait_for()
    await tour.at_stop(tour.page, "first screen")
    await tour.page.get_by_label("Message", exact=True).press_sequentially("/op")
    await expect(tour.page.get_by_role("option", name="/optout")).to_be_visible()
    await tour.at_stop(tour.page, "commands offered")
    await tour.say("/optout add 212 555 0100, 12345, +44 20 7946 0018 reason:asked by e-mail")
    await tour.finds("5 digits, a US number has 10")
    await tour.finds("+442079460018")
    await tour.at_stop(tour.page, "channel and answer")


async def ask_why(tour: Tour) -> None:
    await tour.say("/optout search 212 555 0100")
    await tour.finds("Opted out by hand by Avery Quinn")


async def allow_again(tour: Tour) -> None:
    await tour.say("/optout delete 212 555 0100 reason:she wants our texts after all")
    await tour.sees("Allow texts to (212) 555-0100 again?")
    await tour.button("Allow texts again").click()
    await tour.sees("2 conversations in active campaigns re-open: GOTV October and Volunteer Drive.")
    await tour.at_stop(tour.page, "confirm dialog")
    await tour.dialog.get_by_role("button", name="Allow texts again").click()
    await expect(tour.dialog).to_have_count(0, timeout=PATIENCE_MS)
    await tour.open_thread("Texts allowed again by")
    await tour.sees("Texts to (212) 555-0100 are allowed again")


async def meet_a_stop(tour: Tour) -> None:
    await tour.say("/optout delete 212 555 0106")
    await tour.page.locator("main").get_by_role("article").filter(has_text="(212) 555-0106").last.wait_for()
    await tour.at_stop(tour.page, "STOP")


async def drop_a_messy_list(tour: Tour) -> None:
    await tour.go("optout-uploads")
    await tour.drop_sample("messy.csv")
    await tour.sees("messy.csv: 8 phones to opt out. Nothing has changed yet.")
    await tour.sees("2 repeated · 5 not understood")
    await tour.at_stop(tour.page, "preview")
    await tour.button("Opt out 8 phones").click()
    await tour.sees("8 phones opted out from messy.csv")
    await expect(tour.place("messy.unreadable.csv")).to_be_visible()


async def drop_a_million(tour: Tour) -> None:
    await tour.drop_sample("one-million.csv")
    await tour.sees("one-million.csv: 1,000,000 phones to opt out. Nothing has changed yet.")
    # It may be gone before a look from here would come.
    working = asyncio.create_task(tour.sees("Opting out 1,000,000 phones from one-million.csv"))
    await tour.button("Opt out 1,000,000 phones").click()
    await working
    await tour.sees("1,000,000 phones opted out from one-million.csv")
    await tour.at_stop(tour.page, "report")


async def undo(tour: Tour) -> None:
    await tour.button("Undo this upload").click()
    await tour.sees("1,000,000 phones can be texted again")
    await tour.at_stop(tour.page, "undo")
    await tour.dialog.get_by_role("button", name="Undo", exact=True).click()
    await tour.sees("one-million.csv was undone")


async def check_a_message(tour: Tour) -> None:
    await tour.be("support")
    await tour.go("support-tickets")
    await tour.say(TICKET)
    await tour.place(TICKET).hover()
    await tour.button("More actions").click()
    await tour.at_stop(tour.page, "menu of a message")
    await tour.page.get_by_role("menuitem", name="Check opt-outs").click()
    await tour.sees("2 phones in this message, 1 opted out already. Those that are ticked get opted out.")
    await tour.at_stop(tour.page, "modal")
    await tour.dialog.get_by_role("button", name="Opt out", exact=True).click()
    await expect(tour.place("Please complete this required field.")).to_be_visible()
    await tour.at_stop(tour.page, "modal with an error")
    await tour.dialog.get_by_label("Reason").click()
    await tour.at_stop(tour.page, "menu in a modal")
    await tour.page.get_by_role("menuitem", name="Asked to stop").click()
    await tour.dialog.get_by_role("button", name="Opt out", exact=True).click()
    await expect(tour.dialog).to_have_count(0, timeout=PATIENCE_MS)
    await tour.open_thread(TICKET)
    await tour.sees("(212) 555-0102 opted out: asked to stop; A voter called")


async def open_home(tour: Tour) -> None:
    await tour.go("Opt-Out Desk")
    await tour.page.get_by_role("tab", name="Home").click()
    await tour.sees("must not be texted")
    await tour.at_stop(tour.page, "Home")


async def be_a_guest(tour: Tour) -> None:
    await tour.be("guest")
    await tour.go("support-tickets")
    await tour.say("/optout search 212 555 0100")
    await tour.sees("Guests cannot use the opt-out desk.")
    await expect(tour.place("Only visible to you")).to_be_visible()
    await tour.at_stop(tour.page, "refusal")


STEPS: dict[str, Callable[[Tour], Awaitable[None]]] = {
    "Opt numbers out": opt_out,
    "Ask why": ask_why,
    "Allow texts again": allow_again,
    "Meet a STOP": meet_a_stop,
    "Drop a messy list": drop_a_messy_list,
    "Drop a million rows": drop_a_million,
    "Undo them": undo,
    "Check a message": check_a_message,
    "Open Home": open_home,
    "Be a guest": be_a_guest,
}


@asynccontextmanager
async def window(browser: Browser, scheme: Scheme) -> AsyncIterator[Page]:
    """A window of a fixed size, in a *scheme* of colours, that stands still."""
    context = await browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    try:
        yield await context.new_page()
    finally:
        await context.close()
