/** The label canvas: one sample, its parts, and what other pictures can lend. */

import { useMediaQuery } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { useStore } from "zustand";
import { useShallow } from "zustand/react/shallow";

import type { Part } from "../../api/client";
import { asProblem } from "../../api/problem";
import { keys, sessionQuery } from "../../api/queries";
import { Avatar } from "../../ui/Avatar";
import { ErrorNote } from "../../ui/ErrorNote";
import { IconCheck } from "../../ui/icons";
import { announce } from "../../ui/live";
import { Segments } from "../../ui/Segments";
import { percent } from "../../ui/words";
import { Brush } from "../painting/Brush";
import { Canvas, Hold, UndoButtons } from "../painting/Canvas";
import { PartChips, PartList } from "../painting/Parts";
import { Dialog } from "../studio/Dialog";
import { Icon } from "../studio/icons";
import { ToolList } from "../studio/Rail";
import { projectQuery, readSample, samplesQuery } from "./data";
import { keyDown, keyUp, KEYS } from "./labelKeys";
import { Labelling, type LabellingState } from "./labelling";
import { sampleState } from "./LabelStep";
import type { Project, Sample } from "./types";
import "../studio/studio.css";
import styles from "./label.module.css";

const MODES = [
  { value: "picture", label: "Picture" },
  { value: "overlay", label: "Overlay" },
  { value: "labels", label: "Labels" },
] as const;

export default function LabelPage() {
  const { projectId = "", sampleId = "" } = useParams();
  const project = useQuery(projectQuery(projectId));
  const samples = useQuery(samplesQuery(projectId, "chosen"));
  const { data: session } = useQuery(sessionQuery);
  const sample = samples.data?.find(({ id }) => id === sampleId);
  const error = project.error ?? samples.error;
  useEffect(() => {
    if (project.data && sample) {
      document.title = `Sample ${sample.number} · ${project.data.title} · Atelier`;
    }
  }, [project.data, sample]);
  if ((error && !(project.data && samples.data)) || (samples.isSuccess && !sample)) {
    return (
      <main className="st-lost" data-at-theme="dark">
        {error ? (
          <ErrorNote error={error} onRetry={() => void project.refetch()} />
        ) : (
          <p>This picture is not among those to label.</p>
        )}
        <Link className="at-button" to={`/families/${projectId}?step=label`}>
          Back to the labels
        </Link>
      </main>
    );
  }
  if (!project.data || !samples.data || !sample || !session) {
    return <main className="st-root" data-at-theme="dark" aria-busy="true" />;
  }
  return (
    <OpenSample
      key={sampleId}
      project={project.data}
      samples={samples.data}
      sample={sample}
      userId={session.user?.id ?? null}
    />
  );
}

interface Open {
  readonly project: Project;
  readonly samples: readonly Sample[];
  readonly sample: Sample;
  readonly labelling: Labelling;
  readonly parts: readonly Part[];
  readonly userId: number | null;
}

function useLabelling<T>({ labelling }: Open, select: (state: LabellingState) => T): T {
  return useStore(labelling.store, useShallow(select));
}

