/**
 * Sound that plays while it arrives: WAV with PCM samples, of known or unknown length.
 *
 * Keeps: samples are played once, in order, without gaps as long as they come in time. Knows
 * nothing of payment.
 */
/** Room for the network's unevenness. */
const LEAD_SECONDS = 0.25;
const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;
/** Reads a WAV stream piece by piece. */
export class WaveReader {
    format;
    rest = new Uint8Array(0);
    inData = false;
    left = Infinity;
    /** The whole frames in hand, as samples of each channel; throws `RangeError` on what is no PCM. */
    push(piece) {
        const whole = new Uint8Array(this.rest.length + piece.length);
        whole.set(this.rest);
        whole.set(piece, this.rest.length);
        this.rest = whole;
        while (!this.inData) {
            if (!this.readChunk())
                return [];
        }
        return this.frames();
    }
    readChunk() {
        const view = viewOf(this.rest);
        if (this.format === undefined && this.rest.length < 12)
            return false;
        const skip = text(this.rest, 0) === 'RIFF' ? 12 : 0;
        if (skip > 0 && text(this.rest, 8) !== 'WAVE')
            throw new RangeError('this is no WAV file');
        if (this.rest.length < skip + 8)
            return false;
        const name = text(this.rest, skip);
        const size = view.getUint32(skip + 4, true);
        if (name === 'data') {
            if (this.format === undefined)
                throw new RangeError('the WAV file has no format');
            this.inData = true;
            // Whoever does not know the length writes the greatest one or zero.
            this.left = size === 0 || size >= 0xffff_f000 ? Infinity : size;
            this.rest = this.rest.slice(skip + 8);
            return true;
        }
        if (!/^[ -~]{4}$/.test(name) || size > 1 << 20)
            throw new RangeError('this is no WAV file');
        const end = skip + 8 + size + (size % 2);
        if (this.rest.length < end)
            return false;
        if (name === 'fmt ')
            this.format = formatOf(viewOf(this.rest.slice(skip + 8, end)));
        this.rest = this.rest.slice(end);
        return true;
    }
    frames() {
        const format = this.format;
        if (format === undefined)
            return [];
        const frame = (format.channels * format.bits) / 8;
        const usable = Math.min(this.rest.length, this.left);
        const count = Math.floor(usable / frame);
        const view = viewOf(this.rest);
        const samples = Array.from({ length: format.channels }, (_, channel) => Float32Array.from({ length: count }, (_, i) => sampleAt(view, i * frame + (channel * format.bits) / 8, format)));
        this.left -= count * frame;
        this.rest = this.rest.slice(count * frame);
        return count === 0 ? [] : samples;
    }
}
function formatOf(view) {
    if (view.byteLength < 16)
        throw new RangeError('the WAV file’s format is cut short');
    const tag = view.getUint16(0, true);
    const kind = tag === EXTENSIBLE && view.byteLength >= 26 ? view.getUint16(24, true) : tag;
    const format = {
        channels: view.getUint16(2, true),
        rate: view.getUint32(4, true),
        bits: view.getUint16(14, true),
        float: kind === FLOAT,
    };
    const known = kind === PCM ? [8, 16, 24, 32] : kind === FLOAT ? [32] : [];
    if (!known.includes(format.bits) || format.channels < 1 || format.channels > 8) {
        throw new RangeError('the WAV file’s samples are not PCM');
    }
    if (format.rate < 3000 || format.rate > 384_000)
        throw new RangeError('no usual sample rate');
    return format;
}
function sampleAt(view, at, { bits, float }) {
    if (float)
        return view.getFloat32(at, true);
    if (bits === 8)
        return (view.getUint8(at) - 128) / 128;
    if (bits === 16)
        return view.getInt16(at, true) / 32_768;
    if (bits === 24) {
        return (view.getUint16(at, true) + view.getInt8(at + 2) * 65_536) / 8_388_608;
    }
    return view.getInt32(at, true) / 2_147_483_648;
}
function text(bytes, at) {
    return String.fromCharCode(...bytes.slice(at, at + 4));
}
function viewOf(bytes) {
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
/** Plays samples one after the other. */
export class Sound {
    context;
    reader = new WaveReader();
    until = 0;
    scheduled = 0;
    /** The context must come from a press, or browsers keep it silent. */
    constructor(context) {
        this.context = context;
    }
    push(piece) {
        const samples = this.reader.push(piece);
        const { format } = this.reader;
        const first = samples[0];
        if (format === undefined || first === undefined)
            return;
        const buffer = this.context.createBuffer(format.channels, first.length, format.rate);
        samples.forEach((channel, index) => buffer.copyToChannel(channel, index));
        const source = this.context.createBufferSource();
        source.buffer = buffer;
        source.connect(this.context.destination);
        const now = this.context.currentTime;
        if (this.until < now)
            this.until = now + LEAD_SECONDS;
        source.start(this.until);
        this.until += buffer.duration;
        this.scheduled += buffer.duration;
    }
    /** Seconds that were heard. */
    heard() {
        const ahead = Math.max(0, this.until - this.context.currentTime);
        return Math.max(0, this.scheduled - ahead);
    }
    /** Until what has come is played. */
    async drained() {
        const rest = Math.max(0, this.until - this.context.currentTime);
        await new Promise((resolve) => { setTimeout(resolve, rest * 1000); });
    }
}
