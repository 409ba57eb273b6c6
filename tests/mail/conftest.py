"""Real mail servers for the tests: the demo's catcher as a process, and a server that follows a script."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import pytest

from portal.mail import Letter, SmtpSettings, build

ROOT = Path(__file__).resolve().parents[2]
MESSAGE_ID = "<7f3a@portal.example>"
WRITTEN = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)


@pytest.fixture
def written() -> datetime:
    return WRITTEN


@pytest.fixture
def letter() -> Letter:
    return Letter(to="donald.duck@learner.example", subject="Café", text="Hello\n.dot\n", html="<p>Hello</p>\n")


@pytest.fixture
def message(letter) -> bytes:
    return build(letter, message_id=MESSAGE_ID, sender="Portal <portal@portal.example>", date=WRITTEN)


class Mark:
    """Stands for the commit that the outbox makes before DATA, and counts."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> None:
        self.made += 1


@pytest.fixture
def mark() -> Mark:
    return Mark()


class RunningCatcher:
    """The demo's mail server in its own process."""

    def __init__(self, maildir: Path, *options: str) -> None:
        self.maildir = maildir
        self.process = subprocess.Popen(
            [sys.executable, "-m", "portal.demo.mail_catcher", "--port", "0", "--maildir", str(maildir), *options],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        ready = self.process.stdout.readline()
        found = re.search(r":(\d+)$", ready.strip())
        assert found, f"the catcher did not start: {ready!r}"
        self.port = int(found.group(1))

    def settings(self, **more) -> SmtpSettings:
        return SmtpSettings(host="127.0.0.1", port=self.port, sender="Portal <portal@portal.example>", **more)

    def files(self) -> list[Path]:
        return sorted((self.maildir / "new").iterdir())

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=5)


@pytest.fixture
def run_catcher(tmp_path) -> Iterator[Callable[..., RunningCatcher]]:
    running: list[RunningCatcher] = []

    def run(*options: str) -> RunningCatcher:
        running.append(RunningCatcher(tmp_path / "mail", *options))
        return running[-1]

    yield run
    for each in running:
        if each.process.poll() is None:
            each.stop()
        each.process.stdout.close()


class Talk:
    """One connection as a script sees it."""

    def __init__(self, connection: socket.socket, lines: BinaryIO, heard: list[str]) -> None:
        self.connection = connection
        self.lines = lines
        self.heard = heard

    def say(self, words: str) -> None:
        self.connection.sendall(words.encode() + b"\r\n")

    def hear(self) -> str:
        line = self.lines.readline().decode("utf-8", "replace").rstrip("\r\n")
        self.heard.append(line)
        return line

    def greet(self) -> None:
        self.say("220 test server")
        self.hear()
        self.say("250 test server")

    def up_to_data(self) -> None:
        """Everything is fine until the letter may come."""
        self.greet()
        self.hear()
        self.say("250 sender ok")
        self.hear()
        self.say("250 recipient ok")
        self.hear()
        self.say("354 go on")

    def take_letter(self) -> bytes:
        self.up_to_data()
        taken = b""
        while not taken.endswith(b"\r\n.\r\n"):
            line = self.lines.readline()
            if not line:
                break
            taken += line
        return taken

    def hang_up(self) -> None:
        self.lines.close()
        self.connection.shutdown(socket.SHUT_RDWR)


class ScriptedServer:
    """A mail server that does what the test says, byte for byte. ``heard`` holds the commands that came."""

    def __init__(self, script: Callable[[Talk], object]) -> None:
        self.heard: list[str] = []
        self._script = script
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        try:
            connection, _ = self._door.accept()
            with connection, connection.makefile("rb") as lines:
                self._script(Talk(connection, lines, self.heard))
        except OSError:
            pass  # the other side, or the test, has gone

    def settings(self, **more) -> SmtpSettings:
        return SmtpSettings(host="127.0.0.1", port=self.port, sender="portal@portal.example", **more)

    def close(self) -> None:
        self._door.close()


@pytest.fixture
def scripted() -> Iterator[Callable[[Callable[[Talk], object]], ScriptedServer]]:
    open_servers: list[ScriptedServer] = []

    def start(script: Callable[[Talk], object]) -> ScriptedServer:
        open_servers.append(ScriptedServer(script))
        return open_servers[-1]

    yield start
    for each in open_servers:
        each.close()
