"""The words that come with a list decide what becomes of it: opted out, scrubbed, looked up, asked about, or nothing."""

import asyncio
from datetime import timedelta
from functools import partial

import pytest

from bot.config import Settings
from bot.sandbox import SandboxMessage, State
from handlers.purposes import purpose_of
from handlers.slack.acknowledge import STILL_WORKING
from store import Asked, Choices, Deadlines, Function, Origin, Purpose, Upload, WrongState
from tests.handlers.conftest import TICKETS, Office, on_both_databases
from tests.handlers.slack.test_inbox import all_done
from tests.handlers.test_files import LIST, ONE, THREE, TWO, UPLOADS, drop, says, settled, standing
from tests.handlers.test_settings import decide

SHARED = "partner-desk"
NEVER = {"ask": "never"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A lease that is over soon, so that nothing waits long for the next look."""
    return settings.model_copy(update={"lease_seconds": 1.0})


def labels(message: SandboxMessage) -> list[str]:
    return [button.text for button in message.buttons]


def nobody_out(office: Office) -> bool:
    return standing(office, ONE, TWO, THREE) == [0, 0, 0]


async def asked_alone(office: Office, user: str, words: str = "what is to be done with it?") -> SandboxMessage:
    """Wait until *user* alone is asked."""

    def seen(state: State) -> SandboxMessage | None:
        return next((one for one in state.ephemerals(user) if words in one.all_text), None)

    return await office.people.until(seen)


async def an_upload(office: Office, number: int, *states: str) -> Upload:
    """Wait until upload *number* is in one of *states* and shown as it stands."""

    async def look() -> Upload | None:
        try:
            upload = await asyncio.to_thread(office.store.uploads.get, office.account.id, number)
        except Exception:  # noqa: BLE001  it is not there yet
            return None
        return upload if upload.state in states and not upload.pending else None

    while (upload := await look()) is None:
        await office.people.state(after=(await office.people.state()).version, timeout=0.05)
    return upload


# What the words are

WORDS = {
    "opt out": """
        opt these out
        Opt out!
        please opt these people out
        Please opt out everyone on this list
        opt out all of these, they replied STOP
        opt out because they asked twice
        STOP
        opt-out list
        opt-outs from last night
        stops from Tuesday's send
        new STOP replies
        stop texting these
        please stop these
        don't text these people
        do not text these numbers
        no more texts to these
        unsubscribe them please
        add these to the opt-out list
        take these off the texting list
        please mark these as opted out
        no contactar a estas personas
        dar de baja a estos números
        por favor, no envíen más mensajes a estas personas
        désinscrire ces personnes
        désabonner ces numéros svp
        ne plus envoyer de SMS à ces numéros
        """,
    "scrub": """
        scrub
        please scrub this
        SCRUB this against the list
        scrub, but do not keep the unreadable ones
        remove the opted out
        take out whoever is opted out
        """,
    "scrub, keep unreadable": """
        scrub and keep unreadable
        scrub it, please keep the unreadable rows
        """,
    "look up": """
        which of these are opted out?
        check which are out
        just look these up
        are these opted out?
        can you check these
        how many of these are already out?
        ¿cuáles están de baja?
        lesquels sont désinscrits ?
        vérifiez cette liste
        """,
    "opt in": """
        please opt in these people
        opt these back in
        opt back in
        resubscribe these
        allow texts again for these
        volver a dar de alta a estas personas
        réinscrire ces personnes
        """,
    # Whatever else they are taken for, nobody is opted out by them unasked.
    "not opt out": """
        do not opt these out
        don't opt these out!
        do not opt these out, just check which are out
        not opt-outs, just names
        please don't unsubscribe these
        never opt these out
        no dar de baja
        no los den de baja todavía
        ne pas désinscrire
        should we opt these out?
        did we opt these out yet?
        opt out?
        opt these out? not yet
        these were NOT opted out
        these people want to be texted again
        they texted START
        take these off the opt-out list
        undo the opt out of these
        Robin says to opt these out
        "opt these out"
        > opt these out
        ~opt these out~
        opt these out tomorrow
        I will opt these out later
        opt these out except Maria
        opt out only those in Ohio
        scrub or opt out?
        don't scrub, opt out
        clean this list
        limpiar esta lista
        quita los que ya están de baja
        remove
        here you are
        the list from Robin
        walk list precinct 12
        is this the right file?
        aquí está la lista
        voici la liste
        go ahead
        unscrubbed
        keep unreadable
        """,
}


@pytest.mark.parametrize("expected", [True, False])
@pytest.mark.parametrize(
    ("wish", "words"), [(wish, line.strip()) for wish, lines in WORDS.items() for line in lines.strip().splitlines()]
)
def test_words(wish: str, words: str, expected: bool) -> None:
    """What is said with a list, in three languages, by what becomes of it; whoever is mentioned with it."""
    for said in (words, f"<@U0DESK> {words}", f"{words} <@U0DESK|desk>"):
        purpose, choices = purpose_of(said, {"name": "list.csv", "title": "list"}, expected=expected)
        found = choices.asked or purpose
        if wish == "not opt out":
            assert found != Purpose.OPT_OUT, said
        else:
            assert found == wish, said


@pytest.mark.parametrize(
    ("words", "name", "expected", "wish"),
    [
        ("", "stops.csv", True, "opt out"),
        ("", "stops.csv", False, "unclear"),
        ("<@U1>", "stops.csv", True, "opt out"),
        ("<@U1>", "stops.csv", False, "unclear"),
        ("<@U1> :wave: thanks", "stops.csv", True, "opt out"),
        ("<@U1> :wave: thanks", "stops.csv", False, "unclear"),
        ("", "do_not_contact.csv", True, "opt out"),
        ("", "scrub_me.csv", False, "scrub"),
        ("", "opt-ins.csv", True, "unclear"),
        ("", "opted in October.csv", True, "unclear"),
        ("", "back_in.csv", True, "unclear"),
        ("", "Résultats réinscrits.csv", True, "unclear"),
        ("", "do not opt out.csv", True, "unclear"),
        ("", "not_opted_out.csv", True, "unclear"),
        ("", "sin-bajas.csv", True, "unclear"),
        ("opt these out", "scrub_me.csv", True, "unclear"),
        ("opt these out", "opt-ins.csv", True, "opt out"),
        ("which of these are out?", "scrub_me.csv", True, "look up"),
    ],
)
def test_words_and_names(words: str, name: str, wish: str, expected: bool) -> None:
    """Where nothing is said a list's name can raise a doubt; where dropping is asking, nothing more need be said."""
    purpose, choices = purpose_of(words, {"name": name}, expected=expected)
    assert (choices.asked or purpose) == wish


# What is plainly asked


@pytest.mark.wide
@pytest.mark.parametrize("ask", ["never", "doubts"])
@pytest.mark.parametrize(
    ("channel", "words"), [(TICKETS, "@optout please opt these out"), (UPLOADS, ""), (UPLOADS, "@optout")]
)
async def test_what_is_plainly_asked_is_applied_unasked(office: Office, ask: str, channel: str, words: str) -> None:
    """Words that opt out, or none in an uploads channel, are what the setting is about."""
    await decide(office, ask=ask)
    ts = await drop(office, LIST, channel=channel, text=words, user="support")
    await says(office, ts, "*3 phones opted out*")
    assert standing(office, ONE, TWO, THREE) == [1, 1, 1]


@pytest.mark.wide_but_first
@pytest.mark.parametrize("channel", [TICKETS, UPLOADS])
@pytest.mark.parametrize("ask", ["never", "always"])
async def test_what_is_not_plain_is_asked(office: Office, ask: str, channel: str) -> None:
    """The list is read, and nothing is done before somebody chooses, whatever the settings say; then exactly that."""
    await decide(office, ask=ask)
    ts = await drop(office, LIST, channel=channel, text="@optout here you are", user="support")
    question = await says(office, ts, "*stops.csv: what is to be done with it?* 3 phones to opt out.")
    assert labels(question) == ["Opt out 3 phones", "Scrub it", "Leave it"]
    assert "It was not said plainly what it is for" in question.all_text
    assert (await settled(office)).state == "waiting"
    assert nobody_out(office)
    await office.press("admin", question, "upload.confirm")
    await says(office, ts, "*3 phones opted out*")
    assert standing(office, ONE, TWO, THREE) == [1, 1, 1]


@pytest.mark.wide
async def test_a_mention_without_words_is_not_plain(office: Office) -> None:
    """Outside an uploads channel a name alone does not say what a list is for."""
    await decide(office, **NEVER)
    ts = await drop(office, LIST, channel=TICKETS, text="@optout", user="support")
    question = await says(office, ts, "what is to be done with it?")
    await office.press("support", question, "upload.cancel")
    await says(office, ts, "was cancelled")
    assert nobody_out(office)


@pytest.mark.wide
async def test_a_name_that_says_the_opposite(office: Office) -> None:
    """A list that is called after people who opted in is asked about, also where dropping it is asking."""
    await decide(office, **NEVER)
    ts = await drop(office, LIST, name="opt in October.csv")
    assert labels(await says(office, ts, "what is to be done with it?"))[1:] == ["Scrub it", "Leave it"]
    assert nobody_out(office)


# Scrub it instead


@on_both_databases
@pytest.mark.wide
async def test_scrub_it_instead(office: Office) -> None:
    """Every preview has it: the list comes back without who is out, in place of the preview, and nobody is opted out."""
    await office.opt_out(TWO)
    ts = await drop(office, LIST, user="support")
    preview = await says(office, ts, "2 phones to opt out")
    assert labels(preview) == ["Opt out 2 phones", "Scrub it instead", "Cancel"]
    await office.press("support", preview, "upload.scrub")
    done = await says(office, ts, "1 row removed")
    assert labels(done) == []
    shown = await office.people.until(lambda state: state.message(preview.ts))
    assert (shown.text.endswith("the report is below."), shown.buttons) == (True, [])
    [attached] = await office.people.until(lambda state: [f for reply in state.replies(ts) for f in reply.files])
    assert b"Bob" not in await office.people.download(attached["id"])
    upload = await settled(office)
    assert upload.state == "scrubbed"
    assert standing(office, ONE, TWO, THREE) == [0, 1, 0]
    with pytest.raises(WrongState, match="was scrubbed: nobody was opted out"):
        office.store.uploads.confirm(office.account.id, upload.id, Origin(Function.UPLOAD, upload.actor))


@pytest.mark.wide
async def test_scrub_is_not_for_everybody(office: Office) -> None:
    """Somebody else's list is turned away from its end by an admin alone; who may not scrub may not by a button either."""
    ts = await drop(office, LIST, user="admin")
    preview = await says(office, ts, "3 phones to opt out")
    await office.people.click("support", preview, "upload.scrub")
    assert "besides them only admins can have it scrubbed" in (await office.told("support")).text
    await office.people.click("guest", preview, "upload.scrub")
    assert "Guests cannot" in (await office.told("guest")).text
    assert (await settled(office)).state == "waiting"
    await decide(office, support="nobody")
    ts = await drop(office, LIST, user="support", name="other.csv")
    await office.press("support", await says(office, ts, "3 phones to opt out"), "upload.scrub")
    await office.people.until(
        lambda state: any("scrub lists" in one.text for one in state.ephemerals("support")) or None
    )
    assert (await settled(office)).state == "waiting"


@pytest.mark.wide
async def test_scrub_instead_where_strangers_read_along(office: Office) -> None:
    """What comes back tells who is opted out, so it does not there; the preview stays."""
    ts = await drop(office, LIST, channel=SHARED, text="@optout please opt these out")
    preview = await says(office, ts, "3 phones to opt out")
    await office.people.click("admin", preview, "upload.scrub")
    assert "people of another organisation may read along" in (await office.told("admin")).text
    assert (await settled(office)).state == "waiting"


@pytest.mark.wide
@pytest.mark.parametrize("other", ["upload.scrub", "upload.cancel", "upload.confirm"])
async def test_two_choose_at_once(office: Office, other: str) -> None:
    """One choice is done, the other told how it stands: never both."""
    ts = await drop(office, LIST, channel=TICKETS, text="@optout here you are")
    question = await says(office, ts, "what is to be done with it?")
    await asyncio.gather(
        office.people.click("admin", question, "upload.confirm"),
        office.people.click("second-admin", question, other),
    )
    upload = await an_upload(office, 1, "done", "scrubbed", "cancelled")
    assert standing(office, ONE, TWO, THREE) == ([1, 1, 1] if upload.state == "done" else [0, 0, 0])
    assert (upload.entry_id is not None) is (upload.state == "done")
    files = [file for reply in (await office.people.state()).replies(ts) for file in reply.files]
    assert len(files) == (upload.state == "scrubbed")

    def told(state: State) -> list[str]:
        found = [message.text for name in ("admin", "second-admin") for message in state.ephemerals(name)]
        return [text for text in found if text != STILL_WORKING]

    assert len(await office.people.until(told)) == 1


@pytest.mark.wide
async def test_a_question_that_nobody_answers(office: Office) -> None:
    """It expires as a preview does, and can be read again as one."""
    ts = await drop(office, LIST, channel=TICKETS, text="@optout here you are")
    await says(office, ts, "what is to be done with it?")
    await settled(office)
    work = office.store.uploads.claim(
        "test",
        lease_seconds=60,
        upload=(office.account.id, 1),
        deadlines=Deadlines(timedelta(0), timedelta(0), timedelta(0)),
    )
    assert work is not None
    work.expire().release(settled=None)
    office.service.desk.runner.poke()
    assert labels(await says(office, ts, "stops.csv expired")) == ["Read it again"]
    upload = office.store.uploads.get(office.account.id, 1)
    uploads, by = office.store.uploads, Origin(Function.UPLOAD, upload.actor)
    presses = (
        partial(uploads.confirm, office.account.id, 1, by),
        partial(uploads.scrub_instead, office.account.id, 1),
        partial(uploads.cancel, office.account.id, 1, by),
        partial(uploads.ask, office.account.id, 1, None),
    )
    for press in presses:
        with pytest.raises(WrongState, match="waited too long"):
            press()
    assert nobody_out(office)


# Looked up


@pytest.mark.parametrize("channel", [TICKETS, UPLOADS])
@on_both_databases
@pytest.mark.wide
async def test_looked_up(office: Office, channel: str) -> None:
    """Which of these are out: counts, with a scrub as the way to the rows; no yes is offered and none is taken."""
    await office.opt_out(TWO)
    await decide(office, **NEVER)
    ts = await drop(office, LIST, channel=channel, text="@optout which of these are out?", user="support")
    answer = await says(office, ts, "*stops.csv: 1 of its 3 phones is opted out.*")
    assert labels(answer) == ["Scrub it", "Leave it"]
    upload = await settled(office)
    assert upload.is_look_up
    assert standing(office, ONE, TWO, THREE) == [0, 1, 0]
    with pytest.raises(WrongState, match="was only looked up"):
        office.store.uploads.confirm(office.account.id, upload.id, Origin(Function.UPLOAD, upload.actor))
    assert office.store.summaries.get(office.account.id).waiting_count == 0
    assert "looked up: 1 of its 3 phones is opted out" in (await office.ask("admin", "uploads", replies=0)).all_text
    await office.press("support", answer, "upload.scrub")
    await says(office, ts, "1 row removed")


@pytest.mark.wide
async def test_a_look_up_takes_the_right_to_look_up(office: Office) -> None:
    """Who may not look a number up may not by a list; and not where strangers read along."""
    await decide(office, support="nobody")
    await drop(office, LIST, channel=TICKETS, text="@optout which of these are out?", user="support")
    assert "Only support and admins can look phones up" in (await office.told("support")).text
    await drop(office, LIST, channel=SHARED, text="@optout which of these are out?")
    assert "was not looked up and nothing was changed" in (await office.told("admin")).text
    assert office.store.uploads.list(office.account.id, 9) == ()


@pytest.mark.wide
async def test_a_look_up_is_left(office: Office) -> None:
    """*Leave it* takes its buttons off; what was found stays there."""
    ts = await drop(office, LIST, channel=TICKETS, text="@optout check these")
    answer = await says(office, ts, "0 of its 3 phones are opted out")
    await office.press("admin", answer, "upload.cancel")
    await an_upload(office, 1, "cancelled")
    [left] = (await office.people.state()).replies(ts)
    assert "0 of its 3 phones are opted out" in left.text
    assert labels(left) == []


# The opposite


@pytest.mark.wide
@pytest.mark.parametrize("channel", [TICKETS, UPLOADS])
async def test_the_opposite_is_no_list_of_ours(office: Office, channel: str) -> None:
    """People are let back in one at a time: the list is not read, and may be scrubbed or looked up instead."""
    await office.opt_out(TWO)
    await decide(office, **NEVER)
    ts = await drop(office, LIST, channel=channel, text="@optout please opt in these people", user="support")
    answer = await says(office, ts, "one number at a time")
    assert "`/optout delete NUMBER`" in answer.text
    assert labels(answer) == ["Scrub it", "Look it up"]
    upload = await settled(office)
    assert (upload.state, upload.choices.asked, upload.sha256) == ("refused", Asked.OPT_IN, None)
    assert standing(office, ONE, TWO, THREE) == [0, 1, 0]
    await office.people.click("second-admin", answer, "upload.look")
    counts = await says(office, ts, "1 of its 3 phones is opted out")
    await office.press("support", counts, "upload.scrub")
    await says(office, ts, "1 row removed")
    assert standing(office, ONE, TWO, THREE) == [0, 1, 0]


# Words that come late, or twice


@pytest.mark.wide
@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("@optout which of these are out?", "0 of its 3 phones are opted out"),
        ("@optout please opt in these people", "one number at a time"),
        ("@optout here you are", "what is to be done with it?"),
    ],
)
async def test_words_that_come_behind_their_file(office: Office, words: str, answer: str) -> None:
    """Slack tells of the file first: it waits for a yes by then, which the words take away; nothing else is made of it."""
    await office.people.fault(delivery="app_mention", fault="late", seconds=1.0)
    ts = await drop(office, LIST, text=words)
    await says(office, ts, answer)
    upload = await settled(office)
    assert len(office.store.uploads.list(office.account.id, 9)) == 1
    assert upload.choices.asked is not None
    assert nobody_out(office)


