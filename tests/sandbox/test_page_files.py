"""Files on the page: sample lists, dragged and chosen files, uploads, downloads."""

import asyncio
import re

import pytest
from playwright.async_api import expect

from tests.sandbox.pages import Desk, carried_files, choose_file, composer, messages, say, slow_uploads

# One browser serves the module, so its tests share an event loop and, under xdist, a worker.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group(__name__)]


# ---- files -----------------------------------------------------------------------------------------------------


async def test_a_sample_list_is_dropped_with_one_click(desk: Desk) -> None:
    """The + button offers sample lists; choosing one shares it in the channel at once."""
    page = await desk.window(channel="optout-uploads")
    await page.get_by_role("button", name="Attach a list").click()
    await page.get_by_role("menuitem", name="clean.csv").click()
    await expect(messages(page).locator(".file-name")).to_have_text("clean.csv")
    await expect(messages(page).locator(".file-kind")).to_contain_text("KB")


async def test_a_file_is_dragged_in_and_sent_with_a_comment(desk: Desk) -> None:
    """A file dragged over the channel waits beside the text and goes out with it; it can be taken away again."""
    page = await desk.window(channel="optout-uploads")
    carried = await carried_files(page, "stops.csv", "spare.csv")
    await page.dispatch_event("#channel", "dragenter", {"dataTransfer": carried})
    await expect(page.locator("#channel")).to_have_class(re.compile("dropping"))
    await page.dispatch_event("#channel", "drop", {"dataTransfer": carried})
    await expect(page.locator("#channel")).not_to_have_class(re.compile("dropping"))
    await page.get_by_role("button", name="Remove spare.csv").click()
    await composer(page).fill("stops of this week")
    await page.get_by_role("button", name="Send").first.click()
    await expect(messages(page)).to_have_count(1)
    await expect(messages(page)).to_contain_text("stops of this week")
    await expect(messages(page).locator(".file-name")).to_have_text("stops.csv")
    await expect(messages(page).locator(".file-kind")).to_contain_text("19 bytes")


async def test_a_file_can_be_read_again(desk: Desk) -> None:
    """A file of a message is downloaded unchanged by a click on its name."""
    page = await desk.window(channel="optout-uploads")
    content = b"phone,reason\n12345,too short\n"
    await choose_file(page, "unreadable.csv", content)
    await composer(page).press("Enter")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="unreadable.csv").click()
    stream = await (await download.value).path()
    assert await asyncio.to_thread(stream.read_bytes) == content


async def test_a_pasted_file_waits_beside_the_text(desk: Desk) -> None:
    """Pasting a file attaches it and leaves the text alone; it goes out when the message does."""
    page = await desk.window(channel="optout-uploads")
    await composer(page).fill("from the clipboard")
    carried = await carried_files(page, "pasted.csv")
    await composer(page).evaluate(
        """(text, clipboardData) => text.dispatchEvent(
             new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }))""",
        carried,
    )
    await expect(page.locator(".chip")).to_have_text(re.compile("pasted.csv"))
    await expect(composer(page)).to_have_value("from the clipboard")
    await composer(page).press("Enter")
    await expect(messages(page).locator(".file-name")).to_have_text("pasted.csv")
    await expect(messages(page)).to_contain_text("from the clipboard")


async def test_an_upload_shows_how_far_it_is_and_can_be_stopped(desk: Desk) -> None:
    """A bar and a percentage follow the bytes; what is stopped leaves no message, no file, and the comment to be sent."""
    page = await desk.window(channel="optout-uploads")
    await slow_uploads(page, 400_000)
    await choose_file(page, "large.csv", b"+12125550100\n" * 80_000)
    await composer(page).fill("a large one")
    await composer(page).press("Enter")
    bar = page.get_by_role("progressbar", name="Uploading large.csv")
    await expect(bar).to_be_visible()
    await expect(page.locator(".upload-percent")).to_have_text(re.compile("^[1-9][0-9]?%$"))
    assert 0 < await bar.evaluate("(bar) => bar.value") < 1
    await page.get_by_role("button", name="Stop uploading large.csv").click()
    await expect(bar).to_have_count(0)
    await expect(composer(page)).to_have_value("a large one")
    await expect(page.locator("#messages .private")).to_have_count(0)
    await slow_uploads(page, -1)
    await choose_file(page, "small.csv", b"phone\n")
    await composer(page).press("Enter")
    await expect(messages(page).locator(".file-name")).to_have_text("small.csv")
    await expect(page.locator(".upload")).to_have_count(0)
    assert [file.name for file in desk.slack.platform.workspace.files.values()] == ["small.csv"]


async def test_a_file_of_a_modal_shows_how_far_it_is(desk: Desk) -> None:
    """The form waits for the upload; stopped, it stays open with what was chosen."""
    page = await desk.window()
    await say(page, "/optout file")
    modal = page.get_by_role("dialog", name="Upload a list")
    await modal.get_by_label("List").set_input_files(
        {"name": "large.csv", "mimeType": "text/csv", "buffer": b"+12125550100\n" * 80_000}
    )
    await slow_uploads(page, 400_000)
    await modal.get_by_role("button", name="Upload", exact=True).click()
    await expect(modal.locator(".upload-percent")).to_have_text(re.compile("^[1-9][0-9]?%$"))
    await modal.get_by_role("button", name="Stop uploading large.csv").click()
    await expect(modal.locator(".chip")).to_have_text(re.compile("large.csv"))
    await slow_uploads(page, -1)
    await modal.get_by_role("button", name="Upload", exact=True).click()
    await expect(messages(page)).to_contain_text("Form: large.csv of 1040000 bytes")
