"""The lists of users: of one's own centre, of every centre, of those who were deleted. The status is that of now."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, case, exists, literal, type_coerce

from portal import clock
from portal.access import scope
from portal.access.actor import Actor
from portal.database import UtcDateTime, WordColumn
from portal.events import rooms
from portal.grid import Action, Column, DateRange, Grid, OneOf, Text, YesNo
from portal.grid.wording import N_
from portal.models.centres import Centre
from portal.models.second_step import SecondStep
from portal.models.users import RESTORABLE_FOR, User
from portal.vocabulary import Role, UserStatus

NOW: ColumnElement[Any] = bindparam("now", type_=UtcDateTime, callable_=clock.now)
"""The moment at which a statement is run, not at which it was written."""

STATUS = type_coerce(
    case(
        (User.active.is_(False), UserStatus.INACTIVE.value),
        (User.locked_until.is_not(None) & (User.locked_until > NOW), UserStatus.LOCKED.value),
        else_=UserStatus.ACTIVE.value,
    ),
    WordColumn(UserStatus),
)
"""Locked follows from a date, so it is read and never stored (the same rule as ``User.status_at``)."""

FULL_NAME = (
    User.first_name
    + case((User.middle_name == "", ""), else_=literal(" ") + User.middle_name)
    + literal(" ")
    + User.last_name
)


def _users(actor: Actor, **_within: Any) -> Select[Any]:
    return scope.users(actor).outerjoin(Centre, Centre.id == User.centre_id)


def _users_of_centre(actor: Actor, *, centre_id: int) -> Select[Any]:
    return _users(actor).where(User.centre_id == centre_id)


_COLUMNS = (
    Column("name", N_("Name"), FULL_NAME, sort=True, search=True, filter=Text(), cell="name"),
    Column("email", N_("Email"), User.email, sort=True, search=True, filter=Text()),
    Column("role", N_("Role"), User.role, sort=True, filter=OneOf(Role)),
    Column(
        "centre",
        N_("Centre"),
        Centre.name,
        sort=True,
        search=Centre.name + literal(" ") + Centre.number,
        filter=Text(Centre.name + literal(" ") + Centre.number),
        cell="centre",
    ),
    Column("status", N_("Status"), STATUS, sort=True, filter=OneOf(UserStatus), cell="status", kind="status"),
    Column(
        "confirmed",
        N_("Email Confirmed"),
        User.email_confirmed_at.is_not(None),
        sort=True,
        filter=YesNo(),
        cell="confirmed",
        kind="status",
    ),
    Column("signed_in", N_("Last sign-in"), User.last_sign_in_at, sort=True, filter=DateRange(), kind="date"),
)

_ALSO = {
    "centre_id": User.centre_id,
    "centre_number": Centre.number,
    "locked_until": User.locked_until,
    "lock_reason": User.lock_reason,
    "second_step": exists().where(SecondStep.user_id == User.id, SecondStep.confirmed_at.is_not(None)).correlate(User),
}


def _acts(**arguments: str) -> tuple[Action, ...]:
    """What may be done to a user, at whichever door: edit, lock or unlock, delete, send the link again."""
    to = {"user_id": "id", **arguments}
    return (
        Action("edit", N_("Edit"), "edit", ".edit_user", to),
        Action(
            "lock",
            N_("Lock"),
            "lock",
            ".lock_user",
            to,
            when=lambda row: row.status is not UserStatus.LOCKED,
            data={"dialog-load": "md"},
        ),
        Action(
            "unlock",
            N_("Unlock"),
            "unlock",
            ".unlock_user",
            to,
            method="post",
            when=lambda row: row.status is UserStatus.LOCKED,
            data={"dialog-load": "sm"},
        ),
        Action("delete", N_("Delete"), "delete", ".delete_user", to, method="post", data={"dialog-load": "sm"}),
        Action(
            "resend",
            N_("Resend confirmation"),
            "mail",
            ".invite_again",
            to,
            method="post",
            when=lambda row: not row.confirmed,
            data={"dialog-load": "sm"},
        ),
    )


_TAKE_OFF = Action(
    "remove-second-step",
    N_("Remove second step"),
    "key",
    "issuer.remove_second_step",
    {"user_id": "id", "back": "back"},
    method="post",
    when=lambda row: row.second_step,
    confirm=N_("Remove the second step of this user? The password alone lets them in then. They are told by mail."),
)

ISSUER_USERS = Grid(
    name="users",
    title=N_("Users"),
    thing=N_("user"),
    things=N_("users"),
    key=User.id,
    select=_users,
    room=lambda _actor: rooms.ISSUER_USERS,
    default_sort="name",
    cells="grids/issuer_users.html",
    also=_ALSO | {"back": literal("users")},
    columns=_COLUMNS,
    actions=(*_acts(back="back"), _TAKE_OFF),
    empty=N_("There is no user yet."),
)

CENTRE_USERS = Grid(
    name="users",
    title=N_("Users"),
    thing=N_("user"),
    things=N_("users"),
    key=User.id,
    select=_users_of_centre,
    room=lambda _actor, *, centre_id: rooms.ISSUER_USERS,
    default_sort="name",
    cells="grids/issuer_users.html",
    also=_ALSO | {"back": literal("centre")},
    columns=[column for column in _COLUMNS if column.name != "centre"],
    actions=(*_acts(back="back"), _TAKE_OFF),
    empty=N_("Nobody can sign in for this centre yet. Create its first admin."),
)

_PERSON = {"first_name": User.first_name, "last_name": User.last_name, "picture": User.picture_sha256}
"""What the avatar beside a name is made of."""

USERS = Grid(
    name="users",
    title=N_("Users"),
    thing=N_("user"),
    things=N_("users"),
    key=User.id,
    select=lambda actor, **_within: scope.users(actor),
    room=lambda actor: rooms.centre_users(actor.centre_id),
    default_sort="name",
    cells="grids/users.html",
    also=_PERSON | {"locked_until": User.locked_until, "lock_reason": User.lock_reason},
    columns=[
        Column("name", N_("Name"), FULL_NAME, sort=True, search=True, filter=Text(), cell="name"),
        Column("email", N_("Email"), User.email, sort=True, search=True, filter=Text()),
        Column("username", N_("Username"), User.username, sort=True, search=True, filter=Text()),
        Column("status", N_("Status"), STATUS, sort=True, filter=OneOf(UserStatus), cell="status", kind="status"),
        Column(
            "admin",
            N_("Is Admin"),
            User.role == Role.CENTRE_ADMIN,
            sort=True,
            filter=YesNo(),
            cell="admin",
            kind="status",
        ),
        Column(
            "confirmed",
            N_("Email Confirmed"),
            User.email_confirmed_at.is_not(None),
            sort=True,
            filter=YesNo(),
            cell="confirmed",
            kind="status",
        ),
    ],
    actions=_acts(),
    empty=N_("There is no user yet."),
)
"""The users of one's own centre (SPEC §13)."""

