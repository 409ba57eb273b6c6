"""The stage of the live tests: a real web process, a real Redis, a database with a small cast, and real sockets."""

from __future__ import annotations

import base64
import json
import os
import resource
import secrets
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import flask_migrate
import socketio

from portal import clock, reference
from portal.access.actor import SYSTEM
from portal.access.sessions import token_hash
from portal.app import create_app
from portal.database import db
from portal.events import outbox
from portal.events.catalogue import AccessChanged, DocumentCancelled, DocumentsDrawn
from portal.models.brands import Brand
from portal.models.centres import Centre
from portal.models.jobs import Job
from portal.models.sign_in import UserSession
from portal.models.users import User
from portal.redis_door import door
from portal.unit_of_work import unit_of_work
from portal.vocabulary import Role
from tests.servers.ports import free_port, wait_until

ROOT = Path(__file__).resolve().parents[2]
SECRET = "not-a-secret-only-for-the-live-tests"


class Stage:
    """Everything around one web process. What the tests do here, a worker does in life."""

    def __init__(
        self, folder: Path, database_url: str, redis_url: str, mode: str = "eventlet", *, most_files: int = 0
    ) -> None:
        self.folder = folder
        self.most_files = most_files
        self.redis_url = redis_url
        self.mode = mode
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = os.environ | {
            "SECRET_KEY": SECRET,
            "PORTAL_DATA": str(folder),
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "PORT": str(self.port),
            "PUBLIC_URL": self.url,
            "PORTAL_ASYNC_MODE": mode,
            "PYTHONUNBUFFERED": "1",
        }
        before = dict(os.environ)
        os.environ.update(self.environment)
        try:
            self.app = create_app(role="cli")
        finally:
            os.environ.clear()
            os.environ.update(before)
        with self.app.app_context():
            # By the migrations: an index of PostgreSQL needs extensions, which the models alone do not make.
            flask_migrate.upgrade(directory="migrations")
            self._cast()
        self.process: subprocess.Popen[bytes] | None = None
        self.serial = 0

    def _cast(self) -> None:
        moment = clock.now()
        brand = Brand(slug="live", name="Live Awards", recognition_number="RN0001", portal_name="Portal")
        db.session.add(brand)
        db.session.flush()
        centres = [
            Centre(number=number, name=name, brand_id=brand.id, created_at=moment)
            for number, name in (("10042", "Riverside College"), ("10077", "Hillside Academy"))
        ]
        db.session.add_all(centres)
        db.session.flush()
        jobs = [
            Job(centre_id=centre.id, created_by="The issuer", created_at=moment, reference="1 record")
            for centre in centres
        ]
        db.session.add_all(jobs)
        db.session.commit()
        self.riverside, self.hillside = (centre.id for centre in centres)
        self.job, self.rival_job = (job.id for job in jobs)

    # The web process.

    def start(self) -> Stage:
        with (self.folder / "web.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "wsgi.py"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                preexec_fn=self.limit_files if self.most_files else None,
            )
        wait_until(lambda: self.answers() or self.process.poll() is not None, seconds=30, what="an answer of the web")
        assert self.process.poll() is None, self.log()[-3000:]
        return self

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def limit_files(self) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.most_files, self.most_files))

    def answers(self) -> bool:
        return self.get("/socket.io/?EIO=4&transport=websocket").startswith(b"HTTP/1.1 400")

    def get(self, path: str, headers: str = "", timeout: float = 5) -> bytes:
        """The head of the answer to a plain request."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as plain:
                plain.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{headers}\r\n".encode())
                return plain.recv(65536)
        except OSError:
            return b""

    def log(self) -> str:
        path = self.folder / "web.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def close(self) -> None:
        if self.is_running():
            self.process.kill()
            self.process.wait()
        with self.app.app_context():
            db.session.remove()
            db.engine.dispose()

    def wait_for_the_ring(self, seconds: float = 10) -> None:
        """Wait until what is rung now is heard at once; what is rung for it concerns no document (0)."""
        with self.browser(self.user()) as anna:
            anna.watch(self.job_room)

            def is_quick() -> bool:
                before = len(anna.heard)
                committed = self.drawn(0)
                wait_until(lambda: len(anna.heard) > before, seconds=3, what="any news", every=0.005)
                return anna.heard[-1][2] - committed < 0.25

            # The tail's own look may come at the right moment once, never twice in a row.
            wait_until(lambda: is_quick() and is_quick(), seconds=seconds, what="the ring", every=0.15)

    # People.

    def user(self, role: Role = Role.CENTRE_ADMIN, centre_id: int | None = None) -> User:
        self.serial += 1
        name = f"user{self.serial}-{secrets.token_hex(3)}@riverside.example"
        if centre_id is None and role in (Role.CENTRE_ADMIN, Role.CENTRE_USER):
            centre_id = self.riverside
        with self.app.app_context():
            moment = clock.now()
            user = User(
                username=name,
                email=name,
                email_confirmed_at=moment,
                first_name="Anna",
                last_name="Example",
                role=role,
                centre_id=centre_id,
                created_at=moment,
            )
            db.session.add(user)
            db.session.commit()
            db.session.expunge(user)
            return user

    def rival(self) -> User:
        return self.user(centre_id=self.hillside)

    def issuer(self) -> User:
        return self.user(Role.ISSUER)

    def cookie(self, user: User) -> str:
        """The cookie of a browser in which a user is signed in."""
        token = secrets.token_urlsafe(32)
        with self.app.app_context():
            moment = clock.now()
            db.session.add(
                UserSession(
                    token_hash=token_hash(token),
                    user_id=user.id,
                    auth_epoch=db.session.get(User, user.id).auth_epoch,
                    created_at=moment,
                    seen_at=moment,
                    expires_at=moment + timedelta(hours=1),
                )
            )
            db.session.commit()
        return self.cookie_of_token(token)

    def cookie_of_token(self, token: str) -> str:
        signed = self.app.session_interface.get_signing_serializer(self.app).dumps({"sid": token})
        return f"{self.app.config['SESSION_COOKIE_NAME']}={signed}"

    @contextmanager
    def browser(self, user: User | None = None, **options: Any) -> Iterator[Browser]:
        """A socket of a user, or of a visitor."""
        browser = Browser(self.url, self.cookie(user) if user else None, **options)
        try:
            yield browser
        finally:
            browser.close()

    # What happens.

    @contextmanager
    def writing(self, ring: bool = True) -> Iterator[None]:
        """The place of a worker: the same database, the same Redis, no web process."""
        with self.app.app_context():
            if door.url != (url := self.redis_url if ring else ""):
                door.init_app(url)
            yield

    def drawn(self, *document_ids: int, ring: bool = True) -> float:
        """Documents of Riverside's job were drawn; gives the moment of the commit. Without ``ring`` nobody is woken."""
        with self.writing(ring), unit_of_work(SYSTEM) as record:
            record(DocumentsDrawn(job_id=self.job, centre_id=self.riverside, document_ids=list(document_ids)))
        return time.monotonic()

    def cancelled(self, reference_: str) -> None:
        with self.writing(), unit_of_work(SYSTEM) as record:
            record(
                DocumentCancelled(
                    document_id=7, record_id=3, job_id=self.job, centre_id=self.riverside, reference=reference_
                )
            )

    def lock(self, user: User, *, tell: bool = True) -> None:
        """Lock a user as the service does; ``tell`` says whether there is a fact of it."""
        with self.writing(), unit_of_work(SYSTEM) as record:
            locked = db.session.get(User, user.id)
            locked.locked_until = clock.now() + timedelta(days=1)
            locked.auth_epoch += 1
            if tell:
                record(AccessChanged(user_id=user.id, why="locked"))

    def seq(self, room: str) -> int:
        """How far a room has come."""
        with self.app.app_context():
            return outbox.seq_of([room])[room]

    @property
    def job_room(self) -> str:
        return f"job:{self.job}"


