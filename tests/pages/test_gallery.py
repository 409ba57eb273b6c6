"""The components in a real browser: readable for everybody, by keyboard, in both themes, and without JavaScript."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page, expect, sync_playwright
from werkzeug.serving import make_server

pytestmark = [pytest.mark.browser, pytest.mark.once]

PAGES = (
    "/gallery",
    "/gallery/frames/centre",
    "/gallery/frames/issuer",
    "/gallery/frames/learner",
    "/gallery/frames/public",
    "/gallery/frames/door",
    "/gallery/notify",
    "/gallery/preview",
    "/gallery/error/404",
)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
# A live connection is the matter of other tests; here its state is set by hand.
STARTED = """async () => {
  const main = new URL(document.querySelector("script[type=module][src*='/js/main.js']").src);
  const names = [...document.querySelectorAll("[data-module]")].map((element) => element.dataset.module);
  await Promise.all(names.map((name) => import(new URL(`./modules/${name}.js`, main))));
}"""
"""Waits for the modules of a page; they have begun by then, for the page asked for them first."""
NO_LIVE = "export function watch() { return () => {}; } export function onState() { return () => {}; }"


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path)
        yield browser
        browser.close()


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    contexts = []

    def open_page(path: str = "/gallery", **options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(8000)
        page.route("**/js/live.js", lambda route: route.fulfill(body=NO_LIVE, content_type="text/javascript"))
        page.goto(address + path)
        if options.get("java_script_enabled", True):
            page.evaluate(STARTED)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_axe_finds_nothing(open_page: Any, path: str, theme: str, width: int) -> None:
    page = open_page(path, color_scheme=theme, reduced_motion="reduce", viewport={"width": width, "height": 900})
    violations = Axe().run(page, options=RULES).response["violations"]
    assert not violations, [(one["id"], [node["target"] for node in one["nodes"]]) for one in violations]


def test_pages_fit_into_320_pixels(open_page: Any, address: str) -> None:
    page = open_page(viewport={"width": 320, "height": 800})
    wide = []
    for path in PAGES:
        page.goto(address + path)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(path)
    assert not wide


def test_a_link_shows_its_page_in_a_dialog_and_its_errors_in_place(open_page: Any) -> None:
    page = open_page()
    page.get_by_role("link", name="Notify").first.click()
    dialog = page.get_by_role("dialog", name="Notify Student")
    expect(dialog.get_by_label("Email")).to_be_focused()
    dialog.get_by_role("button", name="Save & Notify").click()
    expect(dialog.get_by_text("Enter an email address.")).to_be_visible()
    assert page.url.endswith("/gallery")


def test_a_dialog_that_did_its_work_closes_and_says_so(open_page: Any) -> None:
    page = open_page()
    page.get_by_role("link", name="Notify").first.click()
    dialog = page.get_by_role("dialog", name="Notify Student")
    dialog.get_by_label("Email").fill("learner@home.example")
    dialog.get_by_role("button", name="Save & Notify").click()
    expect(dialog).to_be_hidden()
    expect(page.locator(".toast__text")).to_have_text("Saved. Nobody was notified: this is the gallery.")


def test_a_dialog_is_a_page_without_javascript(open_page: Any) -> None:
    page = open_page(java_script_enabled=False)
    page.get_by_role("link", name="Notify").first.click()
    assert page.url.endswith("/gallery/notify")
    page.get_by_label("Email").fill("learner@home.example")
    page.get_by_role("button", name="Save & Notify").click()
    expect(page.get_by_text("Saved. Nobody was notified: this is the gallery.")).to_be_visible()


def test_what_is_dangerous_is_asked_first(open_page: Any) -> None:
    page = open_page()
    page.get_by_role("button", name="Cancel documents").click()
    asked = page.get_by_role("dialog", name="Are you sure?")
    expect(asked.get_by_text("Cancel 12 documents?")).to_be_visible()
    asked.get_by_role("button", name="Cancel", exact=True).click()
    expect(asked).to_be_hidden()
    assert page.url.endswith("/gallery")


def test_the_viewer_is_led_by_the_keyboard(open_page: Any) -> None:
    page = open_page()
    page.get_by_role("link", name="Document Viewer").first.click()
    viewer = page.locator("#portal-dialog .viewer")
    expect(viewer.get_by_text("Page 1 of 2")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(viewer.get_by_text("Page 2 of 2")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(viewer.get_by_text("Page 1 of 2")).to_be_visible()
    zoom = viewer.get_by_label("Zoom", exact=True)
    before = zoom.inner_text()
    page.keyboard.press("+")
    expect(zoom).not_to_have_text(before)
    page.keyboard.press("0")
    expect(zoom).to_have_text(before)
    page.keyboard.press("Escape")
    expect(viewer).to_be_hidden()
    expect(page.get_by_role("link", name="Document Viewer").first).to_be_focused()


def test_the_viewer_says_what_paper_it_shows_and_what_is_not_valid(open_page: Any) -> None:
    page = open_page("/gallery/preview")
    page.get_by_role("link", name="Certificate, print view").click()
    expect(page.get_by_text("Print view — logo and border are part of the paper")).to_be_visible()
    expect(page.locator(".viewer__watermark:visible")).to_have_text("Cancelled")
    page.get_by_role("link", name="Broken").click()
    expect(page.get_by_text("This document cannot be shown now.")).to_be_visible()


def test_the_viewer_shows_all_pages_without_javascript(open_page: Any) -> None:
    page = open_page("/gallery/preview", java_script_enabled=False)
    expect(page.locator(".viewer__page:visible")).to_have_count(4)


def test_the_meter_follows_the_figures(open_page: Any) -> None:
    page = open_page()
    bar = page.get_by_role("region", name="Progress of this job")
    bar.locator("[data-figure=completed]").evaluate("figure => { figure.textContent = '134'; }")
    page.wait_for_function("document.querySelector('.summary-bar__completed').style.width === '50%'")


def test_the_page_says_honestly_whether_it_is_live(open_page: Any) -> None:
    page = open_page()
    say = "state => { document.documentElement.dataset.live = state; }"
    word = page.locator(".live-indicator__word")
    page.evaluate(say, "live")
    expect(word).to_have_text("Live")
    page.evaluate(say, "stale")
    expect(word).to_have_text("Delayed")
    page.evaluate(say, "offline")
    expect(word).to_contain_text("Offline since")
    expect(page.get_by_text("The connection is lost.")).to_be_visible(timeout=10_000)
    page.evaluate(say, "live")
    expect(page.get_by_text("The connection is lost.")).to_be_hidden()


def test_a_chosen_theme_is_kept(open_page: Any) -> None:
    page = open_page(color_scheme="light")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(ground) != light
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate(ground) != light
