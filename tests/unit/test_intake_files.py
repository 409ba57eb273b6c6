"""The form of a batch file: encodings, line ends, quotes, sizes, other kinds of files, and bytes at random."""

import csv
import hashlib
import io
import re
import time
import tracemalloc
import zipfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.intake import MAX_BYTES, OPTIONAL, REQUIRED, preflight, report_csv, report_json

DATA = Path(__file__).parents[1] / "data"
TODAY = date(2026, 11, 23)
BRAND = "Skills and Education Group Awards"
COLUMNS = (*REQUIRED, *OPTIONAL)
HEADER = ",".join(COLUMNS)


class NothingOnFile:
    def brands(self):
        return {BRAND}

    def title_of(self, qualification_numbers):
        return {}

    def learners(self, enrolment_numbers):
        return {}

    def awards(self, pairs):
        return set()


def line(number=1, first="Anna", last="Smith", title="A title", units=""):
    """A good row as text, in the order of the columns."""
    return f"AMS{number:011},{first},{last},2001-02-03,{BRAND},603/1234/5,{title},Level 2,Pass,2026-11-02,,,,,,{units}"


def check(content, **options):
    return preflight(io.BytesIO(content), NothingOnFile(), today=TODAY, **options)


def found(content):
    """What the check says: (record, column, message) of every fault."""
    report = check(content)
    return [(fault.record, fault.column, fault.message) for fault in report.faults]


def refusal(content):
    """The one fault of a file that is refused as a whole."""
    report = check(content)
    assert report.refused
    assert report.good_rows == 0
    assert list(report.good()) == []
    assert len(report.faults) == 1, report.faults
    return report.faults[0]


LINES = [HEADER, line(1), line(2, first='"Anna, the\nsecond"'), line(3, last="Ñandú")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last_end", [True, False])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_any_line_end_with_or_without_a_byte_order_mark(end, last_end, mark):
    content = (mark + end.join(LINES) + end * last_end).encode()
    report = check(content)
    assert (report.faults, report.warnings, report.rows) == ([], [], 3)
    assert [(row.record, row.first_name) for row in report.good()] == [
        (2, "Anna"),
        (3, "Anna, the second"),
        (4, "Anna"),
    ]


def test_mixed_line_ends():
    report = check(f"{LINES[0]}\r\n{LINES[1]}\n{LINES[2]}\r{LINES[3]}".encode())
    assert (report.faults, report.rows) == ([], 3)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_where_the_file_is_cut_into_pieces(end):
    # Rows of a length that is no divisor of 64 KiB put every part of a row, and of a CRLF, on a border once.
    for shift in range(7):
        rows = [line(number, title="x" * (90 + shift)) for number in range(2_000)]
        report = check(end.join([HEADER, *rows]).encode())
        assert (report.faults, report.rows) == ([], 2_000)


def test_records_are_counted_not_lines():
    report = check("\n".join([HEADER, line(1, first='"A\n\n\nB"'), line(2, first="")]).encode())
    assert [(fault.record, fault.column) for fault in report.faults] == [(3, "first_name")]


def test_blank_lines_keep_their_number_and_are_no_rows():
    report = check("\n".join([HEADER, "", line(1), "," * 15, "  ", line(2, first=""), "", ""]).encode())
    assert report.rows == 2
    assert [(fault.record, fault.column) for fault in report.faults] == [(6, "first_name")]


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n\r\n", b"\xef\xbb\xbf", b"  \n , \n"])
def test_an_empty_file(content):
    fault = refusal(content)
    assert (fault.record, fault.column) == (0, "")
    assert "is empty" in fault.message


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n", "\r"])
def test_a_header_without_rows(end):
    fault = refusal((HEADER + end).encode())
    assert fault.record == 0
    assert "no rows" in fault.message


@pytest.mark.parametrize("column", REQUIRED)
def test_a_missing_column_is_named(column):
    header = ",".join(name for name in COLUMNS if name != column)
    fault = refusal(f"{header}\n{line()}".encode())
    assert (fault.record, fault.column) == (1, column)
    assert column in fault.message


@pytest.mark.parametrize("column", ["email", "grade"])
def test_a_column_that_is_there_twice(column):
    fault = refusal(f"{HEADER},{column}\n{line()},x".encode())
    assert (fault.record, fault.column) == (1, column)


def test_other_columns_are_left_out_with_a_warning_each():
    report = check(f"{HEADER},centre_id,is_admin,,\n{line()},7,yes,,\n".encode())
    assert report.faults == []
    assert [(warning.record, warning.column) for warning in report.warnings] == [
        (1, "centre_id"),
        (1, "is_admin"),
        (1, ""),
        (1, ""),
    ]
    assert report.good_rows == 1


def test_the_order_and_the_case_of_the_columns_do_not_matter():
    cells = dict(zip(COLUMNS, line().split(","), strict=True))
    names = sorted(COLUMNS)
    content = f"{', '.join(names).upper()}\n{','.join(cells[name] for name in names)}"
    assert found(content.encode()) == []


def test_a_file_without_a_header():
    assert "not a header" in refusal(f"{line()}\n{line(2)}".encode()).message


def test_a_header_of_very_many_columns():
    assert refusal((HEADER + ",x" * 100_000 + "\n").encode()).record == 1


@pytest.mark.parametrize(("delimiter", "word"), [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")])
@pytest.mark.parametrize("quoted", [False, True])
def test_another_delimiter_than_the_comma(delimiter, word, quoted):
    names = [f'"{name}"' if quoted else name for name in COLUMNS]
    fault = refusal("\n".join([delimiter.join(names), line().replace(",", delimiter)]).encode())
    assert fault.record == 1
    assert word in fault.message
    assert "Use commas" in fault.message


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "latin-1", "cp1252", "utf-8-surrogate"]
)
def test_another_encoding_than_utf_8(encoding):
    text = "\n".join([HEADER, line(1), line(2, first="José")])
    if encoding == "utf-8-surrogate":
        content = text.replace("José", "Jos\ud800").encode("utf-8", "surrogatepass")
    else:
        content = text.encode(encoding)
    fault = refusal(content)
    assert (fault.record, fault.column) == (0, "")
    assert "not UTF-8" in fault.message
    if encoding in {"latin-1", "cp1252", "utf-8-surrogate"}:
        assert "record 3" in fault.message


def test_a_nul_byte_is_a_fault_of_its_cell():
    content = "\n".join([HEADER, line(1), line(2, last="Smi\0th")]).encode()
    assert [fault[:2] for fault in found(content)] == [(3, "last_name")]


def archive():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as zipped:
        zipped.writestr("xl/workbook.xml", HEADER)
    return content.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        archive(), b"PK\x05\x06" + bytes(18), b"\x89PNG\r\n\x1a\n" + bytes(100), b"\xd0\xcf\x11\xe0" + bytes(100),
        b"%PDF-1.7\n", b"GIF89a", b"\xff\xd8\xff\xe0", b"\x1f\x8b\x08",
    ],
)  # fmt: skip
def test_another_kind_of_file_that_was_renamed(content):
    fault = refusal(content)
    assert fault.record == 0
    assert "not a CSV file" in fault.message


