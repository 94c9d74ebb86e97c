# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Documents: uploads in every form, extraction with its progress, clients that leave, gateways that die, strangers."""

import json
import os
import shutil
import statistics
import subprocess
import threading
import time

import pytest

import pdf
from checks import memory_bound
from extraction import Events, long_text, percent, wait_idle
from gateway import Sluice
from wire import KEY, request, wait_until

OTHER = "sk-test-of-somebody-else-0001"
DOCUMENTS = "/api/v1/documents"


def content(extractor, **documents):
    return {
        "auth": {"enabled": True, "keys": [KEY, OTHER]},
        "drain_timeout": "1s",
        "streaming": {"heartbeat_interval": "500ms"},
        "providers": [
            {
                "name": "reader",
                "kind": "openai-compatible",
                "base_url": extractor.url,
                "api_key": "sk-upstream-secret",
                "models": ["scholar"],
                "max_retries": 0,
                "timeouts": {"first_byte": "60s"},
            }
        ],
        "documents": {"chunk_tokens": 1200, "overlap_tokens": 40, **documents},
    }


@pytest.fixture(scope="module")
def gateway(extractor, tmp_path_factory):
    process = Sluice(tmp_path_factory.mktemp("documents"), content(extractor))
    yield process
    process.stop()


@pytest.fixture(autouse=True)
def fresh(extractor):
    extractor.requests.clear()
    extractor.aborted, extractor.most, extractor.slowness = 0, 0, 2.0
    yield
    assert wait_idle(extractor, 10), "upstream still works for somebody"


def upload(gateway, data, type="text/plain", key=KEY, query="", headers=(), status=201):
    data = data.encode() if isinstance(data, str) else data
    fields = [("Content-Type", type)] if type else []
    answer = request(
        gateway.address, "POST", DOCUMENTS + query, data, headers=[*fields, *headers], key=key, timeout=60
    )
    assert answer.status == status, (answer.status, answer.body[:500])
    return answer.json()


def form(*parts, boundary="a-boundary"):
    body = b""
    for head, data in parts:
        body += f"--{boundary}\r\n{head}\r\n\r\n".encode() + data + b"\r\n"
    return body + f"--{boundary}--\r\n".encode()


def get(gateway, path, key=KEY, method="GET", **options):
    return request(gateway.address, method, DOCUMENTS + path, key=key, **options)


def extract(gateway, id, query="", **options):
    return Events(gateway.address, f"{DOCUMENTS}/{id}/extract-stream{query}", **options)


def curl(gateway, *arguments):
    run = subprocess.run(
        ["curl", "-sS", "-H", f"Authorization: Bearer {KEY}", *arguments], capture_output=True, timeout=60, check=True
    )
    return json.loads(run.stdout)


# Uploads


def test_raw_and_form_uploads_by_curl_are_the_same_document(gateway, tmp_path):
    file = tmp_path / "course plan.md"
    file.write_text("# Algebra\n\n## Week 1: Groups\n")
    url = f"http://{gateway.address[0]}:{gateway.address[1]}{DOCUMENTS}"
    sent = curl(gateway, "-F", f"file=@{file}", url)
    assert (sent["name"], sent["media_type"], sent["status"]) == ("course plan.md", "text/markdown", "stored")
    assert sent["bytes"] == file.stat().st_size
    named = curl(gateway, "-F", f"file=@{file};type=text/markdown", "-F", "name=other", url)
    assert named["name"] == "other"
    raw = curl(gateway, "--data-binary", f"@{file}", "-H", "Content-Type: text/markdown", url + "?name=third")
    assert (raw["name"], raw["bytes"]) == ("third", sent["bytes"])
    shown = get(gateway, "/" + sent["id"])
    assert shown.json()["created_at"].endswith("Z") and "result" not in shown.json()
    kept = get(gateway, f"/{sent['id']}/content")
    assert kept.body == file.read_bytes()
    assert kept.header("content-disposition") == "attachment"
    assert kept.header("x-content-type-options") == "nosniff"


