/** The person's own settings: who they are, how Atelier looks, their password. */

import { useMantineColorScheme } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";

import { changePassword } from "../../api/auth";
import { api, take } from "../../api/client";
import { keys, sessionQuery } from "../../api/queries";
import { Avatar } from "../../ui/Avatar";
import { ErrorNote } from "../../ui/ErrorNote";
import { Segments } from "../../ui/Segments";
import { toast } from "../../ui/live";
import { Field } from "../../ui/Field";
import { SecondFactor } from "./SecondFactor";
import { SignIns } from "./SignIns";
import { Tokens } from "./Tokens";
import { useForm } from "./useForm";
import styles from "./account.module.css";

export default function AccountPage() {
  const { data: session } = useQuery(sessionQuery);
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const client = useQueryClient();
  const person = useMutation({
    mutationFn: (wish: { name?: string; wants_digest?: boolean }) =>
      take(api.PATCH("/api/session", { body: wish })),
    onSuccess: (changed) => client.setQueryData(keys.session, changed),
  });
  const rename = useForm(async ({ name = "" }) => {
    await person.mutateAsync({ name });
    toast("Your name is changed.");
  });
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
        <form className={styles.line} onSubmit={rename.onSubmit}>
          <Field
            key={user.name}
            label="How others see you"
            name="name"
            defaultValue={user.name}
            required
            maxLength={80}
          />
          <button type="submit" className="at-button" disabled={rename.sending.isPending}>
            Change name
          </button>
        </form>
        {person.error && <ErrorNote error={person.error} />}
      </section>
      <section className={styles.section}>
        <h2>Mail</h2>
        <label className="at-row">
          <input
            type="checkbox"
            checked={user.wants_digest}
            disabled={person.isPending}
            onChange={(event) => person.mutate({ wants_digest: event.currentTarget.checked })}
          />
          Send me what I have not read, once a day
        </label>
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
              minLength={10}
            />
          </label>
          {change.error && <ErrorNote error={change.error} />}
          <button type="submit" className="at-button" disabled={change.isPending}>
            Change password
          </button>
        </form>
      </section>
      <SecondFactor />
      <SignIns />
      <Tokens />
    </div>
  );
}
