import { ByteWriter } from './byte-writer.js';
import { END, TYPE_FUNCTION_REFERENCE, TYPE_I32, TYPE_I64 } from './opcodes.js';

const MAGIC_AND_VERSION = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const FUNCTION_TYPE = 0x60;
const KIND_FUNCTION = 0;
const KIND_TABLE = 1;
const KIND_MEMORY = 2;
const SECTION = { type: 1, import: 2, function: 3, export: 7, code: 10 } as const;

export interface ImportedFunction {
  name: string;
  /** Numbers of i32 parameters and results. */
  parameters: number;
  results: number;
}

export interface ModuleSource {
  /** Imported from module `e`, with the memory `m`; indices of functions count from 0 in this order. */
  imports: readonly ImportedFunction[];
  /** The function calls others, with so many i32 parameters and an i32 result, through table `t` of module `e`; their type is {@link indirectType}. */
  indirectParameters?: number;
  /** i32 parameters; the function returns one i32. */
  parameters: number;
  i32Locals: number;
  i64Locals: number;
  body: Uint8Array;
}

/** Index of the type of functions that are called through the table. */
export function indirectType(imports: readonly ImportedFunction[]): number {
  return imports.length + 1;
}

function name(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function section(module: ByteWriter, id: number, write: (content: ByteWriter) => void): void {
  const content = new ByteWriter();
  write(content);
  module.byte(id);
  module.vector(content.bytes);
}

function functionType(out: ByteWriter, parameters: number, results: number): void {
  out.byte(FUNCTION_TYPE);
  out.vector(new Uint8Array(parameters).fill(TYPE_I32));
  out.vector(new Uint8Array(results).fill(TYPE_I32));
}

/** A module of one function, exported as `run` (WebAssembly Core Specification 1.0, section 5.5 "Modules"). */
export function encodeModule(source: ModuleSource): Uint8Array<ArrayBuffer> {
  const { imports, parameters, i32Locals, i64Locals, body, indirectParameters } = source;
  const hasTable = indirectParameters !== undefined;
  const module = new ByteWriter();
  module.append(MAGIC_AND_VERSION);
  section(module, SECTION.type, (out) => {
    out.unsigned(imports.length + (hasTable ? 2 : 1));
    for (const imported of imports) functionType(out, imported.parameters, imported.results);
    functionType(out, parameters, 1);
    if (hasTable) functionType(out, indirectParameters, 1);
  });
  section(module, SECTION.import, (out) => {
    out.unsigned(imports.length + (hasTable ? 2 : 1));
    imports.forEach((imported, type) => {
      out.vector(name('e'));
      out.vector(name(imported.name));
      out.byte(KIND_FUNCTION);
      out.unsigned(type);
    });
    out.vector(name('e'));
    out.vector(name('m'));
    out.byte(KIND_MEMORY);
    // No upper limit, at least 0 pages: any memory fits. So with the table.
    out.append([0, 0]);
    if (!hasTable) return;
    out.vector(name('e'));
    out.vector(name('t'));
    out.append([KIND_TABLE, TYPE_FUNCTION_REFERENCE, 0, 0]);
  });
  section(module, SECTION.function, (out) => out.append([1, imports.length]));
  section(module, SECTION.export, (out) => {
    out.unsigned(1);
    out.vector(name('run'));
    out.byte(KIND_FUNCTION);
    out.unsigned(imports.length);
  });
  section(module, SECTION.code, (out) => {
    const code = new ByteWriter();
    code.unsigned(2);
    code.unsigned(i32Locals);
    code.byte(TYPE_I32);
    code.unsigned(i64Locals);
    code.byte(TYPE_I64);
    code.append(body);
    code.byte(END);
    out.unsigned(1);
    out.vector(code.bytes);
  });
  return Uint8Array.from(module.bytes);
}
