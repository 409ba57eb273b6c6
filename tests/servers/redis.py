"""A real Redis for tests that may be killed, frozen and emptied: a fault test does to it what a bad day does."""

import os
import shutil
import signal
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from portal import embedded_redis


@dataclass
class TestRedis:
    """A Redis of our own in a folder of its own; the address stays the same over restarts."""

    __test__ = False
    data_dir: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="portal-redis-")))
    server: embedded_redis.RedisServer | None = None

    @property
    def url(self) -> str:
        return embedded_redis.url_for(self.data_dir)

    @property
    def pid(self) -> int:
        assert self.server is not None and self.server.process is not None, "Redis is not running"
        return self.server.process.pid

    def start(self) -> "TestRedis":
        self.server = embedded_redis.ensure(self.data_dir, None, before_exec=embedded_redis.die_with_parent)
        assert self.server.process is not None, "the folder of the test has a server already"
        return self

    def kill(self) -> None:
        """End it as kill -9 does; what the last second brought may be gone."""
        assert self.server is not None and self.server.process is not None
        self.server.process.kill()
        self.server.process.wait()

    def freeze(self) -> None:
        """Stop it in mid-air: connections stay open and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def close(self) -> None:
        """End it and remove its folder."""
        if self.server is not None and self.server.process is not None and self.server.process.poll() is None:
            self.thaw()
            self.kill()
        shutil.rmtree(self.data_dir, ignore_errors=True)
        beside = embedded_redis.socket_path(self.data_dir).parent
        if beside.name.startswith("portal-"):
            shutil.rmtree(beside, ignore_errors=True)
