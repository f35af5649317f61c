import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import t from 'tap';
import { ask, fakeSpec, startTestServer, temporaryFolder } from './helpers.js';

const outside = temporaryFolder();
writeFileSync(join(outside, 'secret.txt'), 'secret');
const root = temporaryFolder();
writeFileSync(join(root, 'note.txt'), 'hello');
writeFileSync(join(root, 'bytes.bin'), Buffer.from([0xff, 0x00]));
writeFileSync(join(root, 'broken.ipynb'), '{');
writeFileSync(join(root, '.hidden'), 'hidden');
mkdirSync(join(root, 'folder'));
writeFileSync(join(root, 'folder/inner.txt'), 'inner');
symlinkSync(join(outside, 'secret.txt'), join(root, 'link.txt'));
symlinkSync(outside, join(root, 'linked'));
symlinkSync(join(outside, 'new.txt'), join(root, 'dangling.txt'));
const server = await startTestServer(root);
t.teardown(() => server.close());

const file = { type: 'file', format: 'text', content: 'x' };
const cases: [method: string, path: string, body: unknown, status: number, fragment: object][] = [
  ['GET', '/api', undefined, 200, { version: '0' }],
  ['GET', '/api/status', undefined, 200, { kernels: 0, connections: 0 }],
  ['GET', '/api/me', undefined, 200, { identity: { username: 'ringside' } }],
  ['GET', '/api/terminals', undefined, 200, []],
  ['GET', '/api/config/notebook', undefined, 200, {}],
  ['PATCH', '/api/config/notebook', { a: 1 }, 200, { a: 1 }],
  ['GET', '/api/kernelspecs', undefined, 200, { default: 'fake', kernelspecs: { fake: { name: 'fake' } } }],
  ['GET', '/api/kernelspecs/other', undefined, 404, { message: /no kernel is called 'other'/ }],
  ['GET', '/api/kernels', undefined, 200, []],
  ['GET', '/api/kernels/nobody', undefined, 404, { message: "no kernel 'nobody'" }],
  [
    'POST',
    '/api/kernels',
    { name: 'python3' },
    404,
    { message: /no kernel is called 'python3'; there is 'fake'/ },
  ],
  ['POST', '/api/kernels', '{', 400, { message: /the body is not JSON/ }],
  ['POST', '/api/kernels', '[]', 400, { message: 'the body must be a JSON object' }],
  ['POST', '/api/kernels', { name: 1 }, 400, { message: "'name' must be a string" }],
  ['POST', '/api/sessions', {}, 400, { message: "a session needs a 'path'" }],
  ['GET', '/api/sessions/nobody', undefined, 404, { message: "no session 'nobody'" }],
  ['GET', '/api/nothing', undefined, 404, { message: 'no GET /api/nothing' }],
  [
    'GET',
    '/api/contents/note.txt',
    undefined,
    200,
    { type: 'file', format: 'text', content: 'hello', size: 5 },
  ],
  ['GET', '/api/contents/note.txt?content=0', undefined, 200, { content: null }],
  ['GET', '/api/contents/bytes.bin', undefined, 200, { format: 'base64', content: '/wA=' }],
  ['GET', '/api/contents/broken.ipynb', undefined, 400, { message: /'broken.ipynb' is not a notebook/ }],
  ['GET', '/api/contents/none.txt', undefined, 404, { message: "no file or folder 'none.txt'" }],
  ['GET', '/api/contents/%2e%2e%2fsecret.txt', undefined, 404, { message: /no file or folder/ }],
  ['GET', '/api/contents/folder%2F..%2F..%2Fx', undefined, 404, { message: /no file or folder/ }],
  ['GET', '/api/contents/.hidden', undefined, 404, { message: /no file or folder/ }],
  ['GET', '/api/contents/link.txt', undefined, 404, { message: /no file or folder/ }],
  ['GET', '/api/contents/linked/secret.txt', undefined, 404, { message: /no file or folder/ }],
  ['PUT', '/api/contents/link.txt', file, 404, { message: /no file or folder/ }],
  ['PUT', '/api/contents/dangling.txt', file, 404, { message: /no file or folder/ }],
  ['PUT', '/api/contents/linked/new.txt', file, 404, { message: /no file or folder/ }],
  ['PUT', '/api/contents/none/new.txt', file, 404, { message: "no file or folder 'none'" }],
  ['PUT', '/api/contents/new.txt', { ...file, content: 1 }, 400, { message: /must be a string/ }],
  ['PUT', '/api/contents/new.txt', file, 201, { name: 'new.txt', path: 'new.txt', content: null }],
  ['PUT', '/api/contents/new.txt', file, 200, { path: 'new.txt' }],
  [
    'PUT',
    '/api/contents/n%C3%A4h.ipynb',
    { type: 'notebook', content: { cells: [] } },
    201,
    { type: 'notebook' },
  ],
  ['GET', '/api/contents/n%C3%A4h.ipynb', undefined, 200, { content: { cells: [] }, format: 'json' }],
  ['POST', '/api/contents/new.txt/checkpoints', undefined, 201, { id: 'checkpoint' }],
  ['GET', '/api/contents/new.txt/checkpoints', undefined, 200, [{ id: 'checkpoint' }]],
  ['PUT', '/api/contents/new.txt', { ...file, content: 'y' }, 200, {}],
  ['POST', '/api/contents/new.txt/checkpoints/checkpoint', undefined, 204, {}],
  ['GET', '/api/contents/new.txt', undefined, 200, { content: 'x' }],
  ['POST', '/api/contents/new.txt/checkpoints/other', undefined, 404, { message: "no checkpoint 'other'" }],
  ['DELETE', '/api/contents/new.txt/checkpoints/checkpoint', undefined, 204, {}],
  ['POST', '/api/contents', { type: 'notebook' }, 201, { path: 'Untitled.ipynb' }],
  ['POST', '/api/contents/folder', { type: 'file', ext: '.asm' }, 201, { path: 'folder/untitled.asm' }],
  ['POST', '/api/contents/folder', { copy_from: 'new.txt' }, 201, { path: 'folder/new-Copy.txt' }],
  ['PATCH', '/api/contents/new.txt', { path: 'note.txt' }, 409, { message: "'note.txt' exists already" }],
  ['PATCH', '/api/contents/new.txt', { path: '../new.txt' }, 404, { message: /no file or folder/ }],
  ['PATCH', '/api/contents/new.txt', { path: 'moved.txt' }, 200, { path: 'moved.txt' }],
  ['DELETE', '/api/contents/moved.txt', undefined, 204, {}],
  ['DELETE', '/api/contents/folder', undefined, 400, { message: "'folder' is not empty" }],
  ['DELETE', '/api/contents/', undefined, 400, { message: /root folder/ }],
];

