"""Block Kit on the page: modals, App Home, and texts with markup."""

import re

import pytest
from playwright.async_api import expect
from slack_sdk.web.async_client import AsyncWebClient

from tests.sandbox.pages import HOSTILE, Desk, Json, carried_files, messages, say

# One browser serves the module, so its tests share an event loop and, under xdist, a worker.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group(__name__)]


# ---- modals and Home -------------------------------------------------------------------------------------------


async def test_a_modal_shows_errors_at_its_fields_and_keeps_what_was_typed(desk: Desk) -> None:
    """A refused submission leaves the modal open with the sentence at the field; a good one closes it."""
    page = await desk.window()
    await say(page, "/optout form")
    modal = page.get_by_role("dialog", name="Opt out phones")
    phones = modal.get_by_label("Phones")
    await expect(phones).to_be_focused()
    await modal.get_by_role("button", name="Opt out").click()
    await expect(modal.locator('[data-block="why"] .field-error')).to_contain_text("required")
    await phones.fill("12345")
    await modal.get_by_label("Asked by e-mail").check()
    await modal.get_by_label("Write it down").check()
    await modal.get_by_role("button", name="Country").click()
    await page.get_by_role("menuitem", name="Germany").click()
    await modal.get_by_role("button", name="Opt out").click()
    await expect(modal.locator('[data-block="phones"] .field-error')).to_have_text("5 digits, a US number has 10.")
    await expect(phones).to_have_value("12345")
    await expect(phones).to_have_attribute("aria-invalid", "true")
    await phones.fill("212 555 0100")
    await modal.get_by_role("button", name="Opt out").click()
    await expect(modal).to_have_count(0)
    await expect(messages(page)).to_contain_text("Form: 212 555 0100 DE ['note'] mail")


async def test_a_modal_on_top_of_another_gives_way_to_it_again(desk: Desk) -> None:
    """Closing the upper one shows the lower one as it was left, the focus inside it."""
    page = await desk.window()
    await say(page, "/optout settings")
    modal = page.get_by_role("dialog", name="Settings")
    await modal.get_by_role("button", name="Digest").click()
    await page.get_by_role("menuitem", name="#field-private").click()
    await modal.get_by_role("button", name="Open another").click()
    upper = page.get_by_role("dialog", name="Upload a list")
    await expect(upper.get_by_label("List")).to_be_focused()
    await expect(page.get_by_role("dialog")).to_have_count(1)
    await upper.get_by_role("button", name="Back").click()
    await expect(upper).to_have_count(0)
    await expect(modal.get_by_role("button", name="Digest")).to_contain_text("#field-private")
    assert await modal.evaluate("(dialog) => dialog.contains(document.activeElement)")


async def test_escape_closes_a_modal(desk: Desk) -> None:
    """Escape closes the modal for good: a reload does not bring it back."""
    page = await desk.window()
    await say(page, "/optout form")
    modal = page.get_by_role("dialog", name="Opt out phones")
    await expect(modal).to_be_visible()
    async with page.expect_response("**/sandbox/close"):
        await page.keyboard.press("Escape")
    await expect(modal).to_have_count(0)
    await page.reload()
    await expect(page.locator("#channel-title")).to_have_text(re.compile("campaign-admins"))
    await expect(modal).to_have_count(0)


async def test_a_modal_takes_a_file(desk: Desk) -> None:
    """A file chosen in a modal's file input reaches the app with the submission, and is shared nowhere."""
    page = await desk.window()
    await say(page, "/optout file")
    modal = page.get_by_role("dialog", name="Upload a list")
    await modal.get_by_label("List").set_input_files(
        {"name": "stops.csv", "mimeType": "text/csv", "buffer": b"phone\n+12125550100\n"}
    )
    await modal.get_by_role("button", name="Upload").click()
    await expect(messages(page)).to_have_count(1)
    await expect(messages(page)).to_contain_text("Form: stops.csv of 19 bytes")
    await expect(page.locator(".file-name")).to_have_count(0)


async def test_files_are_dropped_on_a_modals_file_input(desk: Desk) -> None:
    """Its field shows that it takes a file, keeps only as many and such kinds as the app asked for, and can be emptied."""
    page = await desk.window()
    await say(page, "/optout file")
    modal = page.get_by_role("dialog", name="Upload a list")
    field, error = modal.locator(".file-field"), modal.locator(".field-error").first
    await field.dispatch_event("dragenter", {"dataTransfer": await carried_files(page, "stops.pdf")})
    await expect(field).to_have_class(re.compile("dropping"))
    await field.dispatch_event("drop", {"dataTransfer": await carried_files(page, "stops.pdf")})
    await expect(error).to_have_text("stops.pdf cannot be taken here. Can be: csv.")
    await field.dispatch_event("drop", {"dataTransfer": await carried_files(page, "one.csv", "two.csv")})
    await expect(error).to_have_text("No more than 1 file here.")
    await expect(modal.locator(".chip")).to_have_text(re.compile("one.csv"))
    await modal.get_by_role("button", name="Remove one.csv").click()
    await expect(modal.locator(".chip")).to_have_count(0)
    await field.dispatch_event("drop", {"dataTransfer": await carried_files(page, "stops.csv")})
    await expect(error).to_be_hidden()
    await modal.get_by_role("button", name="Upload", exact=True).click()
    await expect(messages(page)).to_contain_text("Form: stops.csv of 19 bytes")


