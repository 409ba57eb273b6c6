"""Who leads where only one may: a lease, renewed while the holder lives."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from portal.database import Base, UtcDateTime


class Leadership(Base):
    """One task that only one process may do at a time."""

    __tablename__ = "leadership"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64))
    until: Mapped[datetime] = mapped_column(UtcDateTime)
