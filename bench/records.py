"""Records of a large deployment: every kind of question that the list is asked, beside its limit.

``run()`` fills scratch databases straight into the tables and asks as the largest centre and as a small one beside it.
A question is a page of the list through the grid engine: the time of its statements beside 50 ms, of the whole page
through the application beside 150 ms, p95 of all terms and repeats of its kind. By hand, with sizes and every kind::

    python -m bench.records --postgresql 1000000 --sqlite 200000 --keep /tmp/portal-records --every

``--keep`` leaves the databases in a folder and finds them there again. In ``make bench`` the sizes are those of
``BENCH_RECORDS_POSTGRESQL`` and ``BENCH_RECORDS_SQLITE`` (documents).
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import flask_migrate
from flask import Flask
from sqlalchemy import insert, select, text

from portal import clock
from portal.access.actor import Actor
from portal.app import create_app
from portal.database import WRITE, db
from portal.demo.story import DATA
from portal.grid import read_page
from portal.grid.question import read_question
from portal.grid.reading import REACHED
from portal.models.brands import Brand
from portal.models.centres import Centre
from portal.models.documents import Document
from portal.models.jobs import Job
from portal.models.learners import Learner
from portal.models.qualifications import Qualification
from portal.models.records import Record, search_text_of, sort_name_of
from portal.models.users import User
from portal.queries.records import RECORDS
from portal.reference import ALPHABET
from portal.vocabulary import Role
from tests.servers import postgres
from tests.services.people import settle
from tests.world import Client

SEED = 7
FIRST_NAMES = (
    "Olivia Muhammad Amelia Noah Isla Oliver Ava George Mia Arthur Ivy Leo Lily Harry Freya Oscar Grace Archie "
    "Sophia Jack Willow Henry Ella Charlie Evie Alfie Charlotte Thomas Poppy Joshua James William Mary Sarah Emma "
    "Laura Rachel David Michael Paul Andrew Mark Stephen John Peter Robert Richard Christopher Daniel Matthew "
    "Anthony Susan Julie Karen Jacqueline Deborah Tracey Jane Helen Diane Sharon Claire Nicola Samantha Rebecca "
    "Jessica Lauren Chloe Emily Hannah Katie Megan Bethany Jordan Connor Ryan Liam Callum Kieran Aidan Siân "
    "Siobhán Zoë Chloé André José Łukasz Agnieszka Katarzyna Piotr Mateusz Aisha Fatima Priya Anjali Rahul Sanjay "
    "Ngozi Chidi Oluwaseun Adaeze Wei Ming Xiu Hiroshi Yuki Nguyễn Thị Ahmed Omar Yusuf Ibrahim Khadija Zainab "
    "Maryam Hamza Bilal Imran"
).split()
LAST_NAMES = (
    "Smith Jones Taylor Brown Williams Wilson Johnson Davies Patel Robinson Wright Thompson Evans Walker White Roberts "
    "Green Hall Wood Jackson Clarke Khan Ali Hussain Begum Ahmed Lewis Harris Martin Cooper King Ward Turner Hill "
    "Moore Clark Baker Harrison Morris Young Allen Mitchell James Anderson Phillips Lee Bell Parker Davis Bennett "
    "Miller Cook Shaw Cox Richardson Marshall Collins Carter Bailey Gray Murphy Adams Richards Hughes Watson Ellis "
    "O’Brien O'Neill O’Connor D'Souza McDonald MacLeod Müller Schröder Núñez Żółkiewski Kowalski Nowak Wiśniewska "
    "Singh Kaur Sharma Chowdhury Rahman Okafor Adeyemi Mensah Chen Wang Zhang Nakamura Kim Park Trần Phạm Smith-Jones"
).split()
SYLLABLES = "ash bar cor den el fen gal har is jen kel lan mor nor os per quin ros stan thor ul ver wes yar zet".split()
ENDS = ("ton", "ley", "ford", "by", "well", "ham", "er", "worth", "den", "croft")
KINDS = (("certificate", 1.0), ("transcript", 0.9), ("letter", 0.6))
PER_RECORD = sum(share for _, share in KINDS)
JOB = 300
"""Records of a job."""

RIVALS = 40
LARGEST = 1
"""The centre that has them all; the rivals share a fifth as many again."""

NOTICES = {"none": 30, "queued": 0.2, "sent": 25, "failed": 0.5, "bounced": 1, "registered": 20, "viewed": 23.3}


@dataclass
class Cast:
    """Learners' names as they are spread among people: few that many share, many that few have."""

    chance: random.Random = field(default_factory=lambda: random.Random(SEED))

    def __post_init__(self) -> None:
        rare = [a + b + c for a in SYLLABLES for b in SYLLABLES for c in ENDS]
        self.chance.shuffle(rare)
        self.last = [*LAST_NAMES, *(name.capitalize() for name in rare)]
        self.first_weights = list(accumulate(1 / (place + 8) for place in range(len(FIRST_NAMES))))
        self.last_weights = list(accumulate(1 / (place + 12) for place in range(len(self.last))))
        self.titles = _titles()
        self.title_weights = list(accumulate(1 / (place + 5) for place in range(len(self.titles))))

    def first_names(self, count: int) -> list[str]:
        """First names."""
        return self.chance.choices(FIRST_NAMES, cum_weights=self.first_weights, k=count)

    def last_names(self, count: int) -> list[str]:
        """Family names."""
        return self.chance.choices(self.last, cum_weights=self.last_weights, k=count)

    def qualifications(self, count: int) -> list[int]:
        """Places of ``titles``."""
        return self.chance.choices(range(len(self.titles)), cum_weights=self.title_weights, k=count)


