"""An export freezes what was chosen, is packed in turns, delivers what can be delivered, and says what not and why."""

from __future__ import annotations

import csv
import hashlib
import io
import secrets
import time
import zipfile
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError

from portal import clock
from portal.access.actor import SYSTEM
from portal.database import Busy, db
from portal.documents.storage import Store
from portal.errors import Fenced, Invalid, NotAllowed, NotFound, Throttled, WrongMove
from portal.grid.question import BadQuery
from portal.grid.selection import read_selection
from portal.models.audit import AuditEntry
from portal.models.documents import Document
from portal.models.downloads import Download, DownloadItem
from portal.models.facts import RoomChange
from portal.models.records import Record
from portal.packing import Digest, NoSpace, Pack, Shelf, digest
from portal.queries.documents import store_root
from portal.queries.downloads import ready_count, shelf_of
from portal.queries.jobs import JOB_DOCUMENTS
from portal.queries.records import RECORDS
from portal.services import documents, downloads
from portal.tasks import downloads as packing
from portal.tasks import queue
from portal.unit_of_work import unit_of_work
from portal.vocabulary import Arrival, DownloadState, ItemState
from tests.services.people import as_actor


@pytest.fixture(autouse=True)
def here(app):
    with app.app_context():
        yield


@pytest.fixture
def rings(monkeypatch):
    heard = []
    monkeypatch.setattr(queue, "ring", lambda name, ident: heard.append((name, ident)))
    return heard


@pytest.fixture
def ask(drawn, cast):
    """A function that asks for an export of all records, or of these, as Michael; the id of the export."""

    def act(*ids, name="Autumn", actor=None, key=None, grid=RECORDS, fields=None, **more):
        fields = fields or ([("id", str(ident)) for ident in ids] if ids else [("selection", "all")])
        return downloads.request(
            grid,
            read_selection(grid, fields),
            name=name,
            key=key or secrets.token_hex(16),
            days=7,
            actor=actor or as_actor(cast.michael),
            **more,
        )

    return act


def row(ident):
    return db.session.get_one(Download, ident, populate_existing=True)


def pack(ident):
    packing.pack(ident)
    return row(ident)


def shelf(app) -> Shelf:
    return shelf_of(app.config["PORTAL_DATA"])


def opened(app, ident):
    return zipfile.ZipFile(shelf(app).path(row(ident).file))


def sheet(zipped, name):
    return list(csv.DictReader(io.StringIO(zipped.read(name).decode("utf-8-sig"))))


def records():
    return list(db.session.scalars(select(Record.id).order_by(Record.id)))


def lease_over(ident):
    with unit_of_work(SYSTEM):
        db.session.execute(
            update(Download).where(Download.id == ident).values(lease_until=clock.now() - timedelta(minutes=1))
        )


# Asking


def test_what_is_chosen_is_frozen_in_the_order_of_the_zip(ask, drawn):
    ident = ask()
    found = row(ident)
    assert (found.state, found.records, found.total) == (DownloadState.PENDING, 2, 5)
    lines = db.session.execute(
        select(DownloadItem.position, Record.last_name, Document.kind, DownloadItem.state)
        .join(Document, Document.id == DownloadItem.document_id)
        .join(Record)
        .where(DownloadItem.download_id == ident)
        .order_by(DownloadItem.position)
    ).all()
    assert [line.position for line in lines] == [1, 2, 3, 4, 5]
    assert [line.last_name.lower() for line in lines] == sorted(line.last_name.lower() for line in lines)
    assert [line.kind.value for line in lines[2:]] == ["certificate", "transcript", "letter"]
    assert {line.state for line in lines} == {ItemState.WAITING}


def test_documents_of_a_job_can_be_chosen_too(ask, drawn):
    one, two = drawn.document_ids[0], drawn.document_ids[4]
    ident = ask(one, two, one, grid=JOB_DOCUMENTS, within={"job_id": drawn.job_id})
    assert (row(ident).records, row(ident).total) == (2, 2)


def test_what_is_chosen_twice_is_packed_once(ask):
    first = records()[0]
    assert row(ask(first, first)).records == 1


