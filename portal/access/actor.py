"""The actor: who acts. Below the doors nobody asks for the current user; the actor is handed over."""

from dataclasses import dataclass

from portal.access.permissions import Permission
from portal.access.roles import permissions_of
from portal.errors import NotAllowed
from portal.vocabulary import Role


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody (or the portal itself) with a role, and the centre that the role is tied to."""

    user_id: int | None
    name: str
    role: Role | None = None
    centre_id: int | None = None
    learner_id: int | None = None
    address: str = ""
    system: bool = False

    def may(self, permission: Permission) -> bool:
        """Say whether the role of this actor allows something; *where* is decided by ``access.scope``."""
        return self.system or (self.role is not None and permission in permissions_of(self.role))

    def require(self, permission: Permission) -> None:
        """Raise ``NotAllowed`` unless the actor may do it."""
        if not self.may(permission):
            raise NotAllowed("You do not have the right to do this.")


SYSTEM = Actor(user_id=None, name="The portal", system=True)
"""The portal itself: workers and the sweeper."""

ANYONE = Actor(user_id=None, name="Visitor")
"""Somebody who has not signed in: may see what is public."""
