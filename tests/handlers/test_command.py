"""`/optout` as people use it: the real app over the embedded Slack's sockets."""

import re

import pytest
import yaml

from bot.manifest import manifest
from bot.sandbox import SandboxMessage, State
from store import Function
from tests.handlers.conftest import ADMINS, TICKETS, Office

ONE = "+12125550100"
TWO = "+12125550101"


async def test_add_answers_in_one_message(office: Office) -> None:
    """The message in the channel has number, state and reason of each of three, and their form in which they are kept, once."""
    root = await office.ask("admin", "add 212-555-0100, 12345, +44 7911 123456 reason:asked by e-mail")
    admin = await office.actor("admin")
    assert root.text.split("\n") == [
        f"*(212) 555-0100 and 07911 123456 (United Kingdom) opted out*: asked by e-mail · by {admin.name}",
        "`12345` is not a phone number: 5 digits, a US number has 10",
    ]
    assert root.all_text.count("`+12125550100` · `+447911123456`") == 1
    assert office.store.optouts.count(office.account.id) == 2
    entry = office.store.optouts.find(office.account.id, ONE).standing[0].entry
    assert (entry.function, entry.actor, entry.reason) == (Function.COMMAND, admin, "asked by e-mail")
    assert entry.channel_name == ADMINS


async def test_add_tells_an_opted_out_phone_apart(office: Office) -> None:
    """A phone that is out already says since when and why, and this request is kept as a further reason."""
    await office.opt_out(ONE, by="second-admin", reason="wrote to us")
    root = await office.ask("admin", f"add {ONE}; {TWO}")
    second = await office.actor("second-admin")
    said = root.text
    assert said.startswith(
        "*(212) 555-0101 opted out now* · by admin\n*(212) 555-0100 was already out*: _Opted out by hand"
    )
    assert f"by {second.name} with /optout add<!date" in said
    assert "wrote to us_ · this request is kept as a further reason" in said
    assert len(office.store.optouts.find(office.account.id, ONE).standing) == 2
    assert office.store.optouts.count(office.account.id) == 2


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("212-555-0100 because she asked by mail", "she asked by mail"),
        ("212-555-0100, she asked twice", "she asked twice"),
        ("212-555-0100 - wrong number", "wrong number"),
        ("212-555-0100 (falleció)", "falleció"),
        ("212-555-0100 parce qu'elle l'a demandé reason: and by mail", "and by mail"),
        ("please 212-555-0100 thanks", None),
    ],
)
async def test_add_takes_the_reason_wherever_it_stands(office: Office, text: str, reason: str | None) -> None:
    """The words that a mention understands as a reason are one in a command, unless it names another."""
    await office.ask("support", f"add {text}", channel=TICKETS)
    entry = office.store.optouts.find(office.account.id, ONE).standing[0].entry
    assert (entry.function, entry.reason) == (Function.COMMAND, reason)


async def test_a_sentence_is_a_command(office: Office) -> None:
    """What would be a request in a mention is one behind `/optout`; what is none of the sub-commands still is unknown."""
    await office.ask("support", "please opt out 212-555-0100, she asked twice", channel=TICKETS)
    entry = office.store.optouts.find(office.account.id, ONE).standing[0].entry
    assert (entry.function, entry.reason) == (Function.COMMAND, "she asked twice")
    question = await office.ask("admin", "opt 212-555-0100 back in")
    assert question.text.startswith("*Allow texts to (212) 555-0100 again?*")
    for text, said in (
        ("don't opt out 212-555-0101", "Only looked up, and nothing was changed"),
        ("can you opt out 212-555-0101?", "press the button"),
        ("opt out", "Send `/optout add NUMBERS"),
    ):
        told = await office.ask_alone("support", text, channel=TICKETS)
        assert said in told.all_text
    assert office.store.optouts.count(office.account.id) == 1


