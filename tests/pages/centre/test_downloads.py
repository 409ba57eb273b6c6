"""Asking for an export, the list of them, and the zip as it is handed over."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import subprocess
import sys
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from portal import clock
from portal.access.actor import SYSTEM
from portal.database import db
from portal.models.downloads import Download
from portal.models.records import Record
from portal.queries.downloads import shelf_of
from portal.services import downloads
from portal.tasks import downloads as packing
from portal.unit_of_work import unit_of_work
from portal.vocabulary import Arrival, DownloadState
from portal.web import download_files

EXPORT = "/centre/records/export"
ALL = {"selection": "all", "query": ""}


@pytest.fixture
def michael(browser_of, cast, drawn):
    return browser_of(cast.michael)


@pytest.fixture
def row(app):
    def look():
        with app.app_context():
            return db.session.scalars(select(Download).order_by(Download.id.desc()).limit(1)).one_or_none()

    return look


@pytest.fixture
def change(app):
    def act(**values):
        with app.app_context(), unit_of_work(SYSTEM):
            db.session.execute(update(Download).values(**values))

    return act


@pytest.fixture
def ready(app, michael, row):
    """A finished export of everything, by Michael."""
    export(michael)
    with app.app_context():
        packing.pack(0)
    return row()


@pytest.fixture
def path(app, ready):
    return shelf_of(app.config["PORTAL_DATA"]).path(ready.file)


@pytest.fixture
def data(path):
    return path.read_bytes()


def hidden(page):
    """The hidden fields of the form of an export."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)) | {
        "key": re.search(r'name="key"[^>]*value="([^"]+)"', page)[1]
    }


def export(browser, name="Autumn", fields=None):
    asked = browser.submit(EXPORT, fields or ALL)
    assert asked.status_code == 200
    return browser.submit(EXPORT, {**hidden(asked.text), "name": name})


def file_of(found):
    return f"/centre/downloads/{found.id}/file"


# Asking


def test_the_dialog_says_what_was_chosen_and_asks_for_a_name(michael, row):
    page = michael.submit(EXPORT, ALL | {"query": "q=duck"})
    assert "All 1 record that match: Search: duck" in page.text
    assert "2 documents, each as a PDF" in page.text
    assert row() is None


def test_an_export_is_made_and_said_with_a_link(michael, row):
    answer = export(michael, " Autumn   2026 ")
    assert (answer.status_code, answer.location) == (302, "/centre/records")
    page = michael.get("/centre/records").text
    assert "“Autumn 2026” will be in Downloads in a moment." in page
    assert '<a href="/centre/downloads">Show</a>' in page
    found = row()
    assert (found.name, found.description, found.records, found.total) == ("Autumn 2026", "All 2 records", 2, 5)
    assert found.expires_at - found.created_at == timedelta(days=7)


def test_documents_of_a_job_are_exported_from_its_page(michael, drawn, row):
    url = f"/centre/jobs/{drawn.job_id}/export"
    asked = michael.submit(url, {"id": str(drawn.document_ids[0])})
    answer = michael.submit(url, {**hidden(asked.text), "name": "One"})
    assert answer.location == f"/centre/jobs/{drawn.job_id}"
    assert row().total == 1
    assert row().description.startswith("1 document, ticked (job ")


def test_the_form_sent_twice_makes_one(michael, app):
    fields = hidden(michael.submit(EXPORT, ALL).text) | {"name": "Once"}
    for _ in range(2):
        assert michael.submit(EXPORT, fields).status_code == 302
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Download)) == 1


@pytest.mark.parametrize("name", ["", "   ", "a\r\nSet-Cookie: x", "a\x00", "x" * 121])
def test_a_bad_name_is_said_at_its_field_and_the_selection_is_kept(michael, row, name):
    answer = export(michael, name)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert hidden(answer.text)["selection"] == "all"
    assert row() is None


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 422),
        ({"id": "x"}, 422),
        ({"ids": "1,2,x"}, 422),
        ({"selection": "all", "query": "q=nobody-is-called-so"}, 422),
        ({"selection": "all", "query": "centre_id=2"}, 422),
        ({"selection": "all", "query": "", "upto": "x"}, 422),
        ({"id": "987654"}, 404),
        ({"ids": "1,987654"}, 404),
    ],
)
def test_a_selection_that_cannot_be_makes_nothing(michael, row, fields, status):
    for decided in ({}, {"decided": "1", "name": "x", "key": "k"}):
        answer = michael.submit(EXPORT, fields | decided)
        assert answer.status_code == status
    assert row() is None


