"""Who hears of a problem: the centre that reported it and the awarding body, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from portal.access.sessions import actor_of
from portal.database import db
from portal.events import rooms
from portal.models.downloads import Download
from portal.services import problems
from portal.vocabulary import Role
from tests.realtime.stage import Browser, Stage


@pytest.fixture
def download(stage: Stage) -> Iterator[int]:
    """An export of Riverside, which a problem can be about."""
    from portal import clock

    with stage.app.app_context():
        row = Download(
            centre_id=stage.riverside,
            name="An export",
            created_by="Anna",
            request_key=f"export {clock.now().isoformat()}",
            created_at=clock.now(),
        )
        db.session.add(row)
        db.session.commit()
        yield row.id


def told(browser: Browser) -> list[str]:
    return sorted({change["room"] for change in browser.changes()})


def test_a_problem_is_heard_by_those_it_concerns_and_by_no_rival(stage: Stage, download: int) -> None:
    anna, colleague, ida, rita = stage.user(), stage.user(Role.CENTRE_USER), stage.issuer(), stage.rival()
    with stage.writing():
        first, _new = problems.report_download(download, text="It is empty.", key="k" * 20, actor=actor_of(anna))
    centre_list, rivals_list = rooms.centre_problems(stage.riverside), rooms.centre_problems(stage.hillside)
    one, queue = rooms.problem(first), rooms.ISSUER_PROBLEMS
    may = {centre_list: {"anna", "colleague"}, one: {"anna", "colleague", "ida"}, queue: {"ida"}, rivals_list: {"rita"}}
    people = {"anna": anna, "colleague": colleague, "ida": ida, "rita": rita, "nobody": None}
    with (
        stage.browser(anna) as annas,
        stage.browser(colleague) as colleagues,
        stage.browser(ida) as idas,
        stage.browser(rita) as ritas,
        stage.browser(None) as nobodys,
    ):
        browsers = {"anna": annas, "colleague": colleagues, "ida": idas, "rita": ritas, "nobody": nobodys}
        for room, who_may in may.items():
            opened = {name for name in people if browsers[name].watch(room, stage.seq(room))["ok"]}
            assert opened == who_may, room
        # A problem that is not there is refused like a rival's.
        assert ritas.watch(one) == ritas.watch(rooms.problem(987654))
        with stage.writing():
            problems.answer(first, text="Mended.", key="a" * 20, actor=actor_of(ida))
        colleagues.hears(centre_list, first)
        idas.hears(queue, first)
        with stage.writing():
            problems.reply(first, text="Thank you.", key="b" * 20, actor=actor_of(anna))
            second, _new = problems.report_download(download, text="Again.", key="c" * 20, actor=actor_of(anna))
        colleagues.hears(centre_list, first, second)
        idas.hears(queue, first, second)
        assert told(annas) == told(colleagues) == sorted([centre_list, one])
        assert told(idas) == sorted([one, queue])
        assert told(ritas) == told(nobodys) == []
        # What is told holds ids and no words.
        assert all(set(change) <= {"room", "from", "seq", "ids"} for change in idas.changes())