async def test_add_asks_where_its_words_leave_a_doubt(office: Office) -> None:
    """To the asker alone, with a button; without one where they say the opposite."""
    asked = await office.ask_alone("support", "add Maria 212-555-0100, she asked twice", channel=TICKETS)
    assert "Only looked up" in asked.all_text
    assert asked.button("optout.add").text == "Opt out (212) 555-0100 · she asked twice"
    for text in ("212-555-0101, or not", "not 212-555-0101", "212-555-0101 if she calls", "212-555-0101 tomorrow"):
        told = await office.ask_alone("support", f"add {text}", channel=TICKETS)
        assert "Only looked up, and nothing was changed" in told.all_text
        assert told.buttons == []
    assert office.store.optouts.count(office.account.id) == 0
    await office.press("support", asked, "optout.add")
    assert office.store.optouts.find(office.account.id, ONE).standing[0].entry.reason == "she asked twice"


async def test_add_says_a_repeated_number_once(office: Office) -> None:
    """However a number is written, it is one phone, one opt-out and one line."""
    root = await office.ask("admin", "add 212 555 0100, (212) 555-0100\n+1 212 555 0100, 12, 12")
    assert root.text.startswith("*(212) 555-0100 opted out now*")
    said = root.blocks[0]["text"]["text"]
    assert root.all_text.count("`+12125550100`") == 1
    assert "given 3 times" in said
    assert said.count("`12`") == 1
    assert len(office.store.optouts.find(office.account.id, ONE).standing) == 1


async def test_add_flags_what_is_not_in_use(office: Office) -> None:
    """A number of the right length in a range nobody has is recorded all the same, and flagged."""
    root = await office.ask("admin", "add 999-555-0100, 212 555 0100 x12")
    said = root.all_text
    assert "*check this one*" in said
    assert "extension x12 left off" in said
    assert office.store.optouts.find(office.account.id, "+19995550100").opted_out


async def test_add_reads_the_country_given(office: Office) -> None:
    """`country:` applies to numbers without a country code, by code or by name, before or after them."""
    root = await office.ask("admin", "add 07911 123456 country:GB reason: moved abroad")
    assert "+447911123456" in root.all_text
    root = await office.ask("admin", "add country:United Kingdom 07911 123457")
    assert "+447911123457" in root.all_text
    told = await office.ask_alone("admin", "add 07911 123458")
    assert "looks British: add country:GB" in told.text


async def test_add_takes_slack_phone_links(office: Office) -> None:
    """Numbers that Slack turned into links are read; refused ones are shown as the person saw them."""
    root = await office.ask("admin", "add <tel:+12125550100|212-555-0100>, <tel:12345|123-45>", raw=True)
    assert root.text.startswith("*(212) 555-0100 opted out now*")
    assert "`+12125550100`" in root.all_text
    assert "tel:" not in root.all_text


@pytest.mark.wide
async def test_nothing_typed_can_call_a_channel(office: Office) -> None:
    """Mentions, broadcasts and markup in a reason or in place of a number come out as plain words."""
    root = await office.ask("admin", f"add {ONE}, :smile: <!channel> reason:<!channel> @support & <b> *x*")
    said = root.all_text
    assert "<!channel>" not in said
    assert "&amp; &lt;b&gt;" in said
    support = await office.actor("support")
    assert f"<@{support.id}" not in said
    standing = office.store.optouts.find(office.account.id, ONE).standing
    assert standing[0].entry.reason == "<!channel> @support & <b> *x*"


@pytest.mark.wide
async def test_broadcasts_that_arrive_as_markup_are_named(office: Office) -> None:
    """A real `<!here>` from Slack, and links, are kept by the name people saw."""
    people = office.people
    outcome = await people.command(
        "admin", ADMINS, f"/optout add {ONE} reason:<!here> see <https://example.org|the ticket>", raw=True
    )
    assert outcome.ok
    entry = office.store.optouts.find(office.account.id, ONE).standing[0].entry
    assert entry.reason == "@here see the ticket"


