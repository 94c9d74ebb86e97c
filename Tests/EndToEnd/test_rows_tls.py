# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Providers whose TLS is not to be trusted (row X15)."""

import ssl
import subprocess
import threading
from http.server import ThreadingHTTPServer

import pytest

from checks import assert_error_answer
from events import chat
from replies import Handler, Reply
from wire import request


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A self-signed certificate for this machine, and one for a name that is another's."""
    directory = tmp_path_factory.mktemp("tls")
    for name, alternative in (("good", "IP:127.0.0.1"), ("other", "DNS:other.example")):
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
        files = ["-keyout", directory / f"{name}.key", "-out", directory / f"{name}.pem"]
        subprocess.run([*command, "-addext", f"subjectAltName={alternative}", *files], check=True, capture_output=True)
    return directory


class Secure(ThreadingHTTPServer):
    """Answers everything, by TLS with this certificate, up to this version."""

    daemon_threads = True

    def __init__(self, certificates, name, newest=ssl.TLSVersion.TLSv1_3, ciphers=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = 0
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
        if ciphers:
            context.set_ciphers(ciphers)
        context.minimum_version, context.maximum_version = min(newest, ssl.TLSVersion.TLSv1_2), newest
        self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def take(self, path, headers, body):
        self.asked += 1
        return Reply.whole()

    def handle_error(self, *_):
        pass  # A client that breaks the handshake off is what is wanted.


CASES = {
    "trusted": ("good", {}, True),
    "nobody vouches for it": ("good", {}, False),
    "of another name": ("other", {}, True),
    "TLS 1.1": ("good", {"newest": ssl.TLSVersion.TLSv1_1, "ciphers": "ALL:@SECLEVEL=0"}, True),
    "TLS 1.0": ("good", {"newest": ssl.TLSVersion.TLSv1, "ciphers": "ALL:@SECLEVEL=0"}, True),
    "no cipher that is any good": ("good", {"newest": ssl.TLSVersion.TLSv1_2, "ciphers": "NULL:aNULL:@SECLEVEL=0"}, True),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("case", CASES)
def test_X15_a_provider_is_asked_by_good_tls_only(make_sluice, certificates, case):
    name, options, is_known = CASES[case]
    server = Secure(certificates, name, **options)
    provider = {
        "name": "tls", "kind": "openai-compatible", "api_key": "sk-upstream-secret", "max_retries": 0,
        "base_url": f"https://127.0.0.1:{server.server_address[1]}/v1",
    }
    if is_known:
        provider["ca_file"] = str(certificates / f"{name}.pem")
    gateway = make_sluice(providers=[provider], models=[])
    whole, proxied = gateway.post(chat("tls/m", stream=False)), request(gateway.address, "POST", "/proxy/tls/x", {"model": "m"})
    if case == "trusted":
        assert whole.status == proxied.status == 200 and server.asked == 2
    else:
        assert_error_answer(whole, 502, "upstream_insecure")
        assert_error_answer(proxied, 502, "upstream_insecure")
        assert server.asked == 0
    server.shutdown()
