# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""What every answer must satisfy."""

from wire import KEY


def assert_error_answer(answer, status=None, code=None, kind=None):
    """A JSON error in the OpenAI dialect, with a request id and without anything private."""
    if status is not None:
        assert answer.status == status, (answer.status, answer.body[:300])
    assert answer.complete
    assert (answer.header("content-type") or "").startswith("application/json"), (answer.headers, answer.body[:80])
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
