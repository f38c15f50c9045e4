"""Logs: what is redacted wherever it stands, what stays readable, and that everything goes one way."""

import io
import json
import logging
import os
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import suppress

import pytest
import structlog
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from bot import logs
from bot.logs import ROOM, configure, redact, redact_values

PHONE = "+14155552671"
WORDS = "Ada Quillon of 5 Elm Street has the flu"


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """A stream to log to; the process's logging is put back afterwards."""
    root = logging.getLogger()
    before = (root.handlers[:], warnings.showwarning)
    hooks = (sys.excepthook, sys.unraisablehook, threading.excepthook)
    configured = structlog.get_config()
    yield io.StringIO()
    root.handlers[:] = before[0]
    warnings.showwarning = before[1]
    sys.excepthook, sys.unraisablehook, threading.excepthook = hooks
    structlog.configure(**configured)


@pytest.mark.parametrize(
    "text",
    [
        "+14155552671",
        "14155552671",
        "4155552671",
        "(415) 555-2671",
        "+1 (415) 555-2671",
        "415.555.2671",
        "415–555–2671",
        "415\u00a0555\u202f2671",
        "\u202a+1 415 555\u200b2671\u202c",
        "tel:+1-415-555-2671",
        "%2B14155552671",
        "415%20555%202671",
        "415+555+2671",
        "4155552671.0",
        "4.155552671E9",
        "'+1415-555-2671",
        '="4155552671"',
        "4 1 5 5 5 5 2 6 7 1",
        "cell4155552671x",
        r"'415\xa0555\u20132671'",
        "４１５５５５２６７１",
        "٤١٥٥٥٥٢٦٧١",
        "5552671",
    ],
)
def test_layouts_of_a_phone(text: str) -> None:
    """A phone is redacted in every layout people, sheets, repr and URLs give it; three digits stay to tell phones apart."""
    redacted = redact(f"no way to text {text}, sorry")
    assert redacted.startswith("no way to text ")
    assert redacted.endswith(", sorry")
    assert logs.HIDDEN in redacted
    digits = "".join(str(int(character)) for character in redacted if character.isdecimal())
    assert digits in {"671", "710", "6719"}  # with what a sheet puts behind: .0, E9


def test_slack_form_of_a_phone() -> None:
    """Both halves of Slack's `<tel:...|...>` are redacted."""
    assert redact("<tel:+14155552671|415-555-2671>") == "<tel:***671|***671>"


@pytest.mark.parametrize(
    "text",
    [
        "1700000000.123456",
        "ts=1700000000.123456 thread_ts=1700000001.000100",
        "attempt 2 1700000000.123456",
        "U012AB3CD C0123456789 T0123456789 F0ABCDEFGHI Ev0123456789 B01234567 D024BE91L G012AC86C",
        "<@U0123456789> in <#C0123456789|support-tickets>",
        "2026-11-23T10:44:00.123456Z",
        "2026-11-23 10:44:00,123 2026-11-23",
        "at 2026-11-23T10:44:00+01:00",
        "https://harbor.slack.com/archives/C0123456789/p1700000000123456",
        "6f9619ff-8b86-4011-b42d-001234567890",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "0x7f1234567890",
        "took 0.123456789 s",
        "127.0.0.1:40312 port 65535 line 812 of 50,000 rows",
        "reference 7f3a09c1",
        "needed=files:read provided=chat:write,commands",
        "token: None",
        "no token, no secret",
    ],
)
def test_what_stays_readable(text: str) -> None:
    """Slack's timestamps, ids and permalinks, ISO times, UUIDs, checksums and small numbers are left as they are."""
    assert redact(text) == text


