/**
 * What a payer chooses on the page that asks for payment: an amount, a discount code.
 *
 * Both go to the gateway in cookies of this page's path, for the next request is the browser's. Keeps:
 * what is signed is what the button says. Must not decide what a code is worth: the gateway does.
 */
import { decimal, units } from './amount.js';
import { byId, make, setText } from './dom.js';
import { cookiePath } from './payment.js';
import { amount, t, wordsFor } from './words.js';
/** As long as a payment is carried along. */
const WISH_SECONDS = 600;
/** Lets the payer choose an amount; gives what is chosen, nothing while that is no amount. */
export function chooseAmount(own, asked, asset, changed) {
    const least = BigInt(own.min);
    const offered = [...new Set([...own.suggested.map(BigInt), asked, ...(least === 0n ? [0n] : [])])];
    offered.sort((one, other) => (one < other ? -1 : 1));
    byId('amounts').replaceChildren(...offered.map((one) => choice(one, asset, one === asked)));
    const other = byId('other');
    other.placeholder = decimal(asked, asset.scale);
    setText(byId('other-name'), t('paywall.other', { asset: asset.code }));
    setText(byId('least'), least === 0n ? t('paywall.any') : t('paywall.least', { min: amount(least, asset) }));
    byId('amounts').addEventListener('change', () => {
        other.value = '';
        changed();
    });
    other.addEventListener('input', () => {
        for (const radio of radios())
            radio.checked = false;
        changed();
    });
    byId('amount').hidden = false;
    return () => {
        const checked = radios().find((radio) => radio.checked)?.value;
        const chosen = checked === undefined ? units(other.value, asset.scale) : BigInt(checked);
        const isEnough = chosen !== undefined && chosen >= least;
        other.setAttribute('aria-invalid', String(!isEnough));
        return isEnough ? chosen : undefined;
    };
}
function radios() {
    return [...document.querySelectorAll('input[name="amount"]')];
}
function choice(one, asset, checked) {
    const input = make('input', { type: 'radio', name: 'amount', value: one.toString() });
    input.checked = checked;
    const words = one === 0n ? t('paywall.nothing') : amount(one, asset);
    return make('label', { class: 'choice' }, input, make('span', {}, words));
}
/** Takes a discount code, and says whether the last one counts. */
export function takeCode(answer) {
    const part = byId('code-part');
    const told = answer.refused === null ? '' : (wordsFor('problem', answer.refused) ?? answer.refused);
    setText(byId('code-told'), answer.counts ? t('paywall.code_counts') : told);
    part.open = answer.counts || told !== '';
    part.hidden = false;
    byId('code-form').addEventListener('submit', (event) => {
        event.preventDefault();
        wish('code', byId('code').value.replace(/[^A-Za-z0-9_-]/g, ''));
        location.reload();
    });
}
/** Lays a wish where the next request for this page carries it along. */
export function wish(name, value) {
    const secure = location.protocol === 'https:' ? '; Secure' : '';
    const seconds = value === '' ? 0 : WISH_SECONDS;
    const path = cookiePath(location.pathname);
    document.cookie =
        `farthing-${name}=${value}; Path=${path}; Max-Age=${seconds}; SameSite=Strict${secure}`;
}
