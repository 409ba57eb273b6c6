"""Packing an export: one short turn at a time, from where the last one stopped."""

from __future__ import annotations

import csv
import hashlib
import io
import logging
import time
from collections.abc import Iterable
from datetime import datetime

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError

from portal import clock, fault
from portal.database import Busy, db
from portal.documents.storage import Store
from portal.errors import Fenced
from portal.events import rooms
from portal.grid.spreadsheet import safe_cell
from portal.grid.wording import N_
from portal.packing import BrokenZip, Digest, NoSpace, Pack, Shelf, copy_beginning, entry_name
from portal.queries.documents import store_root
from portal.queries.downloads import Line, bytes_to_pack, each_line, list_lines, names_in_use, shelf_of
from portal.realtime import ring
from portal.reference import formatted
from portal.services import downloads
from portal.services.downloads import Turn
from portal.tasks import queue
from portal.vocabulary import ItemState, Production

log = logging.getLogger(__name__)

TURN = fault.wait("TURN", 3).total_seconds()
"""Seconds of one turn; then the next export that waits has its own, so that nobody waits for a long one."""

COMMIT_EVERY = 1.0
"""Seconds after which what was packed is committed; what a crash undoes is no more than that."""

BEAT_EVERY = 5.0
"""Seconds after which the lease is renewed where nothing is committed for long."""

PAUSES = (0.0, 0.5, 1, 2, 4)
"""Seconds before each time that a turn is handed back to a database that was away."""

AT_ONCE = 500
"""Documents looked up together."""

STEP = 16 * 1024 * 1024
"""Bytes after which what was packed is hashed beside the packing."""

SPARE = 16 * 1024 * 1024
"""Bytes that must stay free beside twice what is to be packed."""

MANIFEST = "manifest.csv"
NOT_INCLUDED = "not-included.csv"

PENDING = N_("It is not drawn yet.")
FAILED = N_("It could not be drawn.")
MISSING = N_("Its file cannot be found. Please report an issue.")
UNREADABLE = N_("Its file cannot be read. Please report an issue.")
CHANGED = N_("Its file is not what was issued, so it is not handed out. Please report an issue.")


def pack(_download_id: int) -> None:
    """Pack for one turn; ring again when something is left.

    A ring says that there is work. Whose turn it is, is decided by who waited longest (``downloads.claim``).
    """
    turn = downloads.claim()
    if turn is None:
        return
    shelf = shelf_of(current_app.config["PORTAL_DATA"])
    try:
        finished = _Packing(turn, shelf).run(time.monotonic() + TURN)
    except Fenced:
        log.warning("export %s was taken over by another worker, or removed", turn.download_id)
        return
    except NoSpace:
        _forget(turn, shelf, downloads.NO_SPACE)
        return
    except (SQLAlchemyError, Busy) as error:
        log.warning("export %s waits for the database: %s", turn.download_id, type(error).__name__)
        _hand_back(turn)
        return
    except BrokenZip as error:
        log.error("the part of export %s is broken (%s); it is begun anew", turn.download_id, error)
        _miss(turn, shelf, begin_anew=True)
        return
    except Exception as error:
        log.exception("export %s did not work", turn.download_id)
        _miss(turn, shelf, why=f"Packing failed: {type(error).__name__}. It was tried three times.")
        return
    if not finished:
        # The sweeper would ring for one turn every five seconds only.
        queue.ring(queue.DOWNLOADS, turn.download_id)


def _hand_back(turn: Turn) -> None:
    """Take back the attempt, so that three bad moments of the database put no document under suspicion.

    A database that restarts is waited for. Where it stays away the lease runs out, the attempt counts, and somebody
    goes on.
    """
    for pause in PAUSES:
        time.sleep(pause)
        db.session.remove()
        try:
            return downloads.hand_back(turn)
        except Fenced:
            return
        except (SQLAlchemyError, Busy) as error:
            log.warning("export %s could not be handed back: %s", turn.download_id, type(error).__name__)


def _forget(turn: Turn, shelf: Shelf, why: str) -> None:
    """Give an export up, and leave nothing of it on the disk."""
    try:
        downloads.fail(turn, why)
    except Fenced:
        return
    shelf.keep_only(turn.download_id)


def _miss(turn: Turn, shelf: Shelf, *, why: str = downloads.STOPPED, begin_anew: bool = False) -> None:
    db.session.rollback()
    try:
        if begin_anew:
            downloads.start_over(turn)
        downloads.miss(turn, why)
    except Fenced:
        return
    if begin_anew or turn.attempts >= downloads.claims.MOST_ATTEMPTS:
        shelf.keep_only(turn.download_id)


