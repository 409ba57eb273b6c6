"""Take the pictures of the help pages anew from a demo that runs: tools/take_pictures.py http://localhost:5000

Run it with a fresh demo (`make demo RESET=1`), after its documents are drawn, whenever a screen has changed its looks.
"""

import io
import os
import re
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).resolve().parent.parent / "portal" / "static" / "img" / "help"
WIDTH, HEIGHT = 1280, 800
PASSWORD = "portal-demo-2026"


def main(url: str) -> int:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, locale="en-GB", color_scheme="light")
        page.goto(f"{url}/centre/login")
        keep(page, "login")
        page.get_by_label("email address").fill("michael.white@riverside.example")
        page.get_by_label("password").first.fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(re.compile("/centre/$"))
        keep(page, "dashboard")
        for name, path in (("profile", "/centre/profile/password"), ("downloads", "/centre/downloads")):
            page.goto(url + path)
            keep(page, name)
        # The biggest job: the small ones of the demo are about what goes wrong.
        page.goto(f"{url}/centre/jobs?sort=-records")
        page.locator("tr[data-id] [data-action=view]").first.click()
        page.wait_for_url(re.compile(r"/centre/jobs/\d+"))
        keep(page, "job")
        page.locator("tr[data-id] [data-action=notify]").first.click()
        page.get_by_role("dialog").get_by_label("Email").wait_for()
        keep(page, "notify")
        page.goto(f"{url}/centre/records?validity=valid")
        for number in range(2):
            page.locator("tr[data-id] input[type=checkbox]").nth(number).check()
        keep(page, "records")
        page.locator("tr[data-id] [data-action=view]").first.click()
        page.wait_for_url(re.compile(r"/centre/records/\d+"))
        page.wait_for_load_state("networkidle")
        reference = re.search(r"(?:[0-9A-Z]{4}-){4}[0-9A-Z]{4}", page.locator("main").inner_text())
        page.goto(f"{url}/centre/users")
        keep(page, "users")
        page.locator("tr[data-id] [data-action=lock]").first.click()
        page.get_by_role("dialog").get_by_label("Lockout Date").wait_for()
        keep(page, "lockout")
        if reference is not None:
            page.goto(f"{url}/v/{reference[0].replace('-', '')}")
            keep(page, "verify")
        browser.close()
    return 0


def keep(page: Page, name: str) -> None:
    """Take what is seen now, once nothing moves any more."""
    page.wait_for_load_state("networkidle")
    page.mouse.move(0, 0)
    page.wait_for_timeout(600)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with Image.open(io.BytesIO(page.screenshot())) as image:
        image.save(FOLDER / f"{name}.webp", quality=78, method=6)
    print(f"{name}.webp  {(FOLDER / f'{name}.webp').stat().st_size // 1024} kB")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].rstrip("/") if len(sys.argv) > 1 else "http://localhost:5000"))