def test_what_was_published_after_the_click_is_not_in_it(ask, publish):
    newest = records()[-1]
    publish(rows=1)
    fields = [("selection", "all"), ("query", ""), ("upto", str(newest))]
    assert row(ask(fields=fields)).records == 2
    assert row(ask()).records == 3


def test_one_record_of_somebody_else_makes_nothing(ask, cast, publish):
    own = records()[0]
    foreign = publish(rows=1, centre_id=cast.hillside)
    db.session.rollback()
    theirs = db.session.scalar(select(Document.record_id).where(Document.id == foreign.document_ids[0]))
    for ident in (theirs, 999_999):
        with pytest.raises(NotFound):
            ask(own, ident)
    with pytest.raises(NotFound):
        ask(foreign.document_ids[0], grid=JOB_DOCUMENTS, within={"job_id": foreign.job_id})
    assert db.session.scalar(select(func.count()).select_from(Download)) == 0
    assert db.session.scalar(select(func.count()).select_from(DownloadItem)) == 0


def test_nothing_chosen_makes_nothing(ask):
    with pytest.raises(BadQuery):
        ask(fields=[("csrf_token", "x")])
    with pytest.raises(BadQuery):
        ask(fields=[("selection", "all"), ("query", "q=nobody-has-this-name")])
    assert db.session.scalar(select(func.count()).select_from(Download)) == 0


def test_too_many_are_to_be_split(ask, monkeypatch):
    monkeypatch.setattr(downloads, "MOST_RECORDS", 1)
    with pytest.raises(Invalid, match="at most 1 records. Split it"):
        ask()
    assert db.session.scalar(select(func.count()).select_from(Download)) == 0


def test_another_number_than_was_shown_makes_nothing(ask):
    with pytest.raises(WrongMove, match="has changed"):
        ask(shown=3)
    assert db.session.scalar(select(func.count()).select_from(Download)) == 0
    assert ask(shown=2)


@pytest.mark.parametrize(
    "name", ["", "  ", "\t", "a\r\nSet-Cookie: x", "a\x00b", "a\x85b", "x" * 121, "😀" * 121, "\ud800"]
)
def test_a_name_that_cannot_be_is_refused_at_its_field(ask, name):
    with pytest.raises(Invalid) as refused:
        ask(name=name)
    assert refused.value.field == "name"


@pytest.mark.parametrize(
    "name", ["../../etc/cron.d/x", "C:\\x", 'a"; filename=evil.exe', "CON", "x. ", "😀" * 100, "=1+1"]
)
def test_a_name_is_only_text_and_touches_no_path(ask, app, name, rings):
    ident = ask(records()[0], name=name)
    assert row(ident).name == name.strip()
    assert pack(ident).file.startswith(f"{ident}-")


def test_the_same_form_twice_makes_one(ask, cast):
    first = ask(key="k")
    assert ask(key="k") == first
    assert ask(key="k", actor=as_actor(cast.anew)) != first
    assert db.session.scalar(select(func.count()).select_from(Download)) == 2
    assert (
        db.session.scalar(select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "DownloadRequested"))
        == 2
    )


def test_a_name_may_be_used_again(ask):
    assert ask(name="Same") != ask(name="Same")


def test_the_thirty_first_in_a_minute_has_to_wait(ask, cast):
    for _ in range(30):
        ask(key="k")
    with pytest.raises(Throttled) as refused:
        ask()
    assert 0 < refused.value.retry_after <= 60
    assert ask(actor=as_actor(cast.anew))


def test_who_may_not_export_does_not(ask, cast):
    for user_id in (cast.connor,):
        with pytest.raises(NotAllowed):
            ask(actor=as_actor(user_id))
    with pytest.raises(NotFound):
        ask(actor=as_actor(cast.issuer))


# Packing


def test_a_zip_holds_every_document_whole_and_a_list_of_them(ask, app, rings):
    ident = ask()
    found = pack(ident)
    assert (found.state, found.done, found.left_out) == (DownloadState.COMPLETED, 5, 0)
    path = shelf(app).path(found.file)
    assert found.size == path.stat().st_size
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    with opened(app, ident) as zipped:
        assert zipped.testzip() is None
        names = zipped.namelist()
        assert names[-1] == "manifest.csv"
        assert names[:-1] == sorted(names[:-1], key=lambda name: name.split(" - ")[0].lower())
        lines = sheet(zipped, "manifest.csv")
        assert [line["File"] for line in lines] == names[:-1]
        for line in lines:
            assert hashlib.sha256(zipped.read(line["File"])).hexdigest() == line["SHA-256"]
            assert next(value for key, value in line.items() if key.startswith("Status on ")) == "Valid"
        assert {info.compress_type for info in zipped.infolist()} == {zipfile.ZIP_STORED}
    assert ready_count(as_actor(row(ident).created_by_id)) == 1


