/** Step 3: the list of parts, from a template or by hand, changed without losing labels. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { keys } from "../../api/queries";
import { ErrorNote } from "../../ui/ErrorNote";
import { IconBack, IconForward, IconPlus, IconTrash, IconWarning } from "../../ui/icons";
import { announce } from "../../ui/live";
import { Swatch } from "../../ui/Swatch";
import { counted } from "../../ui/words";
import { saveSchema, templatesQuery } from "./data";
import type { StepProps } from "./ProjectPage";
import {
  type PartDraft,
  type SchemaDraft,
  addPart,
  changePart,
  draftFrom,
  draftOf,
  faults,
  movePart,
  removePart,
} from "./schema";
import styles from "./families.module.css";

export function SchemaStep({ project }: StepProps) {
  const [draft, setDraft] = useState<SchemaDraft | null>(null);
  const [removing, setRemoving] = useState<number | null>(null);
  const [isAsked, setAsked] = useState(false);
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: (changed: SchemaDraft) =>
      saveSchema(project.id, {
        schema_version: project.schema_version,
        parts: [...changed.parts],
        merged: changed.merged,
      }),
    onSuccess: (changed) => {
      client.setQueryData(keys.familyProject(project.id), changed);
      void client.invalidateQueries({ queryKey: keys.families });
      setDraft(null);
      setAsked(false);
      announce("Parts kept.");
    },
  });
  const shown = draft ?? draftOf(project.parts);
  const change = (next: SchemaDraft) => {
    save.reset();
    setDraft(next);
  };
  const found = faults(shown);
  const atPart = (at: number) => (isAsked ? found.find((fault) => fault.at === at)?.words : null);
  const general = isAsked ? found.filter(({ at }) => at === null) : [];

  if (!project.may_edit) {
    return (
      <ul className={styles.palette}>
        {project.parts.map((part) => (
          <li key={part.id}>
            <Swatch color={part.color} /> {part.title}
          </li>
        ))}
      </ul>
    );
  }
  if (shown.parts.length === 0) return <Templates onChoose={change} />;
  return (
    <form
      className={styles.form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        setAsked(true);
        const first = found.find(({ at }) => at !== null)?.at;
        if (found.length === 0 && !save.isPending) save.mutate(shown);
        else if (first !== undefined && first !== null) {
          event.currentTarget.querySelectorAll<HTMLElement>("[data-title]")[first]?.focus();
        }
      }}
    >
      <ol className={styles.parts} aria-label="Parts">
        {shown.parts.map((part, at) => (
          <li key={part.id === null ? `new ${at}` : part.id}>
            <PartRow
              part={part}
              at={at}
              num={shown.parts.length}
              fault={atPart(at) ?? null}
              onChange={(changed) => change(changePart(shown, at, changed))}
              onMove={(by) => change(movePart(shown, at, by))}
              onRemove={() => {
                if (part.id === null || project.num_labeled === 0)
                  change(removePart(shown, at, null));
                else setRemoving(at);
              }}
            />
            {removing === at && (
              <Merge
                part={part}
                others={shown.parts.filter((one) => one.id !== null && one !== part)}
                onChoose={(into) => {
                  setRemoving(null);
                  change(removePart(shown, at, into));
                }}
                onClose={() => setRemoving(null)}
              />
            )}
          </li>
        ))}
      </ol>
      <div className={styles.buttons}>
        <button type="button" className="at-button" onClick={() => change(addPart(shown))}>
          <IconPlus size={15} /> Add a part
        </button>
        {project.parts.length === 0 && (
          <button type="button" className="at-button" data-quiet onClick={() => setDraft(null)}>
            Another template
          </button>
        )}
      </div>
      {general.map(({ words }) => (
        <p key={words} className={styles.fault}>
          <IconWarning size={16} /> {words}
        </p>
      ))}
      {save.error && <ErrorNote error={save.error} />}
      {(draft !== null || project.schema_version === 0) && (
        <footer className={styles.keep}>
          <span className="at-hint" aria-live="polite">
            {isAsked && found.length > 0
              ? `${counted(found.length, "thing")} to change before it can be kept.`
              : "Not kept yet. Labels stay, whatever you rename, recolour or move."}
          </span>
          <span className={styles.buttons}>
            {project.parts.length > 0 && (
              <button
                type="button"
                className="at-button"
                onClick={() => {
                  save.reset();
                  setDraft(null);
                  setAsked(false);
                }}
              >
                Drop the changes
              </button>
            )}
            <button
              type="submit"
              className="at-button"
              data-filled
              data-size="main"
              disabled={save.isPending}
            >
              Keep these {counted(shown.parts.length, "part")}
            </button>
          </span>
        </footer>
      )}
    </form>
  );
}

function PartRow({
  part,
  at,
  num,
  fault,
  onChange,
  onMove,
  onRemove,
}: {
  readonly part: PartDraft;
  readonly at: number;
  readonly num: number;
  readonly fault: string | null;
  readonly onChange: (change: Partial<Omit<PartDraft, "id">>) => void;
  readonly onMove: (step: -1 | 1) => void;
  readonly onRemove: () => void;
}) {
  const name = part.title || `part ${at + 1}`;
  return (
    <>
      <div className={styles.part}>
        <input
          type="color"
          aria-label={`Colour of ${name}`}
          value={part.color}
          onChange={(event) => onChange({ color: event.currentTarget.value.toUpperCase() })}
        />
        <input
          className="at-field"
          data-title
          aria-label={`Name of part ${at + 1}`}
          aria-invalid={fault !== null}
          aria-describedby={fault ? `fault-${at}` : undefined}
          value={part.title}
          maxLength={40}
          onChange={(event) => onChange({ title: event.currentTarget.value })}
        />
        <input
          className={`at-field ${styles.group}`}
          aria-label={`Group of ${name}`}
          placeholder="Group"
          value={part.group}
          maxLength={40}
          onChange={(event) => onChange({ group: event.currentTarget.value })}
        />
        <label className={styles.ground}>
          <input
            type="radio"
            name="background"
            checked={part.is_background}
            onChange={() => onChange({ is_background: true })}
          />
          <span>Background</span>
        </label>
        <span className={styles.rowButtons}>
          <button
            type="button"
            className="at-button"
            data-quiet
            data-icon
            data-size="small"
            aria-label={`Move ${name} up`}
            disabled={at === 0}
            onClick={() => onMove(-1)}
          >
            <span className={styles.up}>
              <IconBack size={15} />
            </span>
          </button>
          <button
            type="button"
            className="at-button"
            data-quiet
            data-icon
            data-size="small"
            aria-label={`Move ${name} down`}
            disabled={at === num - 1}
            onClick={() => onMove(1)}
          >
            <span className={styles.up}>
              <IconForward size={15} />
            </span>
          </button>
          <button
            type="button"
            className="at-button"
            data-quiet
            data-icon
            data-size="small"
            aria-label={`Remove ${name}`}
            onClick={onRemove}
          >
            <IconTrash size={16} />
          </button>
        </span>
      </div>
      {fault && (
        <p id={`fault-${at}`} className={styles.fault}>
          <IconWarning size={15} /> {fault}
        </p>
      )}
    </>
  );
}

/** What becomes of what was painted with a part that goes. */
function Merge({
  part,
  others,
  onChoose,
  onClose,
}: {
  readonly part: PartDraft;
  readonly others: readonly PartDraft[];
  readonly onChoose: (into: number | null) => void;
  readonly onClose: () => void;
}) {
  return (
    <div className={styles.merge} role="group" aria-label={`Remove ${part.title}`}>
      <p>What was painted as “{part.title}” becomes</p>
      <div className={styles.buttons}>
        {others.map((other) => (
          <button
            key={other.id}
            type="button"
            className="at-button"
            onClick={() => onChoose(other.id)}
          >
            <Swatch color={other.color} size={14} /> {other.title}
          </button>
        ))}
        <button type="button" className="at-button" onClick={() => onChoose(null)}>
          Not labelled
        </button>
        <button type="button" className="at-button" data-quiet onClick={onClose}>
          Do not remove
        </button>
      </div>
    </div>
  );
}

function Templates({ onChoose }: { readonly onChoose: (draft: SchemaDraft) => void }) {
  const { data, error, refetch } = useQuery(templatesQuery);
  if (error && !data) return <ErrorNote error={error} onRetry={() => void refetch()} />;
  return (
    <ul className={styles.templates}>
      {data?.map((template) => (
        <li key={template.key}>
          <button type="button" onClick={() => onChoose(draftFrom(template.parts))}>
            <strong>{template.title}</strong>
            <span className={styles.stripes} aria-hidden>
              {template.parts.map((part) => (
                <i key={part.name} style={{ background: part.color }} />
              ))}
            </span>
            <span className="at-hint">
              {template.parts
                .slice(0, 5)
                .map(({ title }) => title)
                .join(" · ")}
              {template.parts.length > 5 && ` and ${template.parts.length - 5} more`}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}
