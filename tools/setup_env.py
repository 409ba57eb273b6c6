"""Set the portal up from nothing: a virtual environment, its packages, the front-end parts.

Standard library only, because nothing is installed yet. Running it again costs next to nothing: each part keeps a
stamp of what it was made from and is made again only when that changes.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST_PYTHON = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
NODE_MODULES = ROOT / "node_modules"
VENDOR = ROOT / "portal" / "static" / "vendor"
DOCUMENT_FONTS = ROOT / "portal" / "documents" / "fonts"
DOCUMENT_FONT_LIST = ROOT / "portal" / "documents" / "fonts.json"

# What pages fetch: (npm package, file in it, where it goes below portal/static/vendor).
PAGE_FONTS = {
    "@fontsource-variable/inter": ("latin", "latin-ext", "greek", "cyrillic", "cyrillic-ext", "vietnamese"),
    "@fontsource-variable/source-serif-4": ("latin", "latin-ext"),
}
PAGE_PARTS = [
    ("socket.io-client", "dist/socket.io.min.js", "socket.io.min.js"),
    *(
        (package, f"files/{package.split('/')[1]}-{script}-wght-normal.woff2", "fonts")
        for package, scripts in PAGE_FONTS.items()
        for script in scripts
    ),
]


class SetupError(Exception):
    """Set-up cannot go on; the message is a plain sentence that says what to do."""


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dev", action="store_true", help="also what tests, checks and benchmarks need")
    options = parser.parse_args(arguments)
    try:
        use_a_recent_python()
        make_packages(dev=options.dev)
        make_front_end()
    except SetupError as problem:
        print(f"Set-up stopped: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Set-up stopped.", file=sys.stderr)
        return 130
    return 0


def use_a_recent_python():
    """Start over under a newer interpreter of this machine where the one that runs us is too old."""
    if sys.version_info >= OLDEST_PYTHON:
        return
    for minor in range(19, OLDEST_PYTHON[1] - 1, -1):
        newer = shutil.which(f"python3.{minor}")
        # A name on the PATH may be a stand-in for a version that is not installed.
        if newer and works([newer, "-c", "pass"]):
            os.execv(newer, [newer, *sys.argv])
    raise SetupError(
        f"the portal needs Python 3.11 or newer and found {sys.version.split()[0]}. "
        "Install a newer Python, or name one: make demo PYTHON=/path/to/python3.12"
    )


# --- Python packages -------------------------------------------------------------------------------------------------


def make_packages(*, dev):
    run, development = ROOT / "requirements.txt", ROOT / "requirements-dev.txt"
    made_from = {VENV / ".made-run": fingerprint([run])}
    if dev:
        made_from[VENV / ".made-dev"] = fingerprint([run, development])
    if PYTHON.exists() and all(read(stamp) == content for stamp, content in made_from.items()):
        return
    make_environment()
    wanted = development if dev else run
    say(f"Installing Python packages ({wanted.name})")
    install(wanted)
    for stamp, content in made_from.items():
        stamp.write_text(content)


def make_environment():
    if PYTHON.exists() and works([PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]):
        return
    say("Making the virtual environment .venv")
    if uv() and works([uv(), "venv", "--quiet", "--clear", "--python", sys.executable, VENV]):
        return
    make_environment_with_pip()


def make_environment_with_pip():
    if VENV.is_symlink():
        raise SetupError(".venv is a link; remove it and try again.")
    run(
        [sys.executable, "-m", "venv", "--clear", VENV],
        "Python could not make a virtual environment. On Debian and Ubuntu, install python3-venv.",
    )


def install(requirements):
    if uv():
        # Compiled once here, as pip does it: else each of the portal's processes would compile everything at its start.
        command = [uv(), "pip", "install", "--quiet", "--compile-bytecode", "--python", PYTHON, "-r", requirements]
        if works(command):
            return
        # uv does not read pip's configuration (mirrors, certificates); pip does.
        say("uv could not install the packages; trying pip")
    if not works([PYTHON, "-m", "pip", "--version"]):
        make_environment_with_pip()
    command = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    run([*command, "-r", requirements], "pip could not install the packages. Is the network reachable?")


def uv():
    """The path of uv on this machine, or None. PORTAL_WITHOUT_UV=1 leaves it out."""
    return None if os.environ.get("PORTAL_WITHOUT_UV") else shutil.which("uv")


# --- front-end parts -------------------------------------------------------------------------------------------------


def make_front_end():
    fonts = document_fonts()
    inputs = [ROOT / "package.json", ROOT / "package-lock.json", Path(__file__)]
    inputs += [DOCUMENT_FONT_LIST] if fonts else []
    made_from = fingerprint(inputs)
    stamp = VENDOR / ".made"
    copies = planned_copies(fonts)
    if read(stamp) == made_from and all(target.exists() for _, target in copies):
        return
    fetch_node_modules()
    for source, target in copies:
        if not source.exists():
            raise SetupError(f"{source.relative_to(ROOT)} is not in its npm package; see package.json.")
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        shutil.copyfile(source, part)
        part.replace(target)
    stamp.write_text(made_from)


def planned_copies(fonts):
    copies = []
    for package, file, place in PAGE_PARTS:
        target = VENDOR / place
        copies.append((NODE_MODULES / package / file, target if target.suffix else target / Path(file).name))
    for package, file in fonts:
        copies.append((NODE_MODULES / package / file, DOCUMENT_FONTS / Path(file).name))
    return copies


def document_fonts():
    """The (package, file) pairs of the fonts that documents embed, as portal/documents/fonts.json lists them."""
    if not DOCUMENT_FONT_LIST.exists():
        return []
    try:
        listed = json.loads(DOCUMENT_FONT_LIST.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise SetupError(f"portal/documents/fonts.json cannot be read: {problem}") from problem
    return list(dict.fromkeys(pairs(listed)))


def pairs(listed):
    """Every {"package", "file"} anywhere in the list, so that it may also be grouped."""
    if isinstance(listed, dict) and {"package", "file"} <= listed.keys():
        yield listed["package"], listed["file"]
    elif isinstance(listed, (dict, list)):
        for item in listed.values() if isinstance(listed, dict) else listed:
            yield from pairs(item)


def fetch_node_modules():
    stamp = NODE_MODULES / ".made"
    made_from = fingerprint([ROOT / "package-lock.json"])
    if read(stamp) == made_from:
        return
    say("Fetching front-end parts (npm ci)")
    command, path = npm()
    environment = {**os.environ, "PATH": os.pathsep.join([*path, os.environ.get("PATH", "")])}
    run(
        [*command, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        "npm could not fetch the front-end parts. Is the network reachable?",
        environment,
    )
    NODE_MODULES.mkdir(exist_ok=True)
    stamp.write_text(made_from)


def npm():
    """The npm command and what must stand before PATH for it: this machine's, else one from PyPI in .venv."""
    if shutil.which("npm") and shutil.which("node"):
        return [shutil.which("npm")], []
    ours = BIN / "npm"
    if not ours.exists():
        say("No Node here; installing it into .venv")
        install(ROOT / "tools" / "requirements-node.txt")
    if not ours.exists():
        raise SetupError("no Node was found and none could be installed; install Node 20 or newer and try again.")
    return [str(ours)], [str(BIN)]


# --- small parts -----------------------------------------------------------------------------------------------------


def fingerprint(files):
    digest = hashlib.sha256()
    for file in files:
        if not file.exists():
            raise SetupError(f"{file.relative_to(ROOT)} is missing; is this a whole copy of the portal?")
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def read(stamp):
    try:
        return stamp.read_text()
    except OSError:
        return ""


def run(command, failure, environment=None):
    """Run a command in silence; where it fails, stop with the sentence `failure` and what the command said."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode:
        raise SetupError(f"{failure} It said:\n{done.stdout.strip()[-4000:]}")


def works(command):
    nowhere = subprocess.DEVNULL
    return subprocess.call([str(part) for part in command], stdin=nowhere, stdout=nowhere, stderr=nowhere) == 0


def say(sentence):
    print(f"· {sentence}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
