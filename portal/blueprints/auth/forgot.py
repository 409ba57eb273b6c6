"""Forgot my password: ask for a link. The answer is the same for everybody, and takes as long."""

from __future__ import annotations

import time
from typing import Any

from flask import render_template, request, url_for

from portal.access.actor import Actor
from portal.blueprints.auth import after, bp
from portal.blueprints.auth.forms import ForgotForm, add_error
from portal.errors import Invalid
from portal.services import accounts
from portal.vocabulary import Door
from portal.web.guards import public

AT_LEAST = 0.25
"""Seconds that every answer takes: writing a mail takes some milliseconds, and nobody is to see whether one was."""


@bp.route("/<any(centre, issuer, learner):door>/forgot", methods=["GET", "POST"])
@public
def forgot(door: str, actor: Actor) -> Any:
    """Ask for a link to set a new password."""
    form = ForgotForm(request.form)
    page: dict[str, Any] = {"form": form, "login": url_for(after.login_name(Door(door))), "sent": False}
    status = 200
    if form.is_submitted():
        began = time.monotonic()
        status = 422
        if form.validate():
            try:
                accounts.request_reset(account=form.email.data or "", actor=actor)
                page["sent"], status = True, 200
            except Invalid as error:
                add_error(form, error)
        time.sleep(max(0.0, AT_LEAST - (time.monotonic() - began)))
    return render_template("auth/forgot.html", **page), status