def test_too_many_are_to_be_split_in_words(michael, row, monkeypatch):
    monkeypatch.setattr(downloads, "MOST_RECORDS", 1)
    answer = michael.submit(EXPORT, ALL)
    assert answer.status_code == 422
    assert "data-dialog-content" in answer.text
    assert "At most 1 rows can be taken at once. Please search or filter for fewer." in answer.text


def test_a_record_of_a_rival_is_not_there(browser_of, cast, drawn, app, row):
    rita = browser_of(cast.rita)
    with app.app_context():
        theirs = db.session.scalar(select(Record.id).limit(1))
    assert rita.submit(EXPORT, {"id": str(theirs)}).status_code == 404
    assert rita.submit(f"/centre/jobs/{drawn.job_id}/export", {"id": str(drawn.document_ids[0])}).status_code == 404
    assert row() is None


def test_a_number_that_has_changed_is_shown_anew(michael, row, publish):
    fields = hidden(michael.submit(EXPORT, ALL).text)
    answer = michael.submit(EXPORT, fields | {"name": "Many", "shown": "3"})
    assert answer.status_code == 409
    assert "has changed in the meantime" in answer.text
    assert hidden(answer.text)["shown"] == "2"
    assert row() is None


def test_the_thirty_first_export_in_a_minute_is_refused_with_a_time(michael):
    fields = hidden(michael.submit(EXPORT, ALL).text) | {"name": "Again"}
    answers = [michael.submit(EXPORT, fields) for _ in range(31)]
    assert [answer.status_code for answer in answers] == [302] * 30 + [429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60


# The list


@pytest.mark.parametrize(
    ("values", "words", "actions"),
    [
        ({}, ["Not downloaded"], ["download", "view", "report", "remove"]),
        ({"left_out": 2}, ["2 left out"], ["download", "view", "report", "remove"]),
        (
            {"arrival": Arrival.WHOLE, "downloaded_by": "Michael White", "downloaded_at": clock.now()},
            ["by Michael White", "whole"],
            ["download", "view", "report", "remove"],
        ),
        (
            {"arrival": Arrival.BROKEN_OFF, "downloaded_by": "Michael White", "downloaded_at": clock.now()},
            ["Download broken off"],
            ["download", "view", "report", "remove"],
        ),
        ({"state": DownloadState.PENDING}, ["Pending", "data-tick"], ["view", "report", "remove"]),
        ({"state": DownloadState.PROCESSING}, ["Processing", "data-tick"], ["view", "report", "remove"]),
        ({"state": DownloadState.EXPIRED}, ["Expired"], ["view", "report", "remove"]),
        (
            {"state": DownloadState.FAILED, "sha256": "", "failure": downloads.NO_SPACE},
            ["Failed", "no space left", "Try again"],
            ["view", "again", "report", "remove"],
        ),
        (
            {"state": DownloadState.FAILED, "failure": downloads.LOST},
            ["Make it again"],
            ["view", "again", "report", "remove"],
        ),
    ],
)
def test_a_row_says_how_it_is_and_offers_what_can_be_done(michael, ready, change, values, words, actions):
    if values:
        change(**values)
    page = michael.get("/centre/downloads").text
    found = page[page.index("<tbody") : page.index("</tbody>")]
    assert all(word in found for word in words), found
    assert re.findall(r'data-action="(\w+)"', found) == actions
    assert michael.get(f"/centre/downloads/{ready.id}").status_code == 200


def test_the_columns_are_those_of_the_guide_and_the_page_says_what_the_files_are_for(michael, ready):
    page = michael.get("/centre/downloads").text
    heads = re.findall(r'<th [^>]*data-column="(\w+)"', page)
    assert heads == ["name", "description", "type", "status", "expiration_time", "actions"]
    assert "for internal audit and regulatory purposes only, not for sharing with learners" in page
    assert "ExpirationTime" in page


def test_what_was_left_out_is_listed_with_the_reason(michael, app, publish, row):
    publish(rows=1)
    export(michael)
    with app.app_context():
        packing.pack(0)
    page = michael.get(f"/centre/downloads/{row().id}").text
    assert page.count(packing.PENDING) == row().left_out == 2


def test_removing_deletes_the_file_and_hides_the_row(michael, ready, path):
    assert michael.submit(f"/centre/downloads/{ready.id}/remove").location == "/centre/downloads"
    assert not path.exists()
    assert ready.name not in re.sub(r"(?s)^.*<tbody", "", michael.get("/centre/downloads").text)
    assert michael.get(f"/centre/downloads/{ready.id}").status_code == 404
    assert michael.get(file_of(ready)).status_code == 404


def test_a_toast_is_for_those_who_may_and_for_what_has_ended(michael, browser_of, cast, ready, change):
    url = f"/centre/downloads/{ready.id}/toast"
    assert michael.get(url).json == {
        "message": "“Autumn” is ready in Downloads.",
        "tone": "good",
        "href": "/centre/downloads",
        "label": "Show",
    }
    assert browser_of(cast.rita).get(url).status_code == 404
    change(state=DownloadState.PROCESSING)
    assert michael.get(url).json["message"] == ""
    change(state=DownloadState.FAILED)
    assert michael.get(url).json["tone"] == "bad"


# The file


def test_the_zip_arrives_whole_and_the_row_says_so(michael, ready, data, row):
    answer = michael.get(file_of(ready))
    assert answer.data == data
    assert answer.headers["Content-Length"] == str(len(data))
    assert answer.headers["ETag"] == f'"{ready.sha256}"'
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Disposition"] == "attachment; filename=\"Autumn.zip\"; filename*=UTF-8''Autumn.zip"
    assert zipfile.ZipFile(io.BytesIO(answer.data)).testzip() is None
    assert (row().arrival, row().downloaded_by, row().downloads) == (Arrival.WHOLE, "Michael White", 1)


def test_what_is_cut_off_is_broken_off_and_its_rest_makes_it_whole(michael, ready, data, row, monkeypatch):
    monkeypatch.setattr("portal.web.download_files.PIECE", 10_000)
    answer = michael.get(file_of(ready), buffered=False)
    pieces = answer.iter_encoded()
    next(pieces), next(pieces), next(pieces)
    assert row().arrival is Arrival.UNDER_WAY
    answer.close()
    assert (row().arrival, row().handed_over) == (Arrival.BROKEN_OFF, [[0, 20_000]])
    rest = michael.get(file_of(ready), headers={"Range": "bytes=20000-", "If-Range": f'"{ready.sha256}"'})
    assert (rest.status_code, rest.data) == (206, data[20_000:])
    assert row().arrival is Arrival.WHOLE


@pytest.mark.parametrize(
    ("headers", "status", "part"),
    [
        ({"Range": "bytes=0-99"}, 206, slice(0, 100)),
        ({"Range": "bytes=100-"}, 206, slice(100, None)),
        ({"Range": "bytes=-50"}, 206, slice(-50, None)),
        ({"Range": "bytes=5-999999999"}, 206, slice(5, None)),
        ({"Range": "bytes=0-1,5-6"}, 200, slice(None)),
        ({"Range": "lines=1-2"}, 200, slice(None)),
        ({"Range": "bytes=x"}, 200, slice(None)),
        ({"Range": "bytes=0-9", "If-Range": '"of another file"'}, 200, slice(None)),
        ({"Range": "bytes=0-9", "If-Range": "Mon, 23 Nov 2026 21:00:00 GMT"}, 200, slice(None)),
        ({"Range": "bytes=999999999-"}, 416, None),
    ],
)
def test_ranges_are_answered_to_the_byte(michael, ready, data, headers, status, part):
    answer = michael.get(file_of(ready), headers=headers)
    assert answer.status_code == status
    if part is None:
        assert answer.headers["Content-Range"] == f"bytes */{len(data)}"
        return
    assert answer.data == data[part]
    assert answer.headers["Content-Length"] == str(len(answer.data))
    if status == 206:
        start, stop, _ = part.indices(len(data))
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(data)}"


