"""
No view lets what others wrote become markup. Every view is called here, with the worst that a person or a file can bring.

A view is a public function of handlers/views or handlers/slack/modals.py that returns something for Slack.
"""

import importlib
import inspect
import json
import pkgutil
import re
import typing
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from slack_sdk.models.blocks import ActionsBlock, Block, ButtonElement
from slack_sdk.models.views import View

import handlers.views
from bot.sandbox.blocks import problems_of, view_problems
from handlers.permissions import Role
from handlers.slack import modals
from handlers.slack.messages import Message, split
from handlers.slack.mrkdwn import quoted, section
from handlers.views import (
    allowing,
    clock,
    destinations,
    digests,
    exports,
    forms,
    handovers,
    history,
    home,
    hooks,
    keys,
    optouts,
    outcomes,
    previews,
    reviewing,
    scrubs,
    settings,
    shortcuts,
    steps,
    upload_buttons,
    upload_list,
    uploads,
)
from handlers.views import help as help_views
from store import (
    LACKING,
    LONGEST_KEY_NAME,
    MOST_LACKING,
    Account,
    Actor,
    Added,
    AllowDecision,
    AllowRequest,
    AllowRule,
    AllowState,
    AnswerKind,
    Asked,
    Cause,
    Changes,
    Choices,
    Clock,
    CountryUnknown,
    Covered,
    Deleted,
    Destination,
    DestinationAnswer,
    DestinationKind,
    DestinationState,
    Digest,
    Errand,
    Export,
    ExportFilter,
    FoundPhone,
    Function,
    Handled,
    Handover,
    HandoverState,
    HistoryItem,
    HistoryPage,
    Hook,
    HookKind,
    KeptReply,
    Key,
    KeyState,
    LoadedFile,
    MadeKey,
    Nearing,
    NotAPhone,
    Outcome,
    PassedOn,
    PhoneState,
    Purpose,
    ReplyState,
    Scope,
    Scrubbed,
    Summary,
    UndoPreview,
    UnreadableReason,
    Upload,
    UploadState,
)
from store.destinations import NotTaken
from store.phones.numbers import Reason
from store.records import AccountSettings
from store.replies.judge import Judgement
from tests.handlers.views.test_optouts import ADMIN, AT, ONE, conversation, entry, number, opt_out
from tests.handlers.views.test_uploads import TERMS, UPLOAD

HOSTILE = (
    "@here evil.example.com *b* list.csv",
    "<!channel> <@U1|x> <https://evil.example.com|click> <#C1>.csv",
    "a* _b_ *c_ ~d~ `e` ```f``` *",
    "x" * 10_000,
    "*_~`&<>" * 1_500,
    "one\n\n• two\r\n>three\u2028four\x00.csv",
    "\u202egpj.evil \u2066x\u2067 \u061cy",
    ":tada: :warning: 👍🏽" * 500,
)
OUT = (Function.COMMAND, Function.UPLOAD, Function.KEYWORD, Function.API, Function.TEXTER)

Case = Callable[[str], Iterator[Any]]
CASES: dict[Callable[..., Any], Case] = {}


def case(*views: Callable[..., Any]) -> Callable[[Case], Case]:
    """What is yielded are answers of these *views* to the text given."""

    def note(make: Case) -> Case:
        CASES.update(dict.fromkeys(views, make))
        return make

    return note


# What there is to show, with *text* wherever somebody else chose the words.


def upload_with(text: str) -> Upload:
    summary = {
        "unreadable": [*([code, 1, 2] for code in Reason), [text, 1, 2]],
        "assumed": 3,
        "flagged": 1,
        "flagged_first": [[3, ONE]],
        "remarks": [text] * 20,
        "likely": text,
        "contact_signs": [text] * 5,
    }
    actor = Actor("platform", text)
    return replace(
        UPLOAD,
        file_name=text,
        problem=text,
        actor=actor,
        decider=actor,
        channel_name=text,
        summary=summary,
        columns=(text,),
    )


def scrubbed_with(text: str) -> Scrubbed:
    reasons = tuple(UnreadableReason(code, 1, n) for n, code in enumerate(Reason, 1))
    return Scrubbed(20, 1, 12, 7, False, reasons, 3, "US", text, (text,) * 20)


def account_with(text: str, **changes: Any) -> Account:
    return Account(1, "T1", text, "US", 12, AccountSettings(**changes))


