/** The second factor: switch it on with an authenticator app, keep recovery codes, switch it off. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import {
  recoveryCodes,
  secondFactor,
  switchSecondFactorOff,
  switchSecondFactorOn,
} from "../../api/auth";
import { keys } from "../../api/queries";
import { ErrorNote } from "../../ui/ErrorNote";
import { Field } from "../../ui/Field";
import { toast } from "../../ui/live";
import { usePasswordAgain } from "./PasswordAgain";
import styles from "./account.module.css";

export function SecondFactor() {
  const client = useQueryClient();
  const [isSettingUp, setSettingUp] = useState(false);
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const { run, form } = usePasswordAgain();
  const factor = useQuery({
    queryKey: keys.secondFactor,
    queryFn: secondFactor,
    staleTime: Infinity,
  });
  const again = () => client.invalidateQueries({ queryKey: keys.secondFactor });

  const switchOn = useMutation({
    mutationFn: (code: string) =>
      run(async () => {
        await switchSecondFactorOn(code);
        setCodes(await recoveryCodes());
        setSettingUp(false);
        await again();
      }),
  });
  const switchOff = useMutation({
    mutationFn: () =>
      run(async () => {
        await switchSecondFactorOff();
        setCodes(null);
        await again();
        toast("The second factor is off.");
      }),
  });
  const show = useMutation({ mutationFn: () => run(async () => setCodes(await recoveryCodes())) });

  const error = switchOn.error ?? switchOff.error ?? show.error ?? factor.error;
  const isOn = factor.data?.isOn ?? false;
  return (
    <section className={styles.section}>
      <h2>Second factor</h2>
      <p className={styles.note}>
        {isOn
          ? "On. Signing in asks for a code of your authenticator app as well."
          : "Off. With it, a stolen password alone opens nothing."}
      </p>
      {isSettingUp && factor.data?.secret && !isOn && (
        <form
          className={styles.factor}
          onSubmit={(event) => {
            event.preventDefault();
            switchOn.mutate(String(new FormData(event.currentTarget).get("code") ?? "").trim());
          }}
        >
          <img
            className={styles.square}
            src={`/api/session/totp.svg?${factor.dataUpdatedAt}`}
            alt="The square to scan with an authenticator app"
          />
          <div>
            <p>Scan the square with an authenticator app, or type this into it:</p>
            <code>{factor.data.secret}</code>
            <Field
              label="The code it shows"
              name="code"
              inputMode="numeric"
              autoComplete="one-time-code"
              required
            />
            <div className="at-row">
              <button type="submit" className="at-button" data-filled disabled={switchOn.isPending}>
                Switch it on
              </button>
              <button
                type="button"
                className="at-button"
                data-quiet
                onClick={() => setSettingUp(false)}
              >
                Cancel
              </button>
            </div>
          </div>
        </form>
      )}
      {form}
      {error && <ErrorNote error={error} />}
      {codes && (
        <div className={styles.fresh}>
          <strong>Recovery codes</strong>
          <p>Each lets you in once, without the app. Keep them where you keep papers.</p>
          <ul className={styles.codes}>
            {codes.map((code) => (
              <li key={code}>{code}</li>
            ))}
          </ul>
        </div>
      )}
      {!isSettingUp && (
        <div className="at-row">
          {isOn ? (
            <>
              <button type="button" className="at-button" onClick={() => show.mutate()}>
                Show recovery codes
              </button>
              <button
                type="button"
                className="at-button"
                data-danger
                onClick={() => switchOff.mutate()}
              >
                Switch it off
              </button>
            </>
          ) : (
            <button
              type="button"
              className="at-button"
              disabled={!factor.data}
              onClick={() => {
                setSettingUp(true);
                void again(); // a new secret, whose square is drawn anew
              }}
            >
              Set up
            </button>
          )}
        </div>
      )}
    </section>
  );
}
