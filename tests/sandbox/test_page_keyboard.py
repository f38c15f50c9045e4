"""The page with the keyboard alone and to a screen reader."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.sandbox.pages import Desk, composer, messages, say, thread

# One browser serves the module, so its tests share an event loop and, under xdist, a worker.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group(__name__)]


async def focused(page: Page) -> str:
    """What has the focus: its id, or its text."""
    return str(await page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))


async def test_f6_goes_from_pane_to_pane(desk: Desk) -> None:
    """F6 leads through channels, messages, composer, thread and wire and around again; Shift+F6 leads back."""
    page = await desk.window(at="&wire=traffic")
    await say(page, "/optout ask")
    await page.get_by_role("button", name="1 reply").press("Enter")
    await expect(thread(page)).to_be_visible()
    assert await focused(page) == "thread-composer-text"
    seen = []
    for _ in range(6):
        await page.keyboard.press("F6")
        seen.append(await focused(page))
    assert seen == ["tab-traffic", "#campaign-admins", "messages", "composer-text", "thread-messages", seen[-1]]
    assert seen[-1] == "thread-composer-text"
    await page.keyboard.press("Shift+F6")
    assert await focused(page) == "thread-messages"


async def test_arrows_go_from_message_to_message(desk: Desk) -> None:
    """From the list up to the last message and on; Tab then leads to the buttons of that message."""
    page = await desk.window()
    channel = await desk.channel_id("campaign-admins")
    for text in ("one", "two", "three"):
        await desk.client.chat_postMessage(channel=channel, text=text)
    await expect(messages(page)).to_have_count(3)
    await page.locator("#messages").focus()
    await page.keyboard.press("ArrowUp")
    await expect(messages(page).nth(2)).to_be_focused()
    await page.keyboard.press("ArrowUp")
    await expect(messages(page).nth(1)).to_be_focused()
    outline = await messages(page).nth(1).evaluate("(node) => getComputedStyle(node).outlineStyle")
    assert outline == "solid"
    await page.keyboard.press("Tab")
    await expect(messages(page).nth(1).get_by_role("button", name="Reply in thread")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(thread(page).locator(".message")).to_contain_text("two")


async def test_everything_is_reached_with_tab(desk: Desk) -> None:
    """From the top Tab reaches every control that can be seen, each once, and each shows that it has the focus."""
    page = await desk.window()
    await say(page, "/optout choose")
    await expect(messages(page)).to_have_count(1)
    await page.reload()
    await expect(messages(page)).to_have_count(1)
    wanted = await page.locator(":is(a, button, select, textarea, input):visible").count()
    tabs = await page.locator("[role=tab][tabindex='-1']:visible").count()
    reached: list[str] = []
    for _ in range(wanted + 10):
        await page.keyboard.press("Tab")
        at = await page.evaluate(
            """() => {
              const node = document.activeElement;
              node.dataset.number ??= String(document.querySelectorAll("[data-number]").length);
              const style = getComputedStyle(node);
              const shown = style.outlineStyle !== "none" || node.closest(".composer");
              return node === document.body ? "" : shown ? node.dataset.number : "no focus to be seen: " + node.outerHTML;
            }"""
        )
        if at in reached or not at:
            break
        reached.append(at)
    assert [each for each in reached if not each.isdigit()] == []
    scrolled = 1  # the list of messages, which is no control
    assert len(reached) == wanted - tabs + scrolled


async def test_the_focus_survives_what_comes_in(desk: Desk) -> None:
    """A message that is edited under the focus keeps it on the same button, or near, where that is gone."""
    page = await desk.window()
    channel = await desk.channel_id("campaign-admins")
    await say(page, "/optout ask")
    delete = page.get_by_role("button", name="Allow texts again")
    await delete.focus()
    asked = next(iter(desk.slack.platform.workspace.channels[channel].messages.values()))
    await desk.client.chat_update(channel=channel, ts=asked.ts, text="Delete? Really?", blocks=asked.blocks)
    await expect(messages(page)).to_contain_text("(edited)")
    await expect(delete).to_be_focused()
    await desk.client.chat_update(channel=channel, ts=asked.ts, text="Deleted", blocks=[])
    await expect(delete).to_have_count(0)
    await expect(messages(page).first).to_be_focused()
    await say(page, "/optout whisper")
    await page.get_by_role("button", name="Dismiss message").press("Enter")
    await expect(page.locator("#messages .private")).to_have_count(0)
    await expect(page.locator("#messages")).to_be_focused()


async def test_a_modal_keeps_the_focus_and_gives_it_back(desk: Desk) -> None:
    """Tab goes round inside the modal, an update of it leaves the focus where it is, closing it gives it back."""
    page = await desk.window()
    await say(page, "/optout form")
    modal = page.get_by_role("dialog", name="Opt out phones")
    await expect(modal.get_by_label("Phones")).to_be_focused()
    for _ in range(15):
        await page.keyboard.press("Tab")
        assert await page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
        )
    await page.keyboard.press("F6")
    assert await page.evaluate("!document.activeElement.closest('.channel')")
    await modal.get_by_label("Write it down").focus()
    (view,) = desk.slack.platform.views.stacks[desk.slack.platform.workspace.user("admin").id]
    changed = view.payload | {"title": {"type": "plain_text", "text": "Opt out more"}}
    await desk.client.views_update(
        view_id=view.id, view={name: changed[name] for name in ("type", "title", "submit", "blocks")}
    )
    await expect(page.get_by_role("heading", name="Opt out more")).to_be_visible()
    await expect(page.get_by_label("Write it down")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(composer(page)).to_be_focused()


async def test_new_messages_are_told_once_and_edits_never(desk: Desk) -> None:
    """The polite live region says a new message of the open channel or thread; progress does not keep on talking."""
    page = await desk.window()
    channel = await desk.channel_id("campaign-admins")
    said = await page.evaluate_handle(
        """() => {
          const said = [];
          const region = document.getElementById("announce");
          new MutationObserver(() => said.push(region.textContent)).observe(region, { childList: true });
          return said;
        }"""
    )
    root = await desk.client.chat_postMessage(channel=channel, text="Reading 10%")
    await expect(page.locator("#announce")).to_have_text("Opt-Out Desk: Reading 10%")
    for percent in (40, 70, 100):
        await desk.client.chat_update(channel=channel, ts=root["ts"], text=f"Reading {percent}%")
        await expect(messages(page)).to_contain_text(f"Reading {percent}%")
    await messages(page).get_by_role("button", name="Reply in thread").press("Enter")
    await desk.client.chat_postMessage(channel=channel, thread_ts=root["ts"], text="<b>Row</b> 5 is *odd*")
    await expect(page.locator("#announce")).to_have_text("Opt-Out Desk: <b>Row</b> 5 is odd")
    await desk.client.chat_postMessage(channel=await desk.channel_id("optout-uploads"), text="elsewhere")
    await expect(page.locator("a.place", has_text="optout-uploads")).to_have_class(re.compile("unread"))
    await page.get_by_role("button", name="Close the thread").click()
    await say(page, "/optout whisper")
    await expect(page.locator("#announce")).to_have_text("Opt-Out Desk: Only admins can allow texts again.")
    wanted = ["Reading 10%", "<b>Row</b> 5 is odd", "Only admins can allow texts again."]
    assert await said.json_value() == [f"Opt-Out Desk: {each}" for each in wanted]
    await expect(page.locator("#announce")).to_have_attribute("aria-live", "polite")
