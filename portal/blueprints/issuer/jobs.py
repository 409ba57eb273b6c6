"""The jobs of every centre, and one with its documents and what can be done about those that failed."""

from flask import flash, jsonify, redirect, url_for
from flask_babel import ngettext
from werkzeug.wrappers import Response

from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.issuer import bp
from portal.events import outbox, rooms
from portal.queries.issuer_jobs import ISSUER_JOBS, JOB_DOCUMENTS, get_job
from portal.queries.jobs import figures_of
from portal.services import documents
from portal.web import grids
from portal.web.guards import issuer


@bp.get("/issuer/jobs")
@issuer(Permission.JOBS_SEE)
def jobs(actor: Actor) -> Response:
    """List the jobs of all centres."""
    return grids.answer(ISSUER_JOBS, actor, template="issuer/jobs.html")


@bp.get("/issuer/jobs/<int:job_id>")
@issuer(Permission.JOBS_SEE)
def job(actor: Actor, job_id: int) -> Response:
    """Show a job: its figures and its documents, both moving while they are drawn."""
    room = rooms.job(job_id)
    seq = outbox.seq_of([room])[room]
    found = get_job(job_id, actor=actor)
    return grids.answer(
        JOB_DOCUMENTS,
        actor,
        template="issuer/job.html",
        within={"job_id": found.id},
        job=found,
        figures=figures_of(found),
        room=room,
        seq=seq,
    )


@bp.get("/issuer/jobs/<int:job_id>/figures")
@issuer(Permission.JOBS_SEE)
def job_figures(actor: Actor, job_id: int) -> Response:
    """The figures of a job alone, for the open page."""
    return jsonify(figures_of(get_job(job_id, actor=actor)))


@bp.post("/issuer/jobs/<int:job_id>/retry")
@issuer(Permission.DOCUMENTS_RETRY)
def retry_job(actor: Actor, job_id: int) -> Response:
    """Have all failed documents of a job drawn again."""
    count = documents.retry_job(job_id, actor=actor)
    flash(
        ngettext("%(num)s document is drawn again.", "%(num)s documents are drawn again.", count)
        if count
        else ngettext("No document of this job has failed.", "No document of this job has failed.", 0),
        "success",
    )
    return redirect(url_for(".job", job_id=job_id))