def test_whoever_asked_is_told_and_the_list_of_the_centre(ask, cast, rings):
    ident = ask()
    before = dict(db.session.execute(select(RoomChange.room, func.max(RoomChange.seq)).group_by(RoomChange.room)).all())
    pack(ident)
    told = db.session.execute(select(RoomChange.room, RoomChange.seq, RoomChange.ids)).all()
    fresh = [(one.room, one.ids) for one in told if one.seq > before.get(one.room, 0)]
    assert (f"desk:{cast.michael}", [ident]) in fresh
    # Begun and finished; not a word for each document.
    assert fresh.count((f"centre:{cast.riverside}:downloads", [ident])) == 2


def test_cancelled_and_expired_documents_are_in_it_and_the_list_says_so(ask, app, drawn, cast, rings):
    documents.cancel([drawn.document_ids[0]], reason="In error", actor=as_actor(cast.issuer))
    with unit_of_work(SYSTEM):
        late = clock.today() - timedelta(days=1)
        db.session.execute(update(Document).where(Document.id == drawn.document_ids[1]).values(expires_on=late))
    ident = ask()
    pack(ident)
    with opened(app, ident) as zipped:
        said = sorted(list(line.values())[6] for line in sheet(zipped, "manifest.csv"))
    assert said == ["Cancelled", "Expired", "Valid", "Valid", "Valid"]


def test_what_cannot_be_delivered_is_left_out_with_the_reason(ask, app, drawn, publish, rings):
    store = Store(store_root(app.config["PORTAL_DATA"]))
    missing, changed, short = (
        db.session.get_one(Document, ident).files["digital"]["sha256"] for ident in drawn.document_ids[:3]
    )
    store.path(missing, ".pdf").unlink()
    data = bytearray(store.path(changed, ".pdf").read_bytes())
    data[50] ^= 1
    store.path(changed, ".pdf").write_bytes(data)
    store.path(short, ".pdf").write_bytes(b"%PDF")
    publish(rows=1)
    ident = ask()
    found = pack(ident)
    assert (found.state, found.total, found.left_out) == (DownloadState.COMPLETED, 7, 5)
    with opened(app, ident) as zipped:
        left = sheet(zipped, "not-included.csv")
        assert sorted(line["Why"] for line in left) == sorted(
            [packing.MISSING, packing.CHANGED, packing.CHANGED, *[packing.PENDING] * 2]
        )
        assert len(zipped.namelist()) == 2 + 2
    reasons = db.session.scalars(select(DownloadItem.reason).where(DownloadItem.state == ItemState.LEFT_OUT)).all()
    assert sorted(reasons) == sorted(line["Why"] for line in left)


def test_an_export_that_can_deliver_nothing_fails_and_says_what(ask, publish, app, rings):
    batch = publish(rows=1)
    ident = ask(*batch.document_ids, grid=JOB_DOCUMENTS, within={"job_id": batch.job_id})
    found = pack(ident)
    assert found.state is DownloadState.FAILED
    assert found.failure == f"{downloads.NOTHING} The first of them: {packing.PENDING}"
    assert list(shelf(app).root.iterdir()) == []


def test_a_cell_that_looks_like_a_formula_stays_text(ask, app, drawn, rings):
    with unit_of_work(SYSTEM):
        db.session.execute(update(Record).values(last_name="=cmd()|x", first_name="@SUM"))
    ident = ask()
    pack(ident)
    with opened(app, ident) as zipped:
        assert {line["Learner"] for line in sheet(zipped, "manifest.csv")} == {"'=cmd()|x, @SUM"}
        assert zipped.namelist()[0].startswith("=cmd()-x, @SUM - Certificate - ")


