"""Documents: one PDF each, in two forms, frozen when drawn."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.database import Base, BigInt, Json, UtcDateTime, WordColumn
from portal.models.claimable import Claimable
from portal.models.records import Record
from portal.vocabulary import Kind, Production, Validity


class Document(Claimable, Base):
    """One certificate, transcript or letter of a record."""

    __tablename__ = "document"
    __table_args__ = (
        Index("ix_document_job_id_production", "job_id", "production"),
        Index("ix_document_centre_id_id", "centre_id", "id"),
        # Records are filtered by what few documents are: pending, failed, cancelled or replaced.
        Index(
            "ix_document_unfinished",
            "centre_id",
            "production",
            "record_id",
            sqlite_where=text("production <> 'completed'"),
            postgresql_where=text("production <> 'completed'"),
        ),
        Index(
            "ix_document_not_valid",
            "centre_id",
            "validity",
            "record_id",
            sqlite_where=text("validity <> 'valid'"),
            postgresql_where=text("validity <> 'valid'"),
        ),
        # The sweeper and the claim look only at what is still to be drawn.
        Index(
            "ix_document_pending",
            "job_id",
            "id",
            sqlite_where=text("production = 'pending'"),
            postgresql_where=text("production = 'pending'"),
        ),
        Index(
            "ix_document_valid_expires_on",
            "expires_on",
            sqlite_where=text("validity = 'valid' AND expires_on IS NOT NULL"),
            postgresql_where=text("validity = 'valid' AND expires_on IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    record_id: Mapped[int] = mapped_column(ForeignKey("record.id"), index=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"))
    centre_id: Mapped[int] = mapped_column(ForeignKey("centre.id"))
    kind: Mapped[Kind] = mapped_column(WordColumn(Kind))
    reference: Mapped[str] = mapped_column(String(40), unique=True)
    """Canonical: capitals and digits, no dashes. See ``portal.reference``."""
    production: Mapped[Production] = mapped_column(WordColumn(Production), default=Production.PENDING)
    failure: Mapped[str] = mapped_column(Text, default="")
    """Why drawing failed, for people to read."""
    drawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    issued_on: Mapped[date]
    expires_on: Mapped[date | None]
    expiry_told: Mapped[bool] = mapped_column(default=False)
    """Whether the open pages were told that the day of expiry has passed."""
    validity: Mapped[Validity] = mapped_column(WordColumn(Validity), default=Validity.VALID)
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(String(500), default="")
    """The public reason of a cancellation."""
    replaced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("document.id"), index=True)
    replaced_by_id: Mapped[int | None] = mapped_column(ForeignKey("document.id"), index=True)
    files: Mapped[dict] = mapped_column(Json, default=dict)
    """``{"digital": {"sha256", "size", "pages": [{"sha256", "width", "height"}]}, "print": {…}}``."""

    record: Mapped[Record] = relationship(lazy="raise")
    replaces: Mapped["Document | None"] = relationship(
        lazy="raise", foreign_keys=[replaces_id], remote_side=[id], viewonly=True
    )
    replaced_by: Mapped["Document | None"] = relationship(
        lazy="raise", foreign_keys=[replaced_by_id], remote_side=[id], viewonly=True
    )

    def validity_on(self, day: date) -> Validity:
        """What an employer is told on a day: Expired follows from the date, the rest is stored."""
        if self.validity is Validity.VALID:
            if self.expires_on is not None and self.expires_on < day:
                return Validity.EXPIRED
            return Validity.VALID
        return self.validity
