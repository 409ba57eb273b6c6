"""Reading the audit trail: who did what to what, in words."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Select

from portal.access import scope
from portal.access.actor import Actor
from portal.grid import Column, DateRange, Grid, OneOf, Text
from portal.grid.wording import N_
from portal.models.audit import AuditEntry
from portal.models.centres import Centre
from portal.vocabulary import Role

ACTIONS = {
    "UploadReceived": N_("Uploaded a batch file"),
    "UploadChecked": N_("A batch file was checked"),
    "PublishRequested": N_("Asked for a batch file to be published"),
    "JobPublished": N_("Published a job"),
    "DrawingRetried": N_("Had failed documents drawn again"),
    "DocumentCancelled": N_("Cancelled a document"),
    "DocumentReplaced": N_("Replaced a document"),
    "AccessChanged": N_("Ended somebody's sessions"),
    "SignedIn": N_("Signed in"),
    "SignedOut": N_("Signed out"),
    "SignInRefused": N_("Was refused at sign-in"),
    "PasswordResetRequested": N_("Asked for a new password"),
    "CentreChanged": N_("Created or changed a centre"),
    "BrandChanged": N_("Created or changed a brand"),
    "UserChanged": N_("Created or changed a user"),
    "DownloadRequested": N_("Exported documents"),
    "DownloadTaken": N_("Downloaded an export"),
    "DownloadRemoved": N_("Removed an export"),
    "NoticesQueued": N_("Had learners notified"),
    "NoticeAddressSaved": N_("Saved a learner’s email address"),
    "ProblemReported": N_("Reported a problem"),
    "ProblemAnswered": N_("Answered a problem"),
    "ProblemChanged": N_("Moved a problem on"),
    "PictureGiven": N_("Gave a profile picture"),
    "SecondStepChanged": N_("Changed the second step of signing in"),
    "UserErased": N_("Erased a deleted user"),
    "ListExported": N_("Took a list away as a file"),
}
"""Every audited fact of ``portal.events.catalogue`` as a sentence whose subject is the actor."""


def words_of(action: str) -> str:
    """What an action is called; one that has no words yet is taken apart at its capitals."""
    return ACTIONS.get(action) or re.sub(r"(?<!^)(?=[A-Z])", " ", action).capitalize()


def _entries(actor: Actor, **_within: Any) -> Select[Any]:
    return scope.audit_entries(actor).outerjoin(Centre, Centre.id == AuditEntry.centre_id)


AUDIT = Grid(
    name="audit",
    title=N_("Audit trail"),
    thing=N_("entry"),
    things=N_("entries"),
    key=AuditEntry.id,
    select=_entries,
    default_sort="-at",
    cells="grids/issuer_audit.html",
    also={"centre_id": AuditEntry.centre_id, "detail": AuditEntry.detail},
    columns=[
        # Lines are written in the order of time, and the key's own index gives this order.
        Column("at", N_("Time"), AuditEntry.at, sort=(AuditEntry.id,), filter=DateRange(), kind="date"),
        Column("who", N_("Who"), AuditEntry.actor_name, sort=True, search=True, filter=Text()),
        Column("role", N_("Role"), AuditEntry.role, sort=True, filter=OneOf(Role), cell="role"),
        Column(
            "action",
            N_("What"),
            AuditEntry.action,
            sort=True,
            filter=OneOf(ACTIONS.items()),
            text=lambda row: words_of(row.action),
        ),
        Column("subject", N_("To what"), AuditEntry.subject, sort=True, search=True, filter=Text(), cell="subject"),
        Column("centre", N_("Centre"), Centre.name, sort=True, search=True, filter=Text(), cell="centre"),
        Column("address", N_("Address"), AuditEntry.address, sort=True, search=True, filter=Text(), kind="code"),
    ],
    empty=N_("Nothing has been done yet."),
)
