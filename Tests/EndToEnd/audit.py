# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""What is recorded, as tests read it: through the doors of the gateway, or from the file itself."""

import json
import sqlite3
from contextlib import closing
from urllib.parse import urlencode

from wire import ADMIN, wait_until



def get(sluice, path, key=ADMIN, timeout=30.0, **query):
    """The answer of a data door; the query's names may end in `_`, where they would be Python's own."""
    pairs = urlencode({name.rstrip("_"): value for name, value in query.items()})
    return sluice.get(path + ("?" + pairs if pairs else ""), key=key, timeout=timeout)


def rows(sluice, key=ADMIN, **query):
    """All rows that the filters let through, whole, newest first."""
    found, cursor = [], None
    while True:
        page = get(sluice, "/api/v1/audit", key, include="content", **query, **({"cursor": cursor} if cursor else {}))
        assert page.status == 200, page
        answer = page.json()
        found += answer["data"]
        if (cursor := answer["next_cursor"]) is None:
            return found


def row(sluice, request_id, **query):
    """The one row of a request, waited for."""
    found = wait_until(lambda: rows(sluice, request_id=request_id, **query), 10, f"the row of {request_id}")
    assert len(found) == 1, found
    return found[0]


def usage(sluice, key=ADMIN, **query):
    answer = get(sluice, "/api/v1/usage", key, **query)
    assert answer.status == 200, answer
    return answer.json()["data"]


def query(path, sql, *parameters):
    """Rows of the file, read beside the gateway."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as database:
        return database.execute(sql, parameters).fetchall()


def assert_consistent(path):
    """The file is sound, no row is there twice, and the sums are those of the rows."""
    assert query(path, "PRAGMA integrity_check") == [("ok",)]
    assert query(path, "SELECT request_id FROM audit GROUP BY request_id HAVING COUNT(*) > 1") == []
    columns = "SUM(requests), SUM(input_tokens), SUM(output_tokens), SUM(cost_nanos)"
    counted = "COUNT(*), SUM(COALESCE(input_tokens, 0)), SUM(COALESCE(output_tokens, 0)), SUM(COALESCE(cost_nanos, 0))"
    assert query(path, f"SELECT {columns} FROM usage") == query(path, f"SELECT {counted} FROM audit")


def lines(text):
    """JSON Lines, each line a value."""
    return [json.loads(line) for line in text.splitlines()]
