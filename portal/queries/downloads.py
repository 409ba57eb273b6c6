"""Reading downloads: the list of a centre, one of them with what was left out, and what the packing needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Select, func, literal, select

from portal import clock
from portal.access import scope
from portal.access.actor import Actor
from portal.database import db
from portal.events import rooms
from portal.grid import Action, Column, DateRange, Grid, OneOf, Selection, Text, selected
from portal.grid import count as count_all
from portal.grid.wording import N_
from portal.models.documents import Document
from portal.models.downloads import Download, DownloadItem
from portal.models.records import Record
from portal.packing import Shelf
from portal.vocabulary import DownloadState, ItemState, Kind, Production, Validity

SHOWN = 200
"""Left-out documents that a page lists; the zip's own list has all."""

BATCH = 500


def shelf_of(data: Path) -> Shelf:
    """The folder of the zips inside ``PORTAL_DATA``."""
    return Shelf(data / "downloads")


def get_download(download_id: int, *, actor: Actor) -> Download:
    """An export that the actor may see. Raises ``NotFound``."""
    return scope.load(scope.downloads(actor), download_id)


def ready(actor: Actor) -> Select[Download]:
    """The zips that wait to be fetched by the actor's centre."""
    return scope.downloads(actor).where(Download.state == DownloadState.COMPLETED, Download.expires_at > clock.now())


def ready_count(actor: Actor) -> int:
    """How many zips wait to be fetched by the actor's centre."""
    return db.session.scalar(ready(actor).with_only_columns(func.count())) or 0


def names_in_use() -> list[str]:
    """The files that rows name; every other one is nobody's."""
    return list(db.session.scalars(select(Download.file).where(Download.file != "")))


# ── Before it is asked for ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Asked:
    """What an export of a selection would hold; ``upto`` freezes "all that match" at this moment."""

    rows: int
    records: int
    documents: int
    drawn: int
    upto: int | None

    @property
    def not_drawn(self) -> int:
        """Documents that would be left out, because there is no file of them."""
        return self.documents - self.drawn


def what_to_export(grid: Grid, selection: Selection, *, actor: Actor, most: int, **within: Any) -> Asked:
    """Count what is selected in a list of records or of documents. Raises ``BadQuery`` and ``NotFound``."""
    keys = selected(grid, db.session(), selection, actor, most=most, **within)
    chosen = Document.record_id if grid.key.class_ is Record else Document.id
    records, documents, drawn = db.session.execute(
        scope.documents(actor)
        .where(chosen.in_(keys))
        .with_only_columns(
            func.count(Document.record_id.distinct()),
            func.count(),
            func.count().filter(Document.production == Production.COMPLETED),
        )
    ).one()
    upto = selection.upto
    if selection.is_all and upto is None:
        upto = count_all(grid, db.session(), selection.question, actor, **within)[1]
    return Asked(len(keys), records, documents, drawn, upto)


# ── While it is packed ───────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Line:
    """One document of an export."""

    position: int
    document_id: int
    state: ItemState
    reason: str
    kind: Kind
    reference: str
    production: Production
    failure: str
    validity: Validity
    expires_on: date | None
    drawn_at: datetime | None
    sha256: str
    size: int
    first_name: str
    last_name: str
    enrolment_number: str
    qualification_number: str
    qualification_title: str

    @property
    def learner(self) -> str:
        """``Duck, Donald``: the way people sort."""
        return ", ".join(part for part in (self.last_name, self.first_name) if part)

    def validity_on(self, day: date) -> Validity:
        """What the document is worth on a day."""
        if self.validity is Validity.VALID and self.expires_on is not None and self.expires_on < day:
            return Validity.EXPIRED
        return self.validity


def list_lines(download_id: int, *, after: int = 0, most: int = BATCH, state: ItemState | None = None) -> list[Line]:
    """The next documents of an export behind a position, in the order of the zip."""
    file = Document.files["digital"]
    wanted = (
        select(
            DownloadItem.position,
            DownloadItem.document_id,
            DownloadItem.state,
            DownloadItem.reason,
            Document.kind,
            Document.reference,
            Document.production,
            Document.failure,
            Document.validity,
            Document.expires_on,
            Document.drawn_at,
            func.coalesce(file["sha256"].as_string(), ""),
            func.coalesce(file["size"].as_integer(), 0),
            Record.first_name,
            Record.last_name,
            Record.enrolment_number,
            Record.qualification_number,
            Record.qualification_title,
        )
        .join(Document, Document.id == DownloadItem.document_id)
        .join(Record, Record.id == Document.record_id)
        .where(DownloadItem.download_id == download_id, DownloadItem.position > after)
        .order_by(DownloadItem.position)
        .limit(most)
    )
    if state is not None:
        wanted = wanted.where(DownloadItem.state == state)
    lines = [Line(*tuple(row)) for row in db.session.execute(wanted)]
    # Packing takes a while; no transaction stays open meanwhile.
    db.session.close()
    return lines


