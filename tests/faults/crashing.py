"""A process dies at one point of its work; others go on with what it left, as a person, a worker and the sweeper would.

Each process is a fork of the test's own: a real process with a real end, on a fresh copy of a database and its files,
with a real Redis, RQ's own worker and a real mail server. ``points`` says where they die.
"""

from __future__ import annotations

import logging
import os
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path

from PIL import Image
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy import func, select, update

from portal import clock, fault
from portal.access.actor import SYSTEM, Actor
from portal.database import database_now, db
from portal.documents.storage import Store
from portal.grid.selection import read_selection
from portal.models.claimable import Claimable
from portal.models.downloads import Download
from portal.models.jobs import Job
from portal.models.mails import Mail
from portal.models.notices import Notice
from portal.models.pictures import Picture
from portal.models.records import Record
from portal.models.sign_in import UserSession
from portal.models.uploads import Upload
from portal.models.users import RESTORABLE_FOR, User
from portal.queries import pictures as faces
from portal.queries import uploads as batches
from portal.queries.downloads import shelf_of
from portal.queries.records import RECORDS
from portal.redis_door import door
from portal.services import downloads, erasure, mails, notices, pictures, uploads, users
from portal.services.uploads import StoredFile
from portal.tasks import queue, sweeper
from portal.unit_of_work import unit_of_work
from portal.vocabulary import DownloadState, MailState, NoticeState, PictureState, UploadState
from tests.conftest import draw_two_records
from tests.faults import invariants
from tests.machine import batch_of
from tests.servers.redis import TestRedis
from tests.services.people import as_actor
from tests.world import MORNING, World

PATIENCE = 60
"""Seconds after which a process of a test hangs."""

ROUNDS = 8
"""So many rounds of the sweeper bring any work to its end."""

NEW_ADDRESS = "anew.user@home.example"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended."""

    was_killed: bool
    code: int
    said: str


class AppWorker(SimpleWorker):
    """RQ's worker, whose tasks run in this very process, so that the process dies with its task."""

    def perform_job(self, *args: object, **kwargs: object) -> bool:
        with STAGES[-1].world.app.app_context():
            return super().perform_job(*args, **kwargs)  # type: ignore[arg-type]


class Stage:
    """Where a crash takes place: a world, Redis, a mail server."""

    def __init__(self, world: World, redis: TestRedis, mail_port: int, letters: Path) -> None:
        self.world, self.redis, self.mail_port, self.letters = world, redis, mail_port, letters
        self.people = world.people
        self.data = world.data

    def set(self, work: Work) -> None:
        """Begin anew: the database and the files of the moment, nothing rung for, no letter arrived."""
        if work.moment == MORNING:
            self.world.put_back()
        else:
            self.world.moment(work.moment, lambda: draw_two_records(self.world))
        for letter in self.letters.glob("new/*"):
            letter.unlink()
        door.init_app(self.redis.url)
        door.client.flushall()

    def actor(self, user_id: int) -> Actor:
        return as_actor(user_id)

    # Processes.

    def start(self, act: Callable[[], None], *, dies_at: str = "") -> int:
        """Start a process that does something; its id."""
        with self.world.app.app_context():
            db.session.remove()
            db.engine.dispose()
        self.world.dirty = True
        self.world.touched.update(db.metadata.tables)
        errors = self.world.folder / "child.log"
        if child := os.fork():
            return child
        code = 1
        try:
            errors = errors.with_suffix(f".{os.getpid()}")
            fault.WANTED.update(fault.read(dies_at))
            STAGES[:] = [self]
            door.init_app(self.redis.url)
            app = self.world.app
            app.extensions["mail"].server, app.extensions["mail"].port = "127.0.0.1", self.mail_port
            app.config["MAIL_LOOKUP"] = str(self.letters)
            complaints = logging.FileHandler(errors, delay=True)
            complaints.setLevel(logging.ERROR)
            logging.getLogger().addHandler(complaints)
            with app.app_context():
                act()
                db.session.remove()
            code = 0 if not errors.exists() else 2
        except BaseException:
            errors.write_text(traceback.format_exc())
        finally:
            os._exit(code)

    def wait(self, pid: int) -> Ended:
        """Wait for the end of a process."""
        until = time.monotonic() + PATIENCE
        while not (ended := os.waitpid(pid, os.WNOHANG))[0]:
            if time.monotonic() > until:
                os.kill(pid, signal.SIGABRT)
            time.sleep(0.002)
        code = os.waitstatus_to_exitcode(ended[1])
        log = (self.world.folder / "child.log").with_suffix(f".{pid}")
        said = log.read_text() if log.exists() else ""
        log.unlink(missing_ok=True)
        return Ended(code == -signal.SIGKILL, code, said)

    def process(self, act: Callable[[], None], *, dies_at: str = "") -> Ended:
        """Do something in a process of its own and wait for its end."""
        return self.wait(self.start(act, dies_at=dies_at))

    # What happens in them.

    def work(self) -> None:
        """Answer everything that was rung for, as RQ does, until nothing is left."""
        connection = door.connect(timeout=None)
        queues = [Queue(name, connection=connection, serializer=JSONSerializer) for name in queue.QUEUES]
        worker = AppWorker(queues, connection=connection, serializer=JSONSerializer)
        worker.work(burst=True, logging_level="WARNING")
        db.session.remove()

    def go_on(self, work: Work) -> None:
        """What follows a crash: time passes, the sweeper makes its round, a worker works, the person looks again."""
        for _ in range(ROUNDS):
            time_passes()
            sweeper.sweep()
            self.work()
            work.go(self)
            db.session.remove()
            if not work.lacks(self):
                break
        invariants.tidy()
        lacks = work.lacks(self)
        assert not lacks, lacks

    def check(self) -> None:
        """The invariants, in the test's own process."""
        with self.world.app.app_context():
            arrived = [path.read_bytes() for path in sorted(self.letters.glob("new/*"))]
            invariants.hold(self.data, arrived, door.client)


