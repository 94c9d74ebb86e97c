// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

// What was asked and answered, page by page, and one of them in full.

import { duration, edge, el, field, heading, notice, number, time } from './dom.js';
import { get, query, textOf } from './api.js';

const AUDIT = '/api/v1/audit';
const OUTCOMES = ['completed', 'client_disconnected', 'upstream_error', 'upstream_timeout', 'refused', 'cancelled'];
const milliseconds = (us) => (us === null || us === undefined ? null : us / 1000);

export function open(place, [id]) {
  return id ? show(place, id) : list(place);
}

function list(place) {
  const filters = {
    q: el('input', { type: 'search', autocomplete: 'off' }),
    model: el('input', { type: 'search', autocomplete: 'off' }),
    outcome: el('select', {}, el('option', { value: '' }, 'any'), OUTCOMES.map((name) => el('option', { value: name }, name))),
    from: el('input', { type: 'datetime-local' }),
  };
  const body = el('tbody');
  const table = el('table', {}, el('caption.unseen', {}, 'Requests, latest first'),
    el('thead', {}, el('tr', {}, ['Time', 'Model', 'Provider', 'Outcome', 'First token', 'Duration', 'Tokens', 'Caller'].map((name) => el('th', { scope: 'col' }, name)))), body);
  const empty = el('p.empty', { hidden: true }, 'There is no such request.');
  const more = el('button.quiet', { type: 'button', hidden: true, click: () => load(cursor) }, 'Older');
  const problem = el('div');
  place.append(heading('Audit'), el('form.filters', { submit: search },
    field('Text', filters.q), field('Model', filters.model), field('Outcome', filters.outcome), field('From', filters.from),
    el('button', { type: 'submit' }, 'Search')), problem, el('div.scroll', { tabindex: 0, role: 'region', 'aria-label': 'Requests' }, table), empty, more);
  let cursor = null;
  let turn = 0;

  function search(event) {
    event.preventDefault();
    load();
  }

  async function load(after) {
    const mine = ++turn;
    const parameters = { limit: 50, cursor: after };
    for (const [name, input] of Object.entries(filters)) parameters[name] = input.value.trim();
    if (parameters.from) parameters.from = new Date(parameters.from).toISOString();
    try {
      const page = await get(query(AUDIT, parameters));
      if (mine !== turn) return;
      problem.replaceChildren();
      if (!after) body.replaceChildren();
      body.append(...page.data.map(row));
      cursor = page.next_cursor;
      more.hidden = !cursor;
      empty.hidden = body.childElementCount > 0;
    } catch (error) {
      if (mine === turn) problem.replaceChildren(notice(error.status === 404 ? 'This gateway stores no audit.' : textOf(error), error.status === 404 ? 'info' : 'error'));
    }
  }

  load();
  return () => { turn += 1; };
}

function row(entry) {
  return el('tr', {},
    el('td', {}, el('a', { href: `#/audit/${encodeURIComponent(entry.id)}` }, time(entry.received_at))),
    el('td', {}, entry.requested_model || '–', el('small', {}, entry.door)),
    el('td', {}, entry.provider || '–', el('small', {}, entry.model !== entry.requested_model ? entry.model : '')),
    el('td', {}, el(`span.outcome.${OUTCOMES.includes(entry.outcome) ? entry.outcome : 'other'}`, {}, entry.outcome), el('small', {}, String(entry.status ?? ''))),
    el('td', {}, duration(milliseconds(entry.first_token_us))), el('td', {}, duration(milliseconds(entry.duration_us))),
    el('td', {}, `${number(entry.input_tokens)} → ${number(entry.output_tokens)}`),
    el('td', {}, entry.client, el('small', {}, [entry.organization, entry.user].filter(Boolean).join(' / '))));
}

function show(place, id) {
  const content = el('div');
  place.append(heading('Request', el('a', { href: '#/audit' }, 'All requests')), content);
  let isClosed = false;
  get(`${AUDIT}/${encodeURIComponent(id)}`).then((entry) => {
    if (!isClosed) content.append(facts(entry), ...texts(entry));
  }, (error) => content.append(notice(textOf(error), 'error')));
  return () => { isClosed = true; };
}

function facts(entry) {
  const rows = [
    ['Request', entry.request_id], ['Stream', entry.stream_id], ['Time', time(entry.received_at)], ['Door', entry.door],
    ['Caller', [entry.client, entry.organization, entry.user].filter(Boolean).join(' / ')],
    ['Model', entry.requested_model], ['Answered by', [entry.provider, entry.model].filter(Boolean).join(' / ')],
    ['Outcome', `${entry.outcome}, ${entry.status}`], ['Error', entry.error], ['Attempts', number(entry.attempts)],
    ['First token', duration(milliseconds(entry.first_token_us))], ['Duration', duration(milliseconds(entry.duration_us))],
    ['Tokens', `${number(entry.input_tokens)} in, ${number(entry.output_tokens)} out${entry.estimated ? ' (estimated)' : ''}`],
    ['Cost', entry.cost === null || entry.cost === undefined ? null : String(entry.cost)],
  ];
  return el('dl.facts', {}, rows.filter(([, value]) => value).map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))));
}

function texts(entry) {
  const parts = [
    ['Failed attempts', entry.failed_attempts], ['Request headers', entry.request_headers],
    [entry.request_truncated ? 'Request (cut)' : 'Request', entry.request],
    ['Response headers', entry.response_headers], ['Reasoning', entry.reasoning], ['Tool calls', entry.tool_calls], [entry.truncated ? 'Answer (cut)' : 'Answer', entry.response],
  ];
  return parts.filter(([, value]) => value).map(([name, value]) => el('section', {}, el('h2', {}, name), long(readable(value))));
}

/** JSON with its lines, other text as it is. */
function readable(value) {
  try {
    return JSON.stringify(typeof value === 'string' ? JSON.parse(value) : value, null, 2);
  } catch {
    return String(value);
  }
}

/** A text of any length: its beginning, and the rest a piece at a time. */
function long(text) {
  const step = 100_000;
  let at = edge(text, step);
  const box = el('pre', { tabindex: 0 }, text.slice(0, at));
  if (text.length <= at) return box;
  const button = el('button.quiet', { type: 'button' }, 'Show more');
  button.addEventListener('click', () => {
    const end = edge(text, at + step);
    box.append(text.slice(at, end));
    at = end;
    if (at >= text.length) button.remove();
  });
  return el('div', {}, box, button);
}
