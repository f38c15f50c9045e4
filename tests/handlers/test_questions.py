"""Questions on how a dropped list is read, as people see and answer them: the real app over the embedded Slack's sockets."""

import asyncio
from dataclasses import replace

import pytest

from bot.config import Settings
from bot.sandbox import SandboxMessage
from store import Function, Origin, UploadState, WrongState
from tests.handlers.conftest import Office, on_both_databases
from tests.handlers.test_files import drop, says, settled, standing

ONE, TWO, THREE, FOUR = "+12125550101", "+12125550102", "+12125550103", "+12125550104"
STATUS = f"phone,sms_opted_out\n{ONE},FALSE\n{TWO},TRUE\n{THREE},FALSE\n{FOUR},TRUE\n".encode()
WAYS = "Which rows are to be opted out?"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A lease that is over soon, so that nothing waits long for the next look."""
    return settings.model_copy(update={"lease_seconds": 1.0})


def buttons(message: SandboxMessage) -> list[str]:
    return [button.text for button in message.buttons]


async def choose(office: Office, message: SandboxMessage, label: str, *, user: str = "admin") -> None:
    """Press the button *label*."""
    value = next(button.value for button in message.buttons if button.text == label)
    outcome = await office.people.click(user, message, "upload.read", value=value)
    assert outcome.ok, outcome


async def ask_never(office: Office) -> None:
    account = office.store.accounts.get(office.account.id)
    by = Origin(Function.SETTING, await office.actor("admin"))
    office.store.accounts.change(account.id, by, settings=replace(account.settings, ask="never"))


@on_both_databases
@pytest.mark.wide
async def test_who_is_meant_is_chosen_with_one_click(office: Office) -> None:
    """The column is named with its values and counts; until somebody chose there is no way to opt out, and then those alone."""
    ts = await drop(office, STATUS)
    asked = await says(office, ts, WAYS)
    assert '"sms_opted_out" says "FALSE" in 2 rows and "TRUE" in 2.' in asked.all_text
    assert buttons(asked) == ['Only the 2 that say "TRUE"', "All 4 rows", "Scrub it instead", "Cancel"]
    upload = await settled(office)
    by = Origin(Function.UPLOAD, await office.actor("admin"))
    with pytest.raises(WrongState, match="more than one way"):
        office.store.uploads.confirm(office.account.id, upload.id, by, fingerprint=upload.fingerprint)

    await choose(office, asked, 'Only the 2 that say "TRUE"')
    preview = await says(office, ts, "2 phones to opt out")
    assert preview.ts == asked.ts
    assert 'Only the rows that say "TRUE" in "sms_opted_out" count' in preview.all_text
    assert "2 rows were left out" in preview.all_text
    assert "All 4 rows" in buttons(preview)
    await office.press("admin", preview, "upload.confirm")
    await says(office, ts, "phones opted out*")
    assert standing(office, ONE, TWO, THREE, FOUR) == [0, 1, 0, 1]


@pytest.mark.wide
async def test_a_list_with_a_question_is_never_applied_unasked(office: Office) -> None:
    """Whatever the settings say, nobody is opted out before it is known who is meant; then the setting holds."""
    await ask_never(office)
    ts = await drop(office, STATUS)
    asked = await says(office, ts, WAYS)
    upload = await settled(office)
    assert (upload.state, standing(office, ONE, TWO)) == (UploadState.WAITING, [0, 0])
    await choose(office, asked, 'Only the 2 that say "TRUE"')
    await says(office, ts, "phones opted out*")
    assert standing(office, ONE, TWO, THREE, FOUR) == [0, 1, 0, 1]


@pytest.mark.wide
async def test_a_country_for_each_row_is_chosen(office: Office) -> None:
    """Each phone is then the one that its row means."""
    ts = await drop(office, b"country,phone\nUS,212-555-0101\nIN,9195550123\nGB,07400 123456\n")
    asked = await says(office, ts, "Which country are they from?")
    assert buttons(asked)[:2] == ['Country of each row from "country"', "All as United States"]
    await choose(office, asked, 'Country of each row from "country"')
    preview = await says(office, ts, "3 phones to opt out")
    await office.press("admin", preview, "upload.confirm")
    await says(office, ts, "phones opted out*")
    assert standing(office, ONE, "+919195550123", "+447400123456", "+19195550123") == [1, 1, 1, 0]


@pytest.mark.wide
async def test_several_columns_without_phone_are_chosen_from(office: Office) -> None:
    """A list that cannot be read before has the same buttons, and columns called alike are told apart."""
    ts = await drop(office, f"Name,Tel,Tel\nAna,{ONE},{TWO}\nBo,{THREE},\n".encode())
    asked = await says(office, ts, "look like phone numbers")
    assert "2 columns called Tel (columns 2 and 3)" in asked.all_text
    assert buttons(asked) == ["Both columns", 'Only "Tel"', 'Only "Tel (2nd)"']
    await choose(office, asked, "Both columns")
    preview = await says(office, ts, "3 phones to opt out")
    assert "2 rows" in preview.all_text
    assert "repeated" not in preview.all_text
    await office.press("admin", preview, "upload.confirm")
    report = await says(office, ts, "phones opted out*")
    assert "repeated" not in report.all_text
    assert standing(office, ONE, TWO, THREE) == [1, 1, 1]


@pytest.mark.wide
async def test_a_log_offers_the_voters_column_alone(office: Office) -> None:
    """The campaign's own number is in every row, and no button opts it out."""
    own = "+16465550199"
    log = "From,To,Body\n" + "".join(f"{phone},{own},STOP\n" for phone in (ONE, TWO, THREE))
    ts = await drop(office, log.encode())
    asked = await says(office, ts, "one number in every row")
    assert buttons(asked) == ['Only "From"']
    await choose(office, asked, 'Only "From"')
    preview = await says(office, ts, "3 phones to opt out")
    await office.press("admin", preview, "upload.confirm")
    await says(office, ts, "phones opted out*")
    assert standing(office, ONE, TWO, THREE, own) == [1, 1, 1, 0]


