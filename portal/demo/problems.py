"""The problems of the demo: one waits for an answer, one is answered with a replacement, one is closed.

Each step carries a key of its own, so telling it again tells nothing twice.
"""

from __future__ import annotations

from sqlalchemy import select

from portal import reference
from portal.access.actor import Actor
from portal.database import db
from portal.demo import cast, people
from portal.models.documents import Document
from portal.models.jobs import Job
from portal.services import problems
from portal.vocabulary import Kind

LETTER_KEY, NAME_KEY, GRADE_KEY = (f"story-of-the-demo-{word}" for word in ("letter", "name", "grade"))


def tell(file_name: str, *, issuer: Actor) -> None:
    """Report, answer and close problems with documents of the job that was made of a file."""
    anew, michael = people.acting(cast.ANEW), people.acting(cast.MICHAEL)
    of_job = select(Document).join(Job, Job.id == Document.job_id).where(Job.file_name == file_name)
    replaced = db.session.scalars(of_job.where(Document.replaced_by_id.is_not(None)).order_by(Document.id)).first()
    fresh = db.session.scalars(of_job.where(Document.kind == Kind.LETTER).order_by(Document.id.desc())).first()
    third = db.session.scalars(of_job.where(Document.kind == Kind.TRANSCRIPT).order_by(Document.id.desc())).first()
    if replaced is None or fresh is None or third is None:
        raise RuntimeError(f"the job of {file_name} has no replaced certificate, letter and transcript")
    replacement = db.session.get_one(Document, replaced.replaced_by_id).reference
    replaced_id, fresh_id, record_id = replaced.id, fresh.id, third.record_id

    closed, _new = problems.report_record(
        record_id,
        text="The learner says that the grade should be Merit. Could you check it against the mark sheet, please?",
        key=GRADE_KEY,
        actor=michael,
    )
    problems.answer(closed, text="We looked at the mark sheet: Pass is right, 58 of 100.", key=GRADE_KEY, actor=issuer)
    problems.reply(closed, text="Thank you, we have told the learner.", key=GRADE_KEY, actor=michael)
    problems.close(closed, actor=issuer)

    answered, _new = problems.report_document(
        replaced_id,
        text="The second part of the first name is missing on the certificate.\nThe passport says so too.",
        key=NAME_KEY,
        actor=michael,
    )
    problems.link_replacement(answered, typed=replacement, actor=issuer)
    text = f"You are right, and we are sorry. The corrected certificate is {reference.formatted(replacement)}."
    problems.answer(answered, text=text, key=NAME_KEY, actor=issuer)

    problems.report_document(
        fresh_id,
        text="The letter is addressed to the old address of the college. Can it be issued again?",
        key=LETTER_KEY,
        actor=anew,
    )