async def test_two_hundred_numbers_each_get_their_line(office: Office) -> None:
    """The most a command takes is answered in full, split over replies that Slack accepts."""
    numbers = ", ".join(f"212 555 {number:04}" for number in range(200))
    root = await office.ask("admin", f"add {numbers} reason:{'&' * 500}")
    assert root.text.startswith("*200 phones opted out*")

    def all_there(state: State) -> bool:
        message = state.message(root.ts)
        said = "\n".join(reply.all_text for reply in message.thread) if message else ""
        return len(set(re.findall(r"`(\+1212555\d{4})`", said))) == 200

    await office.people.until(all_there)
    assert office.store.optouts.count(office.account.id) == 200


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("add", "Send `/optout add NUMBERS", id="none"),
        pytest.param("add reason:asked", "Send `/optout add NUMBERS", id="a reason alone"),
        pytest.param(
            "add " + ", ".join(f"212 555 {n:04}" for n in range(5000)),
            "Drop them into #optout-uploads as a CSV file",
            id="5,000 numbers",
        ),
        pytest.param(
            "add " + ", ".join(f"212555{n:04}" for n in range(201)),
            "That is 201 numbers; a command takes up to 200",
            id="201",
        ),
        pytest.param(f"add {ONE} reason:{'x' * 501}", "The reason is too long: 500 characters fit", id="reason"),
        pytest.param(f"add {ONE} country:Nowhere", "There is no country called `Nowhere`", id="country"),
        pytest.param(f"add {ONE} country:", "There is no country called", id="no country"),
        pytest.param("search", "Send `/optout search NUMBER", id="search none"),
        pytest.param(
            "12345",
            "`12345` is not a phone number: 5 digits, a US number has 10.\nSend `/optout search NUMBER` with the whole number.",
            id="bare short",
        ),
        pytest.param(
            "add 12345 reason:asked twice",
            "Send `/optout add NUMBER because asked twice` with the whole",
            id="add short",
        ),
        pytest.param(
            "add 12345, 555-0100 reason:asked",
            "*None of these is a phone number.*\n`12345` is not a phone number: 5 digits, a US number has 10\n"
            "`555-0100` is not a phone number: no area code: 7 digits, a US number has 10\n"
            "Send `/optout add NUMBERS because asked` with whole numbers.",
            id="add two short",
        ),
        pytest.param(f"delete {ONE}, {TWO}", "Texts are allowed again one number at a time.", id="delete two"),
        pytest.param("delete", "Send `/optout delete NUMBER", id="delete none"),
        pytest.param("delete 12", "Send `/optout delete NUMBER` with the whole number.", id="delete short"),
        pytest.param("serch 212 555 0100", "Send `/optout search 212 555 0100", id="misspelt"),
        pytest.param("frobnicate", "`/optout help` says what there is", id="unknown"),
        pytest.param(":tada:", "There is no `/optout :tada:`", id="emoji"),
        pytest.param("country Untied States", "Do you mean United States (US)", id="misspelt country"),
    ],
)
async def test_bad_input_gets_a_sentence(office: Office, text: str, sentence: str) -> None:
    """Whatever cannot be done is explained to the asker alone, and nothing changes."""
    message = await office.ask_alone("admin", text)
    assert sentence in message.all_text
    assert office.store.optouts.count(office.account.id) == 0
    assert (await office.people.state()).channel(ADMINS).messages == []


# aiohttp's, about the size of what our own test client sends.
@pytest.mark.wide
@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
@pytest.mark.parametrize("text", ["2125550100 " * 300_000, "x" * 3_000_000], ids=["numbers", "a wall of letters"])
async def test_three_megabytes_get_a_sentence(office: Office, text: str) -> None:
    """A text no person typed is pointed to a file before anything reads it."""
    message = await office.ask_alone("admin", "add " + text)
    assert message.text.startswith(f"That is {len(text.strip()) + 4:,} characters; a command takes up to 200 numbers")


async def test_what_is_no_number_does_not_stop_the_rest(office: Office) -> None:
    """Letters, emoji and mentions each get their reason; the number among them is opted out."""
    root = await office.ask("support", f"add abc, :wave:, @admin, ٢١٢٥٥٥٠١٠١, {ONE}", channel=TICKETS)
    assert root.text.startswith("*(212) 555-0101 and (212) 555-0100 opted out now*")
    assert "`@admin` is not a phone number" in root.text


