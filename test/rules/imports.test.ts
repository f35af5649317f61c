import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import t from 'tap';
import { packageRoot } from '../../emulator/root.js';

/**
 * Who may import whom: a folder's files may import from the folders named, and from their own. The more specific
 * folder wins. Imports run downward (design, section 4).
 */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'emulator/arch': [],
  'emulator/cost': ['emulator/arch'],
  'emulator/trace': ['emulator/arch'],
  'emulator/isa': ['emulator/arch', 'emulator/cost'],
  'emulator/platform': ['emulator/arch', 'emulator/cost', 'emulator/trace'],
  'emulator/cpu': ['emulator/arch', 'emulator/cost', 'emulator/isa', 'emulator/platform', 'emulator/trace'],
  'emulator/asm': ['emulator/arch', 'emulator/isa'],
  'emulator/machine.ts': [
    'emulator/arch',
    'emulator/cost',
    'emulator/cpu',
    'emulator/platform',
    'emulator/trace',
  ],
  'emulator/vmm': [
    'emulator/arch',
    'emulator/cost',
    'emulator/isa',
    'emulator/machine.ts',
    'emulator/platform',
    'emulator/trace',
  ],
  'emulator/root.ts': [],
  'emulator/inputs.ts': ['emulator/machine.ts', 'emulator/platform'],
  'emulator/absences.ts': ['emulator/arch', 'emulator/machine.ts'],
  'emulator/disassembly.ts': ['emulator/arch', 'emulator/isa', 'emulator/machine.ts'],
  'emulator/run.ts': [
    'emulator/absences.ts',
    'emulator/arch',
    'emulator/cost',
    'emulator/disassembly.ts',
    'emulator/inputs.ts',
    'emulator/machine.ts',
    'emulator/platform',
    'emulator/trace',
    'emulator/vmm',
  ],
  'emulator/run-several.ts': [
    'emulator/absences.ts',
    'emulator/arch',
    'emulator/cost',
    'emulator/inputs.ts',
    'emulator/machine.ts',
    'emulator/run.ts',
    'emulator/vmm',
  ],
  'emulator/audit.ts': ['emulator/debug', 'emulator/disassembly.ts', 'emulator/run.ts', 'emulator/vmm'],
  'emulator/checkpoint.ts': [],
  'emulator/debug': [
    'emulator/arch',
    'emulator/checkpoint.ts',
    'emulator/disassembly.ts',
    'emulator/isa',
    'emulator/machine.ts',
    'emulator/run.ts',
    'emulator/vmm',
  ],
  'emulator/index.ts': ['emulator'],
  'kernel/protocol': [],
  'kernel/display': [],
  'kernel/language': ['kernel/session', 'kernel/protocol'],
  'kernel/guests.ts': ['emulator/index.ts', 'emulator/root.ts'],
  'kernel/reproduce': ['emulator/index.ts', 'kernel/display', 'kernel/guests.ts'],
  'kernel/session': ['emulator/index.ts', 'kernel/display', 'kernel/guests.ts', 'kernel/reproduce'],
  'kernel/widgets': ['kernel/language/runner', 'kernel/display'],
  'kernel/server': ['kernel/protocol'],
  kernel: ['emulator/index.ts', 'emulator/root.ts', 'kernel'],
  test: ['emulator', 'kernel', 'test'],
};

const root = packageRoot();

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? sources(path) : path.endsWith('.ts') ? [path] : [];
  });
}

function within(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place}/`);
}

function placeOf(path: string): string | undefined {
  return Object.keys(ALLOWED)
    .filter((place) => within(path, place))
    .sort((a, b) => b.length - a.length)[0];
}

/** Project files that `path` imports, as paths from the root. */
function importsOf(path: string): string[] {
  const text = readFileSync(join(root, path), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)\.js'/g)].map(([, target]) =>
    relative(root, join(root, path, '..', `${target}.ts`))
      .split(sep)
      .join('/'),
  );
}

/** Imports of `path` that the table does not allow. */
function forbidden(path: string, imports: readonly string[]): string[] {
  const place = placeOf(path);
  if (place === undefined) return imports.length ? [`${path} has no row in the table`] : [];
  return imports.filter((target) => ![place, ...ALLOWED[place]].some((allowed) => within(target, allowed)));
}

t.test('imports run downward', async (t) => {
  for (const path of ['emulator', 'kernel', 'test'].flatMap(sources)) {
    t.same(forbidden(path, importsOf(path)), [], path);
  }
});

t.test('the rule catches what it should', async (t) => {
  t.same(forbidden('emulator/arch/flags.ts', ['emulator/cpu/cpu.ts']), ['emulator/cpu/cpu.ts']);
  t.same(forbidden('emulator/vmm/monitor.ts', ['emulator/cpu/mmu.ts']), ['emulator/cpu/mmu.ts']);
  t.same(forbidden('kernel/display/table.ts', ['kernel/session/index.ts']), ['kernel/session/index.ts']);
  t.same(forbidden('kernel/session/index.ts', ['emulator/machine.ts']), ['emulator/machine.ts']);
});
