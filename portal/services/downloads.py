"""Downloads: asking for an export, packing it in short turns, handing the zip over, and clearing it away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, insert, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from portal import clock, fault
from portal.access import scope
from portal.access.actor import SYSTEM, Actor
from portal.access.permissions import Permission
from portal.database import database_now, db
from portal.errors import Expired, Fenced, Invalid, NotFound, WrongMove
from portal.events.catalogue import (
    DownloadFinished,
    DownloadRemoved,
    DownloadRequested,
    DownloadTaken,
    DownloadWentOn,
)
from portal.grid import BadQuery, Grid, Selection, selected
from portal.grid.wording import N_
from portal.models.documents import Document
from portal.models.downloads import Download, DownloadItem
from portal.models.records import Record
from portal.services import claims, throttles
from portal.unit_of_work import unit_of_work
from portal.vocabulary import Arrival, DownloadState, ItemState, Kind, may_move

LONGEST_NAME = 120
LONGEST_DESCRIPTION = 300

MOST_RECORDS = 10_000
"""More than this goes into several exports, so that no zip grows too large to be fetched."""

REQUESTS = throttles.Limit("export:user", 30, timedelta(minutes=1), "That is a lot of exports in one minute.")

MOST_POISON = 3
"""Documents of one export that may stop a worker for good before the export itself is given up."""

HANDED_BACK = timedelta(seconds=5)
"""How long an export rests after a turn that was handed back."""

SILENT_AFTER = fault.wait("HANDING", 120)
"""A handing over that nobody heard of for so long was broken off: its web process died."""

NO_SPACE = N_("There is no space left on the disk for this file. Try again later, or export fewer records.")
NOTHING = N_("None of the documents could be delivered.")
STOPPED = N_("Packing this export stopped the worker each time it was tried. Please report an issue.")
POISON = N_("Packing this document stopped the worker each time it was tried.")
LOST = N_("The file was damaged or lost, and was taken away. You can have it made again.")
NOT_NOW = N_("The file cannot be read at this moment. Please try again in a moment.")
NOT_READY = N_("This file is not ready yet. It appears in Downloads when it is.")
HAS_FAILED = N_("There is no file: this export failed. Downloads says why.")
IS_EXPIRED = N_("This file has expired and was deleted. Export the records again to have a new one.")

ACTIVE = (DownloadState.PENDING, DownloadState.PROCESSING)


@dataclass(frozen=True, slots=True)
class Turn:
    """A claimed export as it stands at the beginning of one turn of packing."""

    claim: claims.Claim
    download_id: int
    centre_id: int
    total: int
    done: int
    left_out: int
    file: str
    attempts: int
    orphaned: bool
    """Whether the one who had it before died, or may still be alive and writing its file."""


# ── Asking for one ───────────────────────────────────────────────────────────────────────────────────────────────


def request(
    grid: Grid,
    selection: Selection,
    *,
    name: str,
    key: str,
    days: int,
    actor: Actor,
    within: Mapping[str, Any] | None = None,
    description: str = "",
    shown: int | None = None,
) -> int:
    """Ask for an export of what is selected in a list of records or of documents; give its id.

    Everything is frozen at once: which documents, in which order. ``key`` belongs to one form: the same form sent twice
    makes one export. ``shown`` is how many rows the person was told; another number is a ``WrongMove`` and nothing is
    made. Raises ``Invalid``, ``NotFound`` when one row is not theirs, and ``Throttled``.
    """
    actor.require(Permission.RECORDS_EXPORT)
    name = read_name(name)
    if not 0 < len(key) <= 40:
        raise Invalid("This form is too old. Please choose the records again.")
    if actor.centre_id is None:
        raise NotFound
    throttles.spend((REQUESTS, str(actor.user_id)), actor=actor)
    with unit_of_work(actor) as record:
        moment = database_now()
        download_id = _insert(
            centre_id=actor.centre_id,
            created_by_id=actor.user_id,
            created_by=actor.name,
            created_at=moment,
            name=name,
            description=description[:LONGEST_DESCRIPTION],
            request_key=f"{actor.user_id}:{key}",
            expires_at=moment + timedelta(days=days),
        )
        if download_id is None:
            return db.session.scalars(select(Download.id).where(Download.request_key == f"{actor.user_id}:{key}")).one()
        keys = _keys(grid, selection, actor, dict(within or {}))
        if shown is not None and shown != len(keys):
            raise WrongMove("What you chose has changed in the meantime. Please look at the number again.")
        records, total = _freeze(download_id, grid, keys, actor)
        db.session.execute(update(Download).where(Download.id == download_id).values(records=records, total=total))
        fault.point("export_after_row", download_id)
        record(DownloadRequested(download_id=download_id, centre_id=actor.centre_id, documents=total))
    return download_id


def read_name(text: str) -> str:
    """The name of an export as it is kept. Raises ``Invalid``."""
    if any(
        ord(character) < 32 or 0x7F <= ord(character) < 0xA0 or 0xD800 <= ord(character) < 0xE000 for character in text
    ):
        raise Invalid("Write the name in one line, without special control characters.", field="name")
    text = " ".join(text.split())
    if not text:
        raise Invalid("Give the file a name, so that you find it in Downloads.", field="name")
    if len(text) > LONGEST_NAME:
        raise Invalid(f"Write the name in at most {LONGEST_NAME} characters.", field="name")
    return text


def most_of(grid: Grid) -> int:
    """How many rows of a list one export may hold: records, or documents, of which a record has up to three."""
    return MOST_RECORDS if grid.key.class_ is Record else 3 * MOST_RECORDS


def _insert(**values: Any) -> int | None:
    """Add the row; ``None`` when this form made one already."""
    dialect = postgresql if db.session.get_bind().dialect.name == "postgresql" else sqlite
    row = {"state": DownloadState.PENDING, "arrival": Arrival.NONE, "failure": "", "sha256": "", "size": 0, "file": ""}
    row |= {"records": 0, "total": 0, "done": 0, "left_out": 0, "downloads": 0, "downloaded_by": "", "handed_over": []}
    row |= {"claim_token": 0, "attempts": 0}
    return db.session.scalar(
        dialect.insert(Download)
        .values(**row, **values)
        .on_conflict_do_nothing(index_elements=[Download.request_key])
        .returning(Download.id)
    )


def _keys(grid: Grid, selection: Selection, actor: Actor, within: dict[str, Any]) -> list[int]:
    most = most_of(grid)
    try:
        return selected(grid, db.session(), selection, actor, most=most, **within)
    except BadQuery as error:
        if error.field == "selection" and error.values:
            raise Invalid(
                f"An export holds at most {most:,} {grid.things}. Split it: search or filter, and make several."
            ) from error
        raise


def _freeze(download_id: int, grid: Grid, keys: Sequence[int], actor: Actor) -> tuple[int, int]:
    """Write down the documents in the order of the zip; give how many records and documents there are."""
    chosen = Document.record_id if grid.key.class_ is Record else Document.id
    in_order = (func.lower(Record.last_name), func.lower(Record.first_name), Record.id, _KIND_ORDER, Document.id)
    documents = (
        scope.documents(actor)
        .join(Record, Record.id == Document.record_id)
        .where(chosen.in_(keys))
        .with_only_columns(
            literal(download_id),
            func.row_number().over(order_by=in_order),
            Document.id,
            literal(ItemState.WAITING.value),
            literal(""),
        )
    )
    columns = ["download_id", "position", "document_id", "state", "reason"]
    total: int = db.session.execute(insert(DownloadItem).from_select(columns, documents)).rowcount  # type: ignore[attr-defined]
    if grid.key.class_ is Record:
        return len(keys), total
    counted = select(func.count(Document.record_id.distinct())).where(Document.id.in_(keys))
    return db.session.scalar(counted) or 0, total


_KIND_ORDER = case((Document.kind == Kind.CERTIFICATE, 0), (Document.kind == Kind.TRANSCRIPT, 1), else_=2)


def again(download_id: int, *, days: int, actor: Actor) -> None:
    """Have a failed export made again, of the same documents."""
    actor.require(Permission.RECORDS_EXPORT)
    throttles.spend((REQUESTS, str(actor.user_id)), actor=actor)
    with unit_of_work(actor) as record:
        download = scope.load(scope.downloads(actor), download_id, lock=True)
        _move(download, DownloadState.PENDING)
        download.failure = ""
        download.attempts = 0
        download.lease_until = download.next_attempt_at = download.finished_at = None
        download.claim_token = 0
        download.expires_at = database_now() + timedelta(days=days)
        _reset(download)
        record(DownloadRequested(download_id=download.id, centre_id=download.centre_id, documents=download.total))


def remove(download_id: int, *, actor: Actor) -> str:
    """Take an export off the list, whatever its state; give the name of the file that is to be deleted.

    A worker that packs it at this moment finds its claim gone and stops.
    """
    actor.require(Permission.RECORDS_EXPORT)
    with unit_of_work(actor) as record:
        download = scope.load(scope.downloads(actor), download_id, lock=True)
        file, download.file = download.file, ""
        download.removed_at = clock.now()
        download.claim_token = 0
        download.lease_until = None
        record(DownloadRemoved(download_id=download.id, centre_id=download.centre_id))
    return file


# ── Packing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def claim() -> Turn | None:
    """Take the export whose turn it is; ``None`` when none waits.

    The centre that waited longest comes first, and of its exports the one that waited longest: a large export, or many
    of one centre, keep nobody else from theirs.
    """
    with unit_of_work(SYSTEM) as record:
        for ident in _in_turn():
            before = db.session.scalars(select(Download.claim_token).where(Download.id == ident)).one()
            taken = claims.take(Download, Download.id == ident, *_waiting())
            if taken is not None:
                break
        else:
            return None
        download = db.session.get_one(Download, ident, populate_existing=True)
        if download.state is DownloadState.PENDING:
            download.state = DownloadState.PROCESSING
            record(DownloadWentOn(download_id=download.id, centre_id=download.centre_id))
        turn = Turn(
            claim=taken,
            download_id=download.id,
            centre_id=download.centre_id,
            total=download.total,
            done=download.done,
            left_out=download.left_out,
            file=download.file,
            attempts=download.attempts,
            orphaned=before != 0,
        )
    fault.point("export_after_claim", turn.download_id)
    return turn


def _waiting() -> tuple[ColumnElement[bool], ...]:
    return (
        Download.state.in_(ACTIVE),
        Download.removed_at.is_(None),
        Download.attempts < claims.MOST_ATTEMPTS,
    )


def _in_turn() -> Sequence[int]:
    """The exports that wait for somebody, the fairest first. At the end of a turn ``next_attempt_at`` is its moment."""
    served = func.max(Download.next_attempt_at).over(partition_by=Download.centre_id)
    waiting = (
        select(
            Download.id,
            served.label("served"),
            Download.next_attempt_at.label("last"),
            case((claims.due(Download), 1), else_=0).label("due"),
        )
        .where(*_waiting())
        .subquery()
    )
    return db.session.scalars(
        select(waiting.c.id)
        .where(waiting.c.due == 1)
        .order_by(waiting.c.served.nulls_first(), waiting.c.last.nulls_first(), waiting.c.id)
        .limit(5)
    ).all()


def list_due() -> list[int]:
    """Exports that wait for somebody now."""
    return list(db.session.scalars(select(Download.id).where(*_waiting(), claims.due(Download)).order_by(Download.id)))


def progress(turn: Turn, *, done: int, left_out: Mapping[int, str], file: str) -> None:
    """Commit how far the packing has come: everything up to position ``done`` is in the file or left out.

    ``left_out`` are positions with reasons since the last commit. Whoever watches hears ticks; nobody is told of this.
    Raises ``Fenced`` when somebody else has the export by now, or it was removed.
    """
    with unit_of_work(SYSTEM):
        missed = _settle_items(turn.download_id, done, left_out)
        _write(
            turn,
            done=done,
            left_out=Download.left_out + missed,
            file=file,
            lease_until=database_now() + claims.LEASE,
        )


def beat(turn: Turn) -> None:
    """Say that the packing goes on though there is nothing to commit. Raises ``Fenced``, as ``progress`` does."""
    with unit_of_work(SYSTEM):
        claims.beat(turn.claim)


def _settle_items(download_id: int, done: int, left_out: Mapping[int, str]) -> int:
    of_it = and_(DownloadItem.download_id == download_id, DownloadItem.state == ItemState.WAITING)
    missed = 0
    for position, reason in left_out.items():
        missed += db.session.execute(  # type: ignore[attr-defined]
            update(DownloadItem)
            .where(of_it, DownloadItem.position == position)
            .values(state=ItemState.LEFT_OUT, reason=reason[:300])
            .execution_options(synchronize_session=False)
        ).rowcount
    db.session.execute(
        update(DownloadItem)
        .where(of_it, DownloadItem.position <= done)
        .values(state=ItemState.INCLUDED)
        .execution_options(synchronize_session=False)
    )
    return missed


def release(turn: Turn) -> None:
    """End a turn that came on: the next one to wait goes first now, and what was tried before counts no more."""
    with unit_of_work(SYSTEM):
        _write(turn, claim_token=0, lease_until=None, attempts=0, next_attempt_at=database_now())


def start_over(turn: Turn) -> None:
    """Forget what was packed: its file is not what the database says."""
    with unit_of_work(SYSTEM):
        _write(turn, done=0, left_out=0, file="")
        _wait_again(turn.download_id)


def complete(turn: Turn, *, file: str, size: int, sha256: str) -> None:
    """Say that the zip is ready: it lies on the disk under its name, and its bytes have this digest."""
    with unit_of_work(SYSTEM) as record:
        moment = database_now()
        _write(
            turn,
            state=DownloadState.COMPLETED,
            file=file,
            size=size,
            sha256=sha256,
            finished_at=moment,
            # What waited for a long time is there for a day at least.
            expires_at=case(
                (Download.expires_at < moment + timedelta(days=1), moment + timedelta(days=1)),
                else_=Download.expires_at,
            ),
            claim_token=0,
            lease_until=None,
            arrival=Arrival.NONE,
            handed_over=[],
        )
        _tell_finished(record, turn.download_id)


def fail(turn: Turn, why: str) -> None:
    """Give an export up for good, with a sentence; a person may have it tried again."""
    with unit_of_work(SYSTEM) as record:
        _write(turn, **_failed(why))
        _tell_finished(record, turn.download_id)


def miss(turn: Turn, why: str) -> None:
    """Say that a turn did not work; it is tried again a little later, and three times in all."""
    if turn.attempts >= claims.MOST_ATTEMPTS:
        fail(turn, why)
        return
    with unit_of_work(SYSTEM):
        wait = claims.wait_after(turn.attempts)
        _write(turn, claim_token=0, lease_until=None, next_attempt_at=database_now() + wait)


def hand_back(turn: Turn) -> None:
    """Let somebody go on soon with a turn that failed for no fault of the export: it counts as no attempt."""
    with unit_of_work(SYSTEM):
        _write(turn, attempts=Download.attempts - 1, lease_until=database_now() + HANDED_BACK)


def give_up_on_poison() -> None:
    """Leave out what stopped its worker each time, or give the export up where no document is to blame."""
    poison = (Download.state == DownloadState.PROCESSING, Download.removed_at.is_(None))
    worn = (Download.attempts >= claims.MOST_ATTEMPTS, Download.lease_until < database_now())
    for ident in list(db.session.scalars(select(Download.id).where(*poison, *worn))):
        with unit_of_work(SYSTEM) as record:
            download = db.session.scalars(
                select(Download).where(Download.id == ident, *poison, *worn).with_for_update()
            ).one_or_none()
            if download is None:
                continue
            poisoned = db.session.scalar(
                select(func.count()).where(DownloadItem.download_id == ident, DownloadItem.reason == POISON)
            )
            if download.done < download.total and (poisoned or 0) < MOST_POISON:
                # The turns after the first commit each document, so the next one is the one.
                missed = _settle_items(ident, download.done, {download.done + 1: POISON})
                download.done += 1
                download.left_out += missed
                download.attempts = 0
                download.lease_until = None
                record(DownloadWentOn(download_id=ident, centre_id=download.centre_id))
            else:
                for name, value in _failed(STOPPED).items():
                    setattr(download, name, value)
                db.session.flush()
                _tell_finished(record, ident)


def _failed(why: str) -> dict[str, Any]:
    return {
        "state": DownloadState.FAILED,
        "failure": why,
        "file": "",
        "size": 0,
        "finished_at": clock.now(),
        "claim_token": 0,
        "lease_until": None,
    }


def _write(turn: Turn, **values: Any) -> None:
    """Change the row as long as it is ours. Raises ``Fenced``."""
    held = db.session.execute(  # type: ignore[attr-defined]
        update(Download)
        .where(Download.id == turn.download_id, turn.claim.holds(), Download.state == DownloadState.PROCESSING)
        .values(**values)
        .execution_options(synchronize_session=False)
    ).rowcount
    if not held:
        raise Fenced("Somebody else has taken this export over, or it was removed.")


def _tell_finished(record: Any, download_id: int) -> None:
    row = db.session.execute(select(Download.centre_id, Download.created_by_id).where(Download.id == download_id)).one()
    record(DownloadFinished(download_id=download_id, centre_id=row.centre_id, user_id=row.created_by_id))


def _reset(download: Download) -> None:
    download.done = download.left_out = download.size = 0
    download.file = ""
    download.arrival = Arrival.NONE
    download.handed_over = []
    db.session.flush()
    _wait_again(download.id)


def _wait_again(download_id: int) -> None:
    db.session.execute(
        update(DownloadItem)
        .where(DownloadItem.download_id == download_id, DownloadItem.state != ItemState.WAITING)
        .values(state=ItemState.WAITING, reason="")
        .execution_options(synchronize_session=False)
    )


# ── Clearing away ────────────────────────────────────────────────────────────────────────────────────────────────


def expire_next() -> tuple[int, str] | None:
    """Let one zip whose time is over expire; give its id and the name of the file that is to be deleted after this."""
    with unit_of_work(SYSTEM) as record:
        download = db.session.scalars(
            select(Download)
            .where(Download.state == DownloadState.COMPLETED, Download.expires_at <= database_now())
            .order_by(Download.expires_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if download is None:
            return None
        file, download.file = download.file, ""
        _move(download, DownloadState.EXPIRED)
        record(DownloadWentOn(download_id=download.id, centre_id=download.centre_id))
    return download.id, file


def lost(download_id: int, *, sha256: str) -> bool:
    """Say that the file of a zip is not what it was: nobody gets it any more, and it can be made again.

    False when this is no news: it expired, was removed or was made again since it was looked at.
    """
    with unit_of_work(SYSTEM) as record:
        download = db.session.scalars(select(Download).where(Download.id == download_id).with_for_update()).one()
        is_it = download.state is DownloadState.COMPLETED and download.sha256 == sha256 and download.removed_at is None
        if is_it:
            for name, value in _failed(LOST).items():
                setattr(download, name, value)
            record(DownloadWentOn(download_id=download.id, centre_id=download.centre_id))
    return is_it


# ── Handing over ─────────────────────────────────────────────────────────────────────────────────────────────────


def require_ready(download: Download) -> None:
    """Raise what stands in the way of handing a zip over."""
    if download.state is DownloadState.EXPIRED or (download.expires_at and download.expires_at <= clock.now()):
        if download.state in (DownloadState.COMPLETED, DownloadState.EXPIRED):
            raise Expired(IS_EXPIRED)
    if download.state is DownloadState.FAILED:
        raise WrongMove(HAS_FAILED)
    if download.state is not DownloadState.COMPLETED:
        raise WrongMove(NOT_READY)


def begin_handing(download_id: int, *, actor: Actor) -> None:
    """Say that bytes of a zip begin to leave for somebody's browser."""
    with unit_of_work(actor) as record:
        download = scope.load(scope.downloads(actor), download_id, lock=True)
        require_ready(download)
        if download.arrival is Arrival.WHOLE or download.downloaded_by_id != actor.user_id:
            download.handed_over = []
        if download.arrival is not Arrival.UNDER_WAY or download.downloaded_by_id != actor.user_id:
            record(DownloadWentOn(download_id=download.id, centre_id=download.centre_id))
        download.arrival = Arrival.UNDER_WAY
        download.downloaded_at = clock.now()
        download.downloaded_by_id, download.downloaded_by = actor.user_id, actor.name


