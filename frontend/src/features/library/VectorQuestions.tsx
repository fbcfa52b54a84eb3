/** Dialogs of a vector's page: its licence, a report about it, an appeal against its removal. */

import { Modal } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useNavigate } from "react-router";

import { type EditVector, type License, api, newKey, sendForm, take } from "../../api/client";
import { keys } from "../../api/queries";
import { ErrorNote } from "../../ui/ErrorNote";
import { StrengthSlider } from "../../ui/StrengthSlider";
import { toast } from "../../ui/live";
import { strength as signed } from "../../ui/words";
import { band } from "./Dock";
import { REASONS, type Reason } from "../moderation/reasons";
import styles from "./library.module.css";

export type Question = "license" | "report" | "appeal" | "version" | "fork";

const TITLES: Readonly<Record<Question, string>> = {
  license: "What may others do with it?",
  report: "What is wrong with it?",
  appeal: "Why should it come back?",
  version: "A new version",
  fork: "Fork into your team",
};
const SWITCHES: readonly { name: keyof License; label: string }[] = [
  { name: "asks_credit", label: "They name the author" },
  { name: "allows_commercial", label: "They may sell what they make with it" },
  { name: "allows_derivatives", label: "They may fork it and take its file" },
  { name: "keeps_license", label: "Their forks keep this licence" },
];

export function Asking({
  vector,
  what,
  onClose,
}: {
  readonly vector: EditVector;
  readonly what: Question | null;
  readonly onClose: () => void;
}) {
  return (
    <Modal
      opened={what !== null}
      onClose={onClose}
      size={520}
      title={what && TITLES[what]}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {what === "license" && <LicenseForm vector={vector} onDone={onClose} />}
      {what === "version" && <VersionForm vector={vector} onDone={onClose} />}
      {what === "fork" && <ForkForm vector={vector} onDone={onClose} />}
      {(what === "report" || what === "appeal") && (
        <WordsForm vector={vector} isReport={what === "report"} onDone={onClose} />
      )}
    </Modal>
  );
}

interface FormOf {
  readonly vector: EditVector;
  readonly onDone: () => void;
}

function LicenseForm({ vector, onDone }: FormOf) {
  const client = useQueryClient();
  const [license, setLicense] = useState<License>(vector.license);
  const save = useMutation({
    mutationFn: () =>
      take(
        api.PUT("/api/edit-vectors/{edit_vector_id}/license", {
          params: { path: { edit_vector_id: vector.id } },
          body: license,
        }),
      ),
    onSuccess: async () => {
      onDone();
      await client.invalidateQueries({ queryKey: keys.library });
    },
  });
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <fieldset className={styles.filter}>
        <legend className="at-hidden">Licence</legend>
        {SWITCHES.map(({ name, label }) => (
          <label key={name} className={styles.plainChoice}>
            <input
              type="checkbox"
              checked={license[name] ?? false}
              onChange={(event) => setLicense({ ...license, [name]: event.currentTarget.checked })}
            />
            {label}
          </label>
        ))}
      </fieldset>
      <p className="at-hint">Your team may always do everything. What others did already stands.</p>
      {save.error && <ErrorNote error={save.error} />}
      <Foot onDone={onDone} label="Save" isBusy={save.isPending} />
    </form>
  );
}

const MAX_NOTES = 500;

/** A version from a file; one that was painted is saved in the studio. */
function VersionForm({ vector, onDone }: FormOf) {
  const client = useQueryClient();
  const add = useMutation({
    mutationFn: (form: FormData) =>
      sendForm(`/api/edit-vectors/${vector.id}/versions`, form, { idempotencyKey: newKey() }),
    onSuccess: async () => {
      toast("Added. It is measured before others get it; who used the last one is told.");
      onDone();
      await client.invalidateQueries({ queryKey: keys.library });
    },
  });
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        add.mutate(new FormData(event.currentTarget));
      }}
    >
      <label>
        <span className="at-label">File of the edit vector</span>
        <input name="file" type="file" accept=".safetensors" required data-autofocus />
      </label>
      <label>
        <span className="at-label">What is new</span>
        <textarea name="notes" className="at-field" maxLength={MAX_NOTES} required />
      </label>
      <p className="at-hint">
        To paint one instead, optimize in the studio and choose “New version” when you save it.
      </p>
      {add.error && <ErrorNote error={add.error} />}
      <Foot onDone={onDone} label="Add version" isBusy={add.isPending} />
    </form>
  );
}

