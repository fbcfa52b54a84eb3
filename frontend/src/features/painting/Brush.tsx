/** How large is the brush, and how clearly do the labels show? Wherever label maps are painted. */

import { SUBPIXELS } from "../../canvas/space";
import { Slider } from "../studio/Slider";

export function Brush({
  radius,
  opacity,
  most,
  overlay,
  onRadius,
  onOpacity,
}: {
  /** In subpixels of the label map, as brushes are kept. */
  readonly radius: number;
  readonly opacity: number;
  /** The largest diameter, in label-map pixels. */
  readonly most: number;
  /** What the labels over the picture are called: a word, and in full. */
  readonly overlay: { readonly word: string; readonly name: string };
  readonly onRadius: (radius: number) => void;
  readonly onOpacity: (opacity: number) => void;
}) {
  const diameter = (2 * radius) / SUBPIXELS;
  const pixels = diameter.toFixed(1);
  const percent = Math.round(opacity * 100);
  return (
    <div className="st-brush">
      <div className="st-brush-row">
        <span aria-hidden="true">Size</span>
        <Slider
          label="Brush size"
          min={1}
          max={most}
          step={0.5}
          largeStep={most > 16 ? 4 : 2}
          value={diameter}
          valueText={`${pixels} pixels`}
          onChange={(value) => onRadius((value * SUBPIXELS) / 2)}
        />
        <output aria-hidden="true">{pixels} px</output>
      </div>
      <div className="st-brush-row">
        <span aria-hidden="true">{overlay.word}</span>
        <Slider
          label={overlay.name}
          min={0}
          max={100}
          step={1}
          largeStep={10}
          value={percent}
          valueText={`${percent} percent`}
          onChange={(value) => onOpacity(value / 100)}
        />
        <output aria-hidden="true">{percent} %</output>
      </div>
    </div>
  );
}
