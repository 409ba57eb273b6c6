"""The guide for centres, chapters 4 to 8 and 11, walked in its own order and words, without one page refresh."""

from __future__ import annotations

import csv
import email
import io
import re
import zipfile
from datetime import timedelta
from email.policy import default as modern
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Page, expect

from portal import clock
from tests.journeys.people import Person
from tests.machine import batch_of
from tests.services.people import PASSWORD

pytestmark = [pytest.mark.patient, pytest.mark.once, pytest.mark.browser]

NO_REFRESH = """
const refreshed = performance.getEntriesByType('navigation').some((one) => one.type === 'reload');
if (refreshed) console.error('the page was refreshed');
"""
"""Whoever reloads complains on the console, and the person fails at the end."""

LEARNER = "learner@home.org.uk"
NEW_PASSWORD = "marble ferry window 51"


@pytest.fixture(scope="module")
def michael(chromium, machine, tmp_path_factory):
    """The admin of Riverside at a browser, once the awarding body has published two awards of three documents."""
    job = int(machine.publish(batch_of(tmp_path_factory.mktemp("guide") / "batch.csv", 2, first=700))["job"])
    machine.wait_drawn(job, seconds=90)
    person = Person(chromium, machine, accept_downloads=True)
    person.page.add_init_script(NO_REFRESH)
    person.sign_in("centre", "michael.white")
    yield person
    person.close()


def choose(page: Page, label: str) -> None:
    """An entry of the menu at the top."""
    page.get_by_role("navigation").get_by_role("link", name=label, exact=True).first.click()


def mail_to(machine: Any, address: str, words: str) -> Any:
    """The mail that reached an address and holds some words; ``None`` while there is none."""
    for raw in machine.mails():
        message = email.message_from_bytes(raw, policy=modern)
        body = message.get_body(("plain",))
        if address in str(message["To"]) and body is not None and words in body.get_content():
            return message
    return None


def test_4_and_5_the_profile(michael):
    page = michael.page
    # 4. "Your user profile can be accessed by clicking the user profile menu at the top right-hand corner."
    page.get_by_text("Hi, Michael").click()
    page.get_by_role("link", name="My Profile").click()
    page.wait_for_url(re.compile("/centre/profile$"))
    michael.finds_no_barrier()
    # 5. Personal Details.
    page.get_by_label("Phone number").fill("01632 960 123")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Phone number")).to_have_value("01632 960 123")
    # "You can change your password by clicking on the 'Change Password' button."
    page.get_by_role("link", name="Change Password").click()
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_label("Confirm password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").first).to_contain_text("password", ignore_case=True)
    michael.finds_no_barrier()


def test_6a_jobs_issued(michael):
    page = michael.page
    choose(page, "Jobs Issued")
    page.wait_for_url(re.compile("/centre/jobs$"))
    row = page.locator("tr[data-id]").first
    expect(row.locator("td[data-column=reference]")).to_contain_text(re.compile(r"\d\d/\d\d/\d{4} \d\d:\d\d:\d\d - "))
    expect(row.locator("td[data-column=records]")).to_contain_text("6")
    expect(row.locator("td[data-column=notified]")).to_contain_text("0/6")
    # "Use the filter at the top of the grid … Advanced filtering can be accessed by clicking the blue cog button."
    page.get_by_label("Search for any term").fill("Nobody of that name")
    page.get_by_role("button", name="Filter!").click()
    expect(page.locator("tr[data-id]")).to_have_count(0)
    page.get_by_label("Search for any term").fill("")
    page.get_by_role("button", name="Filter!").click()
    expect(page.locator("tr[data-id]")).to_have_count(1)
    # "To view the details of a print job, click on the view button."
    row.get_by_role("link", name="View", exact=True).click()
    page.wait_for_url(re.compile(r"/centre/jobs/\d+$"))
    assert [michael.figure(name) for name in ("requested", "pending", "failed", "completed")] == [6, 0, 0, 6]
    michael.is_live()
    # "1. View the details (data) of the record by clicking the View button."
    page.locator("tr[data-id]").first.get_by_role("link", name="View", exact=True).click()
    page.wait_for_url(re.compile(r"/centre/records/\d+$"))
    expect(page.get_by_text("Date of birth")).to_be_visible()
    page.go_back()
    # "2. Preview the paper document by clicking on the 'Preview' button."
    page.locator("tr[data-id]").first.get_by_role("link", name="Preview").click()
    viewer = page.locator(".viewer")
    expect(viewer).to_contain_text("Print view")
    seen = "[...document.querySelectorAll('.viewer img')].some((image) => image.naturalWidth > 0)"
    michael.waits(lambda: page.evaluate(seen), "the picture of a page", 20)
    page.keyboard.press("Escape")
    expect(viewer).to_have_count(0)


