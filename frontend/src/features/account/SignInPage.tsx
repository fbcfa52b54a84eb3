/** The way in: one card, and beside it what the product does, drifting by. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useId } from "react";
import { Navigate, useNavigate, useSearchParams } from "react-router";

import { signIn } from "../../api/auth";
import { keys, sessionQuery } from "../../api/queries";
import { ErrorNote } from "../../ui/ErrorNote";
import { Mark } from "../../ui/icons";
import { safeNext } from "./next";
import { SampleStrip } from "./SampleStrip";
import styles from "./account.module.css";

const DEMO_PASSWORD = "atelier";
const DEMO = [
  { name: "Mara", email: "mara@example.com" },
  { name: "Jonas", email: "jonas@example.com" },
] as const;

export default function SignInPage() {
  const { data: session, error: sessionError, refetch } = useQuery(sessionQuery);
  const [search] = useSearchParams();
  const navigate = useNavigate();
  const client = useQueryClient();
  const emailId = useId();
  const passwordId = useId();
  const next = safeNext(search.get("next"));

  const enter = useMutation({
    mutationFn: ({ email, password }: { email: string; password: string }) =>
      signIn(email, password),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keys.session });
      await navigate(next, { replace: true });
    },
  });
  if (session?.user && !enter.isPending) return <Navigate to={next} replace />;

  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    enter.mutate({
      email: String(form.get("email") ?? ""),
      password: String(form.get("password") ?? ""),
    });
  };
  return (
    <main className={styles.signIn}>
      <div className={styles.pair}>
        <SampleStrip />
        <section className={`at-card ${styles.card}`} aria-labelledby="sign-in-title">
          <Mark size={40} />
          <div>
            <h1 id="sign-in-title">Atelier</h1>
            <p className={styles.lead}>Paint a part of a picture; the rest follows.</p>
          </div>
          <form className={styles.form} onSubmit={onSubmit}>
            <div>
              <label className="at-label" htmlFor={emailId}>
                Mail address
              </label>
              <input
                id={emailId}
                name="email"
                type="email"
                className="at-field"
                autoComplete="username"
                required
                autoFocus
              />
            </div>
            <div>
              <label className="at-label" htmlFor={passwordId}>
                Password
              </label>
              <input
                id={passwordId}
                name="password"
                type="password"
                className="at-field"
                autoComplete="current-password"
                required
                aria-invalid={enter.isError || undefined}
              />
            </div>
            {enter.error && <ErrorNote error={enter.error} />}
            {sessionError && !session && (
              <ErrorNote error={sessionError} onRetry={() => void refetch()} />
            )}
            <button
              type="submit"
              className="at-button"
              data-filled
              data-size="main"
              disabled={enter.isPending}
            >
              Sign in
            </button>
          </form>
          <div className={styles.demo}>
            <p className="at-hint">
              Looking around? Two people of the demo team, password <code>{DEMO_PASSWORD}</code>:
            </p>
            <div className="at-row">
              {DEMO.map(({ name, email }) => (
                <button
                  key={email}
                  type="button"
                  className="at-button"
                  disabled={enter.isPending}
                  onClick={() => enter.mutate({ email, password: DEMO_PASSWORD })}
                >
                  {name}
                </button>
              ))}
            </div>
          </div>
        </section>
      </div>
    </main>
  );
}
