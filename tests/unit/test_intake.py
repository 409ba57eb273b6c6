"""The preflight: what makes a row wrong, by record and column, and nothing else."""

import csv
import io
import json
from datetime import date
from pathlib import Path

import pytest

from portal.errors import Invalid
from portal.intake import OPTIONAL, REQUIRED, HeldLearner, Remark, Row, UnitRow, preflight, report_csv, report_json

DATA = Path(__file__).parents[1] / "data"
TODAY = date(2026, 11, 23)
BRANDS = {"Skills and Education Group Awards", "BIIAB Qualifications Ltd"}

GOOD = {
    "enrolment_number": "AMS00009824708",
    "first_name": "Donald",
    "middle_name": "",
    "last_name": "Duck",
    "date_of_birth": "1985-01-10",
    "email": "donald.duck@learner.example",
    "awarding_organisation": "BIIAB Qualifications Ltd",
    "qualification_number": "601/3609/7",
    "qualification_title": "BIIAB Level 2 NVQ Diploma in Front of House Reception",
    "level": "Level 2",
    "grade": "Pass",
    "awarded_on": "2026-11-02",
    "expires_on": "",
    "language": "",
    "documents": "",
    "units": "A/501/1234|Safety|Level 2|4|Pass",
}


class OnFile:
    """A small file of learners, titles and awards; it notes how much is asked at once."""

    def __init__(self, titles=None, learners=None, awards=()):
        self.titles, self.people, self.issued = titles or {}, learners or {}, set(awards)
        self.asked = []

    def brands(self):
        return BRANDS

    def title_of(self, qualification_numbers):
        self.asked.append(len(qualification_numbers))
        return {number: self.titles[number] for number in qualification_numbers if number in self.titles}

    def learners(self, enrolment_numbers):
        self.asked.append(len(enrolment_numbers))
        return {number: self.people[number] for number in enrolment_numbers if number in self.people}

    def awards(self, pairs):
        self.asked.append(len(pairs))
        return pairs & self.issued


def file_of(*rows, columns=tuple(GOOD)):
    text = io.StringIO(newline="")
    out = csv.DictWriter(text, columns, extrasaction="ignore")
    out.writeheader()
    out.writerows(GOOD | row for row in rows)
    return text.getvalue().encode()


def check(content, held=None, **options):
    return preflight(io.BytesIO(content), held or OnFile(), today=TODAY, **options)


def only_fault(column, text, held=None, **options):
    """The one fault of a file whose one row has this text in this column."""
    report = check(file_of({column: text}), held, **options)
    assert [(fault.record, fault.column) for fault in report.faults] == [(2, column)], report.faults
    assert report.warnings == []
    return report.faults[0].message


def only_row(**cells):
    report = check(file_of(cells))
    assert report.faults == []
    return next(report.good())


def of_file(name):
    return (DATA / name).read_bytes()


# The three files that come with the portal.

WRONG = {
    2: "enrolment_number", 3: "enrolment_number", 4: "last_name", 5: "date_of_birth", 6: "date_of_birth",
    7: "awarded_on", 8: "awarded_on", 9: "expires_on", 10: "email", 11: "email", 12: "qualification_number",
    13: "qualification_title", 14: "documents", 15: "documents", 16: "units", 17: "units", 18: "first_name",
    19: "awarding_organisation", 20: "enrolment_number", 21: "qualification_title",
}  # fmt: skip


def test_every_fault_of_the_faulty_file_is_named_and_nothing_else():
    report = check(of_file("faulty.csv"))
    expected = [int(line["row"]) for line in csv.DictReader(io.StringIO(of_file("faulty-expected.csv").decode()))]
    # The list of what is wrong counts rows below the header; a report counts the header as record 1.
    assert [(fault.record, fault.column) for fault in report.faults] == [(row + 1, WRONG[row]) for row in expected]
    assert report.warnings == []
    assert (report.rows, report.good_rows) == (21, 1)
    assert [row.first_name for row in report.good()] == ["Good"]


@pytest.mark.parametrize(("name", "rows"), [("riverside.csv", 12), ("world-names.csv", 30)])
def test_the_plain_file_and_the_names_of_the_world_pass_whole(name, rows):
    report = check(of_file(name))
    assert (report.faults, report.warnings, report.rows) == ([], [], rows)
    assert len(list(report.good())) == rows


