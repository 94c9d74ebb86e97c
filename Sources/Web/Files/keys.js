// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

// Virtual keys, for the administrator. A new key is shown once, and kept nowhere.

import { announce, el, field, heading, notice, time } from './dom.js';
import { call, get, query, textOf } from './api.js';

const KEYS = '/admin/keys';

export function open(place) {
  const inputs = {
    name: el('input', { required: true, autocomplete: 'off', maxlength: 200 }),
    organization: el('input', { autocomplete: 'off' }), user: el('input', { autocomplete: 'off' }),
    models: el('input', { autocomplete: 'off', spellcheck: 'false' }), expires_in: el('input', { autocomplete: 'off', placeholder: '30d' }),
  };
  const made = el('div', { 'aria-live': 'polite' });
  const problem = el('div');
  const body = el('tbody');
  const more = el('button.quiet', { type: 'button', hidden: true, click: () => load(cursor) }, 'More');
  const form = el('form.filters', { submit: create },
    field('Name', inputs.name), field('Organisation', inputs.organization), field('User', inputs.user),
    field('Models', inputs.models, 'With commas between; empty for all'), field('Expires in', inputs.expires_in), el('button.primary', { type: 'submit' }, 'Create'));
  const table = el('table', {}, el('caption.unseen', {}, 'Keys'),
    el('thead', {}, el('tr', {}, ['Name', 'Key', 'Belongs to', 'Models', 'Created', 'State', ''].map((name) => el('th', { scope: 'col' }, name || el('span.unseen', {}, 'Revoke'))))), body);
  place.append(heading('Keys'), form, made, problem, el('div.scroll', { tabindex: 0, role: 'region', 'aria-label': 'Keys' }, table), more);
  let cursor = null;
  let isClosed = false;

  async function load(after) {
    try {
      const page = await get(query(KEYS, { limit: 100, cursor: after }));
      if (isClosed) return;
      if (!after) body.replaceChildren();
      body.append(...page.data.map(row));
      cursor = page.next_cursor;
      more.hidden = !cursor;
      problem.replaceChildren();
    } catch (error) {
      if (isClosed) return;
      form.hidden = true;
      table.hidden = true;
      problem.replaceChildren(notice(error.status === 404 ? 'This gateway has no virtual keys.' : textOf(error), error.status === 404 ? 'info' : 'error'));
    }
  }

  async function create(event) {
    event.preventDefault();
    const wanted = {};
    for (const [name, input] of Object.entries(inputs)) if (input.value.trim()) wanted[name] = input.value.trim();
    if (wanted.models) wanted.models = wanted.models.split(',').map((model) => model.trim()).filter(Boolean);
    try {
      const key = await call('POST', KEYS, wanted);
      made.replaceChildren(el('p.notice.good', { role: 'note' }, `The key of ${key.name}, which is shown only now: `, el('code.secret', {}, key.key)));
      form.reset();
      await load();
    } catch (error) {
      made.replaceChildren(notice(textOf(error), 'error'));
    }
  }

  function row(key) {
    const isOver = key.revoked_at || (key.expires_at && Date.parse(key.expires_at) < Date.now());
    const button = el('button.danger.small', { type: 'button', 'aria-label': `Revoke ${key.name}` }, 'Revoke');
    button.addEventListener('click', async () => {
      // A second click, so that no key is lost by a slip.
      if (button.dataset.armed !== 'true') {
        button.dataset.armed = 'true';
        button.textContent = 'Revoke now?';
        return;
      }
      try {
        await call('DELETE', `${KEYS}/${encodeURIComponent(key.id)}`);
        announce(`${key.name} is revoked.`);
        await load();
      } catch (error) {
        problem.replaceChildren(notice(textOf(error), 'error'));
      }
    });
    return el('tr', {}, el('th', { scope: 'row' }, key.name || '–'), el('td', {}, el('code', {}, key.hint)),
      el('td', {}, [key.organization, key.user].filter(Boolean).join(' / ') || '–', el('small', {}, key.role)),
      el('td', {}, key.models?.join(', ') ?? 'all'), el('td', {}, time(key.created_at)),
      el('td', {}, key.revoked_at ? `revoked ${time(key.revoked_at)}` : key.expires_at ? `expires ${time(key.expires_at)}` : 'good'),
      el('td', {}, isOver ? null : button));
  }

  load();
  return () => { isClosed = true; };
}
