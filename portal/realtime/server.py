"""The socket server of a web process: who may come in, what may be asked, and what is told.

A browser sends ``watch`` with ``{"rooms": {name: seq}}`` (or one ``{"room", "since"}``) and is answered how far each
room has come and which ids changed since; ``unwatch`` takes ``{"rooms": [name]}`` or ``{"room"}``. It hears
``changed`` ``{room, from, seq, ids}``, ``tick`` ``{room, …}``, and before an end ``signed_out``, ``step_aside`` or
``server_restart`` ``{"delay": milliseconds}``. ``ids`` of null means: read the grid again.
"""

from __future__ import annotations

import logging
import random
import time
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import flask
from flask import Flask
from flask_socketio import ConnectionRefusedError, SocketIO

from portal.access import sessions
from portal.access.actor import ANYONE, Actor
from portal.database import db
from portal.events import outbox
from portal.realtime import ring, wire
from portal.realtime.rooms import may_watch, verified_reference
from portal.realtime.sockets import Connected, Gone, Sockets
from portal.realtime.tail import Tail, merged

log = logging.getLogger(__name__)

COOKIE_KEY = "sid"
"""Where the session of the browser keeps its token; the doors write it (``portal.web.sessions``)."""

POLLING_HEADER = "X-Portal-Live"
"""Browsers send no Origin with a GET to their own site. Our script adds this header to long polling, which a script of
another site cannot do without being asked for its origin first."""

BIGGEST_MESSAGE = 16 * 1024
PING_EVERY = 10
PING_PATIENCE = 8
BIGGEST_SEQ = 2**63 - 1
STRANGERS_STAY = 4.0
"""Seconds that a connection may stay open without becoming a socket of ours."""

NOT_ALLOWED = "not allowed"
"""The answer for a room that does not exist and for one of somebody else."""

verify_status: Callable[[str], dict[str, Any]] | None = None
"""What the page of a reference shows, as ``/v/<reference>.json`` does; ``portal.app`` names it."""


class Live:
    """The live engine of one web process."""

    def __init__(self, app: Flask, socketio: SocketIO) -> None:
        self.app = app
        self.socketio = socketio
        self.sockets = Sockets()
        self.tail = Tail(app, self.sockets, tell=self.tell, sign_out=self.sign_out, status=status_of)
        self.listener = ring.Listener(self.tail.wake, self.tick)
        self.lags: deque[float] = deque(maxlen=1200)
        self.told = 0
        self.most_sockets = int(app.config.get("MOST_SOCKETS") or 15_000)
        self.restarting = False
        self._strangers: dict[str, float] = {}
        self._started = False
        self._stopping = False

    def start(self) -> None:
        """Start the tail, the listener of the ring, the look at strangers and the measure of the loop; once."""
        if self._started:
            return
        self._started = True
        for work in (self.tail.run, self.listener.run, self._turn_strangers_out, self._measure):
            self.socketio.start_background_task(work)

    def stop(self) -> None:
        """End what ``start`` started, within a second or two."""
        self._stopping = True
        self.tail.stop()
        self.listener.stop()

    # Out.

    def tell(self, room: str, message: dict[str, Any]) -> None:
        """Tell the sockets of a room that it changed."""
        self._emit("changed", message, room)

    def tick(self, room: str, data: dict[str, Any]) -> None:
        """Hand passing progress on to the sockets of a room."""
        if self.sockets.is_watched(room):
            self._emit("tick", {**data, "room": room}, room)

    def _emit(self, event: str, data: dict[str, Any], room: str) -> None:
        self.told += 1
        self.socketio.emit(event, data, to=room)
        # Let the writers run before the next one, or a burst would look like sockets that do not read.
        self.socketio.sleep(0)

    def sign_out(self, connected: Connected) -> None:
        """End the socket of a session that has ended."""
        self.end(connected, "signed_out")

    def end(self, connected: Connected, why: str) -> None:
        """Tell a socket why, and end it."""
        self.sockets.remove(connected.sid)
        self.socketio.emit(why, {}, to=connected.sid)
        server = self.socketio.server
        server.disconnect(connected.sid)
        wire.drop(server, connected.eio_sid)

    def refusal(self, why: str, eio_sid: str) -> ConnectionRefusedError:
        """The answer to somebody who may not come in, whose connection ends as soon as it was sent."""

        def end() -> None:
            self.socketio.sleep(0.2)
            wire.drop(self.socketio.server, eio_sid)

        self.socketio.start_background_task(end)
        return ConnectionRefusedError(why)

    def announce_restart(self, *, spread: float = 5.0) -> None:
        """Let nobody in any more and send everybody away, to come back spread over some seconds."""
        self.restarting = True
        everybody = self.sockets.all()
        for connected in everybody:
            delay = round(random.uniform(0, spread) * 1000)
            self.socketio.emit("server_restart", {"delay": delay}, to=connected.sid)
        self.socketio.sleep(0.3)
        for connected in everybody:
            wire.drop(self.socketio.server, connected.eio_sid)
        self.socketio.sleep(0.2)

    # Background.

    def _measure(self) -> None:
        while not self._stopping:
            began = time.monotonic()
            time.sleep(0.05)
            self.lags.append(max(0.0, time.monotonic() - began - 0.05))

    def _turn_strangers_out(self) -> None:
        server = self.socketio.server
        while not self._stopping:
            time.sleep(1)
            moment = time.monotonic()
            known = {connected.eio_sid for connected in self.sockets.all()}
            strangers = [eio_sid for eio_sid in list(server.eio.sockets) if eio_sid not in known]
            self._strangers = {eio_sid: self._strangers.get(eio_sid, moment) for eio_sid in strangers}
            for eio_sid, since in self._strangers.items():
                if moment - since >= STRANGERS_STAY:
                    wire.drop(server, eio_sid)


