"""Every point at which the portal is killed, in one table, and the work that comes by there.

The names on the left are those of the list that asked for them. Where a moment cannot exist here it stands for the
nearest one, with a sentence why. Points of orders come with the orders.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Crash:
    """One moment at which a process dies: the name it was asked for by, our point, and the work that passes it."""

    asked: str
    point: str
    """``<name>:<id>`` as ``portal.fault`` reads it."""
    work: str
    """A name of ``tests.faults.crashing.WORK``."""
    why: str = ""
    """Why this point stands for what was asked."""


NO_COUNTER = "The figures of a job are written by the flush of its commit; there is no counter apart from it."
NO_RENDER = "An export renders nothing: it reads what was drawn before. Drawing dies at its own point."
ONE_COMMIT = "The lock, its sessions and the step that closes the sockets are one commit; this is after it."
ONE_CHANGE = "The address and its mails are one commit; this is between them, inside of it."
NO_STAMP = "The sweeper writes nothing down: after ringing for one piece of work and before the next."
CHECKED = "A file becomes rows on file when it is published; these are the points of its check."

TABLE = (
    # Publishing.
    Crash("publish: before_insert_job", "publish_before_insert_job:*", "publish"),
    Crash("publish: after_insert_job", "publish_after_insert_job:*", "publish"),
    Crash(
        "publish: before_issue_doc", "publish_before_documents:*", "publish", "Documents are issued 500 rows a time."
    ),
    Crash("publish: after_issue_doc", "publish_after_documents:*", "publish", "Documents are issued 500 rows a time."),
    Crash("publish: before_counter", "publish:*", "publish", NO_COUNTER),
    Crash("publish: after_counter", "before_commit:JobPublished", "publish", NO_COUNTER),
    Crash("publish: before_commit", "before_commit:JobPublished", "publish"),
    Crash("publish: after_commit_before_emit", "after_commit:JobPublished", "publish"),
    Crash("publish: after_emit", "publish_after_emit:*", "publish"),
    # Exports.
    Crash("export: after_row", "export_after_row:*", "export"),
    Crash("export: before_enqueue", "export_before_enqueue:*", "export"),
    Crash("export: after_enqueue", "export_after_enqueue:*", "export"),
    Crash("export: after_claim", "export_after_claim:*", "export"),
    Crash("export: before_item_render", "export_before_item:*", "export", NO_RENDER),
    Crash("export: after_item_render", "export_before_item_write:*", "export", NO_RENDER),
    Crash("export: before_item_write", "export_before_item_write:*", "export"),
    Crash("export: after_item_write", "export_after_item:*", "export"),
    Crash("export: before_zip_close", "export_before_zip_close:*", "export"),
    Crash("export: after_zip_close_before_fsync", "export_after_close_before_fsync:*", "export"),
    Crash("export: after_fsync_before_rename", "export_after_fsync_before_rename:*", "export"),
    Crash("export: after_rename_before_commit", "export_after_rename_before_commit:*", "export"),
    Crash("export: after_commit_before_emit", "after_commit:DownloadFinished", "export"),
    Crash("export: before_expire_unlink", "export_before_expire_unlink:*", "expire"),
    Crash("export: after_expire_unlink", "export_after_expire_unlink:*", "expire"),
    # Mails.
    Crash("mail: after_outbox_commit", "after_outbox_commit:*", "notify"),
    Crash("mail: after_claim", "after_claim:*", "notify"),
    Crash("mail: before_connect", "before_connect:*", "notify"),
    Crash("mail: before_data", "before_data:*", "notify"),
    Crash("mail: after_data", "after_data:*", "notify"),
    Crash("mail: after_smtp_250", "after_smtp_250:*", "notify"),
    Crash("mail: after_sent_commit", "after_sent_commit:*", "notify"),
    # Users.
    Crash("users: after_lock_commit_before_revoke", "lock:*", "lock", ONE_COMMIT),
    Crash("users: after_email_change_before_outbox", "email_change:*", "change_address", ONE_CHANGE),
    # The sweeper.
    Crash("sweep: after_select", "sweep_after_select:*", "sweep"),
    Crash("sweep: after_requeue_before_stamp", "sweep_after_ring:*", "sweep", NO_STAMP),
    # Batch files.
    Crash("import: after_file_saved", "import_after_file_saved:*", "check"),
    Crash("import: mid_rows", "import_mid_rows:*", "check", CHECKED),
    Crash("import: before_commit", "check:*", "check", CHECKED),
    Crash("import: after_commit", "after_commit:UploadChecked", "check", CHECKED),
    # Beyond the list.
    Crash("draw: before a document", "draw:*", "publish"),
    Crash("draw: before_commit", "before_commit:DocumentsDrawn", "publish"),
    Crash("draw: after_commit", "after_commit:DocumentsDrawn", "publish"),
    Crash("export: before_commit", "before_commit:DownloadFinished", "export"),
    Crash("export: after_emit", "export_after_commit:*", "export"),
    Crash("mail: before_sent_commit", "before_commit:MailSettled", "notify"),
    Crash("notices: before_commit", "before_commit:NoticesQueued", "notify"),
    Crash("users: before_lock_commit", "before_commit:AccessChanged", "lock"),
    Crash("users: erase", "erase:*", "erase"),
    Crash("pictures: before it is made", "picture:*", "picture"),
    Crash("pictures: before_commit", "picture-finish:*", "picture"),
    Crash("pictures: after_commit", "after_commit:PictureSettled", "picture"),
)

ASKED = {"publish": 9, "export": 15, "mail": 7, "users": 2, "sweep": 2, "import": 4}
"""How many points the list asks for of each kind of work; nine of orders come with the orders."""

BEYOND = 12
"""So many rows at the end of the table are ours."""


def each() -> Iterator[Crash]:
    """The crashes, each point once however many names it stands for."""
    seen: set[str] = set()
    for crash in TABLE:
        if crash.point not in seen:
            seen.add(crash.point)
            yield crash
