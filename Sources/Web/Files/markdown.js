// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

// A small and safe part of Markdown, made of elements: headings, lists, quotes, code, bold, italic, links. What models say is
// never parsed as HTML, links lead to http and https only, and there are no images, which would tell their host who reads.

import { el } from './dom.js';

/** A run of backticks, or another mark; none looks far for its end where many begin. */
const INLINE = /(`+)|\*\*(?=\S)([^*\n]{0,2000}?\S)\*\*|(?<![\w*])[*_](?=[^\s*_])([^*_\n]{0,2000}?)(?<=\S)[*_](?![\w*])|\[([^[\]\n]{1,500})\]\(([^()\s]{1,2000})\)|(https?:\/\/[^\s<>"'`)\]]{1,2000})/gu;
/** The most marks in one text; what follows stays plain, so that no text takes long. */
const MARKS = 2000;

/** An address if it is one of the web's, else nothing. */
export function webAddress(text) {
  try {
    const url = new URL(text);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : null;
  } catch {
    return null;
  }
}

function link(text, target) {
  const href = webAddress(target);
  return href ? el('a', { href, rel: 'noopener noreferrer nofollow', target: '_blank' }, text) : null;
}

/** For each run of backticks the place of the next one that is as long. */
function codeEnds(text) {
  const ends = new Map();
  const open = new Map();
  for (const { 0: { length }, index } of text.matchAll(/`+/g)) {
    if (open.has(length)) ends.set(open.get(length), index);
    open.set(length, index);
  }
  return ends;
}

/** Text with its inline marks as nodes; marks within marks stay text. */
function inline(text) {
  const nodes = [];
  const closing = codeEnds(text);
  const marks = new RegExp(INLINE);
  let end = 0;
  let match;
  for (let count = 0; count < MARKS && (match = marks.exec(text)); count += 1) {
    const [whole, ticks, bold, italic, label, target, bare] = match;
    let node = null;
    if (ticks !== undefined) {
      const close = closing.get(match.index);
      if (close === undefined) continue;
      node = el('code', {}, text.slice(marks.lastIndex, close));
      marks.lastIndex = close + ticks.length;
    } else if (bold !== undefined) node = el('strong', {}, bold);
    else if (italic !== undefined) node = el('em', {}, italic);
    else if (target !== undefined) node = link(label, target);
    else if (bare !== undefined) node = link(bare, bare);
    if (!node) continue;
    if (match.index > end) nodes.push(text.slice(end, match.index));
    nodes.push(node);
    end = ticks === undefined ? match.index + whole.length : marks.lastIndex;
  }
  if (end < text.length) nodes.push(text.slice(end));
  return nodes;
}

const ITEM = /^(\s{0,8})([-*+]|\d{1,9}[.)])\s+(.*)$/;

/** Consecutive items as a list; deeper ones go into the item before them. */
function list(items) {
  const first = items[0];
  const root = el(first.isOrdered ? 'ol' : 'ul', { start: first.isOrdered && first.start !== 1 ? first.start : null });
  let last = null;
  for (let at = 0; at < items.length;) {
    const item = items[at];
    if (item.indent > first.indent + 1 && last) {
      let to = at;
      while (to < items.length && items[to].indent > first.indent + 1) to += 1;
      last.append(list(items.slice(at, to)));
      at = to;
      continue;
    }
    last = el('li', {}, inline(item.text));
    root.append(last);
    at += 1;
  }
  return root;
}

/** The blocks of a text, as elements. */
export function blocks(text) {
  const lines = text.split('\n');
  const found = [];
  let paragraph = [];
  const flush = () => {
    if (paragraph.length) found.push(el('p', {}, inline(paragraph.join('\n'))));
    paragraph = [];
  };
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at];
    const fence = /^\s{0,3}(```+|~~~+)\s*([\w+#.-]{0,40})/.exec(line);
    if (fence) {
      flush();
      const code = [];
      while (at + 1 < lines.length && !lines[at + 1].trimStart().startsWith(fence[1])) code.push(lines[++at]);
      at += 1;
      found.push(codeBlock(code.join('\n'), fence[2]));
      continue;
    }
    const title = /^(#{1,6})\s+(\S.*)$/.exec(line);
    if (title) {
      flush();
      // The page has the first two levels.
      found.push(el(`h${Math.min(6, title[1].length + 2)}`, {}, inline(untailed(title[2]))));
      continue;
    }
    if (/^\s{0,3}([-*_])(\s*\1){2,}\s*$/.test(line)) {
      flush();
      found.push(el('hr'));
      continue;
    }
    if (ITEM.test(line)) {
      flush();
      const items = [];
      for (; at < lines.length; at += 1) {
        const match = ITEM.exec(lines[at]);
        if (match) {
          const isOrdered = /\d/.test(match[2]);
          items.push({ indent: match[1].length, isOrdered, start: isOrdered ? parseInt(match[2], 10) : 0, text: match[3] });
        } else if (/^\s+\S/.test(lines[at])) items[items.length - 1].text += `\n${lines[at].trim()}`;
        else break;
      }
      at -= 1;
      found.push(list(items));
      continue;
    }
    if (/^\s{0,3}>/.test(line)) {
      flush();
      const quoted = [];
      while (at < lines.length && /^\s{0,3}>/.test(lines[at])) quoted.push(lines[at++].replace(/^\s{0,3}>\s?/, ''));
      at -= 1;
      found.push(el('blockquote', {}, inline(quoted.join('\n'))));
      continue;
    }
    if (line.trim() === '') flush();
    else paragraph.push(line);
  }
  flush();
  return found;
}

/** A heading without the number signs that may close it. */
function untailed(text) {
  let end = text.trimEnd().length;
  while (end > 1 && text[end - 1] === '#') end -= 1;
  return text.slice(0, end).trimEnd();
}

function codeBlock(code, language) {
  return el('pre', { tabindex: 0, 'aria-label': language ? `Code, ${language}` : 'Code' }, el('code', {}, code));
}

/** Where a text can be cut so that what stands before is complete: behind its last blank line outside of code. */
export function cut(text) {
  let isCode = false;
  let end = 0;
  let offset = 0;
  for (const line of text.split('\n')) {
    const next = offset + line.length + 1;
    if (/^\s{0,3}(```|~~~)/.test(line)) isCode = !isCode;
    if (!isCode && line.trim() === '' && next <= text.length) end = next;
    offset = next;
  }
  return end;
}
