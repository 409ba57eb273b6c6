"""Between the sockets and the library: one encoding for a broadcast, no endless backlog, no harm from broken frames.

This is the only module that knows the inside of python-socketio and python-engineio; ``tests/realtime/test_wire.py``
holds it against the pinned versions.
"""

from __future__ import annotations

import contextlib
import logging
import struct
from collections.abc import Callable
from socket import SHUT_RDWR
from typing import Any

import socketio
from engineio import packet as engine_packet
from socketio import packet

from portal.realtime.sockets import Budget

log = logging.getLogger(__name__)

MOST_WAITING = 256
"""Packets that may wait for one socket. Who reads slower than that is dropped; it comes back and catches up."""

A_RUN = 1024
"""Sockets that are told before others get a turn."""

STRAIGHT = "portal_websocket"
"""Where an engine's socket keeps the websocket that may be written to straight."""

FRAMES_A_MINUTE = 240
"""Frames of any kind that a websocket may send; pages send about ten."""


class Quiet(logging.Filter):
    """Lets one line through for each fault of a stranger's packet, without a traceback, and few of them."""

    def __init__(self, a_minute: int = 20) -> None:
        super().__init__()
        self._budget = Budget(a_minute)

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[0] is not None:
            record.msg = f"{record.getMessage()}: {record.exc_info[0].__name__}"
            record.args = ()
        record.exc_info = None
        record.exc_text = None
        return self._budget.take()


library_log = logging.getLogger("portal.realtime.library")
"""Where the libraries write: faults of strangers' packets, a few lines a minute."""
library_log.setLevel(logging.WARNING)
library_log.addFilter(Quiet())


class Fanout(socketio.Manager):
    """Tells a room: encodes once, however many sockets listen, and lets go of those that do not keep up."""

    straight = 0
    """How many messages were written without a queue."""

    def emit(
        self,
        event: str,
        data: Any,
        namespace: str,
        room: Any = None,
        skip_sid: Any = None,
        callback: Callable[..., Any] | None = None,
        to: Any = None,
        **kwargs: Any,
    ) -> None:
        if callback is not None or skip_sid is not None:
            super().emit(event, data, namespace, room=room, skip_sid=skip_sid, callback=callback, to=to, **kwargs)
            return
        values = list(data) if isinstance(data, tuple) else [] if data is None else [data]
        encoded = self.server.packet_class(packet.EVENT, namespace=namespace, data=[event, *values]).encode()
        # The engine's packet keeps what it was encoded to: one object for all sockets is one encoding.
        ready = engine_packet.Packet(engine_packet.MESSAGE, encoded)
        frame = text_frame(ready.encode())
        sockets = self.server.eio.sockets
        for count, (_sid, eio_sid) in enumerate(self.get_participants(namespace, to or room), start=1):
            if count % A_RUN == 0:
                self.server.sleep(0)
            socket = sockets.get(eio_sid)
            if socket is None or socket.closed or self._wrote_straight(socket, frame):
                continue
            if socket.queue.qsize() >= MOST_WAITING:
                log.warning("a socket reads too slowly and is dropped; it comes back and catches up")
                drop(self.server, eio_sid, abort=True)
                continue
            self.server._send_eio_packet(eio_sid, ready)

    def _wrote_straight(self, socket: Any, frame: bytes) -> bool:
        """Write a ready frame to an idle websocket; ``False`` when it has to queue, so that order is kept.

        Idle means: nothing queued, nobody writing, nobody waiting to write. This leaves out a queue, a switch of green
        threads and a framing for each socket, which is most of what a broadcast costs.
        """
        websocket = getattr(socket, STRAIGHT, None)
        if websocket is None or not socket.upgraded or socket.upgrading or socket.queue.qsize():
            return False
        lock = websocket._sendlock
        if lock.balance < 1 or websocket.websocket_closed:
            return False
        try:
            written = websocket.socket.fd.send(frame)
        except OSError:
            # Full, or broken: the ordinary way waits, or finds out.
            return False
        self.straight += 1
        if written < len(frame):
            lock.acquire()
            self.server.start_background_task(_finish, websocket, frame[written:])
        return True


