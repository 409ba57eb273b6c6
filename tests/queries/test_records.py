"""Reading records: parts of a reference, what a document is worth today, and the history."""

from datetime import date

import pytest
from sqlalchemy import select

from portal import clock
from portal.access.actor import SYSTEM
from portal.database import db
from portal.models.documents import Document
from portal.queries import records
from portal.services import documents
from portal.vocabulary import Validity


@pytest.fixture
def first(drawn):
    return drawn.document_ids[0]


def test_any_part_of_a_reference_is_found_however_it_is_typed(app, first):
    with app.app_context():
        reference = db.session.scalar(select(Document.reference).where(Document.id == first))
        part = reference[2:9]
        for typed in (part, part.lower(), f"{part[:2]}-{part[2:]}", part.replace("0", "O").replace("1", "l")):
            found = db.session.scalars(select(Document.id).where(records.reference_contains(typed))).all()
            assert first in found


@pytest.mark.parametrize("typed", ["%", "_", "--", "", "é", "\u202e"])
def test_signs_find_nothing(app, first, typed):
    with app.app_context():
        assert db.session.scalars(select(Document.id).where(records.reference_contains(typed))).all() == []


@pytest.mark.parametrize(("day", "worth"), [(date(2029, 11, 1), Validity.VALID), (date(2029, 11, 2), Validity.EXPIRED)])
def test_the_last_day_is_still_valid(app, first, monkeypatch, day, worth):
    monkeypatch.setattr(clock, "today", lambda: day)
    with app.app_context():
        assert db.session.scalar(select(records.VALIDITY_TODAY).where(Document.id == first)) is worth


def test_a_cancelled_document_does_not_expire(app, first, monkeypatch):
    with app.app_context():
        documents.cancel([first], reason="Issued in error.", actor=SYSTEM)
        monkeypatch.setattr(clock, "today", lambda: date(2031, 1, 1))
        assert db.session.scalar(select(records.VALIDITY_TODAY).where(Document.id == first)) is Validity.CANCELLED


def test_the_history_is_told_newest_first(app, first):
    with app.app_context():
        documents.cancel([first], reason="Issued in error.", actor=SYSTEM)
        record_id = db.session.scalar(select(Document.record_id).where(Document.id == first))
        record = records.get_record(record_id, actor=SYSTEM)
        told = records.history_of(record, records.list_documents(record_id, actor=SYSTEM))
    assert [one.what for one in told] == ["cancelled", "drawn", "drawn", "published"]
    assert [one.at for one in told] == sorted((one.at for one in told), reverse=True)
