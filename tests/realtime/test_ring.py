"""The ring and the ticks: never an error for who rings, few messages, the last one always."""

import threading
import time

from portal.realtime import ring
from portal.realtime.sockets import Budget
from portal.redis_door import door
from tests.servers.ports import wait_until
from tests.servers.redis import TestRedis


class Heard:
    """Listens in a thread of its own."""

    def __init__(self) -> None:
        self.rooms: list[list[str] | None] = []
        self.ticks: list[tuple[str, dict]] = []
        self.listener = ring.Listener(self.rooms.append, lambda room, data: self.ticks.append((room, data)))
        threading.Thread(target=self.listener.run, daemon=True).start()


def test_what_is_rung_is_heard_and_a_new_connection_says_that_rings_were_missed(redis_server: TestRedis):
    door.init_app(redis_server.url)
    heard = Heard()
    wait_until(lambda: heard.rooms == [None], seconds=2, what="the first connection")
    assert ring.ring(["job:1", "job:2"])
    assert ring.tick("job:1", {"done": 1})
    assert ring.ring(f"job:{number}" for number in range(501))
    wait_until(lambda: len(heard.rooms) == 4, seconds=2, what="three rings")
    assert heard.rooms[1] == ["job:1", "job:2"]
    assert [len(rooms or ()) for rooms in heard.rooms[2:]] == [500, 1]
    assert heard.ticks == [("job:1", {"done": 1})]
    heard.listener.stop()


def test_nonsense_on_the_channel_does_no_harm(redis_server: TestRedis):
    door.init_app(redis_server.url)
    heard = Heard()
    wait_until(lambda: heard.rooms == [None], seconds=2, what="the first connection")
    for nonsense in ("", "x", "[]", "7", "null", "{}", '{"rooms":7}', '{"tick":{}}', '{"tick":7}', "\xff"):
        door.publish(ring.CHANNEL, nonsense)
    ring.ring(["job:7"])
    wait_until(lambda: heard.rooms[-1] == ["job:7"], seconds=2, what="the ring after the nonsense")
    assert heard.ticks == []
    heard.listener.stop()


def test_ringing_without_redis_is_no_error_and_costs_nothing(tmp_path):
    door.init_app(f"unix://{tmp_path}/nobody.sock")
    began = time.monotonic()
    assert [ring.ring(["job:1"]) for _ in range(100)] == [False] * 100
    assert time.monotonic() - began < 1


def test_a_ticker_sends_what_it_held_back_on_leaving(redis_server: TestRedis, monkeypatch):
    sent = []
    monkeypatch.setattr(ring, "tick", lambda room, data: sent.append(data["done"]))
    with ring.Ticker("job:1", per_second=5) as tick:
        for done in range(50):
            tick({"done": done})
    assert sent == [0, 49]
    with ring.Ticker("job:1"):
        pass
    assert sent == [0, 49]


def test_a_budget_ends_and_fills_again(monkeypatch):
    moment = 100.0
    monkeypatch.setattr("portal.realtime.sockets.time.monotonic", lambda: moment)
    budget = Budget(60)
    assert [budget.take() for _ in range(61)] == [True] * 60 + [False]
    moment += 2
    assert [budget.take() for _ in range(3)] == [True, True, False]
