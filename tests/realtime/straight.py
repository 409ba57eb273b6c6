"""Run by test_wire.py in a process of its own, on green threads: a crowd with sleepers is told large things."""

# ruff: noqa: E402 - nothing may be imported before the green threads are in place.

import eventlet

eventlet.monkey_patch()

import json
import socket
import sys
from types import SimpleNamespace

import socketio
from eventlet import wsgi
from eventlet.semaphore import Semaphore

from portal.realtime import wire
from tests.realtime.stage import RawSocket

SOCKETS = 20
MESSAGES = 60
PADDING = "é" * 4_000


class Here:
    """As much of a stage as a raw socket needs."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"


def main() -> None:
    check_who_has_to_queue()
    server = socketio.Server(async_mode="eventlet", client_manager=wire.Fanout(), namespaces="*")
    wire.guard_frames(server)
    server.on("connect", lambda sid, _environ: server.enter_room(sid, "all"))
    listener = eventlet.listen(("127.0.0.1", 0), reuse_port=False)
    # Small buffers are soon full; connections inherit them.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    eventlet.spawn(wsgi.server, listener, socketio.WSGIApp(server), log_output=False)
    crowd = [RawSocket(Here(listener.getsockname()[1])) for _ in range(SOCKETS)]
    assert all(each.joined.startswith("40") for each in crowd)
    sleepers, readers = crowd[:5], crowd[5:]
    heard = {id(each): eventlet.spawn(read_all, each) for each in readers}
    for number in range(MESSAGES):
        server.emit("told", {"number": number, "padding": PADDING}, to="all")
        eventlet.sleep(0)
    for each in sleepers:
        heard[id(each)] = eventlet.spawn(read_all, each)
    with eventlet.Timeout(30):
        orders = [heard[id(each)].wait() for each in crowd]
    assert orders == [list(range(MESSAGES))] * SOCKETS
    print(json.dumps({"straight": server.manager.straight, "all": SOCKETS * MESSAGES}))


def check_who_has_to_queue() -> None:
    """Only an idle websocket is written to straight; each way of being busy is tried."""
    near, far = socket.socketpair()
    websocket = SimpleNamespace(socket=near, _sendlock=Semaphore(), websocket_closed=False)
    engine = SimpleNamespace(upgraded=True, upgrading=False, queue=eventlet.queue.Queue(), portal_websocket=websocket)
    manager = wire.Fanout()
    assert manager._wrote_straight(engine, b"idle")
    engine.queue.put("something")
    assert not manager._wrote_straight(engine, b"queued")
    engine.queue.get()
    engine.upgrading = True
    assert not manager._wrote_straight(engine, b"upgrading")
    engine.upgrading = False
    websocket._sendlock.acquire()
    assert not manager._wrote_straight(engine, b"being written")
    waiting = eventlet.spawn(websocket._sendlock.acquire)
    eventlet.sleep(0)
    websocket._sendlock.release()
    # Released, but somebody who waits to write comes first.
    assert not manager._wrote_straight(engine, b"waited for")
    waiting.wait()
    websocket._sendlock.release()
    websocket.websocket_closed = True
    assert not manager._wrote_straight(engine, b"closed")
    websocket.websocket_closed = False
    assert manager._wrote_straight(engine, b" again")
    assert far.recv(100) == b"idle again"


def read_all(each: RawSocket) -> list[int]:
    numbers = []
    while len(numbers) < MESSAGES:
        frame = each.read(20)
        if frame.startswith("42"):
            event, data = json.loads(frame[2:])
            assert event == "told" and data["padding"] == PADDING
            numbers.append(data["number"])
    return numbers


if __name__ == "__main__":
    sys.exit(main())
