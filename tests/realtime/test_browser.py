"""live.js in a real browser: it applies, catches up, and says honestly whether the page is live."""

import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, sync_playwright

from tests.realtime.stage import Stage
from tests.servers.ports import wait_until
from tests.servers.redis import TestRedis

pytestmark = [pytest.mark.patient, pytest.mark.browser]

# A page of the portal's own origin and with its content policy, that is nobody's: what a list does, in four lines.
WATCH = """async ([room, since]) => {
  const live = await import("/static/js/live.js");
  window.heard = []; window.states = []; window.ticks = []; window.statuses = [];
  live.onState((state) => window.states.push([state, Date.now()]));
  window.unwatch = live.watch(room, since, {
    changed: (ids, seq) => window.heard.push([ids, seq]),
    tick: (data) => window.ticks.push(data.done),
    status: (payload) => window.statuses.push(payload.status),
  });
}"""

# What a browser does when a proxy answers the handshake with an error page.
BLOCKED = """window.WebSocket = class {
  constructor() { setTimeout(() => { this.onerror?.(new Event("error")); this.onclose?.({ code: 1006 }); }, 20); }
  close() {}
};"""


@pytest.fixture
def context(chromium_path: str) -> Iterator[BrowserContext]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        context = browser.new_context()
        context.set_default_timeout(10_000)
        yield context
        browser.close()


@pytest.fixture(scope="module")
def shared_web(redis_server: TestRedis, new_database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("browser"), new_database(), redis_server.url)
    try:
        yield stage
    finally:
        stage.close()


@pytest.fixture
def web(shared_web: Stage) -> Stage:
    """A web process that runs, whatever the test before did to it."""
    return shared_web if shared_web.is_running() else shared_web.start()


def open_page(context: BrowserContext, stage: Stage, cookie: str | None, room: str, since: int | None = None) -> Page:
    """A page that was read at step ``since`` of a room, or just now."""
    if since is None:
        since = stage.seq(room)
    if cookie:
        name, _, value = cookie.partition("=")
        context.add_cookies([{"name": name, "value": value, "url": stage.url, "httpOnly": True}])
    page = context.new_page()
    page.goto(f"{stage.url}/static/js/live.js")
    page.evaluate(WATCH, [room, since])
    return page


def state(page: Page) -> Any:
    return page.evaluate("document.documentElement.dataset.live")


def heard(page: Page) -> list[int]:
    return page.evaluate("window.heard.flatMap(([ids]) => ids ?? [-1])")


def becomes(page: Page, wanted: str, seconds: float) -> None:
    wait_until(lambda: state(page) == wanted, seconds=seconds, what=f"the state {wanted}")


def test_a_page_follows_falls_behind_honestly_and_catches_up(context: BrowserContext, web: Stage):
    user = web.user()
    since = web.seq(web.job_room)
    web.drawn(1)
    page = open_page(context, web, web.cookie(user), web.job_room, since)
    becomes(page, "live", 5)
    wait_until(lambda: heard(page) == [1], seconds=2, what="what the page had missed")
    web.drawn(2, 3)
    wait_until(lambda: heard(page) == [1, 2, 3], seconds=2, what="news")

    web.stop(signal.SIGKILL)
    becomes(page, "stale", 3)
    web.drawn(4)
    becomes(page, "offline", 12)
    web.start()
    becomes(page, "live", 10)
    wait_until(lambda: heard(page) == [1, 2, 3, 4], seconds=1, what="what was missed meanwhile")

    began = time.monotonic()
    page.evaluate("window.stays = true")
    web.lock(user)
    wait_until(lambda: page.evaluate("window.stays !== true"), seconds=2, what="the reload of a locked user's page")
    assert time.monotonic() - began < 2


def test_a_deaf_connection_is_noticed_and_replaced(context: BrowserContext, web: Stage):
    page = open_page(context, web, web.cookie(web.user()), web.job_room)
    becomes(page, "live", 5)
    web.process.send_signal(signal.SIGSTOP)
    try:
        page.evaluate("window.dispatchEvent(new Event('online'))")
        # A wake-up waits four seconds for an answer.
        wait_until(lambda: state(page) != "live", seconds=6, what="an honest word about the silence")
    finally:
        web.process.send_signal(signal.SIGCONT)
    web.drawn(7)
    becomes(page, "live", 10)
    wait_until(lambda: 7 in heard(page), seconds=2, what="news after the silence")


def test_a_restart_is_survived_without_a_reload(context: BrowserContext, web: Stage):
    page = open_page(context, web, web.cookie(web.user()), web.job_room)
    becomes(page, "live", 5)
    page.evaluate("window.stays = true")
    web.stop()
    web.drawn(8)
    web.start()
    becomes(page, "live", 15)
    assert page.evaluate("window.stays")
    assert heard(page) == [8]


def test_a_visitors_verify_page_hears_the_status_where_websockets_are_blocked(context: BrowserContext, web: Stage):
    context.add_init_script(BLOCKED)
    reference = "0" * 20
    page = open_page(context, web, None, f"verify:{reference}")
    becomes(page, "live", 8)
    web.cancelled(reference)
    wait_until(lambda: heard(page) == [7], seconds=2, what="news by long polling")
    assert page.evaluate("window.statuses.length") >= 2
