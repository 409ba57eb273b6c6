"""Run the whole test suite, once on SQLite and once on PostgreSQL.

Nothing is left out in silence: where Chromium, poppler or PostgreSQL cannot be had, this stops with a sentence.
The second database runs everything that reads or writes one. Spared are the folders of ``WITHOUT_DATABASE`` and the
tests marked ``once``: what they look at (how a page is laid out and marked up, its headers, how its scripts behave,
what is refused before anything is read) comes from rows that other tests read on both.
Arguments go to pytest. PORTAL_TEST_DB=sqlite (or postgresql) runs only that half, for work on one of them.
"""

import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.servers import browser, postgres  # noqa: E402

DATABASES = ("sqlite", "postgresql")
WITHOUT_DATABASE = ("tests/unit", "tests/documents", "tests/mail", "tests/servers")
"""Tests that use no database; they run once, with the first."""

PARTS = {
    "together": ("tests side by side", "not alone and not patient"),
    "patient": ("tests that kill what they started and wait, two at a time", "patient and not alone"),
    "alone": ("tests that run alone", "alone"),
}
"""The parts of a run: what is said of each, and the marks of its tests."""

NOTHING_COLLECTED = 5


def main(arguments: list[str]) -> int:
    wanted = os.environ.get("PORTAL_TEST_DB")
    databases = (wanted,) if wanted else DATABASES
    if wanted not in (None, *DATABASES):
        print(f"PORTAL_TEST_DB is {wanted!r}; it names sqlite or postgresql.", file=sys.stderr)
        return 2
    try:
        chromium = get_programs()
        if "postgresql" in databases and not os.environ.get("TEST_DATABASE_URL"):
            postgres.find_binaries()
    except RuntimeError as problem:
        print(f"The tests cannot run: {problem}", file=sys.stderr)
        return 1
    failures = []
    started = time.monotonic()
    with TemporaryDirectory(prefix="portal-tests-") as folder:
        environment = own_environment(Path(folder)) | {"CHROMIUM": str(chromium)}
        reports = []
        for database in databases:
            for part in PARTS:
                report = Path(folder) / f"{database}-{part}.xml"
                if not run_part(database, part, report, arguments, environment, again=database != databases[0]):
                    failures.append(f"{database}, {part}")
                reports.append(report)
        total = counts(reports)
    if not total["tests"]:
        failures.append("no test ran")
    words = ", ".join(f"{number} {word}" for word, number in total.items() if number and word != "tests")
    print(f"\nAll runs together ({' and '.join(databases)}): {words} in {time.monotonic() - started:.0f}s")
    if failures:
        print(f"Failed: {'; '.join(failures)}.", file=sys.stderr)
    return 1 if failures else 0


def own_environment(folder: Path) -> dict[str, str]:
    """The environment without the settings of a portal that may run here: no test may touch its data or its mail."""
    portals = ("DATABASE_URL", "REDIS_URL", "PORT", "PUBLIC_URL", "RESET")
    kept = {name: value for name, value in os.environ.items() if name not in portals}
    kept = {name: value for name, value in kept.items() if not name.startswith(("MAIL_", "STRIPE_"))}
    return {**kept, "PORTAL_DATA": str(folder / "data")}


def run_part(
    database: str, part: str, report: Path, arguments: list[str], environment: dict[str, str], *, again: bool
) -> bool:
    """Run one of the parts; ``again`` says that another database ran it before."""
    said, marks = PARTS[part]
    print(f"\n── {database}: {said} ──", flush=True)
    # One more than there are processors, for there is always one that waits for a browser or a server.
    together = int(os.environ.get("PORTAL_TEST_PROCESSES", min(5, (os.cpu_count() or 1) + 1)))
    processes = {"together": together, "patient": 2, "alone": 0}[part]
    command = [sys.executable, "-m", "pytest", f"--junitxml={report}"]
    command += ["-n", str(processes), "--dist", "worksteal"] if processes else ["-p", "no:xdist"]
    command += ["-m", f"({marks}) and not once" if again else marks]
    command += [f"--ignore={folder}" for folder in WITHOUT_DATABASE] if again else []
    done = subprocess.run([*command, *arguments], cwd=ROOT, env={**environment, "PORTAL_TEST_DB": database})
    return done.returncode in (0, NOTHING_COLLECTED)


def counts(reports: list[Path]) -> dict[str, int]:
    total = {"tests": 0, "passed": 0, "failed": 0, "skipped": 0}
    for report in reports:
        if not report.exists():
            continue
        for suite in ElementTree.parse(report).getroot().iter("testsuite"):
            tests = int(suite.get("tests", 0))
            failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            skipped = int(suite.get("skipped", 0))
            total["tests"] += tests
            total["failed"] += failed
            total["skipped"] += skipped
            total["passed"] += tests - failed - skipped
    return total


def get_programs() -> Path:
    """What the tests need of the machine; answers with the Chromium to drive.

    Installs what is missing where that is ours to do, as root on Debian and its like. Raises RuntimeError, in a plain
    sentence, when something cannot be had.
    """
    missing = [] if browser.find() else ["chromium"]
    missing += [] if shutil.which("pdftotext") else ["poppler-utils"]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"· Installing {' and '.join(missing)} (apt-get)", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["-y", "--no-install-recommends", "install", *missing]):
            nowhere = subprocess.DEVNULL
            subprocess.run(["apt-get", "-qq", *command], env=environment, stdin=nowhere, stdout=nowhere)
    if not shutil.which("pdftotext"):
        raise RuntimeError(
            "the tests read documents back with pdftotext, which is not here. "
            "Install poppler (Debian: apt-get install poppler-utils; macOS: brew install poppler)."
        )
    chromium = browser.find()
    if chromium is None:
        raise RuntimeError(
            "the browser tests need Chromium and none was found. Install it (Debian: apt-get install chromium), "
            "or name one: CHROMIUM=/path/to/chromium make test"
        )
    return chromium


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
