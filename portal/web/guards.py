"""Guards: every route wears exactly one. It decides who comes in, and hands the view its actor.

A route without a guard is refused by ``portal.web.default_deny``; a guard is the only thing that may let it through.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import redirect, request, url_for
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response

from portal.access.actor import ANYONE, Actor
from portal.access.permissions import Permission
from portal.access.roles import door_of
from portal.database import db
from portal.vocabulary import Door
from portal.web import sessions

View = Callable[..., Any]


def public(view: View) -> View:
    """Anybody may come in; the actor is whoever is signed in, or ``ANYONE``."""

    @wraps(view)
    def guarded(**kwargs: Any) -> Any:
        try:
            actor = sessions.actor()
        except SQLAlchemyError:
            # Public pages say what they can without the database; nobody gains a right by its absence.
            db.session.close()
            actor = None
        return view(actor=actor or _anyone(), **kwargs)

    guarded.guard = ("public",)  # type: ignore[attr-defined]
    return guarded


def signed_in(view: View) -> View:
    """Anybody who is signed in at any door."""

    @wraps(view)
    def guarded(**kwargs: Any) -> Any:
        actor = sessions.actor()
        if actor is None:
            return to_sign_in(Door.CENTRE)
        return view(actor=actor, **kwargs)

    guarded.guard = ("signed_in",)  # type: ignore[attr-defined]
    return guarded


def centre(permission: Permission) -> Callable[[View], View]:
    """Users of a centre who have a right."""
    return _of_door(Door.CENTRE, permission)


def issuer(permission: Permission) -> Callable[[View], View]:
    """Staff of the awarding body who have a right."""
    return _of_door(Door.ISSUER, permission)


def learner(permission: Permission) -> Callable[[View], View]:
    """Learners who have a right."""
    return _of_door(Door.LEARNER, permission)


def _of_door(door: Door, permission: Permission) -> Callable[[View], View]:
    def wear(view: View) -> View:
        @wraps(view)
        def guarded(**kwargs: Any) -> Any:
            actor = sessions.actor()
            if actor is None:
                return to_sign_in(door)
            if actor.role is None or door_of(actor.role) is not door or not actor.may(permission):
                raise Forbidden
            return view(actor=actor, **kwargs)

        guarded.guard = (door.value, permission.value)  # type: ignore[attr-defined]
        return guarded

    return wear


def to_sign_in(door: Door) -> Response:
    """Send a visitor to the login page of a door; where to go afterwards is the name of a page, never an address."""
    if request.headers.get("X-Grid") or request.accept_mimetypes.best == "application/json":
        return Response("Please sign in.", status=401, mimetype="text/plain")
    after = request.endpoint if request.method == "GET" and not request.view_args else None
    return redirect(url_for(f"auth.{door.value}_login", next=after))


def _anyone() -> Actor:
    return Actor(user_id=None, name=ANYONE.name, address=request.remote_addr or "")
