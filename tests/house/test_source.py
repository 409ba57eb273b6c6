"""Rules of the source that no import shows."""

import ast
import re

import sqlalchemy as sa
from flask import Flask

from portal.database import Base
from tests.house import source

GREEN = {"wsgi.py", "portal/green.py"}
COMMITTERS = {"portal/unit_of_work.py", "portal/database.py"}
CLOCKS = {"portal/clock.py"}
# Rooms that say nothing, and words that mean something else here (docs/words.md).
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "stuff"}
FORBIDDEN_WORDS = {"issue_report", "rq_job", "current_user"}


def test_eventlet_is_named_in_two_modules_only() -> None:
    named = []
    for path in source.python_files():
        for node in ast.walk(source.tree(path)):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            if any(module.split(".")[0] == "eventlet" for module in modules):
                named.append(source.place(path, node))
    strange = [place for place in named if place.split(":")[0] not in GREEN]
    assert not strange, f"ask portal/green.py instead of importing eventlet: {strange}"


def test_no_room_has_a_name_that_says_nothing() -> None:
    paths = [path.relative_to(source.ROOT) for path in source.files_of_the_project()]
    nameless = [str(path) for path in paths if FORBIDDEN_NAMES & {part.split(".")[0] for part in path.parts}]
    assert not nameless, f"name what lives there: {nameless}"


def test_words_mean_one_thing() -> None:
    wrong = []
    for path in source.python_files():
        for node in ast.walk(source.tree(path)):
            name = getattr(node, "id", None) or getattr(node, "attr", None) or getattr(node, "name", None)
            if name in FORBIDDEN_WORDS:
                wrong.append(f"{source.place(path, node)} {name}")
    assert not wrong, f"see the words of docs/architecture.md: {wrong}"


def test_every_module_says_what_lives_in_it() -> None:
    files = source.python_files(source.PORTAL, source.ROOT / "tests", source.ROOT / "tools", source.ROOT / "bench")
    silent = [source.place(path) for path in files if not ast.get_docstring(source.tree(path))]
    assert not silent, f"a module docstring is the plate on the door: {silent}"


def test_only_a_unit_of_work_commits() -> None:
    commits = [
        source.place(path, call)
        for path in source.python_files()
        for call in source.calls(path)
        if isinstance(call.func, ast.Attribute) and call.func.attr == "commit"
    ]
    strange = [place for place in commits if place.split(":")[0] not in COMMITTERS]
    assert not strange, f"change things in a service, inside `with unit_of_work(actor)`: {strange}"


def test_there_is_one_clock() -> None:
    readers = []
    for path in source.python_files():
        for call in source.calls(path):
            name = ast.unparse(call.func)
            if name in {"datetime.now", "datetime.utcnow", "datetime.datetime.now", "date.today", "time.time"}:
                readers.append(source.place(path, call))
    strange = [place for place in readers if place.split(":")[0] not in CLOCKS and "portal/demo/" not in place]
    assert not strange, f"ask clock.now(), so that tests can set the time: {strange}"


def test_a_forgotten_join_fails_and_does_not_query(whole_app: Flask) -> None:
    lazy = [
        f"{mapper.class_.__name__}.{relation.key}"
        for mapper in Base.registry.mappers
        for relation in sa.inspect(mapper).relationships
        if relation.lazy not in ("raise", "raise_on_sql", "noload", "write_only")
    ]
    assert not lazy, f'write relationship(lazy="raise") and load it in the query: {lazy}'


def test_no_file_names_a_machine_or_a_package_host() -> None:
    # Written in pieces, so that this file does not name them either.
    patterns = [
        r"/" + r"root/",
        r"/" + r"home/\w+/",
        r"/" + r"work/",
        "pypi" + r"\.org",
        "npmjs" + r"\.",
        "python" + "hosted",
    ]
    pattern = re.compile("|".join(patterns))
    named = []
    for path in source.files_of_the_project():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        named += [f"{source.place(path)}:{n}" for n, line in enumerate(text.splitlines(), 1) if pattern.search(line)]
    assert not named, f"the portal must install anywhere, from any mirror: {named}"


def test_every_pin_is_exact() -> None:
    loose = []
    for path in (source.ROOT / "requirements.txt", source.ROOT / "requirements-dev.txt"):
        for line in path.read_text(encoding="utf-8").splitlines():
            wanted = line.split("#")[0].strip()
            if wanted and not wanted.startswith("-r ") and not re.fullmatch(r"[\w.-]+==[\w.]+(; .+)?", wanted):
                loose.append(wanted)
    assert not loose, f"name one version, and no address: {loose}"
