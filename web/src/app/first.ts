/**
 * Asks for the words of the reader's language while the page's own script is still on its way, so that
 * they are there when it begins. Without it everything works, a round trip later.
 */

import { readersLanguage } from '../language.js';

const link = document.createElement('link');
link.rel = 'preload';
link.as = 'fetch';
link.crossOrigin = 'anonymous';
link.href = `/app/files/${readersLanguage()}.json`;
document.head.append(link);
