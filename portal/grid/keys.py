"""Keys of rows as they come from outside: whole numbers, UUIDs or short texts, by the type of the key."""

from __future__ import annotations

import re
import uuid
from typing import Any

from sqlalchemy import Integer, Uuid

from portal.grid.question import BadQuery
from portal.grid.wording import N_

GREATEST = 2**63 - 1


def read_keys(key: Any, text: str, *, most: int) -> tuple[Any, ...]:
    """The different keys of a text joined by commas, in order. Raises ``BadQuery`` for what no key can be."""
    texts = dict.fromkeys(part.strip() for part in text.split(",") if part.strip())
    if len(texts) > most:
        raise BadQuery(N_("At most %(most)s rows can be asked for at once."), parameter="ids", most=f"{most:,}")
    return tuple(_read_key(key, part) for part in texts)


def _read_key(key: Any, text: str) -> Any:
    if isinstance(key.type, Integer):
        if re.fullmatch(r"[0-9]{1,19}", text) and int(text) <= GREATEST:
            return int(text)
    elif isinstance(key.type, Uuid):
        if re.fullmatch(r"[0-9a-fA-F-]{32,36}", text):
            try:
                return uuid.UUID(text)
            except ValueError:
                pass
    elif re.fullmatch(r"[\w.~-]{1,100}", text):
        return text
    raise BadQuery(N_("That is not the number of a row."), parameter="ids")
