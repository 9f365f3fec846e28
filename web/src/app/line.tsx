/**
 * A short line of the last values, for the eye only: the newest value stands beside it in words.
 */

import type { JSX } from 'preact';

const WIDTH = 100;
const HEIGHT = 30;

export function Line({ values }: { values: number[] }): JSX.Element {
  const most = Math.max(...values, 1);
  const points = values.map((value, i) => {
    const x = (i * WIDTH) / (values.length - 1);
    return `${x.toFixed(1)},${(HEIGHT - 1 - (value / most) * (HEIGHT - 2)).toFixed(1)}`;
  });
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {points.length > 1 && <path d={`M${points.join('L')}`} />}
    </svg>
  );
}
