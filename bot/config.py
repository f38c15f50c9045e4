"""
The settings: every environment variable of the desk, read in one place and refused with a sentence when bad.

A variable comes from the environment or, where that does not name it, from a `.env` file. A secret may stand in a
file of its own, named by the variable with `_FILE` behind it. An empty variable counts as absent, as compose files
and shells cannot easily leave one out.
"""

import difflib
import io
import math
import os
import re
import stat
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Annotated, Any, Literal

import phonenumbers
from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream
from pydantic import BeforeValidator, ByteSize, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic.config import JsonDict  # noqa: TC002 - pydantic resolves annotations at run time; one block for all
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy.exc import ArgumentError

from store import SHORTEST_TOKEN_KEY, identity_of, parsed_url

PREFIX = "OPTOUT_"
ENV_FILE = Path(".env")

# Slack documents these prefixes: https://docs.slack.dev/authentication/tokens/
_TOKEN_KINDS = {
    "xoxb-": ("a bot token", "SLACK_BOT_TOKEN"),
    "xapp-": ("an app-level token", "SLACK_APP_TOKEN"),
    "xoxp-": ("a user token", None),
    "xoxe": ("a rotating token, which expires", None),
}
_UNPREFIXED = frozenset(
    {
        "database_url",
        "slack_bot_token",
        "slack_app_token",
        "slack_signing_secret",
        "slack_client_id",
        "slack_client_secret",
        "slack_api_url",
    }
)
_IN_FILES = (
    "DATABASE_URL",
    "OPTOUT_DATABASES",
    "SLACK_BOT_TOKEN",
    "SLACK_APP_TOKEN",
    "SLACK_SIGNING_SECRET",
    "SLACK_CLIENT_SECRET",
    "OPTOUT_TOKEN_KEY",
    "OPTOUT_ERASE_KEY",
)
_USER_ID = re.compile(r"[UW][A-Z0-9]{2,20}")
_CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{8,20}")
_INSTALLER_ID = re.compile(r"[TE][A-Z0-9]{2,20}")
# How like another a name is that somebody mistyped: SLACK_BOT_TOKN is, another program's SLACK_CLIENT_SECRET is not.
_NEARLY = 0.9
# People write these for countries whose ISO 3166 code is another.
_OTHER_CODES = {"UK": "GB", "EL": "GR"}


class SettingsError(Exception):
    """A setting cannot be used. Its text is one sentence for the person who starts the desk; it never holds a secret."""


def variable_of(field: str) -> str:
    """Return the environment variable of a field of `Settings`: `admins` is OPTOUT_ADMINS, `database_url` DATABASE_URL."""
    return field.upper() if field in _UNPREFIXED else f"{PREFIX}{field.upper()}"


def _setting(default: Any, meaning: str, *, expected: str, shown: str | None = None, **constraints: Any) -> Any:
    """Return a field with what a refusal says is expected and, where the default is computed, how the table shows it."""
    extra: JsonDict = {"expected": expected} if shown is None else {"expected": expected, "shown": shown}
    return Field(default=default, description=meaning, json_schema_extra=extra, validate_default=False, **constraints)


def _words(text: object) -> object:
    """Split a comma separated value; anything else is handed on to be judged as it is."""
    return [word.strip() for word in text.split(",") if word.strip()] if isinstance(text, str) else text


def _keys_in(secret: SecretStr) -> list[str]:
    """The keys in a secret, in a row with commas or in a file one a line."""
    return secret.get_secret_value().replace(",", " ").split()


def _named_places(text: object) -> object:
    """The places of a value like `T012AB3CD=URL E012AB3CD=URL`, by name. Raises ValueError, and quotes no URL: it may hold a password."""
    if not isinstance(text, str):
        return text
    places: dict[str, str] = {}
    for number, word in enumerate(text.split(), start=1):
        name, equals, place = word.partition("=")
        # A word may be the rest of a URL with a blank in it, and of its password: no part of it is shown before this.
        if not (equals and place and _INSTALLER_ID.fullmatch(name)):
            raise ValueError(f"has something else in its place {number}")
        if name in places:
            raise ValueError(f"names {name} twice")
        places[name] = place
    return places


