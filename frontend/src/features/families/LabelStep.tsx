/** Step 4: the pictures to label, who does which, and labels from and to files. */

import { Menu } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { Link } from "react-router";

import { asProblem } from "../../api/problem";
import { keys, sessionQuery, teamQuery } from "../../api/queries";
import { Avatar } from "../../ui/Avatar";
import { ErrorNote } from "../../ui/ErrorNote";
import { IconCheck, IconDownload, IconPerson, IconUpload } from "../../ui/icons";
import { toast } from "../../ui/live";
import { counted } from "../../ui/words";
import { changeSample, importLabels, labelsAddress, samplesQuery } from "./data";
import type { StepProps } from "./ProjectPage";
import type { Project, Sample } from "./types";
import styles from "./families.module.css";

export function LabelStep({ project }: StepProps) {
  const samples = useQuery(samplesQuery(project.id, "chosen"));
  const all = samples.data ?? [];
  const next = all.find(({ label, here }) => !label?.is_done && here.length === 0);
  const numDone = all.filter(({ label }) => label?.is_done).length;
  return (
    <>
      <div className={styles.labelBar}>
        <div className={styles.labelCount}>
          <strong>
            {numDone} of {counted(all.length, "picture")} done
          </strong>
          <div
            className="at-progress"
            role="progressbar"
            aria-label="Pictures labelled"
            aria-valuemin={0}
            aria-valuemax={all.length}
            aria-valuenow={numDone}
          >
            <span style={{ width: `${(100 * numDone) / Math.max(1, all.length)}%` }} />
          </div>
        </div>
        <div className={styles.buttons}>
          {project.may_edit && next && (
            <Link
              className="at-button"
              data-filled
              data-size="main"
              to={`/families/${project.id}/samples/${next.id}`}
            >
              {numDone === 0 ? "Start labelling" : "Label the next"}
            </Link>
          )}
          <Files project={project} />
        </div>
      </div>
      {samples.error && !samples.data && (
        <ErrorNote error={samples.error} onRetry={() => void samples.refetch()} />
      )}
      <ul className={styles.labelGrid} aria-label="Pictures to label">
        {all.map((sample) => (
          <li key={sample.id}>
            <SampleCard project={project} sample={sample} />
          </li>
        ))}
      </ul>
    </>
  );
}

export function sampleState({ label }: Pick<Sample, "label">): "empty" | "begun" | "done" {
  if (!label || label.is_empty) return "empty";
  return label.is_done ? "done" : "begun";
}

const WORDS = { empty: "Not begun", begun: "Begun", done: "Done" } as const;

function SampleCard({ project, sample }: { readonly project: Project; readonly sample: Sample }) {
  const state = sampleState(sample);
  return (
    <div className={styles.labelCard} data-state={state}>
      <Link
        to={`/families/${project.id}/samples/${sample.id}`}
        aria-label={`Label sample ${sample.number}, ${WORDS[state].toLowerCase()}${
          sample.here.length > 0 ? `, ${sample.here.map(({ name }) => name).join(", ")} here` : ""
        }`}
      >
        <span className={styles.layers}>
          <img src={sample.picture_url} alt="" loading="lazy" />
          {sample.label && state !== "empty" && (
            <img className={styles.overlay} src={sample.label.url} alt="" loading="lazy" />
          )}
        </span>
        <span className={styles.badge} data-state={state}>
          {state === "done" && <IconCheck size={13} />}
          {WORDS[state]}
        </span>
        {sample.here.length > 0 && (
          <span className={styles.here}>
            {sample.here.slice(0, 3).map((person) => (
              <Avatar key={person.id} person={person} size={24} />
            ))}
          </span>
        )}
      </Link>
      <div className={styles.labelFoot}>
        <span className="at-hint">{sample.number}</span>
        <Assignee project={project} sample={sample} />
      </div>
    </div>
  );
}

