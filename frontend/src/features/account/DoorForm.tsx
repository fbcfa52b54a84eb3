/** What the forms of the door have in common: fields, what went wrong, and one main button. */

import type { FormEvent, ReactNode } from "react";
import { Link } from "react-router";

import { ErrorNote } from "../../ui/ErrorNote";
import { Field } from "../../ui/Field";
import styles from "./account.module.css";

/** A form in the door's card. `more` stands under its button: other ways on. */
export function DoorForm({
  onSubmit,
  sending,
  button,
  more,
  children,
}: {
  readonly onSubmit: (event: FormEvent<HTMLFormElement>) => void;
  readonly sending: { readonly error: Error | null; readonly isPending: boolean };
  readonly button: string;
  readonly more?: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <form className={styles.form} onSubmit={onSubmit}>
      {children}
      {sending.error !== null && <ErrorNote error={sending.error} />}
      <button
        type="submit"
        className="at-button"
        data-filled
        data-size="main"
        disabled={sending.isPending}
      >
        {button}
      </button>
      {more}
    </form>
  );
}

/** Who it is: the first field of every form that asks. */
export function AddressField() {
  return (
    <Field
      label="Mail address"
      name="email"
      type="email"
      autoComplete="username"
      required
      autoFocus
    />
  );
}

/** A password that is being chosen. */
export function NewPasswordField({
  label,
  note,
  autoFocus = false,
}: {
  readonly label: string;
  readonly note?: string;
  readonly autoFocus?: boolean;
}) {
  return (
    <Field
      label={label}
      {...(note === undefined ? {} : { note })}
      name="password"
      type="password"
      autoComplete="new-password"
      required
      minLength={10}
      autoFocus={autoFocus}
    />
  );
}

/** The way from here to the form of people who have an account. */
export function ToSignIn({
  isMain = false,
  children,
}: {
  readonly isMain?: boolean;
  readonly children: string;
}) {
  return (
    <Link className="at-button" data-filled={isMain || undefined} data-size="main" to="/sign-in">
      {children}
    </Link>
  );
}
