import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../emulator/root.js';

/** Version in package.json. */
export const VERSION = (
  JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }
).version;

/** Program that Jupyter starts with a connection file, beside this module in whatever folder it was built to. */
export const KERNEL_PROGRAM = fileURLToPath(new URL('./main.js', import.meta.url));

/** Source of plotly.js with the chart types of the plane, wherever npm put it. */
export function plotlySource(): string {
  return readFileSync(
    createRequire(import.meta.url).resolve('plotly.js/dist/plotly-cartesian.min.js'),
    'utf8',
  );
}
