import { EAX, ECX } from '../arch/registers.js';
import type { SegmentIndex } from '../arch/registers.js';
import { VECTOR_GP, VECTOR_UD } from '../arch/vectors.js';
import type { OptionalInstruction } from '../isa/context.js';
import { readTimeStamp } from './control.js';
import type { Cpu } from './cpu.js';

/** Instructions that only some processors have: #UD where CPUID does not offer them (APM vol. 3, chapters 3 and 4). */
export function optionalInstruction(cpu: Cpu, mnemonic: OptionalInstruction, segment: SegmentIndex): void {
  switch (mnemonic) {
    case 'rdtscp':
      if (!cpu.features.has('rdtscp')) cpu.raise(VECTOR_UD);
      readTimeStamp(cpu, 'rdtscp');
      cpu.setGpr(ECX, Number(BigInt.asUintN(32, cpu.msrs.timeStampAux)));
      break;
    case 'monitor':
      requireMonitor(cpu);
      if (cpu.guestMode) cpu.svmUnit.interceptInstruction('monitor');
      cpu.read8(segment, cpu.gpr(EAX));
      cpu.monitorArmed = true;
      break;
    case 'mwait':
      // It may end for any reason the processor likes (APM vol. 3, "MWAIT"): this one ends it at once.
      requireMonitor(cpu);
      if (cpu.guestMode) cpu.svmUnit.interceptWait();
      cpu.monitorArmed = false;
      break;
    case 'xsetbv':
      // No processor here has XSAVE, so CR4.OSXSAVE is never set.
      cpu.raise(VECTOR_UD);
      break;
    case 'rsm':
      // The intercept comes before the exception: outside system-management mode, which this processor lacks, RSM is undefined.
      if (cpu.guestMode) cpu.svmUnit.interceptInstruction('rsm');
      cpu.raise(VECTOR_UD);
  }
}

/** ECX holds extensions, of which there are none. */
function requireMonitor(cpu: Cpu): void {
  if (!cpu.features.has('monitor') || cpu.cpl !== 0) cpu.raise(VECTOR_UD);
  if (cpu.gpr(ECX) !== 0) cpu.raiseWithCode(VECTOR_GP, 0);
}
