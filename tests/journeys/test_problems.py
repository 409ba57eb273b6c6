"""Report an Issue, and the conversation about it, live in both directions while somebody is writing."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from portal.tasks import documents
from tests.machine import Machine

pytestmark = [pytest.mark.once, pytest.mark.browser]

DRAFT = "I am still writing, and nothing may disturb"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A portal with a drawn job, in which only the web process runs."""
    machine = Machine(tmp_path_factory.mktemp("problems"))
    try:
        machine.start("redis", "web")
        job = machine.publish_here(1)
        with machine.here():
            documents.draw(job)
        yield machine
    finally:
        machine.close()


def write(page: Page, label: str) -> dict[str, float]:
    """Begin to write and stop in the middle; where the field stands then."""
    field = page.get_by_label(label)
    field.click()
    page.keyboard.type(DRAFT)
    page.evaluate("window.unrefreshed = true")
    place = field.bounding_box()
    assert place is not None
    return dict(place)


def is_undisturbed(page: Page, label: str, place: dict[str, float]) -> None:
    """What was begun stands there still, where it stood, with the cursor in it."""
    field = page.get_by_label(label)
    expect(field).to_have_value(DRAFT)
    expect(field).to_be_focused()
    assert field.bounding_box() == place
    assert page.evaluate("window.unrefreshed") is True


def test_a_report_is_answered_live_in_both_directions(person, machine):
    ida = person().sign_in("issuer", "ida.issuer")
    michael = person().sign_in("centre", "michael.white")
    queue = ida.open("/issuer/problems")
    ida.is_live()
    ida.finds_no_barrier()

    # Michael reports beside a record; the list that he came from stays as it is.
    page = michael.open("/centre/records?q=a")
    michael.is_live()
    page.evaluate("window.unrefreshed = true")
    page.get_by_role("link", name="Report an issue", exact=True).first.click()
    dialog = page.locator("#portal-dialog")
    expect(dialog.get_by_role("heading", name="Report an issue")).to_be_visible()
    michael.finds_no_barrier()
    dialog.get_by_role("button", name="Report", exact=True).click()
    expect(dialog.get_by_text("Write what is wrong, so that it can be put right.").first).to_be_visible()
    dialog.get_by_label("What is wrong?").fill("The name is <b>wrong</b>.\nIt should be Donna.")
    dialog.get_by_role("button", name="Report", exact=True).click()
    expect(dialog).not_to_be_visible()
    expect(page.get_by_text("Reported as problem 1.")).to_be_visible()
    assert page.url.endswith("/centre/records?q=a") and page.evaluate("window.unrefreshed") is True

    # It appears in the open queue of the awarding body.
    row = queue.locator("tr[data-id='1']")
    expect(row).to_be_visible(timeout=10_000)
    row.get_by_role("link", name="View").click()
    queue.wait_for_url(re.compile(r"/issuer/problems/1$"))
    expect(queue.locator(".talk__text")).to_have_text("The name is <b>wrong</b>.\nIt should be Donna.")
    ida.is_live()
    ida.finds_no_barrier()

    page = michael.open("/centre/problems")
    michael.finds_no_barrier()
    page.locator("tr[data-id='1']").get_by_role("link", name="View").click()
    page.wait_for_url(re.compile(r"/centre/problems/1$"))
    michael.is_live()
    place = write(page, "Your reply")

    # The answer comes while Michael writes.
    queue.get_by_label("Your answer").fill("We are looking into it.")
    queue.get_by_role("button", name="Answer", exact=True).click()
    expect(queue.get_by_text("The answer is sent.")).to_be_visible()
    expect(page.locator(".talk__line").first).to_contain_text("We are looking into it.", timeout=10_000)
    expect(page.locator("#problem-word [data-status=answered]")).to_be_visible()
    expect(page.locator("[data-voice]")).to_contain_text("Answer from the awarding body. We are looking into it.")
    is_undisturbed(page, "Your reply", place)
    michael.finds_no_barrier()

    # His reply comes while she writes, and the problem is open again.
    ida.is_live()
    place = write(queue, "Your answer")
    page.get_by_role("button", name="Reply", exact=True).click()
    expect(page.get_by_text("Your reply is written.")).to_be_visible()
    expect(queue.locator(".talk__line").first).to_contain_text(DRAFT, timeout=10_000)
    expect(queue.locator("#problem-word [data-status=open]")).to_be_visible()
    is_undisturbed(queue, "Your answer", place)

    # The end is seen as it happens.
    michael.is_live()
    page.evaluate("window.unrefreshed = true")
    queue.get_by_role("button", name="Close", exact=True).click()
    expect(page.locator("#problem-word [data-status=closed]")).to_be_visible(timeout=10_000)
    assert page.evaluate("window.unrefreshed") is True

    # The trail tells it without a name of the awarding body's staff, and can be taken away more than once.
    page = michael.open("/centre/audit")
    michael.finds_no_barrier()
    expect(page.locator("td[data-column=action]").first).to_have_text("Closed a problem")
    assert "Ida" not in page.locator("main").inner_text()
    for _ in range(2):
        with page.expect_download() as told:
            page.get_by_role("button", name=re.compile("CSV of")).click()
        assert "Closed a problem" in told.value.path().read_text(encoding="utf-8-sig")
    expect(page.locator("tr[data-id]").first).to_be_visible()


def test_a_report_needs_no_script(person, machine):
    anew = person(java_script_enabled=False).sign_in("centre", "anew.user")
    page = anew.open("/centre/records")
    page.get_by_role("link", name="Report an issue", exact=True).first.click()
    page.get_by_label("What is wrong?").fill("The grade is wrong.")
    page.get_by_role("button", name="Report", exact=True).click()
    page.wait_for_url(re.compile(r"/centre/records$"))
    expect(page.get_by_text("Reported as problem")).to_be_visible()
    page.get_by_role("link", name="Problems", exact=True).first.click()
    page.get_by_role("link", name="View").first.click()
    page.get_by_label("Your reply").fill("And the date.")
    page.get_by_role("button", name="Reply", exact=True).click()
    expect(page.locator(".talk__text").first).to_have_text("And the date.")
