"""
Models: what goes over the wire, both ways, as pydantic describes it; the document shows exactly these.

A field that is not here is refused by its name. Answers are made from the store's values and hold nothing else.
"""

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from store import Cause, DestinationKind, DestinationState, Outcome, ReplyState, UploadState

MOST_CHECKED: Final = 10_000
MOST_ENTERED: Final = 1_000
MOST_CONVERSATIONS: Final = 10_000
E164: Final = r"^\+[1-9][0-9]{6,14}$"
CAMPAIGN_ID: Final = r"^[A-Za-z0-9_~:-][A-Za-z0-9._~:-]{0,127}$"
# No signs that steer a terminal or a page.
LINE: Final = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"

PhoneText = Annotated[
    str, Field(pattern=E164, description="A phone in E.164: a plus, then 7 to 15 digits.", examples=["+12125550100"])
]
EntryMoment = Annotated[datetime, Field(description="A moment, in UTC.")]


AsOf = Annotated[int, Field(description="The number of the newest change that is seen in this answer.")]


class Model(BaseModel):
    """Strict and closed: nothing is guessed, nothing is passed over."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class EntryAnswer(Model):
    """One thing that was done to the list: who did it, when, by which function and why."""

    entry: Annotated[int, Field(description="The number of the entry in the account's history.")]
    function: Annotated[
        str,
        Field(
            description="How it was done: command, button, form, mention, shortcut, upload, keyword, texter, api, delete, undo or erase.",
            examples=["keyword"],
        ),
    ]
    at: EntryMoment
    by: Annotated[str, Field(description="The name of whoever did it.")]
    reason: str | None
    cause: Annotated[str | None, Field(description="One of the causes that people choose from.")]
    requested_at: Annotated[datetime | None, Field(description="When the contact asked, where that is known.")]


class ReasonAnswer(Model):
    """One reason not to text the phone, and what took it back, if anything did."""

    made: EntryAnswer
    note: Annotated[str, Field(description="The same in one sentence for people.")]
    lifted: EntryAnswer | None


class ConversationAnswer(Model):
    """The exchange with the phone in one campaign."""

    campaign: str
    name: Annotated[str, Field(description="The campaign's name.")]
    active: Annotated[bool, Field(description="Whether the campaign is.")]
    contact: str
    opted_out: bool


class PhoneAnswer(Model):
    """All that the list knows of one phone."""

    as_of: AsOf
    phone: PhoneText
    opted_out: Annotated[bool, Field(description="Whether it must not be texted.")]
    since: Annotated[datetime | None, Field(description="When the oldest reason that still stands was made.")]
    reasons: Annotated[list[ReasonAnswer], Field(description="Newest first; those that were taken back too.")]
    conversations: list[ConversationAnswer]


class CheckRequest(Model):
    """Phones to be checked before they are texted."""

    phones: Annotated[
        list[Annotated[str, Field(pattern=r"^[^\x00]*$")]],
        Field(min_length=1, max_length=MOST_CHECKED, description="Phones in E.164. Others are named in the answer."),
    ]


class InvalidAnswer(Model):
    """Something among the phones that is none, which must not be texted either."""

    at: Annotated[int, Field(description="Where it stands among the phones of the request, from 0.")]
    phone: Annotated[str, Field(description="As it was sent.")]
    detail: Annotated[str, Field(description="What would be right.")]


class CheckAnswer(Model):
    """Which of the phones must not be texted. Whatever is in neither list may be."""

    as_of: AsOf
    checked: Annotated[int, Field(description="How many phones were sent.")]
    opted_out: Annotated[list[PhoneText], Field(description="Those that are opted out, each once.")]
    invalid: Annotated[
        list[InvalidAnswer], Field(description="Those that are not in E.164, of which nothing is known.")
    ]


class UploadedAnswer(Model):
    """The list that an entry is about."""

    upload: Annotated[int, Field(description="Its number.")]
    file: Annotated[str | None, Field(description="The name of its file.")]


class HistoryAnswer(EntryAnswer):
    """One entry of the history, with what it is about."""

    note: Annotated[str, Field(description="The same in one sentence for people.")]
    phones: Annotated[
        list[PhoneText],
        Field(description="The first five of the phones that it is about; none of a list, a setting or an export."),
    ]
    phone_count: Annotated[int, Field(description="How many they are; of a list, those that it reached so far.")]
    uploaded: UploadedAnswer | None


class HistoryPageAnswer(Model):
    """A page of the history, newest first."""

    entries: list[HistoryAnswer]
    next: Annotated[int | None, Field(description="To be sent as `before` for the next page; null where none is left.")]


class ActorAnswer(Model):
    """Whoever did something."""

    id: Annotated[
        str,
        Field(
            description="Slack's id of a person; of a key `key:` and its id, of a program on the desk's machine `local:`."
        ),
    ]
    name: str


class ListSourceAnswer(Model):
    """The list by which an entry was made."""

    upload: Annotated[int, Field(description="Its number.")]
    file: Annotated[str, Field(description="The name of its file.")]
    file_id: Annotated[
        str, Field(description="Slack's id of the file; of one that was sent over this API `sent:` and its id.")
    ]
    sha256: Annotated[str | None, Field(description="Of the bytes of the file, in hexadecimal digits.")]
    line: Annotated[int | None, Field(description="The first line of the file on which the phone stands.")]
    said: Annotated[str | None, Field(description="What the list itself said of the phone, word for word.")]
    received_at: EntryMoment
    dropped_by: ActorAnswer
    decided_by: Annotated[ActorAnswer | None, Field(description="Who decided about the list last.")]
    channel_id: Annotated[str, Field(description="Slack's id of the channel.")]
    permalink: Annotated[str | None, Field(description="Where the list was dropped.")]


class SecondAdminAnswer(Model):
    """What became of a request to allow texts again that a second admin decides."""

    state: Annotated[str, Field(description="`asked`, `allowed`, `declined`, `expired` or `overtaken`.")]
    decided_by: ActorAnswer | None
    decided_at: datetime | None


class ReopenedByEntryAnswer(Model):
    """A conversation in which texts could go on."""

    campaign: str
    name: Annotated[str, Field(description="The campaign's name at the time.")]
    contact: str


class EvidenceEventAnswer(Model):
    """One entry that touched the phone."""

    entry: Annotated[int, Field(description="The number of the entry in the account's history.")]
    function: Annotated[str, Field(description="How it was done.", examples=["keyword"])]
    note: Annotated[str, Field(description="The same in one sentence for people.")]
    by: ActorAnswer
    asked_by: Annotated[ActorAnswer | None, Field(description="Who handed the request over to them.")]
    requested_at: Annotated[datetime | None, Field(description="When the contact asked, where that is known.")]
    heard_at: Annotated[datetime, Field(description="When the desk was told.")]
    effect_at: Annotated[
        datetime | None,
        Field(
            description="Since when it was so for the phone, of a list at the latest; null while a list is still at it, and "
            "of remarks and exports."
        ),
    ]
    cause: Annotated[str | None, Field(description="One of the causes that people choose from.")]
    reason: Annotated[str | None, Field(description="The exact words.")]
    channel_id: str | None
    channel_name: str | None
    message_ts: Annotated[str | None, Field(description="Slack's id of the message in the channel.")]
    permalink: str | None
    opts_out: Annotated[bool, Field(description="Whether it is a reason not to text the phone.")]
    taken_back_by: Annotated[int | None, Field(description="The entry that took this reason back.")]
    takes_back: Annotated[list[int], Field(description="The entries whose reasons this one took back.")]
    from_list: ListSourceAnswer | None
    second_admin: SecondAdminAnswer | None
    reopened: Annotated[
        list[ReopenedByEntryAnswer] | None,
        Field(description="Conversations that it re-opened; null where that is not kept, as of the undo of a list."),
    ]


class PassedOnAnswer(Model):
    """What one destination made of how the phone is now."""

    destination: Annotated[str, Field(description="Its name, as admins gave it.")]
    kind: Annotated[str, Field(examples=["webhook"])]
    answer: Annotated[
        Literal["took it", "reported it itself", "waits", "did not take it", "not told"],
        Field(description="`not told`: it is told of opt-outs alone, and the phone is not opted out."),
    ]
    at: Annotated[datetime | None, Field(description="When it took or reported it; null where that is not kept.")]
    since: Annotated[datetime | None, Field(description="Since when it waits, or is not taken.")]
    why: Annotated[str | None, Field(description="Why it waits or is not taken, where something is wrong.")]
    removed_at: Annotated[
        datetime | None, Field(description="When the destination was removed; its answer is that of then.")
    ]


class EvidenceAnswer(Model):
    """All that is known of one phone, and how it came about."""

    account: Annotated[str, Field(description="Slack's id of the workspace or organisation whose list it is.")]
    account_name: str
    phone: PhoneText
    opted_out: Annotated[bool, Field(description="Whether it must not be texted.")]
    since: Annotated[datetime | None, Field(description="When the oldest reason that still stands was made.")]
    made_at: EntryMoment
    left_out: Annotated[int, Field(description="Older entries than these, which are not in it.")]
    events: Annotated[
        list[EvidenceEventAnswer], Field(description="Oldest first; none of a phone that was never heard of.")
    ]
    destinations: Annotated[
        list[PassedOnAnswer],
        Field(description="To whom opt-outs are passed on, by name; those that were removed last."),
    ]


class OptOutRequest(Model):
    """Phones to be opted out, all or none, by one entry."""

    function: Annotated[
        Literal["keyword", "texter", "api"],
        Field(
            description="How it was asked for: `keyword`, the contact replied with a word such as STOP; `texter`, one of "
            "the people who text noted it; `api`, anything else."
        ),
    ]
    phones: Annotated[list[PhoneText], Field(min_length=1, max_length=MOST_ENTERED)]
    reason: Annotated[
        str | None,
        Field(
            max_length=1000,
            pattern=LINE,
            description="Why, in words, such as those of the contact.",
            examples=["STOP"],
        ),
    ] = None
    cause: Annotated[Cause | None, Field(strict=False, description="One of the causes that people choose from.")] = None
    requested_at: Annotated[
        AwareDatetime | None,
        Field(
            description="When the contact asked, where that was not now. No more than a day ahead of the desk's clock.",
            examples=["2026-11-03T14:05:00Z"],
        ),
    ] = None
    by: Annotated[
        str | None,
        Field(max_length=80, pattern=LINE, description="The name of whoever noted it, such as the texter's."),
    ] = None


class DeleteRequest(Model):
    """One phone to which texts are to be allowed again, since its opt-out was a mistake."""

    function: Literal["delete"]
    phones: Annotated[list[PhoneText], Field(min_length=1, max_length=1)]
    reason: Annotated[
        str | None, Field(max_length=1000, pattern=LINE, description="Why, in words.", examples=["a wrong number"])
    ] = None
    by: Annotated[str | None, Field(max_length=80, pattern=LINE, description="The name of whoever decided it.")] = None


EnterRequest = Annotated[OptOutRequest | DeleteRequest, Field(discriminator="function")]


class EnteredAnswer(Model):
    """What became of one phone."""

    phone: PhoneText
    newly: Annotated[bool, Field(description="Whether it was not opted out before; else this is one more reason.")]
    since: Annotated[datetime, Field(description="Since when it has been opted out.")]


class OptedOutAnswer(Model):
    """The phones are opted out."""

    entry: Annotated[int, Field(description="The number of the entry in the account's history.")]
    phones: Annotated[list[EnteredAnswer], Field(description="Each once, in the order of the request.")]


class ReopenedAnswer(Model):
    """A conversation in an active campaign in which texts may go on."""

    campaign: str
    contact: str


class AllowedAnswer(Model):
    """Texts to the phone are allowed again; or they were allowed already, and there is no entry."""

    entry: Annotated[int | None, Field(description="The number of the entry; null where nothing stood.")]
    phone: PhoneText
    reopened: list[ReopenedAnswer]


class ReplyRequest(Model):
    """A reply, as it came to whoever sends the texts."""

    source: Annotated[
        str,
        Field(
            max_length=64, pattern=LINE, description="What it came to: a name of your own choice.", examples=["twilio"]
        ),
    ]
    message: Annotated[
        str, Field(max_length=200, pattern=LINE, description="The id that it has there.", examples=["SM0b7c2d"])
    ]
    from_: Annotated[PhoneText, Field(alias="from", description="Who replied, in E.164.")]
    to: Annotated[
        str, Field(max_length=64, pattern=LINE, description="The number or short code.", examples=["+12125550199"])
    ]
    text: Annotated[
        str,
        Field(
            pattern=r"^[^\x00]*$",
            description="All that it says, in any script. The first 4,000 characters count.",
            examples=["STOP"],
        ),
    ]
    received_at: Annotated[
        AwareDatetime,
        Field(
            description="When it came. What is ahead of the desk's clock counts as now.",
            examples=["2026-11-03T14:05:00Z"],
        ),
    ]
    campaign: Annotated[str | None, Field(pattern=CAMPAIGN_ID, description="Your id of the campaign.")] = None
    contact: Annotated[str | None, Field(max_length=200, pattern=LINE, description="Your id of the contact.")] = None


class ReplyAnswer(Model):
    """The reply is kept."""

    reply: Annotated[int, Field(description="Its number.")]
    outcome: Annotated[
        Outcome,
        Field(
            description="`out`: it opted its sender out. `in`: it took back what such a reply did, as far as nothing else "
            "stands. `help`: it asks for help. `ask`: it may be a request, so a person decides. `not`: it asks for nothing."
        ),
    ]
    why: Annotated[str, Field(description="The rule that decided, and the words that it went by.")]
    state: Annotated[
        ReplyState,
        Field(
            description="`settled`: nobody has to look at it. `waiting`: for a person in Slack. `opted out`, "
            "`not a request`: what that person decided."
        ),
    ]
    entry: Annotated[
        int | None, Field(description="The number of the entry in the account's history by which it had an effect.")
    ]
    again: Annotated[bool, Field(description="Whether it was told before, so that nothing was done now.")]


class SentAnswer(Model):
    """The list is here, and is read next."""

    upload: Annotated[
        int, Field(description="Its number, by which `GET /uploads/{upload}` and people in Slack know it.")
    ]


class UploadAnswer(Model):
    """How a list stands that was sent. Counts are 0 until it was read."""

    upload: Annotated[int, Field(description="Its number.")]
    name: Annotated[str, Field(description="The name of the file.")]
    state: Annotated[
        UploadState,
        Field(
            description="`received`: it is about to be read. `waiting`: it was read, and an admin in Slack decides. "
            "`applying`: its phones are being opted out. `done`: they are. `refused`: it cannot be read as it is, see "
            "`problem`. `cancelled`, `expired`: somebody, or nobody in time, decided. `stopped`: in the middle, by an "
            "admin. `failed`: see `problem`. `undoing`, `undone`: an admin takes it back. `scrubbed`: it was compared."
        ),
    ]
    settled: Annotated[bool, Field(description="Whether it stays so unless somebody in Slack decides otherwise.")]
    problem: Annotated[str | None, Field(description="Why it was refused or failed, for people.")]
    rows: Annotated[int, Field(description="Rows of the list.")]
    unreadable: Annotated[int, Field(description="Rows that give no phone; in Slack each is told with its reason.")]
    phones: Annotated[int, Field(description="Phones in it, each counted once.")]
    already: Annotated[int, Field(description="Those of them that were opted out before.")]
    opted_out: Annotated[int, Field(description="Those of them that it opted out so far.")]
    entry: Annotated[
        int | None, Field(description="The number of the entry in the account's history, once an admin said yes.")
    ]
    decided_by: Annotated[str | None, Field(description="The name of whoever decided about it last.")]
    received_at: EntryMoment
    finished_at: Annotated[datetime | None, Field(description="When it ended, in UTC.")]


class CampaignRequest(Model):
    """A campaign as it is now."""

    name: Annotated[str, Field(max_length=200, pattern=LINE, examples=["GOTV October"])]
    active: Annotated[bool, Field(description="Whether it goes on.")]


class CampaignAnswer(Model):
    """The campaign is known as it was told."""

    changed: Annotated[bool, Field(description="Whether it was not known so before.")]


class ConversationRequest(Model):
    """The exchange with one contact."""

    contact: Annotated[
        str,
        Field(max_length=200, pattern=LINE, description="The platform's own id of the contact.", examples=["c-17"]),
    ]
    phone: PhoneText


class ConversationsRequest(Model):
    """Conversations of one campaign."""

    conversations: Annotated[list[ConversationRequest], Field(min_length=1, max_length=MOST_CONVERSATIONS)]


class ConversationsAnswer(Model):
    """The conversations are known as they were told."""

    new: int
    changed: Annotated[int, Field(description="Those that have another phone, or became opted out.")]
    same: int
    opted_out: Annotated[int, Field(description="How many of all these are opted out.")]


class ChangedAnswer(Model):
    """The state now of a phone that changed."""

    phone: PhoneText
    opted_out: Annotated[bool, Field(description="Whether it must not be texted.")]
    since: Annotated[datetime | None, Field(description="Since when; null where it is not opted out.")]


class ChangesAnswer(Model):
    """A page of the feed."""

    as_of: AsOf
    phones: Annotated[
        list[ChangedAnswer], Field(description="To be written over what was known of them, in any order.")
    ]
    cursor: Annotated[
        str,
        Field(
            description="Where the next page begins, to be sent as `after`: keep it together with what was made of the phones."
        ),
    ]
    more: Annotated[bool, Field(description="Whether there is more to read at once.")]


class _MakeRequest(Model):
    name: Annotated[
        str, Field(min_length=1, max_length=40, pattern=LINE, description="What it is.", examples=["ThruText"])
    ]
    channel: Annotated[
        str,
        Field(
            pattern=r"^[CG][A-Z0-9]{2,30}$",
            description="Slack's id of the channel where it is told what does not work, or what waits; the desk has to be in it.",
            examples=["C012AB3CD"],
        ),
    ]


class MakeWebhookRequest(_MakeRequest):
    """A webhook: docs/webhooks.md says what it is told."""

    kind: Literal["webhook"]
    address: Annotated[str, Field(max_length=500, pattern=LINE, description="It begins with https://.")]
    key: Annotated[
        str | None,
        Field(
            max_length=40,
            pattern=LINE,
            description="The name of the API's key by which it reports: what it reported itself is not told back to it.",
        ),
    ] = None


class MakeTwilioRequest(_MakeRequest):
    """A sender at Twilio, by its Consent Management API."""

    kind: Literal["twilio"]
    sender: Annotated[str, Field(max_length=40, pattern=LINE, description="A Messaging Service, MG..., or a number.")]
    sid: Annotated[str, Field(max_length=40, pattern=LINE, description="The account's SID, AC..., or an API key's.")]
    secret: Annotated[str, Field(max_length=200, pattern=LINE, description="The auth token, or the key's secret.")]


class MakeVanRequest(_MakeRequest):
    """My Campaign in NGP VAN, or EveryAction."""

    kind: Literal["van"]
    application: Annotated[str, Field(max_length=100, pattern=LINE, description="The application's name.")]
    api_key: Annotated[str, Field(max_length=40, pattern=LINE, description="The key for My Campaign.")]


class MakeFileRequest(_MakeRequest):
    """A product without a door: a person gets its list in Slack as a file, loads it and says so."""

    kind: Literal["file"]
    layout: Annotated[Literal["phones", "thrutext"], Field(description="The columns of the file.")]


MakeDestinationRequest = Annotated[
    MakeWebhookRequest | MakeTwilioRequest | MakeVanRequest | MakeFileRequest, Field(discriminator="kind")
]


class ChangeDestinationRequest(Model):
    """What a destination is to be."""

    state: Annotated[Literal["on", "paused"], Field(description="Whether anything is passed on to it.")]


class NotTakenAnswer(Model):
    """Phones that a destination did not take while it took others."""

    problem: Annotated[str, Field(description="Why.")]
    phones: Annotated[int, Field(description="How many.")]
    first: PhoneText
    at: Annotated[datetime, Field(description="Since when.")]


class ShownDestination(Model):
    """A destination, and how far it has come."""

    id: str
    kind: DestinationKind
    name: str
    address: Annotated[
        str,
        Field(
            description="Of a webhook its address, at Twilio the sender, in NGP VAN My Campaign, of a file its layout."
        ),
    ]
    key: Annotated[str | None, Field(description="The name of the key by which it reports.")]
    channel: Annotated[str, Field(description="Slack's id of the channel where it is told of.")]
    state: Annotated[
        DestinationState,
        Field(description="`refused`: it said that it wants nothing any more, until somebody sets it `on`."),
    ]
    waiting: Annotated[int, Field(description="How many changes wait for it, about; of a file, opt-outs.")]
    oldest: Annotated[datetime | None, Field(description="When the first of them was made, where that is known.")]
    taken_at: Annotated[datetime | None, Field(description="When it last took something, or was loaded.")]
    failing_since: datetime | None
    problem: Annotated[str | None, Field(description="Why it does not take what waits, for people.")]
    not_taken: list[NotTakenAnswer]


class MadeDestinationAnswer(ShownDestination):
    """The destination that was made."""

    secret: Annotated[
        str | None, Field(description="Of a webhook: what its messages are signed with. No other answer has it.")
    ]


class DestinationsAnswer(Model):
    """All destinations, by name."""

    destinations: list[ShownDestination]


class RemovedAnswer(Model):
    """The destination is no more."""

    removed: Annotated[str, Field(description="Its id.")]


class FaultAnswer(Model):
    """One thing that is wrong with a request."""

    at: Annotated[
        str,
        Field(
            description="A JSON pointer into the body, or the name of a parameter or header.", examples=["#/phones/3"]
        ),
    ]
    detail: str


class ProblemAnswer(BaseModel):
    """What went wrong, as RFC 9457 has it."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    type: Annotated[str, Field(description="The kind of problem, to branch on.")]
    title: str
    status: int
    detail: Annotated[str, Field(description="What was found and what would be right, in words.")]
    request_id: Annotated[str, Field(description="To be as_sent; the desk's log has it too.")]
    errors: list[FaultAnswer] = []