async def test_search_says_why(office: Office) -> None:
    """An opted-out phone: since when, each reason's note, conversations, and Delete for an admin."""
    store, account = office.store, office.account.id
    store.campaigns.put(account, "c1", "GOTV October", active=True)
    store.campaigns.put(account, "c2", "Phonebank 2025", active=False)
    store.campaigns.put_conversation(account, "c1", "a", ONE)
    store.campaigns.put_conversation(account, "c2", "b", ONE)
    await office.opt_out(ONE, reason="called us")
    root = await office.ask("admin", f"search {ONE}")
    assert root.text.startswith("*(212) 555-0100 is opted out*: _Opted out by hand by admin")
    said = root.all_text
    assert "called us_" in said
    assert "Conversations: GOTV October (active) opted out · Phonebank 2025 (finished) opted out" in said
    button = root.button("optout.delete")
    assert (button.text, button.style) == ("Allow texts again", "danger")
    by_support = await office.ask("support", ONE)
    assert by_support.text == root.text
    assert by_support.buttons == []


@pytest.mark.parametrize("command", ["", "search "])
async def test_several_numbers_are_looked_up(office: Office, command: str) -> None:
    """All of them in one message, also those that are none; of more than three it has the counts, and its thread the rest."""
    await office.opt_out(TWO, reason="called us")
    root = await office.ask("support", f"{command}{ONE}, {TWO}, 12345", channel=TICKETS)
    said = root.all_text
    assert "*(212) 555-0100 is not opted out.*" in said
    assert "*(212) 555-0101 is opted out*: _Opted out by hand by admin" in said
    assert "`12345` is not a phone number" in said
    assert root.thread == []
    assert [button.text for button in root.buttons] == ["Opt out (212) 555-0100"]
    many = ", ".join(f"21255501{number:02}" for number in range(60))
    root = await office.ask("support", f"{command}{many}", channel=TICKETS, replies=1)
    assert root.text == "*1 of 50 phones is opted out*"
    assert "10 more were not looked up: 50 fit in one message." in root.all_text


async def test_search_of_a_phone_never_heard_of(office: Office) -> None:
    """It is not opted out and never was; a button offers to."""
    root = await office.ask("support", "(212) 555-0100", channel=TICKETS, replies=0)
    assert root.text == "*(212) 555-0100 is not opted out.* It is not on this list and never was."
    assert [button.text for button in root.buttons] == ["Opt out"]


async def test_country_is_shown_and_set(office: Office) -> None:
    """Anyone sees the country; an admin sets it by name, and it applies from then on."""
    shown = await office.ask_alone("support", "country")
    assert shown.text == "Numbers without a country code are read as *United States (US)*."
    root = await office.ask("admin", "country Great Britain", replies=0)
    assert root.text.startswith("Numbers without a country code are now read as *United Kingdom (GB)*")
    root = await office.ask("admin", "add 07911 123456")
    assert "*07911 123456 opted out now*" in root.all_text


async def test_help_names_every_subcommand(office: Office) -> None:
    """Help is the table of sub-commands and says that Do Not Call is separate."""
    asked = await office.ask_alone("support", "help")
    for name in office.service.desk.command.subcommands:
        assert f"`/optout {name}" in asked.all_text
    assert "Do Not Call is a separate list" in asked.all_text


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    "rest", ["", ONE, "GB", "<@U0ADMIN>", "upload:7", "format:desk", "reason:none", "everything", "x" * 50_000]
)
async def test_a_subcommand_asks_for_nothing_it_does_not_name(office: Office, rest: str) -> None:
    """Whatever follows it, what must be allowed is among the actions that docs/surfaces.md shows."""
    command = office.service.desk.command
    for name, subcommand in command.subcommands.items():
        for text in (f"{name} {rest}".strip(), f"  {name.upper()}\t{rest} ".strip()):
            assert command.parse(text).action in subcommand.actions
    [listener] = command.listeners()
    assert command.parse(rest).action in listener.actions


async def test_uploads_of_a_fresh_desk(office: Office) -> None:
    """`uploads` answers even when there was none."""
    outcome = await office.people.command("support", ADMINS, "/optout uploads")
    assert outcome.ok
    await office.people.until(lambda state: bool(state.channel(ADMINS).messages) or bool(state.ephemerals("support")))


