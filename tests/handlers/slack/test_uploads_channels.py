"""Which channels take lists: known before a file is dropped, followed through invitations and new names."""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from bot.config import Settings
from bot.sandbox.installation import DEFAULT_SCOPES
from handlers.files import ELSEWHERE_BURST
from handlers.slack import uploads_channels
from handlers.slack.clients import Installed
from handlers.tasks import Tasks
from store import Store
from tests.handlers.conftest import Office
from tests.handlers.slack.test_inbox import all_done
from tests.handlers.test_files import LIST, UPLOADS, drop, says
from tests.handlers.test_settings import decide

TICKETS = "support-tickets"
PRIVATE = "field-private"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """An uploads channel that the desk is not in yet, besides the usual one."""
    return settings.model_copy(update={"uploads_channels": frozenset({UPLOADS, PRIVATE})})


async def looked(office: Office, times: int) -> None:
    """Wait until the desk has asked Slack for its channels so often."""
    while len(await office.people.calls("users.conversations")) < times:
        await office.people.state(after=(await office.people.state()).version, timeout=0.05)


@pytest.mark.wide_but_first
@pytest.mark.parametrize("member", [False, True])
async def test_a_file_elsewhere_costs_no_call(office: Office, member: bool) -> None:
    """
    Slack is asked nothing about files in channels that take no lists, however many there are.

    So it is wherever the desk is no member; and where it is, if the account wants nobody asked.
    """
    await looked(office, 1)
    if not member:
        await office.people.kick(TICKETS)
        await office.people.configure(told_of_all_files=True)
        office.service.desk.channels.changed(office.account.id)
        await looked(office, 2)
    else:
        await decide(office, elsewhere="leave")
    before = [call["method"] for call in await office.people.calls()]
    for n in range(5):
        await drop(office, LIST, channel=TICKETS, name=f"minutes-{n}.csv")
    await says(office, await drop(office, LIST), "3 phones to opt out")
    asked = [call for call in (await office.people.calls())[len(before) :] if call["method"] != "auth.test"]
    assert len({call["arguments"]["file"] for call in asked if call["method"] == "files.info"}) == 1
    assert not [call for call in asked if call["method"] in {"conversations.info", "users.conversations"}]
    assert len(office.store.uploads.list(office.account.id, 10)) == 1


@pytest.mark.wide
async def test_a_crowd_of_files_costs_few_calls(office: Office) -> None:
    """Where the desk is a member it looks at a few files a minute, and no more, however many are shared there."""
    await looked(office, 1)
    before = len(await office.people.calls())
    for n in range(ELSEWHERE_BURST + 12):
        await drop(office, b"\x89PNG", channel=TICKETS, name=f"photo-{n}.png")
    await says(office, await drop(office, LIST), "3 phones to opt out")
    await all_done(office)
    asked = [call for call in (await office.people.calls())[before:] if call["method"] == "files.info"]
    assert len({call["arguments"]["file"] for call in asked}) <= ELSEWHERE_BURST + 2
    assert office.store.uploads.list(office.account.id, 9)[0].id == 1


@pytest.mark.wide
async def test_a_private_channel_takes_lists_from_the_invitation_on(office: Office) -> None:
    """Slack says when the desk is let in: a list that follows is taken up, with the channel's name."""
    await looked(office, 1)
    await office.people.invite(PRIVATE)
    await says(office, await drop(office, LIST, channel=PRIVATE), "3 phones to opt out")
    [upload] = office.store.uploads.list(office.account.id, 10)
    assert upload.channel_name == PRIVATE


@pytest.mark.wide
async def test_a_channel_that_gets_the_name_takes_lists(office: Office) -> None:
    """A renamed channel is one of those that its new name belongs to, and no longer of its old."""
    await looked(office, 1)
    await office.people.update_channel(UPLOADS, name="old-uploads")
    await drop(office, LIST, channel="old-uploads", name="ignored.csv")
    await office.people.update_channel(TICKETS, name=UPLOADS)
    await says(office, await drop(office, LIST, channel=UPLOADS), "3 phones to opt out")
    [upload] = office.store.uploads.list(office.account.id, 10)
    assert (upload.file_name, upload.channel_name) == ("stops.csv", UPLOADS)


@pytest.mark.wide
async def test_an_app_that_is_not_told_looks_by_itself(office: Office) -> None:
    """Installed before its manifest asked for invitations, the desk finds its new channel with the next look."""
    await looked(office, 1)
    events = ["app_mention", "file_shared", "message.im", "app_home_opened", "message_metadata_posted"]
    await office.people.configure(events=events)
    await office.people.invite(PRIVATE)
    office.service.desk.channels.loop.poke()
    await looked(office, 2)
    await says(office, await drop(office, LIST, channel=PRIVATE), "3 phones to opt out")


@pytest.mark.wide
async def test_many_channels_are_read_page_by_page(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """More channels than one answer holds are all known."""
    monkeypatch.setattr(uploads_channels, "_PAGE", 1)
    await looked(office, 1)
    await office.people.invite(PRIVATE)
    await says(office, await drop(office, LIST, channel=PRIVATE), "3 phones to opt out")


@pytest.mark.wide
async def test_without_the_scope_public_channels_are_known(office: Office) -> None:
    """Without `groups:read` a list in a public uploads channel is taken up all the same."""
    await looked(office, 1)
    scopes = [scope for scope in DEFAULT_SCOPES if scope != "groups:read"]
    await office.people.configure(scopes=scopes)
    office.service.desk.channels.changed(office.account.id)
    await says(office, await drop(office, LIST), "3 phones to opt out")


@pytest.mark.wide
@pytest.mark.parametrize("fault", ["server_error", "html", "reset", "ratelimited"])
async def test_a_list_waits_until_the_channels_are_known(office: Office, fault: str) -> None:
    """While Slack does not say which channels there are, a dropped list waits; it is never passed over."""
    await looked(office, 1)
    await office.people.fault(method="users.conversations", fault=fault, times=6)
    office.service.desk.channels.changed(office.account.id)
    await says(office, await drop(office, LIST), "3 phones to opt out")


async def test_a_workspace_whose_token_is_refused_keeps_no_other_waiting(store: Store) -> None:
    """Each look asks for all that are served, in whatever order they come."""
    asked: list[str] = []

    class Client:
        def __init__(self, slack_id: str) -> None:
            self._slack_id = slack_id

        async def users_conversations(self, **_given: object) -> dict[str, Any]:
            asked.append(self._slack_id)
            if self._slack_id == "T0REFUSED":
                raise SlackApiError("refused", {"ok": False, "error": "accesslimited"})  # type: ignore[no-untyped-call]  # slack_sdk leaves it untyped
            return {"channels": [{"id": "C1", "name": UPLOADS}]}

    ids = ("T0REFUSED", "T0GOOD")
    by_id = {store.accounts.get_or_create(one).id: one for one in ids}

    class Served:
        async def installed(self) -> tuple[Installed, ...]:
            return tuple(Installed(one, None, False, "B1", "U1") for one in ids)

        async def of(self, account: int) -> Client:
            return Client(by_id[account])

    channels = uploads_channels.UploadsChannels(frozenset({UPLOADS}), store, Served(), Tasks())  # type: ignore[arg-type]  # what it asks
    for _ in range(2):
        assert not await channels._look()
    assert asked == ["T0REFUSED", "T0GOOD"] * 2
    assert [channels.name_of(account, "C1") for account in by_id] == [None, UPLOADS]
