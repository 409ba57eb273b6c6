"""What follows from each fact: the whole live system on one page, read aloud "when a job is published, draw it".

Rooms are rung for every fact that names some. What stands here besides is a doorbell too: whatever it rings for is a
row in the database that the sweeper would find, so a lost ring costs a few seconds and nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from portal import fault
from portal.events import catalogue as facts
from portal.events.catalogue import Fact
from portal.realtime import ring
from portal.tasks import queue

log = logging.getLogger(__name__)

Reaction = Callable[[Any], object]

LANES = 4
"""How many workers may draw one job side by side."""


def draw(fact: facts.JobPublished | facts.DrawingRetried) -> None:
    """Ring for as many workers as may draw the job together."""
    for _ in range(LANES):
        queue.ring(queue.DOCUMENTS, fact.job_id)
    fault.point("publish_after_emit", fact.job_id)


def check_or_publish(fact: facts.UploadReceived | facts.PublishRequested) -> None:
    """Have the next step of a batch file done."""
    queue.ring(queue.BATCHES, fact.upload_id)


def send(fact: facts.MailQueued) -> None:
    """Have a mail sent."""
    fault.point("after_outbox_commit", fact.mail_id)
    queue.ring(queue.MAILS, fact.mail_id)


def send_all(fact: facts.NoticesQueued) -> None:
    """Have every mail sent that waits: one ring, however many learners are told."""
    fault.point("after_outbox_commit", fact.job_id)
    queue.ring(queue.MAILS, queue.WHATEVER_WAITS)


def pack(fact: facts.DownloadRequested) -> None:
    """Have an export packed."""
    fault.point("export_before_enqueue", fact.download_id)
    queue.ring(queue.DOWNLOADS, fact.download_id)
    fault.point("export_after_enqueue", fact.download_id)


def make_picture(fact: facts.PictureGiven) -> None:
    """Have a clean picture made of what a user gave."""
    queue.ring(queue.PICTURES, fact.user_id)


REACTIONS: dict[type[Fact], list[Reaction]] = {
    facts.UploadReceived: [check_or_publish],
    facts.UploadChecked: [],
    facts.PublishRequested: [check_or_publish],
    facts.JobPublished: [draw],
    facts.DocumentsDrawn: [],
    facts.DrawingRetried: [draw],
    facts.DocumentCancelled: [],
    facts.DocumentReplaced: [],
    facts.DocumentExpired: [],
    facts.AccessChanged: [],
    facts.SignedIn: [],
    facts.SignedOut: [],
    facts.SignInRefused: [],
    facts.MailQueued: [send],
    facts.MailSettled: [],
    facts.MailDecided: [],
    facts.PasswordResetRequested: [],
    facts.CentreChanged: [],
    facts.BrandChanged: [],
    facts.UserChanged: [],
    facts.LockEnded: [],
    facts.DownloadWentOn: [],
    facts.DownloadRequested: [pack],
    facts.DownloadFinished: [],
    facts.DownloadTaken: [],
    facts.DownloadRemoved: [],
    facts.NoticesWentOn: [],
    facts.NoticesQueued: [send_all],
    facts.NoticeAddressSaved: [],
    facts.ProblemReported: [],
    facts.ProblemAnswered: [],
    facts.ProblemChanged: [],
    facts.PictureGiven: [make_picture],
    facts.PictureSettled: [],
    facts.SecondStepChanged: [],
    facts.UserErased: [],
    facts.ListExported: [],
}


def follow(happened: Sequence[Fact], rooms: Sequence[str]) -> None:
    """Ring the rooms, then do what follows; one that fails does not keep the next from its turn."""
    if rooms:
        ring.ring(rooms)
    for fact in happened:
        for reaction in REACTIONS[type(fact)]:
            try:
                reaction(fact)
            except Exception:
                log.exception("%s after %s was left to the sweeper", reaction.__name__, type(fact).__name__)
