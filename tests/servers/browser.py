"""Where the Chromium is that the browser tests drive."""

import os
import shutil
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC_APPLICATIONS = (
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
)


def find() -> Path | None:
    """The Chromium to use: the one that CHROMIUM names, else one on the PATH; None where there is none.

    Raises RuntimeError when CHROMIUM names something that is not there.
    """
    if named := os.environ.get("CHROMIUM"):
        path = shutil.which(named)
        if path is None:
            raise RuntimeError(f"CHROMIUM is {named}, which cannot be run.")
        return Path(path)
    for name in NAMES:
        if path := shutil.which(name):
            return Path(path)
    if sys.platform == "darwin":
        return next((path for path in MAC_APPLICATIONS if path.exists()), None)
    return None


def get() -> Path:
    """As `find`, for tests: fails, and never skips, where there is no Chromium."""
    path = find()
    if path is None:
        raise RuntimeError("There is no Chromium for the browser tests; `make test` installs it or says how.")
    return path
