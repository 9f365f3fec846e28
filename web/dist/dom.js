/**
 * The little that the pages need of the document: find, make and fill elements, show times.
 *
 * Keeps: text from outside reaches the document as text only, never as markup.
 */
/** The element with this id, which the page must have. */
export function byId(id) {
    const found = document.getElementById(id);
    if (found === null)
        throw new Error(`the page has no #${id}`);
    return found;
}
export function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes))
        element.setAttribute(key, value);
    element.append(...children);
    return element;
}
/** Replaces text only if it differs, so that a live region speaks once. */
export function setText(element, text) {
    if (element.textContent !== text)
        element.textContent = text;
}
/** Says a sentence in the page's live region, `#status`. */
export function say(text, kind = 'info') {
    const status = byId('status');
    status.dataset['kind'] = kind;
    setText(status, text);
}
/** A moment in the language of the page. */
export function time(atMs, style) {
    const at = new Date(atMs);
    const text = new Intl.DateTimeFormat(document.documentElement.lang, STYLES[style]).format(at);
    return make('time', { datetime: at.toISOString() }, text);
}
const STYLES = {
    moment: { dateStyle: 'medium', timeStyle: 'short' },
    clock: { timeStyle: 'medium' },
};
