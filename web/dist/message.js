/**
 * Messages in the part of ICU MessageFormat that the catalogues use: `{name}`, `{name, number}`,
 * `{name, date}`, `{name, moment}`, `{name, plural, one {# payment} other {# payments}}` and
 * `{name, select, …}`. Numbers, dates and plural rules come from the browser's `Intl`.
 *
 * Keeps: a message gives text, never markup; a message or value that is broken shows itself in the
 * text instead of failing the page. No quoting by apostrophes: they stand for themselves.
 */
const known = new Map();
/** The message with its values, in the words of `locale` (BCP 47). */
export function format(message, values, locale) {
    let parts = known.get(message);
    if (parts === undefined)
        known.set(message, (parts = parse(message)));
    return text(parts, values, locale, undefined);
}
/** The names of a message's arguments, sorted; for the test that languages agree. */
export function names(message) {
    const found = new Set();
    const visit = (parts) => {
        for (const part of parts) {
            if (typeof part === 'string')
                continue;
            found.add(part.name);
            for (const option of part.options.values())
                visit(option);
        }
    };
    visit(parse(message));
    return [...found].sort();
}
/** Throws `RangeError` on braces that do not match. */
export function parse(message) {
    const reader = { message, at: 0 };
    const parts = sequence(reader);
    if (reader.at < message.length)
        throw new RangeError(`a brace too many in "${message}"`);
    return parts;
}
function sequence(reader) {
    const parts = [];
    while (reader.at < reader.message.length && reader.message[reader.at] !== '}') {
        parts.push(reader.message[reader.at] === '{' ? argument(reader) : literal(reader));
    }
    return parts;
}
function literal(reader) {
    return word(reader, /[^{}]*/y);
}
function argument(reader) {
    expect(reader, '{');
    const found = { name: word(reader, /\s*\w+\s*/y).trim(), kind: '', options: new Map() };
    if (taken(reader, ','))
        found.kind = word(reader, /\s*\w+\s*/y).trim();
    if (taken(reader, ',')) {
        while (reader.message[reader.at] !== '}') {
            const option = word(reader, /\s*[=\w]+\s*/y).trim();
            expect(reader, '{');
            found.options.set(option, sequence(reader));
            expect(reader, '}');
            word(reader, /\s*/y);
        }
    }
    expect(reader, '}');
    return found;
}
function word(reader, pattern) {
    pattern.lastIndex = reader.at;
    const found = pattern.exec(reader.message)?.[0];
    if (found === undefined)
        throw new RangeError(`not a message: "${reader.message}"`);
    reader.at += found.length;
    return found;
}
function taken(reader, character) {
    if (reader.message[reader.at] !== character)
        return false;
    reader.at += 1;
    return true;
}
function expect(reader, character) {
    if (!taken(reader, character))
        throw new RangeError(`no ${character} in "${reader.message}"`);
}
function text(parts, values, locale, count) {
    return parts
        .map((part) => {
        if (typeof part !== 'string')
            return filled(part, values, locale);
        return count === undefined ? part : part.replaceAll('#', number(count, locale));
    })
        .join('');
}
function filled(argument, values, locale) {
    const value = values[argument.name];
    if (value === undefined)
        return `{${argument.name}}`;
    switch (argument.kind) {
        case 'number':
            return number(Number(value), locale);
        case 'date':
            return new Intl.DateTimeFormat(locale, { dateStyle: 'medium' }).format(Number(value));
        case 'moment':
            return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' })
                .format(Number(value));
        case 'plural':
            return text(plural(argument, Number(value), locale), values, locale, Number(value));
        case 'select':
            return text(option(argument, String(value)), values, locale, undefined);
        default:
            return String(value);
    }
}
function plural(argument, count, locale) {
    const exact = argument.options.get(`=${count}`);
    return exact ?? option(argument, new Intl.PluralRules(locale).select(count));
}
function option(argument, name) {
    return argument.options.get(name) ?? argument.options.get('other') ?? [`{${argument.name}}`];
}
function number(value, locale) {
    return new Intl.NumberFormat(locale).format(value);
}
