"""How often something may be tried."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal import clock
from portal.database import db
from portal.errors import Throttled
from portal.models.sign_in import Throttle
from portal.services import throttles
from portal.services.throttles import Limit
from portal.unit_of_work import unit_of_work
from tests.services.people import VISITOR

THREE = Limit("test:three", 3, timedelta(minutes=1), "That was often.")
FIVE = Limit("test:five", 5, timedelta(minutes=15), "That was often.")


@pytest.fixture
def context(app):
    with app.app_context():
        yield


def tries(*spent, most=50):
    """How many tries get through."""
    for done in range(most):
        try:
            throttles.spend(*spent, actor=VISITOR)
        except Throttled:
            return done
    return most


def test_a_limit_lets_so_many_through_and_no_more(context):
    assert tries((THREE, "michael")) == 3
    assert tries((THREE, "michael")) == 0
    assert tries((THREE, "rita")) == 3


def test_a_refusal_says_how_long_to_wait(context):
    tries((THREE, "michael"))
    with pytest.raises(Throttled) as refused:
        throttles.spend((THREE, "michael"), actor=VISITOR)
    assert 50 <= refused.value.retry_after <= 60
    assert refused.value.message == "That was often. Please wait a minute and try again."


def test_a_window_ends(context, monkeypatch):
    tries((THREE, "michael"))
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(seconds=59))
    assert tries((THREE, "michael")) == 0
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(seconds=61))
    assert tries((THREE, "michael")) == 3


def test_the_wait_grows_and_a_refused_try_counts_under_no_limit(context, monkeypatch):
    now = clock.now()
    assert tries((THREE, "michael"), (FIVE, "michael")) == 3
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(seconds=61))
    # Of the second limit three of five are spent, although many more were tried.
    assert tries((THREE, "michael"), (FIVE, "michael")) == 2
    with pytest.raises(Throttled) as refused:
        throttles.spend((THREE, "michael"), (FIVE, "michael"), actor=VISITOR)
    assert refused.value.retry_after > 60
    assert "minutes" in refused.value.message


def test_many_at_the_same_moment_do_not_slip_through(app):
    through: list[int] = []
    start = threading.Barrier(12)

    def go():
        with app.app_context():
            start.wait()
            try:
                throttles.spend((FIVE, "michael"), actor=VISITOR)
                through.append(1)
            except Throttled:
                pass

    threads = [threading.Thread(target=go) for _ in range(12)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(through) == 5


def test_a_good_try_is_given_back(context):
    tries((THREE, "michael"))
    with unit_of_work(VISITOR):
        throttles.give_back((THREE, "michael"))
    assert tries((THREE, "michael")) == 1
    with unit_of_work(VISITOR):
        throttles.clear((THREE, "michael"))
    assert tries((THREE, "michael")) == 3


def test_whom_a_counter_counts_is_not_to_be_read(context):
    throttles.spend((THREE, "michael.white@riverside.example"), actor=VISITOR)
    (key,) = db.session.scalars(select(Throttle.key)).all()
    assert "michael" not in key
    assert len(key) <= 120
    assert max(len(throttles.key_of(limit, "x")) for limit in throttles.SIGN_IN_ACCOUNT) <= 120


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("", ""),
        ("nonsense", "nonsense"),
    ],
)
def test_a_household_of_ipv6_counts_as_one(address, network):
    assert throttles.network_of(address) == network
