"""The live engine: from a commit to a socket, and how many sockets a second are told.

``run()`` gives figures as ``{"figure", "value", "unit", "peer", "peer_value", "ratio"}``; milliseconds and deliveries a
second. A real web process on green threads, SQLite, a Redis of its own; peers are measured in the same run.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import selectors
import socket
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any

from portal.realtime import ring
from portal.redis_door import door
from tests.realtime.stage import RawSocket, Stage
from tests.servers.redis import TestRedis

COMMITS = 300
SOCKETS = 500
MESSAGES = 200


def run() -> list[dict[str, Any]]:
    """Measure; takes about ten seconds."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard) if hard > 0 else 4096, hard))
    redis = TestRedis().start()
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as folder:
        stage = Stage(Path(folder), f"sqlite:///{folder}/portal.db", redis.url)
        try:
            stage.start()
            return [*_latency(stage, redis.url), *_fan_out(stage)]
        finally:
            stage.close()
            redis.close()
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _latency(stage: Stage, redis_url: str) -> list[dict[str, Any]]:
    ours = _commit_to_socket(stage)
    bare = _bare_hop(redis_url)
    return [
        _figure(f"commit to socket, {name}", pick(ours), "ms", "a bare Redis publish and subscribe", pick(bare))
        for name, pick in (("median", median), ("p99", lambda values: sorted(values)[int(len(values) * 0.99)]))
    ]


def _commit_to_socket(stage: Stage) -> list[float]:
    watcher = RawSocket(stage, stage.cookie(stage.user()))
    watcher.ask("watch", {"room": stage.job_room, "since": 0})
    times = []
    for number in range(COMMITS):
        # The reading waits already when the commit is made, as a browser does.
        arrived: list[float] = []
        reader = threading.Thread(target=_read_change, args=(watcher, arrived))
        reader.start()
        committed = stage.drawn(number)
        reader.join(5)
        times.append((arrived[0] - committed) * 1000)
    watcher.close()
    # The ring leaves a moment before the writer looks at its watch.
    return [max(0.0, value) for value in times]


def _read_change(watcher: RawSocket, arrived: list[float]) -> None:
    while not (frame := watcher.read()).startswith('42["changed"'):
        if frame == "2":
            watcher.send("3")
    arrived.append(time.monotonic())


def _bare_hop(redis_url: str) -> list[float]:
    door.init_app(redis_url)
    pubsub = door.connect(timeout=5).pubsub()
    pubsub.subscribe("portal:bench")
    pubsub.get_message(timeout=2)
    times: list[float] = []
    for _ in range(COMMITS):
        arrived: list[float] = []
        reader = threading.Thread(target=lambda kept=arrived: kept.append(_hear(pubsub)))
        reader.start()
        time.sleep(0.001)
        said = time.monotonic()
        door.publish("portal:bench", "x")
        reader.join(5)
        times.append(max(0.0, (arrived[0] - said) * 1000))
    pubsub.close()
    return times


def _hear(pubsub: Any) -> float:
    while pubsub.get_message(timeout=5) is None:
        pass
    return time.monotonic()


def _fan_out(stage: Stage) -> list[dict[str, Any]]:
    room = f"verify:{'0' * 20}"
    crowd = [RawSocket(stage) for _ in range(SOCKETS)]
    for each in crowd:
        each.ask("watch", {"room": room, "since": 0})
    data = {"done": 123456, "total": 999999, "text": "x" * 30}
    frame = "42" + json.dumps(["tick", {**data, "room": room}], separators=(",", ":"))
    ours = _deliveries(crowd, len(frame) + 2, lambda: [ring.tick(room, data) for _ in range(MESSAGES)])
    for each in crowd:
        each.close()
    floor = _floor(len(frame) + 2)
    name = f"deliveries to {SOCKETS} sockets"
    return [_figure(name, ours, "1/s", "a bare loop of send() over as many connections", floor)]


def _deliveries(crowd: list[Any], size: int, send: Any) -> float:
    """Messages a second that arrive at all sockets; ``size`` bytes each."""
    expected = len(crowd) * MESSAGES * size
    selector = selectors.DefaultSelector()
    for each in crowd:
        plain = each.socket if isinstance(each, RawSocket) else each
        plain.setblocking(False)
        selector.register(plain, selectors.EVENT_READ)
    began = time.monotonic()
    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    received = 0
    # A ping that comes in between is a few bytes of some megabytes.
    while received < expected and time.monotonic() - began < 60:
        for key, _ in selector.select(1):
            received += len(key.fileobj.recv(262_144))
    seconds = time.monotonic() - began
    sender.join(5)
    selector.close()
    return received / size / seconds


def _floor(size: int) -> float:
    listener = socket.create_server(("127.0.0.1", 0), backlog=SOCKETS)
    writer = multiprocessing.get_context("spawn").Process(
        target=_write_to_all, args=(listener.getsockname()[1], size), daemon=True
    )
    writer.start()
    crowd = [listener.accept()[0] for _ in range(SOCKETS)]
    rate = _deliveries(crowd, size, lambda: crowd[0].sendall(b"go"))
    writer.join(10)
    for each in crowd:
        each.close()
    listener.close()
    return rate


def _write_to_all(port: int, size: int) -> None:
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(SOCKETS)]
    frame = b"x" * size
    connections[0].recv(2)
    for _ in range(MESSAGES):
        for connection in connections:
            connection.sendall(frame)
    time.sleep(1)


def _figure(figure: str, value: float, unit: str, peer: str, peer_value: float) -> dict[str, Any]:
    return {
        "figure": figure,
        "value": round(value, 2),
        "unit": unit,
        "peer": peer,
        "peer_value": round(peer_value, 2),
        "ratio": round(value / peer_value, 2) if peer_value else None,
    }


if __name__ == "__main__":
    for line in run():
        print(line)
