"""Run by test_downloads.py in a process of its own, on green threads with a pool of two: a crowd asks for one zip."""

# ruff: noqa: E402 - nothing may be imported before the green threads are in place.

import eventlet

eventlet.monkey_patch()

import sys
from pathlib import Path

from portal import green
from portal.web import download_files

CROWD = 8

gate = eventlet.patcher.original("threading").Event()
hashed: list[Path] = []


def slowly(path: Path) -> str:
    """In a thread of the pool: hash nothing until the gate opens."""
    hashed.append(path)
    gate.wait(20)
    return "the digest"


def main(path: Path) -> None:
    download_files._digest = slowly
    crowd = [
        eventlet.spawn(download_files.is_sound, path, size=path.stat().st_size, sha256="the digest")
        for _ in range(CROWD)
    ]
    eventlet.sleep(0.1)
    try:
        with eventlet.Timeout(5):
            print("a password is checked:", green.run_blocking(int, "1") == 1)
    finally:
        gate.set()
    print("all have it:", [one.wait() for one in crowd] == [True] * CROWD)
    print("hashed:", len(hashed))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
