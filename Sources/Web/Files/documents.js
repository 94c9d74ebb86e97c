// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

// Documents: one is handed in, and what is extracted from it comes with its progress.

import { announce, bytes, edge, el, field, heading, notice, number, save, time } from './dom.js';
import { ApiError, call, get, kept, key, query, send, textOf } from './api.js';
import { events } from './sse.js';

const DOCUMENTS = '/api/v1/documents';
/** The most characters of a schema in an address. */
const SCHEMA = 2048;
const path = (id) => `${DOCUMENTS}/${encodeURIComponent(id)}`;

export function open(place) {
  const view = new Documents(place);
  view.load();
  view.listModels();
  return () => view.close();
}

class Documents {
  isClosed = false;
  cursor = null;
  turn = 0;
  watching = new Map();

  constructor(place) {
    this.file = el('input', { type: 'file', id: 'file' });
    this.model = el('input', { list: 'document-models', value: kept.get('documents', {}).model ?? '', autocomplete: 'off', spellcheck: 'false' });
    this.models = el('datalist', { id: 'document-models' });
    this.schema = el('textarea', { rows: 3, spellcheck: 'false', placeholder: '{"type": "object", …}' });
    this.jobs = el('div.jobs');
    this.problem = el('div');
    this.body = el('tbody');
    this.more = el('button.quiet', { type: 'button', hidden: true, click: () => this.load(this.cursor) }, 'Older');
    this.form = el('form.filters', { submit: (event) => this.submitted(event), dragover: (event) => event.preventDefault(), drop: (event) => this.dropped(event) },
      field('Document', this.file, 'Text, Markdown, HTML or PDF; it may be dropped here'), field('Model', this.model, 'Empty: the gateway’s own'), this.models,
      field('JSON schema', this.schema, 'Empty: the gateway’s own'), el('button.primary', { type: 'submit' }, 'Extract'));
    this.table = el('table', {}, el('caption.unseen', {}, 'Documents'),
      el('thead', {}, el('tr', {}, ['Name', 'Type', 'Size', 'State', 'Created', ''].map((name) => el('th', { scope: 'col' }, name || el('span.unseen', {}, 'Actions'))))), this.body);
    this.result = el('section.result', { 'aria-live': 'polite' });
    place.append(heading('Documents'), this.form, this.problem, this.jobs,
      el('div.scroll', { tabindex: 0, role: 'region', 'aria-label': 'Documents' }, this.table), this.more, this.result);
  }

  close() {
    this.isClosed = true;
    // The extractions go on; only the looking at them ends.
    for (const controller of this.watching.values()) controller.abort();
  }

  async listModels() {
    try {
      const { data } = await get('/v1/models');
      this.models.replaceChildren(...data.slice(0, 1000).map((model) => el('option', { value: model.id })));
    } catch {
      // The list of documents tells the same trouble.
    }
  }

  async load(after) {
    const mine = ++this.turn;
    try {
      const page = await get(query(DOCUMENTS, { limit: 50, cursor: after }));
      if (this.isClosed || mine !== this.turn) return;
      if (!after) this.body.replaceChildren();
      this.body.append(...page.data.map((entry) => this.row(entry)));
      this.cursor = page.next_cursor;
      this.more.hidden = !this.cursor;
    } catch (error) {
      if (this.isClosed) return;
      const isNone = error.status === 404 || error.code === 'storage_unavailable';
      this.form.hidden = this.table.hidden = isNone;
      this.problem.replaceChildren(notice(isNone ? 'This gateway keeps no documents at present.' : textOf(error), isNone ? 'info' : 'error'));
    }
  }

  row(entry) {
    const button = (text, work) => el('button.quiet.small', { type: 'button', 'aria-label': `${text} ${entry.name}`, click: work }, text);
    const isRunning = entry.status === 'extracting';
    return el('tr', {}, el('th', { scope: 'row' }, entry.name), el('td', {}, entry.media_type), el('td', {}, bytes(entry.bytes)),
      el('td', {}, entry.status, el('small', {}, entry.error ?? '')), el('td', {}, time(entry.created_at)),
      el('td', {}, button(isRunning ? 'Watch' : 'Extract', () => !this.watching.has(entry.id) && this.extract(entry, this.job(entry.name))), button('Result', () => this.show(entry)), button('Delete', () => this.remove(entry))));
  }

  async show(entry) {
    try {
      this.tell(entry.name, await get(path(entry.id)));
    } catch (error) {
      this.problem.replaceChildren(notice(textOf(error), 'error'));
    }
  }

  /** Shows a result, and what is not right about it. */
  tell(name, told) {
    const { result } = told;
    if (result === undefined || result === null) return this.result.replaceChildren(el('h2', {}, name), el('p.empty', {}, 'There is no result yet.'));
    const text = JSON.stringify(result, null, 2);
    this.result.replaceChildren(
      el('div.heading', {}, el('h2', {}, name), el('button.quiet.small', { type: 'button', click: () => save(`${name}.json`, new Blob([text], { type: 'application/json' })) }, 'Save')),
      ...doubts(told).map((doubt) => notice(doubt, 'warning')), el('pre', { tabindex: 0, 'aria-label': `Result of ${name}` }, text.slice(0, edge(text, 200_000))));
  }

  async remove(entry) {
    try {
      await call('DELETE', path(entry.id));
    } catch (error) {
      this.problem.replaceChildren(notice(textOf(error), 'error'));
    }
    await this.load();
  }

  submitted(event) {
    event.preventDefault();
    if (this.file.files[0]) this.take(this.file.files[0]);
    else this.file.focus();
  }