def test_documents_are_listed_page_by_page_latest_first(gateway):
    ids = [upload(gateway, f"text {n}", key=OTHER)["id"] for n in range(5)]
    found, cursor = [], ""
    while True:
        page = get(gateway, f"?limit=2{cursor}", key=OTHER).json()
        found += [document["id"] for document in page["data"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found[:5] == ids[::-1]
    for wrong in ("?limit=0", "?limit=101", "?limit=x", "?cursor=x"):
        assert get(gateway, wrong).status == 400, wrong
    assert get(gateway, "/" + ids[0], key=OTHER, method="DELETE").status == 204
    assert get(gateway, "/" + ids[0], key=OTHER).status == 404


@pytest.mark.parametrize(
    "data, type",
    [
        (b"PK\x03\x04" + bytes(100), "application/zip"),
        (b"PK\x03\x04" + bytes(100), "text/plain"),
        (b"PK\x03\x04" + bytes(100), "application/octet-stream"),
        (b"MZ\x90\x00" + bytes(100), None),
        (b"\x7fELF" + bytes(100), "text/markdown"),
        (b"%PDF-1.4 pretends", "text/plain"),
        (b"just text", "application/pdf"),
        (b"<!DOCTYPE html><p>x", "text/plain"),
        (b"caf\xe9", "text/plain"),
        (b"text", "text/plain; charset=utf-16"),
        (b"text", "image/png"),
    ],
)
def test_what_is_no_document_or_not_what_it_is_said_to_be_is_415(gateway, data, type):
    answer = upload(gateway, data, type, status=415)
    assert answer["error"]["code"] == "unsupported_document"


FILE = 'Content-Disposition: form-data; name="file"; filename="a.txt"'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--a-boundary--\r\n",
        form((FILE, b"x"))[:-4],
        form((FILE, b"x"))[5:],
        form((FILE, b"x")) + b"--a-boundary\r\n",
        form((FILE, b"x"), (FILE, b"y")),
        form(('Content-Disposition: form-data; name="other"', b"x")),
        form(("Content-Type: text/plain", b"x")),
        form((FILE + "\r\nContent-Type: multipart/mixed; boundary=inner", b"--inner\r\n\r\nx\r\n--inner--")),
        form((FILE + "\r\nContent-Transfer-Encoding: base64", b"eA==")),
        form((FILE + "\r\nX-Long: " + "y" * 1_000_000, b"x")),
        form((FILE + "\nContent-Type: text/plain", b"x")),
        form(*(('Content-Disposition: form-data; name="n%d"' % n, b"x") for n in range(100))),
        form((FILE, b"")),
        form((FILE, b"x"), ('Content-Disposition: form-data; name="schema"', b'{"type":"array"}')),
        form((FILE, b"x"), ('Content-Disposition: form-data; name="schema"', b'{"type":"object","pattern":"x"}')),
    ],
)
def test_a_hostile_form_is_400(gateway, body):
    answer = upload(gateway, body, "multipart/form-data; boundary=a-boundary", status=400)
    assert answer["error"]["code"] == "invalid_document"


@pytest.mark.parametrize(
    "type, status",
    [
        ("multipart/form-data", 400),
        ('multipart/form-data; boundary=""', 400),
        ("multipart/mixed; boundary=a", 400),
        ("multipart/form-data; boundary=", 415),
    ],
)
def test_a_form_without_a_good_boundary_is_refused(gateway, type, status):
    upload(gateway, form((FILE, b"x")), type, status=status)


def test_a_file_name_is_never_a_path(gateway):
    body = form(('Content-Disposition: form-data; name="file"; filename="../../../etc/cron.d/x"', b"text"))
    assert upload(gateway, body, "multipart/form-data; boundary=a-boundary")["name"] == "x"


