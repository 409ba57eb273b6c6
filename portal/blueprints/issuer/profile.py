"""My Profile of whoever is signed in in the back office, pictures of users, and help for lost telephones."""

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.issuer import bp
from portal.errors import WrongMove
from portal.queries.users import get_user
from portal.services import second_step
from portal.web import profile_pages
from portal.web.guards import issuer

profile_pages.register(bp, issuer)


@bp.post("/issuer/users/<int:user_id>/second-step/remove")
@issuer(Permission.USERS_MANAGE)
def remove_second_step(actor: Actor, user_id: int) -> Response:
    """Take the second step off somebody who lost telephone and recovery codes."""
    found = get_user(user_id, actor=actor)
    try:
        second_step.take_off(found.id, actor=actor)
    except WrongMove as error:
        flash(error.message, "warning")
    else:
        flash(_("The second step of %(name)s is removed. They are told by mail.", name=found.full_name), "success")
    if request.args.get("back") == "centre" and found.centre_id:
        return redirect(url_for(".centre", centre_id=found.centre_id))
    return redirect(url_for(".users"))
