"""How often one network may look at public pages, counted in this process: looking changes no row.

Signing in is counted in the database (``portal.services.throttles``); a reference has 95 random bits, so these limits
only keep the noise down.
"""

from __future__ import annotations

import time
from collections import OrderedDict

from portal.errors import Throttled

MOST_ADDRESSES = 20_000
"""Addresses remembered at the same time; the longest unseen are forgotten first."""


class Limit:
    """At most ``most`` in any minute for each address: a bucket that fills up again steadily."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def count(self, address: str) -> None:
        """Take one from the bucket of an address; ``Throttled`` when it is empty."""
        moment = time.monotonic()
        left, since = self._buckets.pop(address, (float(self.most), moment))
        left = min(self.most, left + (moment - since) * self.most / 60)
        self._buckets[address] = (max(0.0, left - 1), moment)
        while len(self._buckets) > MOST_ADDRESSES:
            self._buckets.popitem(last=False)
        if left < 1:
            raise Throttled(
                "There were many questions from your network. Please wait a moment and try again.",
                retry_after=max(1, round(60 / self.most)),
            )

    def forget(self) -> None:
        """Begin anew (for tests)."""
        self._buckets.clear()


LOOKS = Limit(600)
"""Every look at a public page of a document: generous, since a whole college may share one address."""

GUESSES = Limit(30)
"""References that do not exist."""
