"""Notices through a mail server on a very bad day, with workers that die.

Each learner is written to once, or not at all because the server said so, and what the portal shows is true.
"""

from __future__ import annotations

import pytest

from tests.faults import storm

pytestmark = pytest.mark.alone

NOTICES, KILLS = 150, 4


def test_a_storm_loses_no_notice_and_doubles_none(new_machine, tmp_path):
    machine = new_machine(extra={"MAIL_BACK_OFF": 1})
    machine.start("redis")
    storm.start_sink(machine, storm.bad_weather(seed=3), delay=0.3)
    record_ids = storm.learners(machine, NOTICES)
    outcome = storm.rage(machine, record_ids, kills=KILLS, patience=60)
    storm.say(outcome)
    storm.check(machine)
    assert outcome.kills == KILLS
    assert outcome.accepted + outcome.refused == NOTICES
    assert outcome.refused, "the server refused nobody, so this was no storm"
