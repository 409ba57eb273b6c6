"""Killed at every point that has a name: nothing is lost, nothing is done twice, and every figure is right afterwards.

``PORTAL_CRASHES=3`` kills three times at each: at the first, second and third time that a process comes by, or, where
it comes by only once, in the first process, in the one that goes on as well, and in the next.
"""

import os
import re

import pytest

from tests.faults import invariants
from tests.faults.crashing import WORK, Stage, hand_in
from tests.faults.points import ASKED, BEYOND, TABLE, each
from tests.machine import ROOT

TIMES = range(1, int(os.environ.get("PORTAL_CRASHES", "1")) + 1)

POINT = re.compile(r"fault\.point\(\s*([^,]+?),")


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("crash", [pytest.param(one, id=one.point) for one in each()])
def test_a_crash_leaves_nothing_undone_and_nothing_done_twice(stage: Stage, crash, time):
    work = WORK[crash.work]
    stage.set(work)
    ended = stage.process(lambda: work.go(stage), dies_at=f"{crash.point}:kill{time}")
    deaths = 1
    if not ended.was_killed and time > 1:
        # One process comes by less often than that: whoever goes on dies there too.
        stage.set(work)
        ended = stage.process(lambda: work.go(stage), dies_at=f"{crash.point}:kill1")
        while ended.was_killed and deaths < time:
            again = stage.process(lambda: stage.go_on(work), dies_at=f"{crash.point}:kill1")
            if not again.was_killed:
                break
            deaths += 1
    assert ended.was_killed, f"nobody came by {crash.point}: {ended.code} {ended.said}"
    after = stage.process(lambda: stage.go_on(work))
    assert after.code == 0, after.said
    stage.check()
    print(f"measured: killed {deaths} times at {crash.point}")


def test_what_a_web_process_kept_and_never_noted_is_cleared_away(stage: Stage):
    """Whoever handed the file in does not come back; it holds the names of learners."""
    stage.set(WORK["check"])
    ended = stage.process(lambda: hand_in(stage, 2), dies_at="import_after_file_saved:*:kill")
    assert ended.was_killed
    assert list((stage.data / "batches").glob("*/*.csv"))
    after = stage.process(invariants.tidy)
    assert after.code == 0, after.said
    stage.check()
    assert not list((stage.data / "batches").glob("*/*.csv"))


def test_every_point_of_the_source_is_in_the_table():
    """A point that nobody dies at is a point that nobody knows anything of."""
    named = {
        name.strip("\"'")
        for path in (ROOT / "portal").rglob("*.py")
        for name in POINT.findall(path.read_text(encoding="utf-8"))
    }
    known = {crash.point.partition(":")[0] for crash in TABLE}
    assert named - known == set(), "add the point to tests/faults/points.py, with the work that passes it"
    assert known - named == set(), "these points of tests/faults/points.py are nowhere in the source"


def test_every_point_that_was_asked_for_is_in_the_table():
    asked = [crash.asked for crash in TABLE[:-BEYOND]]
    assert len(set(asked)) == len(asked) == sum(ASKED.values()) == 39
    kinds = [one.partition(":")[0] for one in asked]
    assert {kind: kinds.count(kind) for kind in kinds} == ASKED
    assert {crash.work for crash in TABLE} <= set(WORK)
