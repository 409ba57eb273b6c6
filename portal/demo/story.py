"""The story of the demo: brands, centres, people, jobs, and what became of their documents. Built through services.

Every step looks first whether it was done, so that an interrupted load can simply be run again.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import func, select

from portal import clock
from portal.access.actor import Actor
from portal.database import db
from portal.demo import cast, downloads, notices, people, problems
from portal.intake import Row, UnitRow, preflight
from portal.models.brands import Brand
from portal.models.centres import Centre
from portal.models.documents import Document
from portal.models.jobs import Job
from portal.models.records import Record
from portal.queries.held import HeldOnFile
from portal.services import centres, documents, jobs
from portal.vocabulary import Kind, Validity

DATA = Path(__file__).resolve().parent / "data"

FIRST_NAMES = (
    "Amelia Oliver Isla George Ava Arthur Freya Noah Grace Leo Sienna Oscar Willow Harry Ivy Archie Rosie Jack Elsie "
    "Henry Aisha Yusuf Zainab Ibrahim Mei Wei Siobhán Ciarán Nia Rhys Chloë André Zofia Jakub Ines Tiago"
).split()
LAST_NAMES = (
    "Ashworth Bancroft Carrington Dunmore Ellsworth Fairburn Grantham Hollis Ingleby Jessop Kirkham Langley Marlow "
    "Norwood Oakden Pemberton Quarmby Radcliffe Stanhope Thornley Underhill Vickers Wainwright Yardley Okafor Nowak "
    "Hussain Patel Kowalczyk O'Brien Ní-Bhriain Fernández Müller Söderberg"
).split()
UNITS = (
    "Health and safety in the workplace",
    "Understanding roles and responsibilities",
    "Communicating with customers",
    "Equality, diversity and inclusion",
    "First aid: recovery position",
    "Principles of food hygiene",
    "Number: working with fractions",
    "Vehicle inspection standards",
)

ISLA = Actor(user_id=None, name=f"{cast.ISSUER.first_name} {cast.ISSUER.last_name}", system=True)
"""The issuer of the story, who publishes and cancels; her account is made last."""

EXAMS = Actor(user_id=None, name=f"{cast.MICHAEL.first_name} {cast.MICHAEL.last_name}", system=True)
"""Riverside's exams office, which tells its learners."""

AUTUMN = "autumn-awards.csv"
OLD = "licences-2022.csv"
UNDRAWABLE = "paper-form.csv"
HILL = "hillside-awards.csv"


def load(*, draw: Callable[[int], None], pack: Callable[[int], None]) -> bool:
    """Tell the story; ``False`` when it was told before. ``draw`` and ``pack`` do a turn of a worker."""
    if people.is_complete():
        return False
    _brands()
    _centres()
    people.centre_users()
    _publish_file("riverside.csv", cast.RIVERSIDE)
    _publish_file("world-names.csv", cast.RIVERSIDE)
    _publish_rows(AUTUMN, cast.RIVERSIDE, _invented(61, seed=7, awarded=date(2026, 10, 19)))
    _publish_rows(OLD, cast.RIVERSIDE, _invented(8, seed=11, awarded=date(2022, 9, 5), expires=date(2025, 9, 4)))
    _publish_rows(UNDRAWABLE, cast.RIVERSIDE, _with_a_picture_in_the_name())
    _publish_rows(HILL, cast.HILLSIDE, _invented(20, seed=13, awarded=date(2026, 11, 2)))
    _cancel_and_replace()
    problems.tell(AUTUMN, issuer=ISLA)
    notices.tell(AUTUMN, actor=EXAMS)
    downloads.ask("riverside.csv", OLD, draw=draw, pack=pack)
    people.finish()
    return True


def _brands() -> None:
    for slug, values in cast.BRANDS.items():
        if db.session.scalar(select(Brand.id).where(Brand.slug == slug)) is None:
            centres.create_brand(slug=slug, actor=ISLA, **values)


def _centres() -> None:
    brands = dict(db.session.execute(select(Brand.slug, Brand.id)).all())
    for number, (name, brand, address, email) in cast.CENTRES.items():
        if db.session.scalar(select(Centre.id).where(Centre.number == number)) is None:
            centres.create_centre(
                number=number, name=name, brand_id=brands[brand], address=address, contact_email=email, actor=ISLA
            )


