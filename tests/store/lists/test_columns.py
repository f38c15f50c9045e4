"""Which column has the phones, by its name and its cells; and when a file describes people rather than opt-outs."""

from pathlib import Path

import pytest

from store.choices import Choices, Undecided
from store.lists.columns import contact_signs, likely_phones, names_of
from store.lists.heading import NoPhoneColumn
from store.lists.reader import ListReader
from store.lists.records import Row

PHONE = "(415) 555-2671"


@pytest.mark.parametrize(
    "name",
    [
        "cell",  # Spoke
        "Phone Number",  # Hustle
        "mobile",  # CallHub
        "cell_phone",  # Scale to Win
        "Phone1",  # RumbleUp
        "Cell Phone",  # VAN
        "Preferred Phone",  # VAN
        "CellPhone",
        "phone_number",
        "telephone",
        "contact phone",
        "Contact Phone Number",
        "msisdn",
        "to",  # Twilio
        "To Number",
        "MOBILE",
        "HomePhone",
        "voter_phone",
        "Tel.",
        "phone (e164)",
        "Handy",
    ],
)
def test_vendors_names_of_the_phone_are_known(name: str) -> None:
    """Beside a voter id that has ten digits and is as filled, the phones are offered, alone."""
    rows = [[f"415555{row:04}", "Ann", PHONE, "5550100"] for row in range(9)]
    assert likely_phones(["Voter File VANID", "First Name", name, "fax"], rows) == [name]


@pytest.mark.parametrize(
    ("columns", "rows", "likely"),
    [
        (["a", "b"], [["x", PHONE], ["y", PHONE]], ["b"]),
        (["Work", "Cell"], [[PHONE, PHONE]], ["Cell", "Work"]),
        (["home_phone", "mobile_phone", "phone type"], [[PHONE, PHONE, "m"]], ["mobile_phone", "home_phone"]),
        (["Phone", "Landline"], [[PHONE, PHONE]], ["Phone", "Landline"]),
        (["Mobile", "backup"], [["", PHONE], ["x", PHONE]], ["backup"]),
        (["cell", "id"], [["", "4155552671"]], []),
        (["cell"], [["555-0100"], ["555-0101"]], ["cell"]),
        (["a"], [["555-0100"], ["555-0101"]], []),
        (["date"], [["2026-11-05"], ["11/05/2026"]], []),
        (["number"], [["12"], ["13"]], []),
        (["cell", "x"], [["call Ann", "y"], ["no", PHONE], ["", PHONE]], ["x"]),
        (["cell", "x"], [["call Ann", "y"], ["no", "z"], ["?", PHONE]], []),
        (["", "Mobile"], [[PHONE, PHONE]], ["Mobile"]),
        ([], [], []),
        (["cell"], [[]], []),
    ],
)
def test_name_and_cells_decide_together(columns: list[str], rows: list[list[str]], likely: list[str]) -> None:
    """Neither a name without phones below it nor phones in a column of ids are enough; mobiles come first."""
    assert likely_phones(columns, rows) == likely


def test_all_candidates_are_named_and_offered(tmp_path: Path) -> None:
    """The person sees what there is to choose from, and chooses one or all."""
    path = tmp_path / "list.csv"
    path.write_text(f"Work,Name,Cell Phone,Home\n{PHONE},Ann,{PHONE},{PHONE}\n")
    with pytest.raises(Undecided) as caught:
        ListReader(path)
    assert str(caught.value) == "list.csv has no column called `phone`. It has: Work, Name, Cell Phone, Home."
    assert caught.value.question.text == (
        '"Work", "Cell Phone" and "Home" look like phone numbers. Whose are to be opted out?'
    )
    assert [offer.label for offer in caught.value.question.offers] == [
        "All 3 columns",
        'Only "Work"',
        'Only "Cell Phone"',
        'Only "Home"',
    ]


