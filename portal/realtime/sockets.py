"""The sockets that this process holds: whose each is, which rooms it watches, how much it may still ask.

Here: bookkeeping in memory, safe for threads. Not here: who may watch what, and what is told to whom.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from portal.access.actor import Actor

MOST_ROOMS = 20
"""Rooms that one signed-in socket may watch."""

MOST_ROOMS_OF_A_VISITOR = 5
"""Verify rooms that the socket of somebody who has not signed in may watch."""

MOST_SOCKETS_OF_A_USER = 20
"""Tabs and devices of one user; when one more comes, the oldest steps aside."""


class Gone(Exception):
    """The socket went away while it was being served."""


class Budget:
    """What one socket may ask: a number of messages at once, filled up again over a minute."""

    __slots__ = ("_left", "_most", "_read")

    def __init__(self, a_minute: int) -> None:
        self._most = float(a_minute)
        self._left = float(a_minute)
        self._read = time.monotonic()

    def take(self) -> bool:
        """Spend one message; say whether it was there."""
        moment = time.monotonic()
        self._left = min(self._most, self._left + (moment - self._read) * self._most / 60)
        self._read = moment
        if self._left < 1:
            return False
        self._left -= 1
        return True


@dataclass(slots=True, eq=False)
class Connected:
    """One socket. ``session_id`` and ``user_id`` are empty for a visitor."""

    sid: str
    eio_sid: str
    actor: Actor
    session_id: int | None = None
    user_id: int | None = None
    rooms: set[str] = field(default_factory=set)
    budget: Budget = field(default_factory=lambda: Budget(60))
    since: float = field(default_factory=time.monotonic)

    @property
    def most_rooms(self) -> int:
        """How many rooms it may watch."""
        return MOST_ROOMS if self.session_id is not None else MOST_ROOMS_OF_A_VISITOR


class Sockets:
    """All sockets of this process, by socket, user and room."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        """Held for moments only, never over input or output."""
        self._by_sid: dict[str, Connected] = {}
        self._by_user: dict[int, dict[str, Connected]] = {}
        self._watchers: dict[str, set[str]] = {}

    def __len__(self) -> int:
        return len(self._by_sid)

    def add(self, connected: Connected) -> list[Connected]:
        """Take a socket in; give those of the same user that are now too many, oldest first."""
        with self.lock:
            self._by_sid[connected.sid] = connected
            if connected.user_id is None:
                return []
            # A dict keeps the order of arrival.
            own = self._by_user.setdefault(connected.user_id, {})
            own[connected.sid] = connected
            return list(own.values())[: max(0, len(own) - MOST_SOCKETS_OF_A_USER)]

    def remove(self, sid: str) -> None:
        """Forget a socket."""
        with self.lock:
            connected = self._by_sid.pop(sid, None)
            if connected is None:
                return
            for room in list(connected.rooms):
                self._leave(connected, room)
            if connected.user_id is not None:
                own = self._by_user.get(connected.user_id, {})
                own.pop(sid, None)
                if not own:
                    self._by_user.pop(connected.user_id, None)

    def find(self, sid: str) -> Connected | None:
        """One socket."""
        return self._by_sid.get(sid)

    def join(self, connected: Connected, room: str) -> bool:
        """Let a socket watch a room; ``False`` when it watches too many. Raises ``Gone`` when it has gone."""
        with self.lock:
            if connected.sid not in self._by_sid:
                raise Gone
            if room in connected.rooms:
                return True
            if len(connected.rooms) >= connected.most_rooms:
                return False
            connected.rooms.add(room)
            self._watchers.setdefault(room, set()).add(connected.sid)
            return True

    def leave(self, connected: Connected, room: str) -> None:
        """Let a socket stop watching a room."""
        with self.lock:
            self._leave(connected, room)

    def _leave(self, connected: Connected, room: str) -> None:
        connected.rooms.discard(room)
        watchers = self._watchers.get(room)
        if watchers is not None:
            watchers.discard(connected.sid)
            if not watchers:
                del self._watchers[room]

    def is_watched(self, room: str) -> bool:
        """Whether any socket here watches a room."""
        return room in self._watchers

    def rooms(self) -> list[str]:
        """Every room that some socket here watches."""
        with self.lock:
            return list(self._watchers)

    def users(self) -> list[int]:
        """Everybody who is signed in on some socket here."""
        with self.lock:
            return list(self._by_user)

    def of_users(self, user_ids: Iterable[int]) -> list[Connected]:
        """The sockets of some users."""
        with self.lock:
            return [connected for user_id in user_ids for connected in self._by_user.get(user_id, {}).values()]

    def signed_in(self) -> list[Connected]:
        """Every socket of somebody who is signed in."""
        with self.lock:
            return [connected for own in self._by_user.values() for connected in own.values()]

    def all(self) -> list[Connected]:
        """Every socket."""
        with self.lock:
            return list(self._by_sid.values())
