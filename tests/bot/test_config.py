"""Settings: what is accepted, and with which sentence the rest is refused."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.config import (
    Settings,
    SettingsError,
    doubts_of_settings,
    load_settings,
    settings_table,
    strip_slack_environment,
    variable_of,
)


def load(**variables: str) -> Settings:
    return load_settings(variables, env_file=None)


def refusal(**variables: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(**variables)
    return str(caught.value)


def test_defaults() -> None:
    """With nothing set there is a SQLite file beside the process, Slack's own address and no secret."""
    settings = load()
    assert settings.database_url == "sqlite:///desk.db"
    assert settings.slack_api_url == "https://slack.com/api/"
    assert settings.slack_bot_token is settings.slack_app_token is settings.slack_signing_secret is None
    assert settings.uploads_channels == {"optout-uploads"}
    assert settings.max_list_bytes == 1_000_000_000
    assert settings.lease_seconds == 10
    assert (settings.remind_hours, settings.preview_hours, settings.undo_days) == (24, 72, 7)
    assert settings.default_country is None
    assert settings.admins == frozenset()
    assert settings.scratch_dir.is_dir()
    assert (settings.host, settings.port) == ("127.0.0.1", 3000)
    assert (settings.log_level, settings.log_format) == ("INFO", "text")
    assert (settings.api, settings.api_port, settings.public_url) == ("off", None, None)