class Browser:
    """A Socket.IO client that keeps all it hears."""

    def __init__(
        self, url: str, cookie: str | None = None, *, origin: str | None = None, transports: Any = "websocket"
    ):
        self.heard: list[tuple[str, Any, float]] = []
        self.ended = threading.Event()
        self.client = socketio.Client(reconnection=False, websocket_extra_options={"timeout": 5})
        self.client.on(
            "*", lambda event, *data: self.heard.append((event, data[0] if data else None, time.monotonic()))
        )
        self.client.on("disconnect", lambda *_: self.ended.set())
        # The websocket library names the origin itself, polling has to be told.
        headers = {"Origin": origin or url} if origin or transports == "polling" else {}
        if cookie:
            headers["Cookie"] = cookie
        self.client.connect(url, headers=headers, transports=[transports], wait_timeout=5)

    def _hear(self, event: str, *data: Any) -> None:
        self.heard.append((event, data[0] if data else None, time.monotonic()))

    def watch(self, room: str, since: int = 0) -> dict[str, Any]:
        return self.ask("watch", {"room": room, "since": since})

    def ask(self, event: str, *data: Any) -> Any:
        return self.client.call(event, data[0] if len(data) == 1 else data or None, timeout=5)

    def changes(self, room: str | None = None) -> list[dict[str, Any]]:
        return [data for event, data, _ in self.heard if event == "changed" and room in (None, data["room"])]

    def events(self) -> list[str]:
        return [event for event, _, _ in self.heard]

    def ids(self, room: str) -> list[int]:
        """Every id told for a room, in the order of arrival."""
        return [number for change in self.changes(room) for number in change["ids"] or ()]

    def hears(self, room: str, *ids: int, seconds: float = 2) -> None:
        wait_until(
            lambda: set(ids) <= set(self.ids(room)), seconds=seconds, what=f"news of {ids} in {room}", every=0.01
        )

    def close(self) -> None:
        if self.client.connected:
            # The client's library waits three seconds for a second farewell that not every server sends.
            threading.Thread(target=self.client.disconnect, daemon=True).start()


