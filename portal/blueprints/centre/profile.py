"""My Profile: what the portal holds about whoever is signed in."""

from flask import render_template

from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.centre import bp
from portal.web import sessions
from portal.web.guards import centre


@bp.get("/centre/profile")
@centre(Permission.PROFILE_SEE)
def profile(actor: Actor) -> str:
    """Show the facts, and say who changes them."""
    found = sessions.current()
    assert found is not None, "the guard let nobody in without a session"
    return render_template("centre/profile.html", user=found.user)
