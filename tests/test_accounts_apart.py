"""Accounts on several databases, served by one process: each act, list, key and hook in its own, and an outage of one alone."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest
from structlog.testing import capture_logs

from bot import serve
from bot.config import Settings, SettingsError
from bot.doctor import examine
from bot.http import listening
from bot.sandbox import EmbeddedSlack, Outcome, SandboxClient
from bot.serve import Service
from bot.stores import DEFAULT, Stores
from handlers.hooks.receiving import PREFIX as HOOKS
from handlers.platform.api import PREFIX as API
from store import Account, Function, Origin, Scope, Store, UploadState, parsed_url, settle_restored
from store.database import Database
from tests import workspaces
from tests.bot.test_serve import readiness
from tests.conftest import ADMIN, new_database
from tests.handlers.hooks.conftest import MESSAGE, twilio_signature
from tests.handlers.hooks.twilio_api import ACCOUNT, TOKEN
from tests.patience import PATIENCE
from tests.test_workspaces import ADMINS, UPLOADS, answers, replies
from tests.workspaces import PUBLIC, Workspaces, two_slacks

PHONE, OTHER = "+12125550100", "+12125550101"
BY_ADMIN = Origin(Function.COMMAND, ADMIN)
# Of slack_sdk's: see tests/test_workspaces.py.
pytestmark = pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")


@dataclass(slots=True)
class Apart:
    """A desk that serves *first* from the database of `DATABASE_URL`, and *second* from one of its own, *url*."""

    desk: Workspaces
    settings: Settings
    url: str
    session: aiohttp.ClientSession

    @property
    def address(self) -> str:
        return self.desk.visitor.address

    @property
    def service(self) -> Service:
        return self.desk.service

    @property
    def default(self) -> Store:
        return self.desk.store

    @property
    def own(self) -> Store:
        return self.service.branches[1].store

    def account(self, slack: EmbeddedSlack, store: Store) -> Account:
        """The account of the workspace of *slack*, which *store* has."""
        account = store.accounts.find(slack.team_id)
        assert account is not None
        return account

    async def add(self, people: SandboxClient, phone: str) -> None:
        """Opt *phone* out by a command, until the answer is there; whom Slack tells that it failed types it again, as people do."""
        shown = f"{phone[5:8]}-{phone[8:]}"
        await insist(lambda: people.command("admin", ADMINS, f"/optout add {phone}"))
        await people.until(lambda state: any("opted out" in text for text in answers(state, ADMINS, shown)))

    def key(self, slack: EmbeddedSlack, store: Store) -> str:
        """A key of the account of *slack*."""
        return store.keys.make(self.account(slack, store).id, "bridge", tuple(Scope), None, BY_ADMIN).text

    async def report(self, key: str, phone: str) -> tuple[int, str]:
        """Report a STOP of *phone* over the API; the status, and the body."""
        body = {"function": "keyword", "phones": [phone], "reason": "STOP"}
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": phone}
        async with self.session.post(f"{self.address}{API}/entries", json=body, headers=headers) as answer:
            return answer.status, await answer.text()

    async def is_out(self, key: str, phone: str) -> bool:
        """Whether the API says that *phone* is opted out."""
        headers = {"Authorization": f"Bearer {key}"}
        async with self.session.get(f"{self.address}{API}/phones/{phone}", headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return bool((await answer.json())["opted_out"])

    async def tell(self, hook: str, phone: str) -> int:
        """Tell the hook, as Twilio does, that *phone* replied STOP; the status."""
        form = MESSAGE | {"From": phone, "MessageSid": f"SM{phone[1:]:0>32}"}
        path = f"{HOOKS}/twilio/{hook}"
        signed = {"X-Twilio-Signature": twilio_signature(f"{PUBLIC}{path}", form, TOKEN)}
        signed["Content-Type"] = "application/x-www-form-urlencoded"
        async with self.session.post(f"{self.address}{path}", data=urlencode(form).encode(), headers=signed) as answer:
            return answer.status


async def insist(act: Callable[[], Awaitable[Outcome]]) -> None:
    """Do it until Slack has an acknowledgement within its time, which a machine with much to do may miss."""
    async with asyncio.timeout(PATIENCE):
        while not (await act()).ok:
            pass


@pytest.fixture
async def slacks() -> AsyncIterator[tuple[EmbeddedSlack, EmbeddedSlack]]:
    """Two workspaces in which the app is not installed yet."""
    async with two_slacks() as slacks:
        yield slacks


@pytest.fixture
def urls(database_url: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Two migrated, empty databases of the same kind."""
    elsewhere = tmp_path / "own"
    elsewhere.mkdir()
    with new_database(parsed_url(database_url).get_backend_name(), request, elsewhere) as own:
        yield database_url, own


