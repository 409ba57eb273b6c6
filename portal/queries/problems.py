"""Reading problems: the lists of a centre and of the awarding body, and one with its conversation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import aliased, joinedload

from portal import clock
from portal.access import scope
from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.database import db
from portal.events import rooms
from portal.grid import Action, Column, DateRange, Grid, OneOf, Text
from portal.grid.wording import N_
from portal.models.brands import Brand
from portal.models.centres import Centre
from portal.models.documents import Document
from portal.models.downloads import Download
from portal.models.problems import Problem, ProblemMessage
from portal.models.users import User
from portal.vocabulary import ProblemState, Role

ME = aliased(User)
"""Whoever reads the list, joined to every row, so that a filter may ask for "mine"."""

CENTRE_NAME = Centre.name.concat(" ").concat(Centre.number)


def _newest(column: Any) -> Any:
    """A column of the newest line of the conversation; nothing while there is only the report."""
    return (
        select(column)
        .where(ProblemMessage.problem_id == Problem.id)
        .order_by(ProblemMessage.id.desc())
        .limit(1)
        .correlate(Problem)
        .scalar_subquery()
    )


def last_word_text(row: Any) -> str:
    """When something last happened, and who wrote last, for the CSV."""
    return f"{clock.uk_text(row.last_word)}, {row.last_author or row.reporter}"


def _looked_after(word: str) -> ColumnElement[bool]:
    """The condition that the reader looks after it, or nobody does, or somebody else."""
    return {
        "mine": Problem.owner_id == ME.id,
        "nobody": Problem.owner_id.is_(None),
        "others": Problem.owner_id.is_not(None) & (Problem.owner_id != ME.id),
    }[word]


ALSO = {
    "last_author": _newest(ProblemMessage.author),
    "last_from_issuer": _newest(ProblemMessage.from_issuer),
}

NUMBER = Column("number", N_("Number"), Problem.id, sort=(Problem.id,), search=True, cell="number")
ABOUT = Column("about", N_("About"), Problem.subject, sort=True, search=True, filter=Text(), cell="about")
STATE = Column("state", N_("State"), Problem.state, sort=True, filter=OneOf(ProblemState), cell="state", kind="status")
REPORTER = Column("reporter", N_("Reported by"), Problem.reporter, sort=True, search=True, filter=Text())
# Ids follow the moment of reporting, and the key's own index gives this order.
REPORTED = Column(
    "reported_on", N_("Reported on"), Problem.created_at, sort=(Problem.id,), filter=DateRange(), kind="date"
)
LAST_WORD = Column(
    "last_word",
    N_("Last word"),
    Problem.moved_at,
    sort=(Problem.moved_at,),
    filter=DateRange(),
    cell="last_word",
    kind="date",
    text=last_word_text,
)


def _of_centre(actor: Actor, **_within: Any) -> Select[Any]:
    return scope.problems(actor)


def _of_everybody(actor: Actor, **_within: Any) -> Select[Any]:
    return (
        scope.problems(actor)
        .outerjoin(Centre, Centre.id == Problem.centre_id)
        .outerjoin(Brand, Brand.id == Problem.brand_id)
        .outerjoin(ME, ME.id == actor.user_id)
    )


CENTRE_PROBLEMS = Grid(
    name="problems",
    title=N_("Problems"),
    thing=N_("problem"),
    things=N_("problems"),
    key=Problem.id,
    select=_of_centre,
    room=lambda actor: rooms.centre_problems(actor.centre_id or 0),
    default_sort="-number",
    cells="grids/problems.html",
    search=[Problem.text],
    also=ALSO,
    columns=[NUMBER, ABOUT, STATE, REPORTER, REPORTED, LAST_WORD],
    actions=[Action("view", N_("View"), "view", "centre.problem", {"problem_id": "id"})],
    empty=N_("Nobody in your centre has reported an issue yet."),
)

ISSUER_PROBLEMS = Grid(
    name="issuer-problems",
    title=N_("Problems"),
    thing=N_("problem"),
    things=N_("problems"),
    key=Problem.id,
    select=_of_everybody,
    room=lambda _actor: rooms.ISSUER_PROBLEMS,
    default_sort="-number",
    cells="grids/issuer_problems.html",
    search=[Problem.text],
    also=ALSO | {"centre_id": Problem.centre_id, "centre_number": Centre.number},
    columns=[
        NUMBER,
        ABOUT,
        STATE,
        Column(
            "centre", N_("Centre"), Centre.name, sort=True, search=CENTRE_NAME, filter=Text(CENTRE_NAME), cell="centre"
        ),
        Column("brand", N_("Brand"), Brand.name, sort=True, filter=Text()),
        REPORTER,
        Column(
            "owner",
            N_("Owner"),
            Problem.owner,
            sort=True,
            search=True,
            filter=OneOf(
                [("mine", N_("Mine")), ("nobody", N_("Nobody")), ("others", N_("Somebody else"))], _looked_after
            ),
        ),
        replace(REPORTED, cell="reported_on"),
        LAST_WORD,
    ],
    actions=[Action("view", N_("View"), "view", "issuer.problem", {"problem_id": "id"})],
    empty=N_("No centre has reported an issue yet."),
)


def get_problem(problem_id: int, *, actor: Actor) -> Problem:
    """A problem that the actor may see, with all that it is about. Raises ``NotFound``."""
    return scope.load(
        scope.problems(actor).options(
            joinedload(Problem.centre),
            joinedload(Problem.brand),
            joinedload(Problem.record),
            joinedload(Problem.document),
            joinedload(Problem.download),
            joinedload(Problem.replacement).joinedload(Document.record),
        ),
        problem_id,
    )


def list_messages(problem: Problem) -> Sequence[ProblemMessage]:
    """The conversation about a problem that the actor was shown, newest first, without the report itself."""
    return db.session.scalars(
        select(ProblemMessage).where(ProblemMessage.problem_id == problem.id).order_by(ProblemMessage.id.desc())
    ).all()


def list_staff(*, actor: Actor) -> list[tuple[int, str]]:
    """Who at the awarding body may look after a problem: ids and names."""
    actor.require(Permission.PROBLEMS_ANSWER)
    found = db.session.scalars(
        scope.users(actor).where(User.role == Role.ISSUER).order_by(User.last_name, User.first_name, User.id)
    ).all()
    return [(user.id, user.full_name) for user in found if user.may_enter_at(clock.now())]


def get_download(download_id: int, *, actor: Actor) -> Download:
    """An export that the actor may see. Raises ``NotFound``."""
    return scope.load(scope.downloads(actor), download_id)


def open_count(actor: Actor) -> int:
    """How many of the problems that the actor may see are not closed."""
    counted = (
        scope.problems(actor).where(Problem.state != ProblemState.CLOSED).with_only_columns(func.count(Problem.id))
    )
    return db.session.scalar(counted) or 0