def test_a_long_name_does_not_fill_the_sentence(tmp_path: Path) -> None:
    """A name is cut, in the sentence and where it is chosen by, which finds its column all the same."""
    path = tmp_path / "list.csv"
    path.write_text(f"{'phone ' * 1000}\n{PHONE}\n")
    with pytest.raises(NoPhoneColumn) as caught:
        ListReader(path)
    assert len(str(caught.value)) < 300
    assert caught.value.likely == "phone phone phone phone phone phone phon"
    with ListReader(path, column=caught.value.likely) as reader:
        assert [row.cell for row in reader.rows() if isinstance(row, Row)] == [PHONE]


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (["Tel", "Tel", "tel"], ("Tel", "Tel (2nd)", "tel (3rd)")),
        (["Tel", "Tel (2nd)", "Tel"], ("Tel", "Tel (2nd)", "Tel (3rd)")),
        (["Tel", "Tel", "Tel (2nd)"], ("Tel", "Tel (2nd)", "Tel (2nd) (2nd)")),
        (["", "a", " "], ("column 1 (no name)", "a", "column 3 (no name)")),
        (["x" * 50, "x" * 60], ("x" * 40, "x" * 40 + " (2nd)")),
        (["a"] * 12, ("a", "a (2nd)", "a (3rd)", *(f"a ({n}th)" for n in range(4, 13)))),
        ([], ()),
    ],
)
def test_columns_called_alike_are_told_apart(header: list[str], names: tuple[str, ...]) -> None:
    """Each column has a name that no other has, by which it can be chosen."""
    assert names_of(header) == names


@pytest.mark.parametrize("chosen", ["URN:Tel", "urn:tel (2nd)", "URN:Tel (3rd)"])
def test_each_of_several_columns_called_alike_can_be_chosen(tmp_path: Path, chosen: str) -> None:
    """Equal headers are no dead end."""
    path = tmp_path / "list.csv"
    path.write_text("Name,URN:Tel,URN:Tel,URN:Tel\nAnn,4155552671,4155552672,4155552673\n")
    with pytest.raises(Undecided, match=r"3 columns called URN:Tel \(columns 2, 3 and 4\)"):
        ListReader(path)
    with ListReader(path, choices=Choices(columns=(chosen,))) as reader:
        [row] = reader.rows()
    assert isinstance(row, Row)
    assert row.cell == {"URN:Tel": "4155552671", "urn:tel (2nd)": "4155552672", "URN:Tel (3rd)": "4155552673"}[chosen]


# --- contact lists --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "row", "signs"),
    [
        (
            "VANID,First Name,Last Name,phone,Email,Support Score",
            "1,A,B,4155552671,a@b.org,4",
            ("names", "e-mails", "a support score", "voter ids"),
        ),
        (
            "phone,firstName,lastName,StreetAddress,City,Zip5,DOB,Party",
            "4155552671,A,B,1 Main,NY,10001,1970-01-01,D",
            ("names", "dates of birth", "parties", "addresses"),
        ),
        ("phone;sex;age", "4155552671;f;40", ("ages", "genders")),
        (
            "cell_phone,phone,contact,precinct,turnout_score",
            "1,4155552671,a@b.org,7,80",
            ("e-mails", "scores", "voting districts"),
        ),
    ],
)
def test_a_contact_list_shows(tmp_path: Path, header: str, row: str, signs: tuple[str, ...]) -> None:
    """Two kinds of thing beside names that an opt-out list has no use for; they are listed for the sentence."""
    path = tmp_path / "list.csv"
    path.write_text(f"{header}\n{row}\n")
    assert ListReader(path).contact_signs == signs


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("phone", "4155552671"),
        ("phone,note", "4155552671,asked to stop"),
        ("name,phone,note", "Ann,4155552671,asked to stop"),
        ("First Name,Last Name,phone,opted out at,reason", "A,B,4155552671,2026-11-05,STOP"),
        ("first_name,last_name,phone,email,date", "A,B,4155552671,a@b.org,2026-11-05"),
        ("name,phone,zip,state", "Ann,4155552671,10001,NY"),
        ("phone,campaign,message,agent support,status", "4155552671,GOTV,please stop,x,done"),
        ("phone,email,address,dob,party", "4155552671,,,,"),
        (
            (
                "timestamp,contact_id,contact_first_name,contact_last_name,contact_phone,conversation_id,note,opt_out_type,"
                "email,zip,support score"
            ),
            "2026-11-05,1,A,B,4155552671,9,n,manual,a@b.org,10001,5",
        ),
        ("4155552671", "4155552672"),
    ],
)
def test_an_opt_out_list_does_not(tmp_path: Path, header: str, row: str) -> None:
    """Names, notes, times, an e-mail or a place are what opt-out lists have; empty columns describe nobody."""
    path = tmp_path / "list.csv"
    path.write_text(f"{header}\n{row}\n")
    assert ListReader(path).contact_signs == ()


def test_one_e_mail_among_notes_is_no_column_of_them() -> None:
    """Most cells must be."""
    assert contact_signs(["phone", "note", "zip"], [["1", "a@b.org", "1"], ["2", "x", "1"], ["3", "y", "1"]]) == ()
