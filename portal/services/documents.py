"""Documents: drawing them (claim, finish, fail, retry) and what they are worth (cancel, replace, expire)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import joinedload

from portal import clock, reference
from portal.access import scope
from portal.access.actor import SYSTEM, Actor
from portal.access.permissions import Permission
from portal.database import database_now, db
from portal.documents import sheets
from portal.errors import Fenced, Invalid, NotFound, WrongMove
from portal.events.catalogue import (
    DocumentCancelled,
    DocumentExpired,
    DocumentReplaced,
    DocumentsDrawn,
    DrawingRetried,
    JobPublished,
)
from portal.models.documents import Document
from portal.models.jobs import Job
from portal.models.records import Record, search_text_of, sort_name_of
from portal.services import claims
from portal.services.corrections import CORRECTABLE
from portal.services.jobs import document_values
from portal.unit_of_work import Record as RecordFact
from portal.unit_of_work import unit_of_work
from portal.vocabulary import Production, Validity, may_move

LONGEST_REASON = 500

STOPPED = "Drawing this document stopped the worker each time it was tried. Please tell the developers its reference."


@dataclass(frozen=True, slots=True)
class Drawn:
    """A document was drawn; ``files`` is what ``Document.files`` keeps."""

    document_id: int
    files: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NotDrawn:
    """It was not, and why, for people to read. ``final``: trying again would not help; ``counts``: it was a try."""

    document_id: int
    reason: str
    final: bool = False
    counts: bool = True


# ── Drawing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def claim_to_draw(job_id: int, *, most: int) -> claims.Claim | None:
    """Take documents of a job that wait to be drawn; one that failed before comes alone, so it harms no other."""
    waiting = (Document.job_id == job_id, Document.production == Production.PENDING)
    with unit_of_work(SYSTEM):
        fresh = claims.take(Document, *waiting, Document.attempts == 0, most=most)
        if fresh is not None:
            return fresh
        return claims.take(Document, *waiting, Document.attempts < claims.MOST_ATTEMPTS, most=1)


def sheets_of(claim: claims.Claim, *, public_url: str) -> list[tuple[int, sheets.Sheet]]:
    """What each claimed document says, in the order of the claim."""
    found = db.session.scalars(
        select(Document)
        .where(Document.id.in_(claim.ids))
        .options(
            joinedload(Document.record).joinedload(Record.brand),
            joinedload(Document.record).joinedload(Record.centre),
            joinedload(Document.replaces),
        )
        .order_by(Document.id)
    ).all()
    wanted = [(document.id, sheet_of(document, public_url=public_url)) for document in found]
    # Drawing takes a while; no transaction stays open meanwhile.
    db.session.close()
    return wanted


def sheet_of(document: Document, *, public_url: str) -> sheets.Sheet:
    """The values that a document prints; record, brand, centre and what it replaces must be loaded."""
    record = document.record
    brand = record.brand
    return sheets.Sheet(
        kind=document.kind.value,
        reference=reference.formatted(document.reference),
        verify_url=f"{public_url}/v/{document.reference}",
        learner_name=record.learner_name,
        awarding_organisation=brand.name,
        recognition_number=brand.recognition_number,
        qualification_number=record.qualification_number,
        qualification_title=record.qualification_title,
        level=record.level,
        grade=record.grade,
        awarded_on=document.issued_on,
        expires_on=document.expires_on,
        language=record.language,
        replaces=reference.formatted(document.replaces.reference) if document.replaces else None,
        units=tuple(sheets.Unit(*unit) for unit in record.units),
        centre_name=record.centre.name,
        centre_number=record.centre.number,
        brand=sheets.Brand(
            name=brand.name,
            recognition_number=brand.recognition_number,
            primary=brand.primary_colour,
            accent=brand.accent_colour,
            logo=None,
            address_lines=tuple(line for line in brand.address.splitlines() if line),
            contact=brand.contact_email,
            signatory_name=brand.signatory_name,
            signatory_title=brand.signatory_title,
        ),
    )


def finish(claim: claims.Claim, job_id: int, results: Sequence[Drawn | NotDrawn]) -> None:
    """Write what came of some claimed documents, and renew the lease of the rest; ``Fenced`` when nothing is ours.

    A row whose claim was lost is left alone: whoever took it over will finish it.
    """
    if not results:
        return
    with unit_of_work(SYSTEM) as record:
        moment = database_now()
        completed = [one.document_id for one in results if isinstance(one, Drawn) and _complete(claim, one)]
        outcomes = [(one.document_id, _miss(claim, one, moment)) for one in results if isinstance(one, NotDrawn)]
        failed = [document_id for document_id, production in outcomes if production is Production.FAILED]
        waiting = [document_id for document_id, production in outcomes if production is Production.PENDING]
        if not (completed or failed or waiting):
            raise Fenced("Somebody else has taken these documents over.")
        _count(job_id, completed=len(completed), failed=len(failed))
        rest = [ident for ident in claim.ids if ident not in {one.document_id for one in results}]
        if rest:
            db.session.execute(
                update(Document)
                .where(Document.id.in_(rest), claim.holds())
                .values(lease_until=moment + claims.LEASE)
                .execution_options(synchronize_session=False)
            )
        _tell_drawn(record, job_id, completed + failed + waiting)


def _complete(claim: claims.Claim, drawn: Drawn) -> bool:
    return _settle(
        claim, drawn.document_id, production=Production.COMPLETED, files=drawn.files, drawn_at=clock.now(), failure=""
    )


def _miss(claim: claims.Claim, miss: NotDrawn, moment: Any) -> Production | None:
    """Failed for good, waiting for another try, or ``None`` when the claim was lost."""
    attempts = db.session.scalar(select(Document.attempts).where(Document.id == miss.document_id, claim.holds()))
    if attempts is None:
        return None
    if miss.final or (miss.counts and attempts >= claims.MOST_ATTEMPTS):
        production = Production.FAILED
        _settle(claim, miss.document_id, production=production, failure=miss.reason)
    else:
        production = Production.PENDING
        tried = attempts if miss.counts else attempts - 1
        wait = claims.wait_after(max(attempts, 1))
        _settle(claim, miss.document_id, failure=miss.reason, next_attempt_at=moment + wait, attempts=tried)
    return production


def _settle(claim: claims.Claim, document_id: int, **values: Any) -> bool:
    changed = db.session.execute(
        update(Document)
        .where(Document.id == document_id, claim.holds(), Document.production == Production.PENDING)
        .values(lease_until=None, claim_token=0, **values)
        .execution_options(synchronize_session=False)
    )
    return bool(changed.rowcount)  # type: ignore[attr-defined]


def _count(job_id: int, *, completed: int = 0, failed: int = 0) -> None:
    """Move the figures of a job: so many are pending no more (negative: pending again)."""
    if not completed and not failed:
        return
    db.session.execute(
        update(Job)
        .where(Job.id == job_id)
        .values(
            pending=Job.pending - completed - failed,
            completed=Job.completed + completed,
            failed=Job.failed + failed,
        )
        .execution_options(synchronize_session=False)
    )


def _tell_drawn(record: Any, job_id: int, document_ids: list[int]) -> None:
    centre_id = db.session.scalars(select(Job.centre_id).where(Job.id == job_id)).one()
    record_ids = db.session.scalars(select(Document.record_id).where(Document.id.in_(document_ids)).distinct())
    record(
        DocumentsDrawn(
            job_id=job_id,
            centre_id=centre_id,
            document_ids=document_ids,
            record_ids=sorted(record_ids),
        )
    )


def give_up_on_poison() -> None:
    """Fail documents whose every try ended with a dead worker: nobody is left to say so but the sweeper."""
    moment = database_now()
    poison = (
        Document.production == Production.PENDING,
        Document.attempts >= claims.MOST_ATTEMPTS,
        Document.lease_until < moment,
    )
    found = list(db.session.execute(select(Document.id, Document.job_id).where(*poison).limit(500)))
    for ident, job_id in found:
        with unit_of_work(SYSTEM) as record:
            failed = db.session.execute(  # type: ignore[attr-defined]
                update(Document)
                .where(Document.id == ident, *poison)
                .values(production=Production.FAILED, failure=STOPPED, lease_until=None, claim_token=0)
                .execution_options(synchronize_session=False)
            ).rowcount
            if failed:
                _count(job_id, failed=1)
                _tell_drawn(record, job_id, [ident])


def jobs_to_draw() -> list[int]:
    """Jobs with documents that wait for somebody now."""
    return list(
        db.session.scalars(
            select(Document.job_id)
            .where(
                Document.production == Production.PENDING,
                Document.attempts < claims.MOST_ATTEMPTS,
                claims.due(Document),
            )
            .distinct()
            .order_by(Document.job_id)
        )
    )


def retry(document_ids: Sequence[int], *, actor: Actor) -> int:
    """Have failed documents drawn again; say how many. Those that did not fail are left alone."""
    actor.require(Permission.DOCUMENTS_RETRY)
    with unit_of_work(actor) as record:
        found = db.session.scalars(
            scope.documents(actor)
            .where(Document.id.in_(list(document_ids)), Document.production == Production.FAILED)
            .order_by(Document.id)
            .with_for_update()
        ).all()
        by_job: dict[int, list[Document]] = {}
        for document in found:
            by_job.setdefault(document.job_id, []).append(document)
        for job_id, documents in sorted(by_job.items()):
            for document in documents:
                document.production = Production.PENDING
                document.failure = ""
                document.attempts = 0
                document.next_attempt_at = document.lease_until = None
            db.session.flush()
            _count(job_id, failed=-len(documents))
            record(
                DrawingRetried(
                    job_id=job_id,
                    centre_id=documents[0].centre_id,
                    document_ids=[one.id for one in documents],
                    record_ids=sorted({one.record_id for one in documents}),
                )
            )
    return len(found)


def retry_job(job_id: int, *, actor: Actor) -> int:
    """Have all failed documents of a job drawn again; say how many."""
    job = scope.load(scope.jobs(actor), job_id)
    failed = db.session.scalars(
        select(Document.id).where(Document.job_id == job.id, Document.production == Production.FAILED)
    ).all()
    return retry(failed, actor=actor)


# ── What they are worth ──────────────────────────────────────────────────────────────────────────────────────────


def cancel(document_ids: Sequence[int], *, reason: str, actor: Actor) -> int:
    """Cancel documents, all or none; say how many were changed. Cancelled ones stay as they are.

    They stay readable; every check says "cancelled" with the reason from this moment.
    """
    actor.require(Permission.DOCUMENTS_CANCEL)
    reason = _reason(reason)
    wanted = set(document_ids)
    with unit_of_work(actor) as record:
        found = db.session.scalars(
            scope.documents(actor).where(Document.id.in_(wanted)).order_by(Document.id).with_for_update()
        ).all()
        if not found or len(found) != len(wanted):
            raise NotFound("There is nothing here.")
        changed = 0
        for document in found:
            if document.validity is Validity.CANCELLED:
                continue
            _move(document, Validity.CANCELLED)
            document.reason = reason
            document.cancelled_at = clock.now()
            record(DocumentCancelled(**_facts(document)))
            changed += 1
    return changed


def replace(
    document_id: int, *, corrections: dict[str, Any], reason: str = "", whole_record: bool = False, actor: Actor
) -> int:
    """Issue a corrected document in place of one; give the id of the new one.

    The new document has a record of its own with the corrected facts, points at the old one, says that it is a
    replacement, and is drawn at once. The old one says where to look. With ``whole_record`` the other valid documents
    of the record are replaced with it, and the new ones share one record.
    """
    actor.require(Permission.DOCUMENTS_REPLACE)
    if unknown := set(corrections) - CORRECTABLE:
        raise Invalid(f"This cannot be corrected by a replacement: {', '.join(sorted(unknown))}.")
    reason = _reason(reason) if reason else ""
    with unit_of_work(actor) as record:
        chosen = scope.load(scope.documents(actor), document_id, lock=True)
        if chosen.replaced_by_id is not None:
            raise WrongMove("This document was replaced already. Replace the newest one.")
        fresh = _corrected_record(chosen.record_id, corrections)
        olds = [chosen, *(_valid_siblings(chosen, actor) if whole_record else ())]
        news = [_put_in_place(record, old, fresh, reason) for old in olds]
        fresh.search_text = search_text_of(vars(fresh), [new.reference for new in news])
        db.session.execute(
            update(Job)
            .where(Job.id == chosen.job_id)
            .values(requested=Job.requested + len(olds), pending=Job.pending + len(olds))
            .execution_options(synchronize_session=False)
        )
        record(JobPublished(job_id=chosen.job_id, centre_id=chosen.centre_id))
    return news[0].id


ITS_OWN = frozenset({"id", "notice", "notified_at", "notices", "viewed_at"})
"""What the record of a replacement does not take over: of this award nobody was told yet."""


def _corrected_record(record_id: int, corrections: dict[str, Any]) -> Record:
    source = db.session.get_one(Record, record_id)
    columns = (column.key for column in Record.__table__.columns)
    facts = {name: getattr(source, name) for name in columns if name not in ITS_OWN}
    fresh = Record(**(facts | corrections | {"published_at": clock.now()}))
    fresh.sort_name, fresh.search_text = sort_name_of(vars(fresh)), search_text_of(vars(fresh))
    db.session.add(fresh)
    db.session.flush()
    return fresh


def _valid_siblings(chosen: Document, actor: Actor) -> Sequence[Document]:
    """The other documents of the record that are in force; cancelled ones stay cancelled."""
    return db.session.scalars(
        scope.documents(actor)
        .where(Document.record_id == chosen.record_id, Document.id != chosen.id, Document.validity == Validity.VALID)
        .order_by(Document.id)
        .with_for_update()
    ).all()


def _put_in_place(record: RecordFact, old: Document, fresh: Record, reason: str) -> Document:
    """Issue the new document of ``fresh`` in place of the old one, inside the caller's unit of work."""
    new = Document(
        **document_values(
            kind=old.kind,
            record_id=fresh.id,
            job_id=old.job_id,
            centre_id=old.centre_id,
            issued_on=fresh.awarded_on,
            expires_on=fresh.expires_on,
            replaces_id=old.id,
        )
    )
    db.session.add(new)
    was_cancelled = old.validity is Validity.CANCELLED
    _move(old, Validity.REPLACED)
    db.session.flush()
    old.replaced_by_id = new.id
    old.replaced_at = clock.now()
    if not was_cancelled:
        # The public reason of a cancellation stays what it was.
        old.reason = reason
    record(DocumentReplaced(**_facts(old), new_document_id=new.id))
    return new


