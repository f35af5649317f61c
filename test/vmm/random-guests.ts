import { PAGING_ON } from './guest-source.js';
import type { GuestCase } from './guest-source.js';

/** A generator with a fixed seed (Numerical Recipes' constants). @returns an integer below `below`. */
export function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const STEPS = 120;
/** Pages 0x310 to 0x31f of the first 4 MB are what the guest plays with. */
const FIRST_PAGE = 0x310;
const PAGES = 16;
const TABLES = ['DIRECTORY', 'TABLE', 'TABLE2', 'DIRECTORY2'];

/**
 * Guests that edit their page tables and use the pages, in random order but always with the invalidation that the
 * manual asks for. Faults are counted, added up and skipped, so every access may fail.
 */
export function randomGuests(seed: number, count: number): GuestCase[] {
  return Array.from({ length: count }, (_, index) => randomGuest(seed * 1000 + index));
}

function randomGuest(seed: number): GuestCase {
  const random = generator(seed);
  const pick = <T>(choices: readonly T[]): T => choices[random(choices.length)];
  const page = () => FIRST_PAGE + random(PAGES);
  const rights = () => pick(['P|W', 'P|W', 'P|W|U', 'P', 'P|U', '0', 'P|W|A', 'P|W|A|D', 'P|A|D']);
  // A store to a page table at another address would need an invalidation of its own: no guest here makes one.
  const togglesWriteProtect = random(2) === 0;
  const target = () =>
    random(4) || togglesWriteProtect
      ? `0x${(0x300 + random(32)).toString(16)}000 | ${rights()}`
      : `${pick(TABLES)} | ${pick(['P', 'P | U', '0'])}`;
  const reload = pick(['mov eax, cr3\n mov cr3, eax', 'mov eax, DIRECTORY\n mov cr3, eax']);
  // Accesses are six bytes long, for the fault handler.
  const access = (address: string) =>
    pick([
      `mov ecx, [${address}]`,
      `mov [${address}], ebx`,
      `add ecx, [${address}]`,
      `add [${address}], ebp`,
    ]);
  const steps: (() => string)[] = [
    () => access(`0x${page().toString(16)}${pick(['000', '124', 'ffc'])}`),
    () => access(`0x${page().toString(16)}000`),
    () => access(`0x${(0x400 + page()).toString(16)}010`),
    () => {
      const at = page();
      return `mov dword [TABLE + 4 * ${at}], ${target()}\n invlpg [${at << 12}]\n invlpg [${(at + 0x400) << 12}]`;
    },
    () => `mov dword [TABLE2 + 4 * ${page()}], ${target()}\n ${reload}`,
    () => `mov dword [DIRECTORY + 4], ${pick(['TABLE', 'TABLE2'])} | ${rights()}\n ${reload}`,
    () => `mov dword [DIRECTORY + 4], 0x300000 & 0xffc00000 | PS | ${rights()}\n ${reload}`,
    () => `and dword [TABLE + 4 * ${page()}], ~(A | D)\n ${reload}`,
    () => `mov eax, DIRECTORY${pick(['', '2'])}\n mov cr3, eax`,
    () => (togglesWriteProtect ? `mov eax, cr0\n xor eax, 0x10000\n mov cr0, eax\n ${reload}` : 'nop'),
    () => `mov eax, cr4\n xor eax, 0x10\n mov cr4, eax`,
    () => `add esi, [TABLE + 4 * ${page()}]\n rol esi, 3`,
    () => `imul ebx, ebx, 1103515245\n inc ebx`,
  ];
  const code = Array.from({ length: STEPS }, () => `        ${pick(steps)()}`).join('\n');
  return {
    name: `random page tables, seed ${seed}`,
    handlers: {
      14: `
        pop edi
        mov edx, cr2
        add edi, edx
        add [RESULT], edi
        rol dword [RESULT], 5
        inc dword [RESULT + 4]
        add dword [esp], 6
        iret`,
    },
    code: `${PAGING_ON}
        mov dword [DIRECTORY2], TABLE | P | W | U
        mov dword [DIRECTORY2 + 4], TABLE2 | P | W
        mov ebx, ${seed}
        mov ebp, 3
${code}`,
  };
}
