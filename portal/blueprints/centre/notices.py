"""Notify: one learner by the dialog, a selection or a whole job with a count to confirm, and those to chase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import BooleanField, HiddenField, StringField

from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.centre import bp
from portal.errors import Invalid
from portal.queries.chase import Chasing
from portal.queries.jobs import JOB_DOCUMENTS, get_job
from portal.queries.notices import (
    list_notices,
    list_to_chase,
    records_of_documents,
    records_of_job,
    records_of_selection,
)
from portal.queries.records import RECORDS, get_record
from portal.services import notices
from portal.services.notices import Plan, Skip
from portal.web import grids
from portal.web.fields import add_error
from portal.web.guards import centre

NOTHING_TO_TELL = (Skip.CANCELLED, Skip.NOT_DRAWN, Skip.TOO_OFTEN)
"""Reasons that no address and no confirmation change."""

ASKED_BEFORE = (Skip.ALREADY, Skip.FAILED)
"""Reasons that a confirmation for many takes away."""


class NotifyForm(FlaskForm):
    """The Notify Student dialog. What an address may be is the service's rule."""

    email = StringField(_l("Email"))
    again = BooleanField(_l("Send again"))
    seen = HiddenField()


@bp.route("/centre/records/<int:record_id>/notify", methods=["GET", "POST"])
@centre(Permission.NOTICES_SEND)
def notify_record(actor: Actor, record_id: int) -> Any:
    """Ask for the learner's address, keep it, and have them told if that is what was pressed."""
    found = get_record(record_id, actor=actor)
    form = NotifyForm(email=found.email)
    if form.validate_on_submit():
        try:
            _act(form, found.id, actor)
        except Invalid as error:
            add_error(form, error)
        else:
            return redirect(_back(found))
    made = notices.plan([found.id], actor=actor)
    page = render_template(
        "centre/notify.html",
        form=form,
        record=found,
        notices=list_notices(found.id, actor=actor),
        hindered=next((notices.SENTENCES[why] for why in made.skipped if why in NOTHING_TO_TELL), ""),
        # A confirmation that was given speaks of what was shown before, however often it is pressed.
        seen=form.seen.data if form.again.data else _counted(made.seen),
        back=request.args.get("back", ""),
        back_url=_back(found),
    )
    return page, 422 if form.is_submitted() else 200


def _act(form: NotifyForm, record_id: int, actor: Actor) -> None:
    email = form.email.data or ""
    act = request.form.get("act")
    if act not in ("save", "notify"):
        raise Invalid(_("Press Save, or Save & Notify."))
    if act == "save":
        changed = notices.save_address(record_id, email, actor=actor)
        flash(_("The address is saved.") if changed else _("The address was saved already."), "success")
        return
    notices.notify_one(record_id, email, again=bool(form.again.data), seen=_counts(form.seen.data), actor=actor)
    flash(_("Saved. The learner is being notified."), "success")


@bp.get("/centre/records/notify")
@centre(Permission.NOTICES_SEND)
def choose_to_notify(actor: Actor) -> Response:
    """Somebody came back to the page of a selection that is no more: the list is where it begins."""
    return redirect(url_for(".records"))


@bp.post("/centre/records/notify")
@centre(Permission.NOTICES_SEND)
def notify_records(actor: Actor) -> Any:
    """Say how many learners a selection would tell and whom not and why; then tell them."""
    job_id = _number(request.form.get("job_id")) or None
    if job_id is not None:
        job_id = get_job(job_id, actor=actor).id
    if job_id is not None and "whole" in request.form:
        # A whole job is named and not listed: with its replacements it may be more than a selection can hold.
        chosen = records_of_job(job_id, upto=_number(request.form["whole"]), actor=actor)
    else:
        chosen = records_of_selection(grids.selection(RECORDS), actor=actor)
    if "decided" not in request.form:
        return _confirm(notices.plan(chosen, actor=actor), chosen, job_id=job_id)
    again = "again" in request.form
    seen = _counts(request.form.get("seen"))
    made = notices.notify(chosen, again=again, chasing="chasing" in request.form, seen=seen, actor=actor)
    count = len(made.tell)
    if count:
        flash(ngettext("%(num)s learner is being notified.", "%(num)s learners are being notified.", count), "success")
    else:
        flash(_("Nobody was notified: every learner of this selection was left out."), "info")
    return redirect(url_for(".job", job_id=job_id) if job_id else url_for(".records"))


@bp.get("/centre/jobs/<int:job_id>/notify")
@centre(Permission.NOTICES_SEND)
def notify_job(actor: Actor, job_id: int) -> Any:
    """Say how many learners a whole job would tell, and whom not and why."""
    job = get_job(job_id, actor=actor)
    chosen = records_of_job(job.id, actor=actor)
    return _confirm(notices.plan(chosen, actor=actor), chosen, job_id=job.id, whole=max(chosen, default=0))


@bp.post("/centre/jobs/<int:job_id>/notify")
@centre(Permission.NOTICES_SEND)
def notify_documents(actor: Actor, job_id: int) -> Any:
    """The same for the learners of some documents of a job."""
    job = get_job(job_id, actor=actor)
    chosen = records_of_documents(grids.selection(JOB_DOCUMENTS), job_id=job.id, actor=actor)
    return _confirm(notices.plan(chosen, actor=actor), chosen, job_id=job.id)


@bp.get("/centre/records/chase")
@centre(Permission.NOTICES_SEND)
def chase(actor: Actor) -> Any:
    """Say how many learners would be notified again because they have not registered."""
    chosen = list_to_chase(actor=actor)
    made = notices.plan(chosen, again=True, chasing=True, actor=actor)
    return _confirm(made, chosen, chasing=True)


def _confirm(
    made: Plan, chosen: Sequence[int], *, job_id: int | None = None, whole: int = 0, chasing: bool = False
) -> str:
    """The question; ``whole`` is the newest record where all of a job are meant."""
    return render_template(
        "centre/notify_many.html",
        plan=made,
        seen=_counted(made.seen),
        chosen=chosen,
        job_id=job_id,
        whole=whole,
        chasing=chasing,
        days=Chasing.days,
        asked_before=sum(len(made.skipped[why]) for why in ASKED_BEFORE if why in made.skipped),
        left_out={why: some for why, some in made.skipped.items() if some},
        back_url=url_for(".job", job_id=job_id) if job_id else url_for(".records"),
    )


def _number(text: str | None) -> int:
    """A number that one of our own forms carried; what is none is nought, which allows nothing."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0


def _counted(seen: Mapping[int, int]) -> str:
    """How often records were notified, as a form carries it: with signs that take one byte there, for many records."""
    return ".".join(f"{record_id}-{count}" for record_id, count in seen.items())


def _counts(text: str | None) -> dict[int, int]:
    """What ``_counted`` wrote; a record that it does not name was never notified."""
    parts = (part.partition("-") for part in (text or "").split("."))
    return {_number(record_id): _number(count) for record_id, _dash, count in parts}


def _back(record: Any) -> str:
    """Where somebody came from, by name: the list, the job, else the record itself."""
    came_from = request.args.get("back", "")
    if came_from == "records":
        return url_for(".records")
    if came_from == "job":
        return url_for(".job", job_id=record.job_id)
    return url_for(".record", record_id=record.id)
