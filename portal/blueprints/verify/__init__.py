"""The verify door: Smart Verify, for everybody who holds a document in their hands. No account, no login, ever."""

from flask import Blueprint

bp = Blueprint("verify", __name__)

from portal.blueprints.verify import pages  # noqa: E402, F401