@asynccontextmanager
async def at_work(
    slacks: tuple[EmbeddedSlack, EmbeddedSlack], urls: tuple[str, str], scratch: Path
) -> AsyncIterator[Apart]:
    """The desk at work, in whose second database is *second*, with its API and its hooks; neither has the app yet."""
    default, own = urls
    first, second = slacks
    settings = workspaces.settings_for(first, default, scratch, api="on", databases={second.team_id: own})
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(workspaces.at_work(first, second, settings))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        yield Apart(desk, settings, own, session)


@pytest.fixture
async def apart(
    slacks: tuple[EmbeddedSlack, EmbeddedSlack], urls: tuple[str, str], tmp_path: Path
) -> AsyncIterator[Apart]:
    """A desk at work that both have installed."""
    async with at_work(slacks, urls, tmp_path) as apart:
        for slack in slacks:
            assert (await apart.desk.visitor.install(slack)).status == 200
        yield apart


async def test_each_account_is_in_its_own_database_alone(apart: Apart) -> None:
    """
    The installation, commands, a list, requests of the API and a provider's webhook go where the settings say.

    Of one account the other's database has nothing, and neither is told of the other's; after the app is uninstalled in one, the
    other goes on.
    """
    desk = apart.desk
    await apart.add(desk.people, PHONE)
    await apart.add(desk.others, OTHER)
    first, second = apart.account(desk.first, apart.default), apart.account(desk.second, apart.own)
    assert [one.slack_id for one in apart.default.accounts.list()] == [desk.first.team_id]
    assert [one.slack_id for one in apart.own.accounts.list()] == [desk.second.team_id]
    assert [one.slack_id for one in apart.own.installations.list()] == [desk.second.team_id]
    # A list.
    await desk.others.drop("admin", UPLOADS, "stops.csv", b"phone\n(212) 555-0102\n")
    message = await desk.others.until(
        lambda state: next((m for m in state.channel(UPLOADS).everything if "1 phone to opt out" in m.all_text), None)
    )
    await insist(lambda: desk.others.click("admin", message, "upload.confirm"))
    await desk.others.until(lambda state: bool(replies(state, UPLOADS, "opted out* from")))
    assert [one.state for one in apart.own.uploads.list(second.id, 5)] == [UploadState.DONE]
    assert not apart.default.uploads.list(first.id, 5)
    # The API, and a key that nobody has.
    keys = apart.key(desk.first, apart.default), apart.key(desk.second, apart.own)
    for key, phone in zip(keys, ("+12125550103", "+12125550104"), strict=True):
        assert (await apart.report(key, phone))[0] == 200
    seen = [[await apart.is_out(key, f"+1212555010{digit}") for digit in range(5)] for key in keys]
    assert seen == [[True, False, False, True, False], [False, True, True, False, True]]
    unknown = f"optk_{'a' * 10}_{'b' * 40}"
    status, said = await apart.report(unknown, PHONE)
    assert (status, "not known here" in said) == (401, True)
    assert (await apart.report("nonsense", PHONE))[0] == 401
    # Hooks.
    hook = apart.own.hooks.make_twilio(second.id, "main number", ACCOUNT, TOKEN, BY_ADMIN)
    assert await apart.tell(hook.id, "+12125550105") == 200
    assert await apart.tell("zzzzzzzzzz", "+12125550105") == 404
    assert apart.own.optouts.find(second.id, "+12125550105").opted_out
    assert apart.default.optouts.count(first.id) == 2
    assert apart.own.optouts.count(second.id) == 4
    # Uninstalled in one of them.
    await asyncio.gather(*desk.second.platform.feed.uninstalled())
    gone = apart.own.installations.find(second.id)
    assert gone is not None
    assert gone.sealed is None
    await apart.add(desk.people, "+12125550106")
    assert "installed" in (await desk.visitor.install(desk.second)).text
    await insist(lambda: desk.others.command("admin", ADMINS, "/optout 212 555 0101"))
    await desk.others.until(lambda state: bool(answers(state, ADMINS, "is opted out")))


