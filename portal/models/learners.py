"""Learners on file, known by enrolment number, whether they have registered or not."""

from datetime import date, datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from portal.database import Base, BigInt, UtcDateTime


class Learner(Base):
    """The person as registered; records keep the facts as they were when issued."""

    __tablename__ = "learner"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    enrolment_number: Mapped[str] = mapped_column(String(20), unique=True)
    first_name: Mapped[str] = mapped_column(String(100))
    middle_name: Mapped[str] = mapped_column(String(100), default="")
    last_name: Mapped[str] = mapped_column(String(100))
    date_of_birth: Mapped[date]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
