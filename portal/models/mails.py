"""The outbox: mails written with the business change that causes them, sent by a worker afterwards."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.database import Base, BigInt, Json, UtcDateTime, WordColumn
from portal.models.claimable import Claimable
from portal.vocabulary import MailState


class Mail(Claimable, Base):
    """One mail for one intent: the key is unique, the Message-ID never changes."""

    __tablename__ = "mail"
    __table_args__ = (Index("ix_mail_state_next_attempt_at", "state", "next_attempt_at"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    key: Mapped[str] = mapped_column(String(200), unique=True)
    letter: Mapped[str] = mapped_column(String(60))
    """The name of the letter in ``portal.mail.letters``."""
    values: Mapped[dict] = mapped_column(Json, default=dict)
    """What the letter is filled with; a one-time link is named by the id of its token, never written here."""
    recipient: Mapped[str] = mapped_column(String(254))
    message_id: Mapped[str] = mapped_column(String(200), unique=True)
    state: Mapped[MailState] = mapped_column(WordColumn(MailState), default=MailState.QUEUED)
    data_begun_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Set and committed before DATA: from here on a lost connection means "unknown"."""
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failure: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    centre_id: Mapped[int | None] = mapped_column(ForeignKey("centre.id"), index=True)
    record_id: Mapped[int | None] = mapped_column(ForeignKey("record.id"), index=True)
    brand_id: Mapped[int | None] = mapped_column(ForeignKey("brand.id"))
    reply_to: Mapped[str] = mapped_column(String(254), default="")
    """Where an answer goes: whoever reported a problem; empty for nobody."""
    bounced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When a server further on gave it back; ``failure`` says why."""
