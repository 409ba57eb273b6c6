"""Migrations against the models, on an empty SQLite of their own: are they in step, and write the next one."""

import os
import sys
from pathlib import Path

FLASK = [sys.executable, "-m", "flask", "--app", "portal.app"]


def environment(folder: Path) -> dict[str, str]:
    """What the portal needs to know to run on nothing but `folder`."""
    kept = {name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "MAIL_SERVER")}
    kept |= {"DATABASE_URL": f"sqlite:///{folder / 'empty.db'}", "PORTAL_DATA": str(folder)}
    return {"SECRET_KEY": "not-a-secret-only-for-checks-and-tests", **kept}


def in_step(folder: Path) -> list[tuple[str, list[str], dict[str, str], str]]:
    """The checks (name, command, environment, hint) that all migrations run from empty and leave nothing to migrate."""
    own = environment(folder)
    return [
        ("migrations run from empty", [*FLASK, "db", "upgrade"], own, "mend the migration named above"),
        ("migrations in step with the models", [*FLASK, "db", "check"], own, 'make migration m="Say what"'),
    ]
