"""Reading records: parts of a reference, what a document is worth today, and the history."""

from datetime import date

import pytest
from sqlalchemy import select

from portal import clock
from portal.access.actor import SYSTEM
from portal.database import db
from portal.models.documents import Document
from portal.models.records import Record, search_text_of, sort_name_of
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


# ── Finding records ──────────────────────────────────────────────────────────────────────────────────────────────


def found(app, cast, query):
    """The ids of the first page of Riverside's records for a query string, in order."""
    from urllib.parse import parse_qsl

    from portal.access.actor import Actor
    from portal.grid import read_page
    from portal.grid.question import read_question
    from portal.vocabulary import Role

    actor = Actor(cast.michael, "Michael", Role.CENTRE_ADMIN, centre_id=cast.riverside)
    with app.app_context():
        page = read_page(records.RECORDS, db.session(), read_question(records.RECORDS, parse_qsl(query)), actor)
        return [row.id for row in page.rows], page


HEADER = (
    "enrolment_number,first_name,middle_name,last_name,date_of_birth,awarding_organisation,qualification_number,"
    "qualification_title,level,grade,awarded_on,documents\n"
)
PEOPLE = [
    ("Seán", "", "O’Brien", "603/1111/1", "Award in Children's Care"),
    ("Zoë", "Ann", "Núñez-Smith", "603/1111/1", "Award in Children's Care"),
    ("Łukasz", "", "Żółkiewski", "603/2222/2", "Diploma in Bricklaying"),
    ("Anna", "", "d'Souza", "603/2222/2", "Diploma in Bricklaying"),
]


@pytest.fixture
def people(publish, app):
    """The ids of four records by family name."""
    rows = [
        f"AMS{70_000 + place:011d},{first},{middle},{last},1990-01-02,Skills and Education Group Awards,{number},"
        f"{title},Level 2,Pass,2026-11-0{place + 1},certificate;letter\n"
        for place, (first, middle, last, number, title) in enumerate(PEOPLE)
    ]
    batch = publish(csv=(HEADER + "".join(rows)).encode())
    with app.app_context():
        pairs = db.session.execute(select(Record.last_name, Record.id).where(Record.job_id == batch.job_id)).all()
    return dict(pairs)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("q=obrien", ["O’Brien"]),
        ("q=O'Brien", ["O’Brien"]),
        ("q=o`BRIEN", ["O’Brien"]),
        ("q=sean", ["O’Brien"]),
        ("q=nunez", ["Núñez-Smith"]),
        ("q=Núñez", ["Núñez-Smith"]),
        ("q=zolkiewski lukasz", ["Żółkiewski"]),
        ("q=D’Souza", ["d'Souza"]),
        ("q=childrens", ["Núñez-Smith", "O’Brien"]),
        ("q=children’s smith", ["Núñez-Smith"]),
        ("q=bricklaying care", []),
        ("q=bricklaying smith", []),
        ("q=603/2222/2 anna", ["d'Souza"]),
        ("q=70001", ["Núñez-Smith"]),
        ("q=award in care nunez", ["Núñez-Smith"]),
        ("q=%", []),
        ("q=_", []),
        ("q=\\", []),
        ("q='", []),
        ("student=smith ann", ["Núñez-Smith"]),
        ("student=bricklaying", []),
        ("enrolment_number=70000", ["O’Brien"]),
        ("enrolment_number=ams00000070003", ["d'Souza"]),
        ("enrolment_number=obrien", []),
        ("qualification=bricklaying", ["d'Souza", "Żółkiewski"]),
        ("qualification=2222 diploma", ["d'Souza", "Żółkiewski"]),
        ("qualification=bricklaying care", []),
        ("reference=obrien", []),
        ("type=letter", ["d'Souza", "Żółkiewski", "Núñez-Smith", "O’Brien"]),
        ("type=transcript", []),
        ("status=pending", ["d'Souza", "Żółkiewski", "Núñez-Smith", "O’Brien"]),
        ("status=completed", []),
        ("validity=valid", []),
        ("sort=student", ["d'Souza", "Núñez-Smith", "O’Brien", "Żółkiewski"]),
        ("sort=-student&q=o", ["Żółkiewski", "O’Brien", "Núñez-Smith", "d'Souza"]),
    ],
)
def test_a_record_is_found_however_it_is_typed(app, cast, people, asked, names):
    ids, page = found(app, cast, asked)
    assert ids == [people[name] for name in names]
    assert page.counted == len(names)


def test_a_rivals_records_are_never_found(app, cast, publish, people):
    rows = publish(
        csv=(
            HEADER + "AMS00000090000,Seán,,O’Brien,1991-01-02,Skills and Education Group Awards,603/1111/1,"
            "Award in Children's Care,Level 2,Pass,2026-11-01,certificate\n"
        ).encode(),
        centre_id=cast.hillside,
    )
    for asked in ("q=obrien", "q=90000", "status=pending", "type=certificate", f"job={rows.job_id}"):
        ids, _page = found(app, cast, asked)
        assert set(ids) <= set(people.values()), asked


def test_a_record_is_found_by_its_job(app, cast, publish, people):
    other = publish(rows=1)
    ids, _page = found(app, cast, f"job={other.job_id}")
    assert len(ids) == 1 and ids[0] not in people.values()


def test_what_is_asked_of_documents_is_asked_of_one(app, cast, drawn):
    """A cancelled certificate and a valid transcript are no cancelled transcript."""
    with app.app_context():
        documents.cancel([drawn.document_ids[0]], reason="Issued in error.", actor=SYSTEM)
        record_id = db.session.scalar(select(Document.record_id).where(Document.id == drawn.document_ids[0]))
    assert found(app, cast, "type=certificate&validity=cancelled")[0] == [record_id]
    assert found(app, cast, "type=transcript&validity=cancelled")[0] == []
    assert found(app, cast, "status=completed&validity=cancelled")[0] == [record_id]


def test_expired_follows_from_the_day(app, cast, drawn, monkeypatch):
    assert found(app, cast, "validity=expired")[0] == []
    monkeypatch.setattr(clock, "today", lambda: date(2031, 1, 1))
    assert len(found(app, cast, "validity=expired")[0]) >= 1


def test_every_part_of_a_reference_finds_its_record(app, cast, drawn):
    with app.app_context():
        reference, record_id = db.session.execute(
            select(Document.reference, Document.record_id).where(Document.id == drawn.document_ids[-1])
        ).one()
    dashed = "-".join(reference[at : at + 4] for at in range(0, 20, 4))
    for typed in (reference, dashed, dashed.lower(), dashed.replace("-", " "), reference[3:12], dashed[:14]):
        assert found(app, cast, f"q={typed}")[0] == [record_id], typed
        assert found(app, cast, f"reference={typed}")[0] == [record_id], typed


def test_the_words_of_every_record_hold_what_it_is_searched_by(app, people, drawn):
    with app.app_context():
        documents.replace(drawn.document_ids[0], corrections={"last_name": "Ødegård"}, actor=SYSTEM)
        every = db.session.scalars(select(Record)).all()
        for record in every:
            references = db.session.scalars(
                select(Document.reference).where(Document.record_id == record.id).order_by(Document.id)
            ).all()
            facts = {name: getattr(record, name) for name in ("last_name", "first_name", "middle_name")}
            facts |= {"enrolment_number": record.enrolment_number}
            assert record.search_text == search_text_of(facts, references)
            assert record.sort_name == sort_name_of(facts)
        assert any("odegard" in record.search_text for record in every)
