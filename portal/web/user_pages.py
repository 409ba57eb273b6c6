"""Managing users, at the doors of those who do: each act is a form and one service, and leads back to the list.

The views of the doors stand in their blueprints; endpoints that begin with a dot are those of the door that answers.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response

from portal import clock
from portal.access.actor import Actor
from portal.errors import Invalid, Taken, Throttled, WrongMove
from portal.queries.users import get_deleted_user, get_user
from portal.services import users
from portal.services.users import LOCK_REASONS, RESTORABLE_FOR, Person
from portal.vocabulary import Role
from portal.web.fields import add_error
from portal.web.user_forms import CreateForm, EditForm, LockForm, PasswordForm


def picture_of(user_id: int, sha256: str) -> str:
    """The address of somebody's profile picture, or nothing where there is none to show here."""
    endpoint = f"{request.blueprint}.picture"
    if not sha256 or endpoint not in current_app.view_functions:
        return ""
    return url_for(endpoint, user_id=user_id, v=sha256[:12])


def wait_header(error: Throttled) -> dict[str, str]:
    """The header that tells programs how long to wait."""
    return {"Retry-After": str(error.retry_after)}


def create(centre_id: int, *, actor: Actor) -> Any:
    """The page on which a user of a centre is made, with a password to hand over or by an invitation."""
    form = CreateForm()
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        handed_over = not form.invite.data
        try:
            users.create_centre_user(
                centre_id,
                _person(form),
                password=(form.password.data or "") if handed_over else "",
                actor=actor,
            )
        except (Invalid, Taken) as error:
            add_error(form, error)
        except Throttled as error:
            add_error(form, error)
            return render_template("users/new.html", form=form), 429, wait_header(error)
        else:
            if handed_over:
                flash(
                    _("The user is created. Pass the password on in person or by telephone, within 72 hours."),
                    "success",
                )
            else:
                flash(
                    _("The invitation is on its way to %(address)s.", address=(form.email.data or "").lower()),
                    "success",
                )
            return redirect(url_for(".users"))
    return render_template("users/new.html", form=form), status


def edit(user_id: int, *, actor: Actor) -> Any:
    """The page on which everything about a user is changed."""
    found = get_user(user_id, actor=actor)
    form = EditForm(obj=found, data={"admin": found.role is Role.CENTRE_ADMIN, "seen": users.version_of(found)})
    if found.centre_id is None:
        del form.admin
    status = 422 if form.is_submitted() else 200
    headers: dict[str, str] = {}
    if form.validate_on_submit():
        moved = found.email != (form.email.data or "").lower()
        try:
            users.change(
                found.id,
                _person(form),
                active=bool(form.active.data),
                admin=bool(form.admin.data) if found.centre_id is not None else False,
                seen=form.seen.data or "",
                actor=actor,
            )
        except (Invalid, Taken) as error:
            add_error(form, error)
        except WrongMove as error:
            add_error(form, error)
            # What was typed stays, and the next save knows what it changes.
            found = get_user(user_id, actor=actor)
            form.seen.data, status = users.version_of(found), 409
        except Throttled as error:
            add_error(form, error)
            status, headers = 429, wait_header(error)
        else:
            if moved:
                said = _("Saved. %(name)s can sign in again when the new address is confirmed.", name=found.full_name)
            else:
                said = _("Saved.")
            flash(said, "success")
            return redirect(_back(found.centre_id))
    page = render_template("users/edit.html", form=form, user=found, back=_back_name(), to=_back(found.centre_id))
    return page, status, headers


def give_password(user_id: int, *, actor: Actor) -> Any:
    """The dialog in which somebody is given another first password."""
    found = get_user(user_id, actor=actor)
    form = PasswordForm()
    status = 422 if form.is_submitted() else 200
    headers: dict[str, str] = {}
    if form.validate_on_submit():
        try:
            users.give_password(found.id, password=form.password.data or "", actor=actor)
        except (Invalid, WrongMove) as error:
            add_error(form, error)
            status = 409 if isinstance(error, WrongMove) else 422
        except Throttled as error:
            add_error(form, error)
            status, headers = 429, wait_header(error)
        else:
            flash(_("The password is set. Pass it on in person or by telephone, within 72 hours."), "success")
            return redirect(url_for(".edit_user", user_id=found.id, back=_back_name()))
    return render_template("users/password.html", form=form, user=found, back=_back_name()), status, headers


