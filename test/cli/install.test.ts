import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import t from 'tap';
import { userDataFolder } from '../../kernel/data-folder.js';
import { temporaryFolder } from '../server/helpers.js';
import { ringside } from './run-cli.js';

const folder = temporaryFolder();
writeFileSync(join(folder, 'file'), '');

for (const [what, words, env, place] of [
  ['a prefix', ['--prefix', 'env'], {}, 'env/share/jupyter/kernels/ringside'],
  ['the user', ['--user'], { JUPYTER_DATA_DIR: join(folder, 'user') }, 'user/kernels/ringside'],
  ['another name', ['--prefix', 'env', '--name', 'Ring_2.b'], {}, 'env/share/jupyter/kernels/ring_2.b'],
] as [string, string[], Record<string, string>, string][])
  t.test(`install for ${what}`, async (t) => {
    const { code, stdout, stderr } = await ringside(['install', ...words], folder, env);
    t.equal(code, 0, stderr);
    t.match(stdout, join(folder, place));
    const spec = JSON.parse(readFileSync(join(folder, place, 'kernel.json'), 'utf8'));
    t.match(spec, { language: 'typescript', interrupt_mode: 'message', display_name: /Ringside/ });
    t.match(spec.env, { MALLOC_ARENA_MAX: /^\d+$/ });
    const [node, ...rest] = spec.argv as string[];
    const [program, flag, file] = rest.slice(-3);
    t.ok(isAbsolute(node) && existsSync(node), node);
    for (const option of rest.slice(0, -3)) t.match(option, /^--\w/, "Node's");
    t.ok(isAbsolute(program) && existsSync(program), program);
    t.same([flag, file], ['-f', '{connection_file}']);
  });

for (const [words, message] of [
  [['--name', '../evil'], /'\.\.\/evil' is no name for a kernelspec/],
  [['--name', '..'], /is no name/],
  [['--user', '--prefix', 'x'], /exclude each other/],
  [['--prefix', 'file'], /cannot install to .*file.*ENOTDIR/],
] as [string[], RegExp][])
  t.test(`install ${words.join(' ')} is refused`, async (t) => {
    const { code, stderr } = await ringside(['install', ...words], folder);
    t.equal(code, 2);
    t.match(stderr, message);
  });

for (const [platform, env, expected] of [
  ['linux', {}, /\.local\/share\/jupyter$/],
  ['linux', { XDG_DATA_HOME: '/data' }, /^\/data\/jupyter$/],
  ['darwin', {}, /Library\/Jupyter$/],
  ['win32', { APPDATA: 'C:\\Roaming' }, /Roaming.jupyter$/],
  ['linux', { JUPYTER_DATA_DIR: '/own' }, /^\/own$/],
] as [NodeJS.Platform, NodeJS.ProcessEnv, RegExp][])
  t.test(`the user's data folder on ${platform} with ${JSON.stringify(env)}`, async (t) => {
    t.match(userDataFolder(platform, env), expected);
  });
