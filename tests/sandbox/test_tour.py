"""The tour of docs/tour.md, step by step, with the real bot in a real browser; and nothing is cut at the width of a phone."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, ViewportSize

from tests.sandbox.tour import HEIGHT, ROOT, STEPS, WIDTH, Tour, drop_a_million, sandbox, undo, window

# One browser serves the module, so its tests share an event loop and, under xdist, a worker.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("browser")]

PAGE = (ROOT / "docs" / "tour.md").read_text(encoding="utf-8")
DESK: ViewportSize = {"width": WIDTH, "height": HEIGHT}
PHONE: ViewportSize = {"width": 390, "height": 844}
# What is drawn and not seen whole: beside the screen, or cut by the box that it stands in. What scrolls is not cut.
CUT = """() => [...document.querySelectorAll("body *")].flatMap((node) => {
  if (!node.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || node.closest(".unseen, svg")) return [];
  const style = getComputedStyle(node);
  const box = node.getBoundingClientRect();
  if (!box.width || !box.height) return [];
  const scrolls = (each) => each && (["auto", "scroll"].includes(getComputedStyle(each).overflowX) && each.scrollWidth > each.clientWidth || scrolls(each.parentElement));
  const beside = (box.right > innerWidth + 1 || box.left < -1) && !scrolls(node.parentElement);
  const cut = ["hidden", "clip"].includes(style.overflowX) && node.scrollWidth > node.clientWidth + 1;
  return beside || cut ? [`${node.tagName}.${node.className}#${node.id} ${beside ? "beside" : "cut"}: ${node.textContent.slice(0, 60)}`] : [];
})"""


def told() -> dict[str, tuple[list[str], list[str]]]:
    """The steps of the page in order: of each, by its title, what is to be sent and what is said to be shown."""
    steps = {}
    for title, text in re.findall(r"^\d+\. \*\*(.+?)\.\*\*(.*?)(?=^\d+\. |\Z)", PAGE, re.MULTILINE | re.DOTALL):
        quoted = re.findall(r"^ +> (.+)$", text, re.MULTILINE)
        instruction = " ".join(re.sub(r"^ +>.*$", "", text, flags=re.MULTILINE).split())
        steps[title] = (re.findall(r"`(.+?)`", instruction), [re.sub(r"[*`]|<br>| …", "", line) for line in quoted])
    return steps


async def test_the_page_tells_these_steps() -> None:
    """The steps of docs/tour.md are those that are walked here, by the same titles, in the same order."""
    assert list(told()) == list(STEPS)


async def test_the_tour(browser: Browser, tmp_path: Path) -> None:
    """What the page tells to send, step by step, is answered with what it quotes, and the browser complains of nothing."""
    walked = {}
    async with sandbox(tmp_path) as url, window(browser, "light") as page:
        tour = Tour(page)
        await page.goto(url)
        for title, step in STEPS.items():
            tour.typed, tour.shown = [], []
            await step(tour)
            walked[title] = (tour.typed, tour.shown)
    assert tour.problems == []
    assert walked == told()


async def test_nothing_is_cut_at_the_width_of_a_phone(browser: Browser, tmp_path: Path) -> None:
    """At every stop but those of the million, and in the side and the panel, all that is shown is shown whole at 390 pixels."""
    found: list[str] = []
    stops: list[str] = []

    async def look(page: Page, stop: str) -> None:
        stops.append(stop)
        await page.set_viewport_size(PHONE)
        # What is placed by the page follows with the next frame.
        await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        found.extend(f"{stop}: {each}" for each in await page.evaluate(CUT))
        await page.set_viewport_size(DESK)

    async with sandbox(tmp_path) as url, window(browser, "light") as page:
        tour = Tour(page, look)
        await page.goto(url)
        for step in STEPS.values():
            if step not in (drop_a_million, undo):
                await step(tour)
        await page.get_by_role("button", name="Developer panel", exact=True).click()
        await look(page, "panel")
        await page.get_by_role("tab", name="Faults").click()
        await look(page, "faults")
        await page.get_by_role("button", name="Close the developer panel").click()
        await page.set_viewport_size(PHONE)
        await page.get_by_role("button", name="Show the channel list").click()
        await look(page, "side")
        await page.evaluate(
            "document.getElementById('team-name').style = 'white-space: nowrap; overflow: hidden; width: 9px'"
        )
        await page.set_viewport_size(PHONE)
        [planted] = [each for each in await page.evaluate(CUT) if "team-name" in each]
    assert planted
    assert {"first screen", "channel and answer", "preview", "modal", "Home", "refusal"} <= set(stops)
    assert not found, "\n".join(found)


async def test_the_first_minute_is_four_clicks(browser: Browser, tmp_path: Path) -> None:
    """Each suggestion of the welcome leads to where it is answered, and the bot hears what a person would have done."""
    async with sandbox(tmp_path) as url, window(browser, "light") as page:
        tour = Tour(page)
        await page.goto(url)
        answers = page.locator("main").get_by_role("article").filter(has_text="Avery Quinn")
        await tour.button("Opt it out").click()
        await answers.filter(has_text="opted out").last.wait_for()
        await tour.button("Look it up").click()
        await tour.place("Opted out by hand by Avery Quinn").wait_for()
        await tour.button("Try it").click()
        await page.locator("main").get_by_role("article").filter(has_text="(212) 555-0106").last.wait_for()
        await tour.button("Drop messy.csv").click()
        await tour.page.locator("aside").get_by_text("messy.csv: 8 phones to opt out.").wait_for()
        assert "channel=optout-uploads" in page.url
        heard = await (await page.request.get(f"{url}/sandbox/deliveries")).json()
    deliveries = [(each["kind"], each["name"], each["payload"].get("text")) for each in heard["deliveries"]]
    # It is told of its own answers too.
    sent = [each for each in deliveries if each[1] != "message_metadata_posted"]
    assert sent == [
        ("command", "/optout", "add (212) 555-0100 reason:asked by phone"),
        ("command", "/optout", "search (212) 555-0100"),
        ("command", "/optout", "delete (212) 555-0106"),
        ("event", "file_shared", None),
    ]
    assert tour.problems == []
