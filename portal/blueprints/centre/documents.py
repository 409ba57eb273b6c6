"""The Document Viewer of a centre, and the bytes that it shows. Every request asks anew what the actor may see."""

from __future__ import annotations

from typing import Any

from flask import render_template, request, url_for
from werkzeug.wrappers import Response

from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.centre import bp
from portal.events import outbox, rooms
from portal.queries.documents import get_document
from portal.queries.records import list_documents
from portal.vocabulary import Form
from portal.web import document_files
from portal.web.guards import centre


@bp.get("/centre/documents/<int:document_id>/preview")
@centre(Permission.DOCUMENTS_PREVIEW)
def preview(actor: Actor, document_id: int) -> str:
    """Show a document beside the others of its record: ``?form=digital``, or ``print`` as it goes onto paper."""
    form = document_files.form_of(request.args.get("form", Form.DIGITAL.value))
    document = get_document(document_id, actor=actor)
    room = rooms.job(document.job_id)
    seq = outbox.seq_of([room])[room]
    documents = list_documents(document.record_id, actor=actor)
    return render_template(
        "centre/preview.html",
        record=document.record,
        documents=documents,
        selected=[one.id for one in documents].index(document.id),
        shown=document_files.viewer_documents(
            documents, form, page_url=_page_url, pdf_url=_pdf_url, report_url=_report_url
        ),
        form=form,
        document=document,
        room=room,
        seq=seq,
    )


@bp.get("/centre/documents/<int:document_id>/pages/<form>/<int:number>.jpg")
@centre(Permission.DOCUMENTS_PREVIEW)
def document_page(actor: Actor, document_id: int, form: str, number: int) -> Response:
    """One page of a document as a picture."""
    document = get_document(document_id, actor=actor)
    return document_files.send_page(document, document_files.form_of(form), number)


@bp.get("/centre/documents/<int:document_id>/digital.pdf")
@centre(Permission.DOCUMENTS_PREVIEW)
def document_pdf(actor: Actor, document_id: int) -> Response:
    """The digital PDF, for internal audit and regulatory use."""
    document = get_document(document_id, actor=actor)
    return document_files.send_pdf(document, Form.DIGITAL, learner=document.record.learner_name)


def _page_url(document: Any, form: Form, number: int) -> str:
    return url_for(".document_page", document_id=document.id, form=form.value, number=number)


def _pdf_url(document: Any, form: Form) -> str | None:
    # The print view is nothing without its paper, so only the digital certificate is handed out.
    return url_for(".document_pdf", document_id=document.id) if form is Form.DIGITAL else None


def _report_url(document: Any) -> str:
    return url_for(".report_document", document_id=document.id)
