// Opens the console in a headless browser and waits for quotes and a candle chart. Prints what stands above the chart.
//
// node chart.mjs <url> <browser>

import { launch } from './browser.mjs';

const [url, executablePath] = process.argv.slice(2);
const browser = await launch(executablePath);
const page = await browser.newPage();
await page.goto(url);
await page.locator('#quotes tr').first().waitFor();
const note = page.locator('#chart-note', { hasText: 'then live' });
await note.waitFor();
console.log(await note.textContent());
await browser.close();
