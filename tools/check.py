"""Everything about the code that can be checked without running a test; all faults are shown, not only the first."""

import subprocess
import sys
import tempfile
from pathlib import Path

import migrations

ROOT = Path(__file__).resolve().parent.parent
LINT_IMPORTS = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]


def main(folders: list[str]) -> int:
    folders = [folder for folder in folders if (ROOT / folder).exists()]
    with tempfile.TemporaryDirectory(prefix="portal-check-") as folder:
        checks = [
            ("format", [sys.executable, "-m", "ruff", "format", "--check", "--quiet", *folders], None, "make fix"),
            ("lint", [sys.executable, "-m", "ruff", "check", "--quiet", *folders], None, "make fix mends some"),
            ("types", [sys.executable, "-m", "mypy"], None, "the rooms are listed in pyproject.toml"),
            ("floors", LINT_IMPORTS, None, "docs/architecture.md says who may call whom"),
            *migrations.in_step(Path(folder)),
        ]
        failed = [name for name, command, environment, hint in checks if not passes(name, command, environment, hint)]
    if failed:
        print(f"\nNot in order: {', '.join(failed)}.", file=sys.stderr)
        return 1
    print("\nAll in order.")
    return 0


def passes(name: str, command: list[str], environment: dict[str, str] | None, hint: str) -> bool:
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
    )
    print(f"{'ok  ' if done.returncode == 0 else 'FAIL'} {name}", flush=True)
    if done.returncode:
        print((done.stdout + done.stderr).rstrip() + f"\n     ({hint})", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
