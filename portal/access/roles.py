"""Which role may do what: one table, and which door a role comes in by."""

from portal.access.permissions import Permission as P
from portal.vocabulary import Door, Role

CENTRE_USER = frozenset(
    {
        P.DASHBOARD_SEE,
        P.JOBS_SEE,
        P.RECORDS_SEE,
        P.DOCUMENTS_PREVIEW,
        P.DOCUMENTS_VALIDATE,
        P.PROFILE_SEE,
        P.PROFILE_CHANGE,
        P.RECORDS_EXPORT,
        P.NOTICES_SEND,
        P.PROBLEMS_REPORT,
    }
)

ROLES: dict[Role, frozenset[P]] = {
    Role.CENTRE_USER: CENTRE_USER,
    Role.CENTRE_ADMIN: CENTRE_USER | {P.USERS_MANAGE, P.AUDIT_SEE, P.SECOND_STEP},
    Role.ISSUER: frozenset(P),
    Role.LEARNER: frozenset({P.DASHBOARD_SEE, P.PROFILE_SEE}),
}

DOORS: dict[Role, Door] = {
    Role.CENTRE_USER: Door.CENTRE,
    Role.CENTRE_ADMIN: Door.CENTRE,
    Role.ISSUER: Door.ISSUER,
    Role.LEARNER: Door.LEARNER,
}


def permissions_of(role: Role) -> frozenset[P]:
    """All rights of a role."""
    return ROLES[role]


def door_of(role: Role) -> Door:
    """The door that users of a role sign in at."""
    return DOORS[role]