@pytest.mark.wide
async def test_words_are_waited_for_where_lists_are_applied_unasked(office: Office) -> None:
    """Their mention is handed out some time after the file: by then nobody was opted out against them."""
    await decide(office, **NEVER)
    await office.people.fault(delivery="app_mention", fault="late", seconds=0.5)
    ts = await drop(office, LIST, text="@optout which of these are out?")
    await says(office, ts, "0 of its 3 phones are opted out")
    assert nobody_out(office)


@pytest.mark.wide
async def test_words_that_come_too_late(office: Office) -> None:
    """What was applied before them stands, and their answer says how to take it back."""
    await decide(office, **NEVER)
    await office.people.fault(delivery="app_mention", fault="late", seconds=6.0)
    ts = await drop(office, LIST, text="@optout which of these are out?")
    await says(office, ts, "*3 phones opted out*")
    assert "*Undo this upload*" in (await says(office, ts, "before I read these words")).text


@pytest.mark.wide
async def test_words_are_edited(office: Office) -> None:
    """To ask less of a list it is enough to edit what was said; to ask more it is said again."""
    ts = await drop(office, LIST, channel=TICKETS, text="@optout please opt these out")
    await says(office, ts, "3 phones to opt out")
    await settled(office)
    await office.people.edit("admin", TICKETS, ts, "@optout which of these are out?")
    await says(office, ts, "0 of its 3 phones are opted out")
    await settled(office)
    await decide(office, **NEVER)
    await office.people.edit("admin", TICKETS, ts, "@optout please opt these out")
    await all_done(office)
    assert (await settled(office)).is_look_up
    assert nobody_out(office)


