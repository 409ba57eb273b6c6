"""Profile pictures: given by their user, made anew by a worker, shown, taken away. One for each user."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, select, update

from portal import clock, fault
from portal.access.actor import SYSTEM, Actor
from portal.access.permissions import Permission
from portal.database import database_now, db
from portal.errors import Fenced, NotAllowed
from portal.events.catalogue import PictureGiven, PictureSettled
from portal.models.pictures import Picture
from portal.models.users import User
from portal.services import claims, throttles
from portal.unit_of_work import Record, unit_of_work
from portal.vocabulary import PictureState

STOPPED = "This picture could not be read: the worker stopped each time. Choose another file."

DUE = (Picture.state == PictureState.WAITING, Picture.attempts < claims.MOST_ATTEMPTS)


@dataclass(frozen=True, slots=True)
class Unused:
    """Files of a user that no row names any more, by their SHA-256; whoever called deletes them."""

    uploads: tuple[str, ...] = ()
    made: tuple[str, ...] = ()


def count_upload(actor: Actor) -> None:
    """Count an upload before its bytes are kept. Raises ``Throttled``."""
    actor.require(Permission.PROFILE_CHANGE)
    throttles.spend((throttles.PICTURES, str(actor.user_id)), actor=actor)


def give(upload_sha256: str, *, actor: Actor) -> Unused:
    """Note a file that its user gave; a worker makes the picture. It takes the place of one that still waits."""
    actor.require(Permission.PROFILE_CHANGE)
    with unit_of_work(actor) as record:
        user = _own(actor)
        picture = _picture_of(user.id)
        if picture is None:
            picture = Picture(user_id=user.id, changed_at=clock.now())
            db.session.add(picture)
        before, picture.upload_sha256 = picture.upload_sha256, upload_sha256
        picture.state, picture.failure, picture.changed_at = PictureState.WAITING, "", clock.now()
        # Whoever works on the one before is fenced off.
        picture.claim_token, picture.attempts = 0, 0
        picture.lease_until = picture.next_attempt_at = None
        record(PictureGiven(user_id=user.id, centre_id=user.centre_id))
    return Unused(uploads=(before,) if before and before != upload_sha256 else ())


def remove(*, actor: Actor) -> Unused:
    """Take the own picture away: the initials are shown again."""
    actor.require(Permission.PROFILE_CHANGE)
    with unit_of_work(actor) as record:
        user = _own(actor)
        picture = _picture_of(user.id)
        if picture is None:
            return Unused()
        unused = Unused(uploads=_some(picture.upload_sha256), made=_some(picture.sha256))
        user.picture_sha256 = ""
        db.session.execute(delete(Picture).where(Picture.id == picture.id))
        _settled(record, user)
    return unused


def claim(user_id: int) -> tuple[claims.Claim, str] | None:
    """Take the picture of a user to make it, with the SHA-256 of its file; ``None`` when there is nothing to do."""
    with unit_of_work(SYSTEM):
        taken = claims.take(Picture, Picture.user_id == user_id, *DUE)
        if taken is None:
            return None
        return taken, db.session.get_one(Picture, taken.ids[0], populate_existing=True).upload_sha256


def finish(taken: claims.Claim, sha256: str) -> Unused:
    """Show the picture that was made. Raises ``Fenced`` when another was given meanwhile."""
    with unit_of_work(SYSTEM) as record:
        picture, user = _held(taken)
        unused = Unused(
            uploads=_some(picture.upload_sha256), made=_some(picture.sha256 if picture.sha256 != sha256 else "")
        )
        picture.state, picture.failure = PictureState.READY, ""
        picture.sha256, picture.upload_sha256 = sha256, ""
        user.picture_sha256 = sha256
        _settled(record, user)
        fault.point("picture-finish", user.id)
    return unused


def refuse(taken: claims.Claim, reason: str, *, final: bool = True) -> Unused:
    """Note that it did not work: try again later, or refuse the file for good; the picture shown before stays."""
    with unit_of_work(SYSTEM) as record:
        picture, user = _held(taken)
        if not final and picture.attempts < claims.MOST_ATTEMPTS:
            picture.next_attempt_at = database_now() + claims.wait_after(picture.attempts)
            return Unused()
        return _refused(record, picture, user, reason)


def wait_for_space(taken: claims.Claim) -> None:
    """Put it back for a while: a full disk is not the picture's fault and counts as no try."""
    with unit_of_work(SYSTEM):
        picture, _user = _held(taken)
        picture.attempts = max(0, picture.attempts - 1)
        picture.next_attempt_at = database_now() + claims.BACK_OFF[-1]


def give_up_on_poison() -> dict[int, Unused]:
    """Refuse files whose every try ended with a dead worker; give, by user, what can be deleted."""
    unused: dict[int, Unused] = {}
    poison = (
        Picture.state == PictureState.WAITING,
        Picture.attempts >= claims.MOST_ATTEMPTS,
        Picture.lease_until < database_now(),
    )
    for ident in db.session.scalars(select(Picture.id).where(*poison)).all():
        with unit_of_work(SYSTEM) as record:
            picture = db.session.scalars(
                select(Picture).where(Picture.id == ident, *poison).with_for_update()
            ).one_or_none()
            if picture is not None:
                picture.lease_until, picture.claim_token = None, 0
                user = db.session.get_one(User, picture.user_id)
                unused[user.id] = _refused(record, picture, user, STOPPED)
    return unused


def list_due() -> list[int]:
    """The users whose picture waits for somebody now."""
    return list(db.session.scalars(select(Picture.user_id).where(*DUE, claims.due(Picture))))


def list_files() -> set[tuple[int, str]]:
    """Every file that a row names, as user and SHA-256; of somebody who was erased nothing is kept."""
    rows = db.session.execute(
        select(Picture.user_id, Picture.upload_sha256, Picture.sha256)
        .join(User, User.id == Picture.user_id)
        .where(User.erased_at.is_(None))
    )
    return {(user_id, sha256) for user_id, *both in rows for sha256 in both if sha256}


def _own(actor: Actor) -> User:
    user = db.session.get(User, actor.user_id or 0, with_for_update=True)
    if user is None or not user.may_enter_at(clock.now()):
        raise NotAllowed("Sign in again first.")
    return user


def _picture_of(user_id: int) -> Picture | None:
    return db.session.scalars(select(Picture).where(Picture.user_id == user_id).with_for_update()).one_or_none()


def _held(taken: claims.Claim) -> tuple[Picture, User]:
    """The picture if it is still ours, with its user; the claim ends with this unit of work."""
    changed = db.session.execute(  # type: ignore[attr-defined]
        update(Picture)
        .where(Picture.id == taken.ids[0], taken.holds())
        .values(lease_until=None, claim_token=0)
        .execution_options(synchronize_session=False)
    ).rowcount
    if not changed:
        raise Fenced("Another picture was given meanwhile.")
    picture = db.session.get_one(Picture, taken.ids[0], populate_existing=True)
    return picture, db.session.get_one(User, picture.user_id)


def _refused(record: Record, picture: Picture, user: User, reason: str) -> Unused:
    unused = Unused(uploads=_some(picture.upload_sha256))
    picture.state, picture.failure, picture.upload_sha256 = PictureState.REFUSED, reason[:300], ""
    _settled(record, user)
    return unused


def _settled(record: Record, user: User) -> None:
    record(PictureSettled(user_id=user.id, centre_id=user.centre_id))


def _some(sha256: str) -> tuple[str, ...]:
    return (sha256,) if sha256 else ()
