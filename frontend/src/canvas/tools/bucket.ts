/** The bucket: gives the whole area under the pointer to the chosen part. */

import { partAt } from "../labels";
import { fromLabel } from "../space";
import type { Tool, ToolHost } from "./tool";

export function createBucket(host: ToolHost): Tool {
  return {
    cursor: "crosshair",
    paints: true,
    enter: () => undefined,
    exit: () => undefined,
    cancel: () => false,
    down({ label }) {
      const { x, y } = fromLabel(label);
      const part = partAt(host.labels, x, y);
      if (part === null || part === host.part) return;
      host.commit({ tool: "fill", part: host.part, radius: 1, points: [label] });
    },
    move: () => undefined,
    up: () => undefined,
    hover: () => undefined,
    confirm: () => false,
  };
}
