"""Nobody learns from the time of an answer whether there is an account."""

from __future__ import annotations

import statistics
import time

import pytest
from sqlalchemy import delete

from portal.blueprints.auth import forgot
from portal.database import db
from portal.models.sign_in import Throttle
from portal.unit_of_work import unit_of_work
from tests.pages.auth.conftest import MICHAEL
from tests.services.people import PASSWORD, VISITOR

SAMPLES = 25


def medians(app, kinds, clock=time.process_time):
    """The median seconds of each kind of request; the kinds take turns, so that a busy machine slows all of them.

    Where nothing waits on purpose the processor's time is taken: it does not count what other programs do meanwhile.
    """
    times = {name: [] for name in kinds}
    client = app.test_client()
    client.get("/centre/login")
    for round_number in range(SAMPLES + 2):
        for name, (path, data) in kinds.items():
            with app.app_context(), unit_of_work(VISITOR):
                db.session.execute(delete(Throttle))
            began = clock()
            client.submit(path, data)
            # The first rounds warm templates and caches.
            if round_number >= 2:
                times[name].append(clock() - began)
    return {name: statistics.median(values) for name, values in times.items()}


@pytest.mark.alone
def test_a_login_takes_as_long_for_an_unknown_account(app, cast, change):
    change(cast.rita, active=False)
    login = "/centre/login"
    found = medians(
        app,
        {
            "wrong password": (login, {"email": MICHAEL, "password": "a wrong password"}),
            "unknown": (login, {"email": "nobody@portal.example", "password": "a wrong password"}),
            "inactive": (login, {"email": "rita.rival@portal.example", "password": PASSWORD}),
        },
    )
    print(found)
    # Without the dummy hash an unknown account answers in about half of the time.
    assert max(found.values()) / min(found.values()) < 1.2, found


@pytest.mark.alone
def test_asking_for_a_link_takes_as_long_for_an_unknown_account(app, monkeypatch):
    # The floor is lowered to what still hides the writing of a mail, to spare the time of whoever waits for the tests.
    monkeypatch.setattr(forgot, "AT_LEAST", 0.15)
    found = medians(
        app,
        {
            "known": ("/centre/forgot", {"email": MICHAEL}),
            "unknown": ("/centre/forgot", {"email": "nobody@portal.example"}),
        },
        clock=time.perf_counter,
    )
    print(found)
    # Without the floor the mail takes some milliseconds of a dozen.
    assert max(found.values()) / min(found.values()) < 1.1, found
