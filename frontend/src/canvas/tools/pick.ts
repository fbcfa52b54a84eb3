/** The picker: chooses the part under the pointer. */

import { partAt } from "../labels";
import { fromLabel } from "../space";
import type { Tool, ToolHost, ToolPointer } from "./tool";

export function createPick(host: ToolHost): Tool {
  let isPressed = false;
  const pick = ({ label }: ToolPointer) => {
    const { x, y } = fromLabel(label);
    const part = partAt(host.labels, x, y);
    if (part !== null) host.pick(part);
  };
  const cancel = () => {
    const wasPressed = isPressed;
    isPressed = false;
    return wasPressed;
  };
  return {
    cursor: "crosshair",
    paints: false,
    enter: () => undefined,
    exit: () => void cancel(),
    cancel,
    down(pointer) {
      isPressed = true;
      pick(pointer);
    },
    move(pointer) {
      if (isPressed) pick(pointer);
    },
    up: () => void cancel(),
    hover: () => undefined,
    confirm: () => false,
  };
}
