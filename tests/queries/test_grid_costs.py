"""Every list costs the same number of queries for one row and for thirty: a cell never asks the database."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import event

from portal.database import db

DATA = Path(__file__).parents[1] / "data"


LISTS = {
    "/centre/jobs": "michael",
    "/centre/jobs/{job}": "michael",
    "/centre/records": "michael",
    "/issuer/jobs": "issuer",
    "/issuer/jobs/{job}": "issuer",
    "/issuer/documents": "issuer",
    "/issuer/centres": "issuer",
    "/issuer/users": "issuer",
    "/issuer/audit": "issuer",
}


@pytest.mark.parametrize("path", LISTS)
def test_a_list_costs_the_same_for_one_row_and_thirty(app, cast, browser_of, publish, draw, path):
    browser = browser_of(getattr(cast, LISTS[path]))
    seen: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        if statement.startswith("SELECT"):
            seen.append(statement)

    def cost(job_id):
        answer = browser.get(path.format(job=job_id))
        assert answer.status_code == 200, answer.text[:300]
        seen.clear()
        answer = browser.get(path.format(job=job_id))
        return len(re.findall(r'<tr class="grid__row"', answer.text)), len(seen)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        small = publish(rows=1)
        draw(small.job_id)
        rows, queries = cost(small.job_id)
        # Its fourth learner is one of the cast, with another date of birth.
        lines = (DATA / "riverside.csv").read_bytes().splitlines(keepends=True)
        large = publish(csv=b"".join(lines[:4] + lines[5:]))
        for _ in range(28):
            publish(rows=1)
        draw(large.job_id)
        more_rows, more_queries = cost(large.job_id)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert more_queries == queries
    assert more_rows >= rows > 0
