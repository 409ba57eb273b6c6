"""The centre door: what the staff of one centre see of their jobs, records and documents."""

from flask import Blueprint

bp = Blueprint("centre", __name__)

from portal.blueprints.centre import (  # noqa: E402, F401
    audit,
    dashboard,
    documents,
    downloads,
    jobs,
    notices,
    problems,
    profile,
    records,
    users,
    validate,
)
