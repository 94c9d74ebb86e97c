# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""The doors that a gateway says it has, and which of them ask for no key or give back what is stored."""

import re

# Health and the page's files tell nobody anything.
OPEN = {"/healthz", "/livez", "/health/liveliness", "/readyz", "/health/readiness", "/", "/assets/"}

# What each door that gives back stored data has below it; `{audit}` and so on stand for identifiers.
STORED = {
    "/api/v1/audit": [""],
    "/api/v1/audit/": ["export", "{audit}"],
    "/api/v1/usage": [""],
    "/api/v1/streams": [""],
    "/api/v1/streams/": ["{stream}", "{proxied}"],
    "/api/v1/chat/sessions": [""],
    "/api/v1/chat/sessions/": ["{session}", "{session}/messages", "{session}/export"],
    "/api/v1/documents": [""],
    "/api/v1/documents/": [
        "{document}", "{document}/result", "{document}/content", "{document}/extract-stream", "{document}/cancel",
    ],
    "/chat": ["?chat_id={session}"],
    "/chat/stream": ["?message=hi&chat_id={session}"],
}

# Doors to models, the administrator's, and the proxy: nothing of what members said is behind them.
OTHERS = {
    "/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/messages/count_tokens", "/v1/embeddings", "/v1/models",
    "/v1/models/", "/v1beta/models", "/v1beta/models/", "/metrics", "/admin/keys", "/admin/keys/", "/proxy/",
}


def routes(gateway):
    """Every path of the gateway's own table of doors, as its log tells it at the level debug."""
    found = re.search(r'doors paths="?([^"\n]+)', gateway.log())[1].split()
    unknown = set(found) - OPEN - set(STORED) - OTHERS
    assert not unknown, f"doors that no test knows: {unknown}; say in routes.py what is behind them"
    return found


def targets(gateway):
    """A path for each door that asks for a key."""
    inside = {"/v1/models/": "sim/story:generateContent", "/v1beta/models/": "sim/story:generateContent", "/proxy/": "scripted/models"}
    return [
        path + (inside.get(path, "x") if path.endswith("/") else "") for path in routes(gateway) if path not in OPEN
    ]
