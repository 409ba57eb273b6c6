"""The tail: reads what happened in the rooms that this process has sockets for, and tells those sockets.

The database is the only source. The ring wakes the tail at once; without Redis it looks once a second, so nothing is
lost but a little time. It also ends the sockets of people whose session has ended.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from portal.access import sessions
from portal.events import outbox
from portal.events import rooms as names
from portal.events.outbox import Step
from portal.realtime.rooms import verified_reference
from portal.realtime.sockets import Connected, Sockets

log = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two looks when nobody rings."""

SHORTEST_BREATH = 0.001
"""Seconds between two looks when many ring. It is as long as the look was, if that is longer: what happens meanwhile is
told as one step, and looking never takes more than half of the loop."""

LONGEST_BACK_OFF = 2.0
"""Seconds between two tries when the database does not answer."""

ROOMS_A_QUERY = 500
SESSIONS_A_LOOK = 500
"""Sessions that are looked at each second beside those that a fact names, so that thousands of sockets stay cheap."""

Message = dict[str, Any]


class Tail:
    """The one loop of a web process that turns steps of rooms into messages.

    ``tell`` sends a message to the sockets of a room, ``sign_out`` ends one socket, ``status`` says what a verify page
    shows for a reference.
    """

    def __init__(
        self,
        app: Flask,
        sockets: Sockets,
        *,
        tell: Callable[[str, Message], None],
        sign_out: Callable[[Connected], None],
        status: Callable[[str], Message],
    ) -> None:
        self._app = app
        self._sockets = sockets
        self._tell = tell
        self._sign_out = sign_out
        self._status = status
        self._told: dict[str, int] = {}
        self._rung: set[str] = set()
        self._look_at_all = True
        self._event = threading.Event()
        self._stopping = False
        self._looked = 0.0
        self._next_session = 0
        self.passes = 0

    # What others ask of it.

    def wake(self, rooms: Iterable[str] | None) -> None:
        """Look at these rooms now; at all of them for ``None``. Rooms that nobody here watches cost nothing."""
        with self._sockets.lock:
            if rooms is None:
                self._look_at_all = True
            else:
                concerned = [room for room in rooms if room in self._told]
                if not concerned:
                    return
                self._rung.update(concerned)
        self._event.set()

    def told(self, room: str) -> int | None:
        """How far the sockets of a room were told, if that is fresh enough to be believed.

        Whoever asks has joined the room before: what this does not cover is told to the socket as it comes.
        """
        if time.monotonic() - self._looked > 2 * EVERY:
            return None
        return self._told.get(room)

    def follow(self, room: str, seq: int) -> None:
        """Tell what happens in a room after ``seq``; called after a socket joined and read as far as ``seq``."""
        with self._sockets.lock:
            # Two who joined at the same time may have read different steps: begin with the earlier.
            self._told[room] = min(seq, self._told.get(room, seq))

    def mind(self, user_id: int) -> None:
        """Watch over the sessions of a user from now on, and look at them at once."""
        with self._sockets.lock:
            self._told.setdefault(names.user(user_id), -1)
        self.wake([names.user(user_id)])

    def stop(self) -> None:
        """End soon."""
        self._stopping = True
        self._event.set()

    # The loop.

    def run(self) -> None:
        """Look until ``stop``; trouble with the database delays it and never ends it."""
        back_off = 0.1
        due = 0.0
        while not self._stopping:
            self._event.wait(max(0.0, due - time.monotonic()))
            self._event.clear()
            with self._sockets.lock:
                everything = self._look_at_all or time.monotonic() >= due
                rung, self._rung = self._rung, set()
                self._look_at_all = False
            began = time.monotonic()
            try:
                with self._app.app_context():
                    self._look(None if everything else rung)
            except Exception as error:
                if isinstance(error, (SQLAlchemyError, OSError)):
                    log.warning("the tail could not read the database (%s); it tries again", type(error).__name__)
                else:
                    log.exception("the tail met something unforeseen; it goes on")
                due = 0.0
                time.sleep(back_off)
                back_off = min(back_off * 2, LONGEST_BACK_OFF)
                continue
            back_off = 0.1
            self.passes += 1
            if everything:
                self._looked = time.monotonic()
                due = self._looked + EVERY
            time.sleep(max(SHORTEST_BREATH, time.monotonic() - began))

    def _look(self, rung: set[str] | None) -> None:
        followed = self._followed()
        wanted = followed if rung is None else [room for room in followed if room in rung]
        changed_users: list[int] = []
        for room, seq in self._how_far(wanted).items():
            told = self._told.get(room)
            if told is None or told == seq:
                continue
            if room.startswith("user:"):
                changed_users.append(int(room.removeprefix("user:")))
            if self._sockets.is_watched(room):
                self._tell_steps(room, told, seq)
            else:
                self._mark(room, seq)
        doubtful = self._sockets.of_users(changed_users)
        if rung is None:
            doubtful += self._next_slice()
        self._end_the_dead(doubtful)

    def _followed(self) -> list[str]:
        """The rooms to look at; what nobody here watches any more is forgotten."""
        with self._sockets.lock:
            kept = set(self._sockets.rooms())
            kept.update(names.user(user_id) for user_id in self._sockets.users())
            for room in [room for room in self._told if room not in kept]:
                del self._told[room]
            return list(self._told)

    def _how_far(self, rooms: list[str]) -> dict[str, int]:
        seqs: dict[str, int] = {}
        for start in range(0, len(rooms), ROOMS_A_QUERY):
            seqs |= outbox.seq_of(rooms[start : start + ROOMS_A_QUERY])
        return seqs

    def _tell_steps(self, room: str, told: int, seq: int) -> None:
        steps = outbox.since(room, told) if 0 <= told < seq else None
        message = merged(room, told, steps) if steps else {"room": room, "from": None, "seq": seq, "ids": None}
        if reference := verified_reference(room):
            message["status"] = self._status(reference)
        # Marked before it is told: whoever joins in between either reads it or is told.
        if self._mark(room, message["seq"]):
            self._tell(room, message)

    def _mark(self, room: str, seq: int) -> bool:
        with self._sockets.lock:
            if room not in self._told:
                return False
            self._told[room] = seq
            return True

    # Sessions.

    def _next_slice(self) -> list[Connected]:
        everyone = self._sockets.signed_in()
        if len(everyone) <= SESSIONS_A_LOOK:
            return everyone
        start = self._next_session % len(everyone)
        self._next_session = start + SESSIONS_A_LOOK
        return (everyone + everyone)[start : start + SESSIONS_A_LOOK]

    def _end_the_dead(self, doubtful: list[Connected]) -> None:
        session_ids = {connected.session_id for connected in doubtful if connected.session_id is not None}
        if not session_ids:
            return
        live = sessions.still_live(session_ids)
        for connected in doubtful:
            if connected.session_id not in live:
                self._sign_out(connected)


def merged(room: str, told: int, steps: list[Step]) -> Message:
    """Several steps of a room as one message: what changed after ``from``, up to and with ``seq``."""
    ids: list[int] | None = []
    for step in steps:
        ids = None if ids is None or step.ids is None else [*ids, *step.ids]
    if ids is not None:
        ids = list(dict.fromkeys(ids))
        if len(ids) > outbox.MOST_IDS:
            ids = None
    return {"room": room, "from": told, "seq": steps[-1].seq, "ids": ids}
