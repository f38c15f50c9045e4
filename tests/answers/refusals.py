"""
What goes wrong, surface by surface: who asks what, and why it cannot be done. `tests.answers.rights` has who may not.

Each surface begins on a list of its own, as `make sandbox` makes it. A new reason to refuse is a few more lines here.
"""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Final

from store import Function, Origin
from tests.answers.stage import UPLOADS, Stage
from tests.handlers.conftest import TICKETS
from tests.handlers.test_bad_input import gone
from tests.handlers.test_deleted_question import ask_and_delete
from tests.handlers.test_handovers import turn_back as turn_back_handovers
from tests.store.test_uploads import turn_back

BOT = "@Opt-Out Desk"
ONE, STOPPED = "+12125550100", "+12125550106"
SHORT = "phone\n2125550140\n2125550141\n"
MANY = ", ".join(f"212 555 {number:04}" for number in range(100, 301))
LONG = "x" * 501
SHARED, PRIVATE, ARCHIVED = "partner-desk", "field-private", "archive-2024"


async def commands(stage: Stage) -> None:
    for text, why in (
        ("add", "no number"),
        ("add 12345", "no phone"),
        ("add 12345, 678", "no phones"),
        ("add 212 555 0100 country:Narnia", "no such country"),
        ("search", "no number"),
        ("search 12345", "no phone"),
        ("delete", "no number"),
        ("delete 12345", "no phone"),
        ("delete 212 555 0100, 212 555 0101", "more than one"),
        ("country ZZ", "no such country"),
        ("country Germny", "misspelt"),
        ("history nobody", "found nothing"),
        ("history upload 99", "no such upload"),
        ("history 12345", "no phone"),
        ("export format:xls", "no such format"),
        ("export since:yesterday", "no date"),
        ("export since:2999-01-01", "a date to come"),
        ("export function:magic", "no such function"),
        ("export everything", "not understood"),
        ("evidence", "no number"),
        ("evidence 12345", "no phone"),
        ("settings country GB", "nothing is typed there"),
        ("upload 7", "no form takes that"),
        ("compare telnyx", "no key reads its list"),
        ("undo", "nothing to undo"),
        ("uplods", "misspelt"),
        ("hist 212 555 0106", "misspelt"),
        ("hello there", "unknown"),
    ):
        await stage.command("admin", f"/optout {text}", why=why)
    await stage.command("admin", f"/optout add {MANY}", called="`/optout add` with 201 numbers", why="too many")
    long = f"/optout add 212 555 0100 because {LONG}"
    await stage.command("admin", long, called="`/optout add` with 501 characters of reason", why="too long")
    await stage.settings_are(exports="nobody")
    await stage.command("admin", "/optout export", why="a setting")
    account = stage.office.store.accounts
    account.change(stage.office.account.id, Origin(Function.SETTING, await stage.office.actor("admin")), country=None)
    await stage.command("admin", "/optout add 212 555 0100", why="no country")
    account.change(stage.office.account.id, Origin(Function.SETTING, await stage.office.actor("admin")), country="US")


async def commands_elsewhere(stage: Stage) -> None:
    await stage.command("support", f"/optout {STOPPED}", channel=SHARED, why="others read along")
    await stage.command("support", f"/optout {STOPPED}", channel=PRIVATE, why="the desk is not there")
    # Nobody can write where it is archived; this one is while the answer is on its way.
    await stage.office.people.fault(method="chat.postMessage", fault="error", error="is_archived")
    await stage.command("support", f"/optout {STOPPED}", why="the channel was archived")


async def commands_while_away(stage: Stage) -> None:
    people = stage.office.people
    await people.fault(method="users.info", fault="error", error="internal_error", times=-1)
    await stage.command("support", f"/optout {STOPPED}", why="Slack is away")
    await people.clear_faults()
    with gone(stage.office, stage.settings):
        await stage.command("support", f"/optout {STOPPED}", why="the database is away")


