"""The outbox: which mails failed, and which nobody knows the fate of."""

from werkzeug.wrappers import Response

from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.issuer import bp
from portal.queries.mail_list import MAILS
from portal.web import grids
from portal.web.guards import issuer


@bp.get("/issuer/mails")
@issuer(Permission.AUDIT_SEE)
def mails(actor: Actor) -> Response:
    """List the mails that the portal has written."""
    return grids.answer(MAILS, actor, template="issuer/mails.html")
