"""Jobs Issued, and one job with its documents."""

from flask import jsonify
from werkzeug.wrappers import Response

from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.centre import bp
from portal.events import outbox, rooms
from portal.queries.jobs import JOB_DOCUMENTS, JOBS, figures_of, get_job
from portal.web import grids
from portal.web.guards import centre


@bp.get("/centre/jobs")
@centre(Permission.JOBS_SEE)
def jobs(actor: Actor) -> Response:
    """List the jobs that were issued to the centre."""
    return grids.answer(JOBS, actor, template="centre/jobs.html")


@bp.get("/centre/jobs/<int:job_id>")
@centre(Permission.JOBS_SEE)
def job(actor: Actor, job_id: int) -> Response:
    """Show a job: its figures and its documents, both moving while they are drawn."""
    room = rooms.job(job_id)
    seq = outbox.seq_of([room])[room]
    found = get_job(job_id, actor=actor)
    return grids.answer(
        JOB_DOCUMENTS,
        actor,
        template="centre/job.html",
        within={"job_id": found.id},
        job=found,
        figures=figures_of(found),
        room=room,
        seq=seq,
    )


@bp.get("/centre/jobs/<int:job_id>/figures")
@centre(Permission.JOBS_SEE)
def job_figures(actor: Actor, job_id: int) -> Response:
    """The figures of a job alone, for the open page."""
    return jsonify(figures_of(get_job(job_id, actor=actor)))
