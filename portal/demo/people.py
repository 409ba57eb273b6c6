"""The people of the demo: accounts with the demo's password, one of them locked."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from portal import clock
from portal.access.actor import SYSTEM
from portal.database import db
from portal.demo import cast
from portal.events.catalogue import UserChanged
from portal.models.centres import Centre
from portal.models.learners import Learner
from portal.models.users import User
from portal.services import passwords
from portal.unit_of_work import unit_of_work


def is_complete() -> bool:
    """Whether the story was told to its end: the issuer's account is made last."""
    return _find(cast.ISSUER.email) is not None


def centre_users() -> None:
    """The users of the centres."""
    for person in cast.PEOPLE:
        if _find(person.email) is None:
            centre_id = db.session.scalars(select(Centre.id).where(Centre.number == person.centre)).one()
            _create(person, centre_id=centre_id)
    with unit_of_work(SYSTEM) as record:
        simon = db.session.scalars(select(User).where(User.email == cast.SIMON.email)).one()
        simon.locked_until = clock.now() + timedelta(days=60)
        simon.lock_reason = "Staff member is on long term sick"
        record(UserChanged(user_id=simon.id, centre_id=simon.centre_id))


def finish() -> None:
    """The learner with an account, then the issuer."""
    if _find(cast.CONNOR.email) is None:
        learner_id = db.session.scalars(
            select(Learner.id).where(Learner.enrolment_number == cast.CONNORS_ENROLMENT)
        ).one()
        _create(cast.CONNOR, learner_id=learner_id)
    _create(cast.ISSUER)


def _find(email: str) -> int | None:
    return db.session.scalar(select(User.id).where(User.email == email))


def _create(person: cast.Person, *, centre_id: int | None = None, learner_id: int | None = None) -> None:
    password_hash = passwords.hash_of(cast.PASSWORD)
    with unit_of_work(SYSTEM) as record:
        user = User(
            username=person.email,
            email=person.email,
            email_confirmed_at=clock.now(),
            password_hash=password_hash,
            first_name=person.first_name,
            last_name=person.last_name,
            role=person.role,
            centre_id=centre_id,
            learner_id=learner_id,
            created_at=clock.now(),
        )
        db.session.add(user)
        db.session.flush()
        record(UserChanged(user_id=user.id, centre_id=centre_id))