async def mentions(stage: Stage) -> None:
    await stage.say("support", f"{BOT} thanks!", why="nothing to do")
    await stage.say("support", f"{BOT} opt out 12345", why="no phone")
    await stage.say("support", f"{BOT} is 12345 out?", why="no phone")
    await stage.say("admin", f"{BOT} opt in 212 555 0100 and 212 555 0106", why="more than one")
    await stage.say("support", f"{BOT} opt out {MANY}", called=f"`{BOT} opt out` with 201 numbers", why="too many")
    long = f"{BOT} opt out 212 555 0100 because {LONG}"
    await stage.say("support", long, called=f"`{BOT} opt out` with 501 characters of reason", why="too long")
    await stage.say("support", f"{BOT} {STOPPED}", channel=SHARED, why="others read along")


async def mentions_deleted(stage: Stage) -> None:
    asked = ask_and_delete(stage.office)
    await stage.act("support", f"`{BOT} {ONE}`, deleted at once", asked, place=f"#{TICKETS}", why="the message is gone")


async def direct_messages(stage: Stage) -> None:
    await stage.say("support", "hello", channel="@bot", why="nothing to do")
    await stage.say("support", "12345", channel="@bot", why="no phone")
    await stage.say("support", "opt in 212 555 0106", channel="@bot", why="only admins")


async def lists(stage: Stage) -> None:
    people, who = stage.office.people, "support"
    for name, content, why in (
        ("empty.csv", "", "empty"),
        ("notes.csv", "note,when\nhello,Monday\n", "no column"),
        ("card.vcf", "BEGIN:VCARD\nVERSION:3.0\nTEL:+12125550100\nEND:VCARD\n", "a contact card"),
        ("list.json", '[{"phone": "2125550100"}]', "a JSON file"),
        ("letter.pdf", "%PDF-1.7\n%\n1 0 obj\n", "a PDF"),
        ("broken.xlsx", b"PK\x03\x04" + b"\0" * 40, "broken"),
        ("wordy.csv", "phone\nsome words\n", "no phone in it"),
    ):
        await stage.drop(who, name, content, until=name, why=why)
    await stage.settings_are(max_list_bytes=500_000)
    await stage.drop(
        who, "large.csv", "phone\n" + "2125550140\n" * 80_000, until="Nothing was changed", why="too large"
    )
    await stage.settings_are(max_list_bytes=None)
    await people.fault(file="gone", times=-1)
    await stage.drop(who, "deleted.csv", SHORT, until="Nothing was changed", why="deleted since")
    await people.clear_faults()
    await people.fault(method="files.info", fault="error", error="file_deleted", times=-1)
    await stage.drop(who, "forgotten.csv", SHORT, why="deleted at once", until="Nothing was changed")
    await people.clear_faults()
    await stage.drop(
        who, "partner.csv", SHORT, channel=SHARED, words=f"{BOT} scrub", until="partner.csv", why="others read along"
    )


async def lists_of_other_apps(stage: Stage) -> None:
    await stage.office.people.invite(UPLOADS, "ticket-bot")
    await stage.drop("ticket-bot", "exported.csv", SHORT, why="another app")


async def lists_undone(stage: Stage) -> None:
    """Buttons of lists that were settled since, by the other admin."""
    press = partial(stage.press_old, channel=UPLOADS)
    await stage.drop("admin", "cancelled.csv", SHORT, until="cancelled.csv")
    await stage.press("second-admin", "Cancel", until="cancelled by")
    await stage.drop("admin", "done.csv", SHORT, until="done.csv")
    await stage.press("second-admin", "Opt out 2", until="opted out")
    await stage.drop("admin", "waits.csv", "phone,team\n2125550142,a\n", until="waits.csv")
    for label, action, value, why in (
        ("Opt out 2 phones", "upload.confirm", json.dumps({"upload": 1}), "cancelled since"),
        ("Cancel", "upload.cancel", "1", "cancelled since"),
        ("Scrub it instead", "upload.scrub", "1", "cancelled since"),
        ("Country", "upload.country", json.dumps({"upload": 1, "country": "GB"}), "cancelled since"),
        ("Read it again", "upload.again", "1", "cancelled since"),
        ("Opt out 2 phones", "upload.confirm", json.dumps({"upload": 2}), "confirmed since"),
        ("Cancel", "upload.cancel", "2", "confirmed since"),
        ("Stop", "upload.stop", "2", "done since"),
        ("Continue", "upload.continue", "2", "never stopped"),
        ("Undo this upload", "upload.undo", "3", "waits still"),
        ("Opt out 1 phone", "upload.confirm", json.dumps({"upload": 3, "fingerprint": "0"}), "read again since"),
        ("Use Team", "upload.column", json.dumps({"upload": 3, "column": "team"}), "never offered"),
        ("Country", "upload.country", json.dumps({"upload": 3, "country": "ZW"}), "never offered"),
        ("Look it up", "upload.look", "3", "never offered"),
        ("Opt out 1 phone", "upload.want", json.dumps({"upload": 3}), "asked for by all"),
        ("Opt out 9 phones", "upload.confirm", json.dumps({"upload": 99}), "no such upload"),
    ):
        await press("admin", label, action, value, why=why)
    await press("support", "Cancel", "upload.cancel", "3", why="somebody else's list")
    await press("support", "Scrub it instead", "upload.scrub", "3", why="somebody else's list")
    await press("support", "Read it again", "upload.again", "3", why="somebody else's list")
    turn_back(stage.office.store, "finished_at", timedelta(days=30))
    await press("admin", "Undo this upload", "upload.undo", "2", why="too late")


