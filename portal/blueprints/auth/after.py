"""Where to go after signing in: the name of a page of the same door, never an address."""

from __future__ import annotations

from flask import current_app, request, url_for

from portal.access.permissions import Permission
from portal.access.roles import permissions_of
from portal.vocabulary import Door, Role


def wanted(door: Door) -> str | None:
    """The page that was asked for before signing in (``?next=centre.jobs``), if it is one of this door."""
    name = request.args.get("next", "")
    return name if _is_page_of(door, name) else None


def page_for(door: Door, role: Role, name: str | None) -> str:
    """The address of that page if the role may see it, else of the dashboard."""
    if name is not None and Permission(current_app.view_functions[name].guard[1]) in permissions_of(role):  # type: ignore[attr-defined]
        return url_for(name)
    return home_of(door)


def home_of(door: Door) -> str:
    """The dashboard of a door; where there is none yet, its landing page."""
    dashboard = f"{door.value}.dashboard"
    return url_for(dashboard if dashboard in current_app.view_functions else login_name(door))


def login_name(door: Door) -> str:
    """The endpoint of the landing page of a door."""
    return f"auth.{door.value}_login"


def _is_page_of(door: Door, name: str) -> bool:
    guard = getattr(current_app.view_functions.get(name), "guard", None)
    if guard is None or guard[0] != door.value:
        return False
    return any(not rule.arguments and "GET" in (rule.methods or ()) for rule in current_app.url_map.iter_rules(name))