STAGES: list[Stage] = []


def time_passes() -> None:
    """So much that no lease holds any more and whatever was put off is due."""
    with unit_of_work(SYSTEM):
        past = database_now() - timedelta(seconds=1)
        for model in Claimable.__subclasses__():
            for column in (model.lease_until, model.next_attempt_at):
                db.session.execute(update(model).where(column > past).values({column.key: past}))


# ── The work ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Work:
    """Something that people and workers do together.

    ``go`` does what is yet to be done, like a person who looks first; ``lacks`` says what is missing in the end.
    """

    go: Callable[[Stage], None]
    lacks: Callable[[Stage], str]
    moment: str = MORNING


def only(model: type) -> object | None:
    """The one row of a table; ``None`` when there is none."""
    rows = db.session.scalars(select(model).execution_options(populate_existing=True)).all()
    assert len(rows) <= 1, f"there are {len(rows)} rows of {model.__tablename__} instead of one"
    return rows[0] if rows else None


def hand_in(stage: Stage, rows: int) -> None:
    """Hand in a batch file, unless there is one."""
    if only(Upload) is None:
        data = batch_of(stage.world.folder / "batch.csv", rows, kinds="letter").read_bytes()
        stored = Store(batches.store_root(stage.data)).put(data, batches.SUFFIX)
        file = StoredFile(name="crash.csv", sha256=stored.sha256, size=stored.size)
        uploads.receive(file, centre_id=stage.people.riverside, actor=stage.actor(stage.people.issuer))


def publish(stage: Stage) -> None:
    hand_in(stage, 3)
    stage.work()
    upload = only(Upload)
    if upload.state is UploadState.CHECKED:
        uploads.request_publish(upload.id, only_good_rows=False, actor=stage.actor(stage.people.issuer))
    stage.work()


def not_published(stage: Stage) -> str:
    upload, job = only(Upload), only(Job)
    if upload is None or upload.state is not UploadState.PUBLISHED or job is None:
        return f"the file is not published: {upload and upload.failure}"
    figures = (job.requested, job.pending, job.completed + job.failed)
    return "" if figures == (3, 0, 3) else f"the job stands at {figures}"


def check(stage: Stage) -> None:
    hand_in(stage, 1_600)
    stage.work()


def not_checked(stage: Stage) -> str:
    upload = only(Upload)
    if upload is None or upload.state not in (UploadState.CHECKED, UploadState.REFUSED):
        return "the file is not checked"
    return "" if upload.state is UploadState.REFUSED or upload.good_rows == 1_600 else "rows are missing"


def export(stage: Stage) -> None:
    downloads.request(
        RECORDS,
        read_selection(RECORDS, [("selection", "all")]),
        name="Everything",
        key="one-form",
        days=7,
        actor=stage.actor(stage.people.michael),
    )
    stage.work()


def not_exported(_stage: Stage) -> str:
    download = only(Download)
    if download is None or download.state not in (DownloadState.COMPLETED, DownloadState.FAILED):
        return "the export is not ready"
    return "" if download.total == 5 else "documents are missing"


def expire(stage: Stage) -> None:
    export(stage)
    with unit_of_work(SYSTEM):
        over = clock.now() - timedelta(seconds=1)
        db.session.execute(update(Download).where(Download.state == DownloadState.COMPLETED).values(expires_at=over))
    sweeper.sweep()


def not_expired(stage: Stage) -> str:
    download = only(Download)
    if download is None or download.state is not DownloadState.EXPIRED:
        return "the export has not expired"
    left = list(shelf_of(stage.data).root.iterdir())
    return f"its file is still there: {left}" if left else ""


