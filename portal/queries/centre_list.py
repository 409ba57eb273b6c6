"""The list of centres, with how much each of them has."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, select

from portal.access import scope
from portal.access.actor import Actor
from portal.database import db
from portal.events import rooms
from portal.grid import Action, Column, DateRange, Grid, NumberRange, Text
from portal.grid.wording import N_
from portal.models.brands import Brand
from portal.models.centres import Centre
from portal.models.jobs import Job
from portal.models.users import User

JOBS = select(func.count(Job.id)).where(Job.centre_id == Centre.id).correlate(Centre).scalar_subquery()
DOCUMENTS = (
    select(func.coalesce(func.sum(Job.requested), 0))
    .where(Job.centre_id == Centre.id)
    .correlate(Centre)
    .scalar_subquery()
)
USERS = (
    select(func.count(User.id))
    .where(User.centre_id == Centre.id, User.deleted_at.is_(None))
    .correlate(Centre)
    .scalar_subquery()
)


def _centres(actor: Actor, **_within: Any) -> Select[Any]:
    return scope.centres(actor).join(Brand, Brand.id == Centre.brand_id)


CENTRES = Grid(
    name="centres",
    title=N_("Centres"),
    thing=N_("centre"),
    things=N_("centres"),
    key=Centre.id,
    select=_centres,
    room=lambda _actor: rooms.ISSUER_CENTRES,
    default_sort="name",
    cells="grids/issuer_centres.html",
    also={"brand_id": Centre.brand_id},
    columns=[
        Column("name", N_("Name"), Centre.name, sort=True, search=True, filter=Text(), cell="name"),
        Column("number", N_("Number"), Centre.number, sort=True, search=True, filter=Text(), kind="code"),
        Column("brand", N_("Brand"), Brand.name, sort=True, search=True, filter=Text()),
        Column("email", N_("Contact address"), Centre.contact_email, sort=True, search=True, filter=Text()),
        Column("users", N_("Users"), USERS, sort=True, filter=NumberRange(), kind="number"),
        Column("jobs", N_("Jobs"), JOBS, sort=True, filter=NumberRange(), kind="number"),
        Column("documents", N_("Documents"), DOCUMENTS, sort=True, filter=NumberRange(), kind="number"),
        Column("created_on", N_("Created on"), Centre.created_at, sort=True, filter=DateRange(), kind="date"),
    ],
    actions=[
        Action("view", N_("View"), "view", "issuer.centre", {"centre_id": "id"}),
        Action("edit", N_("Edit"), "edit", "issuer.edit_centre", {"centre_id": "id"}),
    ],
    empty=N_("There is no centre yet. Create the first one."),
)


def figures_of(centre: Centre, *, actor: Actor) -> dict[str, int]:
    """How many ``users``, ``jobs`` and ``documents`` a centre has."""
    row = db.session.execute(
        scope.centres(actor)
        .where(Centre.id == centre.id)
        .with_only_columns(USERS.label("users"), JOBS.label("jobs"), DOCUMENTS.label("documents"))
    ).one()
    return {name: int(value) for name, value in row._mapping.items()}
