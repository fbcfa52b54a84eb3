/** Which picture is this, is everything kept, who else is here, and how is it shown? */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { Link } from "react-router";

import { keys, sessionQuery } from "../../api/queries";
import { ShareDialog } from "../sharing/ShareDialog";
import { useStudio, useStudioState } from "./context";
import { Segments } from "../../ui/Segments";
import * as data from "./data";
import { Icon } from "./icons";
import { Avatar } from "../../ui/Avatar";

const MODES = [
  { value: "picture", label: "Picture" },
  { value: "labels", label: "Labels" },
  { value: "overlay", label: "Overlay" },
  { value: "compare", label: "Before / after" },
  {
    value: "uncertainty",
    label: <span title="Where the parts are uncertain (U)">Uncertain</span>,
  },
] as const;

const PHONE_MODES = MODES.filter(({ value }) => value !== "labels" && value !== "compare");

export function ViewSwitch({ isPhone = false }: { isPhone?: boolean }) {
  const { session } = useStudio();
  const mode = useStudioState((state) => state.mode);
  return (
    <Segments
      label="View"
      options={isPhone ? PHONE_MODES : MODES}
      value={mode}
      onChange={(value) => session.look({ mode: value })}
    />
  );
}

export function TopBar({ onCloseLook }: { onCloseLook: (() => void) | null }) {
  const { image, family, user } = useStudio();
  return (
    <header className="st-top">
      <Link className="st-mark" to="/pictures" aria-label="Atelier, all pictures">
        <svg width="24" height="24" viewBox="0 0 24 24" aria-hidden="true">
          <rect width="24" height="24" rx="6" fill="var(--at-accent)" />
          <path
            d="m6.500 17.500 5.500-11 5.500 11M8.700 13.600h6.600"
            fill="none"
            stroke="var(--at-on-accent)"
            strokeWidth="2"
            strokeLinecap="round"
            strokeLinejoin="round"
          />
        </svg>
      </Link>
      <Link className="at-button st-back" data-quiet data-icon to="/pictures" aria-label="Back to pictures">
        <Icon name="back" />
      </Link>
      <div className="st-title">
        <PictureName />
        <p className="at-hint at-ellipsis">
          <span className="st-wide">{family.title}</span>
          <span className="st-narrow">
            <KeptWords />
          </span>
        </p>
      </div>
      <span className="st-wide">
        <KeptPill />
      </span>
      <div className="st-top-middle">
        <ViewSwitch />
      </div>
      <div className="st-top-end">
        <People />
        <ShareButton />
        {onCloseLook && image.inversion && (
          <button type="button" className="at-button" onClick={onCloseLook}>
            {image.inversion.is_unusual ? "Far from what it learned" : "How close is it?"}
          </button>
        )}
        {user && (
          <Link to="/account" className="st-wide" aria-label={`${user.initials}, ${user.name}, your account`}>
            <Avatar person={user} size={26} isNamed />
          </Link>
        )}
      </div>
    </header>
  );
}

/** For editors of the picture's team; guests share nothing on. */
function ShareButton() {
  const { image } = useStudio();
  const { data: session } = useQuery(sessionQuery);
  const [isOpen, setOpen] = useState(false);
  const role = session?.teams.find((team) => team.id === image.team_id)?.role;
  if (role !== "owner" && role !== "editor") return null;
  return (
    <>
      <button type="button" className="at-button st-wide" onClick={() => setOpen(true)}>
        Share
      </button>
      {isOpen && <ShareDialog image={image} onClose={() => setOpen(false)} />}
    </>
  );
}

function PictureName() {
  const { image, session } = useStudio();
  const client = useQueryClient();
  const [typed, setTyped] = useState<string | null>(null);
  const isDropped = useRef(false);
  const rename = useMutation({
    mutationFn: (name: string) => data.renamePicture(image.id, name),
    onSuccess: (changed) => client.setQueryData(keys.image(image.id), changed),
    onError: (error) => session.refuse(error),
  });
  if (typed === null) {
    return (
      <h1 className="st-name">
        <button
          type="button"
          className="at-ellipsis"
          title="Rename"
          aria-label={`Rename ${image.name}`}
          onClick={() => setTyped(image.name)}
        >
          {rename.isPending ? rename.variables : image.name}
        </button>
      </h1>
    );
  }
  const finish = () => {
    const name = typed.trim();
    if (!isDropped.current && name !== "" && name !== image.name) rename.mutate(name);
    isDropped.current = false;
    setTyped(null);
  };
  return (
    <input
      className="st-name-field"
      aria-label="Name of the picture"
      autoFocus
      value={typed}
      maxLength={120}
      onFocus={(event) => event.currentTarget.select()}
      onChange={(event) => setTyped(event.currentTarget.value)}
      onBlur={finish}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Escape") isDropped.current = true;
        if (event.key === "Enter" || event.key === "Escape") event.currentTarget.blur();
      }}
    />
  );
}

function KeptWords() {
  const [connection, numWaiting] = useStudioState((s) => [s.connection.state, s.numWaiting]);
  if (connection === "connecting") return "Connecting";
  if (numWaiting === 0) return "All strokes kept";
  return connection === "live" ? "Keeping strokes" : `${numWaiting} strokes wait here`;
}

function KeptPill() {
  const [isKept, isLive] = useStudioState((s) => [
    s.numWaiting === 0,
    s.connection.state === "live",
  ]);
  return (
    <span className="st-pill" data-waiting={!isKept || !isLive || undefined}>
      {isKept && isLive && <Icon name="check" size={16} />}
      <KeptWords />
    </span>
  );
}

function People() {
  const [people, userId] = useStudioState((state) => [state.people, state.userId]);
  const others = people.filter(({ user_id }) => user_id !== userId);
  if (others.length === 0) return null;
  return (
    <ul className="st-people" aria-label="People in this picture">
      {others.slice(0, 3).map((person) => (
        <li key={person.user_id}>
          <Avatar person={person} size={26} />
        </li>
      ))}
      {others.length > 3 && <li className="st-people-more">{others.length - 3}</li>}
    </ul>
  );
}