def notify(stage: Stage) -> None:
    """Two learners are told, and somebody gets a letter of their own."""
    michael = stage.actor(stage.people.michael)
    with unit_of_work(SYSTEM) as record:
        mails.queue(
            record,
            "password_changed",
            key="crash",
            to="connor.random@portal.example",
            values={"name": "Connor Random", "changed_at": clock.now().isoformat(), "path": "/learner/forgot"},
        )
    records = list(db.session.scalars(select(Record.id).order_by(Record.id)))
    for ident in records:
        notices.save_address(ident, f"learner{ident}@home.example", actor=michael)
    notices.notify(records, actor=michael)
    stage.work()


def not_notified(_stage: Stage) -> str:
    states = sorted(db.session.scalars(select(Mail.state)))
    if states != [MailState.SENT] * 3:
        return f"the mails are {states}"
    told = db.session.scalar(select(func.count()).where(Notice.state == NoticeState.SENT))
    return "" if told == 2 else f"{told} of two learners count as told"


def lock(stage: Stage) -> None:
    anew = db.session.get_one(User, stage.people.anew, populate_existing=True)
    if anew.locked_until is None:
        stage.world.app.test_client().sign_in(stage.people.anew)  # type: ignore[attr-defined]
        day = clock.today() + timedelta(days=3)
        users.lock(anew.id, until=day, reason=users.LOCK_REASONS[0], actor=stage.actor(stage.people.michael))


def not_locked(stage: Stage) -> str:
    return "" if db.session.get_one(User, stage.people.anew).locked_until else "nobody is locked"


def change_address(stage: Stage) -> None:
    if not db.session.scalar(select(func.count(UserSession.id))):
        stage.world.app.test_client().sign_in(stage.people.anew)  # type: ignore[attr-defined]
    users.change_email(stage.people.anew, email=NEW_ADDRESS, actor=stage.actor(stage.people.michael))
    stage.work()


def address_not_changed(stage: Stage) -> str:
    if db.session.get_one(User, stage.people.anew).email != NEW_ADDRESS:
        return "the address is the old one"
    sent = sorted(db.session.scalars(select(Mail.letter).where(Mail.state == MailState.SENT)))
    return "" if sent == ["email_changed", "email_confirmation"] else f"mails of {sent} were sent"


def sweep(stage: Stage) -> None:
    """A job and a file wait, and all rings were lost."""
    if only(Job) is None:
        publish_rows(stage)
    hand_in(stage, 2)
    door.client.flushall()
    sweeper.sweep()
    stage.work()


def publish_rows(stage: Stage) -> None:
    from portal.intake import preflight
    from portal.queries.held import HeldOnFile
    from portal.services import jobs

    data = batch_of(stage.world.folder / "other.csv", 2, first=50, kinds="letter").read_bytes()
    report = preflight(BytesIO(data), HeldOnFile(stage.people.riverside), today=clock.today())
    jobs.publish(report.good(), centre_id=stage.people.riverside, file_name="other.csv", actor=SYSTEM)


def not_swept(_stage: Stage) -> str:
    upload, job = only(Upload), only(Job)
    drawn = job is not None and not job.pending
    checked = upload is not None and upload.state is not UploadState.UPLOADED
    return "" if drawn and checked else "something still waits"


def picture(stage: Stage) -> None:
    if only(Picture) is None:
        kept = BytesIO()
        Image.new("RGB", (300, 200), "teal").save(kept, "PNG")
        stored = Store(faces.store_root(stage.data)).put(kept.getvalue(), faces.upload_suffix(stage.people.anew))
        pictures.give(stored.sha256, actor=stage.actor(stage.people.anew))
    stage.work()


def no_picture(_stage: Stage) -> str:
    found = only(Picture)
    ended = found is not None and found.state in (PictureState.READY, PictureState.REFUSED)
    return "" if ended else "the picture is not made"


def erase(stage: Stage) -> None:
    anew = db.session.get_one(User, stage.people.anew, populate_existing=True)
    if anew.deleted_at is None:
        users.remove(anew.id, actor=stage.actor(stage.people.michael))
        with unit_of_work(SYSTEM):
            long_ago = clock.now() - RESTORABLE_FOR - timedelta(days=1)
            db.session.execute(update(User).where(User.id == anew.id).values(deleted_at=long_ago))
    erasure.erase_due()


def not_erased(stage: Stage) -> str:
    anew = db.session.get_one(User, stage.people.anew)
    return "" if anew.erased_at and not anew.password_hash else "somebody is still known"


WORK = {
    "publish": Work(publish, not_published),
    "check": Work(check, not_checked),
    "export": Work(export, not_exported, "drawn"),
    "expire": Work(expire, not_expired, "drawn"),
    "notify": Work(notify, not_notified, "drawn"),
    "lock": Work(lock, not_locked),
    "change_address": Work(change_address, address_not_changed),
    "sweep": Work(sweep, not_swept),
    "picture": Work(picture, no_picture),
    "erase": Work(erase, not_erased),
}