def _finish(websocket: Any, rest: bytes) -> None:
    """Write the rest of a frame that the kernel did not take whole; the lock is held already."""
    try:
        websocket.socket.sendall(rest)
    except OSError:
        # Half a frame went out: nothing that follows could be read.
        with contextlib.suppress(OSError):
            websocket.socket.shutdown(SHUT_RDWR)
    finally:
        websocket._sendlock.release()


def text_frame(text: str) -> bytes:
    """A whole text message as a server writes it (RFC 6455, section 5.2): not masked, not compressed."""
    payload = text.encode()
    length = len(payload)
    if length < 126:
        head = struct.pack("!BB", 0x81, length)
    elif length < 65_536:
        head = struct.pack("!BBH", 0x81, 126, length)
    else:
        head = struct.pack("!BBQ", 0x81, 127, length)
    return head + payload


def drop(server: socketio.Server, eio_sid: str, *, abort: bool = False) -> None:
    """End a connection. What is waiting for it is still sent, unless it is aborted."""
    socket = server.eio.sockets.get(eio_sid)
    if socket is None or socket.closed:
        return
    environ = server.environ.get(eio_sid) or {}
    socket.close(wait=False, abort=abort, reason=server.reason.SERVER_DISCONNECT)
    if abort and socket.upgraded:
        _cut(environ)


def _cut(environ: dict[str, Any]) -> None:
    """Shut the TCP connection of a websocket, on which a writer may hang until its time is out."""
    plain = environ.get("werkzeug.socket")
    if plain is None and "eventlet.input" in environ:
        plain = environ["eventlet.input"].get_socket()
    if plain is not None:
        with contextlib.suppress(OSError):
            plain.shutdown(SHUT_RDWR)


def guard_frames(server: socketio.Server) -> None:
    """Let only frames reach the library that it can read, and not too many of them.

    The library ends its reader with a traceback, and leaves the socket behind, on a frame that does not begin with a
    digit; and it waits for ever for announced attachments. We send and expect text only.
    """
    driver = server.eio._async
    stock = driver["websocket"]

    class Guarded(stock):  # type: ignore[misc, valid-type]
        def __init__(self, handler: Callable[[Any], Any], engine: Any) -> None:
            # The eventlet driver takes the limit from the engine, the threading one has to be told.
            limit = {"max_message_size": engine.max_http_buffer_size} if engine.async_mode == "threading" else {}
            super().__init__(lambda websocket: self._run(handler, websocket), engine, **limit)

        def _run(self, handler: Callable[[Any], Any], websocket: Any) -> Any:
            if all(hasattr(websocket, name) for name in ("_sendlock", "websocket_closed")):
                if hasattr(getattr(websocket, "socket", None), "fd"):
                    # The handler is a method of the engine's socket.
                    setattr(handler.__self__, STRAIGHT, websocket)  # type: ignore[attr-defined]
            return handler(Frames(websocket))

        def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
            # Compression costs a window of memory and a run of zlib for each socket, and undoes "encoded once".
            environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
            return super().__call__(environ, start_response)

    server.eio._async = {**driver, "websocket": Guarded}


class Frames:
    """A websocket of either driver that hands on only readable frames."""

    def __init__(self, websocket: Any) -> None:
        self._websocket = websocket
        self._budget = Budget(FRAMES_A_MINUTE)

    def wait(self) -> Any:
        """The next readable frame; ``None`` when the socket is closed or has sent too much."""
        while True:
            frame = self._websocket.wait()
            if frame is None:
                return None
            if not self._budget.take():
                log.warning("a socket sent too many frames and is dropped")
                return None
            if readable(frame):
                return frame

    def __getattr__(self, name: str) -> Any:
        return getattr(self._websocket, name)


def readable(frame: Any) -> bool:
    """Whether a frame is text that the library can read: an engine packet, and no event with attachments."""
    return isinstance(frame, str) and frame[:1] in set("0123456") and frame[:2] not in {"45", "46"}
