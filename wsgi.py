"""The web process: ``python wsgi.py``. Green threads first, then the portal.

What lives here: the server around the application, from the first connection to an orderly end. Nothing else.
"""

# ruff: noqa: E402 - nothing may be imported before the green threads are in place.

import os
import warnings

ASYNC_MODE = os.environ.get("PORTAL_ASYNC_MODE") or "eventlet"
# Known and decided (docs/decisions): one setting leaves it.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
if ASYNC_MODE == "eventlet":
    import eventlet

    eventlet.monkey_patch()

import contextlib
import logging
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

MOST_CONNECTIONS = 20_000
"""Stock eventlet stops at 1,024 connections, and with it every page."""

BACKLOG = 1024
PATIENCE_WITH_REQUESTS = 10.0
"""Seconds that requests under way get to finish after SIGTERM."""

SLOW_CLIENT = 60
"""Seconds that a client may leave a connection in the middle of something."""

log = logging.getLogger("portal.web_process")


class Listener:
    """A listening socket that outlives a moment without file descriptors.

    The stock server ends for ever on any error of ``accept``, while its open sockets keep the process alive.
    """

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self.closed = False

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection."""
        while True:
            try:
                connection, address = self._listening.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return connection, address
            except OSError:
                if self.closed:
                    raise
                time.sleep(0.05)

    def close(self) -> None:
        """Accept nothing any more."""
        self.closed = True
        self._listening.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listening, name)


class UnderWay:
    """Counts the requests that are being answered; sockets and long polls are not among them."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app
        self._lock = threading.Lock()
        self.count = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("PATH_INFO", "").startswith("/socket.io"):
            return self._app(environ, start_response)
        with self._lock:
            self.count += 1
        try:
            answer = self._app(environ, start_response)
        except BaseException:
            self._done()
            raise
        return Answer(answer, self._done)

    def _done(self) -> None:
        with self._lock:
            self.count -= 1


class Answer:
    """The body of an answer that says when it was sent."""

    def __init__(self, body: Iterable[bytes], done: Callable[[], None]) -> None:
        self._body = body
        self._done = done

    def __iter__(self) -> Any:
        return iter(self._body)

    def close(self) -> None:
        try:
            if hasattr(self._body, "close"):
                self._body.close()
        finally:
            self._done()


def main() -> int:
    """Serve until SIGTERM or Ctrl-C; 0 after an orderly end, 1 when it could not begin or broke off."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name in ("werkzeug", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if not os.environ.get("SECRET_KEY"):
        return _refuse("SECRET_KEY is not set. Set it to a long random text and keep it: sessions depend on it.")
    most = _raise_file_limit()

    import config

    port = config.load("web")["PORT"]
    host = os.environ.get("PORTAL_HOST") or "127.0.0.1"
    if _is_taken(host, port):
        return _refuse(f"Port {port} is in use: another process answers there. Stop it, or set PORT to another one.")

    from portal.app import create_app
    from portal.realtime import server

    app = create_app({"MOST_SOCKETS": most - max(64, most // 10)}, role="web")
    try:
        listener = Listener(_listen(host, port))
    except OSError as error:
        return _refuse(f"Port {port} on {host} cannot be opened: {error.strerror or error}.")
    requests = UnderWay(app)
    web = (GreenServer if ASYNC_MODE == "eventlet" else ThreadServer)(requests, listener, most)
    asked_to_stop: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: asked_to_stop.append(number))
    server.start()
    thread = threading.Thread(target=web.serve, name="web server", daemon=True)
    thread.start()
    log.info("serving on http://%s:%s (%s)", host, port, ASYNC_MODE)
    while not asked_to_stop:
        time.sleep(0.1)
        if not thread.is_alive():
            log.error("the web server broke off")
            return 1
    web.close()
    server.announce_restart()
    give_up = time.monotonic() + PATIENCE_WITH_REQUESTS
    while requests.count > 0 and time.monotonic() < give_up:
        time.sleep(0.05)
    log.info("stopped")
    return 0


class GreenServer:
    """The server of green threads."""

    def __init__(self, app: Callable[..., Any], listener: Listener, most: int) -> None:
        self._app = app
        self._listener = listener
        self._most = most

    def serve(self) -> None:
        """Serve until ``close``."""
        import eventlet
        from eventlet import wsgi

        class Protocol(wsgi.HttpProtocol):
            """Requests of one connection take turns with those of all others.

            A client that sends its next request at once would be answered again and again while the others wait:
            the server lets go only where there is nothing to read.
            """

            def handle_one_request(self) -> None:
                eventlet.sleep(0)
                super().handle_one_request()

        with contextlib.suppress(OSError):
            wsgi.server(
                self._listener,
                self._app,
                max_size=self._most,
                log_output=False,
                debug=False,
                keepalive=75,
                socket_timeout=SLOW_CLIENT,
                protocol=Protocol,
            )

    def close(self) -> None:
        """Accept nothing any more; what is under way goes on."""
        self._listener.close()


class ThreadServer:
    """A server of ordinary threads, for leaving green threads one day; it holds a few hundred sockets."""

    def __init__(self, app: Callable[..., Any], listener: Listener, _most: int) -> None:
        from werkzeug.serving import WSGIRequestHandler, make_server

        class Handler(WSGIRequestHandler):
            # One request for each connection: on a kept connection the server would read a websocket's last bytes as
            # a request.
            timeout = SLOW_CLIENT

            def log_request(self, *_: Any) -> None:
                """Say nothing: a proxy keeps the log of requests."""

        host, port = listener.getsockname()[:2]
        self._listener = listener
        self._server = make_server(host, port, app, threaded=True, request_handler=Handler, fd=listener.fileno())

    def serve(self) -> None:
        """Serve until ``close``."""
        self._server.serve_forever(poll_interval=0.1)

    def close(self) -> None:
        """Accept nothing any more; what is under way goes on."""
        self._server.shutdown()
        self._server.server_close()
        self._listener.close()


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listening = socket.socket(family, kind, protocol)
    # Not SO_REUSEPORT, which eventlet would set: a stale process would silently share the port.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(address)
    listening.listen(BACKLOG)
    return listening


def _is_taken(host: str, port: int) -> bool:
    asked = "127.0.0.1" if host in ("", "0.0.0.0") else host  # noqa: S104
    try:
        with socket.create_connection((asked, port), timeout=2):
            return True
    except OSError:
        return False


def _raise_file_limit() -> int:
    """Allow as many files as the machine lets us; give how many connections that makes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + 512
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        soft = allowed
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(16, min(MOST_CONNECTIONS, soft - 64))


def _refuse(sentence: str) -> int:
    print(sentence, file=sys.stderr)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
