"""
Sample lists to drop. Every number is fiction: +1, an area code, 555-01xx.

That range has 100 numbers an area code, so the list of a million takes 555-5000 to 555-9999: the prefix 555 is given to
no subscriber, and its only numbers in use are for services (555-1212).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Sample:
    """One list: its file name, what it shows, its size in bytes, and what makes its content, piece by piece."""

    name: str
    description: str
    size: int
    chunks: Callable[[], Iterator[bytes]]

    @classmethod
    def of(cls, name: str, description: str, content: bytes) -> Self:
        """A list short enough to be kept whole."""
        return cls(name, description, len(content), lambda: iter((content,)))


def _clean() -> bytes:
    areas = (202, 206, 212, 303, 312, 404, 415, 503, 617, 713)
    rows = [f"+1{area}55501{line:02d},Contact {area}-{line:02d}" for area in areas for line in range(10, 40)]
    return ("phone,name\n" + "\n".join(rows) + "\n").encode()


_MESSY = """\
\ufeffPhone ;name;note
(212) 555-0101;Ana Diaz;asked by reply
+1 415 555 0102;"Okafor, Ben";
4155550102;Ben again;same number, written differently
212.555.0103;Chen Li;
1-303-555-0104;Dana Wolf;
="3125550105";Eli Stone;pasted from Excel
2125550106.0;Fay Moss;Excel made it a decimal
'+14045550107;Gus Hall;apostrophe kept by an export

555-0108;Hal Reed;no area code
1.41556E+10;Ida Voss;Excel lost the digits
call her mother;Jo Park;
212 555 0109 / 212 555 0110;Kim Roy;two numbers in one cell
;Lee Ash;no number at all
202-555-0111 (mobile);Max Orr;
٢٠٢٥٥٥٠١١٢;Nadia Haddad;Arabic digits
(212) 555-0101;Ana Diaz;again
"""

_WRONG_COLUMNS = """\
Name,Mobile,City
Ana Diaz,(212) 555-0101,New York
Ben Okafor,+1 415 555 0102,San Francisco
Chen Li,303-555-0104,Denver
"""


def _contacts() -> bytes:
    rows = [
        f"Contact,Person {n},person{n}@example.org,{n} Main St,Springfield,{n % 5 + 1},+1614555{n:04d}"
        for n in range(110, 170)
    ]
    return ("first_name,last_name,email,address,city,support_score,phone\n" + "\n".join(rows) + "\n").encode()


_THRUTEXT = """\
timestamp,contact_id,contact_first_name,contact_last_name,contact_phone,conversation_id,note,opt_out_type
2026-10-03T14:05:11Z,8101,Ana,Diaz,+12125550170,77,please stop texting me,manual
2026-10-04T09:00:00Z,8102,Ben,Okafor,+14155550171,78,,auto
2026-10-04T09:12:40Z,8103,Chen,Li,+13035550172,79,"STOP, wrong person",auto
"""

# Area codes of the United States alone: one of Canada or the Caribbean would make the list another country's.
_AREAS = (
    "201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 220 223 224 225 227 228 229 231 "
    "234 235 239 240 248 251 252 253 254 256 260 262 267 269 270 272 274 276 279 281 283 301 302 303 304 "
    "305 307 308 309 310 312 313 314 315 316 317 318 319 320 321 323 324 325 326 327 329 330 331 332 334 "
    "336 337 339 341 346 347 350 351 352 353 360 361 363 364 369 380 385 386 401 402 404 405 406 407 408 "
    "409 410 412 413 414 415 417 419 423 424 425 430 432 434 435 440 442 443 445 447 448 458 463 464 469 "
    "470 472 475 478 479 480 484 501 502 503 504 505 507 508 509 510 512 513 515 516 517 518 520 530 531 "
    "534 539 540 541 551 557 559 561 562 563 564 567 570 571 572 573 574 575 580 582 585 586 601 602 603 "
    "605 606 607 608 609 610 612 614 615 616 617 618 619 620 623 626 628 629 630 631 636 640 641 645 646 "
)
_FIRST_LINE, _LINES = 5_000, 5_000  # of each area code: 555-5000 to 555-9999
_MILLION = 1_000_000
# Coprime with the number of rows, so that counting in such steps meets each phone once, in no order a person sees.
_STEP = 618_033
_HEADER = b"phone,name\n"
_ROWS_A_CHUNK = 10_000


def _row(number: int) -> str:
    """Row *number* of the million. Each is as long as every other, so that the size is known before any is made."""
    area, line = divmod(number * _STEP % _MILLION, _LINES)
    return f"({_AREAS[4 * area : 4 * area + 3]}) 555-{_FIRST_LINE + line},Contact {number:06}\n"


def _million() -> Iterator[bytes]:
    yield _HEADER
    for start in range(0, _MILLION, _ROWS_A_CHUNK):
        yield "".join(map(_row, range(start, start + _ROWS_A_CHUNK))).encode()


def samples() -> tuple[Sample, ...]:
    """The lists offered at `GET /sandbox/samples`."""
    return (
        Sample.of("clean.csv", "300 numbers in one format, nothing to complain about", _clean()),
        Sample.of("messy.csv", "mixed formats, semicolons, unreadable rows and repeats", _MESSY.encode()),
        Sample.of("wrong-columns.csv", "no column called phone", _WRONG_COLUMNS.encode()),
        Sample.of("contacts.csv", "a contact list, dropped by mistake", _contacts()),
        Sample.of("thrutext.csv", "ThruText's own export of opt-outs, with times and notes", _THRUTEXT.encode()),
        Sample(
            "one-million.csv",
            "a million numbers, written while it is dropped; 31 MB",
            len(_HEADER) + _MILLION * len(_row(0)),
            _million,
        ),
        Sample.of("empty.csv", "a file of no bytes", b""),
    )
