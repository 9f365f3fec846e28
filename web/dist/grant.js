/**
 * The wallet's pop-up: a site asks for a budget, the payer allows or declines.
 *
 * Keeps: the asking origin is the browser's word (`event.origin` of the opener's message), never
 * a parameter; the mandate is bound to that origin and to the site's key; the answer goes to
 * that origin alone. A press counts only after the request has been in view for a moment, so
 * that a site cannot lure a double click onto "Allow". What is signed is what the sentences under
 * the choices say.
 */
import { fromHex, idText } from './bytes.js';
import { byId, make, say, setText } from './dom.js';
import { randomId, signingKey } from './keys.js';
import { chosenLimits, offerLimits, priceOf, termsOf } from './limits.js';
import { mandateId, signMandate } from './mandate.js';
import { DECLINED, grantRequest, READY } from './messages.js';
import { cent } from './money.js';
import { nodeFacts, nodeNow, payerState, registerChain, topUp, } from './node.js';
import { audience, payerAccount } from './order.js';
import { amount, sentence, speak, t } from './words.js';
const BUDGET_CENTS = [5n, 25n, 100n];
const DAY_MS = 24 * 60 * 60 * 1000;
const ARM_MS = 600;
/** The site may not have listened yet when the pop-up called first. */
const CALL_MS = 500;
const allow = byId('allow');
let balance = 0n;
/** What "Allow" would allow; nothing while what is typed is no limit. */
let limits;
let inViewAt = performance.now();
let done = false;
start().catch((error) => say(sentence(error), 'problem'));
async function start() {
    await speak();
    const opener = window.opener;
    if (opener === null) {
        say(t('grant.no_opener'));
        return;
    }
    const asked = firstRequest(opener);
    const key = await signingKey('wallet');
    const facts = await nodeFacts();
    // Says nothing but that a wallet listens, so any origin may hear it.
    const call = () => opener.postMessage(READY, '*');
    call();
    const calling = setInterval(call, CALL_MS);
    const { request, origin } = await asked;
    clearInterval(calling);
    const asset = facts.assets.find(({ code, scale }) => code === request.asset && scale === request.scale);
    if (asset === undefined) {
        say(t('grant.no_asset', { origin, asset: request.asset }), 'problem');
        return;
    }
    const price = BigInt(request.price_units);
    await present({ request, origin, site: opener, key, facts, asset, price });
}
function firstRequest(opener) {
    return new Promise((resolve) => {
        window.addEventListener('message', (event) => {
            if (event.source !== opener || !/^https?:/.test(event.origin))
                return;
            const request = grantRequest(event.data);
            if (request !== undefined)
                resolve({ request, origin: event.origin });
        });
    });
}
async function present(asking) {
    const { request, origin, asset, price } = asking;
    setText(byId('origin'), new URL(origin).host);
    setText(byId('scheme'), origin.startsWith('https:') ? '' : t('grant.http'));
    setText(byId('bought'), request.title);
    const { rate: asked } = request;
    setText(byId('price'), asked === undefined ? amount(price, asset) : priceOf(asked, asset));
    byId('first').hidden = asked === undefined;
    setText(byId('deposit'), amount(price, asset));
    const choices = budgetChoices(asset, price);
    byId('choices').replaceChildren(...choices.map((units, i) => choice(units, asset, i === 0)));
    byId('choices').addEventListener('change', () => showTerms(asking));
    offerLimits(request, asset, () => showTerms(asking));
    showTerms(asking);
    await showBalance(asking);
    byId('top-up').addEventListener('click', () => void addPlayMoney(asking));
    byId('decline').addEventListener('click', () => finish(asking, DECLINED));
    allow.addEventListener('click', () => void press(asking));
    byId('request').hidden = false;
    byId('waiting').hidden = true;
    rearm();
    window.addEventListener('focus', rearm);
    document.addEventListener('visibilitychange', rearm);
}
/** 5, 25 and 100 cents, or tens of them where the thing bought now costs more. */
function budgetChoices(asset, price) {
    let choices = BUDGET_CENTS.map((cents) => cents * cent(asset));
    while ((choices[0] ?? price) < price)
        choices = choices.map((units) => units * 10n);
    return choices;
}
function choice(units, asset, checked) {
    const input = make('input', { type: 'radio', name: 'budget', value: units.toString() });
    input.checked = checked;
    return make('label', { class: 'choice' }, input, make('span', {}, amount(units, asset)));
}
function chosenTotal() {
    const chosen = document.querySelector('input[name="budget"]:checked');
    return BigInt(chosen?.value ?? '0');
}
function showTerms({ request, asset, facts }) {
    const found = chosenLimits(request, asset, chosenTotal());
    limits = typeof found === 'string' ? undefined : found;
    setText(byId('wrong'), typeof found === 'string' ? t(found) : '');
    setText(byId('terms'), limits === undefined ? '' : termsOf(limits, request, asset, endOf(limits, facts)));
    showArmed();
}
function endOf({ days }, facts) {
    return Math.trunc(nodeNow(facts) + days * DAY_MS);
}
async function showBalance({ facts, key, asset, price }) {
    balance = BigInt((await payerState(facts, key))?.available ?? '0');
    const low = balance < price;
    setText(byId('balance'), amount(balance, asset));
    byId('top-up').hidden = !(low && asset.sandbox);
    setText(byId('low'), low ? t(asset.sandbox ? 'grant.low_play' : 'grant.low') : '');
}
async function addPlayMoney(asking) {
    try {
        await topUp(asking.key);
        await showBalance(asking);
        say(t('grant.added'));
        showArmed();
        allow.focus();
    }
    catch (error) {
        say(sentence(error), 'problem');
    }
}
function rearm() {
    inViewAt = performance.now();
    showArmed();
    setTimeout(showArmed, ARM_MS + 20);
}
function armed(asking) {
    if (limits === undefined)
        return false;
    const inView = performance.now() - inViewAt >= ARM_MS && !document.hidden;
    return inView && !done && (asking === undefined || balance >= asking.price);
}
/** Not `disabled`: the button stays reachable by keyboard and its state is announced. */
function showArmed() {
    const low = byId('low').textContent !== '';
    allow.setAttribute('aria-disabled', String(!armed() || low));
}
async function press(asking) {
    if (limits === undefined || !armed(asking))
        return;
    done = true;
    showArmed();
    say(t('grant.granting'));
    try {
        finish(asking, await grant(asking, limits));
    }
    catch (error) {
        done = false;
        showArmed();
        say(sentence(error), 'problem');
    }
}
async function grant(asking, allowed) {
    const { request, origin, key, facts, asset } = asking;
    const payer = await payerAccount(key.publicKey, asset);
    const expiresAtMs = endOf(allowed, facts);
    const signed = await signMandate(key, {
        node: facts.id,
        salt: randomId(),
        payer,
        granter: key.publicKey,
        delegate: fromHex(request.key),
        asset,
        limits: { ...allowed, expiresAtMs, audience: await audience(origin) },
    });
    await registerChain([signed], origin);
    return {
        type: 'farthing:granted',
        mandate: idText('man', await mandateId(signed.mandate)),
        account: idText('acc', payer),
        node: facts.node,
        expires_at_ms: expiresAtMs,
        per_payment: allowed.perPayment.toString(),
    };
}
function finish(asking, answer) {
    asking.site.postMessage(answer, asking.origin);
    window.close();
}
