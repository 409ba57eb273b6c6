"""Default deny: a route that wears no guard is refused, whoever asks."""

from flask import Flask, abort, current_app, request

FREE = frozenset({"static"})
"""Endpoints that Flask makes itself and that hold nothing secret."""


def init_app(app: Flask) -> None:
    """Refuse every request whose view has no guard."""
    app.before_request(_refuse_without_guard)


def _refuse_without_guard() -> None:
    endpoint = request.endpoint
    if endpoint is None or endpoint in FREE:
        return
    if not hasattr(current_app.view_functions[endpoint], "guard"):
        abort(403)
