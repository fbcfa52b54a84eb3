/** From a generator to a family: seven steps in a row, one of them open. */

import { Menu, Modal } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";

import { asProblem } from "../../api/problem";
import { keys } from "../../api/queries";
import { ErrorNote } from "../../ui/ErrorNote";
import { IconCheck, IconMore, IconTrash, IconWarning } from "../../ui/icons";
import { toast } from "../../ui/live";
import { counted } from "../../ui/words";
import { Icon } from "../studio/icons";
import { BranchStep } from "./BranchStep";
import { BringStep } from "./BringStep";
import { changeProject, projectQuery, removeProject } from "./data";
import { EncoderStep } from "./EncoderStep";
import { LabelStep } from "./LabelStep";
import { PublishStep } from "./PublishStep";
import { SampleStep } from "./SampleStep";
import { SchemaStep } from "./SchemaStep";
import { TITLES, isStepKey, stateWords, stepNow } from "./steps";
import type { Project, Step, StepKey } from "./types";
import styles from "./families.module.css";

export interface StepProps {
  readonly project: Project;
  readonly step: Step;
}

const PANELS: Readonly<Record<StepKey, (props: StepProps) => React.ReactNode>> = {
  bring: BringStep,
  sample: SampleStep,
  schema: SchemaStep,
  label: LabelStep,
  branch: BranchStep,
  encoder: EncoderStep,
  publish: PublishStep,
};

const WHAT: Readonly<Record<StepKey, string>> = {
  bring:
    "A StyleGAN2 generator is what draws the pictures. Bring a finished one, or train one from pictures.",
  sample: "The generator draws 200 pictures. The 16 that differ most are proposed for labelling.",
  schema: "Say which parts a picture has. They can change later; labels stay.",
  label: "Paint every part on each picture. Teammates can share them out.",
  branch: "From the labelled pictures, Atelier learns to label every picture the generator draws.",
  encoder: "The encoder finds the family’s version of a picture that somebody uploads.",
  publish: "The family becomes usable for your team: in the gallery, the studio and the library.",
};

export default function ProjectPage() {
  const { projectId = "" } = useParams();
  const { data: project, error, refetch } = useQuery(projectQuery(projectId));
  const [search, setSearch] = useSearchParams();
  useEffect(() => {
    if (project) document.title = `${project.title} · Atelier`;
  }, [project]);
  const wanted = search.get("step");
  const first = project && !isStepKey(wanted) ? stepNow(project.steps) : null;
  // The step stays open that was open, whatever ends meanwhile.
  useEffect(() => {
    if (first) setSearch({ step: first }, { replace: true });
  }, [first, setSearch]);
  if (error && !project) {
    return (
      <div className={styles.page}>
        <ErrorNote error={error} onRetry={() => void refetch()} />
        <Link className="at-button" to="/families">
          All families
        </Link>
      </div>
    );
  }
  if (!project) {
    return (
      <div className={styles.page}>
        <div className="at-ghost" style={{ height: 480 }} />
      </div>
    );
  }
  const key = isStepKey(wanted) ? wanted : stepNow(project.steps);
  const step = project.steps.find((one) => one.key === key);
  const at = project.steps.findIndex((one) => one.key === key);
  const next = project.steps[at + 1];
  if (!step) return null;
  const Panel = PANELS[key];
  return (
    <div className={styles.page}>
      <nav className={styles.crumbs} aria-label="Where you are">
        <Link to="/families">Families</Link> / <span aria-current="page">{project.title}</span>
      </nav>
      <header className={styles.head}>
        <Title key={project.title} project={project} />
        <div className="at-row">
          {!project.may_edit && (
            <span className="at-chip">
              <Icon name="eye" size={15} /> You may look
            </span>
          )}
          {project.may_edit && <More project={project} />}
        </div>
      </header>
      <div className={styles.way}>
        <nav aria-label="Steps">
          <ol className={styles.path}>
            {project.steps.map((one, number) => (
              <li key={one.key} data-state={one.state}>
                <Link
                  to={`?step=${one.key}`}
                  replace
                  aria-current={one.key === key ? "step" : undefined}
                  title={one.state === "locked" ? one.why : undefined}
                >
                  <span className={styles.mark}>
                    <Mark step={one} number={number + 1} />
                  </span>
                  <span className={styles.pathWords}>
                    <strong>{TITLES[one.key]}</strong>
                    <span className="at-hint">{stateWords(one, project)}</span>
                  </span>
                </Link>
              </li>
            ))}
          </ol>
        </nav>
        <section className={styles.step} aria-labelledby="step-title">
          <header className={styles.stepHead}>
            <h2 id="step-title">
              <span className="at-hint">
                Step {at + 1} of {project.steps.length}
              </span>
              {TITLES[key]}
            </h2>
            <p className={styles.lead}>{WHAT[key]}</p>
          </header>
          {step.state === "locked" ? (
            <p className={styles.locked}>
              <Icon name="lock" size={18} /> {step.why}
            </p>
          ) : (
            <>
              {step.state === "stale" && (
                <p className={styles.stale}>
                  <IconWarning size={17} /> {step.why}
                </p>
              )}
              <Panel key={`${project.id} ${key}`} project={project} step={step} />
            </>
          )}
          {step.state === "done" && next && next.state !== "locked" && (
            <footer className={styles.next}>
              <button
                type="button"
                className="at-button"
                data-size="main"
                data-filled={next.state === "ready" || next.state === "stale" || undefined}
                onClick={() => {
                  setSearch({ step: next.key });
                  window.scrollTo(0, 0);
                }}
              >
                Next: {TITLES[next.key]}
              </button>
            </footer>
          )}
        </section>
      </div>
    </div>
  );
}