def state_with(text: str) -> PhoneState:
    """A phone that is out for many reasons, and was before; among its words no text is of ours."""

    def by(number: int, function: str) -> Any:
        words = {"reason": text, "actor": Actor("platform", text), "channel_id": "C0", "channel_name": text}
        file = {"file_name": text, "upload_id": 1} if function == Function.UPLOAD else {}
        return entry(number, function, **words, **file)

    standing = [opt_out(by(n, OUT[n % len(OUT)]), line=n, note=text) for n in range(1, 30)]
    lifted = [opt_out(by(n, Function.COMMAND), lifted=by(n + 30, Function.DELETE)) for n in range(1, 30)]
    talks = [conversation(f"{text} {n}", contact=text) for n in range(30)]
    return PhoneState(ONE, (*standing, *lifted), tuple(talks), (by(90, Function.REMARK),) * 30)


def clock_with(text: str) -> Clock:
    """A clock whose lists are called *text*, of which more wait than are told."""
    handover = Handover(
        1,
        "h1",
        Errand("optout.add", text),
        ADMIN,
        "C1",
        text,
        None,
        None,
        text,
        HandoverState.OPEN,
        None,
        AT,
        None,
        None,
    )
    waits = Nearing(AT, AT.date(), upload_with(text)), Nearing(AT, AT.date(), handover=handover), Nearing(AT, AT.date())
    slowest = Handled(AT, AT + timedelta(days=2), 7, text)
    return Clock(3, timedelta(hours=1), slowest, waits * 4, PassedOn(2, 3, timedelta(hours=2), slowest, 1))


def destination_with(text: str) -> Destination:
    """A destination that fails, whose texts are *text*."""
    return Destination(
        account_id=1,
        id="abcdefghij",
        kind=DestinationKind.WEBHOOK,
        name=text[:40],
        address=text,
        login=text[:40],
        secret="whsec_x",
        key_name=text[:40],
        channel="C1",
        state=DestinationState.ON,
        cursor=None,
        taken_at=datetime(2026, 11, 3, tzinfo=UTC),
        attempts=1,
        problem=text,
        failing_since=datetime(2026, 11, 3, tzinfo=UTC),
        told_at=None,
        made_by=Actor("U1", text),
        waiting=3,
        oldest=datetime(2026, 11, 3, tzinfo=UTC),
    )


# The views, a case for each or for several of one kind.


@case(digests.digest)
def _digest(text: str) -> Iterator[Any]:
    upload = upload_with(text)
    by_person = ((Actor("platform", text), 3), (ADMIN, 2))
    yield digests.digest(
        Digest(
            account_with(text),
            AT,
            {"command": 5},
            by_person,
            1,
            ((ONE, 3),),
            (upload,) * 9,
            2,
            upload,
            clock_with(text),
        )
    )


@case(clock.nearing)
def _clock(text: str) -> Iterator[Any]:
    yield Message.of("Clock", *map(section, clock.nearing(clock_with(text))))


@case(exports.form, exports.pass_on_form, exports.asked, exports.making, exports.made, exports.failed)
def _exports(text: str) -> Iterator[Any]:
    by = entry(1, Function.EXPORT, actor=Actor("platform", text))
    export = Export(1, by, ExportFilter("desk", AT, "upload"), None, None, None, "asked", None, 0, 0, None)
    yield exports.form("{}")
    yield from (exports.asked(export, None), exports.making(export, 3), exports.made(export, 3))
    yield from (exports.made(export, 0), exports.failed(text, export.export_filter))
    evidence = replace(export, export_filter=ExportFilter.of_evidence(ONE))
    yield from (exports.asked(evidence, "US"), exports.making(evidence, 0), exports.made(evidence, 0))
    for_one = replace(export, export_filter=ExportFilter("phones", destination="x"), destination_name=text[:40])
    yield from (exports.asked(for_one, None), exports.making(for_one, 3))
    for covered in (Covered(9, 3, 60, (ONE,) * 50), Covered(9, 0)):
        yield exports.made(replace(for_one, covered=covered), covered.phones)
        yield exports.made(replace(for_one, covered=covered, destination_name=None), covered.phones)
    missing = replace(export, export_filter=ExportFilter.of_missing(1))
    yield from (
        exports.asked(missing, None),
        exports.making(missing, 0),
        exports.made(missing, 0),
        exports.made(missing, 1),
    )
    yield from (exports.made(evidence, 1), exports.failed(text, evidence.export_filter))
    passed_on = replace(missing, entry=replace(by, reason=text), export_filter=ExportFilter.of_missing(1, "d1"))
    yield from (exports.asked(passed_on, None), exports.making(passed_on, 0))
    yield from (exports.made(passed_on, number) for number in (0, 1, MOST_LACKING + 1))
    yield exports.failed(text, passed_on.export_filter)
    several = [replace(destination_with(text), id=f"d{number}") for number in range(5)]
    yield from (exports.pass_on_form("{}", upload_with(text), some) for some in ([], several[:1], several))


