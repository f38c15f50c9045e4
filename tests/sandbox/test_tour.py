"""README's tour, step by step, with the real bot in a real browser; and its pictures."""

import asyncio
import base64
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route

from tests.sandbox.tour import HEIGHT, ROOT, STEPS, WIDTH, Scheme, Tour, sandbox, window

# One browser serves the module, so its tests share an event loop and, under xdist, a worker.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("browser")]

README = (ROOT / "README.md").read_text(encoding="utf-8")
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
PICTURED = "preview"
MOST_BYTES = 120_000
# 6 October 2026, 09:41 in New York, whenever a picture is taken.
THEN = 1_791_294_060


def told() -> dict[str, tuple[list[str], list[str]]]:
    """README's steps in order: of each, by its title, what is to be sent and what is said to be shown."""
    [section] = re.findall(r"^## A tour\n(.*?)^## ", README, re.MULTILINE | re.DOTALL)
    steps = {}
    for title, text in re.findall(r"^\d+\. \*\*(.+?)\.\*\*(.*?)(?=^\d+\. |\Z)", section, re.MULTILINE | re.DOTALL):
        quoted = re.findall(r"^ +> (.+)$", text, re.MULTILINE)
        instruction = " ".join(re.sub(r"^ +>.*$", "", text, flags=re.MULTILINE).split())
        steps[title] = (re.findall(r"`(.+?)`", instruction), [re.sub(r"[*`]|<br>| …", "", line) for line in quoted])
    return steps


async def test_readme_tells_these_steps() -> None:
    """The steps of README's tour are those that are walked here, by the same titles, in the same order."""
    assert list(told()) == list(STEPS)


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_the_tour(browser: Browser, tmp_path: Path, scheme: Scheme, request: pytest.FixtureRequest) -> None:
    """What README tells to send, step by step, is answered with what it quotes, and the browser complains of nothing."""
    pictures: dict[str, bytes] = {}

    async def look(page: Page, stop: str) -> None:
        if stop == PICTURED:
            pictures[stop] = await picture(page)

    walked = {}
    async with sandbox(tmp_path) as url, window(browser, scheme) as page:
        tour = Tour(page, look)
        await page.goto(url)
        for title, step in STEPS.items():
            tour.typed, tour.shown = [], []
            await step(tour)
            walked[title] = (tour.typed, tour.shown)
    assert tour.problems == []
    assert walked == told()
    assert len(pictures[PICTURED]) < MOST_BYTES
    assert await size_of(browser, pictures[PICTURED]) == [WIDTH, HEIGHT]
    if directory := request.config.getoption("--screenshots"):
        await asyncio.to_thread((directory / f"{scheme}.webp").write_bytes, pictures[PICTURED])


async def test_the_first_minute_is_three_clicks(browser: Browser, tmp_path: Path) -> None:
    """Each suggestion of the welcome leads to where it is answered, and the bot hears what a person would have done."""
    async with sandbox(tmp_path) as url, window(browser, "light") as page:
        tour = Tour(page)
        await page.goto(url)
        await tour.button("Opt it out").click()
        await tour.page.locator("main").get_by_text("(212) 555-0100 opted out").wait_for()
        await tour.button("Look it up").click()
        await tour.page.locator("main").get_by_text("Opted out by hand by admin").wait_for()
        await tour.button("Drop messy.csv").click()
        await tour.page.locator("aside").get_by_text("messy.csv: 9 phones to opt out.").wait_for()
        assert "channel=optout-uploads" in page.url
        heard = await (await page.request.get(f"{url}/sandbox/deliveries")).json()
    deliveries = [(each["kind"], each["name"], each["payload"].get("text")) for each in heard["deliveries"]]
    # It is told of its own answers too.
    sent = [each for each in deliveries if each[1] != "message_metadata_posted"]
    assert sent == [
        ("command", "/optout", "add (212) 555-0100 reason:asked by phone"),
        ("command", "/optout", "search (212) 555-0100"),
        ("event", "file_shared", None),
    ]
    assert tour.problems == []


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_readme_shows_the_pictures(browser: Browser, scheme: str) -> None:
    """README's picture for each colour scheme is there, small, and an image of the size of the window."""
    name = f"docs/screenshots/{scheme}.webp"
    assert f'"{name}"' in README
    image = await asyncio.to_thread((ROOT / name).read_bytes)
    assert len(image) < MOST_BYTES
    assert await size_of(browser, image) == [WIDTH, HEIGHT]


async def picture(page: Page) -> bytes:
    """The page as it is, in WebP, with every time in it the same at each run."""
    moments: dict[str, str] = {}

    async def at_a_fixed_time(route: Route) -> None:
        answer = await route.fetch()
        text = await answer.text()
        for ts in sorted(set(re.findall(r"\b\d{10}\.\d{6}\b", text))):
            moments.setdefault(ts, f"{THEN}.{len(moments):06}")
        text = re.sub(r"\b\d{10}\.\d{6}\b", lambda ts: moments[ts[0]], text)
        began = int(min(moments, default="0")[:10])
        # A deadline is as far away as it was, by the quarter of an hour.
        text = re.sub(r"(?<=<!date\^)\d+", lambda at: str(THEN + (int(at[0]) - began) // 900 * 900), text)
        await route.fulfill(response=answer, body=text)

    still = await page.context.new_page()
    await still.clock.set_fixed_time(datetime.fromtimestamp(THEN, UTC))
    await still.route("**/sandbox/changes*", at_a_fixed_time)
    await still.goto(page.url.partition("&thread=")[0])
    await still.locator("main").get_by_role("button", name=re.compile(r"^\d+ repl")).last.click()
    await still.locator("aside").get_by_role("button", name="Opt out 9 phones").wait_for()
    await still.locator("body").click(position={"x": 5, "y": HEIGHT - 5})
    png = await still.screenshot(animations="disabled")
    # The page's policy lets no picture in but its own.
    await still.goto("about:blank")
    webp: str = await still.evaluate(
        """async (png) => {
          const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
          const canvas = document.createElement("canvas");
          [canvas.width, canvas.height] = [image.width, image.height];
          canvas.getContext("2d").drawImage(image, 0, 0);
          return canvas.toDataURL("image/webp", 0.9).split(",")[1];
        }""",
        base64.b64encode(png).decode(),
    )
    await still.close()
    return base64.b64decode(webp)


async def size_of(browser: Browser, image: bytes) -> list[int]:
    """Width and height of a WebP image, as a browser decodes it."""
    page = await browser.new_page()
    size: list[int] = await page.evaluate(
        """async (webp) => {
          const image = new Image();
          image.src = `data:image/webp;base64,${webp}`;
          await image.decode();
          return [image.naturalWidth, image.naturalHeight];
        }""",
        base64.b64encode(image).decode(),
    )
    await page.close()
    return size
