"""A town that the tests of security walk through: two rival centres with drawn documents, and everybody who may knock.

It is made once for each file and put back afterwards. Tests here mostly send what must change nothing, and prove it by
the checksum of every table; what a test does change, it changes on its own rows.
"""

from __future__ import annotations

import hashlib
import html
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import event, select
from werkzeug.routing import Rule

from portal import clock
from portal.access.actor import SYSTEM
from portal.database import db
from portal.documents.storage import Store
from portal.intake import preflight
from portal.models.documents import Document
from portal.models.downloads import Download
from portal.models.mails import Mail
from portal.models.problems import Problem
from portal.models.users import User
from portal.queries.held import HeldOnFile
from portal.queries.pictures import store_root, upload_suffix
from portal.services import jobs, pictures
from portal.tasks import batches, documents
from portal.tasks import pictures as picture_tasks
from portal.unit_of_work import unit_of_work
from portal.vocabulary import MailState, Role
from portal.web.default_deny import FREE
from portal.web.limits import GUESSES, LOOKS
from tests.conftest import DATA
from tests.services.people import People, as_actor, password_hash
from tests.world import Client, World

TOKEN = re.compile(r'(name="csrf_token"[^>]*value=|name="csrf-token" content=)"[^"]*"')
NOT_HERE = 987654

PRINCIPALS = ("nobody", "learner", "user", "admin", "rival", "issuer", "locked", "deleted")
"""Who knocks: user and admin are of Riverside, whose things are "own"; the rival is Hillside's admin."""


@dataclass
class Town:
    """The application, the people, and the ids of what belongs to whom."""

    app: Flask
    people: People
    user_ids: dict[str, int]
    own: dict[str, Any]
    """Ids of Riverside's things, by the names of parameters in addresses."""
    other: dict[str, Any]
    """Ids of Hillside's."""
    references: dict[str, list[str]] = field(default_factory=dict)

    def browser(self, who: str) -> Client:
        """A browser of somebody, signed in where that is possible."""
        made: Client = self.app.test_client()  # type: ignore[assignment]
        return made if who == "nobody" else made.sign_in(self.user_ids[who])

    def rules(self) -> list[Rule]:
        """Every address with a view of ours."""
        found = [rule for rule in self.app.url_map.iter_rules() if rule.endpoint not in FREE]
        return sorted(found, key=lambda rule: (rule.rule, rule.endpoint))

    def guard(self, rule: Rule) -> tuple[str, ...]:
        """What its guard says about itself."""
        return self.app.view_functions[rule.endpoint].guard  # type: ignore[attr-defined,no-any-return]

    def snapshot(self) -> dict[str, str]:
        """The checksum of each table."""
        sums = {}
        with self.app.app_context():
            for table in db.metadata.sorted_tables:
                rows = sorted(repr(tuple(row)) for row in db.session.execute(select(table)))
                sums[table.name] = f"{len(rows)} rows {hashlib.sha256(''.join(rows).encode()).hexdigest()[:16]}"
            db.session.close()
        return sums

    @contextmanager
    def unchanged(self, *, but: frozenset[str] = frozenset()) -> Iterator[None]:
        """Prove that nothing in the database changes meanwhile; ``but`` names tables that may."""
        before = self.snapshot()
        yield
        after = self.snapshot()
        changed = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
        assert changed.keys() <= but, f"what was refused or only looked at changed {changed}"

    def row(self, model: Any, ident: int) -> Any:
        """A row as it is now."""
        with self.app.app_context():
            return db.session.get_one(model, ident)

    def publish(self, csv: bytes, centre_id: int, *, draw: bool = True) -> list[Document]:
        """Publish a batch as the portal itself, and draw it as a worker does; give its documents."""
        with self.app.app_context():
            report = preflight(BytesIO(csv), HeldOnFile(centre_id), today=clock.today())
            assert not report.faults, report.faults
            made = jobs.publish(report.good(), centre_id=centre_id, file_name="batch.csv", actor=SYSTEM)
            if draw:
                documents.draw(made.job_id)
            found = select(Document).where(Document.job_id == made.job_id).order_by(Document.id)
            return list(db.session.scalars(found))

    def work(self, upload_id: int) -> None:
        """Do the next step of a batch file, as a worker does."""
        with self.app.app_context():
            batches.run(upload_id)


def csv_rows(first: int, last: int) -> bytes:
    """A header and some rows of riverside.csv; the first row is 1."""
    lines = (DATA / "riverside.csv").read_bytes().splitlines(keepends=True)
    return lines[0] + b"".join(lines[first : last + 1])


def without_token(text: str) -> str:
    """A page without its CSRF tokens, which differ with each."""
    return TOKEN.sub(r'\1""', text)


def words_of(answer: Any) -> str:
    """The text of a page as people read it."""
    main = answer.text.partition("<main")[2].partition("</main>")[0] or answer.text
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())


