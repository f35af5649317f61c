import { SourceError, type Span } from './diagnostics.js';
import type { Base } from './evaluate.js';
import { ByteBuffer } from './output.js';

/** A section's attributes as numbers. */
export interface SectionSettings {
  align?: number;
  start?: number;
  vstart?: number;
  follows?: string;
  vfollows?: string;
  nobits?: boolean;
}

/** One section of the flat image. It is the base its labels are counted from. */
export class Section implements Base {
  /** Where its bytes lie in the image's address space, from the last placement. */
  start = 0;
  /** The address its labels are counted from; differs from `start` when code is to be moved before it runs. */
  vstart = 0;
  /** Bytes so far in this pass, and in the whole of the pass before. */
  length = 0;
  content = new ByteBuffer();
  settings: SectionSettings = {};
  /** Where it is first named, for errors about its placement. */
  span: Span;

  constructor(
    readonly name: string,
    span: Span,
  ) {
    this.span = span;
  }

  get nobits(): boolean {
    return this.settings.nobits ?? this.name === '.bss';
  }

  /** Alignment in bytes: NASM aligns every section but the first `.text` to 4 when nothing is said. */
  get alignBytes(): number {
    return this.settings.align ?? (this.name === '.text' ? 1 : 4);
  }

  beginPass(): void {
    this.length = 0;
    this.content = new ByteBuffer();
  }
}

const alignUp = (value: number, alignment: number) => Math.ceil(value / alignment) * alignment;

/**
 * Gives every section its place in the order of NASM's bin format: sections that hold bytes first, in the
 * order of their appearance with `.text` leading, then those that do not. Throws SourceError when sections
 * overlap or follow each other in a circle. Returns whether a place changed.
 */
export function placeSections(sections: readonly Section[], origin: number): boolean {
  const before = sections.map(({ start, vstart }) => `${start}:${vstart}`).join();
  const ordered = order(sections);
  let end = origin;
  const placed = new Map<string, Section>();
  for (const section of ordered) {
    const { settings } = section;
    const leader = settings.follows === undefined ? undefined : placed.get(settings.follows);
    const from = leader === undefined ? end : leader.start + leader.length;
    section.start = settings.start ?? (section === ordered[0] ? from : alignUp(from, section.alignBytes));
    const vleader = settings.vfollows === undefined ? undefined : placed.get(settings.vfollows);
    section.vstart =
      settings.vstart ??
      (vleader === undefined ? section.start : alignUp(vleader.vstart + vleader.length, section.alignBytes));
    end = section.start + section.length;
    placed.set(section.name, section);
  }
  return sections.map(({ start, vstart }) => `${start}:${vstart}`).join() !== before;
}

function order(sections: readonly Section[]): Section[] {
  const leading = [...sections].sort((a, b) => Number(b.name === '.text') - Number(a.name === '.text'));
  const waiting = [...leading.filter((one) => !one.nobits), ...leading.filter((one) => one.nobits)];
  const ordered = waiting.filter((one) => one.settings.follows === undefined);
  let rest = waiting.filter((one) => one.settings.follows !== undefined);
  while (rest.length > 0) {
    const next = rest.find((one) => ordered.some(({ name }) => name === one.settings.follows));
    if (next === undefined) {
      throw new SourceError(
        `section '${rest[0].name}' follows '${rest[0].settings.follows}', which ${
          sections.some(({ name }) => name === rest[0].settings.follows)
            ? 'follows it in a circle'
            : 'does not exist'
        }`,
        rest[0].span,
      );
    }
    ordered.splice(ordered.findIndex(({ name }) => name === next.settings.follows) + 1, 0, next);
    rest = rest.filter((one) => one !== next);
  }
  return ordered;
}

/**
 * The image: the bytes of all sections from `origin` on, gaps zero.
 * @throws SourceError when sections overlap, lie below the origin or reach past `maximumBytes`
 */
export function joinSections(sections: readonly Section[], origin: number, maximumBytes: number): Uint8Array {
  const filled = sections
    .filter((one) => !one.nobits && one.content.length > 0)
    .sort((a, b) => a.start - b.start);
  const end = filled.reduce((highest, one) => Math.max(highest, one.start + one.content.length), origin);
  if (end - origin > maximumBytes) {
    throw new SourceError(`output larger than ${maximumBytes} bytes`, filled[filled.length - 1].span);
  }
  const image = new Uint8Array(end - origin);
  let free = origin;
  for (const section of filled) {
    if (section.start < origin) {
      throw new SourceError(
        `section '${section.name}' starts below the origin 0x${origin.toString(16)}`,
        section.span,
      );
    }
    if (section.start < free)
      throw new SourceError(`section '${section.name}' overlaps the one before it`, section.span);
    image.set(section.content.slice(), section.start - origin);
    free = section.start + section.content.length;
  }
  return image;
}