@case(forms.menu, forms.actions, forms.add, forms.search, forms.upload, forms.scrub_form)
def _forms(text: str) -> Iterator[Any]:
    account = account_with(text)
    for role in ("admin", "support", "member"):
        yield from (forms.menu(account, "{}", role), forms.actions(role))
    yield from (forms.add(account, "{}"), forms.search(account, "{}"), forms.upload(account, "{}", "C1"))
    yield forms.scrub_form(account, "{}", "C1")
    yield forms.add(replace(account, country=None), "{}")


@case(
    history.page,
    history.of_phone,
    history.of_person,
    history.of_uploads,
    history.form,
    history.several,
    history.not_found,
    history.remark_form,
    history.remarked,
)
def _history(text: str) -> Iterator[Any]:
    made = [
        entry(n, function, reason=text, actor=Actor("platform", text), permalink="https://x.example/p")
        for n, function in enumerate(Function, 1)
    ]
    made = [replace(one, upload_id=1, file_name=text) if one.function in {"upload", "undo"} else one for one in made]
    page = HistoryPage(tuple(HistoryItem(one, (ONE,) * 5, 200) for one in made[:10]), older=True)
    who = Actor("platform", text)
    yield history.page(page, history.of_person(who), {"actor": text[:100]}, [9], "US")
    yield history.page(page, history.of_phone(ONE, "US"), {"phone": ONE}, [9], "US")
    for lists in ([upload_with(text)], [replace(upload_with(text), id=upload) for upload in range(20)]):
        yield history.page(page, history.of_uploads(lists), {"uploads": [7]}, [9], "US")
        yield history.page(HistoryPage((), older=False), history.of_uploads(lists), {}, [], "US")
    yield history.page(HistoryPage((), older=False), history.of_person(who), {}, [], "US")
    yield from (history.several(text, [who] * history.MOST_NAMED), history.not_found(text))
    yield from (history.form("{}", sees_all=True), history.form("{}", sees_all=False))
    yield history.remark_form(state_with(text), "US", "{}")
    yield history.remarked(ONE, text, Actor("platform", text), "US")


@case(home.home, home.closed)
def _home(text: str) -> Iterator[Any]:
    changes = Changes({"upload": 3}, 2)
    waits = upload_with(text)
    done, fresh = replace(waits, id=8, state=UploadState.DONE), replace(TERMS, undo=timedelta(days=36_500))
    before = entry(1, Function.UPLOAD, upload_id=1, file_name=text, actor=Actor("platform", text))
    for role, url in product((Role.ADMIN, Role.SUPPORT, Role.MEMBER), ("https://x.example/p", text)):
        waiting = home.WaitingList(waits, uploads.of_state(waits, TERMS, before), before, url)
        yield home.home(
            home.HomePage(
                account=account_with(text),
                name=text,
                summary=Summary(3, changes, Changes(), (done,), (waits,), 2, clock_with(text)),
                viewer=waits.actor,
                role=role,
                waiting=[waiting],
                latest=[done],
                deadlines=fresh,
            )
        )
    yield home.closed(Message.of(quoted(text)))


@case(
    outcomes.added,
    optouts.as_kept,
    optouts.in_thread,
    optouts.refused,
    optouts.phone_state,
    optouts.phone_states,
    optouts.no_phones,
    optouts.for_asker,
    optouts.ask_delete,
)
def _optouts(text: str) -> Iterator[Any]:
    state, by = state_with(text), Actor("platform", text)
    none = NotAPhone(text, Reason.NOT_A_NUMBER, text)
    one = number(flagged=True, remark=text)
    outcome = Added(ONE, entry(1, reason=text), state.opt_outs[0])
    yield outcomes.added(
        [optouts.EnteredNumber(none, 3)] * 40 + [optouts.EnteredNumber(one, 2)], {ONE: outcome}, by, "US"
    )
    yield from optouts.as_kept([quoted(text)] * 3, [ONE], quoted(text))
    yield from optouts.in_thread([quoted(text)] * 50)
    for times in (1, 30):
        yield optouts.refused([none] * times, f"add NUMBER because {text}")
    yield optouts.phone_state(state, one, "US", is_admin=True)
    answers = tuple(
        DestinationAnswer(text[:40], kind, answer, AT, AT, text[:300])
        for answer in AnswerKind
        for kind in ("webhook", "file")
    )
    yield optouts.phone_state(state, one, "US", is_admin=True, answers=answers)
    yield optouts.phone_state(PhoneState(ONE, state.opt_outs[-1:], state.conversations), one, "US", is_admin=True)
    found = [(state, FoundPhone(one, text, reference)) for reference in (None, text)]
    yield optouts.phone_states(found * 25, "US", quoted(text), unread=[none] * 30)
    yield optouts.for_asker(optouts.phone_states(found * 25, "US", asker=by), None)
    yield optouts.no_phones(quoted(text), quoted(text), unread=[none] * 30)
    for phones in ((ONE,), tuple(f"+1212555{n:04}" for n in range(50))):
        yield optouts.phone_states(found[:1], "US", offer=optouts.OptOutOffer(phones, text[:500]))
    for asked in _asked(text):
        yield optouts.ask_delete(asked, "US", text[:500])