def test_two_learners_of_one_name_have_files_of_their_own(ask, app, drawn, rings):
    with unit_of_work(SYSTEM):
        db.session.execute(update(Record).values(last_name="CON", first_name=""))
    ident = ask()
    pack(ident)
    with opened(app, ident) as zipped:
        names = zipped.namelist()
        assert len({name.lower() for name in names}) == len(names) == 6
        assert all(name.startswith("_CON - ") for name in names[:-1])


# Turns


def test_a_turn_that_ends_before_the_export_goes_on_where_it_stopped(ask, app, rings, monkeypatch):
    ident = ask()
    monkeypatch.setattr(packing, "TURN", 0.0)
    done = []
    while row(ident).state is not DownloadState.COMPLETED:
        rings.clear()
        done.append(pack(ident).done)
        assert rings == (
            [] if done[-1] == 5 and row(ident).state is DownloadState.COMPLETED else [(queue.DOWNLOADS, ident)]
        )
    assert done == [1, 2, 3, 4, 5]
    with opened(app, ident) as zipped:
        assert zipped.testzip() is None
        assert len(zipped.namelist()) == 6
    assert len(list(shelf(app).root.iterdir())) == 1


def test_two_centres_take_turns_whatever_one_of_them_asked_for(ask, cast, publish, draw, rings, monkeypatch):
    monkeypatch.setattr(packing, "TURN", 0.0)
    many = [ask(name=f"Riverside {n}") for n in range(3)]
    for ident in many:
        pack(ident)
    draw(publish(rows=1, centre_id=cast.hillside).job_id)
    theirs = ask(name="Hillside", actor=as_actor(cast.rita))
    turns = 0
    while row(theirs).state is not DownloadState.COMPLETED:
        packing.pack(many[0])
        turns += 1
    # Three documents among eighteen of another centre: every other turn is theirs, at the latest.
    assert turns <= 6
    assert all(row(ident).state is DownloadState.PROCESSING for ident in many)


def test_a_small_export_does_not_wait_for_a_large_one_of_the_same_centre(ask, drawn, rings, monkeypatch):
    monkeypatch.setattr(packing, "TURN", 0.0)
    large = ask()
    pack(large)
    small = ask(drawn.document_ids[0], grid=JOB_DOCUMENTS, within={"job_id": drawn.job_id})
    for _ in range(2 * row(small).total):
        packing.pack(large)
    assert row(small).state is DownloadState.COMPLETED
    assert row(large).state is DownloadState.PROCESSING


def test_five_rings_make_one_zip(ask, app, rings):
    ident = ask()
    for _ in range(5):
        packing.pack(ident)
    assert len(list(shelf(app).root.iterdir())) == 1
    assert row(ident).state is DownloadState.COMPLETED


def test_who_was_fenced_writes_nothing_more(ask, app, rings, monkeypatch):
    monkeypatch.setattr(packing, "TURN", 0.0)
    ident = ask()
    pack(ident)
    slow = downloads.claim()
    lease_over(ident)
    other = downloads.claim()
    assert other.orphaned
    with pytest.raises(Fenced):
        downloads.progress(slow, done=6, left_out={}, file="1-1.part")
    with pytest.raises(Fenced):
        downloads.complete(slow, file="1-1.zip", size=1, sha256="")
    assert row(ident).done == 1


def test_the_part_of_one_who_may_still_live_is_copied_not_shared(ask, app, rings, monkeypatch):
    monkeypatch.setattr(packing, "TURN", 0.0)
    ident = ask()
    pack(ident)
    before = row(ident).file
    downloads.claim()
    lease_over(ident)
    monkeypatch.setattr(packing, "TURN", 60.0)
    alive = shelf(app).path(before).open("ab")
    alive.write(b"still writing")
    alive.flush()
    found = pack(ident)
    alive.write(b"still writing")
    alive.close()
    assert found.state is DownloadState.COMPLETED
    assert hashlib.sha256(shelf(app).path(found.file).read_bytes()).hexdigest() == found.sha256
    with opened(app, ident) as zipped:
        assert zipped.testzip() is None
    assert [path.name for path in shelf(app).root.iterdir()] == [found.file]


