"""Publishing a batch: the upload, the preflight to look at, and the decision."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.database import db
from portal.intake import MAX_BYTES
from portal.models.jobs import Job
from portal.models.uploads import Upload
from portal.vocabulary import UploadState
from tests.conftest import DATA
from tests.pages.issuer.conftest import Uploader, words_of
from tests.services.people import People
from tests.world import Client

GOOD = b"".join((DATA / "riverside.csv").read_bytes().splitlines(keepends=True)[:4])
FAULTY = GOOD.replace(b"AMS", b"AMX", 1)
"""Three rows, the first with an enrolment number that is none."""

Work = Callable[[int], None]
Row = Callable[[type, int], Any]


def test_a_good_file_is_checked_and_published(
    isla: Client, upload: Uploader, work: Work, row: Row, cast: People
) -> None:
    upload_id = upload(GOOD)
    page = isla.get(f"/issuer/uploads/{upload_id}")
    assert "Checking every row" in words_of(page)
    assert f'data-room="upload:{upload_id}"' in page.text
    work(upload_id)
    page = isla.get(f"/issuer/uploads/{upload_id}")
    assert "The file has no faults" in words_of(page)
    assert "Documents to be made" in words_of(page)
    answer = _publish(isla, page, upload_id)
    assert answer.location == f"/issuer/uploads/{upload_id}"
    assert "Publishing" in words_of(isla.get(answer.location))
    work(upload_id)
    found = row(Upload, upload_id)
    assert found.state is UploadState.PUBLISHED
    assert row(Job, found.job_id).centre_id == cast.riverside
    page = isla.get(f"/issuer/uploads/{upload_id}").text
    assert f'href="/issuer/jobs/{found.job_id}"' in page


def test_a_file_with_faults_names_each_and_publishes_only_the_good_rows(
    isla: Client, upload: Uploader, work: Work, row: Row, app: Flask
) -> None:
    upload_id = upload(FAULTY)
    work(upload_id)
    page = isla.get(f"/issuer/uploads/{upload_id}")
    words = words_of(page)
    assert "1 fault" in words
    assert "enrolment_number" in words
    assert "1 row has faults and is left out. 2 good rows are published." in words
    assert "Publish the good rows" in words
    refused = isla.submit(f"/issuer/uploads/{upload_id}/publish", {"seen": _seen(page)})
    assert refused.status_code == 422
    assert "unless you choose to publish the good rows" in words_of(refused)
    assert row(Upload, upload_id).state is UploadState.CHECKED
    _publish(isla, page, upload_id, only_good_rows="1")
    work(upload_id)
    assert row(Job, row(Upload, upload_id).job_id).records == 2


def test_pressing_twice_publishes_once(isla: Client, upload: Uploader, work: Work, app: Flask) -> None:
    upload_id = upload(GOOD)
    work(upload_id)
    page = isla.get(f"/issuer/uploads/{upload_id}")
    assert _publish(isla, page, upload_id).status_code == 302
    assert _publish(isla, page, upload_id).status_code == 302
    work(upload_id)
    assert _publish(isla, page, upload_id).status_code == 302
    work(upload_id)
    with app.app_context():
        assert db.session.scalar(select(func.count(Job.id))) == 1


def test_a_decision_about_another_check_is_not_taken(isla: Client, upload: Uploader, work: Work, row: Row) -> None:
    upload_id = upload(GOOD)
    work(upload_id)
    answer = isla.submit(f"/issuer/uploads/{upload_id}/publish", {"seen": "3/2/1", "only_good_rows": "1"})
    assert answer.status_code == 422
    assert "checked again since you looked" in words_of(answer)
    assert row(Upload, upload_id).state is UploadState.CHECKED


def test_publishing_what_is_not_checked_yet_is_refused(isla: Client, upload: Uploader, row: Row) -> None:
    upload_id = upload(GOOD)
    answer = isla.submit(f"/issuer/uploads/{upload_id}/publish", {"seen": "0/0/0"})
    assert answer.status_code == 422
    assert row(Upload, upload_id).state is UploadState.UPLOADED


def test_the_report_holds_every_remark_and_no_formula(isla: Client, upload: Uploader, work: Work, app: Flask) -> None:
    upload_id = upload(FAULTY.replace(b"Donald", b"=HYPERLINK(1)"), name="=cmd|' /C calc'!A0.csv")
    work(upload_id)
    answer = isla.get(f"/issuer/uploads/{upload_id}/report.csv")
    assert answer.mimetype == "text/csv"
    lines = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert lines[0] == ["record", "column", "severity", "message"]
    assert lines[1][:3] == ["2", "enrolment_number", "fault"]
    assert not any(cell.startswith(("=", "+", "@", "\t")) for line in lines for cell in line)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "The file is empty."),
        (b"a" * (MAX_BYTES + 1), "larger than 20 MB"),
    ],
)
def test_a_file_that_cannot_be_taken_is_refused_at_the_field(
    isla: Client, cast: People, counts: Callable[[], dict[str, int]], data: bytes, sentence: str
) -> None:
    before = counts()
    answer = isla.submit(
        "/issuer/jobs/new",
        {"centre": str(cast.riverside), "file": (io.BytesIO(data), "batch.csv")},
        content_type="multipart/form-data",
    )
    assert answer.status_code == 422
    assert sentence in words_of(answer)
    assert counts() == before


def test_far_too_large_a_file_is_a_413(isla: Client, cast: People) -> None:
    answer = isla.submit(
        "/issuer/jobs/new",
        {"centre": str(cast.riverside), "file": (io.BytesIO(b"a" * (22 * 1024 * 1024)), "batch.csv")},
        content_type="multipart/form-data",
    )
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("centre", "sentence"),
    [("0", "Choose the centre."), ("99", "Choose one of the list."), ("x", "Choose one"), ("", "Choose one")],
)
def test_an_unknown_centre_is_refused(
    isla: Client, counts: Callable[[], dict[str, int]], centre: str, sentence: str
) -> None:
    before = counts()
    answer = isla.submit(
        "/issuer/jobs/new",
        {"centre": centre, "file": (io.BytesIO(GOOD), "batch.csv")},
        content_type="multipart/form-data",
    )
    assert answer.status_code == 422
    assert sentence in words_of(answer)
    assert counts() == before


def test_no_file_is_refused(isla: Client, cast: People) -> None:
    answer = isla.submit("/issuer/jobs/new", {"centre": str(cast.riverside)}, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert "Choose a CSV file." in words_of(answer)


@pytest.mark.parametrize("data", [b"PK\x03\x04" + b"x" * 100, b"\x89PNG", b"a;b\n1;2\n", b"\xff\xfea\x00", b"\x00\x00"])
def test_another_kind_of_file_is_refused_by_the_check(
    isla: Client, upload: Uploader, work: Work, row: Row, data: bytes
) -> None:
    upload_id = upload(data)
    work(upload_id)
    page = isla.get(f"/issuer/uploads/{upload_id}")
    assert page.status_code == 200
    assert "Nothing in this file can be published" in words_of(page)
    assert "Publish the good rows" not in words_of(page)
    answer = _publish(isla, page, upload_id, only_good_rows="1")
    assert answer.status_code == 422
    assert row(Upload, upload_id).job_id is None


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:/fakepath/awards.csv", "awards.csv"),
        ("a\u202egpj.csv", "agpj.csv"),
        ("<script>.csv", "<script>.csv"),
        ("x" * 400 + ".csv", "x" * 196 + ".csv"),
    ],
)
def test_the_name_of_a_file_is_only_a_name(isla: Client, upload: Uploader, row: Row, given: str, kept: str) -> None:
    upload_id = upload(GOOD, name=given)
    assert row(Upload, upload_id).file_name == kept
    page = isla.get(f"/issuer/uploads/{upload_id}").text
    assert "<script>.csv" not in page


def test_more_faults_than_a_page_holds_are_counted(isla: Client, upload: Uploader, work: Work) -> None:
    header, first = GOOD.splitlines(keepends=True)[:2]
    upload_id = upload(header + first.replace(b"AMS", b"AMX") * 250)
    work(upload_id)
    page = isla.get(f"/issuer/uploads/{upload_id}")
    assert "The first 200 of 250 are shown." in words_of(page)
    report = isla.get(f"/issuer/uploads/{upload_id}/report.csv").get_data().decode("utf-8-sig")
    assert len(report.splitlines()) == 251


def test_the_example_passes_the_check(isla: Client, upload: Uploader, work: Work, row: Row) -> None:
    example = isla.get("/issuer/jobs/example.csv").get_data()
    upload_id = upload(example)
    work(upload_id)
    found = row(Upload, upload_id)
    assert (found.rows, found.good_rows, found.fault_count, found.documents) == (1, 1, 0, 3)
    assert found.warning_count == 0


def test_recent_files_are_listed(isla: Client, upload: Uploader) -> None:
    upload_id = upload(GOOD, name="november.csv")
    page = isla.get("/issuer/jobs/new").text
    assert f'href="/issuer/uploads/{upload_id}"' in page
    assert "november.csv" in page


def _seen(page: Any) -> str:
    return page.text.partition('name="seen" value="')[2].partition('"')[0]


def _publish(isla: Client, page: Any, upload_id: int, **fields: str) -> Any:
    return isla.submit(f"/issuer/uploads/{upload_id}/publish", {"seen": _seen(page), **fields})
