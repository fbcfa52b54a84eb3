/** Tokens of programs: make one (its secret is shown once), see when it was used, end it. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import { api, take, type Token } from "../../api/client";
import { keys, tokensQuery } from "../../api/queries";
import { CopyField } from "../../ui/CopyField";
import { ErrorNote } from "../../ui/ErrorNote";
import { Field } from "../../ui/Field";
import { useNow } from "../../ui/useNow";
import { when } from "../../ui/words";
import styles from "./account.module.css";

type Scope = Token["scopes"][number];
const SCOPES: readonly { readonly value: Scope; readonly may: string }[] = [
  { value: "read", may: "see what you see" },
  { value: "edit", may: "change pictures and vectors, start jobs" },
  { value: "publish", may: "publish and withdraw vectors, share pictures" },
  { value: "admin", may: "run your teams, read their logs" },
];

export function Tokens() {
  const client = useQueryClient();
  const now = useNow();
  const { data, error } = useQuery(tokensQuery);
  const [isMaking, setMaking] = useState(false);
  const again = () => client.invalidateQueries({ queryKey: keys.tokens });
  const make = useMutation({
    mutationFn: (wish: { name: string; scopes: Scope[]; days: number | null }) =>
      take(api.POST("/api/tokens", { body: wish })),
    onSuccess: async () => {
      setMaking(false);
      await again();
    },
  });
  const revoke = useMutation({
    mutationFn: (id: string) =>
      take(api.DELETE("/api/tokens/{token_id}", { params: { path: { token_id: id } } })),
    onSuccess: again,
  });
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const days = String(form.get("days"));
    make.mutate({
      name: String(form.get("name")),
      scopes: form.getAll("scopes").map((value) => String(value) as Scope),
      days: days === "" ? null : Number(days),
    });
  };
  return (
    <section className={styles.section}>
      <h2>Tokens</h2>
      <p className={styles.note}>
        A program signs in with a token instead of your password. It reaches as far as the token
        says, and never further than you do.
      </p>
      {error && <ErrorNote error={error} />}
      {revoke.error && <ErrorNote error={revoke.error} />}
      {make.data && (
        <div className={styles.fresh} role="status">
          <strong>Copy the token now: it is not shown again.</strong>
          <CopyField label="The new token" value={make.data.secret} />
        </div>
      )}
      <ul className={styles.rows}>
        {data?.map((token) => (
          <li key={token.id}>
            <div>
              <strong>{token.name}</strong> <code className="at-hint">{token.prefix}…</code>
              <div className="at-hint">
                {token.scopes.join(", ")} ·{" "}
                {token.last_used_at ? `used ${when(token.last_used_at, now)}` : "never used"} ·{" "}
                {token.expires_at
                  ? `${new Date(token.expires_at) < now ? "expired" : "until"} ${new Date(token.expires_at).toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" })}`
                  : "no end"}
              </div>
            </div>
            <button
              type="button"
              className="at-button"
              data-size="small"
              data-danger
              disabled={revoke.isPending}
              onClick={() => revoke.mutate(token.id)}
            >
              Revoke
            </button>
          </li>
        ))}
      </ul>
      {isMaking ? (
        <form className={styles.narrow} onSubmit={onSubmit}>
          <Field label="What is it for?" name="name" required maxLength={80} autoFocus />
          <fieldset className={styles.scopes}>
            <legend className="at-label">It may</legend>
            {SCOPES.map(({ value, may }) => (
              <label key={value}>
                <input
                  type="checkbox"
                  name="scopes"
                  value={value}
                  defaultChecked={value === "read"}
                />
                <span>
                  <strong>{value}</strong>: {may}
                </span>
              </label>
            ))}
          </fieldset>
          <label>
            <span className="at-label">It ends after</span>
            <select name="days" className="at-field" defaultValue="90">
              <option value="7">7 days</option>
              <option value="30">30 days</option>
              <option value="90">90 days</option>
              <option value="365">a year</option>
              <option value="">never</option>
            </select>
          </label>
          {make.error && <ErrorNote error={make.error} />}
          <div className="at-row">
            <button type="submit" className="at-button" data-filled disabled={make.isPending}>
              Make the token
            </button>
            <button type="button" className="at-button" data-quiet onClick={() => setMaking(false)}>
              Cancel
            </button>
          </div>
        </form>
      ) : (
        <div className={styles.buttons}>
          <button type="button" className="at-button" onClick={() => setMaking(true)}>
            Make a token
          </button>
        </div>
      )}
    </section>
  );
}