def receive(office: Office, upload: Upload, choices: Choices) -> tuple[Upload, bool]:
    return office.store.uploads.receive(
        office.account.id,
        file_id=upload.file_id,
        file_name=upload.file_name,
        channel_id=upload.channel_id,
        channel_name=upload.channel_name,
        thread_ts=upload.thread_ts,
        permalink=None,
        actor=upload.actor,
        country="US",
        choices=choices,
    )


@pytest.mark.wide
async def test_wishes_only_grow_more_careful(office: Office) -> None:
    """A repeated event, or one without words, never turns a look-up back into an opt-out."""
    ts = await drop(office, LIST, channel=TICKETS, text="@optout check these")
    await says(office, ts, "0 of its 3 phones are opted out")
    upload = await settled(office)
    for asked in (None, Asked.UNCLEAR, Asked.LOOK_UP):
        same, changed = receive(office, upload, Choices(asked=asked))
        assert (same.choices.asked, changed) == (Asked.LOOK_UP, False)
    other, changed = receive(office, upload, Choices(asked=Asked.OPT_IN))
    assert (other.state, other.choices.asked, changed) == ("received", Asked.OPT_IN, True)


# Where nobody spoke to the desk


@on_both_databases
@pytest.mark.parametrize("ask", ["always", "never"])
@pytest.mark.wide
async def test_a_list_that_nobody_spoke_of(office: Office, ask: str) -> None:
    """Its dropper alone is asked; an admin's choice is done, in the thread of the file, where all see it."""
    await decide(office, ask=ask)
    ts = await drop(office, LIST, channel=TICKETS)
    question = await asked_alone(office, "admin")
    assert labels(question) == ["Opt out 3 phones", "Scrub it", "Leave it"]
    assert "3 phones to opt out" in question.all_text
    assert "Only you see this." in question.all_text
    assert (await office.people.state()).replies(ts) == []
    assert office.store.uploads.list(office.account.id, 9) == ()
    assert office.store.summaries.get(office.account.id).waiting_count == 0
    assert nobody_out(office)
    await office.press("admin", question, "upload.want")
    await says(office, ts, "*3 phones opted out*")
    assert standing(office, ONE, TWO, THREE) == [1, 1, 1]
    assert labels(await asked_alone(office, "admin", "is being opted out")) == []
    assert len(office.store.uploads.list(office.account.id, 9)) == 1


