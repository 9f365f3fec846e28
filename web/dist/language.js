/**
 * The language of a page: which one, its direction, and where its words come from.
 *
 * Keeps: what the reader chose stays in this browser and counts before `?lang=` of the address, which
 * counts before the browser's languages (those of `Accept-Language`). If the words of a language cannot
 * be had, the page is English and says so. Must not know which words there are.
 */
/** Each language in its own words. */
export const LANGUAGES = {
    en: 'English',
    es: 'Español',
    de: 'Deutsch',
    ar: 'العربية',
    ko: '한국어',
};
const RIGHT_TO_LEFT = ['ar'];
const CHOSEN = 'farthing-language';
const ASKED = 'lang';
let language = 'en';
/** Messages by key; `address` says where those of a language are. To be awaited before anything is drawn. */
export async function loadCatalogue(address) {
    const wanted = readersLanguage();
    const words = await fetched(address(wanted));
    language = words === undefined ? 'en' : wanted;
    document.documentElement.lang = language;
    document.documentElement.dir = RIGHT_TO_LEFT.includes(language) ? 'rtl' : 'ltr';
    return words ?? (await fetched(address('en'))) ?? {};
}
/** What the page will speak, if its words can be had. */
export function readersLanguage() {
    return chosen() ?? asked() ?? preferred(navigator.languages);
}
/** The page is loaded anew: every word of it changes. */
export function chooseLanguage(next) {
    try {
        localStorage.setItem(CHOSEN, next);
    }
    catch {
        // A browser that blocks storage speaks the language of its settings.
    }
    location.reload();
}
export function currentLanguage() {
    return language;
}
/** The first of the reader's languages that there is, else English. */
export function preferred(wanted) {
    for (const tag of wanted) {
        const [main = ''] = tag.toLowerCase().split('-');
        if (isLanguage(main))
            return main;
    }
    return 'en';
}
async function fetched(address) {
    try {
        const response = await fetch(address);
        return response.ok ? (await response.json()) : undefined;
    }
    catch {
        return undefined;
    }
}
function chosen() {
    try {
        const stored = localStorage.getItem(CHOSEN) ?? '';
        return isLanguage(stored) ? stored : undefined;
    }
    catch {
        return undefined;
    }
}
function asked() {
    const tag = new URLSearchParams(location.search).get(ASKED) ?? '';
    return isLanguage(tag) ? tag : undefined;
}
function isLanguage(text) {
    return Object.hasOwn(LANGUAGES, text);
}
