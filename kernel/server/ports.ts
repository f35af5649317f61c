import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';

/**
 * `count` different TCP ports that were free on `host` when the operating system chose them. All are held until
 * the last is known. Another program can still take one before it is used: whoever binds them must be ready for that.
 */
export async function freePorts(count: number, host: string): Promise<number[]> {
  const holders = await Promise.all(Array.from({ length: count }, () => listen(host)));
  const ports = holders.map((holder) => (holder.address() as AddressInfo).port);
  await Promise.all(holders.map((holder) => new Promise((resolve) => holder.close(resolve))));
  return ports;
}

function listen(host: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, host, () => resolve(server));
  });
}
