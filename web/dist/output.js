/**
 * Where a metered answer goes while it arrives: to the ear, onto the page, or into a file.
 *
 * Keeps: content reaches the page as text only. Payment events between the content's own are for
 * the payer and are not shown.
 */
import { byId, make } from './dom.js';
import { Sound } from './sound.js';
import { t } from './words.js';
/** Whoever reads so near to the end sees it come. */
const FOLLOW_PIXELS = 40;
/** The output for an answer; `context` was made by the press. */
export function outputFor(response, context) {
    const type = (response.headers.get('Content-Type') ?? '').split(';')[0]?.trim() ?? '';
    if (/^audio\/(x-|vnd\.)?wave?$/.test(type))
        return new Heard(new Sound(context));
    if (type === 'text/event-stream')
        return new Events();
    if (type.startsWith('text/') || /[/+]json$/.test(type))
        return new Shown();
    return new Kept(type);
}
class Heard {
    sound;
    constructor(sound) {
        this.sound = sound;
    }
    push(piece) {
        this.sound.push(piece);
    }
    progress() {
        return clock(this.sound.heard());
    }
    finish() {
        return this.sound.drained();
    }
}
class Shown {
    decoder = new TextDecoder();
    characters = 0;
    constructor() {
        byId('output').replaceChildren();
        byId('output').hidden = false;
    }
    push(piece) {
        this.show(this.decoder.decode(piece, { stream: true }));
    }
    show(text) {
        this.characters += text.length;
        const place = byId('output');
        const follows = place.scrollHeight - place.scrollTop - place.clientHeight < FOLLOW_PIXELS;
        place.append(text);
        if (follows)
            place.scrollTop = place.scrollHeight;
    }
    progress() {
        return t('output.characters', { count: this.characters });
    }
    async finish() { }
}
/** Server-sent events: the data of each, one after the other. */
class Events {
    decoder = new TextDecoder();
    shown = new Shown();
    rest = '';
    count = 0;
    push(piece) {
        const blocks = (this.rest + this.decoder.decode(piece, { stream: true })).split(/\r?\n\r?\n/);
        this.rest = blocks.pop() ?? '';
        for (const block of blocks)
            this.event(block.split(/\r?\n/));
    }
    event(lines) {
        const of = (name) => lines.filter((line) => line.startsWith(`${name}:`))
            .map((line) => line.slice(name.length + 1).replace(/^ /, ''));
        const data = of('data').join('\n');
        if (data === '' || of('event').some((name) => name.startsWith('payment-')))
            return;
        this.count += 1;
        this.shown.show(plainText(data) ?? `${data}\n`);
    }
    progress() {
        return t('output.events', { count: this.count });
    }
    async finish() { }
}
/** The text of an event that is JSON with one text in it. */
function plainText(data) {
    try {
        const members = Object.values(JSON.parse(data));
        return members.length === 1 && typeof members[0] === 'string' ? members[0] : undefined;
    }
    catch {
        return undefined;
    }
}
class Kept {
    type;
    pieces = [];
    bytes = 0;
    constructor(type) {
        this.type = type;
    }
    push(piece) {
        this.pieces.push(piece);
        this.bytes += piece.length;
    }
    progress() {
        return this.bytes < 10_000
            ? t('output.bytes', { count: this.bytes })
            : t('output.kilobytes', { count: Math.floor(this.bytes / 1000) });
    }
    async finish() {
        const address = URL.createObjectURL(new Blob(this.pieces, { type: this.type }));
        const name = location.pathname.split('/').pop() ?? '';
        const words = name === '' ? t('output.save_all') : t('output.save', { name });
        const link = make('a', { href: address, download: name }, words);
        byId('output').replaceChildren(link);
        byId('output').hidden = false;
    }
}
/** "0:07" */
export function clock(seconds) {
    const whole = Math.floor(seconds);
    return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}