function OpenSample({ project, samples, sample, userId }: Omit<Open, "labelling" | "parts">) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [search] = useSearchParams();
  const isPhone = useMediaQuery("(max-width: 700px)", undefined, {
    getInitialValueInEffect: false,
  });
  const [isHelp, setHelp] = useState(false);
  const [isCopying, setCopying] = useState(false);
  const { parts } = project;
  const size = project.generator?.label_size ?? project.generator?.resolution ?? 64;
  const [labelling] = useState(
    () =>
      new Labelling(sample, parts, size, userId, project.may_edit, (saved) => {
        client.setQueryData<Sample[]>(keys.familySamples(project.id, "chosen"), (known) =>
          known?.map((one) => (one.id === saved.id ? saved : one)),
        );
        void client.invalidateQueries({ queryKey: keys.familyProject(project.id) });
      }),
  );
  const wantsPrediction = search.get("from") === "prediction";
  const predictionUrl = sample.prediction?.label_map_url;
  const isEmpty = sampleState(sample) === "empty";
  useEffect(() => {
    void labelling.start().then(() => {
      if (wantsPrediction && predictionUrl && isEmpty) void labelling.startFrom(predictionUrl);
    });
    return () => labelling.stop();
    // Once: what changes later is heard below.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [labelling]);
  useEffect(() => void labelling.heard(sample), [labelling, sample]);

  const open: Open = { project, samples, sample, labelling, parts, userId };
  const at = samples.findIndex(({ id }) => id === sample.id);
  const go = (to: Sample | undefined) => {
    if (to) void navigate(`/families/${project.id}/samples/${to.id}`);
    else void navigate(`/families/${project.id}?step=label`);
  };
  const finish = async (isDone: boolean) => {
    if (!(await labelling.finish(isDone)) || !isDone) return;
    const rest = [...samples.slice(at + 1), ...samples.slice(0, at)];
    const next = rest.find(
      ({ label, here }) => !label?.is_done && here.every((p) => p.id === userId),
    );
    announce(next ? `Done. Next is sample ${next.number}.` : "Done. All pictures are labelled.");
    go(next);
  };
  const keysHost = useRef<Parameters<typeof keyDown>[1] | null>(null);
  useEffect(() => {
    keysHost.current = {
      labelling,
      parts,
      help: () => setHelp(true),
      next: () => samples[at + 1] && go(samples[at + 1]),
      previous: () => samples[at - 1] && go(samples[at - 1]),
      finish: () => void finish(true),
    };
  });
  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    window.addEventListener(
      "keydown",
      (event) => {
        if (keysHost.current && !event.defaultPrevented && keyDown(event, keysHost.current)) {
          event.preventDefault();
        }
      },
      { signal },
    );
    window.addEventListener("keyup", (event) => keyUp(event, labelling), { signal });
    return () => stop.abort();
  }, [labelling]);

  const [tool] = useLabelling(open, (state) => [state.tool]);
  const tools = (
    <ToolList
      tool={tool}
      mayEdit={project.may_edit}
      onChoose={(name) => labelling.chooseTool(name)}
    />
  );
  return (
    <div
      className={`st-root ${styles.root}`}
      data-at-theme="dark"
      data-phone={isPhone || undefined}
    >
      <Top open={open} isPhone={isPhone} onGo={go} at={at} />
      <Notices open={open} />
      {isPhone ? (
        <>
          <div className="st-phone-stage">
            <Stage open={open} isPhone />
          </div>
          <nav className="st-phone-tools" aria-label="Tools">
            {tools}
          </nav>
          <Chips open={open} />
          <div className={styles.phoneFoot}>
            <Covered open={open} />
            {project.may_edit && (
              <div className="at-row">
                <button type="button" className="at-button" onClick={() => setCopying(true)}>
                  Start from
                </button>
                <DoneButton open={open} onFinish={finish} />
              </div>
            )}
          </div>
        </>
      ) : (
        <>
          <nav className="st-rail" aria-label="Tools">
            {tools}
            <button
              type="button"
              className="st-tool st-rail-help"
              aria-label="Keyboard shortcuts"
              title="Keyboard shortcuts (?)"
              onClick={() => setHelp(true)}
            >
              <Icon name="help" size={19} />
              <kbd aria-hidden="true">?</kbd>
            </button>
          </nav>
          <Parts open={open} />
          <Stage open={open} isPhone={false} />
          <aside className={`st-panel ${styles.side}`} aria-label="This picture" data-region>
            <div className="st-panel-scroll" tabIndex={-1}>
              <section className={styles.sideBox}>
                <Covered open={open} />
                {sample.reason && (
                  <p className="at-hint">
                    <strong>Why this one:</strong> {sample.reason}
                  </p>
                )}
              </section>
              {project.may_edit && (
                <section className={styles.sideBox} aria-labelledby="start-from">
                  <h2 id="start-from">Start from</h2>
                  <p className="at-hint">
                    Takes the place of what is painted. Undo brings it back.
                  </p>
                  <Lenders open={open} onDone={() => undefined} />
                </section>
              )}
            </div>
            {project.may_edit && (
              <div className={styles.foot}>
                <DoneButton open={open} onFinish={finish} />
              </div>
            )}
          </aside>
          <Strip open={open} />
        </>
      )}
      {isCopying && (
        <Dialog title="Start from" width={480} onClose={() => setCopying(false)}>
          <p className="at-hint">Takes the place of what is painted. Undo brings it back.</p>
          <Lenders open={open} onDone={() => setCopying(false)} />
        </Dialog>
      )}
      {isHelp && (
        <Dialog title="Keyboard" width={560} onClose={() => setHelp(false)}>
          <dl className={styles.keys}>
            {KEYS.map(({ keys: pressed, does }) => (
              <div key={pressed}>
                <dt>{pressed}</dt>
                <dd>{does}</dd>
              </div>
            ))}
          </dl>
        </Dialog>
      )}
    </div>
  );
}

