"""The SELECT of what an actor may see. Every reading begins here: not found and not yours look the same."""

from typing import Any, TypeVar

from sqlalchemy import Select, false, select

from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.database import Base, db
from portal.errors import NotFound
from portal.models.audit import AuditEntry
from portal.models.brands import Brand
from portal.models.centres import Centre
from portal.models.documents import Document
from portal.models.downloads import Download
from portal.models.jobs import Job
from portal.models.mails import Mail
from portal.models.problems import Problem
from portal.models.records import Record
from portal.models.uploads import Upload
from portal.models.users import User
from portal.vocabulary import Role

T = TypeVar("T", bound=Base)

BIGGEST_ID = 2**63 - 1


def _of_centre(statement: Select[Any], column: Any, actor: Actor) -> Select[Any]:
    """Everything for the issuer and the portal, one centre for its users, nothing for anybody else."""
    if actor.system or actor.role is Role.ISSUER:
        return statement
    if actor.role in (Role.CENTRE_USER, Role.CENTRE_ADMIN) and actor.centre_id is not None:
        return statement.where(column == actor.centre_id)
    return statement.where(false())


def _of_issuer(statement: Select[Any], actor: Actor) -> Select[Any]:
    """Everything for the issuer and the portal, nothing for anybody else."""
    return statement if actor.system or actor.role is Role.ISSUER else statement.where(false())


def jobs(actor: Actor) -> Select[Job]:
    """The jobs of the actor's centre; the issuer sees all."""
    return _of_centre(select(Job), Job.centre_id, actor)


def records(actor: Actor) -> Select[Record]:
    """The records of the actor's centre; the issuer sees all."""
    return _of_centre(select(Record), Record.centre_id, actor)


def documents(actor: Actor) -> Select[Document]:
    """The documents of the actor's centre; the issuer sees all."""
    return _of_centre(select(Document), Document.centre_id, actor)


def centres(actor: Actor) -> Select[Centre]:
    """The actor's own centre; the issuer sees all."""
    return _of_centre(select(Centre), Centre.id, actor)


def users(actor: Actor) -> Select[User]:
    """The users of the actor's centre who are not deleted; the issuer sees all."""
    return _of_centre(select(User).where(User.deleted_at.is_(None)), User.centre_id, actor)


def deleted_users(actor: Actor) -> Select[User]:
    """The deleted users of the actor's centre of whom something is left; the issuer sees all."""
    gone = select(User).where(User.deleted_at.is_not(None), User.erased_at.is_(None))
    return _of_centre(gone, User.centre_id, actor)


def brands(actor: Actor) -> Select[Brand]:
    """All brands, for the issuer only."""
    return _of_issuer(select(Brand), actor)


def uploads(actor: Actor) -> Select[Upload]:
    """All batch files, for the issuer only."""
    return _of_issuer(select(Upload), actor)


def mails(actor: Actor) -> Select[Mail]:
    """All outgoing mails, for the issuer only."""
    return _of_issuer(select(Mail), actor)


def audit_entries(actor: Actor) -> Select[AuditEntry]:
    """The whole trail for the issuer; for a centre's admin what concerns the own centre."""
    if not actor.may(Permission.AUDIT_SEE):
        return select(AuditEntry).where(false())
    return _of_centre(select(AuditEntry), AuditEntry.centre_id, actor)


def downloads(actor: Actor) -> Select[Download]:
    """The exports of the actor's centre that nobody took off the list; the issuer sees all."""
    return _of_centre(select(Download).where(Download.removed_at.is_(None)), Download.centre_id, actor)


def problems(actor: Actor) -> Select[Problem]:
    """The problems that the actor's centre reported; the issuer sees all."""
    return _of_centre(select(Problem), Problem.centre_id, actor)


def load(statement: Select[T], ident: int, *, lock: bool = False) -> T:
    """Load one row by its key from what the actor may see, or raise ``NotFound``.

    ``lock`` takes the row lock, for services that are about to change it (SQLite has locked the file already).
    """
    entity = statement.column_descriptions[0]["entity"]
    if not 0 < ident <= BIGGEST_ID:
        raise NotFound("There is nothing here.")
    statement = statement.where(entity.id == ident)
    if lock:
        statement = statement.with_for_update(of=entity)
    found = db.session.scalars(statement).one_or_none()
    if found is None:
        raise NotFound("There is nothing here.")
    return found
