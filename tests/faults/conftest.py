"""A whole portal for each fault, on the database of this run."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.machine import Machine
from tests.servers import postgres


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """A database of its own: nothing for SQLite, an address for PostgreSQL."""
    if os.environ.get("PORTAL_TEST_DB") != "postgresql":
        yield None
        return
    url = postgres.create_database(request.getfixturevalue("postgres_server_url"))
    yield url
    postgres.drop_database(url)


@pytest.fixture
def new_machine(tmp_path: Path, database_url: str | None) -> Iterator[Callable[..., Machine]]:
    """A function that makes the portal of this test."""
    made: list[Machine] = []

    def make(**options) -> Machine:
        made.append(Machine(tmp_path / "portal", database_url, **options))
        return made[-1]

    yield make
    for machine in made:
        machine.close()


@pytest.fixture
def machine(new_machine: Callable[..., Machine]) -> Machine:
    """A portal in which everything runs."""
    return new_machine().start()
