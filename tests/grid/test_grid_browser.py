"""A list in a real browser: by keyboard and mouse, live, and without JavaScript."""

from __future__ import annotations

import json
import threading
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import request
from playwright.sync_api import expect, sync_playwright
from sqlalchemy import delete, update
from werkzeug.serving import make_server

from portal.web.headers import CSP
from tests.grid.library import Book, Loan, book, fill

pytestmark = pytest.mark.browser

# The socket has its own tests; here facts are told by hand, so that each can be told at the moment that matters.
LIVE = """export function watch(room, since, handlers) {
  window.told = { room, since, ...handlers };
  handlers.state("live");
  document.documentElement.dataset.told = "yes";
  return () => {};
}"""


WATCH_CELLS = """() => {
  window.replaced = [];
  const note = (change) => window.replaced.push(change.target.dataset.column ?? change.target.localName);
  new MutationObserver((changes) => changes.forEach(note))
    .observe(document.querySelector("tbody"), { childList: true, subtree: true });
}"""


@pytest.fixture(scope="module")
def browser(chromium_path):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path)
        yield browser
        browser.close()


@pytest.fixture
def address(app):
    app.extensions["grid_test_requests"] = []
    app.config["WTF_CSRF_ENABLED"] = False

    # The portal's own policy: whatever a list does must do without inline styles and scripts.
    @app.after_request
    def harden(response):
        response.headers["Content-Security-Policy"] = CSP
        return response

    @app.before_request
    def note():
        if request.path == "/books":
            app.extensions["grid_test_requests"].append(
                (request.headers.get("X-Grid", ""), request.query_string.decode())
            )

    app.view_functions["export"] = lambda: json.dumps(request.form.to_dict(flat=False))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}/books"
    server.shutdown()
    thread.join()


