"""The people of the demo, made by the services as people make them: one locked, one inactive, one not confirmed."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from portal import clock
from portal.access.actor import SYSTEM, Actor
from portal.access.sessions import actor_of
from portal.database import db
from portal.demo import cast
from portal.models.centres import Centre
from portal.models.learners import Learner
from portal.models.users import User
from portal.services import contacts, users
from portal.vocabulary import Role


def is_complete() -> bool:
    """Whether the story was told to its end: the issuer's account is made last."""
    return _find(cast.ISSUER.email) is not None


def centre_users() -> None:
    """The users of the centres, each made by the admin of the centre; admins are made by the awarding body."""
    for person in cast.PEOPLE:
        if _find(person.email) is None:
            _create(person)
    michael = acting(cast.MICHAEL)
    until = clock.today() + timedelta(days=60)
    information = "Back after the spring break; Michael looks after the records meanwhile."
    users.lock(_id_of(cast.SIMON), until=until, reason=users.LOCK_REASONS[0], information=information, actor=michael)
    users.set_active(_id_of(cast.INGRID), False, actor=michael)
    if _find(cast.UMA.email) is None:
        uma = users.Person(cast.UMA.email, cast.UMA.first_name, cast.UMA.last_name)
        users.create_centre_user(_centre_id(cast.RIVERSIDE), uma, actor=michael)
    holders = {post: contacts.Holder(*facts) for post, facts in cast.CONTACTS.items()}
    contacts.change_contacts(_centre_id(cast.RIVERSIDE), holders, actor=SYSTEM)


def finish() -> None:
    """The learner with an account, then the issuer."""
    if _find(cast.CONNOR.email) is None:
        learner_id = db.session.scalars(
            select(Learner.id).where(Learner.enrolment_number == cast.CONNORS_ENROLMENT)
        ).one()
        users.create_learner(learner_id, email=cast.CONNOR.email, password=cast.PASSWORD, tell=False, actor=SYSTEM)
    isla = users.Person(cast.ISSUER.email, cast.ISSUER.first_name, cast.ISSUER.last_name)
    users.create_issuer(isla, password=cast.PASSWORD, must_change=False, tell=False, actor=SYSTEM)


def _create(person: cast.Person) -> None:
    admin = person.role is Role.CENTRE_ADMIN
    users.create_centre_user(
        _centre_id(person.centre or ""),
        users.Person(person.email, person.first_name, person.last_name),
        password=cast.PASSWORD,
        must_change=False,
        admin=admin,
        tell=False,
        actor=SYSTEM if admin else acting(cast.MICHAEL),
    )


def acting(person: cast.Person) -> Actor:
    """Somebody of the cast, to do something in the story."""
    found = db.session.get_one(User, _id_of(person))
    return actor_of(found)


def _id_of(person: cast.Person) -> int:
    return db.session.scalars(select(User.id).where(User.email == person.email)).one()


def _centre_id(number: str) -> int:
    return db.session.scalars(select(Centre.id).where(Centre.number == number)).one()


def _find(email: str) -> int | None:
    return db.session.scalar(select(User.id).where(User.email == email))
