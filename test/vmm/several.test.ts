import t from 'tap';
import { findProfile } from '../../emulator/cost/catalog.js';
import type { Account } from '../../emulator/cost/keys.js';
import type { RunLimits } from '../../emulator/machine.js';
import { loadImage, parseImage } from '../../emulator/platform/image.js';
import { runImage } from '../../emulator/run.js';
import type { RunResult } from '../../emulator/run.js';
import { runSeveral } from '../../emulator/run-several.js';
import type { GuestShare, SeveralRunOptions } from '../../emulator/run-several.js';
import { usableTechniques } from '../../emulator/vmm/catalog.js';
import type { Technique } from '../../emulator/vmm/catalog.js';
import { Several } from '../../emulator/vmm/several.js';
import { PAGING, tables } from './software/guests.js';
import { program } from './software/bench.js';
import { timer } from '../timer.js';

const MEMORY_BYTES = 4 << 20;
/** Of those with a monitor `hybrid` keeps a machine to itself. */
const TECHNIQUES = usableTechniques().filter((technique) => technique !== 'native' && technique !== 'hybrid');

const image = (source: string) => ({ image: program(source).image });

/** Its kernel and user code on page tables of its own, with system calls, and something on the console. */
const SYSTEM_CALLS = (count: number, letter: string) => `
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        enter_user user, 0x80000
user:   mov ecx, ${count}
.again: mov eax, '${letter}'
        int 0x80
        imul ebx, ebx, 17
        add ebx, ecx
        mov [0x310000 + ecx * 4], ebx
        dec ecx
        jnz .again
        mov eax, -1
        int 0x80
system: cmp eax, -1
        je .exit
        test ecx, 63
        jnz .back
        mov edx, COM1
        out dx, al
.back:  iret
.exit:  exit ${letter.charCodeAt(0)}
${tables({ 0x80: 'system' })}
`;

const COMPUTE = (rounds: number) => `
start:  mov ecx, ${rounds}
        mov eax, 1
.again: imul eax, eax, 69069
        add eax, ecx
        mov edx, eax
        and edx, 0xffc
        add [0x320000 + edx], eax
        dec ecx
        jnz .again
        exit 1
`;

/** Sums in the coprocessor, all the time. */
const FLOATING = (start: number) => `
start:  fninit
        push dword ${start}
        fild dword [esp]
        fld1
        mov ecx, 4000
.again: fadd st1, st0
        fmul st0, st0
        loop .again
        fstp st0
        fistp dword [0x330000]
        mov eax, [0x330000]
        exit 2
`;

/** Waits for the timer, some times, and sends a letter for each. */
const TIMER = `
start:  mov esp, STACK_TOP
        load_tables
        ${timer(0x400)}
        mov ecx, 5
.wait:  sti
        hlt
        cli
        loop .wait
        exit 3
timer:  push eax
        push edx
        mov edx, COM1
        mov al, 't'
        out dx, al
        mov al, 0x20
        out 0x20, al
        pop edx
        pop eax
        iret
${tables({ 0x20: 'timer' })}
`;

const CRASH = 'start: lidt [nothing]\n ud2\nnothing: dw 0, 0, 0';
const ENDLESS = `start: load_tables\n.on: inc eax\n jmp .on\n${tables({ 6: 'start' })}`;

const together = (sources: readonly string[], options: SeveralRunOptions) =>
  runSeveral(sources.map(image), { memoryBytes: MEMORY_BYTES, sliceCycles: 8_000, ...options });

const alone = (source: string, technique: Technique, profile: string): RunResult =>
  runImage(image(source).image, { technique, profile, memoryBytes: MEMORY_BYTES });

const visible = ({
  outcome,
  exitCode,
  console,
  debugConsole,
  state,
  memoryDigest,
}: RunResult | GuestShare) => ({
  outcome,
  exitCode,
  console,
  debugConsole,
  state,
  memoryDigest,
});

const sum = (accounts: Readonly<Record<Account, number>>) =>
  Object.values(accounts).reduce((total, cycles) => total + cycles, 0);

