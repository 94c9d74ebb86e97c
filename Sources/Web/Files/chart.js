// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

// Charts drawn by hand in SVG. Each is a picture with a name; the table beside it says the same in numbers.

import { el, number, svg } from './dom.js';

const WIDTH = 720;
const HEIGHT = 220;
const LEFT = 56;
const BOTTOM = 28;

/** A round number a little above the largest. */
function ceiling(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((step) => step >= value);
}

const short = (value) => new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 2 }).format(value);

/**
 * Stacked bars: `rows` are `{label, values: [number]}`, `series` the names of the values.
 */
export function bars(title, rows, series) {
  const top = ceiling(Math.max(0, ...rows.map((row) => row.values.reduce((sum, value) => sum + value, 0))));
  const plot = HEIGHT - BOTTOM - 10;
  const step = (WIDTH - LEFT) / Math.max(1, rows.length);
  const width = Math.min(48, step * 0.7);
  const y = (value) => 10 + plot * (1 - value / top);
  const picture = svg('svg', {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: 'chart', role: 'img',
    'aria-label': `${title}: ${rows.length} columns, at most ${number(top)}`,
  });
  for (let line = 0; line <= 4; line += 1) {
    const value = (top * line) / 4;
    picture.append(
      svg('line', { x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value), class: line ? 'grid' : 'axis' }),
      svg('text', { x: LEFT - 8, y: y(value) + 4, class: 'tick end' }, short(value)),
    );
  }
  const every = Math.ceil(rows.length / 10);
  rows.forEach((row, index) => {
    const x = LEFT + step * index + (step - width) / 2;
    let sum = 0;
    row.values.forEach((value, which) => {
      if (!(value > 0)) return;
      const bar = svg('rect', {
        x, y: y(sum + value), width, height: Math.max(1, y(sum) - y(sum + value)), class: `series s${which % 6}`,
      });
      bar.append(svg('title', {}, `${row.label}, ${series[which]}: ${number(value)}`));
      picture.append(bar);
      sum += value;
    });
    if (index % every === 0) {
      picture.append(svg('text', { x: x + width / 2, y: HEIGHT - 8, class: 'tick middle' }, row.label));
    }
  });
  return el('figure.plot', {}, el('figcaption', {}, title), picture, legend(series));
}

function legend(series) {
  if (series.length < 2) return null;
  return el('ul.legend', {}, series.map((name, index) => el('li', {}, el(`span.swatch.s${index % 6}`), name)));
}

/** A line of the latest values, for a cell of a table. */
export function spark(values) {
  const top = Math.max(1, ...values);
  const points = values.map((value, index) => `${(index * 80) / Math.max(1, values.length - 1)},${18 - (value / top) * 16}`);
  return svg('svg', { viewBox: '0 0 80 20', class: 'spark', 'aria-hidden': 'true' }, svg('polyline', { points: points.join(' ') }));
}
