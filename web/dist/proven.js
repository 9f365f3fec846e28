/**
 * What a receipt proves and does not, in the reader's language: the verifier's verdict, sentence by
 * sentence.
 *
 * Keeps: what is said is what the verdict says, by the stable code of each sentence. The verifier,
 * `sdk/typescript/src/receipt`, speaks English: there its own sentences stand, and wherever a code has no
 * words.
 */
import { currentLanguage } from './language.js';
import { amount, t } from './words.js';
import { idText, timeText } from './wording.js';
const PLAIN = {
    not_witnessed: 'proof.not_witnessed',
    payer_closed: 'proof.payer_closed',
    payee_closed: 'proof.payee_closed',
    owner: 'proof.owner',
    delivery: 'proof.delivery',
    later: 'proof.later',
    time: 'proof.time',
};
/** A sentence of this verdict. */
export function proofText({ code, text }, verdict) {
    if (currentLanguage() === 'en')
        return text;
    if (code === 'logged')
        return logged(verdict);
    if (code === 'witnessed')
        return witnessed(verdict);
    const key = PLAIN[code];
    return key === undefined ? text : t(key);
}
function logged({ facts, index, vouched }) {
    const what = t(`proof.${facts.action}`, {
        id: idText(facts.action === 'create' ? 'acc' : 'tr', facts.id),
        pending: idText('tr', facts.pendingId),
        amount: amount(facts.amount, { code: facts.asset, scale: facts.scale }),
        asset: facts.asset,
        time: timeText(facts.timestampNs / 1000000000n),
    });
    return t('proof.logged', { log: vouched.log, index: String(index), size: String(vouched.size), what });
}
function witnessed({ vouched }) {
    const { witnesses, knownWitnesses, needsWitnesses } = vouched;
    const names = witnesses.map(({ key, time }) => `${key} (${timeText(time)})`).join(', ');
    const seen = t('proof.witnessed', { seen: witnesses.length, known: knownWitnesses, names });
    return `${seen} ${t(needsWitnesses ? 'proof.quorum_met' : 'proof.no_quorum')}`;
}
