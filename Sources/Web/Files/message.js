// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

// One message of a conversation on the page. What is complete is laid out once; only the tail is made anew as it grows.

import { blocks, cut } from './markdown.js';
import { duration, edge, el, number, paced } from './dom.js';

/** Characters that are laid out at once; the rest waits for a click, so that no message is too long for the page. */
const SHOWN = 100_000;

/** A message; `isPlain` shows an answer as it came, without Markdown. */
export class Message {
  constructor(role, name, isPlain) {
    this.role = role;
    this.isPlain = isPlain || role !== 'assistant';
    this.text = '';
    this.thoughts = '';
    this.laid = 0;
    this.done = el('div.blocks');
    this.tail = el('div.blocks');
    this.footer = el('footer');
    this.cursor = el('span.cursor', { 'aria-hidden': 'true' });
    this.body = el('div.body', {}, this.done, this.tail);
    this.title = el('h2', {}, name);
    this.node = el(`article.message.${role}`, {}, this.title, this.body, this.footer);
    this.draw = paced(() => this.layOut());
  }

  /** Shows the cursor until the answer ends. */
  set isStreaming(value) {
    this.node.classList.toggle('streaming', value);
    this.layOut();
  }

  append(text) {
    this.text += text;
    this.draw();
  }

  /** Adds to what a model thought before it spoke. */
  think(text) {
    this.thoughts += text;
    if (!this.thinking) {
      this.thinking = el('div.thoughts');
      this.body.before(el('details.thinking', {}, el('summary', {}, 'Reasoning'), this.thinking));
    }
    if (this.thoughts.length <= SHOWN) this.thinking.append(text);
  }

  layOut() {
    const shown = edge(this.text, SHOWN);
    if (this.isPlain) {
      if (shown > this.laid) this.done.append(this.text.slice(this.laid, shown));
      this.done.classList.add('plain');
      this.laid = shown;
      this.tail.replaceChildren();
    } else {
      const rest = this.text.slice(this.laid, shown);
      const end = cut(rest);
      if (end) {
        this.done.append(...blocks(rest.slice(0, end)));
        this.laid += end;
      }
      this.tail.replaceChildren(...blocks(rest.slice(end)));
    }
    if (this.node.classList.contains('streaming')) {
      const last = this.tail.lastElementChild ?? (this.isPlain ? this.done : this.tail);
      // Where the text goes on: in the last item of a list, inside of code.
      const inner = last.matches('ul, ol') ? [...last.querySelectorAll('li')].pop() : last.matches('pre') ? last.firstChild : last;
      inner.append(this.cursor);
    }
    if (this.text.length > shown && !this.more) this.offerRest();
  }

  offerRest() {
    const button = el('button.quiet', { type: 'button' });
    const label = () => {
      button.textContent = `Show ${number(Math.min(SHOWN, this.text.length - at))} more of ${number(this.text.length)} characters`;
    };
    let at = edge(this.text, SHOWN);
    button.addEventListener('click', () => {
      const end = edge(this.text, at + SHOWN);
      this.more.before(el('div.blocks.plain', {}, this.text.slice(at, end)));
      at = end;
      if (at >= this.text.length) this.more.remove();
      else label();
    });
    label();
    this.more = el('p', {}, button);
    this.body.append(this.more);
  }

  /** Says how the answer ended: a readable message for a failure. */
  end(outcome, detail) {
    this.isStreaming = false;
    this.cursor.remove();
    if (outcome === 'failed') this.footer.append(el('p.notice.error', { role: 'alert' }, detail || 'The answer failed.'));
    else if (outcome === 'stopped') this.footer.append(el('p.note', {}, 'Stopped.'));
    else if (detail) this.footer.append(el('p.note', {}, detail));
    if (!this.text) return;
    const copy = el('button.quiet.small', { type: 'button' }, 'Copy');
    copy.addEventListener('click', async () => {
      try {
        await navigator.clipboard.writeText(this.text);
        copy.textContent = 'Copied';
      } catch {
        copy.textContent = 'Not allowed';
      }
    });
    this.footer.append(copy);
  }

  /** Who answered, and how fast. */
  measure({ provider, model, first, total, tokens, isEstimated }) {
    const facts = [];
    if (provider) facts.push(model && model !== provider ? `${provider} / ${model}` : provider);
    if (first !== undefined) facts.push(`first token ${duration(first)}`);
    if (tokens) facts.push(`${isEstimated ? '~' : ''}${number(tokens)} tokens`);
    const streamed = (total - first) / 1000;
    if (tokens > 1 && streamed > 0.05) facts.push(`${(tokens / streamed).toFixed(1)} tokens/s`);
    if (facts.length) this.footer.prepend(el('p.facts', {}, facts.join(' · ')));
  }
}

/** How a stored message ended, in the words of the page. */
export function outcomeOf({ outcome, is_partial: isPartial }) {
  if (outcome === 'cancelled' || outcome === 'client_disconnected') return 'stopped';
  if (outcome && outcome !== 'completed') return 'failed';
  return isPartial ? 'stopped' : 'completed';
}

/** Keeps the end of a log in sight, until somebody scrolls up; `latest` is the button that leads back. */
export class Follower {
  follows = true;
  #top = 0;
  #isDue = false;

  constructor(log, latest, isWanted) {
    Object.assign(this, { log, latest, isWanted });
    log.addEventListener('scroll', () => {
      this.follows = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
      latest.hidden = this.follows;
    });
    latest.addEventListener('click', () => this.follow(true));
  }

  follow(always = false) {
    if (always) this.follows = true;
    if (!(always || (this.follows && this.isWanted())) || this.#isDue) return;
    // After the message has been laid out, which has its own frame.
    this.#isDue = true;
    setTimeout(() => {
      this.#isDue = false;
      const { scrollTop, scrollHeight, clientHeight } = this.log;
      // Above where it was left, and not because the text got shorter: somebody reads there.
      if (!always && scrollTop < this.#top - 4 && scrollHeight - scrollTop - clientHeight > 40) return;
      this.log.scrollTop = scrollHeight;
      this.#top = this.log.scrollTop;
    }, 34);
  }
}
