import { Hono } from 'hono';
import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { HTTPException } from 'hono/http-exception';
import type { ContentsStore } from './contents.js';
import { objectOf, optionalString, RequestError } from './errors.js';
import type { KernelRegistry } from './kernels.js';
import type { SessionRegistry } from './sessions.js';

export interface Services {
  version: string;
  kernels: KernelRegistry;
  sessions: SessionRegistry;
  contents: ContentsStore;
}

/** A notebook with its outputs is the largest body there is. */
const BODY_LIMIT_BYTES = 64 * 1024 * 1024;
const NO_CONTENT = 204;

/** The REST half of the Jupyter Server API that @jupyterlab/services 7.6 uses. Errors are `{message, reason}`. */
export function restApi(services: Services): Hono {
  const app = new Hono();
  app.use(
    bodyLimit({
      maxSize: BODY_LIMIT_BYTES,
      onError: () => {
        throw new RequestError(413, `a body may have at most ${BODY_LIMIT_BYTES} bytes`);
      },
    }),
  );
  app.use(async (context, next) => {
    await next();
    context.header('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
    context.header('X-Content-Type-Options', 'nosniff');
    context.header('Cache-Control', 'no-store');
  });
  app.onError((error, context) => {
    if (error instanceof RequestError)
      return context.json({ message: error.message, reason: null }, error.status);
    if (error instanceof HTTPException)
      return context.json({ message: error.message, reason: null }, error.status);
    return context.json({ message: `internal error: ${error.message}`, reason: null }, 500);
  });
  app.notFound((context) =>
    context.json({ message: `no ${context.req.method} ${context.req.path}`, reason: null }, 404),
  );
  statusRoutes(app, services);
  kernelRoutes(app, services);
  sessionRoutes(app, services);
  contentsRoutes(app, services);
  return app;
}

function statusRoutes(app: Hono, { version, kernels }: Services): void {
  const started = new Date().toISOString();
  app.get('/api', (context) => context.json({ version }));
  app.get('/api/status', (context) => {
    const models = kernels.list().map((kernel) => kernel.model);
    return context.json({
      started,
      last_activity:
        models
          .map((model) => model.last_activity)
          .sort()
          .at(-1) ?? started,
      connections: models.reduce((sum, model) => sum + model.connections, 0),
      kernels: models.length,
    });
  });
  app.get('/api/me', (context) => {
    const name = 'ringside';
    const identity = {
      username: name,
      name,
      display_name: name,
      initials: null,
      avatar_url: null,
      color: null,
    };
    return context.json({ identity, permissions: {} });
  });
  const specs = () => ({
    default: kernels.specName,
    kernelspecs: { [kernels.specName]: { name: kernels.specName, spec: kernels.spec, resources: {} } },
  });
  app.get('/api/kernelspecs', (context) => context.json(specs()));
  app.get('/api/kernelspecs/:name', (context) => {
    const name = context.req.param('name');
    if (name !== kernels.specName) throw new RequestError(404, `no kernel is called '${name}'`);
    return context.json(specs().kernelspecs[name]);
  });
  // Front ends keep their settings here; this server has none to keep between runs.
  const config = new Map<string, Record<string, unknown>>();
  app.get('/api/config/:section', (context) => context.json(config.get(context.req.param('section')) ?? {}));
  app.on(['PUT', 'PATCH'], '/api/config/:section', async (context) => {
    const section = context.req.param('section');
    const old = context.req.method === 'PATCH' ? config.get(section) : {};
    config.set(section, { ...old, ...(await body(context)) });
    return context.json(config.get(section) ?? {});
  });
  app.get('/api/terminals', (context) => context.json([]));
}

function kernelRoutes(app: Hono, { kernels }: Services): void {
  app.get('/api/kernels', (context) => context.json(kernels.list().map((kernel) => kernel.model)));
  app.post('/api/kernels', async (context) => {
    const kernel = await kernels.start(optionalString(await body(context), 'name'));
    return context.json(kernel.model, 201, { Location: `/api/kernels/${kernel.id}` });
  });
  app.get('/api/kernels/:id', (context) => context.json(kernels.get(context.req.param('id')).model));
  app.delete('/api/kernels/:id', async (context) => {
    await kernels.shutdown(context.req.param('id'));
    return context.body(null, NO_CONTENT);
  });
  app.post('/api/kernels/:id/interrupt', async (context) => {
    await kernels.get(context.req.param('id')).interrupt();
    return context.body(null, NO_CONTENT);
  });
  app.post('/api/kernels/:id/restart', async (context) => {
    const kernel = kernels.get(context.req.param('id'));
    await kernel.restart();
    return context.json(kernel.model);
  });
}

function sessionRoutes(app: Hono, { sessions }: Services): void {
  app.get('/api/sessions', (context) => context.json(sessions.list()));
  app.post('/api/sessions', async (context) => {
    const session = await sessions.create(await body(context));
    return context.json(session, 201, { Location: `/api/sessions/${session.id}` });
  });
  app.get('/api/sessions/:id', (context) => context.json(sessions.get(context.req.param('id'))));
  app.patch('/api/sessions/:id', async (context) =>
    context.json(await sessions.update(context.req.param('id'), await body(context))),
  );
  app.delete('/api/sessions/:id', async (context) => {
    await sessions.delete(context.req.param('id'));
    return context.body(null, NO_CONTENT);
  });
}

function contentsRoutes(app: Hono, { contents }: Services): void {
  const file = '/api/contents/:path{.*}';
  const pathOf = (context: Context) => context.req.param('path') ?? '';
  const checkpoints = '/api/contents/:path{.+}/checkpoints';
  app.get(checkpoints, async (context) => context.json(await contents.checkpoints(pathOf(context))));
  app.post(checkpoints, async (context) =>
    context.json(await contents.createCheckpoint(pathOf(context)), 201),
  );
  app.post(`${checkpoints}/:id`, async (context) => {
    await contents.restoreCheckpoint(pathOf(context), context.req.param('id'));
    return context.body(null, NO_CONTENT);
  });
  app.delete(`${checkpoints}/:id`, async (context) => {
    await contents.deleteCheckpoint(pathOf(context), context.req.param('id'));
    return context.body(null, NO_CONTENT);
  });
  for (const route of ['/api/contents', file]) {
    app.get(route, async (context) => {
      const content = context.req.query('content') !== '0';
      return context.json(await contents.get(pathOf(context), content, context.req.query('format')));
    });
    app.post(route, async (context) => {
      const { copy_from, type, ext } = await body(context);
      const model =
        typeof copy_from === 'string'
          ? await contents.copy(pathOf(context), copy_from)
          : await contents.createUntitled(pathOf(context), String(type ?? 'file'), String(ext ?? '.txt'));
      return context.json(model, 201);
    });
  }
  app.put(file, async (context) => {
    const { model, created } = await contents.save(pathOf(context), await body(context));
    return context.json(model, created ? 201 : 200);
  });
  app.patch(file, async (context) => {
    const to = optionalString(await body(context), 'path');
    if (to === undefined) throw new RequestError(400, "renaming needs a 'path'");
    return context.json(await contents.rename(pathOf(context), to));
  });
  app.delete(file, async (context) => {
    await contents.delete(pathOf(context));
    return context.body(null, NO_CONTENT);
  });
}

/** The request's JSON object; an empty body is an empty object. */
async function body(context: Context): Promise<Record<string, unknown>> {
  const text = await context.req.text();
  if (text === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new RequestError(400, `the body is not JSON: ${(error as Error).message}`);
  }
  return objectOf(value, 'the body');
}
