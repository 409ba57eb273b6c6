"""Centres: the colleges and training providers that learners study at."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.database import Base, BigInt, UtcDateTime
from portal.models.brands import Brand


class Centre(Base):
    """A centre sees its own jobs, records and users and nobody else's."""

    __tablename__ = "centre"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    brand_id: Mapped[int] = mapped_column(ForeignKey("brand.id"), index=True)
    """Whose face the centre's portal wears; its jobs may hold documents of any brand."""
    address: Mapped[str] = mapped_column(Text, default="")
    contact_email: Mapped[str] = mapped_column(String(254), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    brand: Mapped[Brand] = relationship(lazy="raise")