async def test_where_the_bot_is_not_a_member(office: Office) -> None:
    """The whole answer goes to the asker alone, with a line on how to invite the bot."""
    message = await office.ask_alone("admin", f"add {ONE}, 12", channel="field-private")
    assert "*(212) 555-0100 opted out now*" in message.all_text
    assert "`12` is not a phone number" in message.all_text
    assert "`+12125550100`" in message.all_text
    assert "/invite @Opt-Out Desk" in message.all_text


async def test_two_hundred_numbers_where_the_bot_is_not_a_member(office: Office) -> None:
    """More than a response_url takes goes on in the direct message: every number has its line."""
    numbers = ", ".join(f"212 555 {number:04}" for number in range(200))
    outcome = await office.people.command("admin", "field-private", f"/optout add {numbers} reason:{'x' * 300}")
    assert outcome.ok

    def all_there(state: State) -> bool:
        direct = state.direct("admin")
        messages = [*state.ephemerals("admin"), *(direct.everything if direct else ())]
        said = "\n".join(message.all_text for message in messages)
        return len(set(re.findall(r"`(\+1212555\d{4})`", said))) == 200

    await office.people.until(all_there)


@pytest.mark.wide
async def test_where_the_channel_is_archived(office: Office) -> None:
    """The same, saying that the channel was archived just now."""
    await office.people.fault(method="chat.postMessage", fault="error", error="is_archived")
    message = await office.ask_alone("admin", f"search {ONE}")
    assert "is not opted out" in message.all_text
    assert "the channel is archived" in message.all_text


async def test_where_another_organisation_reads_along(office: Office) -> None:
    """No number is posted in a channel shared outside: the asker alone is answered."""
    message = await office.ask_alone("support", f"add {ONE}", channel="partner-desk")
    assert "*(212) 555-0100 opted out now*" in message.all_text
    assert "another organisation can read this channel" in message.all_text
    assert (await office.people.state()).channel("partner-desk").messages == []


async def test_a_public_channel_the_bot_was_removed_from(office: Office) -> None:
    """Removed in the middle, the bot still answers."""
    await office.people.kick(TICKETS)
    message = await office.ask_alone("support", f"search {ONE}", channel=TICKETS)
    assert "is not opted out" in message.all_text
    assert "/invite @Opt-Out Desk" in message.all_text
    assert [button.action_id for button in message.buttons] == ["optout.add"]


@pytest.mark.wide
@pytest.mark.parametrize("fault", ["ratelimited", "server_error", "html", "reset"])
async def test_slack_stumbles_once(office: Office, fault: str) -> None:
    """One failing call of Slack's loses no answer: it is tried again, or the asker gets it alone."""
    await office.people.fault(method="chat.postMessage", fault=fault, retry_after=1)
    outcome = await office.people.command("admin", ADMINS, f"/optout add {ONE}")
    assert outcome.ok

    def shown(messages: list[SandboxMessage]) -> bool:
        return any("(212) 555-0100 opted out now*" in message.all_text for message in messages)

    await office.people.until(
        lambda state: shown(list(state.channel(ADMINS).everything)) or shown(state.ephemerals("admin"))
    )
    assert office.store.optouts.count(office.account.id) == 1


