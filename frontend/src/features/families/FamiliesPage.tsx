/** Which families can be used here, and which are being made? */

import { Modal } from "@mantine/core";
import { useMutation, useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link, useNavigate } from "react-router";

import { familiesQuery, keys, sessionQuery } from "../../api/queries";
import { Avatar } from "../../ui/Avatar";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorNote } from "../../ui/ErrorNote";
import { Field } from "../../ui/Field";
import { IconBranch, IconPlus } from "../../ui/icons";
import { useNow } from "../../ui/useNow";
import { when } from "../../ui/words";
import { cardQuery, createProject, projectsQuery } from "./data";
import { TITLES, stateWords, stepNow } from "./steps";
import type { FamilyCard, Project } from "./types";
import styles from "./families.module.css";

export default function FamiliesPage() {
  const projects = useQuery(projectsQuery);
  const families = useQuery(familiesQuery);
  const { data: session } = useQuery(sessionQuery);
  const [isNaming, setNaming] = useState(false);
  const cards = useQueries({
    queries: (families.data ?? []).map(({ name }) => cardQuery(name)),
  });
  const usable = cards.flatMap(({ data }) => (data && data.is_newest ? [data] : []));
  const role = session?.teams.find(({ id }) => id === session.team_id)?.role;
  const mayMake = role === "owner" || role === "editor";
  useEffect(() => {
    document.title = "Families · Atelier";
  }, []);
  const newOne = (
    <button
      type="button"
      className="at-button"
      data-filled
      data-size="main"
      onClick={() => setNaming(true)}
    >
      <IconPlus size={16} /> Make your own
    </button>
  );
  return (
    <div className={styles.page}>
      <header className={styles.head}>
        <div>
          <h1>Families</h1>
          <p className={styles.lead}>
            A family is what Atelier has learned to draw and the parts it knows. Yours needs a
            generator and 16 labelled pictures.
          </p>
        </div>
        {mayMake && (projects.data?.length ?? 0) > 0 && newOne}
      </header>

      <section className={styles.section} aria-labelledby="own">
        <h2 id="own">In the making</h2>
        {projects.error && !projects.data && (
          <ErrorNote error={projects.error} onRetry={() => void projects.refetch()} />
        )}
        {projects.isPending && <div className="at-ghost" style={{ height: 132 }} />}
        {projects.data?.length === 0 && (
          <EmptyState icon={<IconBranch size={28} />} action={mayMake ? newOne : undefined}>
            Bring a StyleGAN2 checkpoint or a zip of pictures, label 16, and your family works in
            the gallery, the studio and the library.
          </EmptyState>
        )}
        <ul className={styles.projects}>
          {projects.data?.map((project) => (
            <li key={project.id}>
              <ProjectCard project={project} />
            </li>
          ))}
        </ul>
      </section>

      <section className={styles.section} aria-labelledby="usable">
        <h2 id="usable">Ready to use</h2>
        {families.error && !families.data && (
          <ErrorNote error={families.error} onRetry={() => void families.refetch()} />
        )}
        <ul className={styles.cards}>
          {usable.map((card) => (
            <li key={card.name}>
              <UsableCard card={card} />
            </li>
          ))}
          {cards.some(({ isPending }) => isPending) && (
            <li className={`at-ghost ${styles.cardGhost}`} />
          )}
        </ul>
      </section>
      <Modal
        opened={isNaming}
        onClose={() => setNaming(false)}
        title="Your own family"
        size={480}
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <NameForm />
      </Modal>
    </div>
  );
}

function NameForm() {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [title, setTitle] = useState("");
  const create = useMutation({
    mutationFn: () => createProject(title.trim()),
    onSuccess: async (project) => {
      client.setQueryData(keys.familyProject(project.id), project);
      void client.invalidateQueries({ queryKey: keys.familyProjects });
      await navigate(`/families/${project.id}`);
    },
  });
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (title.trim() && !create.isPending) create.mutate();
      }}
    >
      <Field
        label="What does it draw?"
        note="As people will read it in the gallery: “Foxes”, “Tea cups”. You can change it later."
        value={title}
        maxLength={80}
        required
        data-autofocus
        onChange={(event) => setTitle(event.currentTarget.value)}
      />
      {create.error && <ErrorNote error={create.error} />}
      <button
        type="submit"
        className="at-button"
        data-filled
        data-size="main"
        disabled={!title.trim() || create.isPending}
      >
        Begin
      </button>
    </form>
  );
}

function ProjectCard({ project }: { readonly project: Project }) {
  const now = useNow();
  const key = stepNow(project.steps);
  const step = project.steps.find((one) => one.key === key);
  const numDone = project.steps.filter(({ state }) => state === "done").length;
  return (
    <Link className={styles.project} to={`/families/${project.id}`}>
      <span className="at-spread">
        <strong className="at-ellipsis">{project.title}</strong>
        <Avatar person={project.owner} size={22} />
      </span>
      <span className={styles.dots} aria-hidden>
        {project.steps.map((one) => (
          <i key={one.key} data-state={one.state} />
        ))}
      </span>
      <span>
        {numDone === project.steps.length ? "Published" : TITLES[key]}
        {step && numDone < project.steps.length && (
          <span className="at-hint"> · {stateWords(step, project)}</span>
        )}
      </span>
      <span className="at-hint">
        {numDone} of {project.steps.length} steps · {when(project.updated_at, now)}
      </span>
    </Link>
  );
}

function UsableCard({ card }: { readonly card: FamilyCard }) {
  return (
    <Link className={styles.card} to={`/families/card/${card.name}`}>
      {card.sample_urls.length > 0 ? (
        <span className={styles.mosaic} aria-hidden>
          {card.sample_urls.slice(0, 4).map((url) => (
            <img key={url} src={url} alt="" loading="lazy" />
          ))}
        </span>
      ) : (
        <span className={styles.blankMosaic} aria-hidden>
          {card.parts.slice(0, 16).map((part) => (
            <i key={part.id} style={{ background: part.color }} />
          ))}
        </span>
      )}
      <strong className="at-ellipsis">{card.title}</strong>
      <span className="at-hint">
        {card.resolution} px · {card.parts.length} parts ·{" "}
        {card.team_id === null ? "comes with Atelier" : `your team’s, version ${card.version}`}
      </span>
    </Link>
  );
}
