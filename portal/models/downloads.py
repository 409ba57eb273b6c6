"""Downloads: named exports of a centre's documents, packed into one zip by a worker."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.database import Base, BigInt, Json, UtcDateTime, WordColumn
from portal.models.claimable import Claimable
from portal.vocabulary import Arrival, DownloadState, ItemState


class Download(Claimable, Base):
    """One export: what was asked for is frozen in its items; the zip is a file that expires."""

    __tablename__ = "download"
    __table_args__ = (
        Index("ix_download_centre_id_id", "centre_id", "id"),
        Index("ix_download_state_expires_at", "state", "expires_at"),
    )

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    centre_id: Mapped[int] = mapped_column(ForeignKey("centre.id"))
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    created_by: Mapped[str] = mapped_column(String(300))
    """The name as it was; it stays when the user is erased."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(String(300), default="")
    """What was chosen, in words: the ticked records, or the search and filters of "all that match"."""
    request_key: Mapped[str] = mapped_column(String(64), unique=True)
    """Made with the form: the same form sent twice makes one export."""
    state: Mapped[DownloadState] = mapped_column(WordColumn(DownloadState), default=DownloadState.PENDING)
    failure: Mapped[str] = mapped_column(Text, default="")
    """Why nothing could be delivered, for people to read."""
    records: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    """Documents asked for."""
    done: Mapped[int] = mapped_column(default=0)
    """Documents settled so far: in the zip or left out."""
    left_out: Mapped[int] = mapped_column(default=0)
    sha256: Mapped[str] = mapped_column(String(64), default="")
    size: Mapped[int] = mapped_column(BigInt, default=0)
    """Of the zip, bytes."""
    file: Mapped[str] = mapped_column(String(120), default="")
    """The own name of the zip, or of its part while it is made, in the folder of downloads; never of what was typed."""
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    arrival: Mapped[Arrival] = mapped_column(WordColumn(Arrival), default=Arrival.NONE)
    handed_over: Mapped[list] = mapped_column(Json, default=list)
    """``[[from, to], …]``: the bytes that left in this handing over, when they leave in ranges."""
    downloaded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the zip was last handed over; while that is under way, when it was last heard of."""
    downloaded_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    downloaded_by: Mapped[str] = mapped_column(String(300), default="")
    downloads: Mapped[int] = mapped_column(default=0)
    """How often the whole zip arrived."""
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Taken off the list by a person; the row stays for the audit trail."""


class DownloadItem(Base):
    """One document of an export, frozen when it was asked for."""

    __tablename__ = "download_item"

    download_id: Mapped[int] = mapped_column(ForeignKey("download.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"), index=True)
    state: Mapped[ItemState] = mapped_column(WordColumn(ItemState), default=ItemState.WAITING)
    reason: Mapped[str] = mapped_column(String(300), default="")
    """Why it was left out."""
