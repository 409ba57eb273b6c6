"""The audit trail: who did what to what, and who was refused."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.database import Base, BigInt, Json, UtcDateTime


class AuditEntry(Base):
    """One line of the trail, written in the transaction of the change it tells about."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_centre_id_id", "centre_id", "id"),
        Index("ix_audit_entry_subject", "subject"),
    )

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    actor_name: Mapped[str] = mapped_column(String(300))
    role: Mapped[str] = mapped_column(String(20), default="")
    centre_id: Mapped[int | None] = mapped_column(ForeignKey("centre.id"))
    action: Mapped[str] = mapped_column(String(60))
    """The name of the fact, or what was refused."""
    subject: Mapped[str] = mapped_column(String(120), default="")
    """What it was done to, for example ``document 31``."""
    detail: Mapped[dict] = mapped_column(Json, default=dict)
    address: Mapped[str] = mapped_column(String(64), default="")
