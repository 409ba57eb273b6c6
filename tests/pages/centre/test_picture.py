"""Profile pictures: what is taken, what is made of it, who sees it. V1 to V12 are those of the table of bad input."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from portal.access.actor import SYSTEM
from portal.access.sessions import actor_of
from portal.database import db
from portal.errors import Fenced
from portal.events import rooms
from portal.models.facts import RoomChange
from portal.models.pictures import Picture
from portal.models.users import User
from portal.queries.pictures import store_root
from portal.services import pictures
from portal.tasks import pictures as tasks
from portal.unit_of_work import unit_of_work
from portal.vocabulary import PictureState

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
XLINK = b'<?xml version="1.0"?><svg xmlns:xlink="x"><image xlink:href="file:///etc/passwd"/></svg>'


def image(kind: str = "PNG", size: tuple[int, int] = (300, 200), mode: str = "RGB", **options: Any) -> bytes:
    kept = io.BytesIO()
    Image.new(mode, size, options.pop("colour", 0)).save(kept, kind, **options)
    return kept.getvalue()


def header_of(width: int, height: int) -> bytes:
    """A PNG that says that it is so large, in a few bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    size = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + size + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


BROKEN_INSIDE = image().replace(b"IDATx", b"IDAT\xff")
"""A PNG whose headers are in order and whose pixels cannot be unpacked."""


def frames(kind: str) -> bytes:
    kept = io.BytesIO()
    first, second = (Image.new("RGB", (60, 60), colour) for colour in ("red", "blue"))
    first.save(kept, kind, save_all=True, append_images=[second], duration=100)
    return kept.getvalue()


@pytest.fixture
def give(michael):
    """A function that sends a file by the page."""

    def act(data: bytes, name: str = "me.png", mimetype: str = "image/png", browser: Any = None) -> Any:
        return (browser or michael).submit(
            "/centre/profile/picture",
            {"picture": (io.BytesIO(data), name, mimetype)},
            content_type="multipart/form-data",
        )

    return act


@pytest.fixture
def make(app, cast):
    """A function that does what the worker does."""

    def act(user_id: int = 0) -> None:
        with app.app_context():
            tasks.make(user_id or cast.michael)

    return act


@pytest.fixture
def shown(michael, cast):
    """A function that gives the picture as it is seen."""

    def act() -> Image.Image:
        answer = michael.get(f"/centre/users/{cast.michael}/picture")
        assert answer.status_code == 200
        return Image.open(io.BytesIO(answer.data))

    return act


@pytest.fixture
def row(app, cast):
    """A function that reads the row of Michael's picture."""

    def act() -> Picture | None:
        with app.app_context():
            return db.session.scalars(select(Picture).where(Picture.user_id == cast.michael)).one_or_none()

    return act


@pytest.fixture
def files(app):
    """A function that lists what lies in the store."""
    root: Path = store_root(app.config["PORTAL_DATA"])
    return lambda: sorted(path for path in root.rglob("*") if path.is_file())


class TestWhatIsTaken:
    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (SVG, 415),
            (XLINK, 415),
            (header_of(50_000, 50_000), 422),
            (header_of(4_001, 3_000), 422),
            (header_of(0, 10), 422),
            (image() + b"\0" * 5_100_000, 413),
            (frames("TIFF"), 415),
            (b"\0\0\0\x18ftypheic" + b"\0" * 400, 415),
            (b"BM" + b"\0" * 200, 415),
            (image("JPEG")[:-2], 422),
            (image("JPEG")[:60], 422),
            (image()[:-5], 422),
            (image("WEBP")[:-9], 422),
            (b"\x89PNG\r\n\x1a\n", 422),
            (b"\xff\xd8\xff", 422),
            (b"GIF89a", 422),
            (b"", 422),
            (b"only text", 415),
            (b"<?php system($_GET[0]); ?>", 415),
        ],
        ids=[
            *("V1 svg", "V1 xlink", "V2 bomb", "V2 one column too many", "V2 empty side", "V3 too many bytes"),
            *("V4 tiff", "V4 heic", "bmp", "V7 jpeg without its end", "V7 jpeg header", "V7 png", "V7 webp"),
            *("V7 png mark", "V7 jpeg mark", "V7 gif mark", "V7 nothing", "V7 text", "V8 php"),
        ],
    )
    def test_what_is_no_picture_of_ours_is_refused_before_it_is_kept(self, give, files, row, words, data, code):
        answer = give(data)
        assert answer.status_code == code
        assert 'id="picture-error"' in answer.text
        assert files() == [] and row() is None

    def test_nothing_chosen_is_said(self, michael):
        answer = michael.submit("/centre/profile/picture", {}, content_type="multipart/form-data")
        assert answer.status_code == 422 and 'id="picture-error"' in answer.text

    @pytest.mark.parametrize("name", ["../../x.png", "x.png\0.php", "a" * 1000 + ".exe", "<img src=x>.svg", ""])
    def test_the_name_of_a_file_means_nothing(self, give, files, name):
        """V9."""
        answer = give(image("JPEG"), name=name or "x", mimetype="text/html")
        assert answer.status_code == 302
        assert [path.parent.parent.name for path in files()] == ["pictures"]
        assert all(len(path.stem) == 64 for path in files())

    def test_a_hundred_in_a_minute_are_too_many(self, give, files):
        """V11: and one file at a time is kept."""
        codes = [give(image(size=(10 + n, 10))).status_code for n in range(12)]
        assert codes == [302] * 10 + [429] * 2
        assert len(files()) == 1


