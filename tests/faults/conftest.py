"""A whole portal for the fault tests, on the database of this run; and a stage for processes that die on purpose."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from portal.redis_door import door
from tests.faults.crashing import Stage
from tests.machine import ROOT, Machine
from tests.servers import postgres
from tests.servers.ports import free_port, listens, wait_until
from tests.servers.redis import TestRedis
from tests.world import World

# What only one of the databases can suffer; it is not there on the other.
collect_ignore = ["test_sqlite.py" if os.environ.get("PORTAL_TEST_DB") == "postgresql" else "test_postgresql.py"]

WAITS = {"LEASE": 3, "SWEEP": 1, "MAIL_LEASE": 3, "MAIL_UNKNOWN": 1}
"""Seconds. What is promised in seconds is measured once with the waits of life: test_everything_killed."""


@pytest.fixture(scope="session")
def new_database(request: pytest.FixtureRequest) -> Iterator[Callable[[], str | None]]:
    """A function that makes a database: nothing for SQLite, an address for PostgreSQL."""
    made: list[str] = []
    wants_postgres = os.environ.get("PORTAL_TEST_DB") == "postgresql"
    server = request.getfixturevalue("postgres_server_url") if wants_postgres else None

    def make() -> str | None:
        if server is None:
            return None
        made.append(postgres.create_database(server))
        return made[-1]

    yield make
    for url in made:
        postgres.drop_database(url)


@pytest.fixture(scope="session")
def standing(new_database: Callable[[], str | None], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The portal that the fault tests share, one after the other."""
    machine = Machine(tmp_path_factory.mktemp("faults"), new_database(), waits=WAITS)
    try:
        machine.redis.start()
        yield machine
    finally:
        machine.close()


@pytest.fixture
def machine(standing: Machine) -> Machine:
    """A portal in which everything runs."""
    return standing.mend()


@pytest.fixture
def new_machine(tmp_path: Path, new_database: Callable[[], str | None]) -> Iterator[Callable[..., Machine]]:
    """A function that makes a portal of its own for a test; nothing of it runs yet."""
    made: list[Machine] = []

    def make(**options) -> Machine:
        url = options.pop("database_url", None) or new_database()
        waits = WAITS | options.pop("extra", {})
        made.append(Machine(tmp_path / "portal", url, waits=waits, **options))
        return made[-1]

    yield make
    for machine in made:
        machine.close()


@pytest.fixture(scope="session")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """A real mail server: its port, and the folder of what it took."""
    folder, port = tmp_path_factory.mktemp("letters") / "mail", free_port()
    command = [sys.executable, "-m", "portal.demo.mail_catcher", "--port", str(port), "--maildir", str(folder)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: listens(port), seconds=20, what="the mail catcher")
        yield port, folder
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def stage(world: World, redis_server: TestRedis, letters: tuple[int, Path]) -> Iterator[Stage]:
    """Where processes of a test die and others go on, with the cast in its database."""
    before = door.url
    yield Stage(world, redis_server, *letters)
    world.put_back()
    # Tests that come after this one in the same process ring where they rang before.
    door.init_app(before)


@pytest.fixture
def chromium(chromium_path: str) -> Iterator[Browser]:
    """A real browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield browser
        browser.close()
