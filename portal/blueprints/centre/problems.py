"""Report an Issue, and the problems that the centre has reported with what became of them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import HiddenField, TextAreaField

from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.centre import bp
from portal.errors import Invalid, Throttled
from portal.events import outbox, rooms
from portal.queries.documents import get_document
from portal.queries.problems import CENTRE_PROBLEMS, get_download, get_problem, list_messages
from portal.queries.records import get_record
from portal.services import problems
from portal.web import grids
from portal.web.fields import add_error
from portal.web.guards import centre

CAME_FROM = {"records": ".records", "downloads": ".downloads"}
"""Lists that somebody goes back to after reporting; from elsewhere they go to the problem."""


class ReportForm(FlaskForm):
    """What is wrong. What the text may hold is the service's rule."""

    text = TextAreaField(_l("What is wrong?"))
    key = HiddenField()


class ReplyForm(ReportForm):
    """The next line of the conversation."""

    text = TextAreaField(_l("Your reply"))


@bp.get("/centre/problems", endpoint="problems")
@centre(Permission.PROBLEMS_REPORT)
def list_problems(actor: Actor) -> Response:
    """List what the centre has reported."""
    return grids.answer(CENTRE_PROBLEMS, actor, template="centre/problems.html")


@bp.route("/centre/problems/<int:problem_id>", methods=["GET", "POST"])
@centre(Permission.PROBLEMS_REPORT)
def problem(actor: Actor, problem_id: int) -> Any:
    """Show a problem with its conversation, and take a reply."""
    room = rooms.problem(problem_id)
    seq = outbox.seq_of([room])[room]
    found = get_problem(problem_id, actor=actor)
    form = ReplyForm()
    code = 200
    headers: dict[str, str] = {}
    if form.validate_on_submit():
        try:
            problems.reply(found.id, text=form.text.data or "", key=form.key.data or "", actor=actor)
        except (Invalid, Throttled) as error:
            code, headers = _refused(form, error)
        else:
            flash(_("Your reply is written."), "success")
            return redirect(url_for(".problem", problem_id=found.id))
    _with_key(form)
    page = render_template(
        "centre/problem.html", problem=found, messages=list_messages(found), form=form, room=room, seq=seq
    )
    return page, code, headers


@bp.route("/centre/records/<int:record_id>/report", methods=["GET", "POST"])
@centre(Permission.PROBLEMS_REPORT)
def report_record(actor: Actor, record_id: int) -> Any:
    """Ask what is wrong with a record, and report it."""
    found = get_record(record_id, actor=actor)
    about = [
        (_("Learner"), found.learner_name),
        (_("Enrolment number"), found.enrolment_number),
        (_("Qualification"), found.qualification_title),
    ]
    return _report(problems.report_record, found.id, about, actor)


@bp.route("/centre/documents/<int:document_id>/report", methods=["GET", "POST"])
@centre(Permission.PROBLEMS_REPORT)
def report_document(actor: Actor, document_id: int) -> Any:
    """Ask what is wrong with a document, and report it."""
    found = get_document(document_id, actor=actor)
    about = [
        (_("Learner"), found.record.learner_name),
        (_("Record type"), _(found.kind.label)),
        (_("Qualification"), found.record.qualification_title),
        (_("Reference"), found.reference),
    ]
    return _report(problems.report_document, found.id, about, actor)


@bp.route("/centre/downloads/<int:download_id>/report", methods=["GET", "POST"])
@centre(Permission.PROBLEMS_REPORT)
def report_download(actor: Actor, download_id: int) -> Any:
    """Ask what is wrong with an export, and report it."""
    found = get_download(download_id, actor=actor)
    about = [(_("Download"), found.name), (_("Description"), found.description)]
    return _report(problems.report_download, found.id, about, actor)


def _report(report: Callable[..., tuple[int, bool]], ident: int, about: list[tuple[str, str]], actor: Actor) -> Any:
    """The form of a report, and what follows when it is sent. Where somebody came from is a name, no address."""
    form = ReportForm()
    code = 200
    headers: dict[str, str] = {}
    back = request.args.get("back") if request.args.get("back") in CAME_FROM else None
    if form.validate_on_submit():
        try:
            made, is_new = report(ident, text=form.text.data or "", key=form.key.data or "", actor=actor)
        except (Invalid, Throttled) as error:
            code, headers = _refused(form, error)
        else:
            if is_new:
                flash(_("Reported as problem %(number)s. The answer appears under Problems.", number=made), "success")
            else:
                flash(_("This is reported already, as problem %(number)s.", number=made), "info")
            return redirect(url_for(CAME_FROM[back]) if back else url_for(".problem", problem_id=made))
    _with_key(form)
    action = url_for(str(request.endpoint), **(request.view_args or {}), back=back)
    return render_template("centre/report.html", form=form, about=about, action=action), code, headers


def _refused(form: FlaskForm, error: Invalid | Throttled) -> tuple[int, dict[str, str]]:
    """Say at the form what is wrong; the status and headers of the answer."""
    add_error(form, error)
    if isinstance(error, Throttled):
        return 429, {"Retry-After": str(error.retry_after)}
    return 422, {}


def _with_key(form: Any) -> None:
    """Give the form the key that makes sending it twice the same as once; one that is sent again keeps its own."""
    if not problems.KEY.fullmatch(form.key.data or ""):
        form.key.data = secrets.token_urlsafe(24)
