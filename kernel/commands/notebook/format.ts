/** Notebook format 4 (nbformat documentation, "The Notebook file format"), as far as it is used here. */
export interface Notebook {
  cells: Cell[];
  metadata: Record<string, unknown>;
  nbformat: 4;
  nbformat_minor: number;
}

export interface Cell {
  cell_type: 'code' | 'markdown' | 'raw';
  id?: string;
  metadata: Record<string, unknown>;
  source: string;
  outputs?: Output[];
  execution_count?: number | null;
}

export interface MimeOutput {
  output_type: 'display_data' | 'execute_result';
  data: Record<string, unknown>;
  metadata: Record<string, unknown>;
  execution_count?: number | null;
}

export type Output =
  | MimeOutput
  | { output_type: 'stream'; name: string; text: string }
  | { output_type: 'error'; ename: string; evalue: string; traceback: string[] };

/** What is wrong with a notebook file. */
export class NotebookError extends Error {}

/**
 * Reads a notebook; texts stored as lists of lines become strings.
 * @throws NotebookError naming the first thing that is not nbformat 4.
 */
export function parseNotebook(text: string): Notebook {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new NotebookError(`not JSON: ${(error as Error).message}`);
  }
  const { cells, metadata = {}, nbformat, nbformat_minor: minor = 0 } = objectAt(value, 'the notebook');
  if (nbformat !== 4)
    throw new NotebookError(`nbformat is ${JSON.stringify(nbformat) ?? 'missing'}; expected 4`);
  if (!Array.isArray(cells)) throw new NotebookError("'cells' is not a list");
  return {
    cells: cells.map((cell, index) => parseCell(cell, `cell ${index + 1}`)),
    metadata: objectAt(metadata, "'metadata'"),
    nbformat,
    nbformat_minor: Number(minor),
  };
}

/** The file's text as Jupyter writes it: one blank of indent, texts as lists of lines. */
export function formatNotebook(notebook: Notebook): string {
  const cells = notebook.cells.map((cell) => ({
    ...cell,
    source: lines(cell.source),
    ...(cell.outputs && { outputs: cell.outputs.map(splitOutput) }),
  }));
  return `${JSON.stringify(sortKeys({ ...notebook, cells }), null, 1)}\n`;
}

function parseCell(value: unknown, where: string): Cell {
  const fields = objectAt(value, where);
  const type = fields.cell_type;
  if (type !== 'code' && type !== 'markdown' && type !== 'raw')
    throw new NotebookError(`${where}: unknown cell_type ${JSON.stringify(type)}`);
  const cell: Cell = {
    ...fields,
    cell_type: type,
    metadata: objectAt(fields.metadata ?? {}, `${where}: 'metadata'`),
    source: textAt(fields.source, `${where}: 'source'`),
  };
  if (type !== 'code') return cell;
  const outputs = fields.outputs ?? [];
  if (!Array.isArray(outputs)) throw new NotebookError(`${where}: 'outputs' is not a list`);
  return {
    ...cell,
    outputs: outputs.map((output, index) => parseOutput(output, `${where}, output ${index + 1}`)),
  };
}

function parseOutput(value: unknown, where: string): Output {
  const fields = objectAt(value, where);
  switch (fields.output_type) {
    case 'stream':
      return {
        output_type: 'stream',
        name: String(fields.name),
        text: textAt(fields.text, `${where}: 'text'`),
      };
    case 'error': {
      const traceback = Array.isArray(fields.traceback) ? fields.traceback.map(String) : [];
      return { output_type: 'error', ename: String(fields.ename), evalue: String(fields.evalue), traceback };
    }
    case 'display_data':
    case 'execute_result':
      return {
        ...fields,
        output_type: fields.output_type,
        data: Object.fromEntries(
          Object.entries(objectAt(fields.data, `${where}: 'data'`)).map(([mime, data]) => [
            mime,
            // A JSON output may itself be a list of texts.
            mime.endsWith('json') ? data : joined(data),
          ]),
        ),
        metadata: objectAt(fields.metadata ?? {}, `${where}: 'metadata'`),
      };
    default:
      throw new NotebookError(`${where}: unknown output_type ${JSON.stringify(fields.output_type)}`);
  }
}

function objectAt(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new NotebookError(`${where} is not an object`);
  return value as Record<string, unknown>;
}

function textAt(value: unknown, where: string): string {
  const text = joined(value);
  if (typeof text !== 'string') throw new NotebookError(`${where} is not a text`);
  return text;
}

/** A list of lines as one text; anything else as it is. */
function joined(value: unknown): unknown {
  return Array.isArray(value) && value.every((line) => typeof line === 'string') ? value.join('') : value;
}

function lines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function splitOutput(output: Output): object {
  if (output.output_type === 'stream') return { ...output, text: lines(output.text) };
  if (output.output_type === 'error') return output;
  const data = Object.entries(output.data).map(([mime, value]) => [
    mime,
    typeof value === 'string' && (mime.startsWith('text/') || mime.startsWith('image/svg'))
      ? lines(value)
      : value,
  ]);
  return { ...output, data: Object.fromEntries(data) };
}

/** Keys in order, as nbformat writes them, so that a notebook's diff shows changes only. */
export function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([key, entry]) => [key, sortKeys(entry)]));
}
