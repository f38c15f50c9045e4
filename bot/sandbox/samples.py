"""Sample lists to drop. Every number is fiction: +1, an area code, 555-01xx."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """One list: its file name, what it shows, its content."""

    name: str
    description: str
    content: bytes


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


def samples() -> tuple[Sample, ...]:
    """The lists offered at `GET /sandbox/samples`."""
    return (
        Sample("clean.csv", "300 numbers in one format, nothing to complain about", _clean()),
        Sample("messy.csv", "mixed formats, semicolons, unreadable rows and repeats", _MESSY.encode()),
        Sample("wrong-columns.csv", "no column called phone", _WRONG_COLUMNS.encode()),
        Sample("contacts.csv", "a contact list, dropped by mistake", _contacts()),
        Sample("thrutext.csv", "ThruText's own export of opt-outs, with times and notes", _THRUTEXT.encode()),
        Sample("empty.csv", "a file of no bytes", b""),
    )