def test_a_good_row_comes_back_with_all_its_values():
    report = check(of_file("riverside.csv"))
    row = next(report.good())
    assert isinstance(row, Row)
    assert (row.record, row.enrolment_number, row.last_name) == (2, "AMS00009824708", "Duck")
    assert (row.date_of_birth, row.awarded_on, row.expires_on) == (
        date(1985, 1, 10),
        date(2026, 11, 2),
        date(2029, 11, 1),
    )
    assert row.documents == ("certificate", "transcript")
    assert row.units[0] == UnitRow("K/574/3123", "Vehicle inspection standards", "Level 3", 10, "Merit")
    assert len(row.units) == 4


def test_good_rows_can_be_read_again():
    report = check(of_file("riverside.csv"))
    assert list(report.good()) == list(report.good())


def test_a_file_that_changed_after_the_check_is_not_published(tmp_path):
    for change in (file_of({"grade": ""}), file_of({"grade": "Merit"}), b"\xff", b""):
        path = tmp_path / "batch.csv"
        path.write_bytes(file_of({}))
        with path.open("rb") as stream:
            report = preflight(stream, OnFile(), today=TODAY)
            path.write_bytes(change)
            with pytest.raises(Invalid):
                list(report.good())


# Cells.


@pytest.mark.parametrize("column", sorted(REQUIRED))
@pytest.mark.parametrize("empty", ["", "   ", "\u00a0", "\t"])
def test_a_required_cell_may_not_be_empty(column, empty):
    assert "is missing" in only_fault(column, empty)


@pytest.mark.parametrize("column", OPTIONAL)
def test_an_optional_cell_may_be_empty_and_its_column_may_be_absent(column):
    assert check(file_of({column: "  "})).faults == []
    report = check(file_of({}, columns=[name for name in GOOD if name != column]))
    assert (report.faults, report.good_rows) == ([], 1)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("AMS12", "eleven digits"),
        ("AMS000098247080", "eleven digits"),
        ("ams00009824708", "eleven digits"),
        ("AMS0000982470٨", "eleven digits"),
        ("XYZ00009824708", "eleven digits"),
        ("1E+11", "spreadsheet"),
        ("1.00001E+11", "spreadsheet"),
        ("9824708", "spreadsheets"),
        ("AMS00009824708\nX", "eleven digits"),
    ],
)
def test_an_enrolment_number_is_ams_and_eleven_digits(text, told):
    assert told in only_fault("enrolment_number", text)


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("date_of_birth", "31/02/2001"),
        ("date_of_birth", "29/02/2001"),
        ("date_of_birth", "2001-13-01"),
        ("date_of_birth", "2001-02-30"),
        ("date_of_birth", "0000-00-00"),
        ("date_of_birth", "99999-01-01"),
        ("date_of_birth", "01/01/1800"),
        ("date_of_birth", "1899-12-31"),
        ("date_of_birth", "2026-11-24"),
        ("date_of_birth", "1/2/2001"),
        ("date_of_birth", "20010203"),
        ("date_of_birth", "2001-W05-6"),
        ("date_of_birth", "٢٠٠١-٠٢-٠٣"),
        ("date_of_birth", "2001-02-03T00:00"),
        ("date_of_birth", "36925"),
        ("awarded_on", "1985-01-10"),
        ("awarded_on", "1985-01-09"),
        ("awarded_on", "2026-12-25"),
        ("awarded_on", "yesterday"),
        ("expires_on", "2026-11-02"),
        ("expires_on", "2026-11-01"),
        ("expires_on", "never"),
    ],
)
def test_a_wrong_date_is_a_fault_of_its_own_column_alone(column, text):
    only_fault(column, text)


def test_dates_are_written_in_either_order():
    row = only_row(date_of_birth="31/12/2000", awarded_on="24/12/2026", expires_on="2026-12-25")
    assert (row.date_of_birth, row.awarded_on, row.expires_on) == (
        date(2000, 12, 31),
        date(2026, 12, 24),
        date(2026, 12, 25),
    )


def test_the_first_and_the_last_day_of_birth_are_accepted():
    assert only_row(date_of_birth="1900-01-01").date_of_birth == date(1900, 1, 1)
    assert check(file_of({"date_of_birth": "2026-11-23", "awarded_on": "2026-11-24"})).faults == []


@pytest.mark.parametrize(
    "text",
    [
        "not an email", "a@b", "a@b@c", "a@b@c.uk", "a b@c.uk", "@c.uk", "a@", "a@.uk", "a@c..uk", "a@-c.uk", "a@c-.uk",
        ".a@c.uk", "a.@c.uk", "a..b@c.uk", '"a b"@c.uk', "a@[127.0.0.1]", "a@127.0.0.1", "a@c.u", "a@c.uk, b@c.uk",
        "a@c.uk;b@c.uk", "Bob <a@c.uk>", "mailto:a@c.uk", "josé@c.uk", f"{'a' * 65}@c.uk", f"a@{'b' * 64}.uk",
        f"a@{'b.' * 126}uk", "a@b.c\r\nBcc:x", "a@b.example\nBcc: x@y.example", "a@b.exa\0mple", "a@b\u202e.example",
        "a@c\u2028.uk", "a@℀.uk",
    ],
)  # fmt: skip
def test_a_wrong_email_address_is_refused(text):
    only_fault("email", text)


