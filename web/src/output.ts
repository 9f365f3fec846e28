/**
 * Where a metered answer goes while it arrives: to the ear, onto the page, or into a file.
 *
 * Keeps: content reaches the page as text only. Payment events between the content's own are for
 * the payer and are not shown.
 */

import type { Bytes } from './bytes.js';
import { byId, make } from './dom.js';
import { Sound } from './sound.js';
import { t } from './words.js';

/** Whoever reads so near to the end sees it come. */
const FOLLOW_PIXELS = 40;

export interface Output {
  push(piece: Bytes): void;
  /** What has come, in words. */
  progress(): string;
  /** All has come that will. */
  finish(): Promise<void>;
}

/** The output for an answer; `context` was made by the press. */
export function outputFor(response: Response, context: AudioContext): Output {
  const type = (response.headers.get('Content-Type') ?? '').split(';')[0]?.trim() ?? '';
  if (/^audio\/(x-|vnd\.)?wave?$/.test(type)) return new Heard(new Sound(context));
  if (type === 'text/event-stream') return new Events();
  if (type.startsWith('text/') || /[/+]json$/.test(type)) return new Shown();
  return new Kept(type);
}

class Heard implements Output {
  constructor(private readonly sound: Sound) {}

  push(piece: Bytes): void {
    this.sound.push(piece);
  }

  progress(): string {
    return clock(this.sound.heard());
  }

  finish(): Promise<void> {
    return this.sound.drained();
  }
}

class Shown implements Output {
  private readonly decoder = new TextDecoder();
  private characters = 0;

  constructor() {
    byId('output').replaceChildren();
    byId('output').hidden = false;
  }

  push(piece: Bytes): void {
    this.show(this.decoder.decode(piece, { stream: true }));
  }

  show(text: string): void {
    this.characters += text.length;
    const place = byId('output');
    const follows = place.scrollHeight - place.scrollTop - place.clientHeight < FOLLOW_PIXELS;
    place.append(text);
    if (follows) place.scrollTop = place.scrollHeight;
  }

  progress(): string {
    return t('output.characters', { count: this.characters });
  }

  async finish(): Promise<void> {}
}

/** Server-sent events: the data of each, one after the other. */
class Events implements Output {
  private readonly decoder = new TextDecoder();
  private readonly shown = new Shown();
  private rest = '';
  private count = 0;

  push(piece: Bytes): void {
    const blocks = (this.rest + this.decoder.decode(piece, { stream: true })).split(/\r?\n\r?\n/);
    this.rest = blocks.pop() ?? '';
    for (const block of blocks) this.event(block.split(/\r?\n/));
  }

  private event(lines: string[]): void {
    const of = (name: string) =>
      lines.filter((line) => line.startsWith(`${name}:`))
        .map((line) => line.slice(name.length + 1).replace(/^ /, ''));
    const data = of('data').join('\n');
    if (data === '' || of('event').some((name) => name.startsWith('payment-'))) return;
    this.count += 1;
    this.shown.show(plainText(data) ?? `${data}\n`);
  }

  progress(): string {
    return t('output.events', { count: this.count });
  }

  async finish(): Promise<void> {}
}

/** The text of an event that is JSON with one text in it. */
function plainText(data: string): string | undefined {
  try {
    const members = Object.values(JSON.parse(data) as Record<string, unknown>);
    return members.length === 1 && typeof members[0] === 'string' ? members[0] : undefined;
  } catch {
    return undefined;
  }
}

class Kept implements Output {
  private readonly pieces: Bytes[] = [];
  private bytes = 0;

  constructor(private readonly type: string) {}

  push(piece: Bytes): void {
    this.pieces.push(piece);
    this.bytes += piece.length;
  }

  progress(): string {
    return this.bytes < 10_000
      ? t('output.bytes', { count: this.bytes })
      : t('output.kilobytes', { count: Math.floor(this.bytes / 1000) });
  }

  async finish(): Promise<void> {
    const address = URL.createObjectURL(new Blob(this.pieces, { type: this.type }));
    const name = location.pathname.split('/').pop() ?? '';
    const words = name === '' ? t('output.save_all') : t('output.save', { name });
    const link = make('a', { href: address, download: name }, words);
    byId('output').replaceChildren(link);
    byId('output').hidden = false;
  }
}

/** "0:07" */
export function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}
