"""Passwords: the rules for a new one, and Argon2id off the event loop. Nothing here touches the database.

The rules are those of NIST SP 800-63B §3.1.1: length, a list of what everybody tries, nothing else (no "one digit, one
capital"). ``common_passwords.txt`` was written for this project: words and walks over the keyboard that stand on top of
every published list, and what is made of them by doubling or adding a year.
"""

from __future__ import annotations

import os
import re
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from portal.database import Busy
from portal.errors import Invalid
from portal.green import run_blocking

T = TypeVar("T")

SHORTEST = 12
LONGEST = 256
"""Characters of a password; a longer one is refused before anything is computed."""

HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""OWASP Password Storage Cheat Sheet: Argon2id with m = 19 MiB, t = 2, p = 1."""

AT_ONCE = max(2, min(4, os.cpu_count() or 2))
"""So many hashes are computed at the same moment: 19 MiB each, and the processor stays free for the pages."""

WAITING = 100
"""So many may stand in line; whoever comes after them is asked to come again."""

PATIENCE = 5.0
"""Seconds that one stands in line."""

PORTAL_WORDS = frozenset(
    {
        "portal",
        "centreportal",
        "learnerportal",
        "issuerportal",
        "skillsandeducationgroup",
        "skillsandeducation",
        "skills",
        "education",
        "biiab",
        "segawards",
        "awards",
        "certificate",
        "certificates",
        "qualification",
        "qualifications",
        "verify",
        "centre",
        "learner",
        "college",
        "password",
        "passw0rd",
        "passwort",
        "welcome",
        "letmein",
        "qwerty",
        "admin",
        "administrator",
        "changeme",
        "login",
        "secret",
    }
)
"""Words that anybody would try here first; a password needs something of its own beside them."""

DISGUISES = str.maketrans("430157@$!", "aeoistasi")
"""Digits and signs that stand for letters in passwords that think themselves clever."""

ENOUGH_LETTERS = 4
ENOUGH_CHARACTERS = 8
"""What has to be left of a password when names and words of the portal are taken out of it."""


class Crowded(Busy):
    """More passwords wait to be checked than we let wait."""


_line = threading.BoundedSemaphore(AT_ONCE + WAITING)
_places = threading.BoundedSemaphore(AT_ONCE)


def readable(password: str, *, field: str = "password") -> str:
    """The password in one spelling (NFC). Raises ``Invalid`` for what no keyboard sends, before any hashing."""
    if not password:
        raise Invalid("Enter your password.", field=field)
    if len(password) > LONGEST:
        raise Invalid(f"A password has at most {LONGEST} characters.", field=field)
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in password):
        raise Invalid("A password holds no control characters.", field=field)
    return unicodedata.normalize("NFC", password)


def hash_of(password: str) -> str:
    """What the database keeps. Raises ``Crowded`` when too many wait; call it outside of a transaction."""
    return _in_a_place(HASHER.hash, readable(password))


def matches(password_hash: str, password: str) -> bool:
    """Say whether it is the password; an empty hash takes as long as any other and never matches."""
    right = _in_a_place(_verify, password_hash or _nobody(), readable(password))
    return right and bool(password_hash)


def is_outdated(password_hash: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return HASHER.check_needs_rehash(password_hash)


def check_rules(password: str, *, about: Iterable[str] = (), field: str = "password") -> None:
    """Raise ``Invalid`` with the rule that a new password breaks.

    ``about`` are words that belong to the person: names, email address, username.
    """
    password = readable(password, field=field)
    if len(password) < SHORTEST:
        raise Invalid(
            f"Use at least {SHORTEST} characters. Three or four words in a row are easy to keep.", field=field
        )
    plain = password.casefold()
    if len(set(plain)) < 5 or _is_common(plain):
        raise Invalid("This password is one of those that are tried first. Choose another.", field=field)
    words = PORTAL_WORDS | {word for text in about for word in _words_of(text)}
    if not _has_something_of_its_own(plain, words):
        raise Invalid("This password is made of your name, your email address or words of this portal.", field=field)


def _is_common(plain: str) -> bool:
    """Whether it is on the list: as it is, without what stands before and after the letters, or one word repeated."""
    common = _common()
    letters = plain.strip("0123456789!\"£$%^&*()_-+=[]{};:'@#~\\|,.<>/?` ")
    joined = re.sub(r"[\W_]+", "", plain)
    forms = {plain, letters, joined, _repeated(plain)}
    return any(form in common or form.translate(DISGUISES) in common for form in forms if form)


def _repeated(plain: str) -> str:
    """The shortest piece that the whole is a repetition of, or nothing."""
    length = (plain + plain).find(plain, 1)
    return plain[:length] if length < len(plain) else ""


def _words_of(text: str) -> set[str]:
    """The text itself and its parts of three characters or more; of an address, the parts before the @."""
    whole = text.casefold()
    text = whole.split("@")[0]
    parts = {whole, text, re.sub(r"[\W_]+", "", text), *re.split(r"[\W_]+", text)}
    return {part for part in parts if len(part) >= 3}


def _has_something_of_its_own(plain: str, words: Iterable[str]) -> bool:
    left = plain
    for word in sorted(words, key=len, reverse=True):
        left = left.replace(word, " ")
    if left == plain:
        return True
    letters = sum(character.isalpha() for character in left)
    return letters >= ENOUGH_LETTERS or letters + sum(character.isdigit() for character in left) >= ENOUGH_CHARACTERS


@cache
def _common() -> frozenset[str]:
    lines = (Path(__file__).parent / "common_passwords.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line)


@cache
def _nobody() -> str:
    """A hash that no password has: what an unknown account is compared with, so that it takes as long."""
    return HASHER.hash(os.urandom(32).hex())


def _verify(password_hash: str, password: str) -> bool:
    try:
        return HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _in_a_place(function: Callable[..., T], *args: Any) -> T:
    with _place():
        return run_blocking(function, *args)


@contextmanager
def _place() -> Iterator[None]:
    """One of the few places where hashes are computed; whoever finds the line full is sent away at once."""
    if not _line.acquire(blocking=False):
        raise Crowded("Too many passwords are being checked at this moment.")
    try:
        if not _places.acquire(timeout=PATIENCE):
            raise Crowded("Too many passwords are being checked at this moment.")
        try:
            yield
        finally:
            _places.release()
    finally:
        _line.release()
