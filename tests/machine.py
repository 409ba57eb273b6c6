"""A whole portal of real processes for one test: database, Redis, web, workers, mail catcher; each can be hurt.

The journeys use it as a user meets it, the fault tests kill what is in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

from flask import Flask
from itsdangerous import URLSafeTimedSerializer

from portal import clock
from portal.access.actor import SYSTEM
from portal.access.sessions import token_hash
from portal.app import create_app
from portal.database import db
from portal.redis_door import door
from portal.unit_of_work import unit_of_work
from tests.realtime.stage import Browser
from tests.servers.ports import free_port, listens, wait_until
from tests.servers.redis import TestRedis
from tests.services.people import People, settle

ROOT = Path(__file__).resolve().parents[1]
SECRET = "not-a-secret-only-for-checks-and-tests"
DATA = ROOT / "tests" / "data"


@dataclass(frozen=True)
class Pass:
    """What a signed-in browser holds: its cookie, and the token of its forms."""

    cookie: str
    form_token: str


class Machine:
    """The portal of one test. ``start`` starts what is named; nothing runs that was not started.

    ``waits`` are seconds that its processes wait shorter than in life (``portal.fault``).
    """

    def __init__(
        self,
        folder: Path,
        database_url: str | None = None,
        *,
        drawers: int = 2,
        waits: dict[str, float] | None = None,
    ) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.data.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.mail_port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.redis = TestRedis()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.odd: set[str] = set()
        self.published = 0
        self.environment = (
            os.environ
            | {
                "SECRET_KEY": SECRET,
                "PORTAL_DATA": str(self.data),
                "DATABASE_URL": database_url or f"sqlite:///{self.data / 'portal.db'}",
                "REDIS_URL": self.redis.url,
                "PORT": str(self.port),
                "PUBLIC_URL": self.url,
                "PORTAL_DEMO": "1",
                "PORTAL_DRAWERS": str(drawers),
                "MAIL_SERVER": "127.0.0.1",
                "MAIL_PORT": str(self.mail_port),
                "MAIL_LOOKUP": str(self.data / "mail"),
                "PYTHONUNBUFFERED": "1",
            }
            | {f"PORTAL_WAIT_{name}": str(seconds) for name, seconds in (waits or {}).items()}
        )
        self.command("db", "upgrade")
        with self._environment():
            self.app: Flask = create_app(role="cli")
        self.people: People = settle(self.app)

    @contextmanager
    def _environment(self) -> Iterator[None]:
        before = dict(os.environ)
        os.environ.update(self.environment)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    @contextmanager
    def here(self) -> Iterator[None]:
        """Speak to the same database and the same Redis from the test itself."""
        with self.app.app_context():
            if door.url != self.redis.url:
                door.init_app(self.redis.url)
            yield
            db.session.remove()

    # Processes.

    def start(self, *names: str) -> Machine:
        """Start ``redis``, ``mail``, ``web`` and ``worker``, or those that are named, and wait until they are there."""
        for name in names or ("redis", "mail", "web", "worker"):
            getattr(self, f"start_{name}")()
        return self

    def start_redis(self) -> None:
        self.redis.start()

    def start_mail(self, *faults: str) -> None:
        """Start the mail catcher; each ``fault`` is the fate of one connection, in turn."""
        if faults:
            self.odd.add("mail")
        maildir = str(self.data / "mail")
        command = ["-m", "portal.demo.mail_catcher", "--port", str(self.mail_port), "--maildir", maildir]
        self._spawn("mail", *command, *(["--fault", ",".join(faults)] if faults else []))
        wait_until(lambda: listens(self.mail_port), seconds=20, what="the mail catcher")

    def start_web(self) -> None:
        self._spawn("web", "wsgi.py")
        wait_until(self.answers, seconds=40, what="an answer of the web process")

    def start_worker(self, *arguments: str, **settings: str) -> None:
        """Start everything in the background, or one queue; with ``settings`` besides those of the machine."""
        name = "worker" + "".join(arguments)
        self._spawn(name, "worker.py", *arguments, **settings)
        if settings:
            self.odd.add(name)

    def _spawn(self, name: str, *arguments: str, **settings: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *arguments], cwd=ROOT, env=self.environment | settings, stdout=log, stderr=log
            )

    def mend(self) -> Machine:
        """Let everything run again as it should, whatever the test before did to it."""
        if self.redis.server is None or self.redis.server.process.poll() is not None:
            self.redis.start()
        self.redis.thaw()
        for name in [*self.processes]:
            plain = name in ("mail", "web", "worker") and name not in self.odd
            if not plain or self.processes[name].poll() is not None:
                self.kill(name, signal.SIGKILL if name != "worker" else signal.SIGTERM)
        for name in ("mail", "web", "worker"):
            if name not in self.processes:
                self.start(name)
        return self

    def answers(self) -> bool:
        return self.get("/healthz")[0] == 200

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """End one of the processes and wait for its end."""
        process = self.processes.pop(name)
        self.odd.discard(name)
        process.send_signal(number)
        process.wait(20)

    def kill_below(self, name: str) -> None:
        """End one of the processes and all its children, as the end of their machine does: nobody says goodbye."""
        process = self.processes.pop(name)
        self.odd.discard(name)
        for pid in [process.pid, *descendants_of(process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(20)

    def workers_of(self, queue: str) -> list[int]:
        """The process ids of the workers of a queue, oldest first; their horses are the children of these."""
        parent = self.processes["worker"].pid
        return [pid for pid in children_of(parent) if command_of(pid).endswith(f"worker.py {queue}")]

    def horses_of(self, queue: str) -> list[int]:
        """The process ids of the tasks that run now."""
        return [child for pid in self.workers_of(queue) for child in children_of(pid)]

    def close(self) -> None:
        for name in list(self.processes):
            process = self.processes.pop(name)
            below = descendants_of(process.pid)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait(20)
            for pid in below:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.redis.close()
        with self.app.app_context():
            db.session.remove()
            db.engine.dispose()

    def log_of(self, name: str) -> str:
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # What people and scripts do.

    def command(self, *arguments: str, check: bool = True) -> str:
        """Run a ``flask`` command beside the portal; give what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "portal.app", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert not check or done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def publish(self, file: Path, centre: str = "10042") -> dict[str, Any]:
        """Publish a batch file by the command; what it printed."""
        return json.loads(self.command("jobs", "publish", str(file), "--centre", centre).splitlines()[-1])

    def publish_here(self, rows: int, *, kinds: str = "certificate;transcript;letter") -> int:
        """Publish rows that nobody has seen to Riverside; the id of the job, which is committed when this returns."""
        from portal.intake import preflight
        from portal.queries.held import HeldOnFile
        from portal.services import jobs

        with self.here(), self.new_batch(rows, kinds).open("rb") as stream:
            report = preflight(stream, HeldOnFile(self.people.riverside), today=clock.today())
            assert not report.faults, report.faults
            made = jobs.publish(report.good(), centre_id=self.people.riverside, file_name="b.csv", actor=SYSTEM)
            return made.job_id

    def new_batch(self, rows: int, kinds: str = "certificate;transcript;letter") -> Path:
        """A batch file of learners that nobody has seen."""
        self.published += rows
        return batch_of(self.folder / "batch.csv", rows, first=self.published - rows, kinds=kinds)

    def sign_in(self, user_id: int) -> Pass:
        """Sign a browser in, without the login page."""
        from portal.models.sign_in import UserSession
        from portal.models.users import User

        token, raw = secrets.token_urlsafe(32), hashlib.sha1(secrets.token_bytes(64)).hexdigest()
        with self.here(), unit_of_work(SYSTEM):
            moment = clock.now()
            user = db.session.get_one(User, user_id)
            session = UserSession(
                token_hash=token_hash(token),
                user_id=user.id,
                auth_epoch=user.auth_epoch,
                created_at=moment,
                seen_at=moment,
                expires_at=moment + timedelta(hours=1),
            )
            db.session.add(session)
        signer = self.app.session_interface.get_signing_serializer(self.app)
        cookie = signer.dumps({"sid": token, "csrf_token": raw})
        form_token = URLSafeTimedSerializer(SECRET, salt="wtf-csrf-token").dumps(raw)
        return Pass(f"{self.app.config['SESSION_COOKIE_NAME']}={cookie}", form_token)

    @contextmanager
    def socket(self, user_id: int) -> Iterator[Browser]:
        """A socket of a user who is signed in."""
        browser = Browser(self.url, self.sign_in(user_id).cookie)
        try:
            yield browser
        finally:
            browser.close()

    def post(self, path: str, values: dict[str, Any], holder: Pass, timeout: float = 20) -> int:
        """Send a form; the status of the answer, 0 when none came. Redirections are not followed."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        headers = {
            "Host": f"localhost:{self.port}",
            "Cookie": holder.cookie,
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": self.url,
        }
        try:
            line.request("POST", path, urlencode({"csrf_token": holder.form_token, **values}), headers)
            return line.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            line.close()

    def get(self, path: str, cookie: str = "", timeout: float = 5) -> tuple[int, bytes]:
        """Status and body of a page; 0 when nobody answers."""
        request = urllib.request.Request(self.url + path, headers={"Cookie": cookie} if cookie else {})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except (OSError, http.client.HTTPException):
            return 0, b""

    def figures(self, job_id: int) -> dict[str, int]:
        """The figures of a job as its row has them."""
        from portal.models.jobs import Job

        with self.here():
            db.session.rollback()
            job = db.session.get_one(Job, job_id, populate_existing=True)
            return {name: getattr(job, name) for name in ("requested", "pending", "failed", "completed")}

    def wait_drawn(self, job_id: int, *, seconds: float) -> None:
        """Wait until nothing of a job is pending any more."""
        wait_until(lambda: not self.figures(job_id)["pending"], seconds=seconds, what="the end of drawing", every=0.2)

    def mails(self) -> list[bytes]:
        """What the mail server has accepted."""
        folder = self.data / "mail" / "new"
        return [path.read_bytes() for path in sorted(folder.iterdir())] if folder.is_dir() else []


class Looks:
    """Somebody who looks at pages all the time, one after the other, and remembers status and seconds of each answer.

    ``with Looks(machine, "/healthz", cookie=…) as looks:``
    """

    def __init__(self, machine: Machine, *paths: str, cookie: str = "", every: float = 0.1) -> None:
        self.machine, self.paths, self.cookie, self.every = machine, paths, cookie, every
        self.answers: list[tuple[str, int, float]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._over.wait(self.every):
            for path in self.paths:
                began = time.monotonic()
                status, _ = self.machine.get(path, self.cookie, timeout=20)
                self.answers.append((path, status, time.monotonic() - began))

    def __enter__(self) -> Looks:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(30)

    @property
    def slowest(self) -> float:
        return max(seconds for _, _, seconds in self.answers)

    def others_than(self, *statuses: int) -> Sequence[tuple[str, int, float]]:
        """The answers with another status than these."""
        return [answer for answer in self.answers if answer[1] not in statuses]


def batch_of(path: Path, rows: int, *, first: int = 0, kinds: str = "certificate;transcript;letter") -> Path:
    """Write a batch file of plain rows, each with these documents."""
    header, sample = (DATA / "riverside.csv").read_text(encoding="utf-8-sig").splitlines()[:2]
    del sample
    lines = [header]
    for number in range(first, first + rows):
        lines.append(
            f"AMS{77_000_000_000 + number},Fay,,Number {number},1990-01-02,,Skills and Education Group Awards,"
            "602/7438/9,SEG Awards ABC Level 3 Award In MOT Test Centre Management (VRQ),Level 3,Pass,2026-11-02,,"
            f"English,{kinds},A/501/1234|First aid|Level 2|4|Pass"
        )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def children_of(pid: int) -> list[int]:
    """The living children of a process, oldest first."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]


def descendants_of(pid: int) -> list[int]:
    """All processes below one."""
    found = []
    for child in children_of(pid):
        found += [child, *descendants_of(child)]
    return found


def command_of(pid: int) -> str:
    """The command line of a process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        return ""