def _centre_id(number: str) -> int:
    return db.session.scalars(select(Centre.id).where(Centre.number == number)).one()


def _published(file_name: str) -> bool:
    return db.session.scalar(select(func.count()).select_from(Job).where(Job.file_name == file_name)) != 0


def _publish_file(file_name: str, number: str) -> None:
    if _published(file_name):
        return
    centre_id = _centre_id(number)
    with (DATA / file_name).open("rb") as stream:
        report = preflight(stream, HeldOnFile(centre_id), today=clock.today())
        if report.faults:
            raise RuntimeError(f"{file_name} has faults: {report.faults[:3]}")
        jobs.publish(report.good(), centre_id=centre_id, file_name=file_name, actor=ISLA)


def _publish_rows(file_name: str, number: str, rows: Iterable[Row]) -> None:
    if not _published(file_name):
        jobs.publish(rows, centre_id=_centre_id(number), file_name=file_name, actor=ISLA)


def _titles() -> list[tuple[str, str, str]]:
    with (DATA / "qualifications.csv").open(encoding="utf-8", newline="") as file:
        return [(row["awarding_organisation"], row["title"], row["level"]) for row in csv.DictReader(file)]


def _invented(count: int, *, seed: int, awarded: date, expires: date | None = None) -> Iterator[Row]:
    """Invented people with real titles; the numbers of the qualifications are invented too (right form only)."""
    chance = random.Random(seed)
    titles = chance.sample(_titles(), 6)
    for place in range(count):
        brand, title, level = titles[place % len(titles)]
        first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
        yield Row(
            record=place + 2,
            enrolment_number=f"AMS{seed:03d}{place:08d}",
            first_name=first,
            middle_name=chance.choice(["", "", "", "James", "Marie"]),
            last_name=last,
            date_of_birth=date(1985, 1, 1) + timedelta(days=chance.randrange(8000)),
            email=f"{first}.{last}{place}@learner.example".lower()
            if first.isascii() and last.isalpha() and last.isascii()
            else None,
            awarding_organisation=brand,
            qualification_number=f"6{seed:02d}/{place % len(titles):04d}/{seed % 10}",
            qualification_title=title,
            level=level,
            grade=chance.choice(["Pass", "Merit", "Distinction"]),
            awarded_on=awarded,
            expires_on=expires,
            language="English",
            documents=tuple(kind.value for kind in Kind),
            units=tuple(
                UnitRow(f"{letter}/{chance.randrange(500, 700)}/{chance.randrange(1000, 9999)}", unit, level, 4, "Pass")
                for letter, unit in zip("ADFH", chance.sample(UNITS, 4), strict=True)
            ),
        )


def _with_a_picture_in_the_name() -> Iterator[Row]:
    """A row that came in on paper with an emoji in the name: no font can show it, so its documents fail honestly."""
    row = next(iter(_invented(1, seed=17, awarded=date(2026, 11, 9))))
    yield Row(
        **{name: getattr(row, name) for name in row.__slots__}
        | {"first_name": "Jodie \N{PARTY POPPER}", "last_name": "Marsh", "email": None}
    )


def _cancel_and_replace() -> None:
    """Two cancelled, one replaced, in the autumn job."""
    certificates = list(
        db.session.scalars(
            select(Document.id)
            .join(Job, Job.id == Document.job_id)
            .where(Job.file_name == AUTUMN, Document.kind == Kind.CERTIFICATE, Document.replaces_id.is_(None))
            .order_by(Document.id)
            .limit(3)
        )
    )
    states = dict(db.session.execute(select(Document.id, Document.validity).where(Document.id.in_(certificates))).all())
    for ident in certificates[:2]:
        if states[ident] is Validity.VALID:
            documents.cancel([ident], reason="Issued in error: the assessment was not complete.", actor=ISLA)
    if states[certificates[2]] is Validity.VALID:
        record = db.session.scalars(
            select(Record).join(Document, Document.record_id == Record.id).where(Document.id == certificates[2])
        ).one()
        documents.replace(certificates[2], corrections={"first_name": f"{record.first_name}-Rose"}, actor=ISLA)
