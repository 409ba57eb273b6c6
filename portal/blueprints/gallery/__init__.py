"""The gallery: every component in every state, on made-up values. In development only; it reads no rows."""

from portal.blueprints.gallery.views import bp

DEVELOPMENT_ONLY = True
"""``create_app`` leaves this blueprint out where the portal serves people."""

__all__ = ["DEVELOPMENT_ONLY", "bp"]
