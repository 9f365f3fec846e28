/**
 * The node's front page: fills in which node this is. Everything else on it is plain HTML.
 */
import { byId, make, setText } from './dom.js';
import { nodeFacts } from './node.js';
import { speak, t } from './words.js';
const facts = nodeFacts();
// What failed is told below, in the reader's language.
facts.catch(() => undefined);
speak().then(() => facts).then(({ node, assets }) => {
    byId('node').replaceChildren(make('code', {}, node));
    const names = assets.map(({ code, sandbox }) => (sandbox ? t('index.play', { asset: code }) : code));
    setText(byId('assets'), names.join(', '));
    byId('live').hidden = !assets.some(({ sandbox }) => sandbox);
}, () => setText(byId('node'), t('index.unknown')));
