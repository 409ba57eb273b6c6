"""Reading the main contacts of a centre, in the order in which the guide names their posts."""

from __future__ import annotations

from sqlalchemy import select

from portal.access import scope
from portal.access.actor import Actor
from portal.database import db
from portal.models.contacts import Contact
from portal.vocabulary import Post


def contacts_of(centre_id: int, *, actor: Actor) -> dict[Post, Contact | None]:
    """Who holds each post; nobody where nobody is known. Raises ``NotFound`` for a centre of somebody else."""
    centre = scope.load(scope.centres(actor), centre_id)
    known = {contact.post: contact for contact in db.session.scalars(select(Contact).filter_by(centre_id=centre.id))}
    return {post: known.get(post) for post in Post}
