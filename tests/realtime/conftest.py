"""Web processes for the live tests: one for each way of running, and one of its own for each test that hurts it."""

import os
from collections.abc import Iterator

import pytest

from tests.realtime.stage import Stage
from tests.servers import postgres
from tests.servers.redis import TestRedis

# The database and the way the server runs have nothing to do with each other: threading is tried on one of them.
MODES = ["eventlet"] if os.environ.get("PORTAL_TEST_DB") == "postgresql" else ["eventlet", "threading"]


@pytest.fixture(scope="session")
def new_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """A function that makes an empty database of the kind that this run is about."""
    made = []
    wants_postgres = os.environ.get("PORTAL_TEST_DB") == "postgresql"
    server = request.getfixturevalue("postgres_server_url") if wants_postgres else None

    def make() -> str:
        if server:
            made.append(postgres.create_database(server))
            return made[-1]
        return f"sqlite:///{tmp_path_factory.mktemp('database') / 'portal.db'}"

    yield make
    for url in made:
        postgres.drop_database(url)


@pytest.fixture(scope="session", params=MODES)
def stage(
    request: pytest.FixtureRequest,
    redis_server: TestRedis,
    new_database,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    """A web process that many tests share, on green threads and on ordinary ones."""
    stage = Stage(tmp_path_factory.mktemp(request.param), new_database(), redis_server.url, request.param)
    try:
        yield stage.start()
    finally:
        stage.close()


@pytest.fixture(params=MODES)
def own_stage(
    request: pytest.FixtureRequest,
    own_redis: TestRedis,
    new_database,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    """A web process and a Redis for one test."""
    stage = Stage(tmp_path_factory.mktemp(request.param), new_database(), own_redis.url, request.param)
    try:
        yield stage.start()
    finally:
        stage.close()


@pytest.fixture(scope="module", params=MODES)
def shared_rough_stage(
    request: pytest.FixtureRequest,
    new_database,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Stage, TestRedis]]:
    redis = TestRedis().start()
    stage = Stage(tmp_path_factory.mktemp(request.param), new_database(), redis.url, request.param)
    try:
        yield stage.start(), redis
    finally:
        stage.close()
        redis.close()


@pytest.fixture
def rough_stage(shared_rough_stage: tuple[Stage, TestRedis]) -> Iterator[Stage]:
    """A web process whose Redis the tests kill and freeze; each finds it up and heard."""
    stage, redis = shared_rough_stage
    if redis.server.process.poll() is not None:
        redis.start()
    stage.wait_for_the_ring()
    stage.redis = redis
    yield stage


@pytest.fixture
def green_stage(
    redis_server: TestRedis,
    new_database,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    """A web process on green threads for one test, which may open 1,600 files and no more."""
    stage = Stage(tmp_path_factory.mktemp("green"), new_database(), redis_server.url, most_files=1600)
    try:
        yield stage.start()
    finally:
        stage.close()