@pytest.fixture
def open_page(browser, address):
    contexts = []

    def open_page(query="", **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(8000)
        page.faults = []
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on("console", lambda said: page.faults.append(said.text) if said.type == "error" else None)
        page.route("**/static/js/live.js", lambda route: route.fulfill(body=LIVE, content_type="text/javascript"))
        page.goto(address + query)
        if options.get("java_script_enabled", True):
            page.wait_for_selector("html[data-told]", state="attached")
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def asked(app):
    """What the browser has asked of the list since the last look: pairs of shape and query."""

    def look():
        seen = list(app.extensions["grid_test_requests"])
        app.extensions["grid_test_requests"].clear()
        return seen

    return look


def ids(page):
    return page.eval_on_selector_all("tr[data-id]", "rows => rows.map(row => row.dataset.id)")


def tell(page, ids, seq=42):
    page.evaluate("([ids, seq]) => window.told.changed(ids, seq)", [ids, seq])


def test_search_keeps_the_focus_and_is_in_the_address(open_page, session, asked):
    fill(session, *(book(n) for n in range(1, 61)))
    page = open_page()
    asked()
    page.get_by_placeholder("Search for any term…").press_sequentially("0012", delay=20)
    expect(page.locator("tr[data-id]")).to_have_count(1)
    assert asked() == [("fragment", "q=0012")]  # one question, not one for each letter
    assert page.evaluate("document.activeElement.name") == "q"
    assert urlsplit(page.url).query == "q=0012"
    expect(page.get_by_role("status").first).to_have_text("1 book")
    page.reload()
    assert ids(page) == ["12"]
    page.go_back()
    expect(page.locator("tr[data-id]")).to_have_count(25)
    assert page.faults == []


def test_sort_filter_and_pages_come_back_with_the_history(open_page, session, asked):
    fill(session, *(book(n) for n in range(1, 61)))
    page = open_page()
    page.get_by_role("link", name="Pages", exact=True).click()
    expect(page.locator("tr[data-id]").first).to_have_attribute("data-id", "1")
    expect(page.get_by_role("columnheader", name="Pages")).to_have_attribute("aria-sort", "ascending")
    assert page.evaluate("document.activeElement.dataset.focus") == "sort-pages"
    page.get_by_role("link", name="Next").click()
    expect(page.locator("tr[data-id]").first).to_have_attribute("data-id", "26")
    page.get_by_text("Advanced filter").first.click()
    page.get_by_label("State").select_option("back")
    page.locator(".grid__panel").get_by_role("button", name="Filter!").click()
    expect(page.locator("tr[data-id]").first).to_have_attribute("data-id", "2")
    assert urlsplit(page.url).query == "state=back&sort=pages"
    expect(page.get_by_role("link", name="State Returned Remove")).to_be_visible()
    page.go_back()
    expect(page.locator("tr[data-id]").first).to_have_attribute("data-id", "26")
    expect(page.get_by_label("State")).to_have_value("")
    page.go_forward()
    expect(page.get_by_label("State")).to_have_value("back")
    page.get_by_role("link", name="Clear filters").first.click()
    expect(page.locator("tr[data-id]").first).to_have_attribute("data-id", "1")
    assert [shape for shape, _ in asked()].count("") == 1
    assert page.faults == []


def test_only_changed_cells_change_and_nothing_jumps(open_page, session, asked):
    fill(session, *(book(n) for n in range(1, 61)))
    page = open_page()
    page.locator('tr[data-id="53"] [data-action="view"]').focus()
    page.evaluate(WATCH_CELLS)
    session.execute(update(Book).where(Book.id.in_([53, 51])).values(state=Loan.BACK))
    session.commit()
    asked()
    tell(page, [53])
    tell(page, [51, 53])
    tell(page, [1])  # not on screen, and not new
    expect(page.locator('tr[data-id="51"] [data-column="state"]')).to_have_text("back")
    expect(page.locator('tr[data-id="53"] [data-column="state"]')).to_have_text("back")
    shapes = asked()
    # The first change after a quiet time is fetched at once, what comes right after it is gathered.
    assert shapes == [("rows", "ids=53"), ("rows", "ids=51%2C53")]
    assert set(page.evaluate("window.replaced")) <= {"state", "actions"}
    assert page.evaluate("document.activeElement.closest('tr').dataset.id") == "53"
    assert page.locator('tr[data-id="53"] [data-column="state"]').get_attribute("class").endswith("is-changed")
    assert "is-changed" not in page.locator('tr[data-id="53"] [data-column="title"]').get_attribute("class")
    assert page.faults == []


def test_a_meter_moves_in_place_and_is_no_news(open_page, session, asked):
    fill(session, *(book(n) for n in range(1, 11)))
    page = open_page()
    cell = page.locator('tr[data-id="5"] [data-column="read"]')
    page.evaluate("window.meter = document.querySelector('tr[data-id=\"5\"] .progress')")
    for pages in (1000, 1500, 2000):
        session.execute(update(Book).where(Book.id == 5).values(pages=pages))
        session.commit()
        tell(page, [5])
        expect(cell.locator(".progress__figure")).to_have_text(f"{pages} / 2000")
        assert page.evaluate("window.meter.isConnected")
        assert "is-changed" not in cell.get_attribute("class")
    asked()
    tell(page, [6])
    page.wait_for_timeout(600)
    assert len(asked()) == 1
    assert page.locator('tr[data-id="6"] .is-changed').count() == 0
    assert page.faults == []


def test_a_new_row_appears_at_the_top_of_the_first_page(open_page, session):
    fill(session, *(book(n) for n in range(1, 31)))
    page = open_page()
    fill(session, book(31))
    tell(page, [31])
    expect(page.locator("tr[data-id]").first).to_have_attribute("data-id", "31")
    expect(page.get_by_role("status").first).to_have_text("1–25 of 31 books")
    assert len(ids(page)) == 25


def test_elsewhere_a_new_row_is_offered_not_forced(open_page, session, asked):
    fill(session, *(book(n) for n in range(1, 61)))
    page = open_page("?page=2")
    fill(session, book(61), book(62))
    asked()
    tell(page, [61])
    tell(page, [62])
    tell(page, [60])  # not on this page, but not new
    expect(page.get_by_role("button", name="2 new")).to_be_visible()
    assert asked() == []
    page.get_by_role("button", name="2 new").click()
    expect(page.locator("tr[data-id]").first).to_have_attribute("data-id", "62")
    expect(page.get_by_role("button", name="2 new")).to_have_count(0)


def test_a_row_that_is_gone_or_matches_no_more_leaves(open_page, session):
    fill(session, *(book(n) for n in range(1, 31)))
    page = open_page("?state=out")
    session.execute(delete(Book).where(Book.id == 29))
    session.execute(update(Book).where(Book.id == 27).values(state=Loan.BACK))
    session.commit()
    page.locator('tr[data-id="29"] [data-action="view"]').focus()
    tell(page, [29, 27])
    expect(page.locator('tr[data-id="29"]')).to_have_count(0)
    expect(page.locator('tr[data-id="27"]')).to_have_count(0)
    expect(page.get_by_role("status").first).to_have_text("13 books")
    assert page.evaluate("document.activeElement !== document.body")


def test_reload_all_compares_the_page_and_keeps_the_place(open_page, session):
    fill(session, *(book(n) for n in range(1, 61)))
    page = open_page()
    page.evaluate("scrollTo(0, 300)")
    page.locator('tr[data-id="50"] [data-action="view"]').focus()
    before = page.evaluate("document.activeElement.getBoundingClientRect().top")
    page.evaluate("window.kept = document.querySelector('tr[data-id=\"50\"]')")
    session.execute(update(Book).where(Book.id == 48).values(reader="Somebody new"))
    session.commit()
    tell(page, None)
    expect(page.locator('tr[data-id="48"] [data-column="reader"]')).to_have_text("Somebody new")
    assert page.evaluate("window.kept.isConnected && document.activeElement.closest('tr') === window.kept")
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") == before


def test_a_row_elsewhere_that_comes_to_match_arrives(open_page, session):
    fill(session, *(book(n) for n in range(1, 41)))
    page = open_page("?state=out&pages_to=9")
    session.execute(update(Book).where(Book.id == 2).values(state=Loan.OUT))
    session.commit()
    tell(page, [2])
    expect(page.locator('tr[data-id="2"]')).to_have_count(1, timeout=6000)


def test_what_could_not_be_loaded_is_said_and_can_be_retried(open_page, session):
    fill(session, *(book(n) for n in range(1, 41)))
    page = open_page()
    page.context.set_offline(True)
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_role("alert")).to_contain_text("could not be loaded")
    assert urlsplit(page.url).query == ""
    page.context.set_offline(False)
    page.get_by_role("button", name="Retry").first.click()
    expect(page.locator("tr[data-id]")).to_have_count(15)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_change_that_could_not_be_fetched_is_fetched_later(open_page, session):
    fill(session, *(book(n) for n in range(1, 11)))
    page = open_page()
    page.context.set_offline(True)
    session.execute(update(Book).where(Book.id == 3).values(reader="Late"))
    session.commit()
    tell(page, [3])
    page.wait_for_selector(".grid[data-behind]")
    page.context.set_offline(False)
    expect(page.locator('tr[data-id="3"] [data-column="reader"]')).to_have_text("Late", timeout=8000)
    expect(page.locator(".grid")).not_to_have_attribute("data-behind", "")


