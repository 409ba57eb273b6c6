"""Records over all jobs, and one record with everything that is known of it."""

from flask import render_template
from werkzeug.wrappers import Response

from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.centre import bp
from portal.events import outbox, rooms
from portal.queries.notices import list_notices
from portal.queries.records import RECORDS, briefs_of, get_record, history_of, list_documents, list_exports
from portal.web import grids
from portal.web.guards import centre

bp.add_app_template_filter(briefs_of, "briefs")


@bp.get("/centre/records")
@centre(Permission.RECORDS_SEE)
def records(actor: Actor) -> Response:
    """List the records of the centre, across jobs."""
    return grids.answer(RECORDS, actor, template="centre/records.html")


@bp.get("/centre/records/<int:record_id>")
@centre(Permission.RECORDS_SEE)
def record(actor: Actor, record_id: int) -> str:
    """Show the facts of a record, its documents and what became of them."""
    found = get_record(record_id, actor=actor)
    room = rooms.centre_records(found.centre_id)
    seq = outbox.seq_of([room])[room]
    documents = list_documents(found.id, actor=actor)
    notices = list_notices(found.id, actor=actor)
    return render_template(
        "centre/record.html",
        record=found,
        documents=documents,
        history=history_of(found, documents, notices, list_exports(documents)),
        notices=notices,
        room=room,
        seq=seq,
    )
