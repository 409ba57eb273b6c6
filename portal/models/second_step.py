"""The second step of signing in: a time-based code (RFC 6238), and codes on paper for when the telephone is lost."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.database import Base, BigInt, UtcDateTime


class SecondStep(Base):
    """The shared secret of one user; it counts from the moment a first code proved it."""

    __tablename__ = "second_step"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    secret: Mapped[str] = mapped_column(String(300))
    """Encrypted with a key derived from ``SECRET_KEY``."""
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_counter: Mapped[int] = mapped_column(BigInt, default=0)
    """The time step of the last code taken: no code counts twice."""


class RecoveryCode(Base):
    """A code that works once in place of the telephone; only its hash is kept."""

    __tablename__ = "recovery_code"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
