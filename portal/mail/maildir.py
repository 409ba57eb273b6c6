"""A Maildir: one file per message, delivered whole or not at all. The demo's mail server keeps its post in one.

Layout and names after https://cr.yp.to/proto/maildir.html: written in ``tmp/``, renamed into ``new/``.
"""

import itertools
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from pathlib import Path

NAME = re.compile(r"[0-9]{10}\.M[0-9]{6}P[0-9]{1,10}Q[0-9]{1,10}\.portal\Z")
"""The only file names that are ever opened by name."""

HEAD = 16_384
"""Bytes of a message in which its own headers end, as far as our letters go."""

_delivered = itertools.count(1)


@dataclass(frozen=True)
class Kept:
    """A message as a list shows it. ``name`` is its file name, ``arrived_at`` is in UTC."""

    name: str
    arrived_at: datetime
    sender: str
    recipient: str
    subject: str


def make(maildir: Path) -> None:
    """Make the three folders, where they are not there yet."""
    for folder in ("tmp", "new", "cur"):
        (maildir / folder).mkdir(parents=True, exist_ok=True)


def deliver(maildir: Path, message: bytes) -> str:
    """Keep a message for good and return its file name: after this, not even a power cut loses it."""
    moment = time.time_ns()
    name = f"{moment // 10**9:010d}.M{moment // 1000 % 10**6:06d}P{os.getpid()}Q{next(_delivered)}.portal"
    draft, place = maildir / "tmp" / name, maildir / "new" / name
    with draft.open("xb") as file:
        file.write(message)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(place)
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return name


def list_newest(maildir: Path, *, limit: int, skip: int = 0) -> list[Kept]:
    """Return messages, newest first; empty where no mail has come yet."""
    names = sorted(_names(maildir), key=_age, reverse=True)
    return [kept for name in names[skip : skip + limit] if (kept := _summary(maildir, name))]


def count(maildir: Path) -> int:
    """Say how many messages there are."""
    return sum(1 for _ in _names(maildir))


def find_bytes(maildir: Path, name: str) -> bytes | None:
    """Return the bytes of one message; None if there is none, or if the name is not one that ``deliver`` makes."""
    if not NAME.match(name):
        return None
    for folder in ("new", "cur"):
        try:
            return (maildir / folder / name).read_bytes()
        except FileNotFoundError:
            continue
    return None


def find(maildir: Path, name: str) -> EmailMessage | None:
    """Return one message, parsed; None as ``find_bytes`` does."""
    raw = find_bytes(maildir, name)
    return None if raw is None else message_from_bytes(raw, policy=policy.default)


def lookup(maildir: Path, message_id: str) -> bool | None:
    """Say whether a message of this Message-ID was kept; None if the folder cannot be read. A ``transport.Lookup``."""
    wanted = message_id.encode()
    try:
        paths = [path for folder in ("new", "cur") for path in (maildir / folder).iterdir()]
    except OSError:
        return None
    return any(_is_called(path, wanted) for path in paths)


def which(maildir: Path, message_ids: Iterable[str]) -> set[str] | None:
    """Say which of these Message-IDs were kept, in one look; None if the folder cannot be read."""
    wanted = set(message_ids)
    found: set[str] = set()
    try:
        for folder in ("new", "cur"):
            for entry in os.scandir(maildir / folder):
                with suppress(OSError), Path(entry.path).open("rb") as file:
                    name = str(BytesHeaderParser().parsebytes(file.read(HEAD))["Message-ID"]).strip()
                    if name in wanted:
                        found.add(name)
    except OSError:
        return None
    return found


def list_unread(maildir: Path, *, most: int, largest: int) -> Iterator[tuple[str, bytes]]:
    """The messages that nobody has read, oldest first by name: name and bytes, at most ``largest`` and one of each.

    Any mail program may have delivered them, so a name is whatever stands in the folder.
    """
    try:
        names = sorted(entry.name for entry in os.scandir(maildir / "new") if entry.is_file(follow_symlinks=False))
    except FileNotFoundError:
        return
    for name in names[:most]:
        with suppress(OSError):
            with (maildir / "new" / name).open("rb") as file:
                raw = file.read(largest + 1)
            yield name, raw


def put_aside(maildir: Path, name: str) -> None:
    """Mark a message as read, as mail programs do: in ``cur``, with the flag "seen"."""
    (maildir / "cur").mkdir(exist_ok=True)
    with suppress(FileNotFoundError):
        (maildir / "new" / name).replace(maildir / "cur" / f"{name.partition(':')[0]}:2,S")


def _is_called(path: Path, wanted: bytes) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        return False
    # A text may quote a message id, so a hit counts only where the header says so.
    return wanted in head and str(BytesHeaderParser().parsebytes(head)["Message-ID"]).strip().encode() == wanted


def _names(maildir: Path) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(maildir / "new") if NAME.match(entry.name)]
    except FileNotFoundError:
        return []


def _age(name: str) -> tuple[int, int, int]:
    seconds, rest = name.split(".")[:2]
    return int(seconds), int(rest[1:7]), int(rest.partition("Q")[2])


def _summary(maildir: Path, name: str) -> Kept | None:
    try:
        with (maildir / "new" / name).open("rb") as file:
            head = BytesHeaderParser(policy=policy.default).parsebytes(file.read(HEAD))
    except FileNotFoundError:
        return None
    seconds, micros, _ = _age(name)
    return Kept(
        name=name,
        arrived_at=datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros),
        sender=str(head["From"] or ""),
        recipient=str(head["Delivered-To"] or head["To"] or ""),
        subject=str(head["Subject"] or ""),
    )
