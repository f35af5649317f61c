import type { BinaryTranslationVmm } from '../../../emulator/vmm/software/binary-translation.js';

/** Exits that are handled one by one, in the funnel; those of short ways are only counted. */
export function countLongWays(vmm: BinaryTranslationVmm): () => number {
  let count = 0;
  const exit = vmm.exit.bind(vmm);
  vmm.exit = (...parameters) => {
    count++;
    exit(...parameters);
  };
  return () => count;
}

/** What a run under binary translation leaves beside the guest. */
export function countsOf(vmm: BinaryTranslationVmm): Record<string, unknown> {
  const { host, guest } = vmm;
  return {
    exits: [...vmm.exits],
    counts: host.ledger.snapshot(),
    ticks: host.ledger.ticks,
    instructions: [host.cpu.instructions, guest.cpu.instructions],
    statistics: vmm.statistics,
    shadow: vmm.shadowStatistics,
  };
}
