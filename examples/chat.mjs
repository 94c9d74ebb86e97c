// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0
// Streams an answer of /chat/stream by fetch, in a browser or in Node 18: node examples/chat.mjs [MESSAGE]
const base = process.env.SLUICE_URL ?? "http://127.0.0.1:8080";
const response = await fetch(`${base}/chat/stream`, {
  method: "POST",
  headers: { "Content-Type": "application/json", Authorization: `Bearer ${process.env.SLUICE_API_KEY ?? "none"}` },
  body: JSON.stringify({ message: process.argv[2] ?? "Tell me a story.", model: "sim/story" }),
});
if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);

const decoder = new TextDecoder();
let rest = "";
for await (const bytes of response.body) {
  // An event can arrive in pieces: what has no line end yet waits for more.
  const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
  rest = lines.pop();
  for (const line of lines) {
    if (!line.startsWith("data: ")) continue;
    const event = JSON.parse(line.slice(6));
    if (event.error) throw new Error(event.message);
    process.stdout.write(event.done ? "\n" : event.token);
  }
}
