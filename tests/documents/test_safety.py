"""Drawing reads the fonts, the logos and the templates, and nothing else: no other file, no network, no program."""

import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from portal.documents import draw, letterhead, page_images
from tests.documents.samples import PLAIN, SEG

ROOT = Path(__file__).parent.parent.parent

# Everything is loaded and drawn once before the watch begins, as in a worker, except brands, which it has never seen.
WATCHED = """
import sys
from dataclasses import replace
from tests.documents.samples import HOSTILE, PLAIN, SEG
from portal.documents import draw, page_images, preload
preload()
for kind in ("certificate", "transcript", "letter"):
    page_images(draw(replace(PLAIN, kind=kind), "digital"), width=100)
seen = []
watching = True
def watch(event, args):
    if watching and event.split(".")[0] in ("socket", "subprocess", "ftplib", "urllib", "http") or event in (
        "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.remove", "os.rename", "os.mkdir", "os.chmod"):
        seen.append((event, str(args[0])))
    if watching and event == "open":
        seen.append((event, str(args[0])))
sys.addaudithook(watch)
for index, name in enumerate(HOSTILE):
    brand = replace(SEG, name=name, contact=name, address_lines=(name, name))
    for kind in ("certificate", "transcript", "letter"):
        sheet = replace(PLAIN, kind=kind, learner_name=name, centre_name=name, qualification_title=name, grade=name,
                        level=name, language=name, awarding_organisation=name, brand=brand)
        for form in ("print", "digital"):
            page_images(draw(sheet, form), width=100)
watching = False
print("\\n".join(sorted({f"{event} {path}" for event, path in seen})))
"""


def test_hostile_values_open_no_file_and_no_socket():
    done = subprocess.run([sys.executable, "-c", WATCHED], capture_output=True, text=True, check=True, cwd=ROOT)
    allowed = tuple(
        str(ROOT / "portal" / part) for part in ("documents/fonts", "documents/assets", "templates/documents")
    )
    seen = [line for line in done.stdout.splitlines() if line]
    strangers = [line for line in seen if not line.startswith("open ") or not line[5:].startswith(allowed)]
    assert strangers == []
    assert "Traceback" not in done.stderr


def test_the_watch_would_see_a_file():
    """The guard of the guard: the same hook reports an open that is not allowed."""
    program = WATCHED.replace(
        "for index, name in enumerate(HOSTILE):", 'open("/etc/hostname").close()\nfor name in HOSTILE[:1]:'
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "open /etc/hostname" in done.stdout


def test_the_letterhead_may_read_only_logos_and_fonts():
    policy = letterhead.policy()
    assert policy.allow_remote is False
    assert policy.allow_local_outside_base is False
    assert policy.base_dir == letterhead.ASSETS
    assert policy.extra_roots == (letterhead.fonts.FOLDER,)


REACHING = """
import sys
from portal.documents import letterhead
from tests.documents.samples import SEG
letterhead.render("letter", SEG)
class Spoilt:
    def get_template(self, _): return self
    def render(self, **_): return f'<html><body><p>words</p><img src="{source}"></body></html>'
letterhead._templates = Spoilt
def watch(event, args):
    if event in ("open", "socket.connect", "socket.getaddrinfo"):
        print(source, event, args[0])
sys.addaudithook(watch)
for source in sys.argv[1:]:
    try: letterhead.render("letter", SEG)
    except letterhead.LetterheadFailed: pass
"""


def test_a_spoilt_template_reads_nothing_outside(tmp_path):
    """The policy stands, not the good will of the HTML. Without one, xhtml2pdf reads all of the working folder."""
    inside = tmp_path / "secret.png"
    Image.new("RGB", (9, 9)).save(inside)
    sources = ["/etc/passwd", "file:///etc/passwd", "http://127.0.0.1:9/x.png", "http://portal.example/x", str(inside)]
    done = subprocess.run(
        [sys.executable, "-c", REACHING, *sources],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert done.stdout == ""


def test_a_logo_is_shown(tmp_path, monkeypatch):
    Image.new("RGBA", (300, 90), (200, 30, 30, 255)).save(tmp_path / "logo.png")
    monkeypatch.setattr(letterhead, "ASSETS", tmp_path)
    brand = replace(SEG, name="Another Board", logo="logo.png")
    for kind in ("certificate", "transcript", "letter"):
        pdf = draw(replace(PLAIN, kind=kind, brand=brand), "digital")
        picture = Image.open(io.BytesIO(page_images(pdf, width=600)[0])).convert("RGB").crop((0, 0, 600, 150))
        shades = picture.getcolors(maxcolors=600 * 150) or []
        assert sum(count for count, (red, green, _) in shades if red > 180 and green < 60) > 1000


def test_a_missing_logo_is_said_plainly():
    with pytest.raises(letterhead.LetterheadFailed, match=r"nowhere\.png is not in"):
        draw(replace(PLAIN, brand=replace(SEG, logo="nowhere.png")), "digital")


def test_an_address_that_is_too_long_is_said_plainly():
    brand = replace(SEG, address_lines=("A very long street indeed",) * 60)
    with pytest.raises(letterhead.LetterheadFailed, match="does not fit"):
        draw(replace(PLAIN, brand=brand), "digital")
