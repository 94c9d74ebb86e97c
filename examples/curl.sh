#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0
# Streams an answer through a gateway: examples/curl.sh [MODEL] [QUESTION]
set -euo pipefail
base=${SLUICE_URL:-http://127.0.0.1:8080}
model=${1:-sim/story}
question=${2:-Tell me a story.}
# For a question with quotes in it, take a tool that writes JSON, such as jq.
curl -sS -N --fail-with-body "$base/v1/chat/completions" \
  -H "Authorization: Bearer ${SLUICE_API_KEY:-none}" \
  -H 'Content-Type: application/json' \
  -d "{\"model\":\"$model\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"$question\"}]}"
