"""Profile pictures: as they came, until a worker has made a small clean one of each."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.database import Base, BigInt, UtcDateTime, WordColumn
from portal.models.claimable import Claimable
from portal.vocabulary import PictureState


class Picture(Claimable, Base):
    """The latest picture that a user gave; a new one takes its place."""

    __tablename__ = "picture"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), unique=True)
    state: Mapped[PictureState] = mapped_column(WordColumn(PictureState), default=PictureState.WAITING)
    failure: Mapped[str] = mapped_column(String(300), default="")
    """Why it was refused, for people to read."""
    upload_sha256: Mapped[str] = mapped_column(String(64), default="")
    """The file as it came; empty once it is settled and deleted."""
    sha256: Mapped[str] = mapped_column(String(64), default="")
    """The picture that is shown, made by us; empty while there is none."""
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
