/** The way in: one card, and beside it what the product does, drifting by. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link, Navigate, useNavigate, useSearchParams } from "react-router";

import { StepError, enterCode, leaveForProvider, signIn } from "../../api/auth";
import { keys, sessionQuery, signInConfigQuery } from "../../api/queries";
import { ErrorNote } from "../../ui/ErrorNote";
import { Field } from "../../ui/Field";
import { Door } from "./Door";
import { AddressField, DoorForm } from "./DoorForm";
import { isOfOperators, keepNext, safeNext, takeNext } from "./next";
import { useForm } from "./useForm";
import styles from "./account.module.css";

const DEMO_PASSWORD = "atelier";
const DEMO = [
  { name: "Mara", email: "mara@example.com" },
  { name: "Jonas", email: "jonas@example.com" },
] as const;

export default function SignInPage() {
  const { data: session, error: sessionError, refetch } = useQuery(sessionQuery);
  const { data: config } = useQuery(signInConfigQuery);
  const [search] = useSearchParams();
  const [step, setStep] = useState<"password" | "code" | "mail">("password");
  const navigate = useNavigate();
  const client = useQueryClient();
  const wanted = search.get("next");
  const next = wanted ? safeNext(wanted) : (takeNext() ?? safeNext(null));

  const goOn = async () => {
    await client.invalidateQueries({ queryKey: keys.session });
    if (isOfOperators(next)) location.assign(next);
    else await navigate(next, { replace: true });
  };
  const enter = useMutation({
    mutationFn: async ({ email, password }: { email: string; password: string }) => {
      try {
        await signIn(email, password);
        return true;
      } catch (error) {
        if (!(error instanceof StepError)) throw error;
        setStep(error.step === "second factor" ? "code" : "mail");
        return false;
      }
    },
    onSuccess: (isIn) => (isIn ? goOn() : undefined),
  });
  const code = useForm(({ code = "" }) => enterCode(code.trim()), goOn);
  if (session?.user && !enter.isPending && !code.sending.isPending) {
    if (!isOfOperators(next)) return <Navigate to={next} replace />;
    if (!session.user.is_operator) return <Navigate to="/pictures" replace />;
    location.assign(next);
    return null;
  }

  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    enter.mutate({
      email: String(form.get("email") ?? ""),
      password: String(form.get("password") ?? ""),
    });
  };
  if (step === "mail") {
    return (
      <Door
        title="Confirm your address first"
        lead="We sent you a mail with a link. Open it, then sign in."
      >
        <button
          type="button"
          className="at-button"
          data-size="main"
          onClick={() => setStep("password")}
        >
          Back to sign in
        </button>
      </Door>
    );
  }
  if (step === "code") {
    return (
      <Door
        title="One more step"
        lead="Enter the code that your authenticator app shows now, or a recovery code."
      >
        <DoorForm onSubmit={code.onSubmit} sending={code.sending} button="Sign in">
          <Field
            label="Code"
            name="code"
            inputMode="numeric"
            autoComplete="one-time-code"
            required
            autoFocus
          />
        </DoorForm>
      </Door>
    );
  }
  return (
    <Door title="Atelier" lead="Paint a part of a picture; the rest follows.">
      {search.get("failed") === "provider" && (
        <p role="alert" className={styles.problem}>
          Signing in there did not work. Try again, or use your password.
        </p>
      )}
      <DoorForm
        onSubmit={onSubmit}
        sending={enter}
        button="Sign in"
        more={
          <>
            {config?.providers.map((provider) => (
              <button
                key={provider.id}
                type="button"
                className="at-button"
                data-size="main"
                onClick={() => leaveForProvider(provider.id, next)}
              >
                {provider.name}
              </button>
            ))}
            <p className={styles.ways}>
              {config?.mayPasswordSignUp && (
                <Link to="/sign-up" onClick={() => keepNext(next)}>
                  Make an account
                </Link>
              )}
              <Link to="/reset">Forgot your password?</Link>
            </p>
          </>
        }
      >
        <AddressField />
        <Field
          label="Password"
          name="password"
          type="password"
          autoComplete="current-password"
          required
          aria-invalid={enter.isError || undefined}
        />
        {sessionError && !session && (
          <ErrorNote error={sessionError} onRetry={() => void refetch()} />
        )}
      </DoorForm>
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
    </Door>
  );
}