async def test_selects_of_several(desk: Desk) -> None:
    """People, channels and options are chosen one after the other, found by typing, and taken out again."""
    page = await desk.window()
    await say(page, "/optout settings")
    modal = page.get_by_role("dialog", name="Settings")
    admins = modal.get_by_role("button", name="Admins")
    await admins.press("Enter")
    await page.get_by_role("menuitemcheckbox", name="second-admin").click()
    await page.keyboard.type("sup")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("menuitemcheckbox", name="support")).to_be_checked()
    await page.keyboard.press("Escape")
    await expect(modal).to_be_visible()
    await expect(admins).to_be_focused()
    await expect(admins.locator(".chosen")).to_have_text(["second-admin ", "support "])

    uploads = modal.get_by_role("button", name="Channels for lists")
    await uploads.click()
    offered = await page.get_by_role("menuitemcheckbox").all_inner_texts()
    assert offered == ["#campaign-admins", "#support-tickets", "#optout-uploads", "#partner-desk"]
    for name in ("#campaign-admins", "#support-tickets", "#optout-uploads"):
        await page.get_by_role("menuitemcheckbox", name=name).click()
    await expect(page.get_by_role("menuitemcheckbox", checked=True)).to_have_count(2)
    await page.keyboard.press("Escape")

    countries = modal.get_by_role("button", name="Countries")
    await expect(countries.locator(".chosen")).to_have_text(["Country 3 "])
    await countries.click()
    await expect(page.get_by_label("Find in Choose")).to_be_focused()
    await page.keyboard.type("nowhere")
    await expect(page.get_by_text("Nothing found.")).to_be_visible()
    await page.get_by_label("Find in Choose").fill("country 11")
    await page.keyboard.press("Enter")
    await page.get_by_label("Find in Choose").fill("country 3")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Escape")
    await expect(countries.locator(".chosen")).to_have_text(["Country 11 "])
    await modal.get_by_role("button", name="Save").click()
    said = {"admins": ["second-admin", "support"], "uploads": 2, "country": ["11"], "digest": None}
    await expect(messages(page)).to_contain_text(f"Settings: {said}")


async def test_an_optional_select_can_be_emptied(desk: Desk) -> None:
    """Only channels the person sees and the app's filter lets through are offered; a choice can be taken back."""
    page = await desk.window()
    await say(page, "/optout settings")
    modal = page.get_by_role("dialog", name="Settings")
    digest = modal.get_by_role("button", name="Digest")
    await digest.click()
    offered = await page.get_by_role("menuitem").all_inner_texts()
    assert offered == ["#campaign-admins", "#support-tickets", "#optout-uploads", "#field-private"]
    await page.get_by_role("menuitem", name="#field-private").click()
    await expect(digest).to_contain_text("#field-private")
    await digest.click()
    await page.get_by_role("menuitem", name="Choose none").click()
    await expect(digest).to_contain_text("Choose")
    await modal.get_by_role("button", name="Save").click()
    await expect(messages(page)).to_contain_text("'digest': None")


async def test_the_app_has_a_home_and_messages(desk: Desk) -> None:
    """The app's Home opens in its tab and its buttons work; the other tab takes direct messages."""
    page = await desk.window(channel="@app")
    await page.get_by_role("tab", name="Home").click()
    await expect(page.locator("#home b")).to_have_text("desk")
    await page.get_by_role("button", name="Tidy the desk").click()
    await expect(page.locator("#home")).to_contain_text("Tidy now")
    await page.get_by_role("tab", name="Messages").click()
    await say(page, "hello, desk")
    await expect(messages(page)).to_contain_text("hello, desk")


# ---- mrkdwn ----------------------------------------------------------------------------------------------------

