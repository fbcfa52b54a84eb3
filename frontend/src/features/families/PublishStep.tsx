/** Step 7: the family's card, its name, and the way to the team. */

import { useState } from "react";
import { Link } from "react-router";

import { asProblem } from "../../api/problem";
import { ErrorNote } from "../../ui/ErrorNote";
import { Field } from "../../ui/Field";
import { IconCheck } from "../../ui/icons";
import { useNow } from "../../ui/useNow";
import { when } from "../../ui/words";
import { publish } from "./data";
import { JobCard } from "./JobCard";
import { nameOf } from "./schema";
import type { StepProps } from "./ProjectPage";
import { isUnderWay } from "./steps";
import { useStepJob } from "./useStepJob";
import styles from "./families.module.css";

export function PublishStep({ project, step }: StepProps) {
  const [name, setName] = useState<string | null>(null);
  const [title, setTitle] = useState(project.title);
  const [description, setDescription] = useState(project.description);
  const [license, setLicense] = useState(project.license);
  const now = useNow();
  const shownName = name ?? nameOf(title).replaceAll("_", "-").slice(0, 40);
  const send = useStepJob(project, () =>
    publish(project.id, { name: shownName, title: title.trim(), description, license }),
  );
  const [newest] = project.published;
  const isRunning = isUnderWay(step.job);
  const fields = send.error ? asProblem(send.error).fields : {};
  return (
    <>
      <JobCard
        project={project}
        step={step}
        onResume={() => send.mutate()}
        isResuming={send.isPending}
      />
      {newest && (
        <div className={styles.published}>
          <IconCheck size={20} />
          <div>
            <strong>
              “{newest.title}” is ready, version {newest.version}
            </strong>
            <p className="at-hint">
              Published {when(newest.published_at, now)}. Upload a picture or open a sample, edit
              it, and save what you did to the library.
            </p>
          </div>
          <div className={styles.buttons}>
            <Link className="at-button" data-filled to="/pictures">
              Open the gallery
            </Link>
            <Link className="at-button" to={`/families/card/${newest.name}`}>
              Its card
            </Link>
          </div>
        </div>
      )}
      {project.may_edit && !isRunning && (
        <form
          className={styles.form}
          onSubmit={(event) => {
            event.preventDefault();
            if (!send.isPending) send.mutate();
          }}
        >
          {newest && <h3>Publish the next version</h3>}
          <Field
            label="Title"
            value={title}
            maxLength={80}
            required
            {...(fields["title"] ? { note: fields["title"], "aria-invalid": true } : {})}
            onChange={(event) => setTitle(event.currentTarget.value)}
          />
          <Field
            label="Name in files and the API"
            value={shownName}
            maxLength={40}
            required
            pattern="[a-z0-9\-]{1,40}"
            note={fields["name"] ?? "Small letters, figures and hyphens."}
            aria-invalid={fields["name"] !== undefined}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <div>
            <label className="at-label" htmlFor="description">
              What it draws, and what it does badly
            </label>
            <textarea
              id="description"
              className="at-field"
              value={description}
              maxLength={2000}
              onChange={(event) => setDescription(event.currentTarget.value)}
            />
          </div>
          <Field
            label="Licence"
            value={license}
            maxLength={80}
            placeholder="As the generator and its pictures allow"
            onChange={(event) => setLicense(event.currentTarget.value)}
          />
          {send.error && <ErrorNote error={send.error} />}
          <button
            type="submit"
            className="at-button"
            data-filled={!newest || undefined}
            data-size="main"
            disabled={send.isPending || !title.trim() || !shownName}
          >
            {newest ? `Publish version ${newest.version + 1}` : "Publish to the team"}
          </button>
        </form>
      )}
      {project.published.length > 1 && (
        <section className={styles.section}>
          <h3>Versions</h3>
          <ul className={styles.versions}>
            {project.published.map((one) => (
              <li key={one.name}>
                <Link to={`/families/card/${one.name}`}>
                  {one.title}, version {one.version}
                </Link>
                <span className="at-hint">{when(one.published_at, now)}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}