_Words = Annotated[frozenset[str], BeforeValidator(_words)]


def _checked_database(text: str) -> str:
    """The URL of a database as the store takes it. Raises ValueError, whose words go on from what has the URL."""
    # SQLAlchemy reads postgres:// as no dialect and postgresql:// as psycopg2, which is not what we install.
    try:
        url = parsed_url(text)
    except (ArgumentError, ValueError):
        raise ValueError("is not a database URL") from None
    if url.drivername == "sqlite":
        if not url.database or url.database == ":memory:" or url.host:
            # Every process and thread that opens it would find a database of its own.
            raise ValueError("names no SQLite file")
        return text
    if url.drivername in {"postgres", "postgresql", "postgresql+psycopg"}:
        return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    raise ValueError(f"names a database the desk does not know ({url.drivername})")


class Settings(BaseSettings):
    """
    The settings of one desk, checked and frozen.

    `load_settings` is what reads the environment; constructing `Settings` directly reads nothing, so a test or a
    tool states exactly what it means. Secrets are `SecretStr`; `database_url` and `databases` may hold passwords and are kept
    out of `repr`.
    """

    model_config = SettingsConfigDict(
        alias_generator=variable_of,
        populate_by_name=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        str_strip_whitespace=True,
    )

    database_url: str = _setting(
        "sqlite:///desk.db",
        "Where the opt-outs are kept: a SQLite file, or a PostgreSQL database for more than one replica.",
        expected="sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE",
        repr=False,
    )
    slack_bot_token: SecretStr | None = _setting(
        None, "Bot token of the installed app (OAuth & Permissions).", expected="a token that starts with xoxb-"
    )
    slack_app_token: SecretStr | None = _setting(
        None,
        "App-level token with `connections:write`; when set, the desk uses Socket Mode.",
        expected="a token that starts with xapp-",
    )
    slack_signing_secret: SecretStr | None = _setting(
        None,
        "Signing secret (Basic Information); needed without Socket Mode, when Slack calls the desk over HTTP.",
        expected="the signing secret of the app",
    )
    slack_client_id: str | None = _setting(
        None,
        "Client id (Basic Information); without a bot token, whoever opens `/slack/install` installs the app by OAuth, and the desk serves every workspace that did.",
        expected="the client id of the app",
    )
    slack_client_secret: SecretStr | None = _setting(
        None, "Client secret (Basic Information), which goes with it.", expected="the client secret of the app"
    )
    token_key: SecretStr | None = _setting(
        None,
        "What the tokens of those workspaces are encrypted with in the database; to change it, the new one, a comma and the old one.",
        expected=f"a secret of {SHORTEST_TOKEN_KEY} characters or more, as `openssl rand -hex 32` makes them",
    )
    install_for: _Words = _setting(
        frozenset(),
        "Slack ids of the workspaces and organisations, comma separated, that may install the app by OAuth; none: any.",
        expected="ids of workspaces or organisations separated by commas",
    )
    databases: Annotated[dict[str, str], BeforeValidator(_named_places)] = _setting(
        {},
        "Databases of accounts whose data is not to be in that of `DATABASE_URL`: Slack's id, `=` and its URL, and the next after a blank or on a line of its own. For workspaces that install the app by OAuth ([scale.md](scale.md#accounts-on-several-databases)).",
        expected="T012AB3CD=postgresql://USER:PASSWORD@HOST/DATABASE, and the next after a blank or on a line of its own",
        repr=False,
    )
    uninstalled_days: float = _setting(
        30.0,
        "Days for which the list of a workspace stays that uninstalled the app; whoever installs it again meanwhile finds all as it was.",
        expected="a number of days from 1 to 3650",
        shown="30",
        ge=1,
        le=3650,
    )
    slack_api_url: str = _setting(
        "https://slack.com/api/",
        "Where Slack's Web API is; another address is for tests and the embedded Slack.",
        expected="an address like https://slack.com/api/",
    )
    default_country: str | None = _setting(
        None,
        "Country of numbers without a country code, for accounts that have not set theirs.",
        expected="a two-letter region code like US or GB",
    )
    admins: _Words = _setting(
        frozenset(),
        "Slack user ids, comma separated, that are admins of the desk besides the workspace's admins and owners.",
        expected="Slack user ids separated by commas",
    )
    uploads_channels: _Words = _setting(
        frozenset({"optout-uploads"}),
        "Channels, comma separated names or ids, in which a dropped list is taken up without a mention.",
        expected="channel names or ids separated by commas",
    )
    erase_key: SecretStr | None = _setting(
        None,
        "Secret of 32 characters or more by which erased numbers stay opted out; the list is of no use with another once one was erased.",
        expected="a secret of 32 characters or more, as `openssl rand -base64 32` prints one",
    )
    max_list_bytes: ByteSize = _setting(
        ByteSize(1_000_000_000),
        "Largest list taken; Slack takes none above `1 GB`. `100 MB` is 100,000,000 bytes and `100 MiB` is 104,857,600.",
        expected="a size above zero like 100 MB",
        shown="1 GB",
        gt=0,
    )
    lease_seconds: float = _setting(
        10.0,
        "Seconds after which another replica takes over an upload whose process no longer reports.",
        expected="a number of seconds from 0.1 to 3600",
        shown="10",
        ge=0.1,
        le=3600,
    )
    stall_seconds: float = _setting(
        60.0,
        "Seconds without any progress after which the process that reads or stores a list, or makes an export, is ended.",
        expected="a number of seconds from 1 to 3600",
        shown="60",
        ge=1,
        le=3600,
    )
    post_seconds: float = _setting(
        1.0,
        "Seconds between messages to one channel, of which three may come at once; Slack takes one a second.",
        expected="a number of seconds from 0 to 60",
        shown="1",
        ge=0,
        le=60,
    )
    remind_hours: float = _setting(
        24.0,
        "Hours after which the thread of a preview that nobody answered is reminded of it, once.",
        expected="a number of hours from 0.01 to 8760",
        shown="24",
        ge=0.01,
        le=8760,
    )
    preview_hours: float = _setting(
        72.0,
        "Hours after which a preview that nobody answered expires, with nothing changed.",
        expected="a number of hours from 0.01 to 8760",
        shown="72",
        ge=0.01,
        le=8760,
    )
    undo_days: float = _setting(
        7.0,
        "Days for which an upload can be undone as a whole.",
        expected="a number of days from 0 to 3650",
        shown="7",
        ge=0,
        le=3650,
    )
    payload_minutes: float = _setting(
        15.0,
        "Minutes after which the words of a handled event are forgotten; a mention and its file come within five.",
        expected="a number of minutes from 10 to 1440",
        shown="15",
        ge=10,
        le=1440,
    )
    name_days: float = _setting(
        30.0,
        "Days for which it is known that an event was handled, an answer given and a request done, and for which what was discarded stays to be looked at.",
        expected="a number of days from 1 to 365",
        shown="30",
        ge=1,
        le=365,
    )
    scratch_dir: Path = Field(
        default_factory=lambda: Path(tempfile.gettempdir()),
        description="Directory for lists while they are read; room for three times the largest list.",
        json_schema_extra={"expected": "a directory that can be written", "shown": "the system's temporary directory"},
    )
    host: str = _setting(
        "127.0.0.1",
        "Address on which health, readiness, the API and, without Socket Mode, Slack's requests are served.",
        expected="a host name or address",
        min_length=1,
        pattern=r"^[^\s/]+$",
    )
    port: int = _setting(
        3000, "Port of the same; 0 takes a free one.", expected="a whole number from 0 to 65535", ge=0, le=65535
    )
    api: Literal["on", "off"] = _setting(
        "off", "Whether the texting platform's API is served, below `/v1`: `on` or `off`.", expected="on or off"
    )
    api_port: int | None = _setting(
        None,
        "Port of the API alone, where it is not to share the other; 0 takes a free one.",
        expected="a whole number from 0 to 65535",
        ge=0,
        le=65535,
    )
    public_url: str | None = _setting(
        None,
        "Address under which the platform reaches the API, where a proxy stands before it, and providers the hooks; Twilio signs it.",
        expected="an address like https://desk.example.org",
    )
    twilio_api_url: str = _setting(
        "https://api.twilio.com/",
        "Where Twilio's API is, of which the catch-up of a hook asks what came in; another address is for tests.",
        expected="an address like https://api.twilio.com/",
    )
    twilio_accounts_url: str = _setting(
        "https://accounts.twilio.com/",
        "Where Twilio's Consent Management API is, to which opt-outs are passed on; another address is for tests.",
        expected="an address like https://accounts.twilio.com/",
    )
    telnyx_api_url: str = _setting(
        "https://api.telnyx.com/",
        "Where Telnyx's API is, of which a comparison asks who opted out there; another address is for tests.",
        expected="an address like https://api.telnyx.com/",
    )
    van_api_url: str = _setting(
        "https://api.securevan.com/",
        "Where the API of NGP VAN is, to which opt-outs are passed on; another address is for tests.",
        expected="an address like https://api.securevan.com/",
    )
    catch_up_seconds: float = _setting(
        300.0,
        "Seconds between looks at what came in at Twilio while its webhook did not reach the desk.",
        expected="a number of seconds from 10 to 600",
        shown="300",
        ge=10,
        le=600,
    )
    private_destinations: Literal["on", "off"] = _setting(
        "off",
        "Whether opt-outs may be passed on to addresses in the desk's own network, and without TLS: `on` or `off`.",
        expected="on or off",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = _setting(
        "INFO", "Least serious message that is logged.", expected="one of DEBUG, INFO, WARNING, ERROR, CRITICAL"
    )
    log_format: Literal["text", "json"] = _setting(
        "text", "`text` for people; `json` for machines, one object a line.", expected="text or json"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic calls this by keyword
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the same
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the same
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the same
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take only what was handed in: `load_settings` merges the sources, where it can also refuse a misspelt name."""
        return (init_settings,)

    @field_validator("database_url")
    @classmethod
    def _database(cls, text: str) -> str:
        return _checked_database(text)

    @field_validator("databases")
    @classmethod
    def _databases(cls, databases: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        if databases and info.data.get("slack_bot_token") is not None:
            raise ValueError("is set with SLACK_BOT_TOKEN, by which there is one account, and DATABASE_URL is for it")
        checked = {}
        for slack_id, text in sorted(databases.items()):
            try:
                checked[slack_id] = _checked_database(text)
            except ValueError as error:
                raise ValueError(f"gives {slack_id} what {error}") from None
            if "database_url" in info.data and identity_of(checked[slack_id]) == identity_of(info.data["database_url"]):
                raise ValueError(
                    f"gives {slack_id} the database of DATABASE_URL, which has all accounts that are not named here"
                )
        return checked

    def database_of(self, slack_id: str) -> str:
        """The URL of the database that has the account of Slack's id *slack_id*."""
        return self.databases.get(slack_id, self.database_url)

    @field_validator("slack_bot_token", "slack_app_token", "slack_signing_secret", "slack_client_secret")
    @classmethod
    def _secret(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if secret is None:
            return None
        text = secret.get_secret_value().strip()
        variable = variable_of(str(info.field_name))
        kind, home = next((kind for prefix, kind in _TOKEN_KINDS.items() if text.startswith(prefix)), (None, None))
        if kind is not None and home != variable:
            raise ValueError(f"holds {kind}" + (f", which belongs in {home}" if home else ""))
        if kind is None and variable not in {"SLACK_SIGNING_SECRET", "SLACK_CLIENT_SECRET"}:
            raise ValueError("holds something else")
        # What comes along when it is copied is often not to be seen, and no header of HTTP takes it.
        if not text.isascii() or not text.isprintable() or " " in text:
            raise ValueError("holds blanks, or signs that none has, perhaps some that are not to be seen: copy it anew")
        if not text:
            raise ValueError("is empty")
        return SecretStr(text)

    @field_validator("token_key")
    @classmethod
    def _token_key(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and min(map(len, _keys_in(secret)), default=0) < SHORTEST_TOKEN_KEY:
            raise ValueError("is too short")
        return secret

    @field_validator("install_for")
    @classmethod
    def _installers(cls, ids: frozenset[str]) -> frozenset[str]:
        for one in sorted(ids):
            if not _INSTALLER_ID.fullmatch(one):
                raise ValueError(
                    f"names {_quoted(one)}, which is no id of a workspace or organisation (they look like T012AB3CD)"
                )
        return ids

    @property
    def by_oauth(self) -> bool:
        """Whether workspaces install the app by OAuth. With a bot token the desk serves its workspace, whatever else is set."""
        return self.slack_bot_token is None and self.slack_client_id is not None

    @property
    def token_keys(self) -> tuple[str, ...]:
        """The keys of tokens, the one in use first; none where there are none."""
        return () if self.token_key is None else tuple(_keys_in(self.token_key))

    @field_validator("erase_key")
    @classmethod
    def _key(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value().strip()) < SHORTEST_TOKEN_KEY:
            raise ValueError("could be found by trying")
        return None if secret is None else SecretStr(secret.get_secret_value().strip())

    @property
    def erase_secret(self) -> str | None:
        """The `erase_key` as the store takes it."""
        return None if self.erase_key is None else self.erase_key.get_secret_value()

    @field_validator("slack_api_url", "twilio_api_url", "twilio_accounts_url", "telnyx_api_url", "van_api_url")
    @classmethod
    def _address(cls, text: str) -> str:
        if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", text):
            raise ValueError("is not a web address, or carries a user, query or fragment")
        return text if text.endswith("/") else f"{text}/"

    @field_validator("api_port")
    @classmethod
    def _own_port(cls, port: int | None, info: ValidationInfo) -> int | None:
        if port and port == info.data.get("port"):
            raise ValueError("is that of OPTOUT_PORT, which serves the API by itself: leave it out, or take another")
        return port

    @field_validator("public_url")
    @classmethod
    def _public_address(cls, text: str | None) -> str | None:
        if text is not None and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", text):
            raise ValueError("is not a web address, or carries a user, query or fragment")
        return None if text is None else text.rstrip("/")

    @property
    def hooks_url(self) -> str | None:
        """Where providers reach the hooks; None where there are none: what Twilio signs begins with its address."""
        return self.public_url if self.api == "on" else None

    @field_validator("default_country", mode="before")
    @classmethod
    def _country(cls, text: object) -> object:
        if not isinstance(text, str) or not text.strip():
            return None
        code = text.strip().upper()
        if code in phonenumbers.SUPPORTED_REGIONS:
            return code
        hint = f" ({_OTHER_CODES[code]} is)" if code in _OTHER_CODES else ""
        raise ValueError(f"is {_quoted(text)}, which is no region code{hint}")

    @field_validator("admins")
    @classmethod
    def _user_ids(cls, ids: frozenset[str]) -> frozenset[str]:
        for user in sorted(ids):
            if not _USER_ID.fullmatch(user):
                raise ValueError(f"names {_quoted(user)}, which is no user id (they look like U012AB3CD)")
        return ids

    @field_validator("uploads_channels")
    @classmethod
    def _channels(cls, channels: frozenset[str]) -> frozenset[str]:
        # Slack's channel names are lower case, so a capital can only be an id or a slip.
        plain = (channel.removeprefix("#") for channel in channels)
        names = frozenset(channel if _CHANNEL_ID.fullmatch(channel) else channel.lower() for channel in plain)
        for name in sorted(names):
            if not 1 <= len(name) <= 80 or re.search(r"[\s.#@<>]", name):
                raise ValueError(f"names {_quoted(name)}, which is no channel name")
        return names

    @field_validator("max_list_bytes", mode="before")
    @classmethod
    def _size(cls, size: object) -> object:
        # ByteSize forgives blanks around the whole but not a comma between thousands, which people copy from Slack.
        return size.replace(",", "") if isinstance(size, str) and re.fullmatch(r"\d{1,3}(,\d{3})+\D*", size) else size

    @field_validator("lease_seconds", "stall_seconds", "remind_hours", "preview_hours", "undo_days", "uninstalled_days")
    @classmethod
    def _finite(cls, span: float) -> float:
        if not math.isfinite(span):
            raise ValueError("is not a finite number")
        return span

    @field_validator("scratch_dir")
    @classmethod
    def _directory(cls, path: Path) -> Path:
        path = path.expanduser()
        if not path.is_dir():
            raise ValueError(f"is {_quoted(str(path))}, where there is no directory")
        if not os.access(path, os.W_OK | os.X_OK):
            raise ValueError(f"is {_quoted(str(path))}, which cannot be written")
        return path

    @field_validator("log_level", mode="before")
    @classmethod
    def _level(cls, level: object) -> object:
        return level.strip().upper() if isinstance(level, str) else level

    @field_validator("log_format", "api", mode="before")
    @classmethod
    def _word(cls, word: object) -> object:
        return word.strip().lower() if isinstance(word, str) else word


def load_settings(environment: Mapping[str, str] | None = None, *, env_file: Path | str | None = ENV_FILE) -> Settings:
    """
    Read the settings from *environment* (the process's when None) over *env_file* (none is read when None).

    A missing *env_file* is no error. Raises `SettingsError` for a value that cannot be used, for a variable given
    both plainly and as a file, and for an OPTOUT_ variable that does not exist: a misspelt setting that is silently
    ignored would be noticed by its absence, months later.
    """
    above = _resolved(os.environ if environment is None else environment, "the environment")
    below = _resolved(_values_of(_env_file_lines(env_file)), str(env_file)) if env_file is not None else {}
    try:
        return Settings.model_validate(below | above)
    except ValidationError as error:
        # Without its cause: pydantic's own text and locals would carry the refused values, secrets among them.
        raise SettingsError("; ".join(_refusals(error)) + ".") from None


def env_file_open_to(env_file: Path = ENV_FILE) -> str | None:
    """What is wrong with who may read *env_file*, a sentence for whoever runs the desk; None where its owner alone may, or there is none."""
    try:
        mode = env_file.stat().st_mode
    except OSError:
        return None
    # To a group alone somebody has opened it, as for a database's file.
    if not mode & stat.S_IRWXO:
        return None
    return f"{env_file.absolute()} has the desk's tokens, and every user of this machine can read it. `chmod 600` it."


def doubts_of_settings(environment: Mapping[str, str] | None = None, *, env_file: Path = ENV_FILE) -> Iterator[str]:
    """
    What looks wrong about where the settings come from and is no refusal, a sentence each, for whoever runs the desk.

    A name that is nearly one of those without `OPTOUT_` may be another program's; it may also be why a token is missing.
    """
    if (open_to := env_file_open_to(env_file)) is not None:
        yield open_to
    known = {*map(variable_of, Settings.model_fields), *(f"{name}_FILE" for name in _IN_FILES)}
    plain = sorted(name for name in known if not name.startswith(PREFIX))
    lines = _env_file_lines(env_file)
    for name, times in Counter(line.key for line in lines if line.key in known).items():
        if times > 1:
            yield f"{name} stands {times} times in {env_file}, of which the last counts. Take the others away."
    sources = (
        (os.environ if environment is None else environment, "the environment"),
        (_values_of(lines), str(env_file)),
    )
    for variables, origin in sources:
        for name in sorted(variables):
            near = [] if name in known else difflib.get_close_matches(name.upper(), plain, n=1, cutoff=_NEARLY)
            if near:
                yield f"{name} in {origin} is no setting of the desk, and is not read; do you mean {near[0]}?"


def settings_table() -> str:
    """Return every setting as a Markdown table: variable, default, meaning. docs/operators.md shows exactly this."""
    rows = ["| Variable | Default | Meaning |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        rows.append(f"| `{variable_of(name)}` | {_default_shown(field)} | {field.description} |")
    return "\n".join(rows) + "\n"


def strip_slack_environment(environment: MutableMapping[str, str] | None = None) -> frozenset[str]:
    """
    Remove every SLACK_ variable from *environment* (the process's when None) and return the names removed.

    Bolt reads them by itself wherever an argument is missing: SLACK_CLIENT_ID with SLACK_CLIENT_SECRET, left by
    another tool, switch it to OAuth and make it drop the bot token it was given. The entry point calls
    this after `load_settings` and before the app is made; child processes then inherit no secret either.
    """
    variables = os.environ if environment is None else environment
    found = frozenset(name for name in variables if name.upper().startswith("SLACK_"))
    for name in found:
        del variables[name]
    return found


def _env_file_lines(env_file: Path | str) -> tuple[Binding, ...]:
    """
    The lines of *env_file*, as python-dotenv understands them; none where it is not there.

    Raises `SettingsError` for one that cannot be understood: a token on it would be missed by its absence.
    """
    try:
        text = Path(env_file).expanduser().read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{env_file} cannot be read: {_reason(error)}.") from None
    lines = tuple(parse_stream(io.StringIO(text)))
    for line in lines:
        if line.error:
            found = line.original.string
            # It may begin with blank ones before it.
            number = line.original.line + found[: -len(found.lstrip())].count("\n")
            raise SettingsError(
                f"Line {number} of {env_file} is not understood: a line is NAME=value, quotes that begin there end there, and a "
                "remark begins with #."
            )
    return lines


def _values_of(lines: tuple[Binding, ...]) -> dict[str, str]:
    """The variables on *lines*, as python-dotenv puts them together: `${OTHER}` stands for another."""
    stream = io.StringIO("".join(line.original.string for line in lines))
    return {name: value for name, value in dotenv_values(stream=stream).items() if value is not None}


def _resolved(variables: Mapping[str, str], origin: str) -> dict[str, str]:
    """Return the settings among *variables*, secrets in files read; refuse what looks like a setting and is none."""
    known = {variable_of(field) for field in Settings.model_fields}
    files = {f"{name}_FILE": name for name in _IN_FILES}
    given = {name: value for name, value in variables.items() if value.strip()}
    for name in sorted(given):
        if name.upper().startswith(PREFIX) and name not in known and name not in files:
            near = difflib.get_close_matches(name.upper(), sorted(known), n=1, cutoff=0.6)
            hint = f"do you mean {near[0]}?" if near else "see the table of settings in docs/operators.md."
            raise SettingsError(f"{name} in {origin} is no setting of the desk; {hint}")
    for file_variable, name in files.items():
        if file_variable in given and name in given:
            raise SettingsError(f"{name} and {file_variable} are both set in {origin}; keep one of them.")
    values = {name: value for name, value in given.items() if name in known}
    return values | {name: _content(variable, given[variable]) for variable, name in files.items() if variable in given}


def _content(variable: str, path: str) -> str:
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{variable} names {_quoted(path)}, which cannot be read: {_reason(error)}.") from None
    if not text:
        raise SettingsError(f"{variable} names {_quoted(path)}, which is empty.")
    return text


def _reason(error: OSError | UnicodeDecodeError) -> str:
    # A decoding error's own text quotes bytes of the file, which may be a secret.
    return (error.strerror or "it is not there") if isinstance(error, OSError) else "it is not UTF-8 text"


def _refusals(error: ValidationError) -> list[str]:
    """Return a clause for each mistake: the variable, what was found (never of a secret), what is expected."""
    clauses = []
    fields = {variable_of(name): field for name, field in Settings.model_fields.items()}
    for mistake in error.errors(include_url=False, include_context=True):
        variable = str(mistake["loc"][0])
        own = mistake.get("ctx", {}).get("error")
        if isinstance(own, ValueError):
            found = str(own)
        elif variable in _IN_FILES:
            found = "cannot be used"
        else:
            found = f"is {_quoted(mistake['input'])}"
        clauses.append(f"{variable} {found}, expected {_extra(fields[variable], 'expected')}")
    return clauses


def _quoted(value: object) -> str:
    text = str(value)
    return f'"{text}"' if len(text) <= 80 else f'"{text[:77]}..."'


def _extra(field: FieldInfo, key: str) -> str | None:
    extra = field.json_schema_extra
    return str(extra[key]) if isinstance(extra, dict) and key in extra else None


def _default_shown(field: FieldInfo) -> str:
    shown = _extra(field, "shown")
    if shown is not None:
        return shown if " " in shown and not shown[0].isdigit() else f"`{shown}`"
    if field.default is None or field.default in (frozenset(), {}):
        return "none"
    return f"`{', '.join(sorted(field.default)) if isinstance(field.default, frozenset) else field.default}`"