DELETED_USERS = Grid(
    name="deleted-users",
    title=N_("Deleted users"),
    thing=N_("deleted user"),
    things=N_("deleted users"),
    key=User.id,
    select=lambda actor, **_within: scope.deleted_users(actor),
    room=lambda actor: rooms.centre_users(actor.centre_id) if actor.centre_id else rooms.ISSUER_USERS,
    default_sort="-deleted_on",
    cells="grids/users.html",
    also=_PERSON | {"picture": literal(""), "back": literal("deleted")},
    columns=[
        Column("name", N_("Name"), FULL_NAME, sort=True, search=True, filter=Text(), cell="name"),
        Column("email", N_("Email"), User.email, sort=True, search=True, filter=Text()),
        Column("username", N_("Username"), User.username, sort=True, search=True, filter=Text()),
        Column(
            "deleted_on", N_("Deleted on"), User.deleted_at, sort=(User.deleted_at,), filter=DateRange(), kind="date"
        ),
        Column(
            "erased_on",
            N_("Will be erased on"),
            text=lambda row: clock.uk_date(row.deleted_on + RESTORABLE_FOR),
            kind="date",
        ),
    ],
    actions=[
        Action(
            "restore",
            N_("Restore"),
            "undo",
            ".restore_user",
            {"user_id": "id", "back": "back"},
            method="post",
            data={"dialog-load": "sm"},
        ),
    ],
    empty=N_("Nobody was deleted within the last 30 days."),
)
"""Who can still be brought back, and until when."""
