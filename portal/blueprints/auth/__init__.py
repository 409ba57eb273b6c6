"""Sign-in for all doors: landing pages, logging out, forgotten passwords, and the one-time links of mails."""

from flask import Blueprint

bp = Blueprint("auth", __name__)

from portal.blueprints.auth import forgot, links, login, second_step  # noqa: E402, F401
