"""The public pages: the choice of doors, the words, the faces of the brands, and the pages for machines."""

from flask import Blueprint

bp = Blueprint("public", __name__)

from portal.blueprints.public import brands, help, machines, words  # noqa: E402, F401
