/** The bar on top of every screen but the studio's: four places, and the person. */

import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { Link, NavLink, Outlet, useLocation } from "react-router";

import { noticesQuery, sessionQuery } from "../api/queries";
import { IconBell, IconHistory, IconPeople, IconPicture, IconSearch, Mark } from "../ui/icons";
import { PersonMenu } from "./PersonMenu";
import "./shell.css";

const PLACES = [
  { to: "/pictures", label: "Pictures", Icon: IconPicture },
  { to: "/library", label: "Library", Icon: IconSearch },
  { to: "/activity", label: "Activity", Icon: IconHistory },
  { to: "/team", label: "Team", Icon: IconPeople },
] as const;

export function Shell() {
  const { data: session } = useQuery(sessionQuery);
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);
  const last = useRef(pathname);
  useEffect(() => {
    // A new page starts at its top, with the reader at its beginning.
    if (last.current === pathname) return;
    last.current = pathname;
    main.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [pathname]);
  const team = session?.teams.find((one) => one.id === session.team_id);
  return (
    <div className="at-shell">
      <a className="at-skip" href="#content">
        Skip to the content
      </a>
      <header className="at-bar">
        <Link to="/pictures" className="at-brand" aria-label="Atelier, to your pictures">
          <Mark />
          <span>Atelier</span>
        </Link>
        <nav aria-label="Places" className="at-places">
          {PLACES.map(({ to, label, Icon }) => (
            <NavLink key={to} to={to}>
              <Icon size={20} />
              <span>{label}</span>
            </NavLink>
          ))}
        </nav>
        <div className="at-bar-end">
          {team && (
            <Link to="/team" className="at-team-name">
              <IconPeople size={16} /> <span className="at-ellipsis">{team.name}</span>
            </Link>
          )}
          {session?.user && <Bell />}
          {session?.user && <PersonMenu person={session.user} />}
        </div>
      </header>
      <main id="content" ref={main} tabIndex={-1} className="at-content">
        <Outlet />
      </main>
    </div>
  );
}

/** Leads to the notices, and says how many are new. */
function Bell() {
  const { data } = useQuery(noticesQuery);
  const number = data?.num_unread ?? 0;
  return (
    <Link
      to="/notices"
      className="at-bell"
      aria-label={number > 0 ? `Notices, ${number} new` : "Notices"}
    >
      <IconBell size={20} />
      {number > 0 && <span aria-hidden>{number > 99 ? "99+" : number}</span>}
    </Link>
  );
}