def _asked(text: str) -> tuple[PhoneState, ...]:
    """Phones that are out for what the contact asked, for a threat, and by hand."""
    conversations = state_with(text).conversations
    made = (
        entry(1, Function.KEYWORD, reason=text),
        entry(1, reason=text, cause=Cause.LEGAL),
        entry(1, reason=text),
    )
    return (state_with(text), *(PhoneState(ONE, (opt_out(one),), conversations) for one in made))


@case(
    allowing.allow_button,
    allowing.ask_reason,
    allowing.allowed,
    allowing.changed,
    allowing.not_opted_out,
    allowing.to_second_admin,
    allowing.second_asked,
    allowing.own_request,
    allowing.decided,
    allowing.closed,
    allowing.told_asker,
)
def _allowing(text: str) -> Iterator[Any]:
    state, by = state_with(text), Actor("platform", text)
    for asked in _asked(text):
        yield Message.of("Button", ActionsBlock(elements=[allowing.allow_button(asked, "US", text[:500])]))
        yield allowing.ask_reason(asked, "US", "{}", text[:500])
    done = Deleted(ONE, state.opt_outs[-3:], state.conversations, state)
    for outcome in (
        done,
        replace(done, state=PhoneState(ONE, (), (), ())),
        Deleted(ONE, (), (), state),
        Deleted(ONE, (), (), state, changed=True),
        Deleted(ONE, (), (), state, missing=AllowRule.REASON),
    ):
        yield allowing.allowed(outcome, by, "US", [text[:40]])
    yield from (allowing.changed(state, "US"), allowing.not_opted_out(state, "US"))
    request = AllowRequest(
        *(1, 2, ONE, 1, text[:500], by, AT, AT, "C0", text, "1.1", AllowState.ASKED, None, None),
    )
    yield allowing.to_second_admin(request, state, "US")
    for newly, who in ((True, by), (False, by), (False, ADMIN)):
        for told in ("", "Asked directly."):
            yield allowing.second_asked(request, state, "US", told, newly=newly, by=who)
    yield allowing.own_request(request, "US")
    for became in AllowState:
        for decider in (by, ADMIN):
            over = replace(request, state=became, decider=decider, decided_at=AT)
            yield from (allowing.closed(over, "US"), allowing.told_asker(over, done, "US"))
            yield allowing.decided(AllowDecision(over, newly=True, deleted=done), "US")
            yield allowing.decided(AllowDecision(over), "US")


@case(optouts.country, optouts.country_set, optouts.no_country)
def _countries_and_help(text: str) -> Iterator[Any]:
    for account in (account_with(text), replace(account_with(text), country=None)):
        yield from (optouts.country(account), optouts.country_set(account, Actor("platform", text)))
    yield optouts.no_country(CountryUnknown(text, (("GB", "United Kingdom"),)))


@case(help_views.overview, help_views.of_list, help_views.of_scrubbing, help_views.of_comparing)
def _help(text: str) -> Iterator[Any]:
    for role in Role:
        yield help_views.overview([(Role.MEMBER, "add <phones>", "Opts out."), (Role.ADMIN, "undo", "Undoes.")], role)
    yield help_views.of_list(account_with(text))
    yield help_views.of_scrubbing(quoted(text))
    yield help_views.of_comparing(quoted(text))


