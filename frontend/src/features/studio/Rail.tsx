/** Which tool is in the hand? */

import type { ToolName } from "../../canvas/tools/tool";
import { useStudio, useStudioState } from "./context";
import { Icon, type IconName } from "./icons";

const TOOLS: readonly { name: ToolName; title: string; key: string; icon: IconName }[] = [
  { name: "brush", title: "Brush", key: "B", icon: "brush" },
  { name: "eraser", title: "Eraser", key: "E", icon: "eraser" },
  { name: "polygon", title: "Polygon", key: "L", icon: "polygon" },
  { name: "bucket", title: "Bucket", key: "G", icon: "bucket" },
  { name: "pick", title: "Pick a part", key: "I", icon: "pick" },
  { name: "hand", title: "Hand", key: "H", icon: "hand" },
  { name: "zoom", title: "Zoom", key: "Z", icon: "zoom" },
];

/** The tools as buttons; without the right to edit those that only move the view. */
export function ToolList({
  tool,
  mayEdit,
  onChoose,
}: {
  tool: ToolName;
  mayEdit: boolean;
  onChoose: (tool: ToolName) => void;
}) {
  return TOOLS.filter(({ name }) => mayEdit || name === "hand" || name === "zoom").map(
    ({ name, title, key, icon }) => (
      <button
        key={name}
        type="button"
        className="st-tool"
        data-tool={name}
        aria-pressed={tool === name}
        aria-label={title}
        aria-keyshortcuts={key}
        title={`${title} (${key})`}
        onClick={() => onChoose(name)}
      >
        <Icon name={icon} size={19} />
        <kbd aria-hidden="true">{key}</kbd>
      </button>
    ),
  );
}

export function ToolButtons() {
  const { session } = useStudio();
  const [tool, mayEdit] = useStudioState((state) => [state.tool, state.mayEdit]);
  return <ToolList tool={tool} mayEdit={mayEdit} onChoose={(name) => session.chooseTool(name)} />;
}

export function Rail({ onHelp }: { onHelp: () => void }) {
  return (
    <nav className="st-rail" aria-label="Tools">
      <ToolButtons />
      <button
        type="button"
        className="st-tool st-rail-help"
        aria-label="Keyboard shortcuts"
        title="Keyboard shortcuts (?)"
        onClick={onHelp}
      >
        <Icon name="help" size={19} />
        <kbd aria-hidden="true">?</kbd>
      </button>
    </nav>
  );
}
