import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import { basename, dirname, extname, join, relative, sep } from 'node:path';
import { writeAtomically } from './atomic-file.js';
import { RequestError } from './errors.js';

/** Jupyter's model of a file or folder (jupyter_server, "Contents API"). */
export interface ContentsModel {
  name: string;
  path: string;
  type: 'notebook' | 'file' | 'directory';
  writable: boolean;
  created: string;
  last_modified: string;
  size: number | null;
  mimetype: string | null;
  format: 'json' | 'text' | 'base64' | null;
  content: unknown;
}

export interface Checkpoint {
  id: string;
  last_modified: string;
}

const CHECKPOINT = 'checkpoint';
const CHECKPOINT_FOLDER = '.ipynb_checkpoints';

/**
 * Files below one folder. Paths are relative and use `/`; none leads outside, by `..` or by a symbolic link.
 * Files whose names begin with a dot are neither listed nor served.
 */
export class ContentsStore {
  private constructor(private readonly root: string) {}

  static async open(root: string): Promise<ContentsStore> {
    return new ContentsStore(await fs.realpath(root));
  }

  /** @param content also read what the file or folder holds. */
  async get(path: string, content: boolean, format?: string): Promise<ContentsModel> {
    const file = await this.#existing(path);
    const status = await fs.stat(file);
    const model = this.#model(file, status);
    if (!content) return model;
    if (status.isDirectory()) {
      const names = (await fs.readdir(file)).filter((name) => !name.startsWith('.')).sort();
      // A link that leads outside is not listed.
      const entries = await Promise.allSettled(
        names.map((name) => this.get([...path.split('/').filter(Boolean), name].join('/'), false)),
      );
      const listed = entries.flatMap((entry) => (entry.status === 'fulfilled' ? [entry.value] : []));
      return { ...model, format: 'json', content: listed };
    }
    const bytes = await fs.readFile(file);
    if (model.type === 'notebook') return { ...model, format: 'json', content: parseNotebook(path, bytes) };
    if (format === 'base64' || !isText(bytes))
      return {
        ...model,
        format: 'base64',
        mimetype: 'application/octet-stream',
        content: bytes.toString('base64'),
      };
    return { ...model, format: 'text', mimetype: 'text/plain', content: bytes.toString('utf8') };
  }

