"""What every test can ask for: the application with the cast, browsers, a published job, and real servers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask

from tests.servers.fixtures import (  # noqa: F401
    chromium_path,
    own_postgres,
    own_redis,
    postgres_server_url,
    postgres_url,
    redis_server,
)
from tests.services.people import People
from tests.world import Client, World, world_in

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The world of this test session; PORTAL_TEST_DB=postgresql moves it to PostgreSQL."""
    wants_postgres = os.environ.get("PORTAL_TEST_DB") == "postgresql"
    server = request.getfixturevalue("postgres_server_url") if wants_postgres else None
    with world_in(tmp_path_factory.mktemp("world"), server) as made:
        yield made


@pytest.fixture
def app(request: pytest.FixtureRequest, world: World) -> Iterator[Flask]:
    """The application with the cast and nothing else in its database; with a drawn job where a test asks for it."""
    if "drawn" in request.fixturenames:
        world.moment("drawn", lambda: draw_two_records(world))
    yield world.app
    world.put_back()


@pytest.fixture
def cast(app: Flask, world: World) -> People:
    """The ids of everybody."""
    return world.people


@pytest.fixture
def client(app: Flask) -> Client:
    """A visitor's browser."""
    return app.test_client()  # type: ignore[return-value]


@pytest.fixture
def browser_of(app: Flask) -> Callable[[int], Client]:
    """A function that gives a signed-in browser of a user."""
    return lambda user_id: app.test_client().sign_in(user_id)  # type: ignore[attr-defined]


@pytest.fixture
def sign_in() -> Callable[[Client, int], Client]:
    """A function that signs a browser in as a user."""
    return lambda client, user_id: client.sign_in(user_id)


@dataclass(frozen=True)
class Batch:
    """A published job: its id, and the ids of its documents in order."""

    job_id: int
    document_ids: tuple[int, ...]


@pytest.fixture
def publish(app: Flask, cast: People) -> Callable[..., Batch]:
    """A function that publishes the first rows of riverside.csv (or any bytes) to a centre."""

    def act(*, rows: int = 2, centre_id: int | None = None, csv: bytes | None = None) -> Batch:
        return publish_batch(app, centre_id or cast.riverside, csv or first_rows(rows))

    return act


@pytest.fixture
def draw(app: Flask) -> Callable[[int], None]:
    """A function that draws the documents of a job, as a worker does."""
    from portal.tasks import documents

    def act(job_id: int) -> None:
        with app.app_context():
            documents.draw(job_id)

    return act


@pytest.fixture
def drawn(app: Flask, world: World) -> Batch:
    """A job of Riverside with two records, all drawn: once for all tests, which begin at that moment (see ``app``)."""
    return world.moments["drawn"]


def draw_two_records(world: World) -> Batch:
    """The moment of the tests that ask for ``drawn``."""
    from portal.tasks import documents

    batch = publish_batch(world.app, world.people.riverside, first_rows(2))
    with world.app.app_context():
        documents.draw(batch.job_id)
    return batch


def first_rows(number: int) -> bytes:
    """The header and the first rows of riverside.csv."""
    return b"".join((DATA / "riverside.csv").read_bytes().splitlines(keepends=True)[: number + 1])


def publish_batch(app: Flask, centre_id: int, data: bytes) -> Batch:
    """Publish a batch to a centre, as the portal itself."""
    from sqlalchemy import select

    from portal import clock
    from portal.access.actor import SYSTEM
    from portal.database import db
    from portal.intake import preflight
    from portal.models.documents import Document
    from portal.queries.held import HeldOnFile
    from portal.services import jobs

    with app.app_context():
        report = preflight(BytesIO(data), HeldOnFile(centre_id), today=clock.today())
        assert not report.faults, report.faults
        made = jobs.publish(report.good(), centre_id=centre_id, file_name="batch.csv", actor=SYSTEM)
        ids = db.session.scalars(select(Document.id).where(Document.job_id == made.job_id).order_by(Document.id))
        return Batch(made.job_id, tuple(ids))