def test_content_that_looks_like_boundaries_is_kept(gateway):
    text = b"--a-boundary\r\n--a-boundaryx\r\n--a-boundar--\r\n\r\n--"
    body = form((FILE, text)).replace(b"\r\n\r\n--a-boundary\r\n--a", b"\r\n\r\n--a-boundary\n--a", 1)
    sent = upload(gateway, body, "multipart/form-data; boundary=a-boundary")
    assert get(gateway, f"/{sent['id']}/content").body == text.replace(b"\r\n", b"\n", 1)


@pytest.mark.parametrize("piece", ["<div>", "<", "<script>", "<!--", "&amp;", '<a href="', "<b><i>"])
def test_a_page_made_to_hurt_is_read_in_time(gateway, piece):
    page = "<html><body><h1>Title</h1>text" + piece * (2_000_000 // len(piece))
    started = time.monotonic()
    upload(gateway, page, "text/html")
    assert time.monotonic() - started < 30
    gateway.assert_healthy()


# Extraction


def test_the_events_of_an_extraction_and_its_result(gateway, extractor):
    sent = upload(gateway, long_text(10), "text/markdown")
    with extract(gateway, sent["id"]) as events:
        name, data = events.end()
    assert name == "done", data
    assert events.headers["content-type"].startswith("text/event-stream")
    assert events.headers["x-accel-buffering"] == "no" and "no-cache" in events.headers["cache-control"]
    assert events.seen[0] == ("start", {"status": "starting", "id": sent["id"]})
    percents = percent(events.seen)
    assert percents == sorted(percents) and percents[0] == 10 and percents[-2:] == [80, 90] and 70 in percents
    for kind, progress in events.seen:
        if kind == "progress":
            assert progress["progress"] == progress["percent"] / 100 and progress["message"]
    chunks = [event for kind, event in events.seen if kind == "chunk"]
    assert sorted(chunk["index"] for chunk in chunks) == list(range(len(data["chunks"])))
    assert {chunk["status"] for chunk in chunks} == {"done"}
    assert data["complete"] and data["valid"] and data["model"] == "reader/scholar"
    assert data["result"]["title"] == "Foundations of Computing"
    assert [week["number"] for week in data["result"]["weeks"]] == list(range(1, 11))
    assert sorted(data["result"]["topics"]) == [f"topic-{n}" for n in range(10)]
    saved = get(gateway, f"/{sent['id']}/result").json()
    assert saved["result"] == data["result"] and saved["complete"] is True
    shown = get(gateway, f"/{sent['id']}").json()
    assert shown["status"] == "done" and shown["result"] == data["result"]
    asked = len(extractor.requests)
    with extract(gateway, sent["id"]) as again:
        assert again.end()[1]["result"] == data["result"]
        assert [kind for kind, _ in again.seen] == ["start", "done"]
    assert len(extractor.requests) == asked, "what is saved is not asked for again"
    with extract(gateway, sent["id"], "?restart=true") as anew:
        assert anew.end()[0] == "done"
    assert len(extractor.requests) == 2 * asked


def test_fifty_pages_with_one_chunk_failing_and_one_slow_are_complete_but_for_the_marked_chunk(gateway, extractor):
    sent = upload(gateway, long_text(50, marks={17: "FAIL-ME", 31: "SLOW-ME", 5: "FENCE-ME", 8: "STUTTER-ME"}), "text/markdown")
    with extract(gateway, sent["id"]) as events:
        name, data = events.end()
    assert name == "done", data
    failed = [chunk for chunk in data["chunks"] if chunk["status"] == "failed"]
    assert not data["complete"] and failed and all("error" in chunk for chunk in failed)
    text = long_text(50, marks={17: "FAIL-ME", 31: "SLOW-ME", 5: "FENCE-ME", 8: "STUTTER-ME"}).encode()
    lost = "".join(text[chunk["start"] : chunk["end"]].decode() for chunk in failed)
    assert "FAIL-ME" in lost and len(failed) <= 2, "only chunks that hold the word fail"
    missing = {int(line.split()[2].rstrip(":")) for line in lost.splitlines() if line.startswith("## Week")}
    found = [week["number"] for week in data["result"]["weeks"]]
    assert set(range(1, 51)) - set(found) <= missing and len(found) == len(set(found))
    assert 1 < extractor.most <= 4, "chunks are asked about at once, up to the bound"
    assert any(len(body["messages"]) > 2 for body in extractor.requests), "a useless answer is asked for again"
    first = extractor.requests[0]
    assert first["response_format"]["type"] == "json_schema" and "syllabus" not in first["model"]


def real_pdf():
    pages = []
    for number in range(1, 13):
        lines = ["Syllabus of Real Analysis"] if number == 1 else []
        lines += [f"Week {number}: Chapter {number}", f"We read (carefully) about topic-{number}."]
        lines += [f"Line {n} of page {number}, with enough words to fill it up." for n in range(40)]
        if number == 4:
            lines.insert(2, "FAIL-ME")
        if number == 9:
            lines.insert(2, "SLOW-ME")
        pages.append(lines)
    return pdf.write(pages)


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="poppler-utils is not installed")
def test_a_real_pdf_with_one_chunk_failing_and_one_slow(extractor, tmp_path):
    gateway = Sluice(tmp_path, content(extractor, chunk_tokens=600))
    try:
        sent = upload(gateway, real_pdf(), "application/pdf", query="?name=analysis.pdf")
        assert sent["media_type"] == "application/pdf"
        with extract(gateway, sent["id"]) as events:
            name, data = events.end()
        assert name == "done", data
        failed = [chunk["index"] for chunk in data["chunks"] if chunk["status"] == "failed"]
        assert len(failed) in (1, 2) and not data["complete"]
        assert data["result"]["title"] == "Real Analysis"
        weeks = {week["number"] for week in data["result"]["weeks"]}
        assert weeks >= set(range(1, 13)) - {4, 5, 3} and 9 in weeks
    finally:
        gateway.stop()


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="poppler-utils is not installed")
def test_a_broken_an_encrypted_and_an_empty_pdf_are_422_each_with_its_reason(gateway):
    broken = upload(gateway, real_pdf()[:300], "application/pdf", status=422)
    assert "broken" in broken["error"]["message"]
    locked = upload(gateway, pdf.write([["secret"]], encrypted=True), "application/pdf", status=422)
    assert "encrypted" in locked["error"]["message"]
    empty = upload(gateway, pdf.write([[]]), "application/pdf", status=422)
    assert "no text" in empty["error"]["message"]
    assert not children(gateway), "no process is left behind"