function Mark({ step, number }: { readonly step: Step; readonly number: number }) {
  if (step.state === "done") return <IconCheck size={15} />;
  if (step.state === "failed") return <IconWarning size={15} />;
  if (step.state === "locked") return <Icon name="lock" size={14} />;
  return <>{number}</>;
}

function Title({ project }: { readonly project: Project }) {
  const client = useQueryClient();
  const rename = useMutation({
    mutationFn: (title: string) => changeProject(project.id, { title }),
    onSuccess: (changed) => client.setQueryData(keys.familyProject(project.id), changed),
    onError: (error) => toast(asProblem(error).message),
  });
  if (!project.may_edit) return <h1>{project.title}</h1>;
  const keep = (field: HTMLInputElement) => {
    const title = field.value.trim();
    if (title === "") field.value = project.title;
    else if (title !== project.title) rename.mutate(title);
  };
  return (
    <h1 className={styles.title}>
      <input
        aria-label="Name of the family"
        defaultValue={project.title}
        maxLength={80}
        onBlur={(event) => keep(event.currentTarget)}
        onKeyDown={(event) => {
          if (event.key === "Enter") event.currentTarget.blur();
          if (event.key === "Escape") event.currentTarget.value = project.title;
        }}
      />
    </h1>
  );
}

function More({ project }: { readonly project: Project }) {
  const [isAsking, setAsking] = useState(false);
  if (!project.may_remove) return null;
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <button
            type="button"
            className="at-button"
            data-icon
            aria-label={`More about ${project.title}`}
          >
            <IconMore size={18} />
          </button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            color="red"
            leftSection={<IconTrash size={16} />}
            onClick={() => setAsking(true)}
          >
            Delete this project …
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Modal
        opened={isAsking}
        onClose={() => setAsking(false)}
        title={`Delete “${project.title}”?`}
        size={480}
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <Removal project={project} onKeep={() => setAsking(false)} />
      </Modal>
    </>
  );
}

/** What goes and what stays, asked once more, as nothing brings a project back. */
function Removal({ project, onKeep }: { readonly project: Project; readonly onKeep: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const remove = useMutation({
    mutationFn: () => removeProject(project.id),
    onSuccess: async () => {
      void client.invalidateQueries({ queryKey: keys.familyProjects });
      await navigate("/families");
      toast(`Deleted: ${project.title}.`);
    },
  });
  const numVersions = project.published.length;
  return (
    <div className={styles.form}>
      <p>
        Its generator, samples, label maps and training are deleted for the whole team. Nothing
        brings them back.
      </p>
      {numVersions > 0 && (
        <p>
          {counted(numVersions, "published version stays", "published versions stay")} usable.
        </p>
      )}
      {project.steps.some(({ state }) => state === "running") && (
        <p>The step that is running is stopped.</p>
      )}
      {remove.error && <ErrorNote error={remove.error} />}
      <div className={styles.buttons}>
        <button
          type="button"
          className="at-button"
          data-size="main"
          data-danger
          disabled={remove.isPending}
          onClick={() => remove.mutate()}
        >
          <IconTrash size={16} /> Delete for good
        </button>
        <button
          type="button"
          className="at-button"
          data-size="main"
          data-autofocus
          onClick={onKeep}
        >
          Keep it
        </button>
      </div>
    </div>
  );
}
