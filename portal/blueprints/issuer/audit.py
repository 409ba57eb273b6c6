"""The audit trail: who did what, newest first."""

from werkzeug.wrappers import Response

from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.issuer import bp
from portal.queries.audit import AUDIT
from portal.web import grids
from portal.web.guards import issuer


@bp.get("/issuer/audit")
@issuer(Permission.AUDIT_SEE)
def audit(actor: Actor) -> Response:
    """List what was done, by whom, from where."""
    return grids.answer(AUDIT, actor, template="issuer/audit.html")
