"""Publish, draw, watch live, verify, cancel: the main job, as people do it in browsers."""

from __future__ import annotations

import re
import time

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import expect
from sqlalchemy import select

from portal.database import db
from portal.models.documents import Document
from tests.machine import DATA

pytestmark = [pytest.mark.patient, pytest.mark.browser]


@pytest.fixture
def drawn_reference(machine):
    """The reference of a document that is drawn and valid."""
    job = int(machine.publish(machine.new_batch(1))["job"])
    machine.wait_drawn(job, seconds=60)
    with machine.here():
        return db.session.scalars(select(Document.reference).where(Document.job_id == job)).first()


def publish_by_page(issuer, file="riverside.csv"):
    page = issuer.open("/issuer/jobs/new")
    issuer.finds_no_barrier()
    page.get_by_label("Centre").select_option(label="Riverside College (10042)")
    page.locator("input[type=file]").set_input_files(str(DATA / file))
    page.get_by_role("button", name="Upload and check").click()
    page.wait_for_url(re.compile(r"/issuer/uploads/\d+"))


def test_a_batch_is_published_watched_and_verified(person, machine, tmp_path):
    issuer = person().sign_in("issuer", "ida.issuer")
    michael = person().sign_in("centre", "michael.white")
    anew = person().sign_in("centre", "anew.user")
    rita = person().sign_in("centre", "rita.rival")
    issuer.finds_no_barrier()
    for one in (michael, anew, rita):
        one.finds_no_barrier()
        one.open("/centre/jobs")
        one.is_live()
        one.finds_no_barrier()
        one.frames.clear()

    # The issuer publishes by the page; the preflight finds nothing.
    publish_by_page(issuer)
    issuer.page.get_by_role("button", name="Publish", exact=True).click(timeout=60_000)
    issuer.page.get_by_role("link", name="Open the job").click(timeout=60_000)
    issuer.page.wait_for_url(re.compile(r"/issuer/jobs/\d+"))
    job = issuer.page.url.rsplit("/", 1)[1]
    issuer.finds_no_barrier()

    # Both browsers of Riverside see the job appear and go to it, without any refresh.
    for one in (michael, anew):
        row = one.page.locator(f"tr[data-id='{job}']")
        expect(row).to_be_visible(timeout=10_000)
        expect(row.locator("td[data-column=records]")).to_contain_text("33")
        row.get_by_role("link", name="View").click()
        one.page.wait_for_url(re.compile(rf"/centre/jobs/{job}$"))
    for one in (michael, anew):
        one.page.evaluate("window.unrefreshed = true")
        one.waits(lambda one=one: one.figure("completed") == 33, "33 completed", 120)
        assert (one.figure("requested"), one.figure("pending"), one.figure("failed")) == (33, 0, 0)
        one.waits(
            lambda one=one: one.page.locator("td[data-column=status]", has_text="Completed").count() == 25,
            "a page of completed rows",
        )
        assert one.page.evaluate("window.unrefreshed") is True
        one.finds_no_barrier()

    # The rival has an open page and hears nothing of it.
    assert rita.page.locator(f"tr[data-id='{job}']").count() == 0
    told = [frame for frame in rita.frames if '"changed"' in frame or f"job:{job}" in frame]
    assert told == []
    assert rita.open(f"/centre/jobs/{job}").get_by_role("heading", level=1).inner_text() != ""
    assert machine.get(f"/centre/jobs/{job}")[0] in (200, 302)

    # Preview shows the print view, labelled so; the digital certificate carries the QR code.
    row = michael.page.locator("tr", has_text="Donald Duck").filter(has_text="Certificate").first
    row.get_by_role("link", name="Preview").click()
    viewer = michael.page.locator(".viewer")
    expect(viewer).to_be_visible()
    expect(viewer).to_contain_text("Print view")
    seen = "[...document.querySelectorAll('.viewer img')].some((image) => image.naturalWidth > 0)"
    michael.waits(lambda: michael.page.evaluate(seen), "the picture of a page", 20)
    michael.finds_no_barrier()
    michael.page.keyboard.press("Escape")

    reference = row.locator("td[data-column=reference]").inner_text().strip().replace("-", "")
    visitor = person()
    visitor.open(f"/v/{reference}")
    expect(visitor.page.locator("[data-verdict]")).to_have_attribute("data-status", "valid")
    visitor.is_live()
    visitor.finds_no_barrier()
    picture = tmp_path / "certificate.jpg"
    source = visitor.page.locator(".verify__page img").first.get_attribute("src")
    picture.write_bytes(machine.get(source)[1])
    codes = zxingcpp.read_barcodes(Image.open(picture))
    assert [code.text for code in codes] == [f"{machine.url}/v/{reference}"]

    # The issuer cancels: the open page turns, so do the centre's row and the JSON.
    issuer.open("/issuer/documents?q=Donald+Duck")
    issuer.finds_no_barrier()
    issuer.page.locator("tr", has_text="Certificate").first.locator("[data-action=cancel]").click()
    issuer.page.get_by_label("Reason").fill("Issued in error")
    issuer.page.get_by_role("button", name="Cancel this document").click()
    clicked = time.monotonic()
    verdict = visitor.page.locator("[data-verdict]")
    visitor.waits(lambda: verdict.get_attribute("data-status") == "cancelled", "the open page turning", 10)
    assert time.monotonic() - clicked < 3, "the open verify page was slow to turn"
    expect(visitor.page.locator("[data-verdict]")).to_contain_text("Issued in error")
    visitor.finds_no_barrier()
    assert b'"status":"cancelled"' in machine.get(f"/v/{reference}.json")[1]
    expect(michael.page.locator("tr", has_text="Donald Duck").filter(has_text="Certificate").first).to_contain_text(
        "Cancelled", timeout=3_000
    )


