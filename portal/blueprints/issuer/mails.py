"""The outbox: which mails failed, and which nobody knows the fate of."""

from flask import flash, redirect, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.issuer import bp
from portal.errors import WrongMove
from portal.queries.mail_list import MAILS
from portal.services import mails as outbox
from portal.web import grids
from portal.web.guards import issuer


@bp.get("/issuer/mails")
@issuer(Permission.AUDIT_SEE)
def mails(actor: Actor) -> Response:
    """List the mails that the portal has written."""
    return grids.answer(MAILS, actor, template="issuer/mails.html")


@bp.post("/issuer/mails/<int:mail_id>/arrived")
@issuer(Permission.CENTRES_MANAGE)
def mail_arrived(actor: Actor, mail_id: int) -> Response:
    """Somebody has found out that a mail of unknown fate arrived."""
    return _decide(mail_id, arrived=True, actor=actor)


@bp.post("/issuer/mails/<int:mail_id>/again")
@issuer(Permission.CENTRES_MANAGE)
def send_mail_again(actor: Actor, mail_id: int) -> Response:
    """Somebody has found out that it did not, or takes the risk."""
    return _decide(mail_id, arrived=False, actor=actor)


def _decide(mail_id: int, *, arrived: bool, actor: Actor) -> Response:
    try:
        outbox.resolve_unknown(mail_id, arrived=arrived, actor=actor)
    except WrongMove:
        flash(_("The fate of this mail is known, so it is left as it is."), "info")
    else:
        flash(_("The mail counts as sent.") if arrived else _("The mail is sent once more."), "success")
    return redirect(url_for(".mails"))
