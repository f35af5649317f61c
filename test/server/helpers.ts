import { mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KernelSpec } from '../../kernel/server/kernelspec.js';
import { startServer } from '../../kernel/server/server.js';
import type { RunningServer } from '../../kernel/server/server.js';

const FAKE_KERNEL = fileURLToPath(new URL('./fake-kernel.js', import.meta.url));

/** Starts the fake kernel, with extra words on its command line. */
export function fakeSpec(...words: string[]): KernelSpec {
  return {
    argv: [process.execPath, FAKE_KERNEL, '-f', '{connection_file}', ...words],
    display_name: 'fake',
    language: 'typescript',
    interrupt_mode: 'message',
    metadata: {},
  };
}

export function temporaryFolder(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), 'ringside-test-')));
}

export function startTestServer(root = temporaryFolder(), spec = fakeSpec()): Promise<RunningServer> {
  return startServer({ root, kernelName: 'fake', kernelSpec: spec, version: '0', token: 'secret' });
}

/** What the tests read of answers; which of it there is depends on the request. */
export interface Body {
  id: string;
  message: string;
  content: { name: string }[];
  kernel: { id: string };
}

/** One request with the token; the body goes and comes as JSON. */
export async function ask(
  server: RunningServer,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Body }> {
  const response = await fetch(new URL(path, server.url), {
    method,
    headers: { authorization: 'token secret', ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? null : JSON.parse(text) };
}
