"""Pictures of answers as a person sees them: the page of the embedded Slack in Chromium, light and dark, in WebP."""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from playwright.async_api import Browser, Error, Locator, Page, Route, async_playwright

from tests.answers.stage import Answer, Look, Seen
from tests.sandbox.pages import ARGUMENTS, CHROMIUM

DIRECTORY = Path(__file__).parents[2] / "docs" / "screenshots"
SCHEMES = ("light", "dark")
MOST_BYTES = 120_000
WIDTH, HEIGHT = 760, 1400
# Home is long: the whole of it is shown, with fewer dots.
HOME_HEIGHT, SHARPNESS, HOME_SHARPNESS = 2600, 1.5, 1.1
# 6 October 2026, 09:41 in New York, whenever a picture is taken.
THEN = 1_791_294_060
_TRIES = 5
_TS = re.compile(r"\b\d{10}\.\d{6}\b")
_WEBP = """async (png) => {
  const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height];
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL("image/webp", 0.7).split(",")[1];
}"""


# Without slots: playwright marks the methods that it is handed.
@dataclass
class Camera:
    """Looks at the page as one person, with every time in it the same at each run."""

    browser: Browser
    # What each timestamp is shown as.
    taken: set[Path] = field(default_factory=set)
    _moments: dict[str, str] = field(default_factory=dict)

    async def take(self, url: str, answer: Answer) -> None:
        """Take the picture that *answer* names, in both schemes."""
        for scheme in SCHEMES:
            picture = await self._picture(url, answer.who, answer.pictured, scheme)
            path = DIRECTORY / f"{answer.picture}-{scheme}.webp"
            await asyncio.to_thread(path.write_bytes, picture)
            self.taken.add(path)

    async def _picture(self, url: str, who: str, seen: Seen, scheme: str) -> bytes:
        is_home = seen.kind == "home"
        context = await self.browser.new_context(
            viewport={"width": WIDTH, "height": HOME_HEIGHT if is_home else HEIGHT},
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
            device_scale_factor=HOME_SHARPNESS if is_home else SHARPNESS,
        )
        try:
            page = await context.new_page()
            await page.clock.set_fixed_time(datetime.fromtimestamp(THEN, UTC))
            await page.route("**/sandbox/changes*", partial(self._at_a_fixed_time, seen))
            png = await self._shot(page, url, who, seen)
            # The page's policy lets no picture in but its own.
            await page.goto("about:blank")
            webp: str = await page.evaluate(_WEBP, base64.b64encode(png).decode())
        finally:
            await context.close()
        return base64.b64decode(webp)

    async def _shot(self, page: Page, url: str, who: str, seen: Seen) -> bytes:
        place = await self._place(page, url, who, seen)
        for _ in range(_TRIES):
            await place.wait_for()
            with suppress(Error):  # drawn anew meanwhile, as Home is when it has been opened
                return await place.screenshot(animations="disabled")
        raise RuntimeError(f"{seen.where} does not stand still")

    async def _place(self, page: Page, url: str, who: str, seen: Seen) -> Locator:
        """Where on the page *seen* stands, once it does."""
        where = {"user": who, "channel": seen.channel or "@app", "thread": self._moments.get(seen.thread, "")}
        if seen.kind == "home":
            where["tab"] = "home"
        if seen.thread:
            # Timestamps are known once the page has been told of them.
            await page.goto(f"{url}/#{urlencode({'user': who, 'channel': where['channel']})}")
            await page.locator("#channel-title").filter(has_text=re.compile(r"\S")).wait_for()
            where["thread"] = self._moments[seen.thread]
        await page.goto(f"{url}/#{urlencode({name: value for name, value in where.items() if value})}")
        if seen.kind == "form":
            place = page.get_by_role("dialog")
        elif seen.kind == "home":
            place = page.locator(".home-view")
        else:
            pane = "#thread-messages" if seen.thread else "#messages"
            await page.locator(f"{pane} [data-ts]").first.wait_for()
            place = page.locator(f'{pane} [data-ts="{self._moments[seen.ts]}"]')
        await place.wait_for()
        await page.locator("body").click(position={"x": 2, "y": HEIGHT - 2}, force=True)
        return place

    async def _at_a_fixed_time(self, seen: Seen, route: Route) -> None:
        """Hand on what the page asked for, with nothing around *seen* but the message whose thread it stands in."""
        answer = await route.fetch()
        told = await answer.json()
        for channel in told["channels"]:
            channel["messages"] = [one for one in channel["messages"] if one["ts"] in (seen.ts, seen.thread)]
            for message in channel["messages"] if seen.thread else ():
                message["thread"] = [reply for reply in message["thread"] if reply["ts"] == seen.ts]
        text = json.dumps(told)
        for ts in sorted(set(_TS.findall(text))):
            self._moments.setdefault(ts, f"{THEN}.{len(self._moments):06}")
        text = _TS.sub(lambda ts: self._moments[ts[0]], text)
        began = int(min(self._moments, default="0")[:10])
        # A deadline is as far away as it was, by the quarter of an hour.
        text = re.sub(r"(?<=<!date\^)\d+", lambda at: str(THEN + (int(at[0]) - began) // 900 * 900), text)
        await route.fulfill(response=answer, body=text)


@asynccontextmanager
async def photographer() -> AsyncIterator[Look]:
    """Takes the picture of each answer that names one, on the page that it stands on; those of before are removed."""
    DIRECTORY.mkdir(exist_ok=True)
    before = set(DIRECTORY.glob("*.webp"))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        camera = Camera(browser)

        yield camera.take
        await browser.close()
    for old in before - camera.taken:
        old.unlink()
