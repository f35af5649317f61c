import { createHmac } from 'node:crypto';
import t from 'tap';
import { parseConnection } from '../../kernel/protocol/connection.js';
import { toCodePoints, toUtf16 } from '../../kernel/protocol/codepoints.js';
import { History } from '../../kernel/protocol/history.js';
import { Session } from '../../kernel/protocol/session.js';
import { DELIMITER, Wire, WireError } from '../../kernel/protocol/wire.js';

const KEY = 'secret';
const HEADER =
  '{"msg_id":"1","msg_type":"kernel_info_request","session":"s","username":"u","date":"d","version":"5.3"}';

function signed(parts: readonly string[], key = KEY): Buffer[] {
  const signature = createHmac('sha256', key).update(parts.join('')).digest('hex');
  return [
    Buffer.from('identity'),
    DELIMITER,
    Buffer.from(signature),
    ...parts.map((part) => Buffer.from(part)),
  ];
}

t.test('a signed message is decoded', async (t) => {
  const message = new Wire(KEY).decode([...signed([HEADER, '{}', '{}', '{"a":1}']), Buffer.from('raw')]);
  t.equal(message.header.msg_type, 'kernel_info_request');
  t.same(message.identities.map(String), ['identity']);
  t.same(message.content, { a: 1 });
  t.same(message.buffers.map(String), ['raw']);
});

t.test('what is encoded is decoded, signed or not', async (t) => {
  for (const key of [KEY, '']) {
    const message = new Session().message('status', { execution_state: 'busy' }, undefined, [
      Buffer.from('topic'),
    ]);
    t.same(new Wire(key).decode(new Wire(key).encode(message)), message);
  }
});

t.test('half of a surrogate pair is not sent', async (t) => {
  const rows: [text: string, sent: string][] = [
    ['a\ud800b', 'a\ufffdb'],
    ['\udc00\ud800', '\ufffd\ufffd'],
    ['\u{1f600}', '\u{1f600}'],
    ['\\ud800', '\\ud800'],
    ['\\\ud800', '\\\ufffd'],
  ];
  for (const [text, sent] of rows) {
    const message = new Session().message('stream', { name: 'stdout', text });
    t.equal(new Wire(KEY).decode(new Wire(KEY).encode(message)).content['text'], sent, JSON.stringify(text));
  }
});

t.test('frames that are no message of ours are refused with the reason', async (t) => {
  const rows: [what: string, frames: Buffer[], reason: string][] = [
    ['no frames', [], 'malformed'],
    ['no delimiter', [Buffer.from('x')], 'malformed'],
    ['nothing behind the delimiter', [DELIMITER], 'malformed'],
    ['three parts of four', signed([HEADER, '{}', '{}']), 'malformed'],
    ['another key', signed([HEADER, '{}', '{}', '{}'], 'other'), 'wrong signature'],
    [
      'an empty signature',
      [DELIMITER, Buffer.alloc(0), ...signed([HEADER, '{}', '{}', '{}']).slice(3)],
      'wrong signature',
    ],
    ['content that is not JSON, but signed', signed([HEADER, '{}', '{}', '{']), 'not JSON'],
    ['content that is not an object', signed([HEADER, '{}', '{}', '[]']), 'not JSON'],
    ['a header that is null', signed(['null', '{}', '{}', '{}']), 'not JSON'],
    ['a header without a message type', signed(['{"msg_id":"1"}', '{}', '{}', '{}']), 'no header'],
  ];
  for (const [what, frames, reason] of rows) {
    t.throws(() => new Wire(KEY).decode(frames), new WireError(reason as WireError['reason']), what);
  }
  const wire = new Wire(KEY);
  wire.decode(signed([HEADER, '{}', '{}', '{}']));
  t.throws(
    () => wire.decode(signed([HEADER, '{}', '{}', '{}'])),
    new WireError('replayed'),
    'the same message again',
  );
});

t.test('a connection file that is wrong is refused by name and field', async (t) => {
  const good = {
    ip: '127.0.0.1',
    key: 'k',
    shell_port: 1,
    control_port: 2,
    iopub_port: 3,
    stdin_port: 4,
    hb_port: 5,
  };
  t.equal(parseConnection(JSON.stringify(good), 'f').ports.iopub, 3);
  const rows: [text: string, message: RegExp][] = [
    ['{', /^connection file \/tmp\/c.json: not JSON/],
    ['[]', /not a JSON object/],
    [
      JSON.stringify({ ...good, shell_port: '1' }),
      /shell_port must be an integer from 1 to 65535, found "1"/,
    ],
    [JSON.stringify({ ...good, hb_port: 65536 }), /hb_port must be an integer/],
    [JSON.stringify({ ...good, stdin_port: undefined }), /stdin_port must be an integer.* found undefined/],
    [JSON.stringify({ ...good, transport: 'udp' }), /transport must be "tcp" or "ipc", found "udp"/],
    [JSON.stringify({ ...good, signature_scheme: 'hmac-md5' }), /signature_scheme must be "hmac-sha256"/],
    [JSON.stringify({ ...good, key: 5 }), /key must be a string, found 5/],
  ];
  for (const [text, message] of rows) {
    t.throws(() => parseConnection(text, '/tmp/c.json'), { name: 'ConnectionError', message });
  }
});

t.test('cursor positions count code points', async (t) => {
  const text = 'a😀é𝒳b';
  const rows: [codePoints: number, utf16: number][] = [
    [0, 0],
    [1, 1],
    [2, 3],
    [3, 4],
    [4, 6],
    [5, 7],
  ];
  for (const [codePoints, utf16] of rows) {
    t.equal(toUtf16(text, codePoints), utf16);
    t.equal(toCodePoints(text, utf16), codePoints);
  }
  t.equal(toUtf16(text, 99), text.length, 'beyond the end is the end');
});

t.test('history is found by tail, range and pattern', async (t) => {
  const history = new History();
  for (const [index, source] of ['a = 1', 'b = 2', 'a + b', 'a = 1'].entries())
    history.add(index + 1, source);
  const rows: [request: Record<string, unknown>, lines: number[]][] = [
    [{ hist_access_type: 'tail', n: 2 }, [3, 4]],
    [{ hist_access_type: 'tail', n: 0 }, []],
    [{ hist_access_type: 'range', session: 0, start: 2, stop: 4 }, [2, 3]],
    [{ hist_access_type: 'range', session: 1, start: 3, stop: null }, [3, 4]],
    [{ hist_access_type: 'range', session: -1, start: 1 }, []],
    [{ hist_access_type: 'search', pattern: 'a*', n: 10 }, [1, 3, 4]],
    [{ hist_access_type: 'search', pattern: '? = 1', unique: true }, [4]],
    [{ hist_access_type: 'search', pattern: '*', unique: true }, [2, 3, 4]],
    [{ hist_access_type: 'search', pattern: `${'*a'.repeat(40)}b` }, []],
    [{ hist_access_type: 'search', pattern: 'a + b' }, [3]],
    [{ hist_access_type: 'nonsense' }, []],
  ];
  for (const [request, lines] of rows) {
    t.same(
      history.find(request).map(({ line }) => line),
      lines,
      JSON.stringify(request),
    );
  }
});
