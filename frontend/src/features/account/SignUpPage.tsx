/** Making an account: address and password, then the mail to confirm. */

import { useState } from "react";
import { Link } from "react-router";

import { StepError, signUp } from "../../api/auth";
import { Door } from "./Door";
import { AddressField, DoorForm, NewPasswordField, ToSignIn } from "./DoorForm";
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
        <ToSignIn>To sign in</ToSignIn>
      </Door>
    );
  }
  return (
    <Door title="Make an account" lead="You start with a team of your own, and can join others.">
      <DoorForm
        onSubmit={onSubmit}
        sending={sending}
        button="Make an account"
        more={
          <p className={styles.ways}>
            <Link to="/sign-in">I have one already</Link>
          </p>
        }
      >
        <AddressField />
        <NewPasswordField
          label="Password"
          note="At least 10 characters. A sentence is easier to remember than a word."
        />
      </DoorForm>
    </Door>
  );
}
