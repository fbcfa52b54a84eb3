/** Tokens of programs: make one (its secret is shown once), see when it was used, end it. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, take, type Token } from "../../api/client";
import { keys, tokensQuery } from "../../api/queries";
import { Field } from "../../ui/Field";
import { useNow } from "../../ui/useNow";
import { when } from "../../ui/words";
import { MadeHere, MadeRow, RowButton, TickList } from "./MadeHere";

type Scope = Token["scopes"][number];
const MAY: Readonly<Record<Scope, string>> = {
  read: "see what you see",
  edit: "change pictures and vectors, start jobs",
  publish: "publish and withdraw vectors, share pictures",
  admin: "run your teams, read their logs",
};
const SCOPES = (Object.keys(MAY) as Scope[]).map((value) => ({
  value,
  label: (
    <>
      <strong>{value}</strong>: {MAY[value]}
    </>
  ),
}));

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
  const onForm = (form: FormData) => {
    const days = String(form.get("days"));
    make.mutate({
      name: String(form.get("name")),
      scopes: form.getAll("scopes").map((value) => String(value) as Scope),
      days: days === "" ? null : Number(days),
    });
  };
  return (
    <MadeHere
      title="Tokens"
      note="A program signs in with a token instead of your password. It reaches as far as the token says, and never further than you do."
      errors={[error, revoke.error]}
      secret={
        make.data
          ? {
              call: "Copy the token now: it is not shown again.",
              label: "The new token",
              value: make.data.secret,
            }
          : null
      }
      making={{
        isOpen: isMaking,
        onOpen: setMaking,
        open: "Make a token",
        send: "Make the token",
        fields: <TokenFields />,
        onForm,
        isPending: make.isPending,
        error: make.error,
      }}
    >
      {data?.map((token) => (
        <MadeRow
          key={token.id}
          title={
            <>
              <strong>{token.name}</strong> <code className="at-hint">{token.prefix}…</code>
            </>
          }
          facts={tokenFacts(token, now)}
        >
          <RowButton
            isDanger
            disabled={revoke.isPending}
            onClick={() => revoke.mutate(token.id)}
          >
            Revoke
          </RowButton>
        </MadeRow>
      ))}
    </MadeHere>
  );
}

/** "read, edit · used 3 minutes ago · until 4 May 2026" */
function tokenFacts(token: Token, now: Date): string {
  const used = token.last_used_at ? `used ${when(token.last_used_at, now)}` : "never used";
  const facts = [token.scopes.join(", "), used];
  if (token.expires_at) {
    const end = new Date(token.expires_at);
    const day = end.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });
    facts.push(`${end < now ? "expired" : "until"} ${day}`);
  } else {
    facts.push("no end");
  }
  return facts.join(" · ");
}

function TokenFields() {
  return (
    <>
      <Field label="What is it for?" name="name" required maxLength={80} autoFocus />
      <TickList legend="It may" name="scopes" ticked="read" options={SCOPES} />
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
    </>
  );
}
