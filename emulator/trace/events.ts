import type { ExitReason } from '../arch/exits.js';

/** Everything that a recorder keeps. Times are ticks of the machine's clock; addresses carry their space. */
export type TraceEvent = { ticks: number } & (
  | { kind: 'exception'; vector: number; errorCode: number | null; eip: number; cr2: number | null }
  | { kind: 'interrupt'; vector: number; eip: number }
  /** `claimed`: a device answered. */
  | {
      kind: 'port';
      direction: 'in' | 'out';
      port: number;
      widthBytes: number;
      value: number;
      claimed: boolean;
    }
  /** An access beyond memory; `claimed` as above. Where none did, the time may be that of the block's end. */
  | {
      kind: 'mmio';
      direction: 'read' | 'write';
      gpa: number;
      widthBytes: number;
      value: number;
      claimed: boolean;
    }
  /** `by`: the monitor, where the guest has more than one. */
  | { kind: 'exit'; reason: ExitReason; eip: number; cycles: number; by?: string }
  /** The guest goes from one monitor to another, named by its technique. */
  | { kind: 'handover'; to: string; eip: number }
  | { kind: 'inject'; vector: number; errorCode: number | null }
  | { kind: 'translate'; eip: number; instructions: number; bytes: number }
  | { kind: 'shadowFill'; gva: number; gpa: number }
  | { kind: 'nestedFill'; gpa: number }
  | { kind: 'cr3'; value: number }
);
