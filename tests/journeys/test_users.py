"""Chapter 11 of the guide, in its order: an admin adds, edits, locks and deletes a user; everybody sees it live."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from portal import clock
from portal.access.actor import SYSTEM
from portal.database import db
from portal.models.users import User
from portal.services import users
from portal.unit_of_work import unit_of_work
from tests.machine import Machine
from tests.services.people import PASSWORD

pytestmark = [pytest.mark.once, pytest.mark.browser]

NEW = "anewuser@yahoo.example"
FIRST = "copper meadow window 77"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A portal in which only the web process runs; its clock's work is done by hand."""
    machine = Machine(tmp_path_factory.mktemp("users"))
    try:
        machine.start("redis", "web")
        yield machine
    finally:
        machine.close()


def test_chapter_11(person, machine):
    michael = person().sign_in("centre", "michael.white")
    second = person().sign_in("centre", "michael.white")
    rita = person().sign_in("centre", "rita.rival")
    page, watching = michael.page, second.page
    for one in (second, rita):
        one.open("/centre/users")
        one.is_live()
        one.page.evaluate("window.unrefreshed = true")

    # Users in the menu is a drop-down of four; All leads to the list. By keyboard.
    more = page.locator("summary.site-menu__item", has_text="Users")
    more.focus()
    page.keyboard.press("Enter")
    views = page.locator(".site-menu__more .menu__item")
    expect(views).to_have_text(["All", "Active", "Locked", "Inactive"])
    page.keyboard.press("Escape")
    expect(views.first).to_be_hidden()
    expect(more).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/centre/users$"))
    michael.finds_no_barrier()

    # Create: the email address is the username; the password is noted; Save leads back to the list.
    page.get_by_role("link", name="Create").click()
    page.get_by_label("Username").fill(NEW)
    expect(page.get_by_label("Email", exact=False)).to_have_value(NEW)
    page.get_by_label("First Name").fill("Anew")
    page.get_by_label("Last Name").fill("Arrival")
    page.get_by_label("Password", exact=False).first.fill(FIRST)
    page.get_by_label("Confirm").fill(FIRST)
    michael.finds_no_barrier()
    page.get_by_role("button", name="Save").first.click()
    page.wait_for_url(re.compile(r"/centre/users$"))
    expect(page.get_by_text("Pass the password on")).to_be_visible()
    row = page.locator("tbody tr", has_text="Anew Arrival")
    seen = watching.locator("tbody tr", has_text="Anew Arrival")
    for one in (row, seen):
        expect(one.locator("td[data-column=username]")).to_have_text(NEW, timeout=10_000)
        expect(one.locator("td[data-column=status]")).to_have_text("Active")
        expect(one.locator("td[data-column=admin]")).to_have_text("No")
        expect(one.locator("td[data-column=confirmed]")).to_have_text("Yes")
    michael.is_live()
    page.evaluate("window.unrefreshed = true")

    # The user comes in with the password that was passed on, and has to choose another.
    anew = person()
    anew.open("/centre/login")
    anew.page.get_by_label("email address").fill(NEW)
    anew.page.get_by_label("password", exact=False).first.fill(FIRST)
    anew.page.get_by_role("button", name="Log in").click()
    for label in ("New password", "Confirm password"):
        anew.page.get_by_label(label, exact=False).first.fill(PASSWORD)
    anew.page.locator("main").get_by_role("button").last.click()
    anew.page.wait_for_url(re.compile(r"/centre/login"))
    anew.page.get_by_label("email address").fill(NEW)
    anew.page.get_by_label("password", exact=False).first.fill(PASSWORD)
    anew.page.get_by_role("button", name="Log in").click()
    anew.page.wait_for_url(re.compile(r"/centre/$"))
    anew.open("/centre/jobs")
    anew.is_live()

    # b. Locking, by keyboard: Tab to the padlock, the dialog, Confirm. The user is out at once, on whatever page.
    row.locator("[data-action=lock]").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="User Lockout")
    expect(dialog.get_by_label("Lockout Date")).to_be_focused()
    michael.finds_no_barrier()
    dialog.get_by_label("Lockout Date").fill(clock.today().isoformat())
    dialog.get_by_label("Lockout Reason").select_option("Staff member is on long term sick")
    dialog.get_by_label("Additional Information").fill("Until Easter.")
    dialog.get_by_role("button", name="Confirm").press("Enter")
    expect(dialog.get_by_text("The lockout date must be in the future").first).to_be_visible()
    expect(dialog.get_by_label("Additional Information")).to_have_value("Until Easter.")
    day = clock.today() + timedelta(days=30)
    dialog.get_by_label("Lockout Date").fill(day.isoformat())
    dialog.get_by_role("button", name="Confirm").press("Enter")
    expect(dialog).to_be_hidden()
    for one in (row, seen):
        expect(one.locator("td[data-column=status]")).to_contain_text(f"until {clock.uk_date(day)}", timeout=10_000)
    anew.page.wait_for_url(re.compile(r"/centre/login"), timeout=10_000)
    assert page.evaluate("document.activeElement.closest('.grid') !== null"), "the focus stays in the list"

    # The lock ends by itself when its day comes, and every open list says so.
    with machine.here():
        ident = db.session.scalars(select(User.id).where(User.email == NEW)).one()
        with unit_of_work(SYSTEM):
            db.session.get_one(User, ident).locked_until = clock.now()
        assert users.end_locks() == 1
    for one in (row, seen):
        expect(one.locator("td[data-column=status]")).to_have_text("Active", timeout=10_000)

    # c. Deleting: one click, no question, "Successfully deleted a user", OK and Undo. By keyboard.
    row.locator("[data-action=delete]").focus()
    page.keyboard.press("Enter")
    done = page.get_by_role("dialog")
    expect(done.get_by_text("Successfully deleted a user")).to_be_visible()
    expect(done.get_by_role("link", name="OK")).to_be_focused()
    expect(seen).to_have_count(0, timeout=10_000)
    michael.finds_no_barrier()
    page.keyboard.press("Shift+Tab")
    expect(done.get_by_role("button", name="Undo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(done).to_be_hidden()
    for one in (row, seen):
        expect(one).to_have_count(1, timeout=10_000)
    expect(page.get_by_text("Anew Arrival is back.")).to_be_visible()

    # What cannot be done says why in the dialog, and nothing is lost.
    own = page.locator("tbody tr", has_text="Michael White")
    own.locator("[data-action=delete]").click()
    expect(done.get_by_text("You cannot do this to your own account.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(own).to_have_count(1)
    row.locator("[data-action=delete]").click()
    done.get_by_role("link", name="OK").click()
    expect(row).to_have_count(0, timeout=10_000)
    expect(done).to_be_hidden()
    expect(page.locator(".grid__scroll")).to_be_focused()

    # All this time nobody refreshed a page, and the rival saw none of it.
    assert page.evaluate("window.unrefreshed") is True and watching.evaluate("window.unrefreshed") is True
    assert [frame for frame in rita.frames if '"changed"' in frame] == []
    expect(rita.page.locator("tbody tr")).to_have_count(1)

    # a. Editing, last because it is a page of its own: a new address waits to be confirmed; inactive is a tick.
    page.get_by_role("link", name="Deleted").click()
    page.locator("tbody tr", has_text="Anew Arrival").get_by_role("button", name="Restore").click()
    expect(page.locator("tbody tr")).to_have_count(0, timeout=10_000)
    page.locator("main").get_by_role("link", name="Users").click()
    row.get_by_role("link", name="Edit").click()
    michael.finds_no_barrier()
    page.get_by_label("Email", exact=False).fill("not" + NEW)
    page.get_by_label("Active").uncheck()
    page.get_by_role("button", name="Save").first.click()
    page.wait_for_url(re.compile(r"/centre/users$"))
    for one in (row, seen):
        expect(one.locator("td[data-column=email]")).to_have_text("not" + NEW, timeout=10_000)
        expect(one.locator("td[data-column=username]")).to_have_text(NEW)
        expect(one.locator("td[data-column=status]")).to_have_text("Inactive")
        expect(one.locator("td[data-column=confirmed]")).to_have_text("No")


def test_it_works_without_scripts(person):
    michael = person(java_script_enabled=False).sign_in("centre", "michael.white")
    page = michael.open("/centre/")
    page.locator("summary.site-menu__item", has_text="Users").click()
    page.locator(".site-menu__more .menu__item", has_text="Active").first.click()
    assert page.url.endswith("/centre/users?status=active")
    row = page.locator("tbody tr", has_text="Anew User")
    row.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Successfully deleted a user")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Anew User is back.")).to_be_visible()
    row.get_by_role("link", name="Lock").click()
    page.get_by_label("Lockout Date").fill((clock.today() + timedelta(days=3)).isoformat())
    page.get_by_label("Lockout Reason").select_option(index=1)
    page.get_by_role("button", name="Confirm").click()
    expect(row.locator("td[data-column=status]")).to_contain_text("Locked")
    row.get_by_role("button", name="Unlock").click()
    expect(row.locator("td[data-column=status]")).to_have_text("Active")


def test_a_button_of_a_row_that_asks_first_does_nothing_before_the_answer(person):
    michael = person().sign_in("centre", "michael.white")
    page = michael.open("/centre/users")
    michael.is_live()
    row = page.locator("tbody tr", has_text="Anew User")
    row.locator("[data-action=delete]").evaluate("button => { button.dataset.confirm = 'Delete Anew User?' }")
    asked = page.locator("#portal-confirm")
    row.locator("[data-action=delete]").click()
    expect(asked.get_by_text("Delete Anew User?")).to_be_visible()
    asked.locator("button[value=no]").click()
    expect(asked).to_be_hidden()
    expect(page.locator("#portal-dialog")).to_be_hidden()
    row.locator("[data-action=delete]").click()
    asked.locator("button[value=yes]").click()
    expect(page.get_by_text("Successfully deleted a user")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(row).to_have_count(1, timeout=10_000)
