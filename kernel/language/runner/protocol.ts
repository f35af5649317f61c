import type { CommMessage, DisplayData, Outcome } from '../../protocol/index.js';

/** What the runner's thread is started with. */
export interface RunnerData {
  /** The notebook's working directory. */
  readonly folder: string;
  /** Files of the prelude modules. */
  readonly preludes: readonly string[];
  /** Modules found elsewhere than npm would look, by specifier: file of the compiled module. */
  readonly ownModules: Readonly<Record<string, string>>;
  /** Its first Int32 is not 0 while an interrupt is wanted. */
  readonly interruptFlag: SharedArrayBuffer;
  /** Where text goes that cells print. */
  readonly texts: SharedArrayBuffer;
}

/** What the runner posts by itself; `cell` is the run that it belongs to. */
export type RunnerEvent =
  | {
      /** There is text to be read where it goes. */
      readonly type: 'texts';
    }
  | {
      readonly type: 'stream';
      readonly cell: number;
      readonly name: 'stdout' | 'stderr';
      readonly text: string;
    }
  | { readonly type: 'display'; readonly cell: number; readonly data: DisplayData; readonly id: string }
  | { readonly type: 'update'; readonly cell: number; readonly data: DisplayData; readonly id: string }
  | { readonly type: 'comm'; readonly cell: number; readonly message: CommMessage }
  | { readonly type: 'check'; readonly cell: number; readonly mode: 'strict' | 'lenient' }
  | {
      /** A TypeScript file is wanted. */
      readonly type: 'file';
      readonly request: number;
      readonly specifier: string;
      readonly from: string;
    }
  | { readonly type: 'clear'; readonly cell: number; readonly wait: boolean }
  | {
      readonly type: 'input';
      readonly cell: number;
      readonly question: number;
      readonly prompt: string;
      readonly password: boolean;
    };

export interface RunResult {
  readonly outcome: Outcome;
  /** Values that the cell declares and did not come to set, because it failed first. */
  readonly unset: readonly string[];
}
