"""Uploads: batch files on their way to becoming jobs."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.database import Base, BigInt, Json, UtcDateTime, WordColumn
from portal.models.centres import Centre
from portal.models.claimable import Claimable
from portal.vocabulary import UploadState


class Upload(Claimable, Base):
    """A CSV file that the issuer gave us, what the preflight said, and the job it became."""

    __tablename__ = "upload"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    centre_id: Mapped[int] = mapped_column(ForeignKey("centre.id"), index=True)
    created_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    file_name: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    state: Mapped[UploadState] = mapped_column(WordColumn(UploadState), default=UploadState.UPLOADED)
    failure: Mapped[str] = mapped_column(Text, default="")
    rows: Mapped[int] = mapped_column(default=0)
    good_rows: Mapped[int] = mapped_column(default=0)
    documents: Mapped[int] = mapped_column(default=0)
    faults: Mapped[list] = mapped_column(Json, default=list)
    """The first of them: ``[[record, column, message], …]``; how many there are says ``fault_count``."""
    warnings: Mapped[list] = mapped_column(Json, default=list)
    fault_count: Mapped[int] = mapped_column(default=0)
    warning_count: Mapped[int] = mapped_column(default=0)
    only_good_rows: Mapped[bool] = mapped_column(default=False)
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"), unique=True)

    centre: Mapped[Centre] = relationship(lazy="raise")
