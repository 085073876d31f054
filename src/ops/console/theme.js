// Light or dark: the system's choice until a person makes another.

import { byId } from './dom.js';

const root = document.documentElement;
const system = matchMedia('(prefers-color-scheme: dark)');

export const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : system.matches);

const listeners = [];
export const onTheme = (listener) => listeners.push(listener);

function show() {
  const button = byId('theme');
  button.textContent = isDark() ? 'Light' : 'Dark';
  button.setAttribute('aria-label', isDark() ? 'Switch to light' : 'Switch to dark');
  listeners.forEach((listener) => listener());
}

export function startTheme() {
  const kept = localStorage.getItem('theme');
  if (kept) root.dataset.theme = kept;
  byId('theme').addEventListener('click', () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    localStorage.setItem('theme', root.dataset.theme);
    show();
  });
  system.addEventListener('change', show);
  show();
}
