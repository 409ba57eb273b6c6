"""The cookie that says "this account signed in here before". It opens nothing: it only counts its tries by itself."""

from __future__ import annotations

import secrets

from flask import current_app, request
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from portal.services.accounts import Device, Entry

LIFETIME = 400 * 24 * 3600
"""Seconds that the cookie is good for; browsers keep none longer."""

MOST_ACCOUNTS = 10


def find() -> Device | None:
    """The device of this request; ``None`` for a new browser, or a cookie that is not ours."""
    try:
        name, epochs = _serializer().loads(request.cookies.get(_cookie(), ""), max_age=LIFETIME)
        return Device(str(name), {int(user_id): int(epoch) for user_id, epoch in epochs})
    except (BadData, TypeError, ValueError):
        return None


def remember(response: Response, entry: Entry, device: Device | None) -> None:
    """Let this browser be known to the account from now."""
    name = device.name if device else secrets.token_urlsafe(16)
    others = [(user, epoch) for user, epoch in (device.epochs if device else {}).items() if user != entry.user_id]
    known = [(entry.user_id, entry.auth_epoch), *others][:MOST_ACCOUNTS]
    response.set_cookie(
        _cookie(),
        str(_serializer().dumps((name, known))),
        max_age=LIFETIME,
        httponly=True,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        samesite="Lax",
    )


def _cookie() -> str:
    return "__Host-device" if current_app.config["SESSION_COOKIE_SECURE"] else "portal-device"


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="portal.device")
