"""The server around the application: requests of many connections take turns."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from pathlib import Path

from tests.servers.ports import free_port, listens, wait_until

ROOT = Path(__file__).resolve().parents[2]

SERVER = """
import sys, time
import wsgi

def app(environ, start_response):
    until = time.perf_counter() + 0.002
    while time.perf_counter() < until:
        pass
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]

wsgi.GreenServer(app, wsgi.Listener(wsgi._listen("127.0.0.1", int(sys.argv[1]))), 100).serve()
"""
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
MANY = 300


def test_a_client_that_asks_without_a_pause_keeps_nobody_waiting() -> None:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(port)], cwd=ROOT)
    try:
        wait_until(lambda: listens(port), seconds=20, what="the server")
        with (
            socket.create_connection(("127.0.0.1", port)) as greedy,
            socket.create_connection(("127.0.0.1", port)) as modest,
        ):
            answered: list[int] = []

            def read() -> None:
                while sum(answered) < MANY and (read := greedy.recv(65536)):
                    answered.append(read.count(b"200 OK"))

            reader = threading.Thread(target=read)
            reader.start()
            greedy.sendall(REQUEST * MANY)
            wait_until(lambda: bool(answered), seconds=10, what="the first answer")
            modest.settimeout(10)
            modest.sendall(REQUEST)
            assert b"200 OK" in modest.recv(65536)
            before = sum(answered)
            reader.join(20)
            assert before < MANY / 2, f"{before} of {MANY} requests of one connection went before one of another"
            assert sum(answered) == MANY
    finally:
        process.kill()
        process.wait(10)
