"""Validate Record: what a reference number is worth at this moment, asked inside the portal."""

from __future__ import annotations

from flask import current_app, render_template, request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from portal import reference
from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.centre import bp
from portal.database import Busy
from portal.errors import NotFound
from portal.events import outbox, rooms
from portal.queries import verification
from portal.queries.documents import get_by_reference
from portal.web.guards import centre


@bp.get("/centre/validate")
@centre(Permission.DOCUMENTS_VALIDATE)
def validate(actor: Actor) -> str:
    """Show the form, and below it the answer for the reference that was asked for."""
    typed = request.args.get("reference", "").strip()
    if not typed:
        return render_template("centre/validate.html", typed="", answer=None)
    try:
        answer, seq, record_id = _check(typed, actor)
    except (Busy, DBAPIError, PoolTimeout):
        current_app.logger.exception("the status of a document could not be read")
        answer, seq, record_id = verification.unavailable(typed), 0, None
    return render_template(
        "centre/validate.html",
        typed=typed[: reference.LONGEST_TYPED],
        answer=answer,
        room=rooms.verify(answer.reference) if answer.reference else "",
        seq=seq,
        record_id=record_id,
    )


def _check(typed: str, actor: Actor) -> tuple[verification.Answer, int, int | None]:
    """The answer, the step of its room that it was read at, and the record's id if it is the centre's own."""
    canonical = reference.normalise(typed)
    if canonical is None:
        return verification.check(typed), 0, None
    room = rooms.verify(canonical)
    seq = outbox.seq_of([room])[room]
    answer = verification.check(canonical)
    try:
        record_id = get_by_reference(canonical, actor=actor).record_id
    except NotFound:
        record_id = None
    return answer, seq, record_id
