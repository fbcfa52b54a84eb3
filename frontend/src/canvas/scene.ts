/** What does the canvas show? One drawing of the whole scene, at screen resolution. */

import { type Loop, sendLoops } from "./contours";
import { type LabelPoint, fromLabel, SUBPIXELS } from "./space";
import { type Viewport, toScreen } from "./viewport";

export type ViewMode = "picture" | "labels" | "overlay" | "compare" | "uncertainty";

export interface PartPaint {
  readonly id: number;
  readonly color: string;
  readonly isBackground: boolean;
}

export interface TracedPart {
  readonly part: number;
  readonly path: Path2D; // in label-map pixels
}

/** A dashed outline with a meaning: the region of an edit, or a part somebody claims. */
export interface Outline {
  readonly path: Path2D;
  readonly color: string | null; // null: black and white
  readonly isMarching: boolean;
}

export interface Scene {
  readonly viewport: Viewport;
  readonly width: number; // of the label map
  readonly height: number;
  readonly mode: ViewMode;
  readonly picture: CanvasImageSource | null;
  readonly before: CanvasImageSource | null;
  readonly uncertainty: CanvasImageSource | null; // lies over the picture in its own mode
  readonly isBeforeHeld: boolean;
  readonly compareAt: number; // 0..1, left of it the picture before
  readonly showsPixels: boolean;
  readonly opacity: number;
  readonly activePart: number;
  readonly parts: readonly TracedPart[];
  readonly paints: ReadonlyMap<number, PartPaint>;
  readonly outlines: readonly Outline[];
  readonly lasso: readonly LabelPoint[] | null;
  readonly ring: { readonly at: LabelPoint; readonly radius: number; readonly isDown: boolean } | null;
  readonly marchSeconds: number;
}

export const loopsPath = (loops: readonly Loop[]): Path2D => {
  const path = new Path2D();
  sendLoops(loops, path);
  return path;
};

export function drawScene(context: CanvasRenderingContext2D, scene: Scene): void {
  const { viewport, width, height } = scene;
  const right = width * viewport.scale;
  const bottom = height * viewport.scale;

  context.save();
  context.translate(viewport.left, viewport.top);
  context.fillStyle = "#000";
  context.fillRect(-1, -1, right + 2, bottom + 2); // keyline, and the ground of the picture
  context.beginPath();
  context.rect(0, 0, right, bottom);
  context.clip();
  drawPicture(context, scene, scene.isBeforeHeld ? scene.before : scene.picture, right, bottom);
  if (scene.mode === "compare") drawBefore(context, scene, right, bottom);
  if (scene.mode === "uncertainty" && !scene.isBeforeHeld) {
    drawPicture(context, scene, scene.uncertainty, right, bottom);
  }
  if (!scene.isBeforeHeld && (scene.mode === "overlay" || scene.mode === "labels")) {
    drawParts(context, scene);
  }
  if (!scene.isBeforeHeld && scene.mode !== "compare") {
    for (const outline of scene.outlines) drawOutline(context, scene, outline);
  }
  context.restore();

  if (scene.isBeforeHeld || scene.mode === "compare") return;
  if (scene.lasso) drawLasso(context, scene, scene.lasso);
  if (scene.ring) drawRing(context, scene, scene.ring);
}

function drawPicture(
  context: CanvasRenderingContext2D,
  scene: Scene,
  picture: CanvasImageSource | null,
  right: number,
  bottom: number,
): void {
  if (!picture) return;
  context.imageSmoothingEnabled = !scene.showsPixels;
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, right, bottom);
}

function drawBefore(
  context: CanvasRenderingContext2D,
  scene: Scene,
  right: number,
  bottom: number,
): void {
  const split = right * scene.compareAt;
  context.save();
  context.beginPath();
  context.rect(0, 0, split, bottom);
  context.clip();
  drawPicture(context, scene, scene.before, right, bottom);
  context.restore();
}

function drawParts(context: CanvasRenderingContext2D, scene: Scene): void {
  const { scale } = scene.viewport;
  const isOpaque = scene.mode === "labels";
  context.save();
  context.scale(scale, scale);
  for (const { part, path } of scene.parts) {
    const paint = scene.paints.get(part);
    if (!paint || (paint.isBackground && !isOpaque)) continue;
    context.globalAlpha = isOpaque ? 1 : scene.opacity;
    context.fillStyle = paint.color;
    context.fill(path, "evenodd");
  }
  if (isOpaque || scene.opacity > 0) {
    for (const { part, path } of scene.parts) {
      const paint = scene.paints.get(part);
      if (!paint || paint.isBackground) continue;
      // Clipped to the part, so neighbours show both colours along a shared edge.
      context.save();
      context.clip(path, "evenodd");
      context.globalAlpha = isOpaque ? 0.5 : 0.95;
      context.strokeStyle = isOpaque ? "#fff" : paint.color;
      context.lineWidth = (part === scene.activePart ? 4.4 : 3) / scale;
      context.lineJoin = "round";
      context.stroke(path);
      context.restore();
    }
  }
  context.restore();
}

function drawOutline(context: CanvasRenderingContext2D, scene: Scene, outline: Outline): void {
  const { scale } = scene.viewport;
  const dash = 6 / scale;
  context.save();
  context.scale(scale, scale);
  context.lineWidth = 2 / scale;
  if (outline.color === null) {
    context.strokeStyle = "#000";
    context.stroke(outline.path);
    context.strokeStyle = "#fff";
  } else {
    context.strokeStyle = outline.color;
    context.lineWidth = 1.5 / scale;
  }
  context.setLineDash([dash, dash]);
  context.lineDashOffset = outline.isMarching ? -((scene.marchSeconds * 2 * dash) % (2 * dash)) : 0;
  context.stroke(outline.path);
  context.restore();
}

function drawLasso(
  context: CanvasRenderingContext2D,
  scene: Scene,
  points: readonly LabelPoint[],
): void {
  const path = new Path2D();
  points.forEach((point, i) => {
    const { x, y } = toScreen(scene.viewport, fromLabel(point));
    if (i === 0) path.moveTo(x, y);
    else path.lineTo(x, y);
  });
  context.save();
  context.lineJoin = "round";
  context.strokeStyle = "#000";
  context.lineWidth = 3;
  context.stroke(path);
  context.strokeStyle = scene.paints.get(scene.activePart)?.color ?? "#fff";
  context.lineWidth = 1.6;
  context.stroke(path);
  const first = points[0];
  if (first) {
    const { x, y } = toScreen(scene.viewport, fromLabel(first));
    context.fillStyle = "#fff";
    context.strokeStyle = "#000";
    context.lineWidth = 1;
    context.beginPath();
    context.arc(x, y, 4, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }
  context.restore();
}

function drawRing(
  context: CanvasRenderingContext2D,
  scene: Scene,
  ring: NonNullable<Scene["ring"]>,
): void {
  const { x, y } = toScreen(scene.viewport, fromLabel(ring.at));
  const radius = Math.max(3, (ring.radius / SUBPIXELS) * scene.viewport.scale);
  context.save();
  context.lineWidth = 3.4;
  context.strokeStyle = "rgb(0 0 0 / .75)";
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.stroke();
  context.lineWidth = ring.isDown ? 2 : 1.5;
  context.strokeStyle = "#fff";
  context.stroke();
  context.restore();
}
