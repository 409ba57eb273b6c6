"""An export as its centre sees it: open lists move, whoever asked is told wherever they are, a rival hears nothing."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from sqlalchemy import func, select

from portal.database import db
from portal.models.documents import Document
from portal.tasks import documents
from portal.tasks import downloads as packing
from portal.vocabulary import Production
from tests.machine import Machine

pytestmark = [pytest.mark.once, pytest.mark.browser]

RECORDS = 6


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A portal with a drawn job, in which only the web process runs."""
    machine = Machine(tmp_path_factory.mktemp("downloads"))
    try:
        machine.start("redis", "web")
        job = machine.publish_here(RECORDS, kinds="letter")
        with machine.here():
            waiting = select(func.count()).where(Document.production == Production.PENDING)
            while db.session.scalar(waiting):
                documents.draw(job)
        yield machine
    finally:
        machine.close()


@pytest.fixture
def turn(machine, monkeypatch):
    """A function that gives the worker its turns, each of one document."""
    monkeypatch.setattr(packing, "TURN", 0.0)

    def act(times=1):
        with machine.here():
            for _ in range(times):
                packing.pack(0)

    return act


def test_an_export_is_followed_by_everybody_it_concerns(person, machine, turn):
    michael = person().sign_in("centre", "michael.white")
    anew = person().sign_in("centre", "anew.user")
    rita = person().sign_in("centre", "rita.rival")
    hers = rita.open("/centre/downloads")
    expect(hers.get_by_text("No export yet.")).to_be_visible()
    theirs = anew.open("/centre/downloads")
    anew.is_live()
    rita.is_live()
    anew.finds_no_barrier()

    # Michael chooses everything that matches, and names it; all by keyboard from the button on.
    own = michael.open("/centre/records")
    michael.is_live()
    own.get_by_label(re.compile("Select all")).check()
    button = own.locator("[data-grid-bulk] button[data-action=export]")
    expect(button).to_be_enabled()
    button.press("Enter")
    dialog = own.locator("#portal-dialog")
    expect(dialog).to_contain_text(f"All {RECORDS} records")
    michael.finds_no_barrier()
    own.keyboard.type("Autumn")
    own.keyboard.press("Enter")
    expect(own.locator("#toasts")).to_contain_text("“Autumn” will be in Downloads in a moment.")
    assert own.locator("#toasts a").get_attribute("href") == "/centre/downloads"
    expect(dialog).to_be_hidden()

    # The list of a colleague moves by itself, and its rows keep their place.
    row = theirs.locator("tr", has_text="Autumn")
    expect(row).to_contain_text("Pending")
    height = row.bounding_box()["height"]
    own = michael.open("/centre/validate")
    michael.is_live()
    turn(2)
    expect(row).to_contain_text("Processing")
    expect(row.locator(".progress__figure")).to_have_text(f"2 / {RECORDS}")
    turn()
    expect(row.locator(".progress__figure")).to_have_text(f"3 / {RECORDS}")
    assert row.bounding_box()["height"] == height
    anew.finds_no_barrier()
    turn(RECORDS)
    expect(row).to_contain_text("Completed")
    assert row.bounding_box()["height"] == height

    # Michael is told on the page where he is.
    toast = own.locator("#toasts")
    expect(toast).to_contain_text("“Autumn” is ready in Downloads.")
    toast.get_by_role("link", name="Show").click()
    own.wait_for_url(re.compile("/centre/downloads$"))
    michael.is_live()

    # A colleague fetches it, and Michael sees that it arrived.
    with theirs.expect_download() as fetched:
        row.get_by_role("link", name="Download", exact=True).click()
    assert fetched.value.suggested_filename == "Autumn.zip"
    with zipfile.ZipFile(fetched.value.path()) as zipped:
        assert zipped.testzip() is None
        assert len(zipped.namelist()) == RECORDS + 1
    mine = own.locator("tr", has_text="Autumn")
    expect(mine).to_contain_text(re.compile(r"Downloaded \d\d/\d\d/\d{4} \d\d:\d\d:\d\d by Anew User"))

    # On a telephone it is a card with everything on it.
    own.set_viewport_size({"width": 390, "height": 844})
    expect(mine.get_by_role("link", name="Download", exact=True)).to_be_in_viewport()
    assert own.evaluate("document.documentElement.scrollWidth") <= 390
    michael.finds_no_barrier()

    # Removed by one, gone for all.
    mine.get_by_role("button", name="Remove").click()
    own.locator("#portal-confirm [data-confirm-yes]").click()
    expect(mine).to_have_count(0)
    expect(theirs.get_by_text("No export yet.")).to_be_visible()

    expect(hers.get_by_text("No export yet.")).to_be_visible()
    heard = "".join(rita.frames)
    assert f"centre:{machine.people.hillside}:" in heard
    assert f"centre:{machine.people.riverside}:" not in heard
    assert "desk:" + str(machine.people.michael) not in heard
