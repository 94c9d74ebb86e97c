# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""`sluice chat` and `sluice run`, on a pseudo-terminal as a person has it and on pipes as a script has them."""

import json
import os
import pty
import select
import signal
import subprocess
import time

import pytest

from gateway import BINARY
from replies import Replies, Reply
from upstream_modes import TEXT
from wire import KEY, wait_until


def command(sluice, *arguments, key=KEY):
    host, port = sluice.address
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
    environment |= {"SLUICE_URL": f"http://{host}:{port}", "SLUICE_API_KEY": key, "TERM": "xterm"}
    return [str(BINARY), *arguments], environment


def run(sluice, *arguments, stdin="", key=KEY, timeout=20):
    words, environment = command(sluice, *arguments, key=key)
    return subprocess.run(
        words, env=environment, input=stdin, capture_output=True, text=True, timeout=timeout, check=False
    )


def said(upstream, model):
    """The texts of the messages that upstream got last."""
    return [message["content"] for message in json.loads(upstream.last(model)["body"])["messages"]]


class PseudoTerminal:
    """A command with a terminal of its own for input, output and control."""

    def __init__(self, words, environment):
        pid, self.master = pty.fork()
        if pid == 0:
            os.execve(words[0], words, environment)
        self.pid = pid
        self.seen = ""

    def expect(self, text, timeout=15.0):
        """Reads until the text has been shown; what stood before it."""
        deadline = time.monotonic() + timeout
        while text not in self.seen:
            left = deadline - time.monotonic()
            assert left > 0, f"'{text}' was not shown, but {self.seen!r}"
            if select.select([self.master], [], [], left)[0]:
                try:
                    self.seen += os.read(self.master, 65536).decode(errors="replace")
                except OSError:
                    raise AssertionError(f"ended without '{text}': {self.seen!r}") from None
        before, _, self.seen = self.seen.partition(text)
        return before

    def type(self, text):
        os.write(self.master, text.encode())

    def wait(self, timeout=10.0):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = None
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        raise AssertionError("the command does not end")

    def close(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.master)


@pytest.fixture
def terminal(sluice):
    opened = []

    def start(*arguments):
        opened.append(PseudoTerminal(*command(sluice, *arguments)))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def test_an_answer_goes_to_standard_output_and_nothing_else(sluice):
    done = run(sluice, "chat", "--model", "ok", "hello")
    assert (done.returncode, done.stdout, done.stderr) == (0, TEXT + "\n", "")


def test_a_question_may_come_through_a_pipe_behind_one_in_words(sluice, upstream):
    done = run(sluice, "chat", "--model=ok-other", "--system", "Be brief.", "Sum up:", stdin="first\nsecond\n")
    assert done.returncode == 0
    assert said(upstream, "ok-other") == ["Be brief.", "Sum up:\n\nfirst\nsecond"]


def test_without_a_model_the_first_that_is_listed_is_asked(make_sluice):
    gateway = make_sluice(models=[], providers=[{"name": "sim", "kind": "simulator"}])
    done = run(gateway, "chat", "Say something.")
    assert done.returncode == 0 and len(done.stdout) > 20, done


def test_tokens_are_shown_as_they_arrive(terminal, upstream):
    screen = terminal("chat", "--model", "ok-slow")
    screen.expect("> ")
    screen.type("go\n")
    screen.expect("0 1 2 ")
    # The answer is still under way upstream.
    assert upstream.stats()["open"]
    screen.expect("> ")


def test_a_conversation_remembers_what_was_said(terminal, upstream):
    screen = terminal("chat", "--model", "ok")
    screen.expect("> ")
    screen.type("one\n")
    screen.expect("> ")
    screen.type("two\n")
    screen.expect("> ")
    assert said(upstream, "ok") == ["one", TEXT, "two"]
    screen.type("/clear\n")
    screen.expect("forgotten")
    screen.expect("> ")
    screen.type("three\n")
    screen.expect("> ")
    assert said(upstream, "ok") == ["three"]
    screen.type("\x04")
    assert screen.wait() == 0


def test_ctrl_c_stops_the_answer_and_not_the_program(terminal, sluice, upstream):
    screen = terminal("chat", "--model", "fault-endless")
    screen.expect("> ")
    screen.type("go\n")
    screen.expect("go\r\n")
    wait_until(lambda: len(screen_text(screen)) > 200, what="an answer on the screen")
    screen.type("\x03")
    screen.expect("(stopped)")
    screen.expect("> ")
    wait_until(sluice.idle, what="upstream cancelled")
    wait_until(lambda: not upstream.stats()["open"], what="upstream left")
    # At the prompt it does not end the program either.
    screen.type("\x03")
    screen.expect("Ctrl-D ends")
    screen.type("/model ok\n")
    screen.expect("The model is ok.")
    screen.type("again\n")
    screen.expect(TEXT)
    screen.type("/exit\n")
    assert screen.wait() == 0


def screen_text(screen):
    while select.select([screen.master], [], [], 0)[0]:
        screen.seen += os.read(screen.master, 65536).decode(errors="replace")
    return screen.seen


def test_an_error_is_told_and_the_conversation_goes_on(terminal, upstream):
    screen = terminal("chat", "--model", "no-such-model")
    screen.expect("> ")
    screen.type("hello\n")
    screen.expect("error: ")
    screen.expect("> ")
    screen.type("/model ok\n")
    screen.expect("> ")
    screen.type("hello again\n")
    screen.expect(TEXT)
    screen.expect("> ")
    # The question without an answer is not sent again.
    assert said(upstream, "ok") == ["hello again"]


