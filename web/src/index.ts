/**
 * The node's front page: fills in which node this is. Everything else on it is plain HTML.
 */

import { byId, make, setText } from './dom.js';
import { nodeFacts } from './node.js';

nodeFacts().then(
  ({ node, assets }) => {
    byId('node').replaceChildren(make('code', {}, node));
    const names = assets.map(({ code, sandbox }) => code + (sandbox ? ' (play money)' : ''));
    setText(byId('assets'), names.join(', '));
    byId('live').hidden = !assets.some(({ sandbox }) => sandbox);
  },
  () => setText(byId('node'), 'unknown: the node does not answer'),
);
