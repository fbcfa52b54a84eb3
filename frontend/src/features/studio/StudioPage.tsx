/** The studio: paint on a picture, optimize, apply edit vectors, keep. */

import { useMediaQuery } from "@mantine/hooks";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";

import type { Family, Image, Revision, Session } from "../../api/client";
import { familiesQuery, imageQuery, keys, revisionsQuery, sessionQuery } from "../../api/queries";
import { ErrorNote } from "../../ui/ErrorNote";
import { StudioContext, useStudio, useStudioState } from "./context";
import { HistoryStrip } from "./HistoryStrip";
import { Icon } from "./icons";
import { OptimizeCard } from "./OptimizeCard";
import { PartsPanel, StudioChips } from "./PartsPanel";
import { PaintingSearch } from "./PaintingSearch";
import { PhoneSheet } from "./PhoneSheet";
import { Rail, ToolButtons } from "./Rail";
import { SaveVector } from "./SaveVector";
import { StudioSession, partsInOrder } from "./session";
import { type ShortcutHost, keyDown, keyUp } from "./shortcuts";
import { ShortcutSheet } from "./ShortcutSheet";
import { Stage } from "./Stage";
import { TopBar, ViewSwitch } from "./TopBar";
import { StackFoot, VectorStack } from "./VectorStack";
import { VectorPicker } from "./VectorPicker";
import "./studio.css";

export default function StudioPage() {
  const { imageId = "" } = useParams();
  const image = useQuery(imageQuery(imageId));
  const families = useQuery(familiesQuery);
  const session = useQuery(sessionQuery);
  const revisions = useQuery(revisionsQuery(imageId));
  const error = image.error ?? families.error ?? revisions.error;
  const family = families.data?.find(({ name }) => name === image.data?.bundle);

  useEffect(() => {
    if (image.data) document.title = `${image.data.name} · Atelier`;
  }, [image.data]);

  if (error && !image.data) {
    return (
      <main className="st-lost" data-at-theme="dark">
        <ErrorNote error={error} onRetry={() => void image.refetch()} />
        <Link className="at-button" to="/pictures">
          Back to pictures
        </Link>
      </main>
    );
  }
  if (!image.data || !family || !revisions.data || !session.data) {
    return <main className="st-root" data-at-theme="dark" aria-busy="true" />;
  }
  return (
    <OpenPicture
      key={imageId}
      image={image.data}
      family={family}
      revisions={revisions.data}
      user={session.data.user}
    />
  );
}

function OpenPicture({
  image,
  family,
  revisions,
  user,
}: {
  image: Image;
  family: Family;
  revisions: readonly Revision[];
  user: Session["user"];
}) {
  const client = useQueryClient();
  const [session] = useState(
    () =>
      new StudioSession(image.id, family, user?.id ?? null, {
        async findRevision(id) {
          const has = (list: readonly Revision[]) => list.find((each) => each.id === id) ?? null;
          const known = has(client.getQueryData<Revision[]>(keys.revisions(image.id)) ?? []);
          return (
            known ??
            has(await client.fetchQuery({ ...revisionsQuery(image.id), staleTime: 0 }))
          );
        },
        onPictureChanged: () =>
          void client.invalidateQueries({ queryKey: keys.image(image.id) }),
        onRevisionsChanged: () =>
          void client.invalidateQueries({ queryKey: keys.revisions(image.id) }),
      }),
  );
  useEffect(() => {
    session.start();
    return () => session.stop();
  }, [session]);
  const parts = useMemo(() => partsInOrder(family), [family]);
  const studio = useMemo(
    () => ({ session, image, family, parts, revisions, user }),
    [session, image, family, parts, revisions, user],
  );
  return (
    <StudioContext value={studio}>
      <Layout />
    </StudioContext>
  );
}

type Open = { readonly kind: "sheet" | "picker" } | { readonly kind: "save"; readonly id: string };

const LETTERS_KEY = "atelier.studio.letters";

