/**
 * What the payer reads of a failure, in their language where the code is known.
 */

import { Unable } from '../../keys.js';
import { Refused } from '../../node.js';
import { sentence } from '../call.js';
import { wordsFor } from '../language.js';

export function said(error: unknown): string {
  const isKnown = error instanceof Refused || error instanceof Unable;
  return isKnown ? wordsFor('problem', error.code) ?? error.message : sentence(error);
}
