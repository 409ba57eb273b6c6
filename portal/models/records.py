"""Records: one learner's award, with the facts as they were printed."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.database import Base, BigInt, Json, UtcDateTime, WordColumn
from portal.models.brands import Brand
from portal.models.centres import Centre
from portal.models.jobs import Job
from portal.models.learners import Learner
from portal.vocabulary import NoticeState


class Record(Base):
    """A learner's award in a job. Frozen when issued; a correction is another record that replaces its documents."""

    __tablename__ = "record"
    __table_args__ = (
        Index("ix_record_centre_id_id", "centre_id", "id"),
        Index("ix_record_learner_id_qualification_number", "learner_id", "qualification_number"),
    )

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), index=True)
    centre_id: Mapped[int] = mapped_column(ForeignKey("centre.id"))
    learner_id: Mapped[int] = mapped_column(ForeignKey("learner.id"))
    brand_id: Mapped[int] = mapped_column(ForeignKey("brand.id"), index=True)
    enrolment_number: Mapped[str] = mapped_column(String(20), index=True)
    first_name: Mapped[str] = mapped_column(String(100))
    middle_name: Mapped[str] = mapped_column(String(100), default="")
    last_name: Mapped[str] = mapped_column(String(100))
    date_of_birth: Mapped[date]
    email: Mapped[str] = mapped_column(String(254), default="")
    """Where a notice would go."""
    qualification_number: Mapped[str] = mapped_column(String(10))
    qualification_title: Mapped[str] = mapped_column(String(255))
    level: Mapped[str] = mapped_column(String(50))
    grade: Mapped[str] = mapped_column(String(100))
    awarded_on: Mapped[date]
    expires_on: Mapped[date | None]
    language: Mapped[str] = mapped_column(String(50), default="English")
    units: Mapped[list] = mapped_column(Json, default=list)
    """``[[code, title, level, credits, grade], …]`` in the order of the transcript."""
    notice: Mapped[NoticeState] = mapped_column(WordColumn(NoticeState), default=NoticeState.NONE)
    """How far the learner has come: the furthest of what the ledger, the registration and the first view say."""
    notified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the last notice was sent."""
    notices: Mapped[int] = mapped_column(default=0)
    """How many notices were asked for."""
    registered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    viewed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the learner first looked at one of its documents."""

    job: Mapped[Job] = relationship(lazy="raise")
    centre: Mapped[Centre] = relationship(lazy="raise")
    brand: Mapped[Brand] = relationship(lazy="raise")
    learner: Mapped[Learner] = relationship(lazy="raise")

    @property
    def learner_name(self) -> str:
        """The learner's full name as registered."""
        return " ".join(part for part in (self.first_name, self.middle_name, self.last_name) if part)
