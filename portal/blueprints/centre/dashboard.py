"""The dashboard of a centre: the figures, what is being drawn, what this month brought, and the newest jobs."""

from flask import jsonify, render_template
from werkzeug.wrappers import Response

from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.centre import bp
from portal.events import outbox, rooms
from portal.queries import dashboards
from portal.queries.jobs import list_latest
from portal.web.guards import centre


@bp.get("/centre/")
@centre(Permission.DASHBOARD_SEE)
def dashboard(actor: Actor) -> str:
    """Show the figures, the jobs in progress, this month, and the newest jobs."""
    home, jobs = _rooms(actor)
    # How far the rooms have come is read before the rest: what happens in between is then told again, never missed.
    seq = outbox.seq_of([home, jobs])
    return render_template(
        "centre/dashboard.html",
        figures=dashboards.centre_figures(actor=actor),
        drawing=dashboards.jobs_in_progress(actor=actor),
        days=dashboards.issued_this_month(actor=actor),
        home=(home, seq[home]),
        jobs=(jobs, seq[jobs]),
        latest=list_latest(actor=actor),
    )


@bp.get("/centre/figures")
@centre(Permission.DASHBOARD_SEE)
def figures(actor: Actor) -> Response:
    """The figures alone, for the open page."""
    return jsonify(dashboards.centre_figures(actor=actor))


def _rooms(actor: Actor) -> tuple[str, str]:
    centre_id = actor.centre_id or 0
    return rooms.centre_home(centre_id), rooms.centre_jobs(centre_id)
