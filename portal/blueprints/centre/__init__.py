"""The centre door."""

from flask import Blueprint

bp = Blueprint("centre", __name__)
