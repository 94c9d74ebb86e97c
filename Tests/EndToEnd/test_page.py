# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""The web page in a real Chromium: what somebody sees who opens it."""

import json
import re
import sqlite3
import time
import uuid
from urllib.parse import quote

import pytest

from browser import a_file, keep, launched, visit
from events import chat
from extraction import long_text
from gateway import settings
from test_streams import Client
from wire import ADMIN, KEY, request, wait_until

# What is not there yet answers 404; the page says so in words.
ABSENT = (404, 503)


@pytest.fixture(scope="module")
def browser():
    with launched() as process:
        yield process


@pytest.fixture(scope="module")
def open_settings(upstream, extractor):
    """As somebody starts it who has no key, with scripted upstreams beside the simulator."""
    reader = {"name": "reader", "kind": "openai-compatible", "base_url": extractor.url, "models": ["scholar"], "max_retries": 0}
    return {
        "auth": {"enabled": False, "keys": []},
        "providers": [*settings(upstream)["providers"], reader],
        "documents": {"chunk_tokens": 1200, "overlap_tokens": 40},
    }


@pytest.fixture(scope="module")
def gateway(make_sluice, open_settings):
    """One that stores, which is the default."""
    return make_sluice(**open_settings)


@pytest.fixture(scope="module")
def forgetful(make_sluice, open_settings):
    """One that stores nothing."""
    return make_sluice(**open_settings, database_url="none")


@pytest.fixture
def user():
    """Who asks: to a gateway without keys, clients say it themselves."""
    return uuid.uuid4().hex


def api(gateway, method, path, body=None, user="anonymous", status=200, headers=()):
    """What an API that the page uses says to a user."""
    answer = request(gateway.address, method, "/api/v1" + path, body, [("x-user-id", user), *headers], key=None, timeout=60)
    assert answer.status == status, answer
    return answer


@pytest.fixture(scope="module")
def guarded(make_sluice):
    return make_sluice(auth={"enabled": True, "keys": [KEY], "admin_key": ADMIN})


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def send(page, text, model=None):
    if model:
        page.get_by_label("Model").fill(model)
    page.get_by_label("Message").fill(text)
    button(page, "Send").click()


def answer(page):
    return page.locator(".message.assistant").last


def finished(page):
    button(page, "Send").wait_for()
    return answer(page).locator(".body").inner_text()


# The playground

# In one step, since the cursor is another element with every token.
BLINKING = "getComputedStyle(document.querySelector('.cursor')).animationName"


@pytest.mark.parametrize("kind", ["gateway", "forgetful"])
def test_the_simulator_answers_a_first_visitor_within_one_click(browser, kind, request):
    gateway = request.getfixturevalue(kind)
    with visit(browser, gateway.address, statuses=ABSENT if kind == "forgetful" else ()) as page:
        keep(page, f"first-visit-{kind}")
        page.evaluate(
            """() => { window.lengths = []; setInterval(() => {
                const body = document.querySelector('.message.assistant .body');
                const length = body ? body.innerText.length : 0;
                if (length && length !== lengths.at(-1)) lengths.push(length);
            }, 5); }"""
        )
        button(page, "Send").click()
        page.locator(".cursor").wait_for()
        assert page.get_by_role("log").get_attribute("aria-busy") == "true"
        assert page.evaluate(BLINKING) == "blink"
        keep(page, "playground-streaming")
        text = finished(page)
        assert len(text.split()) >= 50
        assert page.locator(".cursor").count() == 0
        assert page.get_by_role("log").get_attribute("aria-busy") == "false"
        lengths = page.evaluate("lengths")
        assert lengths == sorted(lengths) and len(lengths) > 15, "tokens are seen one by one"
        assert re.search(r"sim / story · first token .* · 60 tokens · [\d.]+ tokens/s", answer(page).inner_text())
        keep(page, "playground")
        notice = page.get_by_text("Conversations are kept in this browser only")
        assert notice.count() == (1 if kind == "forgetful" else 0)
        page.reload()
        page.locator(".message.assistant").wait_for()
        assert answer(page).locator(".body").inner_text() == text


def test_stop_ends_the_answer_and_upstream_sees_it(browser, gateway, upstream):
    before = upstream.stats()["aborted"]
    with visit(browser, gateway.address, statuses=ABSENT) as page:
        send(page, "Count.", "ok-slow")
        page.get_by_text("0 1 2").wait_for()
        button(page, "Stop").click()
        page.get_by_text("Stopped.", exact=True).first.wait_for()
        wait_until(lambda: upstream.stats()["aborted"] > before, 5, "upstream sees the cancel")
        assert upstream.stats()["aborts"][-1]["model"] == "ok-slow"
        text = finished(page)
        time.sleep(1)
        assert answer(page).locator(".body").inner_text() == text, "nothing comes after the stop"
        assert page.evaluate("document.activeElement.id") == "prompt"
        page.reload()
        page.get_by_text("Stopped.", exact=True).wait_for()
        assert text.split()[0] in answer(page).locator(".body").inner_text(), "what was said is kept"


def test_history_and_settings_are_there_after_a_reload(browser, gateway):
    with visit(browser, gateway.address, statuses=ABSENT) as page:
        page.get_by_label("System prompt").fill("Be brief.")
        page.get_by_label("Temperature").fill("0.5")
        page.get_by_label("Most tokens").fill("77")
        page.get_by_label("Show Markdown").uncheck()
        send(page, "remember the heron", "sim/echo")
        assert finished(page) == "remember the heron"
        page.reload()
        page.locator(".message.assistant").wait_for()
        assert answer(page).locator(".body").inner_text() == "remember the heron"
        assert page.locator(".message.user .body").inner_text() == "remember the heron"
        assert page.get_by_label("Model").input_value() == "sim/echo"
        assert page.get_by_label("System prompt").input_value() == "Be brief."
        assert page.get_by_label("Temperature").input_value() == "0.5"
        assert page.get_by_label("Most tokens").input_value() == "77"
        assert not page.get_by_label("Show Markdown").is_checked()
        assert page.locator(".session").count() == 1
        button(page, "New conversation").click()
        send(page, "another one")
        finished(page)
        assert page.locator(".session").count() == 2
        button(page, "Delete another one").click()
        page.locator(".welcome").wait_for()
        assert page.locator(".session").count() == 1


