"""The problems that centres have reported: the queue, and one with answering, owner, replacement and its end."""

from __future__ import annotations

import secrets
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import HiddenField, StringField, TextAreaField

from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.issuer import bp
from portal.errors import Invalid, NotFound, WrongMove
from portal.events import outbox, rooms
from portal.queries.problems import ISSUER_PROBLEMS, get_problem, list_messages, list_staff
from portal.services import problems
from portal.vocabulary import ProblemState
from portal.web import grids
from portal.web.fields import ChoiceField, add_error
from portal.web.guards import issuer


class AnswerForm(FlaskForm):
    """What the centre reads, in the portal and by mail. What the text may hold is the service's rule."""

    text = TextAreaField(_l("Your answer"))
    key = HiddenField()


class OwnerForm(FlaskForm):
    """Who looks after a problem; 0 is nobody."""

    owner = ChoiceField(_l("Owner"), coerce=int)

    def __init__(self, staff: list[tuple[int, str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.owner.choices = [(0, str(_l("Nobody"))), *staff]


class ReplacementForm(FlaskForm):
    """The corrected document, by its reference as people type it."""

    reference = StringField(_l("Reference number"))


@bp.get("/issuer/problems", endpoint="problems")
@issuer(Permission.PROBLEMS_ANSWER)
def list_problems(actor: Actor) -> Response:
    """List what centres have reported."""
    return grids.answer(ISSUER_PROBLEMS, actor, template="issuer/problems.html", tabs=_tabs())


@bp.route("/issuer/problems/<int:problem_id>", methods=["GET", "POST"])
@issuer(Permission.PROBLEMS_ANSWER)
def problem(actor: Actor, problem_id: int) -> Any:
    """Show a problem with its conversation, and take an answer."""
    form = AnswerForm()
    if form.validate_on_submit():
        try:
            problems.answer(problem_id, text=form.text.data or "", key=form.key.data or "", actor=actor)
        except (Invalid, WrongMove) as error:
            add_error(form, error)
            return _page(problem_id, actor, answer=form), 409 if isinstance(error, WrongMove) else 422
        flash(_("The answer is sent."), "success")
        return redirect(url_for(".problem", problem_id=problem_id))
    return _page(problem_id, actor, answer=form)


@bp.post("/issuer/problems/<int:problem_id>/take")
@issuer(Permission.PROBLEMS_ANSWER)
def take_problem(actor: Actor, problem_id: int) -> Response:
    """Look after a problem oneself."""
    problems.assign(problem_id, owner_id=actor.user_id, actor=actor)
    flash(_("You look after this problem."), "success")
    return redirect(url_for(".problem", problem_id=problem_id))


@bp.post("/issuer/problems/<int:problem_id>/owner")
@issuer(Permission.PROBLEMS_ANSWER)
def assign_problem(actor: Actor, problem_id: int) -> Any:
    """Hand a problem to a colleague, or to nobody."""
    get_problem(problem_id, actor=actor)
    form = OwnerForm(list_staff(actor=actor))
    if form.validate_on_submit():
        try:
            problems.assign(problem_id, owner_id=form.owner.data or None, actor=actor)
        except NotFound as error:
            form.owner.errors = [error.message]
        else:
            flash(_("The owner is set."), "success")
            return redirect(url_for(".problem", problem_id=problem_id))
    return _page(problem_id, actor, owner=form), 422


@bp.post("/issuer/problems/<int:problem_id>/replacement")
@issuer(Permission.PROBLEMS_ANSWER)
def link_replacement(actor: Actor, problem_id: int) -> Any:
    """Point at the corrected document."""
    get_problem(problem_id, actor=actor)
    form = ReplacementForm()
    if form.validate_on_submit():
        try:
            problems.link_replacement(problem_id, typed=form.reference.data or "", actor=actor)
        except Invalid as error:
            add_error(form, error)
        else:
            flash(_("The replacement is linked. The centre sees it."), "success")
            return redirect(url_for(".problem", problem_id=problem_id))
    return _page(problem_id, actor, replacement=form), 422


@bp.post("/issuer/problems/<int:problem_id>/close")
@issuer(Permission.PROBLEMS_ANSWER)
def close_problem(actor: Actor, problem_id: int) -> Response:
    """Be done with a problem."""
    if problems.close(problem_id, actor=actor):
        flash(_("The problem is closed."), "success")
    else:
        flash(_("The problem was closed already."), "info")
    return redirect(url_for(".problem", problem_id=problem_id))


@bp.post("/issuer/problems/<int:problem_id>/reopen")
@issuer(Permission.PROBLEMS_ANSWER)
def reopen_problem(actor: Actor, problem_id: int) -> Response:
    """Take a closed problem up again."""
    if problems.reopen(problem_id, actor=actor):
        flash(_("The problem is open again."), "success")
    else:
        flash(_("The problem was not closed."), "info")
    return redirect(url_for(".problem", problem_id=problem_id))


def _page(problem_id: int, actor: Actor, **forms: FlaskForm) -> str:
    """The page of a problem; a form that was refused stands on it with what was typed."""
    room = rooms.problem(problem_id)
    seq = outbox.seq_of([room])[room]
    found = get_problem(problem_id, actor=actor)
    staff = list_staff(actor=actor)
    answer: Any = forms.get("answer") or AnswerForm(formdata=None)
    owner: Any = forms.get("owner") or OwnerForm(staff, formdata=None, data={"owner": found.owner_id or 0})
    replacement: Any = forms.get("replacement") or ReplacementForm(formdata=None)
    if not problems.KEY.fullmatch(answer.key.data or ""):
        answer.key.data = secrets.token_urlsafe(24)
    return render_template(
        "issuer/problem.html",
        problem=found,
        messages=list_messages(found),
        answer=answer,
        owner=owner,
        replacement=replacement,
        mine=found.owner_id == actor.user_id,
        room=room,
        seq=seq,
    )


def _tabs() -> list[dict[str, Any]]:
    """The questions that are asked of the queue every day, as addresses of the list."""
    asked = {name: request.args[name] for name in ("state", "owner") if request.args.get(name)}
    wanted: list[tuple[str, dict[str, Any]]] = [
        (_("All"), {}),
        (_("Open"), {"state": ProblemState.OPEN.value}),
        (_("Mine"), {"owner": "mine"}),
        (_("Without an owner"), {"owner": "nobody"}),
    ]
    return [
        {"label": label, "href": url_for(".problems", **query), "current": asked == query} for label, query in wanted
    ]
