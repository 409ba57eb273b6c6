"""Fixtures over the servers of this folder; tests/conftest.py imports them."""

import os
from collections.abc import Iterator

import pytest

from tests.servers import browser, postgres
from tests.servers.redis import TestRedis


@pytest.fixture(scope="session")
def postgres_server_url() -> Iterator[str]:
    """The address of a PostgreSQL server on which databases may be made: TEST_DATABASE_URL, else one of our own."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    server = postgres.PostgresServer().create()
    yield server.url()
    server.close()


@pytest.fixture(scope="session")
def postgres_url(postgres_server_url: str) -> Iterator[str]:
    """An empty PostgreSQL database for the whole test session."""
    url = postgres.create_database(postgres_server_url)
    yield url
    postgres.drop_database(url)


@pytest.fixture
def own_postgres() -> Iterator[postgres.PostgresServer]:
    """A PostgreSQL server for one test, which may stop, kill and start it."""
    server = postgres.PostgresServer().create()
    yield server
    server.close()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[TestRedis]:
    """A Redis for the whole test session; whoever wants to hurt one takes `own_redis`."""
    server = TestRedis().start()
    yield server
    server.close()


@pytest.fixture
def own_redis() -> Iterator[TestRedis]:
    """A Redis for one test, which may kill, freeze, empty and start it."""
    server = TestRedis().start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The Chromium that Playwright drives."""
    return str(browser.get())
