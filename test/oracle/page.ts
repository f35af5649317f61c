/**
 * Opens an HTML file in Debian's Chromium and checks that the plots are there to be seen:
 * node dist/test/oracle/page.js FILE SELECTOR COUNT. Leaves a screenshot in light and one in dark beside FILE.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import type { Page } from 'playwright-core';

const EXECUTABLE = '/usr/bin/chromium';
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
];
/** A figure smaller than this shows nothing. */
const LEAST_PIXELS = 200;

const [file, selector, count] = process.argv.slice(2);
if (!file || !selector || !Number(count)) {
  console.error('usage: page.js FILE SELECTOR COUNT');
  process.exit(2);
}
if (!existsSync(file)) {
  console.error(`${file} does not exist`);
  process.exit(1);
}

const browser = await chromium.launch({ executablePath: EXECUTABLE, args: ARGUMENTS });
try {
  const failures = [...(await inspect('light')), ...(await inspect('dark'))];
  for (const failure of failures) console.error(failure);
  process.exitCode = failures.length ? 1 : 0;
} finally {
  await browser.close();
}

async function inspect(colorScheme: 'light' | 'dark'): Promise<string[]> {
  const page = await browser.newPage({ colorScheme, viewport: { width: 1100, height: 900 } });
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(`${colorScheme}: script error: ${error.message}`));
  page.on('request', (request) => {
    if (/^https?:/.test(request.url()))
      errors.push(`${colorScheme}: the page asks the network for ${request.url()}`);
  });
  await page.goto(pathToFileURL(resolve(file)).href);
  const seen = await visible(page);
  await page.screenshot({ path: `${file.replace(/\.html$/, '')}-${colorScheme}.png`, fullPage: true });
  await page.close();
  const network = selector.includes('plotly') ? errors : errors.filter((error) => !error.includes('network'));
  return seen >= Number(count)
    ? network
    : [...network, `${colorScheme}: ${seen} of ${count} '${selector}' are visible`];
}

/** How many elements match and are large enough to be seen. */
async function visible(page: Page): Promise<number> {
  await page
    .locator(selector)
    .first()
    .waitFor({ state: 'visible', timeout: 15_000 })
    .catch(() => undefined);
  const boxes = await Promise.all(
    (await page.locator(selector).all()).map((element) => element.boundingBox()),
  );
  return boxes.filter((box) => box !== null && box.width > LEAST_PIXELS && box.height > LEAST_PIXELS).length;
}
