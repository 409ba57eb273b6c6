"""The centre door: what the staff of one centre see of their jobs, records and documents."""

from flask import Blueprint

bp = Blueprint("centre", __name__)

from portal.blueprints.centre import dashboard, documents, jobs, profile, records, users, validate  # noqa: E402, F401
from portal.blueprints.centre import audit, problems  # noqa: E402, F401, I001
