"""The menus and the frame of each door: what stands around every page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask import Flask, current_app, g, request, url_for
from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError

from portal.access.permissions import Permission as P
from portal.access.roles import door_of
from portal.access.sessions import actor_of
from portal.database import Busy, db
from portal.events import rooms
from portal.queries import brands
from portal.vocabulary import Door
from portal.web import sessions

if TYPE_CHECKING:
    from portal.models.brands import Brand
    from portal.models.centres import Centre
    from portal.models.users import User
    from portal.queries.brands import Face


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a menu."""

    label: str
    url: str
    icon: str
    current: bool
    views: tuple[Item, ...] = ()
    """What a drop-down under the entry leads to."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What the layouts draw around a page."""

    door: str
    portal_name: str
    brand: Brand | Face | None
    user: User | None
    centre: Centre | None
    menu: list[Item] = field(default_factory=list)
    footer: list[Item] = field(default_factory=list)
    basket_count: int | None = None
    home_url: str = "/"
    profile_url: str | None = None
    avatar_url: str = ""
    """The picture of whoever is signed in; empty for the initials."""
    desk: str = ""
    """The room of one's own finished work (``rooms.desk``), and how far it had come before the page was read."""
    desk_seq: int = 0
    logout_url: str | None = None


MENUS: dict[str, list[tuple[str, str, str, P]]] = {
    Door.CENTRE: [
        ("Dashboard", "centre.dashboard", "dashboard", P.DASHBOARD_SEE),
        ("Jobs Issued", "centre.jobs", "jobs", P.JOBS_SEE),
        ("Records", "centre.records", "records", P.RECORDS_SEE),
        ("Downloads", "centre.downloads", "downloads", P.RECORDS_EXPORT),
        ("Store", "centre.store", "store", P.DASHBOARD_SEE),
        ("Orders", "centre.orders", "orders", P.DASHBOARD_SEE),
        ("Users", "centre.users", "users", P.USERS_MANAGE),
        ("Problems", "centre.problems", "problems", P.PROBLEMS_REPORT),
        ("Audit trail", "centre.audit", "audit", P.AUDIT_SEE),
        ("Validate", "centre.validate", "validate", P.DOCUMENTS_VALIDATE),
    ],
    Door.ISSUER: [
        ("Dashboard", "issuer.dashboard", "dashboard", P.DASHBOARD_SEE),
        ("Jobs", "issuer.jobs", "jobs", P.JOBS_SEE),
        ("Documents", "issuer.documents", "documents", P.DOCUMENTS_CANCEL),
        ("Centres", "issuer.centres", "centres", P.CENTRES_MANAGE),
        ("Brands", "issuer.brands", "brands", P.BRANDS_MANAGE),
        ("Users", "issuer.users", "users", P.USERS_MANAGE),
        ("Orders", "issuer.orders", "orders", P.DASHBOARD_SEE),
        ("Problems", "issuer.problems", "problems", P.PROBLEMS_ANSWER),
        ("Audit trail", "issuer.audit", "audit", P.AUDIT_SEE),
    ],
    Door.LEARNER: [],
}
"""Label, endpoint, icon, right. An entry whose page is not built yet is left out by itself."""

VIEWS: dict[str, list[tuple[str, str]]] = {
    "centre.users": [("All", ""), ("Active", "active"), ("Locked", "locked"), ("Inactive", "inactive")],
}
"""Entries with a drop-down: the label of each view of the list, and the status that it shows (SPEC §3)."""

FOOTER = [
    ("Contact", "public.contact"),
    ("Privacy notice", "public.privacy"),
    ("Accessibility statement", "public.accessibility"),
]


def init_app(app: Flask) -> None:
    """Give every template its ``frame``."""

    @app.context_processor
    def frame_of_page() -> dict[str, Any]:
        return {"frame": frame(), "public_url": app.config["PUBLIC_URL"], "demo": app.config["DEMO"]}


def door_of_path(path: str) -> str:
    """The door that an address belongs to; everything else is public."""
    first = path.strip("/").split("/", 1)[0]
    return first if first in {"centre", "learner", "issuer"} else "public"


def wear(face: Face) -> None:
    """Let the page of this request wear the default brand as it was read with the page's own facts."""
    g.portal_face = face


def frame() -> Frame:
    """The frame of this request: the signed-in user's own on pages of the own door, a visitor's elsewhere."""
    door = door_of_path(request.path)
    try:
        return _frame(door)
    except (SQLAlchemyError, Busy):
        # A page that says so plainly needs no brand; the database is what is missing.
        db.session.close()
        return Frame(door=door, portal_name=_("Certificates"), brand=None, user=None, centre=None)


def _frame(door: str) -> Frame:
    found = sessions.current()
    user = found.user if found and door in (door_of(found.user.role), "public") else None
    centre = user.centre if user else None
    brand = centre.brand if centre else g.get("portal_face") or brands.find_default()
    names = {
        Door.CENTRE: _("Centre Portal"),
        Door.LEARNER: _("Learner Portal"),
        Door.ISSUER: _("Issuer Portal"),
    }
    house = brand.portal_name if brand else _("Certificates")
    name = names.get(door)  # type: ignore[call-overload]
    return Frame(
        door=door,
        portal_name=f"{house} {name}" if name else house,
        brand=brand,
        user=user,
        centre=centre,
        menu=_menu(door, user),
        footer=[_item(label, endpoint, "") for label, endpoint in (("Help", _help_of(door)), *FOOTER)],
        home_url=_url_if_built(f"{door}.dashboard") or "/" if user else "/",
        profile_url=_url_if_built(f"{door}.profile") if user else None,
        avatar_url=_avatar_url(door, user) if user else "",
        desk=rooms.desk(user.id) if user else "",
        desk_seq=found.desk_seq if found else 0,
        logout_url=_url_if_built("auth.logout") if user else None,
    )


def _help_of(door: str) -> str:
    """The guide of a door; visitors of public pages are more often learners than staff."""
    return "public.learner_help" if door in (Door.LEARNER, "public") else "public.centre_help"


def _avatar_url(door: str, user: User) -> str:
    """The address changes with the picture, so that an open page shows the new one."""
    if not user.picture_sha256 or f"{door}.picture" not in current_app.view_functions:
        return ""
    return url_for(f"{door}.picture", user_id=user.id, v=user.picture_sha256[:12])


def _url_if_built(endpoint: str) -> str | None:
    return url_for(endpoint) if endpoint in current_app.view_functions else None


def _menu(door: str, user: User | None) -> list[Item]:
    if user is None or door not in MENUS:
        return []
    actor = actor_of(user)
    return [
        _item(label, endpoint, icon)
        for label, endpoint, icon, permission in MENUS[door]
        if endpoint in current_app.view_functions and actor.may(permission)
    ]


def _item(label: str, endpoint: str, icon: str) -> Item:
    url = url_for(endpoint)
    here = request.path == url or (url.count("/") > 2 or not url.endswith("/")) and request.path.startswith(url + "/")
    return Item(label=_(label), url=url, icon=icon, current=here, views=tuple(_views(endpoint)))


def _views(endpoint: str) -> Iterator[Item]:
    here = request.args.get("status", "") if request.endpoint == endpoint else None
    for label, status in VIEWS.get(endpoint, ()):
        yield Item(label=_(label), url=url_for(endpoint, status=status or None), icon="", current=status == here)
