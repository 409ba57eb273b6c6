"""The issuer door."""

from flask import Blueprint

bp = Blueprint("issuer", __name__)