def test_without_pdftotext_a_pdf_is_422_and_text_is_taken(extractor, tmp_path):
    environment = {**os.environ, "PATH": str(tmp_path / "nowhere")}
    gateway = Sluice(tmp_path, content(extractor), env=environment)
    try:
        answer = upload(gateway, real_pdf(), "application/pdf", status=422)
        assert "not installed" in answer["error"]["message"]
        upload(gateway, "text")
    finally:
        gateway.stop()


def children(gateway):
    return [pid for pid in os.popen(f"ps -o pid= --ppid {gateway.pid}").read().split()]


def test_a_conversion_ends_with_its_client_or_with_its_time(extractor, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "pdftotext").write_text("#!/bin/sh\nexec sleep 60\n")
    (tools / "pdftotext").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    gateway = Sluice(tmp_path, content(extractor, convert_timeout="2s"), env=environment)
    try:
        answer = upload(gateway, b"%PDF-1.4 x", "application/pdf", status=422)
        assert "too long" in answer["error"]["message"]
        wait_until(lambda: not children(gateway), 3, "the child is gone")
        with gateway.connect() as connection:
            head = f"POST {DOCUMENTS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Type: application/pdf\r\n"
            connection.send(head.encode() + b"Content-Length: 10\r\n\r\n%PDF-1.4 x")
            wait_until(lambda: children(gateway), 3, "the child runs")
        wait_until(lambda: not children(gateway), 1.5, "the child is gone with its client")
        gateway.assert_healthy()
    finally:
        gateway.stop()


