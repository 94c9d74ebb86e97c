# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""What every answer must satisfy, and how far memory may grow."""

import os

from wire import KEY

# Set when the gateway under test was built with a sanitizer.
INSTRUMENTED = os.environ.get("SLUICE_INSTRUMENTED") == "1"


def memory_bound(size):
    """The growth of resident memory, in bytes, that stands for `size` bytes in use.

    Without a sanitizer it is `size` itself. The address sanitizer keeps up to 256 MiB of freed blocks, to
    catch their later use, and puts red zones and shadow around the living.
    """
    return 3 * size + 320_000_000 if INSTRUMENTED else size


def assert_error_answer(answer, status=None, code=None, kind=None):
    """A JSON error in the OpenAI dialect, with a request id and without anything private."""
    if status is not None:
        assert answer.status == status, (answer.status, answer.body[:300])
    assert answer.complete
    assert (answer.header("content-type") or "").startswith("application/json"), (
        answer.headers,
        answer.body[:80],
    )
    assert answer.header("x-request-id"), answer.headers
    error = answer.error
    assert isinstance(error["message"], str) and error["message"], error
    assert {"message", "type", "param", "code"} <= set(error), error
    if code is not None:
        assert error["code"] == code, error
    if kind is not None:
        assert error["type"] == kind, error
    for secret in (KEY.encode(), b"sk-upstream-secret", b"<html", b".swift", b"/usr/", b"SELECT"):
        assert secret not in answer.body, answer.body[:300]
    return error
