"""Records: one learner's award, with the facts as they were printed."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal import clock
from portal.database import Base, BigInt, Json, UtcDateTime, WordColumn
from portal.grid.folding import folded
from portal.models.brands import Brand
from portal.models.centres import Centre
from portal.models.jobs import Job
from portal.models.learners import Learner
from portal.vocabulary import NoticeState

LONGEST_SORT_NAME = 200
"""Characters by which names are ordered; a longer key would not fit an index."""


def sort_name_of(facts: Mapping[str, Any]) -> str:
    """By what a learner stands in a list: family name first, without case and accents."""
    parts = (facts["last_name"], facts["first_name"], facts.get("middle_name"))
    return " ".join(folded(part) for part in parts if part)[:LONGEST_SORT_NAME]


def search_text_of(facts: Mapping[str, Any], references: Iterable[str] = ()) -> str:
    """What a record of its own is searched by, in one text: names, enrolment number, references of its documents."""
    names = (facts["last_name"], facts["first_name"], facts.get("middle_name"))
    parts = (*names, facts["enrolment_number"], *references)
    return " ".join(folded(part) for part in parts if part)


class Record(Base):
    """A learner's award in a job. Frozen when issued; a correction is another record that replaces its documents."""

    __tablename__ = "record"
    __table_args__ = (
        Index("ix_record_centre_id_id", "centre_id", "id"),
        Index("ix_record_learner_id_qualification_number", "learner_id", "qualification_number"),
        # One index for each order of the list, and for each filter that leaves few (docs/decisions/0008).
        Index("ix_record_centre_id_sort_name", "centre_id", "sort_name", "id"),
        Index("ix_record_centre_id_enrolment_number", "centre_id", "enrolment_number", "id"),
        Index("ix_record_centre_id_title", "centre_id", "qualification_title", "id"),
        Index("ix_record_centre_id_number", "centre_id", "qualification_number", "published_at", "id"),
        Index("ix_record_centre_id_awarded_on", "centre_id", "awarded_on", "published_at", "id"),
        Index("ix_record_centre_id_notice", "centre_id", "notice", "published_at", "id"),
        Index(
            "ix_record_centre_id_expires_on",
            "centre_id",
            "expires_on",
            "published_at",
            "id",
            sqlite_where=text("expires_on IS NOT NULL"),
            postgresql_where=text("expires_on IS NOT NULL"),
        ),
        # The default order. SQLite looks through the words in the index itself and never opens a row for it.
        Index(
            "ix_record_centre_id_published_at", "centre_id", "published_at", "id", info={"only_on": "postgresql"}
        ).ddl_if(dialect="postgresql"),
        Index(
            "ix_record_centre_id_search",
            "centre_id",
            "published_at",
            "id",
            "search_text",
            "qualification_number",
            "awarded_on",
            info={"only_on": "sqlite"},
        ).ddl_if(dialect="sqlite"),
        # Words, within a centre. Needs the extensions pg_trgm and btree_gin; without them searching is only slower.
        Index(
            "ix_record_search",
            "centre_id",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
            info={"only_on": "postgresql"},
        ).ddl_if(dialect="postgresql"),
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

    published_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    """When it reached the centre: with its job, or later when it replaces another."""
    sort_name: Mapped[str] = mapped_column(Text, default=lambda context: sort_name_of(context.get_current_parameters()))
    search_text: Mapped[str] = mapped_column(
        Text, default=lambda context: search_text_of(context.get_current_parameters())
    )
    """What ``search_text_of`` makes of its facts and of the references of its documents."""

    job: Mapped[Job] = relationship(lazy="raise")
    centre: Mapped[Centre] = relationship(lazy="raise")
    brand: Mapped[Brand] = relationship(lazy="raise")
    learner: Mapped[Learner] = relationship(lazy="raise")

    @property
    def learner_name(self) -> str:
        """The learner's full name as registered."""
        return " ".join(part for part in (self.first_name, self.middle_name, self.last_name) if part)
