"""Modals with the forms for people who would rather click than type commands. Pure functions."""

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    ConversationFilter,
    ConversationSelectElement,
    InputBlock,
    Option,
    PlainTextInputElement,
    StaticSelectElement,
)
from slack_sdk.models.blocks.block_elements import FileInputElement
from slack_sdk.models.views import View

from handlers.slack.mrkdwn import counted, escape, section
from store import Account, Cause, country_name, suffixes_read

# The blocks of the forms; a field's error is shown below its block.
NUMBERS, NUMBER, COUNTRY, CAUSE, WORDS, FILE, CHANNEL = (
    "form.numbers",
    "form.number",
    "form.country",
    "form.cause",
    "form.words",
    "form.file",
    "form.channel",
)
# A plain text input takes 3,000: https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element
_LONGEST = 3_000


def menu(account: Account, metadata: str, role: str) -> View:
    """The menu that `/optout` alone opens: the forms there are for the asker."""
    country = _country(account)
    return View(
        type="modal",
        title="Opt-Out Desk",
        close="Close",
        private_metadata=metadata,
        blocks=[
            section(f"*{counted(account.opted_out, 'phone')} opted out.* Numbers without a country code: {country}."),
            actions(role),
            section("Typed commands do the same: `/optout help` lists them."),
        ],
    )


def actions(role: str) -> Block:
    """The buttons that open the forms, those a person of that *role* may use; in App Home too."""
    buttons = [ButtonElement(text="Upload a list", action_id="form.upload", value="upload")]
    if role in {"admin", "support"}:
        buttons = [
            ButtonElement(text="Opt numbers out", action_id="form.add", value="add", style="primary"),
            ButtonElement(text="Look a number up", action_id="form.search", value="search"),
            *buttons,
            ButtonElement(text="Scrub a list", action_id="form.scrub", value="scrub"),
            ButtonElement(text="History", action_id="form.history", value="history"),
        ]
    if role == "admin":
        buttons += [
            ButtonElement(text="Export the list", action_id="form.export", value="export"),
            ButtonElement(text="Settings", action_id="form.settings", value="settings"),
        ]
    return ActionsBlock(block_id="form.open", elements=list(buttons))


def add(account: Account, metadata: str) -> View:
    """Opt numbers out by hand."""
    return _form(
        "form.add",
        "Opt numbers out",
        "Opt out",
        metadata,
        InputBlock(
            block_id=NUMBERS,
            label="Numbers",
            hint="One a line, or with commas between them.",
            element=PlainTextInputElement(action_id=NUMBERS, multiline=True, max_length=_LONGEST, focus_on_load=True),
        ),
        _country_field(account),
        InputBlock(
            block_id=CAUSE,
            label="Reason",
            optional=True,
            element=StaticSelectElement(
                action_id=CAUSE,
                placeholder="Choose",
                options=[Option(text=cause.capitalize(), value=cause) for cause in Cause],
            ),
        ),
        InputBlock(
            block_id=WORDS,
            label="In their words, or yours",
            optional=True,
            element=PlainTextInputElement(action_id=WORDS, multiline=True, max_length=500),
        ),
    )


def search(account: Account, metadata: str) -> View:
    """Look one number up."""
    return _form(
        "form.search",
        "Look a number up",
        "Look up",
        metadata,
        InputBlock(
            block_id=NUMBER,
            label="Number",
            element=PlainTextInputElement(action_id=NUMBER, max_length=100, focus_on_load=True),
        ),
        _country_field(account),
    )


def upload(account: Account, metadata: str, channel: str | None) -> View:
    """Upload a list whose preview and report go to a channel; *channel*: the one it is opened in, where that will do."""
    return _form(
        "form.upload",
        "Upload a list",
        "Upload",
        metadata,
        section("The list is read and shown first. Nothing changes before an admin says yes."),
        *_list_fields(account, "Channel for the preview and the report", channel),
    )


def scrub_form(account: Account, metadata: str, channel: str | None) -> View:
    """Scrub a list, which comes back to a channel; *channel*: as of `upload`."""
    return _form(
        "form.scrub",
        "Scrub a list",
        "Scrub",
        metadata,
        section("The list comes back without the rows of people who are opted out. Nobody is opted out by it."),
        *_list_fields(account, "Channel in which it comes back", channel),
    )


def _list_fields(account: Account, where: str, channel: str | None) -> tuple[InputBlock, ...]:
    return (
        InputBlock(
            block_id=FILE,
            label="List with a column called phone",
            hint="Up to 10 MB. Drop a larger one into an uploads channel, or into a channel with a mention of me.",
            element=FileInputElement(action_id=FILE, filetypes=suffixes_read(), max_files=1),
        ),
        _country_field(account),
        InputBlock(
            block_id=CHANNEL,
            label=where,
            element=ConversationSelectElement(
                action_id=CHANNEL,
                placeholder="Choose",
                initial_conversation=channel,
                filter=ConversationFilter(
                    include=["public", "private"], exclude_bot_users=True, exclude_external_shared_channels=True
                ),
            ),
        ),
    )


def _form(callback: str, title: str, submit: str, metadata: str, *blocks: Block) -> View:
    return View(
        type="modal",
        callback_id=callback,
        title=title,
        submit=submit,
        close="Cancel",
        private_metadata=metadata,
        blocks=list(blocks),
    )


def _country_field(account: Account) -> InputBlock:
    return InputBlock(
        block_id=COUNTRY,
        label="Country of numbers without a country code",
        hint=f"Empty: {_country(account)}.",
        optional=True,
        element=PlainTextInputElement(action_id=COUNTRY, placeholder="GB or United Kingdom", max_length=60),
    )


def _country(account: Account) -> str:
    return escape(country_name(account.country)) if account.country else "none is set, so they need one"
