"""`python -m portal.demo`: the whole portal on this machine, with its cast and story.

Redis, migrations, demo data, the mail catcher, the workers and the web process, under one supervisor.
`PORT`, `PORTAL_DATA`, `DATABASE_URL`, `REDIS_URL` and `RESET=1` are read from the environment.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from portal import embedded_redis
from portal.demo.supervisor import Child, Supervisor, say

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "portal-demo-2026"  # noqa: S105
SIGN_INS = [
    ("issuer", "issuer@portal.example", "/issuer"),
    ("centre admin, Riverside College", "michael.white@riverside.example", "/centre"),
    ("centre user, Riverside College", "anew.user@riverside.example", "/centre"),
    ("centre admin, Hillside Academy", "rita.rival@hillside.example", "/centre"),
    ("learner Connor Random", "connor.random@learner.example", "/learner"),
]
# The folder of the demo is known by this file; RESET=1 empties no folder that lacks it.
MARK = "demo.env"


class CannotStart(Exception):
    """The demo cannot start; the message is a plain sentence that says what to do."""


def main() -> int:
    """Run the demo until Ctrl-C; answer with the exit code."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    try:
        return run()
    except (CannotStart, RuntimeError) as problem:
        print(f"The demo cannot start: {problem}", file=sys.stderr)
        return 1


def run() -> int:
    port = wanted_port(os.environ.get("PORT") or "5000")
    refuse_a_taken_port(port)
    data_dir = Path(os.environ.get("PORTAL_DATA") or "var")
    data_dir = data_dir if data_dir.is_absolute() else ROOT / data_dir
    if os.environ.get("RESET") == "1":
        wipe(data_dir)
    make_data_dir(data_dir)
    environment = demo_environment(data_dir, port)
    given_redis = os.environ.get("REDIS_URL")

    def start_redis() -> embedded_redis.RedisServer:
        return embedded_redis.ensure(data_dir, given_redis, before_exec=embedded_redis.die_with_parent)

    supervisor = Supervisor(ROOT, environment, start_redis)
    supervisor.listen_for_stop()
    supervisor.redis = start_redis()
    try:
        prepare(supervisor)
        if not supervisor.stopping.is_set():
            supervisor.children = processes(environment)
            supervisor.watch(announce_once(environment["PUBLIC_URL"], f"http://127.0.0.1:{port}/readyz"))
    finally:
        say("Stopping.")
        supervisor.stop()
    return 0


def wanted_port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise CannotStart(f"PORT is {text!r}, which is not a port number; try make demo PORT=5000")
    return int(text)


def refuse_a_taken_port(port: int) -> None:
    """Stop before anything starts when somebody listens on `port`.

    The web server shares ports (SO_REUSEPORT), so it would start beside an older process without a word and each of
    them would get some of the visitors.
    """
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.settimeout(2)
                if probe.connect_ex((host, port)) == 0:
                    raise CannotStart(
                        f"something already listens on port {port}, maybe another demo; "
                        f"stop it, or choose another port: make demo PORT={port + 1}"
                    )
        except OSError:
            continue
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as problem:
            raise CannotStart(f"port {port} cannot be used ({problem.strerror}); try another PORT") from problem


def make_data_dir(data_dir: Path) -> None:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        probe = data_dir / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as problem:
        raise CannotStart(f"the data folder {data_dir} cannot be written ({problem.strerror})") from problem