async def test_posting_fails_for_good(office: Office) -> None:
    """While posting is refused, the asker alone gets the answer and Slack's word for why."""
    await office.people.fault(method="chat.postMessage", fault="error", error="restricted_action", times=-1)
    message = await office.ask_alone("admin", f"add {ONE}")
    assert "(212) 555-0100 opted out now*" in message.all_text
    assert "`restricted_action`" in message.all_text


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    ("text", "action", "private"),
    [
        (f"stop {ONE}", "", False),
        (f"unsubscribe {ONE} because she asked", "", False),
        (f"désinscrire {ONE}", "", False),
        (f"dar de baja {ONE}", "", False),
        (f"remove {ONE}", "optout.add", True),
        (f"block {ONE} because he asked", "optout.add", True),
        (f"quitar {ONE}", "optout.add", True),
    ],
)
async def test_other_words_for_add(office: Office, text: str, action: str, private: bool) -> None:
    """What plainly says so opts out; what can mean the opposite is asked about, with the button that does it."""
    if private:
        asked = await office.ask_alone("admin", text)
        assert [button.action_id for button in asked.buttons] == [action]
        assert office.store.optouts.count(office.account.id) == 0
    else:
        await office.ask("admin", text)
        assert office.store.optouts.find(office.account.id, ONE).opted_out


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    "words",
    [
        "check",
        "find",
        "lookup",
        "look up",
        "status",
        "why is",
        "buscar",
        "vérifier",
        "check whether",
    ],
)
async def test_other_words_for_search(office: Office, words: str) -> None:
    """A look-up by another name, in any of three languages, changes nothing."""
    await office.opt_out(ONE)
    found = await office.ask("admin", f"{words} {ONE}", replies=0)
    assert "(212) 555-0100 is opted out" in found.text
    assert len(office.store.optouts.find(office.account.id, ONE).opt_outs) == 1


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    "text",
    [
        "is 212 555 0100 out?",
        "Was 212 555 0100 opted out",
        "¿está 212 555 0100 dado de baja?",
        "est-ce que 212 555 0100 est désinscrit ?",
    ],
)
async def test_a_question_is_a_look_up(office: Office, text: str) -> None:
    """Whoever asks about a number is told how it stands, and nothing else happens."""
    found = await office.ask("support", text, replies=0)
    assert found.text.startswith("*(212) 555-0100 is not opted out.*")
    assert office.store.optouts.count(office.account.id) == 0


@pytest.mark.wide_but_first
@pytest.mark.parametrize("words", ["allow {}", "start {}", "lift {}", "undo {}", "undo add {}"])
async def test_other_words_for_delete_with_a_reason(office: Office, words: str) -> None:
    """A reason behind it does not turn it into its opposite, which a sentence without a verb would be."""
    await office.opt_out(ONE)
    question = await office.ask("admin", f"{words.format('212 555 0100')} because wrong number", replies=0)
    assert [button.action_id for button in question.buttons] == ["optout.delete"]
    assert '"wrong number"' in (question.button("optout.delete").value or "")


@pytest.mark.wide_but_first
@pytest.mark.parametrize("name", ["GB", "United Kingdom", "+44", '"GB"'])
async def test_a_reason_behind_the_country(office: Office, name: str) -> None:
    """As the usage has it: the numbers, the country, the reason."""
    root = await office.ask("admin", f"add 07911 123456 country:{name} because she asked")
    assert root.text.startswith("*07911 123456 (United Kingdom) opted out*: she asked")


async def test_what_is_too_short_beside_a_phone(office: Office) -> None:
    """It is named, though words stand behind it; the phone is opted out."""
    root = await office.ask("admin", "add 212 555 0100, 12345 because she asked")
    assert root.text.startswith("*(212) 555-0100 opted out*: she asked")
    assert "`12345` is not a phone number" in root.text