def test_6b_search_for_issued_documents(michael, machine):
    page = michael.page
    choose(page, "Records")
    page.wait_for_url(re.compile("/centre/records$"))
    expect(page.locator("tr[data-id]")).to_have_count(2)
    # "Advanced filtering can be accessed by clicking the blue cog button. Click 'Filter' …"
    page.locator(".grid__cog").click()
    page.get_by_label("Student", exact=True).fill(first_student(page).split()[-1])
    page.get_by_role("button", name="Filter!").last.click()
    page.wait_for_url(re.compile("student="))
    expect(page.locator("tr[data-id]")).not_to_have_count(0)
    choose(page, "Records")
    page.wait_for_url(re.compile("/centre/records$"))
    row = page.locator("tr[data-id]").first
    # "Preview the electronic documents … if more than one document has been issued … the document selector."
    row.get_by_role("link", name="Preview").click()
    viewer = page.locator(".viewer")
    expect(viewer).to_contain_text("Digital certificate")
    viewer.get_by_text("Transcript", exact=True).first.click()
    expect(viewer.locator("[aria-current=true]")).to_contain_text("Transcript")
    page.keyboard.press("Escape")
    # "Report an issue with the document by clicking on the 'Report an Issue' button. This will send an email to us."
    row.get_by_role("link", name="Report an issue").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("The middle name is missing.")
    dialog.get_by_role("button", name="Report").click()
    michael.waits(
        lambda: any(b"middle name is missing" in raw for raw in machine.mails()), "the mail to the awarding body", 30
    )
    choose(page, "Records")
    page.wait_for_url(re.compile("/centre/records$"))
    # "… by ticking the check box next to the grid title, which will select all records. Click the 'Export' button."
    page.locator(".grid__head input[type=checkbox], [data-select=all]").first.check()
    page.get_by_role("button", name=re.compile("^Export 2 records$")).click()
    # "You will be prompted to give the export file a name."
    dialog = page.get_by_role("dialog")
    michael.finds_no_barrier()
    dialog.get_by_label("Name").fill("Autumn audit")
    dialog.get_by_role("button", name="Export").click()
    expect(page.get_by_text("Autumn audit").first).to_be_visible()


def first_student(page: Page) -> str:
    return page.locator("tr[data-id] td[data-column=student]").first.inner_text().split("\n")[0]


def test_6c_download_documents(michael):
    page = michael.page
    # "1. Click the Downloads button on the menu."
    choose(page, "Downloads")
    page.wait_for_url(re.compile("/centre/downloads$"))
    row = page.locator("tr", has_text="Autumn audit")
    expect(row.locator("td[data-column=status]")).to_contain_text("Completed", timeout=60_000)
    michael.finds_no_barrier()
    expect(page.locator("main")).to_contain_text("not for sharing with learners")
    with page.expect_download() as coming:
        row.get_by_role("link", name="Download").click()
    packed = zipfile.ZipFile(coming.value.path())
    names = [name for name in packed.namelist() if name.endswith(".pdf")]
    assert packed.testzip() is None and len(names) == 6
    lines = list(csv.DictReader(io.StringIO(packed.read("manifest.csv").decode("utf-8-sig"))))
    assert len(lines) == 6
    # "The download status is then displayed against the download file."
    expect(row.locator("td[data-column=status]")).to_contain_text("Downloaded", timeout=15_000)
    expect(row.get_by_role("link", name="Report an issue")).to_be_visible()


def test_7_notify_learners(michael, machine):
    page = michael.page
    choose(page, "Jobs Issued")
    page.locator("tr[data-id]").first.get_by_role("link", name="View", exact=True).click()
    page.wait_for_url(re.compile(r"/centre/jobs/\d+$"))
    name = first_student(page)
    rows = page.locator("tr[data-id]", has_text=name)
    expect(rows).to_have_count(3)
    for number in range(3):
        expect(rows.nth(number).locator("td[data-column=notified]")).to_contain_text("not notified")
    # "pick transcript, certificate or letter and it will notify the candidate about all three at the same time"
    rows.filter(has_text="Transcript").get_by_role("link", name="Notify").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Notify Student")
    for button in ("Save", "Save & Notify"):
        expect(dialog.get_by_role("button", name=button, exact=True)).to_be_visible()
    michael.finds_no_barrier()
    dialog.get_by_label("Email").fill(LEARNER)
    dialog.get_by_role("button", name="Save & Notify").click()
    # The status "should change from 'Not notified' to 'Email ✓'": by itself, for all three.
    for number in range(3):
        expect(rows.nth(number).locator("td[data-column=notified]")).to_contain_text("Email", timeout=30_000)
    choose(page, "Jobs Issued")
    expect(page.locator("tr[data-id]").first.locator("td[data-column=notified]")).to_contain_text("3/6")
    # "At this stage the learner/candidate will receive an email."
    michael.waits(lambda: mail_to(machine, LEARNER, "Your record") is not None, "the notice", 30)
    notice = mail_to(machine, LEARNER, "Your record").get_body(("plain",)).get_content()
    words = " ".join(notice.split())
    assert name in words
    assert re.search(r"Your Enrolment Number is:? AMS\d{11}", words)
    assert f"{machine.url}/learner/" in words
    assert "The Digital Certificate Team" in words
    assert len([1 for raw in machine.mails() if LEARNER.encode() in raw]) == 1


