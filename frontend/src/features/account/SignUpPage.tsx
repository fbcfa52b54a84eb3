/** Making an account: address and password, then the mail to confirm. */

import { useState } from "react";
import { Link } from "react-router";

import { StepError, signUp } from "../../api/auth";
import { ErrorNote } from "../../ui/ErrorNote";
import { Field } from "../../ui/Field";
import { Door } from "./Door";
import { useForm } from "./useForm";
import styles from "./account.module.css";

export default function SignUpPage() {
  const [sentTo, setSentTo] = useState<string | null>(null);
  const { onSubmit, sending } = useForm(async ({ email = "", password = "" }) => {
    try {
      await signUp(email, password);
    } catch (error) {
      if (!(error instanceof StepError)) throw error;
    }
    setSentTo(email);
  });
  if (sentTo !== null) {
    return (
      <Door
        title="Look into your mailbox"
        lead={
          <>
            We sent a link to <strong>{sentTo}</strong>. Open it to confirm that the address is
            yours, then sign in.
          </>
        }
      >
        <Link className="at-button" data-size="main" to="/sign-in">
          To sign in
        </Link>
      </Door>
    );
  }
  return (
    <Door title="Make an account" lead="You start with a team of your own, and can join others.">
      <form className={styles.form} onSubmit={onSubmit}>
        <Field
          label="Mail address"
          name="email"
          type="email"
          autoComplete="username"
          required
          autoFocus
        />
        <Field
          label="Password"
          name="password"
          type="password"
          autoComplete="new-password"
          required
          minLength={10}
          note="At least 10 characters. A sentence is easier to remember than a word."
        />
        {sending.error && <ErrorNote error={sending.error} />}
        <button
          type="submit"
          className="at-button"
          data-filled
          data-size="main"
          disabled={sending.isPending}
        >
          Make an account
        </button>
        <p className={styles.ways}>
          <Link to="/sign-in">I have one already</Link>
        </p>
      </form>
    </Door>
  );
}