def test_a_schema_of_the_client_is_kept_and_answers_that_break_it_fail_their_chunk(gateway, extractor):
    schema = {
        "type": "object",
        "properties": {"weeks": {"type": "array", "items": {"type": "object", "required": ["number"]}}},
        "required": ["weeks"],
    }
    body = form(
        ('Content-Disposition: form-data; name="file"; filename="a.md"', long_text(6, marks={3: "LIE-ME"}).encode()),
        ('Content-Disposition: form-data; name="schema"', json.dumps(schema).encode()),
    )
    sent = upload(gateway, body, "multipart/form-data; boundary=a-boundary")
    with extract(gateway, sent["id"]) as events:
        name, data = events.end()
    assert name == "done" and data["valid"] and not data["complete"]
    failed = [chunk for chunk in data["chunks"] if chunk["status"] == "failed"]
    assert failed and all(chunk["code"] == "invalid_answer" for chunk in failed)
    assert data["schema"] == schema
    liars = [body for body in extractor.requests if "LIE-ME" in json.dumps(body)]
    assert len(liars) == 2 * len(failed), "each is asked twice, and no more"


def test_a_model_that_fails_everywhere_ends_the_run(gateway, extractor):
    sent = upload(gateway, long_text(60, marks={n: "FAIL-ME" for n in range(61)}), "text/markdown")
    with extract(gateway, sent["id"]) as events:
        name, data = events.end()
    assert name == "error" and "all of the first" in data["error"].lower()
    assert len(extractor.requests) < 15
    # A failure is told at once, and stored behind that.
    wait_until(lambda: get(gateway, f"/{sent['id']}").json()["status"] == "failed", 5, "it is stored")
    assert get(gateway, f"/{sent['id']}/result").status == 404
    with extract(gateway, sent["id"], headers=[("Last-Event-ID", sent["id"])]) as events:
        assert events.end()[0] == "error"
    assert len(extractor.requests) < 15, "a browser that comes back by itself begins nothing"


def test_a_client_that_comes_back_sees_how_far_it_is_and_the_rest(gateway, extractor):
    extractor.slowness = 1.0
    sent = upload(gateway, long_text(30, marks={n: "SLOW-ME" for n in range(1, 31)}), "text/markdown")
    with extract(gateway, sent["id"]) as first:
        first.until(lambda name, data: name == "progress" and data["chunk"] >= 4)
        with extract(gateway, sent["id"]) as second:
            joined = second.until(lambda name, data: name == "progress")
            assert joined["chunk"] >= 4 and second.seen[0] == ("start", {"status": "running", "id": sent["id"]})
            seen = joined["chunk"]
        left = extractor.aborted
    with extract(gateway, sent["id"]) as third:
        name, data = third.end()
    assert name == "done" and data["complete"] and extractor.aborted == left == 0
    assert percent(third.seen)[0] >= 10 + 60 * seen // len(data["chunks"])
    assert len(extractor.requests) == len(data["chunks"]), "no chunk was asked about twice"
    other = extract(gateway, sent["id"], "?schema=%7B%22type%22%3A%22object%22%7D&model=reader/scholar")
    assert other.end()[0] == "done", "another schema is another result"
    other.close()


def test_a_run_goes_on_without_any_client(gateway, extractor):
    extractor.slowness = 0.5
    sent = upload(gateway, long_text(12, marks={n: "SLOW-ME" for n in range(1, 13)}), "text/markdown")
    with extract(gateway, sent["id"]) as events:
        events.until(lambda name, _: name == "progress")
    wait_until(lambda: get(gateway, f"/{sent['id']}").json()["status"] == "done", 20, "the run ends by itself")
    assert get(gateway, f"/{sent['id']}/result").json()["complete"]


