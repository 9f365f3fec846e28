/** WAV as it comes: any cut, any PCM, lengths known and unknown. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { clock } from '../dist/output.js';
import { WaveReader } from '../dist/sound.js';

function wave({ kind = 1, channels = 1, rate = 8000, bits = 16, size = 0xffffffff, before = [] }, data) {
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(0xffffffff, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(kind, 20);
  head.writeUInt16LE(channels, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE((rate * channels * bits) / 8, 28);
  head.writeUInt16LE((channels * bits) / 8, 32);
  head.writeUInt16LE(bits, 34);
  head.write('data', 36);
  head.writeUInt32LE(size, 40);
  return Buffer.concat([head.subarray(0, 36), Buffer.from(before), head.subarray(36), data]);
}

/** What is read when the bytes come in pieces of this size. */
function read(whole, pieceSize) {
  const reader = new WaveReader();
  const samples = [];
  for (let at = 0; at < whole.length; at += pieceSize) {
    const channels = reader.push(new Uint8Array(whole.subarray(at, at + pieceSize)));
    channels.forEach((channel, index) => (samples[index] ??= []).push(...channel));
  }
  return { samples, format: reader.format };
}

const int16 = Buffer.from(Int16Array.from([0, 16384, -32768, 8192]).buffer);

test('samples are the same however the bytes are cut', () => {
  for (const size of [1, 2, 3, 7, 43, 44, 45, 1000]) {
    const { samples, format } = read(wave({}, int16), size);
    assert.deepEqual(samples, [[0, 0.5, -1, 0.25]], `pieces of ${size}`);
    assert.deepEqual(format, { channels: 1, rate: 8000, bits: 16, float: false });
  }
});

test('channels are told apart', () => {
  assert.deepEqual(read(wave({ channels: 2 }, int16), 5).samples, [[0, -1], [0.5, 0.25]]);
});

for (const [about, options, data, expected] of [
  ['8 bits', { bits: 8 }, Buffer.from([128, 192, 0]), [0, 0.5, -1]],
  ['24 bits', { bits: 24 }, Buffer.from([0, 0, 0x40, 0, 0, 0x80]), [0.5, -1]],
  ['32 bits', { bits: 32 }, Buffer.from(Int32Array.from([1 << 30]).buffer), [0.5]],
  ['floats', { kind: 3, bits: 32 }, Buffer.from(Float32Array.from([0.25, -0.5]).buffer), [0.25, -0.5]],
]) {
  test(`samples of ${about}`, () => {
    assert.deepEqual(read(wave(options, data), 4).samples, [expected]);
  });
}

test('a known length ends the samples; chunks before them are skipped', () => {
  const before = [...Buffer.from('LIST'), 3, 0, 0, 0, 1, 2, 3, 0];
  assert.deepEqual(read(wave({ size: 4, before }, int16), 9).samples, [[0, 0.5]]);
});

for (const [about, whole] of [
  ['no WAV', Buffer.from('<!doctype html><html lang="en"><body>')],
  ['another kind of RIFF', Buffer.from('RIFF\x00\x00\x00\x00AVI LIST\x00\x00\x00\x00')],
  ['samples that are no PCM', wave({ kind: 85 }, int16)],
  ['a width of samples that nobody has', wave({ bits: 12 }, int16)],
  ['no channel', wave({ channels: 0 }, int16)],
  ['a rate of zero', wave({ rate: 0 }, int16)],
]) {
  test(`${about} is refused`, () => {
    assert.throws(() => read(whole, 64), RangeError);
  });
}

test('time reads as people write it', () => {
  assert.deepEqual([0, 7.9, 65, 3600].map(clock), ['0:00', '0:07', '1:05', '60:00']);
});
