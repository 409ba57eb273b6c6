"""Problems: issues reported from a record, a document or a download, and the conversation about each."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.database import Base, BigInt, UtcDateTime, WordColumn
from portal.models.brands import Brand
from portal.models.centres import Centre
from portal.models.documents import Document
from portal.models.downloads import Download
from portal.models.records import Record
from portal.vocabulary import ProblemState


class Problem(Base):
    """One report with its state, owner and answer, which the reporter can follow."""

    __tablename__ = "problem"
    __table_args__ = (
        Index("ix_problem_centre_id_id", "centre_id", "id"),
        Index("ix_problem_state_id", "state", "id"),
    )

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    centre_id: Mapped[int | None] = mapped_column(ForeignKey("centre.id"))
    brand_id: Mapped[int | None] = mapped_column(ForeignKey("brand.id"), index=True)
    """Whose support address is told."""
    record_id: Mapped[int | None] = mapped_column(ForeignKey("record.id"), index=True)
    document_id: Mapped[int | None] = mapped_column(ForeignKey("document.id"), index=True)
    download_id: Mapped[int | None] = mapped_column(ForeignKey("download.id"), index=True)
    request_key: Mapped[str] = mapped_column(String(64), unique=True)
    """Made with the form: the same form sent twice makes one problem."""
    subject: Mapped[str] = mapped_column(String(200))
    """What it is about, in words, as it was then."""
    text: Mapped[str] = mapped_column(Text)
    state: Mapped[ProblemState] = mapped_column(WordColumn(ProblemState), default=ProblemState.OPEN)
    reporter_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    reporter: Mapped[str] = mapped_column(String(300))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    """Who at the awarding body looks after it."""
    owner: Mapped[str] = mapped_column(String(300), default="")
    replacement_id: Mapped[int | None] = mapped_column(ForeignKey("document.id"), index=True)
    """The corrected document that the answer points at."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    moved_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """When somebody last wrote or changed the state."""
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    centre: Mapped[Centre | None] = relationship(lazy="raise")
    brand: Mapped[Brand | None] = relationship(lazy="raise")
    record: Mapped[Record | None] = relationship(lazy="raise")
    document: Mapped[Document | None] = relationship(lazy="raise", foreign_keys=[document_id])
    download: Mapped[Download | None] = relationship(lazy="raise")
    replacement: Mapped[Document | None] = relationship(lazy="raise", foreign_keys=[replacement_id])


class ProblemMessage(Base):
    """One line of the conversation after the report itself."""

    __tablename__ = "problem_message"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    problem_id: Mapped[int] = mapped_column(ForeignKey("problem.id", ondelete="CASCADE"), index=True)
    request_key: Mapped[str] = mapped_column(String(64), unique=True)
    """Made with the form: the same form sent twice writes one line, and so one mail."""
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    author: Mapped[str] = mapped_column(String(300))
    from_issuer: Mapped[bool] = mapped_column(default=False)
    text: Mapped[str] = mapped_column(Text)