def test_while_it_runs_another_schema_is_409_and_heartbeats_come(gateway, extractor):
    extractor.slowness = 2.0
    sent = upload(gateway, "SLOW-ME # Title\n")
    with extract(gateway, sent["id"]) as events:
        events.until(lambda name, _: name == "progress")
        other = extract(gateway, sent["id"], "?schema=%7B%22type%22%3A%22object%22%7D")
        assert other.status == 409
        other.close()
        events.end()
    assert events.comments >= 2


def test_cancel_stops_upstream_and_says_so(gateway, extractor):
    sent = upload(gateway, long_text(12, marks={n: "HANG-ME" for n in range(1, 13)}), "text/markdown")
    assert get(gateway, f"/{sent['id']}/cancel", method="POST").status == 409
    with extract(gateway, sent["id"]) as events:
        wait_until(lambda: extractor.active == 4, 5, "four chunks are under way")
        answer = get(gateway, f"/{sent['id']}/cancel", method="POST")
        assert answer.status == 200 and answer.json()["status"] == "cancelled"
        name, data = events.end()
    assert name == "error" and data["code"] == "cancelled"
    wait_until(lambda: extractor.aborted == 4, 5, "upstream sees four clients leave")
    assert len(extractor.requests) == 4
    assert get(gateway, f"/{sent['id']}").json()["status"] == "cancelled"
    deleted = upload(gateway, "HANG-ME")
    with extract(gateway, deleted["id"]) as events:
        wait_until(lambda: extractor.active == 1, 5, "a chunk is under way")
        assert get(gateway, f"/{deleted['id']}", method="DELETE").status == 204
        assert events.end()[0] == "error"
    wait_until(lambda: extractor.aborted == 5, 5, "upstream sees it")


def test_a_chunk_that_takes_too_long_fails_alone(extractor, tmp_path):
    gateway = Sluice(tmp_path, content(extractor, chunk_timeout="1s"))
    try:
        sent = upload(gateway, long_text(8, marks={4: "HANG-ME"}), "text/markdown")
        with extract(gateway, sent["id"]) as events:
            name, data = events.end()
        assert name == "done" and not data["complete"]
        assert {chunk.get("code") for chunk in data["chunks"]} == {None, "timeout"}
    finally:
        gateway.stop()


def test_a_document_of_too_many_chunks_is_not_extracted_and_runs_are_bounded(extractor, tmp_path):
    gateway = Sluice(tmp_path, content(extractor, max_chunks=3, max_extractions=1))
    try:
        sent = upload(gateway, long_text(20), "text/markdown")
        with extract(gateway, sent["id"]) as events:
            name, data = events.end()
        assert name == "error" and data["code"] == "too_many_chunks" and not extractor.requests
        busy, waiting = upload(gateway, "HANG-ME"), upload(gateway, "text")
        with extract(gateway, busy["id"]) as events:
            events.until(lambda name, _: name == "progress")
            refused = extract(gateway, waiting["id"])
            assert refused.status == 503 and int(refused.headers["retry-after"]) > 0
            refused.close()
            assert get(gateway, f"/{busy['id']}/cancel", method="POST").status == 200
    finally:
        gateway.stop()


def test_one_owner_cannot_take_every_run(extractor, tmp_path):
    settings = content(extractor, max_extractions=4)
    gateway = Sluice(tmp_path, settings)
    try:
        sent = [upload(gateway, "HANG-ME") for _ in range(3)]
        with extract(gateway, sent[0]["id"]) as first, extract(gateway, sent[1]["id"]) as second:
            first.until(lambda name, _: name == "progress")
            second.until(lambda name, _: name == "progress")
            refused = extract(gateway, sent[2]["id"])
            assert refused.status == 503
            refused.close()
            other = upload(gateway, "text", key=OTHER)
            with extract(gateway, other["id"], key=OTHER) as events:
                assert events.end()[0] == "done"
            for document in sent[:2]:
                assert get(gateway, f"/{document['id']}/cancel", method="POST").status == 200
    finally:
        gateway.stop()


# Gateways that end