/** Who labels this one; editors may share out. */
function Assignee({ project, sample }: { readonly project: Project; readonly sample: Sample }) {
  const client = useQueryClient();
  const { data: session } = useQuery(sessionQuery);
  const { data: team } = useQuery(teamQuery);
  const assign = useMutation({
    mutationFn: (assignee_id: number | null) =>
      changeSample(sample.id, { assignee_id, take: true }),
    onSuccess: () =>
      client.invalidateQueries({ queryKey: keys.familySamples(project.id, "chosen") }),
    onError: (error) => toast(asProblem(error).message),
  });
  const { assignee } = sample;
  const shown = assignee ? (
    <>
      <Avatar person={assignee} size={22} isNamed />
      <span className="at-ellipsis">{assignee.name.split(" ")[0]}</span>
    </>
  ) : (
    <>
      <IconPerson size={16} /> <span>Nobody</span>
    </>
  );
  if (!project.may_edit) return <span className={styles.who}>{shown}</span>;
  const people =
    team && team.id === project.team_id
      ? team.members.filter(({ role }) => role !== "viewer")
      : session?.user
        ? [session.user]
        : [];
  return (
    <Menu position="bottom-end" width={220}>
      <Menu.Target>
        <button
          type="button"
          className={styles.who}
          aria-label={`Sample ${sample.number}: ${assignee ? assignee.name : "nobody"} labels it`}
        >
          {shown}
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Who labels it?</Menu.Label>
        {people.map((person) => (
          <Menu.Item
            key={person.id}
            leftSection={<Avatar person={person} size={20} isNamed />}
            rightSection={person.id === assignee?.id ? <IconCheck size={15} /> : null}
            onClick={() => assign.mutate(person.id)}
          >
            {person.name}
          </Menu.Item>
        ))}
        {assignee && <Menu.Item onClick={() => assign.mutate(null)}>Nobody</Menu.Item>}
      </Menu.Dropdown>
    </Menu>
  );
}

/** Label maps out as indexed PNG or COCO, and in again. */
function Files({ project }: { readonly project: Project }) {
  const field = useRef<HTMLInputElement>(null);
  const client = useQueryClient();
  const takeIn = useMutation({
    mutationFn: ({ file, replace }: { file: File; replace: boolean }) =>
      importLabels(project.id, file, replace),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.families }),
  });
  const replace = useRef(false);
  const choose = (doesReplace: boolean) => {
    replace.current = doesReplace;
    field.current?.click();
  };
  return (
    <>
      <Menu position="bottom-end" width={300}>
        <Menu.Target>
          <button type="button" className="at-button" data-size="main" disabled={takeIn.isPending}>
            {takeIn.isPending ? "Reading" : "Files"}
          </button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>Save the labels</Menu.Label>
          <Menu.Item
            component="a"
            href={labelsAddress(project.id, "png")}
            download
            leftSection={<IconDownload size={16} />}
          >
            Indexed PNG, as a .zip
          </Menu.Item>
          <Menu.Item
            component="a"
            href={labelsAddress(project.id, "coco")}
            download
            leftSection={<IconDownload size={16} />}
          >
            COCO, as .json
          </Menu.Item>
          {project.may_edit && (
            <>
              <Menu.Label>Bring labels, .zip of PNG or COCO</Menu.Label>
              <Menu.Item leftSection={<IconUpload size={16} />} onClick={() => choose(false)}>
                For pictures without labels
              </Menu.Item>
              <Menu.Item leftSection={<IconUpload size={16} />} onClick={() => choose(true)}>
                For all, over what is there
              </Menu.Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
      <input
        ref={field}
        type="file"
        accept=".zip,.json"
        aria-label="File of labels"
        hidden
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          event.currentTarget.value = "";
          if (file) takeIn.mutate({ file, replace: replace.current });
        }}
      />
      {(takeIn.error || takeIn.data) && (
        <div className={styles.imported}>
          {takeIn.error && <ErrorNote error={takeIn.error} />}
          {takeIn.data && (
            <p role="status">
              {counted(takeIn.data.imported, "label map")} taken in
              {takeIn.data.skipped.length > 0 && `, ${takeIn.data.skipped.length} not`}.{" "}
              <button type="button" className="at-link" onClick={() => takeIn.reset()}>
                Close
              </button>
            </p>
          )}
          <ul>
            {takeIn.data?.skipped.map(({ name, reason }) => (
              <li key={name}>
                <strong>{name}</strong> {reason}
              </li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}