@pytest.mark.parametrize(
    "broken", ['"Anna', '"Anna" Maria', '"An"na"'], ids=["never closed", "text after it", "in the middle"]
)
def test_quotation_marks_that_do_not_match_refuse_the_file_at_their_record(broken):
    fault = refusal("\n".join([HEADER, line(1), line(2, first=broken), line(3), line(4)]).encode())
    assert (fault.record, fault.column) == (3, "")
    assert "quotation mark" in fault.message


def test_quotation_marks_inside_of_an_unquoted_cell_are_text():
    report = check("\n".join([HEADER, line(1, first='Anna "Ann"')]).encode())
    assert next(report.good()).first_name == 'Anna "Ann"'


def test_faults_above_a_broken_record_are_still_told():
    report = check("\n".join([HEADER, line(1, first=""), line(2, first='"Anna')]).encode())
    assert [(fault.record, fault.column) for fault in report.faults] == [(2, "first_name"), (3, "")]
    assert report.refused
    assert report.good_rows == 0


@pytest.mark.parametrize("change", [-1, 1])
def test_a_row_with_more_or_fewer_cells_is_one_fault(change):
    row = line(2) + "," if change == 1 else line(2).removesuffix(",")
    report = check("\n".join([HEADER, line(1), row, line(3)]).encode())
    assert [(fault.record, fault.column) for fault in report.faults] == [(3, "")]
    assert f"{16 + change} cells" in report.faults[0].message
    assert [row.record for row in report.good()] == [2, 4]


@pytest.mark.parametrize("length", [131_073, 1_000_000])
@pytest.mark.parametrize("quoted", [False, True])
def test_a_cell_beyond_the_limit_of_the_csv_module(length, quoted):
    name = f'"{"a" * length}"' if quoted else "a" * length
    fault = refusal("\n".join([HEADER, line(1), line(2, first=name), line(3)]).encode())
    assert fault.record == 3
    assert "longer than" in fault.message


def test_a_file_without_line_breaks_is_given_up_early():
    fault = refusal(b"a" * (MAX_BYTES - 1))
    assert fault.record == 1
    assert "A line is longer than" in fault.message


def test_ten_thousand_rows_and_no_more():
    rows = [line(number) for number in range(10_001)]
    assert check("\n".join([HEADER, *rows[:10_000]]).encode()).good_rows == 10_000
    fault = refusal("\n".join([HEADER, *rows]).encode())
    assert fault.record == 0
    assert "10,000 rows" in fault.message


def test_two_hundred_thousand_rows_are_given_up_at_the_limit():
    started = time.process_time()
    report = check((HEADER + "\n" + "a,b\n" * 200_000).encode())
    assert (report.faults[0].record, report.refused, report.rows) == (0, True, 10_000)
    assert time.process_time() - started < 5


def test_millions_of_blank_lines_are_not_read_to_the_end():
    started = time.process_time()
    fault = refusal(HEADER.encode() + b"\n" * (MAX_BYTES - len(HEADER)))
    assert fault.record == 0
    assert "blank" in fault.message
    assert time.process_time() - started < 2


