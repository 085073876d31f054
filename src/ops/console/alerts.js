// What a person should know: notices of weight, gaps, and what happened to the bridge itself.

import { byId, make, showEmpty } from './dom.js';
import { instrumentOf } from './market.js';
import { nameOf, time, words } from './format.js';

const SHOWN = 100;
const seen = new Set();

function judged(kind, event) {
  if (kind === 'notice') {
    if (event.severity === 'info') return undefined;
    return [event.severity === 'warning' ? 'is-warn' : 'is-bad', event.ib_code ?? words(event.class), event.message];
  }
  if (kind === 'gap') {
    const name = nameOf(instrumentOf(event.con_id));
    return event.state === 'opened' || event.state === 'open'
      ? ['is-warn', 'gap', `${name} ${event.stream} interrupted: ${event.reason}`]
      : ['is-good', 'gap', `${name} ${event.stream} goes on`];
  }
  if (kind === 'bridge' && event.event !== 'heartbeat') {
    const klass = { started: 'is-good', resume: 'is-good', kill: 'is-bad', violation: 'is-bad', watchdog_hard: 'is-bad' }[event.event] ?? '';
    return [klass, words(event.event), event.message ?? `bridge ${words(event.event)}`];
  }
  if (kind === 'farm' && event.state === 'down') return ['is-bad', event.farm, `farm ${event.farm} is down`];
  return undefined;
}

export function alertOf(kind, event) {
  const what = judged(kind, event);
  if (!what) return;
  const key = `${kind} ${event.recv_us} ${what[2]}`;
  if (seen.has(key)) return;
  seen.add(key);
  if (seen.size > 1000) seen.delete(seen.values().next().value);
  const [klass, tag, text] = what;
  byId('alerts').prepend(make('li', {}, make('span', { class: 'faded', text: time(event.recv_us) }), make('span', { class: `tag ${klass}`, text: String(tag) }), make('span', { text })));
  while (byId('alerts').children.length > SHOWN) byId('alerts').lastChild.remove();
  showEmpty('no-alerts', false);
}