def says_something(answer: Any) -> bool:
    """Whether a refusal holds a sentence for people and no trace of the machine."""
    text = answer.text
    assert "Traceback" not in text and "sqlalchemy" not in text.lower() and ".py" not in text, text[:2000]
    return len(words_of(answer).split()) >= 4 or bool(answer.is_json and (answer.json or {}).get("error"))


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is said to the database meanwhile (within an application context)."""
    said: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        said.append(statement)

    event.listen(db.engine, "before_cursor_execute", listen)
    try:
        yield said
    finally:
        event.remove(db.engine, "before_cursor_execute", listen)


@pytest.fixture(autouse=True)
def fresh_limits() -> Iterator[None]:
    """Nobody has asked anything yet."""
    LOOKS.forget()
    GUESSES.forget()
    yield
    LOOKS.forget()
    GUESSES.forget()


@pytest.fixture(scope="module")
def town(world: World) -> Iterator[Town]:
    """The town, on its first morning."""
    people = world.people
    made = Town(world.app, people, {}, {}, {})
    made.user_ids = {
        "learner": people.connor,
        "user": people.anew,
        "admin": people.michael,
        "rival": people.rita,
        "issuer": people.issuer,
        "locked": _person(world.app, "Lena Locked", people.riverside, locked_until=clock.now() + timedelta(days=9)),
        "deleted": _person(world.app, "Dora Deleted", people.riverside, deleted_at=clock.now()),
    }
    for centre_id, csv, kept, user in (
        (people.riverside, csv_rows(1, 2), made.own, people.anew),
        (people.hillside, csv_rows(5, 6), made.other, people.rita),
    ):
        drawn = made.publish(csv, centre_id)
        made.references[str(centre_id)] = [document.reference for document in drawn]
        kept |= {
            "job_id": drawn[0].job_id,
            "document_id": drawn[0].id,
            "record_id": drawn[0].record_id,
            "text": drawn[0].reference,
            "centre_id": centre_id,
            "user_id": user,
            "upload_id": _upload(made, csv, centre_id),
            "mail_id": _row(
                made,
                Mail,
                centre_id,
                key=f"of {centre_id}",
                letter="password_changed",
                values={"name": "Somebody", "changed_at": clock.now().isoformat(), "path": "/centre/forgot"},
                recipient="learner@home.org.uk",
                message_id=f"<{centre_id}@portal.invalid>",
                state=MailState.UNKNOWN,
            ),
            "download_id": _row(made, Download, centre_id, name="An export", request_key=f"of {centre_id}"),
            "problem_id": _row(
                made,
                Problem,
                centre_id,
                request_key=f"of {centre_id}",
                subject="A record",
                text="The name is wrong.",
                reporter="Somebody",
                moved_at=clock.now(),
            ),
        }
    _give_pictures(made, [people.anew, people.rita])
    yield made
    world.put_back()


def _person(app: Flask, name: str, centre_id: int, **values: Any) -> int:
    first, last = name.split()
    email = f"{first}.{last}@portal.example".lower()
    with app.app_context(), unit_of_work(SYSTEM):
        user = User(
            username=email,
            email=email,
            email_confirmed_at=clock.now(),
            password_hash=password_hash(),
            first_name=first,
            last_name=last,
            role=Role.CENTRE_ADMIN,
            centre_id=centre_id,
            created_at=clock.now(),
            **values,
        )
        db.session.add(user)
        db.session.flush()
        return user.id


def _row(town: Town, model: type[Any], centre_id: int, **values: Any) -> int:
    """A row that belongs to a centre, as a rival would find it."""
    if model is Download:
        values["created_by"] = "Somebody"
    with town.app.app_context(), unit_of_work(SYSTEM):
        row = model(centre_id=centre_id, created_at=clock.now(), **values)
        db.session.add(row)
        db.session.flush()
        ident: int = row.id
        return ident


def _give_pictures(town: Town, user_ids: list[int]) -> None:
    given = BytesIO()
    Image.new("RGB", (40, 30), "teal").save(given, "PNG")
    with town.app.app_context():
        for user_id in user_ids:
            store = Store(store_root(town.app.config["PORTAL_DATA"]))
            stored = store.put(given.getvalue(), upload_suffix(user_id))
            pictures.give(stored.sha256, actor=as_actor(user_id))
            picture_tasks.make(user_id)


def _upload(town: Town, csv: bytes, centre_id: int) -> int:
    answer = town.browser("issuer").submit(
        "/issuer/jobs/new",
        {"centre": str(centre_id), "file": (io.BytesIO(csv), "batch.csv")},
        content_type="multipart/form-data",
    )
    assert answer.status_code == 302, words_of(answer)
    upload_id = int(answer.location.rsplit("/", 1)[1])
    town.work(upload_id)
    return upload_id


@pytest.fixture(scope="module")
def send(town: Town) -> Callable[..., Any]:
    """A function that sends a batch file by the page of the back office."""
    issuer = town.browser("issuer")

    def act(data: bytes, *, name: str = "batch.csv", centre: str = "", mimetype: str = "text/csv") -> Any:
        return issuer.submit(
            "/issuer/jobs/new",
            {"centre": centre or str(town.people.riverside), "file": (io.BytesIO(data), name, mimetype)},
            content_type="multipart/form-data",
        )

    return act


def day(offset: int) -> date:
    """A day near today."""
    return clock.today() + timedelta(days=offset)
