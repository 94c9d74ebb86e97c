// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

// The playground: a conversation with a model.

import { announce, edge, el, field, notice, save, time } from './dom.js';
import { get, kept, key, textOf } from './api.js';
import { findHistory } from './history.js';
import { Follower, Message, outcomeOf } from './message.js';

const FIRST = 'Tell me a story about a river.';
const SUGGESTIONS = [FIRST, 'Explain how a lock lifts a boat.', 'Write a haiku about latency.'];

/** A playground that was left while it was being answered, and with which key. */
let left = null;

export function open(place) {
  const earlier = left;
  left = null;
  if (earlier?.key === key.get()) return shown(earlier.view, place);
  earlier?.view.close();
  const view = new Playground();
  view.start();
  return shown(view, place);
}

/** Shows a view; when it is left amid an answer, the answer goes on out of sight. */
function shown(view, place) {
  const asked = key.get();
  place.append(...view.nodes);
  view.end.follow(true);
  return () => {
    if (view.current) left = { view, key: asked };
    else view.close();
  };
}

class Playground {
  history = null;
  session = null;
  current = null;
  listed = [];
  /** Counts what was chosen: what comes late for an earlier choice is not shown. */
  turn = 0;
  /** Fulfilled when the latest messages of the conversation are shown. */
  shown = null;
  isClosed = false;

  constructor() {
    const saved = kept.get('play', {});
    this.model = el('input', { list: 'models', value: saved.model ?? '', autocomplete: 'off', spellcheck: 'false', change: () => this.save() });
    this.models = el('datalist', { id: 'models' });
    this.system = el('textarea', { rows: 4, value: saved.system ?? '', change: () => this.save() });
    this.temperature = el('input', { type: 'number', min: 0, max: 2, step: 0.1, value: saved.temperature ?? '', inputmode: 'decimal', change: () => this.save() });
    this.maximum = el('input', { type: 'number', min: 1, step: 1, value: saved.maximum ?? '', inputmode: 'numeric', change: () => this.save() });
    this.markdown = el('input', { type: 'checkbox', checked: saved.markdown ?? true, change: () => this.save() });
    this.scrolls = el('input', { type: 'checkbox', checked: saved.scrolls ?? true, change: () => this.save() });
    this.sessions = el('ul.sessions', { 'aria-label': 'Conversations' });
    this.moreSessions = el('button.quiet', { type: 'button', hidden: true, click: () => this.listSessions(this.cursor) }, 'Older');
    this.saveButton = el('button.quiet', { type: 'button', hidden: true, click: () => this.saveConversation() }, 'Save as a file');
    this.notices = el('div.notices');
    this.log = el('div.log', { role: 'log', 'aria-label': 'Conversation', tabindex: 0 });
    const latest = el('button.latest', { type: 'button', hidden: true }, 'Latest ↓');
    this.end = new Follower(this.log, latest, () => this.scrolls.checked);
    this.text = el('textarea', { rows: 3, id: 'prompt', 'aria-label': 'Message', placeholder: 'Message', value: FIRST, keydown: (event) => this.pressed(event) });
    this.sendButton = el('button.primary', { type: 'submit' }, 'Send');
    this.stopButton = el('button.danger', { type: 'button', hidden: true, click: () => this.stop() }, 'Stop');
    const composer = el('form.composer', { submit: (event) => this.submitted(event) },
      this.text, el('div.row', {}, el('small', {}, 'Enter sends, Shift+Enter makes a new line'), this.sendButton, this.stopButton));
    const rail = this.drawer('Conversations', 'rail',
      el('button', { type: 'button', click: () => this.fresh() }, 'New conversation'), this.sessions, this.moreSessions, this.saveButton);
    const panel = this.drawer('Settings', 'panel',
      field('Model', this.model), this.models, field('System prompt', this.system),
      field('Temperature', this.temperature, 'Empty: the model’s own'), field('Most tokens', this.maximum),
      el('label.check', {}, this.markdown, 'Show Markdown'), el('label.check', {}, this.scrolls, 'Follow the answer'));
    this.nodes = [el('h1.unseen', {}, 'Playground'),
      el('div.play', {}, rail, el('section.stage', { 'aria-label': 'Conversation' }, this.notices, el('div.frame', {}, this.log, latest), composer), panel)];
  }

  /** A side panel: always open on a wide screen, behind its title on a narrow one. */
  drawer(title, kind, ...content) {
    const wide = matchMedia('(min-width: 60rem)');
    const node = el(`details.${kind}`, { open: wide.matches }, el('summary', {}, title), el('div.drawer', {}, content));
    wide.addEventListener('change', () => { node.open = wide.matches; });
    return node;
  }

  async start() {
    this.welcome();
    this.opened = Promise.all([this.listModels(), this.openHistory()]);
    await this.opened;
  }

  close() {
    this.isClosed = true;
    this.stop();
  }

