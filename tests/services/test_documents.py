"""Documents: drawn once, frozen, cancelled with a reason, replaced by a newer one."""

import pytest
from sqlalchemy import select, update

from portal.access.actor import SYSTEM, Actor
from portal.database import db
from portal.documents.storage import Store
from portal.errors import Fenced, Invalid, NotAllowed, NotFound, WrongMove
from portal.models.documents import Document
from portal.models.facts import RoomChange
from portal.models.jobs import Job
from portal.queries.documents import store_root
from portal.services import documents
from portal.services.documents import Drawn, NotDrawn
from portal.unit_of_work import unit_of_work
from portal.vocabulary import Production, Role, Validity
from tests.services.people import as_actor

FILES = {"digital": {"sha256": "0" * 64, "size": 1, "pages": []}}


def fresh(document_id):
    db.session.close()
    return db.session.get_one(Document, document_id)


def figures_agree(job_id):
    db.session.close()
    job = db.session.get_one(Job, job_id)
    kept = {name: getattr(job, name) for name in ("requested", "pending", "failed", "completed")}
    assert kept == documents.figures(job_id)
    return kept


def expire_leases():
    with unit_of_work(SYSTEM):
        db.session.execute(update(Document).values(lease_until=None))


@pytest.fixture
def context(app):
    with app.app_context():
        yield


def test_drawing_keeps_both_forms_and_never_changes_them(app, drawn, draw):
    with app.app_context():
        figures = figures_agree(drawn.job_id)
        assert figures == {"requested": 5, "pending": 0, "failed": 0, "completed": 5}
        store = Store(store_root(app.config["PORTAL_DATA"]))
        before = {}
        for ident in drawn.document_ids:
            document = fresh(ident)
            assert document.production is Production.COMPLETED
            for form in ("print", "digital"):
                kept = document.files[form]
                assert store.verify(kept["sha256"], ".pdf")
                assert all(store.verify(page["sha256"], ".jpg") for page in kept["pages"])
                before[ident, form] = kept["sha256"]
    draw(drawn.job_id)
    with app.app_context():
        assert all(fresh(i).files[form]["sha256"] == sha for (i, form), sha in before.items())


def test_two_workers_never_hold_the_same_document(context, publish):
    batch = publish()
    first = documents.claim_to_draw(batch.job_id, most=3)
    second = documents.claim_to_draw(batch.job_id, most=10)
    assert set(first.ids).isdisjoint(second.ids)
    assert set(first.ids) | set(second.ids) == set(batch.document_ids)
    assert documents.claim_to_draw(batch.job_id, most=10) is None


def test_whoever_was_fenced_writes_nothing(context, publish):
    batch = publish()
    old = documents.claim_to_draw(batch.job_id, most=1)
    with unit_of_work(SYSTEM):
        db.session.execute(update(Document).where(Document.id.in_(old.ids)).values(lease_until=None, attempts=0))
    new = documents.claim_to_draw(batch.job_id, most=1)
    assert new.ids == old.ids
    with pytest.raises(Fenced):
        documents.finish(old, batch.job_id, [Drawn(old.ids[0], FILES)])
    assert fresh(old.ids[0]).production is Production.PENDING
    documents.finish(new, batch.job_id, [Drawn(new.ids[0], FILES)])
    assert fresh(old.ids[0]).production is Production.COMPLETED
    assert figures_agree(batch.job_id)["completed"] == 1


def test_finishing_twice_counts_once(context, publish):
    batch = publish()
    claim = documents.claim_to_draw(batch.job_id, most=2)
    documents.finish(claim, batch.job_id, [Drawn(claim.ids[0], FILES)])
    with pytest.raises(Fenced):
        documents.finish(claim, batch.job_id, [Drawn(claim.ids[0], FILES)])
    assert figures_agree(batch.job_id) == {"requested": 5, "pending": 4, "failed": 0, "completed": 1}


def test_a_document_fails_after_three_tries_and_says_why(context, publish):
    batch = publish()
    ident = batch.document_ids[0]
    for _ in range(3):
        with unit_of_work(SYSTEM):
            db.session.execute(update(Document).where(Document.id != ident).values(production=Production.COMPLETED))
            db.session.execute(update(Document).values(next_attempt_at=None))
        claim = documents.claim_to_draw(batch.job_id, most=5)
        assert claim.ids == (ident,)
        documents.finish(claim, batch.job_id, [NotDrawn(ident, "The ink was dry.")])
    document = fresh(ident)
    assert (document.production, document.failure) == (Production.FAILED, "The ink was dry.")


