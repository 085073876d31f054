// The kill switch, behind a word that has to be typed.

import { ask } from './bridge.js';
import { byId, say } from './dom.js';
import { time } from './format.js';

let halted;

const wanted = () => (halted ? 'RESUME' : 'HALT');

export function setHalted(state) {
  halted = state;
  const banner = byId('banner');
  banner.hidden = !halted;
  if (halted) say(banner, `Trading is halted since ${time(halted.since_us)} by ${halted.by}${halted.reason ? `: ${halted.reason}` : ''}`);
  say(byId('halt'), halted ? 'Resume trading' : 'Halt trading');
  byId('halt').className = halted ? '' : 'danger';
}

export async function loadHalted() {
  setHalted((await ask('risk.limits')).halted);
}

export function startHalt() {
  const dialog = byId('halt-dialog');
  const word = byId('halt-word');
  byId('halt').addEventListener('click', () => {
    say(byId('halt-title'), halted ? 'Resume trading' : 'Halt trading');
    say(byId('halt-text'), halted ? 'Orders are taken again from this moment.' : 'New orders and changes are refused from this moment, also after a restart, until somebody resumes.');
    byId('halt-cancel').hidden = Boolean(halted);
    say(byId('halt-wanted'), wanted());
    say(byId('halt-yes'), halted ? 'Resume' : 'Halt');
    byId('halt-yes').className = halted ? '' : 'danger sure';
    say(byId('halt-error'), '');
    word.value = '';
    byId('halt-yes').disabled = true;
    dialog.showModal();
    word.focus();
  });
  word.addEventListener('input', () => { byId('halt-yes').disabled = word.value.trim().toUpperCase() !== wanted(); });
  byId('halt-no').addEventListener('click', () => dialog.close());
  byId('halt-form').addEventListener('submit', async (event) => {
    event.preventDefault();
    if (byId('halt-yes').disabled) return;
    byId('halt-yes').disabled = true;
    const cancel = new FormData(event.currentTarget).get('cancel');
    try {
      if (halted) await ask('risk.resume');
      else await ask('risk.halt', { cancel, reason: 'from the console' });
      await loadHalted();
      dialog.close();
    } catch (refused) {
      say(byId('halt-error'), refused.message);
      byId('halt-yes').disabled = false;
    }
  });
}
