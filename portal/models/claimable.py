"""The columns of everything that a worker takes into its hands: who has it, until when, how often tried."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from portal.database import UtcDateTime


class Claimable:
    """Work is claimed by a conditional UPDATE; every later write says ``WHERE claim_token = :mine``."""

    claim_token: Mapped[int] = mapped_column(BigInteger, default=0)
    """The fencing token: another random number with each claim."""
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Until when the claim holds without a heartbeat; empty when nobody has it."""
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Not before this moment; empty for at once."""