def test_a_full_disk_is_not_a_try(context, publish):
    batch = publish()
    for _ in range(5):
        with unit_of_work(SYSTEM):
            db.session.execute(update(Document).values(next_attempt_at=None, lease_until=None))
        claim = documents.claim_to_draw(batch.job_id, most=5)
        results = [NotDrawn(ident, "No space.", counts=False) for ident in claim.ids]
        documents.finish(claim, batch.job_id, results)
    assert figures_agree(batch.job_id)["pending"] == 5


def test_a_poison_document_fails_alone(context, publish):
    batch = publish()
    for _ in range(3):
        # The worker dies with its claim: nobody finishes, the lease runs out.
        assert documents.claim_to_draw(batch.job_id, most=25)
        with unit_of_work(SYSTEM):
            past = "1999-01-01 00:00:00" if db.engine.dialect.name == "sqlite" else "1999-01-01T00:00:00Z"
            db.session.execute(
                update(Document).where(Document.lease_until.is_not(None)).values(lease_until=_moment(past))
            )
    documents.give_up_on_poison()
    failed = [i for i in batch.document_ids if fresh(i).production is Production.FAILED]
    assert failed == [batch.document_ids[0]]
    assert "stopped the worker" in fresh(failed[0]).failure
    assert figures_agree(batch.job_id) == {"requested": 5, "pending": 4, "failed": 1, "completed": 0}


def _moment(text):
    from datetime import UTC, datetime

    return datetime.fromisoformat(text.replace("Z", "")).replace(tzinfo=UTC)


def test_only_failed_documents_are_retried(context, publish, cast):
    batch = publish()
    claim = documents.claim_to_draw(batch.job_id, most=5)
    documents.finish(
        claim,
        batch.job_id,
        [Drawn(claim.ids[0], FILES), *(NotDrawn(i, "No glyph.", final=True) for i in claim.ids[1:])],
    )
    assert figures_agree(batch.job_id)["failed"] == 4
    assert documents.retry(batch.document_ids, actor=as_actor(cast.issuer)) == 4
    assert figures_agree(batch.job_id) == {"requested": 5, "pending": 4, "failed": 0, "completed": 1}


def test_a_cancelled_document_keeps_its_reason_and_tells_its_rooms(context, publish, cast):
    batch = publish()
    ident = batch.document_ids[0]
    assert documents.cancel([ident], reason=" Issued  in error ", actor=as_actor(cast.issuer)) == 1
    document = fresh(ident)
    assert (document.validity, document.reason) == (Validity.CANCELLED, "Issued in error")
    rooms = set(db.session.scalars(select(RoomChange.room)))
    assert f"verify:{document.reference}" in rooms
    assert f"job:{batch.job_id}" in rooms
    assert documents.cancel([ident], reason="Again", actor=as_actor(cast.issuer)) == 0
    assert fresh(ident).reason == "Issued in error"


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_a_cancellation_says_why(context, publish, cast, reason):
    batch = publish()
    with pytest.raises(Invalid):
        documents.cancel(batch.document_ids, reason=reason, actor=as_actor(cast.issuer))
    assert fresh(batch.document_ids[0]).validity is Validity.VALID


def test_cancelling_is_all_or_nothing(context, publish, cast):
    batch = publish()
    with pytest.raises(NotFound):
        documents.cancel([batch.document_ids[0], 999_999], reason="Why not", actor=as_actor(cast.issuer))
    assert fresh(batch.document_ids[0]).validity is Validity.VALID


def test_a_centre_cannot_cancel(context, publish, cast):
    batch = publish()
    for user_id in (cast.michael, cast.anew, cast.rita, cast.connor):
        with pytest.raises(NotAllowed):
            documents.cancel(batch.document_ids, reason="Mine", actor=as_actor(user_id))
    nobody = Actor(user_id=None, name="Nobody", role=None)
    with pytest.raises(NotAllowed):
        documents.cancel(batch.document_ids, reason="Mine", actor=nobody)
    assert Role.ISSUER is as_actor(cast.issuer).role


def test_a_replacement_and_its_original_point_at_each_other(context, publish, draw, cast):
    batch = publish()
    draw(batch.job_id)
    ident = batch.document_ids[0]
    issuer = as_actor(cast.issuer)
    new = documents.replace(ident, corrections={"first_name": "Daisy"}, actor=issuer)
    old, fresh_one = fresh(ident), db.session.get_one(Document, new)
    assert (old.validity, old.replaced_by_id) == (Validity.REPLACED, new)
    assert (fresh_one.validity, fresh_one.replaces_id) == (Validity.VALID, ident)
    with pytest.raises(WrongMove):
        documents.replace(ident, corrections={"first_name": "Dora"}, actor=issuer)
    with pytest.raises(Invalid):
        documents.replace(new, corrections={"centre_id": 2}, actor=issuer)
    draw(batch.job_id)
    assert figures_agree(batch.job_id)["completed"] == 6