  save() {
    kept.set('play', {
      model: this.model.value, system: this.system.value, temperature: this.temperature.value, maximum: this.maximum.value,
      markdown: this.markdown.checked, scrolls: this.scrolls.checked,
    });
  }

  async listModels() {
    try {
      const { data } = await get('/v1/models');
      this.models.replaceChildren(...data.slice(0, 1000).map((model) => el('option', { value: model.id })));
      const names = data.map((model) => model.id);
      if (!this.model.value) this.model.value = names.find((name) => name === 'sim/story') ?? names[0] ?? '';
    } catch (error) {
      this.say(textOf(error), 'error');
    }
  }

  async openHistory() {
    const { history, reason, isReady } = await findHistory();
    if (this.isClosed) return;
    this.history = history;
    if (reason) this.say(reason, isReady ? 'info' : 'error');
    if (!isReady) return;
    await this.listSessions();
    const last = kept.get('session', null);
    const found = this.listed.find((session) => session.id === last);
    if (found && !this.current && !this.session) await this.show(found);
  }

  say(text, kind) {
    this.notices.append(notice(text, kind));
  }

  welcome() {
    const chips = SUGGESTIONS.map((text) => el('button.chip', {
      type: 'button', click: () => {
        this.text.value = text;
        this.submit();
      },
    }, text));
    this.log.replaceChildren(el('div.welcome', {}, el('p', {}, 'Ask a model. The simulator answers without any key or provider.'), el('div.chips', {}, chips)));
  }

  // Conversations

  async listSessions(cursor) {
    let page;
    try {
      page = await this.history.list(cursor);
    } catch (error) {
      return this.say(textOf(error), 'error');
    }
    this.listed = cursor ? [...this.listed, ...page.data] : page.data;
    this.cursor = page.next_cursor;
    this.moreSessions.hidden = !this.cursor;
    this.drawSessions();
  }

  drawSessions() {
    this.saveButton.hidden = !(this.session && this.history?.isStored);
    this.sessions.replaceChildren(...this.listed.map((session) => el('li', {},
      el('button.session', { type: 'button', 'aria-current': session.id === this.session?.id ? 'true' : null, click: () => this.show(session) },
        el('span', {}, session.title || 'Untitled'), el('small', {}, time(session.last_message_at ?? session.updated_at ?? session.created_at))),
      el('button.quiet.small', { type: 'button', 'aria-label': `Delete ${session.title || 'conversation'}`, click: () => this.remove(session) }, '×'))));
  }

  async saveConversation() {
    const { id } = this.session;
    try {
      save(`${id}.json`, await this.history.file(id));
    } catch (error) {
      this.say(textOf(error), 'error');
    }
  }

  fresh() {
    this.stop();
    this.turn += 1;
    this.session = null;
    kept.set('session', null);
    this.welcome();
    this.drawSessions();
    this.text.focus();
  }

  async remove(session) {
    try {
      await this.history.remove(session.id);
    } catch (error) {
      return this.say(textOf(error), 'error');
    }
    if (this.session?.id === session.id) this.fresh();
    await this.listSessions();
  }

  async show(session) {
    this.stop();
    const mine = ++this.turn;
    this.session = session;
    kept.set('session', session.id);
    if (session.model) this.model.value = session.model;
    // Also when it has none: that of another conversation is not to go with it.
    this.system.value = session.system ?? '';
    this.drawSessions();
    this.log.replaceChildren();
    const place = el('div.rest');
    this.log.append(place);
    this.shown = this.page(session, mine, undefined, place);
    await this.shown;
    if (mine === this.turn) this.end.follow(true);
  }

  /** Puts a page of messages behind `place`, which stands for the earlier ones that are not shown yet. */
  async page(session, mine, cursor, place) {
    let page;
    try {
      page = await this.history.messages(session.id, cursor);
    } catch (error) {
      if (mine === this.turn) place.replaceChildren(notice(textOf(error), 'error'), this.earlierButton(session, mine, cursor, place));
      return;
    }
    if (mine !== this.turn) return;
    const below = this.log.scrollHeight - this.log.scrollTop;
    for (const said of page.data) {
      const message = this.message(said.role, said.model);
      // The latest comes first, so that each goes before those that were put there.
      place.after(message.node);
      message.append(said.content ?? '');
      if (said.role !== 'assistant') {
        message.layOut();
        continue;
      }
      message.end(outcomeOf(said), said.error);
      message.measure({ provider: said.provider, model: said.model, tokens: said.output_tokens, isEstimated: said.is_estimated });
    }
    if (page.next_cursor) place.replaceChildren(this.earlierButton(session, mine, page.next_cursor, place));
    else place.remove();
    // What was looked at stays where it is.
    if (cursor) this.log.scrollTop = this.log.scrollHeight - below;
  }

