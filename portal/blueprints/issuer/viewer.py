"""The Document Viewer of the back office, and the bytes that it shows. Every request asks what the actor may see."""

from __future__ import annotations

from typing import Any

from flask import render_template, request, url_for
from werkzeug.wrappers import Response

from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.issuer import bp
from portal.events import outbox, rooms
from portal.queries.documents import get_document
from portal.queries.issuer_documents import list_siblings
from portal.vocabulary import Form
from portal.web import document_files
from portal.web.guards import issuer


@bp.get("/issuer/documents/<int:document_id>/preview")
@issuer(Permission.DOCUMENTS_PREVIEW)
def preview(actor: Actor, document_id: int) -> str:
    """Show a document beside the others of its record: ``?form=digital``, or ``print`` as it goes onto paper."""
    form = document_files.form_of(request.args.get("form", Form.DIGITAL.value))
    document = get_document(document_id, actor=actor)
    room = rooms.job(document.job_id)
    seq = outbox.seq_of([room])[room]
    documents = list_siblings(document, actor=actor)
    return render_template(
        "issuer/preview.html",
        record=document.record,
        document=document,
        selected=[one.id for one in documents].index(document.id),
        shown=document_files.viewer_documents(documents, form, page_url=_page_url, pdf_url=_pdf_url),
        form=form,
        ids=[one.id for one in documents],
        room=room,
        seq=seq,
    )


@bp.get("/issuer/documents/<int:document_id>/pages/<form>/<int:number>.jpg")
@issuer(Permission.DOCUMENTS_PREVIEW)
def document_page(actor: Actor, document_id: int, form: str, number: int) -> Response:
    """One page of a document as a picture."""
    document = get_document(document_id, actor=actor)
    return document_files.send_page(document, document_files.form_of(form), number)


@bp.get("/issuer/documents/<int:document_id>/<form>.pdf")
@issuer(Permission.DOCUMENTS_PREVIEW)
def document_pdf(actor: Actor, document_id: int, form: str) -> Response:
    """The PDF in one of its forms; the awarding body prints the print view."""
    document = get_document(document_id, actor=actor)
    return document_files.send_pdf(document, document_files.form_of(form), learner=document.record.learner_name)


def _page_url(document: Any, form: Form, number: int) -> str:
    return url_for(".document_page", document_id=document.id, form=form.value, number=number)


def _pdf_url(document: Any, form: Form) -> str:
    return url_for(".document_pdf", document_id=document.id, form=form.value)
