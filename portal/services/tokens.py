"""One-time links. The row keeps a nonce; the token is an HMAC of it, made again whenever the mail is sent.

So a copy of the database holds no link that works: without ``SECRET_KEY`` nobody can make the token. Doors and tasks
hand the secret in; nothing here knows where it is kept.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from portal.database import database_now, db
from portal.errors import Expired
from portal.models.sign_in import OneTimeToken
from portal.vocabulary import TokenPurpose

LIFETIMES = {
    TokenPurpose.RESET: timedelta(hours=1),
    TokenPurpose.CONFIRM: timedelta(days=7),
    TokenPurpose.INVITE: timedelta(days=7),
    TokenPurpose.SECOND_STEP: timedelta(minutes=10),
}
"""How long a link is good (SPEC §2: one hour to set a new password). A sign-in that waits for its code has no link."""

PATHS = {TokenPurpose.RESET: "/reset", TokenPurpose.CONFIRM: "/confirm", TokenPurpose.INVITE: "/invite"}
"""The pages that links lead to; the token comes behind a slash."""

BIGGEST_ID = 2**63 - 1
LONGEST = 80
"""Characters of the longest token: a 64-bit number, a dot and 43 characters of base64."""


def issue(
    purpose: TokenPurpose,
    user_id: int,
    *,
    detail: dict[str, Any] | None = None,
    lifetime: timedelta | None = None,
) -> OneTimeToken:
    """Write a token inside the caller's unit of work; older ones of the same user and purpose are void from now.

    Without ``lifetime`` it is good for as long as ``LIFETIMES`` says.
    """
    void(purpose, user_id)
    moment = database_now()
    nonce = secrets.token_urlsafe(32)
    token = OneTimeToken(
        purpose=purpose,
        user_id=user_id,
        nonce=nonce,
        token_hash=hashlib.sha256(nonce.encode()).hexdigest(),
        detail=detail or {},
        created_at=moment,
        expires_at=moment + (lifetime or LIFETIMES[purpose]),
    )
    db.session.add(token)
    db.session.flush()
    return token


def void(purpose: TokenPurpose, user_id: int) -> None:
    """Make every unused token of a user and purpose useless, inside the caller's unit of work."""
    db.session.execute(
        update(OneTimeToken)
        .where(OneTimeToken.purpose == purpose, OneTimeToken.user_id == user_id, OneTimeToken.used_at.is_(None))
        .values(used_at=database_now())
    )


def text_of(token_id: int, secret: str) -> str | None:
    """The token as it stands in a link, ``<id>.<HMAC-SHA256 in base64url>``; ``None`` when it is good no longer."""
    token = db.session.get(OneTimeToken, token_id)
    if token is None or token.used_at is not None or token.expires_at <= database_now():
        return None
    return _text(token, secret)


def mail_values(token: OneTimeToken) -> dict[str, Any]:
    """What a mail needs to write the link when it is sent; the token itself is never among it."""
    lifetime = token.expires_at - token.created_at
    return {"token_id": token.id, "path": PATHS[token.purpose], "valid_for_seconds": int(lifetime.total_seconds())}


def peek(text: str, purpose: TokenPurpose, secret: str) -> OneTimeToken:
    """The token behind a link that is still good; nothing is changed. Anything else raises the same ``Expired``."""
    token = _find(text, purpose, secret)
    if token.used_at is not None or token.expires_at <= database_now():
        raise Expired
    return token


def use(text: str, purpose: TokenPurpose, secret: str) -> OneTimeToken:
    """Use a token up, inside the caller's unit of work; of two at the same moment one gets ``Expired``."""
    token = _find(text, purpose, secret)
    moment = database_now()
    taken = db.session.scalars(
        update(OneTimeToken)
        .where(OneTimeToken.id == token.id, OneTimeToken.used_at.is_(None), OneTimeToken.expires_at > moment)
        .values(used_at=moment)
        .returning(OneTimeToken)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if taken is None:
        raise Expired
    return taken


def _find(text: str, purpose: TokenPurpose, secret: str) -> OneTimeToken:
    number, dot, _mac = text.partition(".")
    if not dot or len(text) > LONGEST or not (number.isascii() and number.isdigit()) or int(number) > BIGGEST_ID:
        raise Expired
    token = db.session.scalars(
        select(OneTimeToken).where(OneTimeToken.id == int(number), OneTimeToken.purpose == purpose)
    ).one_or_none()
    # Compared whole and in constant time, so that "07.…" is not another way to write "7.…".
    if token is None or not hmac.compare_digest(_text(token, secret).encode(), text.encode(errors="replace")):
        raise Expired
    return token


def _text(token: OneTimeToken, secret: str) -> str:
    message = f"{token.purpose.value}:{token.id}:{token.nonce}".encode()
    mac = hmac.new(secret.encode(), message, hashlib.sha256).digest()
    return f"{token.id}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
