"""
Structured logs: one chain for our loggers and everybody else's, which keeps what people wrote out of them.

What a library logs can hold a whole payload, and the text of an exception whatever the value was that caused it. So of
a library's message only the place and the constant part are logged, and of an exception its kind, its codes and where it
came from. What we log ourselves are ids, counts and words of our own.

All of it passes `redact` just before it is rendered, for the case of a mistake: phone numbers keep their last three
digits, tokens and passwords nothing. Slack's timestamps and ids and ISO times stay readable, as a log without them
answers no question. Where a run of digits could be either, it is redacted: a lost id costs a search, a leaked phone
cannot be taken back. What would begin a line of its own, or turn the direction of the text, is escaped.
"""

import atexit
import io
import logging
import os
import re
import sys
import threading
import warnings
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Final, Literal, TextIO, cast

import structlog
from structlog.types import EventDict, Processor

from handlers.tracebacks import traceback_of

LogFormat = Literal["text", "json"]

HIDDEN: Final = "***"
# Bytes of lines that wait for the log's reader, and the seconds for which the end of the process does.
ROOM: Final = 4_000_000
_LAST_SECONDS: Final = 1.0

_TS = r"1\d{9}\.\d{6}(?!\d)"
_DAY = r"(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?!\d)"
_TIME = r"(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?"

# What people, spreadsheets, repr() and URL encoding put between two digits of one phone. No comma and no line break:
# those stand between two phones.
_BETWEEN = (
    r"(?:[^\S\r\n]|[-‐‑‒–—―−－./()\[\]+·_­\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
    r"|%2[0-9A-Fa-f]|%C2%A0|\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|&nbsp;|&\#160;)"
)

# One pass, first alternative first. The named groups say what stands in the place of the match; without one it stays.
_SENSITIVE: Final = re.compile(
    rf"""
    # Secrets, before anything that could keep a part of them. Repetitions are bounded: a log line may be a megabyte.
      (?P<token> (?:xox[a-z][.-]|xapp-|xwfp-)(?=[\w.%-]*\w) ) [\w.%-]+
    | (?P<key> optk_ (?: [a-z]{{1,20}}_ )? ) [\w%-]+
    | (?P<webhook> whsec_ ) [\w+/=%-]+
    | (?P<hook> https?://hooks\.slack(?:-gov)?\.com/ (?:[a-z]+/)? ) [^\s"'<>|\\)]+
    | (?P<login> ://[^\s:/@"'<>]{{0,128}}: ) [^\s"'<>]{{1,256}} (?=@)
    | (?P<bearer> (?i: \b (?:Bearer|Basic) [ ]+ ) ) [\w.~+/=:-]{{6,}}
    | (?P<named> (?i: (?:secret|token|passw(?:or)?d|pwd|authorization|response_url|webhook_url|ticket|api_?key|cookie)
          \\?["']? \s* (?: [:=] | => ) \s* (?:SecretStr\()? (?:\\?["'])?
          (?: (?:Bearer|Basic) [ ]+ )? ) ) (?! \s | \*\*\* | None\b | null\b )
          (?: (?<=["']) [^"'\\]+ | [^\s"',;&)\]}}|\\]+ )
    | (?P<signing> (?<![0-9A-Za-z]) [0-9a-f]{{32}} (?![0-9A-Za-z]) )
    # What looks like digits of a phone and is not.
    | (?<![0-9A-Za-z]) [0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}} (?![0-9A-Za-z])
    | (?<![0-9A-Za-z]) [0-9a-f]{{64}} (?![0-9A-Za-z])
    | (?<![0-9A-Za-z]) 0x[0-9a-f]{{6,16}} (?![0-9A-Za-z])
    | (?<![0-9A-Za-z]) (?:Ev|[ABCDEFGSTUVW])(?:0\d{{7,11}}|(?!\w{{0,12}}\d{{7}})[A-Z0-9]{{7,12}}) (?![0-9A-Za-z])
    | (?<=/)p1\d{{15}}(?!\d)
    | (?<![\d.]) {_TS}
    | (?<!\d) {_DAY}{_TIME}
    | (?<![\d.]) 0\.\d+ (?! {_BETWEEN}{{0,6}} \d )
    # A phone: seven digits or more, however they are set.
    | (?P<phone> (?:\+|%2B)? [(\[]? \d (?: \d | {_BETWEEN}{{1,6}} (?! {_TS} | {_DAY} ) \d ){{6,}} )
    """,
    re.VERBOSE,
)
_SECRET_KEY: Final = re.compile(
    r"(?i)secret|token|passw(?:or)?d|authorization|response_url|webhook|ticket$|api_?key|cookie"
)
# What a terminal or a reader of logs takes for more than a character of the text, and half characters.
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_OF_MANY_LINES: Final = {"exception", "stack"}
# Ours, whose words are our own; of what others say nobody here knows what it holds.
OURS: Final = {"bot", "handlers", "store", "__main__"}
# Whole numbers under these names are amounts; elsewhere seven digits are a phone.
_AMOUNT: Final = re.compile(r"(?:^|_)(?:bytes|rows|count|size|total|ms|ns)$")