@case(handovers.asked, handovers.handed_over, handovers.to_decide, handovers.decided, handovers.told, handovers.over)
def _handovers(text: str) -> Iterator[Any]:
    by = Actor("U1", text)
    each = [optouts.OptOutOffer(phones, text[:500]).value for phones in ((ONE,), (ONE, "+12125550101") * 25)]
    errands = [Errand("optout.add", value) for value in each]
    errands.append(Errand("optout.delete", json.dumps({"phone": ONE, "seen": 1, "reason": text})))
    errands += [Errand("export", text), Errand("evidence", ONE), Errand("country", "GB")]
    about = ("confirm", "undo", "stop", "continue", "cancel", "again", "scrub", "look")
    errands += [Errand(f"upload.{what}", "1") for what in about]
    errands += [Errand("lookup", optouts.LookedUp((ONE,) * times).value) for times in (1, 50)]
    errands += [Errand(what, text) for what in ("history", "history.all", "settings", "uploads")]
    dropped = [(Purpose.OPT_OUT, words) for words in (None, Asked.LOOK_UP, Asked.COMPARE)]
    for purpose, words in (*dropped, (Purpose.SCRUB, None)):
        errands.append(handovers.DroppedList("F1", text, "C012345678", "U1", purpose, words, "1.1", "1.1").errand)
    for errand, state in product(errands, HandoverState):
        at = datetime.now(UTC)
        one = Handover(1, "x", errand, by, "C012345678", text, "1.1", "1.1", text, state, None, at, by, at)
        what = handovers.asked(errand, "US", upload=upload_with(text), state=state_with(text))
        assert what is not None
        yield handovers.handed_over([by] * 3, what)
        yield handovers.handed_over([by], what, again=one)
        yield handovers.to_decide(one, what)
        yield from (handovers.decided(one, what), handovers.told(one, what, [by] * 3), handovers.over(one))
        yield handovers.told(one, what, [], Message.of(quoted(text)))
    assert handovers.asked(Errand(text, text), "US") is None


@case(reviewing.review, reviewing.decided)
def _replies(text: str) -> Iterator[Any]:
    by = Actor("U1", text)
    for outcome, state, name in product((Outcome.ASK, Outcome.IN), ReplyState, (None, text)):
        judgement = Judgement(outcome, text, text, text[:80])
        decider = by if state in (ReplyState.OPTED_OUT, ReplyState.NOT_A_REQUEST) else None
        told = ("twilio", text, ONE, text, text, AT, AT, text, name, text, judgement, state, 1, text, decider, AT, 1)
        each = [KeptReply(1, number, *told) for number in range(1, 11)]
        people = [replace(one, phone=f"+1212555010{one.id % 10}") for one in each]
        yield from (reviewing.review(each), reviewing.review(people), reviewing.review([replace(each[0], text=None)]))
        yield from (reviewing.decided(each[0], newly=True), reviewing.decided(each[0], newly=False))


@case(
    destinations.webhook_form,
    destinations.twilio_form,
    destinations.van_form,
    destinations.file_form,
    destinations.made,
    destinations.in_settings,
    destinations.in_home,
    destinations.passing,
    destinations.one_of,
    destinations.removed,
    destinations.tested,
    destinations.told,
    destinations.loaded,
)
def _destinations(text: str) -> Iterator[Any]:
    one = destination_with(text)
    states = [replace(one, id=state.value, state=state) for state in DestinationState]
    failing = NotTaken(text, 2, "+12125550100", datetime(2026, 11, 3, tzinfo=UTC))
    at_twilio = replace(
        one, kind=DestinationKind.TWILIO, not_taken=(failing, replace(failing, phones=1, problem=LACKING))
    )
    file = replace(one, kind=DestinationKind.FILE, address="phones", problem=None, failing_since=None)
    given = replace(file, id="given", file_at=datetime(2026, 11, 3, tzinfo=UTC))
    files = file, given, replace(given, id="all", file_has_all=True), replace(file, id="none", waiting=0)
    for loaded in (LoadedFile(file, 3, newly) for newly in (True, False)):
        yield destinations.loaded(loaded, Actor("platform", text))
    kinds = at_twilio, replace(at_twilio, kind=DestinationKind.VAN), *files
    for each in (*kinds, *states, replace(one, failing_since=None)):
        yield destinations.made(each)
        yield from (destinations.one_of(each), destinations.removed(each), destinations.told(each))
        yield from (destinations.tested(each, text, 500, text), destinations.tested(each, None, 204, text))
    for several in ([], states, files):
        yield destinations.passing(several)
        yield Message.of("x", *(destinations.in_home(several) or [section("x")]))
    yield Message.of("x", *destinations.in_settings())
    yield destinations.webhook_form("{}", [text[:40] or "x"], longest_name=40, longest_address=500)
    yield destinations.webhook_form("{}", [], longest_name=40, longest_address=500)
    yield destinations.twilio_form("{}", longest_name=40)
    yield destinations.van_form("{}", longest_name=40)
    yield destinations.file_form("{}", longest_name=40)