  /** Writes a whole file, or makes a folder. @returns its model without content, and whether it is new. */
  async save(
    path: string,
    body: Record<string, unknown>,
  ): Promise<{ model: ContentsModel; created: boolean }> {
    const file = await this.#target(path);
    const created = !(await exists(file));
    if (body.type === 'directory') await fs.mkdir(file, { recursive: true });
    else await writeAtomically(file, contentBytes(body));
    return { model: this.#model(file, await fs.stat(file)), created };
  }

  /** A new untitled file, notebook or folder in the folder at `path`. */
  async createUntitled(path: string, type: string, extension: string): Promise<ContentsModel> {
    const folder = await this.#existing(path);
    const [stem, suffix, content] =
      type === 'notebook'
        ? ['Untitled', '.ipynb', { cells: [], metadata: {}, nbformat: 4, nbformat_minor: 5 }]
        : type === 'directory'
          ? ['Untitled Folder', '', null]
          : ['untitled', extension, ''];
    const name = await freeName(folder, stem, suffix);
    const format = type === 'notebook' ? 'json' : 'text';
    return (await this.save(this.#path(join(folder, name)), { type, format, content })).model;
  }

  /** A copy of the file at `from` in the folder at `path`. */
  async copy(path: string, from: string): Promise<ContentsModel> {
    const source = await this.#existing(from);
    if (!(await fs.stat(source)).isFile()) throw new RequestError(400, `'${from}' is not a file`);
    const folder = await this.#existing(path);
    const suffix = extname(source);
    const name = await freeName(folder, `${basename(source, suffix)}-Copy`, suffix);
    const file = join(folder, name);
    await fs.copyFile(source, file, constants.COPYFILE_EXCL);
    return this.#model(file, await fs.stat(file));
  }

  async rename(path: string, to: string): Promise<ContentsModel> {
    const source = await this.#existing(path);
    const target = await this.#target(to);
    if (await exists(target)) throw new RequestError(409, `'${to}' exists already`);
    await fs.rename(source, target);
    return this.#model(target, await fs.stat(target));
  }

  /** Deletes a file or an empty folder. */
  async delete(path: string): Promise<void> {
    const file = await this.#existing(path);
    if (file === this.root) throw new RequestError(400, 'the root folder cannot be deleted');
    if (!(await fs.stat(file)).isDirectory()) return fs.unlink(file);
    if ((await fs.readdir(file)).some((name) => name !== CHECKPOINT_FOLDER))
      throw new RequestError(400, `'${path}' is not empty`);
    await fs.rm(file, { recursive: true });
  }

  async checkpoints(path: string): Promise<Checkpoint[]> {
    const file = checkpointFile(await this.#existing(path));
    return (await exists(file)) ? [await checkpointModel(file)] : [];
  }

  /** Keeps a copy of the file as it is; there is one a file. */
  async createCheckpoint(path: string): Promise<Checkpoint> {
    const file = await this.#existing(path);
    const folder = dirname(checkpointFile(file));
    await fs.mkdir(folder, { recursive: true });
    if ((await fs.realpath(folder)) !== folder)
      throw new RequestError(403, `'${CHECKPOINT_FOLDER}' leads elsewhere`);
    await writeAtomically(checkpointFile(file), await fs.readFile(file));
    return checkpointModel(checkpointFile(file));
  }

  async restoreCheckpoint(path: string, id: string): Promise<void> {
    const file = await this.#existing(path);
    await writeAtomically(file, await fs.readFile(await knownCheckpoint(file, id)));
  }

  async deleteCheckpoint(path: string, id: string): Promise<void> {
    await fs.unlink(await knownCheckpoint(await this.#existing(path), id));
  }

  #model(
    file: string,
    status: { isDirectory(): boolean; size: number; birthtime: Date; mtime: Date },
  ): ContentsModel {
    const directory = status.isDirectory();
    return {
      name: file === this.root ? '' : basename(file),
      path: this.#path(file),
      type: directory ? 'directory' : extname(file) === '.ipynb' ? 'notebook' : 'file',
      writable: true,
      created: status.birthtime.toISOString(),
      last_modified: status.mtime.toISOString(),
      size: directory ? null : status.size,
      mimetype: null,
      format: null,
      content: null,
    };
  }

  #path(file: string): string {
    return relative(this.root, file).split(sep).join('/');
  }

  /** @throws RequestError 404 for what is not there, is hidden or lies outside. */
  async #existing(path: string): Promise<string> {
    const file = this.#inside(path);
    const real = await fs.realpath(file).catch(() => null);
    if (real === null || !this.#contains(real)) throw new RequestError(404, `no file or folder '${path}'`);
    return real;
  }

  /** Where a file may be written: its folder exists, inside, and the name is no link to elsewhere. */
  async #target(path: string): Promise<string> {
    const file = this.#inside(path);
    if (file === this.root) throw new RequestError(400, 'a path is required');
    if (await exists(file)) return this.#existing(path);
    // A dangling link does not "exist", but writing would follow it.
    if (await fs.lstat(file).catch(() => null)) throw new RequestError(404, `no file or folder '${path}'`);
    const folder = await this.#existing(dirname(path) === '.' ? '' : dirname(path));
    return join(folder, basename(file));
  }

  #inside(path: string): string {
    const segments = path.split('/').filter((segment) => segment !== '');
    if (segments.some((segment) => segment.startsWith('.') || /[\\\0]/.test(segment)))
      throw new RequestError(404, `no file or folder '${path}'`);
    return join(this.root, ...segments);
  }

  #contains(real: string): boolean {
    return real === this.root || real.startsWith(this.root + sep);
  }
}

function contentBytes({ type, format, content }: Record<string, unknown>): Uint8Array | string {
  if (type === 'notebook' || format === 'json') return `${JSON.stringify(content, null, 1)}\n`;
  if (typeof content !== 'string') throw new RequestError(400, "'content' of a file must be a string");
  return format === 'base64' ? Buffer.from(content, 'base64') : content;
}

function parseNotebook(path: string, bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new RequestError(400, `'${path}' is not a notebook: ${(error as Error).message}`);
  }
}

function isText(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return !bytes.includes(0);
  } catch {
    return false;
  }
}

async function freeName(folder: string, stem: string, suffix: string): Promise<string> {
  for (let number = 0; ; number++) {
    const name = `${stem}${number === 0 ? '' : number}${suffix}`;
    if (!(await exists(join(folder, name)))) return name;
  }
}

function exists(file: string): Promise<boolean> {
  return fs.stat(file).then(
    () => true,
    () => false,
  );
}

function checkpointFile(file: string): string {
  const suffix = extname(file);
  return join(dirname(file), CHECKPOINT_FOLDER, `${basename(file, suffix)}-${CHECKPOINT}${suffix}`);
}

async function checkpointModel(file: string): Promise<Checkpoint> {
  return { id: CHECKPOINT, last_modified: (await fs.stat(file)).mtime.toISOString() };
}

async function knownCheckpoint(file: string, id: string): Promise<string> {
  if (id !== CHECKPOINT || !(await exists(checkpointFile(file))))
    throw new RequestError(404, `no checkpoint '${id}'`);
  return checkpointFile(file);
}
