"""Every list costs the same number of queries for one row and for thirty: a cell never asks the database."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import event

from portal.database import db

DATA = Path(__file__).parents[1] / "data"


LISTS = {
    "/centre/jobs": "michael",
    "/centre/jobs/{job}": "michael",
    "/centre/records": "michael",
    "/centre/audit": "michael",
    "/issuer/jobs": "issuer",
    "/issuer/jobs/{job}": "issuer",
    "/issuer/documents": "issuer",
    "/issuer/centres": "issuer",
    "/issuer/users": "issuer",
    "/issuer/audit": "issuer",
}


def test_a_list_costs_the_same_for_one_row_and_thirty(app, cast, browser_of, drawn, publish, draw):
    browsers = {who: browser_of(getattr(cast, who)) for who in set(LISTS.values())}
    seen: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        if statement.startswith("SELECT"):
            seen.append(statement)

    def costs(job_id):
        """For each list its rows and its queries; the first look at each fills what is kept between two."""
        found = {}
        for path, who in LISTS.items():
            for _ in range(2):
                seen.clear()
                answer = browsers[who].get(path.format(job=job_id))
                assert answer.status_code == 200, answer.text[:300]
            found[path] = len(re.findall(r'<tr class="grid__row"', answer.text)), len(seen)
        return found

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        few = costs(drawn.job_id)
        # Its fourth learner is one of the cast, with another date of birth.
        lines = (DATA / "riverside.csv").read_bytes().splitlines(keepends=True)
        large = publish(csv=b"".join(lines[:4] + lines[5:]))
        for _ in range(28):
            publish(rows=1)
        draw(large.job_id)
        many = costs(large.job_id)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    dear = {path: (few[path], many[path]) for path in LISTS if few[path][1] != many[path][1]}
    assert not dear, f"(rows, queries) of few rows and of many: {dear}"
    assert all(many[path][0] >= few[path][0] > 0 for path in LISTS), (few, many)