def test_the_answer_to_the_last_question_wins(open_page, session, address):
    fill(session, *(book(n) for n in range(1, 41)))
    page = open_page()

    def slow(route):
        if "q=slow" in route.request.url:
            page.wait_for_timeout(400)
        route.continue_()

    page.route("**/books?q=*", slow)
    box = page.get_by_placeholder("Search for any term…")
    box.fill("slow")
    page.wait_for_timeout(300)
    box.fill("0007")
    expect(page.locator("tr[data-id]")).to_have_count(1)
    page.wait_for_timeout(600)
    assert ids(page) == ["7"]


def test_a_bad_question_shows_its_sentence_in_place(open_page, session):
    fill(session, book(1))
    page = open_page()
    page.get_by_text("Advanced filter").first.click()
    pages = page.get_by_role("group", name="Pages", exact=True)
    pages.get_by_label("From").fill("9")
    pages.get_by_label("To").fill("3")
    page.locator(".grid__panel").get_by_role("button", name="Filter!").click()
    expect(page.get_by_role("alert")).to_contain_text("end of the range")
    assert ids(page) == []


def selected(page):
    return page.locator("[data-grid-selected]")


def sent(page):
    page.get_by_role("button", name="Export").click()
    form = json.loads(page.locator("body").inner_text())
    assert form.pop("csrf_token")
    return form


def export(page):
    return page.locator("[data-action=download] .button__label")


