"""Pages for machines: alive, ready, and figures."""

from __future__ import annotations

from flask import Response, current_app, jsonify
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from portal.access.actor import Actor
from portal.blueprints.public import bp
from portal.database import db
from portal.queries import figures
from portal.redis_door import door
from portal.web.guards import public


@bp.get("/healthz")
@public
def healthz(actor: Actor) -> Response:
    """The process answers."""
    return jsonify(status="ok")


@bp.get("/readyz")
@public
def readyz(actor: Actor) -> Response:
    """The process can do its work: the database answers. A missing Redis is told, not an error: pages go on."""
    try:
        db.session.execute(select(text("1")))
    except SQLAlchemyError:
        response = jsonify(status="unavailable", database="down")
        response.status_code = 503
        return response
    redis = door.attempt("a ping", lambda client: client.ping())
    return jsonify(status="ok", database="up", redis="up" if redis else "down")


@bp.get("/metrics")
@public
def metrics(actor: Actor) -> Response:
    """Figures for a scraper, without any names (Prometheus text format)."""
    lines = []
    for name, help_text, value in figures.work():
        lines += [f"# HELP portal_{name} {help_text}", f"# TYPE portal_{name} gauge", f"portal_{name} {value}"]
    lag = current_app.extensions.get("portal_hub_lag")
    if lag is not None:
        lines += ["# TYPE portal_hub_lag_seconds gauge", f"portal_hub_lag_seconds {lag():.6f}"]
    return Response("\n".join(lines) + "\n", mimetype="text/plain; version=0.0.4")
