"""How Alembic runs here: on the application's own engine, for SQLite and PostgreSQL alike.

A revision imports nothing from the portal: types are written as plain SQLAlchemy ones.
"""

from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import text

from portal.database import WRITE, UtcDateTime, WordColumn

migrate = current_app.extensions["migrate"]
metadata = migrate.db.metadata


def render_item(kind: str, item: Any, _context: Any) -> Any:
    """Write our own types as the plain ones they are kept in."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, WordColumn):
        return f"sa.String(length={item.impl.length})"
    return False


def leave_empty_ones(_context: Any, _revision: Any, directives: list[Any]) -> None:
    """Make no revision when nothing changed."""
    if getattr(context.config.cmd_opts, "autogenerate", False) and directives[0].upgrade_ops.is_empty():
        directives[:] = []


def concerns_this_database(item: Any, _name: str, kind: str, _reflected: bool, _compared: Any) -> bool:
    """Leave out an index that the models declare for the other database only."""
    return kind != "index" or item.info.get("only_on", migrate.db.engine.dialect.name) == migrate.db.engine.dialect.name


def run() -> None:
    """Run the revisions in one transaction."""
    engine = migrate.db.engine
    with engine.connect().execution_options(**{WRITE: True}) as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_item=render_item,
            include_object=concerns_this_database,
            process_revision_directives=leave_empty_ones,
            render_as_batch=engine.dialect.name == "sqlite",
            compare_type=False,
        )
        with context.begin_transaction():
            if engine.dialect.name == "postgresql":
                # A page must not wait long; filling a column of a million rows may.
                connection.execute(text("SET LOCAL statement_timeout = 0"))
                connection.execute(text("SET LOCAL lock_timeout = '60s'"))
            context.run_migrations()


run()
