// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

// What is under way, looked at once a second. A row stays the same element as long as its stream lives, so that focus stays too.

import { announce, duration, el, heading, notice, number, svg } from './dom.js';
import { call, get, query, textOf } from './api.js';
import { spark } from './chart.js';

const STREAMS = '/api/v1/streams';
const PAGE = 50;

export function open(place) {
  const rows = new Map();
  let shown = PAGE;
  let timer = 0;
  let isClosed = false;
  const summary = el('p.summary');
  const body = el('tbody');
  const table = el('table.live', {},
    el('caption.unseen', {}, 'Streams under way'),
    el('thead', {}, el('tr', {}, ['Model', 'Provider', 'Phase', 'Time', 'Tokens', 'Tokens/s', 'Pauses', 'Caller', ''].map((name) => el('th', { scope: 'col' }, name || el('span.unseen', {}, 'Cancel'))))), body);
  const empty = el('p.empty', { hidden: true }, 'Nothing is under way. Ask something in the playground, and look here.');
  const more = el('button.quiet', { type: 'button', hidden: true, click: () => { shown += PAGE; look(); } }, 'Show more');
  const problem = el('div');
  place.append(heading('Live streams', summary), problem, el('div.scroll', { tabindex: 0, role: 'region', 'aria-label': 'Streams under way' }, table), empty, more);

  async function cancel(id, button) {
    button.disabled = true;
    try {
      await call('DELETE', `${STREAMS}/${encodeURIComponent(id)}`);
      announce('Stream cancelled.');
    } catch (error) {
      button.disabled = false;
      if (error.status !== 404) problem.replaceChildren(notice(textOf(error), 'error'));
    }
    look();
  }

  async function look() {
    clearTimeout(timer);
    try {
      const { data, total } = await get(query(STREAMS, { limit: 1000 }));
      if (isClosed) return;
      problem.replaceChildren();
      draw(data, total);
    } catch (error) {
      if (isClosed) return;
      problem.replaceChildren(notice(textOf(error), 'error'));
    }
    clearTimeout(timer);
    timer = setTimeout(look, document.hidden ? 5000 : 1000);
  }

  function draw(streams, total) {
    const speed = streams.reduce((sum, stream) => sum + (stream.phase === 'streaming' ? stream.tokens_per_second ?? 0 : 0), 0);
    const paused = streams.filter((stream) => stream.paused).length;
    summary.textContent = `${number(total ?? streams.length)} under way · ${speed.toFixed(0)} tokens/s${paused ? ` · ${paused} paused` : ''}`;
    empty.hidden = streams.length > 0;
    table.hidden = streams.length === 0;
    more.hidden = streams.length <= shown;
    const visible = streams.slice(0, shown);
    const living = new Set(visible.map((stream) => stream.id));
    for (const [id, row] of rows) {
      if (living.has(id)) continue;
      row.node.remove();
      rows.delete(id);
    }
    visible.forEach((stream, index) => {
      let row = rows.get(stream.id);
      if (!row) rows.set(stream.id, (row = makeRow(stream, cancel)));
      row.update(stream);
      if (body.children[index] !== row.node) body.insertBefore(row.node, body.children[index] ?? null);
    });
  }

  look();
  return () => {
    isClosed = true;
    clearTimeout(timer);
  };
}

function makeRow(stream, cancel) {
  const speeds = [];
  let last = null;
  const cell = (kind = 'td') => el(kind);
  const [model, provider, phase, age, tokens, speed, pauses, caller] = Array.from({ length: 8 }, () => cell());
  // What is handed on unread has no model.
  const name = stream.model || stream.provider;
  const button = el('button.danger.small', { type: 'button', 'aria-label': `Cancel the stream of ${name}` }, 'Cancel');
  button.addEventListener('click', () => cancel(stream.id, button));
  const node = el('tr', { 'data-id': stream.id }, model, provider, phase, age, tokens, speed, pauses, caller, el('td', {}, button));
  model.append(el('strong', {}, name), el('small', {}, stream.door));
  caller.append(stream.caller, el('small', { title: stream.request_id }, stream.request_id.length > 14 ? `${stream.request_id.slice(0, 14)}…` : stream.request_id));
  return {
    node,
    update(now) {
      // Over the last second rather than since the start: that is what stalls show in.
      const rate = last && now.age_ms > last.age_ms ? ((now.output_tokens - last.output_tokens) * 1000) / (now.age_ms - last.age_ms) : now.tokens_per_second ?? 0;
      speeds.push(Math.max(0, rate));
      if (speeds.length > 40) speeds.shift();
      last = now;
      provider.replaceChildren(now.provider ?? '–', el('small', {}, now.upstream_model && now.upstream_model !== now.model ? now.upstream_model : '', now.attempts > 1 ? ` attempt ${now.attempts}` : ''));
      phase.replaceChildren(el(`span.phase.${now.paused ? 'paused' : now.phase}`, {}, now.paused ? 'paused' : now.phase), phases(now));
      age.textContent = duration(now.age_ms);
      tokens.textContent = number(now.output_tokens);
      speed.replaceChildren(now.tokens_per_second === null ? '–' : now.tokens_per_second.toFixed(1), spark(speeds));
      pauses.textContent = number(now.pauses);
    },
  };
}

/** Where the time to the first token went, as a bar with its words. */
function phases(stream) {
  const queue = stream.queue_ms ?? 0;
  const connect = stream.connect_ms ?? 0;
  const first = stream.first_token_ms;
  const wait = first === null ? Math.max(0, stream.age_ms - queue - connect) : Math.max(0, first - queue - connect);
  const total = Math.max(1, queue + connect + wait);
  const bar = svg('svg', { viewBox: '0 0 100 6', class: 'phases', preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  let x = 0;
  [['queue', queue], ['connect', connect], ['wait', wait]].forEach(([name, value]) => {
    const width = (value * 100) / total;
    bar.append(svg('rect', { x, y: 0, width, height: 6, class: name }));
    x += width;
  });
  const words = `queue ${duration(stream.queue_ms)}, connect ${duration(stream.connect_ms)}, first token ${duration(first)}`;
  return el('div.timing', {}, bar, el('small', {}, words));
}
