import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { writeAtomically } from '../server/atomic-file.js';
import { userDataFolder } from '../data-folder.js';
import { KERNEL_NAME, kernelSpec } from '../kernelspec.js';
import { EXIT, Failure, messageOf } from './failure.js';

interface Options {
  user?: boolean;
  prefix?: string;
  name: string;
}

/** `ringside install`: makes Jupyter find this kernel. */
export function installCommand(): Command {
  return new Command('install')
    .description('write the kernelspec, so that Jupyter front ends offer this kernel')
    .option('--user', "into the user's Jupyter data folder (the default)")
    .option('--prefix <dir>', 'into DIR/share/jupyter/kernels')
    .option('--name <name>', 'name of the kernelspec', KERNEL_NAME)
    .action(install);
}

async function install({ user, prefix, name }: Options): Promise<void> {
  if (user && prefix !== undefined) throw new Failure('--user and --prefix exclude each other', EXIT.usage);
  // jupyter_client, "Kernel specs": ASCII letters, numbers and three separators.
  if (!/^[A-Za-z0-9._-]+$/.test(name) || /^\.+$/.test(name))
    throw new Failure(
      `'${name}' is no name for a kernelspec: use letters, digits, '.', '-' and '_'`,
      EXIT.usage,
    );
  const data =
    prefix === undefined
      ? userDataFolder(process.platform, process.env)
      : join(resolve(prefix), 'share', 'jupyter');
  const folder = join(data, 'kernels', name.toLowerCase());
  try {
    mkdirSync(folder, { recursive: true });
    await writeAtomically(join(folder, 'kernel.json'), `${JSON.stringify(kernelSpec(), null, 2)}\n`);
  } catch (error) {
    throw new Failure(`cannot install to ${folder}: ${messageOf(error)}`, EXIT.usage);
  }
  process.stdout.write(`installed kernelspec ${name.toLowerCase()} in ${folder}\n`);
}