@case(keys.form, keys.made, keys.in_settings, keys.in_home)
def _keys(text: str) -> Iterator[Any]:
    by = Actor("U1", text)
    for serves in (True, False):
        for state, at in ((KeyState.LIVE, None), (KeyState.REVOKED, AT), (KeyState.EXPIRED, None)):
            key = Key(
                1,
                "k1",
                text[:LONGEST_KEY_NAME],
                tuple(Scope),
                by,
                AT,
                AT,
                by if at else None,
                at,
                at,
                state,
                use_is_due=False,
            )
            yield keys.made(MadeKey(key, "optk_k1_x"), serves_api=serves)
            several = [replace(key, id=f"k{number}") for number in range(10)]
            yield Message.of("x", *keys.in_home(several, serves_api=serves))
        yield keys.form("{}", 40, serves_api=serves)
    yield Message.of("x", keys.in_settings())


@case(hooks.twilio_form, hooks.telnyx_form, hooks.off, hooks.made, hooks.in_settings, hooks.in_home)
def _hooks(text: str) -> Iterator[Any]:
    for kind, trouble in product(HookKind, (None, text)):
        hook = Hook(1, "h1", kind, text, None, "s", None, None, Actor("U1", text), AT, AT, trouble)
        yield hooks.made(hook, "https://desk.example.org/hooks/twilio/h1")
        several = [hooks.ShownHook(replace(hook, id=f"h{number}"), AT if number else None) for number in range(10)]
        for takes in (True, False):
            yield Message.of("x", *hooks.in_home(several, takes_hooks=takes))
    yield from (hooks.twilio_form("{}", 40), hooks.telnyx_form("{}", 40), hooks.off())
    yield Message.of("x", *hooks.in_settings())


@case(scrubs.comparing, scrubs.read_at_telnyx, scrubs.scrubbed)
def _scrubs(text: str) -> Iterator[Any]:
    yield scrubs.comparing(upload_with(text), 0.5)
    by = Actor("platform", text)
    yield scrubs.read_at_telnyx(Hook(1, "h", HookKind.TELNYX, text, None, "s", None, "k", by, AT, None, None), by)
    yield scrubs.scrubbed(scrubbed_with(text), text)


@case(settings.form, settings.changed)
def _settings(text: str) -> Iterator[Any]:
    groups = [settings.Group("S1", text), settings.Group("S2", f"b {text}")]
    yield settings.form(
        account_with(text, admin_groups=("S1", "S3"), support_groups=("S2",)),
        groups,
        "{}",
        undo_days=14,
        most_bytes=10**9,
    )
    yield settings.changed([text] * 12, Actor("platform", text))


@case(shortcuts.nothing_to_check, shortcuts.check)
def _shortcuts(text: str) -> Iterator[Any]:
    unread = [NotAPhone(text, Reason.LETTERS, text)]
    yield shortcuts.nothing_to_check(quoted(text), unread, is_whole=False)
    found = FoundPhone(number(), text, text)
    flagged = FoundPhone(number(flagged=True), text)
    rows = [(PhoneState(f"+1212555{n:04}", (), ()), found if n % 2 else flagged) for n in range(49)]
    yield shortcuts.check([(state_with(text), found), *rows], 3, text, "US", "{}", unread=unread, is_whole=False)