@on_both_databases
@pytest.mark.wide
async def test_two_admins_who_choose_differently_see_one_outcome(office: Office) -> None:
    """The later choice is how the list is read; a yes to what is not shown any more opts nobody out."""
    ts = await drop(office, STATUS)
    asked = await says(office, ts, WAYS)
    await settled(office)
    only, whole = (button.value for button in asked.buttons[:2])
    outcomes = await asyncio.gather(
        office.people.click("admin", asked, "upload.read", value=only),
        office.people.click("second-admin", asked, "upload.read", value=whole),
        office.people.click("admin", asked, "upload.read", value=only),
    )
    assert all(outcome.ok for outcome in outcomes)
    upload = await settled(office)
    assert upload.state is UploadState.WAITING
    assert not upload.undecided
    assert upload.phones == (4 if dict(upload.choices.only)["sms_opted_out"] is None else 2)
    shown = await says(office, ts, f"{upload.phones} phones to opt out")
    # The first one's preview is of before: its button is not offered any more, or reads as the one shown.
    await office.press("admin", shown, "upload.confirm")
    await says(office, ts, f"*{upload.phones} phones opted out*")


@on_both_databases
@pytest.mark.wide
async def test_a_choice_that_is_not_offered_any_more_changes_nothing(office: Office) -> None:
    """What an older preview offered, or nobody, is not done: the list was read again, or opted out, since."""
    ts = await drop(office, STATUS)
    asked = await says(office, ts, WAYS)
    upload = await settled(office)
    only = {"only": [["sms_opted_out", ["true"]]]}
    for forged in ({"only": [["sms_opted_out", ["false"]]]}, {"columns": ["phone"]}, {"hidden": True}, {}):
        with pytest.raises(WrongState, match="not offered"):
            office.store.uploads.choose(office.account.id, upload.id, forged)
    await choose(office, asked, 'Only the 2 that say "TRUE"')
    preview = await says(office, ts, "2 phones to opt out")
    await settled(office)
    with pytest.raises(WrongState, match="not offered"):
        office.store.uploads.choose(office.account.id, upload.id, only)
    await office.press("admin", preview, "upload.confirm")
    await says(office, ts, "phones opted out*")
    await settled(office)
    with pytest.raises(WrongState, match="was opted out already"):
        office.store.uploads.choose(office.account.id, upload.id, {"only": [["sms_opted_out", None]]})
    assert standing(office, ONE, TWO) == [0, 1]


@pytest.mark.wide
async def test_whoever_may_not_drop_lists_does_not_choose(office: Office) -> None:
    """A guest gets a no, and the list stays as it is."""
    ts = await drop(office, STATUS)
    asked = await says(office, ts, WAYS)
    await settled(office)
    before = len((await office.people.state()).ephemerals("guest"))
    await choose(office, asked, "All 4 rows", user="guest")
    await office.told("guest", before)
    assert (await settled(office)).undecided


@pytest.mark.wide
async def test_a_scrub_takes_every_phone_and_country_as_they_are(office: Office) -> None:
    """What comes back is about to be texted: nothing is asked, each phone is looked up, and it is said."""
    await office.opt_out(TWO, "+447400123456")
    content = f"country,phone,cell\nUS,{ONE},{TWO}\nGB,07400 123456,\nUS,{THREE},{FOUR}\n".encode()
    ts = await drop(office, content, name="scrub me.csv")
    done = await says(office, ts, "2 rows removed")
    assert '"phone" and "cell" were looked up' in done.all_text
    assert 'each row read with its country from "country"' in done.all_text
    upload = await settled(office)
    assert (upload.state, upload.summary["kept"]) == (UploadState.SCRUBBED, 1)


@pytest.mark.wide
async def test_markup_and_formulas_in_names_and_values_are_shown_as_they_are(office: Office) -> None:
    """A list cannot speak as the desk, call people or fill a message."""
    name, value = "<!channel> *opt out* `x`", "=cmd|' /C calc'!A0 <@U123> yes " + "y" * 200
    rows = [(ONE, value), (TWO, "no"), (THREE, "yes")]
    content = f"phone,{name}\n" + "".join(f'{phone},"{said}"\n' for phone, said in rows)
    ts = await drop(office, content.encode())
    asked = await says(office, ts, WAYS)
    said = "\n".join(block["text"]["text"] for block in asked.blocks if block["type"] == "section")
    assert "&lt;!channel&gt;" in said
    assert not {"<!channel>", "<@U123>"} & set(said.split())
    assert len(said) < 1_000
    assert all(len(text) <= 75 for text in buttons(asked))
    assert all(len(button.value or "") <= 2_000 for button in asked.buttons)
