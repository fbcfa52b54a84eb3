/** A forgotten password: ask for the mail, then set a new one. */

import { Link, useParams } from "react-router";

import { askForReset, resetPassword } from "../../api/auth";
import { ErrorNote } from "../../ui/ErrorNote";
import { Field } from "../../ui/Field";
import { Door } from "./Door";
import { useForm } from "./useForm";
import styles from "./account.module.css";

export default function ResetPage() {
  const { key } = useParams();
  return key ? <SetNew resetKey={key} /> : <Ask />;
}

function Ask() {
  const { onSubmit, sending } = useForm(({ email = "" }) => askForReset(email));
  if (sending.isSuccess) {
    return (
      <Door
        title="Look into your mailbox"
        lead="If there is an account with this address, a mail with a link is on its way."
      >
        <Link className="at-button" data-size="main" to="/sign-in">
          To sign in
        </Link>
      </Door>
    );
  }
  return (
    <Door title="Forgot your password?" lead="We send you a link to set a new one.">
      <form className={styles.form} onSubmit={onSubmit}>
        <Field
          label="Mail address"
          name="email"
          type="email"
          autoComplete="username"
          required
          autoFocus
        />
        {sending.error && <ErrorNote error={sending.error} />}
        <button
          type="submit"
          className="at-button"
          data-filled
          data-size="main"
          disabled={sending.isPending}
        >
          Send the link
        </button>
        <p className={styles.ways}>
          <Link to="/sign-in">Back to sign in</Link>
        </p>
      </form>
    </Door>
  );
}

function SetNew({ resetKey }: { readonly resetKey: string }) {
  const { onSubmit, sending } = useForm(({ password = "" }) => resetPassword(resetKey, password));
  if (sending.isSuccess) {
    return (
      <Door title="Your password is set" lead="Sign in with it.">
        <Link className="at-button" data-filled data-size="main" to="/sign-in">
          Sign in
        </Link>
      </Door>
    );
  }
  return (
    <Door title="Set a new password">
      <form className={styles.form} onSubmit={onSubmit}>
        <Field
          label="New password"
          name="password"
          type="password"
          autoComplete="new-password"
          required
          minLength={10}
          autoFocus
        />
        {sending.error && <ErrorNote error={sending.error} />}
        <button
          type="submit"
          className="at-button"
          data-filled
          data-size="main"
          disabled={sending.isPending}
        >
          Set it
        </button>
      </form>
    </Door>
  );
}