def test_what_was_said_goes_with_the_next_question(browser, gateway, upstream):
    with visit(browser, gateway.address, statuses=ABSENT) as page:
        page.get_by_label("System prompt").fill("Be kind.")
        page.get_by_label("Temperature").fill("0.25")
        page.get_by_label("Most tokens").fill("99")
        send(page, "first", "ok")
        first = finished(page)
        send(page, "second")
        page.locator(".message").nth(3).wait_for()
        finished(page)
        body = json.loads(upstream.last("ok")["body"])
        assert [(said["role"], said["content"]) for said in body["messages"]] == [
            ("system", "Be kind."),
            ("user", "first"),
            ("assistant", first),
            ("user", "second"),
        ]
        assert body["temperature"] == 0.25 and body["max_tokens"] == 99 and body["stream"] is True


@pytest.mark.parametrize(
    "model, words, status",
    [
        ("sim/fault-500", "The simulated server failed.", 500),
        ("sim/fault-error-event", "The simulated model is overloaded.", 503),
        ("no/such-model", "The model 'no/such-model' does not exist", 404),
        ("refused", "closed", 502),
    ],
)
def test_an_error_is_a_message_that_one_can_read(browser, gateway, model, words, status):
    with visit(browser, gateway.address, statuses=(*ABSENT, status)) as page:
        send(page, "Hello", model)
        alert = answer(page).get_by_role("alert")
        alert.wait_for()
        assert words in alert.inner_text() and "{" not in alert.inner_text()
        if model == "sim/fault-500":
            assert re.search(r"\(500.*req_[0-9a-f]{32}", alert.inner_text())
            keep(page, "error")
        send(page, "still here", "sim/echo")
        page.locator(".message").nth(3).wait_for()
        assert finished(page) == "still here"


def test_the_log_follows_the_answer_until_somebody_scrolls_up(browser, gateway):
    with visit(browser, gateway.address, statuses=ABSENT, viewport={"width": 1280, "height": 420}) as page:
        page.get_by_label("Most tokens").fill("400")
        send(page, "A long story.", "sim/story")
        log = page.get_by_role("log")
        rest = "(node) => node.scrollHeight - node.scrollTop - node.clientHeight"
        wait_until(lambda: log.evaluate("(node) => node.scrollHeight > node.clientHeight + 200"), 15, "a long answer")
        wait_until(lambda: log.evaluate(rest) < 60, 2, "the log at its end")
        log.evaluate("(node) => { node.scrollTop = 0; }")
        latest = page.get_by_role("button", name="Latest ↓")
        latest.wait_for()
        page.wait_for_timeout(500)
        assert log.evaluate("(node) => node.scrollTop") < 5, "who reads above is left there"
        latest.click()
        wait_until(lambda: log.evaluate(rest) < 60, 2, "the log at its end again")


@pytest.mark.parametrize("kind", ["gateway", "forgetful"])
def test_reasoning_is_shown_apart(browser, kind, request):
    with visit(browser, request.getfixturevalue(kind).address, statuses=ABSENT) as page:
        send(page, "Think.", "sim/think")
        text = finished(page)
        thoughts = answer(page).locator(".thinking")
        thoughts.locator("summary").click()
        assert len(thoughts.locator(".thoughts").inner_text().split()) >= 10
        assert thoughts.locator(".thoughts").inner_text() not in text


def test_conversations_that_the_gateway_stores(browser, gateway, user):
    with visit(browser, gateway.address, user=user) as page:
        send(page, "line one\n\nline two\n\ndata: [DONE]\n\n- item", "sim/echo")
        said = finished(page)
        for words in ("line one", "line two", "data: [DONE]", "item"):
            assert words in said
        assert page.locator(".notices .notice").count() == 0
        button(page, "New conversation").click()
        send(page, "the second conversation")
        finished(page)
        titles = [row["title"] for row in api(gateway, "GET", "/chat/sessions", user=user).json()["data"]]
        assert titles[0] == "the second conversation" and page.locator(".session span").all_inner_texts() == titles
        page.locator(".session").nth(1).click()
        page.get_by_text("line two").last.wait_for()
        with page.expect_download() as download:
            button(page, "Save as a file").click()
        whole = json.loads(download.value.path().read_text())
        assert [row["role"] for row in whole["messages"]] == ["user", "assistant"] and "line two" in whole["messages"][1]["content"]
        assert download.value.suggested_filename == whole["session"]["id"] + ".json"
        page.reload()
        answer(page).wait_for()
        assert answer(page).locator(".body").inner_text() == said
        facts = answer(page).locator(".facts").inner_text()
        assert facts.startswith("sim / echo · ") and "tokens" in facts
    with visit(browser, gateway.address) as page:
        page.wait_for_timeout(300)
        assert page.locator(".session").count() == 0, "somebody else's are not seen"


def test_ten_thousand_conversations_are_listed_page_by_page(browser, gateway, user):
    database = sqlite3.connect(gateway.config.with_name("sluice.db"), timeout=10)
    rows = ((f"chat_{n:032x}", "default", user, f"title {n}", "sim/echo", "", 0, 0, n, n, None) for n in range(1, 10_001))
    with database:
        database.executemany(f"INSERT INTO chat_sessions VALUES ({', '.join('?' * 11)})", rows)
    database.close()
    with visit(browser, gateway.address, user=user) as page:
        sessions = page.locator(".session")
        wait_until(lambda: sessions.count() == 30, 5, "the first page")
        assert sessions.first.locator("span").inner_text() == "title 10000"
        for count in (60, 90):
            began = time.monotonic()
            button(page, "Older").click()
            wait_until(lambda: sessions.count() == count, 5, "another page")
            assert time.monotonic() - began < 3
        assert sessions.last.locator("span").inner_text() == "title 9911"
        send(page, "still quick", "sim/echo")
        assert finished(page) == "still quick"


# Safety

