"""The disk of the exports is full, at once or in the middle of a zip: it is said, and nothing is left of it."""

import subprocess

import pytest
from sqlalchemy import select

from portal.database import db
from portal.models.downloads import Download
from portal.queries.downloads import shelf_of
from portal.services import downloads
from portal.tasks import downloads as packing
from portal.vocabulary import DownloadState
from tests.faults.crashing import WORK, Stage

NO_SPARE = -(1 << 40)
"""Nobody looks beforehand whether there is space: as if somebody else had filled the disk right after the look."""


def test_a_full_disk_is_said_and_leaves_nothing_and_the_next_try_works(stage: Stage):
    stage.set(WORK["export"])
    root = shelf_of(stage.data).root
    root.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(root)], capture_output=True)
    if mounted.returncode:
        pytest.fail("this machine does not let the tests mount a small disk: " + mounted.stderr.decode())
    try:
        asked = stage.process(lambda: WORK["export"].go(stage))
        assert asked.code == 0, asked.said
        assert failed(stage) == 0
        at_once = stage.process(lambda: again(stage, spare=NO_SPARE))
        assert at_once.code == 0, at_once.said
        assert failed(stage) == 0
        later = stage.process(lambda: again(stage, spare=NO_SPARE, commit_every=0))
        assert later.code == 0, later.said
        assert 0 < failed(stage) < 5, "the disk was to be full after some documents and before the last"
        subprocess.run(["mount", "-o", "remount,size=64m", str(root)], check=True)
        with_space = stage.process(lambda: again(stage))
        assert with_space.code == 0, with_space.said
        with stage.world.app.app_context():
            found = db.session.scalars(select(Download)).one()
            assert (found.state, found.left_out) == (DownloadState.COMPLETED, 0)
            assert found.size > 100 * 1024, "the zip would have fitted, so this test tells nothing"
        stage.check()
    finally:
        subprocess.run(["umount", "-l", str(root)], check=True)


def again(stage: Stage, *, spare: int = packing.SPARE, commit_every: float = packing.COMMIT_EVERY) -> None:
    packing.SPARE, packing.COMMIT_EVERY = spare, commit_every
    ident = db.session.scalars(select(Download.id)).one()
    downloads.again(ident, days=7, actor=stage.actor(stage.people.michael))
    stage.work()


def failed(stage: Stage) -> int:
    """The export says why it has failed, and its disk is empty; how many documents had been committed."""
    with stage.world.app.app_context():
        found = db.session.scalars(select(Download)).one()
        assert (found.state, found.failure) == (DownloadState.FAILED, downloads.NO_SPACE)
        done = found.done
    assert list(shelf_of(stage.data).root.iterdir()) == []
    stage.check()
    return done
