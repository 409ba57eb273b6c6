"""Pages of the running portal as axe sees them, and as narrow screens and dark ones show them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from portal.tasks import documents
from tests.machine import Machine

pytestmark = [pytest.mark.once, pytest.mark.browser]

PUBLIC = (
    "/",
    "/verify/",
    "/verify/?reference=zz",
    "/v/00000000000000000000",
    "/centre/login",
    "/issuer/login",
    "/learner/login",
    "/centre/forgot",
    "/privacy",
    "/accessibility",
    "/contact",
    "/demo/mail",
)

BEHIND = {
    "centre": (
        "/centre/",
        "/centre/jobs",
        "/centre/jobs/{job}",
        "/centre/records",
        "/centre/records/1",
        "/centre/validate",
        "/centre/problems",
        "/centre/users",
        "/centre/users/new",
        "/centre/users/3",
        "/centre/users/3/lock",
        "/centre/users/deleted",
        "/centre/contacts",
        "/centre/audit",
        "/centre/profile",
        "/centre/profile/password",
        "/centre/profile/picture",
        "/centre/profile/sessions",
        "/centre/profile/second-step",
    ),
    "issuer": (
        "/issuer/",
        "/issuer/jobs",
        "/issuer/documents",
        "/issuer/centres",
        "/issuer/users",
        "/issuer/centres/1/contacts",
        "/issuer/brands",
        "/issuer/problems",
        "/issuer/audit",
        "/issuer/profile",
        "/issuer/profile/second-step",
    ),
}
"""Pages behind each door; whoever adds a page adds it here."""

WHO = {"centre": "michael.white", "issuer": "ida.issuer"}

WIDTHS = (1440, 768, 390, 320)
LOOKED_AT = (1440, 390)
"""The widths at which axe looks; 320 pixels are 1,280 at 400 % (WCAG 1.4.10)."""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A portal with a drawn job, in which only the web process runs."""
    machine = Machine(tmp_path_factory.mktemp("barriers"))
    try:
        machine.start("redis", "web")
        machine.job = machine.publish_here(9)
        with machine.here():
            documents.draw(machine.job)
        yield machine
    finally:
        machine.close()


@pytest.mark.parametrize("path", PUBLIC)
def test_public_pages_hold_no_barrier(person, path):
    visitor = person()
    visitor.open(path)
    visitor.finds_no_barrier()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("door", BEHIND)
def test_pages_hold_no_barrier_and_never_scroll_sideways(person, machine, door, scheme):
    one = person(color_scheme=scheme).sign_in(door, WHO[door])
    for path in BEHIND[door]:
        one.open(path.format(job=machine.job))
        for width in WIDTHS:
            one.page.set_viewport_size({"width": width, "height": 900})
            assert one.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (path, width)
            if width in LOOKED_AT:
                one.finds_no_barrier()
