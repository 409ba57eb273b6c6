"""Profile pictures as answers. A caller has looked the user up within what its actor may see, in this very request."""

from __future__ import annotations

from flask import current_app, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from portal.documents.storage import Store
from portal.pictures import MIMETYPE
from portal.queries.pictures import made_suffix, store_root


def send(user_id: int, sha256: str) -> Response:
    """The picture itself. Browsers keep it and ask each time whether it is still the one; a lost file is a 404."""
    store = Store(store_root(current_app.config["PORTAL_DATA"]))
    try:
        with store.open(sha256, made_suffix(user_id), verify=True) as file:
            response = Response(file.read(), mimetype=MIMETYPE)
    except OSError:
        current_app.logger.warning("the picture of user %s cannot be read", user_id)
        raise NotFound from None
    response.set_etag(sha256)
    response.headers["Cache-Control"] = "private, no-cache"
    return response.make_conditional(request)
