"""``flask users``: the first account of the awarding body."""

from __future__ import annotations

import re

import pytest

NEW = "thimble lantern harbour 7"


@pytest.fixture
def run(app):
    return lambda *words: app.test_cli_runner().invoke(args=["users", *words])


def test_without_a_password_a_link_to_choose_one_is_printed_once(app, client, run):
    done = run("create-issuer", "Olivia.Owner@Portal.example")
    assert done.exit_code == 0, done.output
    (link,) = re.findall(r"http://localhost(/invite/\S+)", done.output)
    assert client.get(link).headers["Location"] == "/invite"
    assert client.submit("/invite", {"password": NEW, "confirm": NEW}).headers["Location"] == "/issuer/login"
    answer = client.submit("/issuer/login", {"email": "olivia.owner@portal.example", "password": NEW})
    assert answer.headers["Location"] == "/issuer/"
    assert client.get(link).status_code == 410


def test_a_first_password_has_to_be_changed(client, run):
    done = run("create-issuer", "olivia@portal.example", "--password", NEW)
    assert done.exit_code == 0, done.output
    assert NEW not in done.output
    assert "/invite/" not in done.output
    answer = client.submit("/issuer/login", {"email": "olivia@portal.example", "password": NEW})
    assert answer.headers["Location"] == "/reset"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["ida.issuer@portal.example"], "used by another account"),
        (["not an address"], "email address"),
        (["olivia@portal.example", "--password", "short"], "at least 12 characters"),
        (["olivia@portal.example", "--first-name", "x" * 101], "At most 100 characters"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(run, words, sentence):
    done = run("create-issuer", *words)
    assert done.exit_code == 1
    assert sentence in done.output
    assert "Traceback" not in done.output
