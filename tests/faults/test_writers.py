"""Everybody writes at once."""

import subprocess
import sys
import time

import pytest

from portal.database import db
from portal.models.users import User
from tests.faults import invariants
from tests.faults.work import measured
from tests.machine import ROOT, Looks, Machine

pytestmark = pytest.mark.patient
TIMES = 50

WRITER = """
import sys
from portal.access.actor import SYSTEM
from portal.app import create_app
from portal.database import db
from portal.events.catalogue import AccessChanged
from portal.models.users import User
from portal.unit_of_work import unit_of_work

user_id, times = int(sys.argv[1]), int(sys.argv[2])
with create_app(role="cli").app_context():
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(times):
        with unit_of_work(SYSTEM) as record:
            user = db.session.get_one(User, user_id, with_for_update=True)
            user.auth_epoch += 1
            record(AccessChanged(user_id=user_id, why="test"))
"""


def test_four_processes_write_and_no_change_is_lost(machine: Machine):
    connor = machine.people.connor
    before = epoch(machine, connor)
    command = [sys.executable, "-c", WRITER, str(connor), str(TIMES)]
    environment = machine.environment | {"PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    writers = [subprocess.Popen(command, cwd=ROOT, env=environment, **pipes) for _ in range(4)]
    assert [writer.stdout.readline() for writer in writers] == ["ready\n"] * 4
    with Looks(machine, "/healthz", every=0.02) as looks:
        began = time.monotonic()
        for writer in writers:
            writer.stdin.write("go\n")
            writer.stdin.flush()
        assert [writer.wait(60) for writer in writers] == [0, 0, 0, 0]
        measured("four_writers_seconds", round(time.monotonic() - began, 1))
    for writer in writers:
        writer.communicate()
    assert epoch(machine, connor) == before + 4 * TIMES
    assert looks.others_than(200) == []
    invariants.check(machine)


def epoch(machine: Machine, user_id: int) -> int:
    with machine.here():
        db.session.rollback()
        return db.session.get_one(User, user_id, populate_existing=True).auth_epoch