async def buttons(stage: Stage) -> None:
    press = stage.press_old
    await press("support", "Opt out", "optout.add", "nobody", why="no phone in it")
    await press("support", "Show in channel", "lookup.show", "nobody", why="no phone in it")
    stop = stage.office.store.optouts.find(stage.office.account.id, STOPPED)
    before = json.dumps({"phone": STOPPED, "seen": stop.last_entry})
    await stage.office.opt_out(STOPPED, by="support", reason="called again")
    await press("admin", "Allow texts again", "optout.delete", before, why="opted out again since")
    never = json.dumps({"phone": "+12125550188", "seen": 1})
    await press("admin", "Allow texts again", "optout.delete", never, why="not opted out any more")
    await press("admin", "Allow texts again", "allow.yes", "99", why="no such request")
    await stage.office.opt_out(ONE, by="support", reason="legal threat: she will sue")
    await stage.command("admin", f"/optout delete {ONE} because her lawyer wrote that it is fine")
    await stage.press("admin", "Allow texts again", until="second admin", told=1)
    asked = await _carried(stage, "second-admin", "allow.yes")
    await press("admin", "Allow texts again", "allow.yes", asked, why="their own request")
    await stage.press("second-admin", "Keep opted out", directly=True, until="stays opted out")
    await press("second-admin", "Allow texts again", "allow.yes", asked, why="decided since")


async def buttons_of_leavers(stage: Stage) -> None:
    await stage.office.people.update_user("second-admin", deleted=True)
    value = json.dumps({"phone": STOPPED, "seen": 99})
    await stage.press_old("second-admin", "Allow texts again", "optout.delete", value, why="deactivated")


async def requests(stage: Stage) -> None:
    """What was handed over, and is not open any more; each admin has it in a message of their own."""
    press = stage.press_old
    await press("guest", "Ask Avery Quinn to do this", "handover.ask", "magic - 1", why="nothing that can be done")
    await press("admin", "Opt out", "handover.do", "99", why="no such request")
    await stage.command("guest", "/optout add 212 555 0160 because she asked twice", channel=TICKETS, why="a guest")
    offer = await _carried(stage, "guest", "handover.ask")
    await stage.press("guest", "Ask Avery", until="asks you to", told=2)
    await stage.command("guest", "/optout add 212 555 0160 because she asked twice", channel=TICKETS, why="a guest")
    asked = await _carried(stage, "admin", "handover.do")
    await stage.press("guest", "Ask Avery", why="asked already")
    await press("admin", "Ask Avery Quinn to do this", "handover.ask", offer, why="an admin by now")
    await stage.press("second-admin", "Decline", directly=True, until="declined to", told=3)
    await press("admin", "Opt out", "handover.do", asked, why="declined since")
    await stage.command("guest", "/optout add 212 555 0161 because she asked twice", channel=TICKETS, why="a guest")
    await stage.press("guest", "Ask Avery", until="asks you to", told=2)
    asked = await _carried(stage, "admin", "handover.do")
    turn_back_handovers(stage.office.store, timedelta(days=30))
    stage.office.service.desk.handovers.loop.poke()
    await stage.press_old("admin", "Decline", "handover.decline", asked, until="in time", told=3, why="expired")


