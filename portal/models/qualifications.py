"""Qualifications as they stand on the register: one number, one title."""

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.database import Base, BigInt
from portal.grid.folding import folded


class Qualification(Base):
    """A title is kept letter for letter, double spaces and all: certificates may write no other."""

    __tablename__ = "qualification"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    number: Mapped[str] = mapped_column(String(10), unique=True)
    title: Mapped[str] = mapped_column(String(255))
    level: Mapped[str] = mapped_column(String(50))
    brand_id: Mapped[int] = mapped_column(ForeignKey("brand.id"), index=True)
    search_text: Mapped[str] = mapped_column(
        Text,
        default=lambda context: folded("{title} {number}".format(**context.get_current_parameters())),
    )
    """Title and number as they are searched."""
