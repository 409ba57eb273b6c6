"""The users of the own centre, for its admins: the list, creating, changing, locking and deleting them."""

from __future__ import annotations

from typing import Any

from flask import render_template
from werkzeug.wrappers import Response

from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.centre import bp
from portal.queries.contacts import contacts_of
from portal.queries.user_list import DELETED_USERS, USERS
from portal.web import grids, sessions, user_pages
from portal.web.guards import centre

bp.add_app_template_global(user_pages.picture_of, "picture_of")


@bp.get("/centre/users", endpoint="users")
@centre(Permission.USERS_MANAGE)
def list_users(actor: Actor) -> Response:
    """List the users of the centre; the menu leads to all, active, locked and inactive ones."""
    return grids.answer(USERS, actor, template="users/users.html")


@bp.get("/centre/users/deleted")
@centre(Permission.USERS_MANAGE)
def deleted_users(actor: Actor) -> Response:
    """List the deleted users who can still be brought back."""
    return grids.answer(DELETED_USERS, actor, template="users/deleted.html")


@bp.route("/centre/users/new", methods=["GET", "POST"])
@centre(Permission.USERS_MANAGE)
def new_user(actor: Actor) -> Any:
    """Create a user."""
    return user_pages.create(actor.centre_id or 0, actor=actor)


@bp.route("/centre/users/<int:user_id>", methods=["GET", "POST"])
@centre(Permission.USERS_MANAGE)
def edit_user(actor: Actor, user_id: int) -> Any:
    """Change everything about a user."""
    return user_pages.edit(user_id, actor=actor)


@bp.route("/centre/users/<int:user_id>/password", methods=["GET", "POST"])
@centre(Permission.USERS_MANAGE)
def give_password(actor: Actor, user_id: int) -> Any:
    """Give a user another first password."""
    return user_pages.give_password(user_id, actor=actor)


@bp.route("/centre/users/<int:user_id>/lock", methods=["GET", "POST"])
@centre(Permission.USERS_MANAGE)
def lock_user(actor: Actor, user_id: int) -> Any:
    """The User Lockout dialog."""
    return user_pages.lock(user_id, actor=actor)


@bp.post("/centre/users/<int:user_id>/unlock")
@centre(Permission.USERS_MANAGE)
def unlock_user(actor: Actor, user_id: int) -> Response:
    """Free a locked user before the day."""
    return user_pages.unlock(user_id, actor=actor)


@bp.post("/centre/users/<int:user_id>/invite")
@centre(Permission.USERS_MANAGE)
def invite_again(actor: Actor, user_id: int) -> Response:
    """Send the invitation, or the link that confirms the address, once more."""
    return user_pages.invite_again(user_id, actor=actor)


@bp.post("/centre/users/<int:user_id>/delete")
@centre(Permission.USERS_MANAGE)
def delete_user(actor: Actor, user_id: int) -> Any:
    """Delete a user."""
    return user_pages.delete(user_id, actor=actor)


@bp.get("/centre/users/<int:user_id>/deleted")
@centre(Permission.USERS_MANAGE)
def deleted_user(actor: Actor, user_id: int) -> str:
    """Successfully deleted a user: OK, or Undo."""
    return user_pages.show_deleted(user_id, actor=actor)


@bp.post("/centre/users/<int:user_id>/restore")
@centre(Permission.USERS_MANAGE)
def restore_user(actor: Actor, user_id: int) -> Response:
    """Bring a deleted user back."""
    return user_pages.restore(user_id, actor=actor)


@bp.get("/centre/contacts")
@centre(Permission.PROFILE_SEE)
def contacts(actor: Actor) -> str:
    """The main contacts of the centre, and how one of them asks for the admin right."""
    found = sessions.current()
    assert found is not None and found.user.centre is not None, "the guard lets in users of centres only"
    holders = contacts_of(found.user.centre.id, actor=actor)
    return render_template("centre/contacts.html", contacts=holders, centre=found.user.centre)
