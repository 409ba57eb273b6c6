"""The way to Redis: a doorbell that may be broken. Nobody waits for it longer than a second, nothing depends on it."""

from __future__ import annotations

import logging
import time
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)

PATIENCE = 1.0
"""Seconds for any one command."""

PAUSE = 2.0
"""Seconds without any try after a failure, so that a dead Redis costs each request nothing."""


class RedisDoor:
    """One client for the process, made when first needed, with a pause after each failure."""

    def __init__(self) -> None:
        self.url = ""
        self._client: redis.Redis | None = None
        self._closed_until = 0.0

    def init_app(self, url: str) -> None:
        """Name the server; nothing is connected yet."""
        self.url = url
        self._client = None
        self._closed_until = 0.0

    def connect(self, *, timeout: float | None = PATIENCE) -> redis.Redis:
        """A new client; ``timeout`` in seconds for each command, ``None`` for listeners and workers."""
        return redis.Redis.from_url(
            self.url,
            socket_timeout=timeout,
            socket_connect_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
        )

    @property
    def client(self) -> redis.Redis:
        """The shared client of this process."""
        if self._client is None:
            self._client = self.connect()
        return self._client

    def publish(self, channel: str, message: str) -> bool:
        """Ring; say whether Redis heard it. Never raises."""
        return self.attempt("publish", lambda client: client.publish(channel, message))

    def attempt(self, what: str, act: Any) -> bool:
        """Do something with Redis if it is there; say whether it was done. Never raises for a broken Redis."""
        if not self.url or time.monotonic() < self._closed_until:
            return False
        try:
            act(self.client)
        except (redis.RedisError, OSError) as error:
            self._closed_until = time.monotonic() + PAUSE
            log.warning("Redis did not take %s (%s); the sweeper and the tail will see to it", what, error)
            return False
        return True


door = RedisDoor()
"""The door of this process."""