def test_constructing_reads_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`Settings(...)` means what it says, whatever the environment holds; only `load_settings` reads that."""
    monkeypatch.setenv("OPTOUT_PORT", "4000")
    assert Settings(port=5000).port == 5000
    assert Settings().port == 3000
    assert load_settings(env_file=None).port == 4000


def test_settings_cannot_be_changed() -> None:
    """Settings are read once; nobody changes them for the others."""
    with pytest.raises(ValidationError):
        load().port = 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("sqlite:///desk.db", "sqlite:///desk.db"),
        ("sqlite:////var/lib/desk.db", "sqlite:////var/lib/desk.db"),
        ("postgres://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql://u:p%40x@h:5433/d?sslmode=require", "postgresql+psycopg://u:p%40x@h:5433/d?sslmode=require"),
        ("postgresql+psycopg://u@h/d", "postgresql+psycopg://u@h/d"),
        (
            "postgresql://u:p@a:5432,b:5433/d?target_session_attrs=read-write",
            "postgresql+psycopg://u:p@/d?host=a%2Cb&port=5432%2C5433&target_session_attrs=read-write",
        ),
        ("postgresql:///d?host=/run/pg", "postgresql+psycopg:///d?host=%2Frun%2Fpg"),
    ],
)
def test_database_url(given: str, expected: str) -> None:
    """PostgreSQL URLs as people and hosts write them become the one SQLAlchemy reads with psycopg."""
    assert load(DATABASE_URL=given).database_url == expected


@pytest.mark.parametrize(
    "given",
    ["mysql://u:hunter2@h/d", "sqlite://", "sqlite:///:memory:", "desk.db", "postgres://u:hunter2@h:port/d", "://"],
)
def test_bad_database_url(given: str) -> None:
    """Another database, a database in memory and what is no URL are refused, without the password in the sentence."""
    sentence = refusal(DATABASE_URL=given)
    assert sentence.startswith("DATABASE_URL ")
    assert "expected sqlite:///FILE or postgresql://" in sentence
    assert "hunter2" not in sentence


def test_databases_of_accounts() -> None:
    """Each id has its URL, after blanks or on a line of its own; all others have that of DATABASE_URL."""
    settings = load(
        SLACK_CLIENT_ID="1.2",
        DATABASE_URL="sqlite:///desk.db",
        OPTOUT_DATABASES="T012AB3CD=postgres://u:p%40x@a:5432,b:5433/d?target_session_attrs=read-write\n  E012AB3CD=sqlite:///own.db",
    )
    own = "postgresql+psycopg://u:p%40x@/d?host=a%2Cb&port=5432%2C5433&target_session_attrs=read-write"
    assert settings.databases == {"T012AB3CD": own, "E012AB3CD": "sqlite:///own.db"}
    assert settings.database_of("T012AB3CD") == own
    assert settings.database_of("T0ANOTHER") == "sqlite:///desk.db"
    assert "p%40x" not in repr(settings)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("T012AB3CD=mysql://u:hunter2@h/d", "gives T012AB3CD what names a database the desk does not know (mysql)"),
        ("T012AB3CD=hunter2", "gives T012AB3CD what is not a database URL"),
        ("T012AB3CD=sqlite://", "gives T012AB3CD what names no SQLite file"),
        ("T012AB3CD=sqlite:///a.db T012AB3CD=sqlite:///hunter2.db", "names T012AB3CD twice"),
        ("T012AB3CD=sqlite:///a.db postgresql://u:hunter2@h/d?a=b", "has something else in its place 2"),
        ("T012AB3CD=postgresql://u:my hunter2=x@h/d", "has something else in its place 2"),
        ("hunter2=sqlite:///a.db", "has something else in its place 1"),
        ("T012AB3CD=", "has something else in its place 1"),
        ('{"T012AB3CD": "sqlite:///hunter2.db"}', "has something else in its place 1"),
        ("T012AB3CD=sqlite:///./desk.db", "gives T012AB3CD the database of DATABASE_URL"),
    ],
)
def test_bad_databases_of_accounts(given: str, found: str) -> None:
    """What is no id and URL, twice there, or the database of all others, is refused; no URL stands in the sentence."""
    sentence = refusal(SLACK_CLIENT_ID="1.2", OPTOUT_DATABASES=given)
    assert sentence.startswith(f"OPTOUT_DATABASES {found}")
    assert "expected T012AB3CD=postgresql://" in sentence
    assert "hunter2" not in sentence


def test_databases_are_for_several_accounts() -> None:
    """With a bot token there is one account, which has DATABASE_URL."""
    sentence = refusal(SLACK_BOT_TOKEN="xoxb-1-2-abc", OPTOUT_DATABASES="T012AB3CD=sqlite:///own.db")
    assert sentence.startswith("OPTOUT_DATABASES is set with SLACK_BOT_TOKEN, by which there is one account")


def test_swapped_tokens_are_named() -> None:
    """A token in the other's variable is told where it belongs, and not shown."""
    sentence = refusal(SLACK_BOT_TOKEN="xapp-1-A0-apart", SLACK_APP_TOKEN="xoxb-1-bpart")
    assert "SLACK_BOT_TOKEN holds an app-level token, which belongs in SLACK_APP_TOKEN" in sentence
    assert "SLACK_APP_TOKEN holds a bot token, which belongs in SLACK_BOT_TOKEN" in sentence
    assert "apart" not in sentence
    assert "bpart" not in sentence


