"""The portal's own source, as the house tests read it."""

import ast
import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PORTAL = ROOT / "portal"
TEMPLATES = PORTAL / "templates"
ENTRANCES = [ROOT / name for name in ("config.py", "wsgi.py", "worker.py")]


def python_files(*folders: Path) -> list[Path]:
    """Every Python file of some folders (the portal and its entrances unless told), in order."""
    if not folders:
        return [path for path in ENTRANCES if path.exists()] + python_files(PORTAL)
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call))


def place(path: Path, node: ast.AST | None = None) -> str:
    """A path as people write it, with the line of a node."""
    line = getattr(node, "lineno", None)
    return f"{path.relative_to(ROOT)}" + (f":{line}" if line else "")


@functools.cache
def files_of_the_project() -> tuple[Path, ...]:
    """Every file that is committed, or would be: what set-up fetches and what a run leaves behind is not."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    return tuple(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())