CORPUS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<a href=javascript:alert(1)>x</a>",
    "[x](javascript:alert(1)) [y](data:text/html,<script>alert(1)</script>) [z](vbscript:alert(1))",
    "[x](  javascript:alert(1)) [y](JaVaScRiPt:alert(1)) [z](java\tscript:alert(1))",
    "![x](https://evil.example/steal?q=1)",
    "`<img src=x onerror=alert(1)>` **<b onclick=alert(1)>b</b>**",
    "```html\n<script>alert(1)</script>\n```",
    "<style>*{display:none}</style><base href=https://evil.example/><form action=/><input name=x>",
    "\"><script>alert(1)</script>' onmouseover='alert(1)",
    "{{constructor.constructor('alert(1)')()}} ${alert(1)}",
]
# What markup would have made of it.
MADE = (
    "main script, main img, main iframe, main svg:not(.spark):not(.phases):not(.chart), main style, main base, "
    "main b, main [onclick], main [onerror], main [onload], main a[href^='javascript' i], main a[href^='data' i], "
    "main a[href^='vbscript' i]"
)


def assert_harmless(page):
    assert page.locator(MADE).count() == 0
    assert page.evaluate("window.struck") == []


def test_what_models_say_stays_text_also_after_a_reload(browser, gateway):
    with visit(browser, gateway.address, statuses=ABSENT) as page:
        for text in CORPUS:
            send(page, text, "sim/echo")
            finished(page)
            assert_harmless(page)
        # What is out of sight is not laid out, and has no inner text.
        assert page.locator(".message.assistant .body").first.text_content() == CORPUS[0]
        page.reload()
        page.locator(".message").nth(2 * len(CORPUS) - 1).wait_for()
        assert_harmless(page)
        for node, text in zip(page.locator(".message.user .body").all(), CORPUS, strict=True):
            assert node.text_content() == text


def test_stored_titles_names_results_and_rows_stay_text(browser, gateway, user):
    for text in CORPUS:
        api(gateway, "POST", "/chat/sessions", {"title": text, "model": "sim/echo"}, user, 201)
    marker = f"all-of-it-{user}"
    everything = "\n".join([marker, *CORPUS])
    body = chat("sim/echo", stream=False, messages=[{"role": "user", "content": everything}])
    assert request(gateway.address, "POST", "/v1/chat/completions", body=body, key=None).status == 200
    headings = "\n\n".join("# " + " ".join(text.split()) for text in CORPUS).encode()
    types = [("Content-Type", "text/markdown")]
    for text in CORPUS[:3]:
        api(gateway, "POST", f"/documents?name={quote(text, safe='')}", headings, user, 201, types)
    with visit(browser, gateway.address, user=user) as page:
        page.locator(".session").nth(len(CORPUS) - 1).wait_for()
        # Titles are one line on the page, whatever they are in the database.
        shown = [text.split() for text in page.locator(".session span").all_inner_texts()]
        assert shown == [text.split() for text in reversed(CORPUS)]
        assert_harmless(page)
        base = page.url.split("#")[0]
        page.goto(base + "#/documents")
        page.get_by_label("Model").fill("sim/extract")
        page.get_by_role("button", name=re.compile("^Extract .*alert")).first.click()
        page.get_by_text("Done.", exact=True).wait_for()
        assert "alert(1)" in page.locator("pre").inner_text() and "alert(1)" in page.locator("tbody").inner_text()
        assert_harmless(page)
        page.reload()
        page.locator("tbody tr", has_text="done").get_by_role("button", name=re.compile("^Result")).click()
        page.locator("pre").wait_for()
        assert "alert(1)" in page.locator("pre").inner_text()
        assert_harmless(page)
        page.goto(base + "#/audit")
        page.get_by_label("Text").fill(marker)
        wait_until(lambda: searched(page) == 1, 10, "the row of the audit")
        page.locator("tbody a").click()
        page.get_by_role("heading", name="Answer").wait_for()
        assert page.locator("section", has_text="Answer").locator("pre").last.text_content().split() == everything.split()
        assert_harmless(page)


def searched(page):
    button(page, "Search").click()
    page.wait_for_timeout(200)
    return page.locator("tbody tr").count()


def test_every_member_of_every_list_stays_text(browser, gateway):
    """What no client can make the gateway say today is put into its mouth."""

    def told(route):
        row = {
            "id": CORPUS[0], "request_id": CORPUS[1], "received_at": CORPUS[2], "door": CORPUS[3], "client": CORPUS[4],
            "requested_model": CORPUS[5], "provider": CORPUS[6], "model": CORPUS[7], "outcome": CORPUS[8], "status": 200,
            "organization": CORPUS[11], "user": CORPUS[12], "error": CORPUS[1], "request": CORPUS[9], "response": CORPUS[0],
            "request_headers": CORPUS[10], "name": CORPUS[1], "hint": CORPUS[2], "role": CORPUS[3], "models": CORPUS,
            "tokens_per_second": 1.5, "phase": CORPUS[2], "caller": CORPUS[1], "age_ms": 5, "first_token_ms": None,
            "queue_ms": 1, "connect_ms": 1, "upstream_model": CORPUS[1], "attempts": 2, "output_tokens": 1, "pauses": 0,
        }  # fmt: skip
        whole = row if "/api/v1/audit/" in route.request.url else {"data": [row], "next_cursor": CORPUS[0], "total": 1}
        if "/usage" in route.request.url:
            whole = {"data": [{"day": CORPUS[0], "model": CORPUS[1], "requests": 3, "input_tokens": 4}]}
        route.fulfill(status=200, content_type="application/json", body=json.dumps(whole))

    with visit(browser, gateway.address) as page:
        for part in ("api/v1/audit", "api/v1/usage", "api/v1/streams", "api/v1/documents", "admin/keys"):
            page.route(re.compile(f"/{part}"), told)
        for view in ("live", "usage", "audit", "keys", "documents"):
            page.goto(page.url.split("#")[0] + f"#/{view}")
            page.locator("main tbody tr").first.wait_for()
            assert_harmless(page)
            assert "<" in page.locator("main").inner_text(), "the text is shown as it is"
        page.goto(page.url.split("#")[0] + "#/audit/" + "x")
        page.get_by_role("heading", name="Answer").wait_for()
        assert_harmless(page)