def test_phone_beside_a_timestamp() -> None:
    """A timestamp or a day next to a phone does not take the phone's stars away, nor the phone its readability."""
    assert redact(f"1700000000.123456 {PHONE} 2026-11-23 415 555 2671") == (
        "1700000000.123456 ***671 2026-11-23 ***671"
    )


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("token xoxb-17653672481-hunter2 refused", "token xoxb-*** refused"),
        ("xoxe.xoxb-1-hunter2", "xoxe.***"),
        ("key optk_abcdefghij_hunter2 refused", "key optk_abcdefghij_*** refused"),
        ("/v1/phones?key=optk_abcdefghij_Hunter2&x=1", "/v1/phones?key=optk_abcdefghij_***&x=1"),
        ("('optk_abcdefghij_hunter2%2B',)", "('optk_abcdefghij_***',)"),
        ("secret of it: whsec_aGVsbG8+d29y/bGQ= here", "secret of it: whsec_*** here"),
        ("optk_hunter2 and optk_Hunter_2", "optk_*** and optk_***"),
        ("xoxp-1-hunter2 xapp-1-A0-hunter2", "xoxp-*** xapp-***"),
        ("Authorization: Bearer hunter2hunter2", "Authorization: Bearer ***"),
        ("{'Authorization': 'Bearer hunter2'}", "{'Authorization': 'Bearer ***'}"),
        ("Bearer hunter2hunter2", "Bearer ***"),
        ("https://hooks.slack.com/commands/T0/1/hunter2", "https://hooks.slack.com/commands/***"),
        ("https://hooks.slack.com/services/T0/B0/hunter2 failed", "https://hooks.slack.com/services/*** failed"),
        ('{"response_url":"http://127.0.0.1:8399/response/hunter2"}', '{"response_url":"***"}'),
        ("wss://wss.slack.com/link/?ticket=hunter2&app_id=A0", "wss://wss.slack.com/link/?ticket=***&app_id=A0"),
        ("postgresql://user:hunter2@host/db", "postgresql://user:***@host/db"),
        ("postgresql+psycopg://user:hunt@er/2:@host/db", "postgresql+psycopg://user:***@host/db"),
        ("host=h password=hunter2 user=u", "host=h password=*** user=u"),
        ("signing_secret='hunter2'", "signing_secret='***'"),
        ("SecretStr: 8f742231b10e8888abcd99e5e6f785a5", "SecretStr: ***"),
        (r'"{\"token\": \"hunter2\"}"', r'"{\"token\": \"***\"}"'),
    ],
)
def test_secrets(text: str, redacted: str) -> None:
    """Tokens, signing secrets, webhook and response URLs, tickets and passwords are hidden; their kind is left."""
    assert redact(text) == redacted


SEPARATORS = ["", " ", "-", ".", "\u00a0", "–", " - ", "/", ") ", " (", "%20", "·", "\u200b"]


@st.composite
def phones(draw: st.DrawFn) -> tuple[str, str]:
    """Seven to fifteen digits, and the same with anything people put between them."""
    digits = draw(st.text("0123456789", min_size=7, max_size=15))
    gaps = draw(st.lists(st.sampled_from(SEPARATORS), min_size=len(digits) - 1, max_size=len(digits) - 1))
    laid_out = digits[0] + "".join(gap + digit for gap, digit in zip(gaps, digits[1:], strict=True))
    return digits, draw(st.sampled_from(["", "+", "(", "tel:", "tel:+", "'", "=", "x"])) + laid_out


# Kept on purpose, though a phone could be set like it: a day, a timestamp of Slack's, a fraction.
KEPT = re.compile(r"(19|20)\d\d-\d\d-\d\d|1\d{9}\.\d{6}|(?<!\d)0\.\d+$")
AROUND = st.one_of(
    st.text(st.characters(exclude_categories=["Nd", "Cc", "Cs"]), max_size=20),
    st.sampled_from(["12 ", "attempt 2 of 3: ", "U012AB3CD ", "[", '{"to": "', "\\n", "%20", "2026-11-23 "]),
)


@given(phone=phones(), before=AROUND, after=AROUND, nested=st.booleans())
@example(phone=("4155552671", "415-555-2671"), before="12 ", after=" 1", nested=True)
@settings(max_examples=500)
def test_no_phone_survives(phone: tuple[str, str], before: str, after: str, *, nested: bool) -> None:
    """Whatever the layout and the text around it, the digits of a phone are not in what is logged."""
    digits, laid_out = phone
    assume(not KEPT.search(laid_out))
    text = f"{before}{laid_out}, {after}"
    event = {"event": "x", "rows": [{"cells": (text,)}]} if nested else {"event": text}
    redacted = json.dumps(redact_values(None, "info", event), ensure_ascii=False)
    assert digits not in "".join(character for character in redacted if character.isdecimal())


@pytest.mark.wide
@given(st.text())
def test_redacting_twice_is_redacting_once(text: str) -> None:
    """What is redacted stays as it is when redacted again, as a message quoted in another is."""
    assert redact(redact(text)) == redact(text)