@pytest.mark.parametrize(
    ("variable", "value", "found"),
    [
        ("SLACK_BOT_TOKEN", "xoxp-1-hunter2", "holds a user token"),
        ("SLACK_BOT_TOKEN", "xoxe.xoxb-1-hunter2", "holds a rotating token"),
        ("SLACK_BOT_TOKEN", "hunter2", "holds something else"),
        ("SLACK_BOT_TOKEN", "xoxb-1 hunter2", "holds blanks"),
        ("SLACK_BOT_TOKEN", "xoxb-1-hunter2\u200b", "perhaps some that are not to be seen: copy it anew"),
        ("SLACK_APP_TOKEN", "xapp-1\0hunter2", "perhaps some that are not to be seen: copy it anew"),
        ("SLACK_APP_TOKEN", "hunter2", "expected a token that starts with xapp-"),
        ("SLACK_SIGNING_SECRET", "xoxb-1-hunter2", "which belongs in SLACK_BOT_TOKEN"),
    ],
)
def test_bad_secrets_are_not_echoed(variable: str, value: str, found: str) -> None:
    """A refused secret is described and never shown, neither in the sentence nor in what raised it."""
    with pytest.raises(SettingsError) as caught:
        load(**{variable: value})
    assert found in str(caught.value)
    assert variable in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_good_secrets_are_hidden() -> None:
    """Accepted secrets are stripped of blanks and appear in no repr; neither does the database's password."""
    settings = load(
        SLACK_BOT_TOKEN=" xoxb-hunter2\n",
        SLACK_APP_TOKEN="xapp-hunter2",
        SLACK_SIGNING_SECRET="hunter2",
        DATABASE_URL="postgresql://u:hunter2@h/d",
    )
    assert settings.slack_bot_token is not None
    assert settings.slack_bot_token.get_secret_value() == "xoxb-hunter2"
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("OPTOUT_PORT", "abc", 'OPTOUT_PORT is "abc", expected a whole number from 0 to 65535.'),
        ("OPTOUT_PORT", "70000", 'OPTOUT_PORT is "70000", expected a whole number from 0 to 65535.'),
        (
            "OPTOUT_API_PORT",
            "3000",
            "is that of OPTOUT_PORT, which serves the API by itself: leave it out, or take another",
        ),
        ("OPTOUT_LOG_LEVEL", "loud", "expected one of DEBUG, INFO, WARNING, ERROR, CRITICAL."),
        ("OPTOUT_LOG_FORMAT", "xml", "expected text or json."),
        ("OPTOUT_MAX_LIST_BYTES", "-5", "expected a size above zero like 100 MB."),
        ("OPTOUT_MAX_LIST_BYTES", "lots", 'OPTOUT_MAX_LIST_BYTES is "lots"'),
        ("OPTOUT_LEASE_SECONDS", "0", "expected a number of seconds from 0.1 to 3600."),
        ("OPTOUT_LEASE_SECONDS", "nan", "expected a number of seconds from 0.1 to 3600."),
        ("OPTOUT_REMIND_HOURS", "soon", "expected a number of hours from 0.01 to 8760."),
        ("OPTOUT_PREVIEW_HOURS", "0", "expected a number of hours from 0.01 to 8760."),
        ("OPTOUT_PREVIEW_HOURS", "inf", "expected a number of hours from 0.01 to 8760."),
        ("OPTOUT_UNDO_DAYS", "-1", "expected a number of days from 0 to 3650."),
        ("OPTOUT_ADMINS", "U012AB3CD,bob", 'OPTOUT_ADMINS names "bob", which is no user id'),
        ("OPTOUT_UPLOADS_CHANNELS", "two words", 'names "two words", which is no channel name'),
        ("OPTOUT_DEFAULT_COUNTRY", "UK", 'is "UK", which is no region code (GB is)'),
        ("OPTOUT_DEFAULT_COUNTRY", "Atlantis", "expected a two-letter region code like US or GB."),
        ("OPTOUT_HOST", "a b", 'OPTOUT_HOST is "a b"'),
        ("SLACK_API_URL", "slack.com/api", "SLACK_API_URL is not a web address"),
        ("OPTOUT_API", "yes", 'OPTOUT_API is "yes", expected on or off'),
        ("OPTOUT_API_PORT", "70000", 'OPTOUT_API_PORT is "70000", expected a whole number from 0 to 65535'),
        ("OPTOUT_PUBLIC_URL", "desk.example.org", "OPTOUT_PUBLIC_URL is not a web address"),
        ("SLACK_API_URL", "https://u:p@slack.com/api/", "SLACK_API_URL is not a web address"),
    ],
)
def test_bad_values(variable: str, value: str, sentence: str) -> None:
    """A value that cannot be used is refused with its variable, what was found and what is expected."""
    assert sentence in refusal(**{variable: value})


