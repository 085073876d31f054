// Headroom of IB's limits, queues, and who holds the lines.

import { byId, make, say } from './dom.js';
import { span } from './format.js';

const METERS = [
  ['market_data_lines', 'Market data lines'],
  ['messages_per_second', 'Messages in a second'],
  ['history_10_min', 'History in ten minutes'],
  ['history_open', 'History requests open'],
  ['tick_by_tick', 'Tick-by-tick streams'],
  ['depth', 'Depth streams'],
];

export function setPace(pace) {
  byId('meters').replaceChildren(...METERS.filter(([field]) => pace[field]).map(([field, name]) => {
    const { used, max } = pace[field];
    const meter = make('meter', { min: 0, max, low: max * 0.75, high: max * 0.92, optimum: 0, value: used, 'aria-label': name });
    return make('li', {}, make('span', { text: name }), make('span', { class: 'faded', text: `${used} of ${max}` }), meter);
  }));
  byId('queues').replaceChildren(...pace.queues.map((queue) =>
    make('li', { class: queue.waiting ? 'is-warn' : '', title: `longest wait ${span(queue.longest_wait_ms / 1000)}, ${queue.sent} sent`, text: `${queue.class} ${queue.waiting}` })));
  say(byId('pacing-note'), pace.violations ? `${pace.violations} violations since the start` : 'no violations');
}

export function setHolders(list) {
  const streams = new Map();
  for (const row of list.upstream) {
    for (const client of row.clients) streams.set(client, (streams.get(client) ?? 0) + 1);
  }
  const rows = [...streams].sort((a, b) => b[1] - a[1]);
  byId('holders').replaceChildren(...(rows.length ? rows.map(([client, count]) => make('li', { text: `${client} ${count}` })) : [make('li', { text: 'nobody' })]));
}