@pytest.mark.parametrize("text", ["a@b.example\nBcc: x@y.example", "a@b.c\r\nBcc:x", "a@b.exa\0mple"])
def test_a_second_header_in_an_email_address_is_called_what_it_is(text):
    assert "line break or a control character" in only_fault("email", text)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Donald.Duck+work@Learner.Example", "Donald.Duck+work@learner.example"),
        ("o'brien@sub.college.ac.uk", "o'brien@sub.college.ac.uk"),
        ("a@müller.example", "a@xn--mller-kva.example"),
        ("a@straße.example", "a@xn--strae-oqa.example"),
        ("a@例え.テスト", "a@xn--r8jz45g.xn--zckzah"),
        ("  a@c.uk ", "a@c.uk"),
        ("", None),
    ],
)
def test_a_right_email_address_is_kept_with_its_domain_in_ascii(text, kept):
    assert only_row(email=text).email == kept


def test_an_address_of_254_characters_is_the_longest():
    longest = f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.example"
    longest = "a" * (254 - len(longest)) + longest
    assert only_row(email=longest).email == longest
    only_fault("email", longest.replace("@b", "@bb"))


@pytest.mark.parametrize("text", ["601/12345", "601/1234/x", "601/1234/56", "60/1234/5", "601-1234-5", "٦٠١/1234/5"])
def test_a_qualification_number_has_ofquals_form(text):
    only_fault("qualification_number", text)


def test_an_x_may_end_a_qualification_number():
    assert only_row(qualification_number="603/6615/X").qualification_number == "603/6615/X"


@pytest.mark.parametrize(
    ("column", "most"),
    [("first_name", 100), ("middle_name", 100), ("last_name", 100), ("qualification_title", 255), ("level", 50),
     ("grade", 100), ("language", 50)],
)  # fmt: skip
def test_text_has_a_longest_length_in_characters_of_any_script(column, most):
    assert getattr(only_row(**{column: "你" * most}), column) == "你" * most
    for length in (most + 1, 400, 100_000):
        assert f"at most {most}" in only_fault(column, "你" * length)
        assert f"at most {most}" in only_fault(column, "a" * length)


def test_a_text_that_grows_when_it_is_composed_is_measured_afterwards():
    # U+0958 is written as two characters in NFC.
    assert "102 characters" in only_fault("first_name", "\u0958" * 51)
    assert len(only_row(first_name="\u0958" * 50).first_name) == 100


@pytest.mark.parametrize(
    "text",
    [
        "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "<script>alert(1)</script>", "<img src=/etc/passwd>", "{{7*7}}",
        "{% include 'x' %}", "%s%n", "${x}", "'; DROP TABLE learners;--", "../../etc/passwd", "Null", "None", "O'Brien",
        "von  und  zu", "Jean‑Luc", "Smith, John", '"Bob"', "&amp;", "می\u200cخواهم", "क्\u200dष", "X", "김",
    ],
)  # fmt: skip
def test_a_name_is_kept_as_registered_even_if_it_looks_like_an_attack(text):
    assert only_row(first_name=text).first_name == text


def test_text_is_trimmed_composed_and_its_line_breaks_become_spaces():
    row = only_row(first_name="  Zoe\u0308 ", last_name="Duck,\r\nElder", qualification_title="A\nB")
    assert (row.first_name, row.last_name, row.qualification_title) == ("Zo\u00eb", "Duck, Elder", "A B")


@pytest.mark.parametrize("column", ["first_name", "middle_name", "last_name", "qualification_title", "level", "grade"])
@pytest.mark.parametrize("character", ["\0", "\x07", "\x1b", "\x7f", "\x85", "\x9f", "\tb", "\u202e", "\u2066"])
def test_controls_and_turned_directions_are_refused_without_being_shown(column, character):
    message = only_fault(column, f"a{character}z")
    assert f"U+{ord(character[0]):04X}" in message
    assert message.isprintable()


@pytest.mark.parametrize("text", ["\u200b", "\u200d\u200c", "\u00ad", "\u2060\u200b"])
def test_a_name_that_nobody_can_see_is_refused(text):
    only_fault("last_name", text)


