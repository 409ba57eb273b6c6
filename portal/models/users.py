"""Users of every door, and the rule that decides whether one may come in."""

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.database import Base, BigInt, UtcDateTime, WordColumn
from portal.models.centres import Centre
from portal.vocabulary import Role, UserStatus

RESTORABLE_FOR = timedelta(days=30)
"""How long a deleted user can be brought back (SPEC §13); afterwards they are erased."""


class User(Base):
    """One person, one role, at most one centre."""

    __tablename__ = "user"
    __table_args__ = (Index("ix_user_centre_id_last_name", "centre_id", "last_name"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    username: Mapped[str] = mapped_column(String(254), unique=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    """In lower case, as the username is."""
    email_confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Empty: the address is not confirmed and the user cannot sign in."""
    password_hash: Mapped[str] = mapped_column(String(200), default="")
    must_change_password: Mapped[bool] = mapped_column(default=False)
    password_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Until when a password that somebody else chose lets its user in; empty for one's own."""
    first_name: Mapped[str] = mapped_column(String(100))
    middle_name: Mapped[str] = mapped_column(String(100), default="")
    last_name: Mapped[str] = mapped_column(String(100))
    phone: Mapped[str] = mapped_column(String(40), default="")
    role: Mapped[Role] = mapped_column(WordColumn(Role))
    centre_id: Mapped[int | None] = mapped_column(ForeignKey("centre.id"))
    learner_id: Mapped[int | None] = mapped_column(ForeignKey("learner.id"), unique=True)
    active: Mapped[bool] = mapped_column(default=True)
    locked_until: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    lock_reason: Mapped[str] = mapped_column(String(200), default="")
    lock_information: Mapped[str] = mapped_column(Text, default="")
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When nothing of the person was left; the row stays for what points at it."""
    picture_sha256: Mapped[str] = mapped_column(String(64), default="")
    """The profile picture shown; empty for the initials."""
    auth_epoch: Mapped[int] = mapped_column(default=1)
    """Counts up with every change of rights; sessions and sockets of an older epoch end."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_sign_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    centre: Mapped[Centre | None] = relationship(lazy="raise")

    @property
    def full_name(self) -> str:
        """First, middle and last name."""
        return " ".join(part for part in (self.first_name, self.middle_name, self.last_name) if part)

    @property
    def initials(self) -> str:
        """Two letters for the avatar."""
        return (self.first_name[:1] + self.last_name[:1]).upper()

    def status_at(self, moment: datetime) -> UserStatus:
        """Active, Locked or Inactive at a moment."""
        if not self.active:
            return UserStatus.INACTIVE
        if self.locked_until is not None and self.locked_until > moment:
            return UserStatus.LOCKED
        return UserStatus.ACTIVE

    def may_enter_at(self, moment: datetime) -> bool:
        """Whether a session of this user is good at a moment."""
        return (
            self.deleted_at is None
            and self.email_confirmed_at is not None
            and self.status_at(moment) is UserStatus.ACTIVE
        )