@pytest.mark.parametrize("stage", ["copied", "listed", "synced", "checked", "hashed"])
def test_who_copies_or_finishes_for_longer_than_a_lease_keeps_it(ask, app, rings, monkeypatch, stage):
    """The lease is let run out as the stage begins; when it is over, another worker finds nothing to take."""
    ident = ask()
    with monkeypatch.context() as short:
        short.setattr(packing, "TURN", 0.0)
        pack(ident)
        pack(ident)
    downloads.claim()
    lease_over(ident)
    monkeypatch.setattr(packing, "BEAT_EVERY", 0.0)
    monkeypatch.setattr(digest, "TELL_EVERY", 0.01)
    stages = {
        "copied": (packing, "copy_beginning"),
        "listed": (packing, "_manifest"),
        "synced": (Pack, "sync"),
        "checked": (Pack, "check"),
        "hashed": (Digest, "end"),
    }
    place, name = stages[stage]
    real, after = getattr(place, name), {"listed": (Pack, "close_up"), "synced": (Pack, "check")}.get(stage)
    hash_on, seen = Digest._follow, []

    def lasts(*args, **more):
        lease_over(ident)
        result = real(*args, **more)
        if after is None:
            seen.append(downloads.claim())
        return result

    monkeypatch.setattr(place, name, lasts)
    if after is not None:
        follows = getattr(*after)
        monkeypatch.setattr(*after, lambda *args, **more: (seen.append(downloads.claim()), follows(*args, **more))[1])
    if stage == "hashed":
        monkeypatch.setattr(Digest, "_follow", lambda self: (time.sleep(0.3), hash_on(self)))
    found = pack(ident)
    assert seen == [None]
    assert (found.state, found.left_out) == (DownloadState.COMPLETED, 0)


def test_a_removed_export_stops_who_copies_it_and_leaves_nothing(ask, app, cast, rings, monkeypatch):
    ident = ask()
    with monkeypatch.context() as short:
        short.setattr(packing, "TURN", 0.0)
        pack(ident)
    downloads.claim()
    lease_over(ident)
    monkeypatch.setattr(packing, "BEAT_EVERY", 0.0)
    real = packing.copy_beginning

    def is_removed(*args, on):
        def heard():
            shelf(app).forget(downloads.remove(ident, actor=as_actor(cast.anew)))
            on()

        return real(*args, entries=1, on=heard)

    monkeypatch.setattr(packing, "copy_beginning", lambda source, part, *, entries, on: is_removed(source, part, on=on))
    packing.pack(ident)
    assert list(shelf(app).root.iterdir()) == []


@pytest.mark.parametrize("harm", ["gone", "short"])
def test_a_part_that_is_not_what_the_database_says_is_begun_anew(ask, app, rings, monkeypatch, harm):
    monkeypatch.setattr(packing, "TURN", 0.0)
    ident = ask()
    pack(ident)
    pack(ident)
    path = shelf(app).path(row(ident).file)
    path.unlink() if harm == "gone" else path.write_bytes(path.read_bytes()[:-10])
    monkeypatch.setattr(packing, "TURN", 60.0)
    assert pack(ident).state is DownloadState.COMPLETED
    with opened(app, ident) as zipped:
        assert zipped.testzip() is None
        assert len(zipped.namelist()) == 6
    assert len(list(shelf(app).root.iterdir())) == 1


def test_a_part_that_turned_bad_is_found_out_before_it_is_offered(ask, app, rings, monkeypatch):
    monkeypatch.setattr(packing, "TURN", 0.0)
    ident = ask()
    pack(ident)
    path = shelf(app).path(row(ident).file)
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    monkeypatch.setattr(packing, "TURN", 60.0)
    found = pack(ident)
    assert (found.state, found.done) == (DownloadState.PROCESSING, 0)
    assert list(shelf(app).root.iterdir()) == []
    with unit_of_work(SYSTEM):
        db.session.execute(update(Download).values(next_attempt_at=None))
    assert pack(ident).state is DownloadState.COMPLETED


def test_a_document_that_kills_its_worker_is_left_out_and_the_rest_is_delivered(ask, app, rings, monkeypatch):
    ident = ask()
    monkeypatch.setattr(packing, "TURN", 0.0)
    pack(ident)
    for _ in range(3):
        downloads.claim()
        lease_over(ident)
    assert downloads.claim() is None
    downloads.give_up_on_poison()
    assert (row(ident).done, row(ident).left_out) == (2, 1)
    monkeypatch.setattr(packing, "TURN", 60.0)
    assert pack(ident).state is DownloadState.COMPLETED
    with opened(app, ident) as zipped:
        assert [line["Why"] for line in sheet(zipped, "not-included.csv")] == [downloads.POISON]
        assert zipped.testzip() is None


