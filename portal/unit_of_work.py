"""One unit of work: one transaction with its facts and its audit lines; what follows happens after the commit."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from portal import fault
from portal.access.actor import Actor
from portal.database import begin_write
from portal.events import audit, outbox
from portal.events.catalogue import Fact

log = logging.getLogger(__name__)

Record = Callable[[Fact], None]

Follow = Callable[[Sequence[Fact], Sequence[str]], None]

_after_commit: list[Follow] = []


def after_commit(follow: Follow) -> None:
    """Name what is called after each commit with its facts and the rooms they concern (``portal.app`` does, once)."""
    _after_commit[:] = [follow]


@contextmanager
def unit_of_work(actor: Actor) -> Iterator[Record]:
    """Open a write transaction; yield the function that records facts; commit, then let things follow.

    An exception rolls everything back and nothing is told. Objects loaded before are let go of: a service loads
    what it changes inside, by id.
    """
    facts: list[Fact] = []
    session = begin_write()
    try:
        yield facts.append
        session.flush()
        audit.write(session, facts, actor)
        rooms = outbox.write(session, facts)
        for fact in facts:
            fault.point("before_commit", type(fact).__name__)
        session.commit()
    except BaseException:
        session.rollback()
        raise
    if not facts:
        return
    for fact in facts:
        fault.point("after_commit", type(fact).__name__)
    for follow in _after_commit:
        try:
            follow(facts, rooms)
        except Exception:
            # The change is committed: what follows is rung for again by the sweeper, never an error page.
            log.exception("what follows from %s was left to the sweeper", [type(fact).__name__ for fact in facts])
