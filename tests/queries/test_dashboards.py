"""The figures of a centre's dashboard are the centre's own, and one statement."""

import calendar
from datetime import timedelta

from portal import clock
from portal.access.actor import SYSTEM, Actor
from portal.database import db
from portal.models.downloads import Download
from portal.queries import dashboards
from portal.unit_of_work import unit_of_work
from portal.vocabulary import DownloadState, Role


def test_the_figures_are_those_of_the_centre(app, publish, draw, cast):
    one, two = publish(rows=1), publish(rows=2)
    publish(rows=1, centre_id=cast.hillside)
    draw(one.job_id)
    michael = Actor(user_id=cast.michael, name="Michael White", role=Role.CENTRE_ADMIN, centre_id=cast.riverside)
    with app.app_context():
        figures = dashboards.centre_figures(actor=michael)
    assert figures == {
        "jobs": 2,
        "records": 3,
        "pending": len(two.document_ids),
        "failed": 0,
        "completed": len(one.document_ids),
        # Donald Duck has two records and is one learner.
        "not_notified": 2,
        "downloads": 0,
        "problems": 0,
    }


def test_a_visitor_has_no_figures(app, publish):
    publish(rows=1)
    with app.app_context():
        assert set(dashboards.centre_figures(actor=Actor(user_id=None, name="Visitor")).values()) == {0}


def test_the_month_counts_what_was_completed_on_each_day(app, publish, draw, cast):
    drawn = publish(rows=2)
    publish(rows=1)
    draw(drawn.job_id)
    publish(rows=1, centre_id=cast.hillside)
    michael = Actor(user_id=cast.michael, name="Michael White", role=Role.CENTRE_ADMIN, centre_id=cast.riverside)
    with app.app_context():
        days = dashboards.issued_this_month(actor=michael)
        (drawing,) = dashboards.jobs_in_progress(actor=michael)
    today = clock.today()
    assert [day.day.day for day in days] == list(range(1, calendar.monthrange(today.year, today.month)[1] + 1))
    assert {day.day: day.documents for day in days if day.documents} == {today: len(drawn.document_ids)}
    assert [day.share for day in days if day.documents] == [1]
    assert all(day.yet_to_come == (day.day > today) for day in days)
    assert drawing.id != drawn.job_id and drawing.centre_id == cast.riverside


def test_a_zip_counts_as_ready_until_its_last_moment(app, cast):
    michael = Actor(user_id=cast.michael, name="Michael White", role=Role.CENTRE_ADMIN, centre_id=cast.riverside)

    def zip_that_ends(after: timedelta) -> Download:
        moment = clock.now()
        return Download(
            centre_id=cast.riverside,
            created_by="Michael White",
            created_at=moment,
            name="Audit",
            request_key=str(after),
            state=DownloadState.COMPLETED,
            expires_at=moment + after,
        )

    with app.app_context():
        with unit_of_work(SYSTEM):
            db.session.add_all([zip_that_ends(timedelta(hours=1)), zip_that_ends(-timedelta(seconds=1))])
        assert dashboards.centre_figures(actor=michael)["downloads"] == 1
