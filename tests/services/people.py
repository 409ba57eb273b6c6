"""Two centres and their people in an empty database, for the tests of signing in and of managing users."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.access.actor import SYSTEM, Actor
from portal.access.sessions import actor_of
from portal.database import db
from portal.models.brands import Brand
from portal.models.centres import Centre
from portal.models.learners import Learner
from portal.models.users import User
from portal.services import passwords
from portal.unit_of_work import unit_of_work
from portal.vocabulary import Role

PASSWORD = "lantern orbit thimble 42"

VISITOR = Actor(user_id=None, name="Visitor", address="192.0.2.7")


@dataclass(frozen=True)
class People:
    """The ids of everybody."""

    riverside: int
    hillside: int
    issuer: int
    michael: int
    """The only admin of Riverside."""
    anew: int
    """A user of Riverside."""
    rita: int
    """The admin of Hillside, a rival."""
    connor: int
    """A learner with an account."""


@cache
def password_hash() -> str:
    return passwords.hash_of(PASSWORD)


def settle(app: Flask) -> People:
    """Put everybody into an empty database."""
    hashed = password_hash()
    moment = clock.now()
    with app.app_context(), unit_of_work(SYSTEM):
        brand = Brand(
            slug="seg",
            name="Skills and Education Group Awards",
            recognition_number="RN5112",
            portal_name="Skills & Education Group",
            contact_email="support@seg.example",
        )
        learner = Learner(
            enrolment_number="AMS00009824711",
            first_name="Connor",
            last_name="Random",
            date_of_birth=date(1988, 4, 13),
            created_at=moment,
        )
        db.session.add_all([brand, learner])
        db.session.flush()
        riverside = Centre(number="10042", name="Riverside College", brand_id=brand.id, created_at=moment)
        hillside = Centre(number="10077", name="Hillside Academy", brand_id=brand.id, created_at=moment)
        db.session.add_all([riverside, hillside])
        db.session.flush()

        def user(name: str, role: Role, centre: Centre | None = None, learner_id: int | None = None) -> int:
            first, last = name.split()
            made = User(
                username=f"{first}.{last}@portal.example".lower(),
                email=f"{first}.{last}@portal.example".lower(),
                email_confirmed_at=moment,
                password_hash=hashed,
                first_name=first,
                last_name=last,
                role=role,
                centre_id=centre.id if centre else None,
                learner_id=learner_id,
                created_at=moment,
            )
            db.session.add(made)
            db.session.flush()
            return made.id

        return People(
            riverside=riverside.id,
            hillside=hillside.id,
            issuer=user("Ida Issuer", Role.ISSUER),
            michael=user("Michael White", Role.CENTRE_ADMIN, riverside),
            anew=user("Anew User", Role.CENTRE_USER, riverside),
            rita=user("Rita Rival", Role.CENTRE_ADMIN, hillside),
            connor=user("Connor Random", Role.LEARNER, learner_id=learner.id),
        )


def as_actor(user_id: int) -> Actor:
    """The actor that a user is (inside an application context)."""
    found = db.session.scalars(select(User).where(User.id == user_id)).one()
    actor = actor_of(found, address="192.0.2.7")
    db.session.close()
    return actor


def fresh(user_id: int) -> User:
    """The row of a user as it is in the database now."""
    db.session.close()
    return db.session.get_one(User, user_id)
