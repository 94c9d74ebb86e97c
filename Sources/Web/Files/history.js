// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

// Where conversations are kept: with the gateway when it stores them, else in this browser. Both have the same face.

import { ApiError, call, get, kept, query, send, textOf } from './api.js';
import { events } from './sse.js';

const SESSIONS = '/api/v1/chat/sessions';
const path = (id) => `${SESSIONS}/${encodeURIComponent(id)}`;

/** The place where conversations are kept, why it is that one, and whether it can be asked. */
export async function findHistory() {
  try {
    await get(query(SESSIONS, { limit: 1 }), { quiet: true });
    return { history: new StoredHistory(), reason: null, isReady: true };
  } catch (error) {
    // No such API, or no storage. Any other trouble passes, and what is said must not stay behind in this browser.
    if (error.status === 404 || (error.status === 503 && error.code === 'storage_unavailable')) {
      const reason = 'Conversations are kept in this browser only: the gateway does not store them.';
      return { history: new LocalHistory(), reason, isReady: true };
    }
    return { history: new StoredHistory(), reason: error.status === 401 ? 'The gateway asks for a key.' : textOf(error), isReady: false };
  }
}

/** Conversations in the gateway's database. */
class StoredHistory {
  isStored = true;

  async list(cursor) {
    return get(query(SESSIONS, { limit: 30, cursor }));
  }

  /** The gateway names a conversation by its first message itself. */
  async create({ model, system }) {
    return call('POST', SESSIONS, { model, system });
  }

  async update(id, change) {
    return call('PATCH', path(id), change);
  }

  async remove(id) {
    await call('DELETE', path(id));
  }

  /** A page of messages, the latest first. */
  async messages(id, cursor) {
    return get(query(`${path(id)}/messages`, { limit: 100, order: 'desc', cursor }));
  }

  /** The whole conversation as a file. */
  async file(id) {
    return (await send('GET', `${path(id)}/export`)).blob();
  }

  /** Sends a message; gives `{text}`, `{thought}`, `{details}` and `{failure}` as they come, and `{head}` first. */
  async *answer(session, content, options, signal) {
    const response = await send('POST', `${path(session.id)}/messages?details=true`, {
      json: { content, model: options.model, ...options.limits }, accept: 'text/event-stream', signal,
    });
    yield { head: response.headers };
    let isDone = false;
    for await (const { event, data } of events(response)) {
      if (event === 'chunk') yield { text: data };
      else if (event === 'reasoning') yield { thought: data };
      else if (event === 'details') yield { details: JSON.parse(data) };
      else if (event === 'done') isDone = true;
      else if (event === 'error') {
        const { error, status, code } = JSON.parse(data);
        yield { failure: new ApiError(status, error, code, response.headers.get('x-request-id')).text };
        return;
      }
    }
    if (!isDone) yield { failure: 'The answer was cut off.' };
  }
}

/** Conversations in localStorage: the latest fifty, and fewer when they are long. */
class LocalHistory {
  isStored = false;
  #read() {
    const all = kept.get('conversations', []);
    return Array.isArray(all) ? all : [];
  }

  #write(all) {
    all.length = Math.min(all.length, 50);
    // A full store gives up the oldest first.
    while (!kept.set('conversations', all) && all.length > 1) all.pop();
  }

  async list() {
    return { data: this.#read(), next_cursor: null };
  }

  async create(session) {
    const made = { ...session, id: `local-${crypto.getRandomValues(new Uint32Array(2)).join('-')}`, messages: [], updated_at: new Date().toISOString() };
    this.#write([made, ...this.#read()]);
    return made;
  }

  async update(id, change) {
    const all = this.#read();
    const found = all.find((session) => session.id === id);
    if (found) Object.assign(found, change);
    this.#write(all);
    return found;
  }

  async remove(id) {
    this.#write(this.#read().filter((session) => session.id !== id));
  }

  async messages(id) {
    return { data: this.#said(id).reverse(), next_cursor: null };
  }

  #said(id) {
    return [...(this.#read().find((session) => session.id === id)?.messages ?? [])];
  }

  /** Keeps what was said, and moves the conversation to the front. */
  add(id, ...messages) {
    const all = this.#read();
    const at = all.findIndex((session) => session.id === id);
    if (at < 0) return;
    const [session] = all.splice(at, 1);
    session.messages = [...(session.messages ?? []), ...messages];
    session.updated_at = new Date().toISOString();
    this.#write([session, ...all]);
  }

  async *answer(session, content, options, signal) {
    const earlier = this.#said(session.id).filter((message) => message.content);
    const messages = [...earlier, { role: 'user', content }].map(({ role, content }) => ({ role, content }));
    if (options.system) messages.unshift({ role: 'system', content: options.system });
    const said = { role: 'assistant', content: '', outcome: 'cancelled', created_at: new Date().toISOString() };
    try {
      const response = await send('POST', '/v1/chat/completions', {
        json: { model: options.model, messages, stream: true, stream_options: { include_usage: true }, ...options.limits },
        accept: 'text/event-stream', signal,
      });
      yield { head: response.headers };
      for await (const piece of completion(response)) {
        if (piece.text) said.content += piece.text;
        if (piece.failure) said.outcome = 'failed';
        if (piece.done) said.outcome = 'completed';
        yield piece;
      }
    } catch (error) {
      if (error.name !== 'AbortError') said.outcome = 'failed';
      throw error;
    } finally {
      const asked = { role: 'user', content, created_at: said.created_at };
      this.add(session.id, asked, { ...said, is_partial: said.outcome !== 'completed', model: options.model });
    }
  }
}

/** The pieces of an answer in OpenAI's chat dialect. */
async function* completion(response) {
  let isDone = false;
  for await (const { data } of events(response)) {
    if (data === '[DONE]') {
      yield { done: true };
      return;
    }
    let chunk;
    try {
      chunk = JSON.parse(data);
    } catch {
      continue;
    }
    if (chunk.error) {
      yield { failure: failureIn(data) };
      return;
    }
    const choice = chunk.choices?.[0];
    const delta = choice?.delta ?? {};
    const thought = delta.reasoning_content ?? delta.reasoning;
    if (typeof thought === 'string' && thought) yield { thought };
    if (typeof delta.content === 'string' && delta.content) yield { text: delta.content };
    if (typeof delta.refusal === 'string' && delta.refusal) yield { text: delta.refusal };
    for (const called of delta.tool_calls ?? []) {
      const words = `${called.function?.name ? `\n${called.function.name} ` : ''}${called.function?.arguments ?? ''}`;
      if (words) yield { text: words };
    }
    if (chunk.usage) yield { usage: chunk.usage };
    if (choice?.finish_reason) {
      isDone = true;
      yield { finish: choice.finish_reason };
    }
  }
  if (isDone) yield { done: true };
  else yield { failure: 'The answer was cut off.' };
}

/** The message of an error event: an object, a text, or neither. */
function failureIn(data) {
  try {
    const { error } = JSON.parse(data);
    return typeof error === 'string' ? error : (error?.message ?? data);
  } catch {
    return data;
  }
}
