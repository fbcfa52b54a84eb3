/** Which edit vectors are applied, and how strongly? */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { EditVector } from "../../api/client";
import { conflictsQuery } from "../../api/queries";
import { useStudio, useStudioState } from "./context";
import * as data from "./data";
import { Icon } from "./icons";
import { spokenStrength, strength as signed } from "../../ui/words";
import { Slider } from "./Slider";
import { type StackEntry, applied, isRunning } from "./state";
import { stackWarning } from "../library/conflicts";
import { readStrength } from "./words";

export function VectorStack({ onAdd }: { onAdd: () => void }) {
  const [stack, mayEdit] = useStudioState((state) => [state.stack, state.mayEdit]);
  const ids = stack.map((entry) => entry.edit_vector_version_id);
  const known = useQuery(data.versionsQuery([...ids].sort()));
  const visible = stack.filter((entry) => !entry.isHidden && entry.strength !== 0);
  const conflicts = useQuery(
    conflictsQuery(visible.map((entry) => entry.edit_vector_version_id).sort()),
  );
  const { family } = useStudio();
  const warning = visible.length > 1 ? stackWarning(conflicts.data, family.parts) : null;
  return (
    <section className="st-card st-stack" aria-label="Edit vectors" data-region tabIndex={-1}>
      <div className="at-spread">
        <h2 className="at-row">
          Edit vectors {stack.length > 0 && <span className="st-count">{stack.length}</span>}
        </h2>
        <button
          type="button"
          className="at-button"
          disabled={!mayEdit}
          aria-label="Add an edit vector"
          onClick={onAdd}
        >
          <Icon name="plus" size={16} /> Add
        </button>
      </div>
      {stack.length === 0 ? (
        <p className="st-empty">No vectors yet. Add one, or paint and optimize.</p>
      ) : (
        <ul>
          {stack.map((entry) => (
            <Row
              key={entry.edit_vector_version_id}
              entry={entry}
              vector={known.data?.find(({ version }) => version.id === entry.edit_vector_version_id)}
            />
          ))}
        </ul>
      )}
      {warning && (
        <p className="st-warn st-conflict" role="status">
          <Icon name="warn" size={14} /> {warning}
        </p>
      )}
    </section>
  );
}

function Row({ entry, vector }: { entry: StackEntry; vector: EditVector | undefined }) {
  const { session } = useStudio();
  const mayEdit = useStudioState((state) => state.mayEdit);
  const id = entry.edit_vector_version_id;
  const band = measuredBand(vector);
  const title = vector?.title ?? "Edit vector";
  const measured = band && `, measured from ${spokenStrength(band[0])} to ${spokenStrength(band[1])}`;
  return (
    <li className="st-vector" data-hidden={entry.isHidden || undefined}>
      <div className="st-vector-head">
        {vector?.thumbnail_url ? (
          <img src={vector.thumbnail_url} alt="" width={38} height={38} />
        ) : (
          <span className="st-vector-blank" />
        )}
        <span className="st-vector-name">
          <span className="at-ellipsis">{title}</span>
          <span className="at-hint at-ellipsis">
            {vector ? `${vector.author.name} · v${vector.version.number}` : " "}
          </span>
        </span>
        <StrengthField
          title={title}
          strength={entry.strength}
          onChange={(strength) => session.changeVector(id, { strength })}
        />
        <button
          type="button"
          className="at-button"
          data-quiet
          data-icon
          data-size="small"
          aria-pressed={!entry.isHidden}
          aria-label={`Show ${title}`}
          onClick={() => session.changeVector(id, { isHidden: !entry.isHidden })}
        >
          <Icon name={entry.isHidden ? "eyeOff" : "eye"} size={16} />
        </button>
        <button
          type="button"
          className="at-button"
          data-quiet
          data-icon
          data-size="small"
          aria-label={`Remove ${title}`}
          disabled={!mayEdit}
          onClick={() => session.removeVector(id)}
        >
          <Icon name="close" size={16} />
        </button>
      </div>
      <Slider
        label={title}
        min={-2}
        max={2}
        step={0.05}
        largeStep={0.25}
        rest={0}
        origin={0}
        band={band}
        value={entry.strength}
        valueText={spokenStrength(entry.strength) + (measured ?? "")}
        isDisabled={!mayEdit}
        onChange={(strength) => session.changeVector(id, { strength })}
      />
      {band && (entry.strength < band[0] || entry.strength > band[1]) && (
        <p className="st-warn">
          <Icon name="warn" size={14} /> Measured to work from {signed(band[0])} to{" "}
          {signed(band[1])}
        </p>
      )}
    </li>
  );
}

function StrengthField({
  title,
  strength,
  onChange,
}: {
  title: string;
  strength: number;
  onChange: (strength: number) => void;
}) {
  const { session } = useStudio();
  const [typed, setTyped] = useState<string | null>(null);
  const finish = () => {
    if (typed !== null) {
      const value = readStrength(typed);
      if (value === null) session.refuse(new Error("Strength goes from −2 to 2."));
      else onChange(value);
    }
    setTyped(null);
  };
  return (
    <input
      className="st-strength"
      aria-label={`Strength of ${title}`}
      inputMode="decimal"
      value={typed ?? signed(strength)}
      onFocus={(event) => event.currentTarget.select()}
      onChange={(event) => setTyped(event.currentTarget.value)}
      onBlur={finish}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Enter") finish();
        if (event.key === "Escape") setTyped(null);
      }}
    />
  );
}

/** Where the vector was measured to work, once it was. */
function measuredBand(vector: EditVector | undefined): readonly [number, number] | null {
  const [low, high] = vector?.version.card?.valid_range ?? [];
  return low === undefined || high === undefined ? null : [low, high];
}

const REFINE_STEPS = [10, 30] as const;

/** Refine and Keep, pinned at the foot of the panel. */
export function StackFoot() {
  const { session } = useStudio();
  const [stack, job, refineSteps, mayEdit] = useStudioState((s) => [
    s.stack,
    s.job,
    s.refineSteps,
    s.mayEdit,
  ]);
  const isBusy = isRunning(job);
  const hasUses = applied(stack).length > 0;
  const cannot = !mayEdit || isBusy || !hasUses;
  return (
    <footer className="st-foot">
      <span className="st-refine">
        <button
          type="button"
          className="at-button"
          aria-label="Refine"
          disabled={cannot}
          onClick={() => void session.refine()}
        >
          Refine
        </button>
        <span className="st-refine-steps">
          <select
            aria-label="Refine steps"
            value={refineSteps}
            onChange={(event) =>
              session.setRefineSteps(Number(event.currentTarget.value) === 30 ? 30 : 10)
            }
          >
            {REFINE_STEPS.map((steps) => (
              <option key={steps}>{steps}</option>
            ))}
          </select>
          <Icon name="chevron" size={14} />
        </span>
      </span>
      <button
        type="button"
        className="at-button st-keep"
        data-filled={!cannot || undefined}
        disabled={cannot}
        onClick={() => void session.keep()}
      >
        {isBusy ? "Keep after this run" : "Keep"}
      </button>
    </footer>
  );
}