class TestWhatIsMade:
    @pytest.mark.parametrize(
        "data",
        [
            image("JPEG", mode="CMYK"),
            image("JPEG", mode="L"),
            image(mode="I;16"),
            image(mode="P"),
            image(mode="1"),
            image(mode="LA"),
            image(size=(1, 1)),
            image("WEBP", mode="RGBA", lossless=True),
            image(size=(1, 900)),
        ],
        ids=["CMYK", "grey", "16 bits", "palette", "black and white", "grey with alpha", "1x1", "webp", "a line"],
    )
    def test_any_becomes_a_square_of_three_colours(self, give, make, shown, data):
        """V10."""
        assert give(data).status_code == 302
        make()
        assert (shown().size, shown().mode, shown().format) == ((256, 256), "RGB", "WEBP")

    @pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
    def test_of_a_moving_picture_the_first_frame_stays(self, give, make, shown, kind):
        """V4."""
        give(frames(kind))
        make()
        picture = shown()
        assert getattr(picture, "n_frames", 1) == 1
        red, green, blue = picture.convert("RGB").getpixel((128, 128))
        assert red > 200 and green < 60 and blue < 60

    @pytest.mark.parametrize(
        "data",
        [image("JPEG") + b"<script>alert(1)</script>", image() + b"PK\x03\x04 a zip"],
        ids=["jpeg and html", "png and zip"],
    )
    def test_what_hangs_at_the_end_is_gone(self, michael, give, make, cast, files, data):
        """V5."""
        give(data)
        make()
        answer = michael.get(f"/centre/users/{cast.michael}/picture")
        assert answer.mimetype == "image/webp"
        assert b"script" not in answer.data and b"PK\x03\x04" not in answer.data
        assert [path.suffix[:2] for path in files()] == [".w"], "the file as it came is gone"

    def test_places_and_profiles_are_stripped_and_it_stands_upright(self, give, make, shown):
        """V6."""
        exif = Image.Exif()
        exif[0x0112] = 6  # The camera was turned: the left edge is the top.
        exif.get_ifd(0x8825)[1] = "N"
        lying = Image.new("RGB", (200, 200), "blue")
        lying.paste("red", (0, 0, 100, 200))
        kept = io.BytesIO()
        lying.save(kept, "JPEG", exif=exif, icc_profile=b"x" * 200_000)
        give(kept.getvalue())
        make()
        picture = shown()
        assert not picture.getexif() and "icc_profile" not in picture.info and "exif" not in picture.info
        assert picture.getpixel((128, 20))[0] > 200, "red is at the top"
        assert picture.getpixel((128, 236))[2] > 200

    def test_what_only_a_decoder_finds_is_refused_with_a_reason(self, michael, give, make, row, words, files):
        assert give(BROKEN_INSIDE).status_code == 302
        make()
        assert row().state is PictureState.REFUSED
        assert "damaged" in words(michael.get("/centre/profile"))
        assert files() == []

    def test_a_frame_larger_than_its_header_is_refused(self, give, make, row):
        data = bytearray(image("GIF", size=(10, 10), mode="P"))
        at = data.index(b",", 13)
        data[at + 5 : at + 9] = struct.pack("<HH", 5_000, 5_000)
        give(bytes(data))
        make()
        assert row().state is PictureState.REFUSED and "megapixels" in row().failure

    def test_the_one_before_stays_when_the_next_is_refused(self, give, make, shown, row):
        give(image(colour=(255, 0, 0)))
        make()
        give(BROKEN_INSIDE)
        make()
        assert row().state is PictureState.REFUSED
        assert shown().getpixel((5, 5))[0] > 200


