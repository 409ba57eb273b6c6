"""The database: one declarative base for SQLite and PostgreSQL, and how each is opened.

SQLite runs in WAL. A write transaction begins with ``BEGIN IMMEDIATE``; in the web process a held lock is
waited for by sleeping in Python (which lets other green threads run), never by SQLite's own busy timeout,
which would freeze every socket of the process.
"""

from __future__ import annotations

import random
import sqlite3
import time
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Engine,
    Integer,
    MetaData,
    String,
    TypeDecorator,
    event,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase, Session

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

WRITE = "portal_write"
"""Execution option of a connection whose transaction is going to write."""

LOCK_PATIENCE = 15.0
"""Seconds that a writer waits for SQLite's one write lock before it gives up with ``Busy``."""


class Busy(Exception):
    """The one write lock was not free in time; the same request may succeed in a second."""


class Base(DeclarativeBase):
    """All tables; constraint names are fixed so that migrations can name them on both databases."""

    metadata = MetaData(naming_convention=NAMING)


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC. SQLite keeps it as text without a zone, PostgreSQL as ``timestamptz``."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Any) -> Any:
        return dialect.type_descriptor(DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone reached the database")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class WordColumn(TypeDecorator[Any]):
    """A word of the vocabulary: kept as its value, read back as the word."""

    impl = String
    cache_ok = True

    def __init__(self, words: type[StrEnum], length: int = 20) -> None:
        super().__init__(length)
        self.words = words

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        return None if value is None else str(self.words(value).value)

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        return None if value is None else self.words(value)


BigInt = BigInteger().with_variant(Integer, "sqlite")
"""64-bit key: SQLite only counts up an ``INTEGER PRIMARY KEY``."""

Json = JSON().with_variant(postgresql.JSONB, "postgresql")


def database_now() -> datetime:
    """The database's own time, aware, in UTC: the judge of leases and tokens on many machines."""
    session = db.session
    if session.get_bind().dialect.name == "sqlite":
        text_now = session.scalar(select(literal_column("strftime('%Y-%m-%d %H:%M:%f', 'now')")))
        return datetime.strptime(str(text_now), "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)
    moment: datetime = session.scalar(select(func.clock_timestamp()))  # type: ignore[assignment]
    return moment.astimezone(UTC)


def is_sqlite(url: str) -> bool:
    """Say whether a database address is an SQLite one."""
    return url.startswith("sqlite")


def engine_options(url: str, *, role: str) -> dict[str, Any]:
    """Options of the engine for one kind of process (``web``, ``worker`` or ``cli``)."""
    if is_sqlite(url):
        # Ordinary processes may wait in C; the web process waits in Python, see ``_begin``.
        return {"connect_args": {"timeout": 0 if role == "web" else LOCK_PATIENCE, "check_same_thread": False}}
    statement = "5s" if role == "web" else "120s"
    return {
        "pool_size": 20 if role == "web" else 5,
        "max_overflow": 20,
        "pool_pre_ping": True,
        "pool_timeout": 10,
        "connect_args": {
            "connect_timeout": 5,
            "options": f"-c statement_timeout={statement} -c lock_timeout=5s "
            "-c idle_in_transaction_session_timeout=60s -c timezone=UTC "
            # Compiling a statement costs more than any of ours takes.
            "-c jit=off",
        },
    }


def prepare(engine: Engine) -> None:
    """Teach an engine our way of opening connections and beginning transactions."""
    if engine.dialect.name != "sqlite":
        return
    event.listen(engine, "connect", _open_sqlite)
    event.listen(engine, "begin", _begin)


def _open_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # We begin transactions ourselves; the driver's implicit BEGIN is always deferred and deadlocks.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "cache_size=-32000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
    # SQLite's own lower() knows ASCII only; ours finds MÜLLER by müller, as PostgreSQL does.
    connection.create_function("lower", 1, _lower, deterministic=True)


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _begin(connection: Any) -> None:
    if not connection.get_execution_options().get(WRITE):
        connection.exec_driver_sql("BEGIN")
        return
    give_up = time.monotonic() + LOCK_PATIENCE
    pause = 0.001
    while True:
        try:
            connection.connection.cursor().execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) and "busy" not in str(error):
                raise
            if time.monotonic() > give_up:
                raise Busy("The portal is very busy. Please try again in a moment.") from error
            # In the web process time.sleep is green: other requests go on meanwhile.
            time.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(pause * 2, 0.025)
        else:
            return


def begin_write() -> Session:
    """End what the session was reading and open a transaction that may write."""
    session: Session = db.session()
    session.close()
    session.connection(execution_options={WRITE: True})
    return session