async def test_figures_and_readiness_name_the_database(apart: Apart) -> None:
    """Each family has the label of its database, the loops are those of both, and the doctor looks at both."""
    name = apart.desk.second.team_id
    both = [f'optout_database_up{{database="{one}"}} 1.0' for one in (DEFAULT, name)]
    text = ""
    async with asyncio.timeout(PATIENCE):
        # On a machine with much to do one may take longer than the other is waited for.
        while not all(line in text for line in both):
            async with apart.session.get(f"{apart.address}/metrics") as answer:
                text = await answer.text()
    assert text.count("# TYPE optout_database_up gauge") == 1
    found = await readiness(apart.service, lambda found: found["database"] == {DEFAULT: "ok", name: "ok"})
    assert found["ready"]
    assert {f"{one} inbox" for one in (DEFAULT, name)} | {"databases"} <= set(found["loops"])
    said = [finding.sentence for finding in await examine(apart.settings)]
    assert sum(sentence.startswith("Migrations: the tables are at") for sentence in said) == 2
    assert sum("installed by" in sentence for sentence in said) == 2


async def test_a_database_that_says_nothing_is_its_own_accounts_matter(apart: Apart) -> None:
    """
    While more waits for one database than there are threads, and nothing comes of it, people and programs of the other are answered.

    The desk stays ready, and says of which database it hears nothing. Once that answers, its people are answered too.
    """
    silent, let_go = apart.service.branches[1], threading.Event()
    key = apart.key(apart.desk.first, apart.default)
    with silent.at_work():
        hanging = [asyncio.create_task(asyncio.to_thread(let_go.wait)) for _ in range(200)]
    try:
        await apart.add(apart.desk.people, PHONE)
        assert (await apart.report(key, OTHER))[0] == 200
        found = await apart.service.readiness()
        assert (found["ready"], found["database"][DEFAULT]) == (True, "ok")
        assert found["database"][silent.name] == "It has not answered for 3 seconds."
        async with apart.session.get(f"{apart.address}/metrics") as answer:
            text = await answer.text()
        assert 'optout_database_up{database="default"} 1.0' in text
        assert f'optout_database_up{{database="{silent.name}"}} 0.0' in text
    finally:
        let_go.set()
    await asyncio.gather(*hanging)
    await apart.add(apart.desk.others, PHONE)


