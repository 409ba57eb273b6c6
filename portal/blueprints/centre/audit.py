"""The audit trail of a centre, for its admins."""

from werkzeug.wrappers import Response

from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.centre import bp
from portal.queries.audit import CENTRE_AUDIT
from portal.services.audit import note_export
from portal.web import grids
from portal.web.guards import centre


@bp.get("/centre/audit")
@centre(Permission.AUDIT_SEE)
def audit(actor: Actor) -> Response:
    """List what was done in the centre or to what is its own, by whom, from where."""
    return grids.answer(CENTRE_AUDIT, actor, template="centre/audit.html")


@bp.post("/centre/audit/csv")
@centre(Permission.AUDIT_SEE)
def export_audit(actor: Actor) -> Response:
    """The lines that match as CSV; that they are taken is itself a line."""
    return grids.recorded_csv(CENTRE_AUDIT, actor, record=note_export)
