# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""The suite's own tools, tried without any gateway: a broken tool must not pass for a broken gateway."""

import time

import pytest

from events import ask, assert_whole, chat, read_stream
from gateway import yaml
from upstream import MODES
from upstream_modes import SPLIT_TEXT, TEXT
from wire import Connection, converse, render


@pytest.mark.parametrize("model", ["ok", "ok-keepalive-comments", "fault-split-utf8", "fault-coalesced"])
def test_a_healthy_script_is_a_whole_stream(upstream, model):
    texts = {"fault-split-utf8": SPLIT_TEXT, "fault-coalesced": "".join(f"{n} " for n in range(2000))}
    assert_whole(ask(upstream.address, model), texts.get(model, TEXT))


@pytest.mark.parametrize("way", ["close", "half_close", "reset"])
@pytest.mark.parametrize("model", ["fault-hang-headers", "fault-hang-midstream", "fault-endless", "ok-huge"])
def test_the_scripted_upstream_sees_its_client_leave_at_once(upstream, tag, model, way):
    name = tag()
    connection = Connection(upstream.address)
    connection.send(render("POST", "/v1/chat/completions", chat(model, user=name)))
    time.sleep(0.1)
    left = time.monotonic()
    getattr(connection, way)()
    assert upstream.wait_for(name) - left < 0.05
    connection.close()


def test_a_silent_script_sends_nothing(upstream):
    talk = converse(
        upstream.address, render("POST", "/v1/chat/completions", chat("fault-hang-headers")), timeout=0.3
    )
    assert not talk.answers and not talk.closed


def test_every_fault_named_in_a_table_has_its_script():
    import test_upstream_faults as faults

    named = {row[0] for row in [*faults.BEFORE_THE_FIRST_BYTE, *faults.WHOLE, *faults.BROKEN_OFF]}
    assert named - set(MODES) == {"refused", "fault-no-such-script"}  # answered without one


def test_a_stream_is_read_the_same_in_any_cut():
    from events import Stream

    data = b'data: {"choices":[{"delta":{"content":"\xc3\xa9"}}]}\r\n\r\n\n\n'
    data += b"event: x\ndata: 1\ndata: 2\n\ndata: [DONE]\n\n"
    streams = []
    for size in (1, 2, 7, len(data)):
        stream = Stream(None)
        for start in range(0, len(data), size):
            stream.feed(0.0, data[start : start + size])
        streams.append([(name, text) for _, name, text in stream.events])
    assert all(events == streams[0] for events in streams)
    assert [name for name, _ in streams[0]] == [None, "x", None]
    assert streams[0][1][1] == "1\n2" and stream.ended_with_blank_line


def test_settings_are_written_as_block_yaml():
    content = {"a": {"b": [1, True], "c": "x y"}, "d": [{"e": "1s", "f": [{"g": None}]}], "h": []}
    assert (
        yaml(content)
        == 'a:\n  b:\n    - 1\n    - true\n  c: "x y"\nd:\n  - e: 1s\n    f:\n      - g: null\nh: []\n'
    )


def test_two_answers_are_counted_as_two(upstream):
    burst = render("GET", "/v1/models") * 2
    assert converse(upstream.address, burst).statuses == [200, 200]


def test_a_stream_cut_inside_a_chunk_is_not_complete(upstream):
    with Connection(upstream.address) as connection:
        connection.send(render("POST", "/v1/chat/completions", chat("fault-truncate-chunk")))
        stream = read_stream(connection)
    assert not stream.complete and stream.text == "Ten deltas of t"