@pytest.mark.parametrize("error", [OperationalError("UPDATE", {}, Exception("gone")), Busy()])
@pytest.mark.parametrize("again", [0, 2])
def test_bad_moments_of_the_database_put_no_document_under_suspicion(ask, app, rings, monkeypatch, error, again):
    """The database is away when a turn is committed, and the first times that the attempt is to be handed back."""
    monkeypatch.setattr(packing, "PAUSES", (0, 0, 0))
    ident = ask()
    real, away = downloads.hand_back, []

    def fails(*_args, **_more):
        raise error

    def hand_back(turn):
        away.append(turn)
        if len(away) <= again:
            raise error
        real(turn)

    for _ in range(4):
        with monkeypatch.context() as moment:
            moment.setattr(downloads, "progress", fails)
            moment.setattr(downloads, "hand_back", hand_back)
            away.clear()
            packing.pack(ident)
        assert row(ident).attempts == 0
        assert timedelta() < row(ident).lease_until - clock.now() <= downloads.HANDED_BACK
        assert downloads.claim() is None
        lease_over(ident)
        downloads.give_up_on_poison()
    found = pack(ident)
    assert (found.state, found.left_out) == (DownloadState.COMPLETED, 0)


def test_who_lost_an_export_hands_nothing_back(ask, app, rings):
    ident = ask()
    slow = downloads.claim()
    lease_over(ident)
    downloads.claim()
    packing._hand_back(slow)
    assert row(ident).attempts == 2


def test_an_export_that_kills_every_worker_is_given_up(ask, cast, rings):
    ident = ask()
    for _ in range(downloads.MOST_POISON + 1):
        for _ in range(3):
            downloads.claim()
            lease_over(ident)
        downloads.give_up_on_poison()
    assert (row(ident).state, row(ident).failure) == (DownloadState.FAILED, downloads.STOPPED)


def test_three_faults_and_it_has_failed_with_a_sentence(ask, app, rings, monkeypatch):
    ident = ask()
    monkeypatch.setattr(packing._Packing, "_pack_until", lambda *_: 1 / 0)
    for attempt in (1, 2, 3):
        assert row(ident).attempts == attempt - 1
        pack(ident)
        with unit_of_work(SYSTEM):
            db.session.execute(update(Download).values(next_attempt_at=None))
    assert row(ident).state is DownloadState.FAILED
    assert row(ident).failure == "Packing failed: ZeroDivisionError. It was tried three times."
    assert list(shelf(app).root.iterdir()) == []


def test_a_full_disk_is_said_and_can_be_tried_again(ask, app, cast, rings, monkeypatch):
    ident = ask()
    with monkeypatch.context() as full:
        full.setattr(Shelf, "free", lambda _: 1000)
        found = pack(ident)
        assert (found.state, found.failure) == (DownloadState.FAILED, downloads.NO_SPACE)
    downloads.again(ident, days=7, actor=as_actor(cast.anew))

    def no_space(*_):
        raise NoSpace

    with monkeypatch.context() as full:
        full.setattr("portal.packing.zips.os.fsync", no_space)
        assert pack(ident).failure == downloads.NO_SPACE
    assert list(shelf(app).root.iterdir()) == []
    downloads.again(ident, days=7, actor=as_actor(cast.anew))
    assert pack(ident).state is DownloadState.COMPLETED
    with pytest.raises(WrongMove):
        downloads.again(ident, days=7, actor=as_actor(cast.anew))


# Clearing away


def test_an_expired_file_is_deleted_after_the_row_says_so(ask, app, rings):
    ident = ask()
    file = pack(ident).file
    packing.expire()
    assert shelf(app).path(file).exists()
    with unit_of_work(SYSTEM):
        db.session.execute(update(Download).values(expires_at=clock.now() - timedelta(seconds=1)))
    assert ready_count(as_actor(row(ident).created_by_id)) == 0
    packing.expire()
    assert (row(ident).state, row(ident).file) == (DownloadState.EXPIRED, "")
    assert not shelf(app).path(file).exists()


