import t from 'tap';
import type { Piece } from '../../kernel/language/text-ring.js';
import { TextReader, textRing, TextWriter } from '../../kernel/language/text-ring.js';

function pair() {
  const shared = textRing();
  const reader = new TextReader(shared);
  return {
    reader,
    writer: new TextWriter(shared),
    read(messages: number): Piece[] {
      const pieces: Piece[] = [];
      reader.read(messages, (piece) => pieces.push(piece));
      return pieces;
    },
  };
}

const piece = (text: string, cell = 1, name: Piece['name'] = 'stdout'): Piece => ({ cell, name, text });

for (const [what, pieces] of [
  ['lines', [piece('a\n'), piece('bcdefg\n'), piece('\n')]],
  ['text that is not ASCII', [piece('æ→𝄞'), piece('\ufeffx')]],
  ['two streams of two cells', [piece('a', 1), piece('b', 2, 'stderr'), piece('c', 1, 'stderr')]],
  ['a cell that a front end began', [piece('a', -7)]],
] as [string, Piece[]][])
  t.test(`${what} come out as they went in`, async (t) => {
    const { writer, read } = pair();
    t.same(
      pieces.map((piece) => writer.write(piece, 0)),
      pieces.map((_, n) => (n === 0 ? 'tell' : 'told')),
    );
    t.same(read(0), pieces);
    t.same(read(0), []);
    t.equal(writer.write(piece('more'), 0), 'tell', 'the reader has to be told again');
  });

t.test('pieces wait for the messages before them', async (t) => {
  const { writer, read } = pair();
  for (const [text, messages] of [
    ['a', 0],
    ['b', 2],
    ['c', 3],
  ] as const)
    writer.write(piece(text), messages);
  t.same(read(1), [piece('a')]);
  t.same(read(2), [piece('b')]);
  t.same(read(5), [piece('c')]);
});

t.test('what cannot be kept is refused and changes nothing', async (t) => {
  const { writer, read } = pair();
  t.equal(writer.write(piece('\ud83d'), 0), 'full', 'half of a character');
  t.equal(writer.write(piece('x'.repeat(1 << 20)), 0), 'full', 'more than fits');
  const block = piece('x'.repeat(10_000));
  let fitted = 0;
  while (writer.write(block, 0) !== 'full') fitted++;
  t.ok(fitted > 10, `${fitted} blocks`);
  t.equal(writer.write(piece('small'), 0) !== 'full', true, 'a little still fits');
  t.same(read(0), [...Array.from({ length: fitted }, () => block), piece('small')]);
});

t.test('many times around, every length comes through', async (t) => {
  const { writer, read } = pair();
  const wrong: number[] = [];
  for (let n = 0; n < 20_000; n++) {
    const sent = piece(`${n}:${'é'.repeat(n % 97)}`, n);
    if (writer.write(sent, n) === 'full') wrong.push(n);
    const [got, ...others] = n % 3 === 2 ? read(n).slice(-1) : [sent];
    if (got.text !== sent.text || got.cell !== n || others.length > 0) wrong.push(n);
  }
  t.same(wrong, []);
});

t.test('a writer far ahead of the messages that were taken waits until they are, or is ended', async (t) => {
  const { writer, reader } = pair();
  let waits = 0;
  writer.keepUp(500, () => waits++);
  t.equal(waits, 0);
  writer.keepUp(501, () => {
    if (++waits === 3) reader.took(1);
  });
  t.equal(waits, 3);
  const end = new Error('ended');
  t.throws(
    () =>
      writer.keepUp(502, () => {
        throw end;
      }),
    end,
  );
  reader.took(2);
  writer.keepUp(502, () => t.fail('what was taken is counted'));
});
