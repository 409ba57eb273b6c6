"""Drawing goes on, turn after turn, without waiting for the sweeper."""

import pytest

from portal.tasks import documents, queue


@pytest.fixture
def rings(monkeypatch):
    heard = []
    monkeypatch.setattr(queue, "ring", lambda name, ident: heard.append((name, ident)))
    return heard


def test_a_turn_that_ends_before_the_job_does_rings_for_the_next(publish, draw, rings, monkeypatch):
    batch = publish(rows=1)
    rings.clear()
    monkeypatch.setattr(documents, "TURN", 0.0)
    draw(batch.job_id)
    assert rings == [(queue.DOCUMENTS, batch.job_id)]


def test_a_turn_that_finds_nothing_left_rings_for_nobody(drawn, draw, rings):
    draw(drawn.job_id)
    assert rings == []
