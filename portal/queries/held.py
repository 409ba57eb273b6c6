"""What is on file when a batch file is checked: asked in chunks, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from sqlalchemy import exists, select

from portal.database import db
from portal.intake import HeldLearner
from portal.models.brands import Brand
from portal.models.learners import Learner
from portal.models.qualifications import Qualification
from portal.models.records import Record


class HeldOnFile:
    """The answers of the database to the preflight of a file for one centre."""

    def __init__(self, centre_id: int) -> None:
        self.centre_id = centre_id

    def brands(self) -> AbstractSet[str]:
        """Full names of the awarding organisations of this portal."""
        return set(db.session.scalars(select(Brand.name).where(Brand.archived.is_(False))))

    def title_of(self, qualification_numbers: set[str]) -> dict[str, str]:
        """The title on file for each of these numbers that is known."""
        return dict(
            db.session.execute(
                select(Qualification.number, Qualification.title).where(Qualification.number.in_(qualification_numbers))
            ).all()
        )

    def learners(self, enrolment_numbers: set[str]) -> dict[str, HeldLearner]:
        """The learners on file; "elsewhere" are those of whom this centre has no record."""
        here = exists().where(Record.learner_id == Learner.id, Record.centre_id == self.centre_id)
        rows = db.session.execute(
            select(
                Learner.enrolment_number,
                Learner.first_name,
                Learner.middle_name,
                Learner.last_name,
                Learner.date_of_birth,
                here.label("here"),
            ).where(Learner.enrolment_number.in_(enrolment_numbers))
        )
        return {
            row.enrolment_number: HeldLearner(
                row.first_name, row.middle_name, row.last_name, row.date_of_birth, elsewhere=not row.here
            )
            for row in rows
        }

    def awards(self, pairs: set[tuple[str, str]]) -> AbstractSet[tuple[str, str]]:
        """Those of these (enrolment number, qualification number) that have been issued already."""
        numbers = {number for number, _ in pairs}
        found = db.session.execute(
            select(Record.enrolment_number, Record.qualification_number).where(Record.enrolment_number.in_(numbers))
        )
        return {(row.enrolment_number, row.qualification_number) for row in found} & pairs
