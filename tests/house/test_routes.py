"""Every address of the portal: who comes in, how it is written, and that none is ever lost."""

import os
import re
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.routing import Rule

from portal.web.default_deny import FREE

GUARDS = Path(__file__).with_name("guards.txt")
PUBLIC = Path(__file__).with_name("public_urls.txt")
WRITING = os.environ.get("PORTAL_SNAPSHOT") == "write"
# Text in an address that is not the number of a row: each is looked up as a whole and unguessable, or a plain name.
NAMES_IN_ADDRESSES = {"reference", "text", "token", "name", "slug", "form"}
# Pages of the demo and of developers are no promise to anybody.
UNPROMISED = ("demo_mail.", "gallery.")


def rules(app: Flask) -> list[Rule]:
    found = [rule for rule in app.url_map.iter_rules() if rule.endpoint not in FREE]
    assert found, "the application has no address at all"
    return sorted(found, key=lambda rule: (rule.rule, rule.endpoint))


def guard_of(app: Flask, rule: Rule) -> tuple[str, ...] | None:
    return getattr(app.view_functions[rule.endpoint], "guard", None)


def wrappers(view: object) -> list[object]:
    """The view with all that its decorators have wrapped, from the outside in."""
    found = [view]
    while inner := getattr(found[-1], "__wrapped__", None):
        found.append(inner)
    return found


def test_every_route_wears_exactly_one_guard(whole_app: Flask) -> None:
    bare, doubled = [], []
    for rule in rules(whole_app):
        # functools.wraps copies attributes outwards, so a guard counts where its own function made it.
        worn = [
            layer
            for layer in wrappers(whole_app.view_functions[rule.endpoint])
            if getattr(layer, "__code__", None) is not None and layer.__code__.co_name == "guarded"
        ]
        if not guard_of(whole_app, rule):
            bare.append(f"{rule.rule} ({rule.endpoint})")
        elif len(worn) > 1:
            doubled.append(f"{rule.rule} ({rule.endpoint})")
    assert not bare, f"put @public, @signed_in, @centre(…), @learner(…) or @issuer(…) on: {bare}"
    assert not doubled, f"a route has one guard, take the others off: {doubled}"


def test_the_guards_are_the_ones_that_were_agreed(whole_app: Flask) -> None:
    lines = []
    for rule in rules(whole_app):
        methods = ",".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))
        lines.append(f"{rule.rule}  {methods}  {rule.endpoint}  {' '.join(guard_of(whole_app, rule) or ('NOBODY',))}")
    now = "\n".join(lines) + "\n"
    if WRITING:
        GUARDS.write_text(now, encoding="utf-8")
    agreed = GUARDS.read_text(encoding="utf-8") if GUARDS.exists() else ""
    changed = sorted(set(now.splitlines()) ^ set(agreed.splitlines()))
    assert now == agreed, f"who may go where has changed; if that is meant: make snapshot. Lines: {changed}"


def test_no_public_address_ever_disappears(whole_app: Flask) -> None:
    now = {
        rule.rule
        for rule in rules(whole_app)
        if guard_of(whole_app, rule) == ("public",) and not rule.endpoint.startswith(UNPROMISED)
    }
    promised = set(PUBLIC.read_text(encoding="utf-8").splitlines()) if PUBLIC.exists() else set()
    if WRITING:
        # A promise is never taken back by a command: lines are only added here.
        promised |= now
        PUBLIC.write_text("\n".join(sorted(promised)) + "\n", encoding="utf-8")
    lost = sorted(promised - now)
    assert not lost, f"these addresses are on paper or in mails; let them lead somewhere: {lost}"
    assert now <= promised, f"new public addresses are promises; make snapshot writes down {sorted(now - promised)}"


def test_ids_in_addresses_are_typed(whole_app: Flask) -> None:
    untyped = []
    for rule in rules(whole_app):
        for converter, name in re.findall(r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>", rule.rule):
            if converter in ("", "string", "default") and name not in NAMES_IN_ADDRESSES:
                untyped.append(f"{rule.rule}: <int:{name}>")
    assert not untyped, f"an id without a type lets text reach the database: {untyped}"


def test_addresses_are_kebab_case(whole_app: Flask) -> None:
    odd = [
        rule.rule for rule in rules(whole_app) if not re.fullmatch(r"[a-z0-9/.-]*", re.sub(r"<[^>]*>", "", rule.rule))
    ]
    assert not odd, f"write addresses in small letters with dashes: {odd}"


PROMISED_BY_CONTRACT = """
/ /centre/login /centre/ /centre/jobs /centre/jobs/1 /centre/records /centre/records/1 /centre/validate /centre/profile
/verify/ /v/7Q4M-9XKD-2FH8-WZ3C /v/7q4m9xkd2fh8wz3c /v/7Q4M-9XKD-2FH8-WZ3C.json
/issuer/login /issuer/ /issuer/jobs /issuer/jobs/new /issuer/documents /issuer/centres /issuer/audit
/privacy /accessibility /healthz /readyz /metrics
"""


@pytest.mark.parametrize("address", PROMISED_BY_CONTRACT.split())
def test_the_addresses_of_the_contract_are_there(whole_app: Flask, address: str) -> None:
    whole_app.url_map.bind("localhost").match(address, method="GET")