for (const [method, path, body, status, fragment] of cases)
  t.test(`${method} ${path} answers ${status}`, async (t) => {
    const answer = await ask(server, method, path, body);
    t.equal(answer.status, status, JSON.stringify(answer.body));
    t.match(answer.body ?? {}, fragment);
  });

t.test('a folder lists what is inside it, not what leads outside', async (t) => {
  const { body } = await ask(server, 'GET', '/api/contents');
  const names = body.content.map((entry: { name: string }) => entry.name);
  t.match(names, ['Untitled.ipynb', 'broken.ipynb', 'bytes.bin', 'folder']);
  for (const name of ['.hidden', 'link.txt', 'linked', 'dangling.txt']) t.notOk(names.includes(name), name);
});

// fetch sets Host itself, so these go by node:http.
const refusals: [
  what: string,
  headers: Record<string, string>,
  path: string,
  status: number,
  message: RegExp,
][] = [
  ['no token', {}, '/api', 401, /a token is required/],
  ['wrong token', { authorization: 'token wrong' }, '/api', 401, /wrong token/],
  ['token in the query', {}, '/api?token=secret', 200, /version/],
  [
    'foreign host (DNS rebinding)',
    { host: 'evil.example', authorization: 'token secret' },
    '/api',
    403,
    /evil\.example/,
  ],
  [
    'foreign origin',
    { origin: 'http://evil.example', authorization: 'token secret' },
    '/api',
    403,
    /not allowed/,
  ],
  ['opaque origin', { origin: 'null', authorization: 'token secret' }, '/api', 403, /not allowed/],
  [
    'a body too large',
    { 'content-length': '99999999', authorization: 'token secret' },
    '/api/kernels',
    413,
    /at most/,
  ],
];

for (const [what, headers, path, status, message] of refusals)
  t.test(`${what}: ${status}`, async (t) => {
    const method = status === 413 ? 'POST' : 'GET';
    const answer = await new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
      const sent = request(new URL(path, server.url), { headers, method }, (response) => {
        let text = '';
        response.on('data', (chunk) => (text += chunk));
        response.on('end', () => {
          resolve({ status: response.statusCode, text });
          sent.destroy();
        });
      });
      sent.on('error', reject);
      if (method === 'POST') sent.flushHeaders();
      else sent.end();
    });
    t.equal(answer.status, status);
    t.match(answer.text, message);
  });

t.test('a kernel that ends before it answers is reported with what it said', async (t) => {
  const refusing = await startTestServer(root, fakeSpec('--refuse'));
  t.teardown(() => refusing.close());
  const answer = await ask(refusing, 'POST', '/api/kernels', {});
  t.equal(answer.status, 500);
  t.match(answer.body.message, /kernel 'fake': kernel ended with code 3; it said: no kernel here/);
  t.same((await ask(refusing, 'GET', '/api/kernels')).body, []);
});

t.test('a port in use is named', async (t) => {
  const port = Number(new URL(server.url).port);
  const { startServer } = await import('../../kernel/server/server.js');
  const second = startServer({ root, kernelName: 'fake', kernelSpec: fakeSpec(), version: '0', port });
  await t.rejects(second, { message: `port ${port} of 127.0.0.1 is in use` });
});