def _stand_in(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind is None:
        return match[0]
    if kind == "phone":
        digits = [character for character in match[0] if character.isdecimal()]
        return HIDDEN + "".join(digits[-3:])
    if kind == "signing":
        return HIDDEN
    return match[kind] + HIDDEN


def redact(text: str) -> str:
    """Return *text* with phones reduced to `***` and their last three digits, and secrets to what kind they are."""
    return _SENSITIVE.sub(_stand_in, text)


def _escaped(text: str) -> str:
    """*text* without what would forge a line of the log, or show it otherwise than it is."""
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _redacted(value: object, key: str = "", depth: int = 0) -> object:
    if value is None or isinstance(value, bool):
        return value
    if key and _SECRET_KEY.search(key):
        return HIDDEN
    if isinstance(value, str):
        return redact(value if key in _OF_MANY_LINES and depth == 0 else _escaped(value))
    if isinstance(value, (int, float)):
        if _AMOUNT.search(key) or abs(value) < 1_000_000:
            return value
        text = str(value)
        redacted = redact(text)
        return value if redacted == text else redacted
    if depth < 8:  # deeper, or in a circle: the text of it will do
        if isinstance(value, Mapping):
            return {redact(_escaped(str(name))): _redacted(item, str(name), depth + 1) for name, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [_redacted(item, key, depth + 1) for item in value]
    return redact(_escaped(repr(value)))


# The names in our lines are a few, and to look through them takes longer than through what they name.
@lru_cache(maxsize=1_000)
def _redacted_name(name: str) -> str:
    return redact(_escaped(name))


def redact_values(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Mask every key and value of *event*, nested ones and tracebacks included: the last processor but the renderer."""
    return {_redacted_name(name): _redacted(value, name) for name, value in event.items()}


def _add_exception(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Put the traceback of an event's `exc_info` in the place of it."""
    given = event.pop("exc_info", None)
    if isinstance(given, tuple):
        given = given[1]
    elif given is True or isinstance(given, int):
        given = sys.exc_info()[1] if given else None
    if isinstance(given, BaseException):
        event["exception"] = traceback_of(given)
    return event


def _without_words(record: logging.LogRecord) -> logging.LogRecord:
    """A library's *record* with where it was made, and with what its message says for any value."""
    constant = record.msg if isinstance(record.msg, str) and record.args else ""
    return logging.LogRecord(
        record.name,
        record.levelno,
        record.pathname,
        record.lineno,
        "%s",
        (f"{constant} ({record.module}.{record.funcName}:{record.lineno})".lstrip(),),
        record.exc_info,
        record.funcName,
    )


class _Background(io.TextIOBase):
    """
    A stream that is written by a thread, so that a log whose reader does not read holds up nobody.

    What has no room while the reader waits is lost and counted; the count is logged once there is room again. What was
    written is there when the process ends, unless that takes longer than a moment.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting: list[bytes] = []
        self._size = 0
        self._lost = 0
        self._ending = False
        self._changed = threading.Condition()
        # Nothing waits for it at the end but `_end`, and it holds no lock of the interpreter's while it writes.
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()
        atexit.register(self._end)

    def write(self, text: str) -> int:
        data = text.encode("utf-8", "backslashreplace")
        with self._changed:
            if self._size + len(data) > ROOM:
                self._lost += 1
            else:
                self._waiting.append(data)
                self._size += len(data)
                self._changed.notify()
        return len(text)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    if self._ending:
                        return
                    self._changed.wait()
                data, self._waiting = b"".join(self._waiting), []
            # A full disk or a reader that is gone costs the lines, and nothing else.
            with suppress(OSError):
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            with self._changed:
                self._size -= len(data)
                lost, self._lost = self._lost, 0
            if lost:
                structlog.get_logger("bot").warning("log lines were lost, since nobody read them", lines=lost)

    def _end(self) -> None:
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join(_LAST_SECONDS)


class _Handler(logging.StreamHandler[TextIO]):
    def emit(self, record: logging.LogRecord) -> None:
        safe = record.name.partition(".")[0] in OURS
        super().emit(record if safe else _without_words(record))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is the standard library's
        # A full disk or a reader that is gone costs the line, and not what was being done when it was logged.
        with suppress(OSError, ValueError):
            # The standard one prints the record's arguments as they are, phones included.
            error = sys.exc_info()[1]
            why = redact(traceback_of(error)) if error is not None else ""
            self.stream.write(f"a log record of {record.name} could not be written\n{why}\n")


def configure(level: str = "INFO", log_format: LogFormat = "text", stream: TextIO | None = None) -> None:
    """
    Send everything logged in this process, by structlog or standard logging, redacted, to *stream* (stderr when None).

    *level* is the least serious level, by name; with "INFO" libraries are heard from a warning on. Called once by the entry point, before anything is logged; a second
    call replaces the first. Uncaught exceptions and warnings go the same way, as a traceback quotes what failed.
    """
    # None in a process that was started without one; what is logged goes nowhere then.
    out: TextIO | None = sys.stderr if stream is None else stream
    colors = out is not None and out.isatty()
    if stream is None and out is not None and not colors:
        with suppress(OSError):  # it is none of the system's
            out = cast("TextIO", _Background(out.fileno()))
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False, sort_keys=False)
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=colors)
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = _Handler(out) if out is not None else logging.NullHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.StackInfoRenderer(),
                _add_exception,
                redact_values,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Libraries tell of each step, health check and try of theirs, which would bury the rest.
    root.setLevel("WARNING" if level == "INFO" else level)
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    # What Python prints by itself, it prints as it is.
    warnings.showwarning = _log_warning
    sys.excepthook = lambda _kind, error, _where: _log_uncaught(error)
    sys.unraisablehook = lambda args: _log_uncaught(args.exc_value)
    threading.excepthook = lambda args: _log_uncaught(args.exc_value)


def _log_uncaught(error: BaseException | None) -> None:
    if error is not None and not isinstance(error, (KeyboardInterrupt, SystemExit)):
        logging.getLogger("bot").critical("uncaught exception", exc_info=error)


def _log_warning(
    message: Warning | str,  # noqa: ARG001  it may quote a value
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    logging.getLogger("bot").warning("%s at %s:%d", category.__name__, filename, lineno)
