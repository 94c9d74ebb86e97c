// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

// Server-sent events over fetch (WHATWG HTML, section 9.2.6): EventSource can neither POST nor send a key.

/** Cuts text, however it comes, into events `{event, data}`. */
export class EventParser {
  #rest = '';
  #data = [];
  #event = '';
  #skipsLineFeed = false;

  /** Takes more text; returns the events that it completes. */
  feed(text) {
    const events = [];
    // A CR at the end of one piece and a LF at the start of the next are one line end.
    if (this.#skipsLineFeed && text.startsWith('\n')) text = text.slice(1);
    if (text) this.#skipsLineFeed = text.endsWith('\r');
    const lines = (this.#rest + text).split(/\r\n|\r|\n/);
    this.#rest = lines.pop();
    for (const line of lines) this.#line(line, events);
    return events;
  }

  #line(line, events) {
    if (line === '') {
      if (this.#data.length) events.push({ event: this.#event || 'message', data: this.#data.join('\n') });
      this.#data = [];
      this.#event = '';
      return;
    }
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? '' : line.slice(colon + 1);
    if (value.startsWith(' ')) value = value.slice(1);
    if (name === 'data') this.#data.push(value);
    else if (name === 'event') this.#event = value;
  }
}

/** The events of a response, as they come. */
export async function* events(response) {
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  const parser = new EventParser();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.feed(decoder.decode(value, { stream: true }));
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