  dropped(event) {
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file) this.take(file);
  }

  /** A bar with its words and a button that stops. */
  job(name) {
    const bar = el('progress', { max: 100, value: 0, 'aria-label': `Progress of ${name}` });
    const percent = el('output', {}, '0 %');
    const words = el('small', {}, 'Starting');
    const stop = el('button.danger.small', { type: 'button' }, 'Cancel');
    const node = el('div.job', {}, el('strong', {}, name), el('div.row', {}, bar, percent, stop), words);
    this.jobs.prepend(node);
    const controller = new AbortController();
    const job = {
      signal: controller.signal, controller, stop,
      step(value, text) {
        const now = Math.max(0, Math.min(100, Number(value) || 0));
        bar.value = now;
        percent.textContent = `${Math.round(now)} %`;
        if (text) words.textContent = text;
      },
      end(text, kind) {
        stop.hidden = true;
        words.replaceWith(notice(text, kind));
        announce(`${name}: ${text}`);
      },
    };
    stop.addEventListener('click', async () => {
      stop.disabled = true;
      // What goes on without this page has to be told; what has ended meanwhile has not.
      if (job.id) await call('POST', `${path(job.id)}/cancel`, undefined, { quiet: true }).catch(() => {});
      controller.abort();
    });
    return job;
  }

  async take(file) {
    kept.set('documents', { model: this.model.value });
    this.problem.replaceChildren();
    const job = this.job(file.name);
    try {
      job.step(0, 'Uploading');
      const entry = await upload(file, this.schema.value.trim(), job.signal, (part) => job.step(0, `Uploading, ${Math.round(part * 100)} %`));
      this.file.value = '';
      await this.load();
      await this.extract(entry, job, true);
    } catch (error) {
      job.end(error.name === 'AbortError' ? 'Cancelled.' : textOf(error), error.name === 'AbortError' ? 'info' : 'error');
    }
  }

  /** Begins an extraction, or looks at the one that is under way. A document handed in just now has its schema with it. */
  async extract(entry, job, isNew = false) {
    // Another schema would begin anew what is only to be looked at.
    const schema = isNew || entry.status === 'extracting' ? '' : this.schema.value.trim();
    if (new URLSearchParams({ schema }).toString().length > SCHEMA) {
      return job.end('The schema is too long for a document that is stored already. Hand the document in again with it.', 'error');
    }
    this.watching.set(entry.id, job.controller);
    job.id = entry.id;
    try {
      const address = query(`${path(entry.id)}/extract-stream`, {
        model: this.model.value.trim(), schema, restart: entry.status === 'done' || null,
      });
      const response = await send('GET', address, { accept: 'text/event-stream', signal: job.signal });
      let isSeen = false;
      let isOver = false;
      for await (const { event, data } of events(response)) {
        const told = parsed(data);
        if (event === 'progress') {
          // It is under way: the list has to say so.
          if (!isSeen) this.load();
          isSeen = true;
          job.step(told.percent, told.message || told.stage);
        } else if (event === 'error') {
          isOver = true;
          if (told.code === 'cancelled') job.end('Cancelled.', 'info');
          else job.end(told.error ?? data, 'error');
        } else if (event === 'done') {
          isOver = true;
          job.step(100);
          const gaps = doubts(told);
          job.end(gaps.length ? `Done, but not as asked. ${gaps.join(' ')}` : 'Done.', gaps.length ? 'warning' : 'good');
          this.tell(entry.name, told);
        }
      }
      if (!isOver) throw new ApiError(0, 'The connection was cut; the extraction goes on.');
    } catch (error) {
      job.end(error.name === 'AbortError' ? 'Cancelled.' : textOf(error), error.name === 'AbortError' ? 'info' : 'error');
    }
    this.watching.delete(entry.id);
    if (!this.isClosed) await this.load();
  }
}

/** What is not right about a result. */
function doubts({ complete, chunks, problems }) {
  const failed = (chunks ?? []).filter((chunk) => chunk.status === 'failed');
  const found = [];
  if (complete === false) found.push(`${number(failed.length)} of ${number(chunks?.length ?? 0)} parts failed: ${failed[0]?.error ?? 'no reason is known'}`);
  if (problems?.length) found.push(`The result does not keep its schema: ${problems.slice(0, 5).join('; ')}`);
  return found;
}

function parsed(data) {
  try {
    return JSON.parse(data) ?? {};
  } catch {
    return { message: data };
  }
}

/** Hands a file in; fetch cannot tell how far it has come, XMLHttpRequest can. */
function upload(file, schema, signal, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    if (schema) form.append('schema', schema);
    form.append('file', file);
    request.open('POST', DOCUMENTS);
    if (key.get()) request.setRequestHeader('Authorization', `Bearer ${key.get()}`);
    request.responseType = 'json';
    request.upload.addEventListener('progress', (event) => event.lengthComputable && progress(event.loaded / event.total));
    request.addEventListener('load', () => {
      const { status, response } = request;
      if (status < 300 && response) resolve(response);
      else reject(new ApiError(status, response?.error?.message ?? response?.error ?? `The gateway answered ${status}.`, response?.error?.code, request.getResponseHeader('x-request-id')));
    });
    request.addEventListener('error', () => reject(new ApiError(0, 'The gateway cannot be reached.')));
    request.addEventListener('abort', () => reject(new DOMException('stopped', 'AbortError')));
    signal.addEventListener('abort', () => request.abort());
    request.send(form);
  });
}