@pytest.mark.wide
async def test_another_message_s_mention_is_not_the_list_s(office: Office) -> None:
    """Somebody just spoke to the desk in the same channel, of something else."""
    assert (await office.people.message("support", TICKETS, "@optout hello")).ok
    assert (await office.told("support")).text.startswith("Drop a CSV")
    await drop(office, LIST, channel=TICKETS)
    assert "Only you see this." in (await asked_alone(office, "admin")).all_text
    assert nobody_out(office)


@pytest.mark.wide
async def test_whoever_is_no_admin_has_it_asked_of_them(office: Office) -> None:
    """Their choice is a request: the preview stands in the thread then, for an admin's yes."""
    ts = await drop(office, LIST, channel=TICKETS, user="support")
    await office.press("support", await asked_alone(office, "support"), "upload.want")
    await asked_alone(office, "support", "waits for an admin's yes")
    preview = await says(office, ts, "3 phones to opt out")
    assert nobody_out(office)
    await office.press("admin", preview, "upload.confirm")
    await says(office, ts, "*3 phones opted out*")


@pytest.mark.wide
async def test_it_is_scrubbed_or_left(office: Office) -> None:
    """*Scrub it* brings it back in the file's thread; *Leave it* is the end, with nothing said there."""
    await office.opt_out(TWO)
    ts = await drop(office, LIST, channel=TICKETS, user="support")
    await office.press("support", await asked_alone(office, "support"), "upload.scrub")
    await says(office, ts, "1 row removed")
    await asked_alone(office, "support", "is being scrubbed")
    ts = await drop(office, LIST, channel=TICKETS, user="admin", name="other.csv")
    await office.press("admin", await asked_alone(office, "admin"), "upload.cancel")
    await asked_alone(office, "admin", "is left as it is")
    await an_upload(office, 2, "cancelled")
    assert (await office.people.state()).replies(ts) == []
    assert standing(office, ONE, TWO, THREE) == [0, 1, 0]


