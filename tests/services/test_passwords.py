"""What a password may be, and how it is hashed."""

from __future__ import annotations

import threading
import time

import pytest

from portal.errors import Invalid
from portal.services import passwords

MICHAEL = ("michael.white@riverside.example", "michael.white@riverside.example", "Michael", "", "White")


@pytest.mark.parametrize(
    "password",
    [
        "portal-demo-2026",
        "correct staple lantern",
        "  spaces count too  ",
        "Пароль из трёх слов",
        "🦊 fox and 🦉 owl at night",
        "x7!Kq-29vZ_bp",
        "a" * 120 + "bcdefg hijk" + "z" * 125,
        "Michael's 4 elephants dance",
        "839201948372615",
    ],
)
def test_a_password_with_something_of_its_own_is_taken(password):
    passwords.check_rules(password, about=MICHAEL)


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "elevenchars",
        "x" * 257,
        "passwordpassword",
        "Password123456",
        "qwertyuiopas",
        "123456789012",
        "aaaaaaaaaaaaaaa",
        "abababababab",
        "football2026!!",
        "P4ssw0rdP4ssw0rd",
        "thequickbrownfox",
        "iloveliverpool",
        "mondayjanuary",
        "michael.white@riverside.example",
        "michael.white",
        "MichaelWhite1975",
        "white-michael-99",
        "skillsandeducation1",
        "CentrePortal2026",
        "biiab-password-1",
        "learner certificate",
    ],
)
def test_a_password_that_is_tried_first_is_refused(password):
    with pytest.raises(Invalid) as refused:
        passwords.check_rules(password, about=MICHAEL)
    assert refused.value.message
    assert refused.value.field == "password"


@pytest.mark.parametrize(
    "password", ["", "nul\0 in the middle of it", "bell\a bell bell bell", "lone \ud800 surrogate"]
)
def test_what_no_keyboard_sends_is_refused_before_hashing(password, monkeypatch):
    monkeypatch.setattr(passwords.HASHER.__class__, "hash", lambda *_: pytest.fail("it was hashed"))
    with pytest.raises(Invalid):
        passwords.hash_of(password)


def test_a_hash_is_argon2id_with_19_mib_and_two_passes():
    hashed = passwords.hash_of("lantern orbit thimble 42")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.matches(hashed, "lantern orbit thimble 42")
    assert not passwords.matches(hashed, "lantern orbit thimble 43")
    assert not passwords.is_outdated(hashed)


def test_one_spelling_of_an_accent_is_as_good_as_the_other():
    hashed = passwords.hash_of("caf\u00e9 by the river")
    assert passwords.matches(hashed, "cafe\u0301 by the river")


def test_nobody_has_no_password():
    for guess in ("nobody", "lantern orbit thimble 42"):
        assert not passwords.matches("", guess)
        assert not passwords.matches("not a hash", guess)


def test_few_are_hashed_at_once_and_too_many_are_sent_away(monkeypatch):
    at_once, most, lock = 0, 0, threading.Lock()

    def slow(_hash, _password):
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.02)
        with lock:
            at_once -= 1
        return True

    monkeypatch.setattr(passwords, "_verify", slow)
    monkeypatch.setattr(passwords, "_line", threading.BoundedSemaphore(10))
    answers: list[str] = []

    def storm():
        try:
            passwords.matches("some hash", "some password")
            answers.append("checked")
        except passwords.Crowded:
            answers.append("sent away")

    storming = [threading.Thread(target=storm) for _ in range(40)]
    for one in storming:
        one.start()
    for one in storming:
        one.join()
    assert most <= passwords.AT_ONCE
    assert answers.count("checked") >= 10
    assert answers.count("sent away") >= 1
    assert len(answers) == 40
    # Nothing is left taken behind.
    monkeypatch.undo()
    assert passwords._places._value == passwords.AT_ONCE


def test_the_list_of_common_passwords_is_read_whole():
    lines = passwords._common()
    assert len(lines) > 5_000
    assert all(line == line.casefold() for line in lines)
