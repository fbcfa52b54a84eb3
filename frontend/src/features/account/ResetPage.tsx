/** A forgotten password: ask for the mail, then set a new one. */

import { Link, useParams } from "react-router";

import { askForReset, resetPassword } from "../../api/auth";
import { Door } from "./Door";
import { AddressField, DoorForm, NewPasswordField, ToSignIn } from "./DoorForm";
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
        <ToSignIn>To sign in</ToSignIn>
      </Door>
    );
  }
  return (
    <Door title="Forgot your password?" lead="We send you a link to set a new one.">
      <DoorForm
        onSubmit={onSubmit}
        sending={sending}
        button="Send the link"
        more={
          <p className={styles.ways}>
            <Link to="/sign-in">Back to sign in</Link>
          </p>
        }
      >
        <AddressField />
      </DoorForm>
    </Door>
  );
}

function SetNew({ resetKey }: { readonly resetKey: string }) {
  const { onSubmit, sending } = useForm(({ password = "" }) => resetPassword(resetKey, password));
  if (sending.isSuccess) {
    return (
      <Door title="Your password is set" lead="Sign in with it.">
        <ToSignIn isMain>Sign in</ToSignIn>
      </Door>
    );
  }
  return (
    <Door title="Set a new password">
      <DoorForm onSubmit={onSubmit} sending={sending} button="Set it">
        <NewPasswordField label="New password" autoFocus />
      </DoorForm>
    </Door>
  );
}
