"""The folder of the zips: what lies there is named by us alone, and whatever nobody names any more is cleared away."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from portal import clock

PART = ".part"
ZIP = ".zip"

_NAME = re.compile(r"[0-9]{1,19}-[0-9a-f]{1,16}\.(part|zip)")


class Shelf:
    """One folder with zips and the parts of zips."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    @staticmethod
    def name_of(ident: int, token: int, ending: str = PART) -> str:
        """The name of a file: what it belongs to, and whose writing it is."""
        return f"{ident}-{token:x}{ending}"

    def path(self, name: str) -> Path:
        """Where a file lies. A name that is none of ours is a ValueError."""
        if not _NAME.fullmatch(name):
            raise ValueError("That is not the name of a zip.")
        return self.root / name

    def make(self) -> None:
        """Make the folder if it is not there."""
        self.root.mkdir(parents=True, exist_ok=True)

    def free(self) -> int:
        """Bytes that may still be written here."""
        return shutil.disk_usage(self.root).free

    def find(self, name: str) -> Path | None:
        """The part of this name, or the zip that it became; nothing when neither is there."""
        if not name:
            return None
        part = self.path(name)
        return next((path for path in (part, part.with_suffix(ZIP)) if path.is_file()), None)

    def finish(self, part: Path) -> Path:
        """Give a part that is safely on the disk its final name, durably."""
        done = part.with_suffix(ZIP)
        part.replace(done)
        sync_folder(self.root)
        return done

    def forget(self, name: str) -> None:
        """Remove a file with its part or zip; one that is gone is no fault."""
        if name:
            for ending in (PART, ZIP):
                self.path(name).with_suffix(ending).unlink(missing_ok=True)

    def keep_only(self, ident: int, name: str = "") -> None:
        """Remove every file of one zip but the named one: what its writers left who died, or who are fenced."""
        for path in self.root.glob(f"{ident}-*"):
            if path.name != name:
                path.unlink(missing_ok=True)

    def forget_others(self, named: Collection[str], *, seconds: float) -> int:
        """Remove what no row names and nobody touched for so many seconds; say how many files."""
        kept = {Path(name).stem for name in named}
        gone = 0
        for path in self.root.glob("*") if self.root.is_dir() else ():
            with suppress(FileNotFoundError):
                old = clock.now().timestamp() - path.stat().st_mtime >= seconds
                if path.stem not in kept and old and _NAME.fullmatch(path.name):
                    path.unlink()
                    gone += 1
        return gone


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable, where the system lets a folder be synchronised."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