def test_all_mistakes_at_once() -> None:
    """Several bad values are told together, so that they are mended together."""
    sentence = refusal(OPTOUT_PORT="abc", OPTOUT_LOG_LEVEL="loud")
    assert "OPTOUT_PORT" in sentence
    assert "OPTOUT_LOG_LEVEL" in sentence
    assert "\n" not in sentence


def test_scratch_directory_must_be_there(tmp_path: Path) -> None:
    """A directory that is not there would fail at the first drop; it is refused at the start."""
    assert load(OPTOUT_SCRATCH_DIR=str(tmp_path)).scratch_dir == tmp_path
    assert "where there is no directory" in refusal(OPTOUT_SCRATCH_DIR=str(tmp_path / "absent"))


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("100 MB", 100_000_000),
        ("100MB", 100_000_000),
        ("1.5 GB", 1_500_000_000),
        ("64 MiB", 64 * 1024 * 1024),
        ("2048", 2048),
        ("1,048,576", 1_048_576),
    ],
)
def test_sizes(text: str, size: int) -> None:
    """Sizes are written as people write them; MB is a million bytes and MiB two to the twentieth."""
    assert load(OPTOUT_MAX_LIST_BYTES=text).max_list_bytes == size


def test_lists_of_words() -> None:
    """Channels lose their # and their capitals, ids keep theirs; blanks and empty words do not count."""
    settings = load(OPTOUT_UPLOADS_CHANNELS=" #Lists, stop-lists ,,C012AB3CD4", OPTOUT_ADMINS="U012AB3CD, W012AB3CD")
    assert settings.uploads_channels == {"lists", "stop-lists", "C012AB3CD4"}
    assert settings.admins == {"U012AB3CD", "W012AB3CD"}


def test_small_mercies() -> None:
    """Case and a missing slash are forgiven, and an empty variable is an absent one."""
    settings = load(
        OPTOUT_LOG_LEVEL="debug",
        OPTOUT_LOG_FORMAT="JSON",
        OPTOUT_DEFAULT_COUNTRY="gb",
        SLACK_API_URL="http://127.0.0.1:8399/api",
        OPTOUT_API=" On",
        OPTOUT_PUBLIC_URL="https://desk.example.org/optout/",
        OPTOUT_PORT="",
        SLACK_BOT_TOKEN=" ",
    )
    assert settings.log_level == "DEBUG"
    assert settings.log_format == "json"
    assert (settings.api, settings.public_url) == ("on", "https://desk.example.org/optout")
    assert settings.default_country == "GB"
    assert settings.slack_api_url == "http://127.0.0.1:8399/api/"
    assert settings.port == 3000
    assert settings.slack_bot_token is None


def test_misspelt_setting_is_refused() -> None:
    """An OPTOUT_ variable that does not exist is refused, with the closest one that does."""
    assert refusal(OPTOUT_ADMIN="U1") == (
        "OPTOUT_ADMIN in the environment is no setting of the desk; do you mean OPTOUT_ADMINS?"
    )
    assert "do you mean OPTOUT_PORT?" in refusal(optout_port="3000")
    assert "see the table of settings in docs/operators.md." in refusal(OPTOUT_XYZZY_PLUGH_QQ="1")


def test_other_variables_are_none_of_ours() -> None:
    """Variables of other programs, SLACK_ ones among them, are left alone."""
    assert load(PATH="/bin", SLACK_TEAM_ID="1", PORT="1") == load()


def test_env_file_is_below_the_environment(tmp_path: Path) -> None:
    """`.env` counts where the environment is silent, quotes and comments as usual; a missing file is no error."""
    env_file = tmp_path / ".env"
    env_file.write_text("# local\nOPTOUT_PORT=4000\nexport OPTOUT_HOST='0.0.0.0'\nOTHER=1\n", encoding="utf-8")
    settings = load_settings({"OPTOUT_PORT": "5000"}, env_file=env_file)
    assert (settings.host, settings.port) == ("0.0.0.0", 5000)
    assert load_settings({}, env_file=tmp_path / "absent").port == 3000


