"""Work for the fault tests, and how far it has come."""

from __future__ import annotations

import secrets
import threading
from email import message_from_bytes

from sqlalchemy import select

from portal import clock
from portal.access.actor import SYSTEM
from portal.database import db
from portal.documents.storage import Store
from portal.models.brands import Brand
from portal.models.centres import Centre
from portal.models.mails import Mail
from portal.models.uploads import Upload
from portal.queries.uploads import SUFFIX, store_root
from portal.services import mails, uploads
from portal.services.uploads import StoredFile
from portal.unit_of_work import unit_of_work
from tests.machine import Machine
from tests.servers.ports import wait_until
from tests.services.people import as_actor

RESUME = 40
"""Seconds within which work goes on after its process died (ARCHITECTURE.md, Engine 2)."""


def measured(what: str, seconds: float) -> None:
    """Keep a figure for whoever reads on: ``pytest -rP tests/faults``."""
    print(f"measured: {what.replace('_', ' ')}: {seconds}")


def begun(machine: Machine, job_id: int, at_least: int = 3) -> None:
    """Wait until some documents of a job are drawn."""
    wait_until(lambda: machine.figures(job_id)["completed"] >= at_least, seconds=60, what="the first documents")


class Clerk:
    """Somebody who creates one centre after the other and keeps the numbers of those that were acknowledged."""

    def __init__(self, machine: Machine, prefix: str) -> None:
        self.machine, self.prefix = machine, prefix
        self.holder = machine.sign_in(machine.people.issuer)
        with machine.here():
            self.brand = db.session.scalar(select(Brand.id))
        self.statuses: list[int] = []
        self.acknowledged: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def _work(self) -> None:
        while not self._over.wait(0.05):
            number = f"{self.prefix}{len(self.statuses)}"
            values = {"number": number, "name": f"College {number}", "brand": self.brand, "contact_email": ""}
            self.statuses.append(self.machine.post("/issuer/centres/new", values, self.holder))
            if self.statuses[-1] == 302:
                self.acknowledged.append(number)

    def __enter__(self) -> Clerk:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(30)

    def lost(self) -> set[str]:
        """What was acknowledged and is not there."""
        with self.machine.here():
            return set(self.acknowledged) - set(db.session.scalars(select(Centre.number)))


def queue_mail(machine: Machine) -> int:
    """Write a mail into the outbox; its id."""
    with machine.here(), unit_of_work(SYSTEM) as record:
        mail = mails.queue(
            record,
            "password_changed",
            key=secrets.token_hex(8),
            to="connor.random@portal.example",
            values={"name": "Connor Random", "changed_at": clock.now().isoformat(), "path": "/learner/forgot"},
        )
        return mail.id


def mail_of(machine: Machine, mail_id: int) -> Mail:
    """A mail as its row is now."""
    with machine.here():
        mail = db.session.get_one(Mail, mail_id, populate_existing=True)
        db.session.expunge(mail)
        return mail


def arrived(machine: Machine, mail_id: int) -> int:
    """How often the mail server has taken a mail."""
    wanted = mail_of(machine, mail_id).message_id
    return sum(message_from_bytes(data)["Message-ID"] == wanted for data in machine.mails())


def receive(machine: Machine, rows: int) -> int:
    """Hand in a batch file as the issuer's page does; the id of the upload."""
    with machine.here():
        stored = Store(store_root(machine.data)).put(machine.new_batch(rows).read_bytes(), SUFFIX)
        file = StoredFile(name="handed-in.csv", sha256=stored.sha256, size=stored.size)
        return uploads.receive(file, centre_id=machine.people.riverside, actor=as_actor(machine.people.issuer))


def upload_of(machine: Machine, upload_id: int) -> Upload:
    """An upload as its row is now."""
    with machine.here():
        upload = db.session.get_one(Upload, upload_id, populate_existing=True)
        db.session.expunge(upload)
        return upload
