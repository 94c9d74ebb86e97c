// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

// Requests to the gateway. The key lives in sessionStorage, never in a URL and never in a cookie, and goes nowhere but here.

const KEY = 'sluice.key';
let asked = null;

export const key = {
  get: () => sessionStorage.getItem(KEY) ?? '',
  set: (value) => (value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY)),
};

/** What the gateway, or the network, said against a request. */
export class ApiError extends Error {
  constructor(status, message, code, requestID) {
    super(message);
    this.status = status;
    this.code = code;
    this.requestID = requestID;
  }

  /** For people: what happened, and by which identifier it is found in the log. */
  get text() {
    const what = this.status ? `${this.message} (${this.status}${this.code ? `, ${this.code}` : ''})` : this.message;
    return this.requestID ? `${what} · ${this.requestID}` : what;
  }
}

/** The text of anything that was thrown. */
export const textOf = (error) => (error instanceof ApiError ? error.text : String(error?.message ?? error));

/** Tells who asks for keys how to ask for one. */
export function whenKeyIsWanted(ask) {
  asked = ask;
}

function headers(extra) {
  const fields = { Accept: 'application/json', ...extra };
  if (key.get()) fields.Authorization = `Bearer ${key.get()}`;
  return fields;
}

/** The message in the body of an error, in whichever dialect it is written. */
function messageOf(body, status) {
  const error = body?.error ?? body;
  // The chat's own doors name the error, and say what it means beside it.
  if (typeof error === 'string') return body.message ? { message: body.message, code: error } : { message: error };
  return { message: error?.message ?? `The gateway answered ${status}.`, code: error?.code ?? error?.type };
}

/** A response whose status is good; anything else is thrown as an ApiError. */
export async function send(method, path, { json, body, accept, contentType, signal, quiet } = {}) {
  const fields = headers(accept ? { Accept: accept } : {});
  if (json !== undefined) fields['Content-Type'] = 'application/json';
  else if (contentType) fields['Content-Type'] = contentType;
  let response;
  try {
    response = await fetch(path, {
      method, headers: fields, body: json !== undefined ? JSON.stringify(json) : body, signal,
      cache: 'no-store', credentials: 'omit', redirect: 'error', referrerPolicy: 'no-referrer',
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, 'The gateway cannot be reached.');
  }
  if (response.ok) return response;
  let content = null;
  try {
    content = await response.json();
  } catch {
    // No JSON: the status has to do.
  }
  const { message, code } = messageOf(content, response.status);
  if (response.status === 401 && !quiet) asked?.(message);
  throw new ApiError(response.status, message, code, response.headers.get('x-request-id'));
}

/** The JSON of an answer; `null` when it has none. */
export async function get(path, options) {
  return (await send('GET', path, options)).json();
}

export async function call(method, path, json, options) {
  const response = await send(method, path, { json, ...options });
  return response.status === 204 ? null : response.json().catch(() => null);
}

/** A path with a query of the parameters that are there. */
export function query(path, parameters) {
  const pairs = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return pairs.length ? `${path}?${new URLSearchParams(pairs)}` : path;
}

/** What may be kept in this browser between visits; a browser that refuses keeps nothing. */
export const kept = {
  get(name, fallback) {
    try {
      return JSON.parse(localStorage.getItem(`sluice.${name}`)) ?? fallback;
    } catch {
      return fallback;
    }
  },
  set(name, value) {
    try {
      localStorage.setItem(`sluice.${name}`, JSON.stringify(value));
      return true;
    } catch {
      return false;
    }
  },
};
