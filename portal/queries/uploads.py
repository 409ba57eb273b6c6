"""Reading batch files: where they lie, and one of them."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.orm import joinedload

from portal.access import scope
from portal.access.actor import Actor
from portal.models.uploads import Upload

SUFFIX = ".csv"


def store_root(data: Path) -> Path:
    """The folder of the batch files inside ``PORTAL_DATA``."""
    return data / "batches"


def path_of(data: Path, sha256: str) -> Path:
    """Where the batch file with this content lies."""
    return store_root(data) / sha256[:2] / f"{sha256}{SUFFIX}"


def get_upload(upload_id: int, *, actor: Actor) -> Upload:
    """A batch file that the actor may see, with its centre."""
    return scope.load(scope.uploads(actor).options(joinedload(Upload.centre)), upload_id)
