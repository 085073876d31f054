// A console with a token, before and after the bridge is started anew: says on stdout how far it came, and goes on when told.
//
// node token.mjs <url> <browser> <token>

import { once } from 'node:events';

import { launch } from './browser.mjs';

const [url, executablePath, token] = process.argv.slice(2);
const browser = await launch(executablePath);
const page = await browser.newPage();

async function logIn() {
  await page.locator('#login-dialog[open]').waitFor();
  // Every word but the token is refused, each time anew.
  await page.locator('#login-token').fill('this-is-not-the-token');
  await page.locator('#login-dialog button').click();
  await page.locator('#login-error', { hasText: 'not the token' }).waitFor();
  await page.locator('#login-token').fill(token);
  await page.locator('#login-dialog button').click();
  await page.locator('#standing', { hasText: /^ready$/ }).waitFor();
  await page.locator('#login-dialog').waitFor({ state: 'hidden' });
}

await page.goto(url);
await logIn();
console.log('ready');
await once(process.stdin, 'data');
await page.locator('#standing', { hasText: 'unreachable' }).waitFor();
console.log('away');
await page.locator('#login-dialog[open]').waitFor();
console.log('asked again');
await logIn();
console.log('ready');
await browser.close();
process.exit(0);