def test_a_character_that_no_font_has_is_named():
    def unsupported(text):
        return {character for character in text if character in "😀\ue000"}

    message = only_fault("first_name", "Zoë 😀", unsupported=unsupported)
    assert "U+1F600 GRINNING FACE" in message
    assert "first name" in message
    assert "U+E000" in only_fault("units", "A/501/1234|Safe\ue000ty|Level 2|4|Pass", unsupported=unsupported)


def test_fonts_are_asked_about_each_character_once():
    asked = []

    def unsupported(text):
        asked.append(text)
        return set()

    rows = [{"enrolment_number": f"AMS{number:011}", "first_name": "Zoë Ünal"} for number in range(50)]
    assert check(file_of(*rows), unsupported=unsupported).faults == []
    assert asked == ["Üë"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", ("certificate", "transcript", "letter")),
        ("letter; Certificate", ("certificate", "letter")),
        ("letter;letter;", ("letter",)),
    ],
)
def test_documents_are_a_set_of_the_three_kinds(text, kept):
    assert only_row(documents=text).documents == kept


@pytest.mark.parametrize(
    "text", [" ; ", ";", "diploma", "certificate;diploma", "certificate,letter", "certificate letter"]
)
def test_other_documents_are_refused(text):
    assert "certificate;transcript;letter" in only_fault("documents", text)


@pytest.mark.parametrize(
    "text",
    [
        "A/501/1234|Title|Level 2", "A/501/1234|Title|Level 2|many|Pass", "A/501/1234|Title|Level 2|-1|Pass",
        "A/501/1234|Title|Level 2|1.5|Pass", "A/501/1234|Title|Level 2|1000|Pass", "A/501/1234|Title|Level 2|٣|Pass",
        "A/501/1234|Title|Level 2||Pass", "|Title|Level 2|3|Pass", "A/501/1234||Level 2|3|Pass",
        "A/501/1234|Title||3|Pass", "A/501/1234|Title|Level 2|3|", "A/501/1234|Title|Level 2|3|Pass|more", ";",
        "A/501/1234|Title|Level 2|3|Pass;;A/501/1234|Title|Level 2|3|Pass", f"A/501/1234|{'t' * 256}|Level 2|3|Pass",
        f"{'A' * 31}|Title|Level 2|3|Pass", "A/501/1234|Ti\x07tle|Level 2|3|Pass", "not units at all",
        ";".join(["A|T|L|1|P"] * 1_001),
    ],
)  # fmt: skip
def test_a_unit_has_five_right_fields(text):
    only_fault("units", text)


def test_units_keep_their_order_and_a_last_semicolon_is_forgiven():
    units = only_row(units=" A/501/1234 | Title | Level 2 | 0 | Pass ;B1|Más|Entry 3|999|Merit;").units
    assert units == (
        UnitRow("A/501/1234", "Title", "Level 2", 0, "Pass"),
        UnitRow("B1", "Más", "Entry 3", 999, "Merit"),
    )


def test_an_awarding_organisation_is_one_of_the_brands_by_its_full_name():
    for text in ("Acme Exams", "BIIAB", "biiab qualifications ltd"):
        message = only_fault("awarding_organisation", text)
        assert all(brand in message for brand in BRANDS)


def test_a_language_is_english_unless_it_says_otherwise():
    assert only_row(language="").language == "English"
    assert only_row(language="Cymraeg").language == "Cymraeg"


def test_a_row_with_several_faults_names_them_all_in_the_order_of_the_columns():
    report = check(file_of({"grade": "", "enrolment_number": "1", "units": "x"}))
    assert [fault.column for fault in report.faults] == ["enrolment_number", "grade", "units"]
    assert report.good_rows == 0


# Rows of one file against each other.


def test_the_same_learner_and_qualification_twice_is_a_fault_of_the_later_record():
    report = check(file_of({}, {"qualification_number": "601/3609/8"}, {}, {}))
    assert [(fault.record, fault.column) for fault in report.faults] == [
        (4, "enrolment_number"),
        (5, "enrolment_number"),
    ]
    assert all("record 2" in fault.message for fault in report.faults)
    assert [row.record for row in report.good()] == [2, 3]


def test_a_learner_with_two_dates_of_birth_is_a_fault():
    report = check(file_of({}, {"qualification_number": "601/3609/8", "date_of_birth": "1985-10-01"}))
    assert [(fault.record, fault.column) for fault in report.faults] == [(3, "date_of_birth")]


