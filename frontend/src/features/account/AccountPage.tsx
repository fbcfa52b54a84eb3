/** The person's own settings: who they are, how Atelier looks, their password. */

import { useMantineColorScheme } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import type { FormEvent } from "react";

import { changePassword } from "../../api/auth";
import { sessionQuery } from "../../api/queries";
import { Avatar } from "../../ui/Avatar";
import { ErrorNote } from "../../ui/ErrorNote";
import { Segments } from "../../ui/Segments";
import { toast } from "../../ui/live";
import styles from "./account.module.css";

export default function AccountPage() {
  const { data: session } = useQuery(sessionQuery);
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const change = useMutation({
    mutationFn: ({ form }: { form: HTMLFormElement }) => {
      const fields = new FormData(form);
      return changePassword(String(fields.get("current")), String(fields.get("next")));
    },
    onSuccess: (_, { form }) => {
      form.reset();
      toast("Your password is changed.");
    },
  });
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    change.mutate({ form: event.currentTarget });
  };
  const user = session?.user;
  if (!user) return null;
  return (
    <div className="at-column">
      <h1>Account</h1>
      <section className={styles.section}>
        <h2>You</h2>
        <div className={styles.person}>
          <Avatar person={user} size={44} isNamed />
          <div>
            <strong>{user.name}</strong>
            <div className="at-hint">{user.email}</div>
          </div>
        </div>
      </section>
      <section className={styles.section}>
        <h2>Theme</h2>
        <Segments
          label="Theme"
          value={colorScheme}
          options={[
            { value: "light", label: "Light" },
            { value: "dark", label: "Dark" },
            { value: "auto", label: "Like the system" },
          ]}
          onChange={setColorScheme}
        />
        <p className="at-field-note">
          The studio stays dark unless you choose Light: colours are judged best on dark grey.
        </p>
      </section>
      <section className={styles.section}>
        <h2>Password</h2>
        <form className={styles.narrow} onSubmit={onSubmit}>
          <label>
            <span className="at-label">Present password</span>
            <input
              name="current"
              type="password"
              className="at-field"
              autoComplete="current-password"
              required
            />
          </label>
          <label>
            <span className="at-label">New password</span>
            <input
              name="next"
              type="password"
              className="at-field"
              autoComplete="new-password"
              required
              minLength={8}
            />
          </label>
          {change.error && <ErrorNote error={change.error} />}
          <button type="submit" className="at-button" disabled={change.isPending}>
            Change password
          </button>
        </form>
      </section>
    </div>
  );
}
