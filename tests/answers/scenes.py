"""
The scenes: who asks what, in order, on one list that begins as `make sandbox` does.

A new surface, or a new answer, is a few more lines here. What is waited for (`until`) is the end of an answer that comes in
several steps; *picture* names the one to take of it.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta

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
    await stage.command("admin", "/optout passing")
    await stage.command("admin", "/optout help")
    await stage.command("support", "/optout help")
    await stage.command("support", "/optout baja 212 555 0130, pidió que no le escriban")
    await stage.command("support", "/optout scrub")
    await stage.command("admin", "/optout compare")
    await stage.command("admin", "/optout undo")
    await stage.command("support", "/optout upload")
    await stage.close("support")
    await stage.command("admin", "/optout settings", picture="settings")
    await stage.close("admin")
    await stage.command("support", "/optout")
    await stage.close("support")


async def mentions(stage: Stage) -> None:
    await stage.say("support", f"{BOT} (212) 555-0101")
    await stage.say("support", f"{BOT} are 212 555 0101, 212 555 0106 and 212 555 0119 out?", picture="mention-several")
    await stage.say("support", f"{BOT} opt out 212-555-0102 because asked twice", picture="mention")
    await stage.say("support", f"{BOT} opt out Maria, 212-555-0103, she asked twice", picture="mention-asked")
    await stage.say("support", f"{BOT} please don't opt out 212-555-0104")
    await stage.say("admin", f"{BOT} opt in 212-555-0102 because wrong number")


async def direct_messages(stage: Stage) -> None:
    await stage.say("support", "212 555 0101", channel="@bot")
    await stage.say("support", "opt out 212 555 0109, he asked on the phone", channel="@bot")


async def direct_messages_with_a_list(stage: Stage) -> None:
    await stage.drop("support", "direct.csv", SHORT, channel="@bot", until=ANYTHING)


async def lists(stage: Stage) -> None:
    await stage.drop("support", "stops.csv", LIST, until="stops.csv", told=2, picture="preview")
    await stage.press("admin", "Opt out 2", until="opted out", picture="report")
    await stage.command("admin", "/optout history stops.csv")
    await stage.command("admin", "/optout history upload 2")
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
    await stage.drop("admin", "theirs.csv", LIST, words=f"{BOT} compare", until="theirs.csv")
    await stage.press("admin", "Send me", until="missing.csv")
    await stage.drop("admin", "today.csv", SHORT, words=f"{BOT} do not opt these out", until="today.csv")
    await stage.drop("support", "elsewhere.csv", SHORT, channel=TICKETS, until="elsewhere.csv", picture="elsewhere")


async def handed_over(stage: Stage) -> None:
    await stage.command("guest", "/optout add 212 555 0160 because she asked twice", channel=TICKETS)
    await stage.press("guest", "Ask Avery", until="asks you to", told=2)
    await stage.press("admin", "Opt out (212) 555-0160", until="did what you asked for", told=3)
    await stage.command("support", "/optout delete 212 555 0160", channel=TICKETS)
    await stage.press("support", "Ask Avery", until="asks you to", told=2)
    await stage.press("admin", "Decline", until="declined to", told=3)


async def forgotten(stage: Stage) -> None:
    await stage.drop("support", "later.csv", "phone\n2125550150\n", until="later.csv", told=2)
    await stage.wait("waiting_since", timedelta(hours=25), "for a day", until=("still waits", "@Robin Vale:"), told=2)
    await stage.wait("waiting_since", timedelta(days=4), "for three days", until="expired", told=2)
    await stage.press("support", "Read it again", until="Nothing has changed yet", told=2)


async def allowing(stage: Stage) -> None:
    await stage.command("admin", "/optout delete 212 555 0101", channel=TICKETS)
    await stage.press("admin", "Allow texts again")
    await stage.submit(
        "admin", {"optout.why": "wrote on Monday that she wants the texts after all"}, "why", until="allowed"
    )
    await stage.command("support", "/optout add 212 555 0102 because wrong number", channel=TICKETS)


async def legal_threat(stage: Stage) -> None:
    await stage.command("support", "/optout")
    await stage.press("support", "Opt numbers out")
    values = {"form.numbers": "212 555 0170", "form.cause": "legal threat", "form.words": "will call her lawyer"}
    await stage.submit("support", values, "the number, *Legal threat*, her words", until="opted out")
    await stage.command("admin", "/optout delete 212 555 0170")
    await stage.press("admin", "Allow texts again")
    await stage.submit(
        "admin", {"optout.why": "her lawyer wrote that the texts may go on"}, "why", until="asks", told=1
    )
    await stage.press("second-admin", "Allow texts again", directly=True, until="Texts to")


async def shown_in_channel(stage: Stage) -> None:
    await stage.settings_are(lookups="asker")
    await stage.command("support", "/optout 212 555 0100", channel=TICKETS)
    await stage.press("support", "Show in channel", until="looked up by")
    await stage.settings_are(lookups="channel")


async def message_menu(stage: Stage) -> None:
    text = "Two voters called: (212) 555-0101 and 212 555 0115 want no more texts. Ticket 4155550199."
    await stage.check("support", text, picture="check")
    await stage.close("support")
    await stage.check("support", "Please call them back, thanks.")
    await stage.close("support")


async def homes(stage: Stage) -> None:
    for who in ("admin", "support"):
        await stage.home(who, picture="home" if who == "admin" else "")


Scene = Callable[[Stage], Awaitable[None]]
SCENES: tuple[tuple[str, tuple[Scene, ...]], ...] = (
    ("`/optout`", (commands,)),
    ("A mention", (mentions,)),
    ("A list that nobody decides on", (forgotten,)),
    ("A list", (lists,)),
    ("A direct message", (direct_messages, direct_messages_with_a_list)),
    ("A request that is handed over", (handed_over,)),
    ("Texts allowed again", (allowing, legal_threat)),
    ("*Check opt-outs*", (message_menu,)),
    ("A look-up for the asker alone", (shown_in_channel,)),
    ("Home", (homes,)),
)


async def play(stage: Stage) -> None:
    """All scenes, one after the other."""
    await stage.office.people.invite(UPLOADS, "guest")
    for surface, parts in SCENES:
        stage.surface = surface
        for scene in parts:
            await scene(stage)
