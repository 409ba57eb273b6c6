"""Set-up installs what is pinned, from any mirror, and speaks plainly when it cannot."""

import json
import re
import sys

from tests.house import source

sys.path.insert(0, str(source.ROOT / "tools"))

import setup_env


def test_every_front_end_part_is_locked_by_its_content_and_names_no_host():
    lock = json.loads((source.ROOT / "package-lock.json").read_text(encoding="utf-8"))
    parts = {name: part for name, part in lock["packages"].items() if name}
    assert parts
    open_parts = [name for name, part in parts.items() if not part.get("integrity", "").startswith("sha512-")]
    assert not open_parts, f"no content hash: {open_parts}"
    hosts = [name for name, part in parts.items() if "resolved" in part]
    assert not hosts, f"install with --omit-lockfile-registry-resolved: {hosts}"


def test_front_end_versions_are_exact():
    package = json.loads((source.ROOT / "package.json").read_text(encoding="utf-8"))
    loose = {name: version for name, version in package["dependencies"].items() if not re.fullmatch(r"[\d.]+", version)}
    assert not loose


def test_every_package_that_we_call_has_a_reason():
    for name in ("requirements.txt", "requirements-dev.txt"):
        ours = (source.ROOT / name).read_text(encoding="utf-8").partition("# What comes along")[0]
        pins = [line for line in ours.splitlines() if "==" in line]
        assert pins
        assert not [pin for pin in pins if "  # " not in pin]


def test_all_that_is_installed_is_pinned():
    """What a package needs is needed by us: each requirement of each pinned package is pinned too."""
    from importlib import metadata

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    text = "".join(
        (source.ROOT / name).read_text(encoding="utf-8") for name in ("requirements.txt", "requirements-dev.txt")
    )
    pinned = {canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", text, flags=re.M)}
    for name in sorted(pinned):
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # pinned for other systems only
            continue
        for need in map(Requirement, needs):
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                assert canonicalize_name(need.name) in pinned, f"{name} needs {need.name}; pin it"


def test_fonts_of_documents_may_be_listed_in_groups():
    listed = {"serif": [{"package": "a", "file": "x.ttf", "weight": 400}], "more": {"package": "b", "file": "y.ttf"}}
    assert list(setup_env.pairs(listed)) == [("a", "x.ttf"), ("b", "y.ttf")]


def test_a_python_that_is_too_old_gets_a_sentence(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(setup_env, "OLDEST_PYTHON", (3, 99))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert setup_env.main([]) == 1
    assert "needs Python 3.11 or newer" in capsys.readouterr().err


def test_a_copy_without_its_lock_gets_a_sentence(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(setup_env, "ROOT", tmp_path)
    assert setup_env.main([]) == 1
    assert "requirements.txt is missing" in capsys.readouterr().err
