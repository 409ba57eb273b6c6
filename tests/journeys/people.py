"""Somebody at a browser: signs in through the page, reads, clicks, and keeps what the console complained about."""

from __future__ import annotations

import re
import time
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.machine import Machine
from tests.services.people import PASSWORD

SETTLED = """() => {
  const ends = (one) => Number.isFinite(one.effect.getComputedTiming().endTime);
  return Promise.allSettled(document.getAnimations().filter(ends).map((one) => one.finished));
}"""
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


class Person:
    """One browser of one person."""

    def __init__(self, chromium: Browser, machine: Machine, **options: Any) -> None:
        self.machine = machine
        self.context = chromium.new_context(viewport={"width": 1280, "height": 800}, **options)
        self.context.set_default_timeout(15_000)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.frames: list[str] = []
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("websocket", lambda socket: socket.on("framereceived", lambda data: self.frames.append(str(data))))

    def _note(self, message: Any) -> None:
        # A page that answers 404 or 422 is told by the browser as an error; that is its job.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def sign_in(self, door: str, name: str) -> Person:
        self.open(f"/{door}/login")
        self.page.get_by_label("email address").fill(f"{name}@portal.example")
        self.page.get_by_label("password", exact=False).first.fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url(re.compile(f"/{door}/$"))
        return self

    def open(self, path: str) -> Page:
        self.page.goto(self.machine.url + path)
        return self.page

    def is_live(self) -> None:
        self.waits(lambda: self.page.evaluate("document.documentElement.dataset.live") == "live", "a live page", 20)

    def figure(self, name: str) -> int:
        text = self.page.locator(f"[data-figure={name}]").first.inner_text()
        return int(re.sub(r"[^0-9]", "", text) or 0)

    def waits(self, condition: Any, what: str, seconds: float = 60) -> float:
        """Wait until something is seen, without touching the page; the seconds it took."""
        began = time.monotonic()
        while not condition():
            if time.monotonic() - began > seconds:
                raise AssertionError(f"{what} was not seen within {seconds:g} s at {self.page.url}")
            self.page.wait_for_timeout(50)
        return time.monotonic() - began

    def finds_no_barrier(self) -> None:
        """Axe finds no violation on the page as it stands."""
        # What is still fading in has less contrast for a moment than it will have.
        self.page.evaluate(SETTLED)
        found = Axe().run(self.page, options={"runOnly": {"type": "tag", "values": TAGS}}).response["violations"]
        told = [f"{one['id']}: {one['help']} at {[node['target'] for node in one['nodes']][:3]}" for one in found]
        assert not told, f"{self.page.url}: " + "; ".join(told)

    def close(self) -> None:
        self.context.close()
        assert not self.complaints, self.complaints