MARKDOWN = [
    ("# Title", "<h3>Title</h3>"),
    ("a **b** *c* `d<e>`", "<p>a <strong>b</strong> <em>c</em> <code>d&lt;e&gt;</code></p>"),
    ("- a\n- b\n  - c", "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>"),
    ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'),
    ("> q", "<blockquote>q</blockquote>"),
    ("snake_case_name 2 * 3 * 4", "<p>snake_case_name 2 * 3 * 4</p>"),
    ("---", "<hr>"),
    ("```js\nif (a < b) {\n```", '<pre tabindex="0" aria-label="Code, js"><code>if (a &lt; b) {</code></pre>'),
    ("```\nopen", '<pre tabindex="0" aria-label="Code"><code>open</code></pre>'),
    (
        "[t](https://a.example/x?y=1)",
        '<p><a href="https://a.example/x?y=1" rel="noopener noreferrer nofollow" target="_blank">t</a></p>',
    ),
    ("[t](javascript:alert(1))", "<p>[t](javascript:alert(1))</p>"),
    ("[t](//evil.example)", "<p>[t](//evil.example)</p>"),
    ("[t](/admin/keys)", "<p>[t](/admin/keys)</p>"),
    ("<b>x</b>", "<p>&lt;b&gt;x&lt;/b&gt;</p>"),
]


