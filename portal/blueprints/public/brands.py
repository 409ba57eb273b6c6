"""The face of a brand as a small stylesheet: strict CSP allows no colours inside a page."""

from __future__ import annotations

import re

from flask import Response, abort

from portal.access.actor import Actor
from portal.blueprints.public import bp
from portal.queries import brands
from portal.services.centres import contrast_with_white
from portal.web.guards import public

COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
SLUG = re.compile(r"[a-z0-9-]{1,40}")


@bp.get("/brand/<slug>.css")
@public
def brand_css(slug: str, actor: Actor) -> Response:
    """The custom properties that the design system reads."""
    # What no brand can be called is not asked for: PostgreSQL would stumble over a NUL.
    brand = brands.find_by_slug(slug) if SLUG.fullmatch(slug) else None
    if brand is None:
        abort(404)
    primary, accent = (
        colour if COLOUR.fullmatch(colour) else "#1d4f91" for colour in (brand.primary_colour, brand.accent_colour)
    )
    css = f":root {{ --brand: {primary}; --brand-ink: {_ink_on(primary)}; --brand-accent: {accent}; }}\n"
    response = Response(css, mimetype="text/css")
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


def _ink_on(colour: str) -> str:
    """Black or white, whichever is easier to read on a colour (WCAG 2.2 relative luminance)."""
    with_white = contrast_with_white(colour)
    # Black has the rest of the 21 that black and white have between them.
    return "#ffffff" if with_white >= 21 / with_white else "#000000"
