"""The world that most tests begin in: a migrated database with the cast, made once, put back when a test wrote.

A moment is a state of the world that was made once and is gone back to: its database and the files of its documents.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import flask_migrate
from flask import Flask
from flask.testing import FlaskClient
from flask_wtf.csrf import generate_csrf
from sqlalchemy import event, text

from portal.access.actor import SYSTEM
from portal.app import create_app
from portal.database import db
from portal.services import centres
from tests.servers import postgres
from tests.services.people import People, settle

MORNING = "morning"
"""The first moment: the cast and nothing else."""

WRITES = ("insert", "update", "delete", "truncate", "drop", "alter", "create", "with")
WRITTEN = re.compile(r'\b(?:insert\s+into|update|delete\s+from)\s+"?(\w+)"?', re.IGNORECASE)


class Client(FlaskClient):
    """A browser of a test, which sends the CSRF token of its own session with every form."""

    def sign_in(self, user_id: int) -> Client:
        """Sign this browser in without the login page (whose tests sign in themselves)."""
        import secrets
        from datetime import timedelta

        from portal import clock
        from portal.access.sessions import token_hash
        from portal.models.sign_in import UserSession
        from portal.models.users import User
        from portal.unit_of_work import unit_of_work

        token = secrets.token_urlsafe(32)
        with self.application.app_context(), unit_of_work(SYSTEM):
            user = db.session.get_one(User, user_id)
            db.session.add(
                UserSession(
                    token_hash=token_hash(token),
                    user_id=user.id,
                    auth_epoch=user.auth_epoch,
                    created_at=clock.now(),
                    seen_at=clock.now(),
                    expires_at=clock.now() + timedelta(hours=1),
                )
            )
        with self.session_transaction() as session:
            session["sid"] = token
        return self

    def submit(self, url: str, data: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        """POST a form as a browser does that has the page open."""
        with self.session_transaction() as session, self.application.test_request_context():
            import flask

            if "csrf_token" in session:
                flask.session["csrf_token"] = session["csrf_token"]
            token = generate_csrf()
            session["csrf_token"] = flask.session["csrf_token"]
        return self.post(url, data={"csrf_token": token, **(data or {})}, **kwargs)


class World:
    """One application on one database, with copies of how it was."""

    def __init__(self, folder: Path, postgres_url: str | None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.dirty = False
        self.now = MORNING
        self.touched: set[str] = set()
        self.moments: dict[str, Any] = {}
        self.rows: dict[str, dict[str, list[dict[str, Any]]]] = {}
        self.postgres_url = postgres_url
        self.file = folder / "portal.db"
        os.environ.setdefault("SECRET_KEY", "not-a-secret-only-for-checks-and-tests")
        self.app: Flask = create_app(
            {
                "SQLALCHEMY_DATABASE_URI": postgres_url or f"sqlite:///{self.file}",
                "PORTAL_DATA": self.data,
                "PUBLIC_URL": "http://localhost",
                "TESTING": True,
                "PROPAGATE_EXCEPTIONS": False,
                "REDIS_URL": f"unix://{folder}/no-redis.sock",
                "DEMO": True,
                "DEVELOPMENT": True,
            }
        )
        self.app.test_client_class = Client
        with self.app.app_context():
            flask_migrate.upgrade(directory="migrations")
            self.people: People = settle(self.app)
            centres.create_brand(
                slug="biiab",
                name="BIIAB Qualifications Ltd",
                recognition_number="RN5118",
                portal_name="BIIAB",
                actor=SYSTEM,
            )
            self._keep(MORNING)
            event.listen(db.engine, "before_cursor_execute", self._watch)

    def _watch(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.lstrip().lower().startswith(WRITES):
            self.dirty = True
            self.touched.update(WRITTEN.findall(statement) or db.metadata.tables)

    def moment(self, name: str, make: Callable[[], Any]) -> Any:
        """Go to a moment; ``make`` makes it the first time, from the morning on, and what it gave is given again."""
        self.put_back()
        if name in self.moments:
            self._go_to(name)
            self.dirty = True
        else:
            self.moments[name] = make()
            with self.app.app_context():
                self._keep(name)
        return self.moments[name]

    def put_back(self) -> None:
        """Make the database what it was at the beginning, if anything was written."""
        if self.dirty:
            self._go_to(MORNING)
            self.dirty = False

    def _keep(self, name: str) -> None:
        db.session.remove()
        if self.data.exists():
            shutil.copytree(self.data, self.folder / name / "data")
        if self.postgres_url is None:
            db.engine.dispose()
            (self.folder / name).mkdir(exist_ok=True)
            _vacuum_into(self.file, self.folder / name / "portal.db")
            return
        self.rows[name] = {
            table.name: [dict(row._mapping) for row in db.session.execute(table.select())]
            for table in db.metadata.sorted_tables
        }
        db.session.remove()

    def _go_to(self, name: str) -> None:
        with self.app.app_context():
            db.session.remove()
            if self.postgres_url is None:
                db.engine.dispose()
                for end in ("", "-wal", "-shm"):
                    Path(f"{self.file}{end}").unlink(missing_ok=True)
                shutil.copyfile(self.folder / name / "portal.db", self.file)
            else:
                self._put_back_rows(name)
        self.now, self.touched = name, set()
        shutil.rmtree(self.data, ignore_errors=True)
        if (self.folder / name / "data").exists():
            shutil.copytree(self.folder / name / "data", self.data)

    def _put_back_rows(self, name: str) -> None:
        """Write anew what was written since, or is another in the moment that the world was in."""
        kept, before = self.rows[name], self.rows[self.now]
        for table in db.metadata.sorted_tables:
            # Where the database itself follows a deletion, no statement says so.
            if any(key.ondelete and key.column.table.name in self.touched for key in table.foreign_keys):
                self.touched.add(table.name)
        tables = [
            table
            for table in db.metadata.sorted_tables
            if table.name in self.touched or kept[table.name] != before[table.name]
        ]
        with db.engine.begin() as connection:
            if connection.scalar(text("SELECT current_setting('is_superuser') = 'on'")):
                # What points at a row that comes back in a moment need not be written anew with it.
                connection.execute(text("SET LOCAL session_replication_role = replica"))
                connection.execute(text("; ".join(f'DELETE FROM "{table.name}"' for table in tables) or "SELECT 1"))
            else:
                tables = db.metadata.sorted_tables
                names = ", ".join(f'"{table.name}"' for table in tables)
                connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
            for table in tables:
                rows = kept[table.name]
                if rows:
                    connection.execute(table.insert(), rows)
                if "id" in table.c and table.c.id.type.python_type is int:
                    connection.execute(
                        text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :top, :used)"),
                        {
                            "name": f'"{table.name}"',
                            "top": max((row["id"] for row in rows), default=1),
                            "used": bool(rows),
                        },
                    )


def _vacuum_into(source: Path, target: Path) -> None:
    import sqlite3

    connection = sqlite3.connect(source)
    connection.execute("VACUUM INTO ?", (str(target),))
    connection.close()


@contextmanager
def world_in(folder: Path, server_url: str | None) -> Iterator[World]:
    """A world for a test session, on SQLite or on a database of its own in a PostgreSQL server."""
    url = postgres.create_database(server_url) if server_url else None
    world = World(folder, url)
    try:
        yield world
    finally:
        with world.app.app_context():
            db.engine.dispose()
        if url:
            postgres.drop_database(url)
