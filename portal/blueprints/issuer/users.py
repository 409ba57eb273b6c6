"""Users of every centre: the list, locking and unlocking, and sending the link again."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.issuer import bp
from portal.blueprints.issuer.forms import LockForm, add_error
from portal.errors import Invalid, WrongMove
from portal.queries.user_list import ISSUER_USERS
from portal.queries.users import get_user
from portal.services import users
from portal.web import grids
from portal.web.guards import issuer


@bp.get("/issuer/users", endpoint="users")
@issuer(Permission.USERS_MANAGE)
def list_users(actor: Actor) -> Response:
    """List the users of all centres, and of the awarding body itself."""
    return grids.answer(ISSUER_USERS, actor, template="issuer/users.html")


@bp.route("/issuer/users/<int:user_id>/lock", methods=["GET", "POST"])
@issuer(Permission.USERS_MANAGE)
def lock_user(actor: Actor, user_id: int) -> Any:
    """The User Lockout dialog."""
    found = get_user(user_id, actor=actor)
    form = LockForm()
    if form.validate_on_submit():
        try:
            users.lock(
                found.id,
                until=form.until.data,
                reason=form.reason.data or "",
                information=form.information.data or "",
                actor=actor,
            )
        except (Invalid, WrongMove) as error:
            add_error(form, error)
        else:
            flash(_("%(name)s is locked. Every session has ended.", name=found.full_name), "success")
            return _back(found)
    page = render_template("issuer/lock.html", form=form, user=found, back=request.args.get("back", ""))
    return page, 422 if form.is_submitted() else 200


@bp.post("/issuer/users/<int:user_id>/unlock")
@issuer(Permission.USERS_MANAGE)
def unlock_user(actor: Actor, user_id: int) -> Response:
    """Free a locked user before the day."""
    found = get_user(user_id, actor=actor)
    users.unlock(found.id, actor=actor)
    flash(_("%(name)s is unlocked.", name=found.full_name), "success")
    return _back(found)


@bp.post("/issuer/users/<int:user_id>/invite")
@issuer(Permission.USERS_MANAGE)
def invite_again(actor: Actor, user_id: int) -> Response:
    """Send the invitation, or the link that confirms the address, once more."""
    found = get_user(user_id, actor=actor)
    try:
        users.invite_again(found.id, actor=actor)
    except WrongMove as error:
        flash(error.message, "warning")
    else:
        flash(_("The link is on its way to %(address)s.", address=found.email), "success")
    return _back(found)


def _back(found: Any) -> Response:
    """Where somebody came from, by name: the centre of the user, else the list."""
    if request.args.get("back") == "centre" and found.centre_id:
        return redirect(url_for(".centre", centre_id=found.centre_id))
    return redirect(url_for(".users"))
