"""Pages keep the strict content policy, and nothing lies around in the templates that nobody uses."""

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import jinja2
import pytest
from jinja2 import nodes

from tests.house import source

# Mail programs and the PDF engine read no style sheets of a site, so theirs stand inside.
OWN_RULES = ("email", "documents")
ENVIRONMENT = jinja2.Environment(
    extensions=["jinja2.ext.do", "jinja2.ext.i18n", "jinja2.ext.loopcontrols"], autoescape=True
)


def templates() -> list[Path]:
    return sorted(path for path in source.TEMPLATES.rglob("*") if path.suffix in (".html", ".txt", ".xml", ".svg"))


def pages() -> list[Path]:
    return [path for path in templates() if path.relative_to(source.TEMPLATES).parts[0] not in OWN_RULES]


def name_of(path: Path) -> str:
    return path.relative_to(source.TEMPLATES).as_posix()


def parsed(path: Path) -> nodes.Template:
    return ENVIRONMENT.parse(path.read_text(encoding="utf-8"), name_of(path))


@pytest.mark.parametrize("path", pages(), ids=name_of)
def test_no_page_has_inline_style_or_script(path: Path) -> None:
    text = re.sub(r"\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.S)
    rules = {
        r"\sstyle\s*=|[\"']style[\"']\s*:": "a class, or a data attribute and a rule in static/css",
        r"<style\b": "a file in static/css",
        r"<script\b(?![^>]*\bsrc=)": "a module in static/js",
        r"\son[a-z]+\s*=\s*[\"'{]|[\"']on[a-z]+[\"']\s*:": "data-module and a module in static/js/modules",
        r"javascript:": "a module in static/js",
        r"\|\s*safe\b": "Markup made in a filter that escapes what it is given",
        r"(?<!\w)_\((?![\"'])(?![\w.]+\.label\))": "{{ text|translated }}; _() takes text for markup with placeholders",
    }
    for pattern, instead in rules.items():
        found = re.search(pattern, text, flags=re.I)
        assert not found, f"{name_of(path)} has {found.group().strip()!r}; use {instead}"


def test_no_template_switches_escaping_off() -> None:
    off = [name_of(path) for path in templates() if "autoescape false" in path.read_text(encoding="utf-8")]
    assert not off, f"text is data; let it be escaped: {off}"


@pytest.mark.parametrize("path", templates(), ids=name_of)
def test_what_a_template_imports_is_there_and_is_used(path: Path) -> None:
    template = parsed(path)
    used = {name.name for name in template.find_all(nodes.Name) if name.ctx == "load"}
    for imported in template.find_all(nodes.FromImport):
        if not isinstance(imported.template, nodes.Const):
            continue
        origin = source.TEMPLATES / imported.template.value
        assert origin.exists(), f"{name_of(path)} imports from {imported.template.value}, which is not there"
        offered = {macro.name for macro in parsed(origin).find_all(nodes.Macro)}
        offered |= {
            assigned.target.name
            for assigned in parsed(origin).find_all(nodes.Assign)
            if hasattr(assigned.target, "name")
        }
        for entry in imported.names:
            macro, local = entry if isinstance(entry, tuple) else (entry, entry)
            assert macro in offered, f"{imported.template.value} has no macro {macro}, which {name_of(path)} imports"
            assert local in used, f"{name_of(path)} imports {local} and does not use it"


def test_every_macro_of_the_components_is_used() -> None:
    used = set(macros_named_in_python())
    for path in templates():
        used |= macros_used_in(path)
    idle = [
        f"{name_of(path)}: {macro.name}"
        for path in sorted((source.TEMPLATES / "components").glob("*.html"))
        for macro in parsed(path).find_all(nodes.Macro)
        if (name_of(path), macro.name) not in used
    ]
    assert not idle, f"use these macros, show them in the gallery, or remove them: {idle}"


def macros_used_in(path: Path) -> set[tuple[str, str]]:
    """(template, macro) of every macro that a template imports, or makes and calls itself."""
    template = parsed(path)
    called = {call.node.name for call in template.find_all(nodes.Call) if isinstance(call.node, nodes.Name)}
    # A macro may also be handed on by its name, as a text.
    called |= {constant.value for constant in template.find_all(nodes.Const) if isinstance(constant.value, str)}
    used = {(name_of(path), macro.name) for macro in template.find_all(nodes.Macro) if macro.name in called}
    for imported in template.find_all(nodes.FromImport):
        names = (name if isinstance(name, str) else name[0] for name in imported.names)
        used |= {(imported.template.as_const(), name) for name in names}
    modules = {module.target: module.template.as_const() for module in template.find_all(nodes.Import)}
    for attribute in template.find_all(nodes.Getattr):
        if isinstance(attribute.node, nodes.Name) and attribute.node.name in modules:
            used.add((modules[attribute.node.name], attribute.attr))
    return used


def macros_named_in_python() -> Iterator[tuple[str, str]]:
    """(template, macro) of the macros that Python calls through `get_template(…).module`."""
    called = {
        call.func.attr
        for path in source.python_files()
        for call in source.calls(path)
        if isinstance(call.func, ast.Attribute)
    }
    for component in python_texts():
        if component.startswith("components/") and (source.TEMPLATES / component).exists():
            yield from ((component, macro) for macro in called)


def python_texts() -> set[str]:
    """Every text in the portal's Python; what an f-string fills in is a star."""
    texts = set()
    for path in source.python_files():
        for node in ast.walk(source.tree(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                texts.add("".join(part.value if isinstance(part, ast.Constant) else "*" for part in node.values))
    return texts


def test_every_template_that_is_named_is_there() -> None:
    missing = []
    for path in source.python_files():
        for call in source.calls(path):
            if not ast.unparse(call.func).endswith("render_template") or not call.args:
                continue
            first = call.args[0]
            if isinstance(first, ast.Constant) and not (source.TEMPLATES / str(first.value)).exists():
                missing.append(f"{source.place(path, call)} {first.value}")
    for path in templates():
        for node in parsed(path).find_all((nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)):
            if isinstance(node.template, nodes.Const) and not (source.TEMPLATES / node.template.value).exists():
                missing.append(f"{name_of(path)} {node.template.value}")
    assert not missing, f"these templates are named and not there: {missing}"


def test_every_page_template_is_used() -> None:
    named = python_texts()
    for path in templates():
        named |= {constant.value for constant in parsed(path).find_all(nodes.Const) if isinstance(constant.value, str)}
    patterns = [text for text in named if text.endswith(".html")]
    idle = [name_of(path) for path in pages() if not any(fnmatch(name_of(path), pattern) for pattern in patterns)]
    assert not idle, f"nobody renders these templates; remove them: {idle}"


def test_no_script_makes_code_from_text() -> None:
    words = r"\beval\s*\(|\bnew Function\b|document\.write|insertAdjacentHTML"
    makers = re.compile(words + r"|(\w+)\.innerHTML\s*=(?!=)|\.outerHTML\s*=(?!=)")
    found = []
    for path in (source.PORTAL / "static" / "js").rglob("*.js"):
        text = path.read_text(encoding="utf-8")
        # A <template> is inert: what our own server drew may be parsed in it.
        inert = set(re.findall(r"(\w+) = document\.createElement\(\"template\"\)", text))
        found += [f"{source.place(path)} {hit.group()}" for hit in makers.finditer(text) if hit.group(1) not in inert]
    assert not found, f"make nodes from data, or parse a fragment of our own server in a <template>: {found}"


def test_every_file_that_a_style_sheet_names_is_there() -> None:
    missing = []
    for path in (source.PORTAL / "static" / "css").rglob("*.css"):
        for address in re.findall(r"url\([\"']?([^\"')]+)[\"']?\)", path.read_text(encoding="utf-8")):
            if not address.startswith(("data:", "#")) and not (path.parent / address).resolve().exists():
                missing.append(f"{source.place(path)} {address}")
        for address in re.findall(r"@import\s+(?:url\()?[\"']([^\"']+)", path.read_text(encoding="utf-8")):
            if not (path.parent / address).resolve().exists():
                missing.append(f"{source.place(path)} {address}")
    assert not missing, f"fonts come from tools/setup_env.py (PAGE_FONTS), the rest from static/: {missing}"