def test_misspelt_setting_in_env_file(tmp_path: Path) -> None:
    """A slip in `.env` is refused too, and the file is named."""
    env_file = tmp_path / "desk.env"
    env_file.write_text("OPTOUT_LOGLEVEL=DEBUG\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"OPTOUT_LOGLEVEL in .*desk\.env .*do you mean OPTOUT_LOG_LEVEL\?"):
        load_settings({}, env_file=env_file)


def test_what_is_nearly_a_setting_is_doubted(tmp_path: Path) -> None:
    """A name that is nearly one of those without OPTOUT_ is told with its place; other programs' names are not."""
    env_file = tmp_path / ".env"
    env_file.write_text("DATABSE_URL=sqlite:///list.db\nSLACK_BOT_TOKEN=xoxb-1\n", encoding="utf-8")
    env_file.chmod(0o600)
    environment = {"slack_app_token": "xapp-1", "SLACK_CLIENT_SECRET": "1", "SLACK_USER_TOKEN": "2", "DATABASE": "3"}
    assert list(doubts_of_settings(environment, env_file=env_file)) == [
        "slack_app_token in the environment is no setting of the desk, and is not read; do you mean SLACK_APP_TOKEN?",
        f"DATABSE_URL in {env_file} is no setting of the desk, and is not read; do you mean DATABASE_URL?",
    ]


def test_env_file_that_is_no_text(tmp_path: Path) -> None:
    """A `.env` that cannot be read is refused with a sentence that quotes none of it."""
    env_file = tmp_path / ".env"
    env_file.write_bytes(b"SLACK_BOT_TOKEN=xoxb-\xff\xfe")
    with pytest.raises(SettingsError, match="cannot be read: it is not UTF-8 text"):
        load_settings({}, env_file=env_file)


def test_env_file_that_is_a_folder(tmp_path: Path) -> None:
    """As containers make one where the file to mount is missing: refused, and not taken for a file that is not there."""
    (tmp_path / ".env").mkdir()
    with pytest.raises(SettingsError, match=r"\.env cannot be read: Is a directory\.$"):
        load_settings({}, env_file=tmp_path / ".env")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# ours\n\nSLACK_BOT_TOKEN xoxb-hunter2\n", 3),
        ("OPTOUT_PORT=1\r\n\r\n\r\nSLACK_APP_TOKEN: xapp-hunter2\r\n", 4),
        ('OPTOUT_DEFAULT_COUNTRY="US\nSLACK_BOT_TOKEN=xoxb-hunter2\n', 1),
        ("=xoxb-hunter2\n", 1),
    ],
)
def test_a_line_that_is_not_understood_is_refused(tmp_path: Path, text: str, line: int) -> None:
    """By its number and without what stands in it: a token on it would else be missing, without a word."""
    env_file = tmp_path / ".env"
    env_file.write_bytes(text.encode())
    with pytest.raises(
        SettingsError, match=rf"^Line {line} of .*\.env is not understood: a line is NAME=value"
    ) as refused:
        load_settings({}, env_file=env_file)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_env_file_as_editors_leave_it(tmp_path: Path, encoding: str, end: str) -> None:
    """Ends of lines, a mark at the start, blanks, quotes and remarks change no value."""
    lines = (
        "",
        "export OPTOUT_DEFAULT_COUNTRY = 'US' ",
        'DATABASE_URL="sqlite:///a#b.db" # ours',
        "OPTOUT_PORT=4000 # n",
        "EMPTY",
    )
    (tmp_path / ".env").write_bytes(end.join(lines).encode(encoding))
    settings = load_settings({}, env_file=tmp_path / ".env")
    assert (settings.default_country, settings.database_url, settings.port) == ("US", "sqlite:///a#b.db", 4000)


