/** All keys of the studio, and the switch for those that are single letters. */

import { Dialog } from "./Dialog";
import { SHORTCUTS } from "./shortcuts";

export function ShortcutSheet({
  areLettersOn,
  onLetters,
  onClose,
}: {
  areLettersOn: boolean;
  onLetters: (areOn: boolean) => void;
  onClose: () => void;
}) {
  return (
    <Dialog title="Keyboard" width={720} onClose={onClose}>
      <dl className="st-shortcuts">
        {SHORTCUTS.map(({ keys, does }) => (
          <div key={keys}>
            <dt>{keys}</dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <label className="at-row">
        <input
          type="checkbox"
          checked={areLettersOn}
          onChange={(event) => onLetters(event.currentTarget.checked)}
        />
        Single keys such as B and E do something
      </label>
      <p className="at-hint">Ctrl is ⌘ on a Mac.</p>
    </Dialog>
  );
}