def _titles() -> list[tuple[str, str, str]]:
    """Number, title and level of real qualifications, in a mixed order."""
    with (DATA / "qualifications.csv").open(encoding="utf-8", newline="") as file:
        found = {row["title"]: row["level"] for row in csv.DictReader(file)}
    listed = [
        (f"{600 + place // 250}/{1000 + place * 7 % 9000:04d}/{place % 10}", title, level)
        for place, (title, level) in enumerate(sorted(found.items()))
    ]
    random.Random(SEED).shuffle(listed)
    return listed


@dataclass
class Piles:
    """Rows of each table, waiting to be written."""

    jobs: list[dict[str, Any]] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    documents: list[dict[str, Any]] = field(default_factory=list)


UNITS = [["A/501/1234", "First aid at work", "Level 2", 4, "Pass"], ["B/501/1234", "Using tools", "Level 2", 4, "Pass"]]


def deal(documents: int) -> Iterator[Piles]:
    """Everything that was issued: so many documents to the largest centre, a fifth of that to the rivals."""
    cast = Cast()
    total = int(documents / PER_RECORD)
    shares = [(LARGEST, total)] + [(2 + place, max(1, total // 5 // RIVALS)) for place in range(RIVALS)]
    plan = [(centre, min(JOB, records - done)) for centre, records in shares for done in range(0, records, JOB)]
    cast.chance.shuffle(plan)
    begin = clock.now() - timedelta(days=4 * 365)
    step = (clock.now() - begin) / len(plan)
    numbers = {"record": 0, "document": 0}
    piles = Piles()
    for place, (centre, count) in enumerate(plan, 1):
        at = begin + step * (place - 1)
        piles.jobs.append(_job(place, centre, at, count))
        for facts in _people(cast, count):
            _issue(piles, cast, numbers, facts, job_id=place, centre_id=centre, at=at, latest=place > 0.99 * len(plan))
        if len(piles.records) > 20_000:
            yield piles
            piles = Piles()
    yield piles


def _job(ident: int, centre: int, at: datetime, count: int) -> dict[str, Any]:
    return {
        "id": ident,
        "centre_id": centre,
        "created_by": "Bench",
        "created_at": at,
        "reference": f"{clock.uk_text(at)} - {count:,} records",
        "records": count,
    }


def _people(cast: Cast, count: int) -> Iterator[dict[str, Any]]:
    firsts, middles, lasts = cast.first_names(count), cast.first_names(count), cast.last_names(count)
    states = cast.chance.choices(list(NOTICES), list(NOTICES.values()), k=count)
    for place, chosen in enumerate(cast.qualifications(count)):
        number, title, level = cast.titles[chosen]
        yield {
            "first_name": firsts[place],
            "middle_name": middles[place] if place % 3 == 0 else "",
            "last_name": lasts[place],
            "qualification_number": number,
            "qualification_title": title,
            "level": level,
            "notice": states[place],
            "ends": chosen % 5 == 0,
        }


def _issue(
    piles: Piles,
    cast: Cast,
    numbers: dict[str, int],
    facts: dict[str, Any],
    *,
    job_id: int,
    centre_id: int,
    at: datetime,
    latest: bool,
) -> None:
    chance = cast.chance
    numbers["record"] += 1
    record_id = numbers["record"]
    awarded = (at - timedelta(days=chance.randrange(60))).date()
    ends = date(awarded.year + 3, awarded.month, min(awarded.day, 28)) if facts.pop("ends") else None
    same = {"job_id": job_id, "centre_id": centre_id, "expires_on": ends}
    references = []
    for kind, share in KINDS:
        if share < 1 and chance.random() > share:
            continue
        numbers["document"] += 1
        references.append("".join(chance.choices(ALPHABET, k=20)))
        fate = chance.random()
        production = "failed" if fate < 0.002 else "pending" if latest else "completed"
        piles.documents.append(
            same
            | {
                "id": numbers["document"],
                "record_id": record_id,
                "kind": kind,
                "reference": references[-1],
                "production": production,
                "drawn_at": at if production == "completed" else None,
                "issued_on": awarded,
                "validity": "valid" if fate < 0.99 else "cancelled" if fate < 0.995 else "replaced",
            }
        )
    facts |= {"enrolment_number": f"AMS{9_000_000_000 + record_id * 7919 % 4_000_000:011d}"}
    piles.records.append(
        facts
        | same
        | {
            "id": record_id,
            "learner_id": 1,
            "brand_id": 1,
            "date_of_birth": date(1980, 1, 1) + timedelta(days=record_id % 9000),
            "email": f"learner{record_id}@learner.example",
            "grade": "Pass",
            "awarded_on": awarded,
            "units": UNITS,
            "notified_at": at if facts["notice"] != "none" else None,
            "published_at": at,
            "sort_name": sort_name_of(facts),
            "search_text": search_text_of(facts, references),
        }
    )


def fill(app: Flask, documents: int) -> None:
    """Put everything into an empty, migrated database, past the foreign keys."""
    settle(app)
    with app.app_context():
        _settle_rivals()
        with db.engine.connect().execution_options(**{WRITE: True}) as connection:
            connection.exec_driver_sql(
                "PRAGMA defer_foreign_keys = ON" if is_lite() else "SET session_replication_role = replica"
            )
            indexes = [] if is_lite() else _without_indexes(connection)
            for piles in deal(documents):
                for model, rows in ((Job, piles.jobs), (Record, piles.records), (Document, piles.documents)):
                    _write(connection, model.__table__, rows)
            for definition in indexes:
                connection.exec_driver_sql(definition)
            connection.commit()
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # As autovacuum does within minutes; SQLite is left as a new portal is, without statistics.
            if not is_lite():
                connection.exec_driver_sql("VACUUM ANALYZE")
        db.engine.dispose()


def is_lite() -> bool:
    """Whether this database is SQLite."""
    return db.engine.dialect.name == "sqlite"


def _settle_rivals() -> None:
    session = db.session
    held = session.scalars(select(Centre.id)).all()
    for ident in range(1, RIVALS + 2):
        if ident not in held:
            session.add(
                Centre(id=ident, number=str(20_000 + ident), name=f"Centre {ident}", brand_id=1, created_at=clock.now())
            )
    for number, title, level in _titles():
        session.add(Qualification(number=number, title=title, level=level, brand_id=1))
    session.commit()
    assert session.get(Brand, 1) and session.get(Learner, 1), "the cast has a brand and a learner"
    session.close()


def _without_indexes(connection: Any) -> list[str]:
    """Drop what is made faster afterwards; answer how to make it."""
    found = connection.exec_driver_sql(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename IN ('record', 'document')"
        " AND indexdef NOT LIKE 'CREATE UNIQUE%%'"
    ).all()
    for name, _definition in found:
        connection.exec_driver_sql(f'DROP INDEX "{name}"')
    return [definition for _name, definition in found]


def _write(connection: Any, table: Any, rows: list[dict[str, Any]]) -> None:
    defaults = {
        column.name: column.default.arg
        for column in table.columns
        if column.default is not None and column.default.is_scalar
    }
    defaults |= {"files": {}} if "files" in table.c else {}
    defaults |= {"file_name": "", "reason": "", "failure": ""}
    rows = [{name: value for name, value in (defaults | row).items() if name in table.c} for row in rows]
    if is_lite():
        connection.execute(insert(table), rows)
        return
    columns = list(rows[0])
    kinds = [table.c[name].type.dialect_impl(connection.dialect).bind_processor(connection.dialect) for name in columns]
    lines = io.StringIO()
    for row in rows:
        values = (_copied(bind(row[name]) if bind else row[name]) for name, bind in zip(columns, kinds, strict=True))
        lines.write("\t".join(values) + "\n")
    lines.seek(0)
    cursor = connection.connection.cursor()
    cursor.copy_expert(f'COPY "{table.name}" ({", ".join(columns)}) FROM STDIN', lines)


def _copied(value: Any) -> str:
    if value is None:
        return "\\N"
    if hasattr(value, "adapted"):
        value = json.dumps(value.adapted)
    return str(value).replace("\\", "\\\\").replace("\t", " ").replace("\n", " ")


QUESTIONS: dict[str, tuple[str, ...]] = {
    "the list, first page": ("",),
    "tenth page": ("page=10",),
    "1,000th page": ("page=1000", "page=1000&sort=student", "page=1000&sort=-qualification"),
    "last page": (f"page={REACHED // 25}", f"page={REACHED // 25}&sort=student"),
    "word: common name": ("q=smith", "q=olivia", "q=muhammad", "q=patel", "q=jones"),
    "word: rare name": ("q=zetzetton", "q=ashbarley", "q=zolkiewski", "q=d'souza"),
    "word: part of a name": ("q=son", "q=ley", "q=oliv", "q=an"),
    "word of many titles": ("q=level", "q=award", "q=diploma"),
    "two words": ("q=smith+olivia", "q=smith+diploma", "q=patel+award"),
    "two words that never meet": ("q=business+construction", "q=bricklaying+care", "q=beauty+vehicle"),
    "enrolment number, whole": ("q=AMS09000007919", "q=AMS09003999999", "q=AMS09000791900"),
    "enrolment number, part": ("q=24708", "q=0915", "q=AMS090007"),
    "qualification number": ("q=601/2750/0", "q=600/1", "q=602/9"),
    "reference, part": ("q=7Q4M", "q=9XKD-2FH8", "q=W0Z3", "q=4GT2"),
    "reference, whole": ("q=7Q4M-9XKD-2FH8-WZ3C-05TB",),
    "nothing found": ("q=nothinglikethis", "q=%D0%B6%D0%B6%D0%B6", "q=no+such+learner"),
    "filter: learner": ("student=smith", "student=zetzetton", "student=olivia+jones"),
    "filter: enrolment number": ("enrolment_number=9000", "enrolment_number=AMS09000007919"),
    "filter: qualification": ("qualification=management", "qualification=level", "qualification=601/27"),
    "filter: reference": ("reference=7Q4M", "reference=9XKD2"),
    "filter: type": ("type=certificate", "type=letter"),
    "filter: production": ("status=pending", "status=failed", "status=completed"),
    "filter: validity": ("validity=valid", "validity=expired", "validity=cancelled", "validity=replaced"),
    "filter: notified": ("notified=none", "notified=sent", "notified=bounced", "notified=viewed", "notified=chase"),
    "filter: date of issue": (
        "issued_on_from=2026-11-01",
        "issued_on_from=2024-06-01&issued_on_to=2024-07-01",
        "issued_on_to=2023-03-01",
    ),
    "filter: published": ("published_on_from=2026-10-01", "published_on_to=2023-02-01"),
    "filter: job": ("job=3", "job=700"),
    "several filters": (
        "q=smith&type=letter&notified=sent",
        "qualification=management&validity=expired",
        "student=jones&issued_on_from=2025-01-01",
    ),
    **{
        f"order: {name}": (f"sort={name}", f"sort=-{name}")
        for name in ("student", "enrolment_number", "qualification", "issued_on", "notified", "published_on")
    },
    "another order of what a word finds": (
        "q=smith&sort=student",
        "q=olivia&sort=-qualification",
        "q=zetzetton&sort=issued_on",
        "q=son&sort=-student",
    ),
    "another order of what a filter finds": (
        "notified=bounced&sort=student",
        "validity=expired&sort=-issued_on",
        "qualification=management&sort=qualification",
    ),
}
SHOWN = ("", "q=smith", "q=zetzetton", "q=7Q4M", "validity=cancelled", "notified=chase", "sort=student", "page=1000")
"""What is asked through the application as well."""

REPEATS = 7
IN_DATABASE, WHOLE_PAGE = 50.0, 150.0
"""Limits, milliseconds, p95."""


@dataclass(frozen=True)
class Took:
    """One page of the list, milliseconds: by the clock, and on a processor (ours and the database's together)."""

    clock: float
    processor: float


def ask(app: Flask, centre_id: int) -> dict[str, list[Took]]:
    """What each page of each kind of question took, asked by an admin of a centre."""
    actor = Actor(user_id=1, name="Bench", role=Role.CENTRE_ADMIN, centre_id=centre_id)
    took: dict[str, list[Took]] = {}
    with app.app_context():
        for kind, queries in QUESTIONS.items():
            for query in queries:
                question = read_question(RECORDS, parse_qsl(query, keep_blank_values=True))
                for repeat in range(REPEATS + 1):
                    backend = None if is_lite() else db.session.scalar(text("SELECT pg_backend_pid()"))
                    began, spent = time.perf_counter(), _spent(backend)
                    read_page(RECORDS, db.session(), question, actor)
                    if repeat:
                        # The first time warms the caches of statements and of the database.
                        one = Took((time.perf_counter() - began) * 1000, _spent(backend) - spent)
                        took.setdefault(kind, []).append(one)
                    db.session.rollback()
    return took


def _spent(backend: int | None) -> float:
    """Milliseconds that this process and a backend of PostgreSQL have run on a processor."""
    own = time.process_time() * 1000
    if backend is None:
        return own
    try:
        return own + int(Path(f"/proc/{backend}/schedstat").read_text().split()[0]) / 1e6
    except OSError:
        return own


def pages(app: Flask) -> list[float]:
    """Milliseconds of whole pages as an admin of the largest centre gets them, from the request to the last byte."""
    app.test_client_class = Client
    with app.app_context():
        admin = db.session.scalar(select(User.id).where(User.centre_id == LARGEST, User.role == Role.CENTRE_ADMIN))
    browser: Any = app.test_client()
    browser.sign_in(admin)
    took = []
    for query in SHOWN:
        for repeat in range(REPEATS + 1):
            began = time.perf_counter()
            answer = browser.get(f"/centre/records?{query}")
            assert answer.status_code == 200 and answer.get_data(), answer.status
            if repeat:
                took.append((time.perf_counter() - began) * 1000)
    return took


def p95(figures: list[float]) -> float:
    """The value that 95 in 100 stay below."""
    return sorted(figures)[min(len(figures) - 1, int(len(figures) * 0.95))]


@contextmanager
def database(kind: str, documents: int, keep: Path | None) -> Iterator[Flask]:
    """A filled portal on SQLite or PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="portal-records-") as temporary:
        folder = (keep or Path(temporary)) / f"{kind}-{documents}"
        is_new = not (folder / "filled").exists()
        folder.mkdir(parents=True, exist_ok=True)
        server = None
        if kind == "sqlite":
            url = f"sqlite:///{folder / 'portal.db'}"
        else:
            server = postgres.PostgresServer(folder=folder / "server") if keep else postgres.PostgresServer()
            url = _started(server, is_new)
        try:
            app = create_app(
                {
                    "SQLALCHEMY_DATABASE_URI": url,
                    "PORTAL_DATA": folder / "data",
                    "PUBLIC_URL": "http://localhost",
                    "REDIS_URL": f"unix://{folder}/no-redis.sock",
                    "TESTING": True,
                }
            )
            if is_new:
                with app.app_context():
                    flask_migrate.upgrade(directory="migrations")
                fill(app, documents)
                (folder / "filled").touch()
            yield app
            with app.app_context():
                db.session.remove()
                db.engine.dispose()
        finally:
            if server is not None and keep:
                server.stop()
            elif server is not None:
                server.close()


def _started(server: Any, is_new: bool) -> str:
    if is_new:
        server.folder.mkdir(parents=True, exist_ok=True)
        server.create()
    else:
        server.way = postgres.ways()[0]
        server.start()
    return server.url()


def measure(kind: str, documents: int, *, keep: Path | None = None, every: bool = False) -> list[dict[str, object]]:
    """Rows of the table for one database: all kinds together and the worst of them, or every kind."""
    with database(kind, documents, keep) as app:
        title = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[kind]
        large, small, whole = ask(app, LARGEST), ask(app, LARGEST + 5), pages(app)
    where = f"{title}, {documents:,} documents"
    worst = max(large, key=lambda name: p95(_by_clock(large[name])))
    every_one, beside = _together(large), _together(small)
    rows = [
        _figure(f"records, {where}: {len(large)} kinds, p95", p95(_by_clock(every_one)), IN_DATABASE),
        _figure("  the same on a processor (others use it too), p95", p95(_on_processor(every_one)), IN_DATABASE),
        _figure("  median of all", statistics.median(_by_clock(every_one)), IN_DATABASE),
        _figure(f"  slowest kind ({worst}), p95", p95(_by_clock(large[worst])), IN_DATABASE),
        _figure("  all, asked by a small centre beside it, p95", p95(_by_clock(beside)), IN_DATABASE),
        _figure("  whole page, p95", p95(whole), WHOLE_PAGE),
    ]
    if every:
        for name, figures in large.items():
            label = f"  {name}, p95 (processor {p95(_on_processor(figures)):.1f})"
            rows.append(_figure(label, p95(_by_clock(figures)), IN_DATABASE))
    return rows


def _together(took: dict[str, list[Took]]) -> list[Took]:
    return [one for figures in took.values() for one in figures]


def _by_clock(took: list[Took]) -> list[float]:
    return [one.clock for one in took]


def _on_processor(took: list[Took]) -> list[float]:
    return [one.processor for one in took]


def _figure(name: str, value: float, limit: float) -> dict[str, object]:
    return {"figure": name, "value": value, "unit": "ms", "peer": "limit", "peer_value": limit, "ratio": value / limit}


def run() -> list[dict[str, object]]:
    """Rows of the table: figure, value, unit, peer, peer_value, ratio."""
    rows = measure("sqlite", int(os.environ.get("BENCH_RECORDS_SQLITE", "200000")))
    return rows + measure("postgresql", int(os.environ.get("BENCH_RECORDS_POSTGRESQL", "200000")))


def main() -> int:
    """Measure by hand."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--postgresql", type=int, default=0, metavar="DOCUMENTS")
    options.add_argument("--sqlite", type=int, default=0, metavar="DOCUMENTS")
    options.add_argument("--keep", type=Path, metavar="FOLDER")
    options.add_argument("--every", action="store_true", help="a row for every kind of question")
    asked = options.parse_args()
    for kind in ("sqlite", "postgresql"):
        if documents := getattr(asked, kind):
            for row in measure(kind, documents, keep=asked.keep, every=asked.every):
                print(f"{row['figure']!s:<70} {row['value']:>9,.1f} ms {row['ratio']:>6.2f} of {row['peer_value']} ms")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return 0


if __name__ == "__main__":
    sys.exit(main())