async def test_an_installation_waits_on_threads_of_its_databases(apart: Apart, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its state on those of the first, what is granted on those of the account's: a silent one holds up nobody's name server."""
    used: dict[str, str] = {}

    def watched(store: Store, name: str) -> None:
        verb = getattr(store.installations, name)

        def call(*given: object, **named: object) -> object:
            used[name] = threading.current_thread().name
            return verb(*given, **named)

        monkeypatch.setattr(store.installations, name, call)

    for name in ("new_state", "use_state"):
        watched(apart.default, name)
    watched(apart.own, "install")
    assert (await apart.desk.visitor.install(apart.desk.second)).status == 200
    pools = {name: thread.rpartition("_")[0] for name, thread in used.items()}
    of_first = f"asyncio {DEFAULT}"
    assert pools == {"new_state": of_first, "use_state": of_first, "install": f"asyncio {apart.desk.second.team_id}"}


async def test_a_database_that_is_away_at_the_start_is_tried_again(
    slacks: tuple[EmbeddedSlack, EmbeddedSlack], sqlite_template: bytes, tmp_path: Path
) -> None:
    """
    The others are served meanwhile. Its own people are told to try again, programs too, and nobody can install the app there; once
    it answers, all that works.
    """
    (tmp_path / "desk.db").write_bytes(sqlite_template)
    later = tmp_path / "later"
    urls = f"sqlite:///{tmp_path / 'desk.db'}", f"sqlite:///{later / 'own.db'}"
    with capture_logs() as logs:
        async with at_work(slacks, urls, tmp_path) as apart:
            desk = apart.desk
            name = desk.second.team_id
            told = [line for line in logs if line["event"] == "the database cannot be used, its accounts wait"]
            assert [line["database"] for line in told] == [name]
            assert (await desk.visitor.install(desk.first)).status == 200
            refused = await desk.visitor.install(desk.second)
            assert "the desk could not keep it" in refused.text
            await apart.add(desk.people, PHONE)
            found = await apart.service.readiness()
            assert (found["ready"], found["database"][DEFAULT]) == (True, "ok")
            assert "own.db" in found["database"][name]
            async with apart.session.get(f"{apart.address}/metrics") as answer:
                assert f'optout_database_up{{database="{name}"}} 0.0' in await answer.text()
            # It may be there.
            assert (await apart.report(f"optk_{'a' * 10}_{'b' * 40}", PHONE))[0] == 503
            assert (await apart.report(apart.key(desk.first, apart.default), PHONE))[0] == 200
            answer_of_command = await apart.service.dispatch({"command": "/optout", "team_id": name, "text": "help"})
            assert "nothing was changed" in answer_of_command.body
            later.mkdir()
            apart.service._waiting.poke()
            async with asyncio.timeout(PATIENCE):
                while (await apart.service.readiness())["database"][name] != "ok":
                    apart.service._waiting.poke()
            assert (await desk.visitor.install(desk.second)).status == 200
            await apart.add(desk.others, PHONE)


async def test_one_database_by_two_names_is_refused(
    slacks: tuple[EmbeddedSlack, EmbeddedSlack], sqlite_template: bytes, tmp_path: Path
) -> None:
    """A copy of a database that was not told that it is one, and a second name of the first: the start says so, and what to do."""
    (tmp_path / "desk.db").write_bytes(sqlite_template)
    store = Store.open(f"sqlite:///{tmp_path / 'desk.db'}")
    store.database.identify()
    store.close()
    (tmp_path / "own.db").write_bytes((tmp_path / "desk.db").read_bytes())
    urls = f"sqlite:///{tmp_path / 'desk.db'}", f"sqlite:///{tmp_path / 'own.db'}"
    with pytest.raises(SettingsError, match="the database of DATABASE_URL, by another name or as a copy"):
        async with at_work(slacks, urls, tmp_path):
            pass
    copy = Store.open(urls[1])
    settle_restored(copy.database)
    copy.close()
    async with at_work(slacks, urls, tmp_path) as apart:
        assert (await apart.service.readiness())["ready"]


async def test_an_account_that_moved_is_idle_where_it_was(
    slacks: tuple[EmbeddedSlack, EmbeddedSlack], sqlite_template: bytes, tmp_path: Path
) -> None:
    """
    A whole copy of the database becomes the second account's own: its list, history, keys and hooks are there as they were.

    What is left of it in the first, and of the others in the copy, is asked by no key and told by no hook.
    """
    (tmp_path / "desk.db").write_bytes(sqlite_template)
    before = workspaces.settings_for(slacks[0], f"sqlite:///{tmp_path / 'desk.db'}", tmp_path, api="on")
    async with workspaces.at_work(*slacks, before) as desk:
        for slack in slacks:
            await desk.visitor.install(slack)
        await insist(lambda: desk.others.command("admin", ADMINS, "/optout add 212 555 0100"))
        await desk.others.until(lambda state: bool(answers(state, ADMINS, "opted out")))
        await insist(lambda: desk.people.command("admin", ADMINS, "/optout add 212 555 0101"))
        await desk.people.until(lambda state: bool(answers(state, ADMINS, "opted out")))
        store, ids = desk.store, [slack.team_id for slack in slacks]
        accounts = [store.accounts.find(slack_id) for slack_id in ids]
        keys = [store.keys.make(one.id, "bridge", tuple(Scope), None, BY_ADMIN).text for one in accounts if one]
        assert accounts[1] is not None
        hook = store.hooks.make_twilio(accounts[1].id, "main number", ACCOUNT, TOKEN, BY_ADMIN)
    with closing(sqlite3.connect(tmp_path / "desk.db")) as old, closing(sqlite3.connect(tmp_path / "own.db")) as copy:
        old.backup(copy)
    urls = f"sqlite:///{tmp_path / 'desk.db'}", f"sqlite:///{tmp_path / 'own.db'}"
    moved = Store.open(urls[1])
    settle_restored(moved.database)
    moved.close()
    async with at_work(slacks, urls, tmp_path) as apart:
        assert [one.slack_id for one in apart.default.installations.list()] == ids[:1]
        assert [one.slack_id for one in apart.own.installations.list()] == ids[1:]
        assert not apart.default.keys.is_here(keys[1].split("_")[1])
        assert apart.default.hooks.find(hook.id) is None
        assert [(await apart.report(key, "+12125550107"))[0] for key in keys] == [200, 200]
        assert await apart.tell(hook.id, "+12125550108") == 200
        await apart.add(apart.desk.others, "+12125550109")
        counts = {
            (name, slack_id): store.optouts.count(apart.account(slack, store).id)
            for name, store in (("default", apart.default), ("own", apart.own))
            for slack, slack_id in zip(slacks, ("first", "second"), strict=True)
        }
        assert counts == {
            ("default", "first"): 2,
            ("default", "second"): 1,
            ("own", "first"): 1,
            ("own", "second"): 4,
        }
        said = [finding.sentence for finding in await examine(apart.settings)]
        assert sum("which nobody asks" in sentence for sentence in said) == 2


async def test_a_start_does_not_wait_for_a_database_that_says_nothing(
    slacks: tuple[EmbeddedSlack, EmbeddedSlack],
    urls: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As behind a pooler that answers for it: the others are served, nobody tries it a second time meanwhile, and then it is served."""
    let_go, begun, asked, identify = threading.Event(), threading.Event(), [], Database.identify

    def silently(database: Database) -> None:
        if database.url == parsed_url(urls[1]):
            asked.append(database)
            begun.set()
            let_go.wait()
        identify(database)

    monkeypatch.setattr(Database, "identify", silently)
    monkeypatch.setattr(serve, "START_SECONDS", 0.1)
    try:
        async with asyncio.timeout(PATIENCE), at_work(slacks, urls, tmp_path) as apart:
            try:
                assert (await apart.desk.visitor.install(slacks[0])).status == 200
                await apart.add(apart.desk.people, PHONE)
                # In a thread of no database.
                assert await asyncio.to_thread(begun.wait, PATIENCE)
                await apart.service._start_others()
                assert len(asked) == 1
                assert (await apart.service.readiness())["ready"]
            finally:
                let_go.set()
            await readiness(apart.service, lambda found: found["database"][slacks[1].team_id] == "ok")
    finally:
        let_go.set()


async def test_while_a_database_is_begun_with_nobody_is_let_in(
    slacks: tuple[EmbeddedSlack, EmbeddedSlack], sqlite_template: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A database that answers again is not worked on before it is known which it is: its people are told to try again, the others'
    desk stays ready.
    """
    (tmp_path / "desk.db").write_bytes(sqlite_template)
    later = tmp_path / "later"
    urls = f"sqlite:///{tmp_path / 'desk.db'}", f"sqlite:///{later / 'own.db'}"
    asked, let_go = threading.Event(), threading.Event()
    async with at_work(slacks, urls, tmp_path) as apart:
        name, database = slacks[1].team_id, apart.own.database
        identify = database.identify

        def slowly() -> None:
            asked.set()
            let_go.wait()
            identify()

        monkeypatch.setattr(database, "identify", slowly)
        later.mkdir()
        try:
            async with asyncio.timeout(PATIENCE):
                while not asked.is_set():
                    apart.service._waiting.poke()
                    await asyncio.to_thread(asked.wait, 0.05)
            command = {"command": "/optout", "team_id": name, "text": "help"}
            assert "nothing was changed" in (await apart.service.dispatch(command)).body
            assert (await apart.service.readiness())["ready"]
        finally:
            let_go.set()
        await readiness(apart.service, lambda found: found["database"][name] == "ok")
        assert (await apart.desk.visitor.install(slacks[1])).status == 200
        await apart.add(apart.desk.others, PHONE)


async def test_until_each_database_was_tried_nobody_is_unknown(
    slacks: tuple[EmbeddedSlack, EmbeddedSlack], urls: tuple[str, str], tmp_path: Path
) -> None:
    """
    The port is open before a database of its own was tried: its programs and providers are told to come again.

    "Not known here" would have a provider leave out what somebody replied, and a program give up.
    """
    default, own = urls
    settings = workspaces.settings_for(slacks[0], default, tmp_path, api="on", databases={slacks[1].team_id: own})
    stores = Stores.open(settings)
    async with AsyncExitStack() as stack:
        stack.callback(stores.close)
        mine = stores.own[slacks[1].team_id]
        account = mine.accounts.get_or_create(slacks[1].team_id, None, country="US")
        key = mine.keys.make(account.id, "bridge", (Scope.CHECK,), None, BY_ADMIN).text
        hook = mine.hooks.make_twilio(account.id, "main number", ACCOUNT, TOKEN, BY_ADMIN)
        service = Service(settings, stores.by_name[DEFAULT], stores.own)
        address = await stack.enter_async_context(listening(service.routes(), "127.0.0.1", 0))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        headers = {"Authorization": f"Bearer {key}"}
        async with session.get(f"{address}{API}/phones/{PHONE}", headers=headers) as answer:
            assert (answer.status, "Retry-After" in answer.headers) == (503, True)
        async with session.post(f"{address}{HOOKS}/twilio/{hook.id}", data=MESSAGE) as answer:
            assert answer.status == 503
        await service.stop()