def test_asking_for_the_head_or_for_what_one_has_is_no_download(michael, ready, data, row):
    head = michael.head(file_of(ready))
    assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", str(len(data)))
    same = michael.get(file_of(ready), headers={"If-None-Match": f'"{ready.sha256}"'})
    assert (same.status_code, same.data) == (304, b"")
    assert row().arrival is Arrival.NONE


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ('a"; filename=evil.exe', 'filename="a-; filename=evil.exe.zip"'),
        ("../../etc/passwd", 'filename="etc-passwd.zip"'),
        ("😀", "filename*=UTF-8''%F0%9F%98%80.zip"),
    ],
)
def test_the_name_of_the_file_is_cleaned(michael, ready, change, name, kept):
    change(name=name)
    told = michael.get(file_of(ready)).headers["Content-Disposition"]
    assert kept in told
    assert told.startswith('attachment; filename="')
    assert told.isascii()
    assert "\n" not in told


@pytest.mark.parametrize(
    ("values", "status", "words"),
    [
        ({"state": DownloadState.PENDING}, 409, downloads.NOT_READY),
        ({"state": DownloadState.PROCESSING}, 409, downloads.NOT_READY),
        ({"state": DownloadState.FAILED}, 409, downloads.HAS_FAILED),
        ({"state": DownloadState.EXPIRED, "file": ""}, 410, downloads.IS_EXPIRED),
        ({"expires_at": clock.now() - timedelta(seconds=1)}, 410, downloads.IS_EXPIRED),
        ({"removed_at": clock.now()}, 404, ""),
    ],
)
def test_what_cannot_be_handed_over_is_said_on_a_page(michael, ready, change, row, values, status, words):
    change(**values)
    answer = michael.get(file_of(ready))
    assert answer.status_code == status
    assert words in answer.text
    assert row().arrival is Arrival.NONE


