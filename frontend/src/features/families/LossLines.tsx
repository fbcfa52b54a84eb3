/** How do the losses of a training come along? A line each, and the last values in words. */

import { figureTitle } from "./figures";
import { type LossPoint, lineNames } from "./losses";
import styles from "./families.module.css";

const WIDTH = 320;
const HEIGHT = 84;
const DASHES = ["", "5 4", "2 3"] as const;

export function LossLines({ points }: { readonly points: readonly LossPoint[] }) {
  const names = lineNames(points).slice(0, DASHES.length);
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last || points.length < 3 || names.length === 0) return null;
  const x = (step: number) => (WIDTH * (step - first.step)) / Math.max(1, last.step - first.step);
  const path = (name: string) => {
    const values = points.flatMap(({ step, figures }) => {
      const value = figures[name];
      return value === undefined ? [] : [{ step, value }];
    });
    const most = Math.max(1e-9, ...values.map(({ value }) => value));
    const least = Math.min(0, ...values.map(({ value }) => value));
    return values
      .map(({ step, value }, at) => {
        const y = 4 + (HEIGHT - 8) * (1 - (value - least) / (most - least));
        return `${at === 0 ? "M" : "L"}${x(step).toFixed(1)} ${y.toFixed(1)}`;
      })
      .join("");
  };
  return (
    <figure className={styles.losses}>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden preserveAspectRatio="none">
        {[4, HEIGHT / 2, HEIGHT - 4].map((y) => (
          <line key={y} x1={0} x2={WIDTH} y1={y} y2={y} />
        ))}
        {names.map((name, at) => (
          <path key={name} d={path(name)} data-line={at} strokeDasharray={DASHES[at]} />
        ))}
      </svg>
      <figcaption>
        {names.map((name, at) => (
          <span key={name} data-line={at}>
            {figureTitle(name)} {last.figures[name]?.toPrecision(3) ?? ""}
          </span>
        ))}
        <span className="at-hint">step {last.step}</span>
      </figcaption>
    </figure>
  );
}
