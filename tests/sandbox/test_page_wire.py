"""The panel for developers: what went over the wire, and the switch of faults."""

import json
import re

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.sandbox.pages import Desk, composer, messages, say

# One browser serves the module, so its tests share an event loop and, under xdist, a worker.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group(__name__)]


def entries(page: Page, text: str = "") -> Locator:
    return page.locator("#traffic .entry", has_text=text)


def names(page: Page) -> Locator:
    return page.locator("#traffic .entry-name")


async def test_traffic_is_shown_as_it_happens(desk: Desk) -> None:
    """A button opens the panel; a command, its acknowledgement and the calls it led to come in live, newest first."""
    page = await desk.window()
    await page.get_by_role("button", name="Developer panel").click()
    await expect(page.get_by_role("tab", name="Traffic")).to_be_focused()
    await say(page, "/optout ask")
    await expect(names(page).first).to_have_text("chat.postMessage")
    await expect(entries(page, "/optout").locator(".entry-kind")).to_have_text("command")
    await expect(entries(page, "/optout").locator(".entry-outcome")).to_have_text(re.compile(r"^ack in [\d.,]+ ms$"))
    await expect(entries(page, "chat.postMessage").first.locator(".entry-outcome")).to_have_text(re.compile("^ok · "))
    calls = ["chat.postMessage", "chat.postMessage", "auth.test", "/optout", "apps.connections.open"]
    await expect(names(page)).to_have_text(calls)


async def test_an_entry_opens_to_everything_that_was_said(desk: Desk) -> None:
    """Payload, attempts, arguments and answer are there to look into, tokens are not; what is open stays open."""
    page = await desk.window(at="&wire=traffic")
    await say(page, "/optout ask")
    command = entries(page, "/optout")
    await command.locator("summary").first.press("Enter")
    await expect(command).to_contain_text('text: "ask"')
    await expect(command).to_contain_text("sent over socket: acknowledged in")
    await expect(command).to_contain_text('token: "•••"')
    call = entries(page, "chat.postMessage").last
    await call.locator("summary").first.click()
    await expect(call).to_contain_text("Arguments, with the bot token")
    await expect(call).to_contain_text("Answer, HTTP 200")
    await expect(call).not_to_contain_text('type: "actions"')
    await call.locator("details", has_text="list of 2").last.locator("summary").first.click()
    await call.get_by_text("{ type, elements, block_id }").click()
    await expect(call).to_contain_text('type: "actions"')
    await say(page, "/optout date")
    await expect(names(page).nth(1)).to_have_text("/optout")
    await expect(call).to_contain_text('type: "actions"')
    everything = await page.content()
    assert desk.slack.bot_token not in everything
    assert desk.slack.app_token not in everything


async def test_traffic_is_filtered_and_cleared(desk: Desk) -> None:
    """By kind, by any text in an entry, and by failure; cleared, only what comes later is shown."""
    page = await desk.window(at="&wire=traffic")
    await say(page, "/optout ask")
    await expect(messages(page)).to_have_count(1)
    desk.wait_for_acks(0.3)
    await say(page, "/optout silence")
    await expect(entries(page, "operation_timeout")).to_have_count(1)
    kind = page.get_by_label("Kind of traffic")
    await kind.select_option("Commands")
    await expect(names(page)).to_have_text(["/optout", "/optout"])
    await expect(page.locator(".wire-count")).to_have_text(re.compile(r"^2 of \d+ entries, newest first$"))
    await page.get_by_label("Filter the traffic").fill('"text":"silence"')
    await expect(names(page)).to_have_count(1)
    await kind.select_option("Failures")
    await expect(names(page)).to_have_text(["/optout"])
    await kind.select_option("Interactions")
    await expect(names(page)).to_have_count(0)
    await page.get_by_role("button", name="Clear", exact=True).click()
    await kind.select_option("Everything")
    await page.get_by_label("Filter the traffic").fill("")
    await expect(page.locator(".wire-count")).to_contain_text("Nothing yet.")
    await say(page, "/optout date")
    await expect(names(page)).to_have_text(["chat.postMessage", "/optout"])


