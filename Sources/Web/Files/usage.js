// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

// Tokens and cost, by day and by what one wants to know.

import { bars } from './chart.js';
import { el, field, heading, notice, number } from './dom.js';
import { get, query, textOf } from './api.js';

const DAY = 86_400_000;
const MEASURES = {
  tokens: ['Tokens', (row) => [row.input_tokens ?? 0, row.output_tokens ?? 0], ['input', 'output']],
  requests: ['Requests', (row) => [row.requests ?? 0], ['requests']],
  cost: ['Cost', (row) => [Number(row.cost ?? 0)], ['cost']],
};

export function open(place) {
  const days = el('select', {}, [[7, '7 days'], [30, '30 days'], [90, '90 days']].map(([value, text]) => el('option', { value }, text)));
  const group = el('select', {}, ['model', 'provider', 'key', 'organization', 'user'].map((name) => el('option', { value: name }, name)));
  const measure = el('select', {}, Object.entries(MEASURES).map(([value, [text]]) => el('option', { value }, text)));
  const results = el('div', { 'aria-live': 'polite' });
  place.append(heading('Usage'), el('form.filters', { submit: (event) => event.preventDefault() },
    field('Period', days), field('Measure', measure), field('By', group)), results);
  let turn = 0;

  async function load() {
    const mine = ++turn;
    const from = new Date(Date.now() - (Number(days.value) - 1) * DAY).toISOString().slice(0, 10);
    results.setAttribute('aria-busy', 'true');
    try {
      const since = `${from}T00:00:00Z`;
      const [byDay, byGroup] = await Promise.all([
        get(query('/api/v1/usage', { group_by: 'day', from: since })),
        get(query('/api/v1/usage', { group_by: group.value, from: since })),
      ]);
      if (mine === turn) draw(byDay.data, byGroup.data, from);
    } catch (error) {
      if (mine === turn) results.replaceChildren(notice(error.status === 404 ? 'This gateway stores no usage.' : textOf(error), error.status === 404 ? 'info' : 'error'));
    }
    results.removeAttribute('aria-busy');
  }

  function draw(byDay, byGroup, from) {
    const [title, values, series] = MEASURES[measure.value];
    const known = new Map(byDay.map((row) => [row.day, row]));
    const rows = Array.from({ length: Number(days.value) }, (_, index) => {
      const day = new Date(Date.parse(from) + index * DAY).toISOString().slice(0, 10);
      return { label: day.slice(5), values: values(known.get(day) ?? {}) };
    });
    const total = byDay.reduce((sum, row) => {
      for (const name of ['requests', 'input_tokens', 'output_tokens', 'unpriced']) sum[name] += row[name] ?? 0;
      sum.cost += Number(row.cost ?? 0);
      return sum;
    }, { requests: 0, input_tokens: 0, output_tokens: 0, unpriced: 0, cost: 0 });
    const tiles = [['Requests', number(total.requests)], ['Input tokens', number(total.input_tokens)], ['Output tokens', number(total.output_tokens)], ['Cost', money(total.cost)]];
    const top = [...byGroup].sort((one, other) => sum(values(other)) - sum(values(one)));
    results.replaceChildren(
      el('dl.tiles', {}, tiles.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value)))),
      bars(`${title} by day`, rows, series), table(top.slice(0, 200), group.value),
      ...(total.unpriced ? [el('p.note', {}, `${number(total.unpriced)} requests were to models without a price, and are not in the cost.`)] : []),
      ...(top.length > 200 ? [el('p.note', {}, `The 200 largest of ${number(top.length)} are shown.`)] : []),
    );
  }

  for (const input of [days, group, measure]) input.addEventListener('change', load);
  load();
  return () => { turn += 1; };
}

const sum = (values) => values.reduce((all, value) => all + value, 0);
const money = (value) => new Intl.NumberFormat('en', { maximumFractionDigits: value < 1 ? 6 : 2 }).format(value);

function table(rows, name) {
  if (!rows.length) return el('p.empty', {}, 'Nothing was asked in this time.');
  const columns = [['requests', 'Requests'], ['input_tokens', 'Input'], ['cached_tokens', 'Cached'], ['output_tokens', 'Output'], ['reasoning_tokens', 'Reasoning']];
  return el('div.scroll', { tabindex: 0, role: 'region', 'aria-label': `Usage by ${name}` }, el('table', {}, el('caption.unseen', {}, `Usage by ${name}`),
    el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, name), columns.map(([, title]) => el('th.number', { scope: 'col' }, title)), el('th.number', { scope: 'col' }, 'Cost'))),
    el('tbody', {}, rows.map((row) => el('tr', {}, el('th', { scope: 'row' }, row[name] || '(none)'),
      columns.map(([member]) => el('td.number', {}, number(row[member]))), el('td.number', {}, money(Number(row.cost ?? 0))))))));
}