def test_after_kill_9_the_run_is_marked_as_interrupted_and_can_be_begun_again(extractor, tmp_path):
    settings = {**content(extractor), "database_url": f"sqlite:{tmp_path}/shared.db"}
    first = Sluice(tmp_path / "one", settings)
    sent = upload(first, long_text(6, marks={2: "HANG-ME"}), "text/markdown")
    with extract(first, sent["id"]) as events:
        events.until(lambda name, data: name == "progress" and data["chunk"] >= 2)
        first.kill()
    second = Sluice(tmp_path / "two", settings)
    try:
        assert get(second, f"/{sent['id']}").json()["status"] == "extracting"
        # A client that comes back at once watches the database until it is clear that nobody works any more.
        with extract(second, sent["id"], timeout=60) as events:
            name, data = events.end()
        assert name == "error" and data["code"] == "interrupted"
        shown = get(second, f"/{sent['id']}").json()
        assert (shown["status"], shown["error"]) == ("failed", "interrupted")
        asked = len(extractor.requests)
        with extract(second, sent["id"]) as events:
            events.until(lambda name, data: name == "progress" and data["chunk"] >= 2)
        assert len(extractor.requests) > asked
        assert get(second, f"/{sent['id']}/cancel", method="POST").status == 200
    finally:
        second.stop()


def test_a_second_gateway_follows_the_run_of_the_first_and_can_cancel_it(extractor, tmp_path):
    settings = {**content(extractor), "database_url": f"sqlite:{tmp_path}/shared.db"}
    first, second = Sluice(tmp_path / "one", settings), Sluice(tmp_path / "two", settings)
    try:
        extractor.slowness = 1.0
        sent = upload(first, long_text(6, marks={n: "SLOW-ME" for n in range(1, 7)}), "text/markdown")
        with extract(first, sent["id"]) as events:
            events.until(lambda name, _: name == "progress")
            with extract(second, sent["id"]) as follower:
                assert follower.end()[1]["complete"]
            assert events.end()[0] == "done"
        hung = upload(first, "HANG-ME")
        with extract(first, hung["id"]) as events:
            events.until(lambda name, _: name == "progress")
            assert get(second, f"/{hung['id']}/cancel", method="POST").status == 200
            assert events.end()[1]["code"] == "cancelled"
        wait_until(lambda: extractor.aborted == 1, 5, "upstream sees it")
    finally:
        first.stop()
        second.stop()


def test_sigterm_marks_what_does_not_end_in_time_as_interrupted(extractor, tmp_path):
    settings = {**content(extractor), "database_url": f"sqlite:{tmp_path}/shared.db"}
    first = Sluice(tmp_path / "one", settings)
    sent = upload(first, long_text(6, marks={2: "HANG-ME"}), "text/markdown")
    with extract(first, sent["id"]) as events:
        events.until(lambda name, data: name == "progress" and data["chunk"] >= 2)
        assert first.terminate() == 0
        assert events.end()[1]["code"] == "interrupted"
    second = Sluice(tmp_path / "two", settings)
    try:
        shown = get(second, f"/{sent['id']}").json()
        assert (shown["status"], shown["error"]) == ("failed", "interrupted")
    finally:
        second.stop()


# Who may see what


def test_a_stranger_finds_nothing_on_any_route(gateway):
    sent = upload(gateway, "# Mine\n")
    with extract(gateway, sent["id"]) as events:
        assert events.end()[0] == "done"
    id = sent["id"]
    routes = [
        ("GET", f"/{id}"), ("GET", f"/{id}/result"), ("GET", f"/{id}/content"), ("GET", f"/{id}/extract-stream"),
        ("POST", f"/{id}/cancel"), ("DELETE", f"/{id}"),
    ]  # fmt: skip
    for method, path in routes:
        stranger, nobody = get(gateway, path, key=OTHER, method=method), get(gateway, "/doc_0", key=OTHER, method="GET")
        assert stranger.status == 404, (method, path)
        assert {**stranger.json()["error"], "request_id": 0} == {**nobody.json()["error"], "request_id": 0}
        assert get(gateway, path, key=None, method=method).status == 401
        assert get(gateway, path, key="sk-wrong", method=method).status == 401
    assert id not in get(gateway, "?limit=100", key=OTHER).body.decode()
    page = get(gateway, "?limit=1").json()
    if page["next_cursor"]:
        assert id not in get(gateway, f"?cursor={page['next_cursor']}", key=OTHER).body.decode()
    assert get(gateway, f"/{id}").status == 200


