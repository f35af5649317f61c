import { DiagnosticSink, SourceError, type Diagnostic, type Span } from './diagnostics.js';
import { encodeData, tooLarge } from './emit-data.js';
import type { InstructionEncoder } from './encoder.js';
import { evaluate, isScalar, resolve, scalar, type Scope, type Value } from './evaluate.js';
import type { Expression } from './expression.js';
import { Instructions, isRelative, type InstructionBody } from './instructions.js';
import { limits } from './limits.js';
import { listingText, type ListingLine } from './listing.js';
import { joinSections, placeSections, Section, type SectionSettings } from './sections.js';
import type { Body, SectionAttributes, Statement } from './statement.js';
import { SymbolTable } from './symbols.js';

export interface LayoutOptions {
  readonly origin: number;
  readonly bits: 16 | 32;
  readonly maxOutputBytes: number;
}

export interface LayoutResult {
  readonly bytes: Uint8Array;
  readonly origin: number;
  readonly symbols: Record<string, number>;
  readonly listing: readonly ListingLine[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Passes after which an instruction never gets shorter again, so that sizes settle. */
const shrinkingPasses = 40;
const highestAddress = 0xffff_ffff;

/**
 * Assembles statements in passes until no label moves: in each pass forward references take the value of the
 * pass before, so branches start short and grow, and short forms are found where values allow.
 */
export function layOut(
  statements: readonly Statement[],
  options: LayoutOptions,
  encoder: InstructionEncoder,
): LayoutResult {
  return new Layout(statements, options, encoder).run();
}

/** Where a statement went in a pass. */
interface PlacedStatement {
  readonly statement: Statement;
  readonly here: Value;
  readonly section: Section;
  /** Its bytes in the section's content. */
  readonly start: number;
  readonly end: number;
}

function listingLine({ statement, here, section, start, end }: PlacedStatement): ListingLine {
  const { file, line } = statement.source.source;
  const bytes = section.content.slice(start, end);
  return { file, line, address: Number(resolve(here)), bytes, text: listingText(statement.source) };
}

class Layout {
  readonly #symbols = new SymbolTable();
  readonly #sections: Section[] = [];
  readonly #instructions: Instructions;
  #sink = new DiagnosticSink();
  /** Errors of the first pass that later passes would not find again. */
  readonly #unplaced = new DiagnosticSink();
  #placed: PlacedStatement[] = [];
  #origin: number;
  #originSpan: Span | undefined;
  #steps = 0;

  // State of the walk through one pass.
  #section!: Section;
  #bits: 16 | 32;
  /** Offset in an `absolute` region or structure; undefined in a section. */
  #absolute: number | undefined;
  #structure: { name: string; span: Span; outer: number | undefined } | undefined;
  #instance: { name: string; start: Value } | undefined;
  #emitted = 0;

  constructor(
    readonly statements: readonly Statement[],
    readonly options: LayoutOptions,
    encoder: InstructionEncoder,
  ) {
    this.#instructions = new Instructions(encoder);
    this.#origin = options.origin;
    this.#bits = options.bits;
  }

  run(): LayoutResult {
    const start = { file: this.statements[0]?.span.file ?? '', line: 1, column: 1, endColumn: 2 };
    this.#section = this.#sectionNamed('.text', start);
    for (;;) {
      this.#pass(start);
      if (this.#steps > limits.layoutSteps) {
        this.#sink.error(
          start,
          `more than ${limits.layoutSteps} steps of assembly: the source asks for too much`,
        );
        break;
      }
      if (this.#symbols.pass >= limits.passes) {
        this.#sink.error(
          start,
          `sizes did not settle in ${limits.passes} passes: a label depends on its own position`,
        );
        break;
      }
      let moved = false;
      this.#sink.guard(() => (moved = placeSections(this.#sections, this.#origin)));
      // The second pass is the first that can tell an undefined symbol.
      if (this.#symbols.pass >= 2 && !moved && !this.#symbols.changed) break;
    }
    return this.#finish();
  }

  #finish(): LayoutResult {
    // Errors of the first pass come first: those of the last may follow from them.
    const sink = this.#unplaced;
    for (const one of this.#sink.finish()) sink.report(one.severity, one, one.message);
    const join = () => joinSections(this.#sections, this.#origin, this.options.maxOutputBytes);
    const bytes = sink.hasErrors ? undefined : sink.guard(join);
    return {
      bytes: bytes ?? new Uint8Array(0),
      origin: this.#origin,
      symbols: this.#symbols.values(),
      listing: this.#placed.map(listingLine),
      diagnostics: sink.finish(),
    };
  }

  #pass(start: Span): void {
    this.#sink = new DiagnosticSink();
    this.#placed = [];
    this.#symbols.beginPass();
    for (const section of this.#sections) section.beginPass();
    this.#section = this.#sections[0];
    this.#bits = this.options.bits;
    this.#absolute = undefined;
    this.#structure = undefined;
    this.#instance = undefined;
    this.#emitted = 0;
    this.#originSpan = undefined;
    for (const statement of this.statements) {
      if (this.#steps > limits.layoutSteps) return;
      this.#sink.guard(() => this.#statement(statement));
    }
    this.#reportOpen(start);
  }

  #reportOpen(start: Span): void {
    const structure = this.#structure;
    if (structure !== undefined)
      this.#sink.error(structure.span, `structure '${structure.name}' has no endstruc`);
    if (this.#instance !== undefined) this.#sink.error(start, `istruc '${this.#instance.name}' has no iend`);
  }

  #sectionNamed(name: string, span: Span): Section {
    let section = this.#sections.find((one) => one.name === name);
    if (section === undefined) {
      section = new Section(name, span);
      this.#sections.push(section);
    }
    return section;
  }

  /** The place of the next byte. */
  #here(): Value {
    if (this.#absolute !== undefined) return scalar(BigInt(this.#absolute));
    return this.#addressIn(this.#section.length);
  }

  #addressIn(offset: number): Value {
    const section = this.#section;
    return { ...scalar(BigInt(offset)), bases: [{ of: section, coefficient: 1n }] };
  }

  #scope(here: Value): Scope {
    return {
      symbol: (name, span) => this.#symbols.value(name, span),
      here: () => here,
      sectionStart: () => (this.#absolute === undefined ? this.#addressIn(0) : scalar(0n)),
    };
  }

  #statement(statement: Statement): void {
    this.#steps++;
    const { label, body } = statement;
    const here = this.#here();
    const section = this.#section;
    const before = section.content.length;
    if (label !== undefined) {
      const value = body?.kind === 'equ' ? this.#constant(body.value, here) : here;
      this.#symbols.define(label.name, value, label.span);
    }
    try {
      if (body !== undefined) this.#body(body, statement.span, here);
    } finally {
      this.#placed.push({ statement, here, section, start: before, end: section.content.length });
    }
  }