def test_nested_values() -> None:
    """Keys, nested values, numbers, sets, bytes and objects are redacted; amounts and small numbers are not."""
    redacted = redact_values(
        None,
        "info",
        {
            PHONE: [{"to": PHONE, "as_number": 14155552671, "as_float": 4155552671.0}],
            "raw": PHONE.encode(),
            "error": ValueError(PHONE),
            "bot_token": "hunter2",
            "deep": {"authorization": "hunter2", "none": None, "ok": True},
            "max_list_bytes": 104857600,
            "rows": 50_000,
            "ratio": 0.1234567891,
        },
    )
    assert "4155552671" not in str(redacted)
    assert "hunter2" not in str(redacted)
    assert redacted["max_list_bytes"] == 104857600
    assert redacted["rows"] == 50_000
    assert redacted["ratio"] == 0.1234567891
    assert redacted["deep"] == {"authorization": logs.HIDDEN, "none": None, "ok": True}


def test_a_value_that_holds_itself() -> None:
    """A circle ends, redacted."""
    circle: dict[str, object] = {"phone": PHONE}
    circle["self"] = circle
    assert "4155552671" not in str(redact_values(None, "info", {"circle": circle}))


def test_json(out: io.StringIO) -> None:
    """
    In JSON every message is one object on one line, with time, level and logger, whoever logged it.

    Of what a library says there is the constant part, and where it said it.
    """
    configure("INFO", "json", out)
    structlog.get_logger("bot").info("opted out", phone=PHONE, upload=7)
    logging.getLogger("slack_sdk.web").warning("sent to %s", "(415) 555-2671", extra={"to": PHONE})
    logging.getLogger("slack_bolt.App").warning(f"Unhandled request ({WORDS})")  # noqa: G004  as it does
    ours, theirs, made_up = [json.loads(line) for line in out.getvalue().splitlines()]
    assert ours["event"] == "opted out"
    assert (ours["phone"], ours["upload"], ours["level"], ours["logger"]) == ("***671", 7, "info", "bot")
    assert ours["timestamp"].endswith("Z")
    assert re.fullmatch(r"sent to %s \(test_logs\.test_json:\d+\)", theirs["event"])
    assert re.fullmatch(r"\(test_logs\.test_json:\d+\)", made_up["event"])
    assert "to" not in theirs
    assert (theirs["level"], theirs["logger"]) == ("warning", "slack_sdk.web")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_tracebacks(out: io.StringIO, log_format: "logs.LogFormat") -> None:
    """Of an exception, its causes and parts the places, kinds and codes are logged, and nothing that they say."""
    configure("INFO", log_format, out)
    try:
        try:
            raise FileNotFoundError(2, WORDS, WORDS)
        except OSError as error:
            raise ExceptionGroup(WORDS, [ValueError(f"cannot text {WORDS}"), KeyError(WORDS)]) from error
    except ExceptionGroup as error:
        error.add_note(WORDS)
        structlog.get_logger("bot").exception("failed", reference="7f3a09c1")
        logging.getLogger("sqlalchemy").exception("failed as well")
    text = out.getvalue()
    assert text.count("builtins.FileNotFoundError errno=2") == 2
    assert (
        text.count("builtins.ExceptionGroup")
        == text.count("builtins.ValueError")
        == text.count("builtins.KeyError")
        == 2
    )
    assert text.count("raise ExceptionGroup(WORDS") == 2
    assert WORDS not in text
    assert "7f3a09c1" in text


def test_level(out: io.StringIO) -> None:
    """What is less serious than the level is not logged, and what libraries say of their every step does not fill the log."""
    configure("INFO", "text", out)
    structlog.get_logger("bot").debug("quiet")
    for library in ("slack_bolt", "slack_sdk.web.async_base_client", "alembic.runtime.migration", "aiohttp.access"):
        logging.getLogger(library).info("GET /healthz")
    assert not out.getvalue()
    for name in ("bot.serve", "handlers.loops", "store.database", "__main__"):
        structlog.get_logger(name).info("said by us")
    logging.getLogger("slack_bolt").warning("retrying")
    assert out.getvalue().count("said by us") == 4
    assert "[slack_bolt]" in out.getvalue()
    configure("DEBUG", "text", out)
    logging.getLogger("bot").debug("said")
    assert "said" in out.getvalue()


def test_configuring_again_replaces(out: io.StringIO) -> None:
    """A second call takes the place of the first: no message is written twice."""
    configure("INFO", "text", out)
    configure("INFO", "text", out)
    logging.getLogger("bot").info("once")
    assert out.getvalue().count("once") == 1