def beat_handing(download_id: int) -> None:
    """Say that bytes still leave."""
    with unit_of_work(SYSTEM):
        db.session.execute(
            update(Download)
            .where(Download.id == download_id, Download.arrival == Arrival.UNDER_WAY)
            .values(downloaded_at=clock.now())
        )


def end_handing(download_id: int, *, start: int, sent: int, promised: int, sha256: str, actor: Actor) -> None:
    """Say how one answer ended: of the ``promised`` bytes from ``start`` so many were ``sent``.

    The zip has arrived when everything has left, in one piece or in ranges that together are the whole.
    """
    with unit_of_work(actor) as record:
        download = db.session.scalars(
            select(Download).where(Download.id == download_id).with_for_update()
        ).one_or_none()
        if download is None or download.sha256 != sha256:
            return
        pieces = merged([*download.handed_over, [start, start + sent]])
        download.downloaded_at = clock.now()
        download.downloaded_by_id, download.downloaded_by = actor.user_id, actor.name
        facts = {"download_id": download.id, "centre_id": download.centre_id}
        if pieces == [[0, download.size]]:
            download.arrival, download.handed_over = Arrival.WHOLE, []
            download.downloads += 1
            record(DownloadTaken(**facts, whole=True))
        elif sent < promised:
            download.arrival, download.handed_over = Arrival.BROKEN_OFF, pieces
            record(DownloadTaken(**facts, whole=False))
        else:
            download.handed_over = pieces