def expire_passed() -> int:
    """Tell the open pages of documents whose last day has passed; say how many. The date itself already decides."""
    with unit_of_work(SYSTEM) as record:
        found = db.session.scalars(
            select(Document)
            .where(
                Document.validity == Validity.VALID,
                Document.expires_on < clock.today(),
                Document.expiry_told.is_(False),
            )
            .order_by(Document.id)
            .limit(500)
            .with_for_update()
        ).all()
        for document in found:
            document.expiry_told = True
            record(DocumentExpired(**_facts(document)))
    return len(found)


def _facts(document: Document) -> dict[str, Any]:
    return {
        "document_id": document.id,
        "record_id": document.record_id,
        "job_id": document.job_id,
        "centre_id": document.centre_id,
        "reference": document.reference,
    }


def _move(document: Document, new: Validity) -> None:
    if not may_move(document.validity, new):
        raise WrongMove(
            f"Document {reference.formatted(document.reference)} is {document.validity.label.lower()} and "
            f"cannot become {new.label.lower()}."
        )
    document.validity = new


def _reason(text: str) -> str:
    text = " ".join(text.split())
    if not text:
        raise Invalid("Say why. The reason is shown to everyone who checks the document.", field="reason")
    if len(text) > LONGEST_REASON or any(ord(character) < 32 for character in text):
        raise Invalid(f"Write the reason in at most {LONGEST_REASON} characters.", field="reason")
    return text


def figures(job_id: int) -> dict[str, int]:
    """The figures of a job as its documents really are: the invariant that ``Job`` must always equal."""
    counted = dict(
        db.session.execute(
            select(Document.production, func.count()).where(Document.job_id == job_id).group_by(Document.production)
        ).all()
    )
    return {
        "requested": sum(counted.values()),
        "pending": counted.get(Production.PENDING, 0),
        "failed": counted.get(Production.FAILED, 0),
        "completed": counted.get(Production.COMPLETED, 0),
    }