  #constant(expression: Expression, here: Value): Value {
    const value = evaluate(expression, this.#scope(here));
    if (value.registers.length > 0)
      throw new SourceError("'equ' needs a number or address, found a register", expression.span);
    return value;
  }

  /** A number needed before anything after it can be placed: it cannot depend on labels below. */
  #critical(expression: Expression, what: string, here: Value): number {
    const value = evaluate(expression, this.#scope(here));
    if (!value.known) {
      // Later passes would know it, but what stands between has been placed without it: NASM refuses this too.
      const message = `${what} must be known here: it uses a symbol that is defined below or not at all`;
      this.#unplaced.error(expression.span, message);
      throw new SourceError(message, expression.span);
    }
    if (!isScalar(value)) {
      throw new SourceError(
        `${what} must be a plain number, found ${value.registers.length > 0 ? 'a register' : 'an address'}`,
        expression.span,
      );
    }
    return Number(value.number);
  }

  #count(expression: Expression, what: string, here: Value): number {
    const count = this.#critical(expression, what, here);
    if (count < 0) throw new SourceError(`${what} must not be negative, found ${count}`, expression.span);
    return count;
  }

  #body(body: Body, span: Span, here: Value): void {
    switch (body.kind) {
      case 'equ':
        return;
      case 'instruction':
        this.#append(this.#instruction(body, here), 1, span);
        return;
      case 'data':
        if (body.items.length > 0) this.#append(this.#data(body, here), 1, span);
        return;
      case 'reserve':
        this.#skip(this.#count(body.count, 'the count of units', here) * body.unitBytes, span);
        return;
      case 'times':
        this.#times(body, span, here);
        return;
      case 'align':
        this.#align(body, span, here);
        return;
      case 'org':
        this.#org(body.origin, span, here);
        return;
      case 'section':
        this.#enterSection(body.name, body.attributes, span, here);
        return;
      case 'absolute':
        this.#absolute = this.#critical(body.address, "the address after 'absolute'", here);
        return;
      case 'bits':
        this.#bits = body.bits;
        return;
      case 'struc':
      case 'endstruc':
        this.#structureEdge(body, span, here);
        return;
      case 'istruc':
      case 'at':
      case 'iend':
        this.#structureInstance(body, span, here);
    }
  }

  #data(body: Extract<Body, { kind: 'data' }>, here: Value): Uint8Array {
    return encodeData(body.items, body.unitBytes, {
      scope: this.#scope(here),
      sink: this.#sink,
      count: (expression, what) => this.#count(expression, what, here),
      room: this.options.maxOutputBytes - this.#emitted,
    });
  }

  /** Appends bytes to the section; `absolute` regions and .bss take none. */
  #append(bytes: Uint8Array, count: number, span: Span): void {
    if (this.#absolute !== undefined)
      throw new SourceError(
        "only reservations (resb ...) can stand after 'absolute' or in a structure",
        span,
      );
    const section = this.#section;
    if (section.nobits && bytes.length * count > 0) {
      this.#sink.warning(
        span,
        `section '${section.name}' holds no bytes: these are only reserved, not written`,
      );
      this.#skip(bytes.length * count, span);
      return;
    }
    this.#room(bytes.length * count, span);
    section.content.appendRepeated(bytes, count);
    section.length += bytes.length * count;
  }

  /** Reserves bytes; in a section with contents they are zeros. */
  #skip(bytes: number, span: Span): void {
    if (this.#absolute !== undefined) {
      this.#absolute += bytes;
      if (this.#absolute > highestAddress) throw new SourceError('the region reaches past 4 GB', span);
      return;
    }
    const section = this.#section;
    if (section.nobits) {
      if (section.vstart + section.length + bytes > highestAddress)
        throw new SourceError('the section reaches past 4 GB', span);
    } else {
      this.#room(bytes, span);
      if (bytes > 0) section.content.appendRepeated(Uint8Array.of(0), bytes);
    }
    section.length += bytes;
  }

  #room(bytes: number, span: Span): void {
    if (this.#emitted + bytes > this.options.maxOutputBytes) throw tooLarge(span);
    this.#emitted += bytes;
  }

  #instruction(body: InstructionBody, here: Value): Uint8Array {
    return this.#instructions.encode(body, {
      site: { bits: this.#bits, address: resolve(this.#here()) },
      scope: this.#scope(here),
      base: this.#absolute === undefined ? this.#section : null,
      growOnly: this.#symbols.pass > shrinkingPasses,
      sink: this.#sink,
    });
  }

  #times(body: Extract<Body, { kind: 'times' }>, span: Span, here: Value): void {
    const count = this.#count(body.count, "the count of 'times'", here);
    const inner = body.body;
    if (inner.kind === 'data' || (inner.kind === 'instruction' && !isRelative(inner.mnemonic))) {
      const bytes = inner.kind === 'data' ? this.#data(inner, here) : this.#instruction(inner, here);
      if (count > 0) this.#append(bytes, count, span);
      return;
    }
    if (inner.kind === 'reserve') {
      this.#skip(this.#count(inner.count, 'the count of units', here) * inner.unitBytes * count, span);
      return;
    }
    if (inner.kind !== 'instruction' && inner.kind !== 'times')
      throw new SourceError("'times' repeats instructions and data only", span);
    if (count > limits.timesInstructions) {
      throw new SourceError(
        `'times' repeats this at most ${limits.timesInstructions} times, found ${count}`,
        body.count.span,
      );
    }
    for (let repetition = 0; repetition < count && this.#steps <= limits.layoutSteps; repetition++) {
      this.#steps++;
      this.#body(inner, span, here);
    }
  }

  #align({ boundary, fill, reserve }: Extract<Body, { kind: 'align' }>, span: Span, here: Value): void {
    const alignment = this.#count(boundary, 'the alignment', here);
    if (alignment === 0 || (alignment & (alignment - 1)) !== 0 || alignment > 1 << 30) {
      throw new SourceError(`an alignment is a power of two, found ${alignment}`, boundary.span);
    }
    const offset = this.#absolute ?? this.#section.length;
    if (this.#absolute === undefined) {
      const { settings } = this.#section;
      if (alignment > this.#section.alignBytes) settings.align = alignment;
    }
    const gap = (alignment - (offset % alignment)) % alignment;
    if (this.#absolute !== undefined || this.#section.nobits || (reserve && fill === undefined)) {
      this.#skip(gap, span);
    } else if (gap > 0) {
      const bytes = fill === undefined ? Uint8Array.of(nopOpcode) : this.#fillBytes(fill, span, here);
      this.#append(bytes, gap, span);
    }
  }

  #fillBytes(fill: Body, span: Span, here: Value): Uint8Array {
    if (fill.kind === 'data') return this.#data(fill, here);
    if (fill.kind === 'instruction') return this.#instruction(fill, here);
    if (fill.kind === 'reserve')
      return new Uint8Array(this.#count(fill.count, 'the count of units', here) * fill.unitBytes);
    throw new SourceError('an alignment is filled with an instruction or data, such as db 0', span);
  }

  #org(expression: Expression, span: Span, here: Value): void {
    if (this.#originSpan !== undefined) {
      throw new SourceError(`the origin is already set in line ${this.#originSpan.line}`, span);
    }
    const origin = this.#count(expression, 'the origin', here);
    if (origin > highestAddress) throw new SourceError('the origin lies past 4 GB', expression.span);
    this.#origin = origin;
    this.#originSpan = span;
  }

  #enterSection(name: string, attributes: SectionAttributes, span: Span, here: Value): void {
    const section = this.#sectionNamed(name, span);
    const number = (expression: Expression | undefined, what: string) =>
      expression === undefined ? undefined : this.#count(expression, what, here);
    const align = number(attributes.align, 'the alignment');
    if (align !== undefined && (align === 0 || (align & (align - 1)) !== 0)) {
      throw new SourceError(`an alignment is a power of two, found ${align}`, span);
    }
    const start = number(attributes.start, 'the start');
    const vstart = number(attributes.vstart, 'the virtual start');
    const settings: SectionSettings = {
      ...(align !== undefined && { align: Math.max(align, section.settings.align ?? 0) }),
      ...(start !== undefined && { start }),
      ...(vstart !== undefined && { vstart }),
      ...(attributes.follows !== undefined && { follows: attributes.follows }),
      ...(attributes.vfollows !== undefined && { vfollows: attributes.vfollows }),
      ...(attributes.nobits !== undefined && { nobits: attributes.nobits }),
    };
    Object.assign(section.settings, settings);
    this.#section = section;
    this.#absolute = undefined;
  }

  #structureEdge(body: Extract<Body, { kind: 'struc' | 'endstruc' }>, span: Span, here: Value): void {
    if (body.kind === 'struc') {
      if (this.#structure !== undefined)
        throw new SourceError(`structure '${this.#structure.name}' is still open`, span);
      const start =
        body.start === undefined ? 0 : this.#critical(body.start, 'the offset of the structure', here);
      this.#structure = { name: body.name, span, outer: this.#absolute };
      this.#absolute = start;
      this.#symbols.define(body.name, scalar(BigInt(start)), span);
      return;
    }
    const structure = this.#structure;
    if (structure === undefined) throw new SourceError("'endstruc' without 'struc'", span);
    const start = this.#symbols.value(structure.name, span).number;
    this.#symbols.define(`${structure.name}_size`, scalar(here.number - start), span);
    this.#structure = undefined;
    this.#absolute = structure.outer;
  }

  #structureInstance(body: Extract<Body, { kind: 'istruc' | 'at' | 'iend' }>, span: Span, here: Value): void {
    if (body.kind === 'istruc') {
      if (this.#instance !== undefined)
        throw new SourceError(`istruc '${this.#instance.name}' is still open`, span);
      this.#instance = { name: body.name, start: here };
      return;
    }
    const instance = this.#instance;
    if (instance === undefined) throw new SourceError(`'${body.kind}' without 'istruc'`, span);
    const used = Number(here.number - instance.start.number);
    const structureStart = Number(this.#symbols.value(instance.name, span).number);
    const wanted =
      body.kind === 'at'
        ? this.#critical(body.field, 'the field', here) - structureStart
        : Number(this.#symbols.value(`${instance.name}_size`, span).number);
    if (wanted < used)
      throw new SourceError(
        `this place of '${instance.name}' is already written: offset ${wanted}, now at ${used}`,
        span,
      );
    this.#append(Uint8Array.of(0), wanted - used, span);
    if (body.kind === 'iend') this.#instance = undefined;
    else if (body.body !== undefined) this.#body(body.body, span, this.#here());
  }
}

/** NASM fills alignment with one-byte no-operations. */
const nopOpcode = 0x90;
