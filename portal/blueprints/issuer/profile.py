"""My Profile of whoever is signed in in the back office, and the pictures of users."""

from portal.blueprints.issuer import bp
from portal.web import profile_pages
from portal.web.guards import issuer

profile_pages.register(bp, issuer)
