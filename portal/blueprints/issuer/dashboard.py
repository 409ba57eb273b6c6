"""The dashboard of the back office: the figures, and the newest jobs."""

from flask import jsonify, render_template
from werkzeug.wrappers import Response

from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.issuer import bp
from portal.events import outbox, rooms
from portal.queries import issuer_home
from portal.queries.issuer_jobs import list_latest
from portal.web.guards import issuer


@bp.get("/issuer/")
@issuer(Permission.DASHBOARD_SEE)
def dashboard(actor: Actor) -> str:
    """Show the figures and the newest jobs."""
    # How far the room has come is read before the rest: what happens in between is then told again, never missed.
    seq = outbox.seq_of([rooms.ISSUER_HOME, rooms.ISSUER_JOBS])
    return render_template(
        "issuer/dashboard.html",
        figures=issuer_home.figures(actor=actor),
        home=(rooms.ISSUER_HOME, seq[rooms.ISSUER_HOME]),
        jobs=(rooms.ISSUER_JOBS, seq[rooms.ISSUER_JOBS]),
        latest=list_latest(actor=actor),
    )


@bp.get("/issuer/figures")
@issuer(Permission.DASHBOARD_SEE)
def figures(actor: Actor) -> Response:
    """The figures alone, for the open page."""
    return jsonify(issuer_home.figures(actor=actor))
