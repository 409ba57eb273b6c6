"""The steps of each room: written with the change, numbered, read again by whoever missed something."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from portal import clock
from portal.database import db
from portal.events.catalogue import Fact, Ids
from portal.models.facts import Room, RoomChange

MOST_IDS = 200
"""A step that concerns more rows than this says "read the grid again"."""

KEPT = timedelta(days=1)
"""How long a step can be asked for; afterwards the answer is "read the grid again"."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a room."""

    room: str
    seq: int
    ids: Ids


def write(session: Session, facts: Sequence[Fact]) -> list[str]:
    """Write one step for each room that the facts concern; give the names of the rooms.

    Rooms are taken in the order of their names, so that two transactions never wait for each other, and as the
    last thing before the commit, so that the row locks are held for a moment only.
    """
    moment = clock.now()
    concerned = _gather(facts)
    for name in sorted(concerned):
        seq = _next_seq(session, name)
        session.execute(insert(RoomChange).values(room=name, seq=seq, ids=concerned[name], created_at=moment))
    return sorted(concerned)


def _gather(facts: Sequence[Fact]) -> dict[str, Ids]:
    concerned: dict[str, Ids] = {}
    for fact in facts:
        for name, ids in fact.rooms():
            known = concerned.get(name, [])
            merged = None if ids is None or known is None else list(dict.fromkeys([*known, *ids]))
            concerned[name] = None if merged is None or len(merged) > MOST_IDS else merged
    return concerned


def _next_seq(session: Session, name: str) -> int:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(Room).values(name=name, seq=1)
    statement = statement.on_conflict_do_update(index_elements=[Room.name], set_={"seq": Room.seq + 1})
    seq: int = session.scalar(statement.returning(Room.seq))
    return seq


def seq_of(rooms: Iterable[str]) -> dict[str, int]:
    """How far each room has come; a room that nothing happened in yet is at 0."""
    names = list(rooms)
    known = dict(db.session.execute(select(Room.name, Room.seq).where(Room.name.in_(names))).all())
    return {name: known.get(name, 0) for name in names}


def since(room: str, seq: int, *, most: int = 500) -> list[Step] | None:
    """The steps of a room after ``seq``, oldest first; ``None`` when they are not all known any more."""
    rows = db.session.execute(
        select(RoomChange.seq, RoomChange.ids)
        .where(RoomChange.room == room, RoomChange.seq > seq)
        .order_by(RoomChange.seq)
        .limit(most + 1)
    ).all()
    if len(rows) > most:
        return None
    if not rows:
        return [] if seq_of([room])[room] == seq else None
    if rows[0].seq != seq + 1:
        return None
    return [Step(room, row.seq, row.ids) for row in rows]


def forget_old() -> None:
    """Delete steps that nobody can ask for any more (call inside a unit of work)."""
    db.session.execute(delete(RoomChange).where(RoomChange.created_at < clock.now() - KEPT))