class RawSocket:
    """A websocket below the library, for what no decent client sends."""

    def __init__(self, stage: Stage, cookie: str | None = None, *, origin: str | None = None, join: bool = True):
        self.socket = socket.create_connection(("127.0.0.1", stage.port), timeout=5)
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        lines = [
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1",
            f"Host: 127.0.0.1:{stage.port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        ]
        if origin is None:
            origin = stage.url
        if origin != "missing":
            lines.append(f"Origin: {origin}")
        if cookie:
            lines.append(f"Cookie: {cookie}")
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            received = self.socket.recv(65536)
            if not received:
                break
            self.buffer += received
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        self.status = int(head.split()[1]) if head else 0
        if self.status == 101:
            self.opened = self.read()
            if join:
                self.send("40")
                self.joined = self.read()

    def send(self, text: str | bytes) -> None:
        payload = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        opcode = 0x81 if isinstance(text, str) else 0x82
        length = len(payload)
        if length < 126:
            head = struct.pack("!BB", opcode, 0x80 | length)
        elif length < 65536:
            head = struct.pack("!BBH", opcode, 0x80 | 126, length)
        else:
            head = struct.pack("!BBQ", opcode, 0x80 | 127, length)
        # The mask of zeros leaves the bytes as they are.
        self.socket.sendall(head + b"\0\0\0\0" + payload)

    def read(self, timeout: float = 5) -> str:
        """The next text frame; empty when the connection ended."""
        self.socket.settimeout(timeout)
        try:
            head = self._exactly(2)
            length = head[1] & 0x7F
            if length == 126:
                length = struct.unpack("!H", self._exactly(2))[0]
            elif length == 127:
                length = struct.unpack("!Q", self._exactly(8))[0]
            payload = self._exactly(length)
        except (OSError, EOFError) as error:
            if isinstance(error, TimeoutError):
                raise
            return ""
        return "" if head[0] & 0x0F == 8 else payload.decode()

    def _exactly(self, length: int) -> bytes:
        while len(self.buffer) < length:
            received = self.socket.recv(65536)
            if not received:
                raise EOFError
            self.buffer += received
        taken, self.buffer = self.buffer[:length], self.buffer[length:]
        return taken

    def ask(self, event: str, data: Any, number: int = 1) -> Any:
        """Ask properly and give the answer; pings and news in between are passed over."""
        self.send(f"42{number}{json.dumps([event, data])}")
        while frame := self.read():
            if frame.startswith(f"43{number}["):
                return json.loads(frame.removeprefix(f"43{number}"))[0]
            if frame == "2":
                self.send("3")
        return None

    def is_alive(self) -> bool:
        return self.ask("watch", {"rooms": {}}, 99) is not None

    def is_closed(self, seconds: float = 5) -> bool:
        """Whether the server ends the connection within some time."""
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            try:
                if self.read(max(0.05, give_up - time.monotonic())) == "":
                    return True
            except TimeoutError:
                return False
        return False

    def close(self) -> None:
        self.socket.close()


def new_reference() -> str:
    return reference.new()
