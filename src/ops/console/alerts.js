// What a person should know: notices of weight, gaps, and what happened to the bridge itself.

import { byId, make, showEmpty } from './dom.js';
import { instrumentOf } from './market.js';
import { nameOf, time, words } from './format.js';

const SHOWN = 100;
const seen = new Set();

/** How events of the bridge stand out; the others are told plainly. `top` judges alike. */
const WEIGHTS = {
  'is-good': ['started', 'resume', 'reloaded', 'account_ready', 'mismatch_over', 'needs_person_over'],
  'is-warn': ['watchdog_soft', 'watchdog_data_link', 'watchdog_farm', 'shed', 'account_reset', 'accounts_not_followed', 'gateway_port', 'gateway_not_local', 'breaker', 'clock_set_back'],
  'is-bad': ['kill', 'dead_man', 'violation', 'watchdog_hard', 'needs_person', 'mismatch', 'duplicate_order', 'gateway_command_failed', 'stopping'],
};
const KLASS = new Map(Object.entries(WEIGHTS).flatMap(([klass, events]) => events.map((event) => [event, klass])));

/** Class, tag and text of what a person should know; nothing for the rest. */
export function judged(kind, event) {
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
    return [KLASS.get(event.event) ?? '', words(event.event), event.message ?? `bridge ${words(event.event)}`];
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
