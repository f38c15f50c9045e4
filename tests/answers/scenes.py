"""
The scenes: who asks what, in order, on one list that begins as `make sandbox` does.

A new surface, or a new answer, is a few more lines here. What is waited for (`until`) is the end of an answer that comes in
several steps; *picture* names the one to take of it.
"""

from collections.abc import Awaitable, Callable

from tests.answers.stage import UPLOADS, Stage
from tests.handlers.conftest import TICKETS

LIST = "phone,name\n(212) 555-0120,Ana Diaz\n(212) 555-0121,Ben Okafor\n(212) 555-0106,Grace Lim\n12345,Hal Reed\n"
SHORT = "phone\n2125550140\n2125550141\n"
BOT = "@Opt-Out Desk"
# What comes in several steps, whatever it says.
ANYTHING = ("",)


async def commands(stage: Stage) -> None:
    await stage.command("admin", "/optout add 212 555 0100 reason:asked by e-mail", picture="added")
    await stage.command(
        "support",
        "/optout add 212 555 0100, 212 555 0101, +44 20 7946 0018, 12345 because called and asked",
        picture="added-several",
    )
    await stage.command("support", "/optout 212 555 0100", picture="found")
    await stage.command("support", "/optout search 212 555 0109", picture="not-found")
    await stage.command("admin", "/optout delete 212 555 0100", picture="allow-again")
    await stage.command("admin", "/optout delete 212 555 0109")
    await stage.command("support", "/optout uploads")
    await stage.command("support", "/optout history 212 555 0106", picture="history")
    await stage.command("admin", "/optout history")
    await stage.command("admin", "/optout country")
    await stage.command("admin", "/optout country GB")
    await stage.command("admin", "/optout country US")
    await stage.command("admin", "/optout export", until="desk")
    await stage.command("admin", "/optout help")
    await stage.command("support", "/optout help")
    await stage.command("support", "/optout baja 212 555 0130, pidió que no le escriban")
    await stage.command("support", "/optout scrub")
    await stage.command("admin", "/optout undo")
    await stage.command("support", "/optout upload")
    await stage.close("support")
    await stage.command("admin", "/optout settings", picture="settings")
    await stage.close("admin")
    await stage.command("support", "/optout")
    await stage.close("support")


async def commands_refused(stage: Stage) -> None:
    for text in (
        "/optout add",
        "/optout add 12345",
        "/optout search",
        "/optout search 12345",
        "/optout delete",
        "/optout country ZZ",
        "/optout history nobody",
        "/optout export format:xls",
        "/optout uplods",
        "/optout hist 212 555 0106",
        "/optout hello there",
    ):
        await stage.command("admin", text, refusal=True)
    for text in ("delete 212 555 0100", "history", "export", "settings", "country GB"):
        await stage.command("support", f"/optout {text}", refusal=True)
    for text in (
        "add 212 555 0100",
        "search 212 555 0100",
        "delete 212 555 0100",
        "uploads",
        "history 212 555 0100",
        "help",
    ):
        await stage.command("guest", f"/optout {text}", channel=TICKETS, refusal=True)


async def mentions(stage: Stage) -> None:
    await stage.say("support", f"{BOT} (212) 555-0101")
    await stage.say("support", f"{BOT} are 212 555 0101, 212 555 0106 and 212 555 0119 out?", picture="mention-several")
    await stage.say("support", f"{BOT} opt out 212-555-0102 because asked twice", picture="mention")
    await stage.say("support", f"{BOT} opt out Maria, 212-555-0103, she asked twice", picture="mention-asked")
    await stage.say("support", f"{BOT} please don't opt out 212-555-0104")
    await stage.say("admin", f"{BOT} opt in 212-555-0102 because wrong number")


async def mentions_refused(stage: Stage) -> None:
    await stage.say("support", f"{BOT} thanks!", refusal=True)
    await stage.say("support", f"{BOT} opt out 12345", refusal=True)
    await stage.say("support", f"{BOT} opt in 212-555-0102 because wrong number", refusal=True)
    await stage.say("guest", f"{BOT} opt out 212-555-0104", refusal=True)


