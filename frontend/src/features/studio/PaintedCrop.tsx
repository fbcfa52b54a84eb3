/** A piece of the picture with its parts drawn over it, at the resolution of the screen. */

import { useEffect, useRef } from "react";

import type { Part } from "../../api/client";
import type { Square } from "../../canvas/changes";
import { sendLoops, traceParts } from "../../canvas/contours";
import type { LabelMap } from "../../canvas/labels";

const FILL = 0.36;

export function PaintedCrop({
  picture,
  labels,
  parts,
  square,
  name,
}: {
  picture: ImageBitmap;
  labels: LabelMap;
  parts: readonly Part[];
  square: Square;
  name: string;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context) return;
    const side = Math.round(element.clientWidth * window.devicePixelRatio);
    element.width = side;
    element.height = side;
    const pixels = picture.width / labels.width; // of the picture, per label-map pixel
    const zoom = side / square.size;
    context.imageSmoothingQuality = "high";
    context.drawImage(
      picture,
      square.left * pixels,
      square.top * pixels,
      square.size * pixels,
      square.size * pixels,
      0,
      0,
      side,
      side,
    );
    context.setTransform(zoom, 0, 0, zoom, -square.left * zoom, -square.top * zoom);
    context.lineWidth = 1.5 / zoom;
    const loops = traceParts(labels);
    for (const part of parts) {
      const own = loops.get(part.id);
      if (!own || part.is_background) continue;
      context.beginPath();
      sendLoops(own, context);
      context.fillStyle = part.color;
      context.strokeStyle = part.color;
      context.globalAlpha = FILL;
      context.fill("evenodd");
      context.globalAlpha = 1;
      context.stroke();
    }
  }, [picture, labels, parts, square]);
  return (
    <figure>
      <canvas ref={canvas} className="st-crop" role="img" aria-label={name} />
      <figcaption>{name}</figcaption>
    </figure>
  );
}
