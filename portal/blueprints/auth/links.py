"""The pages behind the one-time links of mails. Opening one changes nothing; only its button uses the link up.

The first visit moves the token into the signed cookie and goes on to a clean address, so that it stays in no history,
no log of a proxy and no referrer.
"""

from __future__ import annotations

from typing import Any

from flask import current_app, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal.access.actor import Actor
from portal.blueprints.auth import after, bp
from portal.blueprints.auth.forms import ButtonForm, ChoosePasswordForm, add_error
from portal.errors import Expired, Invalid
from portal.services import accounts, tokens
from portal.vocabulary import Door, TokenPurpose
from portal.web import sessions
from portal.web.guards import public

LINK = "link:"
"""Where in the cookie the token of a purpose is kept."""


@bp.get("/reset/<token>")
@public
def open_reset(token: str, actor: Actor) -> Response:
    """The link of a mail about a forgotten password."""
    return _swap(token, TokenPurpose.RESET, ".reset")


@bp.get("/invite/<token>")
@public
def open_invite(token: str, actor: Actor) -> Response:
    """The link of an invitation."""
    return _swap(token, TokenPurpose.INVITE, ".invite")


@bp.get("/confirm/<token>")
@public
def open_confirm(token: str, actor: Actor) -> Response:
    """The link that confirms an email address."""
    return _swap(token, TokenPurpose.CONFIRM, ".confirm")


@bp.route("/reset", methods=["GET", "POST"])
@public
def reset(actor: Actor) -> Any:
    """Choose a new password."""
    return _choose(TokenPurpose.RESET, actor)


@bp.route("/invite", methods=["GET", "POST"])
@public
def invite(actor: Actor) -> Any:
    """Choose the first password."""
    return _choose(TokenPurpose.INVITE, actor)


@bp.route("/confirm", methods=["GET", "POST"])
@public
def confirm(actor: Actor) -> Any:
    """Confirm an email address by a button: programs that follow links in mails press none."""
    text, form = _kept(TokenPurpose.CONFIRM), ButtonForm(request.form)
    if not form.validate_on_submit():
        tokens.peek(text, TokenPurpose.CONFIRM, _secret())
        return render_template("auth/confirm.html", form=form)
    door = accounts.confirm_email(text, secret=_secret(), actor=actor)
    session.pop(_key(TokenPurpose.CONFIRM), None)
    flash(_("Your email address is confirmed. Please log in."), "success")
    return redirect(url_for(after.login_name(door)))


def to_choose_password(text: str) -> Response:
    """Send somebody who signed in with a first password to choose an own one."""
    session[_key(TokenPurpose.RESET)] = text
    return redirect(url_for("auth.reset"))


def _swap(text: str, purpose: TokenPurpose, clean: str) -> Response:
    tokens.peek(text, purpose, _secret())
    session[_key(purpose)] = text
    return redirect(url_for(clean), 303)


def _choose(purpose: TokenPurpose, actor: Actor) -> Any:
    text, form = _kept(purpose), ChoosePasswordForm(request.form)
    token = tokens.peek(text, purpose, _secret())
    username = accounts.username_of(token)
    status = 200
    if form.is_submitted():
        status = 422
        if form.validate():
            try:
                return _chosen(text, purpose, form, actor)
            except Invalid as error:
                add_error(form, error)
    page = render_template(
        "auth/choose_password.html",
        form=form,
        purpose=purpose.value,
        username=username,
        must=bool(token.detail.get("must")),
        action=url_for(f".{purpose.value}"),
    )
    return page, status


def _chosen(text: str, purpose: TokenPurpose, form: ChoosePasswordForm, actor: Actor) -> Response:
    door: Door = accounts.choose_password(
        text, purpose=purpose, password=form.password.data or "", secret=_secret(), actor=actor
    )
    session.clear()
    sessions.forget()
    flash(_("Your password is set. Please log in."), "success")
    return redirect(url_for(after.login_name(door)))


def _kept(purpose: TokenPurpose) -> str:
    text = session.get(_key(purpose))
    if not isinstance(text, str):
        raise Expired
    return text


def _key(purpose: TokenPurpose) -> str:
    return LINK + purpose.value


def _secret() -> str:
    secret: str = current_app.config["SECRET_KEY"]
    return secret
