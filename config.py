"""Every setting of the portal, read from the environment; a missing secret stops the start."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent


class MissingSetting(SystemExit):
    """A setting without which the portal must not start; the message is a plain sentence."""


def data_dir() -> Path:
    """Where documents, uploads, downloads and the demo's mail are kept (``PORTAL_DATA``, default ``var/``)."""
    return Path(os.environ.get("PORTAL_DATA") or ROOT / "var").resolve()


def demo_settings() -> dict[str, str]:
    """What ``make demo`` wrote down for commands that run beside it; empty where no demo was started."""
    path = data_dir() / "demo.env"
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def list_of(text: str, *, longest: int) -> tuple[str, ...]:
    """The parts of ``One|Another``, none of them empty or longer than that many characters."""
    return tuple(part.strip()[:longest] for part in text.split("|") if part.strip())


def two_step_roles(text: str) -> tuple[str, ...]:
    """The roles that must have a second step, from ``issuer,centre_admin``; any other word stops the start."""
    roles = tuple(part.strip() for part in text.split(",") if part.strip())
    if unknown := set(roles) - {"issuer", "centre_admin"}:
        raise MissingSetting(f"TWO_STEP_REQUIRED names {sorted(unknown)}; it may name issuer and centre_admin.")
    return roles


def audit_days(text: str) -> int:
    """How many days the audit trail is kept: one at least, so that a slip of the pen deletes no trail."""
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= 36_500:
        raise MissingSetting("AUDIT_DAYS must be a whole number of days from 1 to 36500, for example 2555.")
    return int(text)


def load(role: str) -> dict[str, Any]:
    """All settings for one kind of process: ``web``, ``worker`` or ``cli``.

    Commands may borrow the settings of a demo in the same data folder; servers never do.
    """
    borrowed = demo_settings() if role == "cli" else {}
    if borrowed and not os.environ.get("SECRET_KEY"):
        sys.stderr.write(f"Using the settings of the demo in {data_dir()}.\n")

    def setting(name: str, default: str = "") -> str:
        return os.environ.get(name) or borrowed.get(name) or default

    secret = setting("SECRET_KEY")
    if not secret:
        raise MissingSetting(
            "SECRET_KEY is not set. Set it to a long random text and keep it: "
            "sessions and the links in mails depend on it."
        )
    data = data_dir()
    data.mkdir(parents=True, exist_ok=True)
    port = int(setting("PORT", "5000"))
    public_url = setting("PUBLIC_URL", f"http://localhost:{port}").rstrip("/")
    secure = public_url.startswith("https://")
    database_url = setting("DATABASE_URL", f"sqlite:///{data / 'portal.db'}")
    if database_url.startswith("postgres://"):
        database_url = "postgresql://" + database_url.removeprefix("postgres://")
    return {
        "ROLE": role,
        "SECRET_KEY": secret,
        "PORTAL_DATA": data,
        "PORT": port,
        "PUBLIC_URL": public_url,
        "SQLALCHEMY_DATABASE_URI": database_url,
        "REDIS_URL": setting("REDIS_URL"),
        "ASYNC_MODE": setting("PORTAL_ASYNC_MODE", "eventlet") if role == "web" else "threading",
        "DEMO": setting("PORTAL_DEMO") == "1",
        "DEVELOPMENT": setting("PORTAL_DEVELOPMENT") == "1",
        "TRUSTED_PROXIES": int(setting("PORTAL_TRUSTED_PROXIES", "0")),
        "DRAWERS": int(setting("PORTAL_DRAWERS", str(max(1, min(4, os.cpu_count() or 1))))),
        "USER_LOCK_REASONS": list_of(setting("USER_LOCK_REASONS"), longest=200),
        "TWO_STEP_REQUIRED": two_step_roles(setting("TWO_STEP_REQUIRED")),
        "AUDIT_DAYS": audit_days(setting("AUDIT_DAYS", "2555")),
        "MAIL_SERVER": setting("MAIL_SERVER", "localhost"),
        "MAIL_PORT": int(setting("MAIL_PORT", "25")),
        "MAIL_USERNAME": setting("MAIL_USERNAME"),
        "MAIL_PASSWORD": setting("MAIL_PASSWORD"),
        "MAIL_USE_TLS": setting("MAIL_USE_TLS").lower() in {"1", "true", "yes"},
        "MAIL_DEFAULT_SENDER": setting("MAIL_DEFAULT_SENDER", "The Digital Certificate Team <portal@localhost>"),
        "MAIL_LOOKUP": setting("MAIL_LOOKUP"),
        "DOWNLOAD_DAYS": int(setting("PORTAL_DOWNLOAD_DAYS", "7")),
        "MAIL_BOUNCES": setting("MAIL_BOUNCES"),
        "NOTICE_CHASE_DAYS": int(setting("NOTICE_CHASE_DAYS", "14")),
        "SESSION_COOKIE_NAME": "__Host-portal" if secure else "portal",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": secure,
        "WTF_CSRF_TIME_LIMIT": None,
        # Our own Referrer-Policy lets browsers send no referrer, so over HTTPS none may be asked for.
        "WTF_CSRF_SSL_STRICT": False,
        "MAX_CONTENT_LENGTH": 21 * 1024 * 1024,
        "MAX_FORM_MEMORY_SIZE": 1024 * 1024,
        "MAX_FORM_PARTS": 1000,
        "SEND_FILE_MAX_AGE_DEFAULT": 0,
        "BABEL_DEFAULT_LOCALE": "en_GB",
        "BABEL_DEFAULT_TIMEZONE": "Europe/London",
        "SQLALCHEMY_TRACK_MODIFICATIONS": False,
    }
