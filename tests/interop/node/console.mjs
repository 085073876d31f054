// Walks through the console in a headless browser: looks, kill switch, keyboard. Prints what it found as JSON.
//
// node console.mjs <url> <folder for pictures> [<browser>]

import { chromium } from 'playwright-core';

const [url, pictures, executablePath] = process.argv.slice(2);
const complaints = [];
const foreign = [];

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });

async function open(colorScheme, viewport) {
  const context = await browser.newContext({ colorScheme, viewport, deviceScaleFactor: 1, reducedMotion: 'reduce' });
  const page = await context.newPage();
  page.on('console', (message) => { if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text()); });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => { if (!request.url().startsWith(url) && !request.url().startsWith('data:')) foreign.push(request.url()); });
  await page.goto(url);
  await page.locator('#standing', { hasText: /^ready$/ }).waitFor();
  await page.locator('#quotes tr').first().waitFor();
  await page.locator('#chart-note', { hasText: 'then live' }).waitFor();
  await page.waitForFunction(() => [...document.querySelectorAll('#quotes tr td:nth-child(3)')].some((cell) => /\d/.test(cell.textContent)));
  return page;
}

const picture = (page, name, fullPage = false) => page.screenshot({ path: `${pictures}/${name}.png`, fullPage });

const light = await open('light', { width: 1440, height: 1180 });
await light.locator('#fills tr').first().waitFor();
// A few points for the small charts; nothing is waited for but them.
await light.waitForFunction(() => [...document.querySelectorAll('.spark path')].filter((line) => (line.getAttribute('d') ?? '').length > 60).length >= 2);
await picture(light, 'console-light');
const rows = await light.locator('#quotes tr').count();
const overflowWide = await light.evaluate(() => document.documentElement.scrollWidth - innerWidth);

const dark = await open('dark', { width: 1440, height: 1180 });
await dark.waitForFunction(() => [...document.querySelectorAll('.spark path')].filter((line) => (line.getAttribute('d') ?? '').length > 60).length >= 2);
await picture(dark, 'console-dark');

const phone = await open('light', { width: 390, height: 844 });
await picture(phone, 'console-phone');
const overflowPhone = await phone.evaluate(() => document.documentElement.scrollWidth - innerWidth);

// The theme button wins over the system.
await light.locator('#theme').click();
const toggled = await light.evaluate(() => document.documentElement.dataset.theme);
await light.locator('#theme').click();

// The kill switch, by keyboard alone.
await dark.locator('#halt').focus();
await dark.keyboard.press('Enter');
await dark.locator('#halt-dialog[open]').waitFor();
const lockedAtFirst = await dark.locator('#halt-yes').isDisabled();
await dark.keyboard.type('HALF');
const lockedForOtherWord = await dark.locator('#halt-yes').isDisabled();
await dark.keyboard.press('Backspace');
await dark.keyboard.type('T');
await picture(dark, 'console-halt');
await dark.keyboard.press('Enter');
await dark.locator('#banner', { hasText: 'halted' }).waitFor();
const banner = await dark.locator('#banner').textContent();
await light.locator('#banner', { hasText: 'halted' }).waitFor();
await dark.locator('#halt', { hasText: 'Resume' }).click();
await dark.locator('#halt-word').fill('RESUME');
await dark.locator('#halt-yes').click();
await dark.locator('#banner').waitFor({ state: 'hidden' });

// What assistive technology gets: every control has a name, every table a caption.
const unnamed = await light.evaluate(() => [...document.querySelectorAll('button, input')]
  .filter((control) => !control.textContent.trim() && !control.getAttribute('aria-label') && !control.labels?.length).length);
const uncaptioned = await light.evaluate(() => [...document.querySelectorAll('main section table:not(#chart table)')].filter((table) => !table.caption).length);

await browser.close();
console.log(JSON.stringify({ complaints, foreign, rows, overflowWide, overflowPhone, toggled, lockedAtFirst, lockedForOtherWord, banner, unnamed, uncaptioned }));