MRKDWN = {
    "*bold* _italic_ ~strike~ `code`": "<b>bold</b> <i>italic</i> <s>strike</s> <code>code</code>",
    "*bold _both_*": "<b>bold <i>both</i></b>",
    "2*3*4 snake_case_name a~b~c": "2*3*4 snake_case_name a~b~c",
    "* not bold* *not\nbold*": "* not bold* *not<br>bold*",
    "`*not bold*`": "<code>*not bold*</code>",
    "&lt;b&gt; &amp;amp; &quot;": "&lt;b&gt; &amp;amp; &amp;quot;",
    "```a *b*\n  &lt;c&gt;```after": "<pre>a *b*\n  &lt;c&gt;</pre>after",
    "&gt; one\n> two\nafter": "<blockquote>one<br>two</blockquote>after",
    "&gt;&gt;&gt; one\ntwo": "<blockquote>one<br>two</blockquote>",
    "<@U1> <@U9|nora>": '<span class="mention own">@admin</span> <span class="mention">@nora</span>',
    "<@U2>": '<span class="mention">@Opt-Out Desk</span>',
    "<#C1|old> <!here>": '<span class="mention">#uploads</span> <span class="mention loud">@here</span>',
    "<https://a.example/?b=1&amp;c=2|a link>": (
        '<a href="https://a.example/?b=1&amp;c=2" target="_blank" rel="noopener noreferrer">a link</a>'
    ),
    "<tel:+12125550100|212-555-0100>": (
        '<a href="tel:+12125550100" target="_blank" rel="noopener noreferrer">212-555-0100</a>'
    ),
    "<mailto:a@b.example|write>": ('<a href="mailto:a@b.example" target="_blank" rel="noopener noreferrer">write</a>'),
    "<data:text/html,x|click> <JavaScript:x>": "&lt;data:text/html,x|click&gt; &lt;JavaScript:x&gt;",
    "<!date^1790000000^{date_short}^javascript:alert(1)|x>": (
        '<time datetime="2026-09-21T14:13:20.000Z">Sep 21, 2026</time>'
    ),
    ":warning: *:x:*": "⚠️ <b>❌</b>",
    "<javascript:alert(1)|click>": "&lt;javascript:alert(1)|click&gt;",
    "<script>alert(1)</script>": "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<!date^1790000000^{date_num} {time_secs}|x>": (
        '<time datetime="2026-09-21T14:13:20.000Z">2026-09-21 10:13:20 AM</time>'
    ),
    "<!date^1790000000^{date_long}|x>": (
        '<time datetime="2026-09-21T14:13:20.000Z">Monday, September 21st, 2026</time>'
    ),
    "<!date^soon^{date}|later>": "<time>later</time>",
    ":white_check_mark: :no_such_emoji: 10:30:45": "✅ :no_such_emoji: 10:30:45",
}


async def test_tables_markdown_and_alerts_are_drawn(desk: Desk) -> None:
    """A table has its head and its rows; Markdown and alerts their words, marked up; none of it runs."""
    page = await desk.window()
    cells = [[{"type": "raw_text", "text": text} for text in row] for row in (("Phone", "State"), (HOSTILE, "out"))]
    blocks: list[Json] = [
        {"type": "table", "rows": cells, "column_settings": [{}, {"align": "right"}]},
        {"type": "markdown", "text": "# Summary\n- **two** of [three](https://example.com)"},
        {"type": "alert", "level": "warning", "text": {"type": "mrkdwn", "text": "*Mind* the gap"}},
    ]
    workspace = desk.slack.platform.workspace
    api = AsyncWebClient(token=desk.slack.bot_token, base_url=desk.slack.api_url)
    await api.chat_postMessage(channel=workspace.channel("campaign-admins").id, text="x", blocks=blocks)
    message = messages(page).last
    await expect(message.get_by_role("columnheader")).to_have_text(["Phone", "State"])
    await expect(message.get_by_role("cell")).to_have_text([HOSTILE, "out"])
    await expect(message.locator(".block-markdown")).to_have_text("Summary• two of three")
    await expect(message.get_by_role("link", name="three")).to_have_attribute("href", "https://example.com")
    await expect(message.locator(".block-alert.alert-warning b")).to_have_text("Mind")


async def test_mrkdwn_reads_as_in_slack(desk: Desk) -> None:
    """A table of texts and what they become; what is not markup stays as it was typed."""
    page = await desk.window()
    drawn = await page.evaluate(
        """async (texts) => {
          const { mrkdwn } = await import("/page/mrkdwn.js");
          const context = {
            users: new Map([
              ["U1", { id: "U1", display_name: "admin" }],
              ["U2", { id: "U2", handle: "optout", real_name: "Opt-Out Desk", is_bot: true }],
            ]),
            channels: new Map([["C1", { id: "C1", name: "uploads" }]]),
            tz: "America/New_York",
            viewer: "U1",
          };
          return texts.map((text) => {
            const holder = document.createElement("div");
            holder.append(...mrkdwn(text, context));
            return holder.innerHTML;
          });
        }""",
        list(MRKDWN),
    )
    assert dict(zip(MRKDWN, drawn, strict=True)) == MRKDWN