def merged(pieces: Sequence[Sequence[int]], *, most: int = 200) -> list[list[int]]:
    """Pieces that touch or overlap become one; of too many the first ones are kept."""
    whole: list[list[int]] = []
    for start, end in sorted((piece[0], piece[1]) for piece in pieces if piece[1] > piece[0]):
        if whole and start <= whole[-1][1]:
            whole[-1][1] = max(whole[-1][1], end)
        else:
            whole.append([start, end])
    return whole[:most]


def settle_silent() -> None:
    """Call broken off what nobody has heard of for a while: the process that handed it over is dead."""
    silent = (Download.arrival == Arrival.UNDER_WAY, Download.downloaded_at < clock.now() - SILENT_AFTER)
    if not db.session.scalar(select(Download.id).where(*silent).limit(1)):
        return
    with unit_of_work(SYSTEM) as record:
        for download in db.session.scalars(select(Download).where(*silent).limit(100).with_for_update()):
            download.arrival = Arrival.BROKEN_OFF
            record(DownloadWentOn(download_id=download.id, centre_id=download.centre_id))


def _move(download: Download, new: DownloadState) -> None:
    if not may_move(download.state, new):
        raise WrongMove(f"This export is {download.state.label.lower()} and cannot become {new.label.lower()}.")
    download.state = new
