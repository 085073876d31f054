// Walks through the console in a headless browser: looks, kill switch, keyboard. Prints what it found as JSON.
//
// node console.mjs <url> <folder for pictures> <browser> [<points of small charts to wait for>]

import { launch } from './browser.mjs';

const [url, pictures, executablePath, points] = process.argv.slice(2);
const WIDE = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const complaints = [];
const foreign = [];

const browser = await launch(executablePath);

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

const picture = (page, name, fullPage = true) => page.screenshot({ path: `${pictures}/${name}.png`, fullPage });

/** Small charts of so many points: a few tell that they are drawn, a picture for people needs minutes. */
const POINTS = Number(points ?? 4);
const drawn = (page) => page.waitForFunction((points) =>
  [...document.querySelectorAll('.spark path')].filter((line) => (line.getAttribute('d') ?? '').split(/[ML]/).length > points).length >= 2, POINTS, { timeout: 30_000 + POINTS * 2000 });
/** How far cells of the quotes reach past the edge of their card. */
const cut = (page) => page.evaluate(() => {
  const card = document.querySelector('#market .scroll').getBoundingClientRect();
  return Math.max(...[...document.querySelectorAll('#quotes td')].map((cell) => cell.getBoundingClientRect().right)) - card.right;
});
const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

// All at once, so that nobody waits for small charts four times.
const [light, dark, phone, phoneDark] = await Promise.all([
  open('light', WIDE), open('dark', WIDE), open('light', PHONE), open('dark', PHONE),
]);
for (const page of [light, dark]) {
  await page.locator('#fills tr').first().waitFor();
  await drawn(page);
}
await picture(light, 'console-light');
await picture(dark, 'console-dark');
await picture(phone, 'console-phone');
await picture(phoneDark, 'console-phone-dark');
const rows = await light.locator('#quotes tr').count();
const [overflowWide, overflowPhone, cutWide, cutPhone] = [await overflow(light), await overflow(phone), await cut(light), await cut(phone)];

// Times outlive a reload, and money has its currency.
await light.reload();
await light.locator('#orders tr').first().waitFor();
await light.locator('#headline small').first().waitFor();
const headline = await light.locator('#headline').textContent();
const zones = await light.locator('.zone').allTextContents();

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
await picture(dark, 'console-halt', false);
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
console.log(JSON.stringify({ complaints, foreign, rows, overflowWide, overflowPhone, cutWide, cutPhone, headline, zones, toggled, lockedAtFirst, lockedForOtherWord, banner, unnamed, uncaptioned }));
