# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""What the tests of the proxy share: a gateway whose providers are one upstream of the test's own."""

from wire import request

SECRET = "sk-upstream-secret"


def providers(raw, closed_port):
    base = {"kind": "openai-compatible", "api_key": SECRET, "max_retries": 0}
    times = {"connect": "2s", "first_byte": "30s", "idle": "30s"}
    quick = {"connect": "1s", "first_byte": "1s", "idle": "1s"}
    return [
        {**base, "name": "raw", "base_url": f"{raw.url}/base/v1", "timeouts": times},
        {**base, "name": "quick", "base_url": f"{raw.url}/base/v1", "timeouts": quick},
        {**base, "name": "closed", "base_url": f"http://127.0.0.1:{closed_port}/v1"},
        {**base, "name": "nowhere", "base_url": "http://no-such-host.invalid/v1"},
        {"name": "vendor", "kind": "anthropic", "base_url": raw.url, "api_key": SECRET},
        {"name": "open", "kind": "ollama", "base_url": raw.url},
        {"name": "sim", "kind": "simulator"},
    ]


def ask(proxy, path, method="GET", body=None, headers=(), provider="raw", **options):
    return request(proxy.address, method, f"/proxy/{provider}{path}", body, headers, **options)


def echo(incoming):
    body = incoming.body()
    incoming.reply(body or incoming.method.encode(), headers=[("Content-Type", "application/octet-stream")])


def chunked(pieces):
    """The pieces as chunks, and the last chunk."""
    return b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in [*pieces, b""])