function Top({
  open,
  isPhone,
  onGo,
  at,
}: {
  readonly open: Open;
  readonly isPhone: boolean;
  readonly onGo: (to: Sample) => void;
  readonly at: number;
}) {
  const { project, samples, sample, labelling, userId } = open;
  const mode = useLabelling(open, (state) => state.mode);
  const others = sample.here.filter(({ id }) => id !== userId);
  const step = (to: Sample | undefined, name: string, icon: React.ReactNode) => (
    <button
      type="button"
      className="at-button"
      data-quiet
      data-icon
      aria-label={name}
      title={name}
      disabled={!to}
      onClick={() => to && onGo(to)}
    >
      {icon}
    </button>
  );
  return (
    <header className={`st-top ${styles.top}`}>
      <Link
        className="at-button st-back"
        data-quiet
        data-icon
        to={`/families/${project.id}?step=label`}
        aria-label={`Back to ${project.title}`}
      >
        <Icon name="back" />
      </Link>
      <div className="st-title">
        <h1 className="st-name at-ellipsis">
          {isPhone ? "" : `${project.title}, `}sample {sample.number}
        </h1>
        <p className="at-hint">
          {at + 1} of {samples.length}
          {isPhone && (
            <>
              {" · "}
              <KeptWords open={open} />
            </>
          )}
        </p>
      </div>
      {!isPhone && (
        <span className="st-pill">
          <KeptWords open={open} />
        </span>
      )}
      {!isPhone && (
        <div className={styles.topMiddle}>
          <Segments
            label="View"
            options={MODES}
            value={mode === "compare" ? "overlay" : mode}
            onChange={(value) => labelling.look({ mode: value })}
          />
        </div>
      )}
      <div className="st-top-end">
        <ul className="st-people" aria-label="Also here">
          {others.slice(0, 3).map((person) => (
            <li key={person.id}>
              <Avatar person={person} />
            </li>
          ))}
        </ul>
        {step(samples[at - 1], "Previous picture (Page up)", <Icon name="back" />)}
        {step(
          samples[at + 1],
          "Next picture (Page down)",
          <span className={styles.turned}>
            <Icon name="back" />
          </span>,
        )}
      </div>
    </header>
  );
}

function KeptWords({ open }: { readonly open: Open }) {
  const keeping = useLabelling(open, (state) => state.keeping);
  const words = {
    kept: "All kept",
    waiting: "Keeping",
    sending: "Keeping",
    offline: "Kept here, not sent",
    refused: "Not kept",
  }[keeping.state];
  return (
    <span className={styles.kept} data-state={keeping.state} role="status">
      {keeping.state === "kept" && <IconCheck size={13} />} {words}
    </span>
  );
}

/** What stands in the way: no line, another's save, a refusal; and who else labels this. */
function Notices({ open }: { readonly open: Open }) {
  const { project, sample, labelling, userId } = open;
  const [keeping, refusal] = useLabelling(open, (s) => [s.keeping, s.refusal]);
  const others = sample.here.filter(({ id }) => id !== userId);
  const settle = useMutation({
    mutationFn: async (whose: "mine" | "theirs") => {
      const now = await readSample(sample.id);
      if (whose === "mine") labelling.keepMine(now);
      else await labelling.takeTheirs(now);
    },
  });
  return (
    <div className="st-notices">
      {keeping.state === "offline" && (
        <p className="st-bar" data-kind="warn">
          <Icon name="warn" size={16} /> Offline. What you paint is held in this browser and will be
          sent.
        </p>
      )}
      {!project.may_edit && (
        <p className="st-bar">
          <Icon name="eye" size={16} /> You may look.
        </p>
      )}
      {project.may_edit && others.length > 0 && (
        <p className="st-bar">
          <Icon name="pencil" size={16} /> {others.map(({ name }) => name).join(" and ")}{" "}
          {others.length === 1 ? "has" : "have"} this picture open too. The first to save keeps it.
        </p>
      )}
      <div role="alert">
        {keeping.state === "refused" && (
          <p className="st-bar" data-kind="danger">
            <Icon name="warn" size={16} /> {keeping.problem.message}
            {keeping.problem.status === 409 && (
              <>
                <button
                  type="button"
                  className="at-link"
                  disabled={settle.isPending}
                  onClick={() => settle.mutate("theirs")}
                >
                  Take theirs
                </button>
                <button
                  type="button"
                  className="at-link"
                  disabled={settle.isPending}
                  onClick={() => settle.mutate("mine")}
                >
                  Keep mine
                </button>
              </>
            )}
          </p>
        )}
        {(refusal ?? settle.error) && (
          <p className="st-bar" data-kind="danger">
            <Icon name="warn" size={16} /> {refusal ?? asProblem(settle.error).message}
          </p>
        )}
      </div>
    </div>
  );
}