class _Packing:
    """One turn: its file, and how far it has come."""

    def __init__(self, turn: Turn, shelf: Shelf) -> None:
        self.turn = turn
        self.shelf = shelf
        self.store = Store(store_root(current_app.config["PORTAL_DATA"]))
        self.done = turn.done
        self.included = turn.done - turn.left_out
        self.left_out: dict[int, str] = {}
        self.file = turn.file
        self.is_known = False
        self.handed = 0
        self.committed = self.heard_of = time.monotonic()
        self.ticker = ring.Ticker(rooms.centre_downloads(turn.centre_id))

    def run(self, end: float) -> bool:
        """Pack until the end of the turn; say whether the export is finished."""
        shelf, turn = self.shelf, self.turn
        shelf.make()
        if turn.done < turn.total and shelf.free() < 2 * bytes_to_pack(turn.download_id, after=turn.done) + SPARE:
            raise NoSpace
        try:
            self.pack = self._open()
        except BrokenZip:
            log.warning("the part of export %s is gone or cut short; it is begun anew", turn.download_id)
            downloads.start_over(turn)
            shelf.forget(turn.file)
            self.done = self.included = 0
            self.is_known = False
            self.file = shelf.name_of(turn.download_id, turn.claim.token)
            self.pack = Pack(shelf.path(self.file))
        self.digest = Digest(self.pack.path)
        try:
            self._pack_until(end)
            if self.done < turn.total:
                downloads.release(turn)
                return False
            self._finish()
        except BaseException:
            if not self.is_known:
                # The database has never heard of this file.
                self.pack.path.unlink(missing_ok=True)
            raise
        finally:
            self.digest.abandon()
            self.pack.close()
        return True

    def _open(self) -> Pack:
        """The part as the database knows it: our own to go on with, or a copy of one whose writer may still live."""
        turn, shelf = self.turn, self.shelf
        if turn.file and not turn.orphaned:
            self.is_known = True
            return Pack(shelf.path(turn.file), entries=self.included)
        self.file = shelf.name_of(turn.download_id, turn.claim.token)
        part = shelf.path(self.file)
        if self.included:
            source = shelf.find(turn.file)
            if source is None:
                raise BrokenZip("It is not there.")
            try:
                copy_beginning(source, part, entries=self.included, on=self._beat)
            except BaseException:
                # The database has never heard of this file either.
                part.unlink(missing_ok=True)
                raise
        return Pack(part, entries=self.included)

    def _pack_until(self, end: float) -> None:
        turn = self.turn
        with self.ticker:
            while self.done < turn.total:
                for line in list_lines(turn.download_id, after=self.done, most=AT_ONCE):
                    fault.point("export_before_item", line.document_id)
                    if line.state is ItemState.WAITING:
                        self._take(line)
                    self.done = line.position
                    fault.point("export_after_item", line.document_id)
                    self.ticker({"id": turn.download_id, "done": self.done, "total": turn.total})
                    # After a turn that ended badly each document is committed, so that it is known which one does it.
                    if turn.attempts > 1 or time.monotonic() - self.committed > COMMIT_EVERY:
                        self._commit()
                    if time.monotonic() > end:
                        return self._commit()
            self._commit()

    def _take(self, line: Line) -> None:
        try:
            data = self._read(line)
        except _LeftOut as error:
            self.left_out[line.position] = str(error)
        else:
            fault.point("export_before_item_write", line.document_id)
            self.pack.add(name_of(line), data, clock.as_uk(line.drawn_at) if line.drawn_at else datetime(1980, 1, 1))  # noqa: DTZ001
            self.included += 1
            if self.pack.position - self.handed >= STEP:
                self.handed = self.pack.flush()
                self.digest.reach(self.handed)

    def _read(self, line: Line) -> bytes:
        if line.production is not Production.COMPLETED or not line.sha256:
            raise _LeftOut(FAILED if line.production is Production.FAILED else PENDING)
        try:
            with self.store.open(line.sha256, ".pdf") as file:
                # One byte more than there should be is enough to know.
                data = file.read(line.size + 1)
        except FileNotFoundError:
            raise _LeftOut(MISSING) from None
        except (OSError, ValueError) as error:
            log.error("document %s cannot be read for an export: %s", line.document_id, error)
            raise _LeftOut(UNREADABLE) from None
        if len(data) != line.size or hashlib.sha256(data).hexdigest() != line.sha256:
            log.error("the stored file of document %s is not what was issued", line.document_id)
            raise _LeftOut(CHANGED)
        return data

    def _commit(self) -> None:
        self.digest.reach(self.pack.flush())
        downloads.progress(self.turn, done=self.done, left_out=self.left_out, file=self.file)
        self.left_out = {}
        self.is_known = True
        self.committed = self.heard_of = time.monotonic()
        if self.turn.orphaned:
            # Whoever wrote the others died, or finds at its next commit that nothing here is its any more.
            self.shelf.keep_only(self.turn.download_id, self.file)

    def _beat(self) -> None:
        """Renew the lease now and then: copying, checking and hashing a large zip takes longer than it lasts."""
        if time.monotonic() - self.heard_of >= BEAT_EVERY:
            downloads.beat(self.turn)
            self.heard_of = time.monotonic()

    def _finish(self) -> None:
        turn, pack = self.turn, self.pack
        ident = turn.download_id
        if not self.included:
            downloads.fail(turn, _why_nothing(ident))
            pack.path.unlink(missing_ok=True)
            return
        fault.point("export_before_zip_close", ident)
        moment = clock.as_uk(clock.now())
        extra = [(MANIFEST, _manifest(ident))]
        if self.included < turn.total:
            extra.append((NOT_INCLUDED, _not_included(ident)))
        for name, data in extra:
            pack.add(name, data, moment)
        self._beat()
        size = pack.close_up()
        fault.point("export_after_close_before_fsync", ident)
        pack.sync()
        self._beat()
        pack.check(self.included + len(extra), on=self._beat)
        sha256 = self.digest.end(size, on=self._beat)
        fault.point("export_after_fsync_before_rename", ident)
        done = self.shelf.finish(pack.path)
        fault.point("export_after_rename_before_commit", ident)
        try:
            downloads.complete(turn, file=done.name, size=size, sha256=sha256)
        except Fenced:
            done.unlink(missing_ok=True)
            raise
        fault.point("export_after_commit", ident)


