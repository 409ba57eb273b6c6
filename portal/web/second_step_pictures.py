"""What a second step shows to an eye or a camera: the secret in groups, and as a QR code. Shared by the doors."""

from __future__ import annotations

from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal.documents.qr import QUIET, matrix, rectangles
from portal.web import navigation

BEGUN = "second-step-begun"
"""In the cookie: the mark of the secret that this browser began, and no other one may see."""


def groups(secret: str) -> str:
    """A secret as people type it: four characters and a space."""
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


def portal_name() -> str:
    """What an app calls the codes of this portal."""
    return navigation.frame().portal_name or _("Certificates")


def qr(text: str) -> Response:
    """A QR code as a drawing, which nobody keeps: black on white in both themes, for cameras know nothing else."""
    modules = matrix(text)
    side = len(modules) + 2 * QUIET
    path = "".join(
        f"M{column + QUIET} {row + QUIET}h{width}v{height}h-{width}z"
        for column, row, width, height in rectangles(modules)
    )
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{side}v{side}H0z"/><path d="{path}"/></svg>'
    )
    response = Response(drawing, mimetype="image/svg+xml")
    response.headers["Cache-Control"] = "no-store"
    return response
