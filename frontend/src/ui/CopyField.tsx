import { toast } from "./live";
import { IconCopy } from "./icons";

/** A text to be copied, as a link or a secret, whole and at one press. */
export function CopyField({ label, value }: { readonly label: string; readonly value: string }) {
  return (
    <div className="at-copy">
      <input
        className="at-field"
        readOnly
        value={value}
        aria-label={label}
        onFocus={(event) => event.currentTarget.select()}
      />
      <button
        type="button"
        className="at-button"
        onClick={() => {
          void navigator.clipboard?.writeText(value).then(() => toast("Copied."));
        }}
      >
        <IconCopy size={15} /> Copy
      </button>
    </div>
  );
}
