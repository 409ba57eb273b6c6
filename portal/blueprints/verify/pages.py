"""What a reference is worth now: the page of the QR code, its JSON, the pictures of the document, and the form."""

from __future__ import annotations

import logging
from typing import Any

from flask import Response, abort, current_app, jsonify, redirect, render_template, request, url_for
from sqlalchemy.exc import SQLAlchemyError

from portal import reference
from portal.access.actor import Actor
from portal.blueprints.verify import bp, surround
from portal.database import Busy
from portal.documents.images import MIMETYPE, SUFFIX
from portal.documents.storage import Store
from portal.events import rooms
from portal.queries import verification
from portal.queries.documents import store_root
from portal.queries.verification import Answer
from portal.vocabulary import VerifyStatus
from portal.web.guards import public
from portal.web.limits import GUESSES, LOOKS

log = logging.getLogger(__name__)

LONGEST = 200
"""Characters of what may be typed as a reference; the form says so, longer is malformed."""

CODES = {VerifyStatus.UNKNOWN: 404, VerifyStatus.UNAVAILABLE: 503}


@bp.get("/verify/")
@public
def form(actor: Actor) -> Any:
    """Type a reference; the answer has an address of its own, the one that the QR code carries."""
    typed = request.args.get("reference", "")
    if not typed.strip():
        asked = "reference" in request.args
        return render_template("verify/form.html", typed="", asked=asked), 422 if asked else 200
    canonical = reference.normalise(typed[: LONGEST + 1])
    if canonical is None:
        GUESSES.count(actor.address)
        return render_template("verify/form.html", typed=typed[:LONGEST], asked=True), 422
    return redirect(url_for(".document", text=canonical))


@bp.get("/v/<text>")
@public
def document(text: str, actor: Actor) -> Any:
    """The page that a QR code opens: the document, its facts, and what it is worth this second."""
    answer = _answer(text, actor)
    room = rooms.verify(answer.reference) if answer.kind is not None else ""
    whole = "X-Fragment" not in request.headers
    # Nothing in an answer depends on who looks, so it is drawn without the frame of the visitor.
    template = current_app.jinja_env.get_template("verify/watched.html" if whole else "verify/answer.html")
    page = template.render(answer=answer, room=room, text=text[:LONGEST])
    if whole:
        page = surround.page(page, live=bool(room), face=answer.face)
    return page, _code(answer), {"Vary": "X-Fragment"}


@bp.get("/v/<text>.json")
@public
def document_json(text: str, actor: Actor) -> Any:
    """The same for machines, as CONTRACT.md names the parts; absent facts are null."""
    answer = _answer(text, actor)
    return jsonify(answer.as_json()), _code(answer)


@bp.get(f"/v/<text>/pages/<int:number>{SUFFIX}")
@public
def page_image(text: str, number: int, actor: Actor) -> Any:
    """A page of the digital document as a picture, where its brand shows the document to everybody."""
    answer = _answer(text, actor)
    if not 1 <= number <= len(answer.pages):
        abort(404)
    store = Store(store_root(current_app.config["PORTAL_DATA"]))
    try:
        stream = store.open(answer.pages[number - 1]["sha256"], SUFFIX, verify=True)
    except OSError as problem:
        # Whoever checks a document is shown what was issued, or nothing.
        log.error("the picture of page %s of %s cannot be shown: %s", number, answer.reference, problem)
        abort(503)
    return Response(
        stream, mimetype=MIMETYPE, headers={"Cache-Control": "private, max-age=60"}, direct_passthrough=True
    )


def _answer(text: str, actor: Actor) -> Answer:
    """What it is worth, within what one network may ask; guesses are counted more strictly than looks."""
    LOOKS.count(actor.address)
    answer = _check(text)
    if answer.status is VerifyStatus.UNKNOWN:
        GUESSES.count(actor.address)
    return answer


def _check(text: str) -> Answer:
    try:
        return verification.check(text[: LONGEST + 1])
    except (SQLAlchemyError, Busy) as error:
        log.warning("a status could not be read (%s)", type(error).__name__)
        return verification.unavailable(text[: LONGEST + 1])


def _code(answer: Answer) -> int:
    # A document that is too old to be validated here is known and answered; only a failure is a 503.
    if answer.status is VerifyStatus.UNAVAILABLE and answer.kind is not None:
        return 200
    return CODES.get(answer.status, 200)
