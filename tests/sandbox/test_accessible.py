"""
Nobody is kept out: axe-core's rules at every stop of the tour and in the panel for developers, in both colour
schemes, at the width of a desk and of a phone.

axe-core comes by npm (tests/node); where it is not installed this module is not collected, and pytest's last lines say so.
"""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, ViewportSize, expect

from tests.conftest import AXE, NO_AXE
from tests.sandbox.tour import HEIGHT, STEPS, WIDTH, Scheme, Tour, sandbox, window

# One browser serves the module, so its tests share an event loop and, under xdist, a worker.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("browser")]

PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": WIDTH, "height": HEIGHT}
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
# https://github.com/dequelabs/axe-core/blob/develop/doc/API.md#axe-core-tags
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]


async def violations(page: Page, where: str) -> list[str]:
    """What axe-core finds on the page as it is: rule, element and reason, a line each."""
    if await page.evaluate("typeof axe") == "undefined":
        await page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = await page.evaluate(
        "async (tags) => (await axe.run(document, { runOnly: { type: 'tag', values: tags } })).violations", RULES
    )
    return [
        f"{where}: {rule['id']}: {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]


async def test_the_tour_is_accessible(browser: Browser, tmp_path: Path) -> None:
    """At no stop does the page break a rule of WCAG 2.2, levels A and AA, or one of good practice."""
    if not AXE.is_file():
        pytest.fail(NO_AXE)
    found: list[str] = []
    stops: list[str] = []

    async def look(page: Page, stop: str) -> None:
        stops.append(stop)
        for size, screen in ((PHONE, "phone"), (DESK, "desk")):
            await page.set_viewport_size(size)
            for scheme in SCHEMES:
                await page.emulate_media(color_scheme=scheme)
                found.extend(await violations(page, f"{stop}, {screen}, {scheme}"))

    async with sandbox(tmp_path) as url, window(browser, "light") as page:
        tour = Tour(page, look)
        await page.goto(url)
        for step in STEPS.values():
            await step(tour)
        await page.get_by_role("button", name="Developer panel").click()
        await expect(page.get_by_text("newest first")).to_be_visible()
        await look(page, "wire, traffic")
        await page.get_by_role("tab", name="Faults").click()
        await look(page, "wire, faults")
        await page.get_by_role("button", name="Close the developer panel").click()
        await page.set_viewport_size(PHONE)
        await page.get_by_role("button", name="Show the channel list").click()
        found.extend(await violations(page, "channel list, phone"))
        await page.evaluate("document.documentElement.removeAttribute('lang')")
        [planted] = await violations(page, "planted")
    assert "html-has-lang" in planted
    assert {"channel and answer", "menu of a message", "modal", "confirm dialog", "Home"} <= set(stops)
    assert not found, "\n".join(found)
