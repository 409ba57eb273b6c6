"""Reading jobs: the status that follows from the figures."""

import pytest
from sqlalchemy import select

from portal.access.actor import SYSTEM, Actor
from portal.database import db
from portal.errors import NotFound
from portal.models.jobs import Job
from portal.queries import jobs
from portal.unit_of_work import unit_of_work
from portal.vocabulary import Production, Role


@pytest.mark.parametrize(
    ("pending", "failed", "completed", "status"),
    [
        (3, 0, 0, Production.PENDING),
        (1, 1, 1, Production.PENDING),
        (0, 1, 2, Production.FAILED),
        (0, 3, 0, Production.FAILED),
        (0, 0, 3, Production.COMPLETED),
    ],
)
def test_the_status_follows_from_the_figures(app, publish, pending, failed, completed, status):
    made = publish(rows=1)
    with app.app_context():
        with unit_of_work(SYSTEM):
            job = db.session.get_one(Job, made.job_id)
            job.pending, job.failed, job.completed = pending, failed, completed
        assert db.session.scalar(select(jobs.STATUS).where(Job.id == made.job_id)) is status


def test_the_figures_of_the_bar_add_up(app, publish):
    made = publish(rows=2)
    with app.app_context():
        figures = jobs.figures_of(jobs.get_job(made.job_id, actor=SYSTEM))
    assert figures["requested"] == figures["pending"] + figures["failed"] + figures["completed"]


def test_a_job_of_another_centre_is_not_found(app, publish, cast):
    made = publish(rows=1)
    rita = Actor(user_id=cast.rita, name="Rita Rival", role=Role.CENTRE_ADMIN, centre_id=cast.hillside)
    with app.app_context(), pytest.raises(NotFound):
        jobs.get_job(made.job_id, actor=rita)
