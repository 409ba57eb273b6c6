"""Every fact is told completely: it has consequences, somebody records it, and it carries ids only."""

import ast
import dataclasses
import typing

import pytest

from portal.events import catalogue
from portal.reactions import REACTIONS
from tests.house import source

# A class that others refine is a kind of facts, never told by itself.
FACTS = [
    thing
    for thing in vars(catalogue).values()
    if isinstance(thing, type) and issubclass(thing, catalogue.Fact) and not thing.__subclasses__()
]


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.__name__)
def test_every_fact_has_a_row_in_the_reactions(fact: type) -> None:
    assert fact in REACTIONS, (
        f"say in portal/reactions.py what follows from {fact.__name__} (an empty list is an answer)"
    )


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.__name__)
def test_every_fact_is_frozen_and_says_what_happened(fact: type) -> None:
    assert dataclasses.is_dataclass(fact), f"make {fact.__name__} a dataclass"
    assert fact.__dataclass_params__.frozen, f"freeze {fact.__name__}: what happened does not change"
    assert fact.__doc__, f"say in a sentence what {fact.__name__} means"
    assert "(" not in fact.__doc__[: len(fact.__name__) + 1], f"write a docstring for {fact.__name__}"


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.__name__)
def test_a_fact_carries_plain_values_only(fact: type) -> None:
    for name, kind in typing.get_type_hints(fact).items():
        if typing.get_origin(kind) is typing.ClassVar:
            continue
        plain = {part.__name__ for part in typing.get_args(kind) or (kind,) if hasattr(part, "__name__")}
        allowed = {"int", "str", "bool", "NoneType", "tuple", "list"}
        assert plain <= allowed, f"{fact.__name__}.{name} is {kind}; a fact holds ids, readers fetch the rest"


def test_every_fact_is_recorded_by_a_service() -> None:
    made = {
        ast.unparse(call.func).rpartition(".")[2]
        for path in source.python_files(source.PORTAL / "services")
        for call in source.calls(path)
    }
    unused = sorted(fact.__name__ for fact in FACTS if fact.__name__ not in made)
    assert not unused, f"nobody records these facts; remove them or record them in a service: {unused}"


def test_reactions_know_only_facts() -> None:
    strangers = sorted(str(fact) for fact in REACTIONS if fact not in FACTS)
    assert not strangers, f"these are not in the catalogue: {strangers}"