@pytest.mark.wide
async def test_another_column_is_offered_alone(office: Office) -> None:
    """A list whose phones stand in a column of another name is still asked about."""
    await drop(office, LIST.replace(b"phone", b"Mobile"), channel=TICKETS)
    await office.press("admin", await asked_alone(office, "admin", "no column called"), "upload.column")
    assert "3 phones to opt out" in (await asked_alone(office, "admin")).all_text


@pytest.mark.wide
async def test_the_mention_may_come_after_all(office: Office) -> None:
    """Somebody asked alone adds the mention by editing: it is answered for all to see, and the question is over."""
    ts = await drop(office, LIST, channel=TICKETS)
    question = await asked_alone(office, "admin")
    upload = await an_upload(office, 1, "waiting")
    heard, changed = receive(office, upload, Choices(asked=None))
    assert (heard.choices, changed) == (Choices(), True)
    office.service.desk.runner.poke()
    preview = await says(office, ts, "3 phones to opt out")
    assert labels(preview)[0] == "Opt out 3 phones"
    await office.people.click("admin", question, "upload.want")
    assert "was asked for since, for all to see" in (await office.told("admin", 1)).text
    assert nobody_out(office)


@pytest.mark.wide
async def test_what_is_no_list_is_left_alone(office: Office) -> None:
    """Pictures, pages, archives, lists without a phone, and what guests drop: nobody is told anything of them."""
    for name, content in (
        ("photo.png", b"\x89PNG"),
        ("plan.pdf", b"%PDF-1.4"),
        ("all.zip", b"PK\x05\x06" + bytes(18)),
        ("turnout.csv", b"county,turnout\nKent,71\nEssex,66\n"),
    ):
        await drop(office, content, channel=TICKETS, name=name)
    await drop(office, LIST, channel=TICKETS, user="guest", name="guests.csv")
    await drop(office, LIST, channel=TICKETS, name="last.csv")
    await asked_alone(office, "admin", "*last.csv: what")
    state = await office.people.state()
    assert [len(state.ephemerals(user)) for user in ("admin", "guest")] == [1, 0]
    assert all(message.thread == [] for message in state.channel(TICKETS).messages)


