"""Nouns as tables, a file each. Importing the package makes every table known to the metadata."""

from portal.models import (
    audit,
    brands,
    centres,
    documents,
    facts,
    jobs,
    leadership,
    learners,
    mails,
    qualifications,
    records,
    sign_in,
    uploads,
    users,
)

__all__ = [
    "audit",
    "brands",
    "centres",
    "documents",
    "facts",
    "jobs",
    "leadership",
    "learners",
    "mails",
    "qualifications",
    "records",
    "sign_in",
    "uploads",
    "users",
]