async def test_a_delivery_that_is_repeated_shows_every_attempt(desk: Desk) -> None:
    """An event delivered twice is one entry with two attempts."""
    page = await desk.window(at="&wire=faults")
    await page.get_by_role("button", name="Deliver every event twice").click()
    await expect(page.locator(".faults")).to_have_text("delivery event: duplicate · until cleared")
    await page.get_by_role("tab", name="Traffic").click()
    await say(page, "@Opt-Out Desk hello")
    mention = entries(page, "app_mention")
    await expect(mention.locator(".entry-outcome")).to_have_text(re.compile("^2 times · ack in "))
    await mention.locator("summary").first.click()
    await expect(mention.locator("ol li")).to_have_count(2)


async def test_the_panel_stands_in_the_address(desk: Desk) -> None:
    """A reload and another channel keep it; Escape inside it and its button close it and give the focus back."""
    page = await desk.window()
    button = page.get_by_role("button", name="Developer panel")
    await button.click()
    await page.get_by_role("tab", name="Traffic").press("ArrowRight")
    await expect(page.get_by_role("tab", name="Faults")).to_be_focused()
    await page.reload()
    await expect(page.get_by_role("button", name="Token revoked")).to_be_visible()
    await page.locator("a.place", has_text="support-tickets").click()
    await expect(page.locator("#channel-title")).to_have_text(re.compile("support-tickets"))
    await expect(page.get_by_role("button", name="Token revoked")).to_be_visible()
    await page.get_by_role("tab", name="Faults").press("Escape")
    await expect(page.locator("#wire")).to_be_hidden()
    await expect(button).to_be_focused()
    await button.click()
    await page.get_by_role("button", name="Close the developer panel").click()
    await expect(page.locator("#wire")).to_be_hidden()


@pytest.mark.parametrize(("width", "covers"), [(1600, False), (1280, False), (900, True), (390, True)])
async def test_the_panel_has_room_of_its_own_or_lies_on_top(desk: Desk, width: int, covers: bool) -> None:
    """On a wide window it is one more pane, on a narrow one it lies over the channel; nothing scrolls sideways."""
    page = await desk.window(at="&wire=traffic", viewport={"width": width, "height": 800})
    panel, channel = await page.locator("#wire").bounding_box(), await page.locator("#channel").bounding_box()
    assert panel is not None
    assert channel is not None
    assert (channel["x"] + channel["width"] > panel["x"] + 1) is covers
    assert panel["x"] + panel["width"] == width
    assert await page.evaluate("document.documentElement.scrollWidth") <= width


# ---- faults ----------------------------------------------------------------------------------------------------


async def test_a_fault_is_planted_by_hand_and_strikes(desk: Desk) -> None:
    """Where, what, on which method, how often and with which settings; it waits in the list until it has struck."""
    page = await desk.window(at="&wire=faults")
    await page.get_by_label("What").select_option("error")
    await page.get_by_label("Method, * for every").fill("chat.postMessage")
    await page.get_by_label("Error code").fill("is_archived")
    await page.get_by_label("Times (-1: until cleared)").fill("2")
    await page.get_by_role("button", name="Plant it").click()
    await expect(page.locator(".faults-status")).to_have_text("error is planted.")
    await expect(page.locator(".faults")).to_have_text("method chat.postMessage: error · 2 times · error is_archived")
    await say(page, "/optout date")
    await expect(page.locator(".faults")).to_have_text("method chat.postMessage: error · once · error is_archived")
    await page.get_by_role("tab", name="Traffic").click()
    failed = entries(page, "chat.postMessage").locator(".entry-outcome")
    await expect(failed).to_have_text(re.compile("^is_archived · fault: error · "))
    await expect(failed).to_have_class(re.compile("failed"))
    await page.get_by_role("tab", name="Faults").click()
    await page.get_by_role("button", name="Clear all").click()
    await expect(page.locator(".faults")).to_have_text("None.")
    await say(page, "/optout date")
    await expect(page.locator("#messages .message:not(.private)")).to_have_count(1)


