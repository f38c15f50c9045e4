"""A tour of everything that makes the embedded Slack send something to an app."""

from bot.sandbox import SandboxClient
from tests.fidelity.strangers import COMMAND, EVENTS, SCOPES, Stranger

CHANNEL = "support-tickets"
ALL_SCOPES = (*SCOPES, "groups:history")
ALL_EVENTS = (
    *EVENTS,
    "message.channels",
    "message.groups",
    "channel_rename",
    "group_rename",
    "member_joined_channel",
    "member_left_channel",
    "user_change",
    "file_deleted",
    "function_executed",
)


async def tour(people: SandboxClient, app: Stranger) -> None:
    """Make the app and the people do everything that makes the embedded Slack send something."""
    for text in ("echo a <b> & @admin", "post pick one", "pages", "errors", "upload", "form"):
        await people.command("support", CHANNEL, f"{COMMAND} {text}")
    view = (await app.next("opened"))["view"]
    await people.click_in_view("support", view, "refresh")
    await app.next("updated")
    await people.click_in_view("support", view, "deeper")
    await people.close("support", (await app.next("pushed"))["view"])
    await people.submit("support", view, {"amount": "many"})
    await people.submit("support", view, {"amount": "3"})
    posted = await app.next("posted")
    message = await people.until(lambda state: state.message(posted["ts"]))
    await people.click("admin", message, "choose", value="a")
    await people.click("admin", message, "press")
    await people.home("admin")
    home = (await app.next("published"))["view"]
    await people.click_in_view("admin", home, "hello")
    await app.next("published")
    await people.home("admin")

    asked = await people.message("support", CHANNEL, "@optout *hello* https://example.org")
    await people.message("admin", CHANNEL, "@optout again", thread_ts=asked.ts)
    await people.message("support", "@bot", "psst")
    await people.message("stranger", "#partner-desk", "@optout from outside")
    await people.message("ticket-bot", CHANNEL, "Ticket 7 is open")
    snippet = await people.drop("support", CHANNEL, "list.csv", b"phone\n+12125550100\n", text="@optout look")
    await people.drop("support", CHANNEL, "list.xlsx", b"PK" * 1000, thread_ts=asked.ts)
    await people.drop("support", "@bot", "mine.csv", b"phone\n")
    await people.drop("stranger", "#partner-desk", "theirs.csv", b"phone\n")
    await people.until(lambda state: any("bytes" in reply.text for reply in state.replies(snippet.ts)))
    await people.shortcut("support", "look", channel=CHANNEL, ts=asked.ts)
    await people.shortcut("support", "look", channel="@bot", ts=(await app.next("message"))["ts"])
    await people.shortcut("support", "anywhere")
    await app.next("anywhere")
    await people.delete_file("support", snippet.file or "")
    await people.update_user("guest", real_name="Jules M.")
    await people.invite("#field-private")
    await people.message("admin", "#field-private", "@optout behind closed doors")
    for name in ("partner-desk", "field-private"):
        await people.update_channel(name, name="renamed")
        await people.update_channel("renamed", name=name)
    await people.kick("#campaign-admins", "support")
    await people.invite("#campaign-admins", "support")