async def forms(stage: Stage) -> None:
    async def opened(who: str, button: str) -> None:
        await stage.close(who)
        await stage.command(who, "/optout")
        await stage.press(who, button)

    async def each(who: str, button: str, *tries: tuple[dict[str, object], str, str]) -> None:
        await opened(who, button)
        for values, words, why in tries:
            await stage.submit(who, values, words, why=why)

    await each(
        "support",
        "Opt numbers out",
        ({"form.numbers": "nobody"}, "no number", "no number"),
        ({"form.numbers": "12345"}, "`12345`", "no phone"),
        ({"form.numbers": MANY}, "201 numbers", "too many"),
        ({"form.numbers": "please do not opt out 212 555 0100"}, "a number and other words", "other words"),
        ({"form.numbers": "212 555 0100", "form.country": "Narnia"}, "the country Narnia", "no such country"),
    )
    await each(
        "support",
        "Look a number up",
        ({"form.number": "nobody"}, "no number", "no number"),
        ({"form.number": "12345"}, "`12345`", "no phone"),
        ({"form.number": "212 555 0100, 212 555 0101"}, "two numbers", "more than one"),
    )
    await each(
        "admin",
        "History",
        ({"history.of": "nobody"}, "nobody", "found nothing"),
    )
    await stage.close("admin")
    await stage.command("admin", "/optout settings")
    state = await stage.office.people.state()
    archived, guest, app = state.channel(ARCHIVED).id, state.user("guest")["id"], state.user("ticket-bot")["id"]
    for values, words, why in (
        ({"settings.country": "Narnia"}, "the country Narnia", "no such country"),
        (
            {"settings.country": "US", "settings.undo_days": "9999 days"},
            "9999 days to undo",
            "above the operator's limit",
        ),
        ({"settings.undo_days": "soon"}, "a time that is none", "no time"),
        ({"settings.undo_days": "", "settings.max_list_bytes": "9 TB"}, "lists of 9 TB", "above the operator's limit"),
        ({"settings.max_list_bytes": "", "settings.support": "groups"}, "groups, and none chosen", "locks all out"),
        (
            {"settings.support": "everyone", "settings.waiting_channel": archived},
            f"#{ARCHIVED} for what waits",
            "archived",
        ),
        ({"settings.waiting_channel": None, "settings.admins": [guest]}, "a guest as an admin", "a guest"),
        ({"settings.admins": [app]}, "Ticket Bot as an admin", "another app"),
    ):
        await stage.submit("admin", values, words, why=why)
    await stage.settings_are(lookups="asker")
    now = {"settings.support": "everyone", "settings.admins": []}
    await stage.submit("admin", now, "a form of before", why="changed since")
    await stage.close("admin")
    await stage.command("admin", "/optout passing")
    await stage.press("admin", "New webhook")
    uploads = state.channel(UPLOADS).id
    sound = {"name": "Bridge", "address": "https://example.org/hook", "channel": uploads}
    for wrong, words, why in (
        ({"name": " "}, "a blank for a name", "nothing in it"),
        ({"address": "example.org"}, "example.org", "no web address"),
        ({"address": "https://me:secret@example.org/"}, "an address with a password", "messages are signed instead"),
        ({"address": "http://example.org/"}, "an address without TLS", "anybody could read along"),
        ({"channel": archived}, f"#{ARCHIVED}", "archived"),
    ):
        filled = {f"destination.{name}": value for name, value in (sound | wrong).items()}
        await stage.submit("admin", filled, words, why=why)
    await stage.close("admin")
    await stage.press("admin", "New at Twilio")
    sound = {"name": "Twilio", "login": f"AC{'0a' * 16}", "secret": "hunter2hunter2hunter2", "channel": uploads}
    sound |= {"address": f"MG{'0b' * 16}"}
    for wrong, words, why in (
        ({"address": "212 555 0100"}, "212 555 0100 for the sender", "neither a service nor a whole number"),
        ({"login": sound["address"]}, "a service's SID for the account's", "of another kind"),
        ({"secret": "hunter2"}, "hunter2 for the token", "too short"),
    ):
        filled = {f"destination.{name}": value for name, value in (sound | wrong).items()}
        await stage.submit("admin", filled, words, why=why)
    await stage.close("admin")
    await stage.press("admin", "New in NGP VAN")
    sound = {"name": "VAN", "login": "acmeTexting", "channel": uploads}
    sound |= {"secret": "7c9e6679-7425-40de-944b-e07fc1f90ae7|1"}
    for wrong, words, why in (
        ({"login": "acme texting"}, "a blank in the application name", "no such name signs in"),
        ({"secret": sound["secret"].replace("|1", "|0")}, "a key that ends with |0", "nothing can be changed there"),
        ({"secret": "hunter2"}, "hunter2 for the key", "no key of VAN's"),
    ):
        filled = {f"destination.{name}": value for name, value in (sound | wrong).items()}
        await stage.submit("admin", filled, words, why=why)
    await stage.close("admin")