async def test_faults_of_each_area_ask_for_what_they_need(desk: Desk) -> None:
    """A delivery's fault names the kind of delivery, a slow one its seconds, a file's neither method nor kind."""
    page = await desk.window(at="&wire=faults")
    form = page.get_by_role("form", name="Plant a fault")
    await form.get_by_label("Where").select_option("Deliveries to the app")
    await expect(form.get_by_label("Method, * for every")).to_be_hidden()
    await form.get_by_label("What").select_option("late")
    await form.get_by_label("Of").select_option("commands")
    await form.get_by_label("Seconds").fill("0.25")
    await form.get_by_label("Probability").fill("0.5")
    await form.get_by_label("Seed").fill("7")
    await form.get_by_label("Ends after (s)").fill("90")
    async with page.expect_request("**/sandbox/faults") as planted:
        await form.get_by_role("button", name="Plant it").click()
    how = {"times": 1, "probability": 0.5, "seed": 7, "until": 90, "seconds": 0.25}
    assert (await planted.value).post_data_json == {"delivery": "command", "fault": "late"} | how
    await form.get_by_label("Where").select_option("Files")
    await expect(form.get_by_label("Of")).to_be_hidden()
    await form.get_by_label("What").select_option("gone")
    await expect(form.get_by_label("Seconds")).to_be_hidden()
    await form.get_by_role("button", name="Plant it").click()
    await expect(page.locator(".faults li")).to_have_text(
        [re.compile("^delivery command: late"), "file *: gone · once · probability 0.5"]
    )


async def test_presets_do_what_they_say(desk: Desk) -> None:
    """A cut connection is dialled again, a revoked token fails until all is cleared, a 429 names its seconds."""
    page = await desk.window(at="&wire=faults")
    await page.get_by_role("button", name="Cut the connection").click()
    await page.get_by_role("tab", name="Traffic").click()
    await expect(entries(page, "apps.connections.open")).to_have_count(2)
    await page.get_by_role("tab", name="Faults").click()
    assert await desk.slack.platform.sockets.connected(10)
    await page.get_by_role("button", name="Token revoked").click()
    await say(page, "/optout date")
    await page.get_by_role("tab", name="Traffic").click()
    await expect(entries(page, "token_revoked")).to_have_count(1)
    await page.get_by_role("tab", name="Faults").click()
    await page.get_by_role("button", name="Clear all").click()
    await expect(page.locator(".faults-status")).to_have_text("All is well again.")
    await page.get_by_role("button", name="Slack answers 429 for 5 s").click()
    await expect(page.locator(".faults")).to_have_text("method *: ratelimited · until cleared · retry_after 5")
    await say(page, "/optout date")
    await page.get_by_role("tab", name="Traffic").click()
    await expect(entries(page, "429").first).to_be_visible()


async def test_chaos_runs_until_cleared(desk: Desk) -> None:
    """It is listed with its seed, and ends with everything else."""
    page = await desk.window(at="&wire=faults")
    await page.get_by_role("button", name="Chaos").click()
    await expect(page.locator(".faults li", has_text="Chaos")).to_have_text("Chaos · seed 1")
    await page.get_by_role("button", name="Clear all").click()
    await expect(page.locator(".faults li")).to_have_text("None.")
    assert desk.slack.platform.chaos.seed is None


async def test_presets_of_faults_that_the_server_lacks_are_not_offered(desk: Desk) -> None:
    """Only what it names is offered; a chaos that runs is shown with its seed."""
    told = {"ok": True, "kinds": {"method": ["slow"]}, "acts": [], "faults": [], "chaos": {"seed": 7}, "revoked": True}

    async def tell(route: Route) -> None:
        await route.fulfill(body=json.dumps(told), content_type="application/json")

    page = await desk.window()
    await page.route("**/sandbox/faults", tell)
    await page.get_by_role("button", name="Developer panel").click()
    await page.get_by_role("tab", name="Faults").click()
    await expect(page.locator(".presets button")).to_have_text(["Every call takes 2 s", "Token revoked", "Chaos"])
    await expect(page.locator(".faults li")).to_have_text(["Chaos · seed 7", "Token revoked"])
    assert await page.get_by_label("Where").locator("option").all_inner_texts() == ["Web API and response URLs"]
    await expect(composer(page)).to_be_visible()