def test_a_bad_log_call_leaks_nothing(out: io.StringIO) -> None:
    """When a message cannot be formatted, the note about it is redacted too; the standard one shows the arguments."""
    configure("INFO", "text", out)
    logging.getLogger("bot.somebody").info("%d phones", PHONE)
    assert "bot.somebody could not be written" in out.getvalue()
    assert "4155552671" not in out.getvalue()


@pytest.mark.parametrize("log_format", ["json", "text"])
@pytest.mark.parametrize("fate", ["full", "reader gone", "none"])
def test_a_log_that_takes_nothing_costs_its_lines_alone(
    out: io.StringIO, monkeypatch: pytest.MonkeyPatch, fate: str, log_format: "logs.LogFormat"
) -> None:
    """On a full disk, to a pipe nobody reads, without a standard error: what is logged is lost, and nothing is raised."""
    assert out.writable()  # whose fixture puts the process's logging back
    reader, pipe = os.pipe()
    os.close(reader)
    file = os.open("/dev/full", os.O_WRONLY) if fate == "full" else os.dup(pipe)
    os.close(pipe)
    broken = os.fdopen(file, "w", encoding="utf-8")
    monkeypatch.setattr(sys, "stderr", None if fate == "none" else broken)
    configure("INFO", log_format)
    for text in ("one", "x" * 100_000, "three"):
        structlog.get_logger().info(text)
        logging.getLogger("aiohttp").warning("%s", text)
    with suppress(OSError):
        broken.close()


def test_uncaught_exceptions_and_warnings(out: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    """What nobody caught ends in the log, redacted, and not on the terminal as it is; so do warnings."""
    configure("INFO", "text", out)
    error = ValueError(PHONE)
    sys.excepthook(ValueError, error, None)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    thread = threading.Thread(target=int, args=(WORDS,))
    thread.start()
    thread.join()
    warnings.showwarning(f"odd phone {WORDS}", UserWarning, "somewhere.py", 7)
    assert out.getvalue().count("uncaught exception") == 2
    assert "UserWarning at somewhere.py:7" in out.getvalue()
    assert not re.search(f"4155552671|{WORDS}", out.getvalue() + "".join(capsys.readouterr()))


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_line_is_forged(out: io.StringIO, log_format: "logs.LogFormat") -> None:
    """Whatever stands in a value or a name, a message is one line, and nothing turns its direction or colours it."""
    configure("INFO", log_format, out)
    forged = "a\r\n2026-11-23T10:44:00Z [info] all is well\u2028\x85\x1b[31m\u202e\ud800"
    structlog.get_logger("bot").info(forged, **{forged: forged}, deep=[{forged: forged}], thing={forged})
    logging.getLogger("bot").warning("from %s", forged)
    assert out.getvalue().count("\n") == 2
    assert len(out.getvalue().splitlines()) == 2
    assert not re.search("[\r\x1b\u202e]", out.getvalue())


UNREAD = """
import sys, structlog
from bot import logs
logs.configure("INFO", "json")
log = structlog.get_logger("bot")
for number in range(int(sys.argv[1])):
    log.info("x" * 1000, number=number)
print("full", flush=True)
sys.stdin.readline()
log.info("after")
"""


@pytest.mark.wide
@pytest.mark.parametrize("reads", [True, False])
def test_a_log_that_nobody_reads(reads: bool) -> None:
    """It holds nobody up, not at the end either; what had no room is counted where there is room again, and all else there."""
    count = 2 * ROOM // 1000
    with subprocess.Popen(
        [sys.executable, "-c", UNREAD, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"full\n"
        if not reads:
            process.stdin.close()
            assert process.wait(timeout=60) == 0
            return
        lines = [json.loads(process.stderr.readline()) for _ in range(ROOM // 4000)]
        process.stdin.close()
        lines += map(json.loads, process.stderr)
    numbers = [line["number"] for line in lines if "number" in line]
    lost = sum(line["lines"] for line in lines if "lost" in line["event"])
    assert numbers == list(range(len(numbers)))
    assert len(numbers) + lost == count
    assert lost


@pytest.mark.wide
def test_a_log_that_is_read_is_whole() -> None:
    """Every line is there, in order, when the process has ended."""
    done = subprocess.run(
        [sys.executable, "-c", UNREAD, "3000"], input=b"\n", capture_output=True, timeout=60, check=True
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line.get("number") for line in lines] == [*range(3000), None]