def test_an_old_valid_never_stands_while_the_status_cannot_be_read(person, machine, drawn_reference):
    visitor = person()
    visitor.open(f"/v/{drawn_reference}")
    verdict = visitor.page.locator("[data-verdict]")
    expect(verdict).to_have_attribute("data-status", "valid")
    visitor.is_live()
    visitor.page.route("**/v/*", lambda route: route.abort())
    machine.command("documents", "cancel", drawn_reference, "--reason", "Issued in error")
    visitor.waits(lambda: verdict.get_attribute("data-status") == "unavailable", "the doubt", 3)
    visitor.finds_no_barrier()
    visitor.page.unroute("**/v/*")
    visitor.waits(lambda: verdict.get_attribute("data-status") == "cancelled", "the new status", 20)


def test_a_faulty_file_is_shown_fault_by_fault(person):
    issuer = person().sign_in("issuer", "ida.issuer")
    publish_by_page(issuer)
    issuer.page.get_by_role("button", name="Publish").wait_for(timeout=60_000)
    publish_by_page(issuer, "faulty.csv")
    issuer.page.get_by_role("button", name="Publish the good rows").wait_for(timeout=60_000)
    issuer.finds_no_barrier()
    words = issuer.page.locator("main").inner_text()
    assert "20" in words
    assert "enrolment" in words.lower()


@pytest.mark.usefixtures("drawn_reference")
def test_once_through_with_the_keyboard_alone(person, machine):
    michael = person()
    page = michael.open("/centre/login")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip-link"
    _tab_to(
        page,
        lambda: page.evaluate("document.activeElement.type === 'email' || document.activeElement.name === 'email'"),
    )
    page.keyboard.type("michael.white@portal.example")
    page.keyboard.press("Tab")
    _tab_to(page, lambda: page.evaluate("document.activeElement.type === 'password'"), start=False)
    from tests.services.people import PASSWORD

    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/centre/$"))
    _tab_to(page, lambda: _focused(page) == "Jobs Issued")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/centre/jobs$"))
    _tab_to(page, lambda: _focused(page) == "View")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/centre/jobs/\d+$"))
    _tab_to(page, lambda: _focused(page) == "Preview", most=150)
    page.keyboard.press("Enter")
    page.locator(".viewer").wait_for()
    page.keyboard.press("Escape")
    _tab_to(page, lambda: "Hi, Michael" in _focused(page), most=200)
    page.keyboard.press("Enter")
    _tab_to(page, lambda: _focused(page) == "Logout", most=10)
    page.keyboard.press("Enter")
    michael.waits(lambda: "/centre/login" in page.url, "the login page", 15)
    assert machine.get("/centre/jobs")[0] in (200, 302)


FOCUSED = """() => {
  const here = document.activeElement;
  if (!here || here === document.body) return "";
  return (here.innerText || here.getAttribute("aria-label") || "").trim();
}"""


def _focused(page):
    return page.evaluate(FOCUSED)


def _tab_to(page, reached, most=60, start=True):
    for _ in range(most):
        if reached():
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not get there from {page.url}; it is at {_focused(page)!r}")
