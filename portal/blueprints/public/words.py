"""The choice of a door, and the words that stand behind the footer's links."""

from __future__ import annotations

from typing import Any

from flask import render_template

from portal.access.actor import Actor
from portal.blueprints.public import bp
from portal.web.guards import public


@bp.get("/")
@public
def home(actor: Actor) -> Any:
    """Choose a door."""
    return render_template("public/home.html")


@bp.get("/contact")
@public
def contact(actor: Actor) -> Any:
    """Whom to ask for what."""
    return render_template("public/contact.html")


@bp.get("/privacy")
@public
def privacy(actor: Actor) -> Any:
    """What is kept of whom, why, and for how long."""
    return render_template("public/privacy.html")


@bp.get("/accessibility")
@public
def accessibility(actor: Actor) -> Any:
    """What the portal does for people who use it differently, and what is missing."""
    return render_template("public/accessibility.html")
