# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""The files of a spool, as who operates the gateway reads them."""

import base64
import contextlib
import json
from pathlib import Path

from audit import ADMIN
from wire import wait_until


class Answer:
    """One file: its head, its chunks with their times in microseconds, its end or None."""

    def __init__(self, path):
        self.path = path
        lines = path.read_bytes().split(b"\n")
        # What stands behind the last line feed is a line under way.
        values = [json.loads(line) for line in lines[:-1]]
        self.whole_lines = lines[-1] == b""
        self.head, rest = values[0], values[1:]
        self.end = rest.pop() if rest and "end" in rest[-1] else None
        self.times = [line["at"] for line in rest]
        self.chunks = [line["text"].encode() if "text" in line else base64.b64decode(line["base64"]) for line in rest]

    @property
    def body(self):
        return b"".join(self.chunks)

    def header(self, name):
        return [value for key, value in self.head["headers"] if key.lower() == name]

    def assert_sound(self):
        assert self.head["sluice_spool"] == 1 and self.whole_lines
        assert self.path.name == f"{self.head['stream_id']}-{self.head['attempt']}.jsonl"
        assert self.times == sorted(self.times) and all(time >= 0 for time in self.times)
        if self.end:
            assert self.end["bytes"] == len(self.body) and self.end["chunks"] == len(self.chunks)
            assert self.end["at"] >= max(self.times, default=0)


def answers(folder, request_id=None):
    """All answers, or those to a request, by attempt."""
    found = []
    for path in Path(folder).glob("stream_*.jsonl"):
        # It may be removed, or still be without a line.
        with contextlib.suppress(FileNotFoundError, IndexError):
            found.append(Answer(path))
    return sorted(
        (answer for answer in found if request_id in (None, answer.head["request_id"])), key=lambda answer: answer.head["attempt"])


def answer(folder, request_id):
    """The one answer to a request, once it has its end."""

    def ended():
        found = answers(folder, request_id)
        return found and all(answer.end for answer in found) and found

    found = wait_until(ended, 10, f"the answer to {request_id}")
    assert len(found) == 1, [answer.path for answer in found]
    found[0].assert_sound()
    return found[0]


def dropped(sluice, reason=None):
    """How many answers are counted that are not kept whole."""
    lines = sluice.get("/metrics", key=ADMIN).body.decode().splitlines()
    name = "sluice_audit_spool_dropped_total" + ("{" if reason is None else f'{{reason="{reason}"')
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))
