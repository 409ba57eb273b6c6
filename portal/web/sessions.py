"""The session of a request: the cookie names a row in the database, and the row is asked once for each request."""

from __future__ import annotations

from flask import g, request, session

from portal import clock
from portal.access.actor import Actor
from portal.access.sessions import Current, actor_of, find
from portal.services import sign_in_upkeep

COOKIE_KEY = "sid"


def current() -> Current | None:
    """Who made this request."""
    if "portal_current" not in g:
        g.portal_current = find(session.get(COOKIE_KEY))
        if g.portal_current is not None:
            _note(g.portal_current)
    found: Current | None = g.portal_current
    return found


def actor() -> Actor | None:
    """The actor of this request, or nobody."""
    found = current()
    return None if found is None else actor_of(found.user, address=request.remote_addr or "")


def forget() -> None:
    """Let the next look at the session ask the database again (after signing in or out)."""
    g.pop("portal_current", None)


def _note(found: Current) -> None:
    """Note now and then that a session is in use, so that its owner can tell it from a forgotten one."""
    if found.seen_at is not None and clock.now() - found.seen_at > sign_in_upkeep.SEEN_EVERY:
        sign_in_upkeep.note_seen(found.session_id)
