"""Help: the guide of each portal, in its chapters, with pictures of its screens."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import current_app, render_template
from PIL import Image

from portal.access.actor import Actor
from portal.blueprints.public import bp
from portal.web.guards import public


@bp.get("/centre/help")
@public
def centre_help(actor: Actor) -> Any:
    """The guide for centres; it can be read before one has an account."""
    return render_template("public/help_centre.html", pictures=_pictures(Path(str(current_app.static_folder))))


@bp.get("/learner/help")
@public
def learner_help(actor: Actor) -> Any:
    """The guide for learners: the link that notices carry."""
    return render_template("public/help_learner.html", pictures=_pictures(Path(str(current_app.static_folder))))


@lru_cache(maxsize=1)
def _pictures(folder: Path) -> dict[str, tuple[int, int]]:
    """The pictures of screens by name, with width and height in pixels (``tools/take_pictures.py`` makes them)."""
    found = {}
    for path in sorted((folder / "img" / "help").glob("*.webp")):
        with Image.open(path) as image:
            found[path.stem] = image.size
    return found