def test_methods_that_a_route_does_not_take_are_405(gateway):
    sent = upload(gateway, "text")
    for method, path, allow in [
        ("DELETE", "", "POST"), ("POST", f"/{sent['id']}", "DELETE"), ("POST", f"/{sent['id']}/result", "GET"),
        ("POST", f"/{sent['id']}/extract-stream", "GET"), ("HEAD", f"/{sent['id']}/extract-stream", "GET"),
        ("GET", f"/{sent['id']}/cancel", "POST"),
    ]:  # fmt: skip
        answer = get(gateway, path, method=method)
        assert answer.status == 405 and allow in answer.header("allow"), (method, path)
    assert get(gateway, f"/{sent['id']}/other").status == 404
    assert get(gateway, f"/{sent['id']}").json()["status"] == "stored"


def test_without_keys_clients_say_who_they_are(extractor, tmp_path):
    settings = content(extractor)
    settings["auth"] = {"enabled": False}
    gateway = Sluice(tmp_path, settings)
    try:
        mine = [("x-org-id", "o"), ("x-user-id", "u")]
        sent = upload(gateway, "text", key=None, headers=mine)
        assert get(gateway, "/" + sent["id"], key=None, headers=mine).status == 200
        assert get(gateway, "/" + sent["id"], key=None).status == 404
        assert get(gateway, "/" + sent["id"], key=None, headers=[("x-org-id", "o")]).status == 404
        with extract(gateway, sent["id"], "?orgId=o&userId=u", key=None) as events:
            assert events.end()[0] == "done"
    finally:
        gateway.stop()


def test_a_newcomer_without_any_provider_sees_the_simulator_extract(tmp_path):
    gateway = Sluice(tmp_path, {"listen": "127.0.0.1:0"})
    try:
        sent = upload(gateway, long_text(6), "text/markdown", key=None)
        with extract(gateway, sent["id"], key=None) as events:
            name, data = events.end()
        assert name == "done" and data["complete"] and data["valid"] and data["model"] == "sim/extract"
        assert data["result"]["title"] == "Foundations of Computing"
        assert [week["number"] for week in data["result"]["weeks"]] == [1, 2, 3, 4, 5, 6]
    finally:
        gateway.stop()


def test_without_storage_documents_are_503(extractor, tmp_path):
    gateway = Sluice(tmp_path, {**content(extractor), "database_url": "none"})
    try:
        assert get(gateway, "").status == 503
        upload(gateway, "text", status=503)
    finally:
        gateway.stop()


# Size


def test_20_MB_are_taken_with_flat_memory_and_a_loop_that_goes_on(gateway):
    line = "A line of a very long document, which says nothing at all.\n"
    data = (line * (20 * (1 << 20) // len(line))).encode()
    slowest, done = [], threading.Event()

    def watch():
        while not done.is_set():
            started = time.monotonic()
            assert gateway.get("/healthz", key=None, timeout=10).status == 200
            slowest.append(time.monotonic() - started)
            time.sleep(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        sizes = []
        for number in range(6):
            kind = "text/html" if number % 2 else "text/plain"
            sent = upload(gateway, b"<html>" + data[:-6] if number % 2 else data, kind)
            assert get(gateway, f"/{sent['id']}", method="DELETE").status == 204
            sizes.append(gateway.rss())
    finally:
        done.set()
        watcher.join()
    assert max(slowest) < 1.0 and statistics.median(slowest) < 0.1
    assert sizes[-1] - sizes[1] < memory_bound(48 << 20), sizes
    upload(gateway, data + b"x" * 2_000_000, status=413)
