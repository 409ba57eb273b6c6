"""Who may watch a room: decided here, on the server, from the user in the database. Not here: the names of the rooms.

A room that does not exist and a room of somebody else look the same: no.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from portal import reference
from portal.access import scope
from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.access.roles import door_of
from portal.errors import NotFound
from portal.events import rooms
from portal.vocabulary import Door

LONGEST_NAME = 120

NUMBER = r"([1-9][0-9]{0,17})"

CENTRE_ROOMS = {
    "jobs": Permission.JOBS_SEE,
    "records": Permission.RECORDS_SEE,
    "home": Permission.DASHBOARD_SEE,
    "users": Permission.USERS_MANAGE,
    "downloads": Permission.RECORDS_EXPORT,
    "problems": Permission.PROBLEMS_REPORT,
}

ISSUER_ROOMS = {
    rooms.ISSUER_JOBS: Permission.JOBS_SEE,
    rooms.ISSUER_DOCUMENTS: Permission.JOBS_SEE,
    rooms.ISSUER_CENTRES: Permission.CENTRES_MANAGE,
    rooms.ISSUER_USERS: Permission.USERS_MANAGE,
    rooms.ISSUER_AUDIT: Permission.AUDIT_SEE,
    rooms.ISSUER_HOME: Permission.DASHBOARD_SEE,
    rooms.ISSUER_PROBLEMS: Permission.PROBLEMS_ANSWER,
}


def _may_watch_centre(actor: Actor, centre_id: str, what: str) -> bool:
    return (
        _comes_by(actor, Door.CENTRE)
        and actor.centre_id == int(centre_id)
        and what in CENTRE_ROOMS
        and actor.may(CENTRE_ROOMS[what])
    )


def _may_watch_issuer(actor: Actor, name: str) -> bool:
    return _comes_by(actor, Door.ISSUER) and name in ISSUER_ROOMS and actor.may(ISSUER_ROOMS[name])


def _may_watch_job(actor: Actor, job_id: str) -> bool:
    if not actor.may(Permission.JOBS_SEE):
        return False
    try:
        scope.load(scope.jobs(actor), int(job_id))
    except NotFound:
        return False
    return True


def _may_watch_upload(actor: Actor, upload_id: str) -> bool:
    if not actor.may(Permission.JOBS_PUBLISH):
        return False
    try:
        scope.load(scope.uploads(actor), int(upload_id))
    except NotFound:
        return False
    return True


def _may_watch_problem(actor: Actor, problem_id: str) -> bool:
    if not (actor.may(Permission.PROBLEMS_REPORT) or actor.may(Permission.PROBLEMS_ANSWER)):
        return False
    try:
        scope.load(scope.problems(actor), int(problem_id))
    except NotFound:
        return False
    return True


def _may_watch_user(actor: Actor, user_id: str) -> bool:
    return actor.user_id == int(user_id)


def _may_watch_verify(_actor: Actor, text: str) -> bool:
    # The status of a document is public to whoever holds its reference; only the canonical form is a room.
    return reference.normalise(text) == text


RULES: list[tuple[re.Pattern[str], Callable[..., bool]]] = [
    (re.compile(rf"centre:{NUMBER}:([a-z]+)"), _may_watch_centre),
    (re.compile(r"(issuer:[a-z]+)"), _may_watch_issuer),
    (re.compile(rf"job:{NUMBER}"), _may_watch_job),
    (re.compile(rf"upload:{NUMBER}"), _may_watch_upload),
    (re.compile(rf"problem:{NUMBER}"), _may_watch_problem),
    (re.compile(rf"user:{NUMBER}"), _may_watch_user),
    (re.compile(rf"desk:{NUMBER}"), _may_watch_user),
    (re.compile(r"verify:([0-9A-Z]+)"), _may_watch_verify),
]


def may_watch(actor: Actor, room: object) -> bool:
    """Say whether an actor may watch a room; anything that is not the name of a room is simply no."""
    if not isinstance(room, str) or len(room) > LONGEST_NAME:
        return False
    for pattern, rule in RULES:
        if found := pattern.fullmatch(room):
            return rule(actor, *found.groups())
    return False


def verified_reference(room: str) -> str | None:
    """The reference that a verify room is about; ``None`` for any other room."""
    return room.removeprefix("verify:") if room.startswith("verify:") else None


def _comes_by(actor: Actor, door: Door) -> bool:
    return actor.role is not None and door_of(actor.role) is door
