/** What a cell asks help for: `run?`, `?vm.step`, `%tlb?`, with two question marks for all there is to say. */
export interface HelpRequest {
  readonly name: string;
  readonly detail: 0 | 1;
}

const NAME = String.raw`(%{0,2}[\p{ID_Start}$_][\p{ID_Continue}$.]*)`;
const HELP = new RegExp(String.raw`^\s*(?:${NAME}(\?{1,2})|(\?{1,2})\s*${NAME})\s*$`, 'u');

/** The request that a whole cell is, or nothing. None of these is TypeScript. */
export function helpRequest(code: string): HelpRequest | undefined {
  const match = HELP.exec(code);
  if (match === null) return undefined;
  const [, name = match[4], marks = match[3]] = match;
  return { name, detail: marks.length === 2 ? 1 : 0 };
}
