/** A section of things that a person makes here, sees in rows, and ends: tokens, webhooks. */

import type { FormEvent, ReactNode } from "react";

import { CopyField } from "../../ui/CopyField";
import { ErrorNote } from "../../ui/ErrorNote";
import styles from "./account.module.css";

interface Making {
  readonly isOpen: boolean;
  readonly onOpen: (isOpen: boolean) => void;
  readonly open: string; // words of the button that opens the form
  readonly send: string; // and of the one that sends it
  readonly fields: ReactNode;
  readonly onForm: (form: FormData) => void;
  readonly isPending: boolean;
  readonly error: Error | null;
}

/** `secret` is what was made last, with the part of it that is shown only once. */
export function MadeHere({
  title,
  note,
  errors,
  secret,
  making,
  children,
}: {
  readonly title: string;
  readonly note: string;
  readonly errors: readonly (Error | null)[];
  readonly secret: { readonly call: string; readonly label: string; readonly value: string } | null;
  readonly making: Making;
  readonly children: ReactNode;
}) {
  return (
    <section className={styles.section}>
      <h2>{title}</h2>
      <p className={styles.note}>{note}</p>
      {errors.map((error, at) => error !== null && <ErrorNote key={at} error={error} />)}
      {secret && (
        <div className={styles.fresh} role="status">
          <strong>{secret.call}</strong>
          <CopyField label={secret.label} value={secret.value} />
        </div>
      )}
      <ul className={styles.rows}>{children}</ul>
      {making.isOpen ? (
        <MakingForm making={making} />
      ) : (
        <div className={styles.buttons}>
          <button type="button" className="at-button" onClick={() => making.onOpen(true)}>
            {making.open}
          </button>
        </div>
      )}
    </section>
  );
}

function MakingForm({ making }: { readonly making: Making }) {
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    making.onForm(new FormData(event.currentTarget));
  };
  return (
    <form className={styles.narrow} onSubmit={onSubmit}>
      {making.fields}
      {making.error !== null && <ErrorNote error={making.error} />}
      <div className="at-row">
        <button type="submit" className="at-button" data-filled disabled={making.isPending}>
          {making.send}
        </button>
        <button
          type="button"
          className="at-button"
          data-quiet
          onClick={() => making.onOpen(false)}
        >
          Cancel
        </button>
      </div>
    </form>
  );
}

/** A row: what it is, a line of facts, and what can be done with it. */
export function MadeRow({
  title,
  facts,
  children,
}: {
  readonly title: ReactNode;
  readonly facts: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <li>
      <div>
        {title}
        <div className="at-hint">{facts}</div>
      </div>
      {children}
    </li>
  );
}

/** What can be done with a row. */
export function RowButton({
  isDanger = false,
  disabled,
  onClick,
  children,
}: {
  readonly isDanger?: boolean;
  readonly disabled: boolean;
  readonly onClick: () => void;
  readonly children: string;
}) {
  return (
    <button
      type="button"
      className="at-button"
      data-size="small"
      data-danger={isDanger || undefined}
      disabled={disabled}
      onClick={onClick}
    >
      {children}
    </button>
  );
}

/** Boxes of which any number may be ticked; a form has them under `name`. */
export function TickList<T extends string>({
  legend,
  name,
  ticked,
  options,
}: {
  readonly legend: string;
  readonly name: string;
  readonly ticked?: T;
  readonly options: readonly { readonly value: T; readonly label: ReactNode }[];
}) {
  return (
    <fieldset className={styles.scopes}>
      <legend className="at-label">{legend}</legend>
      {options.map(({ value, label }) => (
        <label key={value}>
          <input type="checkbox" name={name} value={value} defaultChecked={value === ticked} />
          <span>{label}</span>
        </label>
      ))}
    </fieldset>
  );
}
