/** How do painting and rest of the picture come along? Two lines, and the same as a table. */

import type { LossPoint } from "./state";
import { lossFigure } from "./words";

const WIDTH = 272;
const HEIGHT = 96;
const LEFT = 2;
const RIGHT = 270;
const TOP = 8;
const BOTTOM = 78;

type Line = "painting" | "rest";

export function LossPlot({
  losses,
  numSteps,
}: {
  losses: readonly LossPoint[];
  numSteps: number;
}) {
  const last = losses.at(-1);
  const x = (step: number) => LEFT + ((RIGHT - LEFT) * step) / Math.max(1, numSteps);
  const now = x(last?.step ?? 0);
  return (
    <figure className="st-plot" aria-label="Loss by step">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
        {[TOP + 2, (TOP + BOTTOM) / 2, BOTTOM].map((y) => (
          <line key={y} className="st-plot-grid" x1={LEFT} x2={RIGHT} y1={y} y2={y} />
        ))}
        <path className="st-plot-rest" d={path(losses, "rest", x)} />
        <path className="st-plot-painting" d={path(losses, "painting", x)} />
        {last && <line className="st-plot-now" x1={now} x2={now} y1={TOP - 4} y2={BOTTOM} />}
        {last && last.painting !== null && (
          <circle
            className="st-plot-dot"
            cx={now}
            cy={height(last.painting, scaleOf(losses, "painting"))}
            r={3.5}
          />
        )}
        <text x={LEFT} y={HEIGHT - 4}>
          0
        </text>
        <text x={(LEFT + RIGHT) / 2} y={HEIGHT - 4} textAnchor="middle">
          {Math.round(numSteps / 2)}
        </text>
        <text x={RIGHT} y={HEIGHT - 4} textAnchor="end">
          {numSteps}
        </text>
      </svg>
      <figcaption>
        <span className="st-key" data-line="painting">
          Painting {value(last?.painting)}
        </span>
        <span className="st-key" data-line="rest">
          Rest of picture {value(last?.rest)}
        </span>
        <details>
          <summary>Table</summary>
          <div className="st-table" tabIndex={0} role="region" aria-label="Loss by step, table">
            <table>
              <thead>
                <tr>
                  <th scope="col">Step</th>
                  <th scope="col">Painting</th>
                  <th scope="col">Rest</th>
                </tr>
              </thead>
              <tbody>
                {losses.map((point) => (
                  <tr key={point.step}>
                    <th scope="row">{point.step}</th>
                    <td>{value(point.painting)}</td>
                    <td>{value(point.rest)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </details>
      </figcaption>
    </figure>
  );
}

const value = (loss: number | null | undefined) =>
  loss === null || loss === undefined ? "–" : lossFigure(loss);

/** A line is scaled to its own first value; if it rises above, to its largest. */
const scaleOf = (losses: readonly LossPoint[], line: Line) =>
  Math.max(1e-9, ...losses.map((point) => point[line] ?? 0));

const height = (loss: number, scale: number) => BOTTOM - ((BOTTOM - TOP - 2) * loss) / scale;

function path(losses: readonly LossPoint[], line: Line, x: (step: number) => number): string {
  const scale = scaleOf(losses, line);
  return losses
    .flatMap((point) => {
      const loss = point[line];
      return loss === null ? [] : [`${x(point.step).toFixed(1)} ${height(loss, scale).toFixed(1)}`];
    })
    .map((at, i) => `${i === 0 ? "M" : "L"}${at}`)
    .join("");
}
