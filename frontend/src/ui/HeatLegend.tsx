/** What the colours of a heat picture mean from their dark end to their bright one. */
export function HeatLegend({
  gain,
  from = "none",
  to = "strong",
}: {
  readonly gain?: number;
  readonly from?: string;
  readonly to?: string;
}) {
  return (
    <span className="at-heat-legend">
      {from} <i /> {to}
      {gain ? ` · ×${gain}` : ""}
    </span>
  );
}