def test_another_centre_finds_no_file(browser_of, cast, ready, row):
    rita = browser_of(cast.rita)
    for headers in ({}, {"Range": "bytes=0-9"}, {"If-None-Match": f'"{ready.sha256}"'}):
        assert rita.get(file_of(ready), headers=headers).status_code == 404
    assert row().arrival is Arrival.NONE


@pytest.mark.parametrize("harm", ["gone", "shorter", "changed", "changed after it was looked at"])
def test_a_damaged_zip_is_never_handed_over_and_can_be_made_again(michael, app, ready, path, data, row, harm):
    if harm.endswith("at"):
        michael.head(file_of(ready))
    if harm == "gone":
        path.unlink()
    elif harm == "shorter":
        path.write_bytes(data[:-1])
    else:
        path.write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
    for _ in range(2):
        answer = michael.get(file_of(ready))
        assert answer.status_code == 409
        assert answer.mimetype == "text/html"
    assert (row().state, row().failure) == (DownloadState.FAILED, downloads.LOST)
    assert michael.submit(f"/centre/downloads/{ready.id}/again").status_code == 302
    with app.app_context():
        packing.pack(0)
        packing.clear_away(seconds=0)
    assert row().state is DownloadState.COMPLETED
    assert michael.get(file_of(ready)).data == shelf_of(app.config["PORTAL_DATA"]).path(row().file).read_bytes()
    assert len(list(path.parent.iterdir())) == 1


@pytest.mark.parametrize("where", ["looked at", "hashed", "opened"])
@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.EMFILE, errno.ESTALE])
def test_a_disk_that_does_not_answer_costs_no_zip(michael, ready, path, data, row, monkeypatch, where, number):
    real = {"looked at": Path.stat, "hashed": download_files._digest, "opened": os.open}[where]

    def fails(file, *args, **kwargs):
        if str(file) == str(path):
            raise OSError(number, os.strerror(number))
        return real(file, *args, **kwargs)

    with monkeypatch.context() as away:
        target, name = {"looked at": (Path, "stat"), "hashed": (download_files, "_digest"), "opened": (os, "open")}[
            where
        ]
        away.setattr(target, name, fails)
        answer = michael.get(file_of(ready))
    assert (answer.status_code, answer.headers["Retry-After"], answer.mimetype) == (503, "5", "text/html")
    assert downloads.NOT_NOW in answer.text
    assert (row().state, row().file, row().arrival) == (DownloadState.COMPLETED, ready.file, Arrival.NONE)
    assert michael.get(file_of(ready)).data == data