def lock(user_id: int, *, actor: Actor) -> Any:
    """The User Lockout dialog."""
    found = get_user(user_id, actor=actor)
    reasons = current_app.config["USER_LOCK_REASONS"] or LOCK_REASONS
    form = LockForm(reasons)
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            users.lock(
                found.id,
                until=form.until.data,
                reason=form.reason.data or "",
                information=form.information.data or "",
                reasons=reasons,
                actor=actor,
            )
        except (Invalid, WrongMove) as error:
            add_error(form, error)
            status = 409 if isinstance(error, WrongMove) else 422
        else:
            flash(_("%(name)s is locked. Every session has ended.", name=found.full_name), "success")
            return redirect(_back(found.centre_id))
    page = render_template(
        "users/lock.html",
        form=form,
        user=found,
        tomorrow=clock.today() + timedelta(days=1),
        back=_back_name(),
        to=_back(found.centre_id),
    )
    return page, status


def unlock(user_id: int, *, actor: Actor) -> Response:
    """Free a locked user before the day."""
    found = get_user(user_id, actor=actor)
    users.unlock(found.id, actor=actor)
    flash(_("%(name)s is unlocked.", name=found.full_name), "success")
    return redirect(_back(found.centre_id))


def invite_again(user_id: int, *, actor: Actor) -> Response:
    """Send the invitation, or the link that confirms the address, once more."""
    found = get_user(user_id, actor=actor)
    try:
        users.invite_again(found.id, actor=actor)
    except (WrongMove, Throttled) as error:
        flash(error.message, "warning")
    else:
        flash(_("The link is on its way to %(address)s.", address=found.email), "success")
    return redirect(_back(found.centre_id))


def delete(user_id: int, *, actor: Actor) -> Any:
    """Delete a user at one click; the page that follows offers Undo."""
    found = get_user(user_id, actor=actor)
    try:
        users.remove(found.id, actor=actor)
    except WrongMove as error:
        page = render_template("users/refused.html", user=found, sentence=error.message, to=_back(found.centre_id))
        return page, 409
    return redirect(url_for(".deleted_user", user_id=found.id, back=_back_name()), 303)


def show_deleted(user_id: int, *, actor: Actor) -> str:
    """What is said after a deletion: OK, or Undo."""
    found = get_deleted_user(user_id, actor=actor)
    assert found.deleted_at is not None, "the deleted are asked for"
    until = found.deleted_at + RESTORABLE_FOR
    return render_template(
        "users/deleted_user.html", user=found, until=until, back=_back_name(), to=_back(found.centre_id)
    )


def restore(user_id: int, *, actor: Actor) -> Response:
    """Bring a deleted user back."""
    found = get_deleted_user(user_id, actor=actor)
    users.restore(found.id, actor=actor)
    flash(_("%(name)s is back.", name=found.full_name), "success")
    return redirect(_back(found.centre_id))


def _person(form: FlaskForm) -> Person:
    names = ("email", "first_name", "middle_name", "last_name", "username", "phone")
    return Person(**{name: form[name].data or "" for name in names if name in form})


def _back_name() -> str | None:
    """Where somebody came from, by a name and never by an address."""
    asked = request.args.get("back", "")
    return asked if asked in ("centre", "deleted") else None


def _back(centre_id: int | None) -> str:
    """The page that somebody came from: the centre of the user, the deleted ones, else the list."""
    back = _back_name()
    if back == "deleted":
        return url_for(".deleted_users")
    if back == "centre" and centre_id is not None and request.blueprint == "issuer":
        return url_for(".centre", centre_id=centre_id)
    return url_for(".users")
