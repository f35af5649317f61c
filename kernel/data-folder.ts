import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where Jupyter keeps what is a user's own, kernelspecs among it (jupyter_core, "Data files"). */
export function userDataFolder(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): string {
  if (env.JUPYTER_DATA_DIR) return env.JUPYTER_DATA_DIR;
  switch (platform) {
    case 'darwin':
      return join(homedir(), 'Library', 'Jupyter');
    case 'win32':
      return join(env.APPDATA ?? join(homedir(), 'AppData', 'Roaming'), 'jupyter');
    default:
      return join(env.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'jupyter');
  }
}

/** Where what can be made again is kept (XDG Base Directory Specification; elsewhere the system's own place). */
export function userCacheFolder(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): string {
  switch (platform) {
    case 'darwin':
      return join(homedir(), 'Library', 'Caches');
    case 'win32':
      return env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local');
    default:
      return env.XDG_CACHE_HOME || join(homedir(), '.cache');
  }
}