def test_a_disk_that_is_not_mounted_costs_no_zip(michael, ready, path, data, row):
    elsewhere = path.parent.rename(path.parent.with_name("elsewhere"))
    assert michael.get(file_of(ready)).status_code == 503
    assert row().state is DownloadState.COMPLETED
    elsewhere.rename(path.parent)
    assert michael.get(file_of(ready)).data == data


@pytest.mark.parametrize("when", ["looked at", "opened"])
@pytest.mark.parametrize(
    ("values", "status", "state"),
    [
        ({"state": DownloadState.EXPIRED, "file": ""}, 410, DownloadState.EXPIRED),
        ({"removed_at": clock.now(), "file": ""}, 404, DownloadState.COMPLETED),
        ({"state": DownloadState.PENDING, "file": ""}, 409, DownloadState.PENDING),
        ({"sha256": "of another zip"}, 503, DownloadState.COMPLETED),
        ({}, 409, DownloadState.FAILED),
    ],
)
def test_a_file_that_goes_at_the_last_moment_is_answered_by_its_row(
    michael, ready, path, row, change, monkeypatch, when, values, status, state
):
    real = download_files.is_sound

    def goes(*args, **kwargs):
        found = when == "looked at" or real(*args, **kwargs)
        if values:
            change(**values)
        path.unlink()
        return found and (when == "opened" or real(*args, **kwargs))

    monkeypatch.setattr(download_files, "is_sound", goes)
    answer = michael.get(file_of(ready))
    assert answer.status_code == status
    assert (row().state, row().arrival) == (state, Arrival.NONE)


def test_a_crowd_that_asks_for_one_zip_takes_one_thread(tmp_path):
    """The pool of threads that hashes zips checks passwords as well."""
    zipped = tmp_path / "1-a.zip"
    zipped.write_bytes(b"a zip")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.pages.centre.green_downloads", str(zipped)],
        env=os.environ | {"EVENTLET_THREADPOOL_SIZE": "2"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.splitlines() == ["a password is checked: True", "all have it: True", "hashed: 1"], done.stderr


def test_who_waits_for_a_digest_that_fails_tries_again(tmp_path, monkeypatch):
    zipped = tmp_path / "1-b.zip"
    zipped.write_bytes(b"a zip")
    real, begun, gate = download_files._digest, threading.Event(), threading.Event()
    tried = []

    def fails_once(path):
        tried.append(path)
        if len(tried) > 1:
            return real(path)
        begun.set()
        gate.wait(20)
        raise OSError(errno.EIO, "no answer")

    monkeypatch.setattr(download_files, "_digest", fails_once)
    asked = {"size": 5, "sha256": hashlib.sha256(b"a zip").hexdigest()}
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(download_files.is_sound, zipped, **asked)
        assert begun.wait(20)
        second = pool.submit(download_files.is_sound, zipped, **asked)
        time.sleep(0.1)
        assert len(tried) == 1
        gate.set()
        assert second.result(20) is True
        with pytest.raises(download_files.Unreadable):
            first.result(20)
    assert download_files._hashing == {}


def test_a_file_that_expires_while_it_is_handed_over_arrives(michael, app, ready, data, change, row, monkeypatch):
    monkeypatch.setattr("portal.web.download_files.PIECE", 10_000)
    answer = michael.get(file_of(ready), buffered=False)
    pieces = answer.iter_encoded()
    got = next(pieces)
    change(expires_at=clock.now() - timedelta(seconds=1))
    with app.app_context():
        packing.expire()
    assert row().state is DownloadState.EXPIRED
    assert got + b"".join(pieces) == data


def test_twenty_at_once_get_their_own_bytes(michael, ready, data, row):
    answers = [michael.get(file_of(ready), buffered=False) for _ in range(20)]
    assert all(b"".join(answer.iter_encoded()) == data for answer in answers)
    for answer in answers:
        answer.close()
    assert (row().arrival, row().downloads) == (Arrival.WHOLE, 20)
