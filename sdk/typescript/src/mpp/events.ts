/**
 * Reads server-sent events as they arrive, as far as payments need them: names and data.
 *
 * Keeps at most {@link EVENT_CHARS_MAX} characters of an event; a longer one is skipped, because no
 * event of a payment is that long.
 */

/** Longest event that is read. */
export const EVENT_CHARS_MAX = 65_536;

/** One event; `message` if it has no name. */
export interface ServerEvent {
  readonly name: string;
  readonly data: string;
}

/** Reads chunks of one stream. */
export class EventReader {
  readonly #decoder = new TextDecoder();
  #rest = "";
  #lines: string[] = [];
  #length = 0;

  /** The events that this chunk completes. */
  push(chunk: Uint8Array): ServerEvent[] {
    this.#rest += this.#decoder.decode(chunk, { stream: true });
    const lines = this.#rest.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > EVENT_CHARS_MAX) {
      this.#length += this.#rest.length;
      this.#rest = "";
    }
    const events: ServerEvent[] = [];
    for (const line of lines) {
      if (line !== "") {
        this.#length += line.length;
        if (this.#length <= EVENT_CHARS_MAX) this.#lines.push(line);
        continue;
      }
      const event = this.#length <= EVENT_CHARS_MAX ? readEvent(this.#lines) : undefined;
      if (event) events.push(event);
      this.#lines = [];
      this.#length = 0;
    }
    return events;
  }
}

function readEvent(lines: readonly string[]): ServerEvent | undefined {
  let name = "message";
  const data: string[] = [];
  for (const line of lines) {
    const [, field = "", value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === "event") name = value;
    if (field === "data") data.push(value);
  }
  return data.length > 0 ? { name, data: data.join("\n") } : undefined;
}