def test_what_no_row_names_is_cleared_away(ask, app, rings):
    ident = ask()
    pack(ident)
    for name in ("99-a.zip", f"{ident}-b.part"):
        shelf(app).path(name).write_bytes(b"x")
    packing.clear_away(seconds=3600)
    assert len(list(shelf(app).root.iterdir())) == 3
    packing.clear_away(seconds=0)
    assert [path.name for path in shelf(app).root.iterdir()] == [row(ident).file]


def test_a_removed_export_is_off_the_list_and_stops_its_worker(ask, app, cast, rings, monkeypatch):
    ident = ask()
    monkeypatch.setattr(packing, "TURN", 0.0)
    pack(ident)
    turn = downloads.claim()
    with pytest.raises(NotFound):
        downloads.remove(ident, actor=as_actor(cast.rita))
    file = downloads.remove(ident, actor=as_actor(cast.anew))
    assert file == turn.file
    with pytest.raises(Fenced):
        downloads.progress(turn, done=2, left_out={}, file=turn.file)
    assert downloads.claim() is None
    with pytest.raises(NotFound):
        downloads.remove(ident, actor=as_actor(cast.anew))


# Handing over


@pytest.fixture
def ready(ask, rings):
    ident = ask()
    return pack(ident)


def hand(found, start, sent, promised, actor):
    downloads.begin_handing(found.id, actor=actor)
    downloads.end_handing(found.id, start=start, sent=sent, promised=promised, sha256=found.sha256, actor=actor)
    return row(found.id)


def test_a_zip_has_arrived_when_all_of_it_has_left(ready, cast):
    michael, size = as_actor(cast.michael), ready.size
    assert hand(ready, 0, size, size, michael).arrival is Arrival.WHOLE
    assert (row(ready.id).downloads, row(ready.id).downloaded_by) == (1, "Michael White")
    assert row(ready.id).downloaded_by_id == cast.michael


def test_two_people_of_one_name_are_two(ready, cast):
    michael, size = as_actor(cast.michael), ready.size
    namesake = replace(as_actor(cast.anew), name=michael.name)
    hand(ready, 0, 4, 4, michael)
    assert hand(ready, 4, size - 4, size - 4, namesake).downloads == 0
    assert row(ready.id).downloaded_by_id == cast.anew


def test_ranges_that_together_are_the_whole_count_as_one(ready, cast):
    michael, size = as_actor(cast.michael), ready.size
    assert hand(ready, 0, 500, size, michael).arrival is Arrival.BROKEN_OFF
    assert hand(ready, 900, size - 900, size - 900, michael).arrival is Arrival.UNDER_WAY
    assert hand(ready, 400, 500, 500, michael).arrival is Arrival.WHOLE
    # The last part alone is not the whole.
    assert hand(ready, size - 10, 10, 10, michael).arrival is Arrival.UNDER_WAY
    assert row(ready.id).downloads == 1


def test_what_one_person_has_does_not_count_for_another(ready, cast):
    size = ready.size
    hand(ready, 0, 500, size, as_actor(cast.michael))
    found = hand(ready, 500, size - 500, size - 500, as_actor(cast.anew))
    assert found.arrival is Arrival.UNDER_WAY


def test_a_handing_over_that_nobody_hears_of_was_broken_off(ready, cast):
    downloads.begin_handing(ready.id, actor=as_actor(cast.michael))
    downloads.settle_silent()
    assert row(ready.id).arrival is Arrival.UNDER_WAY
    with unit_of_work(SYSTEM):
        db.session.execute(update(Download).values(downloaded_at=clock.now() - timedelta(hours=1)))
    downloads.settle_silent()
    assert row(ready.id).arrival is Arrival.BROKEN_OFF


@pytest.mark.parametrize(
    ("pieces", "whole"),
    [
        ([[0, 5], [5, 9]], [[0, 9]]),
        ([[5, 9], [0, 6]], [[0, 9]]),
        ([[0, 2], [3, 4]], [[0, 2], [3, 4]]),
        ([[0, 9], [2, 3], [4, 4]], [[0, 9]]),
        ([], []),
    ],
)
def test_pieces_are_put_together(pieces, whole):
    assert downloads.merged(pieces) == whole
