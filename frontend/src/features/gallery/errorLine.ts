/** Where does an error stand on its line? Places in percent, figures in words. */

const PLACES_SHOWN = 2;

export interface ErrorLineFigures {
  readonly shown: string;
  readonly low: string;
  readonly high: string;
  readonly from: number;
  readonly to: number;
  readonly at: number;
}

/** Digits after the point that tell the ends of the usual range apart. */
function digits(low: number, high: number): number {
  let places = high < 0.05 ? PLACES_SHOWN + 1 : PLACES_SHOWN;
  while (
    places < 4 &&
    (low.toFixed(places) === high.toFixed(places) || Number(low.toFixed(places)) === 0)
  ) {
    places += 1;
  }
  return places;
}

/** The line runs from nothing to a little beyond the larger of error and usual range. */
export function errorLine(error: number, usual: readonly number[]): ErrorLineFigures {
  const low = usual[0] ?? 0;
  const high = usual[2] ?? low;
  const most = Math.max(error * 1.15, high * 2.5, 1e-6);
  const places = digits(low, high);
  const place = (value: number) => Math.min(100, Math.max(0, (value / most) * 100));
  return {
    shown: error.toFixed(places),
    low: low.toFixed(places),
    high: high.toFixed(places),
    from: place(low),
    to: place(high),
    at: place(error),
  };
}

/** Whether a longer search helped, said without promise. */
export function moreStepsWords(before: number, after: number): string {
  const places = Math.abs(before - after) < 0.005 ? 4 : 3;
  const was = before.toFixed(places);
  const is = after.toFixed(places);
  if (was === is) return `The error stayed at ${is}.`;
  return after < before
    ? `The error fell from ${was} to ${is}.`
    : `The error did not fall: ${was} before, ${is} now.`;
}