def test_8_validate_documents(michael, chromium, machine, tmp_path):
    page = michael.page
    choose(page, "Records")
    page.locator("tr[data-id]").first.get_by_role("link", name="View", exact=True).click()
    page.wait_for_url(re.compile(r"/centre/records/\d+$"))
    reference = re.search(r"(?:[0-9A-Z]{4}-){3,}[0-9A-Z]{1,4}", page.locator("main").inner_text())
    assert reference is not None
    # a. "By entering the unique reference number in the 'Validate Record' tool …"
    choose(page, "Validate")
    page.get_by_label(re.compile("reference", re.IGNORECASE)).first.fill(reference[0].lower())
    page.get_by_role("button", name=re.compile("Validate|Check")).first.click()
    expect(page.locator("[data-verdict]")).to_have_attribute("data-status", "valid")
    michael.finds_no_barrier()
    # b. "… a QR code which, when scanned using a device such as a mobile phone camera, will redirect you …"
    telephone = Person(chromium, machine)
    telephone.page.set_viewport_size({"width": 390, "height": 844})
    telephone.open(f"/v/{reference[0].replace('-', '')}")
    picture = tmp_path / "page.jpg"
    picture.write_bytes(machine.get(telephone.page.locator(".verify__page img").first.get_attribute("src"))[1])
    (code,) = zxingcpp.read_barcodes(Image.open(picture))
    telephone.page.goto(code.text)
    expect(telephone.page.locator("[data-verdict]")).to_have_attribute("data-status", "valid")
    telephone.finds_no_barrier()
    telephone.close()


def test_11_adding_a_centre_user(michael):
    page = michael.page
    # "When you click on 'Users' you will see a drop-down box with four options. To add a user please select 'All'."
    users_view(page, "All")
    page.get_by_role("link", name="Create").click()
    page.get_by_label("Username").fill("new.colleague@portal.example")
    page.get_by_label("First Name").fill("Nora")
    page.get_by_label("Last Name").fill("Newly")
    page.get_by_label("Email").first.fill("new.colleague@portal.example")
    page.get_by_label("Password").first.fill(NEW_PASSWORD)
    page.get_by_label("Confirm").fill(NEW_PASSWORD)
    michael.finds_no_barrier()
    page.get_by_role("button", name="Save").first.click()
    # "Once you have saved the details you will be returned to the 'Users' view where you will see the new user listed."
    page.wait_for_url(re.compile("/centre/users"))
    row = page.locator("tr", has_text="Nora Newly")
    expect(row.locator("td[data-column=status]")).to_contain_text("Active")
    michael.finds_no_barrier()


def users_view(page: Page, name: str) -> None:
    page.locator("summary.site-menu__item", has_text="Users").click()
    page.locator(".site-menu__more .menu__item", has_text=re.compile(f"^{name}$")).click()
    page.wait_for_url(re.compile("/centre/users"))


def test_11a_editing_a_user_account(michael):
    page = michael.page
    page.locator("tr", has_text="Nora Newly").get_by_role("link", name="Edit").click()
    page.get_by_label("Email").first.fill("not.a.new.colleague@portal.example")
    page.get_by_role("button", name="Save").first.click()
    page.wait_for_url(re.compile("/centre/users"))
    # "If you edit a user's email address they will need to verify the new email address."
    row = page.locator("tr", has_text="Nora Newly")
    expect(row).to_contain_text("not.a.new.colleague@portal.example")
    expect(row.locator("td[data-column=confirmed]")).to_contain_text("No")


def test_11b_locking_a_user_account(michael):
    page = michael.page
    row = page.locator("tr", has_text="Nora Newly")
    row.get_by_role("link", name="Lock").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("User Lockout")
    dialog.get_by_label("Lockout Date").fill((clock.today() + timedelta(days=30)).isoformat())
    dialog.get_by_label("Lockout Reason").select_option(label="Staff member is on long term sick")
    dialog.get_by_label("Additional Information").fill("Back next month.")
    michael.finds_no_barrier()
    dialog.get_by_role("button", name="Confirm").click()
    # "… the user status will be displayed as 'locked' within the 'Users' menu until the account is unlocked."
    expect(row.locator("td[data-column=status]")).to_contain_text("Locked")
    users_view(page, "Locked")
    expect(page.locator("tr", has_text="Nora Newly")).to_be_visible()


def test_11c_deleting_a_user_account(michael):
    page = michael.page
    users_view(page, "All")
    row = page.locator("tr", has_text="Nora Newly")
    # "Deleting an account does not require confirmation."
    row.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Successfully deleted a user")
    michael.finds_no_barrier()
    dialog.get_by_role("link", name="OK").click()
    expect(row).to_have_count(0)
