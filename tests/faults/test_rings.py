"""Whatever is rung for five times, in five processes at the same moment, is done once."""

from sqlalchemy import select

from portal.database import db
from portal.models.claimable import Claimable
from portal.models.documents import Document
from portal.models.downloads import Download
from portal.models.jobs import Job
from portal.models.mails import Mail
from portal.models.pictures import Picture
from portal.models.uploads import Upload
from portal.queries.downloads import shelf_of
from portal.redis_door import door
from portal.tasks import queue
from portal.vocabulary import DownloadState, MailState, PictureState, Production, UploadState
from tests.faults import crashing
from tests.faults.crashing import WORK, Stage

TIMES = 5


def test_what_is_rung_for_five_times_is_done_once(stage: Stage, monkeypatch):
    """One of each kind waits: documents of a job, a file, an export, three mails, a picture."""
    stage.set(WORK["notify"])
    monkeypatch.setattr(Stage, "work", lambda _stage: None)
    prepared = stage.process(lambda: prepare(stage))
    assert prepared.code == 0, prepared.said
    monkeypatch.undo()

    workers = [stage.start(stage.work) for _ in range(TIMES)]
    ended = [stage.wait(pid) for pid in workers]
    assert [one.code for one in ended] == [0] * TIMES, ended

    with stage.world.app.app_context():
        assert set(db.session.scalars(select(Document.production))) == {Production.COMPLETED}
        assert [one.state for one in rows(Upload)] == [UploadState.CHECKED]
        assert [one.state for one in rows(Download)] == [DownloadState.COMPLETED]
        assert [one.state for one in rows(Mail)] == [MailState.SENT] * 3
        assert [one.state for one in rows(Picture)] == [PictureState.READY]
        for model in Claimable.__subclasses__():
            assert {one.attempts for one in rows(model)} == {1}, f"{model.__tablename__} was begun more than once"
        assert len(list(shelf_of(stage.data).root.iterdir())) == 1
    assert len(list(stage.letters.glob("new/*"))) == 3
    stage.check()


def prepare(stage: Stage) -> None:
    """Have everything waiting, with five rings for each."""
    crashing.notify(stage)
    crashing.export(stage)
    crashing.picture(stage)
    crashing.hand_in(stage, 40)
    crashing.publish_rows(stage)
    door.client.flushall()
    for _ in range(TIMES):
        for name, model in ((queue.BATCHES, Upload), (queue.DOWNLOADS, Download), (queue.MAILS, Mail)):
            for one in rows(model):
                queue.ring(name, one.id)
        queue.ring(queue.DOCUMENTS, max(one.id for one in rows(Job)))
        queue.ring(queue.PICTURES, stage.people.anew)


def rows(model):
    return db.session.scalars(select(model).order_by(model.id)).all()
