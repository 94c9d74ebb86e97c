// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

// Which view is shown, the key, the colours. A view is `open(main) -> close()`.

import { announce, el, heading } from './dom.js';
import { kept, key, whenKeyIsWanted } from './api.js';
import { open as play } from './play.js';
import { open as live } from './live.js';
import { open as usage } from './usage.js';
import { open as audit } from './audit.js';
import { open as documents } from './documents.js';
import { open as keys } from './keys.js';

const views = {
  play: ['Playground', play],
  live: ['Live streams', live],
  usage: ['Usage', usage],
  audit: ['Audit', audit],
  documents: ['Documents', documents],
  keys: ['Keys', keys],
};
const main = document.getElementById('main');
let close = null;

/** Shows the view that the address names; the rest of the address is the view's own. */
function route(isFirst) {
  const [name, ...rest] = location.hash.replace(/^#\/?/, '').split('/');
  const [title, open] = views[name || 'play'] ?? ['Not found', lost];
  close?.();
  main.replaceChildren();
  document.title = `${title} · Sluice`;
  for (const link of document.querySelectorAll('#nav a')) {
    if (link.getAttribute('href') === `#/${name || 'play'}`) {
      link.setAttribute('aria-current', 'page');
      link.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    } else link.removeAttribute('aria-current');
  }
  close = open(main, rest.map(decode)) ?? null;
  if (isFirst !== true) {
    main.focus();
    announce(title);
  }
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function lost(place) {
  place.append(heading('Not found'), el('p', {}, 'There is no such view.'));
}

addEventListener('hashchange', route);
document.getElementById('skip').addEventListener('click', () => main.focus());

// Colours: the system's, unless somebody chose.
const themes = ['auto', 'light', 'dark'];
const themeButton = document.getElementById('theme-button');

function paint(theme) {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  themeButton.textContent = `Theme: ${theme}`;
}

themeButton.addEventListener('click', () => {
  const theme = themes[(themes.indexOf(kept.get('theme', 'auto')) + 1) % 3];
  kept.set('theme', theme);
  paint(theme);
});
paint(themes.includes(kept.get('theme', 'auto')) ? kept.get('theme', 'auto') : 'auto');

// The key.
const dialog = document.getElementById('key-dialog');
const input = document.getElementById('key-input');
const reason = document.getElementById('key-reason');
const plainReason = reason.textContent;

function askForKey(message) {
  reason.textContent = message ? `${message} ` : plainReason;
  if (message) reason.append('The key stays in this tab, and is never part of an address.');
  input.value = '';
  if (!dialog.open) dialog.showModal();
  input.focus();
}

function showKey() {
  document.getElementById('key-button').textContent = key.get() ? 'Key: set' : 'Key';
}

function useKey(value) {
  key.set(value.trim());
  input.value = '';
  showKey();
  dialog.close();
  route();
}

whenKeyIsWanted(askForKey);
document.getElementById('key-button').addEventListener('click', () => askForKey());
document.getElementById('key-cancel').addEventListener('click', () => dialog.close());
document.getElementById('key-forget').addEventListener('click', () => useKey(''));
document.getElementById('key-form').addEventListener('submit', (event) => {
  event.preventDefault();
  useKey(input.value);
});
showKey();
route(true);
