// Starts a headless browser that asks nobody for anything but the page. Playwright gives it an empty profile of its own, and
// removes that afterwards.

import { chromium } from 'playwright-core';

const QUIET = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const launch = (executablePath) => chromium.launch({ executablePath, args: QUIET });
