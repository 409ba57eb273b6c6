"""Page images and PDFs as answers, and what the Document Viewer shows: shared by the doors, which decide who asks.

A caller has loaded the document within what its actor may see, in this very request. Nothing is served by its
content's name alone, and browsers ask again each time: a right that ended ends here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flask import current_app, request
from flask_babel import gettext as _
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response
from werkzeug.wsgi import wrap_file

from portal import clock, reference
from portal.documents.images import MIMETYPE, SUFFIX
from portal.documents.storage import Store
from portal.queries.documents import store_root
from portal.vocabulary import Form, Production, Validity
from portal.web import errors

if TYPE_CHECKING:
    from portal.models.documents import Document

LONGEST_NAME = 120

PageUrl = Callable[["Document", Form, int], str]
PdfUrl = Callable[["Document", Form], "str | None"]
ReportUrl = Callable[["Document"], str]


def form_of(text: str) -> Form:
    """The form of a document that an address names; a 404 for any other word."""
    try:
        return Form(text)
    except ValueError:
        raise NotFound from None


def send_page(document: Document, form: Form, number: int) -> Response:
    """The picture of one page (the first is 1). A page that does not exist is a 404, a lost file a 503."""
    pages = document.files.get(form.value, {}).get("pages", [])
    if not 0 < number <= len(pages):
        raise NotFound
    return _send(pages[number - 1]["sha256"], SUFFIX, MIMETYPE, cache="private, no-cache")


def send_pdf(document: Document, form: Form, *, learner: str, attachment: bool = True) -> Response:
    """The PDF, named by learner, kind and reference. One that is not drawn is a 404, a lost file a 503."""
    kept = document.files.get(form.value)
    if not kept:
        raise NotFound
    response = _send(kept["sha256"], ".pdf", "application/pdf", cache="private, no-store")
    response.headers["Content-Disposition"] = disposition(file_name(document, learner), attachment=attachment)
    return response


def file_name(document: Document, learner: str) -> str:
    """``Donald Duck - Certificate - 7Q4M-9XKD-2FH8-WZ3C-05TB.pdf``."""
    return f"{learner} - {document.kind.label} - {reference.formatted(document.reference)}.pdf"


def disposition(name: str, *, attachment: bool) -> str:
    """The Content-Disposition of a file, with a plain name for old programs beside the real one.

    Source: RFC 6266 and RFC 8187. Characters that a file system may stumble over become a dash.
    """
    safe = re.sub(r'[\\/:*?"<>|%\x00-\x1f\x7f]+', "-", unicodedata.normalize("NFC", name)).strip(" .")
    stem, dot, ending = safe.rpartition(".")
    safe = f"{stem[:LONGEST_NAME]}{dot}{ending}"
    # Invisible marks that turn the direction of text could make one ending look like another.
    safe = "".join(character for character in safe if unicodedata.category(character) not in {"Cf", "Cc", "Cs", "Co"})
    plain = _ascii(safe.removesuffix(f".{ending}")) or "document"
    kind = "attachment" if attachment else "inline"
    return f"{kind}; filename=\"{plain}.{_ascii(ending)}\"; filename*=UTF-8''{quote(safe, safe='')}"


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().strip(" .-")


def viewer_documents(
    documents: Sequence[Document],
    form: Form,
    *,
    page_url: PageUrl,
    pdf_url: PdfUrl,
    report_url: ReportUrl | None = None,
) -> list[dict[str, Any]]:
    """What the macro ``viewer`` draws of some documents, in their order."""
    return [_shown(document, form, page_url, pdf_url, report_url) for document in documents]


def _shown(
    document: Document, form: Form, page_url: PageUrl, pdf_url: PdfUrl, report_url: ReportUrl | None
) -> dict[str, Any]:
    pages = document.files.get(form.value, {}).get("pages", [])
    state, message = _state(document)
    return {
        "kind": document.kind.value,
        "label": _(document.kind.label),
        "pages": [
            {"src": page_url(document, form, number), "width": page["width"], "height": page["height"]}
            for number, page in enumerate(pages, 1)
        ],
        "download_url": pdf_url(document, form) if pages else None,
        "report_url": report_url(document) if report_url else None,
        "form_label": _("Print view – logo and border are part of the paper")
        if form is Form.PRINT
        else _("Digital certificate"),
        "state": state,
        "message": message,
    }


def _state(document: Document) -> tuple[str, str]:
    if document.production is Production.FAILED:
        return "error", _("This document could not be drawn: %(why)s", why=document.failure)
    if document.production is Production.PENDING:
        return "loading", ""
    validity = document.validity_on(clock.today())
    return ("ready" if validity is Validity.VALID else validity.value), ""


def _send(sha256: str, suffix: str, mimetype: str, *, cache: str) -> Response:
    store = Store(store_root(current_app.config["PORTAL_DATA"]))
    try:
        file = store.open(sha256, suffix, verify=True)
    except OSError as problem:
        current_app.logger.error("a stored %s file cannot be read: %s", suffix, problem)
        return errors.answer(503, _("The file of this document cannot be read now. Please try again in a moment."))
    response = Response(wrap_file(request.environ, file), mimetype=mimetype, direct_passthrough=True)
    response.content_length = store.path(sha256, suffix).stat().st_size
    response.set_etag(sha256)
    response.headers["Cache-Control"] = cache
    return response.make_conditional(request)