@pytest.mark.wide_but_first
@pytest.mark.parametrize("words", ["opt-in", "allow", "unblock", "dar de alta", "réabonner", "lift", "undo", "restore"])
async def test_other_words_for_delete(office: Office, words: str) -> None:
    """Whatever it is called it is asked about first."""
    await office.opt_out(ONE)
    question = await office.ask("admin", f"{words} {ONE}", replies=0)
    assert "optout.delete" in [button.action_id for button in question.buttons]
    assert office.store.optouts.find(office.account.id, ONE).opted_out


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("serch 212 555 0100", "There is no `/optout serch`. Send `/optout search 212 555 0100`."),
        ("hello there", "There is no `/optout hello`. Send `/optout help`."),
        ("serch Maria", "There is no `/optout serch`. Send `/optout search NUMBERS [country:GB]`."),
        ("histroy Robin Vale", "Send `/optout history Robin Vale`."),
        ("unsubscirbe 212 555 0100", "Send `/optout add 212 555 0100`."),
        ("list", "Send `/optout NUMBER` to look one up"),
        ("scrub", "Drop it into #optout-uploads"),
        ("limpiar", "Drop it into #optout-uploads"),
        ("stop", "Send `/optout add NUMBERS"),
        ("remove", "Send `/optout add NUMBERS"),
        ("opt-in", "Send `/optout delete NUMBER"),
        ("upload 7", "Send `/optout history upload 7`."),
        ("undo", "No list was applied lately"),
        (f"delete {ONE}, {TWO}", f"Send `/optout delete {ONE}` then `/optout delete {TWO}`."),
        ("add Maria", "`Maria` is not a phone number"),
        ("<!channel> now", "There is no `/optout @channel`."),
        ("\u202eadd now", "Send `/optout add NUMBERS"),
        ("x" * 3_000, "`/optout help` says what there is."),
        ("add 12345 because she asked", "Send `/optout add NUMBER because she asked` with the whole number."),
        ("dar de baja 12345 porque lo pidió", "Send `/optout add NUMBER because lo pidió` with the whole number."),
        ("add because she asked", "There is no number in that. Send `/optout add NUMBERS because she asked`."),
        (
            "add because she asked 212 555 0100",
            "The number goes before the reason. Send `/optout add 212 555 0100 because she asked`.",
        ),
        ("remove reason:asked <tel:+12125550100|212-555-0100>", "Send `/optout add 212-555-0100 because asked`."),
        ("add country:GB because asked 07911 123456", "Send `/optout add 07911 123456 country:GB because asked`."),
        ("allow because mistake 212 555 0100", "Send `/optout delete 212 555 0100 because mistake`."),
        ("add 07911 123456 because asked", "Send `/optout add 07911 123456 country:GB because asked`."),
        ("search 07911 123456", "Send `/optout search 07911 123456 country:GB`."),
        (
            f"delete {ONE} and {TWO} because of a mistake",
            f"`/optout delete {ONE} because a mistake` then `/optout delete {TWO} because a mistake`.",
        ),
        ("delet 212 555 0100 because wrong number", "Send `/optout delete 212 555 0100 because wrong number`."),
        (
            "dnc 212 555 0100",
            "There is no `/optout dnc`. Send `/optout add 212 555 0100` to opt out, `/optout search 212 555 0100` to look up.",
        ),
        ("<@U0ADMIN|avery>", "Send `/optout history @avery`."),
    ],
)
async def test_a_mistake_gets_the_line_to_send_instead(office: Office, text: str, said: str) -> None:
    """To whoever typed it alone, ready to copy; nothing is changed."""
    told = await office.ask_alone("admin", text, raw=True)
    assert said in told.all_text
    assert (await office.people.state()).channel(ADMINS).messages == []
    assert office.store.optouts.count(office.account.id) == 0


async def test_upload_opens_its_form(office: Office) -> None:
    """`upload`, by any of its names, is the form that takes a list."""
    assert (await office.people.command("support", ADMINS, "/optout import")).ok
    await office.people.until(
        lambda state: any(view["callback_id"] == "form.upload" for view in state.views("support"))
    )


async def test_help_is_in_three_parts(office: Office) -> None:
    """What everybody may, what support may, what admins may: the last is offered to them for who may not."""
    said = (await office.ask_alone("support", "help")).all_text
    parts = [said.index("*Everybody*"), said.index("*Support and admins*"), said.index("*Admins* (what you send is")]
    assert parts == sorted(parts)
    assert parts[0] < said.index("`/optout upload`") < parts[1]
    assert parts[1] < said.index("*Check opt-outs*") < parts[2]
    assert parts[1] < said.index("`/optout scrub`") < parts[2] < said.index("`/optout delete")
    assert "*Admins*\n" in (await office.ask_alone("admin", "ayuda")).all_text


@pytest.mark.wide
async def test_every_name_means_one_thing(office: Office) -> None:
    """No synonym is another sub-command's name or synonym, and the hint in Slack's composer names each sub-command."""
    subcommands = office.service.desk.command.subcommands.values()
    names = [name for subcommand in subcommands for name in (subcommand.name, *subcommand.synonyms)]
    assert sorted(names) == sorted(set(names))
    hint = yaml.safe_load(manifest())["features"]["slash_commands"][0]["usage_hint"]
    assert {part.split()[0] for part in hint.split(" | ")} == {"NUMBER", *(one.name for one in subcommands)}
