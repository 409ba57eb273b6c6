"""The sequence of each room and its steps: what the live pages are told, written with the change itself."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from portal.database import Base, BigInt, Json, UtcDateTime


class Room(Base):
    """How far a room has come. The row lock makes the order of commits the order of ``seq``."""

    __tablename__ = "room"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInt, default=0)


class RoomChange(Base):
    """One step of a room: the ids that changed, or none when the whole grid is to be read again."""

    __tablename__ = "room_change"

    room: Mapped[str] = mapped_column(String(120), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    ids: Mapped[list | None] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
