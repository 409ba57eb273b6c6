"""What we know of the inside of the pinned libraries, and what the wire does with it."""

import json
import subprocess
import sys
import time
from typing import Any

import pytest
import socketio
import wsproto
from engineio.packet import Packet
from engineio.socket import Socket

from portal.realtime import ring, wire
from portal.redis_door import door
from tests.realtime.stage import ROOT, RawSocket, Stage


class CountingJson:
    """The json module, counting."""

    def __init__(self) -> None:
        self.encoded = 0

    def dumps(self, *values: Any, **options: Any) -> str:
        self.encoded += 1
        return json.dumps(*values, **options)

    loads = staticmethod(json.loads)


@pytest.fixture
def counting() -> CountingJson:
    return CountingJson()


@pytest.fixture
def server(counting: CountingJson, monkeypatch: pytest.MonkeyPatch) -> socketio.Server:
    server = socketio.Server(async_mode="threading", client_manager=wire.Fanout(), namespaces="*")
    monkeypatch.setattr(server.packet_class, "json", counting)
    monkeypatch.setattr(Packet, "json", counting)
    return server


def crowd(server: socketio.Server, size: int, room: str) -> list[Socket]:
    """Sockets that have joined a room, without a network."""
    sockets = []
    for number in range(size):
        socket = Socket(server.eio, f"engine{number}")
        socket.connected = socket.upgraded = True
        server.eio.sockets[socket.sid] = socket
        sid = server.manager.connect(socket.sid, "/")
        server.enter_room(sid, room)
        sockets.append(socket)
    return sockets


def test_one_broadcast_is_encoded_once_for_fifty_sockets(server: socketio.Server, counting: CountingJson):
    sockets = crowd(server, 50, "job:1")
    server.emit("changed", {"room": "job:1", "from": 1, "seq": 2, "ids": [31]}, to="job:1")
    packets = [socket.queue.get_nowait() for socket in sockets]
    frames = {packet.encode() for packet in packets}
    assert counting.encoded == 1
    assert len({id(packet) for packet in packets}) == 1
    assert frames == {'42["changed",{"room":"job:1","from":1,"seq":2,"ids":[31]}]'}


def test_who_does_not_keep_up_is_let_go_and_the_others_are_not(server: socketio.Server):
    slow, quick = crowd(server, 2, "job:1")
    for number in range(wire.MOST_WAITING + 10):
        server.emit("tick", {"room": "job:1", "done": number}, to="job:1")
        quick.queue.get_nowait()
    assert slow.closed
    assert slow.queue.qsize() <= wire.MOST_WAITING + 1
    assert not quick.closed


@pytest.mark.patient
def test_a_socket_that_never_reads_is_dropped_and_the_others_hear_all(stage: Stage):
    with stage.browser(stage.user()) as anna:
        anna.watch(stage.job_room)
        sleeper = RawSocket(stage, stage.cookie(stage.user()))
        sleeper.send(f'421["watch",{{"room":"{stage.job_room}","since":0}}]')
        time.sleep(0.2)
        door.init_app(stage.redis_url)
        padding = "x" * 30_000
        give_up = time.monotonic() + 30
        while "reads too slowly" not in stage.log() and time.monotonic() < give_up:
            # No faster than a decent reader on a busy machine can follow.
            for _ in range(5):
                ring.tick(stage.job_room, {"done": 1, "padding": padding})
            time.sleep(0.03)
        assert stage.log().count("reads too slowly") == 1
        stage.drawn(77)
        anna.hears(stage.job_room, 77, seconds=10)
        assert sleeper.is_closed()


def test_what_is_written_straight_keeps_its_order_with_what_is_queued():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.realtime.straight"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    # Some were written straight and some had to queue: both ways were taken.
    assert 0 < counts["straight"] < counts["all"]


@pytest.mark.parametrize("length", [0, 125, 126, 65_535, 65_536])
def test_a_frame_of_ours_is_what_the_protocol_asks(length: int):
    connection = wsproto.connection.Connection(wsproto.ConnectionType.CLIENT)
    connection.receive_data(wire.text_frame("x" * length))
    messages = list(connection.events())
    assert [event.data for event in messages] == ["x" * length]
    assert messages[0].message_finished


@pytest.mark.parametrize("frame", ["2probe", '42["watch"]', "40", "41", "3", "5", "1"])
def test_the_frames_of_the_protocol_are_readable(frame: str):
    assert wire.readable(frame)


@pytest.mark.parametrize("frame", ["", "x", "7", "b64", b"\x04", '451-["watch"]', "461-[]"])
def test_other_frames_are_not(frame: str | bytes):
    assert not wire.readable(frame)


def test_the_pinned_libraries_have_inside_what_we_rely_on(server: socketio.Server):
    assert callable(server._send_eio_packet)
    assert {"websocket", "queue", "thread"} <= set(server.eio._async)
    assert server.eio.sockets == {}
    assert server.environ == {}
    wire.guard_frames(server)
    assert server.eio._async["websocket"].__name__ == "Guarded"
    packet = Packet(4, "x")
    assert packet.encode() is packet.encode()


def test_a_fault_of_a_stranger_is_one_line_without_a_traceback(caplog: pytest.LogCaptureFixture):
    quiet = wire.Quiet(a_minute=3)
    wire.library_log.addFilter(quiet)
    try:
        for _ in range(20):
            try:
                int("x")
            except ValueError:
                wire.library_log.exception("message handler error")
    finally:
        wire.library_log.removeFilter(quiet)
    lines = [record for record in caplog.records if record.name == wire.library_log.name]
    assert 1 <= len(lines) <= 3
    assert lines[0].getMessage() == "message handler error: ValueError"
    assert all(record.exc_info is None for record in lines)
