import { type InputHTMLAttributes, useId } from "react";

/** An input with its label, and a sentence under it if one is needed. */
export function Field({
  label,
  note,
  ...input
}: {
  readonly label: string;
  readonly note?: string;
} & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  return (
    <div>
      <label className="at-label" htmlFor={id}>
        {label}
      </label>
      <input
        id={id}
        className="at-field"
        aria-describedby={note ? `${id}-note` : undefined}
        {...input}
      />
      {note && (
        <p id={`${id}-note`} className="at-field-note">
          {note}
        </p>
      )}
    </div>
  );
}
