"""My Profile of whoever is signed in at the centre door, and the pictures of colleagues."""

from portal.blueprints.centre import bp
from portal.web import profile_pages
from portal.web.guards import centre

profile_pages.register(bp, centre)
