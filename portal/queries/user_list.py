"""The list of users of every centre, and of the awarding body itself, with the status that they have now."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, case, literal, type_coerce

from portal import clock
from portal.access import scope
from portal.access.actor import Actor
from portal.database import UtcDateTime, WordColumn
from portal.events import rooms
from portal.grid import Action, Column, DateRange, Grid, OneOf, Text, YesNo
from portal.grid.wording import N_
from portal.models.centres import Centre
from portal.models.users import User
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
}

_ACTIONS = (
    Action(
        "lock",
        N_("Lock"),
        "lock",
        "issuer.lock_user",
        {"user_id": "id", "back": "back"},
        when=lambda row: row.status is not UserStatus.LOCKED,
        data={"dialog-load": "md"},
    ),
    Action(
        "unlock",
        N_("Unlock"),
        "unlock",
        "issuer.unlock_user",
        {"user_id": "id", "back": "back"},
        method="post",
        when=lambda row: row.status is UserStatus.LOCKED,
    ),
    Action(
        "resend",
        N_("Resend confirmation"),
        "mail",
        "issuer.invite_again",
        {"user_id": "id", "back": "back"},
        method="post",
        when=lambda row: not row.confirmed,
    ),
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
    actions=_ACTIONS,
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
    actions=_ACTIONS,
    empty=N_("Nobody can sign in for this centre yet. Create its first admin."),
)