def test_a_file_over_twenty_megabytes_is_not_read_to_the_end():
    class Endless(io.RawIOBase):
        """A stream that goes on for ever and counts what was taken."""

        taken = 0

        def seek(self, *_):
            return 0

        def read(self, size=-1):
            self.taken += size
            return b"\n" * (size // 2) if self.taken < size * 2 else (b"x," * 8 + b"\n") * (size // 17)

    units = ";".join(["A/501/1234|Safety|Level 2|4|Pass"] * 200)
    content = "\n".join([HEADER, *(line(number, units=units) for number in range(4_000))]).encode()
    assert len(content) > MAX_BYTES
    fault = refusal(content)
    assert fault.record == 0
    assert "20 MB" in fault.message

    # Few long rows, so that neither their number nor their form stops the reading earlier.
    class EndlessRows(Endless):
        def read(self, size=-1):
            self.taken += size
            return (HEADER + "\n").encode() if self.taken == size else b"x" * (size - 1) + b"\n"

    endless = EndlessRows()
    assert preflight(endless, NothingOnFile(), today=TODAY).refused
    assert endless.taken <= MAX_BYTES + 65_536


def test_ten_thousand_rows_are_checked_within_ten_seconds():
    units = ";".join(["A/501/1234|Safety|Level 2|4|Pass"] * 8)
    content = "\n".join([HEADER, *(line(number, units=units) for number in range(10_000))]).encode()
    started = time.process_time()
    assert check(content).faults == []
    assert time.process_time() - started < 10


def test_memory_holds_the_keys_of_the_rows_and_not_the_rows():
    def peak(rows):
        stream = io.BytesIO("\n".join([HEADER, *(line(number, units=units) for number in range(rows))]).encode())
        tracemalloc.start()
        try:
            assert sum(1 for _ in preflight(stream, NothingOnFile(), today=TODAY).good()) == rows
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    units = ";".join(["A/501/1234|Safety|Level 2|4|Pass"] * 10)
    # A row takes about 6,000 bytes once it is read; its keys take about 500.
    assert peak(1_500) - peak(500) < 1_000 * 800


def test_the_hash_of_a_whole_file_is_known():
    content = (DATA / "riverside.csv").read_bytes()
    report = preflight(io.BytesIO(content), NothingOnFile(), today=TODAY)
    assert report.sha256 == hashlib.sha256(content).hexdigest()
    assert check(b"\xff").sha256 is None


# Bytes that nobody thought of.


UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def goes_through(content):
    """Check, hand out, read again; nothing may raise, and the figures must agree."""
    report = check(content)
    assert len(b"".join(report_csv(report)).splitlines()) >= 1 + len(report.faults) + len(report.warnings)
    report_json(report)
    assert len(list(report.good())) == report.good_rows
    assert report.faults or report.rows
    assert not any(UNSAFE.search(remark.column + remark.message) for remark in report.faults + report.warnings)


FUZZ = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FUZZ
@given(st.binary(max_size=400))
def test_arbitrary_bytes_never_raise(content):
    goes_through(content)


@FUZZ
@given(st.binary(max_size=200), st.sampled_from(["\n", "\r", "\r\n"]))
def test_arbitrary_bytes_below_a_right_header_never_raise(content, end):
    goes_through((HEADER + end + line() + end).encode() + content)


@FUZZ
@given(st.lists(st.lists(st.text(max_size=12), min_size=16, max_size=16), max_size=4))
def test_arbitrary_cells_never_raise(rows):
    text = io.StringIO(newline="")
    out = csv.writer(text)
    out.writerow(COLUMNS)
    out.writerows(rows)
    goes_through(text.getvalue().encode("utf-8", "surrogatepass"))


@FUZZ
@given(
    st.sampled_from(COLUMNS),
    st.one_of(
        st.text(max_size=40),
        st.from_regex(r"\A[0-9/-]{8,12}\Z"),
        st.from_regex(r"\A[a-z.@-]{1,20}\Z"),
        st.text(alphabet=";|A1/ \u0301\u202e", max_size=30),
    ),
)
def test_any_cell_of_a_good_row_may_be_anything(column, value):
    cells = dict(zip(COLUMNS, line().split(","), strict=True)) | {column: value}
    text = io.StringIO(newline="")
    out = csv.writer(text)
    out.writerow(COLUMNS)
    out.writerow(cells.values())
    content = text.getvalue().encode("utf-8", "surrogatepass")
    goes_through(content)
    faults = [fault for fault in check(content).faults if fault.record == 2]
    # A date can put the one beside it in the wrong; everything else concerns its own column alone.
    assert {fault.column for fault in faults} <= {column, "awarded_on", "expires_on"}


@FUZZ
@given(st.integers(0, 9_000), st.integers(0, 255))
def test_one_changed_byte_of_a_real_file_never_raises(place, byte):
    content = bytearray((DATA / "faulty.csv").read_bytes())
    content[place] = byte
    goes_through(bytes(content))
