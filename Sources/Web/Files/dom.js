// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

// Makes elements and words for people. Text only ever becomes text nodes: nothing here, or in any other module, parses markup.

const PROPERTIES = new Set(['value', 'checked', 'disabled', 'hidden', 'open', 'selected', 'max']);

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null) continue;
    if (typeof value === 'function') node.addEventListener(name, value);
    else if (PROPERTIES.has(name)) node[name] = value;
    else if (value !== false) node.setAttribute(name, value === true ? '' : value);
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
  return node;
}

/** An element: `el('p.note', {id: 'x', click: () => {}}, 'text', node)`. Functions become listeners, strings text. */
export function el(kind, attributes, ...children) {
  const [tag, ...classes] = kind.split('.');
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(' ');
  return fill(node, attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

/** A labelled field. */
export function field(label, input, hint) {
  const id = input.id || (input.id = `field-${++fieldCount}`);
  const note = hint ? el('small', { id: `${id}-hint` }, hint) : null;
  if (note) input.setAttribute('aria-describedby', note.id);
  return el('div.field', {}, el('label', { for: id }, label), input, note);
}
let fieldCount = 0;

/** Says something to a screen reader, politely. */
export function announce(text) {
  document.getElementById('announcer').textContent = text;
}

/** The heading of a view. */
export function heading(title, ...more) {
  return el('div.heading', {}, el('h1', {}, title), ...more);
}

/** A message about what went wrong, or is to be known. */
export function notice(text, kind = 'info') {
  return el(`p.notice.${kind}`, { role: kind === 'error' ? 'alert' : 'note' }, text);
}

export const number = (value) => (value === null || value === undefined ? '–' : new Intl.NumberFormat('en').format(value));

/** Milliseconds in the unit that suits them. */
export function duration(ms) {
  if (ms === null || ms === undefined) return '–';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  return minutes < 60 ? `${minutes} min ${Math.floor((ms % 60_000) / 1000)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A time of day, with the date when it is another day's. Times come as RFC 3339, or in milliseconds since 1970. */
export function time(value) {
  if (value === null || value === undefined) return '–';
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) return String(value);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? date.toLocaleTimeString() : date.toLocaleString();
}

/** Bytes in the unit that suits them. */
export function bytes(value) {
  if (value === null || value === undefined) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let step = 0;
  while (value >= 1024 && step < 3) {
    value /= 1024;
    step += 1;
  }
  return `${step ? value.toFixed(1) : value} ${units[step]}`;
}

/** Where a text can be cut at `at` or just before it, without leaving half a character. */
export function edge(text, at) {
  const isHalf = at > 0 && at < text.length && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800 && (text.charCodeAt(at) & 0xfc00) === 0xdc00;
  return isHalf ? at - 1 : Math.min(at, text.length);
}

/** Hands content to the browser as a file to keep. */
export function save(name, content) {
  const url = URL.createObjectURL(content);
  el('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** At most one call in each animation frame; while the page is hidden frames do not come, and a timer stands in. */
export function paced(work) {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    const run = () => {
      isDue = false;
      work();
    };
    if (document.hidden) setTimeout(run, 200);
    else requestAnimationFrame(run);
  };
}