@case(
    uploads.queued,
    uploads.reading,
    uploads.applying,
    uploads.undoing,
    previews.preview,
    previews.questions,
    uploads.reminder,
    uploads.notice,
    uploads.expired,
    uploads.to_decide,
    uploads.decided,
    uploads.read_again,
    uploads.closed,
    uploads.reported,
    uploads.overtaken,
    uploads.applied_unasked,
    uploads.report,
    uploads.stopped,
    uploads.undone,
    uploads.refused,
    uploads.failed,
    uploads.cancelled,
    previews.looked_up,
    previews.compared,
    uploads.chosen_alone,
    uploads.of_state,
    uploads.for_direct_message,
)
def _uploads(text: str) -> Iterator[Any]:
    upload = upload_with(text)
    before = entry(1, Function.UPLOAD, upload_id=1, file_name=text, actor=Actor("platform", text))
    yield from (uploads.reading(upload, 5, 0.5, 3), uploads.applying(upload, 5, 3), uploads.undoing(upload, 5, 3))
    yield from (
        previews.preview(upload, TERMS, before),
        uploads.reminder(upload, TERMS, [upload.actor]),
        uploads.expired(upload),
        uploads.to_decide(upload, previews.preview(upload, TERMS, before)),
        uploads.decided(upload, uploads.expired(upload)),
        uploads.read_again(upload),
        uploads.closed(upload),
        uploads.reported(upload, uploads.report(upload, TERMS)),
        uploads.overtaken(upload, UploadState.DONE),
        uploads.overtaken(upload, UploadState.FAILED),
        uploads.applied_unasked(replace(upload, summary={"unasked": [text] * 5}), uploads.report(upload, TERMS)),
    )
    yield previews.preview(replace(upload, phones=0, already=0), TERMS)
    for asked in Asked:
        for choices in (Choices(asked=asked), Choices(asked=asked, alone=True)):
            for state in (UploadState.WAITING, UploadState.REFUSED, UploadState.EXPIRED):
                yield uploads.of_state(replace(upload, choices=choices, state=state), TERMS)
    yield Message.of("x", section("x"), *previews.questions(upload))
    yield previews.looked_up(replace(upload, phones=0, already=0))
    comparison = replace(upload, state=UploadState.WAITING, choices=Choices(asked=Asked.COMPARE))
    for ours in (0, 9_999):
        yield previews.compared(replace(comparison, summary=comparison.summary | {"ours": comparison.already + ours}))
    yield previews.compared(replace(comparison, phones=0, already=0))
    yield uploads.chosen_alone(upload, quoted(text))
    yield uploads.notice(upload, [Actor("U1", text), Actor("platform", text)], uploads.refused(upload))
    yield uploads.notice(
        replace(upload, state=UploadState.WAITING), [Actor("U1", text)], previews.preview(upload, TERMS)
    )
    fresh = replace(TERMS, undo=timedelta(days=36_500))
    yield from (uploads.report(upload, fresh), uploads.stopped(upload, fresh), uploads.undone(upload, before))
    yield from (uploads.refused(upload), uploads.failed(upload, fresh), uploads.cancelled(upload))
    for state in UploadState:
        summary = asdict(scrubbed_with(text)) if state is UploadState.SCRUBBED else upload.summary
        yield uploads.of_state(replace(upload, state=state, summary=summary), fresh, before)
        yield uploads.queued(replace(upload, state=state, summary=summary))
    yield uploads.for_direct_message(upload, previews.preview(upload, TERMS, before), text)


@case(upload_buttons.buttons, upload_buttons.button)
def _upload_buttons(text: str) -> Iterator[Any]:
    buttons = upload_buttons.buttons(upload_with(text), "reading", upload_buttons.CANCEL, upload_buttons.STOP)
    yield Message.of("Buttons", buttons)


@case(
    upload_list.list_of_uploads,
    upload_list.one_upload,
    upload_list.open_button,
)
def _upload_list(text: str) -> Iterator[Any]:
    upload, reader = upload_with(text), upload_list.Reader(may_undo=True, undo=timedelta(days=36_500))
    for state in UploadState:
        summary = asdict(scrubbed_with(text)) if state is UploadState.SCRUBBED else upload.summary
        many = [replace(upload, id=number, state=state, summary=summary) for number in range(30)]
        yield upload_list.list_of_uploads(many, reader)
    yield upload_list.list_of_uploads([], reader)
    yield Message.of("Open", *upload_list.one_upload(upload, reader))
    yield Message.of("Open", ActionsBlock(elements=[*upload_list.open_button(f"https://x.example/{text}"), STILL]))


STILL = ButtonElement(text="Still", action_id="still", value="still")


@case(uploads.ask_for_number, uploads.counting_undo, uploads.undo_question)
def _upload_modals(text: str) -> Iterator[Any]:
    upload = upload_with(text)
    yield uploads.ask_for_number(upload, [quoted(text)] * 30, "{}")
    yield uploads.counting_undo(upload)
    yield uploads.undo_question(upload, UndoPreview(1, 2, 3), "{}")


@case(modals.refusal, modals.text_modal, modals.making_form, modals.text_field, modals.ending_button)
def _modals(text: str) -> Iterator[Any]:
    yield modals.refusal(Message.of(quoted(text)))
    yield modals.making_form("Title", "x.form", "{}", quoted(text), modals.text_field("x", "Name", "What it is.", 40))
    yield Message.of(
        "End", ActionsBlock(elements=[modals.ending_button("End", "x", "v", "thing", quoted(text[:40])), STILL])
    )
    yield modals.text_modal("Title", quoted(text), *forms.menu(account_with(text), "{}", "admin").blocks)


