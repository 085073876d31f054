// Talks to the bridge: requests by POST, events as they come.

import { byId, say } from './dom.js';

const AGAIN_MS = 3000;

/** A request that the bridge refused; `code` is its stable word. */
export class Refused extends Error {
  constructor(error) {
    super(error?.message ?? 'the bridge did not answer');
    this.code = error?.code ?? 'unreachable';
  }
}

/** The answer of a request such as `md.list`. */
export async function ask(verb, body = {}) {
  const [noun, name] = verb.split('.');
  let response;
  try {
    response = await fetch(`/req/${noun}/${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Refused();
  }
  if (response.status === 401) {
    await login();
    return ask(verb, body);
  }
  const reply = await response.json();
  if (!reply.ok) throw new Refused(reply.error);
  return reply.data;
}

let asking;

/** Shows the token dialog until the bridge takes the token. Several askers share one dialog. */
function login() {
  asking ??= new Promise((done) => {
    const dialog = byId('login-dialog');
    // Set and not added: the dialog comes again when the bridge was started anew.
    dialog.oncancel = (event) => event.preventDefault();
    byId('login-form').onsubmit = async (event) => {
      event.preventDefault();
      const token = byId('login-token').value;
      const response = await fetch('/login', { method: 'POST', body: JSON.stringify({ token }) }).catch(() => undefined);
      if (!response?.ok) {
        say(byId('login-error'), response ? 'That is not the token.' : 'The bridge does not answer.');
        return;
      }
      byId('login-token').value = '';
      dialog.close();
      asking = undefined;
      done();
    };
    say(byId('login-error'), '');
    dialog.showModal();
  });
  return asking;
}

/**
 * Listens until the page is left. `on.event(kind, payload)` gets every event, `on.fresh(hello)` is called at each
 * (re)connection and after missed frames: what is shown must then be asked for anew.
 */
export function listen(on) {
  const source = new EventSource('/events');
  source.addEventListener('hello', (message) => on.fresh(JSON.parse(message.data)));
  source.addEventListener('missed', () => on.fresh({ past: [] }));
  source.addEventListener('message', (message) => {
    for (const [kind, payload] of JSON.parse(message.data)) on.event(kind, payload);
  });
  source.addEventListener('open', () => on.reachable(true));
  source.addEventListener('error', () => {
    on.reachable(false);
    if (source.readyState === EventSource.CLOSED) setTimeout(() => again(on), AGAIN_MS);
  });
  window.addEventListener('pagehide', () => source.close(), { once: true });
}

/** A stream that was refused tells no reason. A request does, and asks for the token if a new run of the bridge wants it. */
async function again(on) {
  await ask('bridge.info').catch(() => {});
  listen(on);
}
