# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

FROM docker.io/library/swift:6.3-bookworm AS build
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        libevent-dev libcurl4-openssl-dev libyaml-dev libsqlite3-dev libpq-dev libhiredis-dev libssl-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY Package.swift ./
COPY CLibevent CLibevent
COPY Sources Sources
# The manifest names the test and benchmark targets, so that their folders must be there.
COPY Tests Tests
COPY bench bench
RUN swift build -c release --product sluice --static-swift-stdlib

FROM docker.io/library/debian:bookworm-slim
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        libevent-core-2.1-7 libevent-extra-2.1-7 libcurl4 libyaml-0-2 libsqlite3-0 libpq5 libhiredis0.14 libssl3 \
        ca-certificates poppler-utils \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin sluice
COPY --from=build /build/.build/release/sluice /usr/local/bin/sluice
USER sluice
EXPOSE 8080
STOPSIGNAL SIGTERM
# Alive, by bash alone: a draining gateway is not unhealthy, and must not be restarted for it.
HEALTHCHECK --interval=10s --timeout=3s --start-period=2s CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /healthz HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
ENTRYPOINT ["sluice"]
CMD ["serve", "--listen", "0.0.0.0:8080"]