def test_the_markdown_that_is_understood_and_no_more(browser, gateway):
    render = """async (text) => {
        const { blocks } = await import('/assets/markdown.js');
        return blocks(text).map((node) => node.outerHTML).join('');
    }"""
    with visit(browser, gateway.address, statuses=ABSENT) as page:
        for text, html in MARKDOWN:
            assert page.evaluate(render, text) == html, text
        image = page.evaluate(render, "![x](https://evil.example/steal)")
        assert "<img" not in image
        hard = """async (text) => {
            const { blocks } = await import('/assets/markdown.js');
            const began = performance.now();
            blocks(text);
            return performance.now() - began;
        }"""
        for part in ("a````", "[", "`a`", "# #", "[a](", "**a", "_a", "a`b``c```"):
            assert page.evaluate(hard, part * (100_000 // len(part))) < 500, part
        assert page.evaluate(hard, "# " + "#" * 100_000 + "a") < 500
        for hostile in ("`" * 20000, "*" * 20000, "[" * 20000, "_a" * 20000, "- " * 9000, "> " * 9000, "**a" * 9000):
            began = time.monotonic()
            page.evaluate(render, hostile)
            assert time.monotonic() - began < 3, hostile[:3]


def test_events_are_the_same_however_they_are_cut(browser, gateway):
    parse = """async (text) => {
        const { EventParser } = await import('/assets/sse.js');
        const whole = JSON.stringify(new EventParser().feed(text));
        for (let at = 0; at <= text.length; at += 1) {
            const parser = new EventParser();
            const cut = JSON.stringify([...parser.feed(text.slice(0, at)), ...parser.feed(text.slice(at))]);
            if (cut !== whole) return 'cut at ' + at + ': ' + cut;
        }
        return whole;
    }"""
    text = ": hi\r\n\r\nevent: chunk\r\ndata: a\r\ndata:  b\r\n\r\ndata\n\nid: 3\ndata:x\n\nevent: lost\r\rdata: 1\r\rdata: open"
    with visit(browser, gateway.address, statuses=ABSENT) as page:
        assert json.loads(page.evaluate(parse, text)) == [
            {"event": "chunk", "data": "a\n b"},
            {"event": "message", "data": ""},
            {"event": "message", "data": "x"},
            {"event": "message", "data": "1"},
        ]


def test_a_page_of_another_origin_cannot_frame_it(browser, gateway):
    context = browser.new_context()
    page = context.new_page()
    page.set_content("<iframe src='http://%s:%d/'></iframe>" % gateway.address)
    page.wait_for_timeout(1000)
    assert len(page.frames) == 2
    assert page.frames[1].locator("#main, #nav").count() == 0
    context.close()


def test_a_link_from_elsewhere_leads_to_the_page_and_to_nothing_else(gateway):
    foreign = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]
    assert request(gateway.address, "GET", "/", headers=foreign, key=None).status == 200
    assert request(gateway.address, "GET", "/v1/models", headers=foreign, key=None).status == 403
    assert request(gateway.address, "GET", "/api/v1/streams", headers=foreign, key=None).status == 403


# The key


def test_a_gateway_with_keys_asks_for_one_and_the_page_keeps_it_in_the_tab(browser, guarded):
    with visit(browser, guarded.address, statuses=(401, *ABSENT)) as page:
        dialog = page.get_by_role("dialog", name="API key")
        dialog.wait_for()
        assert "No API key was given" in dialog.inner_text()
        keep(page, "key")
        page.get_by_label("Key", exact=True).fill("sk-wrong")
        button(page, "Use key").click()
        dialog.get_by_text("The API key is not valid").wait_for()
        page.get_by_label("Key", exact=True).fill(KEY)
        button(page, "Use key").click()
        wait_until(lambda: page.get_by_label("Model").input_value(), 5, "the models")
        send(page, "with a key", "sim/echo")
        assert finished(page) == "with a key"
        assert KEY not in page.evaluate("JSON.stringify(localStorage) + location.href + document.cookie")
        assert KEY not in page.content()
        page.reload()
        send(page, "still with it", "sim/echo")
        assert finished(page) == "still with it"
        assert page.context.cookies() == []
    with visit(browser, guarded.address, statuses=(401, *ABSENT)) as page:
        page.get_by_role("dialog", name="API key").wait_for()
        page.keyboard.press("Escape")
        assert not page.get_by_role("dialog").is_visible()


# Live streams


def test_a_live_stream_is_seen_and_cancelled(browser, gateway, upstream, tag):
    name = tag()
    client = Client(gateway, "ok-slow", name, delay="0.1", count="300", key=None)
    with visit(browser, gateway.address, "/#/live") as page:
        row = page.locator("tbody tr", has_text="ok-slow")
        row.get_by_text("streaming").wait_for()
        words = row.inner_text()
        assert "scripted" in words and re.search(r"queue .* ms, connect .* ms, first token .* ms", words)
        wait_until(lambda: float(row.locator("td").nth(5).inner_text()) > 0, 5, "tokens/s")
        page.wait_for_timeout(2500)
        keep(page, "live")
        page.get_by_role("button", name="Cancel the stream of ok-slow").click()
        upstream.wait_for(name)
        row.wait_for(state="detached")
        page.get_by_text("Nothing is under way").wait_for()
    assert b"stream_cancelled" in client.result().body


def test_a_thousand_streams_leave_the_page_usable(browser, gateway):
    def told(route):
        rows = [
            {
                "id": f"stream_{number}", "request_id": f"req_{number}", "door": "/v1/chat/completions", "model": f"m{number}",
                "provider": "p", "upstream_model": "m", "caller": "c", "phase": "streaming", "age_ms": 1000, "queue_ms": 0,
                "connect_ms": 3, "first_token_ms": 20, "output_tokens": number, "tokens_per_second": 5.5, "pauses": 0,
                "paused": False, "attempts": 1,
            }
            for number in range(1000)
        ]  # fmt: skip
        route.fulfill(status=200, content_type="application/json", body=json.dumps({"data": rows, "total": 1000}))

    with visit(browser, gateway.address, "/#/audit", statuses=ABSENT) as page:
        page.route(re.compile("/api/v1/streams"), told)
        page.get_by_role("link", name="Live").click()
        page.get_by_text("1,000 under way · 5500 tokens/s").wait_for()
        assert page.locator("tbody tr").count() == 50
        button(page, "Show more").click()
        wait_until(lambda: page.locator("tbody tr").count() == 100, 3, "another fifty")


def test_a_message_of_ten_megabytes_leaves_the_page_usable(browser, gateway, user):
    session = api(gateway, "POST", "/chat/sessions", {"title": "Long", "model": "sim/story"}, user, 201).json()["id"]
    api(gateway, "POST", f"/chat/sessions/{session}/messages", {"content": "x" * 10_000_000}, user)
    with visit(browser, gateway.address, user=user) as page:
        page.get_by_role("button", name="Long").first.click()
        more = page.get_by_role("button", name=re.compile("more of 10,000,000 characters")).last
        more.wait_for()
        answer(page).wait_for()
        began = time.monotonic()
        assert page.locator(".message").count() == 2
        assert len(page.locator(".message.user .body").inner_text()) < 120_000
        more.click()
        assert time.monotonic() - began < 5


# Usage, audit, documents


def usage(route):
    by = re.search(r"group_by=(\w+)", route.request.url)[1]
    day = time.strftime("%Y-%m-%d", time.gmtime())
    figures = {"requests": 12, "input_tokens": 3400, "output_tokens": 8800, "cached_tokens": 0, "reasoning_tokens": 5}
    row = {by: day if by == "day" else "sim/story", **figures, "cost": 0.0125, "unpriced": 2}
    route.fulfill(status=200, content_type="application/json", body=json.dumps({"data": [row]}))


def test_usage_is_drawn_and_told_in_numbers(browser, gateway):
    with visit(browser, gateway.address, statuses=ABSENT) as page:
        page.route(re.compile("/api/v1/usage"), usage)
        page.get_by_role("link", name="Usage").click()
        page.get_by_role("img", name=re.compile("Tokens by day: 7 columns")).wait_for()
        assert page.locator("svg rect.series").count() == 2
        assert page.get_by_role("row", name=re.compile(r"sim.story 12 3,400 0 8,800 5 0.0125")).count() == 1
        keep(page, "usage")
        page.get_by_label("Measure").select_option("requests")
        page.get_by_role("img", name=re.compile("Requests by day")).wait_for()


def test_audit_rows_are_listed_filtered_and_opened(browser, gateway):
    asked = []

    def told(route):
        asked.append(route.request.url)
        row = {
            "id": "audit_1", "request_id": "req_1", "received_at": "2026-01-31T12:00:00.5Z", "door": "/v1/chat/completions",
            "client": "sk-...6035", "requested_model": "fast", "provider": "sim", "model": "story", "outcome": "completed",
            "status": 200, "first_token_us": 12_300, "duration_us": 1_500_000, "input_tokens": 7, "output_tokens": 60,
            "attempts": 1, "request": '{"model":"fast"}', "response": "A heron remembers.", "cost": None,
        }  # fmt: skip
        whole = row if "/audit/" in route.request.url else {"data": [row], "next_cursor": "next" if len(asked) == 1 else None}
        route.fulfill(status=200, content_type="application/json", body=json.dumps(whole))

    with visit(browser, gateway.address, statuses=ABSENT) as page:
        page.route(re.compile("/api/v1/audit"), told)
        page.get_by_role("link", name="Audit").click()
        page.get_by_role("row", name=re.compile("fast.*sim.*completed")).wait_for()
        assert "12 ms" in page.locator("tbody").inner_text() and "1.5 s" in page.locator("tbody").inner_text()
        button(page, "Older").click()
        wait_until(lambda: page.locator("tbody tr").count() == 2, 3, "the older row")
        assert "cursor=next" in asked[-1]
        page.get_by_label("Model").fill("fast")
        page.get_by_label("Outcome").select_option("completed")
        button(page, "Search").click()
        wait_until(lambda: "model=fast" in asked[-1] and "outcome=completed" in asked[-1], 3, "the filtered list")
        wait_until(lambda: page.locator("tbody tr").count() == 1, 3, "one row")
        keep(page, "audit")
        page.locator("tbody a").click()
        page.get_by_text("A heron remembers.").wait_for()
        assert asked[-1].endswith("/api/v1/audit/audit_1")
        page.go_back()
        page.get_by_role("heading", name="Audit").wait_for()


def test_the_audit_is_paged_through(browser, gateway):
    marker = "paged-" + uuid.uuid4().hex
    body = chat("sim/echo", stream=False, messages=[{"role": "user", "content": marker}])
    for _ in range(53):
        assert request(gateway.address, "POST", "/v1/chat/completions", body=body, key=None).status == 200
    with visit(browser, gateway.address, "/#/audit") as page:
        page.get_by_label("Text").fill(marker)
        wait_until(lambda: searched(page) == 50, 10, "the first page")
        button(page, "Older").click()
        wait_until(lambda: page.locator("tbody tr").count() == 53, 5, "the rest")
        links = page.locator("tbody a").evaluate_all("(nodes) => nodes.map((node) => node.href)")
        assert len(set(links)) == 53


def test_an_answer_goes_on_while_another_view_is_shown(browser, gateway, user):
    with visit(browser, gateway.address, user=user) as page:
        page.get_by_label("Most tokens").fill("100")
        send(page, "A story.", "sim/story")
        page.locator(".cursor").wait_for()
        page.get_by_role("link", name="Usage").click()
        page.get_by_role("heading", name="Usage").wait_for()
        page.wait_for_timeout(300)
        page.get_by_role("link", name="Playground").click()
        assert len(finished(page).split()) >= 50
        assert page.get_by_text("Stopped.", exact=True).count() == 0


def test_a_system_prompt_stays_with_its_conversation(browser, gateway, user):
    api(gateway, "POST", "/chat/sessions", {"title": "without", "model": "sim/echo"}, user, 201)
    api(gateway, "POST", "/chat/sessions", {"title": "with", "model": "sim/echo", "system": "Be a pirate."}, user, 201)
    with visit(browser, gateway.address, user=user) as page:
        prompt = page.get_by_label("System prompt")
        page.locator(".session", has_text=re.compile("^with(?!out)")).click()
        wait_until(lambda: prompt.input_value() == "Be a pirate.", 3, "its prompt")
        page.locator(".session", has_text="without").click()
        wait_until(lambda: prompt.input_value() == "", 3, "no prompt")


IS_SEEN = """(node) => {
  const [own, log] = [node.getBoundingClientRect(), node.closest('.message').parentElement.getBoundingClientRect()];
  return own.top >= log.top - 1 && own.top < log.bottom;
}"""


def test_a_long_conversation_opens_at_its_end_and_stays_in_order(browser, gateway, user):
    session = api(gateway, "POST", "/chat/sessions", {"title": "Long", "model": "sim/echo"}, user, 201).json()["id"]
    for turn in range(52):
        api(gateway, "POST", f"/chat/sessions/{session}/messages", {"content": f"turn {turn}"}, user)
    with visit(browser, gateway.address, user=user) as page:
        page.locator(".session").first.click()
        texts = page.locator(".message.user .body")
        wait_until(lambda: texts.count() == 50, 5, "the latest hundred messages")
        assert texts.first.text_content() == "turn 2" and texts.last.text_content() == "turn 51"
        assert texts.last.evaluate(IS_SEEN), "it opens at its end"
        # The same words as before are another message.
        send(page, "turn 1")
        wait_until(lambda: page.locator(".message").count() == 102, 5, "what is said now")
        finished(page)
        earlier = button(page, "Earlier messages")
        earlier.scroll_into_view_if_needed()
        first = page.locator(".message").first
        before = first.bounding_box()["y"]
        marked = first.element_handle()
        earlier.click()
        wait_until(lambda: page.locator(".message").count() == 106, 5, "all of it")
        assert earlier.count() == 0
        assert abs(marked.bounding_box()["y"] - before) < 100, "what was looked at stays where it was"
        assert texts.evaluate_all("(nodes) => nodes.map((node) => node.textContent)") == [
            *(f"turn {turn}" for turn in range(52)), "turn 1",
        ]


def hand_in(page, name, text, model):
    page.get_by_label("Model").fill(model)
    page.get_by_label("Document", exact=True).set_input_files(a_file(name, text.encode()))
    button(page, "Extract").click()


def test_a_document_goes_to_a_hundred_percent_and_its_result_is_shown(browser, gateway, user):
    with visit(browser, gateway.address, "/#/documents", user=user) as page:
        page.evaluate(
            """() => { window.steps = []; setInterval(() => {
                const bar = document.querySelector('progress');
                if (bar && bar.value !== steps.at(-1)) steps.push(bar.value);
            }, 1); }"""
        )
        hand_in(page, "report.md", long_text(12), "sim/extract")
        page.get_by_text("Done.", exact=True).first.wait_for()
        steps = page.evaluate("steps")
        assert steps == sorted(steps) and len(steps) > 4 and steps[0] < 20 and steps[-1] == 100
        assert page.locator(".job output").inner_text() == "100 %"
        assert '"title": "Foundations of Computing"' in page.locator("pre").inner_text()
        row = page.get_by_role("row", name=re.compile("report.md.*done"))
        row.wait_for()
        with page.expect_download() as download:
            button(page, "Save").click()
        [stored] = api(gateway, "GET", "/documents", user=user).json()["data"]
        result = api(gateway, "GET", f"/documents/{stored['id']}/result", user=user).json()["result"]
        assert json.loads(download.value.path().read_text()) == result and len(result["weeks"]) == 12
        assert download.value.suggested_filename == "report.md.json"
        keep(page, "documents")
        row.get_by_role("button", name="Extract").click()
        page.locator(".job").nth(1).get_by_text("Done.").wait_for()
        row.get_by_role("button", name="Delete").click()
        row.wait_for(state="detached")


def test_an_extraction_goes_on_without_the_page_and_is_seen_again(browser, gateway, extractor, user):
    extractor.slowness = 3.0
    marks = {3: "SLOW-ME", 5: "SLOW-ME", 8: "SLOW-ME", 11: "SLOW-ME", 12: "FAIL-ME"}
    with visit(browser, gateway.address, "/#/documents", user=user) as page:
        hand_in(page, "syllabus.md", long_text(16, marks=marks), "reader/scholar")
        bar = page.get_by_role("progressbar")
        wait_until(lambda: 20 < bar.evaluate("(node) => node.value") < 70, 10, "the bar between the chunks")
        keep(page, "documents-progress")
        page.reload()
        row = page.get_by_role("row", name=re.compile("syllabus.md.*extracting"))
        row.get_by_role("button", name="Watch").click()
        page.locator(".job .notice.warning", has_text="Done, but not as asked.").wait_for()
        assert re.search(r"[1-9] of \d+ parts failed", page.get_by_role("note").all_inner_texts()[-1])
        page.get_by_role("row", name=re.compile("syllabus.md.*done")).wait_for()


def test_an_extraction_is_cancelled(browser, gateway, extractor, user):
    before = extractor.aborted
    with visit(browser, gateway.address, "/#/documents", user=user) as page:
        hand_in(page, "report.txt", "HANG-ME", "reader/scholar")
        wait_until(lambda: extractor.active, 5, "the model at work")
        page.locator(".job").get_by_role("button", name="Cancel").click()
        page.get_by_text("Cancelled.", exact=True).first.wait_for()
        page.get_by_role("row", name=re.compile("report.txt.*cancelled")).wait_for()
        wait_until(lambda: extractor.aborted > before, 5, "upstream sees the cancel")
        assert page.get_by_role("alert").count() == 0


@pytest.mark.parametrize(
    "name, content, words, status",
    [
        ("picture.txt", b"\x89PNG\r\n\x1a\n\x00\x00", "(415, unsupported_document)", 415),
        ("broken.pdf", b"%PDF-1.4 and no more", "(422, unreadable_document)", 422),
    ],
)
def test_a_document_that_is_not_taken_says_why(browser, gateway, name, content, words, status):
    with visit(browser, gateway.address, "/#/documents", statuses=(status,)) as page:
        page.get_by_label("Document", exact=True).set_input_files(a_file(name, content))
        button(page, "Extract").click()
        alert = page.locator(".job").get_by_role("alert")
        alert.wait_for()
        assert words in alert.inner_text() and "{" not in alert.inner_text()
        assert page.locator("tbody tr").count() == 0


def test_views_of_what_the_gateway_lacks_say_so(browser, forgetful):
    with visit(browser, forgetful.address, statuses=ABSENT) as page:
        for view, words in (("Usage", "stores no usage"), ("Audit", "stores no audit"), ("Documents", "keeps no documents")):
            page.get_by_role("link", name=view).click()
            page.get_by_role("note").get_by_text(re.compile(f"This gateway {words}")).wait_for()
        page.get_by_role("link", name="Keys").click()
        page.get_by_role("alert").get_by_text(re.compile("Virtual keys need a database")).wait_for()


def test_what_was_asked_is_in_the_audit_and_in_the_usage(browser, gateway):
    hostile = "<img src=x onerror=alert(1)> the audited question"
    with visit(browser, gateway.address, statuses=ABSENT) as page:
        send(page, hostile, "sim/echo")
        finished(page)
        page.get_by_role("link", name="Audit").click()
        page.get_by_label("Text").fill("the audited question")
        wait_until(lambda: searched(page) == 1, 10, "the row of the audit")
        row = page.locator("tbody tr").inner_text()
        assert "sim/echo" in row and "completed" in row and "200" in row
        page.locator("tbody a").click()
        page.get_by_role("heading", name="Answer").wait_for()
        assert hostile in page.locator("section", has_text="Answer").last.inner_text()
        assert_harmless(page)
        keep(page, "audit-request")
        page.get_by_role("link", name="Usage").click()
        page.get_by_role("rowheader", name="echo").wait_for()
        assert page.locator("svg rect.series").count() >= 2


def test_a_key_is_made_shown_once_and_revoked(browser, guarded):
    with visit(browser, guarded.address, statuses=(401, *ABSENT)) as page:
        page.get_by_label("Key", exact=True).fill(ADMIN)
        button(page, "Use key").click()
        page.get_by_role("link", name="Keys").click()
        page.get_by_label("Name").fill("<b>Build</b> server")
        page.get_by_label("Models").fill("sim/echo, sim/story")
        page.get_by_label("Expires in").fill("30d")
        button(page, "Create").click()
        made = page.locator("code.secret").inner_text()
        row = page.locator("tbody tr", has_text="<b>Build</b> server")
        assert "sim/echo, sim/story" in row.inner_text() and "expires" in row.inner_text()
        assert_harmless(page)
        keep(page, "keys")
        ask = chat("sim/echo", stream=False)
        assert request(guarded.address, "POST", "/v1/chat/completions", body=ask, key=made).status == 200
        page.reload()
        row.wait_for()
        assert made not in page.content()
        row.get_by_role("button").click()
        row.get_by_role("button", name="Revoke").click()
        row.get_by_text("revoked").wait_for()

        def refused():
            return request(guarded.address, "POST", "/v1/chat/completions", body=ask, key=made).status == 401

        wait_until(refused, 5, "the key is refused")


def test_who_is_no_administrator_is_told_so(browser, guarded):
    with visit(browser, guarded.address, statuses=(401, 403, *ABSENT)) as page:
        page.get_by_label("Key", exact=True).fill(KEY)
        button(page, "Use key").click()
        page.get_by_role("link", name="Keys").click()
        page.get_by_text("This needs the admin key").wait_for()


def test_data_is_not_cached_and_downloads_are_attachments_with_a_name_that_is_safe(gateway, user):
    session = api(gateway, "POST", "/chat/sessions", {"title": CORPUS[0], "model": "sim/echo"}, user, 201).json()["id"]
    types = [("Content-Type", "text/html")]
    page = b"<!doctype html><html><body><script>alert(1)</script>text</body></html>"
    document = api(gateway, "POST", f"/documents?name={quote(CORPUS[1])}", page, user, 201, types).json()["id"]
    for path in ("/chat/sessions", f"/chat/sessions/{session}", f"/chat/sessions/{session}/messages", "/documents",
                 f"/documents/{document}", "/streams", "/audit", "/usage?group_by=day"):  # fmt: skip
        data = api(gateway, "GET", path, user=user)
        assert data.header("cache-control") == "no-store", path
        assert data.header("content-type").split(";")[0] == "application/json", path
        assert data.header("x-content-type-options") == "nosniff", path
    export = api(gateway, "GET", f"/chat/sessions/{session}/export", user=user)
    assert export.header("content-disposition") == f'attachment; filename="{session}.json"'
    content = api(gateway, "GET", f"/documents/{document}/content", user=user)
    assert content.header("content-disposition") == "attachment" and content.body == page
    assert content.header("content-type") == "application/octet-stream"
    for download in (export, content):
        assert download.header("x-content-type-options") == "nosniff" and download.header("cache-control") == "no-store"


# For everybody

VIEWS = ["play", "live", "usage", "audit", "documents", "keys"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_fits_a_phone(browser, gateway, scheme):
    options = {"viewport": {"width": 360, "height": 740}, "color_scheme": scheme, "has_touch": True}
    with visit(browser, gateway.address, statuses=ABSENT, **options) as page:
        page.route(re.compile("/api/v1/usage"), usage)
        for view in VIEWS:
            page.goto(page.url.split("#")[0] + f"#/{view}")
            page.wait_for_timeout(200)
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, view
            keep(page, f"phone-{scheme}-{view}")


def test_every_control_has_a_name_and_every_view_a_heading(browser, gateway):
    nameless = """() => [...document.querySelectorAll('button, input, select, textarea, a, progress')]
        .filter((node) => node.checkVisibility() && !(node.labels?.length || node.getAttribute('aria-label')
            || (node.matches('button, a') && node.textContent.trim())))
        .map((node) => node.outerHTML)"""
    with visit(browser, gateway.address, statuses=ABSENT) as page:
        for view in VIEWS:
            page.goto(page.url.split("#")[0] + f"#/{view}")
            page.get_by_role("heading", level=1).wait_for(state="attached")
            assert page.evaluate(nameless) == []
            ids = page.evaluate("[...document.querySelectorAll('[id]')].map((node) => node.id)")
            assert len(ids) == len(set(ids)), "identifiers are unique"


def test_the_keyboard_is_enough(browser, gateway):
    with visit(browser, gateway.address, statuses=ABSENT) as page:
        # Versions of the browser do not agree from where the first Tab of a page goes on: backwards from the first link, then.
        page.get_by_role("link", name="Sluice").focus()
        page.keyboard.press("Shift+Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to content"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.get_by_role("link", name="Live").focus()
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Live streams").wait_for()
        assert page.evaluate("document.activeElement.id") == "main"
        assert page.title() == "Live streams · Sluice"
        page.go_back()
        page.get_by_label("Model").fill("sim/echo")
        page.get_by_label("Message").fill("")
        page.get_by_label("Message").press_sequentially("one")
        page.keyboard.press("Shift+Enter")
        page.get_by_label("Message").press_sequentially("two")
        page.keyboard.press("Enter")
        page.locator(".message.assistant").wait_for()
        assert finished(page).split() == ["one", "two"]


def test_colours_are_the_systems_or_those_chosen(browser, gateway):
    ground = "getComputedStyle(document.body).backgroundColor"
    with visit(browser, gateway.address, statuses=ABSENT, color_scheme="dark") as page:
        dark = page.evaluate(ground)
        keep(page, "playground-dark")
        button(page, "Theme: auto").click()
        light = page.evaluate(ground)
        assert dark != light and button(page, "Theme: light").is_visible()
        page.reload()
        assert page.evaluate(ground) == light
        button(page, "Theme: light").click()
        assert page.evaluate(ground) == dark


def test_who_wants_less_motion_gets_no_blinking(browser, gateway):
    with visit(browser, gateway.address, statuses=ABSENT, reduced_motion="reduce") as page:
        button(page, "Send").click()
        page.locator(".cursor").wait_for()
        assert page.evaluate(BLINKING) == "none"
        finished(page)


# The files

FILES = "api app audit chart documents dom history keys live markdown message play sse usage".split()
ASSETS = ["/", "/assets/style.css", "/assets/icon.svg", *(f"/assets/{name}.js" for name in FILES)]


@pytest.mark.parametrize("path", ASSETS)
def test_a_file_has_its_type_its_tag_and_the_rules_of_the_page(gateway, path):
    answer = request(gateway.address, "GET", path, key=None)
    types = {"css": "text/css", "svg": "image/svg+xml", "js": "text/javascript"}
    assert answer.header("content-type").split(";")[0] == types.get(path.rpartition(".")[2], "text/html")
    assert_rules(answer)
    tag = answer.header("etag")
    for known in (tag, f'"x", W/{tag}', "*"):
        same = request(gateway.address, "GET", path, headers=[("If-None-Match", known)], key=None)
        assert same.status == 304 and same.body == b"" and same.header("etag") == tag
    assert request(gateway.address, "GET", path, headers=[("If-None-Match", '"x"')], key=None).status == 200
    head = request(gateway.address, "HEAD", path, key=None)
    assert head.status == 200 and head.body == b"" and int(head.header("content-length")) == len(answer.body)


def assert_rules(answer):
    rules = answer.header("content-security-policy")
    assert rules.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
    for rule in ("frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'", "connect-src 'self'"):
        assert rule in rules
    assert "unsafe" not in rules
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("x-frame-options") == "DENY"
    assert answer.header("referrer-policy") == "no-referrer"
    assert answer.header("cross-origin-opener-policy") == "same-origin"


ESCAPES = [
    "/assets/", "/assets/../sluice.yaml", "/assets/..%2f..%2fetc/passwd", "/assets/%2e%2e/sluice.yaml", "/assets//etc/passwd",
    "/assets/..\\..\\x", "/assets/app.js/", "/assets/app.js%00.css", "/assets/App.js", "/assets/index.html", "/assets/app.js/../x",
]  # fmt: skip


@pytest.mark.parametrize("path", ESCAPES)
def test_x03_no_path_leads_out_of_the_files(gateway, path):
    answer = request(gateway.address, "GET", path, key=None)
    assert answer.status in (400, 404) and b"<html" not in answer.body and b"listen" not in answer.body
    if answer.status == 404:
        assert_rules(answer)


def test_the_page_takes_no_other_method(gateway):
    answer = request(gateway.address, "POST", "/", body={}, key=None)
    assert answer.status == 405 and answer.header("allow") == "GET, HEAD"


def test_the_page_can_be_switched_off(make_sluice):
    gateway = make_sluice(page=False)
    for path in ("/", "/assets/app.js"):
        assert request(gateway.address, "GET", path).status == 404
    assert request(gateway.address, "POST", "/v1/chat/completions", body=chat("ok", stream=False)).status == 200


def test_files_hold_nothing_inline_and_nothing_of_elsewhere(gateway):
    for path in ASSETS:
        text = request(gateway.address, "GET", path, key=None).body.decode()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|\sstyle=|\son\w+=\"", text), path
        for address in re.findall(r"https?://[\w.]+", text):
            assert address == "http://www.w3.org", (path, address)
