"""Profile pictures: a clean small one is made of what a user gave, out of the web process."""

from __future__ import annotations

import logging
import re

from flask import current_app

from portal import clock, fault
from portal.documents.storage import OutOfSpace, Store
from portal.errors import Fenced
from portal.pictures import MOST_BYTES, NotAPicture, Unusable
from portal.pictures.making import limit_this_process, make_picture
from portal.queries.pictures import made_suffix, store_root, upload_suffix
from portal.services import pictures
from portal.services.claims import Claim
from portal.services.pictures import Unused

__all__ = ["delete_files", "forget_unused", "give_up_on_poison", "limit_this_process", "make"]

log = logging.getLogger(__name__)

LOST = "The file was lost on its way. Please send it again."

STAYS = 3600.0
"""Seconds for which a file that no row names is left alone: its row may be about to be written."""

NAME = re.compile(r"([0-9a-f]{64})\.[uw]([0-9a-z]{1,7})")


def make(user_id: int) -> None:
    """Make the picture of a user, if one waits."""
    claimed = pictures.claim(user_id)
    if claimed is None:
        return
    taken, upload = claimed
    store = Store(store_root(current_app.config["PORTAL_DATA"]))
    try:
        delete_files(store, user_id, _settle(taken, user_id, upload, store))
    except Fenced:
        log.warning("the picture of user %s was taken over or replaced", user_id)


def _settle(taken: Claim, user_id: int, upload: str, store: Store) -> Unused:
    try:
        with store.open(upload, upload_suffix(user_id)) as file:
            data = file.read(MOST_BYTES + 1)
        fault.point("picture", user_id)
        kept = store.put(make_picture(data), made_suffix(user_id))
        return pictures.finish(taken, kept.sha256)
    except Fenced:
        raise
    except (NotAPicture, Unusable) as error:
        return pictures.refuse(taken, error.message)
    except FileNotFoundError:
        return pictures.refuse(taken, LOST)
    except OutOfSpace:
        pictures.wait_for_space(taken)
    except Exception as error:
        log.exception("the picture of user %s could not be made", user_id)
        return pictures.refuse(taken, f"This picture could not be read ({type(error).__name__}).", final=False)
    return Unused()


def give_up_on_poison() -> None:
    """Refuse files that killed their worker each time, and delete them."""
    store = Store(store_root(current_app.config["PORTAL_DATA"]))
    for user_id, unused in pictures.give_up_on_poison().items():
        delete_files(store, user_id, unused)


def delete_files(store: Store, user_id: int, unused: Unused) -> None:
    """Delete files that no row names any more."""
    for sha256 in unused.uploads:
        store.path(sha256, upload_suffix(user_id)).unlink(missing_ok=True)
    for sha256 in unused.made:
        store.path(sha256, made_suffix(user_id)).unlink(missing_ok=True)


def forget_unused() -> int:
    """Delete what a process that died between its commit and its deleting left; say how many files."""
    root = store_root(current_app.config["PORTAL_DATA"])
    old = [path for path in root.glob("*/*") if NAME.fullmatch(path.name) and _is_old(path)]
    named = pictures.list_files() if old else set()
    gone = 0
    for path in old:
        sha256, user = NAME.fullmatch(path.name).groups()  # type: ignore[union-attr]
        if (int(user, 36), sha256) not in named:
            path.unlink(missing_ok=True)
            gone += 1
    return gone


def _is_old(path: object) -> bool:
    try:
        return clock.now().timestamp() - path.stat().st_mtime >= STAYS  # type: ignore[attr-defined,no-any-return]
    except FileNotFoundError:
        return False
