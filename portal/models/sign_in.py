"""Sessions, one-time links and throttles: kept in the database so that they end when we say so."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.database import Base, BigInt, Json, UtcDateTime, WordColumn
from portal.models.users import User
from portal.vocabulary import TokenPurpose


class UserSession(Base):
    """A signed-in browser. The cookie holds a random token, the row only its SHA-256."""

    __tablename__ = "user_session"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    auth_epoch: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    address: Mapped[str] = mapped_column(String(64), default="")
    agent: Mapped[str] = mapped_column(String(200), default="")

    user: Mapped[User] = relationship(lazy="raise")


class OneTimeToken(Base):
    """A link in a mail. Only a nonce is kept; the token is an HMAC of it, made again when the mail is sent."""

    __tablename__ = "one_time_token"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    purpose: Mapped[TokenPurpose] = mapped_column(WordColumn(TokenPurpose))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    nonce: Mapped[str] = mapped_column(String(64))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    detail: Mapped[dict] = mapped_column(Json, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Throttle(Base):
    """How often something was tried within a window: in the database, so a flushed Redis forgives nothing."""

    __tablename__ = "throttle"

    key: Mapped[str] = mapped_column(String(120), primary_key=True)
    """What is counted, for example ``sign-in:account:<sha256>``."""
    window_start: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    count: Mapped[int] = mapped_column(default=0)
