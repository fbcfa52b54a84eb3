/** Some changes ask for the password once more; this asks, then goes on where it stopped. */

import { type ReactNode, useState } from "react";

import { StepError, passwordAgain } from "../../api/auth";
import { ErrorNote } from "../../ui/ErrorNote";
import { Field } from "../../ui/Field";
import { useForm } from "./useForm";
import styles from "./account.module.css";

type Work = () => Promise<void>;

/** Runs work that may ask for the password first; `form` is what to show while it does. */
export function usePasswordAgain(): { run: (work: Work) => Promise<void>; form: ReactNode } {
  const [waiting, setWaiting] = useState<Work | null>(null);
  const run = async (work: Work) => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof StepError) || error.step !== "password again") throw error;
      setWaiting(() => work);
    }
  };
  const { onSubmit, sending } = useForm(async ({ password = "" }) => {
    await passwordAgain(password);
    const work = waiting;
    setWaiting(null);
    await work?.();
  });
  const form = waiting && (
    <form className={styles.fresh} onSubmit={onSubmit}>
      <Field
        label="Enter your password once more"
        name="password"
        type="password"
        autoComplete="current-password"
        required
        autoFocus
      />
      {sending.error && <ErrorNote error={sending.error} />}
      <div className="at-row">
        <button type="submit" className="at-button" data-filled disabled={sending.isPending}>
          Go on
        </button>
        <button type="button" className="at-button" data-quiet onClick={() => setWaiting(null)}>
          Cancel
        </button>
      </div>
    </form>
  );
  return { run, form };
}