_live: Live | None = None


def init_app(app: Flask, socketio: SocketIO) -> Live:
    """Set the socket server of a web process up; nothing runs before ``start``."""
    global _live
    socketio.init_app(
        app,
        async_mode=app.config["ASYNC_MODE"],
        cors_allowed_origins=_origin_judge(app.config["PUBLIC_URL"]),
        max_http_buffer_size=BIGGEST_MESSAGE,
        ping_interval=PING_EVERY,
        ping_timeout=PING_PATIENCE,
        transports=["websocket", "polling"],
        # Each socket's messages are handled one after the other by its own reader: order, and no flood of threads.
        async_handlers=False,
        client_manager=wire.Fanout(),
        logger=wire.library_log,
        engineio_logger=wire.library_log,
        http_compression=False,
    )
    wire.guard_frames(socketio.server)
    _live = Live(app, socketio)
    app.extensions["portal.realtime"] = _live
    _register(_live)
    return _live


def start() -> None:
    """Start the live engine of this process; the web server and tests call it when they begin to serve."""
    _engine().start()


def hub_lag() -> dict[str, float]:
    """How late the event loop was over the last minute, in seconds: ``p50``, ``p99`` and ``max``."""
    lags = sorted(_live.lags) if _live else []
    if not lags:
        return {"p50": 0.0, "p99": 0.0, "max": 0.0}
    return {"p50": lags[len(lags) // 2], "p99": lags[int(len(lags) * 0.99)], "max": lags[-1]}


def figures() -> dict[str, float]:
    """Sockets, rooms, looks of the tail and messages told in this process, and whether the ring is heard (1 or 0)."""
    if _live is None:
        return {}
    return {
        "sockets": len(_live.sockets),
        "rooms": len(_live.sockets.rooms()),
        "looks": _live.tail.passes,
        "told": _live.told,
        "ring": float(_live.listener.connected),
    }


def announce_restart(*, spread: float = 5.0) -> None:
    """Send every socket away before this process ends; they come back within ``spread`` seconds."""
    _engine().announce_restart(spread=spread)


def status_of(reference: str) -> dict[str, Any]:
    """What a verify page shows; never anything better than ``unavailable`` when that cannot be read."""
    try:
        if verify_status is not None:
            return verify_status(reference)
    except Exception:
        log.exception("the status of a reference could not be read")
    return {"reference": reference, "status": "unavailable"}


def _engine() -> Live:
    if _live is None:
        raise RuntimeError("this process is not a web process: portal.realtime.server.init_app was not called")
    return _live


def _origin_judge(public_url: str) -> Callable[[str, dict[str, Any]], bool]:
    parts = urlsplit(public_url)
    public_origin = f"{parts.scheme}://{parts.netloc}"

    def is_ours(origin: str, environ: dict[str, Any]) -> bool:
        # The scheme is that of the public address, so that a plain page never speaks to a portal that is on TLS.
        return origin in (public_origin, f"{parts.scheme}://{environ.get('HTTP_HOST', '')}")

    return is_ours


def _register(live: Live) -> None:
    """Bind the handlers; they are thin, so that what they do can be read in one piece each."""
    socketio = live.socketio

    @socketio.on("connect")
    def connect(_auth: Any = None) -> None:
        _let_in(live)

    @socketio.on("disconnect")
    def disconnect(*_reason: Any) -> None:
        live.sockets.remove(flask.request.sid)  # type: ignore[attr-defined]

    @socketio.on("watch")
    def watch(*arguments: Any) -> dict[str, Any]:
        return _answer(live, lambda connected: _watch(live, connected, arguments))

    @socketio.on("unwatch")
    def unwatch(*arguments: Any) -> dict[str, Any]:
        return _answer(live, lambda connected: _unwatch(live, connected, arguments))

    @socketio.on("*")
    def anything_else(*_arguments: Any) -> dict[str, Any]:
        return _answer(live, lambda _connected: {"ok": False, "error": "unknown"})


def _let_in(live: Live) -> None:
    request = flask.request
    sid = request.sid  # type: ignore[attr-defined]
    eio_sid = live.socketio.server.manager.eio_sid_from_sid(sid, "/")
    if not request.headers.get("Origin") and POLLING_HEADER not in request.headers:
        raise live.refusal("origin", eio_sid)
    if live.restarting or len(live.sockets) >= live.most_sockets:
        raise live.refusal("busy", eio_sid)
    try:
        current = sessions.find(flask.session.get(COOKIE_KEY))
    except Exception as error:
        log.warning("a socket was refused because its session could not be read (%s)", type(error).__name__)
        raise live.refusal("unavailable", eio_sid) from error
    connected = Connected(sid, eio_sid, ANYONE)
    if current is not None:
        connected.actor = sessions.actor_of(current.user, address=request.remote_addr or "")
        connected.session_id = current.session_id
        connected.user_id = current.user.id
    for oldest in live.sockets.add(connected):
        live.end(oldest, "step_aside")
    if connected.user_id is not None:
        live.tail.mind(connected.user_id)


def _answer(live: Live, act: Callable[[Connected], dict[str, Any]]) -> dict[str, Any]:
    """Let a socket ask something: within its budget, and without anything it asks doing harm."""
    connected = live.sockets.find(flask.request.sid)  # type: ignore[attr-defined]
    if connected is None:
        return {"ok": False, "error": NOT_ALLOWED}
    if not connected.budget.take():
        log.warning("a socket asked too much and is ended")
        live.end(connected, "too_fast")
        return {"ok": False, "error": "too fast"}
    try:
        return act(connected)
    except Gone:
        return {"ok": False, "error": NOT_ALLOWED}
    except Exception as error:
        log.warning("a question of a socket could not be answered (%s)", type(error).__name__)
        return {"ok": False, "error": "unavailable"}


def _watch(live: Live, connected: Connected, arguments: tuple[Any, ...]) -> dict[str, Any]:
    asked = _read_watch(arguments)
    if asked is None:
        return {"ok": False, "error": "malformed"}
    actor = _actor_now(connected)
    if actor is None:
        live.sign_out(connected)
        return {"ok": False, "error": NOT_ALLOWED}
    answers = {room: _watch_one(live, connected, actor, room, since) for room, since in asked.items()}
    if "room" in arguments[0]:
        return next(iter(answers.values()))
    return {"ok": True, "signed_in": connected.session_id is not None, "rooms": answers}


def _read_watch(arguments: tuple[Any, ...]) -> dict[str, int] | None:
    """The rooms asked for with the step each is known up to; ``None`` for what cannot be read."""
    if len(arguments) != 1 or not isinstance(arguments[0], dict):
        return None
    said = arguments[0]
    asked = {said["room"]: said.get("since")} if isinstance(said.get("room"), str) else said.get("rooms")
    if not isinstance(asked, dict) or len(asked) > 2 * 20:
        return None
    if not all(type(since) is int and 0 <= since <= BIGGEST_SEQ for since in asked.values()):
        return None
    return asked


def _actor_now(connected: Connected) -> Actor | None:
    """Who this is at this moment, from the database; ``None`` when the session has ended."""
    if connected.session_id is None:
        return connected.actor
    current = sessions.still_live([connected.session_id]).get(connected.session_id)
    return None if current is None else sessions.actor_of(current.user, address=connected.actor.address)


def _watch_one(live: Live, connected: Connected, actor: Actor, room: str, since: int) -> dict[str, Any]:
    if not may_watch(actor, room):
        _leave(live, connected, room)
        return {"ok": False, "error": NOT_ALLOWED}
    # First join, then read: what is committed after the reading is told to the joined socket.
    if not live.sockets.join(connected, room):
        return {"ok": False, "error": "too many rooms"}
    live.socketio.server.enter_room(connected.sid, room)
    answer: dict[str, Any]
    if live.tail.told(room) == since:
        answer = {"ok": True, "room": room, "from": since, "seq": since, "ids": []}
    else:
        answer = _what_was_missed(room, since)
        live.tail.follow(room, answer["seq"])
    if reference := verified_reference(room):
        answer["status"] = status_of(reference)
    return answer


def _what_was_missed(room: str, since: int) -> dict[str, Any]:
    # The reading must not begin before the join, or it could miss a step that was told a moment ago.
    db.session.rollback()
    steps = outbox.since(room, since)
    if steps is None:
        return {"ok": True, "room": room, "from": None, "seq": outbox.seq_of([room])[room], "ids": None}
    if not steps:
        return {"ok": True, "room": room, "from": since, "seq": since, "ids": []}
    return {"ok": True, **merged(room, since, steps)}


def _unwatch(live: Live, connected: Connected, arguments: tuple[Any, ...]) -> dict[str, Any]:
    said = arguments[0] if len(arguments) == 1 and isinstance(arguments[0], dict) else {}
    rooms = [said["room"]] if "room" in said else said.get("rooms")
    if not isinstance(rooms, list) or not all(isinstance(room, str) for room in rooms):
        return {"ok": False, "error": "malformed"}
    for room in rooms[:100]:
        _leave(live, connected, room)
    return {"ok": True}


def _leave(live: Live, connected: Connected, room: str) -> None:
    if room in connected.rooms:
        live.sockets.leave(connected, room)
        live.socketio.server.leave_room(connected.sid, room)