async def direct_messages(stage: Stage) -> None:
    await stage.say("support", "212 555 0101", channel="@bot")
    await stage.say("support", "opt out 212 555 0109, he asked on the phone", channel="@bot")


async def direct_messages_with_a_list(stage: Stage) -> None:
    await stage.drop("support", "direct.csv", SHORT, channel="@bot", until=ANYTHING)


async def direct_messages_refused(stage: Stage) -> None:
    await stage.say("support", "hello", channel="@bot", refusal=True)
    await stage.say("guest", "212 555 0101", channel="@bot", refusal=True)


async def lists(stage: Stage) -> None:
    await stage.drop("support", "stops.csv", LIST, until="stops.csv", told=2, picture="preview")
    await stage.press("admin", "Opt out 2", until="opted out", picture="report")
    await stage.command("admin", "/optout history stops.csv")
    await stage.command("admin", "/optout history Robin Vale")
    await stage.command("support", "/optout uploads")
    await stage.press("admin", "Undo this upload", picture="undo")
    await stage.submit("admin", {}, "*Undo*", until="undone")
    await stage.drop("support", "messy.csv", until="messy.csv", told=2, picture="preview-messy")
    await stage.press("support", "Cancel", until="messy.csv")
    await stage.drop("admin", "contacts.csv", until="contacts.csv", picture="preview-doubt")
    await stage.press("admin", "Cancel", until="contacts.csv")
    await stage.drop("admin", "wrong-columns.csv", until="wrong-columns.csv", picture="columns")
    await stage.drop("admin", "walk.csv", LIST, words=f"{BOT} scrub", until="walk", picture="scrubbed")
    await stage.drop("admin", "today.csv", SHORT, words=f"{BOT} do not opt these out", until="today.csv")
    await stage.drop("support", "elsewhere.csv", SHORT, channel=TICKETS, until="elsewhere.csv", picture="elsewhere")


async def lists_refused(stage: Stage) -> None:
    await stage.drop("support", "empty.csv", until="empty.csv", refusal=True)
    await stage.drop("support", "notes.csv", "note,when\nhello,Monday\n", until="notes.csv", refusal=True)
    await stage.drop(
        "support", "card.vcf", "BEGIN:VCARD\nVERSION:3.0\nTEL:+12125550100\nEND:VCARD\n", until="card.vcf", refusal=True
    )
    await stage.drop("support", "list.json", '[{"phone": "2125550100"}]', until="list.json", refusal=True)
    await stage.drop("guest", "mine.csv", SHORT, until="desk", refusal=True)


async def buttons_refused(stage: Stage) -> None:
    await stage.drop("admin", "later.csv", "phone\n2125550150\n", until="later.csv")
    await stage.press("support", "Opt out 1", refusal=True)
    await stage.press("guest", "Opt out 1", refusal=True)
    await stage.command("admin", "/optout delete 212 555 0101", channel=TICKETS)


async def message_menu(stage: Stage) -> None:
    text = "Two voters called: (212) 555-0101 and 212 555 0115 want no more texts. Ticket 4155550199."
    await stage.check("support", text, picture="check")
    await stage.close("support")
    await stage.check("support", "Please call them back, thanks.")
    await stage.close("support")


async def message_menu_refused(stage: Stage) -> None:
    await stage.check("guest", "It is 212 555 0101.", refusal=True)


async def homes(stage: Stage) -> None:
    for who in ("admin", "support", "guest"):
        await stage.home(who, picture="home" if who == "admin" else "", refusal=who == "guest")


Scene = Callable[[Stage], Awaitable[None]]
SCENES: tuple[tuple[str, tuple[Scene, ...]], ...] = (
    ("`/optout`", (commands, commands_refused)),
    ("A mention", (mentions, mentions_refused)),
    ("A direct message", (direct_messages, direct_messages_with_a_list, direct_messages_refused)),
    ("A list", (lists, lists_refused)),
    ("A button", (buttons_refused,)),
    ("*Check opt-outs*", (message_menu, message_menu_refused)),
    ("Home", (homes,)),
)


async def play(stage: Stage) -> None:
    """All scenes, one after the other."""
    await stage.office.people.invite(UPLOADS, "guest")
    for surface, parts in SCENES:
        stage.surface = surface
        for scene in parts:
            await scene(stage)
