# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Where words of clients are on the disk: in the database, and in no other file (X16)."""

import ctypes
import os
import shutil
import struct
import threading
from contextlib import suppress
from pathlib import Path

import pytest

import pdf
from audit import ADMIN
from events import ask, assert_whole, chat
from extraction import Extractor
from proxied import echo
from raw_upstream import RawUpstream
from wire import request, wait_until

WORDS = "private-words-of-somebody"
CREATE, MOVED_TO = 0x100, 0x80


class Watch:
    """Notes every file that is made in some folders, and every file that a process and its children have open."""

    def __init__(self, pid, folders):
        self.pid, self.made, self.open, self.leaks, self.samples, self.ends = pid, set(), set(), set(), 0, False
        libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.folders = {libc.inotify_add_watch(self.descriptor, str(path).encode(), CREATE | MOVED_TO): path for path in folders}
        assert self.descriptor >= 0 and min(self.folders) > 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ends:
            self.sample()

    def sample(self):
        self.samples += 1
        with suppress(BlockingIOError):
            data = os.read(self.descriptor, 65536)
            while data:
                watch, _, _, size = struct.unpack("iIII", data[:16])
                path = self.folders[watch] / data[16 : 16 + size].rstrip(b"\0").decode()
                data = data[16 + size :]
                self.made.add(path)
                with suppress(OSError):
                    if path.is_file() and WORDS.encode() in path.read_bytes():
                        self.leaks.add(path)
        for pid in [self.pid, *self.children()]:
            with suppress(OSError):
                for descriptor in os.scandir(f"/proc/{pid}/fd"):
                    with suppress(OSError):
                        self.open.add(os.readlink(descriptor.path))

    def children(self):
        with suppress(OSError):
            return [int(pid) for task in os.listdir(f"/proc/{self.pid}/task")
                for pid in Path(f"/proc/{self.pid}/task/{task}/children").read_text().split()]
        return []

    def stop(self):
        self.ends = True
        self.thread.join()
        self.sample()
        os.close(self.descriptor)


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="poppler-utils is not installed")
def test_X16_what_clients_say_is_in_no_temporary_file(make_sluice, tmp_path):
    extractor, raw = Extractor(), RawUpstream()
    raw.on("/v1/mirror", echo)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    base = {"kind": "openai-compatible", "api_key": "sk-upstream-secret", "max_retries": 0}
    gateway = make_sluice(
        auth={"admin_key": ADMIN},
        providers=[
            {**base, "name": "reader", "base_url": extractor.url, "models": ["scholar"]},
            {**base, "name": "raw", "base_url": f"{raw.url}/v1"},
            {"name": "sim", "kind": "simulator"},
        ],
        models=[],
        limits={"max_body": "64MiB"},
        streaming={"capture_limit": "4MiB"},
        audit={"request_limit": "4MiB"},
        documents={"chunk_tokens": 1200, "overlap_tokens": 40},
        options={"env": {**os.environ, "TMPDIR": str(temporary)}},
    )
    folder = gateway.config.parent
    elsewhere = [Path(name) for name in ("/tmp", "/var/tmp", "/dev/shm") if os.path.isdir(name)]
    watch = Watch(gateway.pid, [folder, temporary, *elsewhere])

    def call(method, path, body=None, status=200, **options):
        answer = request(gateway.address, method, path, body, timeout=60, **options)
        assert answer.status == status, (method, path, answer.status, answer.body[:300])
        return answer

    # Larger than any buffer that a library might keep in memory before it turns to a file.
    large = f"{WORDS} " * 100_000
    call("POST", "/v1/chat/completions", chat("sim/echo", False, max_tokens=5, messages=[{"role": "user", "content": large}]))
    assert_whole(ask(gateway.address, "sim/echo", messages=[{"role": "user", "content": WORDS}]), WORDS)
    assert call("POST", "/proxy/raw/mirror", large.encode() * 8).body == large.encode() * 8
    session = call("POST", "/api/v1/chat/sessions", {"title": WORDS, "model": "reader/scholar"}, 201).json()["id"]
    for _ in range(5):
        call("POST", f"/api/v1/chat/sessions/{session}/messages", {"content": f"{WORDS} " * 4000})
    pages = [[f"Week {number}: {WORDS}", *[f"Line {line} with {WORDS} in it." for line in range(40)]] for number in range(1, 60)]
    for data, type in ((large.encode(), "text/plain"), (pdf.write(pages), "application/pdf")):
        document = call("POST", "/api/v1/documents", data, 201, headers=[("Content-Type", type)]).json()["id"]
        if type == "application/pdf":
            assert b"event: done" in call("GET", f"/api/v1/documents/{document}/extract-stream").body
        call("DELETE", f"/api/v1/documents/{document}", status=204)
    for path in ("/api/v1/audit?limit=100&include=content", f"/api/v1/audit?q={WORDS}", "/api/v1/audit/export", "/api/v1/usage"):
        call("GET", path, key=ADMIN)
    call("DELETE", f"/api/v1/chat/sessions/{session}", status=204)
    wait_until(lambda: WORDS.encode() in (folder / "sluice.db-wal").read_bytes(), 10, "rows with the words")
    watch.stop()
    raw.close()
    extractor.stop()

    own = {folder / f"sluice.db{end}" for end in ("", "-wal", "-shm")}
    assert watch.samples > 100
    assert {path for path in watch.made if path.parent in (folder, temporary)} <= own
    assert not watch.leaks - own, watch.leaks
    files = {name for name in watch.open if name.startswith("/")}
    allowed = {*map(str, own), str(folder / "stderr.log"), "/dev/null", "/dev/urandom"}
    strange = {name for name in files - allowed if not name.startswith(("/proc/", "/etc/", "/usr/", "/lib", "/sys/"))}
    assert not strange, strange
    assert str(folder / "sluice.db-wal") in files and any(name.startswith("pipe:") for name in watch.open)