  earlierButton(session, mine, cursor, place) {
    const earlier = el('button.quiet', { type: 'button' }, cursor ? 'Earlier messages' : 'Try again');
    earlier.addEventListener('click', () => {
      if (cursor) {
        earlier.disabled = true;
        this.page(session, mine, cursor, place);
      } else if (this.current) {
        // What is being said now would be taken away.
        announce('Wait for the answer.');
      } else {
        this.show(session);
      }
    });
    return earlier;
  }

  message(role, model) {
    const name = role === 'user' ? 'You' : role === 'assistant' ? model || this.session?.model || 'Answer' : role;
    return new Message(role, name, !this.markdown.checked);
  }

  /** A message said here, at the end. */
  add(role, model) {
    const message = this.message(role, model);
    this.log.append(message.node);
    return message;
  }

  // Asking

  pressed(event) {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.submit();
  }

  submitted(event) {
    event.preventDefault();
    this.submit();
  }

  async submit() {
    const content = this.text.value.trim();
    if (!content || this.current) return;
    const controller = new AbortController();
    this.current = controller;
    this.busy(true);
    // Who is quicker than the lists is not ignored.
    await this.opened;
    await this.shown;
    const isStopped = controller.signal.aborted;
    if (isStopped || !this.model.value.trim()) {
      this.current = null;
      this.busy(false);
      if (!isStopped) this.say('Choose a model first.', 'error');
      return;
    }
    this.save();
    this.log.querySelector('.welcome')?.remove();
    this.notices.querySelectorAll('.error').forEach((node) => node.remove());
    this.text.value = '';
    const question = this.add('user');
    question.append(content);
    question.layOut();
    const answer = this.add('assistant', this.model.value.trim());
    answer.isStreaming = true;
    this.end.follow(true);
    announce('Asking.');
    try {
      const session = await this.ready(content, controller.signal);
      await this.read(session, answer, content, controller.signal);
    } catch (error) {
      if (error.name === 'AbortError') answer.end('stopped');
      else answer.end('failed', textOf(error));
      announce(error.name === 'AbortError' ? 'Stopped.' : '');
      if (error.status === 401) this.text.value = content;
    }
    this.busy(false);
    this.current = null;
    this.end.follow();
    if (!this.isClosed) await this.listSessions();
  }

  /** Makes the conversation with its first message, and tells the gateway of another model or system prompt. */
  async ready(content, signal) {
    const [model, system] = [this.model.value.trim(), this.system.value.trim()];
    const { session } = this;
    if (session) {
      if (session.model !== model || (session.system ?? '') !== system) {
        Object.assign(session, await this.history.update(session.id, { model, system }), { model, system });
      }
      signal.throwIfAborted();
      return session;
    }
    const title = content.length > 60 ? `${content.slice(0, edge(content, 57))}…` : content;
    const made = await this.history.create({ title, model, system });
    if (signal.aborted) {
      // Stopped, or another one was chosen meanwhile: nothing was said in this one.
      await this.history.remove(made.id).catch(() => {});
      signal.throwIfAborted();
    }
    this.session = made;
    kept.set('session', made.id);
    return made;
  }

  async read(session, answer, content, signal) {
    const limits = {};
    if (this.temperature.value !== '') limits.temperature = Number(this.temperature.value);
    if (this.maximum.value !== '') limits.max_tokens = Number(this.maximum.value);
    const options = { model: this.model.value.trim(), system: this.system.value.trim(), limits };
    const begun = performance.now();
    const facts = { tokens: 0, isEstimated: true };
    let finish = null;
    for await (const piece of this.history.answer(session, content, options, signal)) {
      if (piece.head) {
        facts.provider = piece.head.get('x-sluice-provider');
        facts.model = piece.head.get('x-sluice-model');
      }
      if (piece.text || piece.thought) {
        facts.first ??= performance.now() - begun;
        facts.total = performance.now() - begun;
        if (facts.isEstimated) facts.tokens += 1;
      }
      if (piece.thought) answer.think(piece.thought);
      if (piece.text) answer.append(piece.text);
      if (piece.details) {
        const { provider, model, output_tokens: tokens, is_estimated: isEstimated } = piece.details;
        Object.assign(facts, { provider, model, tokens, isEstimated });
      }
      if (piece.usage?.completion_tokens) Object.assign(facts, { tokens: piece.usage.completion_tokens, isEstimated: false });
      if (piece.finish) finish = piece.finish;
      this.end.follow();
      if (piece.failure) {
        answer.end('failed', piece.failure);
        return answer.measure(facts);
      }
    }
    answer.end('completed', finish === 'length' ? 'The answer reached its most tokens.' : null);
    answer.measure(facts);
    announce('The answer is complete.');
  }

  stop() {
    this.current?.abort();
  }

  busy(isBusy) {
    this.log.setAttribute('aria-busy', String(isBusy));
    const hadFocus = document.activeElement === this.stopButton || document.activeElement === this.sendButton;
    this.sendButton.hidden = isBusy;
    this.stopButton.hidden = !isBusy;
    if (hadFocus) (isBusy ? this.stopButton : this.text).focus();
  }
}
