"""The issuer door: the awarding body's back office."""

from flask import Blueprint

bp = Blueprint("issuer", __name__)

from portal.blueprints.issuer import (  # noqa: E402, F401
    audit,
    brands,
    centres,
    dashboard,
    documents,
    jobs,
    mails,
    notice_texts,
    problems,
    profile,
    uploads,
    users,
    viewer,
)
