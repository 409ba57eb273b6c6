"""Users of every centre: the lists, changing, locking, deleting and restoring them, and sending the link again."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Response

from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.issuer import bp
from portal.queries.user_list import DELETED_USERS, ISSUER_USERS
from portal.web import grids, user_pages
from portal.web.guards import issuer


@bp.get("/issuer/users", endpoint="users")
@issuer(Permission.USERS_MANAGE)
def list_users(actor: Actor) -> Response:
    """List the users of all centres, and of the awarding body itself."""
    return grids.answer(ISSUER_USERS, actor, template="issuer/users.html")


@bp.get("/issuer/users/deleted")
@issuer(Permission.USERS_MANAGE)
def deleted_users(actor: Actor) -> Response:
    """List the deleted users who can still be brought back."""
    return grids.answer(DELETED_USERS, actor, template="users/deleted.html")


@bp.route("/issuer/users/<int:user_id>", methods=["GET", "POST"])
@issuer(Permission.USERS_MANAGE)
def edit_user(actor: Actor, user_id: int) -> Any:
    """Change everything about a user."""
    return user_pages.edit(user_id, actor=actor)


@bp.route("/issuer/users/<int:user_id>/password", methods=["GET", "POST"])
@issuer(Permission.USERS_MANAGE)
def give_password(actor: Actor, user_id: int) -> Any:
    """Give a user another first password."""
    return user_pages.give_password(user_id, actor=actor)


@bp.route("/issuer/users/<int:user_id>/lock", methods=["GET", "POST"])
@issuer(Permission.USERS_MANAGE)
def lock_user(actor: Actor, user_id: int) -> Any:
    """The User Lockout dialog."""
    return user_pages.lock(user_id, actor=actor)


@bp.post("/issuer/users/<int:user_id>/unlock")
@issuer(Permission.USERS_MANAGE)
def unlock_user(actor: Actor, user_id: int) -> Response:
    """Free a locked user before the day."""
    return user_pages.unlock(user_id, actor=actor)


@bp.post("/issuer/users/<int:user_id>/invite")
@issuer(Permission.USERS_MANAGE)
def invite_again(actor: Actor, user_id: int) -> Response:
    """Send the invitation, or the link that confirms the address, once more."""
    return user_pages.invite_again(user_id, actor=actor)


@bp.post("/issuer/users/<int:user_id>/delete")
@issuer(Permission.USERS_MANAGE)
def delete_user(actor: Actor, user_id: int) -> Any:
    """Delete a user."""
    return user_pages.delete(user_id, actor=actor)


@bp.get("/issuer/users/<int:user_id>/deleted")
@issuer(Permission.USERS_MANAGE)
def deleted_user(actor: Actor, user_id: int) -> str:
    """Successfully deleted a user: OK, or Undo."""
    return user_pages.show_deleted(user_id, actor=actor)


@bp.post("/issuer/users/<int:user_id>/restore")
@issuer(Permission.USERS_MANAGE)
def restore_user(actor: Actor, user_id: int) -> Response:
    """Bring a deleted user back."""
    return user_pages.restore(user_id, actor=actor)
