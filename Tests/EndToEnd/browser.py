# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""A real Chromium, headless, whose every complaint fails the test."""

import os
import re
import shutil
import tempfile
import uuid
from contextlib import contextmanager
from pathlib import Path

ARTEFACTS = Path(__file__).with_name("artefacts")
# Chromium tells of every answer with an error status in the console; what the page makes of it is what is tested.
STATUS = re.compile(r"Failed to load resource: the server responded with a status of (\d+)")
HOOKS = """
window.struck = [];
for (const name of ['alert', 'confirm', 'prompt', 'print']) window[name] = () => { window.struck.push(name); };
addEventListener('securitypolicyviolation', (event) => console.error('CSP: ' + event.violatedDirective + ' ' + event.blockedURI));
"""


def chromium():
    """The path of Debian's browser; a browser that is missing is a failure, not a skip."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert found, "no chromium: install Debian's package, or name one by CHROMIUM"
    return found


@contextmanager
def launched():
    from playwright.sync_api import sync_playwright

    arguments = ["--disable-dev-shm-usage"] + (["--no-sandbox"] if os.geteuid() == 0 else [])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=arguments)
        yield browser
        browser.close()


@contextmanager
def visit(browser, address, path="/", statuses=(), user=None, **options):
    """A page of a new visitor, or of a `user`. At the end nothing may have been complained of, but answers with `statuses`."""
    fields = {"x-user-id": user or uuid.uuid4().hex}
    options = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB", "extra_http_headers": fields, **options}
    context = browser.new_context(**options)
    context.set_default_timeout(15_000)
    context.add_init_script(HOOKS)
    page = context.new_page()
    complaints = []

    def heard(message):
        if message.type not in ("error", "warning"):
            return
        status = STATUS.match(message.text)
        if not (status and int(status[1]) in statuses):
            complaints.append(f"{message.type}: {message.text}")

    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(f"exception: {error}"))
    page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
    page.goto("http://%s:%d%s" % (*address, path))
    yield page
    assert page.evaluate("window.struck") == []
    context.close()
    assert complaints == []


def keep(page, name):
    """Keeps a picture of the page as an artefact."""
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"{name}.png")


def a_file(name, content):
    """A file to hand in."""
    path = Path(tempfile.mkdtemp()) / name
    path.write_bytes(content)
    return path
