"""Who may come into the back office, and what strangers learn of it."""

from collections.abc import Callable
from dataclasses import asdict

import pytest
from flask import Flask

from tests.services.people import People
from tests.world import Client

PAGES = (
    "/issuer/",
    "/issuer/figures",
    "/issuer/jobs",
    "/issuer/jobs/1",
    "/issuer/jobs/new",
    "/issuer/jobs/example.csv",
    "/issuer/uploads/1",
    "/issuer/documents",
    "/issuer/documents/1",
    "/issuer/documents/1/cancel",
    "/issuer/documents/1/replace",
    "/issuer/documents/1/preview",
    "/issuer/documents/1/pages/digital/1.jpg",
    "/issuer/documents/1/digital.pdf",
    "/issuer/centres",
    "/issuer/centres/new",
    "/issuer/centres/1",
    "/issuer/centres/1/edit",
    "/issuer/centres/1/admins/new",
    "/issuer/brands",
    "/issuer/brands/1",
    "/issuer/users",
    "/issuer/users/1/lock",
    "/issuer/audit",
    "/issuer/mails",
)

ACTS = (
    "/issuer/documents/cancel",
    "/issuer/documents/1/cancel",
    "/issuer/documents/1/replace",
    "/issuer/documents/1/retry",
    "/issuer/jobs/1/retry",
    "/issuer/jobs/new",
    "/issuer/uploads/1/publish",
    "/issuer/centres/new",
    "/issuer/centres/1/edit",
    "/issuer/centres/1/admins/new",
    "/issuer/brands/1",
    "/issuer/users/1/lock",
    "/issuer/users/1/unlock",
    "/issuer/users/1/invite",
)

IDS = ("0", "9223372036854775807", "9223372036854775808", "99999999999999999999999999", "-1", "abc", "1e3", "%00")


@pytest.mark.parametrize("path", PAGES)
def test_a_visitor_is_sent_to_the_login(app: Flask, client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer.location.startswith("/issuer/login")


@pytest.mark.parametrize("who", ["michael", "anew", "rita", "connor"])
def test_nobody_else_comes_in(
    browser_of: Callable[[int], Client], cast: People, counts: Callable[[], dict[str, int]], who: str
) -> None:
    browser = browser_of(asdict(cast)[who])
    before = counts()
    for path in PAGES:
        assert browser.get(path).status_code == 403, path
    for path in ACTS:
        assert browser.submit(path, {"reason": "Because."}).status_code == 403, path
    assert counts() == before


@pytest.mark.parametrize("path", [path for path in PAGES if "/1" in path and "figures" not in path])
@pytest.mark.parametrize("ident", IDS)
def test_what_is_not_there_is_a_404(isla: Client, path: str, ident: str) -> None:
    assert isla.get(path.replace("/1", f"/{ident}", 1)).status_code == 404


@pytest.mark.parametrize("path", [path for path in ACTS if "/1" in path])
@pytest.mark.parametrize("ident", ["0", "9223372036854775807", "9223372036854775808", "77777"])
def test_acting_on_what_is_not_there_is_a_404(
    isla: Client, counts: Callable[[], dict[str, int]], path: str, ident: str
) -> None:
    before = counts()
    assert isla.submit(path.replace("/1", f"/{ident}", 1), {"reason": "Because."}).status_code == 404
    assert counts() == before


@pytest.mark.parametrize("path", ACTS)
def test_a_form_from_elsewhere_is_refused(isla: Client, counts: Callable[[], dict[str, int]], path: str) -> None:
    before = counts()
    assert isla.post(path, data={"reason": "Because."}).status_code == 400
    assert counts() == before
