"""Every list that is declared can be drawn: its cells, addresses and rooms exist before a reader needs them."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from flask import Flask

import portal.queries
from portal.grid import Grid


def declared() -> list[Grid]:
    modules = [
        importlib.import_module(f"portal.queries.{m.name}") for m in pkgutil.iter_modules(portal.queries.__path__)
    ]
    found = {id(value): value for module in modules for value in vars(module).values() if isinstance(value, Grid)}
    return sorted(found.values(), key=lambda grid: grid.name)


GRIDS = declared()


def test_there_are_lists():
    assert GRIDS


@pytest.mark.parametrize("grid", GRIDS, ids=lambda grid: grid.name)
def test_every_cell_has_its_macro(app: Flask, grid: Grid):
    wanted = {entry.cell for entry in [*grid.columns, *grid.actions] if entry.cell}
    if wanted:
        with app.test_request_context():
            macros = vars(app.jinja_env.get_template(grid.cells).module)
        assert not wanted - set(macros), f"write these macros in portal/templates/{grid.cells}"


@pytest.mark.parametrize("grid", GRIDS, ids=lambda grid: grid.name)
def test_every_action_has_its_address(app: Flask, grid: Grid):
    known = {rule.endpoint: rule for rule in app.url_map.iter_rules()}
    for entry in [*grid.actions, *grid.bulk]:
        if not entry.endpoint:
            continue
        ends = [name for name in known if name == entry.endpoint or name.endswith(entry.endpoint)]
        assert ends, f"{grid.name}: {entry.name} leads to {entry.endpoint}, which is no page"
        rule = known[ends[0]]
        method = "POST" if entry in list(grid.bulk) else entry.method.upper()
        assert method in rule.methods, f"{grid.name}: {entry.endpoint} takes no {method}"
    for action in grid.actions:
        rule = known.get(action.endpoint)
        if rule is not None:
            missing = rule.arguments - set(action.arguments) - set(rule.defaults or {})
            assert not missing, f"{grid.name}: the address of {action.name} needs {missing}"


@pytest.mark.parametrize("grid", GRIDS, ids=lambda grid: grid.name)
def test_actions_take_what_rows_carry(grid: Grid):
    carried = {"id", *grid.also, *(column.name for column in grid.columns if column.value is not None)}
    for action in grid.actions:
        if action.endpoint:
            assert set(action.arguments.values()) <= carried, f"{grid.name}: {action.name} needs a column of its row"
