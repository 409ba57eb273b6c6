"""What stands around an answer: the same for every visitor, so it is drawn once for each face of the house.

Not here: the answer itself, which is read and drawn anew at every request.
"""

from __future__ import annotations

from flask import current_app, render_template, request, session
from flask_babel import get_locale
from markupsafe import Markup

from portal.queries.brands import Face
from portal.web import navigation

MOST = 8
"""Faces remembered at the same time; a house has one, and another when its brand is changed."""

PLACE = Markup("<!-- the answer -->")
"""Where the answer goes. All that people may write is escaped, so nobody else can write this."""


def page(answer: str, *, live: bool, face: Face | None) -> str:
    """The whole page around a drawn answer. ``live``: whether the page can turn by itself.

    ``face`` was read with the answer, so a change of the brand shows at the next request: another face is another
    page. Who has a session may see more than a face, and is drawn a page of their own.
    """
    if face is None or session or current_app.jinja_env.auto_reload:
        return _drawn(answer, live=live, face=face)
    drawn: dict[tuple[object, ...], tuple[str, str]] = current_app.extensions.setdefault("portal_surround", {})
    key = (face, live, request.script_root, get_locale())
    if key not in drawn:
        if len(drawn) >= MOST:
            drawn.clear()
        before, _, after = _drawn(PLACE, live=live, face=face).partition(PLACE)
        drawn[key] = (before, after)
    before, after = drawn[key]
    return f"{before}{answer}{after}"


def _drawn(answer: str, *, live: bool, face: Face | None) -> str:
    if face is not None:
        navigation.wear(face)
    shown = Markup(answer)  # noqa: S704 (a template has escaped it)
    return render_template("verify/document.html", answer=shown, live=live)