@pytest.mark.wide
async def test_an_account_may_want_no_such_question(office: Office) -> None:
    """Slack is then asked nothing about files in other channels."""
    await decide(office, elsewhere="leave")
    before = len(await office.people.calls())
    await drop(office, LIST, channel=TICKETS)
    await says(office, await drop(office, LIST, name="next.csv"), "3 phones to opt out")
    asked = (await office.people.calls())[before:]
    assert len({call["arguments"]["file"] for call in asked if call["method"] == "files.info"}) == 1


async def directly(office: Office, user: str, words: str) -> SandboxMessage:
    """Wait for what the desk says of a list in the direct messages of *user*."""

    def there(state: State) -> SandboxMessage | None:
        channel = state.direct(user)
        return next((one for one in (channel.everything if channel else ()) if words in one.all_text), None)

    return await office.people.until(there)


async def with_button(office: Office, user: str, action: str) -> SandboxMessage:
    """Wait for a direct message to *user* with a button *action*."""

    def there(state: State) -> SandboxMessage | None:
        channel = state.direct(user)
        found = channel.everything if channel else ()
        return next((one for one in found if action in [button.action_id for button in one.buttons]), None)

    return await office.people.until(there)


@pytest.mark.wide
@pytest.mark.parametrize(
    ("words", "said", "action"),
    [
        ("opt these out", "3 phones to opt out", "upload.confirm"),
        ("", "what is to be done", "upload.want"),
        ("which of these are out?", "opted out", None),
        ("opt in these people", "", "upload.look"),
        ("scrub", "stops", None),
    ],
)
async def test_lists_in_a_direct_message(office: Office, words: str, said: str, action: str | None) -> None:
    """They are shown and decided there, by what the words ask; nobody is opted out unasked."""
    assert (await office.people.drop("admin", "@bot", "stops.csv", LIST, text=words or None)).ok
    shown = await directly(office, "admin", said)
    if action is not None:
        shown = await with_button(office, "admin", action)
    assert nobody_out(office)
    if action in {"upload.confirm", "upload.want"}:
        await office.press("admin", shown, action)
        await directly(office, "admin", "3 phones opted out")
        assert not nobody_out(office)


@pytest.mark.wide
async def test_a_members_list_in_a_direct_message(office: Office) -> None:
    """What they drop without words is asked of them, and then of the admins, as any list is."""
    await decide(office, support="nobody")
    assert (await office.people.drop("support", "@bot", "stops.csv", LIST)).ok

    await office.press("support", await with_button(office, "support", "upload.want"), "upload.want")
    told = await directly(office, "admin", "A list waits for a yes")
    assert "in a direct message" in told.all_text
    assert nobody_out(office)
    await office.press("admin", told, "upload.confirm")
    await directly(office, "support", "3 phones opted out")


async def test_a_guests_list_in_a_direct_message(office: Office) -> None:
    """It is not taken, and they are told who can."""
    assert (await office.people.drop("guest", "@bot", "stops.csv", LIST)).ok
    assert "admin and second-admin can." in (await office.told("guest")).text
    assert office.store.uploads.list(office.account.id, 9) == ()