class TestTheWork:
    def test_making_it_twice_is_making_it_once(self, give, make, row, app, cast):
        give(image())
        make()
        before = row().claim_token, row().attempts
        make()
        assert (row().claim_token, row().attempts) == before

    def test_a_newer_file_wins_over_one_in_work(self, app, give, make, cast, shown, row):
        give(image(colour=(255, 0, 0)))
        with app.app_context():
            taken, _upload = pictures.claim(cast.michael)
        give(image(colour=(0, 0, 255)))
        with app.app_context(), pytest.raises(Fenced):
            pictures.finish(taken, "0" * 64)
        make()
        assert shown().getpixel((5, 5))[2] > 200

    def test_taking_it_away_ends_the_work_on_it(self, app, michael, give, cast, row, files):
        give(image())
        with app.app_context():
            taken, _upload = pictures.claim(cast.michael)
        michael.submit("/centre/profile/picture/remove")
        with app.app_context(), pytest.raises(Fenced):
            pictures.finish(taken, "0" * 64)
        assert row() is None and files() == []

    def test_old_files_are_deleted(self, michael, give, make, files, cast):
        give(image(colour=(255, 0, 0)))
        make()
        give(image(colour=(0, 0, 255)))
        make()
        assert len(files()) == 1
        michael.submit("/centre/profile/picture/remove")
        assert files() == []
        assert michael.get(f"/centre/users/{cast.michael}/picture").status_code == 404
        assert "MW" in michael.get("/centre/profile").text

    def test_the_same_picture_of_two_people_is_kept_for_each(self, michael, rita, give, make, cast, files):
        give(image())
        give(image(), browser=rita)
        make()
        make(cast.rita)
        michael.submit("/centre/profile/picture/remove")
        assert rita.get(f"/centre/users/{cast.rita}/picture").status_code == 200

    def test_what_nobody_names_is_swept_up_in_time(self, app, give, make, files, monkeypatch):
        give(image())
        make()
        kept = files()[0]
        stray = kept.with_name("0" * 64 + kept.suffix)
        stray.write_bytes(b"left by somebody who died")
        with app.app_context():
            assert tasks.forget_unused() == 0, "young files may be about to be named"
            monkeypatch.setattr(tasks, "STAYS", -1.0)
            assert tasks.forget_unused() == 1
        assert files() == [kept]

    def test_three_dead_workers_are_enough(self, app, give, row, cast, michael, words, files):
        give(image())
        for _ in range(3):
            with app.app_context():
                assert pictures.claim(cast.michael) is not None
                with unit_of_work(SYSTEM):
                    found = db.session.scalars(select(Picture)).one()
                    found.lease_until = found.changed_at
        with app.app_context():
            assert pictures.list_due() == [] and pictures.claim(cast.michael) is None
            tasks.give_up_on_poison()
        assert files() == []
        assert row().state is PictureState.REFUSED
        assert "worker stopped" in words(michael.get("/centre/profile"))

    def test_a_waiting_one_is_rung_for_again(self, app, give, cast):
        give(image())
        with app.app_context():
            assert pictures.list_due() == [cast.michael]

    def test_a_lost_file_is_said(self, give, make, files, row):
        give(image())
        files()[0].unlink()
        make()
        assert "lost" in row().failure

    def test_the_open_pages_are_told(self, app, give, make, cast):
        give(image())
        make()
        with app.app_context():
            told = {step.room: step.ids for step in db.session.scalars(select(RoomChange))}
        assert told[rooms.desk(cast.michael)] is None
        assert told[rooms.centre_users(cast.riverside)] == [cast.michael]


class TestWhoSeesIt:
    @pytest.fixture(autouse=True)
    def one(self, give, make):
        give(image())
        make()

    def test_colleagues_and_the_awarding_body_see_it(self, anew, browser_of, cast):
        assert anew.get(f"/centre/users/{cast.michael}/picture").status_code == 200
        assert browser_of(cast.issuer).get(f"/issuer/users/{cast.michael}/picture").status_code == 200

    def test_nobody_of_another_centre_does(self, rita, client, browser_of, cast):
        """V12."""
        foreign = rita.get(f"/centre/users/{cast.michael}/picture")
        absent = rita.get("/centre/users/987654/picture")
        without = rita.get(f"/centre/users/{cast.rita}/picture")
        assert foreign.status_code == absent.status_code == without.status_code == 404
        assert foreign.text == absent.text == without.text
        assert client.get(f"/centre/users/{cast.michael}/picture").status_code == 302
        assert browser_of(cast.connor).get(f"/centre/users/{cast.michael}/picture").status_code == 403

    def test_browsers_ask_each_time_and_are_told_when_nothing_changed(self, michael, cast):
        answer = michael.get(f"/centre/users/{cast.michael}/picture")
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        again = michael.get(f"/centre/users/{cast.michael}/picture", headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")

    def test_a_damaged_file_is_not_served(self, michael, cast, files):
        files()[0].write_bytes(b"something else")
        assert michael.get(f"/centre/users/{cast.michael}/picture").status_code == 404

    def test_it_is_in_the_top_bar_and_the_address_changes_with_it(self, app, michael, give, make, cast):
        first = michael.get("/centre/jobs").text.partition('id="own-avatar"')[2].partition('src="')[2].partition('"')[0]
        assert first.startswith(f"/centre/users/{cast.michael}/picture?v=")
        give(image(colour=(9, 9, 99)))
        make()
        assert first not in michael.get("/centre/jobs").text
        with app.app_context():
            assert actor_of(db.session.get_one(User, cast.michael))


def test_no_web_process_loads_what_decodes():
    import subprocess
    import sys

    code = "import sys, portal.web.profile_pages; sys.exit('portal.pictures.making' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], check=False)
    assert done.returncode == 0