def test_what_stands_twice_is_doubted(tmp_path: Path) -> None:
    """The last counts, as in a shell; of a variable of ours that is told."""
    env_file = tmp_path / ".env"
    env_file.write_text("OPTOUT_PORT=1\nOTHER=1\nOTHER=2\nOPTOUT_PORT=4000\n", encoding="utf-8")
    env_file.chmod(0o600)
    assert load_settings({}, env_file=env_file).port == 4000
    assert list(doubts_of_settings({}, env_file=env_file)) == [
        f"OPTOUT_PORT stands 2 times in {env_file}, of which the last counts. Take the others away."
    ]


def test_secrets_in_files(tmp_path: Path) -> None:
    """`SLACK_BOT_TOKEN_FILE` and its siblings name a file that holds the secret; DATABASE_URL may stand in one too."""
    (tmp_path / "token").write_text("xoxb-1-from-file\n", encoding="utf-8")
    (tmp_path / "url").write_text("postgres://u:p@h/d\n", encoding="utf-8")
    settings = load(SLACK_BOT_TOKEN_FILE=str(tmp_path / "token"), DATABASE_URL_FILE=str(tmp_path / "url"))
    assert settings.slack_bot_token is not None
    assert settings.slack_bot_token.get_secret_value() == "xoxb-1-from-file"
    assert settings.database_url == "postgresql+psycopg://u:p@h/d"


def test_environment_file_variable_beats_env_file(tmp_path: Path) -> None:
    """A secret's file named in the environment counts above the secret itself in `.env`: the nearer one wins."""
    (tmp_path / "token").write_text("xoxb-from-file", encoding="utf-8")
    env_file = tmp_path / ".env"
    env_file.write_text("SLACK_BOT_TOKEN=xoxb-from-env-file\n", encoding="utf-8")
    settings = load_settings({"SLACK_BOT_TOKEN_FILE": str(tmp_path / "token")}, env_file=env_file)
    assert settings.slack_bot_token is not None
    assert settings.slack_bot_token.get_secret_value() == "xoxb-from-file"


def test_bad_secret_files(tmp_path: Path) -> None:
    """A file that is missing, empty or given beside the plain variable is refused with a sentence."""
    empty = tmp_path / "empty"
    empty.write_text("\n", encoding="utf-8")
    assert "which cannot be read: No such file" in refusal(SLACK_APP_TOKEN_FILE=str(tmp_path / "absent"))
    assert refusal(SLACK_APP_TOKEN_FILE=str(empty)).endswith("which is empty.")
    assert refusal(SLACK_APP_TOKEN="xapp-1", SLACK_APP_TOKEN_FILE=str(empty)) == (
        "SLACK_APP_TOKEN and SLACK_APP_TOKEN_FILE are both set in the environment; keep one of them."
    )


def test_table_has_every_setting_and_no_machine() -> None:
    """The table for docs/operators.md has a row for every setting, with a meaning, and nothing of the machine it was made on."""
    table = settings_table()
    lines = table.splitlines()
    assert lines[0] == "| Variable | Default | Meaning |"
    for name in Settings.model_fields:
        (row,) = [line for line in lines if line.startswith(f"| `{variable_of(name)}` |")]
        assert row.count(" | ") == 2
        assert row.endswith(". |")
    assert len(lines) == len(Settings.model_fields) + 2
    assert str(Settings().scratch_dir) not in table
    assert "PydanticUndefined" not in table


def test_stripping_keeps_bolt_from_helping_itself() -> None:
    """Every SLACK_ variable goes, SLACK_CLIENT_ID and _SECRET above all; others stay."""
    environment = {"SLACK_CLIENT_ID": "1", "SLACK_CLIENT_SECRET": "2", "SLACK_BOT_TOKEN": "3", "PATH": "/bin"}
    assert strip_slack_environment(environment) == {"SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_BOT_TOKEN"}
    assert environment == {"PATH": "/bin"}
