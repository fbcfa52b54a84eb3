/** What the colours of a difference or residual mean, with its gain. */
export function HeatLegend({ gain }: { readonly gain?: number }) {
  return (
    <span className="at-heat-legend">
      none <i /> strong{gain ? ` · ×${gain}` : ""}
    </span>
  );
}
