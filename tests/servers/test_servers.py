"""The servers of the tests are real: they keep data over a restart, refuse what real ones refuse, and end."""

import time

import pytest
from redis import Redis

from tests.servers import postgres
from tests.servers.fixtures import own_postgres, own_redis  # noqa: F401


def test_postgres_keeps_what_was_committed_over_a_crash(own_postgres):  # noqa: F811
    url = postgres.create_database(own_postgres.url())
    connection = postgres.connect(url)
    connection.cursor().execute("CREATE TABLE kept AS SELECT 7 AS number")
    connection.close()
    own_postgres.kill()
    own_postgres.start()
    cursor = postgres.connect(url).cursor()
    cursor.execute("SELECT number FROM kept")
    assert cursor.fetchone() == (7,)


def test_postgres_runs_by_every_way_that_this_machine_has():
    for way in postgres.ways():
        for binaries in {postgres.find_binaries()}:
            server = postgres.PostgresServer(binaries=binaries)
            server._initdb(way)
            server.way = way
            server.start()
            cursor = postgres.connect(server.url()).cursor()
            cursor.execute("SELECT current_setting('server_version_num')::int")
            assert cursor.fetchone()[0] >= 150000
            server.close()
            assert not server.folder.exists()


def test_a_database_that_is_not_ours_is_never_dropped():
    with pytest.raises(AssertionError, match="not a database of the tests"):
        postgres.drop_database("postgresql://someone@localhost/production")


def test_redis_is_found_again_at_the_same_address_after_kill_9(own_redis):  # noqa: F811
    Redis.from_url(own_redis.url).set("seven", 7)
    time.sleep(1.1)
    own_redis.kill()
    own_redis.start()
    assert Redis.from_url(own_redis.url).get("seven") == b"7"


def test_a_frozen_redis_answers_nothing_until_it_is_thawed(own_redis):  # noqa: F811
    client = Redis.from_url(own_redis.url, socket_timeout=0.2)
    own_redis.freeze()
    with pytest.raises(Exception, match="Timeout"):
        client.ping()
    own_redis.thaw()
    assert Redis.from_url(own_redis.url).ping()
