#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0
# Begins a conversation, says two things in it and shows what was stored: examples/chat.sh [MODEL]
set -euo pipefail
base=${SLUICE_URL:-http://127.0.0.1:8080}
model=${1:-sim/story}
call() { curl -sS -N --fail-with-body -H "Authorization: Bearer ${SLUICE_API_KEY:-none}" -H 'Content-Type: application/json' "$@"; }

session=$(call "$base/api/v1/chat/sessions" -d "{\"model\":\"$model\"}" | sed -E 's/^\{"id":"([^"]+)".*/\1/')
echo "conversation $session"
call "$base/api/v1/chat/sessions/$session/messages" -d '{"content":"Tell me a story."}'
call "$base/chat/stream" -d "{\"chat_id\":\"$session\",\"message\":\"And another.\"}"
call "$base/api/v1/chat/sessions/$session/messages"
echo
