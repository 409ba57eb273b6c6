"""Notices: the ledger of what learners were told, by whom, to which address, and what became of it."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.database import Base, BigInt, UtcDateTime, WordColumn
from portal.vocabulary import NoticeState


class Notice(Base):
    """One intent to tell a learner: one row, one mail. How far the record as a whole has come stands in the record."""

    __tablename__ = "notice"
    __table_args__ = (Index("ix_notice_record_id_id", "record_id", "id"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    record_id: Mapped[int] = mapped_column(ForeignKey("record.id"))
    centre_id: Mapped[int] = mapped_column(ForeignKey("centre.id"), index=True)
    address: Mapped[str] = mapped_column(String(254))
    intent: Mapped[str] = mapped_column(String(200), unique=True)
    """Record, address and how many times it was asked for: the same intent never makes a second notice."""
    mail_id: Mapped[int | None] = mapped_column(ForeignKey("mail.id"), unique=True)
    state: Mapped[NoticeState] = mapped_column(WordColumn(NoticeState), default=NoticeState.QUEUED)
    """Queued, sent, failed or bounced: what became of this mail."""
    reason: Mapped[str] = mapped_column(String(500), default="")
    """Why it failed or bounced, for people to read."""
    requested_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    requested_by: Mapped[str] = mapped_column(String(300))
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it was sent or failed."""
    bounced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