@case(
    steps.added,
    steps.asked,
    steps.reason_in_words,
    steps.no_number,
    steps.wrong_input,
    steps.input_too_long,
    steps.not_phones,
    steps.other_words,
    steps.too_many,
    steps.reason_too_long,
    steps.nobody_to_ask,
    steps.refused,
    steps.gave_up,
)
def _steps(text: str) -> Iterator[Any]:
    numbers = [number(flagged=True, remark=text)]
    outcome = Added(ONE, entry(1, reason=text), state_with(text).opt_outs[0])
    completed = [steps.added(numbers, [outcome], "US", masked=False), steps.asked(numbers, "US", masked=True)]
    failed = [
        steps.no_number(),
        steps.wrong_input("Who"),
        steps.input_too_long("Who", 500),
        steps.not_phones([NotAPhone(text, Reason.LETTERS, text)] * 9),
        steps.other_words(),
        steps.too_many(9, 5),
        steps.reason_too_long(500),
        steps.nobody_to_ask(),
        steps.refused(text),
        steps.gave_up("7f3a"),
    ]
    # Whoever builds a workflow may put them into a message of Slack's.
    for said in (*(one.note for one in completed), *(one.error for one in failed)):
        yield Message.of(said)
    # Kept as the reason of an entry, and shown as those are.
    yield Message.of(quoted(steps.reason_in_words(text, text) or "none"))


def views_there_are() -> Iterator[Callable[..., Any]]:
    names = [f"handlers.views.{module.name}" for module in pkgutil.iter_modules(handlers.views.__path__)]
    for module in [modals, *map(importlib.import_module, names)]:
        for name, function in inspect.getmembers(module, inspect.isfunction):
            ours = function.__module__ == module.__name__ and not name.startswith("_")
            if ours and typing.get_type_hints(function)["return"] not in {str, bool}:
                yield function


def test_no_view_is_left_out() -> None:
    """Whoever writes another view says here what it is called with, and so has it tried."""
    assert {f"{view.__module__}.{view.__name__}" for view in views_there_are()} == {
        f"{view.__module__}.{view.__name__}" for view in CASES
    }


def shown(answer: Any) -> Iterator[Any]:
    """The JSON of *answer* as Slack gets it, each message and view for itself, once Slack would take it."""
    if isinstance(answer, Message):
        for message in (answer, *answer.details):
            for part in split(message):
                assert problems_of(list(part.blocks), "message") == []
                assert 0 < len(part.text) < 4_000
                yield list(part.blocks)
        texts = [answer.text, *(one.text for one in answer.details), answer.settles or " "]
        # Not shown where there are blocks, but read out, and told by notifications.
        yield [{"type": "mrkdwn", "text": text, "verbatim": True} for text in texts]
    elif isinstance(answer, Block):
        assert problems_of([answer.to_dict()], "message") == []
        yield answer.to_dict()
    else:
        view = answer.to_dict() if isinstance(answer, View) else answer
        assert view_problems(view) == []
        yield view


def text_objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every text object in *value*, however deep: of blocks, options, descriptions, confirmations, labels, titles."""
    if isinstance(value, dict):
        if value.get("type") in {"mrkdwn", "plain_text"} and "text" in value:
            yield value
        for part in value.values():
            yield from text_objects(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from text_objects(part)


_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
# What we write ourselves: people, channels, dates and links, to pages of ours and Slack's.
_OURS = re.compile(r"<(?:@U0\w+|#C\w*|!date\^[^<>]*|https://(?:x\.example|example\.org)/[^<>|]*\|[^<>]*)>")


@pytest.mark.parametrize("make", dict.fromkeys(CASES.values()))
@pytest.mark.parametrize(
    "text",
    # The long ones take as long as all others.
    [
        pytest.param(text, id=str(n), marks=[pytest.mark.wide] if len(text) > 1_000 else [])
        for n, text in enumerate(HOSTILE)
    ],
)
def test_nothing_foreign_becomes_markup(make: Case, text: str) -> None:
    """Every text object is plain or verbatim; no mention, link, bold or turned line comes of *text*; Slack takes all."""
    for answer in make(text):
        for found in text_objects([*shown(answer)]):
            assert found["type"] == "plain_text" or found.get("verbatim") is True, found
            if found["type"] == "mrkdwn":
                check_mrkdwn(found["text"])


def check_mrkdwn(text: str) -> None:
    rest = _OURS.sub(lambda ours: ours[0].rpartition("|")[2].rstrip(">") if "|" in ours[0] else "", text)
    assert "<" not in rest, text
    assert ">" not in rest, text
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u2028\x00\r]", text), text
    rest = _CODE.sub("", rest)
    assert "`" not in rest, text
    for line in rest.split("\n"):
        for mark in "*_~":
            opens = re.findall(rf"(?<![^\W_])[{mark}](?!\s|$)|(?<!\s)(?<!^)[{mark}](?![^\W_])", line)
            assert len(opens) % 2 == 0, (mark, line)
    assert "*b*" not in rest
    assert "_b_" not in rest
    assert "~d~" not in rest
    assert ":tada:" not in rest
