"""A worker may die at every step of an export: it is gone on with, delivered once and whole, and nothing is left lying.

The worker is a fork, as the horses of RQ are, and is really killed.
"""

from __future__ import annotations

import os
import secrets
import signal
import traceback
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from portal import clock, fault
from portal.access.actor import SYSTEM
from portal.database import db
from portal.grid.selection import read_selection
from portal.models.downloads import Download, DownloadItem
from portal.queries.downloads import shelf_of
from portal.queries.records import RECORDS
from portal.services import downloads
from portal.tasks import downloads as packing
from portal.tasks import queue
from portal.unit_of_work import unit_of_work
from portal.vocabulary import DownloadState
from tests.faults import invariants
from tests.services.people import as_actor

OF_THE_EXPORT = (
    "export_after_claim",
    "export_before_zip_close",
    "export_after_close_before_fsync",
    "export_after_fsync_before_rename",
    "export_after_rename_before_commit",
    "export_after_commit",
)
OF_A_DOCUMENT = ("export_before_item", "export_before_item_write", "export_after_item")


@pytest.fixture(autouse=True)
def here(app, monkeypatch):
    monkeypatch.setattr(queue, "ring", lambda *_: True)
    with app.app_context():
        yield


def killed_at(point: str, ident: int, work: Callable[[], object]) -> None:
    """Do some work in a process of its own, which is killed at this point."""
    db.session.remove()
    pid = os.fork()
    if not pid:
        try:
            db.engine.dispose(close=False)
            fault.WANTED = {f"{point}:{ident}": 1}
            work()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, f"{point} was never reached"


def ask(cast) -> int:
    return downloads.request(
        RECORDS,
        read_selection(RECORDS, [("selection", "all")]),
        name="Autumn",
        key=secrets.token_hex(8),
        days=7,
        actor=as_actor(cast.michael),
    )


def row(ident: int) -> Download:
    db.session.rollback()
    return db.session.get_one(Download, ident, populate_existing=True)


def lease_over(ident: int) -> None:
    with unit_of_work(SYSTEM):
        db.session.execute(
            update(Download)
            .where(Download.id == ident, Download.lease_until.is_not(None))
            .values(lease_until=clock.now() - timedelta(minutes=1))
        )


def recovers(app, ident: int) -> None:
    lease_over(ident)
    packing.pack(ident)
    found = row(ident)
    assert (found.state, found.done, found.left_out) == (DownloadState.COMPLETED, 5, 0)
    invariants.hold(app.config["PORTAL_DATA"], [])


@pytest.mark.parametrize("turns", [0, 1, 3])
@pytest.mark.parametrize("point", OF_THE_EXPORT)
def test_who_dies_at_a_step_is_followed(app, cast, drawn, monkeypatch, point, turns):
    ident = ask(cast)
    with monkeypatch.context() as short:
        short.setattr(packing, "TURN", 0.0)
        for _ in range(turns):
            packing.pack(ident)
    killed_at(point, ident, lambda: packing.pack(ident))
    recovers(app, ident)


@pytest.mark.parametrize("place", [0, 2, 4])
@pytest.mark.parametrize("point", OF_A_DOCUMENT)
def test_who_dies_at_a_document_is_followed(app, cast, drawn, monkeypatch, point, place):
    monkeypatch.setattr(packing, "COMMIT_EVERY", 0.0)
    ident = ask(cast)
    order = db.session.scalars(
        select(DownloadItem.document_id).where(DownloadItem.download_id == ident).order_by(DownloadItem.position)
    ).all()
    killed_at(point, order[place], lambda: packing.pack(ident))
    # Nothing that was committed is packed again.
    assert row(ident).done == place
    recovers(app, ident)


def test_who_dies_before_the_commit_has_not_asked_and_may_ask_again(app, cast, drawn):
    killed_at("export_after_row", 1, lambda: ask(cast))
    db.session.rollback()
    assert db.session.scalars(select(Download.id)).all() == []
    recovers(app, ask(cast))


@pytest.mark.parametrize("point", ["export_before_expire_unlink", "export_after_expire_unlink"])
def test_who_dies_while_a_file_is_deleted_leaves_nothing_for_long(app, cast, drawn, point):
    ident = ask(cast)
    packing.pack(ident)
    with unit_of_work(SYSTEM):
        db.session.execute(update(Download).values(expires_at=clock.now() - timedelta(seconds=1)))
    killed_at(point, ident, packing.expire)
    assert row(ident).state is DownloadState.EXPIRED
    packing.clear_away(seconds=0)
    assert list(shelf_of(app.config["PORTAL_DATA"]).root.iterdir()) == []


def test_who_dies_twice_in_a_row_is_followed_from_where_the_first_one_stopped(app, cast, drawn, monkeypatch):
    ident = ask(cast)
    with monkeypatch.context() as short:
        short.setattr(packing, "TURN", 0.0)
        packing.pack(ident)
    for _ in range(2):
        killed_at("export_after_claim", ident, lambda: packing.pack(ident))
        lease_over(ident)
    assert row(ident).done == 1
    recovers(app, ident)
