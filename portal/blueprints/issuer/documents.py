"""Documents of every centre: the list, one with its history, and cancelling, replacing and drawing again."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from portal import clock
from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.issuer import bp
from portal.blueprints.issuer.forms import CancelForm, ReplaceForm
from portal.documents.coverage import unsupported_characters
from portal.errors import Invalid, WrongMove
from portal.events import outbox, rooms
from portal.queries.audit import words_of
from portal.queries.documents import get_document
from portal.queries.issuer_documents import (
    ISSUER_DOCUMENTS,
    chain_of,
    history_of,
    list_siblings,
    what_to_cancel,
)
from portal.services import corrections, documents
from portal.vocabulary import Production, Validity
from portal.web import grids
from portal.web.fields import add_error
from portal.web.guards import issuer

CORRECTABLE = ("first_name", "middle_name", "last_name", "level", "grade", "language", "awarded_on", "expires_on")


@bp.get("/issuer/documents", endpoint="documents")
@issuer(Permission.DOCUMENTS_CANCEL)
def list_documents(actor: Actor) -> Response:
    """List the documents of all centres."""
    return grids.answer(ISSUER_DOCUMENTS, actor, template="issuer/documents.html")


@bp.get("/issuer/documents/<int:document_id>")
@issuer(Permission.JOBS_SEE)
def document(actor: Actor, document_id: int) -> str:
    """Show a document: its facts, what became of it, and the documents before and after it."""
    found = get_document(document_id, actor=actor)
    room = rooms.job(found.job_id)
    seq = outbox.seq_of([room])[room]
    return render_template(
        "issuer/document.html",
        document=found,
        record=found.record,
        validity=found.validity_on(clock.today()),
        siblings=list_siblings(found, actor=actor),
        chain=chain_of(found, actor=actor),
        history=history_of(found, actor=actor),
        words_of=words_of,
        room=room,
        seq=seq,
        can={
            "retry": found.production is Production.FAILED and actor.may(Permission.DOCUMENTS_RETRY),
            "replace": found.replaced_by_id is None and actor.may(Permission.DOCUMENTS_REPLACE),
            "cancel": found.validity is Validity.VALID and actor.may(Permission.DOCUMENTS_CANCEL),
        },
    )


@bp.post("/issuer/documents/<int:document_id>/retry")
@issuer(Permission.DOCUMENTS_RETRY)
def retry_document(actor: Actor, document_id: int) -> Response:
    """Have a failed document drawn again."""
    found = get_document(document_id, actor=actor)
    if documents.retry([found.id], actor=actor):
        flash(_("The document is drawn again."), "success")
    else:
        flash(_("This document has not failed, so it is left as it is."), "info")
    return _back(found)


@bp.route("/issuer/documents/<int:document_id>/cancel", methods=["GET", "POST"])
@issuer(Permission.DOCUMENTS_CANCEL)
def cancel_document(actor: Actor, document_id: int) -> Any:
    """Ask why a document is cancelled, and cancel it."""
    found = get_document(document_id, actor=actor)
    form = CancelForm()
    if form.validate_on_submit():
        try:
            changed = documents.cancel([found.id], reason=form.reason.data or "", actor=actor)
        except (Invalid, WrongMove) as error:
            add_error(form, error)
        else:
            flash(
                _("The document is cancelled. Whoever checks it reads so from this moment.")
                if changed
                else _("The document was cancelled already."),
                "success",
            )
            return _back(found)
    page = render_template(
        "issuer/cancel.html", form=form, document=found, record=found.record, back=request.args.get("back", "")
    )
    return page, 422 if form.is_submitted() else 200


@bp.get("/issuer/documents/cancel")
@issuer(Permission.DOCUMENTS_CANCEL)
def choose_to_cancel(actor: Actor) -> Response:
    """Somebody came back to the page of a selection that is no more: the list is where it begins."""
    return redirect(url_for(".documents"))


@bp.post("/issuer/documents/cancel")
@issuer(Permission.DOCUMENTS_CANCEL)
def cancel_documents(actor: Actor) -> Any:
    """Say how many documents a selection would cancel, ask why, and cancel them, all or none."""
    selection = grids.selection(ISSUER_DOCUMENTS)
    asked = what_to_cancel(selection, actor=actor)
    decided = "decided" in request.form
    form = CancelForm() if decided else CancelForm(formdata=None)
    if decided and asked.ids and form.validate():
        try:
            count = documents.cancel(asked.ids, reason=form.reason.data or "", actor=actor)
        except (Invalid, WrongMove) as error:
            add_error(form, error)
        else:
            flash(ngettext("%(num)s document is cancelled.", "%(num)s documents are cancelled.", count), "success")
            return redirect(url_for(".documents"))
    return render_template("issuer/cancel_many.html", form=form, asked=asked), 422 if decided else 200


@bp.route("/issuer/documents/<int:document_id>/replace", methods=["GET", "POST"])
@issuer(Permission.DOCUMENTS_REPLACE)
def replace_document(actor: Actor, document_id: int) -> Any:
    """Ask what is to be corrected, and issue a new document in place of this one."""
    found = get_document(document_id, actor=actor)
    record = found.record
    siblings = [
        one for one in list_siblings(found, actor=actor) if one.id != found.id and one.validity is Validity.VALID
    ]
    form = ReplaceForm(obj=record)
    if form.validate_on_submit():
        texts = {name: _text_of(form[name].data) for name in CORRECTABLE}
        corrected, faults = corrections.read(texts, record=record, unsupported=unsupported_characters)
        for name, sentence in faults.items():
            form[name].errors = [*form[name].errors, sentence]
        if not faults:
            try:
                new = documents.replace(
                    found.id,
                    corrections=corrected,
                    reason=form.reason.data or "",
                    whole_record=bool(form.whole_record.data),
                    actor=actor,
                )
            except (Invalid, WrongMove) as error:
                add_error(form, error)
            else:
                flash(_("The replacement is issued. It is being drawn."), "success")
                return redirect(url_for(".document", document_id=new))
    page = render_template("issuer/replace.html", form=form, document=found, record=record, siblings=siblings)
    return page, 422 if form.is_submitted() else 200


def _text_of(value: Any) -> str:
    return "" if value is None else str(value)


def _back(found: Any) -> Response:
    """Where somebody came from, by name: the list, the job, else the document itself."""
    came_from = request.args.get("back", "")
    if came_from == "documents":
        return redirect(url_for(".documents"))
    if came_from == "job":
        return redirect(url_for(".job", job_id=found.job_id))
    return redirect(url_for(".document", document_id=found.id))
