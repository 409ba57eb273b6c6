"""The ring: how a process that changed something wakes the web processes, and how a task sends its ticks.

Here: what is said on the one Redis channel and how a web process listens to it. Not here: what it means for a socket.
Everything said here may be lost: a lost ring costs up to a second (the tail looks by itself), a lost tick nothing.
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

import redis

from portal.redis_door import RedisDoor, door

log = logging.getLogger(__name__)

CHANNEL = "portal:ring"

LONGEST_BACK_OFF = 2.0
"""Seconds between two tries to reach a Redis that is gone; stock listeners wait up to a minute and stay deaf."""

SILENCE = 2.0
"""Seconds without a word after which Redis is asked whether it is there; after twice that it counts as frozen."""

MOST_ROOMS_IN_A_MESSAGE = 500


def ring(rooms: Iterable[str]) -> bool:
    """Wake the web processes for these rooms; call it after the commit. Says whether Redis heard it, never raises."""
    names = list(rooms)
    heard = True
    for start in range(0, len(names), MOST_ROOMS_IN_A_MESSAGE):
        part = names[start : start + MOST_ROOMS_IN_A_MESSAGE]
        heard = door.publish(CHANNEL, json.dumps({"rooms": part}, separators=(",", ":"))) and heard
    return heard


def tick(room: str, data: dict[str, Any]) -> bool:
    """Send passing progress to whoever watches a room: absolute figures, so that losing one harms nothing."""
    return door.publish(CHANNEL, json.dumps({"tick": {"room": room, "data": data}}, separators=(",", ":")))


class Ticker:
    """The ticks of one task: at most ``per_second`` of them, what comes in between is dropped, the last is always sent.

    Use it with ``with``: leaving the block sends what is still held back.
    """

    def __init__(self, room: str, per_second: float = 5) -> None:
        self.room = room
        self._pause = 1 / per_second
        self._next = 0.0
        self._held: dict[str, Any] | None = None

    def __call__(self, data: dict[str, Any]) -> None:
        """Send these figures now, or hold them back until the next ones come."""
        self._held = data
        if time.monotonic() >= self._next:
            self.flush()

    def flush(self) -> None:
        """Send what is held back."""
        if self._held is not None:
            held, self._held = self._held, None
            self._next = time.monotonic() + self._pause
            tick(self.room, held)

    def __enter__(self) -> Ticker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()


class Listener:
    """Hears the ring for one web process, for as long as the process lives, whatever happens to Redis.

    ``rung`` gets the names of rooms, or ``None`` when rings may have been missed; ``ticked`` gets a room and its data.
    """

    def __init__(
        self,
        rung: Callable[[list[str] | None], None],
        ticked: Callable[[str, dict[str, Any]], None],
        *,
        redis_door: RedisDoor = door,
    ) -> None:
        self._rung = rung
        self._ticked = ticked
        self._door = redis_door
        self._stopping = False
        self.connected = False

    def stop(self) -> None:
        """End within a second."""
        self._stopping = True

    def run(self) -> None:
        """Listen until ``stop``: connect, hear, and connect again after any trouble."""
        pause = 0.05
        while not self._stopping:
            began = time.monotonic()
            try:
                self._listen()
            except (redis.RedisError, OSError) as error:
                if self.connected:
                    log.warning("the ring is silent (%s); the tail looks once a second until it is back", error)
            except Exception:
                log.exception("the listener of the ring met something unforeseen and begins again")
            self.connected = False
            if time.monotonic() - began > LONGEST_BACK_OFF:
                pause = 0.05
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_BACK_OFF)

    def _listen(self) -> None:
        client = self._door.connect(timeout=1.0)
        pubsub = client.pubsub()
        try:
            pubsub.subscribe(CHANNEL)
            heard = time.monotonic()
            asked = False
            while not self._stopping:
                message = pubsub.get_message(timeout=0.5)
                moment = time.monotonic()
                if message is not None:
                    heard, asked = moment, False
                    self._take(message)
                elif moment - heard > 2 * SILENCE:
                    raise redis.TimeoutError("Redis is there but does not answer")
                elif moment - heard > SILENCE and not asked:
                    asked = True
                    pubsub.ping()
        finally:
            with contextlib.suppress(redis.RedisError, OSError):
                pubsub.close()
            with contextlib.suppress(redis.RedisError, OSError):
                client.close()

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            self.connected = True
            # Rings of the time before went by unheard.
            self._rung(None)
        elif message["type"] == "message":
            try:
                said = json.loads(message["data"])
                if "tick" in said:
                    self._ticked(str(said["tick"]["room"]), dict(said["tick"]["data"]))
                else:
                    self._rung([str(name) for name in said["rooms"]])
            except (ValueError, TypeError, KeyError, AttributeError):
                log.warning("something that is neither a ring nor a tick came over %s", CHANNEL)