for (const technique of TECHNIQUES) {
  // With a tagged TLB where the technique makes use of one.
  const profile = technique.startsWith('svm') ? 'zen3' : 'pentium4-672';
  t.test(`each guest ends as it does alone: ${technique}, ${profile}`, async (t) => {
    const sources = [
      SYSTEM_CALLS(400, 'a'),
      COMPUTE(30_000),
      FLOATING(3),
      SYSTEM_CALLS(300, 'b'),
      FLOATING(7),
    ];
    const run = together(sources, { technique, profile });
    for (const [index, source] of sources.entries()) {
      t.same(visible(run.guests[index]), visible(alone(source, technique, profile)), `guest ${index}`);
      t.ok(run.guests[index].turns > 1, `${run.guests[index].turns} turns`);
      t.ok(Math.abs(sum(run.guests[index].accounts) - run.guests[index].cycles) < 1e-3);
    }
    t.ok(Math.abs(sum(run.accounts) - run.cycles) < 1e-3, 'accounts sum to the clock');
    t.ok(run.betweenCycles > 0 && run.betweenCycles < run.cycles / 4, 'changing guests has a price');
  });

  t.test(`shares are fair: ${technique}`, async (t) => {
    const run = together([ENDLESS, ENDLESS, ENDLESS], { technique, limits: { cycles: 4_000_000 } });
    const shares = run.guests.map(({ cycles }) => cycles);
    t.ok(
      Math.max(...shares) - Math.min(...shares) < 50_000,
      `shares of ${shares.map(Math.round).join(', ')}`,
    );
    for (const { outcome, turns } of run.guests) {
      t.equal(outcome, 'budget');
      t.ok(turns > 10);
    }
  });

  t.test(`a guest that crashes, one that never ends, one that halts for good: ${technique}`, async (t) => {
    const run = together([CRASH, COMPUTE(20_000), ENDLESS, 'start: cli\n hlt'], {
      technique,
      limits: { cycles: 10_000_000 },
    });
    t.same(
      run.guests.map(({ outcome }) => outcome),
      ['triple-fault', 'exit', 'budget', 'halted'],
    );
    t.same(visible(run.guests[1]), visible(alone(COMPUTE(20_000), technique, 'pentium4-672')));
    t.same(visible(run.guests[0]), visible(alone(CRASH, technique, 'pentium4-672')));
  });

  t.test(`timer interrupts come at the next turn: ${technique}`, async (t) => {
    const run = together([TIMER, COMPUTE(60_000), TIMER], { technique });
    t.same(
      run.guests.map(({ console }) => console),
      ['ttttt', '', 'ttttt'],
    );
    t.same(
      run.guests.map(({ exitCode }) => exitCode),
      [3, 1, 3],
    );
    t.ok(run.accounts.idle > 0, 'time passes while all wait');
    const waiting = together([TIMER, TIMER], { technique, limits: { cycles: 100_000_000 } });
    t.same(
      waiting.guests.map(({ exitCode }) => exitCode),
      [3, 3],
      'nobody else to run',
    );
  });

  t.test(`the same again costs the same: ${technique}`, async (t) => {
    const run = () => together([SYSTEM_CALLS(100, 'a'), TIMER, COMPUTE(5000)], { technique });
    t.same(run(), run());
  });
}

t.test('how often a run of all is stopped and taken up again changes nothing', async (t) => {
  for (const technique of TECHNIQUES) {
    const end = (slice: RunLimits) => {
      const several = new Several({
        technique,
        count: 2,
        sliceCycles: 8_000,
        profile: findProfile('zen3'),
        memoryBytes: MEMORY_BYTES,
      });
      [SYSTEM_CALLS(60, 'a'), COMPUTE(3000)].forEach((source, index) =>
        loadImage(several.members[index].vmm.guest, parseImage(image(source).image)),
      );
      for (let stop = several.run(slice); stop !== 'ended'; stop = several.run(slice));
      return { cycles: several.host.ledger.cyclesExact, turns: several.members.map(({ turns }) => turns) };
    };
    t.same(end({ instructions: 97 }), end({}), technique);
  }
});

t.test('tags keep entries of the TLB over a turn of another', async (t) => {
  const sources = [SYSTEM_CALLS(400, 'a'), SYSTEM_CALLS(400, 'b')];
  const walks = (addressSpaceTags: boolean) =>
    together(sources, { technique: 'svm-nested', profile: 'zen3', switches: { addressSpaceTags } }).accounts
      .walk;
  t.ok(walks(true) < walks(false));
});

t.test('longer turns, fewer changes', async (t) => {
  const sources = [COMPUTE(30_000), COMPUTE(30_000)];
  const between = (sliceCycles: number) => together(sources, { sliceCycles }).betweenCycles;
  t.ok(between(10_000) > 2 * between(40_000));
});

t.test('what is refused', async (t) => {
  const rows: [options: SeveralRunOptions, count: number, message: RegExp][] = [
    [{ technique: 'native' }, 2, /'native' has no monitor that could share/],
    [{ technique: 'hybrid' }, 2, /'hybrid' cannot share a machine/],
    [{ sliceCycles: 10 }, 2, /sliceCycles 10: expected a whole number from 1000/],
    [{}, 0, /guests 0: expected a whole number from 1 to 16/],
    [{ memoryBytes: 1 << 30 }, 2, /guest memory of 1073741824 bytes for each of 2: expected .* up to/],
    [{ memoryBytes: 1000 }, 2, /guest memory of 1000 bytes/],
    [{ switches: { nestedLargePages: false } }, 1, /nestedLargePages/],
  ];
  for (const [options, count, message] of rows)
    t.throws(() => together(Array<string>(count).fill(ENDLESS), options), { message }, String(message));
});
