"""Profile pictures whose worker dies in the middle, or dies each time."""

import io
import signal

import pytest
from PIL import Image
from sqlalchemy import select

from portal.access.sessions import actor_of
from portal.database import db
from portal.documents.storage import Store
from portal.models.pictures import Picture
from portal.models.users import User
from portal.queries.pictures import made_suffix, store_root, upload_suffix
from portal.services import pictures
from portal.vocabulary import PictureState
from tests.faults import invariants
from tests.machine import Machine
from tests.servers.ports import wait_until

pytestmark = pytest.mark.patient


def give(machine: Machine, user_id: int) -> None:
    data = io.BytesIO()
    Image.new("RGB", (400, 300), "teal").save(data, "JPEG")
    with machine.here():
        user = db.session.get_one(User, user_id)
        actor = actor_of(user)
        stored = Store(store_root(machine.data)).put(data.getvalue(), upload_suffix(user_id))
        pictures.give(stored.sha256, actor=actor)


def picture_of(machine: Machine, user_id: int) -> Picture:
    with machine.here():
        return db.session.scalars(select(Picture).where(Picture.user_id == user_id)).one()


def settled(machine: Machine, user_id: int, *, seconds: float = 120) -> Picture:
    wait_until(
        lambda: picture_of(machine, user_id).state is not PictureState.WAITING,
        seconds=seconds,
        what="the picture",
        every=0.1,
    )
    return picture_of(machine, user_id)


def gone(machine: Machine, user_id: int) -> None:
    """The file as it came is deleted, a moment after the commit."""
    folder, ending = store_root(machine.data), upload_suffix(user_id)
    wait_until(lambda: not list(folder.glob(f"*/*{ending}")), seconds=10, what="the deletion of the file as it came")


@pytest.mark.parametrize("point", ["picture", "picture-finish"])
def test_a_picture_whose_worker_dies_is_made_by_the_next(machine: Machine, point: str):
    machine.kill("worker", signal.SIGTERM)
    with machine.here():
        user_id = db.session.scalars(select(User.id).where(User.centre_id.is_not(None)).order_by(User.id)).first()
    machine.start_worker("pictures", PORTAL_FAULT=f"{point}:{user_id}:kill")
    give(machine, user_id)
    wait_until(lambda: picture_of(machine, user_id).attempts > 0, seconds=30, what="the first try", every=0.05)
    machine.kill("workerpictures", signal.SIGTERM)
    assert picture_of(machine, user_id).state is PictureState.WAITING
    machine.start_worker("pictures")
    machine.start_worker("sweeper")
    made = settled(machine, user_id)
    assert made.state is PictureState.READY and made.attempts <= 3
    with machine.here():
        assert db.session.get_one(User, user_id).picture_sha256 == made.sha256
    assert Store(store_root(machine.data)).verify(made.sha256, made_suffix(user_id))
    gone(machine, user_id)
    invariants.check(machine)


def test_a_picture_that_kills_each_time_is_refused(machine: Machine):
    machine.kill("worker", signal.SIGTERM)
    with machine.here():
        user_id = db.session.scalars(select(User.id).where(User.centre_id.is_not(None)).order_by(User.id)).all()[1]
    machine.start_worker("pictures", PORTAL_FAULT=f"picture:{user_id}:kill")
    machine.start_worker("sweeper")
    give(machine, user_id)
    refused = settled(machine, user_id)
    assert (refused.state, refused.attempts) == (PictureState.REFUSED, 3)
    assert "worker stopped" in refused.failure
    gone(machine, user_id)
    with machine.here():
        assert db.session.get_one(User, user_id).picture_sha256 == ""
    invariants.check(machine)
