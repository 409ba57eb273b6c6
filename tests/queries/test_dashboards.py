"""The figures of a centre's dashboard are the centre's own, and one statement."""

from portal.access.actor import Actor
from portal.queries import dashboards
from portal.vocabulary import Role


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
    }


def test_a_visitor_has_no_figures(app, publish):
    publish(rows=1)
    with app.app_context():
        assert set(dashboards.centre_figures(actor=Actor(user_id=None, name="Visitor")).values()) == {0}
