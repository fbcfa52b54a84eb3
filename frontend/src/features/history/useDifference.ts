import { useEffect, useState } from "react";

import { type Difference, difference } from "./difference";

export type Compared =
  | { readonly state: "reading" }
  | {
      readonly state: "done";
      readonly result: Difference;
      readonly width: number;
      readonly height: number;
    }
  | { readonly state: "failed" };

async function pixelsOf(url: string): Promise<ImageData> {
  const response = await fetch(url, { credentials: "same-origin" });
  if (!response.ok) throw new Error(`The picture answered ${response.status}.`);
  const bitmap = await createImageBitmap(await response.blob());
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("No canvas to read pixels from.");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

/** The difference of two pictures by their addresses, worked out here in the browser. */
export function useDifference(one: string | null, other: string | null): Compared {
  const [compared, setCompared] = useState<Compared>({ state: "reading" });
  useEffect(() => {
    if (one === null || other === null) return;
    let isOver = false;
    Promise.all([pixelsOf(one), pixelsOf(other)]).then(
      ([left, right]) => {
        if (isOver) return;
        const isSameSize = left.width === right.width && left.height === right.height;
        setCompared(
          isSameSize
            ? {
                state: "done",
                result: difference(left.data, right.data),
                width: left.width,
                height: left.height,
              }
            : { state: "failed" },
        );
      },
      () => !isOver && setCompared({ state: "failed" }),
    );
    return () => {
      isOver = true;
    };
  }, [one, other]);
  return compared;
}