def wipe(data_dir: Path) -> None:
    """Empty the data folder of a demo, its SQLite database included; refuse a folder that no demo has made."""
    if not data_dir.exists():
        return
    if not (data_dir / MARK).is_file():
        if any(data_dir.iterdir()):
            raise CannotStart(f"RESET=1 empties {data_dir}, but no demo has made that folder; empty it yourself")
        return
    if embedded_redis.is_answering(embedded_redis.url_for(data_dir)):
        raise CannotStart(f"a demo still runs on {data_dir}; stop it before RESET=1")
    say(f"Emptying {data_dir}.")
    # The mark goes last, so an interrupted wipe can be done again.
    for entry in sorted(data_dir.iterdir(), key=lambda entry: entry.name == MARK):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def demo_environment(data_dir: Path, port: int) -> dict[str, str]:
    """The environment of every process of the demo.

    Its secret and its mail port stay the same from run to run; `demo.env` keeps them, for commands that run beside it.
    """
    kept = read_kept(data_dir / MARK)
    mail_port = kept.get("MAIL_PORT", "")
    settings = {
        "SECRET_KEY": os.environ.get("SECRET_KEY") or kept.get("SECRET_KEY") or secrets.token_hex(32),
        "PUBLIC_URL": os.environ.get("PUBLIC_URL") or f"http://localhost:{port}",
        "PORT": str(port),
        "PORTAL_DEMO": "1",
        "DATABASE_URL": os.environ.get("DATABASE_URL") or f"sqlite:///{data_dir / 'portal.db'}",
        "REDIS_URL": embedded_redis.url_for(data_dir, os.environ.get("REDIS_URL")),
        "MAIL_SERVER": "127.0.0.1",
        "MAIL_PORT": mail_port if mail_port.isdecimal() and is_free(int(mail_port)) else str(free_port()),
        "MAIL_DEFAULT_SENDER": "The Digital Certificate Team <certificates@portal.example>",
        "MAIL_LOOKUP": str(data_dir / "mail"),
        "MAIL_BOUNCES": str(data_dir / "bounces"),
    }
    write_kept(data_dir / MARK, settings)
    # Mail of a demo goes to its catcher only, whatever this machine's own settings say.
    of_other_mail = ("MAIL_USERNAME", "MAIL_PASSWORD", "MAIL_USE_TLS")
    inherited = {name: value for name, value in os.environ.items() if name not in ("RESET", *of_other_mail)}
    # Advice of libraries to programmers is nothing for somebody who looks at a demo.
    quiet = {"PYTHONWARNINGS": os.environ.get("PYTHONWARNINGS", "ignore::DeprecationWarning"), "PYTHONUNBUFFERED": "1"}
    return {**inherited, **quiet, **settings, "PORTAL_DATA": str(data_dir)}


def read_kept(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    lines = (line.partition("=") for line in path.read_text(encoding="utf-8").splitlines() if "=" in line)
    return {name.strip(): value.strip() for name, _, value in lines}


def write_kept(path: Path, kept: dict[str, str]) -> None:
    part = path.with_name(path.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in sorted(kept.items()))
    part.replace(path)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def prepare(supervisor: Supervisor) -> None:
    """Bring the database up to date and load the demo data, once."""
    steps = [
        ("migrate", "flask --app portal.app db upgrade", "the database could not be brought up to date"),
        ("story", "flask --app portal.app demo load", "the demo data could not be loaded"),
    ]
    for name, command, failure in steps:
        if supervisor.stopping.is_set():
            return
        if supervisor.run_once(name, [sys.executable, "-m", *command.split()]) and not supervisor.stopping.is_set():
            raise CannotStart(f"{failure}; the reason stands above")


def processes(environment: dict[str, str]) -> list[Child]:
    maildir = str(Path(environment["PORTAL_DATA"]) / "mail")
    catcher = ["-m", "portal.demo.mail_catcher", "--port", environment["MAIL_PORT"], "--maildir", maildir]
    return [
        Child("mail", [sys.executable, *catcher]),
        Child("worker", [sys.executable, "worker.py"]),
        Child("web", [sys.executable, "wsgi.py"]),
    ]


def announce_once(address: str, readyz: str) -> Callable[[], None]:
    """A function that prints the address and the sign-ins at the first call that finds the portal ready."""
    told = False

    def announce() -> None:
        nonlocal told
        if told or not is_ready(readyz):
            return
        told = True
        lines = [f"The portal is ready: {address}", f"The mail it sends: {address}/demo/mail", ""]
        lines += [f"Sign in with the password {PASSWORD}"]
        lines += [f"  {who:<34}{sign_in:<36}{address}{path}" for who, sign_in, path in SIGN_INS]
        lines += ["", "Ctrl-C stops it."]
        print("\n" + "\n".join(lines) + "\n", flush=True)

    return announce


def is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    sys.exit(main())
