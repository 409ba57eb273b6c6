"""The landing pages of the doors with their sign-in, and the way out."""

from __future__ import annotations

from typing import Any

from flask import current_app, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal.access.actor import Actor
from portal.access.roles import door_of
from portal.blueprints.auth import after, bp, devices, links, second_step
from portal.blueprints.auth.forms import SignInForm, add_error
from portal.errors import Invalid
from portal.services import accounts, tokens
from portal.vocabulary import Door, Role
from portal.web import sessions
from portal.web.guards import public

TEMPLATES = {
    Door.CENTRE: "auth/centre_login.html",
    Door.ISSUER: "auth/issuer_login.html",
    Door.LEARNER: "auth/learner_login.html",
}

UNCONFIRMED = "unconfirmed"
"""In the cookie: the account whose owner gave the right password and has to confirm the address."""


@bp.route("/centre/login", methods=["GET", "POST"])
@public
def centre_login(actor: Actor) -> Any:
    """The landing page of the centre portal."""
    return _landing(Door.CENTRE, actor)


@bp.route("/issuer/login", methods=["GET", "POST"])
@public
def issuer_login(actor: Actor) -> Any:
    """The landing page of the back office."""
    return _landing(Door.ISSUER, actor)


@bp.route("/learner/login", methods=["GET", "POST"])
@public
def learner_login(actor: Actor) -> Any:
    """The landing page of the learner portal."""
    return _landing(Door.LEARNER, actor)


@bp.post("/logout")
@public
def logout(actor: Actor) -> Response:
    """End the session of this browser and go back to its door."""
    found = sessions.current()
    door = door_of(found.user.role) if found else Door.CENTRE
    if found is not None:
        accounts.sign_out(found.session_id, actor=actor)
    session.clear()
    sessions.forget()
    flash(_("You are logged out."), "success")
    return redirect(url_for(after.login_name(door)))


@bp.post("/confirm/resend")
@public
def resend_confirmation(actor: Actor) -> Response:
    """Send the link that confirms an address once more, to somebody who gave the right password a moment ago."""
    user_id = session.pop(UNCONFIRMED, None)
    if isinstance(user_id, int):
        accounts.resend_confirmation(user_id, actor=actor)
    flash(_("We have sent the link again. It can take a few minutes to arrive."), "success")
    door = request.args.get("door", "")
    return redirect(url_for(after.login_name(Door(door) if door in set(Door) else Door.CENTRE)))


def _landing(door: Door, actor: Actor) -> Any:
    here = actor.role is not None and door_of(actor.role) is door
    if here and request.method != "POST" and f"{door.value}.dashboard" in current_app.view_functions:
        return redirect(after.home_of(door))
    form = SignInForm(request.form)
    status = 200
    unconfirmed = False
    if form.is_submitted():
        status = 422
        if form.validate():
            try:
                return _let_in(form, door, actor)
            except accounts.Unconfirmed as refusal:
                session[UNCONFIRMED] = refusal.user_id
                unconfirmed = True
            except Invalid as refusal:
                add_error(form, refusal)
    page = render_template(
        TEMPLATES[door],
        form=form,
        door=door.value,
        here=here,
        unconfirmed=unconfirmed,
        action=url_for(after.login_name(door), next=after.wanted(door)),
        resend=url_for(".resend_confirmation", door=door.value),
        forgot=url_for(".forgot", door=door.value),
    )
    return page, status


def _let_in(form: SignInForm, door: Door, actor: Actor) -> Response:
    before = sessions.current()
    device = devices.find()
    entry = accounts.sign_in(
        account=form.email.data or "",
        password=form.password.data or "",
        door=door,
        # Whoever was signed in here before: the one who comes now is a visitor until the password is right.
        actor=Actor(user_id=None, name="Visitor", address=actor.address),
        device=device,
        agent=request.user_agent.string,
        ending=before.session_id if before else None,
        second_step_for=[Role(word) for word in current_app.config["TWO_STEP_REQUIRED"]],
    )
    # Nothing of the time before is taken along: a new session, a new CSRF token.
    session.clear()
    sessions.forget()
    if entry.change_token_id is not None:
        text = tokens.text_of(entry.change_token_id, current_app.config["SECRET_KEY"])
        return links.to_choose_password(text or "")
    if entry.second_step_token_id is not None:
        return second_step.to_second_step(entry, after.wanted(door))
    session[sessions.COOKIE_KEY] = entry.token
    response = redirect(after.page_for(door, entry.role, after.wanted(door)))
    devices.remember(response, entry, device)
    return response
