"""Jobs: batches of documents published to a centre ("Jobs Issued")."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.database import Base, BigInt, UtcDateTime
from portal.models.centres import Centre


class Job(Base):
    """One published batch. The figures are kept in the transaction that changes a document; they always add up."""

    __tablename__ = "job"
    __table_args__ = (Index("ix_job_centre_id_created_at", "centre_id", "created_at"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    centre_id: Mapped[int] = mapped_column(ForeignKey("centre.id"))
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    created_by: Mapped[str] = mapped_column(String(300))
    """The name as it was; it stays when the user is erased."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    reference: Mapped[str] = mapped_column(String(80))
    """``18/08/2020 13:03:59 - 1 record``, UK time."""
    records: Mapped[int] = mapped_column(default=0)
    requested: Mapped[int] = mapped_column(default=0)
    pending: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    completed: Mapped[int] = mapped_column(default=0)
    notified: Mapped[int] = mapped_column(default=0)
    """How many of its documents belong to a record whose learner was notified."""
    file_name: Mapped[str] = mapped_column(String(200), default="")

    centre: Mapped[Centre] = relationship(lazy="raise")