function Stage({ open, isPhone }: { readonly open: Open; readonly isPhone: boolean }) {
  const { labelling, sample, parts, project } = open;
  const [part, tool, hovered, isOpen] = useLabelling(open, (s) => [
    s.part,
    s.tool,
    s.hovered,
    s.isOpen,
  ]);
  const [mayUndo, mayRedo, scale, isHeld] = useLabelling(open, (s) => [
    s.mayUndo,
    s.mayRedo,
    s.scale,
    s.isBeforeHeld,
  ]);
  const titleOf = (id: number) => parts.find((one) => one.id === id)?.title ?? "not labelled";
  const size = project.generator?.label_size ?? 64;
  const zoom = Math.round((100 * scale * size) / (project.generator?.resolution ?? size));
  return (
    <Canvas
      painting={labelling}
      isPhone={isPhone}
      most={720}
      testId="label-canvas"
      kind="label canvas"
      name={`Sample ${sample.number}`}
      tool={tool}
      part={titleOf(part)}
      under={hovered === null ? null : titleOf(hovered)}
      isBusy={!isOpen}
    >
      <div
        className={isPhone ? "st-phone-buttons" : "st-view"}
        role="toolbar"
        aria-label="View and undo"
      >
        <UndoButtons painting={labelling} mayUndo={mayUndo} mayRedo={mayRedo} />
        {!isPhone && (
          <>
            <span className="st-view-rule" />
            <output className="st-zoom" aria-label="Zoom">
              {zoom} %
            </output>
            <button type="button" className="at-button" data-quiet onClick={() => labelling.fit()}>
              Fit
            </button>
            <span className="st-view-rule" />
          </>
        )}
        <Hold
          isHeld={isHeld}
          label="Hold for the picture alone"
          icon="eye"
          onHold={(isBeforeHeld) => labelling.look({ isBeforeHeld })}
        >
          {!isPhone && (
            <>
              Hold <kbd className="at-kbd">X</kbd> for the picture
            </>
          )}
        </Hold>
      </div>
    </Canvas>
  );
}

function Parts({ open }: { readonly open: Open }) {
  const { labelling, parts, sample } = open;
  const [part, radius, opacity] = useLabelling(open, (s) => [s.part, s.radius, s.opacity]);
  return (
    <aside className="st-parts" aria-label="Brush and parts" data-region tabIndex={-1}>
      <div className="st-parts-brush">
        <h2>Brush</h2>
        <Brush
          radius={radius}
          opacity={opacity}
          most={64}
          overlay={{ word: "Labels", name: "Opacity of the labels" }}
          onRadius={(next) => labelling.setRadius(next)}
          onOpacity={(next) => labelling.look({ opacity: next })}
        />
      </div>
      <h2 id="label-parts" className="st-parts-head">
        Parts
      </h2>
      <PartList
        parts={parts}
        chosen={part}
        titleId="label-parts"
        onChoose={(id) => labelling.choosePart(id)}
        end={({ id }) => {
          const share = sample.label?.parts_share[String(id)] ?? 0;
          return (
            share > 0 && (
              <span className={styles.share} title="Share of the picture, as it was last kept">
                {share < 0.01 ? "<1" : Math.round(share * 100)} %
              </span>
            )
          );
        }}
      />
    </aside>
  );
}

function Chips({ open }: { readonly open: Open }) {
  const { labelling, parts } = open;
  const part = useLabelling(open, (state) => state.part);
  return <PartChips parts={parts} chosen={part} onChoose={(id) => labelling.choosePart(id)} />;
}

