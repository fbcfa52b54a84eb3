/** The colour of a part, with a hairline edge so that the darkest and lightest still show. */
export function Swatch({ color, size = 16 }: { readonly color: string; readonly size?: number }) {
  return (
    <span
      className="at-swatch"
      style={{ background: color, width: size, height: size }}
      aria-hidden
    />
  );
}
