"""The gallery: every component in every state, on made-up values. In development only; nothing here reads the database."""

from portal.blueprints.gallery.views import bp

DEVELOPMENT_ONLY = True
"""``create_app`` leaves this blueprint out where the portal serves people."""

__all__ = ["DEVELOPMENT_ONLY", "bp"]