/** How much has a label, and a way to give the rest to the chosen part. */
function Covered({ open }: { readonly open: Open }) {
  const { labelling, parts, project } = open;
  const [share, part] = useLabelling(open, (s) => [s.share, s.part]);
  const chosen = parts.find(({ id }) => id === part);
  const isWhole = share >= 1;
  return (
    <div className={styles.covered}>
      <div className="at-spread">
        <strong>
          {percent(Math.floor(share * 1000) / 1000, share > 0.99 && !isWhole ? 1 : 0)} labelled
        </strong>
        {!isWhole && project.may_edit && chosen && (
          <button
            type="button"
            className="at-button"
            data-size="small"
            onClick={() => labelling.fill(chosen.id)}
          >
            <span className="st-swatch" style={{ background: chosen.color }} />
            Rest is {chosen.title}
          </button>
        )}
      </div>
      <div
        className="at-progress"
        role="progressbar"
        aria-label="Share of the picture that has a label"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.floor(share * 100)}
      >
        <span style={{ width: `${share * 100}%` }} />
      </div>
    </div>
  );
}

function DoneButton({
  open,
  onFinish,
}: {
  readonly open: Open;
  readonly onFinish: (isDone: boolean) => Promise<void>;
}) {
  const [isDone, share, isOpen] = useLabelling(open, (s) => [s.isDone, s.share, s.isOpen]);
  const finish = useMutation({ mutationFn: onFinish });
  return isDone ? (
    <button
      type="button"
      className="at-button"
      data-size="main"
      disabled={finish.isPending}
      onClick={() => finish.mutate(false)}
    >
      <IconCheck size={16} /> Done. Not yet after all
    </button>
  ) : (
    <button
      type="button"
      className="at-button"
      data-filled
      data-size="main"
      disabled={finish.isPending || !isOpen || share === 0}
      title="Done, and on to the next (Ctrl Enter)"
      onClick={() => finish.mutate(true)}
    >
      Done, next picture
    </button>
  );
}

/** Labels that can be a start: what the branch makes of this one, and its neighbours. */
function Lenders({ open, onDone }: { readonly open: Open; readonly onDone: () => void }) {
  const { labelling, samples, sample, project } = open;
  const others = samples.filter((one) => one.id !== sample.id && sampleState(one) !== "empty");
  const take = (url: string) => {
    void labelling.startFrom(url);
    onDone();
  };
  if (!sample.prediction && others.length === 0) {
    return (
      <p className="at-hint">
        Pictures that are labelled will stand here
        {project.branch ? "" : ", and what Atelier makes of this one once it is trained"}.
      </p>
    );
  }
  return (
    <ul className={styles.lenders}>
      {sample.prediction && (
        <li>
          <button
            type="button"
            onClick={() => sample.prediction && take(sample.prediction.label_map_url)}
          >
            <span className={styles.layers}>
              <img src={sample.picture_url} alt="" />
              <img src={sample.prediction.label_map_url} alt="" className={styles.over} />
            </span>
            Prediction
          </button>
        </li>
      )}
      {others.map((one) => (
        <li key={one.id}>
          <button type="button" onClick={() => one.label && take(one.label.url)}>
            <span className={styles.layers}>
              <img src={one.picture_url} alt="" loading="lazy" />
              <img src={one.label?.url} alt="" loading="lazy" className={styles.over} />
            </span>
            Sample {one.number}
          </button>
        </li>
      ))}
    </ul>
  );
}

/** All pictures to label, as a strip. */
function Strip({ open }: { readonly open: Open }) {
  const { project, samples, sample, userId } = open;
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    list.current
      ?.querySelector('[aria-current="page"]')
      ?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [sample.id]);
  return (
    <nav className={styles.strip} aria-label="Pictures to label" data-region tabIndex={-1}>
      <ul ref={list}>
        {samples.map((one) => {
          const state = sampleState(one);
          const others = one.here.filter(({ id }) => id !== userId);
          return (
            <li key={one.id}>
              <Link
                to={`/families/${project.id}/samples/${one.id}`}
                aria-current={one.id === sample.id ? "page" : undefined}
                aria-label={`Sample ${one.number}, ${state === "done" ? "done" : state === "begun" ? "begun" : "not begun"}`}
                data-state={state}
              >
                <img src={one.thumbnail_url} alt="" />
                {state !== "empty" && (
                  <span className={styles.mark} data-state={state}>
                    {state === "done" && <IconCheck size={11} />}
                  </span>
                )}
                {others[0] && (
                  <span className={styles.stripHere}>
                    <Avatar person={others[0]} size={20} />
                  </span>
                )}
              </Link>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}