function ForkForm({ vector, onDone }: FormOf) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [strength, setStrength] = useState(1);
  const fork = useMutation({
    mutationFn: (title: string) =>
      take(
        api.POST("/api/edit-vectors/{edit_vector_id}/fork", {
          params: { path: { edit_vector_id: vector.id } },
          body: { title, strength },
        }),
      ),
    onSuccess: async (made) => {
      onDone();
      toast(`Forked into your team: ${made.title}.`);
      await client.invalidateQueries({ queryKey: keys.library });
      await navigate(`/library/${made.id}`);
    },
  });
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        fork.mutate(String(new FormData(event.currentTarget).get("title") ?? "").trim());
      }}
    >
      <label>
        <span className="at-label">Name</span>
        <input
          name="title"
          className="at-field"
          defaultValue={vector.title}
          maxLength={120}
          data-autofocus
        />
      </label>
      <div>
        <span className="at-spread">
          <span className="at-label">Its strength 1 is, of this one</span>
          <strong>{signed(strength)}</strong>
        </span>
        <StrengthSlider
          label="Strength of the fork"
          value={strength}
          measured={band(vector.version.card?.valid_range)}
          onChange={setStrength}
        />
      </div>
      <p className="at-hint">
        {vector.license.keeps_license
          ? "The fork keeps this licence; its author asks for it."
          : "The fork may not allow more than this licence does."}
        {vector.license.asks_credit && ` ${vector.author.name} stays named as its origin.`}
      </p>
      {fork.error && <ErrorNote error={fork.error} />}
      <Foot onDone={onDone} label="Fork" isBusy={fork.isPending || strength === 0} />
    </form>
  );
}

function WordsForm({ vector, isReport, onDone }: FormOf & { readonly isReport: boolean }) {
  const client = useQueryClient();
  const params = { path: { edit_vector_id: vector.id } };
  const send = useMutation({
    mutationFn: async ({ reason, text }: { reason: Reason; text: string }) => {
      if (isReport) {
        await take(
          api.POST("/api/edit-vectors/{edit_vector_id}/report", { params, body: { reason, text } }),
        );
      } else {
        await take(
          api.POST("/api/edit-vectors/{edit_vector_id}/appeal", { params, body: { text } }),
        );
      }
    },
    onSuccess: async () => {
      toast(isReport ? "Reported. A moderator will look at it." : "Your appeal is on its way.");
      onDone();
      await client.invalidateQueries({ queryKey: keys.library });
    },
  });
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    send.mutate({
      reason: (form.get("reason") as Reason | null) ?? "other",
      text: String(form.get("text") ?? "").trim(),
    });
  };
  return (
    <form className={styles.form} onSubmit={onSubmit}>
      {isReport && (
        <fieldset className={styles.filter}>
          <legend className="at-hidden">Reason</legend>
          {REASONS.map(({ value, label }, at) => (
            <label key={value} className={styles.plainChoice}>
              <input type="radio" name="reason" value={value} defaultChecked={at === 0} />
              {label}
            </label>
          ))}
        </fieldset>
      )}
      <label>
        <span className="at-label">{isReport ? "What we should know" : "In your words"}</span>
        <textarea name="text" className="at-field" maxLength={1000} required={!isReport} />
      </label>
      {send.error && <ErrorNote error={send.error} />}
      <Foot onDone={onDone} label={isReport ? "Report" : "Appeal"} isBusy={send.isPending} />
    </form>
  );
}

function Foot({
  onDone,
  label,
  isBusy,
}: {
  readonly onDone: () => void;
  readonly label: string;
  readonly isBusy: boolean;
}) {
  return (
    <div className={styles.formFoot}>
      <button type="button" className="at-button" onClick={onDone}>
        Cancel
      </button>
      <button type="submit" className="at-button" data-filled disabled={isBusy}>
        {label}
      </button>
    </div>
  );
}