def test_a_learner_with_two_names_is_a_warning():
    report = check(file_of({}, {"qualification_number": "601/3609/8", "last_name": "Drake"}))
    assert report.faults == []
    assert [(warning.record, warning.column) for warning in report.warnings] == [(3, "last_name")]


def test_the_first_title_of_a_qualification_in_the_file_holds_until_one_is_on_file():
    second = {"enrolment_number": "AMS00000000001", "qualification_title": "Another"}
    report = check(file_of({}, second))
    assert [(fault.record, fault.column) for fault in report.faults] == [(3, "qualification_title")]
    assert GOOD["qualification_title"] in report.faults[0].message
    report = check(file_of({}, second), OnFile(titles={"601/3609/7": "Another"}))
    assert [(fault.record, fault.column) for fault in report.faults] == [(2, "qualification_title")]
    assert "“Another”" in report.faults[0].message


# Rows against what is on file.

DONALD = HeldLearner("Donald", None, "Duck", date(1985, 1, 10))


def test_a_learner_on_file_with_the_same_facts_is_no_remark():
    report = check(file_of({}), OnFile(learners={GOOD["enrolment_number"]: DONALD}))
    assert (report.faults, report.warnings) == ([], [])


def test_a_date_of_birth_other_than_the_one_held_is_a_fault_that_does_not_tell_it():
    for elsewhere in (False, True):
        held = OnFile(
            learners={GOOD["enrolment_number"]: HeldLearner("Donald", "", "Duck", date(1970, 6, 5), elsewhere)}
        )
        report = check(file_of({}), held)
        assert [(fault.record, fault.column) for fault in report.faults] == [(2, "date_of_birth")]
        assert not any(part in report.faults[0].message for part in ("1970", "06", "05", "5", "Duck"))


def test_a_name_other_than_the_one_held_is_a_warning():
    held = OnFile(learners={GOOD["enrolment_number"]: HeldLearner("Donald", "Fauntleroy", "Duck", date(1985, 1, 10))})
    report = check(file_of({}), held)
    assert report.faults == []
    assert [(warning.record, warning.column) for warning in report.warnings] == [(2, "middle_name")]
    assert "Donald Fauntleroy Duck" in report.warnings[0].message
    assert report.good_rows == 1


def test_nothing_is_told_of_a_learner_of_another_centre():
    stranger = HeldLearner("Gustav", "Otto", "Gans", date(1985, 1, 10), elsewhere=True)
    report = check(file_of({}), OnFile(learners={GOOD["enrolment_number"]: stranger}))
    assert report.faults == []
    assert not any(part in report.warnings[0].message for part in ("Gustav", "Otto", "Gans"))


def test_an_award_that_was_issued_already_is_a_warning():
    held = OnFile(awards={(GOOD["enrolment_number"], GOOD["qualification_number"])})
    report = check(file_of({}), held)
    assert report.faults == []
    assert [(warning.record, warning.column) for warning in report.warnings] == [(2, "qualification_number")]


def test_what_is_on_file_is_asked_for_in_chunks_and_progress_is_told():
    held, told = OnFile(), []
    rows = [{"enrolment_number": f"AMS{number:011}"} for number in range(1_250)]
    report = check(file_of(*rows, rows[0]), held, on_progress=told.append)
    assert max(held.asked) <= 500
    assert told == [500, 1000]
    assert [fault.record for fault in report.faults] == [1_252]


# The report as it is handed out.


def test_the_json_report_has_the_form_that_the_contract_names():
    report = check(file_of({"grade": ""}, columns=(*GOOD, "shoe size")))
    assert json.loads(json.dumps(report_json(report))) == {
        "rows": 1,
        "faults": [{"record": 2, "column": "grade", "message": "The grade is missing. Fill it in."}],
        "warnings": [
            {"record": 1, "column": "shoe size", "message": "The column “shoe size” is not known and is left out."}
        ],
    }


def test_the_csv_report_opens_in_a_spreadsheet_and_runs_nothing():
    report = check(file_of({"first_name": ""}, columns=(*GOOD, "=cmd()", "@sum")))
    text = b"".join(report_csv(report)).decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(text)))
    assert lines[0] == ["record", "column", "severity", "message"]
    assert lines[1][:3] == ["2", "first_name", "fault"]
    assert [line[:3] for line in lines[2:]] == [["1", "'=cmd()", "warning"], ["1", "'@sum", "warning"]]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for line in lines for cell in line)


def test_messages_are_sentences_without_control_characters():
    report = check(of_file("faulty.csv"))
    assert all(fault.message.isprintable() and fault.message.endswith(".") for fault in report.faults)
    assert isinstance(report.faults[0], Remark)