def test_a_model_cannot_steer_the_terminal(make_sluice, terminal_of):
    server = Replies()
    server.expect("m", Reply.events("\x1b]0;owned\x07\x1b[31mred\x9b2J"))
    gateway = make_sluice(models=[], providers=[{"name": "up", "kind": "openai-compatible", "base_url": server.url}])
    screen = terminal_of(gateway, "chat", "--model", "up/m")
    screen.expect("> ")
    screen.type("go\n")
    shown = screen.expect("2J")
    assert "red" in shown and not any(code in shown for code in "\x1b\x07\x9b")
    server.shutdown()
    server.server_close()


@pytest.fixture
def terminal_of():
    opened = []

    def start(gateway, *arguments):
        opened.append(PseudoTerminal(*command(gateway, *arguments)))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.mark.parametrize(
    ("arguments", "key", "code", "words"),
    [
        (["chat", "--model", "ok", "hi"], "wrong-key", 77, "key"),
        (["chat", "--model", "no-such-model", "hi"], KEY, 65, "no-such-model"),
        (["chat", "--model", "fault-503", "hi"], KEY, 69, ""),
        (["chat", "--bad", "x", "hi"], KEY, 64, "chat takes"),
        (["chat", "--url", "nonsense", "hi"], KEY, 64, "URL"),
        (["chat", "--url", "http://127.0.0.1:1", "hi"], KEY, 69, "no gateway"),
        (["chat"], KEY, 64, "no message"),
        (["run"], KEY, 64, "run takes"),
        (["run", "no-such-tool-anywhere"], KEY, 127, "not installed"),
    ],
)
def test_what_fails_says_why_in_one_line_with_its_exit_code(sluice, arguments, key, code, words):
    done = run(sluice, *arguments, key=key)
    assert done.returncode == code, done
    assert words in done.stderr and done.stdout == ""


def test_a_reader_that_goes_away_ends_it_quietly(sluice):
    words, environment = command(sluice, "chat", "--model", "fault-endless", "go")
    process = subprocess.Popen(
        words, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.read(10)
    process.stdout.close()
    assert process.wait(10) == 0 and process.stderr.read() == b""
    process.stderr.close()
    wait_until(sluice.idle, what="upstream cancelled")


TELL = """#!/usr/bin/env python3
import json, os, sys
names = ("ANTHROPIC_BASE_URL ANTHROPIC_AUTH_TOKEN ANTHROPIC_MODEL OPENAI_BASE_URL OPENAI_API_KEY "
         "GOOGLE_GEMINI_BASE_URL GEMINI_API_KEY SLUICE_API_KEY "
         "ANTHROPIC_API_KEY OPENAI_ORG_ID GOOGLE_API_KEY GOOGLE_GENAI_USE_VERTEXAI").split()
print(json.dumps({"arguments": sys.argv[1:], **{name: os.environ.get(name) for name in names}}))
sys.exit(7)
"""


@pytest.mark.parametrize("tool", ["claude", "codex", "gemini", "some-agent"])
def test_a_tool_is_started_with_its_address_and_key(sluice, tmp_path, tool):
    path = tmp_path / tool
    path.write_text(TELL)
    path.chmod(0o755)
    words, environment = command(sluice, "run", "--model", "ok", tool, "--help", "--url", "mine")
    environment["PATH"] = f"{tmp_path}:{environment['PATH']}"
    own = {
        "claude": ["ANTHROPIC_API_KEY"],
        "codex": ["OPENAI_ORG_ID"],
        "gemini": ["GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI"],
    }
    environment |= {name: "the user's own" for names in own.values() for name in names}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=20, check=False)
    # The tool takes the place of the command: its exit code is the one that is seen.
    assert done.returncode == 7, done
    told = json.loads(done.stdout)
    url = environment["SLUICE_URL"]
    for vendor, names in own.items():
        expected = None if tool in (vendor, "some-agent") else "the user's own"
        assert [told[name] for name in names] == [expected] * len(names)
    assert told["arguments"][-3:] == ["--help", "--url", "mine"]
    if tool in ("claude", "some-agent"):
        assert (told["ANTHROPIC_BASE_URL"], told["ANTHROPIC_AUTH_TOKEN"]) == (url, KEY)
        assert told["ANTHROPIC_MODEL"] == "ok"
    if tool in ("gemini", "some-agent"):
        assert (told["GOOGLE_GEMINI_BASE_URL"], told["GEMINI_API_KEY"]) == (url, KEY)
    if tool in ("codex", "some-agent"):
        assert (told["OPENAI_BASE_URL"], told["OPENAI_API_KEY"]) == (url + "/v1", KEY)
    if tool == "codex":
        assert f'model_providers.sluice.base_url="{url}/v1"' in told["arguments"]
        assert told["SLUICE_API_KEY"] == KEY


def test_ctrl_c_ends_a_single_answer_and_cancels_upstream(sluice):
    words, environment = command(sluice, "chat", "--model", "fault-endless", "go")
    process = subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    process.stdout.read(10)
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    process.stdout.close()
    assert process.wait(10) == 130
    wait_until(sluice.idle, what="upstream cancelled")
