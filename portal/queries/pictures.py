"""Reading profile pictures: where they lie, whose is shown, and how far one's own has come."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from portal.access import scope
from portal.access.actor import Actor
from portal.database import db
from portal.errors import NotFound
from portal.models.pictures import Picture
from portal.models.users import User
from portal.vocabulary import PictureState

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class OwnPicture:
    """What the page of one's own picture says."""

    shown: bool
    waiting: bool = False
    failure: str = ""
    """Why the one given last was refused."""


def store_root(data: Path) -> Path:
    """The folder of the profile pictures inside ``PORTAL_DATA``."""
    return data / "pictures"


def upload_suffix(user_id: int) -> str:
    """How the name of a file ends as a user gave it. Nobody else's file has this name, so it can be deleted at once."""
    return f".u{_short(user_id)}"


def made_suffix(user_id: int) -> str:
    """How the name of the picture ends that was made for a user."""
    return f".w{_short(user_id)}"


def get_picture(user_id: int, *, actor: Actor) -> str:
    """The SHA-256 of the picture of a user whom the actor may see. Raises ``NotFound``, also where there is none."""
    found = scope.load(scope.users(actor), user_id)
    if not found.picture_sha256:
        raise NotFound("There is nothing here.")
    return found.picture_sha256


def own_picture(actor: Actor) -> OwnPicture:
    """How far the actor's own picture has come."""
    row = db.session.execute(
        select(User.picture_sha256, Picture.state, Picture.failure)
        .outerjoin(Picture, Picture.user_id == User.id)
        .where(User.id == actor.user_id)
    ).one()
    return OwnPicture(
        shown=bool(row.picture_sha256),
        waiting=row.state is PictureState.WAITING,
        failure=row.failure if row.state is PictureState.REFUSED else "",
    )


def _short(number: int) -> str:
    """A number in base 36: seven characters are enough for 78 thousand million users."""
    digits = ""
    while number or not digits:
        number, rest = divmod(number, 36)
        digits = DIGITS[rest] + digits
    return digits