def each_line(download_id: int, state: ItemState) -> Iterator[Line]:
    """Every document of an export that is in this state, read in batches."""
    after = 0
    while lines := list_lines(download_id, after=after, state=state):
        yield from lines
        after = lines[-1].position


def bytes_to_pack(download_id: int, *, after: int) -> int:
    """How many bytes of documents are still to be packed, as far as is known."""
    size = Document.files["digital"]["size"].as_integer()
    found = db.session.scalar(
        select(func.sum(size))
        .select_from(DownloadItem)
        .join(Document, Document.id == DownloadItem.document_id)
        .where(DownloadItem.download_id == download_id, DownloadItem.position > after)
    )
    db.session.close()
    return int(found or 0)


def list_left_out(download: Download) -> Sequence[Any]:
    """The first documents that were left out, with learner, kind, reference, record and reason."""
    return db.session.execute(
        select(
            DownloadItem.position,
            DownloadItem.reason,
            Document.kind,
            Document.reference,
            Document.record_id,
            Record.first_name,
            Record.last_name,
        )
        .join(Document, Document.id == DownloadItem.document_id)
        .join(Record, Record.id == Document.record_id)
        .where(DownloadItem.download_id == download.id, DownloadItem.state == ItemState.LEFT_OUT)
        .order_by(DownloadItem.position)
        .limit(SHOWN)
    ).all()


# ── The list ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _downloads(actor: Actor, **_within: Any) -> Select[Any]:
    return scope.downloads(actor)


def _can_be_fetched(row: Any) -> bool:
    return row.status is DownloadState.COMPLETED


def _never_was(row: Any) -> bool:
    return row.status is DownloadState.FAILED and not row.sha256


def _was_lost(row: Any) -> bool:
    return row.status is DownloadState.FAILED and bool(row.sha256)


DOWNLOADS = Grid(
    name="downloads",
    title=N_("Downloads"),
    thing=N_("download"),
    things=N_("downloads"),
    key=Download.id,
    select=_downloads,
    room=lambda actor: rooms.centre_downloads(actor.centre_id or 0),
    default_sort="-expiration_time",
    cells="grids/downloads.html",
    search=[Download.created_by],
    also={
        "created_by": Download.created_by,
        "created_at": Download.created_at,
        "records": Download.records,
        "total": Download.total,
        "done": Download.done,
        "left_out": Download.left_out,
        "size": Download.size,
        "sha256": Download.sha256,
        "failure": Download.failure,
        "arrival": Download.arrival,
        "downloaded_at": Download.downloaded_at,
        "downloaded_by": Download.downloaded_by,
        "back": literal("downloads"),
    },
    columns=[
        Column("name", N_("Name"), Download.name, sort=True, search=True, filter=Text(), cell="name"),
        Column(
            "description",
            N_("Description"),
            Download.description,
            sort=True,
            search=True,
            filter=Text(),
            cell="description",
        ),
        Column("type", N_("Type"), literal("Documents"), cell="type"),
        Column(
            "status", N_("Status"), Download.state, sort=True, filter=OneOf(DownloadState), cell="status", kind="status"
        ),
        Column(
            "expiration_time",
            N_("ExpirationTime"),
            Download.expires_at,
            sort=(Download.expires_at,),
            filter=DateRange(),
            cell="expiration_time",
            kind="date",
        ),
    ],
    actions=[
        Action(
            "download",
            N_("Download"),
            "download",
            "centre.download_file",
            {"download_id": "id"},
            when=_can_be_fetched,
        ),
        Action("view", N_("View"), "view", "centre.download", {"download_id": "id"}),
        Action(
            "again",
            N_("Try again"),
            "retry",
            "centre.repeat_download",
            {"download_id": "id"},
            method="post",
            data={"dialog-load": "sm"},
            when=_never_was,
        ),
        Action(
            "again",
            N_("Make it again"),
            "retry",
            "centre.repeat_download",
            {"download_id": "id"},
            method="post",
            data={"dialog-load": "sm"},
            when=_was_lost,
        ),
        Action(
            "report",
            N_("Report an issue"),
            "report",
            "centre.report_download",
            {"download_id": "id", "back": "back"},
            data={"dialog-load": "md"},
        ),
        Action(
            "remove",
            N_("Remove"),
            "close",
            "centre.remove_download",
            {"download_id": "id"},
            method="post",
            confirm=N_("Remove this download? It leaves the list of your centre, and its file is deleted."),
            data={"dialog-load": "sm"},
        ),
    ],
    empty=N_("No export yet. Tick records or documents, choose Export, and the file appears here."),
)
