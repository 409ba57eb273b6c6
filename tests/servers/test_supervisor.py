"""The demo's supervisor, with real processes: what dies comes back, what is stopped is gone, nothing is shared."""

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from portal import embedded_redis
from portal.demo import __main__ as demo
from portal.demo.supervisor import Child, Supervisor
from tests.servers.ports import free_port, wait_until

pytestmark = pytest.mark.patient

ROOT = Path(__file__).resolve().parents[2]
SLEEPER = [sys.executable, "-c", "import time; print('awake', flush=True); time.sleep(600)"]
STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import os, time; os.setpgid(0, 0); time.sleep(600)"])
print("awake", flush=True)
time.sleep(600)
"""


def supervisor_of(*children: Child, folder: Path) -> Supervisor:
    supervisor = Supervisor(ROOT, os.environ, lambda: embedded_redis.ensure(folder), list(children))
    supervisor.redis = supervisor.start_redis()
    return supervisor


def watched(supervisor: Supervisor) -> threading.Thread:
    thread = threading.Thread(target=supervisor.watch, args=(lambda: None,))
    thread.start()
    wait_until(lambda: all(child.is_running for child in supervisor.children), seconds=10, what="the start")
    return thread


def test_what_dies_is_started_again_and_redis_too(tmp_path):
    child = Child("sleeper", SLEEPER)
    supervisor = supervisor_of(child, folder=tmp_path)
    # The death signal of a child belongs to the thread that started it, so it is the watching one that must live.
    thread = watched(supervisor)
    try:
        first, first_redis = child.process.pid, supervisor.redis.process.pid
        os.kill(first, signal.SIGKILL)
        os.kill(first_redis, signal.SIGKILL)
        wait_until(lambda: child.is_running and child.process.pid != first, seconds=10, what="a new sleeper")
        wait_until(lambda: supervisor.redis.process.pid != first_redis, seconds=10, what="a new Redis")
        assert embedded_redis.is_answering(supervisor.redis.url)
    finally:
        supervisor.stopping.set()
        thread.join()
        supervisor.stop()
    assert not child.is_running
    assert not embedded_redis.is_answering(supervisor.redis.url)


def test_what_will_not_stop_is_ended_with_all_it_started(tmp_path, monkeypatch):
    monkeypatch.setattr("portal.demo.supervisor.STOP_SECONDS", 0.5)
    child = Child("stubborn", [sys.executable, "-c", STUBBORN])
    supervisor = supervisor_of(child, folder=tmp_path)
    thread = watched(supervisor)
    family = psutil.Process(child.process.pid)
    wait_until(lambda: len(family.children()) == 1, seconds=10, what="the grandchild")
    grandchild = family.children()[0]
    supervisor.stopping.set()
    thread.join()
    supervisor.stop()
    assert child.process.returncode == -signal.SIGKILL
    wait_until(lambda: not grandchild.is_running(), seconds=5, what="the end of the grandchild")


def test_a_death_of_every_round_waits_longer_each_time(tmp_path):
    child = Child("broken", [sys.executable, "-c", "raise SystemExit(3)"])
    supervisor = supervisor_of(child, folder=tmp_path)
    thread = threading.Thread(target=supervisor.watch, args=(lambda: None,))
    thread.start()
    wait_until(lambda: child.pause >= 4, seconds=20, what="a longer pause")
    supervisor.stopping.set()
    thread.join()
    supervisor.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_kill_9_of_the_demo_leaves_nothing_behind(tmp_path):
    program = f"""
import os, sys
from pathlib import Path
from portal import embedded_redis
from portal.demo.supervisor import Child, Supervisor

child = Child("sleeper", {SLEEPER!r})
start = lambda: embedded_redis.ensure(Path(sys.argv[1]), before_exec=embedded_redis.die_with_parent)
supervisor = Supervisor(Path("."), os.environ, start, [child])
supervisor.redis = start()
supervisor.watch(lambda: print("pids", child.process.pid, supervisor.redis.process.pid, flush=True))
"""
    demo_process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert demo_process.stdout is not None
    line = next(line for line in demo_process.stdout if line.startswith("pids"))
    pids = [int(pid) for pid in line.split()[1:]]
    demo_process.kill()
    demo_process.wait()
    demo_process.stdout.close()
    for pid in pids:
        wait_until(lambda pid=pid: not is_alive(pid), seconds=10, what=f"the end of process {pid}")


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def run_demo(tmp_path, **environment):
    return subprocess.run(
        [sys.executable, "-m", "portal.demo"],
        cwd=ROOT,
        env={**os.environ, "PORTAL_DATA": str(tmp_path / "data"), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_taken_port_is_refused_even_by_one_who_would_share_it(tmp_path, host):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind((host, 0))
        other.listen()
        port = other.getsockname()[1]
        done = run_demo(tmp_path, PORT=str(port))
    assert done.returncode == 1
    assert f"something already listens on port {port}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists(), "nothing may be touched before the port is known to be free"


@pytest.mark.parametrize("port", ["0", "70000", "five", "-1"])
def test_a_port_that_is_none_is_refused(tmp_path, port):
    done = run_demo(tmp_path, PORT=port)
    assert done.returncode == 1
    assert "is not a port number" in done.stderr


def test_reset_empties_no_folder_that_a_demo_has_not_made(tmp_path):
    (tmp_path / "data").mkdir()
    precious = tmp_path / "data" / "thesis.txt"
    precious.write_text("years of work")
    done = run_demo(tmp_path, PORT=str(free_port()), RESET="1")
    assert done.returncode == 1
    assert "no demo has made that folder" in done.stderr
    assert precious.exists()


def test_reset_empties_a_demo_and_follows_no_link_out_of_it(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    data = tmp_path / "data"
    (data / "documents").mkdir(parents=True)
    (data / demo.MARK).touch()
    (data / "portal.db").touch()
    (data / "link").symlink_to(outside)
    demo.wipe(data)
    assert list(data.iterdir()) == []
    assert (outside / "kept").exists()


def test_reset_refuses_while_a_demo_runs_on_the_folder(tmp_path):
    (tmp_path / demo.MARK).touch()
    server = embedded_redis.ensure(tmp_path)
    try:
        with pytest.raises(demo.CannotStart, match="still runs"):
            demo.wipe(tmp_path)
    finally:
        server.stop()


def test_the_secret_is_kept_and_nobody_else_reads_it(tmp_path, monkeypatch):
    for name in ("SECRET_KEY", "PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)
    first = demo.demo_environment(tmp_path, 5000)
    second = demo.demo_environment(tmp_path, 5001)
    assert first["SECRET_KEY"] == second["SECRET_KEY"]
    assert len(first["SECRET_KEY"]) == 64
    assert second["PUBLIC_URL"] == "http://localhost:5001"
    assert (tmp_path / demo.MARK).stat().st_mode & 0o777 == 0o600


def test_a_redis_that_is_named_and_silent_stops_the_start(tmp_path):
    done = run_demo(tmp_path, PORT=str(free_port()), REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    assert done.returncode == 1
    assert "No Redis answers" in done.stderr
    assert "Traceback" not in done.stderr