function Layout() {
  const { session, image, parts, revisions } = useStudio();
  const isPhone = useMediaQuery("(max-width: 700px)", undefined, { getInitialValueInEffect: false });
  const navigate = useNavigate();
  const [open, setOpen] = useState<Open | null>(null);
  const [areLettersOn, setLettersOn] = useState(() => localStorage.getItem(LETTERS_KEY) !== "off");
  // In the address, so that the library can lead here and a reload stays here.
  const [search, setSearch] = useSearchParams();
  const isFinding = search.get("search") === "painting";
  const setFinding = (isOn: boolean) =>
    setSearch(isOn ? { search: "painting" } : {}, { replace: true });
  const onSaveVector = (id: string) => setOpen({ kind: "save", id });
  const saved = open?.kind === "save" ? revisions.find(({ id }) => id === open.id) : undefined;
  const onCloseLook = image.original_url
    ? () => void navigate(`/pictures/${image.id}/close-look`)
    : null;

  const walkRevisions = (step: 1 | -1) => {
    const at = revisions.findIndex(({ id }) => id === session.state.comparedId);
    const next = revisions[Math.max(0, at) + step];
    if (next) session.compareWith(next.is_head ? null : next.id);
  };
  const host = useRef<ShortcutHost | null>(null);
  useEffect(() => {
    host.current = {
      session,
      parts,
      areLettersOn,
      openSheet: () => setOpen({ kind: "sheet" }),
      openPicker: () => setOpen({ kind: "picker" }),
      findByPainting: () => setFinding(!isFinding),
      openSave: () => {
        const head = revisions.find(({ is_head }) => is_head);
        if (head?.parent_id) setOpen({ kind: "save", id: head.id });
        else session.refuse(new Error("There is no edit to save yet. Paint, then optimize."));
      },
      older: () => walkRevisions(1),
      newer: () => walkRevisions(-1),
    };
  });
  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    const onKeyDown = (event: KeyboardEvent) => {
      if (host.current && !event.defaultPrevented && keyDown(event, host.current)) {
        event.preventDefault();
      }
    };
    window.addEventListener("keydown", onKeyDown, { signal });
    window.addEventListener("keyup", (e) => host.current && keyUp(e, host.current), { signal });
    return () => stop.abort();
  }, []);

  return (
    <div
      className="st-root"
      data-at-theme="dark"
      data-phone={isPhone || undefined}
      data-finding={isFinding || undefined}
    >
      <TopBar onCloseLook={onCloseLook} />
      <Notices />
      {isPhone ? (
        <>
          <div className="st-phone-stage">
            <Stage isPhone onSaveVector={onSaveVector} />
            <div className="st-phone-switch">
              <ViewSwitch isPhone />
            </div>
          </div>
          <nav className="st-phone-tools" aria-label="Tools">
            <ToolButtons />
          </nav>
          <StudioChips />
          <PhoneSheet
            onAdd={() => setOpen({ kind: "picker" })}
            onSaveVector={onSaveVector}
            isFinding={isFinding}
            onFind={setFinding}
          />
        </>
      ) : (
        <>
          <Rail onHelp={() => setOpen({ kind: "sheet" })} />
          <PartsPanel />
          <Stage isPhone={false} onSaveVector={onSaveVector} />
          <div className="st-panel">
            <div className="st-panel-scroll" tabIndex={-1}>
              {isFinding && <PaintingSearch onClose={() => setFinding(false)} />}
              <OptimizeCard
                onSaveVector={onSaveVector}
                {...(isFinding ? {} : { onFind: () => setFinding(true) })}
              />
              <VectorStack onAdd={() => setOpen({ kind: "picker" })} />
            </div>
            <StackFoot />
          </div>
          <HistoryStrip />
        </>
      )}
      {open?.kind === "picker" && <VectorPicker onClose={() => setOpen(null)} />}
      {open?.kind === "sheet" && (
        <ShortcutSheet
          areLettersOn={areLettersOn}
          onLetters={(areOn) => {
            localStorage.setItem(LETTERS_KEY, areOn ? "on" : "off");
            setLettersOn(areOn);
          }}
          onClose={() => setOpen(null)}
        />
      )}
      {saved && <SaveVector revision={saved} onClose={() => setOpen(null)} />}
    </div>
  );
}

/** Bars under the top bar: no line, no right to edit, or a refusal. */
function Notices() {
  const { session, revisions } = useStudio();
  const [connection, numWaiting, mayEdit, refusal] = useStudioState((s) => [
    s.connection,
    s.numWaiting,
    s.mayEdit,
    s.refusal,
  ]);
  return (
    <div className="st-notices">
      {connection.state === "offline" && (
        <p className="st-bar" data-kind="warn">
          <Icon name="warn" size={16} />
          {numWaiting === 0
            ? "Offline. Strokes are kept here and will be sent."
            : `Offline. ${numWaiting} ${numWaiting === 1 ? "stroke is" : "strokes are"} kept here and will be sent.`}
        </p>
      )}
      {connection.state === "denied" && (
        <p className="st-bar" data-kind="danger">
          <Icon name="warn" size={16} />
          We cannot find this picture. The link may be old, or it was not shared with you.
        </p>
      )}
      {!mayEdit && (
        <p className="st-bar">
          <Icon name="eye" size={16} /> You may look and compare.
        </p>
      )}
      {revisions.some((each) => each.is_head && each.is_of_earlier_model) && (
        <p className="st-bar" data-kind="warn">
          <Icon name="warn" size={16} />
          This picture was made with an earlier model of its family and cannot be edited further.
          Download it and add it as a new picture to go on.
        </p>
      )}
      <div role="alert">
        {refusal && (
          <p className="st-bar" data-kind="danger">
            <Icon name="warn" size={16} />
            {refusal}
            <button type="button" className="at-link" onClick={() => session.dismissRefusal()}>
              Close
            </button>
          </p>
        )}
      </div>
    </div>
  );
}