class _LeftOut(Exception):
    """This document cannot be delivered; the message says why, for people to read."""


def name_of(line: Line) -> str:
    """The name of a document's file in the zip."""
    return entry_name(line.learner, line.kind.label, formatted(line.reference))


def _manifest(download_id: int) -> bytes:
    """What is in the zip, and what each document is worth at this moment."""
    day = clock.today()
    head = ["Reference", "Learner", "Enrolment number", "Qualification number", "Qualification", "Type"]
    head += [f"Status on {clock.uk_text(clock.now())}", "SHA-256", "File"]
    return _csv(
        head,
        (
            [*_facts(line), line.validity_on(day).label, line.sha256, name_of(line)]
            for line in each_line(download_id, ItemState.INCLUDED)
        ),
    )


def _not_included(download_id: int) -> bytes:
    """What was left out, and why."""
    head = ["Reference", "Learner", "Enrolment number", "Qualification number", "Qualification", "Type", "Why"]
    return _csv(head, ([*_facts(line), line.reason] for line in each_line(download_id, ItemState.LEFT_OUT)))


def _facts(line: Line) -> list[str]:
    return [
        formatted(line.reference),
        line.learner,
        line.enrolment_number,
        line.qualification_number,
        line.qualification_title,
        line.kind.label,
    ]


def _csv(head: list[str], rows: Iterable[list[str]]) -> bytes:
    """A file that a spreadsheet opens without running anything: UTF-8 with a byte order mark, cells that stay text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([_(word) if not word.startswith("Status") else word for word in head])
    writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode("utf-8", "replace")


def _why_nothing(download_id: int) -> str:
    """The sentence of an export that could deliver nothing, with the reason of the first document."""
    first = next(each_line(download_id, ItemState.LEFT_OUT), None)
    return f"{downloads.NOTHING} The first of them: {first.reason}" if first else downloads.NOTHING


def expire() -> None:
    """Let what is over expire: first the row says so, then the file goes."""
    shelf = shelf_of(current_app.config["PORTAL_DATA"])
    while over := downloads.expire_next():
        ident, file = over
        fault.point("export_before_expire_unlink", ident)
        shelf.forget(file)
        fault.point("export_after_expire_unlink", ident)


def clear_away(*, seconds: float) -> None:
    """Remove files that no row names: of writers that died at a bad moment, of unlinks that never came."""
    named = names_in_use()
    db.session.close()
    gone = shelf_of(current_app.config["PORTAL_DATA"]).forget_others(named, seconds=seconds)
    if gone:
        log.warning("%s files of downloads belonged to nobody and were removed", gone)
