"""A whole portal, a Chromium and the people at it, shared by the journeys of this run."""

import os
from collections.abc import Callable, Iterator

import pytest
import redis
from playwright.sync_api import Browser, sync_playwright

from tests.journeys.people import Person
from tests.machine import Machine
from tests.servers import postgres
from tests.servers.ports import wait_until


@pytest.fixture(scope="module")
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A portal in which everything runs."""
    url = None
    if os.environ.get("PORTAL_TEST_DB") == "postgresql":
        url = postgres.create_database(request.getfixturevalue("postgres_server_url"))
    machine = Machine(tmp_path_factory.mktemp("journey"), url)
    try:
        machine.start()
        answered = redis.Redis.from_url(machine.redis.url)
        wait_until(lambda: answered.scard("rq:workers") >= 4, seconds=120, what="workers that listen", every=0.3)
        yield machine
    finally:
        machine.close()
        if url:
            postgres.drop_database(url)


@pytest.fixture(scope="module")
def chromium(chromium_path: str) -> Iterator[Browser]:
    """A real browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def person(chromium: Browser, machine: Machine) -> Iterator[Callable[..., Person]]:
    """A function that gives a browser of somebody."""
    everybody: list[Person] = []

    def make(**options) -> Person:
        everybody.append(Person(chromium, machine, **options))
        return everybody[-1]

    yield make
    for one in everybody:
        one.close()
