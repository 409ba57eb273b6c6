"""The audit trail: who did what, newest first."""

from werkzeug.wrappers import Response

from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.issuer import bp
from portal.queries.audit import AUDIT, subject_text
from portal.services.audit import note_export
from portal.web import grids
from portal.web.guards import issuer

bp.add_app_template_filter(subject_text, "audit_subject")


@bp.get("/issuer/audit")
@issuer(Permission.AUDIT_SEE)
def audit(actor: Actor) -> Response:
    """List what was done, by whom, from where."""
    return grids.answer(AUDIT, actor, template="issuer/audit.html")


@bp.post("/issuer/audit/csv")
@issuer(Permission.AUDIT_SEE)
def export_audit(actor: Actor) -> Response:
    """The lines that match as CSV; that they are taken is itself a line."""
    return grids.recorded_csv(AUDIT, actor, record=note_export)