def test_a_selection_survives_the_pages(open_page, session):
    fill(session, *(book(n) for n in range(1, 61)))
    page = open_page()
    page.get_by_label("Select Book 0060").check()
    page.get_by_label("Select Book 0059").check()
    page.get_by_role("link", name="Next").click()
    page.get_by_label("Select Book 0030").check()
    expect(selected(page)).to_have_text("3 books selected")
    expect(export(page)).to_have_text("Export 3 books")
    page.reload()
    expect(selected(page)).to_have_text("3 books selected")
    page.get_by_role("link", name="Previous").click()
    expect(page.get_by_label("Select Book 0060")).to_be_checked()
    page.get_by_label("Select Book 0060").uncheck()
    expect(selected(page)).to_have_text("2 books selected")
    form = sent(page)
    assert form["ids"] == ["59,30"] and "id" not in form and "selection" not in form and "query" not in form


def test_all_that_match_is_said_and_frozen_at_the_click(open_page, session):
    fill(session, *(book(n) for n in range(1, 61)))
    page = open_page("?q=book&state=out")
    page.get_by_label("Select all 30 books that match").check()
    expect(selected(page)).to_have_text("30 books selected")
    expect(page.locator("[data-grid-tick]:checked")).to_have_count(25)
    fill(session, book(61))
    tell(page, [61])
    expect(page.locator("tr[data-id]").first).to_have_attribute("data-id", "61")
    expect(selected(page)).to_have_text("30 books selected")
    page.get_by_label("Select Book 0059").uncheck()
    expect(selected(page)).to_have_text("29 books selected")
    expect(export(page)).to_have_text("Export 29 books")
    form = sent(page)
    assert form == {"selection": ["all"], "query": ["q=book&state=out"], "but": ["59"], "upto": ["59"]}


def test_another_question_has_another_selection(open_page, session):
    fill(session, *(book(n) for n in range(1, 31)))
    page = open_page()
    page.get_by_label("Select Book 0030").check()
    page.get_by_placeholder("Search for any term…").fill("0030")
    expect(page.locator("tr[data-id]")).to_have_count(1)
    expect(selected(page)).to_have_text("")
    expect(export(page)).to_have_text("Export")
    expect(page.get_by_role("button", name="Export")).to_be_disabled()
    page.go_back()
    expect(selected(page)).to_have_text("1 book selected")
    expect(export(page)).to_have_text("Export 1 book")
    page.get_by_role("button", name="Clear selection").click()
    expect(page.get_by_label("Select Book 0030")).not_to_be_checked()


def test_shift_selects_a_run(open_page, session):
    fill(session, *(book(n) for n in range(1, 31)))
    page = open_page()
    page.get_by_label("Select Book 0030").click()
    page.get_by_label("Select Book 0021").click(modifiers=["Shift"])
    expect(selected(page)).to_have_text("10 books selected")


def test_without_javascript_everything_works_by_links_and_forms(open_page, session):
    fill(session, *(book(n) for n in range(1, 61)))
    page = open_page(java_script_enabled=False)
    page.get_by_placeholder("Search for any term…").fill("book")
    page.get_by_role("button", name="Filter!").first.click()
    assert parse_qs(urlsplit(page.url).query)["q"] == ["book"]
    page.locator("summary").click()
    page.get_by_label("State").select_option("back")
    page.locator(".grid__panel").get_by_role("button", name="Filter!").click()
    assert ids(page)[0] == "60" and len(ids(page)) == 25
    page.get_by_role("link", name="Next").click()
    assert len(ids(page)) == 5
    page.get_by_role("link", name="Pages", exact=True).click()
    assert ids(page)[0] == "2"
    page.get_by_label("Select Book 0004").check()
    form = sent(page)
    assert form["id"] == ["4"] and form["query"] == ["q=book&state=back"]


@pytest.mark.once
@pytest.mark.parametrize("size", [{"width": 1280, "height": 900}, {"width": 375, "height": 800}])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("query", ["", "?q=book&state=out&page=2", "?q=nothing", "?page=0"])
def test_axe_finds_nothing(open_page, session, size, scheme, query):
    fill(session, *(book(n, title=f"Level 3 Diploma in the Theory and Practice of {n}") for n in range(1, 61)))
    page = open_page(query, viewport=size, color_scheme=scheme)
    if "nothing" not in query and "page=0" not in query:
        page.get_by_text("Advanced filter").first.click()
    results = Axe().run(page, options={"rules": {"region": {"enabled": False}}})
    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
