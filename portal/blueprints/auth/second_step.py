"""The second page of signing in: a code, or first of all setting up what makes codes. Nobody is in before it.

The cookie holds the one-time token of the sign-in that waits; the row behind it says whose it is.
"""

from __future__ import annotations

from typing import Any

from flask import current_app, redirect, render_template, request, session, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from portal.access.actor import Actor
from portal.blueprints.auth import after, bp, devices
from portal.blueprints.auth.forms import ButtonForm, CodeForm, add_error
from portal.errors import Expired, Invalid, WrongMove
from portal.services import second_step as steps
from portal.services import tokens
from portal.services.accounts import Entry
from portal.web import second_step_pictures, sessions
from portal.web.guards import public

WAITING = "second-step"
"""In the cookie: the token of the sign-in that waits, and the page that was asked for."""


@bp.route("/second-step", methods=["GET", "POST"])
@public
def second_step(actor: Actor) -> Any:
    """Ask for the code of the app, or for a recovery code."""
    text, name = _kept()
    waiting = steps.waiting(text, secret_key=_secret())
    if waiting.enrol:
        return redirect(url_for(".set_up_second_step"))
    form = CodeForm(request.form)
    status = 200
    if form.is_submitted():
        status = 422
        if form.validate():
            try:
                entry = steps.enter(
                    text,
                    form.code.data or "",
                    secret_key=_secret(),
                    actor=actor,
                    agent=request.user_agent.string,
                )
            except Invalid as error:
                add_error(form, error)
            else:
                _let_in(entry)
                response = redirect(after.page_for(waiting.door, entry.role, name))
                devices.remember(response, entry, devices.find())
                return response
    back = url_for(after.login_name(waiting.door))
    return render_template("auth/second_step.html", form=form, back=back), status


@bp.route("/second-step/set-up", methods=["GET", "POST"])
@public
def set_up_second_step(actor: Actor) -> Any:
    """Set the second step up, for somebody whose role has to have one."""
    text, name = _kept()
    waiting = steps.waiting(text, secret_key=_secret())
    if not waiting.enrol:
        return redirect(url_for(".second_step"))
    form = CodeForm(request.form)
    status = 200
    if form.is_submitted():
        status = 422
        if form.validate():
            try:
                entry, codes = steps.set_up_and_enter(
                    text,
                    form.code.data or "",
                    begun=session.get(second_step_pictures.BEGUN),
                    secret_key=_secret(),
                    actor=actor,
                    agent=request.user_agent.string,
                )
            except (Invalid, WrongMove) as error:
                add_error(form, error)
            else:
                _let_in(entry)
                response = Response(
                    render_template(
                        "auth/second_step_codes.html",
                        codes=codes,
                        save=url_for(f"{waiting.door.value}.save_codes"),
                        go_on=after.page_for(waiting.door, entry.role, name),
                    ),
                    mimetype="text/html",
                )
                devices.remember(response, entry, devices.find())
                return response
    shared = _shared(waiting)
    page = render_template(
        "auth/second_step_set_up.html",
        form=form,
        shared=shared,
        groups=second_step_pictures.groups(shared.secret) if shared else "",
        back=url_for(after.login_name(waiting.door)),
    )
    return page, status


@bp.post("/second-step/begin")
@public
def begin_second_step(actor: Actor) -> Response:
    """Make the secret that the app has to know."""
    text, _name = _kept()
    waiting = steps.waiting(text, secret_key=_secret())
    if not waiting.enrol:
        raise Expired
    if ButtonForm(request.form).validate_on_submit():
        session[second_step_pictures.BEGUN] = steps.begin(waiting.user_id, secret_key=_secret(), actor=actor)
    return redirect(url_for(".set_up_second_step"))


@bp.get("/second-step/qr.svg")
@public
def second_step_qr(actor: Actor) -> Response:
    """The secret as a picture for the camera of a telephone."""
    text, _name = _kept()
    shared = _shared(steps.waiting(text, secret_key=_secret()))
    if shared is None:
        raise NotFound
    return second_step_pictures.qr(shared.uri)


def to_second_step(entry: Entry, name: str | None) -> Response:
    """Send somebody whose password was right to the page that asks for the code."""
    text = tokens.text_of(entry.second_step_token_id or 0, _secret())
    session[WAITING] = [text, name]
    return redirect(url_for("auth.second_step"))


def _let_in(entry: Entry) -> None:
    # As after the password alone: nothing of the time before is taken along.
    session.clear()
    sessions.forget()
    session[sessions.COOKIE_KEY] = entry.token


def _shared(waiting: steps.Waiting) -> steps.Shared | None:
    if not waiting.enrol:
        return None
    return steps.find_shared(
        waiting.user_id,
        session.get(second_step_pictures.BEGUN),
        portal=second_step_pictures.portal_name(),
        secret_key=_secret(),
    )


def _kept() -> tuple[str, str | None]:
    kept = session.get(WAITING)
    if not isinstance(kept, list) or len(kept) != 2 or not isinstance(kept[0], str):
        raise Expired
    return kept[0], kept[1]


def _secret() -> str:
    secret: str = current_app.config["SECRET_KEY"]
    return secret
