"""Errors of the trade and of HTTP, as pages: one sentence, one way on, the right status, and no trace."""

from __future__ import annotations

import logging

from flask import Flask, jsonify, render_template, request
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from portal.database import Busy, db
from portal.errors import Expired, Fenced, Invalid, NotAllowed, NotFound, PortalError, Taken, Throttled, WrongMove

log = logging.getLogger(__name__)

CODES: dict[type[PortalError], int] = {
    NotFound: 404,
    NotAllowed: 403,
    WrongMove: 409,
    Taken: 422,
    Invalid: 422,
    Expired: 410,
    Throttled: 429,
    Fenced: 409,
}

SENTENCES = {
    400: (
        "That did not work",
        "The page was open for too long, or the request was not complete. Go back and try again.",
    ),
    401: ("Please sign in", "You need to sign in to see this."),
    403: ("Not allowed", "Your account does not have the right to see this page."),
    404: ("Nothing here", "The page does not exist, or it is not yours to see."),
    405: ("That did not work", "This address cannot be used in that way."),
    409: ("Somebody was quicker", "This has changed since you opened it. Look at it again before you go on."),
    410: ("No longer good", "This link has been used already, or its time is over. Ask for a new one."),
    413: ("Too large", "What you sent is larger than we can take."),
    415: ("Wrong kind of file", "We cannot read this kind of file here."),
    422: ("Please check what you entered", "Something in the request is not right."),
    429: ("Too many tries", "Please wait a little and try again."),
    500: ("Something went wrong", "The fault is ours and has been noted. Nothing was changed. Please try again."),
    503: ("Not possible at this moment", "The portal is busy or restarting. Please try again in a moment."),
}


def init_app(app: Flask) -> None:
    """Answer every error with a page (or JSON where JSON was asked for)."""
    app.register_error_handler(PortalError, _of_the_trade)
    app.register_error_handler(HTTPException, _of_http)
    for error in (Busy, OperationalError, PoolTimeout):
        app.register_error_handler(error, _unavailable)
    app.register_error_handler(DBAPIError, _of_the_database)
    app.register_error_handler(UnicodeError, _unreadable)
    app.register_error_handler(Exception, _unexpected)


def answer(code: int, sentence: str = "", *, retry_after: int | None = None) -> Response:
    """The page of an error: heading by code, the given sentence or the usual one."""
    heading, usual = SENTENCES.get(code, SENTENCES[500 if code >= 500 else 400])
    db.session.close()
    if request.path.endswith(".json") or request.headers.get("X-Grid"):
        response: Response = jsonify(error=sentence or usual)
    else:
        try:
            body = render_template("errors/error.html", code=code, heading=heading, sentence=sentence or usual)
        except Exception:
            # The frame of the page may itself need what is broken; a bare page needs nothing.
            log.exception("the error page could not be drawn")
            body = render_template("errors/bare.html", code=code, heading=heading, sentence=sentence or usual)
        response = Response(body, mimetype="text/html")
    response.status_code = code
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def _of_the_trade(error: PortalError) -> Response:
    code = next((CODES[kind] for kind in type(error).__mro__ if kind in CODES), 422)
    # What is not there and what is somebody else's must look the same to the byte.
    sentence = "" if code == 404 else error.message
    return answer(code, sentence, retry_after=error.retry_after if isinstance(error, Throttled) else None)


def _of_http(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:
        return error.get_response()  # type: ignore[return-value]
    response = answer(error.code)
    if error.code == 405:
        response.headers.extend({k: v for k, v in error.get_headers() if k == "Allow"})
    return response


def _unavailable(error: Exception) -> Response:
    log.warning("the database was not available: %s", type(error).__name__)
    return answer(503, retry_after=2)


def _of_the_database(error: DBAPIError) -> Response:
    if error.connection_invalidated:
        return _unavailable(error)
    return _unexpected(error)


def _unreadable(error: UnicodeError) -> Response:
    return answer(400, "The address or the text you sent holds characters that cannot be read.")


def _unexpected(error: Exception) -> Response:
    log.exception("unexpected error at %s", request.endpoint, exc_info=error)
    return answer(500)