async def forms_of_lists(stage: Stage) -> None:
    people = stage.office.people
    mine = (await people.drop("support", None, "mine.csv", SHORT.encode())).file
    theirs = (await people.drop("admin", None, "theirs.csv", SHORT.encode())).file
    state = await people.state()
    channels = {name: state.channel(name).id for name in (UPLOADS, PRIVATE, SHARED, ARCHIVED)}
    await stage.command("support", "/optout upload")

    async def send(file: str | None, channel: str, words: str, why: str) -> None:
        await stage.submit("support", {"form.file": [file], "form.channel": channels[channel]}, words, why=why)

    await send(mine, PRIVATE, "to a channel without the desk", "the desk is not there")
    await send(mine, SHARED, "to a channel that is shared", "others read along")
    await send(mine, ARCHIVED, "to a channel that is archived", "archived")
    await send(theirs, UPLOADS, "somebody else's file", "somebody else's file")


async def forms_about_one(stage: Stage) -> None:
    await stage.command("admin", f"/optout delete {STOPPED}")
    await stage.press("admin", "Allow texts again")
    await stage.submit("admin", {"optout.why": "?"}, "a question mark", why="no words")
    await stage.close("admin")
    await stage.command("admin", f"/optout {STOPPED}")
    await stage.press("admin", "Add a remark")
    await stage.submit("admin", {"remark.text": " "}, "a blank", why="nothing in it")
    await stage.close("admin")
    await stage.drop("admin", "contacts.csv", until="contacts.csv")
    await stage.press("admin", "Opt out 60")
    await stage.submit("admin", {"upload.number": "61"}, "61", why="another number")
    await stage.close("admin")


async def forms_of_leavers(stage: Stage) -> None:
    await stage.command("second-admin", f"/optout {STOPPED}")
    await stage.press("second-admin", "Add a remark")
    await stage.office.people.update_user("second-admin", deleted=True)
    await stage.submit("second-admin", {"remark.text": "theirs"}, "a remark", why="deactivated meanwhile")


async def message_menu(stage: Stage) -> None:
    await stage.check("support", "Please call them back, thanks.", why="no phone in it")
    await stage.close("support")
    await stage.check("support", "Call 212 555 0119.")
    values = {"check.phones.0": [], "check.cause": "asked to stop"}
    await stage.submit("support", values, "nothing ticked", why="nothing ticked")
    await stage.close("support")


async def _carried(stage: Stage, who: str, action_id: str) -> str:
    """What the latest button *action_id* that *who* alone sees, or in a direct message, carries."""
    state = await stage.office.people.state()
    direct = state.direct(who)
    messages = [*reversed(state.ephemerals(who)), *reversed(list(direct.everything if direct else ()))]
    buttons = (button for message in messages for button in message.buttons if button.action_id == action_id)
    value = next(buttons).value
    assert value is not None
    return value


Scene = Callable[[Stage], Awaitable[None]]
REFUSALS: Final[dict[str, tuple[Scene, ...]]] = {
    "`/optout`": (commands, commands_elsewhere, commands_while_away),
    "A mention": (mentions, mentions_deleted),
    "A direct message": (direct_messages,),
    "A list": (lists, lists_of_other_apps),
    "A button of a list": (lists_undone,),
    "A button": (buttons, buttons_of_leavers),
    "A request that was handed over": (requests,),
    "A form": (forms, forms_of_lists, forms_about_one, forms_of_leavers),
    "*Check opt-outs*": (message_menu,),
}


async def go_wrong(stage: Stage, surface: str) -> None:
    """All that goes wrong on *surface*."""
    stage.surface = surface
    for scene in REFUSALS[surface]:
        await scene(stage)
